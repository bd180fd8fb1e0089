// SPDX-License-Identifier: MIT
#include "foil/adapters/torch_rescale.hpp"

#include <torch/csrc/autograd/autograd.h>

#include <string>
#include <utility>

#include "support/catch.hpp"

using Catch::Matchers::ContainsSubstring;
using foil::Bounds;
using foil::Lp;
using foil::libtorch::step_of_size;

namespace {

at::Tensor uniform(at::IntArrayRef shape, double low, double high, std::uint64_t seed) {
  torch::manual_seed(seed);
  return torch::rand(shape, at::kDouble) * (high - low) + low;
}

template <class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const foil::Error& error) {
    return error.what();
  }
  return "no foil::Error";
}

/// The largest difference between the gradient of a scalar function of one tensor and central differences.
template <class F>
double gradient_error(const at::Tensor& where, F&& function) {
  const at::Tensor leaf = where.clone().set_requires_grad(true);
  const at::Tensor gradient = torch::autograd::grad({function(leaf)}, {leaf})[0].reshape(-1);
  const at::NoGradGuard no_grad;
  const double h = 1e-6;
  double worst = 0;
  for (std::int64_t i = 0; i < where.numel(); ++i) {
    at::Tensor above = where.clone(), below = where.clone();
    above.view(-1)[i] += h;
    below.view(-1)[i] -= h;
    const double slope = ((function(above) - function(below)) / (2 * h)).template item<double>();
    worst = std::max(worst, std::abs(gradient[i].item<double>() - slope));
  }
  return worst;
}

}  // namespace

TEST_CASE("torch rescaling: steps have the size asked for, inside the bounds", "[adapters][torch]") {
  const at::Tensor x = uniform({5, 2, 3, 4}, 0.1, 0.9, 1), d = uniform({5, 2, 3, 4}, -1, 1, 2);
  for (const Lp norm : {Lp(foil::L1{}), Lp(foil::L2{}), Lp(foil::Linf{})}) {
    const at::Tensor epsilons = torch::tensor({0.0, 0.05, 0.1, 0.2, 0.3}, at::kDouble);
    const auto step = step_of_size(x, d, epsilons, {0, 1}, norm);
    CHECK(step.points.sizes() == x.sizes());
    CHECK(step.points.min().item<double>() >= 0);
    CHECK(step.points.max().item<double>() <= 1);
    CHECK(step.reached.all().item<bool>());
    const at::Tensor moved = (step.points - x).flatten(1);
    CHECK(at::allclose(moved.norm(norm.p, 1), epsilons, 1e-9, 1e-12));
    const at::Tensor clipped = (x.flatten(1) + step.eta.unsqueeze(1) * d.flatten(1)).clamp(0, 1);
    CHECK(at::allclose(clipped, step.points.flatten(1), 0, 1e-12));
  }
  const auto far = step_of_size(x, d, 1000.0);
  CHECK_FALSE(far.reached.any().item<bool>());
  CHECK(at::allclose(far.points, (d > 0).to(at::kDouble), 0, 1e-12));

  const auto single = step_of_size(x.to(at::kFloat), d.to(at::kFloat), 0.5);
  CHECK(single.points.scalar_type() == at::kFloat);
  CHECK(single.eta.scalar_type() == at::kFloat);
  CHECK(at::allclose(single.points.to(at::kDouble), step_of_size(x, d, 0.5).points, 0, 1e-6));
  // Memory of other layouts.
  CHECK(at::equal(step_of_size(x.transpose(1, 3).contiguous().transpose(1, 3), d, 0.5).points,
                  step_of_size(x, d, 0.5).points));
}

