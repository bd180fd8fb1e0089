// SPDX-License-Identifier: MIT
#include "foil/adapters/torch.hpp"

#include <torch/torch.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "catalogue/importer.hpp"
#include "foil/attacks/gradient/projected_gradient/projected_gradient.hpp"
#include "io/temporary_directory.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/onnx_builder.hpp"

using Catch::Matchers::ContainsSubstring;
using foil::Index;
using foil::Logits;
using foil::libtorch::Model;
using foil::test::Random;
using foil::test::random_batch;
using Images = foil::Tensor<float, 4>;
using Rows = foil::Tensor<double, 2>;
using FloatRows = foil::Tensor<float, 2>;

namespace {

static_assert(foil::explain_model<Model<float, 4>>());
static_assert(foil::shareable<Model<double, 2>>);

/// A small convolutional network for images of 2 x 6 x 6 with weights of its own, in evaluation mode.
torch::nn::Sequential convolutional(std::uint64_t seed = 1) {
  torch::nn::Sequential net(torch::nn::Conv2d(torch::nn::Conv2dOptions(2, 5, 3).stride(2).padding(1)),
                            torch::nn::ReLU(), torch::nn::Flatten(), torch::nn::Linear(45, 4));
  Random random(seed);
  const at::NoGradGuard no_grad;
  for (at::Tensor& weights : net->parameters())
    for (std::int64_t i = 0; i < weights.numel(); ++i) weights.view(-1)[i] = 0.4 * random.normal();
  net->eval();
  return net;
}

/// The same network on foil's engine.
foil::nn::Network<float, 4> twin(torch::nn::Sequential& net) {
  foil::test::OnnxBuilder file({-1, 2, 6, 6});
  for (const auto& parameter : net->named_parameters()) {
    const at::Tensor& w = parameter.value();
    file.constant(parameter.key(), w.sizes().vec(), {w.data_ptr<float>(), w.data_ptr<float>() + w.numel()});
  }
  const auto attribute = [](const char* name, auto value) { return foil::test::attribute(name, value); };
  file.node("Conv", {"x", "0.weight", "0.bias"}, "a",
            {attribute("strides", foil::test::Ints{2, 2}), attribute("pads", foil::test::Ints{1, 1, 1, 1})});
  file.node("Relu", {"a"}, "b").node("Flatten", {"b"}, "c");
  file.node("Gemm", {"c", "3.weight", "3.bias"}, "y", {attribute("transB", 1)});
  const foil_test::TemporaryDirectory dir;
  foil_test::write(dir / "twin.onnx", file.bytes());
  return foil::onnx::load<float, 4>(dir / "twin.onnx");
}

torch::nn::Sequential perceptron(at::ScalarType type) {
  torch::manual_seed(3);
  torch::nn::Sequential net(torch::nn::Linear(6, 8), torch::nn::Tanh(), torch::nn::Linear(8, 3));
  net->to(type);
  net->eval();
  return net;
}

/// A scripted module in evaluation mode with a parameter of 3 x 6.
torch::jit::Module scripted(const std::string& code) {
  torch::jit::Module module("net");
  Random random(5);
  at::Tensor weights = at::empty({3, 6});
  for (std::int64_t i = 0; i < weights.numel(); ++i) weights.view(-1)[i] = random.normal();
  module.register_parameter("weights", weights, false);
  module.register_attribute("training", c10::BoolType::get(), false);  // as those from Python have it
  module.define(code);
  return module;
}
const std::string script_code = "def forward(self, x):\n    return torch.matmul(x * x, self.weights.t())\n";

template <class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const foil::Error& error) {
    return error.what();
  }
  return "no foil::Error";
}

template <class T>
double difference(const T& a, const T& b) {
  return static_cast<double>((foil::as_matrix(a) - foil::as_matrix(b)).cwiseAbs().maxCoeff());
}

}  // namespace

TEST_CASE("torch: logits and gradients are those of foil's engine", "[adapters][torch]") {
  auto net = convolutional();
  const Model model(net);
  const auto same = twin(net);
  Random random(2);
  const auto x = random_batch<Images>(random, Images::Dimensions(7, 2, 6, 6));
  CHECK((model.logits(x) - same.logits(x)).cwiseAbs().maxCoeff() < 1e-5f);
  const auto ours = model.vjp(x);
  const auto theirs = same.vjp(x);
  CHECK(ours.logits == model.logits(x));
  for (Index k = 0; k < 4; ++k) {  // several pullbacks of one pass, the first one again at the end
    Logits<float> cotangent = Logits<float>::Zero(7, 4);
    cotangent.col(k % 4).setConstant(1.5f);
    const Images gradient = ours.pullback(cotangent);
    CHECK(gradient.dimensions() == x.dimensions());
    CHECK(difference(gradient, theirs.pullback(cotangent)) < 1e-5);
    CHECK(difference(gradient, ours.pullback(cotangent)) == 0);
  }
}

