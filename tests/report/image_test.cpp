// SPDX-License-Identifier: MIT
#include "foil/report/image.hpp"

#include <vector>

#include "support/catch.hpp"

using namespace foil::report;
using Catch::Matchers::ContainsSubstring;
using Numbers = std::vector<float>;

TEST_CASE("image: what is neither gray nor in colour is shown by its mean", "[io][report]") {
  const ImageForm form{2, 1, 1, 0, 1};
  CHECK(picture_of(form, {0.2f, 0.6f}).pixel(0, 0)[1] == 102);
  const auto change = change_of(form, {0, 0}, {0.5f, 0.5f}, 2);
  CHECK(change.pixel(0, 0)[0] == 178);
  CHECK(change.pixel(0, 0)[2] == 43);
  CHECK(largest_change({0, 0.5f}, {0.25f, 0}) == 0.5);
  CHECK(largest_change({0, 0.5f}, {}) == 0);
}

TEST_CASE("image: a large one is made smaller by the means of squares, what is left at the edges included",
          "[io][report]") {
  ImageForm form{1, 3, 5, 0, 1};
  const Numbers values{1, 3, 2, 2, 9,  //
                       5, 7, 2, 2, 9,  //
                       0, 2, 4, 4, 6};
  CHECK(reduced(form, values, 5) == values);
  CHECK(form.width == 5);
  CHECK(reduced(form, values, 3) == Numbers{4, 2, 9, 1, 4, 6});
  CHECK(form.height == 2);
  CHECK(form.width == 3);
  CHECK_THROWS_WITH(reduced(form, values, 3), ContainsSubstring("expected 6 values, got 15"));
}
