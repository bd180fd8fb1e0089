// SPDX-License-Identifier: MIT
#include "model.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <initializer_list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "catalogue/importer.hpp"
#include "foil/core/shape.hpp"
#include "foil/core/tensor.hpp"
#include "foil/models/affine.hpp"
#include "foil/models/log_probabilities.hpp"
#include "foil/models/single_logit.hpp"

namespace evaluate {
namespace {

using foil::Index;

/// The first bytes of a file, as many as there are up to 16.
std::string beginning(const std::filesystem::path& path) {
  std::string start(16, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(start.data(), static_cast<std::streamsize>(start.size()));
  start.resize(static_cast<std::size_t>(file.gcount()));
  return start;
}

/// TorchScript files are zip archives.
bool is_archive(const std::filesystem::path& path) {
  return beginning(path).starts_with("PK\3\4");
}

/// Throws for files that are often taken for networks.
void refuse_foreign(const std::filesystem::path& path) {
  const std::string start = beginning(path);
  const auto readable = [](char c) { return (c >= ' ' && c <= '~') || c == '\n' || c == '\r' || c == '\t'; };
  const char* found = nullptr;
  if (start.starts_with("\x80"))
    found = "a pickle, as torch.save writes them without TorchScript";
  else if (start.starts_with("\x89HDF"))
    found = "HDF5, as Keras writes it";
  else if (!start.empty() && std::all_of(start.begin(), start.end(), readable))
    found = "a text";
  foil::require(found == nullptr, path.string(), ": expected an ONNX or a TorchScript file, found ",
                found == nullptr ? "" : found);
}

std::unique_ptr<Model> load_onnx_model(const std::filesystem::path& path, const ModelOptions& options) {
  const foil::onnx::File file(path);
  const SampleShape shape = file.input_shape(options.input_shape);
  const foil::onnx::Options<float> reading{.bounds = options.bounds,
                                           .input_shape = options.input_shape,
                                           .output = options.output,
                                           .keep_output_layer = options.keep_output_layer,
                                           .binary = options.binary,
                                           .single_column = true,
                                           .straight_through = options.straight_through,
                                           .stabilise = options.stabilise,
                                           .surrogate_slopes = options.surrogate_slopes};
  std::vector<std::string> notes;
  bool single = false;
  const auto adapted = [&]<class M>(M model, const SampleShape& of_samples) {
    notes = model.notes();
    single = model.classes() == 1;
    return std::make_unique<Adapted<M>>(std::move(model), of_samples);
  };
  auto network =
      with_rank(shape, [&]<int rank>(const SampleShape& of_samples) -> std::unique_ptr<const Network> {
        if (file.has_gradients()) return adapted(file.network<float, rank>(reading), of_samples);
        return adapted(file.scores<float, rank>(reading), of_samples);
      });
  // In a file without such layers, answers that are probabilities are so by chance.
  const std::set<std::string> operators = file.operators();
  const auto any = [&](std::initializer_list<const char*> types) {
    return std::any_of(types.begin(), types.end(),
                       [&](const char* type) { return operators.contains(type); });
  };
  std::optional<foil::Probabilities> may_be;
  if (single && any({"Sigmoid", "Softmax", "Exp", "Tanh", "Clip", "Min"}))
    may_be = foil::Probabilities::independent;
  else if (any({"Sigmoid", "Softmax"}))
    may_be = foil::Probabilities::exclusive;
  auto model = std::make_unique<Model>(options, std::move(network), shape, std::move(notes), may_be,
                                       file.external_files());
  if (!file.has_gradients()) model->set_knowledge(foil::Knowledge::scores);
  return model;
}

/// A network seen through one of foil's models of a model.
template <template <class> class Wrapping>
class Through : public Network {
 public:
  template <class... Options>
  explicit Through(std::unique_ptr<const Network> network, const Options&... options)
      : network_(std::move(network)), wrapped_(*network_, options...) {}

  foil::Bounds<float> bounds() const override { return network_->bounds(); }
  foil::Logits<float> logits(const Input& x) const override { return wrapped_.logits(x); }
  foil::Vjp<float, Pullback> vjp(const Input& x) const override {
    auto vjp = wrapped_.vjp(x);
    return {std::move(vjp.logits), std::move(vjp.pullback)};
  }

 private:
  std::unique_ptr<const Network> network_;
  Wrapping<const Network> wrapped_;
};

/// What probabilities all these answers look like, if any. One column of them is that of a single sigmoid,
/// unless it holds 0 and at most 1 besides: those are decisions, which have no logarithm to attack.
std::optional<foil::Probabilities> looks_like(const foil::Logits<float>& answers) {
  constexpr float rounding = 1e-3f;
  bool inside = true, one = true;
  for (Index i = 0; i < answers.rows(); ++i) {
    inside = inside && answers.row(i).minCoeff() >= 0 && answers.row(i).maxCoeff() <= 1;
    one = one && std::abs(answers.row(i).sum() - 1) <= rounding;
  }
  if (!inside) return std::nullopt;
  const bool decided = ((answers.array() == 0) || (answers.array() == 1)).all();
  if (answers.cols() == 1 && decided && (answers.array() == 0).any()) return std::nullopt;
  return one && answers.cols() > 1 ? foil::Probabilities::exclusive : foil::Probabilities::independent;
}

}  // namespace

Index Model::prepare(const std::filesystem::path& file, const SampleShape& data, const Input& first) {
  if (shape_)
    foil::require(foil::squeezed(data) == foil::squeezed(*shape_), file.string(),
                  ": expected images of shape ", foil::batch_text(*shape_), " as the model takes, found ",
                  foil::batch_text(data));
  foil::Logits<float> answers;
  try {
    if (!network_) network_ = open_(data);
    if (mean_.size() > 0)
      network_ = std::make_unique<Through<foil::Affine>>(std::move(network_), mean_, deviation_);
    answers = network_->logits(first);
  } catch (const foil::Error& error) {
    if (shape_) throw;
    throw foil::Error(foil::text(file.string(), ": the model refuses images of shape ",
                                 foil::batch_text(data), ": ", error.what()));
  }
  const bool single = answers.cols() == 1;
  std::optional<foil::Probabilities> found;
  if (may_be_ && !options_.keep_output_layer) found = looks_like(answers);
  if (found && *found > *may_be_) found.reset();
  if (found) {
    network_ = std::make_unique<Through<foil::LogProbabilities>>(std::move(network_), *found);
    if (!single)
      notes_.push_back(*found == foil::Probabilities::exclusive
                           ? "the model's answers p are probabilities that add up to 1: attacked is log p"
                           : "the model's answers p are all from 0 to 1, as those of sigmoids: attacked is "
                             "log p - log(1 - p)");
  }
  foil::require(!single || options_.binary,
                "the model has a single output: if it is the logit or the probability of class 1 against "
                "class 0, say so by --binary");
  if (!single) {
    foil::require(shape_ || !options_.binary, "--binary is for models with a single output, this one has ",
                  answers.cols());
    return answers.cols();
  }
  network_ = std::make_unique<Through<foil::SingleLogit>>(std::move(network_));
  notes_.push_back(
      found ? "the model's single outputs p are all from 0 to 1, so read as the probability of class "
              "1, the answer where p > 1/2: attacked is log p - log(1 - p); --keep-output-layer "
              "takes them for logits"
            : "the model's single output z is read as the logit of class 1 against class 0: class 1 "
              "is the answer where z > 0");
  return 2;
}

std::unique_ptr<Model> load_model(const std::filesystem::path& path, const ModelOptions& options) {
  if (!is_archive(path)) {
    refuse_foreign(path);
    return load_onnx_model(path, options);
  }
#ifdef FOIL_EVALUATE_TORCH
  foil::require(options.output.empty() && options.input_shape.empty() && !options.straight_through &&
                    !options.stabilise && !options.surrogate_slopes,
                "--output, --input-shape, --straight-through, --stabilise and --surrogate-slopes are for "
                "ONNX files: foil does not see into "
                "TorchScript");
  return load_torch_model(path, options);
#else
  throw foil::Error(path.string() +
                    ": is not an ONNX file; if it is a TorchScript file: this foil-evaluate was "
                    "built without LibTorch");
#endif
}

}  // namespace evaluate
