// SPDX-License-Identifier: MIT
#include "foil/attacks/gradient/momentum_iterative/momentum_iterative.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "foil/attacks/gradient/projected_gradient/projected_gradient.hpp"
#include "foil/run/any_attack.hpp"
#include "support/affine_problem.hpp"
#include "support/catch.hpp"
#include "support/scripted.hpp"

using namespace foil;
using namespace foil::test;
using Catch::Matchers::ContainsSubstring;

namespace {

using Rows = Tensor<double, 2>;
using Images = Tensor<double, 4>;

/// Of a norm; types of attacks times types of models are what costs compile time.
template <template <class> class Attack, class... Options>
AnyAttack of_norm(Lp norm, Options... options) {
  if (norm == Lp(L1{})) return Attack<L1>(options...);
  if (norm == Lp(L2{})) return Attack<L2>(options...);
  return Attack<Linf>(options...);
}
AnyAttack momentum(Lp norm, const MomentumIterativeOptions& options, const std::string& name) {
  return of_norm<MomentumIterativeMethod>(norm, options, name);
}
const Lp norms[] = {L1{}, L2{}, Linf{}};

/// All switches at once, as far as they go with vectors.
const MomentumIterativeOptions busy{
    .nesterov = true, .samples = 2, .noise = 0.1, .scales = 2, .neighbours = 3};

struct Problem {
  Mlp<Rows> model;
  Rows inputs;
  Labels labels;
};

Problem curved(std::uint64_t seed, Index count) {
  Mlp<Rows> model(20, 30, 5, seed);
  Random random(seed);
  const auto inputs = random_batch<Rows>(random, Rows::Dimensions(count, 20), 0.1, 0.9);
  return {model, inputs, predict(model, inputs)};
}

/// Every point that an attack asks about of one sample, in their order.
template <class Model, class T>
std::vector<Eigen::VectorXd> asked(const AnyAttack& attack, const Model& model, const T& input,
                                   const Labels& label, double epsilon) {
  std::vector<Eigen::VectorXd> points;
  Tampered watched(model);
  watched.answer = [&](std::int64_t, const T& x, auto&) {
    for (Index row = 0; row < samples(x); ++row) points.emplace_back(sample(x, row));
  };
  attack(watched, input, label, epsilon);
  return points;
}

template <class Model, class T>
Eigen::VectorXd gradient_at(const Model& model, const T& shape, const Eigen::VectorXd& x, int label) {
  T batch(shape.dimensions());
  sample(batch, 0) = x;
  auto pass = model.vjp(batch);
  Eigen::VectorXd z = pass.logits.row(0).transpose(), cotangent(z.size());
  losses::lsem(z, label, &cotangent);
  return Eigen::VectorXd(sample(pass.pullback(cotangent.transpose()), 0));
}

/// Repeats an attack in Linf with constant steps by the formulae of its paper, taking from what it has asked
/// only the points that chance has chosen. `steps` of it, in a box too wide to matter.
void check_by_formulae(const MomentumIterativeOptions& o, const Problem& p, Index row) {
  const Rows input = gather(p.inputs, std::vector<Index>{row});
  const Labels label = p.labels.segment(row, 1);
  const double epsilon = 0.01, length = o.relative_step * epsilon;  // too little for a success
  const auto points = asked(MIFGSM(o), p.model, input, label, epsilon);
  const Eigen::VectorXd origin = sample(input, 0);
  Eigen::VectorXd x = origin, m = Eigen::VectorXd::Zero(x.size()), variance = m;
  std::size_t next = o.noise > 0 ? 1 : 0;  // the input itself is asked about in any case
  const auto take = [&] {
    REQUIRE(next < points.size());
    return points[next++];
  };
  const auto sign = [](const Eigen::VectorXd& v) -> Eigen::VectorXd { return v.cwiseSign(); };
  const auto clamp = [&](const Eigen::VectorXd& v) -> Eigen::VectorXd {
    return v.cwiseMax((origin.array() - epsilon).matrix()).cwiseMin((origin.array() + epsilon).matrix());
  };
  for (int step = 0; step < o.steps; ++step) {
    const Eigen::VectorXd centre = o.nesterov ? clamp(x + o.momentum * length * sign(m)) : x;
    const auto average = [&](int count, double radius) {
      Eigen::VectorXd mean = Eigen::VectorXd::Zero(x.size());
      for (int k = 0; k < count; ++k)
        for (int scale = 0; scale < o.scales; ++scale) {
          const Eigen::VectorXd at = take();
          const double factor = std::pow(0.5, scale);
          REQUIRE((at - factor * centre).lpNorm<Eigen::Infinity>() <= factor * radius + 1e-12);
          if (radius > 0) REQUIRE(at != factor * centre);
          mean += factor * gradient_at(p.model, input, at, label[0]) / (count * o.scales);
        }
      return mean;
    };
    const Eigen::VectorXd g = average(o.samples, o.noise * epsilon);
    const Eigen::VectorXd corrected = g + variance;
    if (o.neighbours > 0 && step + 1 < o.steps)
      variance = average(o.neighbours, o.neighbourhood * epsilon) - g;
    m = o.momentum * m + corrected / corrected.lpNorm<1>();
    x = clamp(x + length * sign(m));
  }
  CHECK((take() - x).lpNorm<Eigen::Infinity>() <= 1e-12);
  CHECK(next == points.size());
}

}  // namespace

