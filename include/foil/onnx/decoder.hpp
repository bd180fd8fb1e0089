// SPDX-License-Identifier: MIT
/// \file
/// Decodes the messages of an ONNX file into plain structures.
#pragma once

#include <cstdint>
#include <filesystem>
#include <protozero/exception.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/tensor_decoder.hpp"
#include "foil/onnx/wire.hpp"

namespace foil::onnx::detail {

/// Decodes the messages of the ONNX schema. Fields that the importer does not need are skipped.
class Decoder {
 public:
  /// `directory` is where external data may lie; empty forbids it.
  explicit Decoder(std::filesystem::path directory) : tensor_(std::move(directory)) {}

  Model model(pbf_reader message) {
    Model out;
    bool has_graph = false;
    while (message.next()) {
      if (is(message, 7, Wire::length_delimited)) {
        graph(message.get_message(), out);
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
    if (domain.empty() || domain == "ai.onnx") out.opset = version;
  }

  void graph(pbf_reader message, Model& out) {
    while (message.next()) {
      if (is(message, 1, Wire::length_delimited)) {
        out.nodes.push_back(node(message.get_message()));
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

  Node node(pbf_reader message) {
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
        out.attributes.push_back(attribute(message.get_message()));
      else
        message.skip();
    }
    return out;
  }

  Attribute attribute(pbf_reader message) {
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
      else
        message.skip();
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

inline Model decode(std::string_view bytes, std::filesystem::path directory) {
  require(!bytes.empty(), "onnx: the file is empty");
  try {
    Model model = Decoder(std::move(directory)).model(pbf_reader(bytes.data(), bytes.size()));
    model.bytes += bytes.size();
    return model;
  } catch (const protozero::exception& problem) {
    throw Error(foil::text("onnx: the file is damaged or no ONNX file: ", problem.what()));
  }
}

}  // namespace foil::onnx::detail
