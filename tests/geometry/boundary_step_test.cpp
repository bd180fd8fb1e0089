// SPDX-License-Identifier: MIT
#include "foil/geometry/boundary_step.hpp"

#include <fstream>
#include <sstream>
#include <string>

#include "support/catch.hpp"
#include "support/models.hpp"

using foil::Index;
using foil::L0;
using foil::L1;
using foil::L2;
using foil::Linf;
using foil::geometry::Boundary;
using foil::geometry::boundary_step;
using foil::geometry::BoundaryStep;
using foil::test::Random;
using Vector = Eigen::VectorXd;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

struct Problem {
  Vector original, x, lower, upper, b;
  double c = 0, radius = 0;
  Boundary boundary = Boundary::reach;

  Index size() const { return x.size(); }
  template <class N>
  BoundaryStep solve() const {
    return boundary_step<N>(original, x, lower, upper, b, c, radius, boundary);
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
  if (random.uniform() < 0.3) p.boundary = Boundary::meet;
  return p;
}

/// The step keeps to all that it has to.
void check_feasible(const Problem& p, const BoundaryStep& step) {
  const double length = step.delta.norm(), product = p.b.dot(step.delta);
  REQUIRE(length <= p.radius * (1 + 2e-8));
  REQUIRE((step.point.array() >= p.lower.array()).all());
  REQUIRE((step.point.array() <= p.upper.array()).all());
  REQUIRE((step.point - (p.x + step.delta)).lpNorm<Eigen::Infinity>() <= 1e-14);
  if (!step.reached) return;
  const double slack = 1e-11 * (std::abs(p.c) + p.b.cwiseAbs().dot(step.delta.cwiseAbs()));
  REQUIRE(product <= p.c + slack);
  if (p.boundary == Boundary::meet) REQUIRE(product >= p.c - slack);
}

Vector numbers(std::istream& in, Index count) {
  Vector out(count);
  for (Index i = 0; i < count; ++i) in >> out[i];
  return out;
}

}  // namespace

TEST_CASE("steps are no worse than those of a general solver") {
  std::ifstream file(FOIL_TESTS_DATA "/geometry/boundary_step_fixtures.txt");
  int problems = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream head(line);
    int norm = 0, equality = 0;
    Index n = 0;
    Problem p;
    double objective = 0;
    head >> norm >> equality >> n >> p.c >> p.radius >> objective;
    for (Vector* values : {&p.original, &p.x, &p.lower, &p.upper, &p.b}) *values = numbers(file, n);
    REQUIRE(file);
    p.boundary = equality ? Boundary::meet : Boundary::reach;
    const auto step = norm == 1 ? p.solve<L1>() : norm == 2 ? p.solve<L2>() : p.solve<Linf>();
    INFO("problem " << problems << ", norm " << norm << ", equality " << equality);
    REQUIRE(step.reached);
    check_feasible(p, step);
    const Vector left = step.point - p.original;
    const double size = norm == 1 ? L1::size(left) : norm == 2 ? L2::size(left) : Linf::size(left);
    CHECK(size <= objective * (1 + 1e-7) + 1e-9);
    CHECK(size >= objective * (1 - 1e-6) - 1e-8);
    ++problems;
  }
  REQUIRE(problems >= 100);
}
