// SPDX-License-Identifier: MIT
/// \file
/// foil-evaluate --corruptions, with and without attacks.
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "foil/evaluation/binomial.hpp"
#include "foil/io/png.hpp"
#include "support/catch.hpp"
#include "tools/foil_evaluate.hpp"
#include "tools/other_programs.hpp"

using namespace foil_test;
using Catch::Matchers::ContainsSubstring;

namespace {

/// Four images of 2 x 2 pixels, whose sum is 0.1: of class 0, and of class 1 above 0.8.
Arguments on_sums(const TemporaryDirectory& dir) {
  Arguments out = on_network(dir, {0, 0, 0, 0, 1, 1, 1, 1}, {0.8f, 0}, {0, 0, 0, 0});
  out.resize(out.size() - 2);  // no --adversarials
  return out;
}

/// How many are right at each severity, corruption by corruption.
std::vector<std::vector<int>> right(const nlohmann::json& results) {
  std::vector<std::vector<int>> out;
  for (const auto& row : results["corruptions"]["corruptions"]) {
    out.emplace_back();
    for (const auto& at : row["by_severity"]) out.back().push_back(at["right"]);
  }
  return out;
}

}  // namespace

TEST_CASE("foil-evaluate: accuracy under brightness is what its constants come to, the worst first",
          "[evaluate]") {
  const TemporaryDirectory dir;
  const Arguments common = on_sums(dir);
  const auto told = [&](const Arguments& more) {
    const Outcome outcome = run(common + Arguments{"--corruptions", "contrast,brightness"} + more);
    INFO(outcome.err);
    REQUIRE(outcome.status == 0);
    return outcome.out;
  };
  // Brightness c adds 4 c to the sum: 0.05, 0.1, 0.15, 0.2, 0.3 in CIFAR's constants, 0.1 to 0.5 in
  // ImageNet's. Contrast keeps it.
  const std::string page = (dir / "report.html").string();
  const std::string text = told({"--corruption-profile", "cifar", "--report", page});
  auto json = results(dir);
  CHECK(right(json) == std::vector<std::vector<int>>{{4, 4, 4, 0, 0}, {4, 4, 4, 4, 4}});
  const auto& facts = json["corruptions"];
  CHECK(facts["corruptions"][0]["corruption"] == "brightness");
  CHECK(facts["corruptions"][0]["mean_accuracy"] == 0.6);
  CHECK(facts["mean_accuracy"].get<double>() == Catch::Approx(0.8));
  CHECK(facts["profile"] == "cifar");
  CHECK(facts["clean"] == 4);
  CHECK(facts["mpc"].is_null());
  CHECK(facts["corruptions"][0]["by_severity"][3]["accuracy_interval"][1].get<double>() ==
        Catch::Approx(foil::clopper_pearson(0, 4).high));
  CHECK(json["complete"] == true);
  CHECK(json["attacks"].empty());
  CHECK_THAT(text,
             ContainsSubstring("brightness     60.0 %     100.0 %     100.0 %     100.0 %       0.0 %"));
  CHECK_THAT(text, ContainsSubstring("mean accuracy under what was asked for 80.0 % (no mPC, rPC or mCE, "
                                     "which need gaussian_noise, shot_noise, impulse_noise and 10 more)"));
  CHECK(facts["missing"].size() == 13);
  const std::string html = read(page);
  CHECK_THAT(html, ContainsSubstring("Accuracy under corruptions: weather"));
  CHECK_THAT(html, ContainsSubstring("brightness 4: 0.0 % (0.0 to 60.2), 0 of 4"));
  CHECK_THAT(html,
             ContainsSubstring("<p class=\"verdict-text\">Under 2 common corruptions: mean accuracy under "
                               "what was asked for 80.0 % (no mPC, rPC or mCE, which need "
                               "gaussian_noise, shot_noise, impulse_noise and 10 more); the worst is "
                               "brightness with a mean accuracy of 60.0 %. No attack was run."));
  CHECK_THAT(html, !ContainsSubstring("may find more"));
  CHECK_THAT(html, ContainsSubstring("brightness, contrast") && ContainsSubstring("[1,2,3,4,5]"));
  const std::string file = (dir / "results.json").string(), again = (dir / "again.html").string();
  REQUIRE(call(FOIL_REPORT, file + " --out " + again).status == 0);
  CHECK(read(again) == html);
  // What stands elsewhere in a list is the same, and what is not as it was written is no page.
  const std::string before = read(file);
  const auto page_of = [&](const nlohmann::json& changed) {
    write(file, changed.dump());
    return call(FOIL_REPORT, file + " --out " + again);
  };
  auto permuted = json;
  auto& lists = permuted["corruptions"];
  for (auto* list : {&lists["severities"], &lists["corruptions"], &lists["corruptions"][0]["by_severity"]})
    std::reverse(list->begin(), list->end());
  REQUIRE(page_of(permuted).status == 0);
  const auto charts = [](const std::string& of) {
    return of.substr(of.find("Accuracy under corruptions"),
                     of.rfind("Accuracy under each corruption") - of.find("Accuracy under corruptions"));
  };
  CHECK(charts(read(again)) == charts(html));
  const std::string row = "/corruptions/corruptions/0", at = row + "/by_severity/2";
  const nlohmann::json none = nlohmann::json::array(), object = nlohmann::json::object();
  for (const auto& [pointer, value] :
       std::vector<std::pair<std::string, nlohmann::json>>{{"/corruptions", 3},
                                                           {"/corruptions", none},
                                                           {"/corruptions", object},
                                                           {"/corruptions/profile", nullptr},
                                                           {"/corruptions/profile", "mnist"},
                                                           {"/corruptions/severities", none},
                                                           {"/corruptions/severities", "12345"},
                                                           {"/corruptions/severities", {1, 2, 3, 4, 4}},
                                                           {"/corruptions/severities", {1, 2, 3, 4}},
                                                           {"/corruptions/severities", {1, 2, 3, 4, 6}},
                                                           {"/corruptions/samples", 0},
                                                           {"/corruptions/samples", 3},
                                                           {"/corruptions/samples", "4"},
                                                           {"/corruptions/clean", 5},
                                                           {"/corruptions/clean", 3.5},
                                                           {"/corruptions/clean_unanswered", 1},
                                                           {"/corruptions/invalid", -1},
                                                           {"/corruptions/unanswered_samples", true},
                                                           {"/corruptions/like_imagenet", nullptr},
                                                           {"/corruptions/frost_textures", 1},
                                                           {"/corruptions/corruptions", none},
                                                           {"/corruptions/corruptions", "fog"},
                                                           {row, none},
                                                           {row, nullptr},
                                                           {row + "/corruption", "contrast"},
                                                           {row + "/corruption", "fogg"},
                                                           {row + "/corruption", 1},
                                                           {row + "/by_severity", none},
                                                           {row + "/by_severity", object},
                                                           {at, 3},
                                                           {at + "/severity", 2},
                                                           {at + "/severity", "3"},
                                                           {at + "/right", -1},
                                                           {at + "/right", nullptr},
                                                           {at + "/right", 5},
                                                           {at + "/right", true},
                                                           {at + "/unanswered", 1}}) {
    auto broken = json;
    broken[nlohmann::json::json_pointer(pointer)] = value;
    const Outcome refused = page_of(broken);
    CAPTURE(pointer, value.dump(), refused.out);
    CHECK(refused.status == 2);
    CHECK_THAT(refused.out, ContainsSubstring("results.json: "));
  }
  auto earlier = json;
  earlier["corruptions"].erase("invalid");
  for (auto& each : earlier["corruptions"]["corruptions"][0]["by_severity"]) each.erase("unanswered");
  CHECK(page_of(earlier).status == 0);
  write(file, before);
  const Outcome compared = call(FOIL_COMPARE, file + " " + file);
  CHECK(compared.status == 2);
  CHECK_THAT(compared.out, ContainsSubstring("holds no attack, and only attacks are compared"));

  told({"--severity", "1-2,5"});
  json = results(dir);
  CHECK(right(json) == std::vector<std::vector<int>>{{4, 0, 0}, {4, 4, 4}});
  CHECK(json["corruptions"]["severities"] == std::vector<int>{1, 2, 5});
  REQUIRE(json["warnings"].size() == 1);
  CHECK(json["warnings"][0]["code"] == "small-images");
  CHECK(json["warnings"][0]["samples"] == 4);
  CHECK_THAT(json["warnings"][0]["message"].get<std::string>(), ContainsSubstring("images of 2 x 2 pixels"));
}

