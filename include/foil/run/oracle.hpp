// SPDX-License-Identifier: MIT
/// \file
/// The oracle: all that an attack knows about one sample and the only way it reaches the model. Attacks
/// propose points; the oracle has them judged and counted, and remembers the best adversarial ever queried.
#pragma once

#include <cmath>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/criteria.hpp"
#include "foil/core/error.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/random.hpp"
#include "foil/core/result.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/box.hpp"
#include "foil/geometry/half_space/memory.hpp"
#include "foil/geometry/region.hpp"
#include "foil/run/question.hpp"
#include "foil/run/seat.hpp"
#include "foil/run/task.hpp"

namespace foil {

/// One sample as its attack sees it. All vectors are flattened samples in double; every point is rounded to
/// what the model can be given (its scalar type, the box, the lattice and the mask of the run) before it is
/// queried, in place, so that what was judged is what is stored.
class Oracle {
  /// Suspends the attack until the model has answered, and reads what came of it.
  template <class Read>
  struct Waiting {
    Seat& seat;
    Question question;
    Read read;
    bool await_ready() const {
      if (question.points.empty()) seat.ask(question);
      return question.points.empty();
    }
    void await_suspend(std::coroutine_handle<> attack) const {
      seat.ask(question);
      seat.waiting = attack;
    }
    decltype(auto) await_resume() const { return read(seat); }
  };

 public:
  explicit Oracle(Seat& seat) : seat_(seat) {}
  Oracle(const Oracle&) = delete;
  Oracle& operator=(const Oracle&) = delete;

  // --- the sample ---

  const Sample& sample() const { return seat_.sample; }
  const Eigen::VectorXd& original() const { return sample().original; }
  Index features() const { return original().size(); }
  /// Where points may lie. Frozen features have no room.
  const geometry::Box& box() const { return *sample().box; }
  const Eigen::VectorXd& lower() const { return box().lower; }
  const Eigen::VectorXd& upper() const { return box().upper; }
  /// The ball of a radius around the original, within the box.
  template <Norm N>
  geometry::Region<N> region(double epsilon) const {
    return {original(), box(), epsilon};
  }
  /// The dimensions of one sample: {features}, or for images {C, H, W}.
  const std::vector<Index>& shape() const { return sample().shape; }
  /// The user's starting point, empty if none was given.
  const Eigen::VectorXd& starting_point() const { return sample().starting_point; }
  /// A direction in which the user expects adversarials, of any length; empty if none was given.
  const Eigen::VectorXd& prior() const { return sample().prior; }
  /// What the criterion wants, where it is one about classes.
  const Goal& goal() const { return sample().goal; }
  Lp norm() const { return sample().norm; }
  double distance(const Eigen::VectorXd& x) const { return seat_.distance(x); }
  /// Distance from 1 to the next larger number of the model's scalar type.
  double precision() const { return sample().single_precision ? 0x1p-23 : 0x1p-52; }
  /// Whether features may only take the values of a lattice. Rounding then moves a point by more than a small
  /// step does: an attack that adds up steps keeps its sum apart from the points that it asks about.
  bool on_lattice() const { return sample().lattice != nullptr; }

  /// Rounds x to what the model can be given, and, for a finite epsilon, so that it stays within that
  /// distance of the original. In place.
  void settle(Eigen::VectorXd& x, double epsilon = std::numeric_limits<double>::infinity()) const {
    seat_.stored.settle(x, epsilon);
  }

  /// What to ask about for x: x itself, or on a lattice, whose rounding undoes small steps, a copy of it, so
  /// that x goes on unrounded and steps add up until they count.
  Eigen::VectorXd& to_ask(Eigen::VectorXd& x, Eigen::VectorXd& copy) const {
    if (!on_lattice()) return x;
    copy = x;
    return copy;
  }

  /// Working memory `number` (counted from 0) of the size of a sample, any content. The samples that run side
  /// by side share it, and it stays in the nearest cache: it is another's after the next co_await.
  Eigen::VectorXd& scratch(std::size_t number) const {
    auto& scratch = seat_.shared->scratch;
    if (scratch.size() <= number) scratch.resize(number + 1);
    scratch[number].resize(features());
    return scratch[number];
  }

  /// What geometry::half_space_step() works in. Shared as scratch() is: the step is another's after the next
  /// co_await.
  geometry::HalfSpaceMemory& step_memory() const { return seat_.shared->steps; }

  // --- the model ---

  /// `co_await oracle.query(x)`: is x adversarial? One forward pass. Works with every model.
  auto query(Eigen::VectorXd& x) {
    return wait({.points = {&x, 1}}, [](Seat& seat) { return seat.adversarial; });
  }
  /// `co_await oracle.query_all(points)`: an Answer for each point, in as few model calls as the batch has
  /// room.
  auto query_all(std::span<Eigen::VectorXd> points) { return wait({.points = points}, all_answers); }

