// SPDX-License-Identifier: MIT
/// \file
/// foil-falsify: what it answers, where it writes that, and what it refuses. FOIL_FALSIFY is its path.
#include <zlib.h>

#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "foil/io/vnnlib.hpp"
#include "support/catch.hpp"
#include "support/onnx_builder.hpp"
#include "tools/foil_evaluate.hpp"
#include "tools/other_programs.hpp"

using namespace foil_test;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;

namespace {

void write_packed(const std::filesystem::path& path, const std::string& content) {
  gzFile file = gzopen(path.string().c_str(), "wb");
  gzwrite(file, content.data(), static_cast<unsigned>(content.size()));
  gzclose(file);
}

/// y_0 = x_0 + x_1 and y_1 = x_0 - x_1, of inputs of 1 x 1 x 2.
std::string network() {
  foil::test::OnnxBuilder file({1, 1, 1, 2});
  file.constant("w", {2, 2}, {1, 1, 1, -1});
  file.node("Flatten", {"x"}, "flat");
  return file.node("Gemm", {"flat", "w"}, "y", {foil::test::attribute("transB", 1)}).bytes();
}

/// x_0 fixed at 0.1, which is no float, x_1 up to 0.7, and a condition.
std::string property(const std::string& condition, const std::string& least = "-0.3") {
  return "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)(declare-const Y_1 Real)\n"
         "(assert (>= X_0 0.1))(assert (<= X_0 0.1))(assert (>= X_1 " +
         least + "))(assert (<= X_1 0.7))\n(assert " + condition + ")\n";
}

/// A folder with the network, and with a property.
struct Problem {
  explicit Problem(const std::string& stated) {
    write(dir / "net.onnx", network());
    write(dir / "p.vnnlib", stated);
  }
  Outcome run(const std::string& options, const std::string& net = "net.onnx") const {
    return call(FOIL_FALSIFY,
                (dir / net).string() + " " + (dir / "p.vnnlib").string() + " --calls 2000 " + options);
  }
  TemporaryDirectory dir{};
};

}  // namespace

TEST_CASE("foil-falsify: sat comes with an input of the box, and its outputs", "[tools][falsify]") {
  const Problem problem(property("(or (<= Y_1 -9) (and (<= (+ Y_0 0.25) Y_1) (<= Y_0 0)))"));  // x_1 <= -1/8
  const Outcome said = problem.run("--quiet");
  REQUIRE(said.status == 0);
  REQUIRE_THAT(said.out, StartsWith("sat\n((X_0 0.1)\n(X_1 -0."));
  const auto stated = foil::io::read_vnnlib(problem.dir / "p.vnnlib");
  const auto found = foil::io::parse_counterexample(said.out, stated);
  CHECK(in_box(stated.cases.at(0), found));
  const double x = found.inputs.at(1).value();
  CHECK(x >= -0.3);
  CHECK(x < -0.125);
  CHECK(found.outputs.at(0).value() == Catch::Approx(0.1 + x).margin(1e-6));
  CHECK(found.outputs.at(1).value() == Catch::Approx(0.1 - x).margin(1e-6));
  CHECK(problem.run("--quiet").out == said.out);

  write(problem.dir / "out", "older");
  const Outcome written = problem.run("--threads 2 --timeout 1000 --out " + (problem.dir / "out").string());
  CHECK(written.status == 0);
  CHECK_THAT(written.out, StartsWith("foil-falsify: 2 inputs, 2 outputs, 1 box, 2 alternative conditions\n"
                                     "foil-falsify: a counterexample after "));
  CHECK(read(problem.dir / "out") == said.out);
  write_packed(problem.dir / "net.onnx.gz", network());
  CHECK(problem.run("--quiet", "net.onnx.gz").out == said.out);

  write_packed(
      problem.dir / "p.vnnlib",
      "(vnnlib-version <2.0>)(declare-network f (declare-input A real [1,1,2]) (declare-output B real "
      "[1,2]))(assert (and (>= A[0,0,0] 0) (<= A[0,0,0] 0) (>= A[0,0,1] -1) (<= A[0,0,1] 0)))"
      "(assert (< B[0,0] -0.5))");
  const Outcome second = problem.run("--quiet");
  CHECK_THAT(second.out, StartsWith("sat\nA real [1,1,2]\n0\n-"));
}

