// SPDX-License-Identifier: MIT
/// \file
/// foil-evaluate: what it is asked, and what it answers.
#include <algorithm>
#include <limits>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "catalogue/all_attacks.hpp"
#include "foil/io/npy.hpp"
#include "support/catch.hpp"
#include "tools/foil_evaluate.hpp"
#include "tools/other_programs.hpp"

using namespace foil_test;
using Catch::Matchers::ContainsSubstring;
using foil::Index;

TEST_CASE("the help of every program fits a wide terminal") {
  constexpr std::size_t columns = 136;
  for (const char* program :
       {FOIL_EVALUATE, FOIL_COMPARE, FOIL_CORRUPT, FOIL_FALSIFY, FOIL_MERGE, FOIL_REPORT}) {
    const Outcome help = call(program, "--help");
    REQUIRE(help.status == 0);
    std::istringstream lines(help.out);
    for (std::string line; std::getline(lines, line);) {
      INFO(line);
      CHECK(line.size() <= columns);
    }
  }
}

TEST_CASE("foil-evaluate: --list shows every attack with its options and defaults", "[examples][evaluate]") {
  const Outcome outcome = run({"--list"});
  CHECK(outcome.status == 0);
  CHECK(outcome.err.empty());
  for (const foil::AttackEntry& entry : programs::all_attacks().entries()) {
    CHECK_THAT("\n" + outcome.out, ContainsSubstring("\n" + entry.name + " "));
    for (const foil::OptionInfo& option : entry.options)
      CHECK_THAT(outcome.out, ContainsSubstring("    " + option.name + "=" + option.value + " "));
  }
  const Outcome one = run({"--list", "minimal-fgsm"});
  CHECK(one.status == 0);
  CHECK(one.out.starts_with("minimal-fgsm "));
  CHECK_THAT(one.out, ContainsSubstring("    bisections="));
  CHECK(one.out.find("pgd") == std::string::npos);
  const Outcome help = run({"--help"});
  CHECK(help.status == 0);
  CHECK(help.err.empty());
  for (const char* told : {"Required:", "Examples:", "Exit status:", "--strict"})
    CHECK_THAT(help.out, ContainsSubstring(told));
  const auto required = help.out.find("Required:"), end = help.out.find("\n\n", required);
  for (const char* option : {"--model", "--images", "--attack", "--out"})
    CHECK_THAT(help.out.substr(required, end - required), ContainsSubstring(option));
  CHECK_THAT(run({"--version"}).out, ContainsSubstring("foil-evaluate 0."));
}

