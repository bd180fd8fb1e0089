// SPDX-License-Identifier: MIT
#include "foil/io/vnnlib.hpp"

#include <zlib.h>
#include <array>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "io/temporary_directory.hpp"
#include "support/catch.hpp"

using Catch::Matchers::ContainsSubstring;
using foil::Index;
using foil::io::Decimal;
using foil::io::parse_vnnlib;
using foil::io::VnnLib;

namespace {

std::string declared(int inputs, int outputs) {
  std::string out;
  for (const auto& [letter, count] : {std::pair('X', inputs), std::pair('Y', outputs)})
    for (int i = 0; i < count; ++i) out += foil::text("(declare-const ", letter, "_", i, " Real)\n");
  return out;
}

/// One input from 0 to 1, two outputs, and more.
VnnLib with(const std::string& more) {
  return parse_vnnlib(declared(1, 2) + "(assert (>= X_0 0)) (assert (<= X_0 1))\n" + more);
}

/// What one assertion about outputs says: coefficients, bound, whether it is strict.
std::vector<double> inequality(const std::string& condition) {
  const VnnLib read = with("(assert " + condition + ")");
  REQUIRE(read.cases.size() == 1);
  REQUIRE(read.cases[0].property.clauses.size() == 1);
  REQUIRE(read.cases[0].property.clauses[0].size() == 1);
  const foil::OutputInequality& one = read.cases[0].property.clauses[0][0];
  return {one.coefficients[0], one.coefficients[1], one.bound, one.strict ? 1.0 : 0.0};
}

/// The box of one input by these bounds.
VnnLib::Case box(const std::string& lower, const std::string& upper) {
  return parse_vnnlib(declared(1, 1) + "(assert " + lower + ")(assert " + upper + ")(assert (<= Y_0 0))")
      .cases.at(0);
}

std::vector<std::size_t> sizes(const VnnLib& read) {
  std::vector<std::size_t> out;
  for (const VnnLib::Case& one : read.cases) out.push_back(one.property.clauses.size());
  return out;
}

const std::string two_networks = "(declare-network f (declare-input X real [1]) (declare-output Y real [1]))";

}  // namespace

TEST_CASE("vnnlib: linear terms on either side become coefficients and a bound", "[io][vnnlib]") {
  using Numbers = std::vector<double>;
  CHECK(inequality("(<= Y_0 Y_1)") == Numbers{1, -1, 0, 0});
  CHECK(inequality("(>= Y_0 Y_1)") == Numbers{-1, 1, 0, 0});
  CHECK(inequality("(< Y_0 2.5)") == Numbers{1, 0, 2.5, 1});
  CHECK(inequality("(> 2.5 Y_0)") == Numbers{1, 0, 2.5, 1});
  CHECK(inequality("(<= (+ Y_0 (* 3 Y_1) 1e1) (- 4 Y_0 (- Y_1)))") == Numbers{2, 2, -6, 0});
  CHECK(inequality("(>= (* (- 2) (+ Y_0 1) 0.5) (- Y_1))") == Numbers{1, -1, -1, 0});
  CHECK(inequality("(<= (- (+ Y_0 Y_1) Y_0) 0)") == Numbers{0, 1, 0, 0});
  const VnnLib equal = with("(assert (= Y_0 1)) (assert (!= Y_1 2))");
  REQUIRE(sizes(equal) == std::vector<std::size_t>{2});  // below 2, or above
  CHECK(equal.cases[0].property.clauses[1].size() == 3);
  foil::OutputProperty property = equal.cases[0].property;
  CHECK(holds(property.clauses[0], Eigen::Vector2d(1, 1)));
  CHECK(holds(property.clauses[1], Eigen::Vector2d(1, 3)));
  CHECK(!holds(property.clauses[0], Eigen::Vector2d(1, 2)));
  CHECK(!holds(property.clauses[1], Eigen::Vector2d(1, 2)));
  CHECK(!holds(property.clauses[0], Eigen::Vector2d(1.5, 1)));
}