TEST_CASE("torch: gradients in double are central differences", "[adapters][torch]") {
  const Model<double, 2> model(perceptron(at::kDouble), {.bounds = {-1, 1}});
  CHECK(model.bounds().lower(0) == -1);
  Random random(4);
  Rows x = random_batch<Rows>(random, Rows::Dimensions(3, 6));
  const Logits<double> cotangent = Logits<double>::Random(3, 3);
  const Rows gradient = model.vjp(x).pullback(cotangent);
  const double h = 1e-5;
  for (Index i = 0; i < x.size(); ++i) {
    const double at = x.data()[i];
    x.data()[i] = at + h;
    const double above = model.logits(x).cwiseProduct(cotangent).sum();
    x.data()[i] = at - h;
    const double below = model.logits(x).cwiseProduct(cotangent).sum();
    x.data()[i] = at;
    CHECK(gradient.data()[i] == Catch::Approx((above - below) / (2 * h)).margin(1e-9));
  }
}

TEST_CASE("torch: the model reads the batch where it is, the gradient owns what it needs",
          "[adapters][torch]") {
  const void* seen = nullptr;
  bool graph = false;
  const Model<double, 2> model([&](const at::Tensor& x) {
    seen = x.data_ptr();
    at::Tensor y = x * x;
    graph = y.requires_grad();
    return y;
  });
  Random random(6);
  Rows x = random_batch<Rows>(random, Rows::Dimensions(4, 3));
  const Rows before = x;
  model.logits(x);
  CHECK(seen == x.data());
  CHECK_FALSE(graph);

  const auto kept = model.vjp(x);
  CHECK(graph);
  CHECK(seen != x.data());
  x.setZero();
  const Logits<double> ones = Logits<double>::Ones(4, 3);
  CHECK(foil::as_matrix(kept.pullback(ones)) == 2 * foil::as_matrix(before));

  Rows given = before;
  const void* const memory = given.data();
  auto once = model.vjp(std::move(given));
  CHECK(seen == memory);
  CHECK(foil::as_matrix(std::move(once).pullback(ones)) == 2 * foil::as_matrix(before));
  CHECK_THAT(error_of([&] { once.pullback(ones); }), ContainsSubstring("second time"));

  at::Tensor view = foil::libtorch::as_torch(x);
  CHECK(view.data_ptr() == x.data());
  view.fill_(7);
  CHECK(x(3, 2) == 7);
  Rows moved = before;
  const void* const data = moved.data();
  const at::Tensor owner = foil::libtorch::to_torch(std::move(moved));
  CHECK(owner.data_ptr() == data);
  CHECK(difference(foil::libtorch::from_torch<Rows>(owner.t().contiguous().t()), before) == 0);
  CHECK_THAT(error_of([&] { foil::libtorch::from_torch<Images>(owner); }),
             ContainsSubstring("expected a tensor of rank 4 and type Float, got rank 2 and type Double"));
}

TEST_CASE("torch: the model is left as it was", "[adapters][torch]") {
  auto net = convolutional();
  const Model model(net);
  Random random(7);
  const auto x = random_batch<Images>(random, Images::Dimensions(2, 2, 6, 6));
  model.vjp(x).pullback(Logits<float>::Ones(2, 4));
  for (const at::Tensor& parameter : net->parameters()) {
    CHECK(parameter.requires_grad());
    CHECK_FALSE(parameter.grad().defined());
  }
}

TEST_CASE("torch: the caller's gradient mode does not matter, and stays", "[adapters][torch]") {
  const Model<double, 2> model([](const at::Tensor& x) { return x * x; });
  Rows x(1, 2);
  x.setConstant(3);
  const Logits<double> ones = Logits<double>::Ones(1, 2);
  {
    const at::NoGradGuard no_grad;
    CHECK(model.vjp(x).pullback(ones)(0, 0) == 6);
    CHECK_FALSE(at::GradMode::is_enabled());
  }
  const c10::InferenceMode inference;
  CHECK(model.vjp(x).pullback(ones)(0, 0) == 6);
  CHECK(model.logits(x)(0, 0) == 9);
  CHECK(c10::InferenceMode::is_enabled());
}

