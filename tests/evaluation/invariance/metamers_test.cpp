// SPDX-License-Identifier: MIT
#include "foil/evaluation/invariance/metamers.hpp"

#include <cmath>
#include <cstdint>
#include <vector>

#include "foil/evaluation/invariance/invariance_attack.hpp"
#include "foil/models/flow/flow.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"

namespace {

using Catch::Matchers::ContainsSubstring;
using foil::Index;
using foil::Logits;
using foil::test::Random;
using foil::test::random_batch;

using Vectors = foil::Tensor<double, 2>;

/// Sum and difference of two numbers; the sum is what is seen.
struct SumAndDifference {
  using Input = Vectors;
  foil::Bounds<double> bounds() const { return {0.0, 1.0}; }
  Logits<double> forward(const Input& x) const {
    Logits<double> codes(foil::samples(x), 2);
    const auto rows = foil::as_matrix(x);
    codes << rows.col(0) + rows.col(1), rows.col(0) - rows.col(1);
    return codes;
  }
  Input inverse(const Logits<double>& codes) const {
    Input x(codes.rows(), 2);
    foil::as_matrix(x) << (codes.col(0) + codes.col(1)) / 2, (codes.col(0) - codes.col(1)) / 2;
    return x;
  }
  Index semantic_size() const { return 1; }
};
static_assert(foil::BijectiveModel<SumAndDifference>);

/// Couplings of both kinds with smooth random functions.
foil::Flow<Vectors> random_flow(std::uint64_t seed) {
  Random random(seed);
  foil::Flow<Vectors> flow({10}, {-3.0, 3.0});
  for (int step = 0; step < 6; ++step) {
    const auto kind = step % 2 == 0 ? foil::CouplingKind::additive : foil::CouplingKind::sigmoid;
    const foil::test::Mlp<Vectors> network(5, 6, step % 2 == 0 ? 5 : 10, seed + 1 + random.bits() % 99);
    flow.couple(kind,
                [network](const Logits<double>& x) -> Logits<double> {
                  Vectors rows(x.rows(), x.cols());
                  foil::as_matrix(rows) = x;
                  return 0.2 * network.logits(rows);
                })
        .reverse();
  }
  flow.semantics(3);
  return flow;
}

double difference(const Vectors& a, const Vectors& b) {
  return (foil::as_matrix(a) - foil::as_matrix(b)).cwiseAbs().maxCoeff();
}

}  // namespace

TEST_CASE("metamers: by hand", "[evaluation]") {
  const SumAndDifference model;
  Vectors a(3, 2), b(3, 2);
  a.setValues({{0.5, 0.25}, {0.75, 0.75}, {0.5, 0.5}});
  b.setValues({{0.25, 0.25}, {1.0, 0.0}, {NAN, 0.5}});
  const auto found = foil::metameric_sample(model, a, b);
  CHECK(found.images(0, 0) == 0.375);
  CHECK(found.images(0, 1) == 0.375);
  CHECK(found.within(0));
  CHECK(found.outside[0] == 0);
  CHECK(found.from_nuisances_owner[0] == Catch::Approx(std::sqrt(2.) / 8));
  // Beyond the bounds by a quarter, and left there.
  CHECK(found.images(1, 0) == 1.25);
  CHECK(found.images(1, 1) == 0.25);
  CHECK_FALSE(found.within(1));
  CHECK(found.outside[1] == 0.25);
  CHECK(found.features_outside[1] == 1);
  CHECK(found.drifts[0] == 0);
  CHECK(found.drifts[1] == 0);
  CHECK(std::isnan(found.drifts[2]));
  CHECK(std::isnan(found.outside[2]));
  CHECK(found.features_outside[2] == 2);

  const auto half = foil::metamer_interpolate(model, a, b, 0.5);
  CHECK(half.images(1, 0) == 1.0);
  CHECK(half.images(1, 1) == 0.5);
  CHECK_THROWS_WITH(foil::metamer_interpolate(model, a, b, NAN), ContainsSubstring("expected a finite t"));
  CHECK_THROWS_WITH(foil::metameric_sample(model, a, Vectors(2, 2)), ContainsSubstring("of the same shape"));
}

TEST_CASE("metamers: of a flow, logits are those of the one and nuisances those of the other",
          "[evaluation]") {
  const auto flow = random_flow(1);
  Random random(2);
  const Vectors::Dimensions shape(6, 10);
  const auto a = random_batch<Vectors>(random, shape), b = random_batch<Vectors>(random, shape);
  const auto ab = foil::metameric_sample(flow, a, b), ba = foil::metameric_sample(flow, b, a);
  const Logits<double> codes = flow.forward(ab.images), of_a = flow.forward(a), of_b = flow.forward(b);
  CHECK((codes.leftCols(3) - of_a.leftCols(3)).cwiseAbs().maxCoeff() < 1e-10);
  CHECK((codes.rightCols(7) - of_b.rightCols(7)).cwiseAbs().maxCoeff() < 1e-10);
  CHECK(ab.drifts.maxCoeff() == (codes.leftCols(3) - of_a.leftCols(3)).cwiseAbs().maxCoeff());
  CHECK((foil::nuisances_of(flow, a) - of_a.rightCols(7)).cwiseAbs().maxCoeff() == 0);
  CHECK(difference(ab.images, a) > 0.1);
  CHECK(difference(ab.images, b) > 0.1);
  // Exchanging twice returns the original, and so does going no way at all.
  CHECK(difference(foil::metameric_sample(flow, ab.images, ba.images).images, a) < 1e-10);
  CHECK(difference(foil::metamer_interpolate(flow, a, b, 0).images, a) < 1e-10);
  CHECK(difference(foil::metamer_interpolate(flow, a, b, 1).images, ab.images) == 0);
}

TEST_CASE("metamers: the search for any model comes at least as near as what needs none", "[evaluation]") {
  Random random(3);
  foil::Flow<Vectors> flow({6}, {-9.0, 9.0});
  for (const std::uint64_t seed : {4u, 5u, 6u})
    flow.couple(foil::CouplingKind::additive, foil::test::Mlp<Vectors>(3, 5, 3, seed)).reverse();
  flow.semantics(2);
  const Vectors::Dimensions shape(5, 6);
  const auto a = random_batch<Vectors>(random, shape), b = random_batch<Vectors>(random, shape);
  const auto metamers = foil::metameric_sample(flow, a, b);
  const auto searched = foil::invariance_attack(flow, a, b, {.tolerance = 1e-3});
  for (Index i = 0; i < 5; ++i) {
    CHECK(metamers.within(i));
    CHECK(searched.distances[i] <= metamers.from_nuisances_owner[i] + 1e-9);
    CHECK(searched.drifts[i] <= 1e-3);
  }
}
