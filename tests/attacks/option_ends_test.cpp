// SPDX-License-Identifier: MIT
// Every option of every attack at its lowest and its highest value, by what the catalogue says of its range.
#include <cmath>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "catalogue/all_attacks.hpp"
#include "support/affine_problem.hpp"
#include "support/catch.hpp"

using namespace foil;
using namespace foil::test;

namespace {

using Rows = Tensor<float, 4>;  // images of three pixels: every option means something to them

/// The ends of a range as they are written: ">= 1", "> 0", "in (0, 1]", or nothing.
struct Ends {
  std::string low, high;
};
Ends ends_of(const OptionInfo& option) {
  constexpr double most = std::numeric_limits<double>::max();
  const std::string& range = option.range;
  const auto number = [](const std::string& from) { return std::strtod(from.c_str(), nullptr); };
  double low = -most, high = most;
  if (range.starts_with(">= ")) {
    low = number(range.substr(3));
  } else if (range.starts_with("> ")) {
    low = std::nextafter(number(range.substr(2)), most);
  } else if (!range.empty()) {
    REQUIRE(range.starts_with("in "));
    const auto comma = range.find(", ");
    REQUIRE(comma != std::string::npos);
    low = number(range.substr(4));
    high = number(range.substr(comma + 2));
    if (range[3] == '(') low = std::nextafter(low, most);
    if (range.back() == ')') high = std::nextafter(high, -most);
  }
  const auto written = [](double value) {
    const bool whole = std::abs(value) < 1e9 && value == std::round(value);
    return whole ? std::to_string(static_cast<int>(value)) : text(value);
  };
  return {written(low), written(high)};
}

bool is_number(const std::string& value) {
  char* end = nullptr;
  std::strtod(value.c_str(), &end);
  return !value.empty() && *end == '\0';
}

/// Affine classes of three features, which every attack can leave.
template <class Input = Rows>
AffineProblem<Input> tiny_problem(bool bounded) {
  using Scalar = typename Input::Scalar;
  const Scalar end = bounded ? 1 : std::numeric_limits<Scalar>::infinity();
  Eigen::MatrixXd weights(3, 3);
  weights << 1, -1, 0.5, -0.5, 1, 0.25, 0.1, 0.2, -1;
  AffineProblem<Input> p{{weights, Eigen::Vector3d::Zero(), {-end, end}}, Input(2, 1, 1, 3), Labels(2)};
  as_matrix(p.inputs) << Scalar(0.3), Scalar(0.1), Scalar(0.2), Scalar(-0.2), Scalar(0.4), Scalar(0.1);
  p.labels = predict(p.model, p.inputs);
  return p;
}

}  // namespace

