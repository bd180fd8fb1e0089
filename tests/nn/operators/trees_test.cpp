// SPDX-License-Identifier: MIT
#include "foil/nn/operators/trees.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "support/catch.hpp"

namespace {

using foil::Index;
using foil::nn::Aggregate;
using foil::nn::Forest;
using foil::nn::Trees;

constexpr float missing = std::numeric_limits<float>::quiet_NaN();

/// x0 <= 1 ? (x1 <= -2 ? leaf 0 : leaf 1) : leaf 2, and a tree that is nothing but leaf 3. Missing values of
/// feature 0 go the way of yes.
Forest forest() {
  return {.nodes = {{1.f, ~0, 1, ~2}, {-2.f, 1, ~0, ~1}},
          .roots = {0, ~3},
          .leaves = {0, 1, 2, 4, 5},
          .weights = {{0, 1.f}, {1, 2.f}, {0, 4.f}, {1, 8.f}, {0, 16.f}}};
}

std::vector<float> answers(const Forest& f, const std::vector<float>& x, Index outputs = 2) {
  const Trees<float> trees(2, outputs, f);
  const Index batch = static_cast<Index>(x.size()) / 2;
  std::vector<float> y(static_cast<std::size_t>(batch * outputs));
  const float* const in = x.data();
  trees.forward(batch, &in, y.data(), nullptr);
  return y;
}

using Numbers = std::vector<float>;

}  // namespace

TEST_CASE("trees: a threshold belongs to yes, and leaves add to their outputs") {
  REQUIRE(answers(forest(), {1, -2}) == Numbers{17, 0});
  REQUIRE(answers(forest(), {1, -1}) == Numbers{16, 2});
  REQUIRE(answers(forest(), {std::nextafter(1.f, 2.f), -5}) == Numbers{20, 8});
  REQUIRE(answers(forest(), {-5, std::nextafter(-2.f, 0.f)}) == Numbers{16, 2});
}

TEST_CASE("trees: a missing value goes where its node says") {
  REQUIRE(answers(forest(), {missing, -3}) == Numbers{17, 0});
  REQUIRE(answers(forest(), {missing, missing}) == Numbers{16, 2});
  Forest f = forest();
  f.nodes[0].feature = 0;
  REQUIRE(answers(f, {missing, -3}) == Numbers{20, 8});
}

TEST_CASE("trees: the answers of the trees become one as asked for, and base values come last") {
  Forest f = forest();
  f.base = {100, 200};
  REQUIRE(answers(f, {0, 0}) == Numbers{116, 202});
  f.aggregate = Aggregate::average;
  REQUIRE(answers(f, {0, 0}) == Numbers{108, 201});
  f.aggregate = Aggregate::min;
  REQUIRE(answers(f, {2, 0}) == Numbers{104, 208});
  f.aggregate = Aggregate::max;
  REQUIRE(answers(f, {2, 0}) == Numbers{116, 208});
  REQUIRE(answers(f, {0, -3}) == Numbers{116, 200});  // no leaf adds to output 1
}

TEST_CASE("trees: a sample's answer does not depend on where in the batch it is") {
  Numbers many, expected;
  for (int i = 0; i < 70; ++i) {
    const Numbers x{static_cast<float>(i % 3), static_cast<float>(-(i % 5))}, y = answers(forest(), x);
    many.insert(many.end(), x.begin(), x.end());
    expected.insert(expected.end(), y.begin(), y.end());
  }
  REQUIRE(answers(forest(), many) == expected);
}

TEST_CASE("trees: in double the comparisons stay those of single precision") {
  const Trees<double> trees(2, 2, forest());
  const std::vector<double> x{1 + 1e-12, -2};
  std::vector<double> y(2);
  const double* const in = x.data();
  trees.forward(1, &in, y.data(), nullptr);
  REQUIRE(y == std::vector<double>{17, 0});
}

TEST_CASE("trees: indices out of range and ways without an end are refused") {
  const auto refused = [](auto&& spoil) {
    Forest f = forest();
    spoil(f);
    REQUIRE_THROWS_AS(Trees<float>(2, 2, f), foil::Error);
  };
  refused([](Forest& f) { f.nodes[1].feature = 2; });
  refused([](Forest& f) { f.nodes[1].feature = ~2; });
  refused([](Forest& f) { f.nodes[1].yes = ~4; });
  refused([](Forest& f) { f.nodes[1].no = 2; });
  refused([](Forest& f) { f.nodes[1].no = 0; });
  refused([](Forest& f) { f.nodes[1].no = 1; });
  refused([](Forest& f) { f.roots[1] = 2; });
  refused([](Forest& f) { f.weights[0].output = 2; });
  refused([](Forest& f) { f.weights[0].output = -1; });
  refused([](Forest& f) { f.leaves = {0, 2, 1, 4, 5}; });
  refused([](Forest& f) { f.leaves.back() = 6; });
  refused([](Forest& f) { f.base = {1}; });
}
