// SPDX-License-Identifier: MIT
/// \file
/// What an audit knows of the samples, and how it asks the model about them.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "foil/core/answers.hpp"
#include "foil/core/losses.hpp"
#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"
#include "foil/run/model_port.hpp"

namespace foil {

/// The samples that an audit asks the model about: the first of the outcomes', in their order.
template <Batch Input>
struct AuditData {
  Input inputs{};
  Labels labels{};
  Labels targets{};                   ///< wanted classes; empty: any other than the label
  std::vector<Input> adversarials{};  ///< of each outcome, in their order; empty where they are not at hand
  Knowledge knowledge = Knowledge::gradients;  ///< the most that the model may be asked for

  Index size() const { return inputs.size() == 0 ? 0 : foil::samples(inputs); }
  bool adversarial(Index i, int label) const {
    return targets.size() > 0 ? label == targets[i] : label != labels[i];
  }
};

/// Asks a model for an audit, at most so many rows at a time. Labels stand for logits where it has none: rows
/// of one number.
template <Batch Input>
class AuditCalls {
 public:
  using Scalar = typename Input::Scalar;
  using Matrix = Eigen::MatrixXd;
  static constexpr Index most = 128;

  AuditCalls(ModelPort<Input>& model, Knowledge knowledge)
      : model_(model), knowledge_(std::min(knowledge, model.knowledge())) {}

  Knowledge knowledge() const { return knowledge_; }
  ModelPort<Input>& model() { return model_; }

  /// The answers about a batch of any size.
  Matrix ask(const Input& x) {
    Matrix out;
    for (Index first = 0; first < samples(x); first += most) {
      std::vector<Index> rows;
      for (Index i = first; i < std::min(first + most, samples(x)); ++i) rows.push_back(i);
      const Input batch = gather(x, rows);
      const Matrix answers = ask_together(batch);
      if (out.size() == 0) out.resize(samples(x), answers.cols());
      out.middleRows(first, answers.rows()) = answers;
    }
    return out;
  }
  /// The same in a single call.
  Matrix ask_together(const Input& x) {
    if (knowledge_ == Knowledge::decisions) return model_.predict(x).template cast<double>();
    const Logits<Scalar> z = model_.logits(x);
    check_answer(samples(x), z.rows(), z.cols(), classes_);
    return z.template cast<double>();
  }
  /// The class in a row of answers; -1 if it is not finite.
  int label(const Matrix& answers, Index row) const {
    if (knowledge_ == Knowledge::decisions) return static_cast<int>(answers(row, 0));
    Index best = 0;
    for (Index k = 0; k < answers.cols(); ++k) {
      if (!std::isfinite(answers(row, k))) return -1;
      if (answers(row, k) > answers(row, best)) best = k;
    }
    return static_cast<int>(best);
  }
  /// Gradients of a loss of each sample's label.
  Input gradients(const Input& x, const Labels& labels, Loss loss) {
    const Logits<Scalar> z = model_.vjp(x);
    check_answer(samples(x), z.rows(), z.cols(), classes_);
    Logits<Scalar> cotangent(z.rows(), z.cols());
    Eigen::VectorXd slope(z.cols());
    for (Index i = 0; i < z.rows(); ++i) {
      losses::untargeted(loss, z.row(i).transpose().template cast<double>(), labels[i], &slope);
      cotangent.row(i) = slope.transpose().template cast<Scalar>();
    }
    Input gradient = model_.pullback(cotangent);
    check_gradient(gradient, x.dimensions());
    model_.forget();
    return gradient;
  }

 private:
  ModelPort<Input>& model_;
  Knowledge knowledge_;
  Index classes_ = 0;
};

namespace detail {

/// The largest difference of two rows of answers, as a share of the largest logit or of 1; infinite if only
/// one of two numbers is finite.
inline double row_difference(const Eigen::MatrixXd& a, Index i, const Eigen::MatrixXd& b, Index j) {
  double most = 0, size = 1;
  for (Index k = 0; k < a.cols(); ++k) {
    const double x = a(i, k), y = b(j, k);
    if (std::isfinite(x) != std::isfinite(y)) return std::numeric_limits<double>::infinity();
    if (!std::isfinite(x)) continue;
    most = std::max(most, std::abs(x - y));
    size = std::max(size, std::abs(x));
  }
  return most / size;
}

inline double lsem_of(const Eigen::MatrixXd& answers, Index row, int label) {
  return losses::lsem(answers.row(row).transpose(), label);
}

}  // namespace detail

}  // namespace foil