TEST_CASE("foil-evaluate: bad input is one clear line, status 2, and nothing written",
          "[examples][evaluate]") {
  const TemporaryDirectory dir, bad;
  foil::io::write_npy<int>(bad / "three.npy", std::vector<int>{1, 2, 3}, {3});
  foil::io::write_npy<int>(bad / "two.npy", std::vector<int>{1, 2}, {2});
  foil::io::write_npy<int>(bad / "large.npy", std::vector<int>(1000, 10), {1000});
  foil::io::write_npy<int>(bad / "far.npy", std::vector<int>(1000, 1000), {1000});
  foil::io::write_npy<float>(bad / "small.npy", std::vector<float>(1000 * 4), {1000, 1, 2, 2});
  foil::io::write_npy<float>(bad / "outside.npy", std::vector<float>(1000 * 784, 2), {1000, 1, 28, 28});
  std::vector<float> pixels(2 * 784, 1);
  foil::io::write_npy<float>(bad / "two_masks.npy", pixels, {2, 1, 28, 28});
  foil::io::write_npy<float>(bad / "flat_mask.npy", std::vector<float>(784, 1), {784});
  foil::io::write_npy<float>(bad / "frozen.npy", std::vector<float>(784), {1, 28, 28});
  pixels[783] = std::numeric_limits<float>::quiet_NaN();
  foil::io::write_npy<float>(bad / "nan_mask.npy", std::span(pixels).first(784), {1, 1, 28, 28});
  write(bad / "damaged.gz", read(image_file).substr(0, 300));
  write(bad / "damaged.onnx", read(model_file).substr(0, 5000));
  write(bad / "archive.pt", "PK\3\4");
  write(bad / "pickle.pt", "\x80\2\x8a\x0alF");
  write(bad / "text.onnx", "hello\n");
  const auto file = [&](const char* name) { return (bad / name).string(); };

  const Arguments usual = on_mnist(dir) + Arguments{"--count", "3"};
  const Arguments fgsm{"--attack", "fgsm", "--epsilon", "0.1"};
  const auto replaced = [&](const std::string& option, const std::string& value) {
    Arguments arguments = usual + fgsm;
    *(std::find(arguments.begin(), arguments.end(), option) + 1) = value;
    return arguments;
  };
  const auto without = [&](const std::string& option) {
    Arguments arguments = usual + fgsm;
    const auto at = std::find(arguments.begin(), arguments.end(), option);
    arguments.erase(at, at + 2);
    return arguments;
  };
  const auto extra = [&](const Arguments& more) { return usual + fgsm + more; };

  const std::vector<std::pair<Arguments, std::string>> cases{
      {{}, "--model is missing"},
      {{"--nonsense"}, "--nonsense"},
      {without("--model"), "--model is missing"},
      {without("--images"), "--images is missing"},
      {without("--labels"), "--labels is missing"},
      {without("--attack"), "--attack is missing"},
      {without("--out"), "--out is missing"},
      {without("--epsilon"), "fgsm attacks within a given radius: --epsilon is missing"},
      {replaced("--epsilon", "0"), "--epsilon: expected a radius above 0, got 0"},
      {replaced("--epsilon", "-1"), "--epsilon: expected a radius above 0, got -1"},
      {replaced("--epsilon", "nan"), "--epsilon: expected a number, got 'nan'"},
      {replaced("--epsilon", "0.1x"), "--epsilon: expected a number, got '0.1x'"},
      {replaced("--attack", "fgms"),
       "there is no 'fgms'; did you mean fgsm or fgm? (foil-evaluate --list names them all)"},
      {replaced("--epsilon", "8/0"), "--epsilon: expected a number, got '8/0'"},
      {replaced("--epsilon", "1e400"), "--epsilon: expected a number, got '1e400'"},
      {{"--list", "fgms"}, "there is no 'fgms'; did you mean fgsm or fgm?"},
      {{"--list", "minimal-fgms"}, "there is no 'minimal-fgms'; did you mean minimal-fgsm or minimal-fgm?"},
      {replaced("--attack", "minimal-l2-deepfool"), "l2-deepfool looks for the smallest radius as it is"},
      {replaced("--attack", "fgsm,linf-pgd:steps=3"),
       "is given once for each attack: --attack fgsm --attack linf-pgd"},
      {replaced("--attack", "linf-pgd:loss=slem"), "got 'slem'; did you mean lsem?"},
      {replaced("--attack", "linf-pgd:steps"), "expected NAME or NAME:option=value"},
      {replaced("--attack", "linf-pgd: steps = "), "expected NAME or NAME:option=value"},
      {replaced("--attack", "linf-pgd:steps=0"), "expected steps >= 1, got 0"},
      {replaced("--attack", "linf-pgd:steps=ten"), "option steps: expected an integer, got 'ten'"},
      {replaced("--attack", "linf-pgd:step=3"), "no option 'step'; did you mean steps?"},
      {replaced("--attack", "linf-pgd:steps=3,steps=4"), "option steps is given twice"},
      {replaced("--attack", "minimal-fgsm"), "--epsilon is given, but"},
      {replaced("--model", "missing.onnx"), "missing.onnx"},
      {replaced("--model", file("damaged.onnx")), "onnx"},
      {replaced("--model", file("archive.pt")), "TorchScript"},
      {replaced("--model", file("pickle.pt")),
       "pickle.pt: expected an ONNX or a TorchScript file, found a pickle, as torch.save writes"},
      {replaced("--model", file("text.onnx")),
       "text.onnx: expected an ONNX or a TorchScript file, found a text"},
      {replaced("--images", "missing.gz"), "missing.gz: cannot be read: No such file or directory"},
      {replaced("--images", file("damaged.gz")), "damaged.gz: "},
      {replaced("--images", label_file), "expected images of shape"},
      {replaced("--images", file("small.npy")), "expected images of shape (N, 1, 28, 28)"},
      {replaced("--images", file("outside.npy")),
       "image 0 has the value 2, expected values in [0, 1], and no image is valid"},
      {replaced("--images", model_file), "expected an idx file"},
      {replaced("--labels", file("three.npy")), "expected one label for each of the 1000 images, found 3"},
      {replaced("--labels", file("large.npy")), "row 0 has class 10, the model has classes 0 to 9"},
      {replaced("--labels", image_file), "expected one label per sample"},
      {replaced("--count", "0"), "--count: expected a whole number from 1 to 2^63 - 1, got '0'"},
      {replaced("--count", "1001"), "has only 1000 rows"},
      {replaced("--out", (dir / "missing/results.json").string()), "No such file or directory"},
      {replaced("--out", dir.path().string()), "found a directory"},
      {replaced("--out", file("missing/x.json")), "cannot be written"},
      {replaced("--adversarials", image_file + "/x"), "cannot be created"},
      {extra({"--first", "1000"}), "has only 1000 rows"},
      {extra({"--first", "-1"}), "--first"},
      {extra({"--pool", "1000,5"}), "--pool 1000,5: "},
      {extra({"--pool", "5"}), "--pool FIRST,COUNT: expected a whole number from 0 to 2^63 - 1, got"},
      {extra({"--pool", "0,many"}),
       "--pool FIRST,COUNT: expected a whole number from 0 to 2^63 - 1, got 'many'"},
      {extra({"--targets", file("two.npy")}), "of the data set or of those used, found 2"},
      {extra({"--starts", file("two.npy")}), "of the data set or of those used, found 2"},
      {extra({"--bounds", "1,0"}), "--bounds: expected LOWER < UPPER"},
      {extra({"--bounds", "1"}), "--bounds: expected LOWER,UPPER"},
      {extra({"--threads", "0"}), "--threads"},
      {extra({"--budget", "0"}), "--budget: expected a whole number from 1 to 2^63 - 1, got '0'"},
      {extra({"--seed", "x"}), "--seed: expected a whole number from 0 to 2^64 - 1, got 'x'"},
      {extra({"--seed", "-1"}), "--seed: expected a whole number from 0 to 2^64 - 1, got '-1'"},
      {extra({"--seed", "18446744073709551616"}), "--seed: expected a whole number from 0 to 2^64 - 1"},
      {extra({"--seed", "99999999999999999999999"}), "--seed: expected a whole number from 0 to 2^64 - 1"},
      {extra({"--seed", "0x10"}), "--seed: expected a whole number"},
      {extra({"--threads", "99999999999"}), "--threads: expected a whole number from 1 to 4096"},
      {extra({"--seed", "1", "--seed", "2"}), "--seed is given twice"},
      {extra({"--out", "x"}), "--out is given twice"},
      {extra({"--epsilo", "1"}), "there is no option --epsilo; did you mean --epsilon?"},
      {extra({"--batch_size=1"}), "there is no option --batch_size; did you mean --batch-size?"},
      {extra({"--correct-only", "word"}), "'word' belongs to no option"},
      {extra({"--targets", file("large.npy")}), "row 0 has class 10"},
      {extra({"--targets", image_file}), "expected one label per sample"},
      {extra({"--starts", file("far.npy")}), "points to row 1000, the data set has rows 0 to 999"},
      {extra({"--starts", file("small.npy")}),
       "expected images of shape (N, 1, 28, 28) as the model takes, found (1000, 1, 2, 2)"},
      {extra({"--mask", "missing.npy"}), "missing.npy: cannot be read"},
      {extra({"--mask", image_file}), "expected a .npy file"},
      {extra({"--bounds", "0:0,1:1:1"}), "--bounds: expected as many lower as upper ends, got 2 and 3"},
      {extra({"--bounds", "0:0,1:1"}),
       "--bounds: expected 1 number, one for each of the 1 channels, or one for each of the 784 features as "
       "an array of shape (1, 28, 28) (or with extents of 1), got 2"},
      {extra({"--bounds", file("three.npy")}), "three.npy: expected two rows"},
      {extra({"--mean", "0.5"}), "--mean and --std: expected both or none"},
      {extra({"--mean", "0.5", "--std", "0"}), "--std: expected numbers above 0, got 0"},
      {extra({"--mean", "0.5,x", "--std", "1"}), "--mean: expected a number, got 'x'"},
      {extra({"--mean", "1,2,3", "--std", "1"}), "--mean: expected 1 number, one for each of the 1 channels"},
      {extra({"--layout", "chwn"}), "--layout"},
      {extra({"--adversarials-png", (dir / "png").string()}), "--adversarials-png: expected --lattice 255"},
      {extra({"--adversarials-png", bad.path().string(), "--lattice", "255"}),
       "expected a new or empty folder"},
      {extra({"--mask", file("two_masks.npy")}),
       "two_masks.npy: expected one entry for each of the 1000 rows of the data set or of those used, found "
       "2"},
      {extra({"--mask", file("flat_mask.npy")}),
       "flat_mask.npy: expected a mask for the images of shape (1000, 1, 28, 28): (1, 28, 28) or (N, 1, 28, "
       "28), "
       "found (784)"},
      {extra({"--mask", file("small.npy")}), "found (1000, 1, 2, 2)"},
      {extra({"--mask", file("frozen.npy")}), "frozen.npy: every entry is 0"},
      {extra({"--mask", file("nan_mask.npy")}), "nan_mask.npy: expected numbers, found nan"},
      {extra({"--lattice", "0"}), "--lattice"},
      {extra({"--lattice", "2.5"}), "--lattice"},
      {extra({"--margin", "-1"}), "--margin"},
      {extra({"--sheet", (dir / "results.json").string()}), "would overwrite the file for --out"},
      {extra({"--sheet", (dir / "missing/sheet.png").string()}), "cannot be written"},
  };
  for (const auto& [arguments, message] : cases) {
    const Outcome outcome = run(arguments);
    CAPTURE(message, outcome.err);
    CHECK(outcome.status == 2);
    CHECK(outcome.out.empty());
    CHECK(outcome.err.starts_with("foil-evaluate: "));
    CHECK_THAT(outcome.err, ContainsSubstring(message));
    CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
    CHECK_FALSE(std::filesystem::exists(dir / "results.json"));
    CHECK(dir.entries() == 0);
  }
}

TEST_CASE("foil-evaluate: numbers are what they say", "[examples][evaluate]") {
  const TemporaryDirectory dir;
  const Outcome outcome =
      run(on_mnist(dir) + Arguments{"--count", "2", "--attack", "l2-pgd:relative_step=1/40", "--epsilon",
                                    "8/255,0.5", "--seed", "010", "--bounds", "0/1,255/255"});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  const auto json = results(dir);
  CHECK(json["seed"] == 10);
  CHECK(json["bounds"][1] == 1);
  CHECK(json["attacks"][0]["epsilon"] == 8.0 / 255);
  CHECK(json["attacks"][1]["epsilon"] == 0.5);
  CHECK(json["attacks"][0]["options"]["relative_step"] == 1.0 / 40);
}
