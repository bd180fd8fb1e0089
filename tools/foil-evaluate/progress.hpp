// SPDX-License-Identifier: MIT
/// \file
/// Live progress on stderr: one line kept up to date on a terminal, now and then a plain line elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "foil/core/tensor.hpp"

namespace evaluate {

class ProgressLine {
 public:
  /// `label` says what is being done, in a few words.
  explicit ProgressLine(std::string label);
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine();

  void update(foil::Index done, foil::Index total, std::optional<foil::Index> found, std::int64_t forward,
              std::int64_t backward);
  /// Leaves a last line behind.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  void print();

  std::string label_;
  bool terminal_, open_ = false;  // the last line lacks its end
  Clock::time_point start_ = Clock::now(), next_;
  foil::Index done_ = 0, total_ = 0;
  std::optional<foil::Index> found_;
  std::int64_t forward_ = 0, backward_ = 0;
};

}  // namespace evaluate