TEST_CASE("an option at either end of its range is refused when the attack is made, or gives sound results") {
  int runs = 0, refused = 0;
  for (const bool bounded : {true, false}) {
    const auto p = tiny_problem(bounded);
    Rows others(4, 1, 1, 3);
    as_matrix(others) << 0.9f, -0.9f, 0.f, -0.9f, 0.9f, 0.f, 0.f, 0.2f, -0.9f, 0.1f, 0.1f, 0.1f;
    const Pool<Rows> pool(p.model, others);
    for (const AttackEntry& entry : programs::all_attacks().entries())
      for (const OptionInfo& option : entry.options) {
        std::vector<std::string> values;
        if (is_number(option.value)) {
          const auto [low, high] = ends_of(option);
          values = {low, high, text(std::numeric_limits<int>::max())};
        } else {
          for (std::size_t from = 0; from != std::string::npos;) {
            const auto to = option.range.find(", ", from);
            values.push_back(option.range.substr(from, to == std::string::npos ? to : to - from));
            from = to == std::string::npos ? to : to + 2;
          }
        }
        for (const std::string& value : values)
          for (const double epsilon : {0.25, 1e-3}) {
            if (entry.minimal && epsilon != 0.25) continue;
            INFO(entry.name << ":" << option.name << "=" << value << ", range " << option.range
                            << (bounded ? "" : ", no bounds"));
            std::unique_ptr<AnyAttack> attack;
            try {
              attack = std::make_unique<AnyAttack>(entry.make({{option.name, value}}));
            } catch (const Error& error) {
              ++refused;
              const std::string message = error.what();
              CHECK(message.find(option.name) != std::string::npos);
              continue;
            }
            ++runs;
            const auto result = (*attack)(p.model, p.inputs, p.labels, epsilon,
                                          {.threads = 1, .query_budget = 40, .pool = pool});
            for (Index i = 0; i < result.size(); ++i) {
              const auto at = sample(result.adversarials, i);
              REQUIRE(at.allFinite());
              REQUIRE_FALSE(std::isnan(result.distances[i]));
              REQUIRE(result.queries[i] <= 40);
              REQUIRE(result.status[static_cast<std::size_t>(i)] != Status::non_finite);
              REQUIRE(result.status[static_cast<std::size_t>(i)] != Status::unstable);
              if (!result.success[i]) continue;
              REQUIRE(predict(p.model, result.adversarials)[i] != p.labels[i]);
              REQUIRE(distance(entry.norm, sample(p.inputs, i), at) == result.distances[i]);
            }
          }
      }
  }
  CHECK(runs > 1000);
  CHECK(refused > 100);
}

TEST_CASE("a sample that is wrong as it is and lies in its own pool takes no attack anywhere") {
  auto p = tiny_problem(true);
  const Pool<Rows> pool(p.model, p.inputs);
  p.labels[0] = (p.labels[0] + 1) % 3;
  std::vector<AnyAttack> attacks;
  for (const AttackEntry& entry : programs::all_attacks().entries()) attacks.push_back(entry.make({}));
  for (const char* option : {"starts", "challengers"})
    attacks.push_back(programs::all_attacks().find("boundary").make({{option, "1"}}));
  attacks.push_back(programs::all_attacks().find("boundary").make({{"mode", "paper"}}));
  for (const AnyAttack& attack : attacks) {
    INFO(attack.name());
    const auto result = attack(p.model, p.inputs, p.labels, 0.25, {.query_budget = 40, .pool = pool});
    CHECK(result.status[0] == Status::already_adversarial);
    CHECK(result.queries[0] == 1);
    CHECK(result.distances[0] == 0);
  }
}

TEST_CASE("a radius that few numbers can express, or none, gives sound results") {
  const auto check = []<class Input>(AffineProblem<Input> p) {
    as_matrix(p.inputs).col(1).setZero();  // around zero there are the smallest numbers
    p.labels = predict(p.model, p.inputs);
    for (const AttackEntry& entry : programs::all_attacks().entries()) {
      if (entry.minimal && !entry.minimal_form) continue;
      for (const double radius : {5e-324, 6e-311, 1e-300, 1e-150, 1e-44, 1e-30, 1e-9}) {
        INFO(entry.name << " at " << radius << " with " << sizeof(typename Input::Scalar) << " bytes");
        const auto options = entry.minimal ? OptionValues{{"first_epsilon", text(radius)}} : OptionValues{};
        const auto result = entry.make(options)(p.model, p.inputs, p.labels, radius,
                                                RunOptions<Input>{.threads = 1, .query_budget = 40});
        for (Index i = 0; i < result.size(); ++i) {
          const Status status = result.status[static_cast<std::size_t>(i)];
          CHECK((status != Status::non_finite && status != Status::unstable));
          CHECK(result.queries[i] <= 40);
          CHECK((!result.success[i] || predict(p.model, result.adversarials)[i] != p.labels[i]));
          CHECK((!result.success[i] || entry.minimal));
        }
      }
    }
  };
  check(tiny_problem(true));
  check(tiny_problem<Tensor<double, 4>>(true));
}
