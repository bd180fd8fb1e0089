// SPDX-License-Identifier: MIT
// Which axis of an ONNX graph runs over the samples, and shapes that are computed in the file.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/onnx.hpp"
#include "support/onnx_builder.hpp"

namespace {

using foil::Index;
using foil::test::attribute;
using foil::test::Ints;
using foil::test::OnnxBuilder;
using foil::test::spread;
using Matrix = foil::Logits<double>;

/// The logits of `count` samples of six numbers each, as (N, 2, 3) or (N, 6).
template <int Rank>
Matrix logits(const OnnxBuilder& file, Index count, const foil::onnx::Options<double>& options = {}) {
  const auto network = foil::onnx::parse<double, Rank>(file.bytes(), options);
  typename foil::Tensor<double, Rank>::Dimensions dims;
  dims[0] = count;
  for (std::size_t i = 1; i < dims.size(); ++i) dims[i] = network.input_shape()[i - 1];
  foil::Tensor<double, Rank> x(dims);
  const auto values = spread(static_cast<std::size_t>(x.size()), -1, 1, 4);
  std::copy(values.begin(), values.end(), x.data());
  return network.logits(x);
}

double input(Index sample, Index i) {
  return static_cast<double>(spread(60, -1, 1, 4)[static_cast<std::size_t>(6 * sample + i)]);
}

template <int Rank>
std::string refusal(const OnnxBuilder& file) {
  try {
    foil::onnx::parse<double, Rank>(file.bytes());
  } catch (const foil::Error& error) {
    return error.what();
  }
  return "loaded";
}

using Catch::Matchers::ContainsSubstring;

/// (N, 2, 3) with the samples moved to axis 1 and merged with the last axis: (2, 3N, 1).
OnnxBuilder merged(std::int64_t batch = -1) {
  OnnxBuilder file({batch, 2, 3}, 15);
  file.node("Transpose", {"x"}, "t", {attribute("perm", Ints{1, 0, 2})})
      .node("Shape", {"x"}, "n", {attribute("start", 0), attribute("end", 1)})
      .constant("three", {3})
      .constant("two", {2})
      .constant("one", {1})
      .node("Mul", {"n", "three"}, "n3")
      .node("Concat", {"two", "n3", "one"}, "shape", {attribute("axis", 0)})
      .node("Reshape", {"t", "shape"}, "m");
  return file;
}

/// From (2, 3N, 1) back to (N, 6).
OnnxBuilder& unmerged(OnnxBuilder& file, const std::string& from) {
  return file.node("Concat", {"two", "n", "three"}, "back", {attribute("axis", 0)})
      .node("Reshape", {from, "back"}, "b")
      .node("Transpose", {"b"}, "u", {attribute("perm", Ints{1, 0, 2})})
      .node("Flatten", {"u"}, "y");
}

}  // namespace

TEST_CASE("onnx: samples are followed through transpositions and merged axes", "[onnx]") {
  OnnxBuilder file = merged();
  file.node("Softmax", {"m"}, "s", {attribute("axis", 0)});  // over the two numbers of each position
  unmerged(file, "s");
  const Matrix y = logits<3>(file, 4);
  REQUIRE(y.cols() == 6);
  for (Index n = 0; n < 4; ++n)
    for (Index i = 0; i < 6; ++i) {
      const double e = std::exp(input(n, i)), other = std::exp(input(n, (i + 3) % 6));
      CHECK(y(n, i) == Catch::Approx(e / (e + other)).epsilon(1e-12));
    }
  for (Index n = 0; n < 4; ++n) CHECK(logits<3>(file, n + 1).row(n) == y.row(n));
}

