// SPDX-License-Identifier: MIT
/// \file
/// Compiled once for each of two instruction sets; FOIL_RESULTS is what the function is called there. Prints
/// the bits of whatever uses machine vectors.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/norms.hpp"
#include "foil/core/random.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/box.hpp"
#include "foil/geometry/half_space/problem.hpp"
#include "foil/geometry/half_space/step.hpp"
#include "foil/geometry/maximise.hpp"
#include "foil/geometry/project.hpp"
#include "foil/geometry/region.hpp"
#include "foil/geometry/rescale.hpp"
#include "foil/geometry/sampling.hpp"
#include "foil/geometry/saturated_sum.hpp"
#include "foil/nn/graph.hpp"
#include "foil/nn/make.hpp"
#include "foil/nn/network.hpp"
#include "foil/nn/operators/convolution.hpp"
#include "foil/nn/operators/dense.hpp"
#include "foil/nn/operators/elementwise.hpp"
#include "foil/nn/operators/pooling.hpp"

namespace {

using foil::Index;

/// Numbers in (low, high) that every compilation draws alike: one word after the other, without vectors.
template <class T>
std::vector<T> numbers(Index count, T low, T high, std::uint32_t draw) {
  foil::RandomDraw random(7, 0, foil::Purpose::noise, draw);
  std::vector<T> out;
  for (Index i = 0; i < count; ++i) out.push_back(static_cast<T>(random.uniform(low, high)));
  return out;
}

Eigen::VectorXd vector(Index count, double low, double high, std::uint32_t draw) {
  const std::vector<double> values = numbers(count, low, high, draw);
  return Eigen::Map<const Eigen::VectorXd>(values.data(), count);
}

template <class T>
std::string bits(const char* name, const T* values, Index count) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(values);
  std::uint64_t hash = 0xCBF29CE484222325u;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count) * sizeof(T); ++i)
    hash = (hash ^ bytes[i]) * 0x100000001B3u;
  char line[80];
  std::snprintf(line, sizeof line, "%s %016llx\n", name, static_cast<unsigned long long>(hash));
  return line;
}

template <class T>
std::string rescaling(const char* name, double p, Index count, double epsilon) {
  const auto x = numbers<T>(count, 0, 1, 1), direction = numbers<T>(count, -1, 1, 2);
  const double eta = foil::geometry::rescale(x, direction, T(0), T(1), epsilon, foil::Lp(p)).eta;
  return bits(name, &eta, 1);
}

std::string saturation() {
  const auto weights = numbers<double>(777, 0, 1, 3), levels = numbers<double>(777, 0, 1, 4);
  const double argument = foil::geometry::saturated_sum(weights, levels, 100).argument;
  return bits("saturated_sum", &argument, 1);
}

std::string random_numbers() {
  Eigen::VectorXd normal(1001), uniform(1001);
  foil::RandomDraw(3, 5, foil::Purpose::start, 0).fill_normal(normal);
  foil::RandomDraw(3, 5, foil::Purpose::noise, 0).fill_uniform(uniform, -1, 2);
  return bits("normal", normal.data(), normal.size()) + bits("uniform", uniform.data(), uniform.size());
}

/// 101 entries in the unit cube.
struct Points {
  foil::geometry::Box box{Eigen::VectorXd::Zero(101), Eigen::VectorXd::Ones(101)};
  Eigen::VectorXd original = vector(101, 0, 1, 5), x = vector(101, 0, 1, 6), normal = vector(101, -1, 1, 7);
};

template <class N>
std::string step(const char* name) {
  const Points p;
  const foil::geometry::HalfSpaceProblem problem{p.original, p.x, p.box, p.normal, -0.8, 2.5};
  const auto found = foil::geometry::half_space_step<N>(problem);
  return bits(name, found.delta.data(), found.delta.size());
}

std::string region() {
  const Points p;
  const foil::geometry::Region<foil::L2> region{p.original, p.box, 1.5};
  const Eigen::VectorXd ascent = foil::geometry::maximise(p.normal, region),
                        noise =
                            foil::geometry::uniform_in_ball<foil::L2>(101, {1, 2, foil::Purpose::start, 0});
  Eigen::VectorXd x = p.x;
  foil::geometry::project(x, region);
  return bits("project", x.data(), x.size()) + bits("maximise", ascent.data(), ascent.size()) +
         bits("uniform_in_ball", noise.data(), noise.size());
}

/// Makes operators of the vectors that the flags allow.
struct OfFlags {
  template <class Op, class... A>
  auto make(A&&... arguments) const {
    return std::make_unique<Op>(std::forward<A>(arguments)...);
  }
};

/// Makes operators of the vectors that the machine has.
struct OfMachine {
  template <class Op, class... A>
  auto make(A&&... arguments) const {
    return foil::nn::make<Op>(std::forward<A>(arguments)...);
  }
};

/// A layer of each kind, forward and backward. What is counted in vectors is the memory's layout as well.
template <class Maker>
std::string network(const std::string& name) {
  using namespace foil::nn;
  const Maker of;
  const Window rows{9, 7, 3, 1, 1, 0, 0}, halved{7, 3, 2, 2, 1, 0, 0};
  Graph<float> graph(9 * 9 * 3);
  std::size_t slot = graph.add(
      of.template make<Convolution<float>>(ConvolutionShape{rows, rows, 3, 5, 1},
                                           numbers<float>(5 * 3 * 9, -1, 1, 8), numbers<float>(5, -1, 1, 9)),
      {0}, 7 * 7 * 5);
  slot = graph.add(of.template make<Elementwise<float, Elu<float>>>(7 * 7 * 5, Elu<float>{1.f}), {slot},
                   7 * 7 * 5);
  slot = graph.add(of.template make<MaxPooling<float>>(halved, halved, 5), {slot}, 3 * 3 * 5);
  slot = graph.add(of.template make<Dense<float>>(1, 45, 70, numbers<float>(45 * 70, -1, 1, 10),
                                                  numbers<float>(70, -1, 1, 11)),
                   {slot}, 70);
  slot = graph.add(of.template make<Elementwise<float, Sigmoid<float>>>(70, Sigmoid<float>{}), {slot}, 70);
  slot = graph.add(of.template make<Dense<float>>(1, 70, 3, numbers<float>(70 * 3, -1, 1, 12),
                                                  numbers<float>(3, -1, 1, 13)),
                   {slot}, 3);
  graph.finish(slot);
  const Network<float, 4> model(std::move(graph), {9, 9, 3}, {});
  foil::Tensor<float, 4> x(5, 9, 9, 3);
  const auto values = numbers<float>(x.size(), 0, 1, 14);
  std::copy(values.begin(), values.end(), x.data());
  const auto [logits, pullback] = model.vjp(x);
  const foil::Tensor<float, 4> gradient = pullback(logits);
  return bits((name + "_logits").c_str(), logits.data(), logits.size()) +
         bits((name + "_gradient").c_str(), gradient.data(), gradient.size());
}

}  // namespace

std::string FOIL_RESULTS() {
  return rescaling<float>("rescale_l1_float", 1, 333, 20) +
         rescaling<float>("rescale_l2_float", 2, 10001, 3) +
         rescaling<double>("rescale_l1_double", 1, 10001, 500) +
         rescaling<double>("rescale_l2_double", 2, 333, 1) + saturation() + random_numbers() + region() +
         step<foil::L0>("step_l0") + step<foil::L1>("step_l1") + step<foil::L2>("step_l2") +
         step<foil::Linf>("step_linf") + network<OfFlags>("network") + network<OfMachine>("chosen_network");
}
