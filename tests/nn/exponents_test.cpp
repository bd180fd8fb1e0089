// SPDX-License-Identifier: MIT
#include "foil/nn/exponents.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "foil/nn/operators/saturating.hpp"
#include "support/catch.hpp"
#include "support/onnx.hpp"
#include "support/onnx_builder.hpp"

namespace {

using foil::Index;
using foil::nn::Exponents;
using foil::nn::RowExponent;
using foil::test::Floats;
using foil::test::OnnxBuilder;
using foil::test::spread;
using Batch = foil::Tensor<float, 2>;
using Matrix = foil::Logits<float>;
using Network = foil::nn::Network<float, 2>;

Network network(const OnnxBuilder& file, bool stabilise = true, int threads = 1) {
  return foil::onnx::parse<float, 2>(file.bytes(), {.threads = threads, .stabilise = stabilise});
}

/// x times each of these numbers, from the first to the last.
OnnxBuilder chain(const Floats& factors) {
  OnnxBuilder file({-1, 2});
  std::string last = "x";
  for (std::size_t i = 0; i < factors.size(); ++i) {
    const std::string n = std::to_string(i), next = i + 1 == factors.size() ? "y" : "t" + n;
    file.constant("c" + n, {2}, {factors[i], 2 * factors[i]}).node("Mul", {last, "c" + n}, next);
    last = next;
  }
  return file;
}

Matrix pull(const Network& net, const Batch& x, const Matrix& g) {
  const Batch dx = net.vjp(x).pullback(g);
  return foil::as_matrix(dx);
}

Batch row(const Floats& values) {
  Batch x(1, static_cast<Index>(values.size()));
  std::copy(values.begin(), values.end(), x.data());
  return x;
}

Matrix ones(Index rows, Index cols) {
  return Matrix::Ones(rows, cols);
}

}  // namespace

TEST_CASE("exponents: rows are scaled by powers of two, and have none where nothing has a size",
          "[nn][exponents]") {
  const float nan = std::nanf(""), infinity = std::numeric_limits<float>::infinity();
  const std::vector<std::pair<Floats, Index>> rows{{{1.f, -3.f}, 1},
                                                   {{0.f, 1e-45f}, -149},
                                                   {{0.f, 0.f}, RowExponent::none},
                                                   {{1.f, nan}, RowExponent::none},
                                                   {{-infinity, 1.f}, RowExponent::none}};
  for (const auto& [values, exponent] : rows) CHECK(RowExponent::of(values.data(), 2) == exponent);
  Floats values{0x1.8p-140f, -0x1p-149f, 0.f};
  RowExponent::shift(values.data(), 3, 260);
  CHECK(values == Floats{0x1.8p120f, -0x1p111f, 0.f});
  RowExponent::shift(values.data(), 3, -1'000'000'000'000);
  CHECK(values == Floats{0.f, -0.f, 0.f});
}

TEST_CASE("exponents: sums are of what rows stand for, whichever is larger", "[nn][exponents]") {
  for (const Index gap : {-300, -3, 0, 3, 300}) {
    CAPTURE(gap);
    Exponents exponents(2, 3);
    exponents.at(1, 2) = gap;
    Floats adjoint{1.f, 4.f}, addend{8.f, 2.f};
    const Index added = 0;
    exponents.align(1, 2, 1, adjoint.data(), addend.data(), 2, &added);
    const auto power = static_cast<int>(exponents.at(1, 2));
    for (std::size_t i = 0; i < 2; ++i) {
      const double sum = std::ldexp(static_cast<double>(adjoint[i] + addend[i]), power);
      const double want = std::ldexp(i == 0 ? 1. : 4., static_cast<int>(gap)) + (i == 0 ? 8. : 2.);
      CHECK(sum == Catch::Approx(want).epsilon(1e-6));
    }
    CHECK(exponents.at(1, 1) == 0);
  }
}

TEST_CASE("exponents: a gradient that a product on its way would lose is the true one", "[nn][exponents]") {
  // Backward the small factors come first: 1e-60 is no single number, but the whole product is.
  const OnnxBuilder file = chain({1e20f, 1e20f, 1e20f, 1e-20f, 1e-20f, 1e-20f});
  const Batch x = row({0.5f, 0.25f});
  CHECK(pull(network(file, false), x, ones(1, 2)).isZero(0));
  const Matrix dx = pull(network(file), x, ones(1, 2));
  CHECK(dx(0, 0) == Catch::Approx(1).epsilon(1e-5));
  CHECK(dx(0, 1) == Catch::Approx(64).epsilon(1e-5));
}

