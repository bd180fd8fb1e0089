// SPDX-License-Identifier: MIT
/// \file
/// Support vector machines of one output, or of classes by one machine for every two of them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/operator.hpp"

namespace foil::nn {

using namespace simd;

/// How alike two vectors are, given their inner product: itself, (gamma xy + offset)^degree,
/// exp(-gamma |x - y|^2), or tanh(gamma xy + offset).
enum class Similarity { linear, polynomial, radial, sigmoid };

/// What is answered: the sum of a single machine; or the sum of each pair's machine, above 0 for the first of
/// the two, pairs in the order 01, 02, ..., 12, ...; or a score of each class, see Machines::votes; or
/// probabilities.
enum class MachineAnswer { sum, pairs, votes, probabilities };

/// The machines in a file's terms.
struct MachineTable {
  Similarity similarity = Similarity::linear;
  float gamma = 0, offset = 0, degree = 1;
  std::vector<float> vectors{};   ///< (vectors, features)
  std::vector<Index> of_class{};  ///< how many vectors belong to each class, in order; empty for a sum
  std::vector<float>
      coefficients{};  ///< (classes - 1, vectors): row j - 1 against j, row j against those before
  std::vector<float> constants{};  ///< one for each pair, or one
  std::vector<float> slopes{},
      shifts{};  ///< a pair's first class has probability 1 / (1 + exp(slope s + shift))
};

/// The answers of support vector machines to samples of `features` numbers each. They are given no
/// derivative.
template <class T, class = Isa>
class Machines : public Operator<T> {
 public:
  Machines(Index features, MachineAnswer answer, MachineTable table)
      : features_(features), answer_(answer), table_(std::move(table)) {
    const auto size = [](const auto& list) { return static_cast<Index>(list.size()); };
    require(features > 0 && size(table_.vectors) > 0 && size(table_.vectors) % features == 0,
            "support vectors: expected vectors of ", features, " features, got ", size(table_.vectors),
            " numbers");
    count_ = size(table_.vectors) / features;
    classes_ = size(table_.of_class);
    require(answer == MachineAnswer::sum || classes_ >= 2,
            "support vectors: expected at least two classes, got ", classes_);
    Index sum = classes_ == 0 ? count_ : 0;
    for (const Index n : table_.of_class) {
      require(n >= 0 && n <= count_ - sum, "support vectors: expected ", count_,
              " vectors shared out among the classes");
      sum += n;
    }
    require(sum == count_, "support vectors: expected ", count_, " vectors of all classes, got ", sum);
    const Index rows = std::max<Index>(classes_ - 1, 1);
    pairs_ = classes_ == 0 ? 1 : classes_ * (classes_ - 1) / 2;
    require(size(table_.coefficients) == rows * count_, "support vectors: expected ", rows * count_,
            " coefficients, got ", size(table_.coefficients));
    require(size(table_.constants) >= pairs_, "support vectors: expected ", pairs_, " constants, got ",
            size(table_.constants));
    if (answer == MachineAnswer::probabilities)
      require(size(table_.slopes) >= pairs_ && size(table_.shifts) >= pairs_,
              "support vectors: expected slopes and shifts of ", pairs_, " pairs, got ", size(table_.slopes),
              " and ", size(table_.shifts));
    arrange();
  }

  /// How many numbers a sample is answered by.
  Index outputs() const {
    return answer_ == MachineAnswer::sum || answer_ == MachineAnswer::pairs ? pairs_ : classes_;
  }

  Index scratch() const override { return round_up<T>(count_) + pairs_ + 2 * classes_ * classes_ + classes_; }

  Index multiply_adds() const override {
    return count_ * features_ + count_ * std::max<Index>(classes_ - 1, 1);
  }

  Index weights() const override { return static_cast<Index>(columns_.size()); }

  void forward(Index batch, const T* const* inputs, T* output, T* scratch) const override {
    T* const alike = scratch;
    T* const pairs = alike + round_up<T>(count_);
    for (Index i = 0; i < batch; ++i) {
      T* const y = output + i * outputs();
      compare(inputs[0] + i * features_, alike);
      const bool direct = answer_ == MachineAnswer::sum || answer_ == MachineAnswer::pairs;
      decide(alike, direct ? y : pairs);
      if (answer_ == MachineAnswer::votes) votes(pairs, y);
      if (answer_ == MachineAnswer::probabilities) probabilities(pairs, pairs + pairs_, y);
    }
  }

  void backward(Index batch, const T* const*, const T*, const T*, T* const* gradients, T*) const override {
    std::fill_n(gradients[0], batch * features_, T(0));
  }

 private:
  /// Feature by feature, a pack of vectors beside each other.
  void arrange() {
    const Index padded = round_up<T>(count_);
    columns_.assign(static_cast<std::size_t>(padded * features_), T(0));
    for (Index v = 0; v < count_; ++v)
      for (Index f = 0; f < features_; ++f)
        columns_[static_cast<std::size_t>((v / lanes<T> * features_ + f) * lanes<T> + v % lanes<T>)] =
            static_cast<T>(table_.vectors[static_cast<std::size_t>(v * features_ + f)]);
    table_.vectors = {};
  }

