// SPDX-License-Identifier: MIT
#include "foil/run/threads.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "foil/attacks/decision/additive_noise.hpp"
#include "foil/attacks/gradient/fast_gradient.hpp"
#include "foil/attacks/gradient/projected_gradient/projected_gradient.hpp"
#include "foil/models/lambdas.hpp"
#include "foil/run/any_attack.hpp"
#include "support/affine_problem.hpp"
#include "support/catch.hpp"

using namespace foil;
using namespace foil::test;

namespace {

using Rows = Tensor<float, 2>;
using Catch::Matchers::ContainsSubstring;

}  // namespace

TEST_CASE("radii are one number for all, or one per sample in any container") {
  CHECK(Epsilons(2).expand(3) == Eigen::Vector3d(2, 2, 2));
  CHECK(Epsilons(0.5f).expand(1)[0] == 0.5);
  CHECK(Epsilons(std::vector<double>{1, 2, 3}).expand(3) == Eigen::Vector3d(1, 2, 3));
  CHECK(Epsilons(Eigen::Vector2f(0.5f, 2)).expand(2) == Eigen::Vector2d(0.5, 2));
  CHECK(Epsilons(2 * Eigen::Vector2d(1, 2)).expand(2) == Eigen::Vector2d(2, 4));
}

TEST_CASE("radii that make no sense are refused, saying what was given") {
  const double nan = std::numeric_limits<double>::quiet_NaN(),
               infinity = std::numeric_limits<double>::infinity();
  CHECK_THROWS_WITH(Epsilons(-0.5).expand(1), ContainsSubstring("finite and >= 0, got -0.5"));
  CHECK_THROWS_WITH(Epsilons(nan).expand(1), ContainsSubstring("got nan"));
  CHECK_THROWS_WITH(Epsilons(infinity).expand(1), ContainsSubstring("got inf"));
  CHECK_THROWS_WITH(Epsilons(Eigen::Vector3d(1, 2, -1)).expand(3), ContainsSubstring("got -1"));
  CHECK_THROWS_WITH(Epsilons(Eigen::Vector2d(1, 2)).expand(3),
                    ContainsSubstring("each of the 3 samples, got 2"));
  CHECK_THROWS_WITH(Epsilons(std::vector<double>{1}).expand(2),
                    ContainsSubstring("each of the 2 samples, got 1"));
  CHECK_THROWS_AS(Epsilons(std::vector<double>{}).expand(2), Error);
}

TEST_CASE("each sample is given its own radius") {
  const auto p = affine_problem<Rows>(2, 20, 30, 1);
  const Eigen::VectorXd distances = p.distances<Linf>();
  Eigen::VectorXd radii = distances;
  for (Index i = 0; i < radii.size(); ++i) radii[i] *= i % 2 ? 1.01 : 0.99;
  const auto result = FGSM()(p.model, p.inputs, p.labels, radii, {.threads = 3, .batch_size = 4});
  for (Index i = 0; i < radii.size(); ++i) CHECK(result.success[i] == (i % 2 == 1));
}

TEST_CASE("bad arguments are refused before the model is asked anything") {
  const auto p = affine_problem<Rows>(2, 20, 5, 2);
  const CountingModel counting(p.model);
  const FGSM attack;
  Rows outside = p.inputs;
  outside.setConstant(1.5f);
  CHECK_THROWS_WITH(attack(counting, Rows(0, 20), Labels(), 0.1), ContainsSubstring("at least one sample"));
  CHECK_THROWS_WITH(attack(counting, Rows(5, 0), p.labels, 0.1), ContainsSubstring("(5, 0)"));
  CHECK_THROWS_WITH(attack(counting, outside, p.labels, 0.1), ContainsSubstring("got 1.5 in [0, 1]"));
  CHECK_THROWS_WITH(attack(counting, p.inputs, Labels::Zero(4), 0.1),
                    ContainsSubstring("each of the 5 samples, got 4"));
  CHECK_THROWS_WITH(attack(counting, p.inputs, Labels::Constant(5, -1), 0.1), ContainsSubstring("class -1"));
  CHECK_THROWS_AS(attack(counting, p.inputs, p.labels, -1), Error);
  CHECK_THROWS_AS(attack(counting, p.inputs, p.labels, 0.1, {.threads = 0}), Error);
  CHECK_THROWS_AS(attack(counting, p.inputs, p.labels, 0.1, {.query_budget = 0}), Error);
  CHECK(counting.calls == 0);
  CHECK_THROWS_WITH(attack(counting, p.inputs, Labels::Constant(5, 2), 0.1),
                    ContainsSubstring("classes 0 to 1"));
  CHECK(counting.calls == 1);
}

