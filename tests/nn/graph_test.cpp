// SPDX-License-Identifier: MIT
#include "foil/nn/graph.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "foil/nn/layout.hpp"
#include "foil/nn/operators/binary.hpp"
#include "foil/nn/operators/dense.hpp"
#include "foil/nn/operators/elementwise.hpp"
#include "foil/nn/schedule.hpp"
#include "support/catch.hpp"

namespace {

using foil::Index;
using foil::nn::Pass;
using Graph = foil::nn::Graph<float>;

std::vector<float> numbers(Index count, int seed) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>((i * 37 + static_cast<std::size_t>(seed) * 101) % 97) / 97.f - 0.5f;
  return values;
}

std::unique_ptr<foil::nn::Operator<float>> dense(Index inputs, Index outputs, int seed) {
  return std::make_unique<foil::nn::Dense<float>>(1, inputs, outputs, numbers(inputs * outputs, seed),
                                                  numbers(outputs, seed + 1));
}
template <class F>
std::unique_ptr<foil::nn::Operator<float>> function(Index size, F f = {}) {
  return std::make_unique<foil::nn::Elementwise<float, F>>(size, f);
}
template <class F>
std::unique_ptr<foil::nn::Operator<float>> binary(Index size) {
  return std::make_unique<foil::nn::Binary<float, F>>(size);
}
using Sigmoid = foil::nn::Sigmoid<float>;
using Plus = foil::nn::Plus<float>;

/// Logits, gradient, and logits without a gradient of a batch.
struct Outcome {
  std::vector<float> logits, gradient;

  Outcome(const Graph& graph, Index batch, const std::vector<float>& x, const std::vector<float>& cotangent)
      : logits(static_cast<std::size_t>(batch * graph.output_size())),
        gradient(static_cast<std::size_t>(batch * graph.input_size())) {
    const auto room = [](Index size) { return std::vector<float>(static_cast<std::size_t>(size), -7.f); };
    const auto memory = [&](Pass pass) {
      return room(graph.scratch_size() + graph.working_size(pass, batch));
    };
    std::vector<float> kept = room(batch * graph.kept_size() + 1), again = logits;  // never null
    std::vector<float> work = memory(Pass::logits);
    foil::nn::detail::Worker alone;
    graph.forward(batch, x.data(), nullptr, work.data(), again.data(), alone);
    work = memory(Pass::keeping);
    graph.forward(batch, x.data(), kept.data(), work.data(), logits.data(), alone);
    CHECK(std::memcmp(logits.data(), again.data(), logits.size() * sizeof(float)) == 0);  // NaN as well
    work = memory(Pass::backward);
    graph.backward(batch, kept.data(), cotangent.data(), work.data(), gradient.data(), alone);
  }
};

}  // namespace

TEST_CASE("layout: arrays that are alive together do not overlap, and the others share", "[nn][graph]") {
  std::vector<foil::nn::Lifetime> arrays;
  for (std::size_t i = 0; i < 60; ++i)
    arrays.push_back({static_cast<Index>(1 + i * 29 % 17), i / 2, i / 2 + i * 13 % 5, 0});
  std::vector<foil::nn::Lifetime*> all;
  for (auto& array : arrays) all.push_back(&array);
  const Index size = foil::nn::place(all);
  Index most = 0, sum = 0;
  for (std::size_t step = 0; step < 40; ++step) {
    Index alive = 0;
    for (const auto& array : arrays)
      if (array.first <= step && step <= array.last) alive += array.size;
    most = std::max(most, alive);
  }
  for (const auto& a : arrays) {
    sum += a.size;
    CHECK(a.offset + a.size <= size);
    for (const auto& b : arrays)
      if (&a != &b && a.first <= b.last && b.first <= a.last)
        CHECK((a.offset + a.size <= b.offset || b.offset + b.size <= a.offset));
  }
  CHECK(size >= most);
  CHECK(size <= most + most / 4);
  CHECK(size < sum / 3);
}

TEST_CASE("layout: a chain needs its two largest neighbours", "[nn][graph]") {
  std::vector<foil::nn::Lifetime> arrays{{10, 0, 1, 0}, {10, 1, 2, 0}, {20, 2, 3, 0}, {5, 3, 4, 0}};
  CHECK(foil::nn::place({&arrays[0], &arrays[1], &arrays[2], &arrays[3]}) == 30);
}

