// SPDX-License-Identifier: MIT
#include "foil/nn/operators/cells.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/operator_check.hpp"

namespace {

using foil::Index;
using foil::nn::Gate;
using foil::nn::RecurrentShape;
using foil::test::OperatorCheck;
using Check = OperatorCheck<double>;
using Row = std::vector<double>;

/// One sequence through one cell after the other, as ONNX writes them down.
struct Reference {
  RecurrentShape<double> shape;
  Row h, c{};
  std::vector<Row> states{}, cells{};

  explicit Reference(const RecurrentShape<double>& s, Row h0) : shape(s), h(std::move(h0)) {
    if (h.empty()) h.assign(static_cast<std::size_t>(s.hidden), 0.);
    c = Row(h.size(), 0.);
    states.resize(static_cast<std::size_t>(s.steps));
    cells.resize(states.size());
  }

  /// Row `o` of the weights of the inputs times x, with its bias, and of those of the state times s.
  double from_input(std::size_t o, const double* x) const {
    double sum = shape.biases[o];
    for (std::size_t i = 0; i < static_cast<std::size_t>(shape.inputs); ++i)
      sum += shape.input_weights[o * static_cast<std::size_t>(shape.inputs) + i] * x[i];
    return sum;
  }
  double from_state(std::size_t o, const Row& s) const {
    double sum = 0;
    for (std::size_t i = 0; i < s.size(); ++i) sum += shape.recurrent_weights[o * s.size() + i] * s[i];
    return sum;
  }

  template <class F>
  void run(const double* x, F&& step) {
    for (Index t = 0; t < shape.steps; ++t) {
      const Index at = shape.reverse ? shape.steps - 1 - t : t;
      step(x + at * shape.inputs);
      states[static_cast<std::size_t>(at)] = h;
      cells[static_cast<std::size_t>(at)] = c;
    }
  }
};

RecurrentShape<double> make_shape(Index steps, Index inputs, Index hidden, Index gates, bool reverse) {
  return {steps,
          inputs,
          hidden,
          reverse,
          Check::numbers(gates * hidden * inputs, -1, 1, 3),
          Check::numbers(gates * hidden * hidden, -1, 1, 4),
          Check::numbers(gates * hidden, -1, 1, 5),
          {}};
}

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

/// Part `part` of all records, compared with rows of the reference.
void require_part(const Row& output, Index record, Index part, const std::vector<Row>& wanted) {
  for (std::size_t t = 0; t < wanted.size(); ++t)
    for (std::size_t j = 0; j < wanted[t].size(); ++j) {
      CAPTURE(t, j);
      const auto at =
          t * static_cast<std::size_t>(record) + static_cast<std::size_t>(part) * wanted[t].size() + j;
      REQUIRE(output[at] == Catch::Approx(wanted[t][j]).epsilon(1e-12).margin(1e-12));
    }
}

}  // namespace

TEST_CASE("cells: simple ones follow the formula, forward and backward", "[nn][recurrent]") {
  const bool reverse = GENERATE(false, true);
  const Index steps = 4, inputs = 3, hidden = 5;
  auto shape = make_shape(steps, inputs, hidden, 1, reverse);
  shape.state.constants = Check::numbers(hidden, -1, 1, 6);
  const foil::nn::Gate<double> f{Gate<double>::Kind::tanh};
  foil::nn::SimpleCells<double> op(shape, f);
  op.prepare();
  const Check check{op, {steps * inputs}, steps * hidden};
  const auto x = check.make(1);
  Reference expected(shape, shape.state.constants);
  expected.run(x[0].data(), [&](const double* in) {
    Row next(5);
    for (std::size_t j = 0; j < 5; ++j)
      next[j] = std::tanh(expected.from_input(j, in) + expected.from_state(j, expected.h));
    expected.h = next;
  });
  require_part(check.forward(1, x), op.record(), 0, expected.states);
  check.check_pullback();
  check.check_samples_apart(33);
}