  /// How alike x is to each support vector.
  void compare(const T* x, T* alike) const {
    const bool radial = table_.similarity == Similarity::radial;
    for (Index v = 0; v < round_up<T>(count_); v += lanes<T>) {
      const T* const column = columns_.data() + v * features_;
      Pack<T> sum{};
      for (Index f = 0; f < features_; ++f) {
        const Pack<T> s = load<T>(column + f * lanes<T>), at = broadcast<T>(x[f]), d = at - s;
        sum = radial ? multiply_add<T>(d, d, sum) : multiply_add<T>(at, s, sum);
      }
      store<T>(alike + v, sum);
    }
    const T gamma = static_cast<T>(table_.gamma), offset = static_cast<T>(table_.offset);
    for (Index v = 0; v < count_; ++v) {
      T& k = alike[v];
      switch (table_.similarity) {
        case Similarity::linear:
          break;
        case Similarity::polynomial:
          k = std::pow(gamma * k + offset, static_cast<T>(table_.degree));
          break;
        case Similarity::radial:
          k = std::exp(-gamma * k);
          break;
        case Similarity::sigmoid:
          k = std::tanh(gamma * k + offset);
      }
    }
  }

  /// The sums of the machines.
  void decide(const T* alike, T* y) const {
    const auto add = [&](Index row, Index begin, Index end, double sum) {
      const float* const c = table_.coefficients.data() + row * count_;
      for (Index v = begin; v < end; ++v) sum += double{c[v]} * static_cast<double>(alike[v]);
      return sum;
    };
    if (classes_ == 0) {
      y[0] = static_cast<T>(add(0, 0, count_, 0) + double{table_.constants[0]});
      return;
    }
    Index pair = 0, at_i = 0;
    for (Index i = 0; i < classes_; ++i) {
      const Index end_i = at_i + table_.of_class[static_cast<std::size_t>(i)];
      for (Index j = i + 1, at_j = end_i; j < classes_; ++j, ++pair) {
        const Index end_j = at_j + table_.of_class[static_cast<std::size_t>(j)];
        const double sum = add(i, at_j, end_j, add(j - 1, at_i, end_i, 0));
        y[pair] = static_cast<T>(sum + double{table_.constants[static_cast<std::size_t>(pair)]});
        at_j = end_j;
      }
      at_i = end_i;
    }
  }

  /// Each class has the number of pairs that it wins; of classes with as many, the first has most. The sums
  /// of its pairs, squeezed to less than the least such difference, let a score grow where votes stay.
  void votes(const T* pairs, T* y) const {
    const T step = T(1) / static_cast<T>(2 * classes_);
    std::fill_n(y, classes_, T(0));
    for (Index i = 0, pair = 0; i < classes_; ++i)
      for (Index j = i + 1; j < classes_; ++j, ++pair) {
        y[i] += pairs[pair];
        y[j] -= pairs[pair];
      }
    for (Index k = 0; k < classes_; ++k)
      y[k] = step * (static_cast<T>(classes_ - 1 - k) + y[k] / (T(3) * (std::abs(y[k]) + T(1))));
    for (Index i = 0, pair = 0; i < classes_; ++i)
      for (Index j = i + 1; j < classes_; ++j, ++pair) y[pairs[pair] > T(0) ? i : j] += T(1);
  }

  /// Probabilities of classes from those of pairs: the p that minimises the sum of (r_ji p_i - r_ij p_j)^2,
  /// coordinate by coordinate (Wu, Lin, Weng, Journal of Machine Learning Research 5, 2004, algorithm 2),
  /// with the tolerance that is usual.
  void probabilities(const T* sums, T* work, T* p) const {
    const Index n = classes_;
    T* const r = work;
    T* const q = r + n * n;
    T* const qp = q + n * n;
    for (Index i = 0, pair = 0; i < n; ++i)
      for (Index j = i + 1; j < n; ++j, ++pair) {
        const std::size_t at = static_cast<std::size_t>(pair);
        const T z = sums[pair] * static_cast<T>(table_.slopes[at]) + static_cast<T>(table_.shifts[at]);
        const T large = T(1) / (T(1) + std::exp(-std::abs(z)));
        constexpr T least = static_cast<T>(1e-7f);
        const T first = std::clamp(z < 0 ? large : T(1) - large, least, T(1) - least);
        r[i * n + j] = first;
        r[j * n + i] = T(1) - first;
      }
    for (Index i = 0; i < n; ++i) {
      T own = 0;
      for (Index j = 0; j < n; ++j) {
        if (i == j) continue;
        own += r[j * n + i] * r[j * n + i];
        q[i * n + j] = -r[j * n + i] * r[i * n + j];
      }
      q[i * n + i] = own;
      p[i] = T(1) / static_cast<T>(n);
    }
    const T tolerance = T(0.005f) / static_cast<T>(n);
    for (int round = 0; round < 100; ++round) {
      T whole = 0, worst = 0;
      for (Index i = 0; i < n; ++i) {
        qp[i] = 0;
        for (Index j = 0; j < n; ++j) qp[i] += q[i * n + j] * p[j];
        whole += p[i] * qp[i];
      }
      for (Index i = 0; i < n; ++i) worst = std::max(worst, std::abs(qp[i] - whole));
      if (!(worst >= tolerance)) return;
      for (Index i = 0; i < n; ++i) {
        const T own = q[i * n + i], change = (whole - qp[i]) / own, scale = T(1) + change;
        whole = (whole + change * (change * own + T(2) * qp[i])) / scale / scale;
        p[i] += change;
        for (Index j = 0; j < n; ++j) {
          qp[j] = (qp[j] + change * q[i * n + j]) / scale;
          p[j] /= scale;
        }
      }
    }
  }

  Index features_, count_ = 0, classes_ = 0, pairs_ = 0;
  MachineAnswer answer_;
  MachineTable table_;
  std::vector<T> columns_{};
};

}  // namespace foil::nn
