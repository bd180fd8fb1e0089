// SPDX-License-Identifier: MIT
/// \file
/// A feed-forward network as a model: logits, and their pullback to the input.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/bounds.hpp"
#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/exponents.hpp"
#include "foil/nn/graph.hpp"
#include "foil/nn/memory.hpp"
#include "foil/nn/threads.hpp"

namespace foil::nn {

namespace detail {

/// What networks and their pullbacks share: the graph, and the memory of finished evaluations.
template <class T, class = simd::Isa>
struct Engine {
  explicit Engine(Graph<T> g) : graph(std::move(g)), pool(std::make_shared<BufferPool<T>>()) {}

  /// Whether the threads share the steps of each sample, not the samples: where there are too few of them,
  /// and enough to do in each. (Bits depend on neither.)
  bool shares_steps(Index samples, int threads) const {
    constexpr Index worth = 25'000'000;  // multiplications with an addition, some hundred microseconds
    return threads > 1 && samples < 2 * threads && samples % threads != 0 &&
           samples * graph.multiply_adds() >= worth;
  }

  /// Samples evaluated by one call of the graph.
  Index chunk(Index samples, int threads) const {
    const int sharing = shares_steps(samples, threads) ? 1 : threads;
    return std::min(graph.most_together(), (samples + sharing - 1) / sharing);
  }

  /// Calls work(first, batch, memory, worker) for all chunks of `samples` samples, with the memory that such
  /// a pass works in.
  template <class F>
  void for_each_chunk(Pass pass, Index samples, Index chunk, int threads, F&& work) const {
    const Index chunks = (samples + chunk - 1) / chunk;
    const auto one = [&](Index c, T* memory, Worker& worker) {
      // Backward the last chunk comes first: its activations are still in the cache.
      const Index first = (pass == Pass::backward ? chunks - 1 - c : c) * chunk;
      work(first, std::min(chunk, samples - first), memory, worker);
    };
    if (shares_steps(samples, threads)) {
      Loan<T> memory(pool, threads * graph.scratch_size() + graph.working_size(pass, chunk));
      Team team;
      team.run(threads, [&](Index rank) {
        Worker worker(team, rank);
        for (Index c = 0; c < chunks; ++c) one(c, memory.data(), worker);
      });
      return;
    }
    parallel_for(chunks, threads, [&](Index c) {
      Loan<T> memory(pool, graph.scratch_size() + graph.working_size(pass, std::min(chunk, samples)));
      Worker worker;
      one(c, memory.data(), worker);
    });
  }

  Graph<T> graph;
  std::shared_ptr<BufferPool<T>> pool;
};

}  // namespace detail

/// Options of foil::nn::Network.
template <class Scalar>
struct NetworkOptions {
  Bounds<Scalar> bounds = {};  ///< the box that inputs live in; [0, 1] unless said otherwise
  int threads = 1;  ///< threads that share the samples of one call, or the steps of few large ones;
                    ///< the bits do not depend on it
  /// Whether backward passes keep adjoints as numbers times powers of two, so that products of small slopes
  /// do not become zero. Of a sample whose gradient would have no entry of 2^-30 in size, all gradients are
  /// the true ones times a power of two, the same for every cotangent: signs, directions and ratios are kept,
  /// sizes are not. Other gradients are the true ones. A vjp costs a second backward pass.
  bool rescale_adjoints = false;
};

/// The pullback of one forward pass. Owns what it needs, may outlive the network, may be called any number of
/// times and by several threads at once. Cost per call: about that of the forward pass. Linear in its
/// cotangent, whether adjoints are rescaled or not.
template <class Scalar, int Rank, class = simd::Isa>
class Pullback {
 public:
  using Input = Tensor<Scalar, Rank>;

  Pullback(std::shared_ptr<const detail::Engine<Scalar>> engine, std::shared_ptr<const Loan<Scalar>> kept,
           typename Input::Dimensions shape, Index chunk, int threads)
      : engine_(std::move(engine)), kept_(std::move(kept)), shape_(shape), chunk_(chunk), threads_(threads) {}