TEST_CASE("exponents: what is too small as a whole keeps its direction and is linear in the cotangent",
          "[nn][exponents]") {
  const Network net = network(chain({1e-25f, 1e-25f, 1e-25f}));
  Batch x(2, 2);
  x.setConstant(0.5f);
  const auto vjp = net.vjp(x);
  const auto at = [&](float first, float second) {
    Matrix g(2, 2);
    g << first, second, 1.f, 1.f;
    const Batch dx = vjp.pullback(g);
    return Matrix(foil::as_matrix(dx));
  };
  const Matrix one = at(1, 0), two = at(0, 1), both = at(3, -5);
  CHECK(one(0, 0) > 0x1p-36f);
  CHECK(two(0, 1) / one(0, 0) == Catch::Approx(8).epsilon(1e-5));
  CHECK(both(0, 0) == Catch::Approx(3 * one(0, 0)).epsilon(1e-6));
  CHECK(both(0, 1) == Catch::Approx(-5 * two(0, 1)).epsilon(1e-6));
  // As a power of two times the true one, 1e-75.
  const double power = std::log2(static_cast<double>(one(0, 0))) + 75 * std::log2(10.);
  CHECK(power == Catch::Approx(std::round(power)).margin(1e-5));
  CHECK(at(0, 0).row(0).isZero(0));
}

TEST_CASE("exponents: saturated layers pull back what a product of logarithms says", "[nn][exponents]") {
  constexpr Index width = 5;
  OnnxBuilder file({-1, width});
  const Floats w1 = spread(width * width, -400, 400, 1), w2 = spread(width * width, -300, 300, 2),
               w3 = spread(3 * width, -1, 1, 3);
  file.constant("w1", {width, width}, w1).constant("w2", {width, width}, w2).constant("w3", {width, 3}, w3);
  file.node("MatMul", {"x", "w1"}, "a").node("Sigmoid", {"a"}, "s");
  file.node("MatMul", {"s", "w2"}, "b").node("Tanh", {"b"}, "t").node("MatMul", {"t", "w3"}, "y");
  const Floats input = spread(4 * width, 0, 1, 4);
  Batch x(4, width);
  std::copy(input.begin(), input.end(), x.data());
  Matrix g(4, 3);
  g << 1, -1, 0, 0, 1, -1, 1, 0, 0, -1, 0, 1;
  const Network net = network(file), plain = network(file, false);
  CHECK(net.logits(x) == plain.logits(x));
  CHECK(net.vjp(x).logits == plain.logits(x));
  const Matrix dx = pull(net, x, g);
  CHECK((pull(plain, x, g).array() == 0).rowwise().all().any());
  for (Index n = 0; n < 4; ++n) {
    CAPTURE(n);
    // Numbers of eleven bits more of exponent hold these products; z are as the engine has rounded them.
    std::vector<double> a(width), b(width), db(width), da(width), want(width);
    const auto w = [](const Floats& m, Index i, Index j, Index columns) {
      return static_cast<double>(m[static_cast<std::size_t>(i * columns + j)]);
    };
    const auto at = [](Index i) { return static_cast<std::size_t>(i); };
    for (Index j = 0; j < width; ++j)
      for (Index i = 0; i < width; ++i) a[at(j)] += static_cast<double>(x(n, i)) * w(w1, i, j, width);
    for (Index j = 0; j < width; ++j)
      for (Index i = 0; i < width; ++i) b[at(j)] += w(w2, i, j, width) / (1 + std::exp(-a[at(i)]));
    double most = 0;
    for (Index j = 0; j < width; ++j) {
      for (Index k = 0; k < 3; ++k) db[at(j)] += static_cast<double>(g(n, k)) * w(w3, j, k, 3);
      db[at(j)] *= foil::nn::tanh_slope(b[at(j)]);
    }
    for (Index i = 0; i < width; ++i) {
      for (Index j = 0; j < width; ++j) da[at(i)] += db[at(j)] * w(w2, i, j, width);
      da[at(i)] *= foil::nn::sigmoid_slope(a[at(i)]);
    }
    for (Index i = 0; i < width; ++i) {
      for (Index j = 0; j < width; ++j) want[at(i)] += da[at(j)] * w(w1, i, j, width);
      most = std::max(most, std::abs(want[at(i)]));
    }
    REQUIRE(most > 0);
    const double largest = static_cast<double>(dx.row(n).cwiseAbs().maxCoeff());
    CHECK(largest > 0x1p-40);
    // The rounding of z in single precision, some 1e-4, is a factor of all entries alike but for sums.
    for (Index i = 0; i < width; ++i)
      CHECK(static_cast<double>(dx(n, i)) / largest == Catch::Approx(want[at(i)] / most).margin(2e-3));
  }
}