TEST_CASE("what is accumulated are gradients, by the formulae of the papers") {
  const Problem p = curved(1, 6);
  for (const MomentumIterativeOptions& o :
       {MomentumIterativeOptions{}, MomentumIterativeOptions{.steps = 4, .momentum = 0.5},
        MomentumIterativeOptions{.nesterov = true}, MomentumIterativeOptions{.momentum = 0.7, .scales = 3},
        MomentumIterativeOptions{.neighbours = 4}, MomentumIterativeOptions{.samples = 3, .noise = 0.5},
        MomentumIterativeOptions{.steps = 5,
                                 .nesterov = true,
                                 .samples = 2,
                                 .noise = 0.2,
                                 .scales = 2,
                                 .neighbours = 3,
                                 .neighbourhood = 2}})
    for (Index row = 0; row < 3; ++row) check_by_formulae(o, p, row);
}

TEST_CASE("without momentum it is BIM and PGD bit for bit, with masks and on lattices too") {
  const Problem p = curved(2, 20);
  RunOptions<Rows> plain{.seed = 3}, masked = plain, lattice = plain;
  masked.mask = Rows(1, 20);
  masked.mask.setConstant(1);
  masked.mask(0, 3) = masked.mask(0, 11) = 0;
  lattice.lattice = {0, 1, 10};
  const Rows round = p.inputs.unaryExpr([](double x) { return std::round(x * 10) / 10; });
  const Labels round_labels = predict(p.model, round);
  for (const Lp norm : norms) {
    const double epsilon = norm.p == 1 ? 1.2 : norm.p == 2 ? 0.4 : 0.1;
    const AnyAttack bim = of_norm<BasicIterativeMethod>(norm),
                    pgd = of_norm<ProjectedGradientDescent>(norm, ProjectedGradientOptions{.steps = 10});
    const AnyAttack as_bim = momentum(norm, {.momentum = 0}, bim.name());
    const AnyAttack as_pgd = momentum(
        norm, {.relative_step = 1, .final_step = 0.1, .momentum = 0, .random_start = true}, pgd.name());
    for (const auto& options : {plain, masked, lattice}) {
      INFO(bim.name());
      const Rows& inputs = options.lattice.empty() ? p.inputs : round;
      const Labels& labels = options.lattice.empty() ? p.labels : round_labels;
      const auto expected = bim(p.model, inputs, labels, epsilon, options);
      CHECK(expected.success.any());
      CHECK(same_bits(as_bim(p.model, inputs, labels, epsilon, options), expected));
      CHECK(same_bits(as_pgd(p.model, inputs, labels, epsilon, options),
                      pgd(p.model, inputs, labels, epsilon, options)));
    }
  }
}

