// SPDX-License-Identifier: MIT
/// \file
/// Checks of single operators of the engine: their pullback against differences, and samples kept apart.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "foil/nn/memory.hpp"
#include "foil/nn/operator.hpp"
#include "support/catch.hpp"

namespace foil::test {

/// An operator with the sizes of a sample of its inputs and of its output.
template <class T>
struct OperatorCheck {
  const nn::Operator<T>& op;
  std::vector<Index> inputs;
  Index output;
  /// Elements of the output come in records of which others read the first `read` only, if that is not 0.
  Index record = 1, read = 0;

  /// What `batch` samples give, from inputs that are spread over [low, high).
  std::vector<T> forward(Index batch, const std::vector<std::vector<T>>& x) const {
    std::vector<T> y(static_cast<std::size_t>(batch * output), std::numeric_limits<T>::quiet_NaN());
    nn::Buffer<T> scratch(std::max<Index>(op.scratch(), 1));
    std::fill_n(scratch.data(), scratch.size(), std::numeric_limits<T>::quiet_NaN());
    std::vector<const T*> at;
    for (const auto& input : x) at.push_back(input.data());
    op.forward(batch, at.data(), y.data(), scratch.data());
    return y;
  }

  /// The pullback of `g`. Inputs and output are only shown to operators that ask for them.
  std::vector<std::vector<T>> backward(Index batch, const std::vector<std::vector<T>>& x,
                                       const std::vector<T>& g) const {
    const std::vector<T> y = forward(batch, x);
    std::vector<std::vector<T>> dx;
    for (const auto& input : x) dx.emplace_back(input.size(), std::numeric_limits<T>::quiet_NaN());
    nn::Buffer<T> scratch(std::max<Index>(op.scratch(), 1));
    std::fill_n(scratch.data(), scratch.size(), std::numeric_limits<T>::quiet_NaN());
    std::vector<const T*> at;
    std::vector<T*> to;
    for (const auto& input : x) at.push_back(op.needs_inputs() ? input.data() : nullptr);
    for (auto& gradient : dx) to.push_back(gradient.data());
    op.backward(batch, at.data(), op.needs_output() ? y.data() : nullptr, g.data(), to.data(),
                scratch.data());
    return dx;
  }

  /// Repeatable inputs of `batch` samples.
  std::vector<std::vector<T>> make(Index batch, double low = -1, double high = 1) const {
    std::vector<std::vector<T>> x;
    for (const Index size : inputs) x.push_back(numbers(batch * size, low, high, x.size() + 1));
    return x;
  }

  static std::vector<T> numbers(Index count, double low, double high, std::size_t seed) {
    std::vector<T> out;
    auto state = static_cast<std::uint64_t>(seed * 7919 + 17);
    for (Index i = 0; i < count; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      out.push_back(static_cast<T>(low + (high - low) * static_cast<double>(state >> 11) * 0x1p-53));
    }
    return out;
  }

  std::vector<T> cotangent(Index batch) const {
    std::vector<T> g = numbers(batch * output, -1, 1, 99);
    for (std::size_t i = 0; i < g.size(); ++i)
      if (read > 0 && static_cast<Index>(i) % record >= read) g[i] = T(0);
    return g;
  }

  /// Central differences along every element of every input, of one sample.
  void check_pullback(double low = -1, double high = 1, double tolerance = 1e-7) const {
    auto x = make(1, low, high);
    const std::vector<T> g = cotangent(1);
    const auto dx = backward(1, x, g);
    const T step = T(1e-5);
    for (std::size_t i = 0; i < x.size(); ++i)
      for (std::size_t k = 0; k < x[i].size(); ++k) {
        const T at = x[i][k];
        x[i][k] = at + step;
        const std::vector<T> above = forward(1, x);
        x[i][k] = at - step;
        const std::vector<T> below = forward(1, x);
        x[i][k] = at;
        double slope = 0;
        for (std::size_t o = 0; o < g.size(); ++o)
          slope += static_cast<double>(g[o]) * static_cast<double>(above[o] - below[o]) /
                   (2 * static_cast<double>(step));
        CAPTURE(i, k);
        REQUIRE(static_cast<double>(dx[i][k]) == Catch::Approx(slope).epsilon(tolerance).margin(tolerance));
      }
  }

  /// Every sample of a batch has the bits that it has alone, forward and backward.
  void check_samples_apart(Index batch = 5, double low = -1, double high = 1) const {
    const auto x = make(batch, low, high);
    const std::vector<T> g = cotangent(batch);
    const std::vector<T> y = forward(batch, x);
    const auto dx = backward(batch, x, g);
    const auto part = [](const std::vector<T>& all, Index n, Index size) {
      return std::vector<T>(all.begin() + n * size, all.begin() + (n + 1) * size);
    };
    for (Index n = 0; n < batch; ++n) {
      std::vector<std::vector<T>> alone;
      for (std::size_t i = 0; i < x.size(); ++i) alone.push_back(part(x[i], n, inputs[i]));
      CAPTURE(n);
      REQUIRE(forward(1, alone) == part(y, n, output));
      const auto gradients = backward(1, alone, part(g, n, output));
      for (std::size_t i = 0; i < x.size(); ++i) REQUIRE(gradients[i] == part(dx[i], n, inputs[i]));
    }
    check_shares(batch, x, g, y, dx);
  }

  /// Shares of a call, whichever comes first, give what the call gives, in place as well if that is allowed.
  void check_shares(Index batch, const std::vector<std::vector<T>>& x, const std::vector<T>& g,
                    const std::vector<T>& y, const std::vector<std::vector<T>>& dx) const {
    const nn::Divisible<T>* const divisible = op.divisible();
    if (divisible == nullptr || op.kept_bytes() > 0) return;
    nn::Buffer<T> scratch(std::max<Index>(op.scratch(), 1));
    for (const Index count : {2, 3, 7})
      for (const bool backwards : {false, true}) {
        std::vector<T> out(y.size()), cotangent = g;
        std::vector<std::vector<T>> pulled = dx;
        std::vector<const T*> at, kept;
        std::vector<T*> to;
        for (std::size_t i = 0; i < x.size(); ++i) {
          std::fill(pulled[i].begin(), pulled[i].end(), T(0));
          at.push_back(x[i].data());
          kept.push_back(op.needs_inputs() ? x[i].data() : nullptr);
          const bool overwrites = op.in_place() && backwards && inputs[i] == output && to.empty();
          to.push_back(overwrites ? cotangent.data() : pulled[i].data());
        }
        for (Index k = 0; k < count; ++k)
          divisible->forward_share({backwards ? count - 1 - k : k, count}, batch, at.data(), out.data(),
                                   nullptr, scratch.data());
        REQUIRE(out == y);
        for (Index k = 0; k < count; ++k)
          divisible->backward_share({backwards ? count - 1 - k : k, count}, batch, kept.data(),
                                    op.needs_output() ? y.data() : nullptr, nullptr, cotangent.data(),
                                    to.data(), scratch.data());
        for (std::size_t i = 0; i < x.size(); ++i) REQUIRE(std::equal(dx[i].begin(), dx[i].end(), to[i]));
      }
  }
};

}  // namespace foil::test
