// SPDX-License-Identifier: MIT
#include "foil/geometry/half_space/step.hpp"

#include <Eigen/QR>
#include <limits>
#include <sstream>
#include <type_traits>

#include "geometry/half_space_fixtures.hpp"
#include "geometry/quadratic_knapsack.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"

using foil::Index;
using foil::L0;
using foil::L1;
using foil::L2;
using foil::Linf;
using foil::geometry::Box;
using foil::geometry::Contact;
using foil::geometry::HalfSpaceStep;
using foil::test::Random;
using Vector = Eigen::VectorXd;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

struct Problem {
  Vector original, x, lower, upper, b;
  double c = 0, radius = 0;
  Contact contact = Contact::reach;
  Eigen::Array<bool, Eigen::Dynamic, 1> frozen{};

  Index size() const { return x.size(); }
  template <class N>
  HalfSpaceStep solve() const {
    const Box box{lower, upper, frozen};
    return foil::geometry::half_space_step<N>({original, x, box, b, c, radius, contact});
  }
};

/// Entries on bounds, entries at the original, zeros and ties in b, infinite bounds.
Problem random_problem(Random& random, Index n) {
  Problem p{random.uniforms(n), random.uniforms(n), Vector(n), Vector(n), random.normals(n)};
  const bool ties = random.uniform() < 0.3;
  for (Index i = 0; i < n; ++i) {
    p.lower[i] = random.uniform(-1, 0);
    p.upper[i] = random.uniform(0.5, 2);
    for (Vector* point : {&p.original, &p.x})
      (*point)[i] =
          std::min(std::max(random.uniform(p.lower[i] - 0.5, p.upper[i] + 0.5), p.lower[i]), p.upper[i]);
    if (random.uniform() < 0.1) p.x[i] = p.original[i];
    if (random.uniform() < 0.1) p.lower[i] = -infinity;
    if (random.uniform() < 0.15) p.b[i] = 0;
    if (ties) p.b[i] = std::round(p.b[i]);
  }
  if (p.b.isZero()) p.b[0] = 1;
  const double way = (p.original - p.x).norm() + 0.01;
  p.radius = way * std::exp(random.uniform(-3, 1));
  p.c = p.b.norm() * p.radius * random.uniform(-1, 0.5);
  if (random.uniform() < 0.3) p.contact = Contact::meet;
  return p;
}

/// The step keeps to all that it has to.
void check_feasible(const Problem& p, const HalfSpaceStep& step) {
  const double length = step.delta.norm(), product = p.b.dot(step.delta);
  REQUIRE(length <= p.radius * (1 + 2e-8));
  REQUIRE((step.point.array() >= p.lower.array()).all());
  REQUIRE((step.point.array() <= p.upper.array()).all());
  REQUIRE((step.point - (p.x + step.delta)).lpNorm<Eigen::Infinity>() <= 1e-14);
  if (!step.reached) return;
  const double slack = 1e-9 * (std::abs(p.c) + p.b.cwiseAbs().dot(step.delta.cwiseAbs()));
  REQUIRE(product <= p.c + slack);
  if (p.contact == Contact::meet) REQUIRE(product >= p.c - slack);
}

Vector numbers(std::istream& in, Index count) {
  Vector out(count);
  for (Index i = 0; i < count; ++i) in >> out[i];
  return out;
}

/// A lower bound on the objective, from multipliers nu >= 0 of the half-space and mu >= 0 of the radius: the
/// smallest value of objective + nu (b . d - c) + mu / 2 (|d|^2 - radius^2) in the box, entry by entry. For
/// L2 the objective is half the square. For Linf, to steps that end within `t` of the original, the bound is
/// that on t itself if the sum over the ends of t weighs 1.
template <class N>
double dual_value(const Problem& p, double nu, double mu) {
  long double total = -nu * p.c - mu / 2 * p.radius * p.radius;
  for (Index i = 0; i < p.size(); ++i) {
    const double low = p.lower[i] - p.x[i], high = p.upper[i] - p.x[i], clean = p.original[i] - p.x[i];
    const double slope = nu * p.b[i];
    double d = 0;
    if constexpr (std::is_same_v<N, L2>) {
      d = (clean - slope) / (1 + mu);
    } else {
      const double up = (-slope - 1) / mu, down = (-slope + 1) / mu;
      d = clean < up ? up : clean > down ? down : clean;
      if (mu == 0) d = std::abs(slope) <= 1 ? clean : slope > 0 ? low : high;
    }
    d = std::min(std::max(d, low), high);
    const double away = d - clean;
    total += (std::is_same_v<N, L2> ? away * away / 2 : std::abs(away)) + slope * d + mu / 2 * d * d;
  }
  return static_cast<double>(total);
}

