// SPDX-License-Identifier: MIT
#include "foil/onnx/scores.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/model.hpp"
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

using Rows = std::vector<std::vector<float>>;
using Model = foil::onnx::Scores<float, 2>;
static_assert(foil::ScoreModel<Model> && !foil::DifferentiableModel<Model> && foil::shareable<Model>);

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float missing = std::numeric_limits<float>::quiet_NaN();

/// A file whose scores "y" come from one node with outputs of these names.
OnnxBuilder file(const std::string& type, const Attributes& attributes, std::int64_t features = 1,
                 const Names& outputs = {"label", "y"}) {
  OnnxBuilder out({-1, features});
  out.node(type, {"x"}, outputs, attributes, "it", "ai.onnx.ml");
  return out;
}

Model parse(const OnnxBuilder& builder, const foil::onnx::Options<float>& options = {}) {
  return foil::onnx::File(builder.bytes(), {}).scores<float, 2>(options);
}

Rows answers(const auto& model, const Rows& rows) {
  foil::Tensor<float, 2> x(static_cast<Index>(rows.size()), static_cast<Index>(rows[0].size()));
  for (Index i = 0; i < x.dimension(0); ++i)
    for (Index j = 0; j < x.dimension(1); ++j)
      x(i, j) = rows[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)];
  const foil::Logits<float> y = model.logits(x);
  Rows out;
  for (Index i = 0; i < y.rows(); ++i) out.emplace_back(y.row(i).begin(), y.row(i).end());
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

/// A weight of a leaf: the leaf's number in the only tree, the class or target, the weight.
struct Weight {
  std::int64_t leaf, id;
  float weight;
};

/// Adds the attributes of one question to feature 0, with leaves 1 for yes and 2 for no, and their weights.
Attributes stump(const std::string& kind, const std::vector<Weight>& weights,
                 const std::string& mode = "BRANCH_LEQ", float threshold = 0,
                 std::int64_t missing_goes_yes = 0) {
  Ints trees, nodes, ids;
  Floats values;
  for (const Weight& w : weights) {
    trees.push_back(0);
    nodes.push_back(w.leaf);
    ids.push_back(w.id);
    values.push_back(w.weight);
  }
  return {attribute("nodes_treeids", Ints{0, 0, 0}),
          attribute("nodes_nodeids", Ints{0, 1, 2}),
          attribute("nodes_featureids", Ints{0, 0, 0}),
          attribute("nodes_values", Floats{threshold, 0, 0}),
          attribute("nodes_modes", Names{mode, "LEAF", "LEAF"}),
          attribute("nodes_truenodeids", Ints{1, 0, 0}),
          attribute("nodes_falsenodeids", Ints{2, 0, 0}),
          attribute("nodes_missing_value_tracks_true", Ints{missing_goes_yes, 0, 0}),
          attribute(kind + "_treeids", trees),
          attribute(kind + "_nodeids", nodes),
          attribute(kind + "_ids", ids),
          attribute(kind + "_weights", values)};
}

Attributes classifier(std::vector<Weight> weights, std::int64_t classes, const std::string& transform,
                      const Floats& base = {}) {
  Attributes out = stump("class", weights);
  Ints labels;
  for (std::int64_t k = 0; k < classes; ++k) labels.push_back(k);
  out.push_back(attribute("classlabels_int64s", labels));
  out.push_back(attribute("post_transform", transform.c_str()));
  if (!base.empty()) out.push_back(attribute("base_values", base));
  return out;
}

/// Its scores where the answer is yes, and where it is no.
Rows of(const Attributes& attributes) {
  return answers(parse(file("TreeEnsembleClassifier", attributes)), {{-1}, {1}});
}

float logistic(float x) {
  return 1 / (1 + std::exp(-x));
}

void refused(const OnnxBuilder& builder, const std::string& because) {
  REQUIRE_THROWS_WITH(parse(builder), ContainsSubstring(because));
}