TEST_CASE("layout: what passes from one segment to the next has room for the whole batch", "[nn][graph]") {
  // Two segments of two steps; 8 and 4 numbers live inside, 2 numbers pass, and so do 3 from step 0 to 3.
  const foil::nn::WorkingMemory<> memory({{8, 0, 1, 0}, {2, 1, 2, 0}, {4, 2, 3, 0}, {3, 0, 3, 0}},
                                         {{0, 2, 1}, {2, 4, 4}});
  CHECK(memory.size(1) == 5 + 8);
  CHECK(memory.size(4) == 4 * 5 + 16);
  CHECK(memory.size(6) == 6 * 5 + 16);
  CHECK(memory.at(0, 8, 6, 1, 3) == 30);      // a single sample's, after what passes
  CHECK(memory.at(3, 3, 6, 1, 2) + 3 <= 30);  // the third of six
}

TEST_CASE("schedule: many samples together where weights are large, few where activations are",
          "[nn][graph]") {
  const Index mega = 1 << 20;
  const auto small = foil::nn::segments_of({{1000, 1000, 0}, {1000, 1000, 500}}, 128);
  REQUIRE(small.size() == 1);
  CHECK(small[0].samples == 128);
  const auto wide = foil::nn::segments_of({{2 * mega, 1000, 0}, {2 * mega, 1000, mega}}, 128);
  REQUIRE(wide.size() == 1);
  const auto mixed =
      foil::nn::segments_of({{mega / 2, 1000, 0}, {mega / 4, 1000, mega / 4}, {1000, 8 * mega, 1000}}, 16);
  REQUIRE(mixed.size() == 2);
  CHECK(mixed[0].end == 2);
  CHECK(mixed[0].samples <= 2);
  CHECK(mixed[1].samples == 16);
}

TEST_CASE("graph: a deep chain needs memory for what is alive at once", "[nn][graph]") {
  Graph graph(64);
  std::size_t slot = 0;
  for (int i = 0; i < 20; ++i) {
    slot = graph.add(dense(64, 64, i), {slot}, 64);
    slot = graph.add(function<foil::nn::Negate<float>>(64), {slot}, 64);
  }
  graph.finish(graph.add(dense(64, 10, 99), {slot}, 10));
  CHECK(graph.working_size(Pass::logits, 1) == 2 * 64);
  CHECK(graph.working_size(Pass::keeping, 1) == 2 * 64);
  CHECK(graph.working_size(Pass::backward, 1) == 2 * 64);
  CHECK(graph.kept_size() == 0);
}

TEST_CASE("graph: what is kept is kept only if backward may follow", "[nn][graph]") {
  Graph graph(64);
  std::size_t slot = 0;
  for (int i = 0; i < 5; ++i) {
    slot = graph.add(dense(64, 64, i), {slot}, 64);
    slot = graph.add(function<Sigmoid>(64), {slot}, 64);
  }
  graph.finish(graph.add(dense(64, 10, 99), {slot}, 10));
  CHECK(graph.working_size(Pass::logits, 1) == 2 * 64);
  CHECK(graph.working_size(Pass::keeping, 1) == 0);
  CHECK(graph.kept_size() == 5 * 64);
}

TEST_CASE("graph: a residual is added in place", "[nn][graph]") {
  Graph graph(64);
  std::size_t slot = graph.add(dense(64, 64, 1), {0}, 64);
  for (int i = 0; i < 6; ++i) {
    const std::size_t inner = graph.add(dense(64, 64, i), {slot}, 64);
    slot = graph.add(binary<Plus>(64), {slot, graph.add(dense(64, 64, i + 7), {inner}, 64)}, 64);
  }
  graph.finish(graph.add(dense(64, 10, 99), {slot}, 10));
  CHECK(graph.working_size(Pass::logits, 1) == 3 * 64);
  CHECK(graph.working_size(Pass::backward, 1) == 3 * 64);
}

