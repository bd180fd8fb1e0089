// SPDX-License-Identifier: MIT
#include "foil/models/grouped.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "foil/models/label_only.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using namespace foil;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using Input = Tensor<double, 2>;

const Categories three(7, {"two", "one", "rest"}, {{4, 0}, {2}, {1, 5, 6}});  // class 3 belongs to none

Input points(Index count = 6) {
  test::Random random(2);
  return test::random_batch<Input>(random, Input::Dimensions(count, 4));
}

/// What is gathered of the softmax, as it is said to be.
double gathered(const Eigen::VectorXd& z, const std::vector<int>& members, Gathered how) {
  double all = 0, sum = 0, most = 0;
  for (const double v : z) all += std::exp(v);
  for (const int k : members) {
    sum += std::exp(z[k]) / all;
    most = std::max(most, std::exp(z[k]) / all);
  }
  return how == Gathered::highest ? most
         : how == Gathered::sum   ? sum
                                  : sum / static_cast<double>(members.size());
}
}  // namespace

TEST_CASE("grouped: logits are those of what is gathered, but for a summand, and gradients are theirs",
          "[models]") {
  const test::Mlp<Input> model(4, 9, 7, 3);
  const Input x = points();
  const Logits<double> z = model.logits(x);
  for (const Gathered how : {Gathered::mean, Gathered::sum, Gathered::highest}) {
    const Grouped grouped(model, three, how);
    static_assert(DifferentiableModel<decltype(grouped)> && shareable<decltype(grouped)>);
    const auto pass = grouped.vjp(x);
    CHECK(pass.logits == grouped.logits(x));
    REQUIRE(pass.logits.cols() == 3);
    for (Index i = 0; i < samples(x); ++i) {
      const Eigen::VectorXd row = z.row(i);
      const double shared = pass.logits(i, 0) - std::log(gathered(row, three.members(0), how));
      for (Index k = 1; k < 3; ++k)
        CHECK(pass.logits(i, k) - std::log(gathered(row, three.members(k), how)) == Approx(shared));
    }
    for (Index k = 0; k < 3; ++k) {
      Logits<double> cotangent = Logits<double>::Zero(samples(x), 3);
      cotangent.col(k).setConstant(2);
      const Input gradient = pass.pullback(cotangent);
      for (Index j = 0; j < 4; ++j) {
        Input up = x, down = x;
        const double step = 1e-6;
        for (Index i = 0; i < samples(x); ++i) {
          up(i, j) += step;
          down(i, j) -= step;
        }
        const Eigen::VectorXd slope = (grouped.logits(up) - grouped.logits(down)).col(k) / (2 * step);
        for (Index i = 0; i < samples(x); ++i) CHECK(gradient(i, j) == Approx(2 * slope[i]).margin(1e-7));
      }
    }
    CHECK_THROWS_WITH(pass.pullback(Logits<double>::Zero(6, 7)), ContainsSubstring("a cotangent of 6 x 3"));
  }
}

TEST_CASE("grouped: large logits do not overflow, and what is not finite anywhere is no answer", "[models]") {
  const test::Mlp<Input> mlp(4, 9, 7, 3);
  test::Tampered model(mlp);
  model.answer = [](std::int64_t, const Input&, Logits<double>& z) {
    z *= 1e4;
    z(1, 3) = std::numeric_limits<double>::quiet_NaN();  // of a class in no category
    z(2, 0) = std::numeric_limits<double>::infinity();
  };
  const Grouped grouped(model, three);
  const Logits<double> z = grouped.logits(points());
  CHECK(z.row(0).allFinite());
  CHECK(z.row(1).hasNaN());
  const Labels said = foil::predict(grouped, points());
  CHECK(said[0] >= 0);
  CHECK(said[1] == -1);
  CHECK(said[2] == -1);
  CHECK(said[3] >= 0);
}

TEST_CASE("grouped: a label is its category's, or none", "[models]") {
  const test::Mlp<Input> model(4, 9, 7, 3);
  const LabelOnly labels(model);
  const Grouped grouped(labels, three);
  static_assert(!ScoreModel<decltype(grouped)>);
  const Input x = points(200);
  const Labels said = foil::predict(grouped, x), of = foil::predict(labels, x);
  Index none = 0;
  for (Index i = 0; i < 200; ++i) {
    CHECK(said[i] == (std::vector{0, 2, 1, -1, 0, 2, 2})[static_cast<std::size_t>(of[i])]);
    none += said[i] < 0;
  }
  CHECK(none > 0);
  CHECK(none < 200);
}

TEST_CASE("grouped: categories are checked, as is the number of classes", "[models]") {
  using Lists = std::vector<std::vector<int>>;
  CHECK(three.index("rest") == 2);
  CHECK(three.index("none") == -1);
  CHECK(three.of_class(3) == -1);
  CHECK(three.of_class(7) == -1);
  CHECK_THROWS_WITH(Categories(3, {"a"}, Lists{{1}}), ContainsSubstring("at least two"));
  CHECK_THROWS_WITH(Categories(3, {"a", "b"}, Lists{{1}}), ContainsSubstring("2 names and 1 lists"));
  CHECK_THROWS_WITH(Categories(3, {"a", "a"}, Lists{{1}, {2}}), ContainsSubstring("'a' is the name of two"));
  CHECK_THROWS_WITH(Categories(3, {"a", "b"}, Lists{{1}, {}}), ContainsSubstring("none in 'b'"));
  CHECK_THROWS_WITH(Categories(3, {"a", "b"}, Lists{{1}, {3}}), ContainsSubstring("below 3, got 3 in 'b'"));
  CHECK_THROWS_WITH(Categories(3, {"a", "b"}, Lists{{1}, {2, 1}}),
                    ContainsSubstring("class 1 belongs to 'b'"));
  const test::Mlp<Input> model(4, 9, 6, 3);
  CHECK_THROWS_WITH(Grouped(model, three).logits(points()), ContainsSubstring("7 classes, got 6"));
}
