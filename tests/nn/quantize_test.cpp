// SPDX-License-Identifier: MIT
#include "foil/nn/operators/quantize.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "foil/nn/operators/dynamic_quantize.hpp"
#include "foil/nn/operators/elementwise.hpp"
#include "support/catch.hpp"

namespace {

using foil::Index;
using foil::nn::Lattice;

std::vector<double> numbers(Index count, double reach) {
  std::vector<double> out;
  for (Index i = 0; i < count; ++i) out.push_back(reach * (static_cast<double>(i * 37 % 101) / 50 - 1));
  return out;
}

template <class T>
struct Passes {
  std::vector<T> plain, output, gradient;
  Passes(const foil::nn::Operator<T>& op, Index batch, const std::vector<T>& x, const std::vector<T>& g) {
    plain.assign(x.size(), T(-7));
    output = gradient = plain;
    std::vector<std::byte> kept(static_cast<std::size_t>(batch * op.kept_bytes()));
    REQUIRE(kept.size() == x.size());
    const T* const from = x.data();
    op.forward(batch, &from, plain.data(), nullptr);
    op.forward_keeping(batch, &from, output.data(), kept.data(), nullptr);
    T* const to = gradient.data();
    op.backward_from(batch, kept.data(), g.data(), &to, nullptr);
  }
};

}  // namespace

TEMPLATE_TEST_CASE("nn: quantising rounds to the lattice and pulls back inside of it", "[nn]", float,
                   double) {
  using T = TestType;
  struct Shape {
    Index outer, length, inner;
  };
  for (const Shape s : {Shape{1, 1, 37}, {3, 5, 1}, {2, 35, 1}, {2, 3, 7}, {1, 2, 33}}) {
    CAPTURE(s.outer, s.length, s.inner);
    std::vector<Lattice<T>> lattices;
    for (Index c = 0; c < s.length; ++c)
      lattices.push_back(
          {T(0.25) * static_cast<T>(c % 3 + 1), static_cast<T>(-c % 4 - 1), T(2) + static_cast<T>(c % 5)});
    const Index size = s.outer * s.length * s.inner, batch = 2;
    std::vector<T> x, g;
    for (const double v : numbers(batch * size, 2.6)) x.push_back(static_cast<T>(v));
    for (const double v : numbers(batch * size, 1)) g.push_back(static_cast<T>(v + 0.01));
    const foil::nn::QuantizeAlong<T> op(s.outer, s.inner, lattices);
    const Passes<T> passes(op, batch, x, g);
    CHECK(passes.plain == passes.output);
    int cut = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const auto c = i / static_cast<std::size_t>(s.inner) % static_cast<std::size_t>(s.length);
      const Lattice<T>& l = lattices[c];
      const T k = std::nearbyint(x[i] / l.scale);
      CAPTURE(i, x[i]);
      REQUIRE(passes.output[i] == std::clamp(k, l.low, l.high) * l.scale);
      const bool inside = k >= l.low && k <= l.high;
      REQUIRE(passes.gradient[i] == (inside ? g[i] : T(0)));
      cut += inside ? 0 : 1;
    }
    CHECK(cut > 0);
    if (s.length != 1) continue;
    const Passes<T> one(
        foil::nn::Elementwise<T, foil::nn::Quantize<T>>(size, foil::nn::Quantize<T>(lattices[0])), batch, x,
        g);
    CHECK(one.plain == passes.output);
    CHECK(one.gradient == passes.gradient);
  }
}

TEST_CASE("nn: quantising takes the even one of two points, and what is far or no number stays so", "[nn]") {
  const foil::nn::Elementwise<float, foil::nn::Quantize<float>> op(
      6, foil::nn::Quantize<float>(Lattice<float>{0.5f, -4, 4}));
  const float infinite = std::numeric_limits<float>::infinity();
  const std::vector<float> x{0.25f,    0.75f,     -0.75f,
                             infinite, -infinite, std::numeric_limits<float>::quiet_NaN()};
  const Passes<float> passes(op, 1, x, std::vector<float>(6, 1.f));
  CHECK(std::vector<float>(passes.output.begin(), passes.output.end() - 1) ==
        std::vector<float>{0, 1, -1, 2, -2});
  CHECK(std::isnan(passes.output[5]));
  CHECK(std::vector<float>(passes.gradient.begin(), passes.gradient.end() - 1) ==
        std::vector<float>{1, 1, 1, 0, 0});
}

TEMPLATE_TEST_CASE("nn: each sample is quantised by its own range, which holds zero", "[nn]", float, double) {
  using T = TestType;
  using foil::nn::RangePart;
  constexpr Index size = 19, batch = 4;
  std::vector<T> x;
  for (Index i = 0; i < batch * size; ++i) {  // both signs, one of each, and nothing but zeros
    const T v = static_cast<T>(i * 37 % 101) / T(50) - 1;
    const Index row = i / size;
    x.push_back(row == 0 ? v : row == 1 ? std::abs(v) + 1 : row == 2 ? -std::abs(v) - 1 : T(0));
  }
  std::vector<T> scale(batch), zero(batch), y(x.size()), g(x.size(), T(3)), dx(x.size(), T(-7));
  const T* const from = x.data();
  foil::nn::DynamicRange<T>(size, RangePart::scale).forward(batch, &from, scale.data(), nullptr);
  foil::nn::DynamicRange<T>(size, RangePart::zero).forward(batch, &from, zero.data(), nullptr);
  const foil::nn::DynamicQuantize<T> op(size);
  const T* const inputs[] = {x.data(), scale.data(), zero.data()};
  op.forward(batch, inputs, y.data(), nullptr);
  std::vector<T> none(batch, T(-7)), neither(batch, T(-7));
  T* const gradients[] = {dx.data(), none.data(), neither.data()};
  op.backward(batch, inputs, nullptr, g.data(), gradients, nullptr);
  for (std::size_t row = 0; row < batch; ++row) {
    CAPTURE(row);
    CHECK(zero[row] == std::vector<T>{zero[0], 0, 255, 0}[row]);
    CHECK((none[row] == 0 && neither[row] == 0));
    T least = 255, most = 0;
    for (std::size_t i = row * size; i < (row + 1) * size; ++i) {
      const T k = std::nearbyint(x[i] / scale[row]) + zero[row];
      REQUIRE(y[i] == std::clamp(k, T(0), T(255)));
      REQUIRE(std::abs((y[i] - zero[row]) * scale[row] - x[i]) <= scale[row]);
      REQUIRE(dx[i] == T(3) / scale[row]);
      least = std::min(least, y[i]);
      most = std::max(most, y[i]);
    }
    if (row == 0 || row == 2) CHECK(least == 0);
    if (row == 0 || row == 1) CHECK(most == 255);
  }
  CHECK((zero[0] > 0 && zero[0] < 255));
  CHECK(scale[3] == 1);
}
