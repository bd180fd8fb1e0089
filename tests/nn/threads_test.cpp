// SPDX-License-Identifier: MIT
#include "foil/nn/threads.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "foil/nn/network.hpp"
#include "foil/nn/operator.hpp"
#include "foil/nn/operators/binary.hpp"
#include "foil/nn/operators/convolution.hpp"
#include "foil/nn/operators/dense.hpp"
#include "foil/nn/operators/elementwise.hpp"
#include "foil/nn/operators/pooling.hpp"
#include "support/catch.hpp"

namespace {

using foil::Index;
using Graph = foil::nn::Graph<float>;
using Network = foil::nn::Network<float, 2>;

std::vector<float> numbers(Index count, int seed) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>((i * 37 + static_cast<std::size_t>(seed) * 101) % 97) / 97.f - 0.5f;
  return values;
}

constexpr Index rows = 32 * 32, width = 160, size = rows * width;

/// Layers whose work is worth threads, with a residual and a slot of two readers.
Network network(int threads) {
  Graph graph(size);
  const auto dense = [&](std::size_t slot, int seed) {
    return graph.add(std::make_unique<foil::nn::Dense<float>>(
                         rows, width, width, numbers(width * width, seed), numbers(width, seed + 1)),
                     {slot}, size);
  };
  using Relu = foil::nn::Relu<float>;
  using Tanh = foil::nn::Tanh<float>;
  const std::size_t a =
      graph.add(std::make_unique<foil::nn::Elementwise<float, Relu>>(size, Relu{}), {dense(0, 1)}, size);
  const std::size_t b =
      graph.add(std::make_unique<foil::nn::Elementwise<float, Tanh>>(size, Tanh{}), {dense(a, 2)}, size);
  const std::size_t c =
      graph.add(std::make_unique<foil::nn::Binary<float, foil::nn::Plus<float>>>(size), {a, b}, size);
  const std::size_t d = graph.add(
      std::make_unique<foil::nn::WithConstant<float, foil::nn::Times<float>, false>>(numbers(size, 5)), {c},
      size);
  const foil::nn::Window half{32, 16, 3, 2, 1, 1, 1}, all{16, 1, 16, 1, 1, 0, 0};
  const std::size_t e =
      graph.add(std::make_unique<foil::nn::MaxPooling<float>>(half, half, width), {d}, size / 4);
  graph.finish(
      graph.add(std::make_unique<foil::nn::AveragePooling<float>>(all, all, width, false), {e}, width));
  foil::nn::NetworkOptions<float> options;
  options.threads = threads;
  return Network(std::move(graph), {size}, options);
}

foil::Tensor<float, 2> inputs(Index count) {
  foil::Tensor<float, 2> x(count, size);
  const std::vector<float> values = numbers(x.size(), 7);
  std::copy(values.begin(), values.end(), x.data());
  return x;
}

struct Outcome {
  foil::Logits<float> logits, again;
  foil::Tensor<float, 2> gradient;

  Outcome(const Network& of, const foil::Tensor<float, 2>& x) : again(of.logits(x)) {
    const auto vjp = of.vjp(x);
    logits = vjp.logits;
    foil::Logits<float> cotangent(logits.rows(), logits.cols());
    for (Index i = 0; i < cotangent.size(); ++i) cotangent.data()[i] = static_cast<float>(i % 5) - 2.f;
    gradient = vjp.pullback(cotangent);
  }
  bool operator==(const Outcome& other) const {
    return logits == other.logits && again == other.again &&
           std::equal(gradient.data(), gradient.data() + gradient.size(), other.gradient.data());
  }
};

}  // namespace

TEST_CASE("threads: the shares of a call are all of it, each once", "[nn][threads]") {
  for (const Index n : {0, 1, 63, 64, 65, 1000})
    for (const Index unit : {1, 64})
      for (const Index count : {1, 2, 3, 7}) {
        Index next = 0;
        for (Index i = 0; i < count; ++i) {
          const auto [begin, end] = foil::nn::Share{i, count}.of(n, unit);
          CHECK(begin == next);
          CHECK(begin <= end);
          CHECK((begin % unit == 0 || begin == n));
          next = end;
        }
        CHECK(next == n);
      }
}

TEST_CASE("threads: a team does one step after the other", "[nn][threads]") {
  for (const int threads : {1, 2, 5}) {
    foil::nn::detail::Team team;
    std::vector<Index> sums(100, 0);
    std::array<Index, 5> parts{};
    std::atomic<Index> members = 0;
    team.run(threads, [&](Index rank) {
      ++members;
      foil::nn::detail::Worker worker(team, rank);
      for (std::size_t i = 0; i < sums.size(); ++i) {
        worker.step(true, [&](foil::nn::Share share) {
          parts[static_cast<std::size_t>(share.index)] = static_cast<Index>(i) + share.index;
        });
        worker.step(false, [&](foil::nn::Share) {
          for (Index r = 0; r < team.size(); ++r) sums[i] += parts[static_cast<std::size_t>(r)];
        });
      }
    });
    CHECK(members == threads);
    for (std::size_t i = 0; i < sums.size(); ++i)
      CHECK(sums[i] == threads * static_cast<Index>(i) + threads * (threads - 1) / 2);
  }
}

TEST_CASE("threads: nobody waits for a thread that has not begun", "[nn][threads]") {
  foil::nn::detail::Team team;
  std::atomic<bool> over = false;
  std::atomic<Index> done = 0;
  team.run(2, [&](Index rank) {
    foil::nn::detail::Worker worker(team, rank);
    if (rank == 1) over.wait(false);
    for (int i = 0; i < 10; ++i) worker.step(true, [&](foil::nn::Share) { ++done; });
    over = true;
    over.notify_all();
  });
  CHECK(done == 10 * team.size());
}