  /// The same with adjoints rescaled; see NetworkOptions.
  Pullback rescaled() const {
    // A combination of all logits that hardly cancels says what size the sample's gradients have.
    constexpr Index least = -30;
    Logits<Scalar> all(shape_[0], engine_->graph.output_size());
    for (Index k = 0; k < all.cols(); ++k)
      all.col(k).setConstant(
          static_cast<Scalar>((k % 2 == 0 ? 1 : -1) * (1 + 0.618 * static_cast<double>(k % 7))));
    std::vector<Index> exponents;
    const Input dx = scaled(all, exponents);
    for (Index i = 0; i < shape_[0]; ++i) {
      Index& exponent = exponents[static_cast<std::size_t>(i)];
      const Index size = RowExponent::of(sample(dx, i).data(), features(dx));
      exponent = size == RowExponent::none ? 0 : std::max<Index>(0, least - size - exponent);
    }
    Pullback out = *this;
    out.lifts_ = std::make_shared<const std::vector<Index>>(std::move(exponents));
    return out;
  }

  /// Maps a cotangent of the logits (N x K) to the gradient with respect to the inputs.
  Input operator()(const Logits<Scalar>& cotangent) const {
    const Graph<Scalar>& graph = engine_->graph;
    const Index count = shape_[0];
    foil::require(cotangent.rows() == count && cotangent.cols() == graph.output_size(),
                  "pullback: expected a cotangent of ", count, " x ", graph.output_size(),
                  " like the logits, got ", cotangent.rows(), " x ", cotangent.cols());
    if (lifts_ != nullptr) {
      std::vector<Index> exponents;
      Input dx = scaled(cotangent, exponents);
      for (std::size_t i = 0; i < exponents.size(); ++i)
        RowExponent::shift(sample(dx, static_cast<Index>(i)).data(), features(dx),
                           exponents[i] + (*lifts_)[i]);
      return dx;
    }
    Input dx(shape_);
    engine_->for_each_chunk(Pass::backward, count, chunk_, threads_,
                            [&](Index first, Index batch, Scalar* memory, detail::Worker& worker) {
                              graph.backward(batch, kept_->data() + first * graph.kept_size(),
                                             cotangent.data() + first * graph.output_size(), memory,
                                             dx.data() + first * graph.input_size(), worker);
                            });
    return dx;
  }

 private:
  /// What is left of each sample's gradient when it is divided by 2 to the power of its exponent.
  Input scaled(Logits<Scalar> cotangent, std::vector<Index>& exponents) const {
    const Graph<Scalar>& graph = engine_->graph;
    const Index count = shape_[0], outputs = graph.output_size();
    Input dx(shape_);
    // Of a chunk, for all threads that share its steps.
    std::vector<Exponents> chunks(static_cast<std::size_t>((count + chunk_ - 1) / chunk_),
                                  Exponents(graph.slots(), chunk_));
    for (Index first = 0; first < count; first += chunk_)
      chunks[static_cast<std::size_t>(first / chunk_)].normalise(
          graph.output(), 0, std::min(chunk_, count - first), cotangent.data() + first * outputs, outputs);
    engine_->for_each_chunk(Pass::backward, count, chunk_, threads_,
                            [&](Index first, Index batch, Scalar* memory, detail::Worker& worker) {
                              graph.backward(batch, kept_->data() + first * graph.kept_size(),
                                             cotangent.data() + first * outputs, memory,
                                             dx.data() + first * graph.input_size(), worker,
                                             &chunks[static_cast<std::size_t>(first / chunk_)]);
                            });
    exponents.clear();
    for (Index i = 0; i < count; ++i)
      exponents.push_back(chunks[static_cast<std::size_t>(i / chunk_)].at(0, i % chunk_));
    return dx;
  }

