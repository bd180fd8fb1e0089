// SPDX-License-Identifier: MIT
#include "foil/models/flow/flow.hpp"

#include <Eigen/LU>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/models.hpp"

namespace {

using Catch::Matchers::ContainsSubstring;
using foil::CouplingKind;
using foil::Flow;
using foil::Index;
using foil::Logits;
using foil::test::Random;
using foil::test::random_batch;

template <class Scalar>
using Images = foil::Tensor<Scalar, 4>;
template <class Scalar>
using Vectors = foil::Tensor<Scalar, 2>;

static_assert(foil::BijectiveModel<Flow<Images<double>>> && foil::BijectiveModel<Flow<Vectors<float>>>);
static_assert(foil::DifferentiableModel<Flow<Images<float>>> && foil::shareable<Flow<Images<float>>>);
static_assert(!foil::BijectiveModel<foil::test::Mlp<Vectors<double>>>);

Eigen::MatrixXd normals(Random& random, Index rows, Index columns) {
  return random.normals(rows * columns).reshaped(rows, columns);
}

/// A tanh(B x) with random A and B; `size` is that of its answers.
template <class Scalar>
foil::RowFunction<Scalar> perceptron(Random& random, Index inputs, Index outputs, double size = 0.3) {
  using Rows = Logits<Scalar>;
  const Index hidden = 8;
  const Rows b =
      (normals(random, inputs, hidden) / std::sqrt(static_cast<double>(inputs))).template cast<Scalar>();
  const Rows a = (size * normals(random, hidden, outputs) / std::sqrt(static_cast<double>(hidden)))
                     .template cast<Scalar>();
  return {[a, b](const Rows& x) -> Rows { return Rows((x * b).array().tanh()) * a; },
          [a, b](const Rows& x, const Rows& cotangent) -> Rows {
            const Rows h = (x * b).array().tanh();
            return Rows((cotangent * a.transpose()).array() * (1 - h.array().square())) * b.transpose();
          }};
}

Eigen::MatrixXd rotation(Random& random, Index n) {
  Eigen::MatrixXd q = normals(random, n, n);
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < i; ++j) q.row(i) -= q.row(i).dot(q.row(j)) * q.row(j);
    q.row(i).normalize();
  }
  return q;
}

/// Levels of steps (normalisation, mixing, coupling) with squeezes before each and a split behind each but
/// the last.
template <class Scalar>
Flow<Images<Scalar>> random_flow(Index side, Index levels, Index steps, std::uint64_t seed) {
  Random random(seed);
  Flow<Images<Scalar>> flow({1, side, side});
  constexpr std::array kinds{CouplingKind::additive, CouplingKind::sigmoid, CouplingKind::exponential};
  for (Index level = 0; level < levels; ++level) {
    flow.squeeze();
    for (Index step = 0; step < steps; ++step) {
      const Index channels = flow.shape().channels, half = flow.shape().size() / 2;
      const CouplingKind kind = kinds[static_cast<std::size_t>(random.integer(3))];
      flow.act_norm(random.uniforms(channels, 0.8, 1.25), 0.1 * random.normals(channels));
      if (step % 2 == 0)
        flow.mix(rotation(random, channels));
      else
        flow.reverse();
      flow.couple(kind, perceptron<Scalar>(random, half, kind == CouplingKind::additive ? half : 2 * half,
                                           kind == CouplingKind::sigmoid ? 0.1 : 0.3));
    }
    if (level + 1 < levels) flow.split(flow.shape().channels / 2);
  }
  flow.front({3, 1});
  return std::move(flow.semantics(2));
}

template <class Scalar>
double worst_return(const Flow<Images<Scalar>>& flow, const Images<Scalar>& x) {
  const Images<Scalar> again = flow.inverse(flow.forward(x));
  return static_cast<double>((foil::as_matrix(again) - foil::as_matrix(x)).cwiseAbs().maxCoeff());
}