TEST_CASE("vnnlib: what is computed of constants never lets an output meet more than is written",
          "[io][vnnlib]") {
  // Neither number can be told from 1e10 + 5e-7 by a double's sum; Y_0 has to be at least 5e-7.
  for (const char* condition :
       {"(>= (+ Y_0 1e10) 10000000000.0000005)", "(<= 10000000000.0000005 (+ 1e10 Y_0))"})
    CHECK(inequality(condition)[2] <= -5e-7);
  CHECK(inequality("(<= (+ Y_0 1e17) 99999999999999995)")[2] <= -5);
  CHECK(inequality("(<= (+ Y_0 1e20) (+ 1e20 -5.5))")[2] <= -5.5);
  // 0.1 is below its double, 0.3 above: what is below 0.1 is at most the double before.
  CHECK(inequality("(< Y_0 0.1)") == std::vector<double>{1, 0, std::nextafter(0.1, 0), 0});
  CHECK(inequality("(< Y_0 0.3)") == std::vector<double>{1, 0, 0.3, 0});
  CHECK(inequality("(< Y_0 0.5)") == std::vector<double>{1, 0, 0.5, 1});
  CHECK(inequality("(<= (+ Y_0 0.1) (+ Y_1 0.1))") == std::vector<double>{1, -1, 0, 0});
  CHECK(inequality("(<= (+ (* 0.3 Y_0) Y_1) (* 0.3 Y_0))") == std::vector<double>{0, 1, 0, 0});
  CHECK(with("(assert (<= 0.1 0.1))(assert (<= Y_0 0))").cases.size() == 1);
  // 0.1 and the bound are read as the same double, and three times 0.3 may be above 0.9.
  const auto holds_at = [](const char* condition, double y) {
    return with(foil::text("(assert ", condition, ")"))
        .cases[0]
        .property.clauses[0][0]
        .holds(Eigen::Vector2d(y, 0));
  };
  CHECK_FALSE(holds_at("(>= (* 0.1 Y_0) 0.1000000000000000055)", 1));
  CHECK(holds_at("(>= (* 0.1 Y_0) 0.1000000000000000055)", 1.000000000000001));
  CHECK_FALSE(holds_at("(<= (* 0.3 0.3 Y_0) 0.09)", 1));
  CHECK(holds_at("(<= (* 0.5 0.5 Y_0) 0.25)", 1));
  CHECK(holds_at("(<= (* (* 1e-150 1e-150) Y_0) 1e-301)", 0.0999));
  CHECK(inequality("(<= (* 0 Y_0) (+ Y_1 1 (- Y_1)))") == std::vector<double>{0, 0, 1, 0});
  for (const char* condition :
       {"(>= (+ (* 0.1 Y_0) (* 0.2 Y_0) (* -0.3 Y_0)) 1e-18)", "(<= (+ (* (* 1e-200 1e-200) Y_0) Y_1) 0)"})
    CHECK_THROWS_WITH(inequality(condition),
                      ContainsSubstring("column 10: a factor of this condition is the difference"));
}

TEST_CASE("vnnlib: alternatives are multiplied out, and gathered by their boxes", "[io][vnnlib]") {
  const std::string conditions = "(assert (or (<= Y_0 0) (and (<= Y_0 1) (or (<= Y_1 2) (<= Y_1 3)))))";
  CHECK(sizes(with(conditions)) == std::vector<std::size_t>{3});
  CHECK(sizes(with(conditions + conditions)) == std::vector<std::size_t>{9});
  const VnnLib boxes = with(
      "(assert (or (and (<= X_0 0.25) (>= Y_0 1)) (and (>= X_0 0.75) (>= Y_0 2)) "
      "(and (<= X_0 0.250) (<= X_0 2) (>= Y_0 3))))");
  REQUIRE(sizes(boxes) == std::vector<std::size_t>{2, 1});
  CHECK(boxes.cases[0].lower == std::vector<double>{0});
  CHECK(boxes.cases[0].upper == std::vector<double>{0.25});
  CHECK(boxes.cases[1].lower == std::vector<double>{0.75});
  CHECK(boxes.cases[0].property.clauses[1][0].bound == -3);
  // What cannot hold is left out, what always does asks nothing; the tightest of several bounds counts.
  CHECK(sizes(with("(assert (or (and (>= X_0 2) (<= Y_0 0)) (and (<= 1 0) (<= Y_0 0)) (<= Y_0 9)))")) ==
        std::vector<std::size_t>{1});
  CHECK(sizes(with("(assert (and (<= 0 0) (< 1 (* 2 2)) (<= Y_0 9)))")) == std::vector<std::size_t>{1});
  CHECK(with("(assert (<= X_0 0.5)) (assert (<= X_0 0.75)) (assert (<= Y_0 9))").cases[0].upper_text[0] ==
        "0.5");
  CHECK(sizes(with("(assert (or (and (<= X_0 0.5) (<= Y_0 0)) (and (< X_0 0.5) (<= Y_0 0))))")) ==
        std::vector<std::size_t>{1, 1});
  // Bounds may stand in the alternatives alone.
  CHECK(parse_vnnlib(declared(1, 1) + "(assert (or (and (<= X_0 1) (>= X_0 0) (<= Y_0 0)) "
                                      "(and (<= X_0 3) (>= X_0 2) (<= Y_0 0))))")
            .cases.size() == 2);
}