TEST_CASE("foil-evaluate: answers that are none, and images that are, are counted and warned of",
          "[evaluate]") {
  // The sum, 0.1 and 4 c more under brightness, is beyond a float's range from 1.13 on: at c = 0.3.
  const TemporaryDirectory dir;
  Arguments common = on_network(dir, {3e38f, 3e38f, 3e38f, 3e38f, 0, 0, 0, 0}, {0, 0}, {0, 0, 0, 0});
  common.resize(common.size() - 2);
  const Arguments under{"--corruptions", "brightness,contrast",  "--severity",
                        "4,5",           "--corruption-profile", "cifar"};
  Outcome outcome = run(common + under + Arguments{"--strict", "--report", (dir / "a.html").string()});
  INFO(outcome.out << outcome.err);
  CHECK(outcome.status == 3);
  auto json = results(dir);
  const auto& facts = json["corruptions"];
  CHECK(facts["unanswered"] == 4);
  CHECK(facts["unanswered_samples"] == 4);
  CHECK(facts["clean_unanswered"] == 0);
  CHECK(facts["corruptions"][0]["by_severity"][0]["unanswered"] == 0);
  CHECK(facts["corruptions"][0]["by_severity"][1]["unanswered"] == 4);
  CHECK(facts["corruptions"][0]["by_severity"][1]["right"] == 0);
  REQUIRE(json["warnings"].size() == 1);
  CHECK(json["warnings"][0]["code"] == "non-finite");
  CHECK(json["warnings"][0]["samples"] == 4);
  const std::string wanting = "4 of 20 images, clean and corrupted, were answered with NaN or infinity.";
  CHECK_THAT(outcome.out, ContainsSubstring(wanting));
  CHECK_THAT(outcome.err, ContainsSubstring("NaN or infinity about 4 of 20 images"));
  CHECK_THAT(read(dir / "a.html"), ContainsSubstring(wanting));

  std::vector<float> images(16, 0.02f);
  images[3] = 2;
  foil::io::write_npy<float>(dir / "inputs/images.npy", images, {4, 1, 2, 2});
  outcome = run(common + under + Arguments{"--strict"});
  CHECK(outcome.status == 3);
  CHECK_THAT(outcome.err, ContainsSubstring("1 of 4 images are not shown to the model and count as wrong"));
  CHECK_THAT(outcome.err, !ContainsSubstring("attacked"));
  CHECK_THAT(outcome.out, ContainsSubstring("1 of 4 samples are not finite or out of bounds"));
  json = results(dir);
  CHECK(json["corruptions"]["invalid"] == 1);
  CHECK(json["corruptions"]["clean"] == 3);
  REQUIRE(json["warnings"].size() == 2);
  CHECK(json["warnings"][1]["code"] == "invalid-input");
}