  /// `co_await oracle.query_in_turn(points, count)`: an InTurn. Asks about points one after the other until
  /// one is adversarial, but in a single model call. At least the first is asked about, the others as far as
  /// there is room. Answers beyond the first adversarial are discarded and counted apart, in
  /// Result::surplus_queries, not in the budget: what is found and counted does not depend on how many points
  /// share a call.
  auto query_in_turn(std::vector<Eigen::VectorXd>& points, std::size_t count) {
    require(count >= 1 && count <= points.size(), "query_in_turn: expected 1 to ", points.size(),
            " points, got ", count);
    return wait({.points = {points.data(), count}, .until_adversarial = true},
                [](Seat& seat) { return InTurn{seat.answered, seat.adversarial}; });
  }
  /// How many points query_in_turn() can be expected to take at once; at least 1.
  std::size_t room() const { return seat_.room; }

  /// `co_await oracle.score(x, objective)`: an Answer with the logits and the objective's value. One forward
  /// pass. Needs scores and, for one of foil's losses, a criterion with a margin.
  auto score(Eigen::VectorXd& x, const Objective& objective = {}) {
    return wait({.points = {&x, 1}, .need = Need::score, .objective = objective}, first_answer);
  }
  /// `co_await oracle.scores(points, objective)`: the same for each point, in as few model calls as the batch
  /// has room.
  auto scores(std::span<Eigen::VectorXd> points, const Objective& objective = {}) {
    return wait({.points = points, .need = Need::score, .objective = objective}, all_answers);
  }

  /// `co_await oracle.gradient(x, objective)`: an Answer with the objective's gradient at x as well. One
  /// forward and one backward pass. Needs gradients and, for one of foil's losses, a criterion with a margin.
  auto gradient(Eigen::VectorXd& x, const Objective& objective = {}) {
    return wait({.points = {&x, 1}, .need = Need::gradient, .objective = objective}, first_answer);
  }
  /// `co_await oracle.gradients(points, objective)`: the same for each point.
  auto gradients(std::span<Eigen::VectorXd> points, const Objective& objective = {}) {
    return wait({.points = points, .need = Need::gradient, .objective = objective}, all_answers);
  }
  /// `co_await oracle.class_gradients(x, classes)`: an Answer with the gradients of the logits of these
  /// classes at x. One forward pass, and a backward pass for each of them. `classes` must live until then.
  auto class_gradients(Eigen::VectorXd& x, std::span<const Index> classes) {
    require(!classes.empty(), "class_gradients: expected at least one class");
    return wait({.points = {&x, 1}, .need = Need::gradient, .classes = classes}, first_answer);
  }

  /// `co_await oracle.within(epsilon, attack)`: runs an attack that is confined to the ball of that radius,
  /// and abandons it the moment one of its points is adversarial within the radius. True if that happened.
  /// Where no point but the original lies in the ball, there is nothing to ask about and it is not run.
  auto within(double epsilon, Task<> attack) {
    struct Awaiter {
      Seat& seat;
      Task<> attack;
      Scope scope;
      bool await_ready() const { return seat.stored.alone(scope.epsilon); }
      bool await_suspend(std::coroutine_handle<> outer) {
        scope.outer = outer;
        seat.scope = &scope;
        return attack.await_suspend(outer);
      }
      bool await_resume() {
        seat.scope = scope.enclosing;
        if (attack.done()) attack.result();  // rethrows what it threw
        return scope.reached;
      }
    };
    return Awaiter{seat_, std::move(attack), Scope{epsilon, {}, seat_.scope, false}};
  }

  /// Says what the points asked about next are made of, for Result::parameters, and what they are worth: of
  /// those that are, the adversarial of highest worth is the best, not the closest, and traces hold the worth
  /// in place of a loss. For minimal attacks by decisions, which describe all points or none.
  void describe(const std::vector<double>& made_of, double worth) { seat_.making = {made_of, worth}; }

  // --- memory ---

