// SPDX-License-Identifier: MIT
#include "foil/onnx/learners.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/onnx.hpp"
#include "support/onnx_builder.hpp"

namespace {

using Catch::Matchers::ContainsSubstring;
using foil::Index;
using foil::test::attribute;
using foil::test::Attributes;
using foil::test::Floats;
using foil::test::Ints;
using foil::test::Names;
using foil::test::OnnxBuilder;

using Rows = std::vector<std::vector<double>>;
using Network = foil::nn::Network<double, 2>;

OnnxBuilder file(const std::string& type, const Attributes& attributes, const Names& outputs = {"y"}) {
  OnnxBuilder out({-1, 2});
  out.node(type, {"x"}, outputs, attributes, "it", "ai.onnx.ml");
  return out;
}

Network parse(const OnnxBuilder& builder, bool keep_output_layer = true) {
  return foil::onnx::parse<double, 2>(builder.bytes(),
                                      {.keep_output_layer = keep_output_layer, .binary = false});
}

/// The answers to these rows. Gradients are compared with central differences unless the rows lie on a jump.
Rows answers(const Network& network, const Rows& rows, bool smooth = true) {
  foil::Tensor<double, 2> x(static_cast<Index>(rows.size()), 2);
  for (Index i = 0; i < x.dimension(0); ++i)
    for (Index j = 0; j < 2; ++j) x(i, j) = rows[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)];
  const auto pass = network.vjp(x);
  Rows out;
  for (Index i = 0; i < pass.logits.rows(); ++i)
    out.emplace_back(pass.logits.row(i).begin(), pass.logits.row(i).end());
  foil::Logits<double> cotangent(pass.logits.rows(), pass.logits.cols());
  for (Index i = 0; i < cotangent.size(); ++i) cotangent.data()[i] = 1 + 0.5 * static_cast<double>(i % 3);
  const auto gradient = pass.pullback(cotangent);
  for (Index i = 0; i < x.size() && smooth; ++i) {
    const double h = 1e-6;
    auto up = x, down = x;
    up.data()[i] += h;
    down.data()[i] -= h;
    const double slope = (network.logits(up) - network.logits(down)).cwiseProduct(cotangent).sum() / (2 * h);
    CAPTURE(i);
    if (std::isfinite(slope)) REQUIRE(gradient.data()[i] == Catch::Approx(slope).epsilon(1e-5).margin(1e-7));
  }
  return out;
}

void same(const Rows& a, const Rows& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    REQUIRE(a[i].size() == b[i].size());
    for (std::size_t k = 0; k < a[i].size(); ++k) {
      CAPTURE(i, k);
      REQUIRE(a[i][k] == Catch::Approx(b[i][k]).epsilon(1e-6).margin(1e-6));
    }
  }
}

double logistic(double x) {
  return 1 / (1 + std::exp(-x));
}

Attributes linear(const Floats& weights, const Floats& intercepts, std::int64_t labels,
                  const char* transform) {
  Ints list;
  for (std::int64_t k = 0; k < labels; ++k) list.push_back(k);
  return {attribute("coefficients", weights), attribute("intercepts", intercepts),
          attribute("classlabels_ints", list), attribute("post_transform", transform)};
}

}  // namespace

TEST_CASE("learners: a linear classifier with a row of weights for each class") {
  const auto of = [](const char* transform) {
    return answers(parse(file("LinearClassifier", linear({1, 2, -1, 0.5f, 0, 1}, {0.5f, 0, -1}, 3, transform),
                              {"label", "y"})),
                   {{0.25, 0.5}});
  };
  const std::vector<double> z{1.75, 0, -0.5};
  same(of("NONE"), {z});
  same(of("LOGISTIC"), {{logistic(z[0]), logistic(z[1]), logistic(z[2])}});
  const double sum = std::exp(z[0]) + std::exp(z[1]) + std::exp(z[2]);
  same(of("SOFTMAX"), {{std::exp(z[0]) / sum, std::exp(z[1]) / sum, std::exp(z[2]) / sum}});
}

TEST_CASE("learners: two classes of a single row of weights") {
  const auto of = [](const char* transform) {
    return answers(parse(file("LinearClassifier", linear({1, 2}, {0.5f}, 2, transform), {"label", "y"})),
                   {{0.25, 0.5}});
  };
  same(of("NONE"), {{-0.75, 1.75}});
  same(of("LOGISTIC"), {{logistic(-1.75), logistic(1.75)}});
}

TEST_CASE("learners: the last layer of a linear classifier is taken off as that of a network is") {
  for (const char* transform : {"LOGISTIC", "SOFTMAX"}) {
    const Network network = parse(
        file("LinearClassifier", linear({1, 2, -1, 0.5f}, {0.5f, 0}, 2, transform), {"label", "y"}), false);
    same(answers(network, {{0.25, 0.5}}), {{1.75, 0}});
    REQUIRE_THAT(network.notes().back(), ContainsSubstring("taken off"));
  }
}

