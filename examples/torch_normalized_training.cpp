// SPDX-License-Identifier: MIT
// Trains a small network whose output, a perturbation, is brought to a given L2 size inside the network.
//
//   torch_normalized_training images.idx labels.idx
//
// An ordinary classifier of handwritten digits is trained first. Then a second network learns to perturb its
// images so that it errs, with perturbations of L2 size epsilon: once by dividing by their norm, after which
// clipping to [0, 1] takes a part of the size away again, and once by clipping-aware rescaling, which
// training goes through. Both are tried on images that neither network has seen, beside an attack on each
// single image.
#include <foil/adapters/torch.hpp>
#include <foil/adapters/torch_rescale.hpp>

#include <torch/torch.h>

#include <cstdio>
#include <foil/attacks/gradient/projected_gradient/projected_gradient.hpp>
#include <foil/io/data.hpp>
#include <functional>

namespace {

using Perturb = std::function<at::Tensor(const at::Tensor& images)>;  // -> perturbed images
using Loss = std::function<at::Tensor(const at::Tensor& images, const at::Tensor& labels)>;

constexpr double epsilon = 1.5;

/// Adam on shuffled batches of 50.
void train(torch::nn::Sequential net, const at::Tensor& images, const at::Tensor& labels, int epochs,
           const Loss& loss) {
  torch::optim::Adam optimizer(net->parameters(), torch::optim::AdamOptions(2e-3));
  for (int epoch = 0; epoch < epochs; ++epoch)
    for (const at::Tensor& rows : torch::randperm(images.size(0)).split(50)) {
      optimizer.zero_grad();
      loss(images.index({rows}), labels.index({rows})).backward();
      optimizer.step();
    }
}

/// By how much the right class leads, per sample.
at::Tensor margin(const at::Tensor& logits, const at::Tensor& labels) {
  const at::Tensor right = torch::one_hot(labels, logits.size(1)).to(at::kBool);
  return logits.masked_select(right) - std::get<0>(logits.masked_fill(right, -1e9).max(1));
}

void print(const char* what, const at::Tensor& size, const at::Tensor& fooled) {
  std::printf("%-40s %11.3f %12.1f %%\n", what, size.median().item<double>(),
              100 * fooled.to(at::kDouble).mean().item<double>());
}

void run(const char* image_file, const char* label_file) {
  torch::manual_seed(0);
  at::set_num_threads(1);
  const auto data = foil::io::read_images<float>(image_file, {0, 1});
  const foil::Labels classes = foil::io::read_labels(label_file);
  const at::Tensor all = foil::libtorch::to_torch(data);
  const at::Tensor all_labels =
      torch::from_blob(const_cast<int*>(classes.data()), {classes.size()}, at::kInt).to(at::kLong);
  const std::int64_t seen = all.size(0) * 4 / 5;
  const auto part = [&](const at::Tensor& t, bool test) {
    return test ? t.slice(0, seen) : t.slice(0, 0, seen);
  };

  namespace nn = torch::nn;
  nn::Sequential classifier(nn::Conv2d(nn::Conv2dOptions(1, 8, 5).stride(2)), nn::ReLU(),
                            nn::Conv2d(nn::Conv2dOptions(8, 16, 5).stride(2)), nn::ReLU(), nn::Flatten(),
                            nn::Linear(256, 10));
  train(classifier, part(all, false), part(all_labels, false), 15,
        [&](const at::Tensor& x, const at::Tensor& y) {
          return nn::functional::cross_entropy(classifier->forward(x), y);
        });
  classifier->eval();
  for (at::Tensor& weights : classifier->parameters()) weights.requires_grad_(false);

  // Only images that are classified correctly are worth a perturbation.
  const at::Tensor right = margin(classifier->forward(all), all_labels) > 0;
  const at::Tensor images = part(all, true).index({part(right, true)}),
                   labels = part(all_labels, true).index({part(right, true)});
  std::printf(
      "The classifier is right on %ld of %ld unseen images; its perturbations are to have L2 size %g.\n\n",
      static_cast<long>(images.size(0)), static_cast<long>(all.size(0) - seen), epsilon);
  std::printf("%-40s %11s %14s\n", "", "median size", "fooled");

  const auto report = [&](const char* what, const at::Tensor& perturbed) {
    print(what, (perturbed - images).flatten(1).norm(2, 1),
          margin(classifier->forward(perturbed), labels) <= 0);
  };
  const auto learn = [&](const char* what,
                         const std::function<at::Tensor(const at::Tensor&, const at::Tensor&)>& step) {
    torch::manual_seed(1);
    nn::Sequential generator(nn::Flatten(), nn::Linear(784, 256), nn::ReLU(), nn::Linear(256, 784));
    const Perturb perturb = [&](const at::Tensor& x) { return step(x, generator->forward(x).view_as(x)); };
    train(generator, part(all, false), part(all_labels, false), 20,
          [&](const at::Tensor& x, const at::Tensor& y) {
            return margin(classifier->forward(perturb(x)), y).mean();
          });
    const at::NoGradGuard no_grad;
    report(what, perturb(images));
  };
  learn("learnt, divided by the norm", [](const at::Tensor& x, const at::Tensor& d) {
    const at::Tensor size = d.flatten(1).norm(2, 1).clamp_min(1e-12).view({-1, 1, 1, 1});
    return (x + epsilon * d / size).clamp(0, 1);
  });
  learn("learnt, clipping-aware", [](const at::Tensor& x, const at::Tensor& d) {
    return foil::libtorch::step_of_size(x, d, epsilon).points;
  });

  const foil::libtorch::Model model(classifier);
  const auto x = foil::libtorch::from_torch<foil::Tensor<float, 4>>(images);
  const auto found =
      foil::L2PGD{{.steps = 40, .maximize_loss = true}}(model, x, foil::predict(model, x), epsilon);
  report("each image on its own: 40 steps of PGD", foil::libtorch::to_torch(found.adversarials));
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) {
    std::fprintf(stderr, "usage: torch_normalized_training images.idx labels.idx\n");
    return 2;
  }
  run(argv[1], argv[2]);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "torch_normalized_training: %s\n", error.what());
  return 1;
}