/// The multipliers by which a step explains itself: those that make the objective stationary at the entries
/// that are free to move.
template <class N>
Eigen::Vector2d multipliers(const Problem& p, const HalfSpaceStep& step) {
  std::vector<Index> inside;
  for (Index i = 0; i < p.size(); ++i)
    if (step.point[i] > p.lower[i] && step.point[i] < p.upper[i] &&
        (std::is_same_v<N, L2> || step.point[i] != p.original[i]))
      inside.push_back(i);
  const bool half = p.b.dot(step.delta) >= p.c - 1e-9 * p.b.norm() * p.radius || p.contact == Contact::meet;
  const bool ball = step.delta.norm() >= p.radius * (1 - 1e-6);
  Eigen::MatrixXd columns(static_cast<Index>(inside.size()), 2);
  Vector target(columns.rows());
  for (Index k = 0; k < columns.rows(); ++k) {
    const Index i = inside[static_cast<std::size_t>(k)];
    columns(k, 0) = half ? p.b[i] : 0;
    columns(k, 1) = ball ? step.delta[i] : 0;
    const double away = step.delta[i] - (p.original[i] - p.x[i]);
    target[k] = std::is_same_v<N, L2> ? -away : away > 0 ? -1 : 1;
  }
  const double scale = p.b.norm();
  columns.col(0) /= scale;
  Eigen::Vector2d out = columns.completeOrthogonalDecomposition().solve(target);
  out[0] /= scale;
  return out;
}

Index changed(const HalfSpaceStep& step, const Problem& p) {
  return (step.point.array() != p.original.array()).count();
}

/// The fewest entries that have to differ from the original, by trying all choices; -1 if there is no step.
Index fewest(const Problem& p) {
  const Index n = p.size();
  Index best = -1;
  for (unsigned choice = 0; choice < (1u << n); ++choice) {
    std::vector<Index> moved;
    Vector delta = p.original - p.x;
    for (Index i = 0; i < n; ++i)
      if (choice >> i & 1u) {
        moved.push_back(i);
        delta[i] = 0;
      }
    const auto count = static_cast<Index>(moved.size());
    if (best >= 0 && count >= best) continue;
    Vector b(count), low(count), high(count);
    for (Index k = 0; k < count; ++k) {
      const Index i = moved[static_cast<std::size_t>(k)];
      b[k] = p.b[i];
      low[k] = p.lower[i] - p.x[i];
      high[k] = p.upper[i] - p.x[i];
    }
    const auto shortest = foil::test::quadratic_knapsack(Vector::Zero(count), b, low, high,
                                                         p.c - p.b.dot(delta), p.contact == Contact::meet);
    for (Index k = 0; k < count; ++k) delta[moved[static_cast<std::size_t>(k)]] = shortest.point[k];
    const double product = p.b.dot(delta), slack = 1e-9 * p.b.norm();
    const bool met = product <= p.c + slack && (p.contact == Contact::reach || product >= p.c - slack);
    if (met && delta.norm() <= p.radius * (1 + 1e-9)) best = count;
  }
  return best;
}

template <class... Norms, class F>
void for_norms(F f) {
  (f(Norms{}), ...);
}

}  // namespace

