// SPDX-License-Identifier: MIT
#include "foil/nn/operators/support_vectors.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "support/catch.hpp"

namespace {

using foil::Index;
using foil::nn::MachineAnswer;
using foil::nn::Machines;
using foil::nn::MachineTable;
using foil::nn::Similarity;

/// Three classes with 1, 2 and 1 vectors of two features.
MachineTable table(Similarity similarity) {
  return {.similarity = similarity,
          .gamma = 0.5f,
          .offset = 0.25f,
          .degree = 3,
          .vectors = {1, 0, 0, 1, -1, 1, 2, 2},
          .of_class = {1, 2, 1},
          .coefficients = {1, 2, 3, 4, 5, 6, 7, 8},
          .constants = {0.1f, 0.2f, 0.3f},
          .slopes = {-1, -2, -0.5f},
          .shifts = {0.1f, 0, -0.1f}};
}

template <class T>
std::vector<T> answers(Index features, MachineAnswer answer, const MachineTable& t, const std::vector<T>& x) {
  const Machines<T> machines(features, answer, t);
  const Index batch = static_cast<Index>(x.size()) / features;
  std::vector<T> y(static_cast<std::size_t>(batch * machines.outputs()));
  std::vector<T> scratch(static_cast<std::size_t>(machines.scratch()));
  const T* const in = x.data();
  machines.forward(batch, &in, y.data(), scratch.data());
  return y;
}

using Numbers = std::vector<double>;

/// What is added up in the cases below, for x = (1, 2).
Numbers pairs(double (*alike)(double dot, double square)) {
  const Numbers k{alike(1, 4), alike(2, 2), alike(1, 5), alike(6, 1)};
  // 01: row 0 of class 0, row 0 of class 1. 02: row 1 of class 0, row 0 of class 2. 12: row 1 of both.
  return {1 * k[0] + 2 * k[1] + 3 * k[2] + double{0.1f}, 5 * k[0] + 4 * k[3] + double{0.2f},
          6 * k[1] + 7 * k[2] + 8 * k[3] + double{0.3f}};
}

void same(const Numbers& a, const Numbers& b, double within = 1e-12) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) REQUIRE(a[i] == Catch::Approx(b[i]).epsilon(within));
}

}  // namespace

TEST_CASE("support vectors: each pair's machine adds its classes' vectors by how alike they are") {
  const Numbers x{1, 2};
  const auto of = [&](Similarity s) { return answers<double>(2, MachineAnswer::pairs, table(s), x); };
  same(of(Similarity::linear), pairs([](double dot, double) { return dot; }));
  same(of(Similarity::polynomial), pairs([](double dot, double) { return std::pow(0.5 * dot + 0.25, 3); }));
  same(of(Similarity::radial), pairs([](double, double square) { return std::exp(-0.5 * square); }));
  same(of(Similarity::sigmoid), pairs([](double dot, double) { return std::tanh(0.5 * dot + 0.25); }));
}

TEST_CASE("support vectors: a single machine's sum") {
  MachineTable t = table(Similarity::linear);
  t.of_class.clear();
  t.coefficients = {1, 2, 3, 4};
  same(answers<double>(2, MachineAnswer::sum, t, {1, 2}), {1 + 2 * 2 + 3 * 1 + 4 * 6 + double{0.1f}});
}

TEST_CASE("support vectors: of classes with as many votes the first one wins, and sums only order the rest") {
  MachineTable t = table(Similarity::linear);
  t.vectors = {1, 1, 1, 1};  // one feature, whose value is how alike all are: the constants decide
  const auto votes = [&](float first, float second, float third) {
    t.constants = {first, second, third};
    return answers<double>(1, MachineAnswer::votes, t, {0});
  };
  const auto best = [](const Numbers& y) { return std::max_element(y.begin(), y.end()) - y.begin(); };
  REQUIRE(best(votes(1, 1, 1)) == 0);
  REQUIRE(best(votes(-1, 1, 1)) == 1);
  REQUIRE(best(votes(1, -1, -1)) == 2);
  REQUIRE(best(votes(0, 1, 1)) == 1);      // a sum of 0 is the second one's
  REQUIRE(best(votes(0.1f, -9, 9)) == 0);  // one vote each, however large the sums
  REQUIRE(votes(2, 1, 1)[0] > votes(1, 1, 1)[0]);
  const Numbers y = votes(1e6f, 1e6f, -1e6f);  // votes 2, 0, 1
  REQUIRE(y[0] >= 2);
  REQUIRE(y[0] < 3);
  REQUIRE(y[2] >= 1);
  REQUIRE(y[2] < 2);
}

