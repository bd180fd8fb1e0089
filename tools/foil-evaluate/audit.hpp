// SPDX-License-Identifier: MIT
/// \file
/// --audit: whether the numbers of an evaluation can be believed.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "command_line.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/audit/check.hpp"
#include "foil/evaluation/audit/policy.hpp"
#include "foil/evaluation/diagnose.hpp"
#include "foil/evaluation/source.hpp"
#include "foil/run/run_options.hpp"
#include "inputs.hpp"
#include "model.hpp"
#include "progress.hpp"
#include "report.hpp"

namespace evaluate {

/// The adversarials of the first samples, which are shown to the model again.
class Kept {
 public:
  /// Of so many samples; 0: none.
  explicit Kept(foil::Index samples) : samples_(samples) {}

  foil::Index samples() const { return samples_; }
  /// Another outcome begins.
  void begin() { all_.emplace_back(); }
  /// A block of it.
  void add(const foil::Block& block, const Images& found);
  std::vector<Images> take() { return std::move(all_); }

 private:
  foil::Index samples_;
  std::vector<Images> all_{};
};

/// The thresholds that the command asks for. Throws foil::Error.
foil::AuditPolicy audit_policy(const Command& command);

/// Says what it will cost, and audits; nothing if it is interrupted. `options` are those that the attacks
/// were run with.
std::optional<AuditTold> audit(const Command& command, const Model& model, Inputs& in, const Samples& samples,
                               const std::vector<Told>& outcomes, const foil::Setting& setting, Kept& kept,
                               foil::RunOptions<Images>& options, Teller& teller,
                               const std::atomic<bool>& interrupted);

}  // namespace evaluate
