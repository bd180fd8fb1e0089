// SPDX-License-Identifier: MIT
/// \file
/// Conversion of ONNX's quantisation: QuantizeLinear and DequantizeLinear, the former as fake quantisation,
/// the latter then as nothing.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/nn/operators/dynamic_quantize.hpp"
#include "foil/nn/operators/elementwise.hpp"
#include "foil/nn/operators/quantize.hpp"
#include "foil/onnx/builder.hpp"
#include "foil/onnx/constant.hpp"
#include "foil/onnx/counting.hpp"
#include "foil/onnx/element_type.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/node_view.hpp"
#include "foil/onnx/value.hpp"

namespace foil::onnx::detail {

/// What a QuantizeLinear or DequantizeLinear node says: scales and zero points, one of each, or one for each
/// position along an axis, or for each block of so many.
struct Quantisation {
  ElementType type;
  Numbers<double> scales;
  std::vector<std::int64_t> zeros;
  std::size_t axis = 0;
  std::int64_t block = 0;  ///< 0 without blocks
  std::vector<std::int64_t> dims{};

  /// How the keys of those begin, behind the type, that are the same for all elements.
  static constexpr std::string_view whole = " whole ";

  bool per_tensor() const { return scales.size() == 1 && block == 0; }

  /// The same for what computes the same.
  std::string key() const {
    std::string out = text(static_cast<int>(type),
                           per_tensor() ? std::string(whole) : text(" along ", axis, ' ', block, ' '));
    const auto append = [&out](const auto& v) { out.append(reinterpret_cast<const char*>(&v), sizeof v); };
    for (const double s : scales) append(s);
    for (const std::int64_t z : zeros) append(z);
    return out;
  }

  /// Which scale and zero point an element belongs to, by its coordinates in a tensor.
  template <class Coordinates>
  std::size_t which(const Coordinates& at) const {
    if (per_tensor()) return 0;
    if (block == 0) return static_cast<std::size_t>(at[axis]);
    std::size_t out = 0;
    for (std::size_t i = 0; i < dims.size(); ++i)
      out = out * static_cast<std::size_t>(dims[i]) +
            static_cast<std::size_t>(i == axis ? static_cast<std::int64_t>(at[i]) / block : at[i]);
    return out;
  }
};

/// For a tensor of these axes, whose elements are or become of the type `of`.
template <class T, class Axes>
Quantisation read_quantisation(const Builder<T>& build, const NodeView& at, const Axes& axes,
                               ElementType of) {
  const Constant& scales = build.floats(at, 1);
  const Constant* const zeros = at.has_input(2) ? &build.constant(at, 2) : nullptr;
  Quantisation out{of, scales.numbers<double>(), std::vector<std::int64_t>(scales.size()), 0, 0, {}};
  at.require(
      !is_float_type(static_cast<std::int64_t>(of)) && of != ElementType::boolean && element_bits(of) <= 32,
      "quantisation to ", type_text(of), " is not supported");
  const IntegerRange range = integer_range(of);
  if (zeros != nullptr) {
    at.require(zeros->type == of && zeros->size() == scales.size(), "expected ", scales.size(),
               " zero points of ", type_text(of), ", got ", zeros->size(), " of ", type_text(zeros->type));
    out.zeros = zeros->integers().list();
  }
  for (std::size_t i = 0; i < out.scales.size(); ++i) {
    at.require(std::isfinite(out.scales[i]) && out.scales[i] > 0, "expected positive scales, got ",
               out.scales[i]);
    at.require(out.zeros[i] >= range.lowest && out.zeros[i] <= range.highest, "expected zero points of ",
               type_text(of), ", got ", out.zeros[i]);
  }
  const std::int64_t block = at.integer("block_size", 0);
  at.require(block >= 0 && scales.size() > 0, "expected scales, and blocks of a positive size, got ", block);
  if (scales.dims.size() <= 1 && scales.size() == 1) return out;
  out.axis = at.axis(at.integer("axis", 1), axes.size());
  if (scales.dims.size() == 1) {
    at.require(static_cast<std::int64_t>(scales.size()) == static_cast<std::int64_t>(axes[out.axis]),
               "expected ", axes[out.axis], " scales along axis ", out.axis, ", got ", scales.size());
    return out;
  }
  at.require(block > 0 && scales.dims.size() == axes.size(),
             "expected a scale, a list of them, or scales of blocks");
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::int64_t extent = static_cast<std::int64_t>(axes[i]);
    const std::int64_t expected = i == out.axis ? (extent + block - 1) / block : extent;
    at.require(scales.dims[i] == expected, "expected ", expected, " scales along axis ", i, ", got ",
               scales.dims[i]);
  }
  out.block = block;
  out.dims = scales.dims;
  return out;
}