TEST_CASE("onnx: what mixes samples is refused, by the node that does", "[onnx]") {
  OnnxBuilder file = merged();
  file.node("Softmax", {"m"}, "s", {attribute("axis", 1)}, "attend");
  CHECK(refusal<3>(unmerged(file, "s")) ==
        "onnx: node 'attend' (Softmax): along axis 1 of (2, 3N, 1) it would mix samples");
  CHECK_THAT(refusal<3>(OnnxBuilder({-1, 2, 3})
                            .node("Transpose", {"x"}, "t", {attribute("perm", Ints{1, 0, 2})})
                            .constant("w", {2, 1, 3}, spread(6, 0, 1, 1))
                            .node("Add", {"t", "w"}, "a")
                            .node("Add", {"x", "a"}, "y")),
             ContainsSubstring("combining (N, 2, 3) with (2, N, 3) would mix samples"));
  CHECK_THAT(
      refusal<3>(
          OnnxBuilder({-1, 2, 3}).constant("w", {2, 2, 3}, spread(12, 0, 1, 1)).node("Add", {"x", "w"}, "y")),
      ContainsSubstring("combining (N, 2, 3) with (2, 2, 3) would mix samples"));
  CHECK_THAT(refusal<3>(OnnxBuilder({-1, 2, 3})
                            .constant("s", Ints{3, -1})
                            .node("Transpose", {"x"}, "t", {attribute("perm", Ints{2, 0, 1})})
                            .node("Reshape", {"t", "s"}, "y")),
             ContainsSubstring("(3, 2N), would mix samples"));
  CHECK_THAT(
      refusal<2>(
          OnnxBuilder({-1, 6}).constant("s", Ints{4, -1}).node("Reshape", {"x", "s"}, "y", {}, "fold")),
      ContainsSubstring("node 'fold' (Reshape): cannot reshape 6 elements"));
  CHECK_THAT(
      refusal<2>(
          OnnxBuilder({-1, 6}).constant("s", Ints{2, -1, 3}).node("Reshape", {"x", "s"}, "y", {}, "fold")),
      ContainsSubstring("node 'fold' (Reshape): reshaping (N, 6) to (2, 1N, 3) would mix samples"));
}

TEST_CASE("onnx: a row written down while tracing one sample stands for one of each sample", "[onnx]") {
  for (const std::int64_t batch : {-1, 3})
    for (const auto& target : {Ints{1, -1}, Ints{1, 6}}) {
      OnnxBuilder file({batch, 2, 3});
      file.constant("s", target)
          .constant("w", {6, 2}, {1, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0, 1})
          .node("Reshape", {"x", "s"}, "r")
          .node("Neg", {"r"}, "n")
          .node("Gemm", {"n", "w"}, "y");
      const Matrix y = logits<3>(file, 4);
      for (Index n = 0; n < 4; ++n) CHECK(y(n, 0) == Catch::Approx(-input(n, 0) - input(n, 1) - input(n, 2)));
    }
  // Where nothing says so, it is the row of all samples that the file asks for.
  OnnxBuilder file({-1, 2, 3});
  file.constant("s", Ints{1, -1}).node("Reshape", {"x", "s"}, "r").node("Softmax", {"r"}, "y", {}, "all");
  CHECK(refusal<3>(file) == "onnx: node 'all' (Softmax): along axis 1 of (1, 6N) it would mix samples");
}

TEST_CASE("onnx: nothing is stretched to one for each sample but what is the same for all", "[onnx]") {
  for (const auto* type : {"Expand", "Tile"})
    for (const auto* from : {"u", "c"}) {  // an activation of shape (1, N, 6), and a constant
      CAPTURE(type, from);
      OnnxBuilder file({-1, 6}, 15);
      file.constant("first", Ints{0})
          .constant("one", Ints{1})
          .constant("c", {1, 1, 6}, {0, 1, 2, 3, 4, 5})
          .node("Unsqueeze", {"x", "first"}, "u")
          .node("Shape", {"x"}, "n", {attribute("start", 0), attribute("end", 1)})
          .node("Concat", {"n", "one", "one"}, "s", {attribute("axis", 0)})
          .node(type, {from, "s"}, "e");
      if (std::string(from) == "u") {
        file.node("ReduceSum", {"e", "first"}, "y", {attribute("keepdims", 0)});
        CHECK_THAT(refusal<2>(file), ContainsSubstring("axis 0 of (1, N, 6)"));
        continue;
      }
      file.node("Squeeze", {"e", "one"}, "d").node("Add", {"d", "x"}, "y");
      const Matrix y = logits<2>(file, 3);
      for (Index n = 0; n < 3; ++n)
        for (Index i = 0; i < 6; ++i) CHECK(y(n, i) == input(n, i) + static_cast<double>(i));
    }
}

