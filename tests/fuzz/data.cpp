// SPDX-License-Identifier: MIT
/// \file
/// Fuzz target: the bytes of a file that foil::io reads, whose first bytes tell the format. Read as images,
/// in all ways that readers offer, and as labels. Lists of pictures find only themselves. Also read as the
/// text of a flow; a small one is run.
#include <algorithm>
#include <cstring>
#include <string_view>

#include "foil/core/bounds.hpp"
#include "foil/core/tensor.hpp"
#include "foil/io/data.hpp"
#include "foil/io/labels.hpp"
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
  return 0;
}
