// SPDX-License-Identifier: MIT
#include "foil/attacks/parts/soft_margin.hpp"

#include <cmath>

#include "support/affine_problem.hpp"
#include "support/catch.hpp"
#include "support/scripted.hpp"

using namespace foil;
using namespace foil::test;

namespace {

using Input = Tensor<double, 2>;

/// What is seen of a soft margin at the input, that share of the way.
struct Seen {
  double soft = 0, margin = 0;
  Eigen::VectorXd gradient{};
};

template <class C>
Seen look(const Affine<Input>& model, const C& criterion, double share,
          const SoftMarginOptions& options = {}) {
  Seen seen;
  const Scripted<L2> script([&](Oracle& oracle) -> Task<> {
    SoftMargin margin(oracle, options);
    Eigen::VectorXd x = oracle.original();
    const Objective objective = margin.at(share);
    const Answer& at = co_await oracle.gradient(x, objective);
    seen = {at.loss, margin.margin(at), at.gradient};
  });
  Input inputs(1, 4);
  inputs.setValues({{0.1, 0.5, 0.3, 0.2}});
  script(model, inputs, criterion);
  return seen;
}

/// Logits equal to the inputs.
Affine<Input> mirror(double scale = 1, double shift = 0) {
  return {scale * Eigen::MatrixXd::Identity(4, 4), Eigen::VectorXd::Constant(4, shift)};
}

}  // namespace

TEST_CASE("soft margin: all other classes have a say, the better ones more, and in the end only the best") {
  const Labels labels = Labels::Constant(1, 1), targets = Labels::Constant(1, 0);
  const Seen early = look(mirror(), labels, 0), late = look(mirror(), labels, 1, {.final_sharpness = 1e4});
  CHECK(early.margin == Catch::Approx(-0.2));
  CHECK(early.gradient[1] == Catch::Approx(-1));
  CHECK(early.gradient[2] > early.gradient[3]);
  CHECK(early.gradient[3] > early.gradient[0]);
  CHECK(early.gradient[0] > 0.01);
  CHECK(std::abs(early.gradient.sum()) < 1e-12);
  CHECK(late.soft == Catch::Approx(late.margin));
  CHECK((late.gradient - Eigen::Vector4d(0, -1, 1, 0)).norm() < 1e-9);
  const Seen target = look(mirror(), TargetedMisclassification(targets), 0);
  CHECK(target.margin == Catch::Approx(-0.4));
  CHECK(target.gradient[0] == Catch::Approx(1));
  CHECK(target.gradient[1] < target.gradient[2]);
}

TEST_CASE("soft margin: neither scale nor shift of the logits matters") {
  const Labels labels = Labels::Constant(1, 1);
  const Seen reference = look(mirror(), labels, 0.3);
  for (const double scale : {1e-6, 1e6}) {
    const Seen scaled = look(mirror(scale, 5 * scale), labels, 0.3);
    CHECK((scaled.gradient / scale - reference.gradient).norm() < 1e-9);
    CHECK(scaled.soft / scale == Catch::Approx(reference.soft).epsilon(1e-8));
  }
}

TEST_CASE(
    "soft margin: the plain one on request, where all logits are equal, and for criteria without classes") {
  const Labels labels = Labels::Constant(1, 1);
  const Seen plain = look(mirror(), labels, 0, {.sharpness = 0});
  CHECK((plain.gradient - Eigen::Vector4d(0, -1, 1, 0)).norm() < 1e-12);
  CHECK(plain.soft == plain.margin);
  const Seen lead = look(mirror(), MarginAbove(labels, 0.3), 0);
  CHECK(lead.margin == Catch::Approx(-0.5));
  CHECK(look(mirror(), TargetedMarginAbove(labels, 0.3), 0).margin == Catch::Approx(-0.1));
  const Seen best = look(mirror(), TopKMisclassification(labels, 2), 0);
  CHECK((best.gradient - Eigen::Vector4d(0, -1, 0, 1)).norm() < 1e-12);
  CHECK(best.margin == Catch::Approx(-0.3));
  const Seen flat = look({Eigen::MatrixXd::Zero(4, 4), Eigen::VectorXd::Zero(4)}, labels, 0);
  CHECK(flat.margin == 0);
  CHECK(flat.gradient == Eigen::VectorXd::Zero(4));
}
