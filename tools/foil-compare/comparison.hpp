// SPDX-License-Identifier: MIT
/// \file
/// Results of several runs, set side by side.
#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "foil/core/norms.hpp"
#include "foil/core/summary.hpp"
#include "foil/evaluation/binomial.hpp"
#include "foil/evaluation/record.hpp"
#include "results.hpp"

namespace compare {

/// How a file differs from the first on the samples that both have a verdict about.
struct Pairs {
  foil::Index count = 0;
  foil::Index only_first = 0, only_this = 0;      ///< robust in the one and not in the other
  foil::Interval difference{-1, 1};               ///< of robust accuracy, this one's minus the first's
  double p = 1;                                   ///< of McNemar's test
  foil::Index attacked = 0;                       ///< of both, over which distances are compared
  foil::Index closer_first = 0, closer_this = 0;  ///< fooled at a smaller distance
  double closer_p = 1;                            ///< of the sign test on these
  double ratio =
      std::numeric_limits<double>::quiet_NaN();  ///< median of this one's distance over the first's
  foil::Interval ratios{0, std::numeric_limits<double>::infinity()};  ///< the interval of that median

  double changed() const { return foil::share(only_this - only_first, count); }
};

/// One attack, at one radius or none, in one file.
struct Line {
  std::string attack;
  foil::Lp norm;
  std::optional<double> epsilon;  ///< asked about, or looked at within
  std::size_t file;               ///< number
  foil::Summary summary;
  foil::Interval robust, success, median;
  double forward, backward;      ///< model calls per sample
  std::optional<double> area{};  ///< the mean robust accuracy from 0 to Options::area_to
  Pairs pairs{};                 ///< with the first file
};

struct Options {
  double confidence = 0.95;
  std::vector<double>
      epsilons{};  ///< within which attacks that look for the smallest distance are looked at too
  std::optional<double> area_to{};
};

struct Comparison {
  std::vector<Line> lines{};                           ///< attack by attack, the files of each in order
  std::vector<std::string> notes{};                    ///< what differs beside the figures
  std::size_t samples = 0;                             ///< rows that all files have
  std::vector<std::vector<foil::Outcome>> outcomes{};  ///< of each file, of attacks and rows that all have
};

/// Sets files side by side, on the rows that all of them have, attacks of the same name, norm and epsilon
/// with each other, and the worst cases over those. Throws foil::Error where figures of different questions
/// would be compared: other bounds, labels, targets, or no row or attack in common.
Comparison compare(const std::vector<Results>& files, const Options& options);

/// The figures of a comparison as a table, its head first.
/// \param repeated  whether each line has its attack, or the first of each attack alone
std::vector<std::vector<std::string>> cells(const Comparison& found, const Options& options, bool repeated);

}  // namespace compare
