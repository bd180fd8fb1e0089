// SPDX-License-Identifier: MIT
/// \file
/// Fuzz target: the bytes of a file that foil::io reads, whose first bytes tell the format. Read as images,
/// in all ways that readers offer, and as labels. Lists of pictures find only themselves. Also read as the
/// text of a flow; a small one is run. And as a verifier's property, which is written and read again, and as
/// a counterexample.
#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "foil/core/bounds.hpp"
#include "foil/core/tensor.hpp"
#include "foil/io/data.hpp"
#include "foil/io/labels.hpp"
#include "foil/io/vnnlib.hpp"
#include "foil/models/flow/description.hpp"
#include "fuzz/target.hpp"

namespace {

using foil::Index;
using foil::test::expect;

void read_images(const std::filesystem::path& path, const foil::io::ImageOptions& options) {
  foil::io::ImageReader<float> images(path, foil::Bounds<float>{}, options);
  const Index rows = images.rows();
  if (rows > 1000) return;
  const auto first = images.next(1);
  expect(foil::samples(first) == std::min<Index>(rows, 1), "one row");
  images.seek(0);
  const auto all = images.next(rows);
  expect(foil::samples(all) == rows, "all rows");
  const auto bytes = static_cast<std::size_t>(first.size()) * sizeof(float);
  expect(std::memcmp(first.data(), all.data(), bytes) == 0, "the same row again");
  images.seek(rows / 2);
  expect(foil::samples(images.next(rows)) == rows - rows / 2, "the other half");
}

void read_flow(std::string_view text) {
  using Rows = foil::Tensor<double, 4>;
  const auto functions = [](std::string_view name, const foil::FlowShape& kept) {
    const Index numbers = kept.size() * (name.starts_with("two") ? 2 : 1);
    return foil::RowFunction<double>{[numbers](const foil::Logits<double>& x) -> foil::Logits<double> {
                                       return foil::Logits<double>::Constant(x.rows(), numbers, 0.5);
                                     },
                                     {}};
  };
  const auto flow = foil::parse_flow<Rows>(text, functions);
  const auto [channels, height, width] = flow.input_shape();
  if (channels * height * width > 1 << 12) return;
  Rows x(2, channels, height, width);
  x.setConstant(0.25);
  const foil::Logits<double> codes = flow.forward(x);
  expect(flow.inverse(codes).dimensions() == x.dimensions(), "inputs of the shape that they had");
  expect(flow.logits(x).cols() == flow.semantic_size(), "as many logits as it says");
}

void read_property(const std::filesystem::path& path) {
  const foil::io::VnnLib property = foil::io::read_vnnlib(path);
  expect(!property.cases.empty(), "a case");
  if (property.inputs > 1000 || property.outputs > 1000 || property.cases.size() > 100) return;
  for (const auto& one : property.cases) {
    if (one.property.clauses.size() > 100) return;
    one.property.check(1, property.outputs);
    const std::vector<float> outputs(static_cast<std::size_t>(property.outputs), 0.5f);
    for (const Eigen::VectorXf& end : {one.lowest, one.highest}) {
      const std::vector<float> x(end.begin(), end.end());
      const auto found = counterexample(one, x, outputs);
      expect(in_box(one, found) && found.input() == x, "decimals in the box that are read as the input");
      const std::string text = counterexample_text(property, found);
      expect(counterexample_text(property, parse_counterexample(text, property)) == text, "the same again");
    }
  }
  const std::string text = vnnlib_text(property);
  expect(vnnlib_text(foil::io::parse_vnnlib(text)) == text, "the same property again");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  foil::test::may_refuse([&] { read_flow(foil::test::as_text(data, size)); });
  const foil::test::InputFile file(foil::test::as_text(data, size));
  foil::test::may_refuse([&] { read_images(file.path(), {}); });
  foil::test::may_refuse([&] {
    read_images(file.path(), {.shape = {1, 2, 2}, .nhwc = true, .raw = true, .clip = true, .strict = false});
  });
  foil::test::may_refuse([&] {
    if (!foil::io::holds_labels(file.path())) return;
    const foil::Labels labels = foil::io::read_labels(file.path(), 1 << 20);
    expect(labels.size() > 0 && labels.minCoeff() >= 0, "labels from 0 upwards");
  });
  foil::test::may_refuse([&] { read_property(file.path()); });
  foil::test::may_refuse([&] {
    const foil::io::VnnLib property = foil::io::vnnlib_robustness(std::vector<float>(2, 0.5f), 0.1, {}, 0, 2);
    foil::io::parse_counterexample(foil::test::as_text(data, size), property);
  });
  return 0;
}