TEST_CASE("onnx: a constant made for each sample is one for each, and nothing that adds them up", "[onnx]") {
  const auto begin = [] {
    OnnxBuilder file({-1, 6}, 15);
    file.node("Shape", {"x"}, "shape")
        .constant("zero", Ints{0})
        .constant("three", {1, 1}, {3})
        .node("Expand", {"three", "shape"}, "threes")
        .node("ConstantOfShape", {"shape"}, "zeros")
        .node("Add", {"threes", "zeros"}, "c");
    return file;
  };
  const Matrix y = logits<2>(begin().node("Add", {"x", "c"}, "y"), 3);
  for (Index n = 0; n < 3; ++n)
    for (Index i = 0; i < 6; ++i) CHECK(y(n, i) == input(n, i) + 3);
  const std::string why = "what it computes from the number of samples";
  for (const char* const from : {"threes", "zeros", "c"}) {
    CAPTURE(from);
    CHECK_THAT(refusal<2>(begin().node("ReduceSum", {from, "zero"}, "s").node("Add", {"x", "s"}, "y")),
               ContainsSubstring("node 's' (ReduceSum): " + why));
    CHECK_THAT(refusal<2>(begin().node("NonZero", {from}, "s").node("Add", {"x", "s"}, "y")),
               ContainsSubstring("node 's' (NonZero): " + why));
    CHECK_THAT(refusal<2>(begin()
                              .node("Cast", {from}, "i", {attribute("to", 7)})
                              .node("Gather", {"x", "i"}, "y", {attribute("axis", 1)}, "picks")),
               ContainsSubstring("node 'picks' (Gather): " + why));
    CHECK_THAT(refusal<2>(begin().node("MatMul", {"x", from}, "y")),
               ContainsSubstring("does not depend on the number of samples"));
    CHECK_THAT(refusal<2>(begin()
                              .node("Size", {from}, "n")
                              .node("Cast", {"n"}, "s", {attribute("to", 1)})
                              .node("Add", {"x", "s"}, "y")),
               ContainsSubstring("node 'n' (Size): " + why));
  }
}

TEST_CASE("onnx: a file for one sample is a function of one sample, whose first axis is like any other",
          "[onnx]") {
  OnnxBuilder file({1, 2, 3}, 15);
  file.constant("s", Ints{3, 2})
      .constant("zero", Ints{0})
      .node("Squeeze", {"x", "zero"}, "q")
      .node("Softmax", {"q"}, "p", {attribute("axis", 0)})
      .node("Transpose", {"p"}, "t")
      .constant("all", Ints{6})
      .node("Reshape", {"t", "all"}, "y");
  const Matrix y = logits<3>(file, 3);
  for (Index n = 0; n < 3; ++n)
    for (Index i = 0; i < 6; ++i) {
      const Index from = i % 2 * 3 + i / 2;
      const double e = std::exp(input(n, from)), other = std::exp(input(n, (from + 3) % 6));
      CHECK(y(n, i) == Catch::Approx(e / (e + other)).epsilon(1e-12));
    }
}

