// SPDX-License-Identifier: MIT
/// \file
/// Invertible networks as a text describes them, a step a line.
#pragma once

#include <Eigen/Core>
#include <array>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/bounds.hpp"
#include "foil/core/error.hpp"
#include "foil/core/parse.hpp"
#include "foil/core/tensor.hpp"
#include "foil/models/flow/coupling.hpp"
#include "foil/models/flow/flow.hpp"
#include "foil/models/flow/reorder.hpp"
#include "foil/models/flow/row_function.hpp"
#include "foil/models/flow/step.hpp"

namespace foil {

/// Makes the function that a coupling's line names, of the channels that the coupling keeps.
template <class Scalar>
using NamedFunctions = std::function<RowFunction<Scalar>(std::string_view name, const FlowShape& kept)>;

namespace detail {

/// The words of one line, taken one after the other.
class FlowLine {
 public:
  FlowLine(std::string_view line, std::size_t number) : number_(number) {
    line = line.substr(0, line.find('#'));
    for (std::string_view word : parts_of(line, ' ')) {
      if (!word.empty() && word.back() == '\r') word.remove_suffix(1);
      if (!word.empty()) words_.push_back(word);
    }
  }

  bool empty() const { return words_.empty(); }
  std::size_t left() const { return words_.size() - next_; }

  template <class... Parts>
  void require(bool condition, const Parts&... parts) const {
    if (!condition) throw Error(text("flow: line ", number_, ": ", parts...));
  }

  /// Says of errors of others as well which line they are about.
  template <class F>
  void name_line(const F& act) const {
    const std::string place = text("flow: line ", number_, ": ");
    try {
      act();
    } catch (const Error& error) {
      std::string_view what = error.what();
      if (what.starts_with(place)) throw;
      if (what.starts_with("flow: ")) what.remove_prefix(6);
      throw Error(place + std::string(what));
    }
  }

  std::string_view word(std::string_view what) {
    require(next_ < words_.size(), "expected ", what);
    return words_[next_++];
  }
  Index whole(std::string_view what) {
    const std::string_view given = word(what);
    const auto value = parse_whole<Index>(given);
    require(value.has_value(), "expected ", what, ", got '", given, "'");
    return *value;
  }
  double real(std::string_view what) {
    const std::string_view given = word(what);
    const auto value = parse_real(given);
    require(value.has_value(), "expected ", what, ", got '", given, "'");
    return *value;
  }
  /// All that are left.
  Eigen::VectorXd reals(std::string_view what) {
    Eigen::VectorXd out(static_cast<Index>(left()));
    for (double& value : out) value = real(what);
    return out;
  }
  FlowOrder wholes(std::string_view what) {
    FlowOrder out;
    while (left() > 0) out.push_back(whole(what));
    return out;
  }
  void end() const { require(left() == 0, "'", next_ < words_.size() ? words_[next_] : "", "' is too much"); }

 private:
  std::size_t number_, next_ = 0;
  std::vector<std::string_view> words_{};
};

/// A flow, line by line.
template <Batch Input>
class FlowDescription {
 public:
  using Scalar = typename Input::Scalar;

  explicit FlowDescription(const NamedFunctions<Scalar>& functions) : functions_(functions) {}

  Flow<Input> read(std::string_view all) {
    constexpr std::size_t most_numbers = std::size_t{1} << 25;
    std::size_t number = 0, numbers = 0;
    for (const std::string_view line : parts_of(all, '\n')) {
      FlowLine words(line, ++number);
      if (words.empty()) continue;
      if (stage_ == 0) {
        words.require(words.word("foil-flow") == "foil-flow" && words.whole("version 1") == 1,
                      "expected 'foil-flow 1'");
      } else if (stage_ == 1) {
        words.require(words.word("input") == "input", "expected 'input' and the shape of a sample");
        input(words);
      } else {
        words.name_line([&] { step(words); });
        numbers += static_cast<std::size_t>(flow_[0].shape().size());
        words.require(numbers <= most_numbers, "expected a flow of at most ", most_numbers,
                      " numbers times steps");
      }
      words.end();
      ++stage_;
    }
    require(stage_ > 1, "flow: expected 'foil-flow 1', then 'input' and the shape of a sample");
    flow_[0].semantic_size();
    return std::move(flow_[0]);
  }

 private:
  static constexpr std::size_t rank = Input::NumIndices - 1;