TEST_CASE("steps are as good as those of a general solver") {
  std::istringstream in(foil::test::half_space_fixtures);
  int problems = 0, norm = 0, equality = 0;
  Index n = 0;
  for (Problem p; in >> norm >> equality >> n;) {
    double objective = 0;
    in >> p.c >> p.radius >> objective;
    for (Vector* values : {&p.original, &p.x, &p.lower, &p.upper, &p.b}) *values = numbers(in, n);
    REQUIRE(in);
    p.contact = equality ? Contact::meet : Contact::reach;
    const auto step = norm == 1 ? p.solve<L1>() : norm == 2 ? p.solve<L2>() : p.solve<Linf>();
    INFO("problem " << problems << ", norm " << norm << ", equality " << equality);
    REQUIRE(step.reached);
    check_feasible(p, step);
    const Vector left = step.point - p.original;
    const double size = norm == 1 ? L1::size(left) : norm == 2 ? L2::size(left) : Linf::size(left);
    CHECK(size <= objective * (1 + 1e-7) + 1e-8);
    CHECK(size >= objective * (1 - 1e-6) - 1e-8);
    ++problems;
  }
  CHECK(problems == 96);
}

TEMPLATE_TEST_CASE("L1 and L2 steps prove themselves optimal by their multipliers", "", L1, L2) {
  Random random(1);
  int proved = 0, reached = 0;
  for (int round = 0; round < 400; ++round) {
    const Index sizes[] = {1, 2, 3, 7, 8, 9, 40, 784};
    const Problem p = random_problem(random, round < 396 ? sizes[round % 8] : 150'528);
    const auto step = p.solve<TestType>();
    INFO("round " << round << ", " << p.size() << " entries");
    check_feasible(p, step);
    if (!step.reached) continue;
    ++reached;
    const Vector away = step.delta - (p.original - p.x);
    const double objective = std::is_same_v<TestType, L2> ? away.squaredNorm() / 2 : L1::size(away);
    auto by = multipliers<TestType>(p, step);
    if (p.contact == Contact::reach) by[0] = std::max(by[0], 0.0);
    by[1] = std::max(by[1], 0.0);
    const double bound = dual_value<TestType>(p, by[0], by[1]);
    CHECK(bound <= objective * (1 + 1e-9) + 1e-9);
    proved += bound >= objective * (1 - 1e-6) - 1e-9;
  }
  CHECK(reached >= 200);
  // The entries that are free need not determine the multipliers, at corners above all.
  CHECK(proved >= reached * 9 / 10);
}

TEST_CASE("Linf steps cannot end closer to the original") {
  Random random(2);
  int checked = 0;
  for (int round = 0; round < 300; ++round) {
    const Index sizes[] = {1, 2, 3, 7, 8, 9, 40, 784};
    const Problem p = random_problem(random, round < 298 ? sizes[round % 8] : 150'528);
    const auto step = p.solve<Linf>();
    INFO("round " << round << ", " << p.size() << " entries");
    check_feasible(p, step);
    const double size = Linf::size(step.delta - (p.original - p.x));
    if (!step.reached || size < 1e-9) continue;
    ++checked;
    // In a smaller ball, the shortest step to the half-space is too long, or there is none.
    const double smaller = size * (1 - 1e-6);
    const Vector clean = p.original - p.x;
    const Vector low = (p.lower - p.x).cwiseMax(clean.array().matrix() - Vector::Constant(p.size(), smaller));
    const Vector high = (p.upper - p.x).cwiseMin(clean + Vector::Constant(p.size(), smaller));
    const Vector shortest = foil::test::quadratic_knapsack(Vector::Zero(p.size()), p.b, low, high, p.c,
                                                           p.contact == Contact::meet)
                                .point;
    const double product = p.b.dot(shortest), slack = 1e-9 * p.b.norm() * p.radius;
    const bool met = product <= p.c + slack && (p.contact == Contact::reach || product >= p.c - slack);
    CHECK_FALSE((met && shortest.norm() < p.radius * (1 - 1e-6)));
  }
  CHECK(checked >= 100);
}

TEST_CASE("L0 steps change the fewest entries, one more at most and hardly ever") {
  Random random(3);
  int exact = 0, checked = 0;
  for (int round = 0; round < 600; ++round) {
    const Problem p = random_problem(random, 2 + round % 8);
    const auto step = p.solve<L0>();
    INFO("round " << round << ", " << p.size() << " entries");
    check_feasible(p, step);
    const Index least = fewest(p);
    if (!step.reached || least < 0) continue;
    ++checked;
    REQUIRE(changed(step, p) >= least);
    REQUIRE(changed(step, p) <= least + 1);
    exact += changed(step, p) == least;
  }
  CHECK(checked >= 300);
  CHECK(exact >= checked * 99 / 100);
}

TEST_CASE("L0 steps within a wide radius change as many entries as have the greatest reach") {
  Random random(4);
  for (const Index n : {1, 5, 784, 150'528}) {
    Problem p = random_problem(random, n);
    p.contact = Contact::reach;
    p.lower = p.lower.cwiseMax(-1);
    const Vector up = p.upper - p.original, down = p.original - p.lower;
    Vector reach(n);
    for (Index i = 0; i < n; ++i) reach[i] = std::abs(p.b[i]) * (p.b[i] > 0 ? down[i] : up[i]);
    std::sort(reach.begin(), reach.end(), std::greater<>());
    const Index wanted = std::min<Index>(n, 1 + n / 3);
    p.radius = infinity;
    p.c = p.b.dot(p.original - p.x) - (reach.head(wanted).sum() - reach[wanted - 1] / 2);
    const auto step = p.solve<L0>();
    CHECK(step.reached);
    CHECK(changed(step, p) == wanted);
  }
}

TEST_CASE("what the radius or the box puts out of reach is approached as far as possible") {
  Random random(5);
  int short_of = 0;
  for (int round = 0; round < 300; ++round) {
    Problem p = random_problem(random, 1 + round % 12);
    p.c *= 3;
    for_norms<L0, L1, L2, Linf>([&](auto norm) {
      const auto step = p.solve<decltype(norm)>();
      INFO("round " << round << ", " << decltype(norm)::name);
      check_feasible(p, step);
      if (step.reached) return;
      ++short_of;
      const double sign = p.c > 0 ? 1 : -1;
      const Vector direction = sign * p.b;
      const double eta = foil::geometry::rescale(p.x, direction, p.lower, p.upper, p.radius, L2{}).eta;
      double most = 0;
      for (Index i = 0; i < p.size(); ++i)
        most +=
            direction[i] * (std::min(std::max(p.x[i] + eta * direction[i], p.lower[i]), p.upper[i]) - p.x[i]);
      CHECK(direction.dot(step.delta) == Catch::Approx(most).epsilon(1e-9));
      CHECK(direction.dot(step.delta) <= std::abs(p.c) * (1 + 1e-9));
    });
  }
  CHECK(short_of >= 100);
}

TEST_CASE("the length of b does not matter") {
  Random random(6);
  for (int round = 0; round < 60; ++round) {
    Problem p = random_problem(random, 1 + round % 20);
    for_norms<L0, L1, L2, Linf>([&](auto norm) {
      using N = decltype(norm);
      const auto step = p.solve<N>();
      for (const double scale : {1e-200, 1e-30, 1e30, 1e200}) {
        Problem q = p;
        q.b *= scale;
        q.c *= scale;
        const auto scaled = q.solve<N>();
        CHECK(scaled.reached == step.reached);
        const double size = N::size(step.point - p.original);
        CHECK(N::size(scaled.point - p.original) == Catch::Approx(size).epsilon(1e-7).margin(1e-9));
        CHECK(scaled.delta.norm() <= p.radius * (1 + 2e-8));
      }
    });
  }
}

TEST_CASE("entries that return are exactly the original's, entries at a bound exactly the bound") {
  Random random(7);
  int returned = 0, bounded = 0;
  for (int round = 0; round < 50; ++round) {
    Problem p = random_problem(random, 784);
    p.original.setConstant(0.1);
    p.lower.setZero();
    p.upper.setConstant(0.3);
    p.x = (p.x.array().abs() * 0.2).min(0.3);
    p.radius = infinity;
    p.contact = Contact::reach;
    p.c = p.b.dot(p.original - p.x) - 0.01 * p.b.cwiseAbs().sum();
    const auto step = p.solve<L1>();
    for (Index i = 0; i < p.size(); ++i) {
      if (std::abs(step.point[i] - 0.1) < 1e-12) REQUIRE(step.point[i] == 0.1);
      if (step.point[i] < 1e-12) REQUIRE(step.point[i] == 0);
      if (step.point[i] > 0.3 - 1e-12) REQUIRE(step.point[i] == 0.3);
      returned += step.point[i] == 0.1;
      bounded += step.point[i] == 0 || step.point[i] == 0.3;
    }
  }
  CHECK(returned > 10'000);
  CHECK(bounded > 500);
}

TEST_CASE("degenerate steps") {
  Random random(8);
  Problem p = random_problem(random, 20);
  p.contact = Contact::reach;
  for_norms<L0, L1, L2, Linf>([&](auto norm) {
    using N = decltype(norm);
    Problem still = p;
    still.radius = 0;
    CHECK(still.solve<N>().point == p.x);
    CHECK(still.solve<N>().reached == (p.c >= 0));

    Problem home = p;  // the original itself is allowed and within the radius
    home.c = p.b.dot(p.original - p.x) + 1e-9;
    home.radius = (p.original - p.x).norm() * 1.001;
    CHECK(home.solve<N>().point == p.original);

    Problem there = p;  // and already reached
    there.x = p.original;
    there.c = 0.5;
    CHECK(there.solve<N>().point == p.original);
    there.c = 0;
    CHECK(there.solve<N>().point == p.original);

    Problem frozen = p;
    frozen.lower = frozen.upper = frozen.original = p.x;
    frozen.c = -1;
    CHECK(frozen.solve<N>().point == p.x);
    CHECK_FALSE(frozen.solve<N>().reached);
  });
}

TEST_CASE("features that a mask freezes are not moved, and the others as if they were not there") {
  Random random(10);
  int reached = 0;
  for (int round = 0; round < 200; ++round) {
    Problem p = random_problem(random, 2 + round % 20);
    p.frozen.setConstant(p.size(), false);
    Problem rest = p;
    Index kept = 0;
    for (Index i = 0; i < p.size(); ++i) {
      if (i + 1 < p.size() && random.uniform() < 0.4) {
        p.frozen[i] = true;
        p.lower[i] = p.upper[i] = p.x[i] = p.original[i];
        continue;
      }
      for (auto member : {&Problem::original, &Problem::x, &Problem::lower, &Problem::upper, &Problem::b})
        (rest.*member)[kept] = (p.*member)[i];
      ++kept;
    }
    for (auto member : {&Problem::original, &Problem::x, &Problem::lower, &Problem::upper, &Problem::b})
      (rest.*member).conservativeResize(kept);
    rest.frozen.resize(0);
    if (rest.b.isZero()) continue;
    for_norms<L0, L1, L2, Linf>([&](auto norm) {
      using N = decltype(norm);
      const auto step = p.solve<N>(), part = rest.solve<N>();
      INFO("round " << round << ", " << N::name);
      check_feasible(p, step);
      for (Index i = 0; i < p.size(); ++i)
        if (p.frozen[i]) REQUIRE((step.point[i] == p.original[i] && step.delta[i] == 0));
      REQUIRE(step.reached == part.reached);
      if (!step.reached) return;
      ++reached;
      const double size = N::size(part.point - rest.original);
      if (N::p == 0)
        REQUIRE(std::abs(N::size(step.point - p.original) - size) <= 1);
      else
        REQUIRE(N::size(step.point - p.original) == Catch::Approx(size).epsilon(1e-6).margin(1e-8));
    });
  }
  CHECK(reached >= 200);
}

TEST_CASE("steps refuse what they cannot work with") {
  Random random(9);
  const Problem good = random_problem(random, 4);
  const auto throws = [&](auto spoil, const char* message) {
    Problem p = good;
    spoil(p);
    CHECK_THROWS_WITH(p.solve<L2>(), Catch::Matchers::ContainsSubstring(message));
  };
  throws([](Problem& p) { p.b.setZero(); }, "finite normal other than zero");
  throws([](Problem& p) { p.b[1] = std::numeric_limits<double>::quiet_NaN(); }, "finite normal");
  throws([](Problem& p) { p.c = infinity; }, "finite offset");
  throws([](Problem& p) { p.radius = -1; }, "radius >= 0");
  throws([](Problem& p) { p.b.conservativeResize(3); }, "five vectors of one size");
}