TEST_CASE("foil-falsify: unknown, where nothing is found or it may not survive rounding",
          "[tools][falsify]") {
  const Problem never(property("(<= (+ Y_0 0.7) Y_1)"));  // x_1 <= -0.35
  CHECK(never.run("--quiet").out == "unknown\n");
  const Outcome nearest = never.run("");
  CHECK(nearest.status == 0);
  CHECK_THAT(nearest.out, ContainsSubstring("no counterexample after "));
  CHECK_THAT(nearest.out, ContainsSubstring("the nearest outputs miss the condition by 0.1"));
  CHECK(never.run("--quiet --timeout 0").out == "unknown\n");

  const Problem barely(property("(< (* 3 Y_0) (* 3 Y_1))", "-0.000001"));
  CHECK(barely.run("--quiet").out == "unknown\n");
  CHECK_THAT(barely.run("").out, ContainsSubstring("--rounding 0 accepts it"));
  CHECK_THAT(barely.run("--quiet --rounding 0").out, StartsWith("sat\n((X_0 0.1)\n(X_1 -0.00000"));

  const Problem level(property("(and (<= Y_0 Y_1) (<= X_0 0.5))", "0"));
  CHECK(level.run("--quiet").out == "unknown\n");
  CHECK_THAT(level.run("").out, ContainsSubstring("the best meets the condition by 0, "));
  CHECK_THAT(level.run("--quiet --rounding 0").out, StartsWith("sat\n((X_0 0.1)\n(X_1 0)"));
}

TEST_CASE("foil-falsify: an answer that cannot be written is a failure, of a file as of standard output",
          "[tools][falsify]") {
  const Problem problem(property("(<= Y_0 9)"));
  const Outcome full = problem.run("--quiet --out /dev/full");
  CHECK(full.status == 1);
  CHECK_THAT(full.out, ContainsSubstring("/dev/full: cannot be written: No space left on device"));
  CHECK(problem.run("--quiet > /dev/full").status == 1);
}

TEST_CASE("foil-falsify: the time is up in a call of the network that does not end", "[tools][falsify]") {
  const TemporaryDirectory dir;
  write(dir / "slow.onnx", foil::test::slow_network());
  auto stated = foil::io::vnnlib_robustness(std::vector<float>(784, 0.5f), 0.1, {}, 0, 2);
  stated.outputs = 1;
  stated.output.shape = {1};
  stated.cases[0].property = {{{{Eigen::VectorXd::Ones(1), -1}}}};
  foil::io::write_vnnlib(dir / "p.vnnlib", stated);
  const std::string files = (dir / "slow.onnx").string() + " " + (dir / "p.vnnlib").string();
  const Outcome said = call(FOIL_FALSIFY, files + " --timeout 0.5 --out " + (dir / "out").string());
  CHECK(said.status == 0);
  CHECK_THAT(said.out, ContainsSubstring("the time was up within a call of the network"));
  CHECK(read(dir / "out") == "unknown\n");
}