TEST_CASE("vnnlib: the floats of a box lie in it as its decimals have it", "[io][vnnlib]") {
  const float above = 0.1f, below = std::nextafterf(above, 0.0f);  // 0.1f > 0.1
  const VnnLib::Case plain = box("(>= X_0 -0.1)", "(<= X_0 0.1)");
  CHECK(plain.lowest[0] == -below);
  CHECK(plain.highest[0] == below);
  CHECK(plain.upper[0] == 0.1);
  CHECK(plain.upper_text[0] == "0.1");
  // Both are the double that is 0.1f, but the second decimal is less than it.
  CHECK(box("(>= X_0 0)", "(<= X_0 0.100000001490116119384765625)").highest[0] == above);
  CHECK(box("(>= X_0 0)", "(<= X_0 0.100000001490116119384765624)").highest[0] == below);
  CHECK(box("(<= X_0 1)", "(>= X_0 0.100000001490116119384765625000001)").lowest[0] ==
        std::nextafterf(above, 1.0f));
  CHECK(box("(>= X_0 0)", "(<= X_0 10000000149011611938.47656e-20)").highest[0] == below);
  // No float is between: the one that programs read the lower bound as.
  const VnnLib::Case fixed = box("(>= X_0 0.1)", "(<= X_0 0.1)");
  CHECK(fixed.lowest[0] == above);
  CHECK(fixed.highest[0] == above);
  const VnnLib::Case between = box("(>= X_0 0.099999995)", "(<= X_0 0.1)");  // nearest to different floats
  CHECK(between.lowest[0] == below);
  CHECK(between.highest[0] == below);
  CHECK(counterexample(between, std::vector<float>{below}, {}).inputs[0].text() == "0.099999995");
  // Strict bounds, and those that have to be computed.
  CHECK(box("(>= X_0 0)", "(< X_0 0.5)").highest[0] == std::nextafterf(0.5f, 0.0f));
  CHECK(box("(> X_0 0.5)", "(<= X_0 1)").lowest[0] == std::nextafterf(0.5f, 1.0f));
  CHECK(box("(> X_0 0.1)", "(<= X_0 1)").lowest[0] == above);
  CHECK(box("(>= X_0 0)", "(<= (* 2 X_0) (+ 0.5 0.25))").highest[0] == 0.375f);
  CHECK(box("(<= (* -2.0 X_0) 0.0)", "(>= (- X_0) -5)").highest[0] == 5);
  CHECK(box("(>= X_0 0)", "(<= (* 3 X_0) 1)").highest[0] == std::nextafterf(1.0f / 3, 0.0f));
  // Constants that are doubles, of which the sum is none, and quotient and product are 7 but for rounding.
  const std::string tiny = "0.000000000000000000867361737988403547205962240695953369140625";
  CHECK(box("(>= X_0 (+ 1 " + tiny + "))", "(<= X_0 2)").lowest[0] == std::nextafterf(1.0f, 2.0f));
  const std::string tenth = "0.1000000000000000055511151231257827021181583404541015625";
  CHECK(
      box("(>= (* " + tenth + " X_0) 0.70000000000000006661338147750939242541790008544921875)", "(<= X_0 8)")
          .lowest[0] == std::nextafterf(7.0f, 8.0f));
  CHECK(box("(>= X_0 (* " + tenth + " 70))", "(<= X_0 8)").lowest[0] == std::nextafterf(7.0f, 8.0f));
  CHECK(box("(>= X_0 0)", "(<= X_0 (+ 0.1 0.2))").upper[0] < 0.3);  // as doubles, they are more together
  CHECK(box("(<= X_0 1e30)", "(<= (* -1 X_0) 1.0)").lower_text[0] == "-1.0");
}