TEST_CASE("learners: features, and the shares of classes, are divided by a norm") {
  const auto of = [](const char* norm, const Rows& rows) {
    return answers(parse(file("Normalizer", {attribute("norm", norm)})), rows);
  };
  same(of("L1", {{-3, 2}}), {{-0.6, 0.4}});
  same(of("L2", {{-3, 4}}), {{-0.6, 0.8}});
  same(of("MAX", {{-3, 2}, {-3, -1}}), {{-1.5, 1}, {3, 1}});  // of the signed numbers
  const Network zero = parse(file("Normalizer", {attribute("norm", "MAX")}));
  same(answers(zero, {{0, 0}}, false), {{0, 0}});
  for (const char* transform : {"LOGISTIC", "SOFTMAX"}) {
    OnnxBuilder builder({-1, 2});
    builder.node("LinearClassifier", {"x"}, Names{"label", "p"},
                 linear({1, 2, -1, 0.5f, 0, 1}, {0.5f, 0, -1}, 3, transform), {}, "ai.onnx.ml");
    builder.node("Normalizer", {"p"}, "y", {attribute("norm", "L1")}, {}, "ai.onnx.ml");
    same(answers(parse(builder, false), {{0.25, 0.5}}), {{1.75, 0, -0.5}});
    const Rows kept = answers(parse(builder), {{0.25, 0.5}});
    REQUIRE(kept[0][0] + kept[0][1] + kept[0][2] == Catch::Approx(1));
  }
}

TEST_CASE("learners: columns are picked") {
  OnnxBuilder builder({-1, 2});
  builder.constant("i", {1, 0, 1});
  builder.node("ArrayFeatureExtractor", {"x", "i"}, "y", {}, {}, "ai.onnx.ml");
  same(answers(parse(builder), {{2, 3}}), {{3, 2, 3}});
}

TEST_CASE("learners: a linear regression of several numbers") {
  const Attributes attributes{attribute("coefficients", Floats{1, 2, -1, 0.5f}), attribute("targets", 2),
                              attribute("intercepts", Floats{0.5f, 0})};
  same(answers(parse(file("LinearRegressor", attributes)), {{0.25, 0.5}}), {{1.75, 0}});
}

TEST_CASE("learners: inputs are scaled and made of other parts") {
  const Attributes each{attribute("offset", Floats{1, 2}), attribute("scale", Floats{0.5f, 3})};
  same(answers(parse(file("Scaler", each)), {{-3, 2}, {4, 5}}), {{-2, 0}, {1.5, 9}});
  const Attributes all{attribute("offset", Floats{1}), attribute("scale", Floats{0.5f})};
  same(answers(parse(file("Scaler", all)), {{-3, 2}}), {{-2, 0.5}});
  OnnxBuilder twice({-1, 2});
  twice.node("FeatureVectorizer", {"x", "x"}, "y", {attribute("inputdimensions", Ints{2, 2})}, {},
             "ai.onnx.ml");
  same(answers(parse(twice), {{1, 2}}), {{1, 2, 1, 2}});
  REQUIRE_THROWS_WITH(parse(file("Scaler", {attribute("offset", Floats{1, 2, 3})})),
                      ContainsSubstring("it, Scaler"));
}

TEST_CASE("learners: what is missing is filled in, whether it is NaN or a number") {
  const double missing = std::numeric_limits<double>::quiet_NaN();
  const Attributes nan{attribute("imputed_value_floats", Floats{7, 8}),
                       attribute("replaced_value_float", missing)};
  same(answers(parse(file("Imputer", nan)), {{missing, missing}, {1, missing}, {2, 3}}),
       {{7, 8}, {1, 8}, {2, 3}});
  const Attributes four{attribute("imputed_value_floats", Floats{7}), attribute("replaced_value_float", 4.)};
  same(answers(parse(file("Imputer", four)), {{4, 5}}, false), {{7, 5}});
  REQUIRE_THROWS_WITH(parse(file("Imputer", {attribute("imputed_value_int64s", Ints{1})})),
                      ContainsSubstring("imputed_value_floats"));
}

TEST_CASE("learners: a binarizer is a step") {
  same(answers(parse(file("Binarizer", {attribute("threshold", 0.5)})), {{0.25, 0.75}, {3, -3}}),
       {{0, 1}, {1, 0}});
}

TEST_CASE("learners: numbers that do not fit each other are refused") {
  const auto refused = [](const OnnxBuilder& builder, const char* because) {
    REQUIRE_THROWS_WITH(parse(builder), ContainsSubstring(because));
  };
  refused(file("LinearClassifier", linear({1, 2, 3}, {0, 0}, 2, "NONE"), {"label", "y"}),
          "as many coefficients");
  refused(file("LinearClassifier", linear({1, 2, 3, 4}, {0, 0}, 3, "NONE"), {"label", "y"}),
          "scores of 3 classes");
  refused(file("LinearClassifier", linear({1, 2}, {0}, 3, "NONE"), {"label", "y"}), "scores of 3 classes");
  refused(file("LinearClassifier", linear({1, 2, 3, 4, 5, 6}, {0, 0}, 2, "NONE"), {"label", "y"}),
          "'it, LinearClassifier'");
  refused(file("LinearRegressor", {attribute("coefficients", Floats{1, 2}), attribute("targets", 3)}),
          "3 targets");
  refused(file("KNearest", {}), "the operator KNearest is not supported");
}
