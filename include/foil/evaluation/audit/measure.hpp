// SPDX-License-Identifier: MIT
/// \file
/// What an audit asks the model itself: answers again, slopes, gradients in use, distances to other classes.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include "foil/core/bounds.hpp"
#include "foil/core/error.hpp"
#include "foil/core/losses.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/numbers.hpp"
#include "foil/core/random.hpp"
#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/audit/calls.hpp"
#include "foil/evaluation/audit/facts.hpp"
#include "foil/evaluation/audit/policy.hpp"
#include "foil/evaluation/record.hpp"

namespace foil {

/// C2: shows an outcome's adversarials to the model, each alone. One call for each.
template <Batch Input>
AdversarialsAgain show_alone(AuditCalls<Input>& calls, const AuditData<Input>& data,
                             const Input& adversarials, const Outcome& outcome, const AuditPolicy& policy) {
  require(features(adversarials) == features(data.inputs),
          "audit: expected adversarials of the shape of the samples, ", shape_text(data.inputs), ", got ",
          shape_text(adversarials));
  AdversarialsAgain out;
  out.attack = outcome.title();
  const auto bounds = calls.model().bounds();
  const Index count = std::min({samples(adversarials), data.size(), Index{std::ssize(outcome.records)}});
  for (Index i = 0; i < count; ++i) {
    const Record& record = outcome.records[static_cast<std::size_t>(i)];
    if (!record.success || !record.correct) continue;
    ++out.checked;
    const std::vector<Index> row{i};
    const Input x = gather(adversarials, row);
    if (!bounds.contain(sample(x, 0))) {
      ++out.not_valid;
      continue;
    }
    const int label = calls.label(calls.ask_together(x), 0);
    out.not_adversarial += label < 0 || !data.adversarial(i, label);
    const double size = distance(outcome.norm, sample(data.inputs, i), sample(x, 0));
    out.other_distance +=
        !(std::abs(size - record.distance) <= policy.distance_error * std::max(size, record.distance)) ||
        (outcome.epsilon && size > *outcome.epsilon * (1 + policy.distance_error));
  }
  return out;
}

/// C3: asks about the samples twice, in reverse, and one at a time. Four calls for each.
template <Batch Input>
AnswersAgain ask_again(AuditCalls<Input>& calls, const Input& inputs) {
  AnswersAgain out;
  for (Index first = 0; first < samples(inputs); first += AuditCalls<Input>::most) {
    std::vector<Index> rows;
    for (Index i = first; i < std::min(first + AuditCalls<Input>::most, samples(inputs)); ++i)
      rows.push_back(i);
    const Input batch = gather(inputs, rows);
    const auto before = calls.ask_together(batch), again = calls.ask_together(batch);
    std::reverse(rows.begin(), rows.end());
    const auto reversed = calls.ask_together(gather(inputs, rows));
    for (Index i = 0; i < before.rows(); ++i) {
      const std::vector<Index> own{first + i};
      const auto alone = calls.ask_together(gather(inputs, own));
      const Index mirrored = before.rows() - 1 - i;
      out.repeated = std::max(out.repeated, detail::row_difference(before, i, again, i));
      out.reordered = std::max(out.reordered, detail::row_difference(before, i, reversed, mirrored));
      out.alone = std::max(out.alone, detail::row_difference(before, i, alone, 0));
      const int label = calls.label(before, i);
      out.other_class += label != calls.label(again, i) || label != calls.label(reversed, mirrored) ||
                         label != calls.label(alone, 0);
      ++out.samples;
    }
  }
  return out;
}

/// C4: slopes of LSEM along random directions, by the gradient and by differences over three lengths, of
/// which the best counts: the longer may cross a kink, the shorter drown in rounding. Taken beside the
/// samples, a tenth of the range inwards at most: on a uniform background the units of a layer tie, and no
/// gradient is the slope in all directions. Model calls for each sample: one backward, 1 + 6
/// gradient_directions forward.
template <Batch Input>
Slopes slopes_of(AuditCalls<Input>& calls, const AuditData<Input>& data, const AuditPolicy& policy) {
  using Scalar = typename Input::Scalar;
  constexpr bool in_double = std::is_same_v<Scalar, double>;
  constexpr double longest = in_double ? 1e-5 : 1e-4, aside = 0.1;
  constexpr double lengths[] = {longest, 0.3 * longest, 0.1 * longest};
  constexpr Index each = 6;  // points, two for each length
  const auto bounds = calls.model().bounds();
  const Index n = features(data.inputs);
  Slopes out;
  out.in_double = in_double;
  Eigen::VectorXd direction(n);
  const auto draw = [&](Index i, int d) {
    RandomDraw numbers(random_key(static_cast<std::uint64_t>(policy.seed), "audit-slopes"),
                       static_cast<std::uint64_t>(i), Purpose::direction, static_cast<std::uint32_t>(d));
    numbers.fill_normal(direction);
  };
  const auto move = [&](const auto& from, double by, auto&& to) {
    for (Index j = 0; j < n; ++j) {
      const double low = static_cast<double>(bounds.lower(j)), high = static_cast<double>(bounds.upper(j));
      const double width = std::isfinite(high - low) ? high - low : 1;
      to[j] = static_cast<Scalar>(clip(static_cast<double>(from[j]) + by * width * direction[j], low, high));
    }
  };
  for (Index i = 0; i < std::min<Index>(policy.gradient_samples, data.size()); ++i) {
    Input x(resized(data.inputs, 1)), around(resized(data.inputs, each * policy.gradient_directions));
    draw(i, 0);
    for (Index j = 0; j < n; ++j) {  // of uniform size, and inwards
      const double value = static_cast<double>(sample(data.inputs, i)[j]);
      const double middle =
          static_cast<double>(bounds.lower(j)) / 2 + static_cast<double>(bounds.upper(j)) / 2;
      direction[j] = std::erf(std::abs(direction[j])) * (value > middle ? -1 : 1);
    }
    move(sample(data.inputs, i), aside, sample(x, 0));
    const Input gradient = calls.gradients(x, data.labels.segment(i, 1), Loss::lsem);
    const auto g = sample(gradient, 0);
    for (int d = 0; d < policy.gradient_directions; ++d) {
      draw(i, d + 1);
      for (Index at = 0; at < each; ++at)
        move(sample(x, 0), (at % 2 == 0 ? 1 : -1) * lengths[at / 2], sample(around, each * d + at));
    }
    const auto answers = calls.ask(around);
    for (Index d = 0; d < policy.gradient_directions; ++d) {
      double error = std::numeric_limits<double>::infinity();
      bool flat = true;
      for (Index at = 0; at < each; at += 2) {
        const auto up = sample(around, each * d + at), down = sample(around, each * d + at + 1);
        const double by_gradient = sum(n, [&](Index j) {
          return static_cast<double>(g[j]) * (static_cast<double>(up[j]) - static_cast<double>(down[j]));
        });
        const double by_difference = detail::lsem_of(answers, each * d + at, data.labels[i]) -
                                     detail::lsem_of(answers, each * d + at + 1, data.labels[i]);
        const double size = std::max(std::abs(by_gradient), std::abs(by_difference));
        if (size == 0) continue;
        flat = false;
        const double relative = std::abs(by_gradient - by_difference) / size;
        if (relative < error) error = relative;
      }
      if (flat)
        ++out.flat;
      else
        out.errors.push_back(error);
    }
  }
  return out;
}

/// C5: gradients of the cross-entropy, which saturated models lose, and whether a step of that length in the
/// norm along their signs raises the loss; that is not asked of samples of whose numbers, those of 0 aside,
/// the step is too small to change half. Model calls for each sample: one backward, 4 forward.
template <Batch Input>
GradientsInUse gradients_in_use(AuditCalls<Input>& calls, const AuditData<Input>& data, Lp norm, double step,
                                const AuditPolicy& policy) {
  using Scalar = typename Input::Scalar;
  const auto bounds = calls.model().bounds();
  const Index n = features(data.inputs);
  const Eigen::VectorXd ones = Eigen::VectorXd::Ones(n);
  const double each = norm.p == 0 ? step : step / norm.size(ones);
  GradientsInUse out;
  out.norm = norm;
  out.step = step;
  for (Index first = 0; first < data.size(); first += AuditCalls<Input>::most) {
    std::vector<Index> rows;
    for (Index i = first; i < std::min(first + AuditCalls<Input>::most, data.size()); ++i) rows.push_back(i);
    const Input x = gather(data.inputs, rows);
    const Labels labels = data.labels.segment(first, samples(x));
    const Input gradient = calls.gradients(x, labels, Loss::cross_entropy);
    Input uphill = x, random = x;
    std::vector<bool> still(rows.size());
    for (Index i = 0; i < samples(x); ++i) {
      RandomDraw draw(random_key(static_cast<std::uint64_t>(policy.seed), "audit-signs"),
                      static_cast<std::uint64_t>(first + i), Purpose::noise, 0);
      const auto g = sample(gradient, i);
      bool finite = true;
      Index normal = 0, sized = 0, changed = 0;
      for (Index j = 0; j < n; ++j) {
        const Scalar low = bounds.lower(j), high = bounds.upper(j);
        const auto moved = [&](int sign) {
          return std::clamp(static_cast<Scalar>(sample(x, i)[j] + static_cast<Scalar>(sign * each)), low,
                            high);
        };
        const Scalar from = sample(x, i)[j], by = static_cast<Scalar>(each);
        sized += from != 0;
        changed += from != 0 && (from + by != from || from - by != from);
        finite = finite && std::isfinite(g[j]);
        normal += std::isnormal(g[j]);
        sample(uphill, i)[j] = moved(g[j] > 0 ? 1 : g[j] < 0 ? -1 : 0);
        sample(random, i)[j] = moved(draw.uniform() < 0.5 ? 1 : -1);
      }
      out.useless += !finite || normal == 0;
      still[static_cast<std::size_t>(i)] = 2 * changed < sized;
    }
    const auto before = calls.ask_together(x), up = calls.ask_together(uphill),
               aside = calls.ask_together(random);
    for (Index i = 0; i < samples(x); ++i) {
      ++out.samples;
      if (still[static_cast<std::size_t>(i)]) {
        ++out.unmoved;
        continue;
      }
      const double from = detail::lsem_of(before, i, labels[i]);
      out.risen += detail::lsem_of(up, i, labels[i]) > from;
      out.risen_random += detail::lsem_of(aside, i, labels[i]) > from;
    }
  }
  return out;
}

/// C10: the distance from each sample to the nearest other one that is adversarial for it and that the model
/// gets right, in each of the norms. One call for each sample.
template <Batch Input>
std::vector<Ceiling> ceilings_of(AuditCalls<Input>& calls, const AuditData<Input>& data,
                                 const std::vector<Lp>& norms) {
  const auto answers = calls.ask(data.inputs);
  std::vector<Ceiling> out;
  for (const Lp norm : norms) {
    Ceiling ceiling{norm, {}};
    for (Index i = 0; i < data.size(); ++i) {
      double nearest = std::numeric_limits<double>::infinity();
      for (Index j = 0; j < data.size(); ++j) {
        const int label = calls.label(answers, j);
        if (label != data.labels[j] || data.labels[j] == data.labels[i] || !data.adversarial(i, label))
          continue;
        nearest = std::min(nearest, distance(norm, sample(data.inputs, i), sample(data.inputs, j)));
      }
      ceiling.distances.push_back(nearest);
    }
    out.push_back(std::move(ceiling));
  }
  return out;
}

}  // namespace foil