TEST_CASE("graph: parts of a batch, in place or not, give the bits that single samples give", "[nn][graph]") {
  // Wide layers in front, heavy ones behind, a slot with three readers, one that is read twice by one
  // operator, and the network's input among the readers of others.
  const Index wide = 1 << 15;
  Graph graph(48);
  const std::size_t a = graph.add(dense(48, wide, 1), {0}, wide);
  const std::size_t b = graph.add(function<Sigmoid>(wide), {a}, wide);
  const std::size_t c = graph.add(function<foil::nn::Log<float>>(wide), {b}, wide);
  const std::size_t d = graph.add(binary<Plus>(wide), {b, c}, wide);
  const std::size_t e = graph.add(binary<foil::nn::Times<float>>(wide), {d, d}, wide);
  const std::size_t f = graph.add(dense(wide, 48, 2), {e}, 48);
  const std::size_t g = graph.add(binary<foil::nn::Minus<float>>(48), {0, f}, 48);
  std::size_t h = graph.add(function<foil::nn::Tanh<float>>(48), {g}, 48);
  for (int i = 0; i < 3; ++i) {
    const std::size_t up = graph.add(dense(48, 20000, i), {h}, 20000);
    const std::size_t down = graph.add(dense(20000, 48, i + 5), {up}, 48);
    h = graph.add(binary<Plus>(48), {g, graph.add(binary<Plus>(48), {h, down}, 48)}, 48);
  }
  graph.finish(graph.add(function<Sigmoid>(48), {h}, 48));
  std::vector<Index> together;
  for (std::size_t i = 0; i < graph.operators(); ++i) together.push_back(graph.view(i).together);
  CHECK(*std::min_element(together.begin(), together.end()) <
        *std::max_element(together.begin(), together.end()));  // else this tests little
  CHECK(graph.most_together() == *std::max_element(together.begin(), together.end()));

  const Index count = 7;
  const std::vector<float> x = numbers(count * 48, 3), cotangent = numbers(count * 48, 4);
  std::vector<Outcome> alone;
  const auto sample = [](const std::vector<float>& of, Index i) {
    return std::vector<float>(of.begin() + i * 48, of.begin() + (i + 1) * 48);
  };
  for (Index i = 0; i < count; ++i) alone.emplace_back(graph, 1, sample(x, i), sample(cotangent, i));
  for (Index batch = 2; batch <= count; ++batch) {
    const Outcome all(graph, batch, x, cotangent);
    for (Index i = 0; i < batch; ++i) {
      CAPTURE(batch, i);
      CHECK(sample(all.logits, i) == alone[static_cast<std::size_t>(i)].logits);
      CHECK(sample(all.gradient, i) == alone[static_cast<std::size_t>(i)].gradient);
    }
  }
}

namespace {
/// A graph of one function of 37 elements.
template <class F>
Graph single(F f) {
  Graph graph(37);
  graph.finish(graph.add(function<F>(37, f), {0}, 37));
  return graph;
}
}  // namespace

TEST_CASE("graph: rectifiers keep a byte per element", "[nn][graph]") {
  const Index batch = 3;
  std::vector<float> x = numbers(batch * 37, 1);
  const std::vector<float> g = numbers(batch * 37, 2);
  x[3] = 0.f;
  x[4] = -0.25f;
  x[5] = 0.25f;
  x[6] = std::numeric_limits<float>::quiet_NaN();
  const auto check = [&](const Graph& graph, auto slope) {
    CHECK(graph.kept_size() == foil::nn::round_up<float>(10));  // 37 bytes are ten numbers
    const std::vector<float> gradient = Outcome(graph, batch, x, g).gradient;
    for (std::size_t i = 0; i < x.size(); ++i) {
      CAPTURE(i, x[i]);
      CHECK(gradient[i] == g[i] * slope(x[i]));
    }
  };
  check(single(foil::nn::Relu<float>{}), [](float v) { return v > 0 ? 1.f : 0.f; });
  check(single(foil::nn::LeakyRelu<float>{0.5f}), [](float v) { return v > 0 ? 1.f : 0.5f; });
  check(single(foil::nn::Clip<float>{-0.25f, 0.25f}),
        [](float v) { return v < -0.25f || v > 0.25f ? 0.f : 1.f; });
}