TEST_CASE("with two affine classes it comes close to the nearest adversarial and never below") {
  for (const Box box : all_boxes) {
    const auto p = affine_problem<Rows>(2, 30, 20, 3, box);
    for (const Lp norm : norms) {
      const Eigen::VectorXd distances = norm.p == 1   ? p.distances<L1>()
                                        : norm.p == 2 ? p.distances<L2>()
                                                      : p.distances<Linf>();
      const Eigen::VectorXd above = 1.01 * distances, below = (1 - 1e-5) * distances;
      for (MomentumIterativeOptions o : {MomentumIterativeOptions{}, busy}) {
        if (o.nesterov) o.steps = 20, o.final_step = 0.1;  // only the last point is asked about itself
        const AnyAttack attack = momentum(norm, o, "test");
        INFO(text(norm.p, " ", o.nesterov));
        CHECK(attack(p.model, p.inputs, p.labels, above).success.all());
        CHECK(attack(p.model, p.inputs, p.labels, below).success.count() == 0);
      }
    }
  }
}

TEST_CASE("a targeted run reaches its target, and other criteria are met") {
  const auto p = affine_problem<Rows>(4, 30, 30, 4);
  const Labels targets = p.labels.unaryExpr([](int label) { return (label + 1) % 4; });
  const AnyAttack attack = MIFGSM(busy);
  const auto result = attack(p.model, p.inputs, TargetedMisclassification(targets), 0.3);
  CHECK(result.success.count() >= 25);
  for (Index i = 0; i < result.size(); ++i)
    if (result.success[i]) CHECK(result.predictions[i] == targets[i]);
  const auto far = attack(p.model, p.inputs, Misclassification(p.labels) && MarginAbove(p.labels, 0.5), 0.3);
  CHECK(far.success.count() >= 25);
  CHECK(AnyAttack(VMIFGSM())(p.model, p.inputs, TopKMisclassification(p.labels, 2), 0.3).success.count() >=
        20);
}

TEST_CASE("it costs what its documentation says, and asks everything about a step at once") {
  const auto p = affine_problem<Rows>(2, 20, 8, 5);
  const Eigen::VectorXd below = 0.5 * p.distances<Linf>();
  const auto check = [&](const AnyAttack& attack, int gradients, int more, int calls) {
    CountingModel counting(p.model);
    const auto result = attack(counting, p.inputs, p.labels, below, {.batch_size = 1000});
    INFO(attack.name());
    CHECK((result.queries.array() == gradients + more).all());
    CHECK((result.gradient_queries.array() == gradients).all());
    CHECK(counting.backward == 8 * gradients);
    CHECK(counting.forward == 8 * (gradients + more));
    CHECK(counting.calls == calls);
  };
  check(MIFGSM(), 10, 1, 11);
  check(NIFGSM({.steps = 4}), 4, 1, 5);
  check(SINIFGSM(), 50, 1, 13);  // the first two calls have no room for more than one point
  check(VMIFGSM(), 10 + 9 * 20, 1, 13);
  check(VNIFGSM({.neighbours = 3}), 10 + 9 * 3, 1, 13);
  check(EOTPGD(), 100, 2, 13);
  check(MIFGSM(busy), 2 * (2 * 10 + 3 * 9), 2, 13);
  const Eigen::VectorXd above = 1.1 * p.distances<Linf>();
  CHECK((AnyAttack(MIFGSM())(p.model, p.inputs, p.labels, above).queries.array() == 6).all());  // 0.2 each
}

TEST_CASE("what is found does not depend on the batch, its size or the threads") {
  const Problem p = curved(6, 15);
  const RunOptions<Rows> whole{.seed = 7, .batch_size = 500}, split{.seed = 7, .threads = 3, .batch_size = 4};
  for (const AnyAttack& attack :
       {AnyAttack(MIFGSM(busy)), AnyAttack(VMIFGSM()), AnyAttack(EOTPGD({.noise = 0.5}))}) {
    const auto all = attack(p.model, p.inputs, p.labels, 0.1, whole);
    CHECK(all.success.any());
    CHECK(same_bits(attack(p.model, p.inputs, p.labels, 0.1, split), all));
    CHECK_FALSE(same_bits(attack(p.model, p.inputs, p.labels, 0.1, {.seed = 8}), all));
  }
}