  /// At most so many adversarial rows of the run's pool, without a query: the nearest of every class by
  /// distance, then the second of every class, and so on.
  std::vector<PoolRow> rank_pool(std::size_t most) const {
    const auto& rank = seat_.shared->rank_pool;
    return rank ? rank(sample(), most) : std::vector<PoolRow>();
  }
  /// One of these rows as this sample may have it, see settle(), and whether it counts as an adversarial
  /// found already. If not, since the mask or the lattice of the run has changed it, it has to be asked
  /// about.
  std::pair<Eigen::VectorXd, bool> take_from_pool(Index row) {
    Eigen::VectorXd x = seat_.shared->pool_row(row), settled = x;
    settle(settled);
    if (settled != x) return {std::move(settled), false};
    seat_.found(x, -1, std::numeric_limits<double>::quiet_NaN());
    return {std::move(x), true};
  }
  /// The best adversarial so far: the closest, or the one of highest loss after prefer_highest_loss().
  bool found() const { return seat_.ledger.found(); }
  /// Only after found().
  const Eigen::VectorXd& best() const {
    require(found(), "oracle: nothing has been found yet that could be the best");
    return seat_.ledger.best().x;
  }
  double best_distance() const { return seat_.ledger.best_distance(); }
  /// What the best is made of, see describe(). Only after found().
  const std::vector<double>& best_parameters() const {
    require(found(), "oracle: nothing has been found yet that could be the best");
    return seat_.ledger.best().parameters;
  }
  /// Remember the adversarial of highest loss instead of the closest, and do not stop at the first one.
  /// Only for attacks within a fixed budget; for minimal ones the closest always counts.
  void prefer_highest_loss() { seat_.highest_loss = std::isfinite(seat_.limit); }
  /// How the attack ended (converged, start_failed), where "ran to its end" does not say it all; not_run
  /// takes that back.
  void finish(Status status) { seat_.ledger.status = status; }
  /// The class given to the point last asked about; -1 if the answer was not finite.
  int label() const { return seat_.ledger.label; }
  std::int64_t queries() const { return seat_.ledger.queries; }
  std::int64_t gradient_queries() const { return seat_.ledger.gradient_queries; }

  // --- chance ---

  /// Random numbers for one purpose; `draw` distinguishes repeated uses. Depends on nothing but the seed, the
  /// attack's name, the sample's id and the repetition.
  RandomDraw random(Purpose purpose, std::uint32_t draw = 0) const {
    const StageAtWork& stage = seat_.stage;
    return {random_key(seat_.shared->seed, stage.stream ? *stage.stream : seat_.shared->stream,
                       seat_.repetition + (stage.occurrence << 32)),
            static_cast<std::uint64_t>(sample().id), purpose, draw};
  }
  /// From now on, draw the random numbers of another, independent run.
  void set_repetition(std::uint64_t repetition) { seat_.repetition = repetition; }

  // --- suites, see evaluation/suite.hpp ---

  /// A stage of a suite begins. What is spent is put down to it, and random numbers are those that its attack
  /// draws alone, or where `occurrence` stages before had the same `stream`, of another run. What was found
  /// counts no longer. Whether it is `minimal`: then adversarials beyond
  /// the radius are remembered as long as it lasts. `stream` must outlive the attack.
  void begin_stage(int number, const std::string& stream, std::uint64_t occurrence, bool minimal,
                   bool by_gradients) {
    end_stage();
    seat_.ledger.forget_beyond(-1);
    seat_.ledger.stages.push_back({number, queries(), gradient_queries()});
    seat_.stage.stream = &stream;
    seat_.stage.occurrence = occurrence;
    seat_.stage.reach = minimal ? std::numeric_limits<double>::infinity() : 0;
    seat_.stage.by_gradients = by_gradients;
  }
  /// The stage has ended.
  void end_stage() {
    seat_.ledger.forget_beyond(seat_.limit);
    seat_.stage.reach = 0;
    seat_.repetition = 0;
    seat_.highest_loss = false;
    seat_.ledger.status = Status::not_run;
  }
  /// Whether the attack said so.
  bool start_failed() const { return seat_.ledger.status == Status::start_failed; }
  /// A question was asked again and answered differently.
  void note_changed_answer() { ++seat_.ledger.changed_answers; }
  bool answers_changed() const { return seat_.ledger.changed_answers > 0; }
  /// Whether gradients have brought a suite no farther than it came without them, or half of them and more
  /// were zero. Only where the criterion is about one class; else that half of them were zero.
  bool gradients_look_wrong() const {
    const auto& [without, with] = seat_.stage.leads;
    return (gradient_queries() > 0 && 2 * seat_.ledger.zero_gradients >= gradient_queries()) ||
           (std::isfinite(without) && !(with > without));
  }

 private:
  static const Answer& first_answer(Seat& seat) { return seat.answers.front(); }
  static std::span<const Answer> all_answers(Seat& seat) {
    return {seat.answers.data(), seat.question.points.size()};
  }

  template <class Read>
  Waiting<Read> wait(const Question& question, Read read) {
    return {seat_, question, read};
  }

  Seat& seat_;
};

}  // namespace foil
