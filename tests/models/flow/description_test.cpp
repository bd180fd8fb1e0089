// SPDX-License-Identifier: MIT
#include "foil/models/flow/description.hpp"

#include <string>
#include <string_view>
#include <vector>

#include "support/catch.hpp"
#include "support/models.hpp"

namespace {

using Catch::Matchers::ContainsSubstring;
using foil::Index;
using foil::Logits;
using Images = foil::Tensor<double, 4>;

/// Twice the row, and for scales, behind it, the row itself.
foil::RowFunction<double> twice(std::string_view name, const foil::FlowShape&) {
  const bool scales = name == "scales";
  return {[scales](const Logits<double>& x) -> Logits<double> {
            if (!scales) return 2 * x;
            Logits<double> out(x.rows(), 2 * x.cols());
            out << 2 * x, x;
            return out;
          },
          {}};
}

foil::Flow<Images> parse(const std::string& steps) {
  return foil::parse_flow<Images>("foil-flow 1\ninput 2 2 2\n" + steps + "\nsemantics 3", twice);
}

}  // namespace

TEST_CASE("parse_flow: each line is the step that it names", "[models]") {
  const foil::Flow<Images> read = foil::parse_flow<Images>(
      "# a comment\n\nfoil-flow 1\r\ninput 2 2 2\nbounds -1 2  # wide\nscale 2 0.5\nshift 0.25\nmix 0 1 -1 "
      "0.5\n"
      "additive f\nsigmoid scales 1\nreverse\nexponential scales\nsqueeze 2\nsplit 4\npermute 3 1 0 2\n"
      "flatten\nfront 2 1\nsemantics 3\n",
      twice);
  foil::Flow<Images> written({2, 2, 2}, {-1.0, 2.0});
  Eigen::MatrixXd matrix(2, 2);
  matrix << 0, 1, -1, 0.5;
  written.act_norm(Eigen::Vector2d(2, 0.5), Eigen::VectorXd::Zero(1))
      .act_norm(Eigen::VectorXd::Ones(1), Eigen::VectorXd::Constant(1, 0.25))
      .mix(matrix)
      .couple(foil::CouplingKind::additive, twice("f", {}))
      .couple(foil::CouplingKind::sigmoid, twice("scales", {}), 1)
      .reverse()
      .couple(foil::CouplingKind::exponential, twice("scales", {}))
      .squeeze()
      .split(4)
      .permute({3, 1, 0, 2})
      .flatten()
      .front({2, 1})
      .semantics(3);
  foil::test::Random random(1);
  const auto x = foil::test::random_batch<Images>(random, Images::Dimensions(3, 2, 2, 2));
  CHECK(read.forward(x) == written.forward(x));
  CHECK(read.log_determinants(x) == written.log_determinants(x));
  CHECK(read.bounds() == written.bounds());
  CHECK(read.semantic_size() == 3);
  CHECK(read.shape() == foil::FlowShape{4, 1, 1});
  CHECK(parse("").bounds() == foil::Bounds<double>());
}

TEST_CASE("parse_flow: what it does not understand is refused, and the line named", "[models]") {
  CHECK_THROWS_WITH(foil::parse_flow<Images>("", twice), ContainsSubstring("expected 'foil-flow 1'"));
  CHECK_THROWS_WITH(foil::parse_flow<Images>("foil-flow 2", twice),
                    ContainsSubstring("line 1: expected 'foil-flow 1'"));
  CHECK_THROWS_WITH(foil::parse_flow<Images>("foil-flow 1\ninput 4", twice),
                    ContainsSubstring("line 2: expected a sample of 3 extents, got 1"));
  CHECK_THROWS_WITH(foil::parse_flow<Images>("foil-flow 1\ninput 4096 4096 2", twice),
                    ContainsSubstring("line 2: expected samples of 1 to"));
  CHECK_THROWS_WITH(foil::parse_flow<Images>("foil-flow 1\ninput 1 2 2", twice),
                    ContainsSubstring("call semantics()"));
  CHECK_THROWS_WITH(parse("squeez 2"),
                    ContainsSubstring("line 3: there is no step 'squeez'; did you mean squeeze?"));
  CHECK_THROWS_WITH(parse("squeeze two"), ContainsSubstring("expected the side of a square, got 'two'"));
  CHECK_THROWS_WITH(parse("squeeze"), ContainsSubstring("expected the side of a square"));
  CHECK_THROWS_WITH(parse("squeeze 0"), ContainsSubstring("line 3: a squeeze by 0"));
  CHECK_THROWS_WITH(parse("\nflatten 3"), ContainsSubstring("line 4: '3' is too much"));
  CHECK_THROWS_WITH(parse("bounds 1 0"), ContainsSubstring("expected lower < upper"));
  CHECK_THROWS_WITH(parse("scale 1 nan"), ContainsSubstring("expected finite scales"));
  CHECK_THROWS_WITH(parse("scale"), ContainsSubstring("line 3: expected 1 or 2 scales"));
  CHECK_THROWS_WITH(parse("mix 1 2 3"), ContainsSubstring("expected a matrix of 2 x 2 numbers, got 3"));
  CHECK_THROWS_WITH(parse("additive"), ContainsSubstring("expected a file"));
  CHECK_THROWS_WITH(parse("additive f 2"), ContainsSubstring("was to keep 2"));
  CHECK_THROWS_WITH(parse("\nsigmoid f"),
                    ContainsSubstring("line 4: the function of a coupling was") &&
                        ContainsSubstring("expected to return 1 x 8, it returned 1 x 4"));
  std::string many;
  for (int i = 0; i < 40; ++i) many += "reverse\n";
  CHECK_THROWS_WITH(foil::parse_flow<Images>("foil-flow 1\ninput 1024 32 32\n" + many + "semantics 2", twice),
                    ContainsSubstring("numbers times steps"));
}
