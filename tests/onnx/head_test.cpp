// SPDX-License-Identifier: MIT
#include "foil/onnx/head.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/onnx.hpp"
#include "support/onnx_builder.hpp"

namespace {

using Catch::Matchers::ContainsSubstring;
using foil::Index;
using foil::Logits;
using foil::test::attribute;
using foil::test::Attributes;
using foil::test::Floats;
using foil::test::Ints;
using foil::test::OnnxBuilder;
using Options = foil::onnx::Options<double>;
using Batch = foil::Tensor<double, 2>;

constexpr Index features = 3, classes = 4;

/// A layer behind a linear one.
struct Layer {
  std::string type;
  Attributes attributes{};
  Floats constant{};   ///< the second input, one number or one for each class
  bool first = false;  ///< whether it is the first input
  Ints shape{};        ///< of Reshape
};

/// A network of a linear layer and these behind it.
OnnxBuilder ending_in(const std::vector<Layer>& layers, std::int64_t outputs = classes,
                      std::int64_t opset = 13) {
  OnnxBuilder file({-1, features}, opset);
  file.constant("w", {features, outputs},
                foil::test::spread(static_cast<std::size_t>(features * outputs), -2, 2, 3));
  std::string last = layers.empty() ? "y" : "h0";
  file.node("MatMul", {"x", "w"}, last);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const Layer& layer = layers[i];
    const std::string next = i + 1 == layers.size() ? "y" : "h" + std::to_string(i + 1),
                      c = "c" + std::to_string(i);
    foil::test::Names inputs{last};
    if (!layer.constant.empty()) {
      const auto size = static_cast<std::int64_t>(layer.constant.size());
      file.constant(c, size == 1 ? Ints{} : Ints{size}, layer.constant);
      inputs.insert(layer.first ? inputs.begin() : inputs.end(), c);
    }
    if (!layer.shape.empty()) {
      file.constant(c, layer.shape);
      inputs.push_back(c);
    }
    file.node(layer.type, inputs, next, layer.attributes);
    last = next;
  }
  return file;
}

Batch inputs() {
  Batch x(5, features);
  const Floats values = foil::test::spread(15, -1, 1, 9);
  std::copy(values.begin(), values.end(), x.data());
  return x;
}

foil::nn::Network<double, 2> network(const OnnxBuilder& file, const Options& options = {}) {
  return foil::onnx::parse<double, 2>(file.bytes(), options);
}

/// Whether what is behind the linear layer was taken off; also checks that the classes stay in order, that
/// what is kept on request agrees with what is said, and that it is told.
bool taken_off(const std::vector<Layer>& layers, std::int64_t opset = 13) {
  const OnnxBuilder file = ending_in(layers, classes, opset);
  const auto loaded = network(file), kept = network(file, {.keep_output_layer = true});
  const Batch x = inputs();
  const Logits<double> logits = network(ending_in({})).logits(x);
  CHECK(kept.notes().empty());
  CHECK(foil::argmax<double>(kept.logits(x)) == foil::argmax<double>(loaded.logits(x)));
  const bool off = loaded.logits(x) == logits;
  CHECK(loaded.notes().size() == (off ? 1 : 0));
  if (!off) CHECK(loaded.logits(x) == kept.logits(x));
  return off;
}

std::string refusal(const OnnxBuilder& file, const Options& options = {}) {
  try {
    network(file, options);
  } catch (const foil::Error& error) {
    return error.what();
  }
  return "loaded";
}

const Layer softmax{"Softmax"}, sigmoid{"Sigmoid"}, logarithm{"Log"};

Layer clip(float low, float high) {  // as opset 9 writes it
  return {"Clip", {attribute("min", static_cast<double>(low)), attribute("max", static_cast<double>(high))}};
}

}  // namespace

