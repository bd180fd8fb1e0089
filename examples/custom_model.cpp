// SPDX-License-Identifier: MIT
// A hand-written classifier, attacked: which of three towns is a point nearest to?
#include <cstdio>
#include <foil/foil.hpp>

struct NearestTown {
  using Input = foil::Tensor<float, 2>;  // one point (x, y) per row
  Eigen::Matrix<float, 3, 2> towns{{0.2f, 0.2f}, {0.8f, 0.3f}, {0.5f, 0.9f}};

  foil::Bounds<float> bounds() const { return {0.f, 1.f}; }

  foil::Logits<float> logits(const Input& x) const {  // minus the squared distance to each town
    foil::Logits<float> scores(foil::samples(x), 3);
    for (foil::Index town = 0; town < 3; ++town)
      scores.col(town) = -(foil::as_matrix(x).rowwise() - towns.row(town)).rowwise().squaredNorm();
    return scores;
  }

  auto vjp(const Input& x) const {  // and its derivative: 2 (town - x) per score
    return foil::Vjp{logits(x), [this, x](const foil::Logits<float>& cotangent) {
                       Input gradient(x.dimensions());
                       foil::as_matrix(gradient) =
                           2 * (cotangent * towns) -
                           2 * (cotangent.rowwise().sum().asDiagonal() * foil::as_matrix(x));
                       return gradient;
                     }};
  }
};

int main() {
  const NearestTown model;
  NearestTown::Input points(2, 2);
  points.setValues({{0.3f, 0.3f}, {0.6f, 0.5f}});
  const foil::Labels home = foil::predict(model, points);

  const auto nearest = foil::Minimal<foil::L2PGD>{}(model, points, home);
  for (foil::Index i = 0; i < nearest.size(); ++i)
    std::printf(
        "(%.2f, %.2f) belongs to town %d; %.4f away, (%.3f, %.3f) belongs to town %d. Model calls: %lld\n",
        points(i, 0), points(i, 1), home[i], nearest.distances[i], nearest.adversarials(i, 0),
        nearest.adversarials(i, 1), nearest.predictions[i], static_cast<long long>(nearest.queries[i]));
}