TEST_CASE("more threads than samples are no matter") {
  const auto p = affine_problem<Rows>(3, 20, 3, 3);
  const auto one = LinfPGD()(p.model, p.inputs, p.labels, 0.2);
  const auto many = LinfPGD()(p.model, p.inputs, p.labels, 0.2, {.threads = 16});
  CHECK(same_rows(one.adversarials, many.adversarials));
  CHECK(one.queries == many.queries);
  CHECK(one.status == many.status);
}

namespace {

/// A model that tells on whom its rows share a call with: their logits move a little with the batch's mean.
/// Some calls wait for others, differently in every run.
struct Mixing {
  using Input = Rows;
  const Affine<Rows>& model;
  std::atomic<unsigned>& calls;
  unsigned every = 0;

  Bounds<float> bounds() const { return model.bounds(); }
  Logits<float> logits(const Input& x) const {
    if (every > 0 && calls++ % every == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    const float mean = as_matrix(x).sum() / static_cast<float>(x.size());
    Logits<float> z = model.logits(x);
    z.col(0).array() += 3 * mean;
    return z;
  }
  auto vjp(const Input& x) const {
    auto vjp = model.vjp(x);
    vjp.logits = logits(x);
    return vjp;
  }
};

/// Counts the rows that each thread asks about.
struct PerThread {
  using Input = Rows;
  const Affine<Rows>& model;
  std::mutex& mutex;
  std::map<std::thread::id, std::int64_t>& rows;

