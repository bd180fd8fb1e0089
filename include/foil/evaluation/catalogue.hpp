// SPDX-License-Identifier: MIT
/// \file
/// All attacks by name, with their options as text: what programs that let their users choose are built on.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "foil/attacks/decision/additive_noise.hpp"
#include "foil/attacks/decision/blended_noise.hpp"
#include "foil/attacks/decision/boundary/boundary.hpp"
#include "foil/attacks/decision/dataset.hpp"
#include "foil/attacks/decision/salt_and_pepper.hpp"
#include "foil/attacks/gradient/brendel_bethge/brendel_bethge.hpp"
#include "foil/attacks/gradient/fast_gradient.hpp"
#include "foil/attacks/gradient/projected_gradient.hpp"
#include "foil/attacks/parts/minimal.hpp"

namespace foil {

/// One option of an attack, in words.
struct OptionInfo {
  std::string name;
  std::string value;  ///< the default, or what was chosen
  std::string meaning;
};

/// Option values by name, as a user writes them: {{"steps", "40"}}.
using OptionValues = std::map<std::string, std::string>;

/// An attack that can be made from texts.
struct AttackEntry {
  std::string name;
  std::vector<std::string> synonyms;
  Lp norm;
  Knowledge knowledge;
  bool minimal;                     ///< looks for the closest adversarial; else it needs epsilons
  std::vector<OptionInfo> options;  ///< with their defaults
  /// The attack with the given options and the defaults for the others. Throws foil::Error naming an option
  /// that it does not have, or a value that makes no sense.
  std::function<AnyAttack(const OptionValues&)> make;
  /// All options as make() would use them.
  std::function<std::vector<OptionInfo>(const OptionValues&)> resolve;
};

/// The texts that stand for the losses.
constexpr auto option_names(Loss) {
  return std::array{std::pair{std::string_view("lsem"), Loss::lsem},
                    std::pair{std::string_view("cross_entropy"), Loss::cross_entropy},
                    std::pair{std::string_view("margin"), Loss::margin},
                    std::pair{std::string_view("dlr"), Loss::dlr}};
}

namespace detail {

inline std::string option_text(bool value) {
  return value ? "true" : "false";
}
/// Enumerations have a constexpr `option_names(E)`: an array of pairs, text and value.
template <class E>
  requires std::is_enum_v<E>
std::string option_text(E value) {
  for (const auto& [name, named] : option_names(value))
    if (named == value) return std::string(name);
  return {};
}
template <class Number>
  requires std::is_arithmetic_v<Number>
std::string option_text(Number value) {
  return text(value);
}

inline void parse_option(std::string_view given, bool& value, const std::string& where) {
  require(given == "true" || given == "false" || given == "1" || given == "0", where,
          ": expected true or false, got '", given, "'");
  value = given == "true" || given == "1";
}
template <class E>
  requires std::is_enum_v<E>
void parse_option(std::string_view given, E& value, const std::string& where) {
  std::string known;
  for (const auto& [name, named] : option_names(value)) {
    if (given == name) {
      value = named;
      return;
    }
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  throw Error(text(where, ": expected one of ", known, ", got '", given, "'"));
}
template <class Number>
  requires std::is_arithmetic_v<Number>
void parse_option(std::string_view given, Number& value, const std::string& where) {
  const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), value);
  require(error == std::errc() && end == given.data() + given.size(), where, ": expected ",
          std::is_integral_v<Number> ? "an integer" : "a number", ", got '", given, "'");
}

template <class Options>
std::vector<OptionInfo> option_infos(const Options& options) {
  std::vector<OptionInfo> infos;
  Options::describe([&](const char* name, auto member, const char* meaning) {
    infos.push_back({name, option_text(std::invoke(member, options)), meaning});
  });
  return infos;
}

template <class Attack>
typename Attack::Options parse_options(const OptionValues& values) {
  typename Attack::Options options;
  std::string known;
  OptionValues left = values;
  Attack::Options::describe([&](const char* name, auto member, const char*) {
    known += (known.empty() ? "" : ", ") + std::string(name);
    const auto given = left.find(name);
    if (given == left.end()) return;
    parse_option(given->second, std::invoke(member, options), text(Attack::name, ": option ", name));
    left.erase(given);
  });
  if (!left.empty())
    throw Error(text(Attack::name, ": no option '", left.begin()->first, "'; it has ", known));
  options.validate();
  return options;
}

template <class Attack>
AttackEntry entry(std::vector<std::string> synonyms = {}) {
  return {std::string(Attack::name),
          std::move(synonyms),
          typename Attack::norm{},
          Attack::knowledge,
          Attack::minimal,
          option_infos(typename Attack::Options{}),
          [](const OptionValues& values) { return AnyAttack(Attack(parse_options<Attack>(values))); },
          [](const OptionValues& values) { return option_infos(parse_options<Attack>(values)); }};
}

/// The attack, and its minimal form.
template <class Attack>
void add(std::vector<AttackEntry>& entries, std::vector<std::string> synonyms = {}) {
  entries.push_back(entry<Attack>(synonyms));
  if constexpr (!Attack::minimal) {
    for (auto& synonym : synonyms) synonym = "minimal-" + synonym;
    entries.push_back(entry<Minimal<Attack>>(std::move(synonyms)));
  }
}

}  // namespace detail