/// The attributes with one of them replaced.
Attributes with(Attributes attributes, const foil::test::OnnxAttribute& other) {
  for (auto& a : attributes)
    if (a.name == other.name) a = other;
  return attributes;
}

}  // namespace

TEST_CASE("scores: a question of a tree is answered as its comparison is in single precision") {
  const std::vector<std::pair<std::string, std::function<bool(float, float)>>> modes{
      {"BRANCH_LEQ", [](float x, float t) { return x <= t; }},
      {"BRANCH_LT", [](float x, float t) { return x < t; }},
      {"BRANCH_GTE", [](float x, float t) { return x >= t; }},
      {"BRANCH_GT", [](float x, float t) { return x > t; }},
      {"BRANCH_EQ", [](float x, float t) { return x == t; }},
      {"BRANCH_NEQ", [](float x, float t) { return x != t; }}};
  for (const auto& [mode, compare] : modes)
    for (const float t : {1.f, 0.f, -0.f, infinity, -infinity})
      for (const std::int64_t tracks : {0, 1}) {
        Attributes attributes = stump("target", {{1, 0, 1.f}, {2, 0, 2.f}}, mode, t, tracks);
        attributes.push_back(attribute("n_targets", 1));
        const Model model = parse(file("TreeEnsembleRegressor", attributes, 1, {"y"}),
                                  {.binary = true, .single_column = true});
        for (const float x : {1.f, std::nextafter(1.f, 0.f), std::nextafter(1.f, 2.f), 0.f, -0.f, 1e-45f,
                              -1e-45f, infinity, -infinity, missing}) {
          CAPTURE(mode, t, tracks, x);
          const bool yes = compare(x, t) || (tracks == 1 && std::isnan(x));
          REQUIRE(answers(model, {{x}}) == Rows{{yes ? 1.f : 2.f}});
        }
      }
}

TEST_CASE("scores: two classes of one column, by the sign of what there is or by one half") {
  same(of(classifier({{1, 0, 0.3f}, {2, 0, 0.7f}}, 2, "NONE")), {{0.7f, 0.3f}, {0.3f, 0.7f}});
  same(of(classifier({{1, 0, 0.3f}, {2, 0, 0.7f}}, 2, "NONE", {-0.4f})), {{1.1f, -0.1f}, {0.7f, 0.3f}});
  same(of(classifier({{1, 0, -0.3f}, {2, 0, 0.7f}}, 2, "NONE", {0.1f})), {{0.2f, -0.2f}, {-0.8f, 0.8f}});
  same(of(classifier({{1, 0, 0.3f}, {2, 0, 0.7f}}, 2, "SOFTMAX")), {{0.7f, 0.3f}, {0.3f, 0.7f}});
  same(of(classifier({{1, 0, -0.3f}, {2, 0, 0.7f}}, 2, "LOGISTIC", {0.1f})),
       {{logistic(0.2f), logistic(-0.2f)}, {logistic(-0.8f), logistic(0.8f)}});
  refused(file("TreeEnsembleClassifier", classifier({{1, 0, 0.3f}, {2, 0, 0.7f}}, 2, "PROBIT")),
          "PROBIT of a single");
  refused(file("TreeEnsembleClassifier", classifier({{1, 0, 0.3f}, {2, 0, 0.7f}}, 2, "NONE", {1, 2})),
          "expected 1 base");
}