  Bounds<float> bounds() const { return model.bounds(); }
  Logits<float> logits(const Input& x) const {
    const std::lock_guard lock(mutex);
    rows[std::this_thread::get_id()] += samples(x);
    return model.logits(x);
  }
  auto vjp(const Input& x) const {
    auto vjp = model.vjp(x);
    vjp.logits = logits(x);
    return vjp;
  }
};

}  // namespace

TEST_CASE("which samples share a call does not depend on how fast threads are") {
  const auto p = affine_problem<Rows>(3, 20, 60, 11);
  Eigen::VectorXd radii = 0.9 * p.distances<Linf>();
  radii.head(30) *= 2;  // soon found
  const auto attack = [&](unsigned every, int threads) {
    std::atomic<unsigned> calls = 0;
    return LinfPGD()(Mixing{p.model, calls, every}, p.inputs, p.labels, radii,
                     {.threads = threads, .batch_size = 4});
  };
  const auto once = attack(0, 3);
  for (const unsigned every : {2u, 3u, 7u}) {
    const auto again = attack(every, 3);
    CHECK(same_rows(once.adversarials, again.adversarials));
    CHECK(once.queries == again.queries);
    CHECK(once.status == again.status);
  }
  CHECK_FALSE(same_rows(once.adversarials, attack(0, 1).adversarials));  // the model does mix its rows
}

TEST_CASE("threads share what is left: none has much more to ask than the others") {
  const auto p = affine_problem<Rows>(3, 20, 200, 12);
  for (const bool hard_first : {true, false})
    for (const int threads : {2, 3}) {
      CAPTURE(hard_first, threads);
      Eigen::VectorXd radii = 2 * p.distances<Linf>();
      (hard_first ? radii.head(40) : radii.tail(40)) *= 0.45;  // every step in vain
      std::mutex mutex;
      std::map<std::thread::id, std::int64_t> rows;
      const auto result = LinfPGD({.steps = 100})(PerThread{p.model, mutex, rows}, p.inputs, p.labels, radii,
                                                  {.threads = threads, .batch_size = 16});
      CHECK(result.success.count() == 160);
      std::int64_t most = 0, all = 0;
      for (const auto& [thread, asked] : rows) {
        most = std::max(most, asked);
        all += asked;
      }
      CHECK(std::ssize(rows) == threads);
      CHECK(static_cast<double>(most) * threads < 1.06 * static_cast<double>(all));
    }
}

TEST_CASE("samples of other rows and ids are the same samples") {
  const auto p = affine_problem<Rows>(3, 20, 10, 4);
  const auto all = LinfPGD()(p.model, p.inputs, p.labels, 0.15);
  const std::vector<Index> order{7, 2, 9, 0};
  Labels labels(4);
  for (Index i = 0; i < 4; ++i) labels[i] = p.labels[order[static_cast<std::size_t>(i)]];
  const auto some = LinfPGD()(p.model, gather(p.inputs, order), labels, 0.15, {.sample_ids = {7, 2, 9, 0}});
  for (Index i = 0; i < 4; ++i)
    CHECK(sample(some.adversarials, i) == sample(all.adversarials, order[static_cast<std::size_t>(i)]));
}

TEST_CASE("the observer sees the sum over all threads") {
  const auto p = affine_problem<Rows>(3, 20, 40, 5);
  Progress last;
  const auto result = LinfPGD()(p.model, p.inputs, p.labels, 0.15,
                                {.threads = 2, .batch_size = 4, .observer = [&](const Progress& now) {
                                   CHECK(now.queries >= last.queries);
                                   CHECK(now.finished >= last.finished);
                                   last = now;
                                 }});
  CHECK(last.total == 40);
  CHECK(last.finished == 40);
  CHECK(last.found == result.success.count());
  CHECK(last.queries == result.queries.sum() + result.verification_queries.sum());
  CHECK(last.gradient_queries == result.gradient_queries.sum());
}

TEST_CASE("what a model throws arrives nested, with all that was found before, whatever thread it was in") {
  const auto p = affine_problem<Rows>(2, 20, 40, 6);
  Tampered broken(p.model);
  broken.answer = [](std::int64_t call, const Rows&, Logits<float>&) {
    if (call >= 12) throw std::runtime_error("out of memory");
  };
  try {
    LinfPGD()(broken, p.inputs, p.labels, 1, {.threads = 2, .batch_size = 4});
    FAIL("nothing was thrown");
  } catch (const RunFailure<Rows>& failure) {
    CHECK_THAT(failure.what(), ContainsSubstring("linf-pgd: out of memory"));
    CHECK_THROWS_WITH(std::rethrow_if_nested(failure), "out of memory");
    CHECK(failure.partial.size() == 40);
    CHECK(std::count(failure.partial.status.begin(), failure.partial.status.end(), Status::failed) > 0);
  }
}

TEST_CASE("bounds that throw in a worker are a failure of the run, not of the program") {
  struct Service {
    using Input = Rows;
    std::atomic<int>& calls;
    int fails_at;
    Bounds<float> bounds() const {
      if (++calls == fails_at) throw std::runtime_error("service down");
      return {0.f, 1.f};
    }
    Labels predict(const Input& x) const { return Labels::Zero(samples(x)); }
  };
  Rows x(8, 3);
  x.setConstant(0.5f);
  for (const int fails_at : {2, 3, 4})
    for (const int threads : {1, 3}) {
      CAPTURE(fails_at, threads);
      std::atomic<int> calls = 0;
      const Service service{calls, fails_at};
      const auto attack = [&] {
        return L2AdditiveGaussianNoiseAttack{}(service, x, Labels(Labels::Zero(8)), 1.0,
                                               {.threads = threads});
      };
      if (fails_at <= 1 + threads)
        CHECK_THROWS_AS(attack(), RunFailure<Rows>);
      else
        CHECK_NOTHROW(attack());
    }
}

TEST_CASE("bounds that change during a run are an error") {
  struct Moving {
    using Input = Rows;
    std::atomic<int>& calls;
    Bounds<float> first, later;
    Bounds<float> bounds() const { return ++calls == 1 ? first : later; }
    Labels predict(const Input& x) const { return Labels::Zero(samples(x)); }
  };
  Rows x(8, 3);
  x.setConstant(0.5f);
  const Eigen::VectorXf zero = Eigen::VectorXf::Zero(3), one = Eigen::VectorXf::Ones(3);
  const auto attack = [&](const Bounds<float>& first, const Bounds<float>& later) {
    std::atomic<int> calls = 0;
    L2AdditiveGaussianNoiseAttack{}(Moving{calls, first, later}, x, Labels(Labels::Zero(8)), 1.0,
                                    {.threads = 2});
  };
  const auto changed = ContainsSubstring("its bounds changed during the run");
  CHECK_NOTHROW(attack({0, 1}, {0, 1}));
  CHECK_NOTHROW(attack({zero, one}, {zero, one}));
  CHECK_THROWS_WITH(attack({0, 1}, {0, 2}), changed);
  CHECK_THROWS_WITH(attack({0, 1}, {zero, one}), changed);
  CHECK_THROWS_WITH(attack({zero, one}, {zero, 2 * one}), changed);
  CHECK_THROWS_WITH(attack({zero, one}, {zero.head(2).eval(), one.head(2).eval()}), changed);
}

TEST_CASE("whoever throws, and in whatever thread, the run fails and the program goes on") {
  const auto p = affine_problem<Rows>(2, 20, 12, 8);
  using Scored = Misclassification;
  struct Throwing : Scored {
    using Scored::Scored;
    const char* who = "";
    bool operator()(const Scores& s) const { return said("judge") && Scored::operator()(s); }
    double margin(const Scores& s, Eigen::VectorXd* gradient) const {
      said("margin");
      return Scored::margin(s, gradient);
    }
    double loss(Loss kind, const Scores& s, Eigen::VectorXd* gradient) const {
      said("loss");
      return Scored::loss(kind, s, gradient);
    }
    Goal goal(Index row) const {
      if (row >= 6) said("goal");  // of the second thread's samples
      return Scored::goal(row);
    }
    bool said(const std::string& at) const {
      if (at == who) throw std::logic_error(at);
      return true;
    }
  };
  for (const char* who : {"judge", "loss", "goal"})
    for (const int threads : {1, 2, 12}) {
      CAPTURE(who, threads);
      Throwing criterion(p.labels);
      criterion.who = who;
      CHECK_THROWS_AS(LinfPGD()(p.model, p.inputs, criterion, 0.1, {.threads = threads}), RunFailure<Rows>);
    }
  for (const int threads : {1, 2, 12}) {
    const auto observe = [](const Progress&) { throw 7; };
    CHECK_THROWS_WITH(LinfPGD()(p.model, p.inputs, p.labels, 0.1,
                                {.threads = threads, .batch_size = 2, .observer = observe}),
                      ContainsSubstring("linf-pgd: "));
    Tampered broken(p.model);
    broken.gradient = [](const Rows&, Rows&) { throw std::bad_alloc(); };
    CHECK_THROWS_AS(LinfPGD()(broken, p.inputs, p.labels, 0.1, {.threads = threads}), RunFailure<Rows>);
    const AnyAttack never_starts("never-starts", "never-starts", Linf{}, Knowledge::decisions, true,
                                 [](Oracle&, double) -> Task<> { throw std::logic_error("launch"); });
    CHECK_THROWS_WITH(never_starts(p.model, p.inputs, p.labels, {.threads = threads}),
                      ContainsSubstring("never-starts: launch"));
  }
}

TEST_CASE("a margin that resizes its gradient is an error") {
  const auto p = affine_problem<Rows>(3, 20, 4, 9);
  struct Resizing {
    bool operator()(const Scores&) const { return false; }
    double margin(const Scores&, Eigen::VectorXd* gradient) const {
      if (gradient) gradient->setZero(1);
      return 1;
    }
  };
  CHECK_THROWS_WITH(LinfPGD()(p.model, p.inputs, Resizing{}, 0.1),
                    ContainsSubstring("with respect to 3 logits, got one of 1 entries"));
}

TEST_CASE("a pool's model is held to answers of one shape") {
  const auto p = affine_problem<Rows>(3, 20, 9, 10);
  Tampered broken(p.model);
  const auto refused = [&](auto spoil, const char* said) {
    broken.answer = [&](std::int64_t call, const Rows&, Logits<float>& z) { spoil(call, z); };
    CHECK_THROWS_WITH(Pool(broken, p.inputs, 4), ContainsSubstring(said));
  };
  refused([](auto, auto& z) { z.setZero(1, 3); }, "each of 4 samples, got 1");
  refused([](auto, auto& z) { z.setZero(7, 3); }, "each of 4 samples, got 7");
  refused([](auto, auto& z) { z.resize(4, 0); }, "at least 2 classes, got 0");
  refused([](auto call, auto& z) { z.setZero(z.rows(), call % 2 ? 40 : 3); },
          "the number of classes changed");
  CHECK_THROWS_WITH(Pool(p.model, p.inputs, -1), ContainsSubstring("batch size >= 1, got -1"));
}

TEST_CASE("logits without a column, and labels that are too few, are errors before anything is read") {
  const auto empty =
      make_model<Rows>(Bounds<float>{0, 1}, [](const Rows& x) { return Logits<float>(samples(x), 0); });
  Rows x(2, 3);
  x.setConstant(0.5f);
  CHECK_THROWS_WITH(LinfAdditiveUniformNoiseAttack{}(empty, x, Labels(Labels::Zero(2)), 0.1),
                    ContainsSubstring("logits of at least 2 classes, got 0"));
  const auto p = affine_problem<Rows>(2, 3, 2, 7);
  CHECK_THROWS_WITH(LinfPGD()(p.model, p.inputs, Labels(), 0.1, {.lattice = Lattice(0, 1, 10)}),
                    ContainsSubstring("one class for each of the 2 samples, got 0"));
  CHECK_THROWS_WITH(Pool<Rows>(p.model, p.inputs, 0), ContainsSubstring("batch size >= 1, got 0"));
  CHECK_THROWS_WITH(Pool<Rows>(x, Logits<float>(2, 0)), ContainsSubstring("at least 2 classes, got 0"));
}
