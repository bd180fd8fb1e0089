// SPDX-License-Identifier: MIT
/// \file
/// Reads ONNX files into networks. With foil/onnx/decoder.hpp and what it includes, all of foil that needs
/// protozero.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/nn/network.hpp"
#include "foil/onnx/decoder.hpp"
#include "foil/onnx/element_type.hpp"
#include "foil/onnx/importer.hpp"
#include "foil/onnx/learners.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/options.hpp"
#include "foil/onnx/quantised_operators.hpp"
#include "foil/onnx/scores.hpp"
#include "foil/onnx/source.hpp"

namespace foil::onnx {

namespace detail {

/// What a file holds, operators that others stand for in those. A template, so that a program of several
/// sources may have one of them compile it for all.
template <class AnySource>
Model read_model(std::shared_ptr<const AnySource> source, std::filesystem::path directory) {
  Model model = decode(std::move(source), std::move(directory));
  Learners(model).rewrite();
  QuantisedOperators(model).rewrite();
  return model;
}

}  // namespace detail

/// An ONNX file that has been read: what it says of its input, and the network in it.
class File {
 public:
  /// Reads a file, but for its large constants: these are read when they are needed, and the file has to stay
  /// as it is until network() is done. Throws foil::Error if it is damaged or cannot be read.
  explicit File(const std::filesystem::path& path)
      : File(std::make_shared<const detail::Source>(path),
             path.has_parent_path() ? path.parent_path() : ".") {}

  /// The file of these bytes, which may refer to data in that directory; if it is empty, to none. Keeps a
  /// copy.
  File(std::string_view bytes, std::filesystem::path directory)
      : File(std::make_shared<const detail::Source>(detail::Source::copy(std::string(bytes))),
             std::move(directory)) {}

  /// The shape of one sample of the input, without the batch axis. One shorter than the Rank of network().
  /// Throws foil::Error unless extents that the file leaves open are given, with all others.
  std::vector<Index> input_shape(const std::vector<Index>& given = {}) const {
    return detail::sample_dims(detail::find_input(model_), given);
  }

  /// The number of samples that the file is for; -1 if that is open.
  std::int64_t batch() const { return detail::file_batch(detail::find_input(model_)); }

  /// The files beside it that hold weights; their paths lead through no links.
  const std::vector<std::filesystem::path>& external_files() const { return model_.external_files; }

  /// The types of its operators.
  std::set<std::string> operators() const {
    std::set<std::string> types;
    for (const Node& node : model_.nodes) types.insert(node.type);
    return types;
  }

  /// Whether all of it has gradients. Trees and support vectors have none; scores() reads them.
  bool has_gradients() const { return detail::first_score_node(model_) == nullptr; }

  /// The scores; see load_scores().
  template <class Scalar = float, int Rank = 2>
  Scores<Scalar, Rank> scores(const Options<Scalar>& options = {}) const {
    Options<Scalar> as_it_is = options;
    as_it_is.keep_output_layer = true;
    return Scores<Scalar, Rank>(detail::build_network<Scalar, Rank>(model_, as_it_is));
  }

  /// The network; see load().
  template <class Scalar = float, int Rank = 4>
  nn::Network<Scalar, Rank> network(const Options<Scalar>& options = {}) const {
    const Node* const node = detail::first_score_node(model_);
    require(node == nullptr, "onnx: ", node == nullptr ? "" : node->label(),
            ": has scores but no gradients; load_scores() reads it, for attacks that need none");
    return detail::build_network<Scalar, Rank>(model_, options);
  }

 private:
  File(std::shared_ptr<const detail::Source> source, std::filesystem::path directory)
      : model_(detail::read_model(std::move(source), std::move(directory))) {}

  Model model_;
};

/// Reads a network from the bytes of an ONNX file; see load(). External data is not allowed.
template <class Scalar = float, int Rank = 4>
nn::Network<Scalar, Rank> parse(std::string_view bytes, const Options<Scalar>& options = {}) {
  return File(bytes, {}).network<Scalar, Rank>(options);
}

/// Reads a classifier from an ONNX file of opset 7 or newer, with weights of any type, computed in Scalar;
/// docs/onnx.md lists the operators. The network has one input of shape (N, ...) with Rank dimensions. N may
/// be open or fixed in the file, or missing where a sample has one axis; other extents that are open are
/// given by Options::input_shape; any number of samples can be evaluated. Its output has shape (N, classes),
/// with further axes of length one if need be. What the network then has as logits, and what was taken off
/// the end to come by them, says Network::notes(); see Options. Throws foil::Error naming node and reason if
/// the file is damaged, uses an operator that is not supported, or mixes samples.
template <class Scalar = float, int Rank = 4>
nn::Network<Scalar, Rank> load(const std::filesystem::path& path, const Options<Scalar>& options = {}) {
  return File(path).network<Scalar, Rank>(options);
}

/// Reads the scores of a model from an ONNX file, for attacks that need no gradients: whatever load() reads,
/// and with it ensembles of trees and support vector machines, as scikit-learn and XGBoost export them. The
/// scores are what the file has as such, probabilities or margins, one column for each class in the file's
/// order; of classifiers by support vectors without probabilities, those that its labels go by. Throws
/// foil::Error as load() does.
template <class Scalar = float, int Rank = 2>
Scores<Scalar, Rank> load_scores(const std::filesystem::path& path, const Options<Scalar>& options = {}) {
  return File(path).scores<Scalar, Rank>(options);
}

}  // namespace foil::onnx