TEST_CASE("scores: classes with columns of their own") {
  const std::vector<Weight> weights{{1, 0, 0.3f}, {2, 1, 0.7f}, {2, 2, 0.2f}};
  same(of(classifier(weights, 3, "NONE")), {{0.3f, 0, 0}, {0, 0.7f, 0.2f}});
  same(of(classifier(weights, 3, "NONE", {0.1f, 0.2f, 0.3f})), {{0.4f, 0.2f, 0.3f}, {0.1f, 0.9f, 0.5f}});
  same(of(classifier(weights, 3, "LOGISTIC")),
       {{logistic(0.3f), 0.5f, 0.5f}, {0.5f, logistic(0.7f), logistic(0.2f)}});
  const float e = std::exp(0.3f);
  REQUIRE(of(classifier(weights, 3, "SOFTMAX"))[0][0] == Catch::Approx(e / (e + 2)));
  // What is 0 has no share.
  const float a = std::exp(0.7f), b = std::exp(0.2f);
  same(of(classifier(weights, 3, "SOFTMAX_ZERO")), {{1, 0, 0}, {0, a / (a + b), b / (a + b)}});
  // The quantiles of 0.4, 0.2 and 0.3; ONNX Runtime's approximation has an error of 1e-4 itself.
  const Rows quantiles = of(classifier(weights, 3, "PROBIT", {0.1f, 0.2f, 0.3f}));
  REQUIRE(quantiles[0][0] == Catch::Approx(-0.2533471).margin(3e-4));
  REQUIRE(quantiles[0][1] == Catch::Approx(-0.8416212).margin(3e-4));
  REQUIRE(quantiles[1][1] == Catch::Approx(1.2815516).margin(3e-4));
  same(of(classifier({{1, 0, 0.3f}, {1, 1, 0.7f}, {2, 1, 0.5f}}, 2, "NONE", {0.1f})),
       {{0.4f, 0.7f}, {0.1f, 0.5f}});
}

TEST_CASE("scores: the trees of a regressor are added up, averaged, or the least or largest wins") {
  Attributes attributes = {attribute("nodes_treeids", Ints{7, 7, 7, 9}),
                           attribute("nodes_nodeids", Ints{4, 5, 6, 0}),
                           attribute("nodes_featureids", Ints{1, 0, 0, 0}),
                           attribute("nodes_values", Floats{0.5f, 0, 0, 0}),
                           attribute("nodes_modes", Names{"BRANCH_GT", "LEAF", "LEAF", "LEAF"}),
                           attribute("nodes_truenodeids", Ints{6, 0, 0, 0}),
                           attribute("nodes_falsenodeids", Ints{5, 0, 0, 0}),
                           attribute("target_treeids", Ints{9, 7, 7, 9}),
                           attribute("target_nodeids", Ints{0, 6, 5, 0}),
                           attribute("target_ids", Ints{0, 0, 1, 1}),
                           attribute("target_weights", Floats{2, 6, -4, 1}),
                           attribute("n_targets", 2),
                           attribute("base_values", Floats{0.25f, 0.5f}),
                           attribute("aggregate_function", "SUM")};
  const auto aggregate = [&](const char* name) {
    return answers(parse(file("TreeEnsembleRegressor",
                              with(attributes, attribute("aggregate_function", name)), 2, {"y"})),
                   {{0, 1}, {0, 0.5f}});
  };
  same(aggregate("SUM"), {{8.25f, 1.5f}, {2.25f, -2.5f}});
  same(aggregate("AVERAGE"), {{4.25f, 1}, {1.25f, -1}});
  same(aggregate("MIN"), {{2.25f, 1.5f}, {2.25f, -3.5f}});
  same(aggregate("MAX"), {{6.25f, 1.5f}, {2.25f, 1.5f}});
}

