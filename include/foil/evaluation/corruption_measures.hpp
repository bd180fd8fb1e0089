// SPDX-License-Identifier: MIT
/// \file
/// What is said of a model's performance under common corruptions: the mean, what is left of the clean one,
/// and the errors against a baseline's.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/evaluation/corruptions/corruption.hpp"

namespace foil {

namespace detail {

/// 1, 2, 3, 4, 5.
inline std::vector<int> benchmark_severities() {
  std::vector<int> out(static_cast<std::size_t>(corruption_severities));
  std::iota(out.begin(), out.end(), 1);
  return out;
}

}  // namespace detail

/// How well a model does under one corruption.
struct CorruptedPerformance {
  std::string corruption;
  std::vector<double> by_severity;  ///< in the order of CorruptionTable::severities()

  /// Over the severities.
  double mean() const {
    return std::accumulate(by_severity.begin(), by_severity.end(), 0.0) /
           static_cast<double>(by_severity.size());
  }
};

/// How well a model does on clean images and under corruptions of some severities. Performance is whatever is
/// better the larger it is: accuracy, average precision; as a share or in percent, the same everywhere.
class CorruptionTable {
 public:
  /// Throws foil::Error unless `clean` is finite and severities are a list without repetition of one or more,
  /// each at least 1.
  CorruptionTable(double clean, std::vector<int> severities = detail::benchmark_severities())
      : clean_(clean), severities_(std::move(severities)) {
    require(std::isfinite(clean_), "corruption table: expected a finite clean performance, got ", clean_);
    require(!severities_.empty(), "corruption table: expected at least one severity");
    for (std::size_t i = 0; i < severities_.size(); ++i)
      require(severities_[i] >= 1 &&
                  std::find(severities_.begin(), severities_.begin() + static_cast<std::ptrdiff_t>(i),
                            severities_[i]) == severities_.begin() + static_cast<std::ptrdiff_t>(i),
              "corruption table: expected severities from 1, each once, got ", severities_[i]);
  }

  /// Adds a row. Throws foil::Error if the corruption has one, or unless there is a finite performance for
  /// each severity.
  void add(std::string corruption, std::vector<double> by_severity) {
    require(find(corruption) == nullptr, "corruption table: '", corruption, "' is there twice");
    require(by_severity.size() == severities_.size(),
            "corruption table: expected one performance for each of ", "the severities, ", severities_.size(),
            ", got ", by_severity.size(), " under '", corruption, "'");
    for (const double performance : by_severity)
      require(std::isfinite(performance), "corruption table: expected finite performances, got ", performance,
              " under '", corruption, "'");
    rows_.push_back({std::move(corruption), std::move(by_severity)});
  }

  double clean() const { return clean_; }
  const std::vector<int>& severities() const { return severities_; }
  const std::vector<CorruptedPerformance>& rows() const { return rows_; }
  /// The row of that corruption; nullptr if there is none.
  const CorruptedPerformance* find(std::string_view corruption) const {
    const auto found = std::find_if(rows_.begin(), rows_.end(),
                                    [&](const auto& row) { return row.corruption == corruption; });
    return found == rows_.end() ? nullptr : &*found;
  }
  /// Those of the benchmark's fifteen that have no row, in their order.
  std::vector<std::string> missing() const {
    std::vector<std::string> out;
    for (const Corruption corruption : benchmark_corruptions())
      if (find(name(corruption)) == nullptr) out.emplace_back(name(corruption));
    return out;
  }
  /// Whether severities are the benchmark's, 1 to 5 in any order.
  bool has_benchmark_severities() const {
    const std::vector<int> all = detail::benchmark_severities();
    return severities_.size() == all.size() &&
           std::is_permutation(severities_.begin(), severities_.end(), all.begin());
  }
  /// Whether all of the benchmark is in it: fifteen corruptions, five severities and no other ones. The
  /// measures are those of the literature only then.
  bool has_benchmark() const { return has_benchmark_severities() && missing().empty(); }
  /// What it takes to have the benchmark: "frost", "snow, frost, fog and 3 more", "severities 1 to 5, all of
  /// them and no other"; empty if it has_benchmark().
  std::string lack() const {
    constexpr std::size_t most = 3;
    const std::vector<std::string> names = missing();
    std::string out;
    for (std::size_t k = 0; k < std::min(names.size(), most); ++k) out += (k == 0 ? "" : ", ") + names[k];
    if (names.size() > most) out += text(" and ", names.size() - most, " more");
    if (!has_benchmark_severities())
      out += text(out.empty() ? "" : "; ", "severities 1 to 5, all of them and no other");
    return out;
  }
  /// The rows, that of the lowest mean() first; equal ones by name.
  std::vector<CorruptedPerformance> worst_first() const {
    std::vector<CorruptedPerformance> out = rows_;
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
      const double first = a.mean(), second = b.mean();
      return first == second ? a.corruption < b.corruption : first < second;
    });
    return out;
  }

 private:
  double clean_;
  std::vector<int> severities_;
  std::vector<CorruptedPerformance> rows_{};
};

/// The mean performance over those corruptions and the table's severities, whichever they are. Throws
/// foil::Error unless there is at least one, and all are in the table.
inline double mean_performance_under_corruption(const CorruptionTable& table,
                                                std::span<const std::string_view> corruptions) {
  require(!corruptions.empty(), "corruption measures: expected at least one corruption");
  double sum = 0;
  for (const std::string_view corruption : corruptions) {
    const CorruptedPerformance* row = table.find(corruption);
    require(row != nullptr, "corruption measures: '", corruption, "' is not in the table");
    sum += row->mean();
  }
  return sum / static_cast<double>(corruptions.size());
}