TEST_CASE("onnx: a last Softmax, LogSoftmax or Sigmoid is taken off, with all behind it that keeps the order",
          "[onnx]") {
  CHECK(taken_off({softmax}));
  CHECK(taken_off({{"LogSoftmax"}}));
  CHECK(taken_off({sigmoid}));
  CHECK(taken_off({softmax, logarithm}));
  CHECK(taken_off({sigmoid, {"Mul", {}, {255}}}));
  CHECK(taken_off({sigmoid, {"Mul", {}, {255, 255, 255, 255}, true}, {"Sub", {}, {3}}, {"Div", {}, {7}}}));
  CHECK(taken_off({softmax, {"Add", {}, {1e-7f}}, logarithm}));
  CHECK(taken_off({softmax, {"Sqrt"}, {"Pow", {}, {0.3f}}, {"Exp"}, {"Tanh"}, {"Relu"}}));
  CHECK(taken_off({sigmoid, softmax}));
  CHECK(taken_off({{"LogSoftmax"}, {"Exp"}, sigmoid}));
  CHECK(taken_off({{"Identity"}, softmax, {"Dropout"}, {"Cast", {attribute("to", 1)}}}));
  CHECK(taken_off(
      {{"Reshape", {}, {}, false, {-1, 4, 1, 1}}, {"Softmax", {attribute("axis", 1)}}, {"Flatten"}}));
  CHECK(taken_off({softmax, {"Reshape", {}, {}, false, {-1, 2, 2}}, {"Identity"}, {"Flatten"}}));
  CHECK(taken_off({softmax}, 9));
  CHECK(taken_off({softmax, clip(1e-7f, 1), logarithm}, 9));
  CHECK(taken_off({sigmoid, clip(1e-6f, 1 - 1e-6f)}, 9));
  CHECK(taken_off({{"LogSoftmax"}, clip(-100, 0)}, 9));
}

TEST_CASE("onnx: what would change the order of the classes, or may, stays", "[onnx]") {
  // These layers treat classes differently, or fall, or cut off too much.
  CHECK_FALSE(taken_off({softmax, {"Mul", {}, {1, 2, 3, 4}}}));
  CHECK_FALSE(taken_off({softmax, {"Add", {}, {0, 0, 0, 0.5f}}}));
  CHECK_FALSE(taken_off({softmax, {"Neg"}}));
  CHECK_FALSE(taken_off({softmax, {"Mul", {}, {-1}}}));
  CHECK_FALSE(taken_off({softmax, {"Mul", {}, {0}}}));
  CHECK_FALSE(taken_off({softmax, {"Sub", {}, {1}, true}}));
  CHECK_FALSE(taken_off({softmax, {"Div", {}, {1}, true}}));
  CHECK_FALSE(taken_off({softmax, {"Pow", {}, {-2}}}));
  CHECK_FALSE(taken_off({softmax, {"Pow", {}, {0.5f}, true}}));
  CHECK_FALSE(taken_off({softmax, {"Sub", {}, {0.3f}}, {"Pow", {}, {2}}}));
  CHECK_FALSE(taken_off({softmax, {"Sub", {}, {0.3f}}, {"Relu"}}));
  CHECK_FALSE(taken_off({softmax, {"Add", {}, {1e9f}}}));  // rounds all differences away
  CHECK_FALSE(taken_off({softmax, clip(0.3f, 1)}, 9));     // the largest of four may be 0.25
  CHECK_FALSE(taken_off({softmax, clip(0, 0.4f)}, 9));     // two may be above
  CHECK_FALSE(taken_off({sigmoid, clip(0.2f, 1)}, 9));
  CHECK_FALSE(taken_off({sigmoid, clip(0.01f, 0.99f)}, 9));
  CHECK_FALSE(taken_off({sigmoid, clip(1e-5f, 1)}, 9));
  CHECK_FALSE(taken_off({sigmoid, clip(0, 1 - 1e-5f)}, 9));
  CHECK_FALSE(taken_off({{"Relu"}}));
  CHECK_FALSE(taken_off({{"Tanh"}}));
  // A softmax over pairs of classes, not over all.
  CHECK_FALSE(taken_off({{"Reshape", {}, {}, false, {-1, 2, 2}}, softmax, {"Flatten"}}));
  CHECK_FALSE(taken_off({{"Reshape", {}, {}, false, {-1, 2, 2}},
                         softmax,
                         {"Transpose", {attribute("perm", Ints{0, 2, 1})}},
                         {"Flatten"}}));
}

