// SPDX-License-Identifier: MIT
/// \file
/// Conversion of ONNX's Einsum, turned into sums, transpositions and matrix products.
#pragma once

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/nn/operators/along_axis.hpp"
#include "foil/onnx/builder.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/node_view.hpp"
#include "foil/onnx/products.hpp"
#include "foil/onnx/resize.hpp"
#include "foil/onnx/shapes.hpp"
#include "foil/onnx/value.hpp"

namespace foil::onnx::detail {

/// An equation: one letter for each axis of the operands and of the result. Axes that "..." stands for are
/// digits, counted from the last one.
struct EinsumTerms {
  std::vector<std::string> operands;
  std::string result;
};

/// Reads an equation for operands of these ranks.
inline EinsumTerms read_equation(const NodeView& at, const std::vector<std::size_t>& ranks) {
  std::string text = at.string("equation", "");
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  const std::size_t arrow = text.find("->");
  const bool explicit_result = arrow != std::string::npos;
  std::string result = explicit_result ? text.substr(arrow + 2) : "";
  std::vector<std::string> operands{""};
  for (const char c : text.substr(0, arrow))
    if (c == ',')
      operands.emplace_back();
    else
      operands.back() += c;
  at.require(operands.size() == ranks.size(), "the equation '", text, "' has ", operands.size(),
             " operands, the node ", ranks.size());
  std::size_t widest = 0;  // axes that "..." stands for
  at.require(std::none_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c) != 0; }),
             "cannot read the equation '", text, "'");
  const auto expand = [&](std::string& term, std::size_t axes) {
    const std::size_t dots = term.find("...");
    if (dots == std::string::npos) return;
    std::string digits;
    for (std::size_t i = axes; i-- > 0;) digits += static_cast<char>('0' + i);
    term.replace(dots, 3, digits);
    widest = std::max(widest, axes);
  };
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    const bool dots = operands[i].find("...") != std::string::npos;
    const std::size_t letters = operands[i].size() - (dots ? 3 : 0);
    at.require(dots ? letters <= ranks[i] && ranks[i] - letters < 10 : letters == ranks[i], "operand ", i,
               " of the equation '", text, "' does not have rank ", ranks[i]);
    expand(operands[i], ranks[i] - letters);
  }
  if (explicit_result) {
    expand(result, widest);
  } else {  // "...", and then the letters that occur once, in alphabetical order
    std::string all;
    for (const std::string& term : operands) all += term;
    for (std::size_t i = widest; i-- > 0;) result += static_cast<char>('0' + i);
    std::string once;
    for (const char c : all)
      if (std::isdigit(static_cast<unsigned char>(c)) == 0 && std::count(all.begin(), all.end(), c) == 1)
        once += c;
    std::sort(once.begin(), once.end());
    result += once;
  }
  operands.push_back(result);
  for (const std::string& term : operands)
    for (std::size_t i = 0; i < term.size(); ++i) {
      const auto c = static_cast<unsigned char>(term[i]);
      at.require(std::isalnum(c) != 0, "cannot read the equation '", text, "'");
      at.require(term.find(term[i], i + 1) == std::string::npos, "diagonals, as in '", text,
                 "', are not supported");
    }
  operands.pop_back();
  for (const char c : result)
    at.require(std::any_of(operands.begin(), operands.end(),
                           [c](const std::string& term) { return term.find(c) != std::string::npos; }),
               "the result of '", text, "' has an axis that no operand has");
  return {std::move(operands), std::move(result)};
}

/// An operand, and the letters of its axes.
struct EinsumOperand {
  Value x;
  std::string letters;

  Index size(char c) const { return x.dims[letters.find(c)]; }
  bool has(char c) const { return letters.find(c) != std::string::npos; }
};