/// The mean performance under corruption, mPC (Michaelis et al. 2019, arXiv:1907.07484): over the benchmark's
/// fifteen corruptions and five severities; others in the table do not count. Throws foil::Error unless
/// CorruptionTable::has_benchmark().
inline double mean_performance_under_corruption(const CorruptionTable& table) {
  require(table.has_benchmark(),
          "corruption measures: expected a table of the benchmark's 15 corruptions at severities 1 to 5, "
          "missing: ",
          table.lack());
  std::vector<std::string_view> names;
  for (const Corruption corruption : benchmark_corruptions()) names.push_back(name(corruption));
  return mean_performance_under_corruption(table, names);
}

/// The relative performance under corruption, rPC = mPC / clean performance, of the same paper: a ratio of
/// means, as its tables have it; its authors' script for Pascal VOC prints the mean of the classes' ratios,
/// another number. Throws foil::Error as above, and unless the clean performance is above 0.
inline double relative_performance_under_corruption(const CorruptionTable& table) {
  require(table.clean() > 0, "corruption measures: expected a clean performance above 0, got ",
          table.clean());
  return mean_performance_under_corruption(table) / table.clean();
}

/// The errors that a model's are set against: shares from 0 to 1.
struct CorruptionBaseline {
  double clean_error;
  std::array<double, benchmark_corruptions().size()>
      errors;  ///< over the severities, means, in the order of benchmark_corruptions()
};

/// AlexNet's errors on ImageNet-C, the baseline of the published mCE: of the corruptions to six digits, of
/// clean images to three. The latter, in relative mCE alone, is as it is usually quoted and was not checked
/// against its source. For ImageNet's 1,000 classes at 224 x 224 and nothing else.
inline constexpr CorruptionBaseline alexnet_on_imagenet_c{
    0.435,
    {0.886428, 0.894468, 0.922640, 0.819880, 0.826268, 0.785948, 0.798360, 0.866816, 0.826572, 0.819324,
     0.564592, 0.853204, 0.646056, 0.717840, 0.606500}};

/// A baseline of one's own, from a table of accuracies as shares. Throws foil::Error unless it has the
/// benchmark, in [0, 1] all of it.
inline CorruptionBaseline corruption_baseline(const CorruptionTable& accuracies) {
  require(accuracies.has_benchmark(),
          "corruption error: expected a table of the benchmark's 15 corruptions at severities 1 to 5, "
          "missing: ",
          accuracies.lack());
  const auto error = [](double accuracy) {
    require(accuracy >= 0 && accuracy <= 1,
            "corruption error: expected accuracies as shares, from 0 to 1, got ", accuracy,
            accuracy > 1 && accuracy <= 100 ? ": percent are to be divided by 100" : "");
    return 1 - accuracy;
  };
  CorruptionBaseline out{error(accuracies.clean()), {}};
  for (std::size_t k = 0; k < benchmark_corruptions().size(); ++k) {
    for (const double accuracy : accuracies.find(name(benchmark_corruptions()[k]))->by_severity)
      out.errors[k] += error(accuracy) / static_cast<double>(corruption_severities);
  }
  return out;
}

/// A model's errors over the baseline's, of which 1 is the baseline's own. Papers print them in percent.
struct CorruptionError {
  std::array<double, benchmark_corruptions().size()>
      by_corruption;  ///< in the order of benchmark_corruptions()
  double mean;
};

namespace detail {

/// Of each corruption the error less `clean` over the baseline's less `clean_baseline`.
inline CorruptionError corruption_error(const CorruptionBaseline& model, const CorruptionBaseline& baseline,
                                        double clean, double clean_baseline) {
  CorruptionError out{{}, 0};
  for (std::size_t k = 0; k < out.by_corruption.size(); ++k) {
    const double whole = baseline.errors[k] - clean_baseline;
    require(whole > 0, "corruption error: expected a baseline with an error under '",
            name(benchmark_corruptions()[k]), "' above ", clean_baseline, ", got ", baseline.errors[k]);
    out.by_corruption[k] = (model.errors[k] - clean) / whole;
    out.mean += out.by_corruption[k] / static_cast<double>(out.by_corruption.size());
  }
  return out;
}

}  // namespace detail

/// The mean corruption error, mCE (Hendrycks and Dietterich 2019): of each corruption the model's error over
/// the baseline's, both summed over the severities, and the mean of the fifteen. Throws foil::Error as
/// corruption_baseline() does, and where the baseline makes no error.
inline CorruptionError mean_corruption_error(const CorruptionTable& accuracies,
                                             const CorruptionBaseline& baseline = alexnet_on_imagenet_c) {
  return detail::corruption_error(corruption_baseline(accuracies), baseline, 0, 0);
}

/// The relative mCE of the same paper: the same of what corruptions add to the error on clean images, each
/// model's own. Negative where a model does better than on clean images. Throws foil::Error as above, and
/// where a corruption adds nothing to the baseline's error.
inline CorruptionError relative_mean_corruption_error(
    const CorruptionTable& accuracies, const CorruptionBaseline& baseline = alexnet_on_imagenet_c) {
  const CorruptionBaseline model = corruption_baseline(accuracies);
  return detail::corruption_error(model, baseline, model.clean_error, baseline.clean_error);
}

}  // namespace foil