TEST_CASE("onnx: with a fixed batch of several, numbers in shapes are those of the whole batch", "[onnx]") {
  OnnxBuilder file({3, 2, 3}, 15);
  file.constant("merge", Ints{2, 9, 1})
      .constant("split", Ints{2, 3, -1})
      .constant("flat", Ints{3, 6})
      .node("Transpose", {"x"}, "t", {attribute("perm", Ints{1, 0, 2})})
      .node("Reshape", {"t", "merge"}, "m")
      .node("Neg", {"m"}, "g")
      .node("Reshape", {"g", "split"}, "b")
      .node("Transpose", {"b"}, "u", {attribute("perm", Ints{1, 0, 2})})
      .node("Reshape", {"u", "flat"}, "y");
  const Matrix y = logits<3>(file, 5);
  for (Index n = 0; n < 5; ++n)
    for (Index i = 0; i < 6; ++i) CHECK(y(n, i) == -input(n, i));
  OnnxBuilder row({3, 6});  // all samples in one row, as it says
  row.constant("s", Ints{1, -1}).node("Reshape", {"x", "s"}, "r").node("ReduceMax", {"r"}, "m");
  CHECK_THAT(refusal<2>(row.node("Sub", {"x", "m"}, "y")),
             ContainsSubstring("of (1, 6N) it would mix samples"));
  CHECK_THAT(refusal<3>(OnnxBuilder({3, 2, 3}, 15)
                            .constant("sizes", Ints{6, 2, 3})
                            .node("Resize", {"x", "", "", "sizes"}, "r")
                            .node("Flatten", {"r"}, "y")),
             ContainsSubstring("would mix samples"));
  CHECK_THAT(refusal<2>(OnnxBuilder({3, 6}).constant("s", Ints{2, 9}).node("Reshape", {"x", "s"}, "y")),
             ContainsSubstring("would mix samples"));
}

TEST_CASE("onnx: shapes are computed with the number of samples left open", "[onnx]") {
  struct Chain {
    std::string what;
    OnnxBuilder file;
    bool fine;
  };
  const auto begin = [] {
    OnnxBuilder file({-1, 2, 3}, 15);
    file.node("Shape", {"x"}, "shape")
        .node("Shape", {"x"}, "n", {attribute("start", 0), attribute("end", 1)})
        .node("Shape", {"x"}, "rest", {attribute("start", -2)})
        .constant("minus", Ints{-1})
        .constant("one", Ints{1})
        .constant("two", Ints{2})
        .constant("six", Ints{6});
    return file;
  };
  const auto flat = [](OnnxBuilder file, const std::string& first, const std::string& second) {
    return file.node("Concat", {first, second}, "target", {attribute("axis", 0)})
        .node("Reshape", {"x", "target"}, "y");
  };
  std::vector<Chain> chains;
  chains.push_back({"x.view(x.size(0), -1)", flat(begin(), "n", "minus"), true});
  chains.push_back({"a product of the rest",
                    flat(begin().node("ReduceProd", {"rest"}, "p", {attribute("keepdims", 1)}), "n", "p"),
                    true});
  chains.push_back({"shape[:-2] + shape[3:] + [-1], of which the middle is empty",
                    begin()
                        .constant("zero", Ints{0})
                        .constant("m2", Ints{-2})
                        .constant("three", Ints{3})
                        .constant("far", Ints{INT64_MAX})
                        .node("Slice", {"shape", "zero", "m2"}, "first")
                        .node("Slice", {"shape", "three", "far"}, "none")
                        .node("Concat", {"first", "none", "minus"}, "t", {attribute("axis", 0)})
                        .node("Reshape", {"x", "t"}, "y"),
                    true});
  chains.push_back({"the shape backwards and forwards again",
                    begin()
                        .constant("start", Ints{-1})
                        .constant("end", Ints{INT64_MIN})
                        .constant("axis", Ints{0})
                        .node("Slice", {"shape", "start", "end", "axis", "minus"}, "b")
                        .node("Slice", {"b", "start", "end", "axis", "minus"}, "f")
                        .node("Reshape", {"x", "f"}, "z")
                        .node("Flatten", {"z"}, "y"),
                    true});
  chains.push_back({"max(N, 1)", flat(begin().node("Max", {"n", "one"}, "m"), "m", "six"), true});
  chains.push_back({"max(N, 2)", flat(begin().node("Max", {"n", "two"}, "m"), "m", "six"), false});
  chains.push_back({"the size divided by the samples",
                    flat(begin().node("Size", {"x"}, "s").node("Div", {"s", "n"}, "d"), "minus", "d"), true});
  chains.push_back(
      {"6N / 6", flat(begin().node("Size", {"x"}, "s").node("Div", {"s", "six"}, "d"), "d", "six"), true});
  chains.push_back(
      {"N + 0, and a sum of products of N",
       flat(begin().node("Sub", {"two", "two"}, "zero").node("Add", {"n", "zero"}, "m"), "m", "six"), true});
  chains.push_back({"2N - N",
                    flat(begin().node("Mul", {"n", "two"}, "t").node("Sub", {"t", "n"}, "m"), "m", "minus"),
                    true});
  chains.push_back({"where(shape == -1, 1, shape), as expand is written",
                    begin()
                        .node("Equal", {"shape", "minus"}, "e")
                        .constant("ones", Ints{1, 1, 1})
                        .node("Where", {"e", "ones", "shape"}, "w")
                        .node("Reshape", {"x", "w"}, "z")
                        .node("Flatten", {"z"}, "y"),
                    true});
  chains.push_back({"N + 1", flat(begin().node("Add", {"n", "one"}, "m"), "m", "six"), false});
  chains.push_back({"N / 2", flat(begin().node("Div", {"n", "two"}, "m"), "m", "six"), false});
  chains.push_back({"N * N", flat(begin().node("Mul", {"n", "n"}, "m"), "m", "six"), false});
  for (const Chain& chain : chains) {
    CAPTURE(chain.what);
    if (!chain.fine) {
      CHECK_THAT(refusal<3>(chain.file), ContainsSubstring("from the number of samples is no multiple"));
      continue;
    }
    const Matrix y = logits<3>(chain.file, 3);
    REQUIRE(y.cols() == 6);
    for (Index n = 0; n < 3; ++n)
      for (Index i = 0; i < 6; ++i) CHECK(y(n, i) == input(n, i));
  }
}

