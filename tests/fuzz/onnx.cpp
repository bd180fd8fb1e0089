// SPDX-License-Identifier: MIT
/// \file
/// Fuzz target: the bytes of an ONNX file, read; and if they are a small network, evaluated and
/// differentiated, where it has gradients.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "catalogue/importer.hpp"
#include "fuzz/target.hpp"

namespace {

using foil::Index;
using foil::test::expect;

/// Whether one sample takes some milliseconds at most.
template <class Network>
bool quick(const Network& network) {
  constexpr Index numbers = 1 << 13, multiply_adds = 1 << 22;
  const auto& graph = network.engine().graph;
  Index products = 0, written = graph.input_size();
  for (std::size_t i = 0; i < graph.operators(); ++i) {
    const auto view = graph.view(i);
    products += view.op.multiply_adds();
    written += view.output;
  }
  return written <= numbers && graph.scratch_size() <= 1 << 20 && products <= multiply_adds;
}

/// Two samples of zeros.
template <class Network>
auto zeros(const Network& network) {
  const auto shape = network.input_shape();
  typename Network::Input x;
  typename Network::Input::Dimensions dimensions;
  dimensions[0] = 2;
  std::copy(shape.begin(), shape.end(), dimensions.begin() + 1);
  x.resize(dimensions);
  x.setZero();
  return x;
}

template <int Rank>
void evaluate(const foil::onnx::File& file) {
  if (!file.has_gradients()) {
    const auto scores = file.scores<float, Rank>();
    if (quick(scores))
      expect(scores.logits(zeros(scores)).cols() == scores.classes(), "scores of all classes");
    return;
  }
  const auto network = file.network<float, Rank>();
  if (!quick(network)) return;
  const auto x = zeros(network);
  const auto pass = network.vjp(x);
  const auto logits = network.logits(x);
  expect(logits.rows() == 2 && logits.cols() == network.classes(), "two rows of logits");
  for (Index i = 0; i < logits.size(); ++i)
    expect(logits.data()[i] == pass.logits.data()[i] ||
               (std::isnan(logits.data()[i]) && std::isnan(pass.logits.data()[i])),
           "the same logits with and without a pullback");
  const auto gradient = pass.pullback(foil::Logits<float>::Ones(2, network.classes()));
  expect(gradient.dimensions() == x.dimensions(), "a gradient of the input's shape");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  foil::test::may_refuse([&] {
    const foil::onnx::File file(foil::test::as_text(data, size), {});
    Index pixels = 1;  // a file that says that it is for large inputs may take its time
    for (const Index extent : file.input_shape()) {
      if (extent > (1 << 20) / pixels) return;
      pixels *= extent;
    }
    switch (file.input_shape().size()) {
      case 1:
        return evaluate<2>(file);
      case 2:
        return evaluate<3>(file);
      case 4:
        return evaluate<5>(file);
      default:
        return evaluate<4>(file);
    }
  });
  return 0;
}
