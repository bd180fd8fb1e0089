// SPDX-License-Identifier: MIT
/// \file
/// The figures of an outcome as foil's tables tell them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>

#include "foil/core/status.hpp"
#include "foil/core/summary.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/record.hpp"
#include "foil/report/numbers.hpp"

namespace foil::report {

/// Whether a sample had its turn before the run ended.
inline bool was_reached(const Record& record) {
  return record.queries > 0 || (record.status != Status::not_run && record.status != Status::interrupted &&
                                record.status != Status::failed);
}

/// A radius; "-" where an attack looks for the smallest distance.
inline std::string epsilon_text(const std::optional<double>& epsilon) {
  return epsilon ? formatted("%g", *epsilon) : "-";
}

/// What an adversarial is made of: "severity 0.179, rotation -4.8"; empty where its attack does not say so.
inline std::string made_of_text(const Outcome& outcome, const Record& record) {
  std::string out;
  for (std::size_t k = 0; k < std::min(record.parameters.size(), outcome.parameters.size()); ++k)
    out += (k == 0 ? "" : ", ") + outcome.parameters[k] + formatted(" %.3g", record.parameters[k]);
  return out;
}

/// One line of a table. Calls are means over the samples that had their turn.
struct Figures {
  Summary summary{};
  Index undecided = 0;  ///< samples that the attack has come to no end with
  double forward_calls = 0, backward_calls = 0;
  std::string success{}, robust{}, median{}, forward{}, backward{}, seconds{};
};

/// \param samples  that were to be attacked, the unfinished ones included: nobody knows of these, so that
///                 shares are ranges, and there is no median
inline Figures figures_of(const Outcome& outcome, Index samples) {
  const Summary s = outcome.summary();
  const Index undecided = samples - s.finished();
  const Cost cost = outcome.cost();
  const auto count =
      static_cast<Index>(std::count_if(outcome.records.begin(), outcome.records.end(), was_reached));
  const double forward = share(cost.queries, count), backward = share(cost.gradient_queries, count);
  return {.summary = s,
          .undecided = undecided,
          .forward_calls = forward,
          .backward_calls = backward,
          .success = percent_between(s.fooled, s.attacked, undecided),
          .robust = percent_between(s.robust, s.finished(), undecided),
          .median = undecided > 0 ? "-" : formatted("%.4g", s.median_distance),
          .forward = formatted("%.1f", forward),
          .backward = formatted("%.1f", backward),
          .seconds = formatted("%.1f", outcome.seconds)};
}

}  // namespace foil::report