TEST_CASE("other units, scaled logits and shifted ones make no difference") {
  const auto p = affine_problem<Rows>(5, 30, 20, 8);
  constexpr double unit = 1024;  // a power of two, so that every rounding is the same
  const Affine<Rows> other(p.model.weights() / unit, p.model.offsets(), {0, unit});
  Rows inputs = p.inputs;
  for (Index i = 0; i < inputs.size(); ++i) inputs.data()[i] *= unit;
  const Eigen::VectorXd radii = 1.3 * p.distances<Linf>(), far = unit * radii;
  for (const MomentumIterativeOptions& switches : {MomentumIterativeOptions{}, busy}) {
    MomentumIterativeOptions o = switches;
    o.loss = Loss::margin;
    const AnyAttack attack = MIFGSM(o);
    const auto result = attack(p.model, p.inputs, p.labels, radii);
    CHECK(result.success.count() > 10);
    const auto scaled = attack(other, inputs, p.labels, far);
    CHECK(scaled.queries == result.queries);
    CHECK(as_matrix(scaled.adversarials) == unit * as_matrix(result.adversarials));
    for (const double factor : {0x1p-20, 0x1p20}) {
      const Affine<Rows> louder(factor * p.model.weights(), factor * p.model.offsets(), p.model.bounds());
      CHECK(same_rows(attack(louder, p.inputs, p.labels, radii).adversarials, result.adversarials));
    }
  }
}

TEST_CASE("with a model that uses chance, averaged gradients win where single ones are lost") {
  const auto p = affine_problem<Rows>(2, 40, 20, 9);
  const Eigen::VectorXd radii = 1.15 * p.distances<Linf>();
  const auto run = [&](int samples) {
    Random chance(1);
    Tampered noisy(p.model);
    noisy.gradient = [&](const Rows&, Rows& gradient) {
      for (Index i = 0; i < gradient.size(); ++i) gradient.data()[i] += 4 * chance.normal();
    };
    const AnyAttack attack = EOTPGD({.samples = samples});
    return attack(noisy, p.inputs, p.labels, radii);
  };
  const auto single = run(1), many = run(100);
  CHECK(single.success.count() < 8);
  CHECK(many.success.count() >= 18);
  CHECK(same_bits(run(100), many));  // as far as the model is reproducible
}

TEST_CASE("it stays within ball and box, ends where gradients say nothing, and keeps its direction there") {
  const Problem p = curved(10, 1);
  for (const auto& point : asked(MIFGSM(), p.model, p.inputs, p.labels, 0.03))
    CHECK((point - Eigen::VectorXd(sample(p.inputs, 0))).lpNorm<Eigen::Infinity>() <= 0.03);
  for (const auto& point : asked(MIFGSM(busy), p.model, p.inputs, p.labels, 5)) {
    CHECK(point.minCoeff() >= 0);
    CHECK(point.maxCoeff() <= 1);
  }
  const Affine<Rows> constant(Eigen::MatrixXd::Zero(3, 20), Eigen::Vector3d(1, 0, 0));
  const AnyAttack attack = MIFGSM(busy);
  const auto none = attack(constant, p.inputs, Labels::Zero(1), 0.1);
  CHECK(none.status[0] == Status::not_found);
  CHECK(sample(none.adversarials, 0) == sample(p.inputs, 0));
  // The first gradient is the only one: momentum goes on with it.
  const auto two = affine_problem<Rows>(2, 20, 5, 11);
  Tampered fading(two.model);
  const Eigen::VectorXd radii = 1.01 * two.distances<L2>();
  for (const int weight : {0, 1}) {
    fading.gradient = [&](const Rows& x, Rows& gradient) {
      for (Index row = 0; row < samples(x); ++row) {
        bool fresh = false;
        for (Index i = 0; i < 5; ++i) fresh = fresh || sample(x, row) == sample(two.inputs, i);
        if (!fresh) sample(gradient, row).setZero();
      }
    };
    const AnyAttack on = momentum(L2{}, {.momentum = static_cast<double>(weight)}, "test");
    CHECK(on(fading, two.inputs, two.labels, radii).success.count() == 5 * weight);
  }
}

TEST_CASE("one feature, a thousand classes, and features without bounds") {
  const Mlp<Rows> many(20, 30, 1000, 13);
  Random random(13);
  const auto inputs = random_batch<Rows>(random, Rows::Dimensions(3, 20));
  const Labels labels = predict(many, inputs);
  const double infinity = std::numeric_limits<double>::infinity();
  const Affine<Rows> open(Eigen::Vector2d(1, -1), Eigen::Vector2d(0, 0.3), {-infinity, infinity});
  Rows one(3, 1);
  one.setConstant(0.5);
  for (const auto& options : {MomentumIterativeOptions{}, busy}) {
    const AnyAttack attack = MIFGSM(options);
    CHECK(attack(open, one, Labels::Zero(3), 0.36).success.all());
    CHECK(attack(open, one, Labels::Zero(3), 0.34).success.count() == 0);
    CHECK(attack(many, inputs, labels, 0.3).success.all());
  }
}

