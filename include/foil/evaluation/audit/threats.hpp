// SPDX-License-Identifier: MIT
/// \file
/// Changes that are no attack within a norm: check C28.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/random.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/audit/calls.hpp"
#include "foil/evaluation/audit/check.hpp"
#include "foil/evaluation/audit/facts.hpp"
#include "foil/evaluation/audit/figures.hpp"
#include "foil/evaluation/audit/policy.hpp"
#include "foil/geometry/image.hpp"

namespace foil {

namespace audit_checks {

/// C28: the model was looked at beyond small changes, and gets no better as these grow.
inline Finding threats_tried(const AuditFacts& facts, const AuditPolicy& policy) {
  if (facts.severities.empty()) return skip("images that are turned, shifted, noisy and corrupted");
  std::string told, missing, rising;
  for (const Severity& curve : facts.severities) {
    require(curve.severities.size() == curve.accuracies.size(),
            "audit: expected an accuracy for each severity, got ", curve.severities.size(),
            " severities and ", curve.accuracies.size(), " accuracies");
    if (curve.accuracies.empty()) continue;
    told += text(told.empty() ? "" : "; ", curve.threat, " ", percent(curve.accuracies.front()), " to ",
                 percent(curve.accuracies.back()));
    const double allowed = curve.samples > 0 ? at_least_one(policy.severity_rise, curve.samples) /
                                                   static_cast<double>(curve.samples)
                                             : policy.severity_rise;
    for (std::size_t k = 0; k + 1 < curve.accuracies.size(); ++k)
      if (curve.accuracies[k + 1] > curve.accuracies[k] + allowed + 1e-9)
        rising += text(rising.empty() ? "" : ", ", curve.threat, " at ", brief(curve.severities[k + 1]));
  }
  for (const std::string_view threat : {"rotation", "translation", "gaussian noise", "corruption"})
    if (std::none_of(facts.severities.begin(), facts.severities.end(),
                     [&](const Severity& curve) { return curve.threat == threat; }))
      missing += text(missing.empty() ? "" : ", ", threat);
  if (!rising.empty())
    return warn(text(told, "; accuracy rises with ", rising),
                "more of a disturbance should not help: look at the order "
                "of severities, and at few samples");
  if (!missing.empty())
    return warn(text(told, "; not tried: ", missing),
                "a claim about small changes should say what larger ones do");
  return pass(told);
}

}  // namespace audit_checks

/// An image turned by an angle about its centre, counterclockwise as it is looked at, and moved by so many
/// pixels downwards and to the right. Bilinear; what comes from outside is `ground`.
inline Eigen::VectorXd turned_and_moved(const Eigen::VectorXd& image, const geometry::ImageLayout& layout,
                                        double degrees, double down, double right, double ground) {
  require(image.size() == layout.size(), "turned_and_moved: expected ", layout.size(), " numbers, got ",
          image.size());
  // Whole quarters are exact.
  const double quarters = std::remainder(degrees / 90, 4);
  const auto exactly = [&](double value) {
    return quarters == std::round(quarters) ? std::round(value) : value;
  };
  const double angle = degrees * std::numbers::pi / 180, c = exactly(std::cos(angle)),
               s = exactly(std::sin(angle));
  const double row0 = static_cast<double>(layout.height - 1) / 2,
               column0 = static_cast<double>(layout.width - 1) / 2;
  Eigen::VectorXd out(image.size());
  for (Index row = 0; row < layout.height; ++row)
    for (Index column = 0; column < layout.width; ++column) {
      const double y = static_cast<double>(row) - row0 - down,
                   x = static_cast<double>(column) - column0 - right;
      // Where this pixel was; rows run downwards.
      const double from_row = row0 + c * y + s * x, from_column = column0 - s * y + c * x;
      const double top = std::floor(from_row), left = std::floor(from_column);
      for (Index channel = 0; channel < layout.channels; ++channel) {
        double sum = 0;
        for (int corner = 0; corner < 4; ++corner) {
          const double r = top + corner / 2, k = left + corner % 2;
          const double weight = (1 - std::abs(from_row - r)) * (1 - std::abs(from_column - k));
          if (weight == 0) continue;
          const bool inside = r >= 0 && k >= 0 && r < static_cast<double>(layout.height) &&
                              k < static_cast<double>(layout.width);
          sum += weight *
                 (inside ? image[layout.at(channel, static_cast<Index>(r), static_cast<Index>(k))] : ground);
        }
        out[layout.at(channel, row, column)] = sum;
      }
    }
  return out;
}

namespace detail {

template <Batch Input>
bool holds_images(const Input& inputs) {
  return Input::NumIndices == 4 && inputs.dimensions()[2 % Input::NumIndices] > 1 &&
         inputs.dimensions()[3 % Input::NumIndices] > 1;
}

/// The accuracy on samples that are changed in one way, and whether each is right.
template <Batch Input, class Change>
double accuracy_on(AuditCalls<Input>& calls, const AuditData<Input>& data, const Change& change) {
  using Scalar = typename Input::Scalar;
  const auto bounds = calls.model().bounds();
  Input points = data.inputs;
  for (Index i = 0; i < data.size(); ++i) {
    const Eigen::VectorXd moved = change(i, Eigen::VectorXd(sample(data.inputs, i).template cast<double>()));
    for (Index j = 0; j < moved.size(); ++j)
      sample(points, i)[j] = std::clamp(static_cast<Scalar>(moved[j]), bounds.lower(j), bounds.upper(j));
  }
  const auto answers = calls.ask(points);
  Index right = 0;
  for (Index i = 0; i < data.size(); ++i) right += calls.label(answers, i) == data.labels[i];
  return static_cast<double>(right) / static_cast<double>(data.size());
}

}  // namespace detail

/// What turning by up to 30 degrees in 31 steps, moving by up to a tenth in a grid of 5 x 5, noise, and
/// corruption do to the accuracy: contrast that is lost, and features that become either bound. Turning and
/// moving need images: samples with three axes, channels first, of several rows and columns. What comes in
/// from outside is the lower bound. Accuracy at a severity is the mean over all changes of that severity.
/// Forward passes for each sample: threat_calls().
template <Batch Input>
std::vector<Severity> disturb(AuditCalls<Input>& calls, const AuditData<Input>& data,
                              const AuditPolicy& policy) {
  std::vector<Severity> out;
  const auto add = [&](Severity& to, double severity, std::vector<double> accuracies) {
    double mean = 0;
    for (const double a : accuracies) mean += a / static_cast<double>(accuracies.size());
    to.samples = data.size();
    to.severities.push_back(severity);
    to.accuracies.push_back(mean);
  };
  const auto bounds = calls.model().bounds();
  if (detail::holds_images(data.inputs)) {
    std::vector<Index> shape(data.inputs.dimensions().begin() + 1, data.inputs.dimensions().end());
    const auto layout = geometry::image_layout(shape, {});
    const auto low = static_cast<double>(bounds.lower(0)), ground = std::isfinite(low) ? low : 0.0;
    const auto moved = [&](double degrees, double down, double right) {
      return detail::accuracy_on(calls, data, [&](Index, const Eigen::VectorXd& x) {
        return turned_and_moved(x, layout, degrees, down, right, ground);
      });
    };
    Severity turned{"rotation", {}, {}}, shifted{"translation", {}, {}};
    for (int k = 0; k <= 15; ++k)
      add(turned, 2 * k,
          k == 0 ? std::vector{moved(0, 0, 0)} : std::vector{moved(-2 * k, 0, 0), moved(2 * k, 0, 0)});
    for (int k = 0; k <= 2; ++k) {  // the rings of the grid
      std::vector<double> ring;
      for (int a = -k; a <= k; ++a)
        for (int b = -k; b <= k; ++b)
          if (std::max(std::abs(a), std::abs(b)) == k)
            ring.push_back(moved(0, 0.05 * a * static_cast<double>(layout.height),
                                 0.05 * b * static_cast<double>(layout.width)));
      add(shifted, 0.05 * k, ring);
    }
    out.push_back(std::move(turned));
    out.push_back(std::move(shifted));
  }
  Severity noisy{"gaussian noise", {}, {}};
  Eigen::VectorXd noise(features(data.inputs));
  for (const double deviation : {0.0, 0.05, 0.1, 0.2, 0.4, 0.8})
    add(noisy, deviation, {detail::accuracy_on(calls, data, [&](Index i, Eigen::VectorXd x) {
          RandomDraw(random_key(static_cast<std::uint64_t>(policy.seed), "audit-noise"),
                     static_cast<std::uint64_t>(i), Purpose::noise, 0)
              .fill_normal(noise);
          for (Index j = 0; j < x.size(); ++j) {
            const double width = static_cast<double>(bounds.upper(j)) - static_cast<double>(bounds.lower(j));
            x[j] += deviation * (std::isfinite(width) ? width : 1) * noise[j];
          }
          return x;
        })});
  out.push_back(std::move(noisy));
  Severity corrupted{"corruption", {}, {}};
  for (const double share : {0.0, 0.1, 0.2, 0.3, 0.4}) {
    const auto pale = [&](Index, Eigen::VectorXd x) {
      const double mean = x.mean();
      for (Index j = 0; j < x.size(); ++j) x[j] += 2 * share * (mean - x[j]);
      return x;
    };
    const auto dropped = [&](Index i, Eigen::VectorXd x) {
      RandomDraw random(random_key(static_cast<std::uint64_t>(policy.seed), "audit-drops"),
                        static_cast<std::uint64_t>(i), Purpose::noise, 0);
      for (Index j = 0; j < x.size(); ++j) {
        const double at = random.uniform();
        const double end = static_cast<double>(at < share / 2 ? bounds.lower(j) : bounds.upper(j));
        if (at < share && std::isfinite(end)) x[j] = end;
      }
      return x;
    };
    if (share == 0)
      add(corrupted, share, {detail::accuracy_on(calls, data, pale)});
    else
      add(corrupted, share,
          {detail::accuracy_on(calls, data, pale), detail::accuracy_on(calls, data, dropped)});
  }
  out.push_back(std::move(corrupted));
  return out;
}

/// Forward passes for each sample that disturb() takes.
template <Batch Input>
Index threat_calls(const Input& inputs) {
  return 6 + 9 + (detail::holds_images(inputs) ? 31 + 25 : 0);
}

}  // namespace foil
