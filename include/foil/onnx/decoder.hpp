// SPDX-License-Identifier: MIT
/// \file
/// Decodes the messages of an ONNX file into plain structures.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <protozero/exception.hpp>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/skeleton.hpp"
#include "foil/onnx/source.hpp"
#include "foil/onnx/tensor_decoder.hpp"
#include "foil/onnx/wire.hpp"

namespace foil::onnx::detail {

/// Decodes the messages of the ONNX schema. Fields that the importer does not need are skipped.
class Decoder {
 public:
  explicit Decoder(TensorDecoder tensor) : tensor_(std::move(tensor)) {}

  Model model(pbf_reader message) {
    Model out;
    bool has_graph = false;
    while (message.next()) {
      if (is(message, 7, Wire::length_delimited)) {
        graph(message.get_message(), 1, out);
        has_graph = true;
      } else if (is(message, 8, Wire::length_delimited)) {
        operator_set(message.get_message(), out);
      } else {
        message.skip();
      }
    }
    require(has_graph, "onnx: the file holds no graph");
    out.bytes = tensor_.external_bytes();
    out.external_files = tensor_.external_files();
    return out;
  }

 private:
  static void operator_set(pbf_reader message, Model& out) {
    std::string domain;
    std::int64_t version = 0;
    while (message.next()) {
      if (take_text(message, 1, domain)) continue;
      if (is(message, 2, Wire::varint))
        version = message.get_int64();
      else
        message.skip();
    }
    if (domain == "ai.onnx") domain.clear();
    out.opsets[domain] = version;
    if (domain.empty()) out.opset = version;
  }

  void graph(pbf_reader message, int depth, Graph& out) {
    require(depth <= deepest_graph, "onnx: graphs lie within graphs, more than ", deepest_graph, " deep");
    while (message.next()) {
      if (is(message, 1, Wire::length_delimited)) {
        out.nodes.push_back(node(message.get_message(), depth));
      } else if (is(message, 5, Wire::length_delimited)) {
        out.initializers.push_back(tensor_(message.get_message()));
      } else if (is(message, 11, Wire::length_delimited)) {
        out.inputs.push_back(value_info(message.get_message()));
      } else if (is(message, 12, Wire::length_delimited)) {
        out.outputs.push_back(value_info(message.get_message()));
      } else {
        require(message.tag() != 15, "onnx: sparse initializers are not supported");
        message.skip();
      }
    }
  }

  Node node(pbf_reader message, int depth) {
    Node out;
    while (message.next()) {
      std::string name;
      if (take_text(message, 3, out.name) || take_text(message, 4, out.type) ||
          take_text(message, 7, out.domain))
        continue;
      if (take_text(message, 1, name))
        out.inputs.push_back(std::move(name));
      else if (take_text(message, 2, name))
        out.outputs.push_back(std::move(name));
      else if (is(message, 5, Wire::length_delimited))
        out.attributes.push_back(attribute(message.get_message(), depth));
      else
        message.skip();
    }
    return out;
  }

  Attribute attribute(pbf_reader message, int depth) {
    Attribute out;
    while (message.next()) {
      if (take_text(message, 1, out.name) || take_numbers(message, 7, out.numbers) ||
          take_integers(message, 8, out.integers))
        continue;
      if (is(message, 2, Wire::fixed32))
        out.number = message.get_float();
      else if (is(message, 3, Wire::varint))
        out.integer = message.get_int64();
      else if (is(message, 4, Wire::length_delimited))
        out.string = message.get_string();
      else if (is(message, 5, Wire::length_delimited))
        out.tensor = tensor_(message.get_message());
      else if (is(message, 6, Wire::length_delimited) || is(message, 11, Wire::length_delimited))
        graph(message.get_message(), depth + 1, out.graphs.emplace_back());
      else if (is(message, 9, Wire::length_delimited))
        out.strings.push_back(message.get_string());
      else if (is(message, 10, Wire::length_delimited))
        out.tensors.push_back(tensor_(message.get_message()));
      else {
        require(message.tag() != 22 && message.tag() != 23, "onnx: attribute '", out.name,
                "' is a sparse tensor, which is not supported");
        message.skip();
      }
    }
    return out;
  }

  static ValueInfo value_info(pbf_reader message) {
    ValueInfo out;
    while (message.next()) {
      if (take_text(message, 1, out.name)) continue;
      if (!is(message, 2, Wire::length_delimited)) {
        message.skip();
        continue;
      }
      pbf_reader type = message.get_message();
      while (type.next(1)) {
        if (type.wire_type() != Wire::length_delimited) {
          type.skip();
          continue;
        }
        pbf_reader tensor = type.get_message();
        while (tensor.next()) {
          if (is(tensor, 1, Wire::varint))
            out.type = tensor.get_int64();
          else if (is(tensor, 2, Wire::length_delimited))
            out.dims = shape(tensor.get_message());
          else
            tensor.skip();
        }
      }
    }
    return out;
  }

  static std::vector<std::int64_t> shape(pbf_reader message) {
    std::vector<std::int64_t> dims;
    while (message.next()) {
      if (!is(message, 1, Wire::length_delimited)) {
        message.skip();
        continue;
      }
      dims.push_back(-1);
      pbf_reader dimension = message.get_message();
      while (dimension.next()) {
        if (is(dimension, 1, Wire::varint))
          dims.back() = dimension.get_int64();
        else
          dimension.skip();
      }
    }
    check_rank(dims.size(), "an input or output");
    return dims;
  }

  TensorDecoder tensor_;
};

/// The model in a file, whose large constants stay in `source`. `directory` is where external data may lie;
/// empty forbids it.
inline Model decode(std::shared_ptr<const Source> source, std::filesystem::path directory) {
  require(source->size() > 0, "onnx: the file is empty");
  const std::uint64_t size = source->size();
  try {
    const Skeleton skeleton = Skeletonizer(*source)();
    Model model = Decoder(TensorDecoder(std::move(source), skeleton.ranges, std::move(directory)))
                      .model(pbf_reader(skeleton.bytes.data(), skeleton.bytes.size()));
    model.bytes += size;
    return model;
  } catch (const protozero::exception& problem) {
    throw Error(foil::text("onnx: the file is damaged or no ONNX file: ", problem.what()));
  }
}

}  // namespace foil::onnx::detail