/// Sums over the axes whose letters are not in `kept`.
template <class T>
void sum_others(Builder<T>& build, const NodeView& at, EinsumOperand& a, const std::string& kept) {
  for (std::size_t axis = a.letters.size(); axis-- > 0;) {
    if (kept.find(a.letters[axis]) != std::string::npos) continue;
    at.keep_apart(a.x, axis);
    nn::SparseRows<T> ones;
    for (Index i = 0; i < a.x.dims[axis]; ++i) ones.add(i, T(1));
    ones.end_row();
    a.x = build.planar(along_axis(build, a.x, axis, std::move(ones)));
    a.x.dims.erase(a.x.dims.begin() + static_cast<std::ptrdiff_t>(axis));
    if (a.x.batch.known() && a.x.batch.axis > axis) --a.x.batch.axis;
    a.letters.erase(axis, 1);
  }
}

/// The axes of an operand in the order of these letters, which are all of its own.
template <class T>
Value in_order(Builder<T>& build, const EinsumOperand& a, const std::string& letters) {
  std::vector<std::size_t> order;
  for (const char c : letters) order.push_back(a.letters.find(c));
  return build.planar(transposed(build, a.x, order));
}

/// The sum of products of two operands over all letters but those in `kept`.
template <class T>
EinsumOperand contracted(Builder<T>& build, const NodeView& at, EinsumOperand a, EinsumOperand b,
                         const std::string& kept) {
  sum_others(build, at, a, kept + b.letters);
  sum_others(build, at, b, kept + a.letters);
  std::string shared, left, summed, right;
  Index sizes[4] = {1, 1, 1, 1};
  for (const char c : a.letters) {
    const bool keeps = kept.find(c) != std::string::npos, both = b.has(c);
    at.require(!both || a.size(c) == b.size(c), "axis '", std::string(1, c), "' has ", a.size(c), " and ",
               both ? b.size(c) : 0, " elements");
    (!both ? left : keeps ? shared : summed) += c;
    sizes[!both ? 1 : keeps ? 0 : 2] *= a.size(c);
  }
  for (const char c : b.letters)
    if (!a.has(c)) {
      right += c;
      sizes[3] *= b.size(c);
    }
  // The letter of the axis that holds the samples; an operand that is the same for all of them has length one
  // there.
  char samples = 0;
  BatchAxis batch;
  for (const EinsumOperand* o : {&a, &b}) {
    if (!o->x.batch.known()) continue;
    const char c = o->letters[o->x.batch.axis];
    const bool apart = summed.find(c) == std::string::npos &&
                       (!batch.known() || (c == samples && o->x.batch.before == batch.before));
    at.require(apart, "combining ", a.x.shape(), " with ", b.x.shape(), " would mix samples");
    samples = c;
    batch = o->x.batch;
  }
  const bool both = a.x.batch.known() && b.x.batch.known();
  at.require(!batch.known() || both || shared.find(samples) == std::string::npos || a.size(samples) == 1,
             "combining ", a.x.shape(), " with ", b.x.shape(), " would mix samples");
  Factor x{in_order(build, a, shared + left + summed).viewed({sizes[0], sizes[1], sizes[2]}, {})};
  Factor y{in_order(build, b, shared + summed + right).viewed({sizes[0], sizes[2], sizes[3]}, {})};
  EinsumOperand out{emit_product(build, at, x, y), shared + left + right};
  out.x.dims.clear();
  for (const char c : out.letters) out.x.dims.push_back(a.has(c) ? a.size(c) : b.size(c));
  if (batch.known()) out.x.batch = {out.letters.find(samples), batch.before};
  return out;
}

template <class T>
Value convert_einsum(Builder<T>& build, const NodeView& at) {
  std::vector<EinsumOperand> operands;
  std::vector<std::size_t> ranks;
  for (std::size_t i = 0; i < at.node().inputs.size(); ++i) {
    operands.push_back({build.planar(build.value(at, i)), ""});
    ranks.push_back(operands.back().x.rank());
  }
  const EinsumTerms terms = read_equation(at, ranks);
  for (std::size_t i = 0; i < operands.size(); ++i) operands[i].letters = terms.operands[i];
  while (operands.size() > 1) {  // from the left
    std::string kept = terms.result;
    for (std::size_t i = 2; i < operands.size(); ++i) kept += operands[i].letters;
    operands[1] = contracted(build, at, operands[0], operands[1], kept);
    operands.erase(operands.begin());
  }
  sum_others(build, at, operands[0], terms.result);
  return in_order(build, operands[0], terms.result);
}

}  // namespace foil::onnx::detail