TEST_CASE("torch rescaling: derivatives are central differences", "[adapters][torch]") {
  // Per-feature bounds near the inputs, so that some entries are clipped and others are not.
  const at::Tensor x = uniform({3, 8}, 0.4, 0.6, 3), d = uniform({3, 8}, -1, 1, 4);
  const at::Tensor weights = uniform({3, 8}, -1, 1, 5), weight = uniform({3}, -1, 1, 6);
  Eigen::VectorXd lower = Eigen::VectorXd::Constant(8, 0.1), upper = Eigen::VectorXd::Constant(8, 0.9);
  upper.head(4).setConstant(0.65);
  lower.tail(3).setConstant(0.35);
  const Bounds<double> bounds(lower, upper);
  for (const auto& [norm, unit] :
       {std::pair(Lp(foil::L2{}), 1.0), std::pair(Lp(foil::L1{}), 2.5), std::pair(Lp(3), 0.9)}) {
    const at::Tensor epsilons = unit * torch::tensor({0.25, 0.3, 0.4}, at::kDouble);
    const auto use = [&, norm = norm](const at::Tensor& a, const at::Tensor& b, const at::Tensor& e) {
      const auto step = step_of_size(a, b, e, bounds, norm);
      return ((step.points * weights).sum() + (step.eta * weight).sum());
    };
    const auto step = step_of_size(x, d, epsilons, bounds, norm);
    REQUIRE(step.reached.all().item<bool>());
    const at::Tensor moved = (step.points - x).abs(), free = (step.eta.unsqueeze(1) * d).abs();
    const auto clipped = (moved < free - 1e-9).sum().item<std::int64_t>();
    CHECK((clipped > 0 && clipped < x.numel()));
    CHECK(gradient_error(x, [&](const at::Tensor& t) { return use(t, d, epsilons); }) < 1e-6);
    CHECK(gradient_error(d, [&](const at::Tensor& t) { return use(x, t, epsilons); }) < 1e-6);
    CHECK(gradient_error(epsilons, [&](const at::Tensor& t) { return use(x, d, t); }) < 1e-6);
    CHECK(gradient_error(torch::tensor(0.3 * unit, at::kDouble),
                         [&](const at::Tensor& t) { return use(x, d, t); }) < 1e-6);
  }
}

TEST_CASE("torch rescaling: in float, gradients reach what comes before", "[adapters][torch]") {
  const at::Tensor x = uniform({4, 6}, 0.2, 0.8, 7).to(at::kFloat);
  const at::Tensor scale = torch::ones({1}, torch::requires_grad());
  const at::Tensor direction = uniform({4, 6}, -1, 1, 8).to(at::kFloat);
  const auto step = step_of_size(x, scale * direction, 0.4);
  CHECK_FALSE(step.reached.requires_grad());
  (step.points * torch::arange(24).view({4, 6})).sum().backward();
  CHECK(scale.grad().abs().item<float>() < 1e-3f);  // the length of a direction does not matter
  const auto eta = step_of_size(x, scale * direction, 0.4).eta.sum();
  const at::Tensor slope = torch::autograd::grad({eta}, {scale})[0];
  CHECK(at::allclose(slope, -eta.detach().reshape(1), 1e-5));  // eta is inversely proportional to it
}

TEST_CASE("torch rescaling: what does not fit is refused", "[adapters][torch]") {
  const at::Tensor x = torch::full({2, 3}, 0.5);
  CHECK_THAT(error_of([&] { step_of_size(x, torch::ones({3, 2}), 0.1); }),
             ContainsSubstring("inputs of shape (2, 3) but directions of shape (3, 2)"));
  CHECK_THAT(error_of([&] { step_of_size(x, torch::ones({2, 3}, at::kDouble), 0.1); }),
             ContainsSubstring("of one type, Float or Double, got Float and Double"));
  CHECK_THAT(error_of([&] { step_of_size(x, x, torch::ones({3})); }),
             ContainsSubstring("one epsilon, or one for each of 2 samples, got shape (3)"));
  CHECK_THAT(error_of([&] { step_of_size(x, x, -1.0); }), ContainsSubstring("expected epsilon >= 0, got -1"));
  const at::Tensor leaf = x.clone().set_requires_grad(true);
  const at::Tensor points = step_of_size(x, leaf, 0.1).points.sum();
  CHECK_THAT(error_of([&] { torch::autograd::grad({points}, {leaf}, {}, true, /*create_graph=*/true); }),
             ContainsSubstring("can be differentiated once, not twice"));
}