TEST_CASE("scores: trees that are none are refused") {
  const Attributes good = classifier({{1, 0, 1}, {2, 1, 1}}, 2, "NONE");
  REQUIRE_NOTHROW(of(good));
  const auto bad = [&](const foil::test::OnnxAttribute& other, const std::string& because) {
    refused(file("TreeEnsembleClassifier", with(good, other)), because);
  };
  bad(attribute("nodes_truenodeids", Ints{0, 0, 0}), "no tree reaches");
  bad(attribute("nodes_truenodeids", Ints{2, 0, 0}), "several roots");
  bad(attribute("nodes_truenodeids", Ints{7, 0, 0}), "there is no node 7 in tree 0");
  bad(attribute("nodes_truenodeids", Ints{1, 0}), "as many nodes_truenodeids");
  bad(attribute("nodes_nodeids", Ints{0, 1, 1}), "defined twice");
  bad(attribute("nodes_modes", Names{"BRANCH_LEQ", "BRANCH_LEQ", "LEAF"}), "circle");
  bad(attribute("nodes_modes", Names{"BRANCH_MEMBER", "LEAF", "LEAF"}), "unknown mode 'BRANCH_MEMBER'");
  bad(attribute("nodes_modes", Names{"LEAF", "LEAF", "LEAF"}), "several roots");
  bad(attribute("nodes_featureids", Ints{1, 0, 0}), "feature 1 of 1");
  bad(attribute("nodes_featureids", Ints{-1, 0, 0}), "feature -1");
  bad(attribute("nodes_featureids", Ints{std::int64_t(1) << 40, 0, 0}), "feature 1099511627776");
  bad(attribute("nodes_values", Floats{missing, 0, 0}), "not a number");
  bad(attribute("class_ids", Ints{0, 2}), "output 2 of 2");
  bad(attribute("class_ids", Ints{0, -1}), "output -1");
  bad(attribute("class_nodeids", Ints{1, 3}), "there is no node 3");
  bad(attribute("class_weights", Floats{1}), "as many class_treeids");
  bad(attribute("classlabels_int64s", Ints{0}), "at least two classes");
  bad(attribute("post_transform", "SOFTMIN"), "unknown post_transform 'SOFTMIN'");
  Attributes many = stump("target", {{1, 0, 1}, {2, 0, 1}});
  many.push_back(attribute("n_targets", std::int64_t(1) << 40));
  refused(file("TreeEnsembleRegressor", many, 1, {"y"}), "65536 targets");
}

TEST_CASE("scores: what has no gradients is refused where they are wanted, and labels are left alone") {
  Attributes attributes = stump("class", {{1, 0, 1}, {2, 1, 1}});
  attributes.push_back(attribute("classlabels_strings", Names{"hen", "cock"}));
  OnnxBuilder builder = file("TreeEnsembleClassifier", attributes);
  builder.output("label", 8);
  REQUIRE_THROWS_WITH((foil::onnx::parse<float, 2>(builder.bytes())),
                      ContainsSubstring("'it' (TreeEnsembleClassifier)") && ContainsSubstring("load_scores"));
  const foil::onnx::File read(builder.bytes(), {});
  REQUIRE_FALSE(read.has_gradients());
  const Model model = read.scores<float, 2>();
  REQUIRE(model.classes() == 2);
  REQUIRE_THAT(model.notes().at(0), ContainsSubstring("'hen', 'cock'"));
  same(answers(model, {{-1}, {1}}), {{1, 0}, {0, 1}});
  OnnxBuilder computed({-1, 1});
  computed.node("TreeEnsembleClassifier", {"x"}, Names{"label", "s"}, attributes, "it", "ai.onnx.ml");
  computed.node("Add", {"label", "s"}, "y");
  REQUIRE_THROWS_WITH(parse(computed), ContainsSubstring("'it, TreeEnsembleClassifier' (Labels)"));
}

TEST_CASE("scores: networks before and behind an ensemble, and maps of its scores") {
  Attributes attributes = classifier({{1, 0, 2}, {2, 1, 4}}, 2, "NONE");
  OnnxBuilder builder({-1, 2});
  builder.constant("w", {2, 1}, {1, -1}).constant("two", {}, {2});
  builder.node("MatMul", {"x", "w"}, "h").node("Relu", {"h"}, "r");
  builder.node("TreeEnsembleClassifier", {"r"}, Names{"label", "s"}, attributes, {}, "ai.onnx.ml");
  builder.node("Div", {"s", "two"}, "d").node("ZipMap", {"d"}, "y", {}, {}, "ai.onnx.ml");
  same(answers(parse(builder), {{1, 2}, {2, 1}}), {{1, 0}, {0, 2}});
}