TEST_CASE("onnx: constants are made of shapes, and computed with, in the file", "[onnx]") {
  // y = x + (0, 2, 4, 6, 8, 10): a range, twice itself, moved there and back.
  OnnxBuilder file({-1, 6}, 15);
  file.encoded(foil::test::onnx_tensor("zero", {}, Ints{0}))
      .encoded(foil::test::onnx_tensor("six", {}, Ints{6}))
      .encoded(foil::test::onnx_tensor("one", {}, Ints{1}))
      .constant("shape", Ints{2, 3})
      .constant("back", Ints{1, 6})
      .constant("none", Ints{2})
      .node("Range", {"zero", "six", "one"}, "r")
      .node("Add", {"r", "r"}, "r2")
      .node("Reshape", {"r2", "shape"}, "m")
      .node("Transpose", {"m"}, "t")
      .node("Transpose", {"t"}, "u")
      .node("Cast", {"u"}, "f", {attribute("to", 1)})
      .node("ConstantOfShape", {"none"}, "zeros")
      .node("Unsqueeze", {"zeros", "axis"}, "z")
      .constant("axis", Ints{1})
      .node("Add", {"f", "z"}, "g")
      .node("Reshape", {"g", "back"}, "c")
      .node("Add", {"x", "c"}, "y");
  const Matrix y = logits<2>(file, 2);
  for (Index n = 0; n < 2; ++n)
    for (Index i = 0; i < 6; ++i) CHECK(y(n, i) == input(n, i) + 2 * static_cast<double>(i));
}

TEST_CASE("onnx: OneHot of constants, along any axis", "[onnx]") {
  // The second index counts from the end, the third is nowhere.
  for (const int axis : {0, -1}) {
    OnnxBuilder file({-1, 3, 3}, 13);
    file.constant("i", Ints{2, -2, 3})
        .constant("depth", Ints{3})
        .constant("values", {2}, {0.5f, 4.f})
        .node("OneHot", {"i", "depth", "values"}, "h", {attribute("axis", axis)})
        .node("Mul", {"x", "h"}, "m")
        .node("Flatten", {"m"}, "y");
    const auto network = foil::onnx::parse<double, 3>(file.bytes());
    foil::Tensor<double, 3> x(1, 3, 3);
    x.setConstant(1);
    const Matrix y = network.logits(x);
    for (Index i = 0; i < 3; ++i)
      for (Index k = 0; k < 3; ++k) {
        const bool hot = (i == 0 && k == 2) || (i == 1 && k == 1);
        CHECK(y(0, axis == 0 ? 3 * k + i : 3 * i + k) == (hot ? 4. : 0.5));
      }
  }
}

