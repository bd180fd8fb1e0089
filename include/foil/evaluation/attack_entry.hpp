// SPDX-License-Identifier: MIT
/// \file
/// Attacks that can be made from texts, and a list of them.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/attacks/parts/minimal.hpp"
#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/parse.hpp"
#include "foil/run/any_attack.hpp"
#include "foil/run/options_list.hpp"

namespace foil {

namespace detail {

/// An attack with its options, from which others with other options are made; its type is forgotten.
class Prototype {
 public:
  virtual ~Prototype() = default;
  virtual std::unique_ptr<Prototype> copy() const = 0;
  /// Refers to the options of this prototype.
  virtual OptionList options() = 0;
  virtual AnyAttack make() const = 0;
};

template <class Attack>
class PrototypeOf final : public Prototype {
 public:
  explicit PrototypeOf(const Attack& attack) : attack_(attack), options_(attack.options()) {}
  std::unique_ptr<Prototype> copy() const override { return std::make_unique<PrototypeOf>(*this); }
  OptionList options() override {
    OptionList all;
    options_.list(all);
    return all;
  }
  AnyAttack make() const override {
    if constexpr (requires { Attack(options_, attack_.name()); })
      return Attack(options_, attack_.name());
    else
      return Attack(options_);
  }

 private:
  Attack attack_;
  typename Attack::Options options_;
};

class MinimalPrototype final : public Prototype {
 public:
  explicit MinimalPrototype(std::unique_ptr<Prototype> attack) : attack_(std::move(attack)) {}
  MinimalPrototype(const MinimalPrototype& other) : attack_(other.attack_->copy()), search_(other.search_) {}
  std::unique_ptr<Prototype> copy() const override { return std::make_unique<MinimalPrototype>(*this); }
  OptionList options() override {
    OptionList all;
    search_.list(all);
    all.append(attack_->options());
    return all;
  }
  AnyAttack make() const override { return minimal_form(attack_->make(), search_); }

 private:
  std::unique_ptr<Prototype> attack_;
  RadiusSearch search_{};
};

}  // namespace detail

/// What the attacks of a family have in common, in words.
struct FamilyInfo {
  std::string title;
  std::string paper;  ///< empty where there is none
  std::string cost;   ///< model calls per sample
};

/// An attack that can be made from texts.
struct AttackEntry {
  std::string name;
  std::vector<std::string> synonyms;
  Lp norm;
  Knowledge knowledge;
  bool minimal;       ///< looks for the closest adversarial; else it needs epsilons
  bool minimal_form;  ///< made of the entry before it, by a search for the smallest radius
  FamilyInfo family;
  std::vector<OptionInfo> options;  ///< with their defaults
  std::shared_ptr<const detail::Prototype> prototype;

  /// The attack with the given options and the defaults for the others. Throws foil::Error naming an option
  /// that it does not have, or a value that makes no sense.
  AnyAttack make(const OptionValues& values) const { return with(values)->make(); }
  /// Whether that is its name or a synonym.
  bool is_called(std::string_view this_name) const {
    return name == this_name || std::find(synonyms.begin(), synonyms.end(), this_name) != synonyms.end();
  }
  /// All options as make() would use them.
  std::vector<OptionInfo> resolve(const OptionValues& values) const {
    const auto chosen = with(values);
    chosen->make();  // checks them
    return chosen->options().infos();
  }

 private:
  std::unique_ptr<detail::Prototype> with(const OptionValues& values) const {
    auto chosen = prototype->copy();
    chosen->options().parse(name, values);
    return chosen;
  }
};

/// A list of attacks by name. A fixed-budget attack is followed by its minimal form, "minimal-" and its name,
/// unless it is a suite.
class Catalogue {
 public:
  const std::vector<AttackEntry>& entries() const { return entries_; }

  /// The attack of that name or synonym. Throws foil::Error, naming close matches, if there is none.
  const AttackEntry& find(std::string_view name) const {
    std::vector<std::string_view> names;
    std::string holding;
    for (const AttackEntry& entry : entries_) {
      if (entry.is_called(name)) return entry;
      names.push_back(entry.name);
      names.insert(names.end(), entry.synonyms.begin(), entry.synonyms.end());
      if (entry.name.find(name) != std::string::npos && !entry.minimal_form)
        holding += (holding.empty() ? "; did you mean " : ", ") + entry.name;
    }
    constexpr std::string_view prefix = "minimal-";
    std::string hint = did_you_mean(name, names);
    if (hint.empty() && !holding.empty()) hint = holding + '?';
    if (name.starts_with(prefix))
      for (const AttackEntry& entry : entries_)
        if (entry.is_called(name.substr(prefix.size())))
          hint = text("; ", entry.name, " looks for the smallest radius as it is");
    throw Error(text("attack: there is no '", name, "'", hint));
  }

  /// The attacks added from now on are of this family.
  void family(std::string title, std::string paper, std::string cost) {
    family_ = {std::move(title), std::move(paper), std::move(cost)};
  }
  /// Adds an attack, whose options are the defaults, and its minimal form if it has one.
  template <class Attack>
  void add(const Attack& attack, const std::vector<std::string>& synonyms = {}) {
    enter_both_forms(std::make_unique<detail::PrototypeOf<Attack>>(attack), synonyms);
  }

 private:
  void enter_both_forms(std::unique_ptr<detail::Prototype> prototype, std::vector<std::string> synonyms) {
    if (!enter(prototype->copy(), synonyms, false)) return;
    for (std::string& synonym : synonyms) synonym.insert(0, "minimal-");
    enter(std::make_unique<detail::MinimalPrototype>(std::move(prototype)), synonyms, true);
  }
  /// Whether the attack has a minimal form beside it.
  bool enter(std::unique_ptr<detail::Prototype> prototype, const std::vector<std::string>& synonyms,
             bool form) {
    const AnyAttack attack = prototype->make();
    entries_.push_back({attack.name(), synonyms, attack.norm(), attack.knowledge(), attack.minimal(), form,
                        family_, prototype->options().infos(), nullptr});
    entries_.back().prototype = std::move(prototype);
    return !attack.minimal() && attack.stages().empty();
  }

  std::vector<AttackEntry> entries_{};
  FamilyInfo family_{};
};

}  // namespace foil