TEST_CASE(
    "scores: support vectors answer as the file's labels go, or by pairs where these are computed with") {
  Attributes machines = {attribute("kernel_type", "LINEAR"),
                         attribute("coefficients", Floats{1, -1, 0, 1, 0, -1}),
                         attribute("support_vectors", Floats{1, 2, 3}),
                         attribute("vectors_per_class", Ints{1, 1, 1}),
                         attribute("rho", Floats{0.5f, -0.25f, 1}),
                         attribute("classlabels_ints", Ints{0, 1, 2})};
  // Pairs at x: 01: x - 2x + 0.5, 02: x - 0.25, 12: 0 - 3x + 1.
  OnnxBuilder computed({-1, 1});
  computed.constant("one", {}, {1});
  computed.node("SVMClassifier", {"x"}, Names{"label", "s"}, machines, {}, "ai.onnx.ml");
  computed.node("Add", {"s", "one"}, "y");
  same(answers(parse(computed), {{1}, {0}}), {{0.5f, 1.75f, -1}, {1.5f, 0.75f, 2}});
  // Votes: 1, 0, 2 have one each at 1; 0, 2 and 1 at 0.
  const Model model = parse(file("SVMClassifier", machines));
  const Rows votes = answers(model, {{1}, {0}});
  REQUIRE_THAT(model.notes().back(), ContainsSubstring("votes"));
  REQUIRE(votes[0][0] > votes[0][1]);
  REQUIRE(votes[0][1] > votes[0][2]);
  REQUIRE(std::abs(votes[0][2] - 1.05f) < 0.1f);
  machines.push_back(attribute("prob_a", Floats{-1, -1, -1}));
  machines.push_back(attribute("prob_b", Floats{0, 0, 0}));
  for (const auto& row : answers(parse(file("SVMClassifier", machines)), {{1}, {0}, {-3}}))
    REQUIRE(row[0] + row[1] + row[2] == Catch::Approx(1));
  refused(file("SVMClassifier", with(machines, attribute("vectors_per_class", Ints{1, 1, 2}))),
          "'it' (SVMClassifier)");
  refused(file("SVMClassifier", with(machines, attribute("rho", Floats{1}))), "'it' (SVMClassifier)");
  refused(file("SVMClassifier", with(machines, attribute("kernel_type", "CUBIC"))), "unknown kernel_type");
}

TEST_CASE("scores: two classes by support vectors have the signs of their labels") {
  const Attributes machines = {attribute("kernel_type", "LINEAR"),
                               attribute("coefficients", Floats{1, -2}),
                               attribute("support_vectors", Floats{1, 1}),
                               attribute("vectors_per_class", Ints{1, 1}),
                               attribute("rho", Floats{0}),
                               attribute("classlabels_ints", Ints{0, 1})};
  // The machine's sum is -x, and class 0 where that is above 0. The file's scores would be (x, -x).
  const Rows rows = answers(parse(file("SVMClassifier", machines)), {{-1}, {1}});
  REQUIRE(rows[0][0] > rows[0][1]);
  REQUIRE(rows[1][0] < rows[1][1]);
}

TEST_CASE("scores: a regression by support vectors, and a single class") {
  const Attributes machines = {attribute("kernel_type", "RBF"),
                               attribute("kernel_params", Floats{0.5f, 0, 0}),
                               attribute("coefficients", Floats{2, -1}),
                               attribute("support_vectors", Floats{0, 0, 1, 1}),
                               attribute("n_supports", 2),
                               attribute("rho", Floats{-0.5f}),
                               attribute("one_class", 0)};
  const foil::onnx::Options<float> single{.binary = true, .single_column = true};
  same(answers(parse(file("SVMRegressor", machines, 2, {"y"}), single), {{0, 0}, {1, 1}}),
       {{1.5f - std::exp(-1.f)}, {2 * std::exp(-1.f) - 1.5f}});
  same(answers(parse(file("SVMRegressor", with(machines, attribute("one_class", 1)), 2, {"y"}), single),
               {{0, 0}, {1, 1}}),
       {{1}, {-1}});
}