TEST_CASE("onnx: what is increasing but makes neighbouring scores the same number stays", "[onnx]") {
  CHECK_FALSE(taken_off({softmax, {"Add", {}, {1e4f}}}));
  CHECK_FALSE(taken_off({softmax, {"Add", {}, {1e4f}}, {"Sub", {}, {1e4f}}}));
  CHECK_FALSE(taken_off({softmax, {"Mul", {}, {1e-44f}}}));
  CHECK_FALSE(taken_off({softmax, {"Mul", {}, {1e-44f}}, {"Div", {}, {1e-44f}}}));
  CHECK_FALSE(taken_off({softmax, {"Pow", {}, {1e-6f}}}));
  CHECK_FALSE(taken_off({softmax, {"Mul", {}, {30}}, {"Tanh"}}));
  CHECK_FALSE(taken_off({{"LogSoftmax"}, {"Mul", {}, {1e-7f}}, {"Exp"}}));
  CHECK_FALSE(taken_off({sigmoid, {"Add", {}, {1e4f}}}));
  // Of two layers that could be taken off, the second alone is.
  for (const std::vector<Layer>& both : {std::vector<Layer>{softmax, {"Mul", {}, {30}}, sigmoid},
                                         {softmax, {"Mul", {}, {1e-5f}}, softmax},
                                         {sigmoid, {"Mul", {}, {1e-3f}}, {"LogSoftmax"}}}) {
    const std::vector<Layer> first(both.begin(), both.end() - 1);
    const Logits<double> logits = network(ending_in(both)).logits(inputs());
    CHECK(logits == network(ending_in(first), {.keep_output_layer = true}).logits(inputs()));
  }
  // What loses a few bits does not matter.
  CHECK(taken_off({softmax, {"Add", {}, {1}}}));
  CHECK(taken_off({softmax, {"Mul", {}, {1e-20f}}}));
  CHECK(taken_off({softmax, softmax, {"LogSoftmax"}}));
}

TEST_CASE("onnx: only what lies behind all that changes the order is taken off", "[onnx]") {
  // Softmax, unequal factors, Sigmoid: the Sigmoid goes, the rest stays.
  const Layer unequal{"Mul", {}, {1, 2, 3, 4}};
  const auto loaded = network(ending_in({softmax, unequal, sigmoid}));
  CHECK(loaded.logits(inputs()) == network(ending_in({softmax, unequal})).logits(inputs()));
  REQUIRE(loaded.notes().size() == 1);
  CHECK_THAT(loaded.notes()[0], ContainsSubstring("taken off the end of the network: Sigmoid;"));
  // A temperature before the softmax is a part of the network.
  const Layer cold{"Mul", {}, {50}};
  CHECK(network(ending_in({cold, softmax})).logits(inputs()) == network(ending_in({cold})).logits(inputs()));
  // An answer that uses the softmax twice is no chain.
  OnnxBuilder twice({-1, features});
  twice.node("Softmax", {"x"}, "p").node("Mul", {"p", "x"}, "y");
  CHECK(network(twice).notes().empty());
}

TEST_CASE("onnx: without the saturated layer gradients are there", "[onnx]") {
  OnnxBuilder file({-1, 2});
  file.constant("hot", {}, {2000}).node("Mul", {"x", "hot"}, "h").node("Softmax", {"h"}, "y");
  Batch x(1, 2);
  x.setValues({{0.9, 0.1}});
  Logits<double> cotangent(1, 2);
  cotangent << -1, 1;
  const auto gradient = [&](const Options& options) {
    return network(file, options).vjp(x).pullback(cotangent);
  };
  CHECK(gradient({}).data()[0] == -2000);
  CHECK(gradient({.keep_output_layer = true}).data()[0] == 0);
}