/// Every attack of the library, in the order of the README's table. A fixed-budget attack is followed by its
/// minimal form, "minimal-" and its name.
inline const std::vector<AttackEntry>& attack_registry() {
  static const std::vector<AttackEntry> entries = [] {
    std::vector<AttackEntry> all;
    using detail::add;
    add<FGSM>(all, {"linf-fgm", "linf-fast-gradient"});
    add<L2FastGradientAttack>(all, {"fgm", "l2-fast-gradient"});
    add<L1FastGradientAttack>(all, {"l1-fast-gradient"});
    add<LinfBasicIterativeAttack>(all, {"linf-basic-iterative"});
    add<L2BasicIterativeAttack>(all, {"l2-basic-iterative"});
    add<L1BasicIterativeAttack>(all, {"l1-basic-iterative"});
    add<LinfAdamBasicIterativeAttack>(all, {"linf-adam-basic-iterative"});
    add<L2AdamBasicIterativeAttack>(all, {"l2-adam-basic-iterative"});
    add<L1AdamBasicIterativeAttack>(all, {"l1-adam-basic-iterative"});
    add<LinfPGD>(all, {"pgd", "linf-projected-gradient-descent"});
    add<L2PGD>(all, {"l2-projected-gradient-descent"});
    add<L1PGD>(all, {"l1-projected-gradient-descent"});
    add<LinfAdamPGD>(all, {"adam-pgd", "linf-adam-projected-gradient-descent"});
    add<L2AdamPGD>(all, {"l2-adam-projected-gradient-descent"});
    add<L1AdamPGD>(all, {"l1-adam-projected-gradient-descent"});
    add<L2AdditiveGaussianNoiseAttack>(all);
    add<L2AdditiveUniformNoiseAttack>(all);
    add<LinfAdditiveUniformNoiseAttack>(all);
    add<L2RepeatedAdditiveGaussianNoiseAttack>(all);
    add<L2RepeatedAdditiveUniformNoiseAttack>(all);
    add<LinfRepeatedAdditiveUniformNoiseAttack>(all);
    add<L2ClippingAwareAdditiveGaussianNoiseAttack>(all);
    add<L2ClippingAwareAdditiveUniformNoiseAttack>(all);
    add<L2ClippingAwareRepeatedAdditiveGaussianNoiseAttack>(all);
    add<L2ClippingAwareRepeatedAdditiveUniformNoiseAttack>(all);
    add<BoundaryAttack>(all, {"l2-boundary"});
    add<LinearSearchBlendedUniformNoiseAttack>(all, {"linear-search-blended-uniform-noise"});
    add<SaltAndPepperNoiseAttack>(all, {"salt-and-pepper-noise"});
    add<L0SaltAndPepperNoiseAttack>(all, {"l0-salt-and-pepper-noise"});
    add<DatasetAttack>(all, {"l2-dataset"});
    add<L1DatasetAttack>(all);
    add<LinfDatasetAttack>(all);
    add<L0BrendelBethgeAttack>(all);
    add<L1BrendelBethgeAttack>(all);
    add<L2BrendelBethgeAttack>(all, {"brendel-bethge"});
    add<LinfinityBrendelBethgeAttack>(all, {"linf-brendel-bethge"});
    return all;
  }();
  return entries;
}

/// The attack of that name or synonym. Throws foil::Error, naming close matches, if there is none.
inline const AttackEntry& find_attack(std::string_view name) {
  std::string close;
  for (const AttackEntry& entry : attack_registry()) {
    if (entry.name == name ||
        std::find(entry.synonyms.begin(), entry.synonyms.end(), name) != entry.synonyms.end())
      return entry;
    if (entry.name.find(name) != std::string::npos && !entry.name.starts_with("minimal-"))
      close += (close.empty() ? "" : ", ") + entry.name;
  }
  throw Error(text("attack: there is no '", name, "'", close.empty() ? "" : "; did you mean ", close));
}

}  // namespace foil