TEST_CASE("foil-evaluate: the benchmark beside an attack has mPC and rPC, whatever batch and threads",
          "[evaluate]") {
  const TemporaryDirectory dir;
  std::filesystem::create_directory(dir / "ice");
  foil::io::Picture ice(200, 160, 1, 40);
  ice.fill(30, 20, 100, 90, {250, 250, 250});
  foil::io::write_png(dir / "ice" / "one.png", ice);
  const Arguments common = on_mnist(dir) + Arguments{"--count",
                                                     "12",
                                                     "--attack",
                                                     "fgsm",
                                                     "--epsilon",
                                                     "0.1",
                                                     "--severity",
                                                     "1-5",
                                                     "--corruptions",
                                                     "benchmark",
                                                     "--corruption-profile",
                                                     "cifar",
                                                     "--frost-textures",
                                                     (dir / "ice").string()};
  const Outcome outcome = run(common + Arguments{"--threads", "1"});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  const auto json = results(dir);
  REQUIRE(json["corruptions"]["corruptions"].size() == 15);
  CHECK(json["attacks"].size() == 1);
  double sum = 0;
  for (const auto& row : right(json))
    for (const int count : row) sum += count / 12.0 / 75;
  CHECK(sum < 1);
  CHECK(json["corruptions"]["mpc"].get<double>() == Catch::Approx(sum));
  CHECK(json["corruptions"]["rpc"].get<double>() ==
        Catch::Approx(sum * 12 / json["corruptions"]["clean"].get<double>()));
  CHECK(json["corruptions"]["mce"].is_null());
  CHECK(json["corruptions"]["frost_textures"] == (dir / "ice").string());
  REQUIRE(run(common + Arguments{"--threads", "3", "--batch-size", "5"}).status == 0);
  CHECK(results(dir)["corruptions"] == json["corruptions"]);
  REQUIRE(run(common + Arguments{"--seed", "1"}).status == 0);
  CHECK(results(dir)["corruptions"] != json["corruptions"]);

  Arguments alone = on_mnist(dir);
  alone.resize(alone.size() - 2);  // no --adversarials
  const Outcome partial = run(alone + Arguments{"--count", "12", "--corruptions", "benchmark,-frost",
                                                "--corruption-profile", "cifar"});
  INFO(partial.err);
  REQUIRE(partial.status == 0);
  CHECK_THAT(partial.out, ContainsSubstring("(no mPC, rPC or mCE, which need frost)"));
  const auto rest = results(dir)["corruptions"];
  CHECK(rest["corruptions"].size() == 14);
  CHECK(rest["missing"] == std::vector<std::string>{"frost"});
  CHECK(rest["mpc"].is_null());
}