TEST_CASE("onnx: a constant is an activation where one is wanted", "[onnx]") {
  OnnxBuilder file({-1, 2, 3}, 15);
  file.constant("token", {1, 1, 3}, {7, 8, 9})
      .node("Concat", {"token", "x"}, "c", {attribute("axis", 1)})
      .node("Flatten", {"c"}, "y");
  const Matrix y = logits<3>(file, 3);
  REQUIRE(y.cols() == 9);
  for (Index n = 0; n < 3; ++n) {
    CHECK((y(n, 0) == 7 && y(n, 1) == 8 && y(n, 2) == 9));
    for (Index i = 0; i < 6; ++i) CHECK(y(n, 3 + i) == input(n, i));
  }
}

TEST_CASE("onnx: extents that the file leaves open are given at load", "[onnx]") {
  OnnxBuilder file({-1, -1, 3}, 15);
  file.node("Flatten", {"x"}, "y");
  CHECK(logits<3>(file, 2, {.input_shape = {2, 3}}).cols() == 6);
  CHECK(logits<3>(file, 2, {.input_shape = {4, 3}}).cols() == 12);
  CHECK_THAT(refusal<3>(file), ContainsSubstring("dimension 1 of the input 'x' is open or empty; say what it "
                                                 "is by Options::input_shape (--input-shape)"));
  CHECK_THROWS_WITH(logits<3>(file, 2, {.input_shape = {2, 4}}),
                    ContainsSubstring("dimension 2 of the input 'x' is 3, an input shape with 4 was given"));
  CHECK_THROWS_WITH(logits<3>(file, 2, {.input_shape = {2, 3, 1}}),
                    ContainsSubstring("has 2 axes per sample, an input shape of 3 was given"));
}

TEST_CASE("onnx: an input of one axis is one sample, as files without a batch have it", "[onnx]") {
  OnnxBuilder file({6}, 8);
  file.constant("w", {6, 2}, {1, 0, 2, 0, 3, 0, 0, 1, 0, 1, 0, 1})
      .constant("b", {2}, {0.5f, -0.25f})
      .node("MatMul", {"x", "w"}, "p")
      .node("Add", {"p", "b"}, "y");
  const Matrix y = logits<2>(file, 3);
  REQUIRE(y.cols() == 2);
  for (Index n = 0; n < 3; ++n) {
    CHECK(y(n, 0) == Catch::Approx(input(n, 0) + 2 * input(n, 1) + 3 * input(n, 2) + 0.5));
    CHECK(y(n, 1) == Catch::Approx(input(n, 3) + input(n, 4) + input(n, 5) - 0.25));
  }
  OnnxBuilder open({-1}, 8);
  open.node("Unsqueeze", {"x"}, "u", {attribute("axes", Ints{0})}).node("Flatten", {"u"}, "y");
  CHECK_THAT(refusal<2>(open), ContainsSubstring("dimension 0 of the input 'x' is open or empty"));
  CHECK(logits<2>(open, 2, {.input_shape = {6}}).cols() == 6);
}

TEST_CASE("onnx: samples of any shape are rows of numbers if that is asked for", "[onnx]") {
  OnnxBuilder file({-1, 2, 3}, 15);
  file.node("Transpose", {"x"}, "t", {attribute("perm", Ints{0, 2, 1})}).node("Flatten", {"t"}, "y");
  const Matrix rows = logits<2>(file, 4, {.flat_input = true});
  CHECK(rows.cols() == 6);
  CHECK(rows == logits<3>(file, 4));
  CHECK_THROWS_WITH(logits<3>(file, 4, {.flat_input = true}),
                    ContainsSubstring("has rank 2 as it is flattened, expected 3"));
}
