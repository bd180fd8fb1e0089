// SPDX-License-Identifier: MIT
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "catalogue/all_attacks.hpp"
#include "foil/attacks/decision/additive_noise.hpp"
#include "foil/attacks/decision/boundary/boundary.hpp"
#include "foil/attacks/gradient/fast_gradient.hpp"
#include "foil/attacks/gradient/projected_gradient/projected_gradient.hpp"
#include "foil/attacks/parts/minimal.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/scripted.hpp"

namespace {
using namespace foil;
using Catch::Matchers::ContainsSubstring;
using programs::all_attacks;
using Input = Tensor<float, 2>;

TEST_CASE("catalogue: names and synonyms are unique, and in kebab case", "[catalogue]") {
  std::set<std::string> names;
  for (const AttackEntry& entry : all_attacks().entries()) {
    std::vector<std::string> all = entry.synonyms;
    all.push_back(entry.name);
    for (const std::string& name : all) {
      CAPTURE(name);
      CHECK(names.insert(name).second);
      CHECK(std::all_of(name.begin(), name.end(),
                        [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; }));
      CHECK(name.front() != '-');
      CHECK(name.back() != '-');
      CHECK(name.find("--") == std::string::npos);
      CHECK(&all_attacks().find(name) == &entry);
    }
  }
  for (const char* name :
       {"fgsm", "l1-fgm", "l2-fgm", "linf-pgd", "l2-pgd", "l1-pgd", "linf-bim", "boundary"})
    CHECK_NOTHROW(all_attacks().find(name));
}

TEST_CASE("catalogue: every entry makes the attack that it describes", "[catalogue]") {
  for (const AttackEntry& entry : all_attacks().entries()) {
    CAPTURE(entry.name);
    const AnyAttack attack = entry.make({});
    CHECK(attack.name() == entry.name);
    CHECK(attack.norm() == entry.norm);
    CHECK(attack.knowledge() == entry.knowledge);
    CHECK(attack.minimal() == entry.minimal);
    std::set<std::string> options;
    for (const OptionInfo& option : entry.options) {
      CHECK(options.insert(option.name).second);
      CHECK_FALSE(option.value.empty());
      CHECK(option.meaning.size() > 5);
    }
  }
}

TEST_CASE("catalogue: options go in and come out as text", "[catalogue]") {
  for (const AttackEntry& entry : all_attacks().entries()) {
    CAPTURE(entry.name);
    OptionValues defaults;
    for (const OptionInfo& option : entry.options) defaults[option.name] = option.value;
    const auto resolved = entry.resolve(defaults);
    REQUIRE(resolved.size() == entry.options.size());
    for (std::size_t i = 0; i < resolved.size(); ++i) {
      CHECK(resolved[i].name == entry.options[i].name);
      CHECK(resolved[i].value == entry.options[i].value);
    }
    CHECK_NOTHROW(entry.make(defaults));
  }
  const auto value = [](const char* attack, const OptionValues& given, const std::string& name) {
    for (const OptionInfo& option : all_attacks().find(attack).resolve(given))
      if (option.name == name) return option.value;
    return std::string("none");
  };
  CHECK(value("linf-pgd", {{"steps", "7"}}, "steps") == "7");
  CHECK(value("linf-pgd", {{"loss", "dlr"}}, "loss") == "dlr");
  CHECK(value("linf-pgd", {{"relative_step", "0.25"}}, "relative_step") == "0.25");
  CHECK(value("linf-pgd", {{"random_start", "0"}}, "random_start") == "false");
  CHECK(value("minimal-linf-pgd", {{"bisections", "3"}, {"steps", "9"}}, "bisections") == "3");
  CHECK(value("minimal-linf-pgd", {{"bisections", "3"}, {"steps", "9"}}, "steps") == "9");
}

TEST_CASE("catalogue: what is not there or makes no sense is named", "[catalogue]") {
  CHECK_THROWS_WITH(all_attacks().find("nonsense"), ContainsSubstring("there is no 'nonsense'"));
  CHECK_THROWS_WITH(all_attacks().find("adam"),
                    ContainsSubstring("did you mean") && ContainsSubstring("linf-adam-pgd"));
  CHECK_THROWS_WITH(all_attacks().find("fgms"),
                    ContainsSubstring("there is no 'fgms'; did you mean fgsm or fgm?"));
  CHECK_THROWS_WITH(all_attacks().find("minimal-linfpgd"),
                    ContainsSubstring("did you mean minimal-linf-pgd?"));
  CHECK_THROWS_WITH(all_attacks().find("minimal-l2-deepfool"),
                    ContainsSubstring("l2-deepfool looks for the smallest radius as it is"));
  const auto refuses = [](const OptionValues& values, const char* expected, const char* given) {
    CHECK_THROWS_WITH(all_attacks().find("linf-pgd").make(values),
                      ContainsSubstring(expected) && ContainsSubstring(given));
    CHECK_THROWS_AS(all_attacks().find("linf-pgd").resolve(values), Error);
  };
  refuses({{"step", "3"}}, "linf-pgd: no option 'step'; did you mean steps?; it has ",
          "steps, relative_step");
  refuses({{"steps", "many"}}, "option steps: expected an integer", "'many'");
  refuses({{"steps", "3.5"}}, "expected an integer", "'3.5'");
  refuses({{"steps", ""}}, "expected an integer", "''");
  refuses({{"steps", "99999999999"}}, "expected an integer", "'99999999999'");
  refuses({{"steps", "0"}}, "steps >= 1", "got 0");
  refuses({{"relative_step", "0.1x"}}, "expected a number", "'0.1x'");
  refuses({{"relative_step", "nan"}}, "relative_step in [0, 1e+06]", "got nan");
  refuses({{"random_start", "yes"}}, "expected true or false", "'yes'");
  refuses({{"loss", "hinge"}}, "expected one of lsem, cross_entropy, margin, dlr", "'hinge'");
}

TEST_CASE("catalogue: an attack chosen by name gives the bits of its class", "[catalogue]") {
  const auto model = test::random_affine<Input>(4, 5, 3);
  test::Random random(4);
  const auto x = test::random_batch<Input>(random, Input::Dimensions(9, 5));
  const Labels y = predict(model, x);
  const RunOptions<Input> options{.seed = 8, .query_budget = 200};
  const auto by_name = [&](const char* name, const OptionValues& values, double epsilon) {
    return all_attacks().find(name).make(values)(model, x, y, epsilon, options);
  };
  CHECK(test::same_bits(by_name("fgsm", {}, 0.1), FGSM{}(model, x, y, 0.1, options)));
  CHECK(test::same_bits(by_name("linf-pgd", {{"steps", "11"}}, 0.1),
                        LinfPGD({.steps = 11})(model, x, y, 0.1, options)));
  CHECK(test::same_bits(by_name("l2-bim", {}, 0.3), L2BasicIterativeAttack{}(model, x, y, 0.3, options)));
  CHECK(test::same_bits(by_name("l2-additive-gaussian-noise", {}, 0.5),
                        L2AdditiveGaussianNoiseAttack{}(model, x, y, 0.5, options)));
  CHECK(test::same_bits(by_name("minimal-l1-pgd", {{"steps", "5"}}, 0),
                        Minimal<L1PGD>({.attack = {.steps = 5}})(model, x, y, options)));
  CHECK(test::same_bits(by_name("boundary", {}, 0), BoundaryAttack{}(model, x, y, options)));
  CHECK_FALSE(test::same_bits(by_name("linf-pgd", {{"steps", "11"}}, 0.1),
                              by_name("linf-pgd", {{"steps", "2"}, {"relative_step", "0.9"}}, 0.1)));
}
}  // namespace
