// SPDX-License-Identifier: MIT
// Compiled for the architecture's baseline, whatever the other tests are compiled for.
#include "foil/nn/make.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <typeinfo>
#include <vector>

#include "foil/nn/memory.hpp"
#include "support/catch.hpp"
#include "support/onnx_builder.hpp"

using foil::Index;
using foil::nn::InstructionSet;
using foil::nn::detail::available;
using foil::nn::detail::make_for;

namespace {

std::vector<InstructionSet> available_sets() {
  std::vector<InstructionSet> sets;
  for (const auto set : {InstructionSet::flags, InstructionSet::avx2_fma, InstructionSet::avx512})
    if (available(set)) sets.push_back(set);
  return sets;
}

template <class T>
std::vector<T> numbers(Index count, double low, double high, unsigned seed) {
  std::vector<T> out;
  for (const float v : foil::test::spread(static_cast<std::size_t>(count), static_cast<float>(low),
                                          static_cast<float>(high), seed))
    out.push_back(static_cast<T>(v));
  return out;
}

/// What an operator says of a batch: its outputs, then the pullbacks of 1, 2, ... to each of its inputs.
template <class T>
std::vector<T> answers(foil::nn::Operator<T>& op, Index batch, Index first, const std::vector<Index>& sizes,
                       Index output) {
  std::vector<std::vector<T>> inputs, gradients;
  std::vector<const T*> from;
  std::vector<T*> to;
  for (const Index size : sizes) {
    std::vector<T> all = numbers<T>(4 * size, 0.1, 2, static_cast<unsigned>(3 + inputs.size()));
    for (std::size_t i = 0; i < all.size(); i += 2) all[i] = -all[i];
    inputs.emplace_back(all.begin() + first * size, all.begin() + (first + batch) * size);
    gradients.emplace_back(static_cast<std::size_t>(batch * size));
  }
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    from.push_back(inputs[i].data());
    to.push_back(gradients[i].data());
  }
  std::vector<T> out(static_cast<std::size_t>(batch * output)), cotangent;
  for (Index n = first; n < first + batch; ++n)
    for (Index i = 0; i < output; ++i) cotangent.push_back(static_cast<T>((n * output + i) % 7 - 3));
  foil::nn::Buffer<T> scratch(op.scratch());
  std::vector<std::byte> kept(static_cast<std::size_t>(batch * op.kept_bytes()));
  op.forward_keeping(batch, from.data(), out.data(), kept.data(), scratch.data());
  if (kept.empty())
    op.backward(batch, from.data(), out.data(), cotangent.data(), to.data(), scratch.data());
  else
    op.backward_from(batch, kept.data(), cotangent.data(), to.data(), scratch.data());
  for (const auto& gradient : gradients) out.insert(out.end(), gradient.begin(), gradient.end());
  return out;
}

/// `make` is a generic lambda: the operator on numbers of type T, of a given set.
template <class T, class Make>
void check_in(Make make, const std::vector<Index>& sizes, Index output) {
  const auto exact_op = make.template operator()<double>(InstructionSet::flags);
  exact_op->prepare();
  const std::vector<double> exact = answers(*exact_op, 4, 0, sizes, output);
  double scale = 1;
  for (const double v : exact) scale = std::max(scale, std::abs(v));
  const auto narrow = make.template operator()<T>(InstructionSet::flags);
  for (const InstructionSet set : available_sets()) {
    const auto op = make.template operator()<T>(set);
    const auto &made = *op, &plain = *narrow;
    CHECK((typeid(made) == typeid(plain)) == (set == InstructionSet::flags));
    op->prepare();
    const std::vector<T> all = answers(*op, 4, 0, sizes, output);
    for (std::size_t i = 0; i < all.size(); ++i)
      REQUIRE(std::abs(static_cast<double>(all[i]) - exact[i]) <=
              scale * (std::is_same_v<T, float> ? 2e-6 : 1e-14));
    // A sample's bits are the same alone and in the batch.
    for (Index n = 0; n < 4; ++n) {
      const std::vector<T> alone = answers(*op, 1, n, sizes, output);
      std::size_t at = 0, begin = 0;
      std::vector<Index> parts{output};
      parts.insert(parts.end(), sizes.begin(), sizes.end());
      for (const Index part : parts) {
        for (Index i = 0; i < part; ++i)
          REQUIRE(alone[at++] == all[begin + static_cast<std::size_t>(n * part + i)]);
        begin += static_cast<std::size_t>(4 * part);
      }
    }
  }
}

template <class Make>
void check(Make make, const std::vector<Index>& sizes, Index output) {
  check_in<float>(make, sizes, output);
  check_in<double>(make, sizes, output);
}

}  // namespace