  void input(FlowLine& words) {
    constexpr Index most = Index{1} << 24;
    words.require(words.left() == rank, "expected a sample of ", rank, " extents, got ", words.left());
    std::array<Index, rank> sample{};
    Index room = most;
    for (Index& extent : sample) {
      extent = words.whole("an extent");
      words.require(extent >= 1 && extent <= room, "expected samples of 1 to ", most, " numbers");
      room /= extent;
    }
    flow_.emplace_back(sample);
  }

  void step(FlowLine& words) {
    Flow<Input>& flow = flow_[0];
    const std::string_view what = words.word("a step");
    const auto one = [](double value) { return Eigen::VectorXd::Constant(1, value); };
    if (what == "bounds") {
      const double low = words.real("a lower bound"), high = words.real("an upper bound");
      words.require(low < high, "expected lower < upper");
      flow.set_bounds({static_cast<Scalar>(low), static_cast<Scalar>(high)});
    } else if (what == "squeeze") {
      flow.squeeze(words.whole("the side of a square"));
    } else if (what == "flatten") {
      flow.flatten();
    } else if (what == "reverse") {
      flow.reverse();
    } else if (what == "permute") {
      flow.permute(words.wholes("a channel"));
    } else if (what == "front") {
      flow.front(words.wholes("an entry"));
    } else if (what == "scale") {
      flow.act_norm(words.reals("a scale"), one(0));
    } else if (what == "shift") {
      flow.act_norm(one(1), words.reals("a shift"));
    } else if (what == "mix") {
      const Index channels = flow.shape().channels;
      const Eigen::VectorXd numbers = words.reals("a number of the matrix");
      words.require(numbers.size() % channels == 0 && numbers.size() / channels == channels,
                    "expected a matrix of ", channels, " x ", channels, " numbers, got ", numbers.size());
      flow.mix(numbers.template reshaped<Eigen::RowMajor>(channels, channels));
    } else if (what == "additive" || what == "sigmoid" || what == "exponential") {
      const CouplingKind kind = what == "additive"  ? CouplingKind::additive
                                : what == "sigmoid" ? CouplingKind::sigmoid
                                                    : CouplingKind::exponential;
      const std::string_view name = words.word("a file");
      const Index kept = words.left() > 0 ? words.whole("the channels to keep") : flow.shape().channels / 2;
      words.require(kept >= 1 && kept < flow.shape().channels, "a coupling of ", flow.shape().channels,
                    " channels was to keep ", kept, ", expected some but not all");
      flow.couple(kind, functions_(name, {kept, flow.shape().height, flow.shape().width}), kept);
    } else if (what == "split") {
      flow.split(words.whole("the channels to go on with"));
    } else if (what == "semantics") {
      flow.semantics(words.whole("the number of logits"));
    } else {
      constexpr std::array<std::string_view, 14> steps{
          "bounds", "squeeze",  "flatten", "reverse",     "permute", "front", "scale",
          "shift",  "additive", "sigmoid", "exponential", "mix",     "split", "semantics"};
      words.require(false, "there is no step '", what, "'", did_you_mean(what, steps));
    }
  }

  const NamedFunctions<Scalar>& functions_;
  std::vector<Flow<Input>> flow_{};  // one, once its shape is known
  std::size_t stage_ = 0;
};

}  // namespace detail

/// The flow of a text, a step a line, `#` before what is no part of it:
///
///     foil-flow 1
///     input 1 28 28               the shape of a sample: features, or channels, height and width
///     bounds 0 1                  of inputs; [0, 1] unless said otherwise
///     squeeze 2                   squares of this side become channels
///     flatten                     all numbers become channels
///     permute 2 0 1               channels in another order
///     reverse                     the last channel first
///     front 392 393               these entries first, the others behind them
///     scale 2 0.5                 one number for each channel, or for all
///     shift 0.1                   the same
///     mix 0 1 -1 0                the rows of a matrix, one number for each pair of channels
///     additive f [kept]           y = x + said, said being f of the first `kept` channels, or of half of
///     them sigmoid f [kept]            y = sigmoid(h + 2) x + t; see foil::CouplingKind exponential f [kept]
///     y = exp(h) x + t split 2                     only the first channels go on semantics 10 so many of the
///     code's first numbers are logits
///
/// Throws foil::Error naming the line for all else, and for samples of more than 2^24 numbers or steps that
/// are together about more than 2^25.
/// \param functions  makes what couplings name
template <Batch Input>
Flow<Input> parse_flow(std::string_view text, const NamedFunctions<typename Input::Scalar>& functions) {
  return detail::FlowDescription<Input>(functions).read(text);
}

}  // namespace foil