/// Derivatives of order six of all codes of one sample by all of its features.
Eigen::MatrixXd dense_jacobian(const auto& flow, const auto& x) {
  const Index n = foil::features(x);
  Eigen::MatrixXd jacobian(n, n);
  const double h = 5e-3;
  for (Index j = 0; j < n; ++j) {
    const auto at = [&](double shift) -> Eigen::VectorXd {
      auto moved = x;
      moved.data()[j] += shift * h;
      return flow.forward(moved).row(0).transpose();
    };
    jacobian.col(j) = (45 * (at(1) - at(-1)) - 9 * (at(2) - at(-2)) + (at(3) - at(-3))) / (60 * h);
  }
  return jacobian;
}

}  // namespace

TEST_CASE("flow: 48 steps back and forth return the input", "[models]") {
  Random random(1);
  const auto flow = random_flow<double>(16, 3, 16, 2);
  const auto x = random_batch<Images<double>>(random, Images<double>::Dimensions(5, 1, 16, 16));
  const Logits<double> codes = flow.forward(x);
  CHECK((codes - foil::as_matrix(x)).cwiseAbs().maxCoeff() > 0.5);
  CHECK(worst_return(flow, x) < 1e-10);
  CHECK((flow.forward(flow.inverse(codes)) - codes).cwiseAbs().maxCoeff() < 1e-10);

  const auto single = random_flow<float>(16, 3, 16, 2);
  CHECK(worst_return(single, random_batch<Images<float>>(random, Images<float>::Dimensions(5, 1, 16, 16))) <
        1e-4);
}

TEST_CASE("flow: log-determinants are those of dense Jacobians", "[models]") {
  Random random(3);
  for (const std::uint64_t seed : {4u, 5u, 6u}) {
    const auto flow = random_flow<double>(4, 2, 6, seed);
    const auto x = random_batch<Images<double>>(random, Images<double>::Dimensions(2, 1, 4, 4));
    const Eigen::VectorXd said = flow.log_determinants(x);
    for (Index i = 0; i < 2; ++i) {
      const auto one = foil::gather(x, std::vector<Index>{i});
      const double determinant = std::abs(dense_jacobian(flow, one).determinant());
      CHECK(std::exp(said[i]) == Catch::Approx(determinant).epsilon(1e-8).margin(0));
      CHECK(std::abs(said[i]) > 1e-3);
    }
    CHECK(std::abs(said[0] - said[1]) > 1e-6);
  }
}

TEST_CASE("flow: the pullback is the derivative of the logits", "[models]") {
  Random random(7);
  const auto flow = random_flow<double>(4, 2, 6, 8);
  const auto x = random_batch<Images<double>>(random, Images<double>::Dimensions(2, 1, 4, 4));
  Logits<double> cotangent(2, 2);
  cotangent << 1, -0.5, 0.25, 2;
  const auto pass = flow.vjp(x);
  CHECK(pass.logits == flow.logits(x));
  const Images<double> gradient = pass.pullback(cotangent);
  for (Index i = 0; i < 2; ++i) {
    const Eigen::MatrixXd jacobian = dense_jacobian(flow, foil::gather(x, std::vector<Index>{i}));
    const Eigen::VectorXd expected = jacobian.topRows(2).transpose() * cotangent.row(i).transpose();
    CHECK((foil::sample(gradient, i) - expected).cwiseAbs().maxCoeff() < 1e-9);
    CHECK(expected.cwiseAbs().maxCoeff() > 0.1);
  }
}

