// SPDX-License-Identifier: MIT
#include "foil/evaluation/audit/success.hpp"

#include <cstddef>
#include <limits>
#include <optional>
#include <vector>

#include "foil/evaluation/audit/list.hpp"
#include "support/catch.hpp"

namespace {
using namespace foil;

/// An outcome of samples that were right, each fooled at the distance given (infinity: not at all).
Outcome outcome(const char* attack, std::optional<double> epsilon, const std::vector<double>& distances) {
  Outcome out(attack, Linf{}, epsilon);
  out.knowledge = Knowledge::gradients;
  out.classes = 10;
  for (std::size_t i = 0; i < distances.size(); ++i) {
    const bool found = distances[i] < std::numeric_limits<double>::infinity();
    out.records.push_back({static_cast<std::int64_t>(i), found ? Status::success : Status::not_found, found,
                           true, 0, distances[i], 10, 10, found ? 1 : 0});
  }
  return out;
}
/// `fooled` of 100 samples, at that radius.
Outcome fooled(const char* attack, double epsilon, std::size_t count) {
  std::vector<double> distances(100, std::numeric_limits<double>::infinity());
  for (std::size_t i = 0; i < count; ++i) distances[i] = epsilon;
  return outcome(attack, epsilon, distances);
}

TEST_CASE("audit C7: success that falls as the radius grows", "[audit]") {
  CHECK(check("C7", {}).verdict() == Verdict::skip);
  CHECK(check("C7", {.outcomes = {fooled("pgd", 0.1, 40)}}).verdict() == Verdict::skip);
  const auto verdict = [](std::size_t near, std::size_t far) {
    return check("C7", {.outcomes = {fooled("pgd", 0.2, far), fooled("pgd", 0.1, near)}}).verdict();
  };
  CHECK(verdict(40, 60) == Verdict::pass);
  CHECK(verdict(40, 39) == Verdict::pass);
  CHECK(verdict(40, 38) == Verdict::fail);
}
}  // namespace