TEST_CASE("vnnlib: a box is called empty only if it is, and has no number that it should not",
          "[io][vnnlib]") {
  for (const char* zero :
       {"(<= (* 2 X_0) 0)", "(<= (* 3 X_0) 0)", "(<= X_0 (* -4 X_0))", "(= (* 0.1 X_0) 0)"}) {
    CAPTURE(zero);
    const VnnLib::Case at_zero = box("(and (>= X_0 0) (<= X_0 1))", zero);
    CHECK((at_zero.lowest[0] == 0 && at_zero.highest[0] == 0));
    CHECK(Decimal::parse(at_zero.upper_text[0])->value() == 0);
  }
  // No float between a strict bound and another: the latter.
  for (const auto& [lower, upper, only] :
       {std::array{"(>= X_0 0.49999999)", "(< X_0 0.5)", "0.49999999"},
        std::array{"(> X_0 0.5)", "(<= X_0 0.500000001)", "0.500000001"}}) {
    const VnnLib::Case one = box(lower, upper);
    CHECK((one.lower_text[0] == only && one.upper_text[0] == only));
    CHECK((one.lowest[0] == 0.5f && one.highest[0] == 0.5f));
    CHECK(counterexample(one, std::vector<float>{0.5f}, {}).inputs[0].text() == only);
  }
  const auto refuse = [](const std::string& lower, const std::string& upper, const std::string& what) {
    CHECK_THROWS_WITH(box(lower, upper), ContainsSubstring(what));
  };
  const VnnLib::Case between = box("(> X_0 0.5)", "(< X_0 0.500000001)");  // a double, where there is one
  CHECK((between.lower_text[0] > "0.5" && between.lower_text[0] < "0.500000001"));
  CHECK(between.lower_text[0] == between.upper_text[0]);
  CHECK((between.lowest[0] == 0.5f && between.highest[0] == 0.5f));
  refuse("(> X_0 0.5)", "(< X_0 0.50000000000000001)",
         "no double is in the box: X_0 is to be above 0.5 (line 3) and below 0.50000000000000001 (line 3)");
  refuse("(> X_0 0.5)", "(<= X_0 0.5)", "the box is empty: X_0 is to be above 0.5 (line 3) and at most 0.5");
  refuse("(> X_0 340282346638528859811704183484516925440)", "(<= X_0 1e39)", "bounds that a float can hold");
  // A number of which no decimal can be told to lie there, and boxes that are empty though computed.
  const std::string unsure =
      "no number is in the box for sure, whose bounds had to be computed: X_0 is to be at";
  refuse("(= (* 3 X_0) 1)", "(<= X_0 1)", unsure);
  refuse("(= (- 0.8 X_0) (* 0.759 X_0))", "(<= X_0 1)", unsure);
  CHECK_THROWS_WITH(with("(assert (or (<= Y_0 1) (and (= (* 3 X_0) 1) (<= Y_0 0))))"),
                    ContainsSubstring(unsure));
  refuse("(>= (* 3 X_0) 1.000001)", "(<= (* 3 X_0) 1)", "the box is empty");
  // Quotients of denormal numbers, of which what is left underflows: 1 + 2^-23 (1 + 2^-45), but for more.
  const std::string divisor = Decimal::exactly(std::ldexp(0x1p45 - 1, -1074)).text();
  const std::string bound = foil::text("(>= (* ", divisor, " X_0) ",
                                       Decimal::exactly(std::ldexp(0x1p45 - 1 + 0x1p22, -1074)).text(), ")");
  CHECK(box(bound, "(<= X_0 2)").lowest[0] == 1 + 0x1p-22f);
  refuse(bound, "(<= X_0 1.0000001192092897)", unsure);
  // 7 times 2^-600 to within 2^-900 or so: an error that underflows is one.
  const std::string seven = "(+ 7 (* 1e-200 1e-200))";
  CHECK(box(foil::text("(>= X_0 (* ", seven, " ", Decimal::exactly(0x1p-600).text(), " ",
                       Decimal::exactly(0x1p600).text(), "))"),
            "(<= X_0 8)")
            .lowest[0] > 7);
}

TEST_CASE("vnnlib: decimals are compared as what they are, whatever the doubles", "[io][vnnlib]") {
  const auto order = [](const char* a, const char* b) {
    return Decimal::compare(*Decimal::parse(a), *Decimal::parse(b));
  };
  CHECK(order("0.1", "0.10000000000000000000001") < 0);
  CHECK(order("-0.1", "-0.10000000000000000000001") > 0);
  CHECK(order("0.1", "1e-1") == 0);
  CHECK(order("+100.0", "1E+2") == 0);
  CHECK(order("-0.0", "0") == 0);
  CHECK(order("1.000000000000000000001", "1") > 0);
  CHECK(order("0.00012300", "12.3e-5") == 0);
  for (const char* wrong :
       {"", "+", ".", "1.2.3", "1e", "1e+", "0x10", "inf", "nan", "1/2", "1e999", "1e-999"})
    CHECK(!Decimal::parse(wrong));
  for (const double value : {0.1, 1.0, -3.5, 1e-300, 5e-324, 1.7976931348623157e308, 0x1p-149}) {
    CAPTURE(value);
    const Decimal exact = Decimal::exactly(value);
    CHECK(Decimal::parse(exact.text())->value() == value);
    const bool whole = exact.text().find('.') == std::string::npos;
    const auto longer = Decimal::parse(exact.text() + (whole ? "." : "") + std::string(20, '0') + "1");
    CHECK(longer->value() == value);
    CHECK((exact < *longer) == (value > 0));
    CHECK((*longer < exact) == (value < 0));
  }
  CHECK(Decimal::exactly(0.1).text() == "0.1000000000000000055511151231257827021181583404541015625");
  CHECK(Decimal::parse("1e39")->float_below() == std::numeric_limits<float>::max());
  CHECK(std::isinf(Decimal::parse("1e39")->float_above()));
}