TEST_CASE("flow: a row's code is the same in any batch", "[models]") {
  Random random(9);
  // Functions of rows that Eigen computes for the whole batch are not; a model by rows is.
  Flow<Vectors<double>> flow({6});
  flow.couple(CouplingKind::additive, foil::test::Mlp<Vectors<double>>(3, 5, 3, 10))
      .mix(rotation(random, 6))
      .couple(CouplingKind::sigmoid, foil::test::Mlp<Vectors<double>>(2, 5, 8, 11), 2)
      .semantics(2);
  const auto x = random_batch<Vectors<double>>(random, Vectors<double>::Dimensions(7, 6));
  const Logits<double> codes = flow.forward(x);
  const Vectors<double> back = flow.inverse(codes);
  for (Index i = 0; i < 7; ++i) {
    const auto one = foil::gather(x, std::vector<Index>{i});
    CHECK(flow.forward(one) == codes.row(i));
    CHECK(foil::sample(flow.inverse(codes.row(i)), 0) == foil::sample(back, i));
  }
}

TEST_CASE("flow: squeezes, orders and splits put numbers where they say", "[models]") {
  Images<double> x(1, 2, 2, 4);
  for (Index i = 0; i < 16; ++i) x.data()[i] = static_cast<double>(i);
  const auto code = [&](Flow<Images<double>>& flow) {
    const Logits<double> codes = flow.forward(x);
    CHECK(foil::sample(flow.inverse(codes), 0) == foil::sample(x, 0));
    CHECK(flow.log_determinants(x)[0] == 0);
    return std::vector<double>(codes.data(), codes.data() + codes.size());
  };
  using Numbers = std::vector<double>;
  Flow<Images<double>> squeezed({2, 2, 4});
  squeezed.squeeze();
  CHECK(squeezed.shape() == foil::FlowShape{8, 1, 2});
  CHECK(code(squeezed) == Numbers{0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15});
  squeezed.split(4).reverse();
  CHECK(code(squeezed) == Numbers{5, 7, 4, 6, 1, 3, 0, 2, 8, 10, 9, 11, 12, 14, 13, 15});
  squeezed.split(2).permute({1, 0}).front({3, 0});
  CHECK(squeezed.shape() == foil::FlowShape{4, 1, 1});
  CHECK(code(squeezed) == Numbers{7, 4, 6, 5, 1, 3, 0, 2, 8, 10, 9, 11, 12, 14, 13, 15});
}

TEST_CASE("flow: a coupling returns what it was given however coarse its function is", "[models]") {
  Random random(12);
  // In single precision, and rounded to quarters: nothing near a bijection.
  const auto coarse = [](const Logits<double>& x) -> Logits<double> {
    return (8 * x.cast<float>()).array().sin().round().cast<double>() / 4;
  };
  const auto x = random_batch<Vectors<double>>(random, Vectors<double>::Dimensions(50, 8), -1, 1);
  Flow<Vectors<double>> additive({8});
  additive.couple(CouplingKind::additive, coarse).couple(CouplingKind::additive, coarse);
  const Logits<double> codes = additive.forward(x);
  CHECK((codes - foil::as_matrix(x)).cwiseAbs().maxCoeff() > 0.2);
  CHECK((foil::as_matrix(additive.inverse(codes)) - foil::as_matrix(x)).cwiseAbs().maxCoeff() < 1e-15);

  // A network in single precision in a flow in double precision.
  Flow<Vectors<double>> network({8});
  network.couple(CouplingKind::exponential, foil::test::Mlp<Vectors<float>>(4, 6, 8, 13)).semantics(2);
  const Logits<double> other = network.forward(x);
  CHECK((foil::as_matrix(network.inverse(other)) - foil::as_matrix(x)).cwiseAbs().maxCoeff() < 1e-13);
  CHECK((network.forward(network.inverse(other)) - other).cwiseAbs().maxCoeff() < 1e-13);
}

TEST_CASE("flow: a scale that cannot be undone spoils its row alone", "[models]") {
  Flow<Vectors<double>> flow({2});
  flow.couple(CouplingKind::exponential, [](const Logits<double>& x) -> Logits<double> {
    Logits<double> out(x.rows(), 2);
    out << x, x;
    return out;
  });
  Vectors<double> x(3, 2);
  x.setValues({{0.5, 1}, {-800, 1}, {800, 1}});
  const Logits<double> codes = flow.forward(x);
  CHECK(codes(0, 1) == std::exp(0.5) + 0.5);
  CHECK(std::isnan(codes(1, 1)));
  CHECK(std::isnan(codes(2, 1)));
  CHECK(std::isnan(flow.log_determinants(x)[1]));
  CHECK(flow.log_determinants(x)[0] == 0.5);
}