TEST_CASE("support vectors: probabilities of two classes are those of their pair, nearly") {
  MachineTable t = table(Similarity::linear);
  t.vectors = {1, 1};
  t.of_class = {1, 1};
  t.coefficients = {0, 0};
  t.constants = {0.75f};
  const Numbers p = answers<double>(1, MachineAnswer::probabilities, t, {0});
  const double expected = 1 / (1 + std::exp(-0.75 + double{0.1f}));
  REQUIRE(p[0] == Catch::Approx(expected).margin(5e-3));  // the tolerance that is usual
  REQUIRE(p[0] + p[1] == Catch::Approx(1));
}

TEST_CASE("support vectors: probabilities of three classes minimise what they are defined by") {
  const Numbers x{0.1, -0.2};
  MachineTable t = table(Similarity::radial);
  for (float& c : t.coefficients) c *= 0.1f;
  const Numbers sums = answers<double>(2, MachineAnswer::pairs, t, x);
  const Numbers p = answers<double>(2, MachineAnswer::probabilities, t, x);
  REQUIRE(p[0] + p[1] + p[2] == Catch::Approx(1));
  const auto objective = [&](const Numbers& at) {
    double sum = 0;
    for (std::size_t i = 0, pair = 0; i < 3; ++i)
      for (std::size_t j = i + 1; j < 3; ++j, ++pair) {
        const double r = 1 / (1 + std::exp(double{t.slopes[pair]} * sums[pair] + double{t.shifts[pair]}));
        sum += std::pow((1 - r) * at[i] - r * at[j], 2);
      }
    return sum;
  };
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j) {
      if (i == j) continue;
      Numbers q = p;
      q[i] += 0.01;
      q[j] -= 0.01;
      REQUIRE(objective(q) > objective(p));
    }
}

TEST_CASE("support vectors: more vectors than a register holds, and every place in a batch") {
  std::vector<float> x, expected;
  MachineTable t = table(Similarity::radial);
  t.vectors.clear();
  for (int i = 0; i < 2 * 37; ++i) t.vectors.push_back(std::sin(static_cast<float>(i)));
  t.of_class = {10, 20, 7};
  t.coefficients.assign(2 * 37, 0.f);
  for (std::size_t i = 0; i < t.coefficients.size(); ++i) t.coefficients[i] = std::cos(static_cast<float>(i));
  for (int i = 0; i < 5; ++i) {
    const std::vector<float> one{0.1f * static_cast<float>(i), 0.3f};
    const auto y = answers<float>(2, MachineAnswer::probabilities, t, one);
    x.insert(x.end(), one.begin(), one.end());
    expected.insert(expected.end(), y.begin(), y.end());
  }
  REQUIRE(answers<float>(2, MachineAnswer::probabilities, t, x) == expected);
  double sum = double{t.constants[0]};
  for (std::size_t v = 0; v < 30; ++v) {
    const double a = double{t.vectors[2 * v]} - 0.5, b = double{t.vectors[2 * v + 1]} - 0.25;
    sum += double{t.coefficients[v]} * std::exp(-0.5 * (a * a + b * b));
  }
  REQUIRE(answers<float>(2, MachineAnswer::pairs, t, {0.5f, 0.25f})[0] == Catch::Approx(sum).margin(1e-5));
}

TEST_CASE("support vectors: numbers that do not fit each other are refused") {
  const auto refused = [](auto&& spoil) {
    MachineTable t = table(Similarity::linear);
    spoil(t);
    REQUIRE_THROWS_AS(Machines<float>(2, MachineAnswer::probabilities, t), foil::Error);
  };
  refused([](MachineTable& t) { t.vectors.pop_back(); });
  refused([](MachineTable& t) { t.vectors.clear(); });
  refused([](MachineTable& t) { t.of_class = {4}; });
  refused([](MachineTable& t) { t.of_class = {1, 2, 2}; });
  refused([](MachineTable& t) { t.of_class = {5, -2, 1}; });
  refused([](MachineTable& t) { t.of_class = {1, 1, 1}; });
  refused([](MachineTable& t) { t.coefficients.pop_back(); });
  refused([](MachineTable& t) { t.constants.pop_back(); });
  refused([](MachineTable& t) { t.slopes.pop_back(); });
  refused([](MachineTable& t) { t.shifts.pop_back(); });
}