TEST_CASE("torch: PGD through the adapter is PGD on foil's engine", "[adapters][torch]") {
  auto net = convolutional();
  const Model model(net);
  const auto same = twin(net);
  Random random(8);
  const auto x = random_batch<Images>(random, Images::Dimensions(30, 2, 6, 6));
  const foil::Labels labels = foil::predict(same, x);
  const foil::LinfPGD attack({.steps = 15, .maximize_loss = true});
  const auto a = attack(model, x, labels, 0.05, {.seed = 1, .threads = 2, .batch_size = 8});
  const auto b = attack(same, x, labels, 0.05, {.seed = 1});
  CHECK((a.success == b.success).all());
  CHECK(a.success.any());
  CHECK_FALSE(a.success.all());
  CHECK(a.queries == b.queries);
  CHECK(difference(a.adversarials, b.adversarials) < 1e-4);
}

TEST_CASE("torch: a TorchScript file", "[adapters][torch]") {
  const foil_test::TemporaryDirectory dir;
  const auto path = dir / "net.pt";
  auto module = scripted(script_code);
  module.save(path.string());
  const auto model = foil::libtorch::load<float, 2>(path, {.bounds = {-3.f, 3.f}});
  CHECK(model.bounds().upper(0) == 3);
  CHECK(model.device().is_cpu());
  Random random(9);
  for (const Index rows : {5, 5, 5, 2, 1}) {  // the interpreter optimises as it goes
    const auto x = random_batch<FloatRows>(random, FloatRows::Dimensions(rows, 6), -3, 3);
    const at::Tensor w = module.attr("weights").toTensor().detach();
    const Eigen::Map<const Logits<float>> weights(w.data_ptr<float>(), 3, 6);
    const auto matrix = foil::as_matrix(x);
    const Logits<float> logits = matrix.cwiseProduct(matrix).lazyProduct(weights.transpose());
    CHECK((model.logits(x) - logits).cwiseAbs().maxCoeff() < 1e-5f);
    const auto vjp = model.vjp(x);
    CHECK((vjp.logits - logits).cwiseAbs().maxCoeff() < 1e-5f);
    const Logits<float> cotangent = Logits<float>::Random(rows, 3);
    const Logits<float> expected = cotangent.lazyProduct(weights).cwiseProduct(2 * matrix);
    for (int again = 0; again < 2; ++again)
      CHECK((foil::as_matrix(vjp.pullback(cotangent)) - expected).cwiseAbs().maxCoeff() < 1e-5f);
  }

  CHECK_THAT(error_of([&] { foil::libtorch::load(dir / "missing.pt"); }), ContainsSubstring("no such file"));
  foil_test::write(dir / "damaged.pt", foil_test::read(path).substr(0, 300));
  const std::string damaged = error_of([&] { foil::libtorch::load(dir / "damaged.pt"); });
  CHECK_THAT(damaged, ContainsSubstring("damaged.pt' as TorchScript: "));
  CHECK(damaged.find('\n') == damaged.npos);
}

TEST_CASE("torch: a part in training mode is refused, whenever it is put there", "[adapters][torch]") {
  Random random(10);
  const auto x = random_batch<Images>(random, Images::Dimensions(2, 2, 6, 6));
  auto net = convolutional();
  net->train();
  CHECK_THAT(error_of([&] { Model<float, 4>{net}; }),
             ContainsSubstring("the model is in training mode, expected evaluation mode: call eval()"));
  net->eval();
  const Model model(net);
  model.logits(x);
  net->ptr(1)->train();
  CHECK_THAT(error_of([&] { model.logits(x); }),
             ContainsSubstring("the model's part '1' is in training mode"));
  CHECK_THAT(error_of([&] { model.vjp(x); }), ContainsSubstring("'1' is in training mode"));
  net->eval();
  model.logits(x);

  auto module = scripted(script_code);
  const Model<float, 2> script(module);
  const auto rows = random_batch<FloatRows>(random, FloatRows::Dimensions(2, 6));
  script.logits(rows);
  module.train();
  CHECK_THAT(error_of([&] { script.logits(rows); }), ContainsSubstring("training mode"));
  CHECK_THAT(error_of([&] { Model<float, 2>{module}; }), ContainsSubstring("training mode"));
}