/// The type that a QuantizeLinear node quantises to.
template <class T>
ElementType quantised_type(const Builder<T>& build, const NodeView& at) {
  if (at.has_input(2)) return build.constant(at, 2).type;
  const std::int64_t type = at.integer("output_dtype", 0);
  if (type == 0) return ElementType::uint8;
  at.require(element_bits(type) > 0, "quantisation to ", type_text(type), " is not supported");
  return static_cast<ElementType>(type);
}

/// The coordinates of the elements of a tensor with these axes, one after the other.
template <class Axes, class Work>
void for_each_element(const Axes& axes, Work&& work) {
  std::vector<std::int64_t> at(axes.size(), 0);
  std::size_t count = 1;
  for (const auto d : axes) count *= static_cast<std::size_t>(d);
  for (std::size_t k = 0; k < count; ++k) {
    work(k, at);
    for (std::size_t i = at.size(); i-- > 0;) {
      if (++at[i] < static_cast<std::int64_t>(axes[i])) break;
      at[i] = 0;
    }
  }
}

/// QuantizeLinear, of which the engine's values are those that DequantizeLinear makes of it.
template <class T>
Value convert_quantize(Builder<T>& build, const NodeView& at) {
  const Value x = build.value(at, 0);
  const Quantisation q = read_quantisation(build, at, x.dims, quantised_type(build, at));
  const IntegerRange range = integer_range(q.type);
  const auto lattice = [&](std::size_t i) {
    return nn::Lattice<T>{static_cast<T>(q.scales[i]), static_cast<T>(range.lowest - q.zeros[i]),
                          static_cast<T>(range.highest - q.zeros[i])};
  };
  build.note(
      "quantised: QuantizeLinear and DequantizeLinear are computed with floating-point numbers, and pass "
      "gradients as if they only cut off what their integers cannot hold");
  build.mark_quantised(at.node().outputs[0], q.key());
  if (q.per_tensor()) return emit_elementwise<T>(build, x, nn::Quantize<T>(lattice(0)));
  const Index size = volume(x.dims);
  std::vector<nn::Lattice<T>> lattices;
  Index outer = 1, inner = 1;
  if (q.block == 0) {
    at.keep_apart(x, q.axis);
    const Dims strides = build.strides(x);
    inner = strides[q.axis];
    outer = size / (inner * x.dims[q.axis]);
    for (std::size_t i = 0; i < q.scales.size(); ++i) lattices.push_back(lattice(i));
  } else {  // one for every element
    for (std::size_t i = 0; i < x.rank(); ++i) at.keep_apart(x, i);
    build.spend(static_cast<std::uint64_t>(3 * size));
    const Dims strides = build.strides(x);
    lattices.assign(static_cast<std::size_t>(size), lattice(0));
    for_each_element(x.dims, [&](std::size_t, const std::vector<std::int64_t>& where) {
      Index place = 0;
      for (std::size_t i = 0; i < where.size(); ++i) place += strides[i] * static_cast<Index>(where[i]);
      lattices[static_cast<std::size_t>(place)] = lattice(q.which(where));
    });
  }
  return build.emit(std::make_unique<nn::QuantizeAlong<T>>(outer, inner, lattices), {x.slot}, x.dims,
                    x.layout, x.batch);
}

/// DequantizeLinear of what was quantised in the same way.
template <class T>
Value convert_dequantize(Builder<T>& build, const NodeView& at) {
  const Value x = build.value(at, 0);
  const std::string* const key = build.quantised(at.node().inputs[0]);
  at.require(key != nullptr, "its input was not quantised by QuantizeLinear");
  const auto type = static_cast<ElementType>(std::stoi(*key));
  at.require(read_quantisation(build, at, x.dims, type).key() == *key,
             "its scale or zero point is not that of the QuantizeLinear that made its input");
  return x;
}

/// DynamicQuantizeLinear: the integers, as numbers, their scale and their zero point, by the range of each
/// sample.
template <class T>
std::vector<Value> convert_dynamic_quantize(Builder<T>& build, const NodeView& at) {
  const Value x = build.value(at, 0);
  const Index size = volume(x.dims);
  build.note(
      "quantised by the range of each sample (DynamicQuantizeLinear), computed with floating-point numbers; "
      "ONNX Runtime takes the range of a whole batch, so that its answers about one sample depend on others");
  std::vector<Value> out;
  for (const nn::RangePart part : {nn::RangePart::scale, nn::RangePart::zero})
    out.push_back(
        build.emit(std::make_unique<nn::DynamicRange<T>>(size, part), {x.slot}, {}, Layout::planar, {}));
  out.insert(out.begin(), build.emit(std::make_unique<nn::DynamicQuantize<T>>(size),
                                     {x.slot, out[0].slot, out[1].slot}, x.dims, x.layout, x.batch));
  return out;
}

