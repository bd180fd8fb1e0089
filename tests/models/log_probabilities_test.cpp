// SPDX-License-Identifier: MIT
#include "foil/models/log_probabilities.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "foil/attacks/gradient/deepfool.hpp"
#include "foil/core/criteria.hpp"
#include "foil/models/lambdas.hpp"
#include "foil/models/single_logit.hpp"
#include "foil/run/attack.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using namespace foil;

/// An affine model behind a softmax or sigmoids, as a framework differentiates it: in the scalar type.
template <class Scalar>
struct Saturated {
  using Input = Tensor<Scalar, 2>;
  decltype(test::random_affine<Input>(2, 2, 1)) affine;
  Probabilities kind;
  Scalar heat = 1;

  Bounds<Scalar> bounds() const { return affine.bounds(); }
  Logits<Scalar> logits(const Input& x) const { return answer(affine.logits(x)); }
  auto vjp(const Input& x) const {
    auto pass = affine.vjp(x);
    const Logits<Scalar> p = answer(pass.logits);
    return Vjp{p, [p, pullback = pass.pullback, *this](const Logits<Scalar>& g) {
                 Logits<Scalar> dz = p.cwiseProduct(g);
                 if (kind == Probabilities::exclusive)
                   for (Index i = 0; i < p.rows(); ++i) dz.row(i) -= p.row(i) * dz.row(i).sum();
                 else
                   dz = (dz.array() * (1 - p.array())).matrix().eval();
                 return Input(pullback(Logits<Scalar>(dz * heat)));
               }};
  }

 private:
  Logits<Scalar> answer(Logits<Scalar> z) const {
    z *= heat;
    for (Index i = 0; i < z.rows(); ++i) {
      if (kind == Probabilities::independent) {
        z.row(i) = (1 / (1 + (-z.row(i).array()).exp())).matrix().eval();
      } else {
        z.row(i) = (z.row(i).array() - z.row(i).maxCoeff()).exp().matrix().eval();
        z.row(i) /= z.row(i).sum();
      }
    }
    return z;
  }
};

template <class Scalar>
Saturated<Scalar> saturated(Probabilities kind, Index classes, Scalar heat) {
  return {test::random_affine<Tensor<Scalar, 2>>(classes, 4, 7), kind, heat};
}

template <class Scalar>
Tensor<Scalar, 2> points(Index count) {
  Tensor<Scalar, 2> x(count, 4);
  for (Index i = 0; i < x.size(); ++i)
    x.data()[i] = static_cast<Scalar>(0.5 + 0.5 * std::sin(1.7 * static_cast<double>(i)));
  return x;
}

/// A model that answers with this row whatever it is asked, and pulls nothing back.
auto constant(const std::vector<float>& row) {
  using Input = Tensor<float, 2>;
  const auto answer = [row](const Input& x) {
    Logits<float> out(samples(x), static_cast<Index>(row.size()));
    for (Index i = 0; i < out.rows(); ++i) std::copy(row.begin(), row.end(), out.row(i).data());
    return out;
  };
  return make_model<Input>(Bounds<float>(), answer, [answer](const Input& x) {
    return Vjp{answer(x), [x](const Logits<float>& g) {
                 Input out(x.dimensions());
                 out.setConstant(g.sum());
                 return out;
               }};
  });
}

TEST_CASE("log probabilities: the logits behind a softmax or sigmoids, and their gradients", "[models]") {
  for (const Probabilities kind : {Probabilities::exclusive, Probabilities::independent}) {
    const auto inner = saturated<double>(kind, 3, 1.0);
    const LogProbabilities model(inner, kind);
    static_assert(DifferentiableModel<decltype(model)> && shareable<decltype(model)>);
    const auto x = points<double>(6);
    const auto pass = model.vjp(x);
    CHECK(pass.logits == model.logits(x));
    const auto behind = inner.affine.vjp(x);
    Logits<double> difference = pass.logits - behind.logits;
    if (kind == Probabilities::exclusive) difference.colwise() -= difference.col(0).eval();
    CHECK(difference.cwiseAbs().maxCoeff() < 1e-12);
    Logits<double> cotangent(6, 3);  // of sum 0 in each row, like that of every loss of differences
    for (Index i = 0; i < 6; ++i)
      cotangent.row(i) << 1, -0.25 - static_cast<double>(i), static_cast<double>(i) - 0.75;
    const auto got = pass.pullback(cotangent), want = behind.pullback(cotangent);
    for (Index i = 0; i < got.size(); ++i)
      CHECK(got.data()[i] == Catch::Approx(want.data()[i]).epsilon(1e-10));
  }
}