TEST_CASE("torch: scalar types and devices must fit", "[adapters][torch]") {
  CHECK_THAT(error_of([] { Model<float, 2>{perceptron(at::kDouble)}; }),
             ContainsSubstring("expected a model of type Float like its inputs, but '0.weight' is Double"));
  CHECK_THAT(error_of([] { Model<double, 2>{scripted(script_code)}; }),
             ContainsSubstring("expected a model of type Double like its inputs, but 'weights' is Float"));
  CHECK_THAT(error_of([] { Model<float, 2>{perceptron(at::kFloat), {.device = at::Device(at::kMeta)}}; }),
             ContainsSubstring("expected a model on the device meta, but '0.weight' is on cpu"));
  auto split = scripted(script_code);
  split.register_parameter("other", at::empty({3}, at::kMeta), false);
  const std::string apart = error_of([&] { Model<float, 2>{split}; });
  CHECK_THAT(apart, ContainsSubstring("expected a model on the device "));
  CHECK_THAT(apart, ContainsSubstring("is on "));

  // The device without memory stands in for any other: inputs go there, and cannot come back.
  at::Device seen = at::kCPU;
  const Model<float, 2> elsewhere(
      [&](const at::Tensor& y) {
        seen = y.device();
        return y.exp();
      },
      {.device = at::Device(at::kMeta)});
  CHECK(elsewhere.device().is_meta());
  FloatRows x(2, 6);
  x.setZero();
  const std::string error = error_of([&] { elsewhere.logits(x); });
  CHECK_THAT(error, ContainsSubstring("torch: copying the logits: "));
  CHECK(error.find('\n') == error.npos);
  CHECK(seen.is_meta());
}

TEST_CASE("torch: what goes wrong inside is told in one line", "[adapters][torch]") {
  using Function = std::function<at::Tensor(const at::Tensor&)>;
  const auto fault = [](Function f) {
    Rows x(2, 3);
    x.setConstant(1);
    const Model<double, 2> model(f);
    const std::string error = error_of([&] { model.vjp(x).pullback(Logits<double>::Ones(2, 3)); });
    CHECK(error.starts_with("torch: "));
    CHECK(error.find('\n') == error.npos);
    return error;
  };
  CHECK_THAT(fault([](const at::Tensor& x) { return at::matmul(x, x); }),
             ContainsSubstring("the model: mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)"));
  CHECK_THAT(fault([](const at::Tensor& x) { return x.sum(1); }),
             ContainsSubstring("expected logits of shape (2, classes) for a batch of shape (2, 3), the model "
                               "returned shape (2)"));
  CHECK_THAT(fault([](const at::Tensor& x) { return x.t(); }), ContainsSubstring("returned shape (3, 2)"));
  CHECK_THAT(fault([](const at::Tensor&) { return at::Tensor(); }), ContainsSubstring("returned no tensor"));
  CHECK_THAT(fault([](const at::Tensor& x) { return x.to(at::kFloat); }),
             ContainsSubstring("expected logits of type Double, the model returned Float"));
  CHECK_THAT(fault([](const at::Tensor& x) { return x.detach(); }), ContainsSubstring("differentiated"));
  CHECK_THAT(error_of([] {
               Rows x(2, 3);
               x.setConstant(1);
               const Model<double, 2> model([](const at::Tensor& y) { return y.exp(); });
               model.vjp(x).pullback(Logits<double>::Ones(2, 4));
             }),
             ContainsSubstring("expected a cotangent of 2 x 3 like the logits, got 2 x 4"));

  using foil::libtorch::detail::essence;
  CHECK(essence("first\nsecond") == "first");
  CHECK(essence("\nUnknown builtin op:\n  x = what(y)") == "Unknown builtin op:");
  CHECK(essence("failed\nTraceback of\n  File\nRuntimeError: the reason\n") == "the reason");
  CHECK(essence("\n").empty());

  const Model<double, 2> careless([](const at::Tensor& x) { return x.mul_(2); });
  Rows x(2, 3);
  x.setConstant(1);
  CHECK_THAT(error_of([&] { careless.logits(x); }), ContainsSubstring("changes its input in place"));
  CHECK_THAT(error_of([&] { careless.vjp(x); }), ContainsSubstring("in-place operation"));

  FloatRows narrow(2, 5);
  narrow.setZero();
  const Model<float, 2> script(scripted(script_code));
  const std::string shapes = error_of([&] { script.logits(narrow); });
  CHECK_THAT(shapes, ContainsSubstring("torch: the model: mat1 and mat2 shapes cannot be multiplied"));
  CHECK(shapes.find('\n') == shapes.npos);
  const Model<float, 2> pair(scripted("def forward(self, x):\n    return (x, x)\n"));
  CHECK_THAT(error_of([&] { pair.logits(narrow); }),
             ContainsSubstring("expected a model that returns one tensor, it returned a Tuple"));
}