TEST_CASE("exponents: paths of different sizes add up, and identical ones cancel", "[nn][exponents]") {
  // y = (f(300 x) + 2 f(310 x), x) for the sigmoid f, whose first gradient no single number holds.
  OnnxBuilder file({-1, 1});
  file.constant("a", {1}, {300.f}).constant("b", {1}, {310.f}).constant("two", {1}, {2.f});
  file.node("Mul", {"x", "a"}, "u").node("Sigmoid", {"u"}, "f");
  file.node("Mul", {"x", "b"}, "v").node("Sigmoid", {"v"}, "h").node("Mul", {"h", "two"}, "k");
  file.node("Add", {"f", "k"}, "s").node("Concat", {"s", "x"}, "y", {foil::test::attribute("axis", 1)});
  const Network net = network(file);
  Matrix first(1, 2), both(1, 2);
  first << 1, 0;
  both << 1, 1;
  // Beside the plain path the saturated ones are nothing.
  CHECK(pull(net, row({1.f}), both)(0, 0) == 1.f);
  // At 0.1 they are small, and true: 300 f'(30) + 620 f'(31).
  const double want = 300 * foil::nn::sigmoid_slope(30) + 620 * foil::nn::sigmoid_slope(31);
  CHECK(pull(net, row({0.1f}), first)(0, 0) == Catch::Approx(want).epsilon(1e-4));
  CHECK(pull(net, row({-0.1f}), first)(0, 0) == Catch::Approx(want).epsilon(1e-4));

  OnnxBuilder same({-1, 1});
  same.constant("a", {1}, {300.f});
  same.node("Mul", {"x", "a"}, "u").node("Sigmoid", {"u"}, "f").node("Neg", {"f"}, "m");
  same.node("Add", {"f", "m"}, "z").node("Concat", {"z", "f"}, "y", {foil::test::attribute("axis", 1)});
  CHECK(pull(network(same), row({1.f}), first)(0, 0) == 0);
}

TEST_CASE("exponents: a sample's gradient has the same bits in every batch and on several threads",
          "[nn][exponents]") {
  OnnxBuilder file({-1, 3});
  file.constant("w", {3, 40}, spread(120, -900, 900, 1)).constant("v", {40, 4}, spread(160, -1, 1, 2));
  file.node("MatMul", {"x", "w"}, "a").node("Sigmoid", {"a"}, "s").node("MatMul", {"s", "v"}, "y");
  const Floats input = spread(3 * 300, 0, 1, 3), weights = spread(4 * 300, -1, 1, 4);
  Batch x(300, 3);
  Matrix g(300, 4);
  std::copy(input.begin(), input.end(), x.data());
  std::copy(weights.begin(), weights.end(), g.data());
  const Network one = network(file), two = network(file, true, 2);
  const Matrix dx = pull(one, x, g);
  CHECK(dx == pull(two, x, g));
  for (const Index i : {0, 128, 299}) {
    Batch alone(1, 3);
    for (Index k = 0; k < 3; ++k) alone(0, k) = x(i, k);
    CHECK(pull(one, alone, g.row(i)) == dx.row(i));
  }
  CHECK_FALSE((dx.array() == 0).rowwise().all().any());
}

TEST_CASE("exponents: a network tells what its gradients are", "[nn][exponents]") {
  OnnxBuilder file({-1, 2});
  file.node("Tanh", {"x"}, "t").node("Neg", {"t"}, "y");
  const auto notes = [&](bool stabilise, bool surrogate) {
    const auto net =
        foil::onnx::parse<float, 2>(file.bytes(), {.stabilise = stabilise, .surrogate_slopes = surrogate});
    std::string all;
    for (const std::string& note : net.notes()) all += note + '\n';
    return all;
  };
  CHECK(notes(false, false).empty());
  CHECK(notes(true, false).find("power of two") != std::string::npos);
  CHECK(notes(true, false).find("BPDA") == std::string::npos);
  CHECK(notes(false, true).find("BPDA") != std::string::npos);
}