TEST_CASE("foil-falsify: what cannot be asked is refused in one line", "[tools][falsify]") {
  const Problem problem(
      "(declare-const X_0 Real)(declare-const Y_0 Real)(assert (and (<= X_0 1) (>= X_0 0) "
      "(<= Y_0 0)))");
  const auto refuse = [&](const std::string& options, const std::string& what) {
    const Outcome outcome = problem.run(options);
    CHECK(outcome.status == 2);
    CHECK_THAT(outcome.out, ContainsSubstring(what));
  };
  const std::string path = (problem.dir / "p.vnnlib").string();
  refuse("", "p.vnnlib: is about 1 inputs and 1 outputs, ");
  refuse("", "net.onnx has 2 and 2");
  foil::test::OnnxBuilder four({4, 2}), twice({1, 2});
  write(problem.dir / "four.onnx", four.node("Relu", {"x"}, "y").bytes());
  write(problem.dir / "twice.onnx", twice.input_type(11).node("Relu", {"x"}, "y").bytes());
  CHECK_THAT(problem.run("", "four.onnx").out, ContainsSubstring("its input is of 4 samples at once"));
  CHECK_THAT(problem.run("", "twice.onnx").out,
             ContainsSubstring("twice.onnx: onnx: the input 'x': the network computes in float64 (11)"));
  CHECK(call(FOIL_FALSIFY, path + " " + path).status == 2);
  CHECK_THAT(call(FOIL_FALSIFY, path + " net.onnx.gz").out,
             ContainsSubstring("expected first the network and then the property, got " + path +
                               " and net.onnx.gz"));
  CHECK_THAT(call(FOIL_FALSIFY, "").out, ContainsSubstring("expected a network and a property"));
  for (const char* option : {"--timeout", "--seed", "--rounding", "--threads", "--out"})
    refuse(option + std::string(" ''"), option + std::string(": expected a value, got nothing"));
  CHECK_THAT(call(FOIL_FALSIFY, "--help").out, ContainsSubstring("Exit status:"));
  const Problem fine(property("(<= Y_0 0)"));
  const auto unheard = [&](const std::string& options) {  // with standard output closed
    return call("sh", "-c '" + std::string(FOIL_FALSIFY) + options + " " + (fine.dir / "net.onnx").string() +
                          " " + (fine.dir / "p.vnnlib").string() + " >&-'");
  };
  CHECK(unheard("").status == 2);
  CHECK_THAT(unheard("").out, ContainsSubstring("standard output is closed: expected --out"));
  CHECK(unheard(" --out " + (fine.dir / "answer").string()).status == 0);
  CHECK_THAT(read(fine.dir / "answer"), StartsWith("sat\n"));
}

TEST_CASE("foil-falsify: an input that is declared in another shape is refused", "[tools][falsify]") {
  const auto stated = [](int rows, int columns) {
    std::string out = foil::text("(vnnlib-version <2.0>)(declare-network f (declare-input A real [1,", rows,
                                 ",", columns, "])(declare-output B real [6]))(assert (< B[5] 0))");
    for (int i = 0; i < rows; ++i)
      for (int j = 0; j < columns; ++j) {
        const std::string at = foil::text("A[0,", i, ",", j, "]");
        out += "(assert (and (>= " + at + " -1) (<= " + at + " 1)))";
      }
    return out;
  };
  foil::test::OnnxBuilder six({1, 2, 3});
  for (const auto& [rows, columns] : {std::pair(2, 3), std::pair(1, 6), std::pair(3, 2)}) {
    const Problem problem(stated(rows, columns));
    write(problem.dir / "six.onnx", foil::test::OnnxBuilder(six).node("Flatten", {"x"}, "y").bytes());
    const Outcome outcome = problem.run("--quiet", "six.onnx");
    if (rows < 3)
      CHECK_THAT(outcome.out, StartsWith("sat"));
    else
      CHECK_THAT(outcome.out,
                 ContainsSubstring("declares an input of shape (1, 3, 2), the network takes (N, 2, 3)"));
  }
}

TEST_CASE("foil-falsify: a signal ends it, and leaves nothing behind", "[tools][falsify]") {
  const Problem problem(property("(<= (+ Y_0 0.7) Y_1)"));  // which nothing meets
  write(problem.dir / "answer", "older");
  const auto before = problem.dir.entries();
  Process process(
      {(problem.dir / "net.onnx").string(), (problem.dir / "p.vnnlib").string(), "--timeout", "1e9", "--out",
       (problem.dir / "answer").string()},
      [] {}, {}, FOIL_FALSIFY);
  REQUIRE(process.has_said("2 inputs, 2 outputs, 1 box"));
  process.send(SIGTERM);
  CHECK(process.wait().status == -SIGTERM);
  CHECK(problem.dir.entries() == before);
  CHECK(read(problem.dir / "answer") == "older");
}
