// SPDX-License-Identifier: MIT
#include "foil/onnx/flow.hpp"

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <ios>
#include <string>

#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/onnx.hpp"
#include "support/onnx_builder.hpp"

namespace {

using Catch::Matchers::ContainsSubstring;
using foil::Index;
using foil::Logits;
using foil::test::OnnxBuilder;

/// A folder with a flow, gone with this.
class Folder {
 public:
  explicit Folder(const std::string& name) : path_(std::filesystem::temp_directory_path() / name) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directory(path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  void write(const std::string& name, const std::string& content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace

TEST_CASE("load_flow: couplings compute what their ONNX files do, to the last layer", "[onnx]") {
  const Folder folder("foil-flow-rows-test");
  // A Softmax, which classifiers lose, and a Sigmoid of one number, which is two classes elsewhere.
  folder.write("softmax.onnx", OnnxBuilder({-1, 2}).node("Softmax", {"x"}, "y").bytes());
  folder.write("sigmoid.onnx", OnnxBuilder({-1, 3})
                                   .constant("w", {3, 1}, {1, -2, 0.5f})
                                   .node("MatMul", {"x", "w"}, "z")
                                   .node("Sigmoid", {"z"}, "y")
                                   .bytes());
  folder.write("flow.txt",
               "foil-flow 1\ninput 4\nadditive softmax.onnx\nadditive sigmoid.onnx 3\nsemantics 2\n");
  const auto flow = foil::onnx::load_flow<double, 2>(folder.path());
  foil::test::Random random(1);
  using Rows = foil::Tensor<double, 2>;
  const auto x = foil::test::random_batch<Rows>(random, Rows::Dimensions(5, 4), -3, 3);
  const Logits<double> codes = flow.forward(x);
  for (Index i = 0; i < 5; ++i) {
    const double p = 1 / (1 + std::exp(x(i, 1) - x(i, 0)));
    const double third = x(i, 2) + p, z = x(i, 0) - 2 * x(i, 1) + 0.5 * third;
    CHECK(codes(i, 0) == x(i, 0));
    CHECK(codes(i, 2) == Catch::Approx(third).epsilon(1e-12));
    CHECK(codes(i, 3) == Catch::Approx(x(i, 3) + 1 - p + 1 / (1 + std::exp(-z))).epsilon(1e-12));
  }
  CHECK((foil::as_matrix(flow.inverse(codes)) - foil::as_matrix(x)).cwiseAbs().maxCoeff() < 1e-14);
  const auto gradient = flow.vjp(x).pullback(Logits<double>::Ones(5, 2));
  CHECK((foil::as_matrix(gradient).rightCols(2).array() == 0).all());
}

TEST_CASE("load_flow: images go into networks of images", "[onnx]") {
  const Folder folder("foil-flow-images-test");
  // Of two channels of 1 x 2 pixels the first is kept; its left pixel is added to both of the second.
  folder.write("left.onnx",
               OnnxBuilder({-1, 1, 1, 2})
                   .constant("w", {1, 1, 1, 2}, {1, 0})
                   .node("Conv", {"x", "w"}, "z")
                   .node("Concat", {"z", "z"}, "both", {foil::test::attribute("axis", std::int64_t{3})})
                   .node("Flatten", {"both"}, "y")
                   .bytes());
  folder.write("flow.txt", "foil-flow 1\ninput 2 1 2\nadditive left.onnx\nsemantics 2\n");
  const auto flow = foil::onnx::load_flow<double>(folder.path());
  foil::Tensor<double, 4> x(1, 2, 1, 2);
  x.setValues({{{{1, 2}}, {{3, 4}}}});
  Logits<double> expected(1, 4);
  expected << 1, 2, 4, 5;
  CHECK(flow.forward(x) == expected);

  folder.write("flow.txt", "foil-flow 1\ninput 4 1 1\nadditive left.onnx\nsemantics 2\n");
  CHECK_THROWS_WITH(foil::onnx::load_flow<double>(folder.path()),
                    ContainsSubstring("takes inputs of shape (N, 1, 1, 2), expected (N, 2, 1, 1) or (N, 2)"));
  folder.write("flow.txt", "foil-flow 1\ninput 4 1 1\nadditive ../left.onnx\nsemantics 2\n");
  CHECK_THROWS_WITH(foil::onnx::load_flow<double>(folder.path()),
                    ContainsSubstring("the name of a file beside flow.txt, got '../left.onnx'"));
  CHECK_THROWS_WITH(foil::onnx::load_flow<double>(folder.path() / "elsewhere"),
                    ContainsSubstring("cannot read"));
}