TEST_CASE("onnx: an output of any shape is taken as it is where that is asked for", "[onnx]") {
  const Layer images{.type = "Reshape", .shape = {-1, 1, 2, 2}};
  const Batch x = inputs();
  const auto plain = network(ending_in({}));
  CHECK_THAT(refusal(ending_in({images})), ContainsSubstring("expected an output of shape (N, classes)"));
  const auto flat = network(ending_in({images}), {.flattened = true});
  CHECK(flat.logits(x) == plain.logits(x));
  CHECK(flat.notes().empty());
  // Nothing is taken off, and one number is a number.
  const auto kept = network(ending_in({sigmoid}), {.keep_output_layer = true});
  CHECK(network(ending_in({sigmoid, images}), {.flattened = true}).logits(x) == kept.logits(x));
  CHECK(network(ending_in({}, 1), {.flattened = true}).classes() == 1);
  CHECK_THAT(refusal(ending_in({images}), {.flattened = true, .binary = true}),
             ContainsSubstring("Options::flattened"));
}

TEST_CASE("onnx: a single output becomes two classes where that is certain or asked for", "[onnx]") {
  const Batch x = inputs();
  const Options binary{.binary = true};
  const auto z = network(ending_in({}, 1), binary);
  CHECK(z.classes() == 2);
  CHECK(z.logits(x).col(0).isZero(0));
  CHECK_THAT(z.notes().at(0), ContainsSubstring("the logit of class 1 against class 0"));
  const auto column = network(ending_in({}, 1), {.binary = true, .single_column = true});
  CHECK(column.classes() == 1);
  CHECK(column.logits(x) == z.logits(x).col(1));
  CHECK_THAT(refusal(ending_in({}, 1), {.single_column = true}), ContainsSubstring("--binary"));
  CHECK_THAT(refusal(ending_in({}, 1)),
             ContainsSubstring("single output 'y'") && ContainsSubstring("--binary"));

  // A sigmoid needs no word; its logit is the same one.
  for (const std::vector<Layer>& layers :
       {std::vector<Layer>{sigmoid}, {sigmoid, {"Flatten"}}, {sigmoid, clip(1e-7f, 1)}}) {
    const auto loaded = network(ending_in(layers, 1, 9));
    CHECK(loaded.logits(x) == z.logits(x));
    CHECK_THAT(loaded.notes().at(0), ContainsSubstring("two classes: 1 above one half, else 0 (Sigmoid"));
    CHECK(network(ending_in(layers, 1, 9), binary).logits(x) == z.logits(x));
  }
  // Kept, it gives the probabilities of both.
  const Logits<double> kept = network(ending_in({sigmoid}, 1), {.keep_output_layer = true}).logits(x);
  for (Index i = 0; i < x.dimension(0); ++i) {
    const double p = 1 / (1 + std::exp(-z.logits(x)(i, 1)));
    CHECK(kept(i, 1) == Catch::Approx(p));
    CHECK(kept(i, 0) == Catch::Approx(1 - p));
  }
  // Where the boundary lies behind a shift is not certain; a logarithm is never above 0, asked for or not.
  CHECK_THAT(refusal(ending_in({sigmoid, {"Sub", {}, {0.5f}}}, 1)), ContainsSubstring("--binary"));
  CHECK(network(ending_in({sigmoid, {"Sub", {}, {0.5f}}}, 1), binary).classes() == 2);
  CHECK_THAT(refusal(ending_in({softmax}, 1), binary), ContainsSubstring("softmax over a single class"));
  CHECK_THAT(refusal(ending_in({}), binary),
             ContainsSubstring("for networks with a single output, 'y' has 4 classes"));

  // The gradient of class 1 against class 0 is that of z.
  Logits<double> cotangent = Logits<double>::Zero(5, 2);
  cotangent.col(1).setOnes();
  const auto dx = z.vjp(x).pullback(cotangent);
  const Floats w = foil::test::spread(features, -2, 2, 3);
  for (Index i = 0; i < dx.size(); ++i)
    CHECK(dx.data()[i] == Catch::Approx(static_cast<double>(w[static_cast<std::size_t>(i % features)])));
}

