// SPDX-License-Identifier: MIT
/// \file
/// The options of JSMA.
#pragma once

#include <array>
#include <string_view>
#include <utility>

#include "foil/run/options_list.hpp"

namespace foil {

/// Where JSMA goes if a class is to be left.
enum class JsmaRule {
  away,     ///< where the class loses most
  maximal,  ///< in every step to the class of the largest saliency
  each      ///< to each of the candidates, one after the other
};
/// The texts that stand for the values of an option.
constexpr auto option_names(JsmaRule) {
  return std::array{std::pair{std::string_view("away"), JsmaRule::away},
                    std::pair{std::string_view("maximal"), JsmaRule::maximal},
                    std::pair{std::string_view("each"), JsmaRule::each}};
}

/// What the saliency map is one of.
enum class JsmaOutputs { probabilities, logits };
/// The texts that stand for the values of an option.
constexpr auto option_names(JsmaOutputs) {
  return std::array{std::pair{std::string_view("probabilities"), JsmaOutputs::probabilities},
                    std::pair{std::string_view("logits"), JsmaOutputs::logits}};
}

/// Options of foil::JacobianSaliencyAttack.
struct JacobianSaliencyOptions {
  int moves = 1000;
  double step = 1;
  bool pairs = false;
  JsmaRule rule = JsmaRule::each;
  JsmaOutputs outputs = JsmaOutputs::probabilities;
  int candidates = 10;
  int last_removals = 10;

  void list(OptionList& option) {
    option("moves", moves, "moves at most, of one feature or a pair", at_least(1));
    option("step", step, "length of a move, as a share of the feature's range", above(0, 1));
    option("pairs", pairs, "two features move at once, as published, else one");
    option("rule", rule,
           "if a class is to be left: away from it, to the class of the largest saliency, or to "
           "each of the candidates in turn");
    option("outputs", outputs, "whose saliency map it is");
    option("candidates", candidates, "classes that may be gone to, those of largest logit at the input",
           at_least(1));
    option("last_removals", last_removals, "in the end, features of the closest that are put back on trial",
           at_least(0));
  }
};

}  // namespace foil