TEST_CASE("make: what it makes is of the widest set", "[nn][make]") {
  using Op = foil::nn::Elementwise<float, foil::nn::Relu<float>>;
  const auto op = foil::nn::make<Op>(Index(1), foil::nn::Relu<float>{});
  const auto last = make_for<Op>(available_sets().back(), Index(1), foil::nn::Relu<float>{});
  const auto &made = *op, &widest = *last;
  CHECK(typeid(made) == typeid(widest));
}

TEST_CASE("make: an operator that is compiled once is made as it is", "[nn][make]") {
  using Op = foil::nn::Elementwise<float, foil::nn::Log<float>>;
  for (const InstructionSet set : available_sets())
    CHECK(dynamic_cast<Op*>(make_for<Op>(set, Index(3), foil::nn::Log<float>{}).get()) != nullptr);
}

TEST_CASE("make: convolutions of every set agree", "[nn][make]") {
  using foil::nn::Window;
  struct Shape {
    Window rows, columns;
    Index inputs, outputs, groups;
  };
  // Patches read in place, gathered, strided and dilated, narrow ones that overlap; groups.
  const auto shape = GENERATE(Shape{{9, 7, 3, 1, 1, 0, 0}, {19, 19, 3, 1, 1, 1, 1}, 20, 33, 1},
                              Shape{{5, 5, 3, 1, 1, 1, 1}, {4, 4, 3, 1, 1, 1, 1}, 7, 40, 1},
                              Shape{{11, 4, 3, 2, 2, 0, 0}, {9, 3, 3, 2, 2, 0, 0}, 3, 5, 1},
                              Shape{{20, 16, 5, 1, 1, 0, 0}, {20, 16, 5, 1, 1, 0, 0}, 1, 20, 1},
                              Shape{{6, 6, 3, 1, 1, 1, 1}, {6, 6, 3, 1, 1, 1, 1}, 24, 24, 24},
                              Shape{{6, 3, 2, 2, 1, 0, 0}, {6, 3, 2, 2, 1, 0, 0}, 12, 6, 3});
  // Copies rather than structured bindings: Clang 14 does not let a lambda capture those.
  const Window rows = shape.rows, columns = shape.columns;
  const Index inputs = shape.inputs, outputs = shape.outputs, groups = shape.groups;
  const Index taps = rows.kernel * columns.kernel;
  check(
      [=]<class T>(InstructionSet set) {
        return make_for<foil::nn::Convolution<T>>(
            set, foil::nn::ConvolutionShape{rows, columns, inputs, outputs, groups},
            numbers<T>(outputs * inputs / groups * taps, -0.3, 0.3, 11), numbers<T>(outputs, -1, 1, 12));
      },
      {rows.input * columns.input * inputs}, rows.output * columns.output * outputs);
}

TEST_CASE("make: fully connected layers of every set agree", "[nn][make]") {
  const Index inputs = GENERATE(5, 70, 513), outputs = GENERATE(3, 33, 70), rows = GENERATE(1, 2);
  check(
      [=]<class T>(InstructionSet set) {
        return make_for<foil::nn::Dense<T>>(set, rows, inputs, outputs,
                                            numbers<T>(inputs * outputs, -0.3, 0.3, 11),
                                            numbers<T>(outputs, -1, 1, 12));
      },
      {rows * inputs}, rows * outputs);
}

TEST_CASE("make: poolings of every set agree", "[nn][make]") {
  const Index channels = GENERATE(1, 16, 37);
  const foil::nn::Window window{7, 4, 3, 2, 1, 1, 1};
  check([=]<class T>(
            InstructionSet set) { return make_for<foil::nn::MaxPooling<T>>(set, window, window, channels); },
        {49 * channels}, 16 * channels);
  check(
      [=]<class T>(InstructionSet set) {
        return make_for<foil::nn::AveragePooling<T>>(set, window, window, channels, false);
      },
      {49 * channels}, 16 * channels);
}

TEST_CASE("make: functions of elements of every set agree", "[nn][make]") {
  const auto check_function = []<template <class...> class F>(auto... parameters) {
    check(
        [=]<class T>(InstructionSet set) {
          return make_for<foil::nn::Elementwise<T, F<T>>>(set, Index(37),
                                                          F<T>{static_cast<T>(parameters)...});
        },
        {37}, 37);
  };
  check_function.operator()<foil::nn::Relu>();
  check_function.operator()<foil::nn::LeakyRelu>(0.25);
  check_function.operator()<foil::nn::Elu>(0.75);
  check_function.operator()<foil::nn::Sigmoid>();
  check_function.operator()<foil::nn::Tanh>();
  check_function.operator()<foil::nn::Exp>();
  check_function.operator()<foil::nn::Clip>(-1, 1.5);
  check_function.operator()<foil::nn::Negate>();
  check_function.operator()<foil::nn::Gelu>();
  check_function.operator()<foil::nn::GeluTanh>();
  check_function.operator()<foil::nn::Erf>();
  check_function.operator()<foil::nn::Swish>(1.5);
  check_function.operator()<foil::nn::HardSigmoid>(0.2, 0.5);
  check_function.operator()<foil::nn::HardSwish>();
  check_function.operator()<foil::nn::Softplus>();
  check_function.operator()<foil::nn::Mish>();
}