TEST_CASE("flow: what does not fit is refused", "[models]") {
  using Vector = Eigen::VectorXd;
  using Matrix = Eigen::MatrixXd;
  Flow<Images<double>> flow({2, 2, 3});
  CHECK_THROWS_WITH(flow.squeeze(), ContainsSubstring("a squeeze by 2 needs a height and a width"));
  CHECK_THROWS_WITH(flow.act_norm(Vector::Zero(1), Vector::Zero(1)), ContainsSubstring("other than 0"));
  CHECK_THROWS_WITH(flow.act_norm(Vector::Ones(3), Vector::Zero(1)), ContainsSubstring("expected 1 or 2"));
  CHECK_THROWS_WITH(flow.act_norm(Vector::Ones(1), Vector::Constant(1, NAN)), ContainsSubstring("shifts"));
  CHECK_THROWS_WITH(flow.mix(Matrix::Identity(3, 3)), ContainsSubstring("expected a matrix of 2 x 2"));
  CHECK_THROWS_WITH(flow.mix(Matrix::Ones(2, 2)), ContainsSubstring("can be inverted"));
  CHECK_THROWS_WITH(flow.mix(Matrix::Constant(2, 2, NAN)), ContainsSubstring("finite numbers"));
  CHECK_THROWS_WITH(flow.permute({0, 0}), ContainsSubstring("got 0 again"));
  CHECK_THROWS_WITH(flow.permute({0}), ContainsSubstring("an order of 2 things"));
  CHECK_THROWS_WITH(flow.front({12}), ContainsSubstring("entries from 0 to 11"));
  CHECK_THROWS_WITH(flow.front({1, 1}), ContainsSubstring("twice"));
  CHECK_THROWS_WITH(flow.split(2), ContainsSubstring("some of the 2 channels but not all"));
  CHECK_THROWS_WITH(flow.semantics(12), ContainsSubstring("2 to 11 logits"));
  const auto same = [](const Logits<double>& x) -> Logits<double> { return x; };
  CHECK_THROWS_WITH(flow.couple(CouplingKind::sigmoid, same), ContainsSubstring("to return 1 x 12"));
  CHECK_THROWS_WITH(flow.couple(CouplingKind::additive, same, 2), ContainsSubstring("was to keep 2"));
  CHECK_THROWS_WITH(flow.logits(Images<double>(1, 2, 2, 3)), ContainsSubstring("call semantics()"));
  CHECK_THROWS_WITH(flow.forward(Images<double>(1, 2, 3, 2)), ContainsSubstring("expected a batch of shape"));
  CHECK_THROWS_WITH(flow.inverse(Logits<double>(1, 11)), ContainsSubstring("expected codes of 12 numbers"));
  CHECK_THROWS_WITH(Flow<Vectors<double>>({0}), ContainsSubstring("samples with numbers"));
  CHECK_THROWS_WITH(Flow<Images<double>>({1 << 20, 1 << 20, 1 << 20}), ContainsSubstring("at most"));

  flow.couple(CouplingKind::additive, same).semantics(2);
  Images<double> x(1, 2, 2, 3);
  x.setZero();
  const auto pass = flow.vjp(x);
  CHECK_THROWS_WITH(pass.pullback(Logits<double>::Ones(1, 2)), ContainsSubstring("has no pullback"));
  CHECK_THROWS_WITH(pass.pullback(Logits<double>::Ones(1, 3)), ContainsSubstring("a cotangent of 1 x 2"));
  CHECK(flow.shape() == foil::FlowShape{2, 2, 3});
}