/// QuantizeLinear and DequantizeLinear of a constant.
template <class T>
Constant fold_quantize(Builder<T>& build, const NodeView& at) {
  const Constant& x = build.floats(at, 0);
  const Quantisation q = read_quantisation(build, at, x.dims, quantised_type(build, at));
  const IntegerRange range = integer_range(q.type);
  build.spend(x.size());
  const Numbers<T> numbers = x.numbers<T>();
  std::vector<std::int64_t> elements(x.size());
  for_each_element(x.dims, [&](std::size_t k, const std::vector<std::int64_t>& where) {
    const std::size_t i = q.which(where);
    const double low = static_cast<double>(range.lowest - q.zeros[i]);
    const double high = static_cast<double>(range.highest - q.zeros[i]);
    const double step = std::nearbyint(static_cast<double>(numbers[k] / static_cast<T>(q.scales[i])));
    at.require(!std::isnan(step), "cannot quantise what is not a number");
    elements[k] = static_cast<std::int64_t>(std::min(std::max(step, low), high)) + q.zeros[i];
  });
  Constant out(q.type, x.dims);
  out.set(std::move(elements));
  return out;
}
template <class T>
Constant fold_dequantize(Builder<T>& build, const NodeView& at) {
  const Constant& x = build.constant(at, 0);
  at.require(!x.is_float() && x.per_sample.empty(), "expected integers as input 0");
  const Quantisation q = read_quantisation(build, at, x.dims, x.type);
  build.spend(x.size());
  const Numbers<std::int64_t> numbers = x.integers();
  std::vector<T> elements(x.size());
  for_each_element(x.dims, [&](std::size_t k, const std::vector<std::int64_t>& where) {
    const std::size_t i = q.which(where);
    elements[k] = static_cast<T>(numbers[k] - q.zeros[i]) * static_cast<T>(q.scales[i]);
  });
  Constant out(build.floats(at, 1).type, x.dims);
  out.set(std::move(elements));
  return out;
}

/// Whether a node may work on quantised integers: what only moves them, or takes the largest.
inline bool takes_quantised(const Node& node) {
  for (const auto* type :
       {"DequantizeLinear", "Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "MaxPool"})
    if (node.type == type) return true;
  return false;
}

/// Checks that a node reads quantised tensors only if it may, and remembers that what it then writes is
/// quantised, too.
template <class T>
void follow_quantised(Builder<T>& build, const NodeView& at) {
  for (const std::string& name : at.node().inputs) {
    const std::string* const key = build.quantised(name);
    if (key == nullptr) continue;
    at.require(takes_quantised(at.node()), "it computes with the integers of '", name,
               "', which QuantizeLinear wrote; between that and DequantizeLinear only what moves elements is "
               "supported");
    if (at.node().type == "DequantizeLinear" || at.node().outputs.empty()) continue;
    at.require(at.node().type == "Identity" ||
                   key->compare(key->find(' '), Quantisation::whole.size(), Quantisation::whole) == 0,
               "it moves what was quantised along an axis, which is not supported");
    build.mark_quantised(at.node().outputs[0], *key);
  }
}

/// What to do instead of an operator that computes with integers; empty for others.
inline std::string_view quantisation_remedy(std::string_view type) {
  if (type == "DynamicQuantizeMatMul" || type == "MatMulIntegerToFloat" || type == "DynamicQuantizeLSTM")
    return "it quantises by the range of each batch (quantize_dynamic), which is not supported: quantise "
           "statically, onnxruntime.quantization.quantize_static(..., quant_format=QuantFormat.QDQ), or take "
           "the "
           "network before it was quantised";
  if (type.substr(0, 7) == "QLinear" || type == "QAttention" || type == "MatMulNBits")
    return "it computes with integers, which is not supported: export QuantizeLinear and DequantizeLinear "
           "around "
           "operators of floats, onnxruntime.quantization.quantize_static(..., "
           "quant_format=QuantFormat.QDQ), or "
           "take the network before it was quantised";
  return {};
}

}  // namespace foil::onnx::detail
