// SPDX-License-Identifier: MIT
/// \file
/// A model of few categories made of one of many classes.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/numbers.hpp"
#include "foil/core/tensor.hpp"
#include "foil/models/wrapper.hpp"

namespace foil {

/// Which classes of a model belong to which category. Some may belong to none.
class Categories {
 public:
  /// Throws foil::Error unless there are at least two categories, each with a name of its own and a class or
  /// more from 0 to `classes` - 1, and no class belongs to two.
  /// \param classes  of the model
  Categories(Index classes, std::vector<std::string> names, std::vector<std::vector<int>> members)
      : names_(std::move(names)), members_(std::move(members)) {
    require(classes >= 1 && names_.size() >= 2 && names_.size() == members_.size(),
            "categories: expected at least two, with a name and a list of classes each, got ", names_.size(),
            " names and ", members_.size(), " lists");
    of_class_.assign(static_cast<std::size_t>(classes), -1);
    for (std::size_t k = 0; k < names_.size(); ++k) {
      require(index(names_[k]) == static_cast<int>(k), "categories: '", names_[k], "' is the name of two");
      require(!members_[k].empty(), "categories: expected a class or more in each, found none in '",
              names_[k], "'");
      for (const int member : members_[k]) {
        require(member >= 0 && member < classes, "categories: expected classes below ", classes, ", got ",
                member, " in '", names_[k], "'");
        require(of_class(member) < 0, "categories: class ", member, " belongs to '", names_[k],
                "' and another");
        of_class_[static_cast<std::size_t>(member)] = static_cast<int>(k);
      }
    }
  }

  Index size() const { return static_cast<Index>(names_.size()); }
  Index classes() const { return static_cast<Index>(of_class_.size()); }
  const std::vector<std::string>& names() const { return names_; }
  const std::vector<int>& members(Index category) const {
    return members_[static_cast<std::size_t>(category)];
  }
  /// The category of a class; -1 if it has none or is no class.
  int of_class(int label) const {
    return label >= 0 && label < classes() ? of_class_[static_cast<std::size_t>(label)] : -1;
  }
  /// The category of that name; -1 if there is none.
  int index(std::string_view name) const {
    const auto found = std::find(names_.begin(), names_.end(), name);
    return found == names_.end() ? -1 : static_cast<int>(found - names_.begin());
  }

 private:
  std::vector<std::string> names_;
  std::vector<std::vector<int>> members_;
  std::vector<int> of_class_{};
};

/// What of the probabilities of its classes speaks for a category.
enum class Gathered {
  mean,    ///< their mean, so that categories of many classes have no advantage
  sum,     ///< their sum: the probability that it is any of them
  highest  ///< the largest
};

/// Gives a model of many classes the categories that they belong to. Its logits are the logarithms of what is
/// Gathered of the softmax's probabilities, but for a summand that all categories share; classes in no
/// category do not count. A row of logits that holds NaN or infinity anywhere has only NaN. Gradients are
/// exact; of the highest, those of the first that is.
///
/// Of a model of labels alone, the label's category is its answer: -1, no answer at all, if it has none.
/// Refers to the model; can be shared by threads if the model can. Costs no model calls. Throws foil::Error
/// if the model has another number of classes.
template <DecisionModel M>
class Grouped : public Wrapper<Grouped<M>, M, knowledge_of<M>> {
 public:
  using Input = input_t<M>;
  using Scalar = scalar_t<M>;

  Grouped(M& model, Categories categories, Gathered gathered = Gathered::mean)
      : Wrapper<Grouped, M, knowledge_of<M>>(model),
        categories_(std::move(categories)),
        gathered_(gathered) {}

  const Categories& categories() const { return categories_; }
  Gathered gathered() const { return gathered_; }

  Labels answer_predict(const Input& x) const {
    Labels labels = foil::predict(this->model(), x);
    for (int& label : labels) label = categories_.of_class(label);
    return labels;
  }

  Logits<Scalar> answer_logits(const Input& x) const {
    return in_categories(this->model().logits(x), nullptr);
  }

  auto answer_vjp(const Input& x) const
    requires DifferentiableModel<M>
  {
    auto pass = this->model().vjp(x);
    Logits<Scalar> slopes;
    Logits<Scalar> logits = in_categories(pass.logits, &slopes);
    return Vjp{std::move(logits),
               [slopes = std::move(slopes), categories = categories_,
                pullback = Changeable{std::move(pass.pullback)}](const Logits<Scalar>& cotangent) {
                 require(cotangent.rows() == slopes.rows() && cotangent.cols() == categories.size(),
                         "grouped: expected a cotangent of ", slopes.rows(), " x ", categories.size(),
                         ", got ", cotangent.rows(), " x ", cotangent.cols());
                 Logits<Scalar> full = slopes;
                 for (Index i = 0; i < full.rows(); ++i)
                   for (Index k = 0; k < full.cols(); ++k)
                     if (const int category = categories.of_class(static_cast<int>(k)); category >= 0)
                       full(i, k) *= cotangent(i, category);
                 return Input(pullback.value(full));
               }};
  }

 private:
  /// The categories' logits, and of each class the derivative of its category's.
  Logits<Scalar> in_categories(const Logits<Scalar>& z, Logits<Scalar>* slopes) const {
    require(z.cols() == categories_.classes(), "grouped: expected a model of ", categories_.classes(),
            " classes, got ", z.cols());
    Logits<Scalar> out =
        Logits<Scalar>::Constant(z.rows(), categories_.size(), std::numeric_limits<Scalar>::quiet_NaN());
    if (slopes != nullptr) slopes->setZero(z.rows(), z.cols());
    for (Index i = 0; i < z.rows(); ++i) {
      if (!all_finite(z.row(i))) continue;
      for (Index k = 0; k < categories_.size(); ++k) {
        const std::vector<int>& members = categories_.members(k);
        const auto logit = [&](int member) { return static_cast<double>(z(i, member)); };
        int best = members.front();
        for (const int member : members)
          if (z(i, member) > z(i, best)) best = member;
        double total = 0;  // of exp(z - the largest)
        for (const int member : members) total += std::exp(logit(member) - logit(best));
        const double mean = gathered_ == Gathered::mean ? std::log(static_cast<double>(members.size())) : 0;
        const bool highest = gathered_ == Gathered::highest;
        out(i, k) = static_cast<Scalar>(highest ? logit(best) : logit(best) + std::log(total) - mean);
        if (slopes == nullptr) continue;
        if (highest) (*slopes)(i, best) = 1;
        if (!highest)
          for (const int member : members)
            (*slopes)(i, member) = static_cast<Scalar>(std::exp(logit(member) - logit(best)) / total);
      }
    }
    return out;
  }

  Categories categories_;
  Gathered gathered_;
};

}  // namespace foil
