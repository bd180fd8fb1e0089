// SPDX-License-Identifier: MIT
/// \file
/// How the attack on one sample ended.
#pragma once

#include <cstdint>
#include <string_view>

namespace foil {

/// How a sample's attack ended.
enum class Status : std::uint8_t {
  not_run,              ///< never reached
  already_adversarial,  ///< the input itself meets the criterion; returned as it is, distance 0
  success,              ///< adversarial found and verified
  converged,            ///< adversarial found and verified, and the attack's own convergence test was met
  not_found,            ///< the attack ran to its end without finding an adversarial
  start_failed,         ///< no starting point was found
  budget_exhausted,     ///< the query budget ended the attack; `success` tells whether something was found
  unstable,             ///< found, but the model did not confirm it when asked again
  invalid_input,        ///< not finite, not within the bounds or not on the lattice; never sent to the model
  non_finite,           ///< not found, and the model answered with NaN or infinity at least once
  interrupted,          ///< the observer stopped the run; `success` tells whether something was found
  failed  ///< the run ended by an exception; what had been found is given, unverified, success = false
};

constexpr std::string_view to_string(Status status) {
  switch (status) {
    case Status::not_run:
      return "not_run";
    case Status::already_adversarial:
      return "already_adversarial";
    case Status::success:
      return "success";
    case Status::converged:
      return "converged";
    case Status::not_found:
      return "not_found";
    case Status::start_failed:
      return "start_failed";
    case Status::budget_exhausted:
      return "budget_exhausted";
    case Status::unstable:
      return "unstable";
    case Status::invalid_input:
      return "invalid_input";
    case Status::non_finite:
      return "non_finite";
    case Status::interrupted:
      return "interrupted";
    case Status::failed:
      return "failed";
  }
  return "unknown";
}

}  // namespace foil
