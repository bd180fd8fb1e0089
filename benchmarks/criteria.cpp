// SPDX-License-Identifier: MIT
/// \file
/// The Brendel & Bethge attacks with five kinds of criteria: success, median distance, model calls.
///
///     criteria net.onnx images labels [count [steps]]
///
/// Attacks the first `count` images (100) that the network classifies correctly, with `steps` steps (1,000);
/// the rows looked at for that are the pool. Distances in L2, Linf, L1 and L0, and for the first criterion in
/// double precision too.
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "catalogue/importer.hpp"
#include "foil/attacks/gradient/brendel_bethge/brendel_bethge.hpp"
#include "foil/evaluation/accuracy.hpp"
#include "foil/io/data.hpp"

namespace {

using foil::Index;
using foil::Labels;

/// The network in one precision, and what is attacked.
template <class Scalar>
struct Problem {
  using Images = foil::Tensor<Scalar, 4>;

  Problem(const std::string& net, const std::string& images, const std::string& label_file, Index count)
      : network(foil::onnx::load<Scalar, 4>(net)) {
    const Images all = foil::io::read_images<Scalar>(images, network.bounds());
    const Labels given = foil::io::read_labels(label_file);
    std::vector<Index> shown, rows;
    for (Index row = 0; row < foil::samples(all) && static_cast<Index>(rows.size()) < count; ++row) {
      shown.push_back(row);
      if (foil::predict(network, foil::gather(all, std::vector{row}))[0] == given[row]) rows.push_back(row);
    }
    inputs = foil::gather(all, rows);
    labels.resize(static_cast<Index>(rows.size()));
    for (std::size_t i = 0; i < rows.size(); ++i) labels[static_cast<Index>(i)] = given[rows[i]];
    options.pool = foil::Pool<Images>(network, foil::gather(all, shown));
    options.sample_ids.assign(rows.begin(), rows.end());
  }

  template <class N, class Criterion>
  void run(const char* what, int steps, const Criterion& criterion) const {
    foil::BrendelBethgeOptions settings;
    settings.steps = steps;
    const auto result = foil::BrendelBethgeAttack<N>(settings)(network, inputs, criterion, options);
    const auto count = static_cast<double>(result.size());
    std::printf("%-4s  %-26s  success %3.0f %%  median %8.5g  forward %6.0f  gradients %6.0f\n",
                std::string(N::name).c_str(), what, 100 * static_cast<double>(result.success.count()) / count,
                result.median_distance(), static_cast<double>(result.queries.sum()) / count,
                static_cast<double>(result.gradient_queries.sum()) / count);
    std::fflush(stdout);
  }

  foil::nn::Network<Scalar, 4> network;
  Images inputs{};
  Labels labels{};
  foil::RunOptions<Images> options{};
};

template <class N>
void every_criterion(const Problem<float>& problem, int steps) {
  const Labels& labels = problem.labels;
  const int classes = static_cast<int>(problem.network.classes());
  Labels next(labels.size());
  for (Index i = 0; i < labels.size(); ++i) next[i] = (labels[i] + 1) % classes;
  problem.run<N>("another class", steps, foil::Misclassification(labels));
  problem.run<N>("the next class", steps, foil::TargetedMisclassification(next));
  problem.run<N>("not among the two likeliest", steps, foil::TopKMisclassification(labels, 2));
  problem.run<N>("another class, p >= 0.9", steps, foil::ConfidentMisclassification(labels, 0.9));
  problem.run<N>("the next class, lead 1", steps,
                 foil::TargetedMisclassification(next) && foil::MarginAbove(labels, 1.0));
}

template <class... Norms>
void every_norm(const char* const* files, Index count, int steps) {
  const Problem<float> single(files[0], files[1], files[2], count);
  (every_criterion<Norms>(single, steps), ...);
  const Problem<double> precise(files[0], files[1], files[2], count);
  (precise.run<Norms>("another class, in double", steps, foil::Misclassification(precise.labels)), ...);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: criteria net.onnx images labels [count [steps]]\n");
    return 2;
  }
  try {
    every_norm<foil::L2, foil::Linf, foil::L1, foil::L0>(argv + 1, argc > 4 ? std::stol(argv[4]) : 100,
                                                         argc > 5 ? std::stoi(argv[5]) : 1000);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "criteria: %s\n", error.what());
    return 2;
  }
  return 0;
}