TEST_CASE("log probabilities: gradients are there as long as the probabilities are", "[models]") {
  // Logits so far apart that the largest probability is 1 in single precision, and the gradient of p nearly
  // 0.
  const auto inner = saturated<float>(Probabilities::exclusive, 2, 40.0f);
  const LogProbabilities model(inner);
  const auto x = points<float>(8);
  const Logits<float> z = inner.affine.logits(x);
  Logits<float> cotangent(8, 2);
  cotangent.col(0).setConstant(1);
  cotangent.col(1).setConstant(-1);
  const auto got = model.vjp(x).pullback(cotangent), want = inner.affine.vjp(x).pullback(cotangent);
  Index saturated_rows = 0;
  for (Index i = 0; i < 8; ++i) {
    const float gap = 40 * std::abs(z(i, 0) - z(i, 1));
    if (gap > 80) continue;
    if (gap > 20) ++saturated_rows;
    for (Index k = 0; k < 4; ++k) CHECK(got(i, k) == Catch::Approx(40 * want(i, k)).epsilon(1e-4));
  }
  CHECK(saturated_rows > 0);
}

TEST_CASE("log probabilities: everything is finite, in order, and a tie is a tie", "[models]") {
  constexpr float least = std::numeric_limits<float>::denorm_min();
  constexpr float half = 0.5f;
  const float above = std::nextafter(0.3f, 1.0f), below_one = std::nextafter(1.0f, 0.0f);
  for (const Probabilities kind : {Probabilities::exclusive, Probabilities::independent})
    for (const std::vector<float>& row : std::vector<std::vector<float>>{{0, 1, 0},
                                                                         {1, 0, least},
                                                                         {half, half, 0},
                                                                         {0.3f, above, 0.3f},
                                                                         {below_one, 1, 0},
                                                                         {0, 0, 0},
                                                                         {-0.5f, 1.5f, 1},
                                                                         {1, 1, below_one}}) {
      const auto inner = constant(row);
      const LogProbabilities model(inner, kind);
      CAPTURE(row, static_cast<int>(kind));
      const auto pass = model.vjp(Tensor<float, 2>(1, 4));
      const auto z = pass.logits.row(0);
      CHECK(z.allFinite());
      const float best = *std::max_element(row.begin(), row.end());
      for (Index k = 0; k < 3; ++k) {
        const bool is_best = row[static_cast<std::size_t>(k)] == best;
        CHECK((z[k] == z.maxCoeff()) == is_best);
      }
      const Tensor<float, 2> dx = pass.pullback(Logits<float>::Ones(1, 3));
      CHECK(std::all_of(dx.data(), dx.data() + 4, [](float d) { return std::isfinite(d) && d > 0; }));
    }
}

TEST_CASE("log probabilities: answers that are not finite stay so", "[models]") {
  const auto inner = constant({std::numeric_limits<float>::quiet_NaN(), 0.5f});
  const LogProbabilities model(inner);
  const Logits<float> z = model.logits(Tensor<float, 2>(1, 4));
  CHECK(std::isnan(z(0, 0)));
  CHECK(z(0, 1) == Catch::Approx(std::log(0.5)));
}

TEST_CASE("log probabilities: attacks find what they find with the logits", "[models]") {
  // DeepFool steps by the quotient of a difference of logits and its gradient, which on an affine model leads
  // to the closest adversarial, on what a softmax leaves of that farther.
  const auto inner = saturated<float>(Probabilities::exclusive, 3, 15.0f);
  const auto x = points<float>(24);
  const Labels labels = argmax<float>(inner.affine.logits(x));
  const auto total = [&](const auto& model) {
    return L2DeepFoolAttack()(model, x, Misclassification(labels)).distances.sum();
  };
  const LogProbabilities model(inner);
  const double with_logits = total(inner.affine);
  CHECK(std::isfinite(with_logits));
  CHECK(total(model) == Catch::Approx(with_logits).epsilon(1e-3));
}

TEST_CASE("log probabilities: of a single sigmoid, with foil::SingleLogit, two classes", "[models]") {
  const auto inner = saturated<double>(Probabilities::independent, 1, 1.0);
  const LogProbabilities logit(inner, Probabilities::independent);
  const SingleLogit model(logit);
  const auto x = points<double>(6);
  const Logits<double> z = inner.affine.logits(x), p = inner.logits(x);
  for (Index i = 0; i < 6; ++i) {
    CHECK(model.logits(x)(i, 1) == Catch::Approx(z(i, 0)));
    CHECK(predict(model, x)[i] == (p(i, 0) > 0.5 ? 1 : 0));
  }
}
}  // namespace