TEST_CASE("make: arithmetic of every set agrees", "[nn][make]") {
  const auto check_function = []<template <class...> class F> {
    check([]<class T>(InstructionSet set) { return make_for<foil::nn::Binary<T, F<T>>>(set, Index(37)); },
          {37, 37}, 37);
    check(
        []<class T>(InstructionSet set) {
          return make_for<foil::nn::WithConstant<T, F<T>, true>>(set, numbers<T>(37, 1, 2, 4));
        },
        {37}, 37);
    check(
        []<class T>(InstructionSet set) {
          return make_for<foil::nn::WithConstant<T, F<T>, false>>(set, numbers<T>(37, 1, 2, 4));
        },
        {37}, 37);
  };
  check_function.operator()<foil::nn::Plus>();
  check_function.operator()<foil::nn::Minus>();
  check_function.operator()<foil::nn::Times>();
  check_function.operator()<foil::nn::Over>();
}

TEST_CASE("make: scaling and shifting of every set agree", "[nn][make]") {
  const Index inner = GENERATE(1, 5, 40);
  check(
      [=]<class T>(InstructionSet set) {
        return make_for<foil::nn::ScaleAndShift<T>>(set, foil::nn::Lines{2, 3, inner},
                                                    numbers<T>(3, -1, 1, 4), numbers<T>(3, -1, 1, 5));
      },
      {6 * inner}, 6 * inner);
}

TEST_CASE("make: products of activations of every set agree", "[nn][make]") {
  const Index rows = GENERATE(1, 20), depth = GENERATE(3, 35), columns = 37;
  const foil::nn::ProductShape shape{
      rows, depth, columns, {{0}, depth, 1, rows * depth}, {{0}, columns, 1, depth * columns}};
  check([=]<class T>(InstructionSet set) { return make_for<foil::nn::Product<T>>(set, shape); },
        {rows * depth, depth * columns}, rows * columns);
  check(
      [=]<class T>(InstructionSet set) {
        return make_for<foil::nn::Product<T>>(set, shape, foil::nn::Product<T>::Constant::right,
                                              numbers<T>(depth * columns, -1, 1, 4));
      },
      {rows * depth}, rows * columns);
}

TEST_CASE("make: softmaxes and normalisations of every set agree", "[nn][make]") {
  const Index inner = GENERATE(1, 5, 40);
  const foil::nn::Lines lines{2, 19, inner};
  check([=]<class T>(InstructionSet set) { return make_for<foil::nn::Softmax<T>>(set, lines); }, {38 * inner},
        38 * inner);
  check([=]<class T>(InstructionSet set) { return make_for<foil::nn::LogSoftmax<T>>(set, lines); },
        {38 * inner}, 38 * inner);
  check(
      [=]<class T>(InstructionSet set) {
        return make_for<foil::nn::Normalization<T>>(set, foil::nn::Groups{2, 19, inner, inner}, 1e-5, true,
                                                    numbers<T>(inner, 0.5, 1.5, 4),
                                                    numbers<T>(inner, -1, 1, 5));
      },
      {38 * inner}, 38 * inner);
}

TEST_CASE("make: reductions, and arithmetic with a short activation, of every set agree", "[nn][make]") {
  using foil::nn::Lines;
  const Lines lines = GENERATE(Lines{3, 37, 1}, Lines{2, 19, 21});
  const auto check_reduction = [&]<template <class...> class F>() {
    check([=]<class T>(InstructionSet set) { return make_for<foil::nn::Reduction<T, F<T>>>(set, lines); },
          {lines.size()}, lines.outer * lines.inner);
  };
  check_reduction.operator()<foil::nn::SumOf>();
  check_reduction.operator()<foil::nn::MeanOf>();
  check_reduction.operator()<foil::nn::LargestOf>();
  check_reduction.operator()<foil::nn::SmallestOf>();
  check_reduction.operator()<foil::nn::SumOfSquares>();
  check_reduction.operator()<foil::nn::LengthOf>();
  const auto check_along = [&]<template <class...> class F>() {
    check([=]<class T>(
              InstructionSet set) { return make_for<foil::nn::BinaryAlong<T, F<T>>>(set, lines, false); },
          {lines.size(), lines.length}, lines.size());
  };
  check_along.operator()<foil::nn::Times>();
  check_along.operator()<foil::nn::Minus>();
}
