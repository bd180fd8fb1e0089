// SPDX-License-Identifier: MIT
/// \file
/// Writes small ONNX files, so that tests of the importer need no exporter.
#pragma once

#include <cstdint>
#include <cstring>
#include <protozero/pbf_writer.hpp>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace foil::test {

using Ints = std::vector<std::int64_t>;
using Floats = std::vector<float>;
using Names = std::vector<std::string>;

/// Where a tensor keeps its elements.
enum class Storage { raw, typed, packed };

/// A constant tensor in ONNX's encoding.
inline std::string onnx_tensor(const std::string& name, const Ints& dims, const Floats& values,
                               Storage storage = Storage::raw) {
  std::string out;
  protozero::pbf_writer tensor(out);
  for (const std::int64_t d : dims) tensor.add_int64(1, d);
  tensor.add_int32(2, 1);
  tensor.add_string(8, name);
  if (storage == Storage::raw) {
    tensor.add_bytes(9, reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  } else if (storage == Storage::packed) {
    tensor.add_packed_float(4, values.begin(), values.end());
  } else {
    for (const float v : values) tensor.add_float(4, v);
  }
  return out;
}

inline std::string onnx_tensor(const std::string& name, const Ints& dims, const Ints& values,
                               Storage storage = Storage::raw) {
  std::string out;
  protozero::pbf_writer tensor(out);
  tensor.add_packed_int64(1, dims.begin(), dims.end());
  tensor.add_int32(2, 7);
  tensor.add_string(8, name);
  if (storage == Storage::raw) {
    tensor.add_bytes(9, reinterpret_cast<const char*>(values.data()), values.size() * sizeof(std::int64_t));
  } else if (storage == Storage::packed) {
    tensor.add_packed_int64(7, values.begin(), values.end());
  } else {
    for (const std::int64_t v : values) tensor.add_int64(7, v);
  }
  return out;
}

/// A tensor of any element type by ONNX's number, given by its bytes.
inline std::string onnx_raw_tensor(const std::string& name, int type, const Ints& dims,
                                   const std::string& bytes) {
  std::string out;
  protozero::pbf_writer tensor(out);
  tensor.add_packed_int64(1, dims.begin(), dims.end());
  tensor.add_int32(2, type);
  tensor.add_string(8, name);
  tensor.add_bytes(9, bytes);
  return out;
}

/// The same in a typed field: 5 (int32_data), 7 (int64_data) or 11 (uint64_data).
inline std::string onnx_typed_tensor(const std::string& name, int type, const Ints& dims, std::uint32_t field,
                                     const Ints& values) {
  std::string out;
  protozero::pbf_writer tensor(out);
  tensor.add_packed_int64(1, dims.begin(), dims.end());
  tensor.add_int32(2, type);
  tensor.add_string(8, name);
  tensor.add_packed_int64(field, values.begin(), values.end());
  return out;
}

/// A float tensor whose elements lie in another file.
inline std::string onnx_external_tensor(const std::string& name, const Ints& dims,
                                        const std::vector<std::pair<std::string, std::string>>& where) {
  std::string out;
  protozero::pbf_writer tensor(out);
  for (const std::int64_t d : dims) tensor.add_int64(1, d);
  tensor.add_int32(2, 1);
  tensor.add_string(8, name);
  for (const auto& [key, value] : where) {
    protozero::pbf_writer entry(tensor, 13);
    entry.add_string(1, key);
    entry.add_string(2, value);
  }
  tensor.add_int32(14, 1);
  return out;
}

/// An attribute whose kind follows from the type of its value; an encoded tensor is marked as such.
struct EncodedTensor {
  std::string bytes;
};
/// A graph within a node, as OnnxBuilder::branch() gives it.
struct EncodedGraph {
  std::string bytes;
};
struct OnnxAttribute {
  std::string name;
  std::variant<std::int64_t, float, std::string, Ints, Floats, Names, EncodedTensor, EncodedGraph> value;
};
using Attributes = std::vector<OnnxAttribute>;

inline OnnxAttribute attribute(std::string name, std::int64_t v) {
  return {std::move(name), v};
}
inline OnnxAttribute attribute(std::string name, int v) {
  return {std::move(name), std::int64_t(v)};
}
inline OnnxAttribute attribute(std::string name, double v) {
  return {std::move(name), static_cast<float>(v)};
}
inline OnnxAttribute attribute(std::string name, const char* v) {
  return {std::move(name), std::string(v)};
}
inline OnnxAttribute attribute(std::string name, Ints v) {
  return {std::move(name), std::move(v)};
}
inline OnnxAttribute attribute(std::string name, Floats v) {
  return {std::move(name), std::move(v)};
}
inline OnnxAttribute attribute(std::string name, Names v) {
  return {std::move(name), std::move(v)};
}

/// A model in the making: one input "x", one output "y", and more of them if asked for.
class OnnxBuilder {
 public:
  /// An input with these dimensions; -1 leaves one open.
  explicit OnnxBuilder(Ints input, std::int64_t opset = 13) : input_(std::move(input)), opset_(opset) {}

  OnnxBuilder& constant(const std::string& name, Ints dims, Floats values, Storage storage = Storage::raw) {
    return encoded(onnx_tensor(name, dims, values, storage));
  }
  OnnxBuilder& constant(const std::string& name, Ints values, Storage storage = Storage::raw) {
    return encoded(onnx_tensor(name, {static_cast<std::int64_t>(values.size())}, values, storage));
  }
  OnnxBuilder& encoded(const std::string& tensor) {
    initializers_.push_back(tensor);
    return *this;
  }

  OnnxBuilder& node(const std::string& type, const Names& inputs, const std::string& output,
                    const Attributes& attributes = {}, const std::string& name = {},
                    const std::string& domain = {}) {
    return node(type, inputs, Names{output}, attributes, name, domain);
  }
  OnnxBuilder& node(const std::string& type, const Names& inputs, const Names& outputs,
                    const Attributes& attributes = {}, const std::string& name = {},
                    const std::string& domain = {}) {
    std::string out;
    protozero::pbf_writer writer(out);
    for (const std::string& input : inputs) writer.add_string(1, input);
    for (const std::string& output : outputs) writer.add_string(2, output);
    if (!name.empty()) writer.add_string(3, name);
    writer.add_string(4, type);
    for (const OnnxAttribute& a : attributes) write(protozero::pbf_writer(writer, 5), a);
    if (!domain.empty()) writer.add_string(7, domain);
    nodes_.push_back(out);
    return *this;
  }

  /// ONNX's number of the type of "x", and of "y", which are float32 (1) otherwise.
  OnnxBuilder& input_type(int type) {
    input_type_ = type;
    return *this;
  }
  OnnxBuilder& output_type(int type) {
    output_type_ = type;
    return *this;
  }

  OnnxBuilder& output(const std::string& name, std::int32_t type = 1) {
    more_outputs_.emplace_back(name, type);
    return *this;
  }

  /// The nodes and constants alone, as a branch that yields this tensor.
  EncodedGraph branch(const std::string& output) const {
    std::string out;
    protozero::pbf_writer graph(out);
    for (const std::string& n : nodes_) graph.add_message(1, n);
    graph.add_string(2, "branch");
    for (const std::string& tensor : initializers_) graph.add_message(5, tensor);
    write_value(protozero::pbf_writer(graph, 12), output, {-1, -1});
    return {out};
  }

  /// The file.
  std::string bytes() const {
    std::string out;
    protozero::pbf_writer model(out);
    model.add_int64(1, 8);  // version of the file format
    {
      protozero::pbf_writer graph(model, 7);
      for (const std::string& n : nodes_) graph.add_message(1, n);
      graph.add_string(2, "test");
      for (const std::string& tensor : initializers_) graph.add_message(5, tensor);
      write_value(protozero::pbf_writer(graph, 11), "x", input_, input_type_);
      write_value(protozero::pbf_writer(graph, 12), "y", {-1, -1}, output_type_);
      for (const auto& [name, type] : more_outputs_)
        write_value(protozero::pbf_writer(graph, 12), name, {-1, -1}, type);
    }
    protozero::pbf_writer opset(model, 8);
    opset.add_string(1, "");
    opset.add_int64(2, opset_);
    return finish(opset, out);
  }

 private:
  static std::string finish(protozero::pbf_writer& last, const std::string& out) {
    last.commit();
    return out;
  }

  static void write_value(protozero::pbf_writer value, const std::string& name, const Ints& dims,
                          std::int32_t element = 1) {
    value.add_string(1, name);
    protozero::pbf_writer type(value, 2);
    protozero::pbf_writer tensor(type, 1);
    tensor.add_int32(1, element);
    if (dims.empty()) return tensor.add_message(2, std::string());  // a single number's
    protozero::pbf_writer shape(tensor, 2);
    for (const std::int64_t d : dims) {
      protozero::pbf_writer dimension(shape, 1);
      if (d >= 0)
        dimension.add_int64(1, d);
      else
        dimension.add_string(2, "open");
    }
  }

  static void write(protozero::pbf_writer writer, const OnnxAttribute& a) {
    writer.add_string(1, a.name);
    if (const auto* i = std::get_if<std::int64_t>(&a.value)) writer.add_int64(3, *i);
    if (const auto* f = std::get_if<float>(&a.value)) writer.add_float(2, *f);
    if (const auto* s = std::get_if<std::string>(&a.value)) writer.add_string(4, *s);
    if (const auto* v = std::get_if<Ints>(&a.value))
      for (const std::int64_t i : *v) writer.add_int64(8, i);
    if (const auto* v = std::get_if<Floats>(&a.value)) writer.add_packed_float(7, v->begin(), v->end());
    if (const auto* n = std::get_if<Names>(&a.value))
      for (const std::string& text : *n) writer.add_string(9, text);
    if (const auto* t = std::get_if<EncodedTensor>(&a.value)) writer.add_message(5, t->bytes);
    if (const auto* g = std::get_if<EncodedGraph>(&a.value)) writer.add_message(6, g->bytes);
  }

  Ints input_;
  std::int64_t opset_;
  int input_type_ = 1, output_type_ = 1;
  std::vector<std::string> nodes_, initializers_;
  std::vector<std::pair<std::string, std::int32_t>> more_outputs_;
};

/// Repeatable numbers, spread evenly over [low, high).
inline std::vector<float> spread(std::size_t count, double low, double high, std::uint32_t seed = 1) {
  std::vector<float> out(count);
  std::uint32_t state = seed * 2654435761u + 12345u;
  for (float& v : out) {
    state = state * 1664525u + 1013904223u;
    v = static_cast<float>(low + (high - low) * static_cast<double>(state >> 8) / 16777216.0);
  }
  return out;
}

/// A little of everything that existing networks have, in every form of storage.
inline OnnxBuilder network_of_everything() {
  OnnxBuilder file({-1, 2, 6, 6});
  file.constant("w", {3, 2, 3, 3}, spread(54, -1, 1, 81))
      .constant("b", {3}, spread(3, -1, 1, 82), Storage::packed);
  file.constant("s", Ints{-1, 12}).constant("c", {3, 1, 1}, {1, 2, 3}, Storage::typed);
  file.constant("m", {12, 4}, spread(48, -1, 1, 83));
  file.node("Conv", {"x", "w", "b"}, "a",
            {attribute("pads", Ints{1, 1, 0, 0}), attribute("strides", Ints{1, 1})});
  file.node("Elu", {"a"}, "e", {attribute("alpha", 1.)}).node("Mul", {"e", "c"}, "d");
  file.node("MaxPool", {"d"}, "p", {attribute("kernel_shape", Ints{2, 2}), attribute("strides", Ints{2, 2})});
  file.node("Concat", {"p", "p"}, "q", {attribute("axis", 1)});
  file.node("AveragePool", {"q"}, "r", {attribute("kernel_shape", Ints{2, 1}), attribute("ceil_mode", 1)});
  file.node("Transpose", {"r"}, "t", {attribute("perm", Ints{0, 2, 3, 1})}).node("Reshape", {"t", "s"}, "f");
  file.node("Gemm", {"f", "m"}, "g").node("Softmax", {"g"}, "y", {attribute("axis", -1)});
  return file;
}

/// A network of 28 x 28 pixels and one output that takes a minute or more for an answer: the mean of as many
/// maxima, of 784 numbers each, as 4,123 x 4,123.
inline std::string slow_network() {
  constexpr std::int64_t wide = 1 << 12;
  OnnxBuilder slow({1, 1, 28, 28});
  slow.node("MaxPool", {"x"}, "p",
            {attribute("kernel_shape", Ints{wide, wide}), attribute("pads", Ints(4, wide - 1))});
  return slow.node("GlobalAveragePool", {"p"}, "g").node("Flatten", {"g"}, "y").bytes();
}

}  // namespace foil::test