TEST_CASE("vnnlib: version 2 declares tensors", "[io][vnnlib]") {
  const std::string text =
      "(vnnlib-version <2.0>) ; comment ()\n(declare-network net\n"
      "  (declare-input In float32 [1,2]) (declare-output Out float32 []))\n"
      "(assert (and (>= In[0,0] 0.0) (<= In[0, 0] 1.0) (<= (* -1.0 In[0,1]) 0.0) (<= In[0,1] 2.0)))\n"
      "(assert (== Out 0.5))";
  const VnnLib read = parse_vnnlib(text);
  CHECK(read.version == 2);
  CHECK(read.inputs == 2);
  CHECK(read.outputs == 1);
  CHECK(read.input.shape == std::vector<Index>{1, 2});
  CHECK(read.cases.at(0).upper == std::vector<double>{1, 2});
  CHECK(read.cases[0].property.clauses.at(0).size() == 2);
  const std::vector<float> x{0.1f, 2}, y{0.5f};
  const auto found = counterexample(read.cases[0], x, y);
  CHECK(counterexample_text(read, found) == "In float32 [1,2]\n0.1\n2\nOut float32 []\n0.5\n");
  CHECK(parse_counterexample("sat\n" + counterexample_text(read, found), read).input() == x);
  CHECK(vnnlib_text(parse_vnnlib(vnnlib_text(read))) == vnnlib_text(read));

  const auto refuse = [](const std::string& wrong, const std::string& what) {
    CHECK_THROWS_WITH(parse_vnnlib("(vnnlib-version <2.0>)\n" + wrong), ContainsSubstring(what));
  };
  refuse(two_networks + "\n" + two_networks, "line 3, column 1: expected one network");
  refuse("(declare-network f (declare-input X real [1]) (declare-hidden H real [1] \"h\"))",
         "expected declare-input or declare-output, found 'declare-hidden': hidden values are not read");
  refuse("(declare-network f (declare-input X real [1]) (declare-input Z real [1]))", "expected one input");
  refuse("(declare-network f (declare-input X int8 [1]))", "expected real numbers");
  refuse("(declare-network f (declare-input X real [4096,4096]))", "expected a tensor of 1 to 4194304");
  refuse("(declare-network f (declare-input X real [0]))", "expected a tensor of 1 to");
  refuse("(declare-network f (declare-input 5 real [1]))",
         "expected a name of letters, digits and _, found '5'");
  refuse("(declare-network f (declare-output Y real [1]))", "expected the input before the output");
  refuse("(declare-network f (declare-input X float16 [1]))",
         "expected real numbers (real, float32 or float64)");
  refuse("(declare-network f (equal-to g))", "expected declare-input or declare-output, found 'equal-to'");
  refuse("(declare-network f (declare-input X real [1]) (declare-output X real [1]))", "declared again");
  refuse("(declare-const X_0 Real)", "expected declare-network in version 2");
  refuse(two_networks + "(assert (<= X[1] 0))", "expected an index from 0 to 0 for axis 0 of X, found 1");
  refuse(two_networks + "(assert (<= X 0))", "expected 1 indices of X, found 0");
  refuse(two_networks + "(assert (<= Z 0))", "'Z' is not declared; there are X and Y");
  refuse("(vnnlib-version <2.0>)", "line 2, column 1: expected the version once");
  CHECK_THROWS_WITH(parse_vnnlib("(vnnlib-version <3.0>)"),
                    ContainsSubstring("expected version <1.0> or <2.0>"));
}