  std::shared_ptr<const detail::Engine<Scalar>> engine_;
  std::shared_ptr<const Loan<Scalar>> kept_;
  typename Input::Dimensions shape_;
  Index chunk_;
  int threads_;
  std::shared_ptr<const std::vector<Index>> lifts_{};  ///< exponents of the samples; null unless rescaled
};

/// A network read from a file, see foil::onnx::load. Satisfies foil::DifferentiableModel. All members are
/// const and may be called by several threads at once; copies share the weights. A sample's logits and
/// gradient are the same bits whatever else is in the batch, at which position, and however many threads run.
/// A call needs, besides the weights, what is alive at once of a few samples: at most 64 MB for each thread,
/// or one sample's if that is more. A vjp keeps in addition what its pullback reads of all samples.
template <class Scalar_ = float, int Rank = 4, class = simd::Isa>
class Network {
 public:
  using Scalar = Scalar_;
  using Input = Tensor<Scalar, Rank>;
  using Shape = std::array<Index, static_cast<std::size_t>(Rank - 1)>;
  using Options = NetworkOptions<Scalar>;

  /// A finished graph whose input has the given shape per sample. `notes` are what is to be known of it.
  Network(Graph<Scalar> graph, Shape input_shape, Options options, std::vector<std::string> notes = {})
      : engine_(std::make_shared<const detail::Engine<Scalar>>(std::move(graph))),
        shape_(input_shape),
        options_(std::move(options)),
        notes_(std::move(notes)) {
    foil::require(options_.threads >= 1, "network: expected at least one thread, got ", options_.threads);
    options_.bounds.check(engine_->graph.input_size());
  }

  const Bounds<Scalar>& bounds() const { return options_.bounds; }

  /// The shape of one sample: the input's without the first dimension.
  const Shape& input_shape() const { return shape_; }

  /// Number of logits per sample.
  Index classes() const { return engine_->graph.output_size(); }

  /// What whoever made the network chose or left out, in sentences for people: a Softmax that was taken off,
  /// say. Empty if the logits are simply what the file computes.
  const std::vector<std::string>& notes() const { return notes_; }

  /// The operators and how many samples they evaluate together, for measurements.
  const detail::Engine<Scalar>& engine() const { return *engine_; }

  /// One row of logits per sample of x (N x ...).
  Logits<Scalar> logits(const Input& x) const {
    check(x);
    const Graph<Scalar>& graph = engine_->graph;
    const Index count = samples(x), chunk = engine_->chunk(count, options_.threads);
    Logits<Scalar> out(count, classes());
    engine_->for_each_chunk(Pass::logits, count, chunk, options_.threads,
                            [&](Index first, Index batch, Scalar* memory, detail::Worker& worker) {
                              graph.forward(batch, x.data() + first * graph.input_size(), nullptr, memory,
                                            out.data() + first * classes(), worker);
                            });
    return out;
  }

  /// The logits and their pullback; see foil::Vjp. Keeps the activations that the backward pass reads, until
  /// the last copy of the pullback is gone.
  Vjp<Scalar, Pullback<Scalar, Rank>> vjp(const Input& x) const {
    check(x);
    const Graph<Scalar>& graph = engine_->graph;
    const Index count = samples(x), chunk = engine_->chunk(count, options_.threads);
    Logits<Scalar> out(count, classes());
    auto kept = std::make_shared<Loan<Scalar>>(engine_->pool, count * graph.kept_size());
    engine_->for_each_chunk(Pass::keeping, count, chunk, options_.threads,
                            [&](Index first, Index batch, Scalar* memory, detail::Worker& worker) {
                              graph.forward(batch, x.data() + first * graph.input_size(),
                                            kept->data() + first * graph.kept_size(), memory,
                                            out.data() + first * classes(), worker);
                            });
    const Pullback<Scalar, Rank> pullback(engine_, std::move(kept), x.dimensions(), chunk, options_.threads);
    return {std::move(out), options_.rescale_adjoints ? pullback.rescaled() : pullback};
  }

 private:
  void check(const Input& x) const {
    bool fits = samples(x) > 0;
    for (std::size_t axis = 0; axis < shape_.size(); ++axis)
      fits = fits && x.dimensions()[axis + 1] == shape_[axis];
    if (fits) return;
    std::string expected = "(N";
    for (const Index size : shape_) expected += foil::text(", ", size);
    throw Error(
        foil::text("network: expected a batch of shape ", expected, ") with N >= 1, got ", shape_text(x)));
  }

  std::shared_ptr<const detail::Engine<Scalar>> engine_;
  Shape shape_;
  Options options_;
  std::vector<std::string> notes_;
};

}  // namespace foil::nn