TEST_CASE("scores: trees whose leaves have numbers of their own") {
  const auto tensor = [](const char* name, const auto& values) {
    return foil::test::OnnxAttribute{name, foil::test::EncodedTensor{foil::test::onnx_tensor(
                                               "", {static_cast<std::int64_t>(values.size())}, values)}};
  };
  // x0 <= 1 ? (x1 > -2 ? leaf 2 : leaf 0) : leaf 1, and x1 == 3 ? leaf 0 : leaf 1.
  const Attributes attributes{
      attribute("tree_roots", Ints{0, 2}),          attribute("n_targets", 2),
      attribute("nodes_featureids", Ints{0, 1, 1}), attribute("nodes_truenodeids", Ints{1, 2, 0}),
      attribute("nodes_trueleafs", Ints{0, 1, 1}),  attribute("nodes_falsenodeids", Ints{1, 0, 1}),
      attribute("nodes_falseleafs", Ints{1, 1, 1}), attribute("leaf_targetids", Ints{0, 1, 0}),
      attribute("aggregate_function", 1),           attribute("post_transform", 0),
      tensor("nodes_splits", Floats{1, -2, 3}),     tensor("nodes_modes", Ints{0, 3, 4}),
      tensor("leaf_weights", Floats{1, 2, 4})};
  // A leaf belongs to one place.
  refused(file("TreeEnsemble", attributes, 2, {"y"}), "reached twice");
  Attributes good = with(attributes, attribute("nodes_falsenodeids", Ints{1, 0, 4}));
  good = with(with(good, attribute("nodes_truenodeids", Ints{1, 2, 3})),
              attribute("leaf_targetids", Ints{0, 1, 0, 0, 1}));
  good = with(good, tensor("leaf_weights", Floats{1, 2, 4, 1, 2}));
  same(answers(parse(file("TreeEnsemble", good, 2, {"y"})), {{1, 3}, {1, -2}, {2, 0}}),
       {{5, 0}, {1, 2}, {0, 4}});
  const Rows averages = answers(
      parse(file("TreeEnsemble", with(good, attribute("aggregate_function", 0)), 2, {"y"})), {{1, 3}});
  same(averages, {{2.5f, 0}});
  const Rows logistics =
      answers(parse(file("TreeEnsemble", with(good, attribute("post_transform", 2)), 2, {"y"})), {{1, 3}});
  same(logistics, {{logistic(5), 0.5f}});
  const auto bad = [&](const foil::test::OnnxAttribute& other, const std::string& because) {
    refused(file("TreeEnsemble", with(good, other), 2, {"y"}), because);
  };
  bad(tensor("nodes_modes", Ints{0, 3, 6}), "the mode 6");
  bad(tensor("nodes_splits", Floats{1, -2}), "3 numbers as nodes_splits");
  bad(attribute("nodes_truenodeids", Ints{1, 5, 3}), "no leaf 5");
  bad(attribute("nodes_truenodeids", Ints{3, 2, 3}), "no node 3");
  bad(attribute("nodes_truenodeids", Ints{0, 2, 3}), "reached twice");
  bad(attribute("tree_roots", Ints{0}), "no tree reaches");
  bad(attribute("tree_roots", Ints{0, 0}), "reached twice");
  bad(attribute("tree_roots", Ints{0, 3}), "begins at node 3 of 3");
  bad(attribute("leaf_targetids", Ints{0, 1, 0, 0, 2}), "output 2 of 2");
  bad(attribute("post_transform", 5), "unknown post_transform '5'");
  bad(attribute("aggregate_function", 4), "unknown aggregate_function 4");
}
