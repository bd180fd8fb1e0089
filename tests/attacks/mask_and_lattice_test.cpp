// SPDX-License-Identifier: MIT
// What RunOptions::mask and RunOptions::lattice promise, held against every attack of the catalogue.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "catalogue/all_attacks.hpp"
#include "support/catch.hpp"
#include "support/for_rows.hpp"
#include "support/models.hpp"
#include "support/scripted.hpp"

namespace {
using namespace foil;
using Catch::Matchers::ContainsSubstring;

constexpr Index count = 13, width = 12;
constexpr double infinity = std::numeric_limits<double>::infinity();

/// A model, inputs and what a run is told about them.
template <class Scalar>
struct Scene {
  using Input = Tensor<Scalar, 2>;

  test::Affine<Input> model;
  Input inputs;
  Labels labels;  // the model's own classes, but sample 3 is misclassified from the beginning
  RunOptions<Input> options{};
  double scale = 1;     // of distances
  bool coarse = false;  // rounding to the lattice may change the class at any distance

  Scene(test::Affine<Input> affine, Input batch)
      : model(std::move(affine)), inputs(std::move(batch)), labels(predict(model, inputs)) {
    labels[3] = (labels[3] + 1) % 3;
    options.seed = 5;
    options.query_budget = 3000;
  }

  double radius(Lp norm) const { return scale * (norm.p == 1 ? 1.6 : norm.p == 2 ? 0.6 : 0.25); }
  bool frozen(Index row, Index i) const {
    const Input& mask = options.mask;
    return mask.size() > 0 && mask(samples(mask) == 1 ? 0 : row, i) == 0;
  }
  /// Whether a feature has its input's value, to the bit.
  bool kept(Index row, Index i, Scalar value) const {
    return std::memcmp(&inputs(row, i), &value, sizeof(Scalar)) == 0;
  }
  bool on_lattice(Index i, Scalar value) const {
    const Lattice& lattice = options.lattice;
    if (!lattice.restricts(i)) return true;
    const auto at = lattice.value(i, lattice.index(i, static_cast<double>(value)));
    return value == static_cast<Scalar>(at);
  }
  /// How much farther than the closest point of all the closest one on the lattice may be.
  double coarseness(Lp norm) const {
    if (norm.p == 0) return 1;
    Eigen::VectorXd steps = Eigen::VectorXd::Zero(width);
    for (Index i = 0; i < width; ++i)
      if (options.lattice.restricts(i)) steps[i] = options.lattice.step(i);
    return norm.size(steps);
  }
  /// Whether a point is one that this sample may become.
  template <class Point>
  bool allowed(Index row, const Point& point) const {
    bool all = true;
    for (Index i = 0; i < width; ++i)
      all = all && (kept(row, i, point[i]) || (!frozen(row, i) && on_lattice(i, point[i])));
    return all;
  }
  /// The distance at which a sample leaves its class, for that class if one is given, the lattice
  /// disregarded.
  double closest(Lp norm, Index row, int into = -1) const {
    const Eigen::VectorXd x = sample(inputs, row).template cast<double>(), z = model.exact_logits(x);
    Eigen::VectorXd lower(width), upper(width);
    for (Index i = 0; i < width; ++i) {
      lower[i] = frozen(row, i) ? x[i] : static_cast<double>(model.bounds().lower(i));
      upper[i] = frozen(row, i) ? x[i] : static_cast<double>(model.bounds().upper(i));
    }
    const auto nearest = [&](const Eigen::VectorXd& w, double gap) {
      const auto change = norm.p == 0   ? test::nearest_in_half_space<L0>(x, w, gap, lower, upper)
                          : norm.p == 1 ? test::nearest_in_half_space<L1>(x, w, gap, lower, upper)
                          : norm.p == 2 ? test::nearest_in_half_space<L2>(x, w, gap, lower, upper)
                                        : test::nearest_in_half_space<Linf>(x, w, gap, lower, upper);
      if (norm.p == 0 && change) return static_cast<double>((change->array().abs() > 1e-9).count());
      return change ? norm.size(*change) : infinity;
    };
    double least = infinity;
    for (int other = 0; other < 3; ++other)
      if (const int own = labels[row]; other != own && (into < 0 || other == into))
        least = std::min(least,
                         nearest(model.weights().row(other) - model.weights().row(own), z[own] - z[other]));
    return least;
  }
};

/// What is asked of the model, by any thread.
template <class Scalar>
struct Watch {
  using Input = Tensor<Scalar, 2>;
  const Scene<Scalar>& scene;
  std::atomic<Index> forbidden{0};  // rows that no sample may become
  std::set<std::vector<Scalar>> asked{};
  std::mutex mutex{};