TEST_CASE("vnnlib: what is wrong is named with line and column", "[io][vnnlib]") {
  const auto refuse = [](const std::string& text, const std::string& what) {
    CHECK_THROWS_WITH(parse_vnnlib(text, "a.vnnlib"), ContainsSubstring(what));
  };
  const std::string start = declared(2, 2);  // four lines
  const std::string bounds = "(assert (and (<= X_0 1) (>= X_0 0) (<= X_1 1) (>= X_1 0)))\n";
  refuse(start + "\n  (assert (<= X_0 Y_0))",
         "a.vnnlib: line 6, column 12: expected a condition on inputs or on outputs, this compares both");
  refuse(start + "(assert (<= (+ X_0 X_1) 1))", "line 5, column 10: expected bounds of single inputs");
  refuse(start + "(assert (<= (* Y_0 Y_1) 1))", "line 5, column 20: expected a linear term");
  refuse(start + "(assert (<= Y_2 1))", "line 5, column 13: 'Y_2' is not declared; there are X_0 to X_1 and");
  refuse(start + "(assert (<= Y_01 1))", "'Y_01' is not declared");
  refuse(start + "(assert (<= Y_0 1 2))", "line 5, column 19: expected ), found '2'");
  refuse(start + "(assert (<= Y_0))", "expected a number, a variable or a term, found ')'");
  refuse(start + "(assert (=> Y_0 1))",
         "expected and, or, or a comparison (<=, >=, <, >, =, !=), found '=>'");
  refuse(start + "(assert (<= Y_0 1.2.3))",
         "expected a decimal number that a double can hold, found '1.2.3'");
  refuse(start + "(assert (<= Y_0 1e400))", "expected a decimal number that a double can hold");
  refuse(start + "(assert (<= (* 1e300 Y_0) (* 1e300 1e300)))", "is beyond what a double holds");
  refuse(start + "(assert (or))", "expected (, found ')'");
  refuse(start + "(assert (and (<= Y_0 1))", "expected ), found the end of the file");
  refuse(start + "(asert (<= Y_0 1))", "there is no command 'asert'; did you mean assert?");
  refuse(start + "(declare-const X_1 Real)", "line 5, column 16: X_1 is declared again, after line 2");
  refuse(start + "(declare-const X_3 Real)" + bounds, "line 5, column 16: X_2 is not declared, but X_3 is");
  refuse(start + "(declare-const Z Real)",
         "expected an input X_0, X_1, ... or an output Y_0, Y_1, ..., found 'Z'");
  refuse(start + "(declare-const Y_2 Int)", "expected Real, found 'Int'");
  refuse(start + bounds + "(declare-const Y_2 Real)", "expected all declarations before the first assert");
  refuse("(declare-const X_0 Real)", "there are no outputs");
  refuse("", "a.vnnlib: expected declarations of inputs and outputs, there are no inputs");
  refuse(start + "(assert (and (<= X_0 1) (>= X_0 0) (<= X_1 1) (<= Y_0 0)))",
         "a.vnnlib: X_1 has no lower bound");
  refuse(start + bounds, "line 5, column 26: expected a condition on the outputs for every box");
  refuse(start + bounds + "(assert (or (<= Y_0 0)\n(and (<= X_0 0.5) (<= 0 0))))",
         "line 7, column 7: expected a condition on the outputs for every box");
  refuse(start + bounds + "(assert (or (<= Y_0 0)\n(<= 0 0)))", "line 6, column 9: expected a condition on");
  refuse(start + bounds + "(assert (>= X_1 1.5)) (assert (<= Y_0 0))",
         "line 6, column 10: the box is empty: X_1 is to be at least 1.5 (line 6) and at most 1 (line 5)");
  refuse(start + bounds + "(assert (or (and (>= X_1 2) (<= Y_0 0)) (and (<= X_0 -1) (<= Y_0 0))))",
         "the box is empty: X_0 is to be at least 0 (line 5) and at most -1 (line 6)");
  refuse(start + bounds + "(assert (<= Y_0 0))(assert (and (<= 0 0) (<= 1 0)))",
         "a.vnnlib: none of the conditions can hold");
  refuse(start + bounds + "(assert (or (and (< 1 1) (<= Y_0 0))))", "none of the conditions can hold");
  refuse(start + "(assert (and (<= X_0 1e50) (>= X_0 1e40) (<= X_1 1) (>= X_1 0) (<= Y_0 0)))",
         "expected bounds that a float can hold");
  for (const std::string end : {"\r", "\r\n", "\n"})  // which also ends a comment
    refuse("; one" + end + "; two" + end + end + " (asert)", "line 4, column 3: there is no command 'asert'");
  refuse("(declare-input \"a", "line 1, column 16: a quotation mark is not closed");
  std::string deep = "(<= Y_0 0)", wide = start + bounds;
  for (int i = 0; i < 300; ++i) deep = "(and " + deep + ")";
  refuse(start + bounds + "(assert " + deep + ")", "expected at most 200 parentheses in one another");
  for (int i = 0; i < 40; ++i) wide += "(assert (or (<= Y_0 0) (<= Y_1 0)))";
  const std::string too_many = "expected at most 1048576 conditions when all alternatives are multiplied out";
  refuse(wide, too_many);
  std::string any, all;
  for (int i = 0; i < 2000; ++i) any += "(<= Y_0 0)";
  for (int i = 0; i < 600; ++i) all += "(<= Y_1 0)";
  refuse(start + bounds + "(assert (or (and (or " + any + ") " + all + ") (>= Y_0 5)))", too_many);
  refuse(start + bounds + "(assert (or " + any + "))(assert (and " + all + "))", too_many);
}

TEST_CASE("vnnlib: a counterexample is decimals inside the box that are read as its floats", "[io][vnnlib]") {
  const std::vector<std::pair<const char*, const char*>> bounds{{"0.1", "0.1"},
                                                                {"0.0999999940395355224609375", "1"},
                                                                {"0.09999999403953552", "0.0999999940395356"},
                                                                {"-1", "1"}};
  std::string text = declared(4, 1) + "(assert (<= Y_0 0))";
  for (std::size_t i = 0; i < bounds.size(); ++i)
    text += foil::text("(assert (>= X_", i, " ", bounds[i].first, "))(assert (<= X_", i, " ",
                       bounds[i].second, "))");
  const VnnLib read = parse_vnnlib(text);
  const float below = std::nextafterf(0.1f, 0.0f);
  const std::vector<float> x{0.1f, below, below, 1e-20f}, y{-0.25f};
  const auto found = counterexample(read.cases[0], x, y);
  const std::string said = counterexample_text(read, found);
  CHECK(said ==
        "((X_0 0.1)\n(X_1 0.0999999940395355224609375)\n(X_2 0.09999999403953552)\n(X_3 "
        "0.00000000000000000001)\n"
        "(Y_0 -0.25))\n");
  const auto again = parse_counterexample(said, read);
  CHECK(again.input() == x);
  CHECK(in_box(read.cases[0], again));
  CHECK(again.outputs.at(0).value() == -0.25);
  auto outside = again;
  outside.inputs[1] = Decimal::shortest(below);  // 0.099999994, which is less than the float
  CHECK(outside.input() == x);
  CHECK(!in_box(read.cases[0], outside));
  outside.inputs[1] = *Decimal::parse("1.0000000000000000000001");
  CHECK(!in_box(read.cases[0], outside));
  for (const std::vector<float>& wrong : {std::vector<float>{0.1f, 0, below, 0}, {0.1f, 0, below}})
    CHECK_THROWS_WITH(counterexample(read.cases[0], wrong, y), ContainsSubstring("counterexample: expected"));
  CHECK_THROWS_WITH(parse_counterexample("sat ((X_0 1) (X_2 1))", read),
                    ContainsSubstring("line 1, column 15: expected X_1, found 'X_2'"));
  CHECK_THROWS_WITH(parse_counterexample(said + "more", read), ContainsSubstring("expected nothing more"));
}