TEST_CASE("onnx: a single output that ties is class 0's, by more than nothing", "[onnx]") {
  const Batch x = inputs();
  const Logits<double> z = network(ending_in({}, 1), {.binary = true}).logits(x);
  // Floor(Sigmoid) is exactly 0, and so is Relu of what is negative; 0.5 is a tie of 1 - p and p.
  const auto tied = network(ending_in({sigmoid, {"Floor"}}, 1), {.binary = true}).logits(x);
  const auto relu = network(ending_in({{"Relu"}}, 1), {.binary = true}).logits(x);
  const auto half = network(ending_in({{"Mul", {}, {0}}, sigmoid}, 1), {.keep_output_layer = true}).logits(x);
  Index negative = 0;
  for (Index i = 0; i < x.dimension(0); ++i) {
    CHECK(tied(i, 0) == std::numeric_limits<double>::min());
    CHECK(tied(i, 1) == 0);
    CHECK(relu(i, 0) == (z(i, 1) > 0 ? 0 : std::numeric_limits<double>::min()));
    CHECK(half(i, 1) == 0.5);
    CHECK(half(i, 0) == std::nextafter(0.5, 1.));
    negative += z(i, 1) < 0 ? 1 : 0;
  }
  CHECK(negative > 0);
  CHECK(negative < x.dimension(0));
}

TEST_CASE("onnx: classes may be followed by axes of length one", "[onnx]") {
  const Logits<double> want = network(ending_in({})).logits(inputs());
  CHECK(network(ending_in({{"Reshape", {}, {}, false, {-1, 4, 1, 1}}})).logits(inputs()) == want);
  CHECK(network(ending_in({{"Reshape", {}, {}, false, {-1, 1, 4}}})).logits(inputs()) == want);
  CHECK_THAT(refusal(ending_in({{"Reshape", {}, {}, false, {-1, 2, 2}}})),
             ContainsSubstring("expected an output of shape (N, classes), got 'y' of shape (N, 2, 2)"));
}

TEST_CASE("onnx: of several outputs the first that holds classes is read, or the one of that name",
          "[onnx]") {
  // y cannot be read: its operator is unknown. single is one number, z has the classes, p their softmax.
  OnnxBuilder file = ending_in({{"Identity"}});
  file.output("single").output("z").output("p");
  file.constant("v", {features, 1}, {1, 2, 3})
      .node("MatMul", {"x", "v"}, "s")
      .node("Sigmoid", {"s"}, "single");
  file.node("Identity", {"h0"}, "z").node("Softmax", {"h0"}, "p").node("TopK", {"h0"}, "unknown");
  const Logits<double> want = network(ending_in({})).logits(inputs());
  const auto first = network(file);
  CHECK(first.logits(inputs()) == want);
  CHECK_THAT(first.notes().at(0),
             ContainsSubstring("of the network's 4 outputs, the classes are 'y', the first"));
  const auto named = network(file, {.output = "p"});
  CHECK(named.logits(inputs()) == want);
  CHECK(named.notes().size() == 2);
  CHECK(network(file, {.output = "single"}).classes() == 2);
  CHECK_THAT(refusal(file, {.output = "q"}),
             ContainsSubstring("no output 'q', it has 'y', 'single', 'z', 'p'"));

  // What cannot be read, and a single number where there are classes, are passed over.
  OnnxBuilder behind({-1, features});
  behind.output("single").output("p");
  behind.constant("v", {features, 1}, {1, 2, 3}).node("TopK", {"x"}, "y");
  behind.node("MatMul", {"x", "v"}, "s").node("Sigmoid", {"s"}, "single").node("Softmax", {"x"}, "p");
  CHECK(network(behind).classes() == features);
  CHECK_THAT(network(behind).notes().at(0), ContainsSubstring("'p', the first that fits"));
  CHECK_THAT(refusal(behind, {.output = "y"}), ContainsSubstring("TopK is not supported"));
}
