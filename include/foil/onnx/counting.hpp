// SPDX-License-Identifier: MIT
/// \file
/// Arithmetic with the integers that files compute shapes from. An integer may be a multiple of the number of
/// samples N, of which nothing is known but N >= 1.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/nn/operators/shape.hpp"
#include "foil/onnx/builder.hpp"
#include "foil/onnx/constant.hpp"
#include "foil/onnx/element_type.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/node_view.hpp"
#include "foil/onnx/value.hpp"

namespace foil::onnx::detail {

using IntDims = std::vector<std::int64_t>;

/// Number of elements of a shape; throws if it is absurd.
inline std::int64_t checked_count(const NodeView& at, const IntDims& dims) {
  std::int64_t count = 1, bound = 1;
  for (const std::int64_t d : dims) {
    at.require(d >= 0 && d <= largest_value / bound, "a constant of that shape is too large");
    if (d > 0) bound *= d;
    count *= d;
  }
  return count;
}

/// Where the elements of a constant of these dimensions lie, at these distances.
template <class T>
std::vector<std::int32_t> constant_offsets(const Builder<T>& build, const NodeView& at, const IntDims& dims,
                                           const Dims& strides) {
  const std::int64_t count = checked_count(at, dims);
  if (count == 0) return {};
  build.spend(static_cast<std::uint64_t>(count));
  return nn::index_map(Dims(dims.begin(), dims.end()), strides);
}

/// An integer, times N if it counts for each sample.
struct Count {
  std::int64_t size = 0;
  bool per_sample = false;
};

/// The elements of a constant of integers.
inline std::vector<Count> counts_of(const Constant& c) {
  const Numbers<std::int64_t> sizes = c.integers();
  std::vector<Count> out;
  for (std::size_t i = 0; i < sizes.size(); ++i) out.push_back({sizes[i], c.holds_samples(i)});
  return out;
}

inline void set_counts(Constant& to, const std::vector<Count>& counts) {
  std::vector<std::int64_t> sizes;
  for (const Count c : counts) sizes.push_back(c.size);
  to.set(std::move(sizes));
  if (std::any_of(counts.begin(), counts.end(), [](Count c) { return c.per_sample; }))
    for (const Count c : counts) to.per_sample.push_back(c.per_sample);
}

/// A list.
inline Constant constant_of(const std::vector<Count>& counts) {
  Constant out(ElementType::int64, {static_cast<std::int64_t>(counts.size())});
  set_counts(out, counts);
  return out;
}

/// Throws: the answer would depend on how many samples there are.
[[noreturn]] inline void depends_on_samples(const NodeView& at) {
  at.require(false,
             "what it computes from the number of samples is no multiple of that; export with a fixed "
             "batch of 1");
  throw Error("");
}

/// The sign of a - b.
inline int compare(const NodeView& at, Count a, Count b) {
  if (a.per_sample == b.per_sample || a.size == 0 || b.size == 0)
    return a.size < b.size ? -1 : a.size > b.size ? 1 : 0;
  if (b.per_sample) return -compare(at, b, a);
  if (a.size > 0 && b.size < a.size) return 1;
  if (a.size < 0 && b.size > a.size) return -1;
  depends_on_samples(at);
}

/// A function of two integers, by the operator's name. Wraps around as ONNX Runtime does.
inline Count combine(const NodeView& at, std::string_view type, Count a, Count b) {
  const auto wrapped = [](auto f, std::int64_t x, std::int64_t y) {
    return static_cast<std::int64_t>(f(static_cast<std::uint64_t>(x), static_cast<std::uint64_t>(y)));
  };
  const auto truth = [](bool holds) { return Count{holds ? 1 : 0}; };
  if (type == "Min" || type == "Max") {
    if (b.per_sample) std::swap(a, b);
    if (a.per_sample && !b.per_sample && a.size > 0 && b.size <= a.size) return type == "Max" ? a : b;
    return (compare(at, a, b) < 0) == (type == "Min") ? a : b;
  }
  if (type == "Less") return truth(compare(at, a, b) < 0);
  if (type == "LessOrEqual") return truth(compare(at, a, b) <= 0);
  if (type == "Greater") return truth(compare(at, a, b) > 0);
  if (type == "GreaterOrEqual") return truth(compare(at, a, b) >= 0);
  if (type == "Equal") return truth(compare(at, a, b) == 0);
  if (type == "And") return truth(a.size != 0 && b.size != 0);
  if (type == "Or") return truth(a.size != 0 || b.size != 0);
  if (type == "Xor") return truth((a.size != 0) != (b.size != 0));
  if (type == "Mul") {
    if (a.per_sample && b.per_sample) depends_on_samples(at);
    return {wrapped([](auto x, auto y) { return x * y; }, a.size, b.size), a.per_sample || b.per_sample};
  }
  if (type == "Add" || type == "Sub") {
    const bool alike = a.per_sample == b.per_sample;
    if (!alike && a.size != 0 && b.size != 0) depends_on_samples(at);
    const bool adds = type == "Add";
    return {wrapped([adds](auto x, auto y) { return adds ? x + y : x - y; }, a.size, b.size),
            alike ? a.per_sample : (a.per_sample && a.size != 0) || (b.per_sample && b.size != 0)};
  }
  // Div and Mod, whose quotients are those of C++.
  at.require(b.size != 0, "division by zero");
  if (a.size == 0) return {0};
  if (b.per_sample && !a.per_sample) depends_on_samples(at);
  const bool keeps = a.per_sample && !b.per_sample;  // the quotient of N and a number
  if (keeps && a.size % b.size != 0) depends_on_samples(at);
  const std::int64_t quotient =
      b.size == -1 ? wrapped([](auto x, auto) { return 0 - x; }, a.size, 0) : a.size / b.size;
  if (type == "Div") return {quotient, keeps};
  std::int64_t rest = b.size == -1 ? 0 : a.size % b.size;
  if (at.integer("fmod", 0) == 0 && rest != 0 && (rest < 0) != (b.size < 0)) rest += b.size;
  return {rest, a.per_sample && rest != 0};
}

/// Row-major strides; zero along axes of length one if they are to stretch.
inline Dims constant_strides(const IntDims& dims, bool stretch) {
  Dims out(dims.size());
  Index step = 1;
  for (std::size_t i = dims.size(); i-- > 0; step *= static_cast<Index>(dims[i]))
    out[i] = stretch && dims[i] == 1 ? 0 : step;
  return out;
}

/// The operands of a function of integers brought to one shape: their common dimensions, and for each of them
/// where its elements are.
struct Aligned {
  IntDims dims;
  std::vector<std::vector<std::int32_t>> offsets;
};
template <class T>
Aligned aligned(const Builder<T>& build, const NodeView& at, const std::vector<const Constant*>& operands) {
  Aligned out;
  std::size_t rank = 0;
  for (const Constant* c : operands) rank = std::max(rank, c->dims.size());
  out.dims.assign(rank, 1);
  std::vector<IntDims> shapes;
  for (const Constant* c : operands) {
    IntDims dims = c->dims;
    dims.insert(dims.begin(), rank - dims.size(), 1);
    for (std::size_t i = 0; i < rank; ++i) {
      at.require(dims[i] == out.dims[i] || dims[i] == 1 || out.dims[i] == 1,
                 "the shapes of the constants do not match");
      if (dims[i] != 1) out.dims[i] = dims[i];
    }
    shapes.push_back(std::move(dims));
  }
  for (const IntDims& dims : shapes)
    out.offsets.push_back(constant_offsets(build, at, out.dims, constant_strides(dims, true)));
  return out;
}

inline bool gives_truths(std::string_view type) {
  return type == "Less" || type == "LessOrEqual" || type == "Greater" || type == "GreaterOrEqual" ||
         type == "Equal" || type == "And" || type == "Or" || type == "Xor" || type == "Not";
}

/// A function of two or more integer constants, element by element.
template <class T>
Constant combined(const Builder<T>& build, const NodeView& at, const std::vector<const Constant*>& operands) {
  const std::string_view type = at.node().type;
  const Aligned all = aligned(build, at, operands);
  std::vector<std::vector<Count>> elements;
  for (const Constant* c : operands) elements.push_back(counts_of(*c));
  std::vector<Count> results;
  const std::size_t count = all.offsets.empty() ? 0 : all.offsets[0].size();
  for (std::size_t i = 0; i < count; ++i) {
    Count result = elements[0][static_cast<std::size_t>(all.offsets[0][i])];
    for (std::size_t k = 1; k < operands.size(); ++k)
      result = combine(at, type, result, elements[k][static_cast<std::size_t>(all.offsets[k][i])]);
    results.push_back(result);
  }
  Constant out(gives_truths(type) ? ElementType::boolean : operands[0]->type, all.dims);
  set_counts(out, results);
  return out;
}

/// Where of constants, the condition first; the other two are both integers or both floats.
template <class T>
Constant chosen(const Builder<T>& build, const NodeView& at, const std::vector<const Constant*>& operands) {
  const Aligned all = aligned(build, at, operands);
  at.require(!operands[0]->is_float() && operands[0]->per_sample.empty() &&
                 operands[1]->is_float() == operands[2]->is_float(),
             "expected a condition, and a choice between constants of one type");
  Constant out(operands[1]->type, all.dims);
  const Numbers<std::int64_t> condition = operands[0]->integers();
  const auto choose = [&](const auto& first, const auto& second) {
    auto chosen = first;
    chosen.clear();
    for (std::size_t i = 0; i < all.offsets[0].size(); ++i) {
      const bool holds = condition[static_cast<std::size_t>(all.offsets[0][i])] != 0;
      const auto from = static_cast<std::size_t>(all.offsets[holds ? 1 : 2][i]);
      chosen.push_back(holds ? first[from] : second[from]);
    }
    return chosen;
  };
  if (out.is_float())
    out.set(choose(operands[1]->numbers<T>().list(), operands[2]->numbers<T>().list()));
  else
    set_counts(out, choose(counts_of(*operands[1]), counts_of(*operands[2])));
  return out;
}

/// ReduceProd, ReduceSum, ReduceMax or ReduceMin of integers.
template <class T>
Constant reduced(const Builder<T>& build, const NodeView& at, const Constant& x, const IntDims& axes) {
  const std::string_view type = at.node().type;
  std::vector<bool> gone = at.marked(axes, x.dims.size());
  if (axes.empty()) {
    if (at.integer("noop_with_empty_axes", 0) != 0) return x;
    gone.assign(x.dims.size(), true);
  }
  at.require(x.size() > 0, "expected a constant with elements");
  IntDims kept = x.dims;
  for (std::size_t i = 0; i < kept.size(); ++i)
    if (gone[i]) kept[i] = 1;
  const auto to = constant_offsets(build, at, x.dims, constant_strides(kept, true));
  std::vector<Count> sums(static_cast<std::size_t>(checked_count(at, kept)));
  std::vector<bool> begun(sums.size(), false);
  const std::string_view function = type == "ReduceProd"  ? "Mul"
                                    : type == "ReduceSum" ? "Add"
                                    : type == "ReduceMax" ? "Max"
                                                          : "Min";
  const std::vector<Count> elements = counts_of(x);
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const auto k = static_cast<std::size_t>(to[i]);
    sums[k] = begun[k] ? combine(at, function, sums[k], elements[i]) : elements[i];
    begun[k] = true;
  }
  Constant out(x.type, {});
  const bool keeps = at.integer("keepdims", 1) != 0;
  for (std::size_t i = 0; i < kept.size(); ++i)
    if (keeps || !gone[i]) out.dims.push_back(kept[i]);
  set_counts(out, sums);
  return out;
}

}  // namespace foil::onnx::detail