TEST_CASE("vnnlib: any inequality of outputs is read again to the bit", "[io][vnnlib]") {
  VnnLib made = foil::io::vnnlib_robustness(std::vector<float>(1, 0.5f), 0.1, {}, 0, 2);
  std::mt19937_64 bits(7);
  std::vector<double> bounds{0.1, -0.1, 1e22, 5e-324, -5e-324, std::numeric_limits<double>::max(), 0.0, -0.0};
  for (int i = 0; i < 200; ++i) {
    const double sign = bits() % 2 == 0 ? 1 : -1;
    bounds.push_back(sign *
                     std::ldexp(static_cast<double>(bits() >> 11), static_cast<int>(bits() % 100) - 100));
  }
  for (const double bound : bounds)
    for (const bool strict : {false, true})
      for (const Eigen::Vector2d& factors : {Eigen::Vector2d(0.3, 0),
                                             {-0.7, 0},
                                             {1.1, -2.3},
                                             {0, 0},
                                             {5e-324, -0x7p-1074},
                                             {-0x1.8p-1030, 1e308}}) {
        made.cases[0].property.clauses = {{{factors, bound, strict}}};
        const std::string text = vnnlib_text(made);
        const auto read = parse_vnnlib(text).cases[0].property.clauses[0][0];
        CAPTURE(text);
        CHECK(read.bound == bound);
        CHECK(read.coefficients == factors);
        CHECK(read.strict == strict);
        CHECK(read.uncertainty == 0);
      }
  const std::string uncertain = "(assert (<= (* 0.3 Y_0) Y_1))\n";
  const VnnLib read = with(uncertain);
  CHECK(read.cases[0].property.clauses[0][0].uncertainty == 0x1p-52);
  CHECK_THAT(vnnlib_text(read), Catch::Matchers::EndsWith(uncertain));
  // Decimals that are doubles, of which the text has to say that they are not all there is.
  for (const char* blurred : {"(assert (<= (* 0.50000000000000000000000001 Y_0) Y_1))",
                              "(assert (<= Y_0 (* 2560.00000000000000000000001 Y_1)))",
                              "(assert (<= (* 1.00000000000000000000000001 Y_0) Y_1))"}) {
    const auto once = with(blurred).cases[0].property.clauses[0][0];
    const auto again = parse_vnnlib(vnnlib_text(with(blurred))).cases[0].property.clauses[0][0];
    CHECK(once.uncertainty == 0x1p-52);
    CHECK(again.uncertainty == once.uncertainty);
    CHECK(again.coefficients == once.coefficients);
  }
  // An error that is a number too small for doubles when it is divided by its factor.
  const std::string tiny = Decimal::exactly(0x1p-1040).text();
  const auto large =
      with("(assert (<= (+ (* -1e22 Y_0) (* -" + tiny + " Y_0)) -1))").cases[0].property.clauses[0][0];
  CHECK(large.uncertainty > 0);
  CHECK(large.uncertainty < 0x1p-1000);
}

TEST_CASE("vnnlib: the outputs of a counterexample meet the condition as they are written", "[io][vnnlib]") {
  const VnnLib near =
      with("(assert (>= Y_0 0.1000000005))");  // the float is above it, its shortest decimal below
  const float x = near.cases[0].lowest[0];
  const auto found = counterexample(near.cases[0], std::vector<float>{x}, std::vector<float>{0.1f, 1});
  CHECK(found.outputs[0].text() == "0.10000000149011612");
  const VnnLib far = with("(assert (>= Y_0 0.05))");
  CHECK(counterexample(far.cases[0], std::vector<float>{x}, std::vector<float>{0.1f, 1}).outputs[0].text() ==
        "0.1");
}