TEST_CASE("cells: LSTM follows the formula, forward and backward", "[nn][recurrent]") {
  const bool reverse = GENERATE(false, true), peeps = GENERATE(false, true), coupled = GENERATE(false, true);
  const Index steps = 3, inputs = 4, hidden = 9;
  const bool given = !reverse;  // states as inputs
  auto shape = make_shape(steps, inputs, hidden, 4, reverse);
  foil::nn::LstmOptions<double> options;
  options.coupled = coupled;
  if (peeps) options.peepholes = Check::numbers(3 * hidden, -1, 1, 7);
  if (given) shape.state.input = 1, options.cell.input = 2;
  foil::nn::LstmCells<double> op(shape, options);
  op.prepare();
  Check check{op, {steps * inputs}, steps * op.record(), op.record(), 2 * hidden};
  if (given) check.inputs = {steps * inputs, hidden, hidden};
  const auto x = check.make(1);
  Reference expected(shape, given ? x[1] : Row{});
  if (given) expected.c = x[2];
  expected.run(x[0].data(), [&](const double* in) {
    const std::size_t n = 9;
    Row h(n), c(n);
    const auto sum = [&](std::size_t gate, std::size_t j, std::size_t peephole, double cell) {
      const std::size_t o = gate * n + j;
      return expected.from_input(o, in) + expected.from_state(o, expected.h) +
             (peeps && peephole < 3 ? options.peepholes[peephole * n + j] * cell : 0);
    };
    for (std::size_t j = 0; j < n; ++j) {
      const double i = sigmoid(sum(0, j, 0, expected.c[j]));
      const double f = coupled ? 1 - i : sigmoid(sum(2, j, 2, expected.c[j]));
      c[j] = f * expected.c[j] + i * std::tanh(sum(3, j, 3, 0));
      h[j] = sigmoid(sum(1, j, 1, c[j])) * std::tanh(c[j]);
    }
    expected.h = h;
    expected.c = c;
  });
  const Row y = check.forward(1, x);
  require_part(y, op.record(), 0, expected.states);
  require_part(y, op.record(), 1, expected.cells);
  check.check_pullback();
  check.check_samples_apart(16);
}

TEST_CASE("cells: GRU follows the formula, forward and backward", "[nn][recurrent]") {
  const bool reverse = GENERATE(false, true), behind = GENERATE(false, true);
  const Index steps = 3, inputs = 4, hidden = 9;
  const bool given = reverse;
  auto shape = make_shape(steps, inputs, hidden, 3, reverse);
  foil::nn::GruOptions<double> options;
  options.reset_behind = behind;
  if (behind) options.bias_before_reset = Check::numbers(hidden, -1, 1, 8);
  if (given) shape.state.input = 1;
  foil::nn::GruCells<double> op(shape, options);
  op.prepare();
  Check check{op, {steps * inputs}, steps * op.record(), op.record(), hidden};
  if (given) check.inputs = {steps * inputs, hidden};
  const auto x = check.make(1);
  Reference expected(shape, given ? x[1] : Row{});
  expected.run(x[0].data(), [&](const double* in) {
    const std::size_t n = 9;
    Row h(n), z(n), r(n), reset(n);
    const Row old = expected.h;
    for (std::size_t j = 0; j < n; ++j) {
      z[j] = sigmoid(expected.from_input(j, in) + expected.from_state(j, old));
      r[j] = sigmoid(expected.from_input(n + j, in) + expected.from_state(n + j, old));
      reset[j] = r[j] * old[j];
    }
    for (std::size_t j = 0; j < n; ++j) {
      const std::size_t o = 2 * n + j;
      const double from_state = behind ? r[j] * (expected.from_state(o, old) + options.bias_before_reset[j])
                                       : expected.from_state(o, reset);
      h[j] = (1 - z[j]) * std::tanh(expected.from_input(o, in) + from_state) + z[j] * old[j];
    }
    expected.h = h;
  });
  require_part(check.forward(1, x), op.record(), 0, expected.states);
  check.check_pullback();
  check.check_samples_apart(16);
}

TEST_CASE("gate: every function and its derivative", "[nn][recurrent]") {
  using Kind = Gate<double>::Kind;
  using Function = std::function<double(double)>;
  const std::vector<std::pair<Gate<double>, Function>> all{
      {{Kind::sigmoid}, sigmoid},
      {{Kind::tanh}, [](double x) { return std::tanh(x); }},
      {{Kind::relu}, [](double x) { return x > 0 ? x : 0; }},
      {{Kind::affine, 2, 0.5}, [](double x) { return 2 * x + 0.5; }},
      {{Kind::leaky_relu, 0.1}, [](double x) { return x > 0 ? x : 0.1 * x; }},
      {{Kind::thresholded_relu, 0.5}, [](double x) { return x > 0.5 ? x : 0; }},
      {{Kind::scaled_tanh, 1.7, 0.6}, [](double x) { return 1.7 * std::tanh(0.6 * x); }},
      {{Kind::hard_sigmoid, 0.3, 0.4}, [](double x) { return std::min(1., std::max(0., 0.3 * x + 0.4)); }},
      {{Kind::elu, 0.7}, [](double x) { return x > 0 ? x : 0.7 * (std::exp(x) - 1); }},
      {{Kind::softsign}, [](double x) { return x / (1 + std::abs(x)); }},
      {{Kind::softplus}, [](double x) { return std::log(1 + std::exp(x)); }}};
  for (const auto& [gate, function] : all)
    for (const double x : {-5.1, -1.3, -0.2, 0.3, 0.9, 4.2}) {
      CAPTURE(static_cast<int>(gate.kind), x);
      const auto y = gate.value(foil::nn::broadcast<double>(x));
      REQUIRE(y[0] == Catch::Approx(function(x)).epsilon(1e-12).margin(1e-12));
      const double slope = (function(x + 1e-5) - function(x - 1e-5)) / 2e-5;
      REQUIRE(gate.slope(y)[0] == Catch::Approx(slope).epsilon(1e-7).margin(1e-8));
    }
}