TEST_CASE("foil-evaluate: what --corruptions cannot be is refused in words", "[evaluate]") {
  const TemporaryDirectory dir;
  const Arguments common = on_sums(dir);
  const auto refuses = [&](const Arguments& more, const std::string& said) {
    const Outcome outcome = run(common + more);
    CHECK(outcome.status == 2);
    CHECK_THAT(outcome.err, ContainsSubstring(said));
  };
  refuses({"--corruptions", "fogg"}, "did you mean fog");
  refuses({"--corruptions", "fog,fog"}, "fog is given twice");
  refuses({"--corruptions", "all"}, "frost needs --frost-textures");
  refuses({"--corruptions", "fog,-frost"}, "frost cannot be left out");
  refuses({"--corruptions", "fog", "--frost-textures", "x"}, "--frost-textures: is for the corruption frost");
  refuses({"--corruptions", "fog", "--severity", "0-3"}, "--severity: expected whole numbers from 1 to 5");
  refuses({"--corruptions", "fog", "--corruption-profile", "mnist"}, "expected the profile imagenet");
  refuses({"--corruptions", "fog", "--correct-only"}, "--correct-only: --corruptions is about all rows");
  refuses({"--corruptions", "fog", "--sheet", "x.png"}, "--sheet: is of attacks, and no --attack is given");
  for (const std::string option : {"--margin", "--lattice", "--budget"})
    refuses({"--corruptions", "fog", option, "1"}, option + ": is of attacks, and no --attack is given");
  refuses({"--corruptions", "fog", "--pool", "0,9"}, "--pool: is of attacks, and no --attack is given");
  refuses({"--severity", "3"}, "--severity goes with --corruptions, which is not given");
  refuses({}, "--attack is missing");
}

TEST_CASE("foil-evaluate: what adversarials are made of stands in the results, of shares put together too",
          "[evaluate]") {
  // The sum is 0.1 + 4 b, which is above 0.8 from b = 0.175 on, 7/12 of the range.
  const TemporaryDirectory dir;
  const Arguments attack{"--attack", "adversarial-corruption:corruptions=brightness,bisections=20"};
  Arguments arguments = on_sums(dir);
  const std::string page = (dir / "report.html").string(), again = (dir / "again.html").string();
  const Outcome outcome =
      run(arguments + attack + Arguments{"--report", page, "--sheet", (dir / "sheet.png").string()});
  CHECK_THAT(read(page), ContainsSubstring("Median severity 0.5833") && ContainsSubstring(">0.175</td>") &&
                             ContainsSubstring(": severity 0.583, brightness 0.175</p>"));
  CHECK_THAT(read(page), ContainsSubstring("a change of severity 0.5833 fools half of the attacked") &&
                             ContainsSubstring("A single attack looked for the smallest severity."));
  REQUIRE(call(FOIL_REPORT, (dir / "results.json").string() + " --out " + again).status == 0);
  CHECK(read(again) == read(page));
  REQUIRE(outcome.status == 0);
  CHECK_THAT(outcome.out, ContainsSubstring("bisections=20: median severity 0.5833, failures"));
  const auto json = results(dir)["attacks"][0];
  CHECK(json["parameters"] == std::vector<std::string>{"severity", "brightness"});
  CHECK(json["own_measure"]["name"] == "severity");
  CHECK(json["own_measure"]["median"].get<double>() == Catch::Approx(7 / 12.0).margin(1e-5));
  for (const auto& sample : json["samples"]) {
    CHECK(sample["parameters"][0].get<double>() == Catch::Approx(7 / 12.0).margin(1e-5));
    CHECK(sample["parameters"][1].get<double>() == Catch::Approx(0.175).margin(1e-5));
  }
  std::string shares;
  for (const std::string share : {"1", "2"}) {
    const std::string out = (dir / (share + ".json")).string();
    arguments.back() = out;
    REQUIRE(run(arguments + attack + Arguments{"--shard", share + "/2"}).status == 0);
    shares += out + ' ';
  }
  REQUIRE(merge(shares + "--out " + (dir / "results.json").string()).status == 0);
  CHECK(results(dir)["attacks"][0]["samples"] == json["samples"]);
  CHECK(results(dir)["attacks"][0]["parameters"] == json["parameters"]);
}
