// SPDX-License-Identifier: MIT
#include "foil/evaluation/result_bytes.hpp"

#include <string>

#include "foil/attacks/gradient/projected_gradient/projected_gradient.hpp"
#include "support/affine_problem.hpp"
#include "support/catch.hpp"

using namespace foil;
using namespace foil::test;

namespace {

using Rows = Tensor<float, 2>;

}  // namespace

TEST_CASE("a result comes back from its bytes as it was, to the bit") {
  const auto p = affine_problem<Rows>(3, 20, 9, 1);
  Result<Rows> result = LinfPGD()(p.model, p.inputs, p.labels, 0.1, {.trace = true});
  result.stages[4] = {{0, 3, 2}, {2, 7, 0}};  // as a suite's
  result.status[5] = Status::unstable;
  result.surplus_queries[3] = 5;
  result.changed_answers[8] = 1;
  result.parameters[2] = {0.1, -30, 1.0 / 3};
  const std::string bytes = to_bytes(result);
  const auto again = result_from<Rows>(bytes);
  CHECK(to_bytes(again) == bytes);
  CHECK(same_rows(again.adversarials, result.adversarials));
  CHECK((again.success == result.success).all());
  CHECK(again.distances == result.distances);
  CHECK(again.status == result.status);
  CHECK(again.queries == result.queries);
  CHECK(again.gradient_queries == result.gradient_queries);
  CHECK(again.verification_queries == result.verification_queries);
  CHECK(again.surplus_queries == result.surplus_queries);
  CHECK(again.changed_answers == result.changed_answers);
  CHECK(again.predictions == result.predictions);
  CHECK(again.traces == result.traces);
  CHECK(again.stages == result.stages);
  CHECK(again.parameters == result.parameters);
  CHECK(again.classes == 3);
  CHECK(result.traces[0].size() + result.traces[1].size() + result.traces[2].size() > 0);
}

TEST_CASE("bytes that are no result are refused, wherever they end") {
  const auto p = affine_problem<Rows>(3, 4, 2, 2);
  const std::string bytes = to_bytes(LinfPGD()(p.model, p.inputs, p.labels, 0.1));
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_THROWS_AS(result_from<Rows>(bytes.substr(0, size)), Error);
  using Images = Tensor<float, 4>;
  CHECK_THROWS_WITH(result_from<Images>(bytes), Catch::Matchers::ContainsSubstring("of the same inputs"));
}