TEST_CASE("vnnlib: a robustness property is read again as it was made", "[io][vnnlib]") {
  const foil_test::TemporaryDirectory dir;
  const std::vector<float> x{0.02f, 0.5f, 1};
  const VnnLib made = foil::io::vnnlib_robustness(x, 0.05, foil::Bounds<float>(0, 1), 1, 3);
  foil::io::write_vnnlib(dir / "a.vnnlib", made, "of a test\n(and two lines");
  const std::string text = foil_test::read(dir / "a.vnnlib");
  CHECK_THAT(text, ContainsSubstring("; of a test\n; (and two lines\n(declare-const X_0 Real)"));
  CHECK_THAT(vnnlib_text(made, "one\r(assert (<= Y_0 0))\r\nthree"),
             ContainsSubstring("; one\n; (assert (<= Y_0 0))\n; \n; three"));
  CHECK_THAT(text, ContainsSubstring("(assert (or\n  (and (<= Y_1 Y_0))\n  (and (<= Y_1 Y_2))\n))\n"));
  gzFile packed = gzopen((dir / "a.vnnlib.gz").string().c_str(), "wb");
  gzputs(packed, text.c_str());
  gzclose(packed);
  for (const char* name : {"a.vnnlib", "a.vnnlib.gz"}) {
    const VnnLib read = foil::io::read_vnnlib(dir / name);
    REQUIRE(read.cases.size() == 1);
    CHECK(read.cases[0].lower == made.cases[0].lower);
    CHECK(read.cases[0].lowest == made.cases[0].lowest);
    CHECK(read.cases[0].highest == made.cases[0].highest);
    CHECK(read.cases[0].lower == std::vector<double>{0, 0.45, static_cast<double>(1.0f) - 0.05});
    CHECK(read.cases[0].upper[2] == 1);
    CHECK(vnnlib_text(read) == vnnlib_text(made));
  }
  CHECK_THROWS_WITH(foil::io::read_unpacked(dir / "a.vnnlib.gz", 100),
                    ContainsSubstring("a.vnnlib.gz: expected at most 100 bytes, unpacked, found more"));
  CHECK(foil::io::read_unpacked(dir / "a.vnnlib.gz", text.size()) == text);
  // An image at the ends of what images may be, and one whose radius is beside a float's half.
  std::mt19937 draws(3);
  std::uniform_real_distribution<float> uniform(0.1f, 1);
  for (int i = 0; i < 200; ++i) {
    const float low = -uniform(draws), high = uniform(draws);
    const std::vector<float> ends{low, high, low + high / 64};
    const double radius = i % 2 == 0 ? 0.05 : static_cast<double>(ends[2]) - static_cast<double>(low);
    const double epsilon = i % 4 == 1   ? std::nextafter(radius, 0)
                           : i % 4 == 3 ? std::nextafter(radius, 1)
                                        : radius;
    const VnnLib::Case one =
        foil::io::vnnlib_robustness(ends, epsilon, foil::Bounds<float>(low, high), 0, 2).cases[0];
    CAPTURE(low, high, epsilon);
    CHECK((one.lowest[0] == low && one.highest[1] == high));
    // What is within epsilon, exactly, as the difference of these floats is a double.
    CHECK((one.lowest[2] == low) == (static_cast<double>(ends[2]) - static_cast<double>(low) <= epsilon));
    CHECK(static_cast<double>(ends[2]) - static_cast<double>(one.lowest[2]) <= epsilon);
    CHECK(static_cast<double>(one.highest[2]) - static_cast<double>(ends[2]) <= epsilon);
  }
  VnnLib odd = made;
  odd.cases[0].property.clauses = {{{Eigen::Vector3d::Zero(), 1}, {Eigen::Vector3d(1, 0, 0), 1}}};
  CHECK(parse_vnnlib(vnnlib_text(odd)).cases[0].property.clauses[0].size() == 2);
  odd.cases[0].property.clauses[0][1].bound = std::numeric_limits<double>::infinity();
  CHECK_THROWS_WITH(vnnlib_text(odd), ContainsSubstring("expected finite coefficients and bounds"));
  VnnLib more = made;
  more.cases.push_back(more.cases[0]);
  more.cases[1].lower_text[0] = "0.01";
  more.cases[1].property.clauses = {{{Eigen::Vector3d(0.5, -2, 0), -3, true}, {Eigen::Vector3d(0, 0, 1), 2}}};
  const VnnLib read = parse_vnnlib(vnnlib_text(more));
  REQUIRE(sizes(read) == std::vector<std::size_t>{2, 1});
  const auto& clause = read.cases[1].property.clauses[0];
  REQUIRE(clause.size() == 2);
  CHECK(clause[0].coefficients == Eigen::Vector3d(0.5, -2, 0));
  CHECK(clause[0].bound == -3);
  CHECK(clause[0].strict);
  CHECK(read.cases[1].lower[0] == 0.01);
  CHECK(vnnlib_text(read) == vnnlib_text(more));
  for (const char* simple : {"(<= Y_0 -3)", "(<= 5 Y_0)", "(< Y_1 Y_0)"}) {
    const std::string again = vnnlib_text(with(foil::text("(assert ", simple, ")")));
    CHECK_THAT(again, Catch::Matchers::EndsWith(foil::text("(assert ", simple, ")\n")));
  }
  CHECK_THROWS_WITH(foil::io::vnnlib_robustness(x, 0.1, foil::Bounds<float>(0, 0.5f), 1, 3),
                    ContainsSubstring("expected input 2 from 0 to 0.5, got 1"));
  CHECK_THROWS_WITH(foil::io::vnnlib_robustness(x, 0.1, foil::Bounds<float>(0, 1), 3, 3),
                    ContainsSubstring("expected a label of 3 classes, got 3"));
}