TEST_CASE("images: gradients at shrunken copies, and smoothed ones, change the direction as they should") {
  // Pixels of alternating weight: a kernel wider than a pixel takes the alternation away, and leaves the
  // rest.
  Random random(14);
  Eigen::MatrixXd weights = Eigen::MatrixXd::Zero(2, 2 * 6 * 8);
  const geometry::ImageLayout layout{2, 6, 8};
  for (Index c = 0; c < 2; ++c)
    for (Index i = 0; i < 6; ++i)
      for (Index j = 0; j < 8; ++j) weights(1, layout.at(c, i, j)) = (i + j) % 2 == 0 ? 3 : -2;
  const Affine<Images> model(weights, Eigen::Vector2d(30, 0));
  Images x(1, 2, 6, 8);
  x.setConstant(0.5);
  const Labels label = Labels::Zero(1);
  const auto last = [&](const AnyAttack& attack) {
    return Eigen::VectorXd(asked(attack, model, x, label, 0.01).back() - Eigen::VectorXd(sample(x, 0)));
  };
  CHECK(last(MIFGSM()).minCoeff() < -0.009);
  CHECK(last(TIFGSM({.smoothing = Smoothing::uniform, .smoothing_radius = 1})).minCoeff() > 0);
  CHECK(last(TIFGSM()).minCoeff() > 0);
  // Copies are never larger than allowed, and what they leave free is black.
  const auto points = asked(DIFGSM({.diversity = 1, .smallest = 0.5}), model, x, label, 0.01);
  Index smaller = 0;
  for (const Eigen::VectorXd& point : points) {
    const Index black = (point.array() == 0).count();
    CHECK(point.maxCoeff() <= 0.51 + 1e-12);
    CHECK(black <= 2 * (48 - 3 * 4));
    smaller += black > 0;
  }
  CHECK(smaller >= 5);
  CHECK(points.size() >= 11);  // the input, which may be the first copy, ten copies, and the last point
  const auto half = asked(DIFGSM({.steps = 200}), model, x, label, 0.01);
  Index whole = 0;
  for (const Eigen::VectorXd& point : half) whole += point.minCoeff() > 0;
  CHECK(whole > 80);
  CHECK(whole < 180);  // some copies are shrunken by less than half a pixel
  Images columns(1, 6, 8, 2);
  columns.setConstant(0.5);
  CHECK(asked(DIFGSM({.diversity = 1, .channels_last = true}), model, columns, label, 0.01).size() >= 11);
}

TEST_CASE("what is no image is refused before the model is asked, and so are options that make no sense") {
  const auto p = affine_problem<Rows>(2, 20, 3, 15);
  const CountingModel counting(p.model);
  const auto refused = [&](const AnyAttack& attack, const char* words) {
    CHECK_THROWS_WITH(attack(counting, p.inputs, p.labels, 0.1),
                      ContainsSubstring(attack.name() + ": " + words) &&
                          !ContainsSubstring(attack.name() + ": " + attack.name()));
  };
  refused(DIFGSM(), "expected images of three dimensions, the samples have 1");
  refused(TIFGSM(), "expected images of three dimensions, the samples have 1");
  CHECK(counting.calls == 0);
  CHECK_THROWS_AS(MIFGSM({.steps = 0}), Error);
  CHECK_THROWS_AS(MIFGSM({.momentum = 1.5}), Error);
  CHECK_THROWS_AS(MIFGSM({.scales = 0}), Error);
  CHECK_THROWS_AS(DIFGSM({.smallest = 1.5}), Error);
  CHECK_THROWS_WITH(NIFGSM({.momentum = 0}), ContainsSubstring("linf-ni-fgsm: nesterov needs momentum > 0"));
  CHECK(VNIFGSM().name() == "linf-vni-fgsm");
  CHECK(EOTPGD().options().samples == 10);
}