  void operator()(const Input& x) {
    const std::lock_guard lock(mutex);
    for (Index row = 0; row < samples(x); ++row) {
      const auto point = sample(x, row);
      bool allowed = false;
      for (Index i = 0; i < samples(scene.inputs) && !allowed; ++i) allowed = scene.allowed(i, point);
      forbidden += !allowed;
      asked.insert({point.data(), point.data() + width});
    }
  }
};

/// With its default options, but not content with a user's start that is not adversarial.
AnyAttack attack_of(const AttackEntry& entry) {
  OptionValues values = test::for_rows(entry);
  for (const OptionInfo& option : entry.options)
    if (option.name == "start_fallback") values[option.name] = "true";
  return entry.make(values);
}

template <class Scalar>
Result<Tensor<Scalar, 2>> run(const AttackEntry& entry, const Scene<Scalar>& scene,
                              const RunOptions<Tensor<Scalar, 2>>& options) {
  return attack_of(entry)(scene.model, scene.inputs, scene.labels, scene.radius(entry.norm), options);
}

/// Runs an attack and checks all that is promised. The number of successes, and of samples that have an
/// adversarial clearly within reach.
struct Tally {
  Index found = 0, possible = 0;
};

template <class Scalar>
Tally check(const AttackEntry& entry, const Scene<Scalar>& scene) {
  CAPTURE(entry.name);
  Watch<Scalar> watch{scene};
  test::Tampered watched(scene.model);
  watched.answer = [&](std::int64_t, const auto& x, auto&) { watch(x); };
  const double radius = scene.radius(entry.norm);
  const auto result = attack_of(entry)(watched, scene.inputs, scene.labels, radius, scene.options);
  CHECK(watch.forbidden == 0);
  Tally tally;
  for (Index row = 0; row < count; ++row) {
    const auto x = sample(scene.inputs, row), y = sample(result.adversarials, row);
    CAPTURE(row, result.distances[row], to_string(result.status[static_cast<std::size_t>(row)]));
    CHECK(scene.allowed(row, y));
    const double least = scene.closest(entry.norm, row);
    if (row != 3 && least < (entry.minimal ? infinity : 0.8 * radius)) ++tally.possible;
    if (!result.success[row]) {
      CHECK(x == y);
      continue;
    }
    CHECK(result.distances[row] == distance(entry.norm, x, y));
    if (!entry.minimal) CHECK(result.distances[row] <= radius);
    if (row == 3) continue;
    CHECK(watch.asked.contains({y.data(), y.data() + width}));
    CHECK(result.distances[row] >= least * (1 - 1e-4));
    if (entry.name.ends_with("brendel-bethge") && !scene.coarse)
      CHECK(result.distances[row] <=
            1.02 * scene.closest(entry.norm, row, result.predictions[row]) + scene.coarseness(entry.norm));
    ++tally.found;
  }
  return tally;
}

/// As check() with every attack; those with gradients find what is clearly within reach (on a coarse lattice
/// a third of it), all others together at least half of it.
template <class Scalar>
void check_all(const Scene<Scalar>& scene) {
  Index found = 0, possible = 0;
  for (const AttackEntry& entry : programs::all_attacks().entries()) {
    const Tally tally = check(entry, scene);
    CAPTURE(entry.name, tally.found, tally.possible);
    const bool needs_pool = entry.name.find("dataset") != std::string::npos;
    if (entry.knowledge == Knowledge::gradients) {
      // Where a step of the lattice is as long as the way, a step by a linear model may lead back and forth.
      CHECK((scene.coarse ? 3 : 1) * tally.found >= tally.possible);
    } else if (entry.minimal && !(needs_pool && scene.options.pool.empty())) {
      found += tally.found;
      possible += tally.possible;
    }
  }
  CAPTURE(found, possible);
  CHECK(possible > 0);
  CHECK(2 * found >= possible);
}

/// Inputs on k/255, as two ways of dividing leave them.
template <class Scalar>
Tensor<Scalar, 2> levels(std::uint64_t seed) {
  test::Random random(seed);
  Tensor<Scalar, 2> x(count, width);
  for (Index row = 0; row < count; ++row)
    for (Index i = 0; i < width; ++i) {
      const auto k = static_cast<Scalar>(random.integer(256));
      x(row, i) = row % 2 == 0 ? k / Scalar{255} : std::min(k * (1 / Scalar{255}), Scalar{1});
    }
  return x;
}

template <class Scalar>
Scene<Scalar> plain_scene() {
  Scene<Scalar> scene(test::random_affine<Tensor<Scalar, 2>>(3, width, 21), levels<Scalar>(22));
  scene.options.lattice = {};
  return scene;
}

/// Two thirds of the features may move.
template <class Scalar>
Tensor<Scalar, 2> random_mask(Index rows, std::uint64_t seed) {
  test::Random random(seed);
  Tensor<Scalar, 2> mask(rows, width);
  for (Index row = 0; row < rows; ++row)
    for (Index i = 0; i < width; ++i)
      mask(row, i) =
          (i + row + random.integer(2)) % 3 == 0 ? Scalar{0} : static_cast<Scalar>(random.normal());
  return mask;
}

/// Whole numbers in wide bounds, the levels of an image, halves, and features that may take any value.
template <class Scalar>
Scene<Scalar> mixed_scene() {
  using Vector = typename Bounds<Scalar>::Vector;
  Vector lower(width), upper(width);
  Eigen::VectorXd origins(width), spans(width), steps(width), middle(width);
  Tensor<Scalar, 2> x(count, width);
  test::Random random(31);
  for (Index i = 0; i < width; ++i) {
    const Index kind = i % 4;
    lower[i] = Scalar(kind == 0 ? -50 : kind == 2 ? -2 : 0);
    upper[i] = Scalar(kind == 0 ? 1000 : kind == 2 ? 2 : 1);
    origins[i] = kind == 2 ? 0.25 : 0;
    spans[i] = kind == 0 ? 3 : 1;
    steps[i] = kind == 0 ? 3 : kind == 1 ? 255 : kind == 2 ? 2 : 0;
    middle[i] = kind == 0 ? 3 : kind == 2 ? 0.25 : 0.5;
    for (Index row = 0; row < count; ++row) {
      const double any = random.uniform();
      x(row, i) = static_cast<Scalar>(kind == 0   ? std::floor(7 * any)
                                      : kind == 1 ? std::round(255 * any) / 255
                                      : kind == 2 ? std::floor(7 * any) / 2 - 1.25
                                                  : any);
    }
  }
  Eigen::MatrixXd weights(3, width);
  for (Index k = 0; k < 3; ++k) weights.row(k) = random.normals(width).transpose();
  const Eigen::VectorXd offsets = -weights * middle;
  Scene<Scalar> scene({weights, offsets, {lower, upper}}, std::move(x));
  scene.scale = 6;
  scene.coarse = true;
  scene.options.lattice = {origins, spans, steps};
  return scene;
}

// A negative zero is kept as well.
template <class Scalar>
void freeze_a_negative_zero(Scene<Scalar>& scene) {
  scene.inputs(0, 0) = -Scalar{0};
  scene.options.mask(0, 0) = 0;
}

TEMPLATE_TEST_CASE("mask: frozen features never move, in what is asked and what is returned",
                   "[promises][mask]", float, double) {
  for (const Index rows : {Index{1}, count}) {
    Scene<TestType> scene = plain_scene<TestType>();
    scene.options.mask = random_mask<TestType>(rows, 41);
    freeze_a_negative_zero(scene);
    check_all(scene);
  }
}

TEMPLATE_TEST_CASE("lattice: what is asked and returned are values of an 8-bit image, at their own distance",
                   "[promises][lattice]", float, double) {
  Scene<TestType> scene = plain_scene<TestType>();
  scene.options.lattice = {0, 1, 255};
  check_all(scene);
}

TEMPLATE_TEST_CASE("lattice: whole numbers, levels, halves and free features side by side",
                   "[promises][lattice]", float, double) {
  check_all(mixed_scene<TestType>());
}

TEMPLATE_TEST_CASE("mask and lattice: both hold at once", "[promises][mask][lattice]", float, double) {
  for (const Index rows : {Index{1}, count}) {
    Scene<TestType> scene = plain_scene<TestType>();
    scene.options.mask = random_mask<TestType>(rows, 41);
    scene.options.lattice = {0, 1, 255};
    freeze_a_negative_zero(scene);
    check_all(scene);
    Scene<TestType> mixed = mixed_scene<TestType>();
    mixed.options.mask = random_mask<TestType>(rows, 42);
    check_all(mixed);
  }
}

TEMPLATE_TEST_CASE("mask and lattice: starting points and a pool that violate them are made to fit",
                   "[promises][mask][lattice]", float, double) {
  using Input = Tensor<TestType, 2>;
  for (const bool starts : {false, true}) {
    Scene<TestType> scene = plain_scene<TestType>();
    test::Random random(51);
    scene.options.mask = random_mask<TestType>(count, 41);
    scene.options.lattice = {0, 1, 255};
    scene.options.pool =
        Pool<Input>(scene.model, test::random_batch<Input>(random, typename Input::Dimensions(40, width)));
    if (starts)
      scene.options.starting_points =
          test::random_batch<Input>(random, typename Input::Dimensions(count, width));
    check_all(scene);
  }
}

TEST_CASE("mask: where it freezes all, nothing is found and the attack ends", "[promises][mask]") {
  using Input = Tensor<float, 2>;
  Scene<float> scene = plain_scene<float>();
  test::Random random(52);
  scene.options.mask = Input(1, width);
  scene.options.mask.setZero();
  for (const bool pool : {false, true}) {
    if (pool)
      scene.options.pool =
          Pool<Input>(scene.model, test::random_batch<Input>(random, typename Input::Dimensions(40, width)));
    for (const double levels : {0, 255}) {
      if (levels > 0) scene.options.lattice = {0, 1, levels};
      for (const AttackEntry& entry : programs::all_attacks().entries()) {
        const Tally tally = check(entry, scene);
        CAPTURE(entry.name);
        CHECK(tally.found == 0);
      }
    }
  }
}

TEST_CASE("mask: with a single feature left, the boundary is met where it allows", "[promises][mask]") {
  for (const bool lattice : {false, true}) {
    Scene<float> scene = plain_scene<float>();
    scene.options.mask = Tensor<float, 2>(1, width);
    scene.options.mask.setZero();
    scene.options.mask(0, 4) = 1;
    if (lattice) scene.options.lattice = {0, 1, 255};
    Index found = 0;
    for (const AttackEntry& entry : programs::all_attacks().entries()) found += check(entry, scene).found;
    CHECK(found > 20);
  }
}

TEST_CASE("mask and lattice: the same bits in any batch and company, on any number of threads",
          "[promises][mask][lattice]") {
  using Input = Tensor<float, 2>;
  Scene<float> scene = plain_scene<float>();
  test::Random random(53);
  scene.options.mask = random_mask<float>(count, 41);
  scene.options.lattice = {0, 1, 255};
  scene.options.pool =
      Pool<Input>(scene.model, test::random_batch<Input>(random, typename Input::Dimensions(40, width)));
  const std::vector<Index> few{9, 0, 3};
  for (const AttackEntry& entry : programs::all_attacks().entries()) {
    CAPTURE(entry.name);
    const auto reference = run(entry, scene, scene.options);
    auto with = scene.options;
    for (const Index batch_size : {1, 5}) {
      with.batch_size = batch_size;
      for (const int threads : {1, 3}) {
        with.threads = threads;
        CHECK(test::same_bits(run(entry, scene, with), reference));
      }
    }
    with.sample_ids = {9, 0, 3};
    with.mask = gather<Input>(scene.options.mask, few);
    CHECK(test::same_bits(attack_of(entry)(scene.model, gather(scene.inputs, few), Labels(scene.labels(few)),
                                           scene.radius(entry.norm), with),
                          test::select(reference, few)));
  }
}

TEST_CASE("lattice: an input that is not on it is invalid, and the others do not notice",
          "[promises][lattice]") {
  Scene<float> scene = plain_scene<float>();
  scene.options.lattice = {0, 1, 255};
  std::vector<Index> others;
  for (Index row = 0; row < count; ++row)
    if (row != 6) others.push_back(row);
  for (const AttackEntry& entry : programs::all_attacks().entries()) {
    CAPTURE(entry.name);
    Scene<float> spoiled = scene;
    spoiled.inputs(6, 2) = 0.5f;
    const auto result = run(entry, spoiled, spoiled.options);
    CHECK(result.status[6] == Status::invalid_input);
    CHECK_FALSE(result.success[6]);
    CHECK(result.queries[6] == 0);
    CHECK(test::same_bits(test::select(result, others),
                          test::select(run(entry, scene, scene.options), others)));
    // What the mask freezes need not be on the lattice.
    spoiled.options.mask = Tensor<float, 2>(1, width);
    spoiled.options.mask.setConstant(1);
    spoiled.options.mask(0, 2) = 0;
    CHECK(run(entry, spoiled, spoiled.options).status[6] != Status::invalid_input);
  }
}

TEST_CASE("mask and lattice: what makes no sense is refused in words", "[promises][mask][lattice]") {
  using Input = Tensor<float, 2>;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const AttackEntry& entry : programs::all_attacks().entries()) {
    CAPTURE(entry.name);
    const auto refuses = [&](const std::string& expected, const std::string& given, const auto& change) {
      Scene<float> scene = plain_scene<float>();
      change(scene);
      CHECK_THROWS_WITH(run(entry, scene, scene.options),
                        ContainsSubstring(expected) && ContainsSubstring(given));
    };
    refuses("no sample is valid", "got 0.5 for feature 0 of sample 0; the nearest on it is 0.50196",
            [](auto& scene) {
              scene.options.lattice = {0, 1, 255};
              scene.inputs.setConstant(0.5f);
            });
    refuses("of one sample or of all, (13, 12)", "got (1, 11)", [](auto& scene) {
      scene.options.mask = Input(1, width - 1);
      scene.options.mask.setZero();
    });
    refuses("for each of the 13", "got 2", [](auto& scene) {
      scene.options.mask = Input(2, width);
      scene.options.mask.setZero();
    });
    refuses("mask of numbers", "got NaN", [&](auto& scene) {
      scene.options.mask = Input(1, width);
      scene.options.mask.setZero();
      scene.options.mask(0, 7) = nan;
    });
    refuses("lattice: given for 11 features", "has 12", [](auto& scene) {
      const Eigen::VectorXd ones = Eigen::VectorXd::Ones(width - 1);
      scene.options.lattice = {ones, ones, ones};
    });
  }
}
}  // namespace