TEST_CASE("threads: an exception on one thread ends the team's work and is the caller's", "[nn][threads]") {
  for (const Index thrower : {0, 1}) {
    foil::nn::detail::Team team;
    std::atomic<int> later = 0;
    CHECK_THROWS_AS(team.run(2,
                             [&](Index rank) {
                               foil::nn::detail::Worker worker(team, rank);
                               worker.step(true, [&](foil::nn::Share share) {
                                 if (share.index == thrower) throw std::runtime_error("a step failed");
                               });
                               worker.step(true, [&](foil::nn::Share) { ++later; });
                             }),
                    std::runtime_error);
    CHECK(later == 0);
  }
}

TEST_CASE("threads: sharing the steps of few samples changes no bit", "[nn][threads]") {
  const Network alone = network(1);
  CHECK_FALSE(alone.engine().shares_steps(1, 1));
  for (const Index count : {1, 2, 3}) {
    const auto x = inputs(count);
    const Outcome expected(alone, x);
    CHECK(expected.logits == expected.again);
    for (const int threads : {2, 3, 4}) {
      CAPTURE(count, threads);
      const Network shared = network(threads);
      if (count == 1) CHECK(shared.engine().shares_steps(count, threads));
      CHECK(Outcome(shared, x) == expected);
    }
  }
}

TEST_CASE("threads: several teams may evaluate one network at once", "[nn][threads]") {
  const Network shared = network(2);
  const auto x = inputs(1);
  const Outcome expected(shared, x);
  std::array<int, 3> different{};
  std::vector<std::thread> pool;
  for (int& failures : different)
    pool.emplace_back([&] {
      for (int round = 0; round < 3; ++round) failures += !(Outcome(shared, x) == expected);
    });
  for (std::thread& thread : pool) thread.join();
  for (const int failures : different) CHECK(failures == 0);
}

TEST_CASE("threads: shares of layers are all of their work", "[nn][threads]") {
  using foil::nn::Window;
  const auto window = [](Index input, Index kernel, Index stride) {
    const Index pad = kernel / 2;
    return Window{input, (input + 2 * pad - kernel) / stride + 1, kernel, stride, 1, pad, pad};
  };
  const auto check = [](const foil::nn::Divisible<float>& op, Index in, Index out) {
    const Index batch = 2;
    const std::vector<float> x = numbers(batch * in, 1), g = numbers(batch * out, 2);
    std::vector<std::byte> kept(static_cast<std::size_t>(batch * op.kept_bytes()) + 1), other = kept;
    std::vector<float> scratch(static_cast<std::size_t>(op.scratch()) + 1);
    const float* const inputs[] = {x.data()};
    std::vector<float> y(g.size()), dx(x.size());
    float* const gradients[] = {dx.data()};
    op.forward_share({}, batch, inputs, y.data(), kept.data(), scratch.data());
    op.backward_share({}, batch, inputs, y.data(), kept.data(), g.data(), gradients, scratch.data());
    for (const Index count : {2, 3, 7}) {
      std::vector<float> parts(y.size(), -77.f), slopes(x.size(), -77.f);
      float* const targets[] = {slopes.data()};
      for (Index i = count; i-- > 0;)  // in any order
        op.forward_share({i, count}, batch, inputs, parts.data(), other.data(), scratch.data());
      for (Index i = count; i-- > 0;)
        op.backward_share({i, count}, batch, inputs, parts.data(), other.data(), g.data(), targets,
                          scratch.data());
      CAPTURE(in, out, count);
      CHECK(parts == y);
      CHECK(kept == other);
      CHECK(slopes == dx);
    }
  };
  struct Shape {
    Index side, inputs, outputs, groups, kernel, stride;
  };
  for (const Shape& s : std::vector<Shape>{{16, 3, 20, 1, 3, 1},
                                           {16, 32, 48, 1, 3, 1},
                                           {9, 32, 32, 1, 3, 2},
                                           {7, 40, 70, 1, 1, 1},
                                           {8, 20, 33, 1, 1, 2},
                                           {17, 5, 6, 1, 5, 3},
                                           {12, 48, 48, 48, 3, 1},
                                           {11, 40, 40, 40, 5, 2},
                                           {10, 64, 32, 2, 3, 1},
                                           {1, 30, 40, 1, 1, 1}}) {
    const Window w = window(s.side, s.kernel, s.stride);
    foil::nn::Convolution<float> op({w, w, s.inputs, s.outputs, s.groups},
                                    numbers(s.outputs * s.inputs / s.groups * s.kernel * s.kernel, 3),
                                    numbers(s.outputs, 4));
    op.prepare();
    check(op, s.side * s.side * s.inputs, w.output * w.output * s.outputs);
  }
  for (const Index lines : {1, 17})
    for (const Index outputs : {10, 33, 130}) {
      foil::nn::Dense<float> op(lines, 70, outputs, numbers(70 * outputs, 5), numbers(outputs, 6));
      op.prepare();
      check(op, lines * 70, lines * outputs);
    }
  const Window w = window(11, 3, 2);
  check(foil::nn::MaxPooling<float>(w, w, 20), 11 * 11 * 20, w.output * w.output * 20);
  check(foil::nn::AveragePooling<float>(w, w, 20, true), 11 * 11 * 20, w.output * w.output * 20);
}
