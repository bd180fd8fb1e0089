// SPDX-License-Identifier: MIT
/// \file
/// foil-corrupt writes what foil::corrupt makes. FOIL_CORRUPT is its path.
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "foil/evaluation/corruptions/corrupt.hpp"
#include "foil/evaluation/degradations/degrade.hpp"
#include "foil/io/data.hpp"
#include "foil/io/jpeg.hpp"
#include "foil/io/pictures.hpp"
#include "foil/io/png.hpp"
#include "support/catch.hpp"
#include "tools/other_programs.hpp"

using namespace foil_test;
using Catch::Matchers::ContainsSubstring;
using foil::Index;

namespace {

Outcome corrupt_files(const std::string& arguments) {
  return call(FOIL_CORRUPT, arguments);
}

std::vector<std::uint8_t> levels_of(const Images& images) {
  std::vector<std::uint8_t> out;
  for (Index i = 0; i < images.size(); ++i)
    out.push_back(static_cast<std::uint8_t>(std::round(images.data()[i] * 255)));
  return out;
}

foil::CorruptionOptions as_the_program() {
  foil::CorruptionOptions options;
  options.seed = 5;
  options.profile = foil::CorruptionProfile::cifar;
  options.jpeg = foil::io::jpeg_round_trip;
  return options;
}

}  // namespace

TEST_CASE("foil-corrupt writes arrays of what the library makes, in parts as in the whole") {
  const TemporaryDirectory dir;
  const Images images = foil::io::ImageReader<float>(image_file, {}).next(4);
  const std::string how = "--images " + image_file + " --profile cifar --seed 5";
  const Outcome all = corrupt_files(
      how + " --count 4 --corruptions fog,jpeg-compression --severity 2,4-5 --out " + (dir / "all").string());
  INFO(all.out);
  REQUIRE(all.status == 0);
  CHECK_THAT(all.out, ContainsSubstring("4 images, 6 changes"));
  for (const auto corruption : {foil::Corruption::fog, foil::Corruption::jpeg_compression})
    for (const int severity : {2, 4, 5}) {
      const auto file =
          foil::io::read_npy(dir / "all" / foil::name(corruption) / (std::to_string(severity) + ".npy"));
      CHECK(file.shape == std::vector<Index>{4, 1, 28, 28});
      CHECK(file.values<std::uint8_t>() ==
            levels_of(foil::corrupt(images, corruption, severity, as_the_program())));
    }
  REQUIRE(corrupt_files(how + " --first 2 --count 1 --corruption fog --severity 4 --exact --out " +
                        (dir / "one.npy").string())
              .status == 0);
  const auto facts = nlohmann::json::parse(read(dir / "all/corruptions.json"));
  CHECK(facts["seed"] == 5);
  CHECK(facts["profile"] == "cifar");
  CHECK(facts["count"] == 4);
  CHECK(facts["corruptions"]["fog"] == std::vector<int>{2, 4, 5});
  CHECK(facts["layout"] == "nchw");
  CHECK(facts["bounds"] == std::vector<double>{0, 1});
  CHECK(facts["glass_swap"] == "reference");
  for (const char* other : {"frost_textures", "amplitudes", "monitor"}) CHECK_FALSE(facts.contains(other));
  CHECK_THAT(all.out, !ContainsSubstring("pixels under corruptions"));
  foil::CorruptionOptions exact = as_the_program();
  exact.eight_bit = false;
  const Images expected =
      foil::corrupt(foil::gather(images, std::vector{2}), foil::Corruption::fog, 4, exact, 2);
  const auto floats = foil::io::read_npy(dir / "one.npy").values<float>();
  CHECK(std::equal(floats.begin(), floats.end(), expected.data(), expected.data() + expected.size()));
}

TEST_CASE("foil-corrupt keeps the names and classes of pictures, and the layout of arrays") {
  const TemporaryDirectory dir;
  Images images(2, 3, 9, 12);
  std::vector<float> last;
  for (Index i = 0; i < 2; ++i) {
    foil::io::Picture picture(12, 9, 3);
    for (Index y = 0; y < 9; ++y)
      for (Index x = 0; x < 12; ++x)
        for (Index c = 0; c < 3; ++c) {
          const Index level = (i * 50 + y * 20 + x * 11 + c * 77) % 256;
          picture.pixel(x, y)[c] = static_cast<std::uint8_t>(level);
          images(i, c, y, x) = static_cast<float>(level) / 255.0f;
          last.push_back(2 * images(i, c, y, x) - 1);
        }
    std::filesystem::create_directories(dir / "in" / (i == 0 ? "cat" : "dog"));
    foil::io::write_png(dir / "in" / (i == 0 ? "cat/a.png" : "dog/b.png"), picture);
  }
  const Outcome outcome = corrupt_files("--images " + (dir / "in").string() +
                                        " --corruptions gaussian_noise,frost --severity 3 --frost-textures " +
                                        (dir / "in").string() + " --out " + (dir / "out").string());
  INFO(outcome.out);
  REQUIRE(outcome.status == 0);
  CHECK_THAT(outcome.out,
             ContainsSubstring("foil-corrupt: warning: images of 9 x 12 pixels under corruptions made "
                               "for some 224 x 224; --profile cifar"));
  CHECK(nlohmann::json::parse(read(dir / "out/corruptions.json"))["frost_textures"] == (dir / "in").string());
  CHECK(std::filesystem::exists(dir / "out/frost/3/cat/a.png"));
  foil::io::ImageReader<float> back(dir / "out/gaussian_noise/3", {});
  CHECK(back.pictures()->names == std::vector<std::string>{"cat/a.png", "dog/b.png"});
  const Images noisy = foil::corrupt(images, foil::Corruption::gaussian_noise, 3);
  CHECK(levels_of(back.next(2)) == levels_of(noisy));

  foil::io::write_npy<float>(dir / "last.npy", std::span<const float>(last), {2, 9, 12, 3});
  for (const std::string layout : {"", " --layout nhwc"}) {
    REQUIRE(corrupt_files("--images " + (dir / "last.npy").string() + layout +
                          " --bounds -1,1 --corruption gaussian_noise --severity 3 --out " +
                          (dir / "noisy.npy").string())
                .status == 0);
    const auto array = foil::io::read_npy(dir / "noisy.npy");
    std::filesystem::remove(dir / "noisy.npy");
    CHECK(array.shape == std::vector<Index>{2, 9, 12, 3});
    const auto bytes = array.values<std::uint8_t>();
    bool same = true;
    for (Index i = 0; i < 2; ++i)
      for (Index c = 0; c < 3; ++c)
        for (Index p = 0; p < 108; ++p)
          same = same && std::abs(bytes[static_cast<std::size_t>((i * 108 + p) * 3 + c)] / 255.0 -
                                  static_cast<double>(noisy.data()[(i * 3 + c) * 108 + p])) < 1e-6;
    CHECK(same);
  }
  REQUIRE(corrupt_files("--images " + (dir / "last.npy").string() +
                        " --bounds -1,1 --degradation opponent_colour --out " + (dir / "opponent").string())
              .status == 0);
  const auto facts = nlohmann::json::parse(read(dir / "opponent/corruptions.json"));
  CHECK(facts["layout"] == "nhwc");
  CHECK(facts["bounds"] == std::vector<double>{-1, 1});
  CHECK(facts["monitor"] == "sRGB");
  CHECK_FALSE(facts.contains("amplitudes"));
}

TEST_CASE("foil-corrupt makes the benchmark unasked, without frost where there is no ice") {
  const TemporaryDirectory dir;
  const std::string how = "--images " + image_file + " --count 1 --severity 1 --profile cifar --out ";
  const Outcome plain = corrupt_files(how + (dir / "plain").string());
  CHECK(plain.status == 0);
  CHECK_THAT(plain.out, ContainsSubstring("foil-corrupt: frost is left out: it needs --frost-textures"));
  CHECK_THAT(plain.out, ContainsSubstring("14 changes"));
  CHECK_FALSE(std::filesystem::exists(dir / "plain/frost"));
  std::filesystem::create_directories(dir / "ice");
  foil::io::write_png(dir / "ice/ice.png", foil::io::Picture(40, 40, 1, 200));
  const Outcome iced =
      corrupt_files(how + (dir / "iced").string() + " --frost-textures " + (dir / "ice").string());
  CHECK(iced.status == 0);
  CHECK_THAT(iced.out, ContainsSubstring("15 changes"));
  CHECK_THAT(iced.out, !ContainsSubstring("left out"));
}

TEST_CASE("foil-corrupt says in one line what is wrong") {
  const TemporaryDirectory dir;
  const std::string images = "--images " + image_file + " ", out = " --out " + (dir / "out").string();
  const auto check = [](const std::string& arguments, const std::string& line) {
    const Outcome outcome = corrupt_files(arguments);
    INFO(arguments);
    CHECK(outcome.status == 2);
    CHECK_THAT(outcome.out, ContainsSubstring(line));
    CHECK(std::count(outcome.out.begin(), outcome.out.end(), '\n') == 1);
  };
  check(images + "--corruption fgo" + out, "no corruption is called 'fgo'; did you mean fog?");
  check(images + "--corruption fog,fog" + out, "fog is given twice");
  check(images + "--corruption fog --severity 6" + out, "expected whole numbers from 1 to 5");
  check(images + "--corruption fog --profile mnist" + out, "expected the profile imagenet");
  check(images + "--corruptions benchmark --severity 1" + out,
        "benchmark,-frost and all,-frost leave it out");
  check(images + "--corruptions fog,-frost" + out, "frost cannot be left out");
  check(images + "--corruption fog --true-swap" + out, "--true-swap: is for the corruption glass_blur");
  check(images + "--corruption fog --frost-textures x" + out,
        "--frost-textures: is for the corruption frost");
  check(images + "--degradation contrast --severity 3" + out, "degradations have --level");
  check(images + "--degradation contrast --profile cifar" + out, "--profile: is for --corruptions");
  check(images + "--corruption fog --out " + (dir / "x.npy").string(),
        "holds one corruption of one severity");
  check(images + "--corruption fog --first 1000" + out, "--first: expected a row from 0 to 999");
  check(images + "--corruption fog", "--out is missing");
  for (const char* option : {"--seed", "--corruptions", "--severity", "--count", "--bounds"})
    check(images + option + " ''" + out, std::string(option) + ": expected a value, got nothing");
  check(images + "--corruption fog --out " + (dir / "fog.png").string(),
        "expected a folder for pictures, or NAME.npy");
  foil::io::write_png(dir / "one.png", foil::io::Picture(4, 4, 1));
  write(dir / "list.txt", "one.png\n");
  check("--images " + (dir / "list.txt").string() + " --layout nhwc --corruption fog" + out,
        "--layout: is for arrays");
  std::filesystem::create_directories(dir / "full");
  write(dir / "full/file", "there");
  check(images + "--corruption fog --out " + (dir / "full").string(), "a new or an empty folder");
  CHECK_FALSE(std::filesystem::exists(dir / "out"));

  // No file is lost, be it the program's own.
  foil::io::write_npy<double>(dir / "amplitudes.npy", std::vector<double>(28 * 28, 1.0), {28, 28});
  write(dir / "mine.npy", "mine");
  const std::string before = read(dir / "amplitudes.npy");
  for (const std::string file : {"mine.npy", "amplitudes.npy"})
    check(images + "--count 1 --degradation power_equalisation --level 1 --amplitudes " +
              (dir / "amplitudes.npy").string() + " --out " + (dir / file).string(),
          file + ": is there already");
  CHECK(read(dir / "mine.npy") == "mine");
  CHECK(read(dir / "amplitudes.npy") == before);
}

TEST_CASE("foil-corrupt leaves nothing of what it refuses, and takes names of any bytes") {
  const TemporaryDirectory dir;
  foil::io::Picture picture(6, 5, 1, 90);
  const auto pictures = [&](const std::vector<std::string>& names) {
    std::filesystem::remove_all(dir / "in");
    std::string list;
    for (const std::string& name : names) {
      std::filesystem::create_directories((dir / "in" / name).parent_path());
      foil::io::write_png(dir / "in" / name, picture);
      list += name + "\n";
    }
    write(dir / "in/list.txt", list);
    return "--images " + (dir / "in/list.txt").string() + " --profile cifar --severity 1 --corruption ";
  };
  const std::string out = " --out " + (dir / "new/out").string();
  for (const std::vector<std::string>& names :
       {std::vector<std::string>{"a.png", "a.PNG"}, {"A/x.png", "a/x.png"}}) {
    const std::string how = pictures(names) + "brightness";
    const Outcome refused = corrupt_files(how + out);
    INFO(refused.out);
    CHECK(refused.status == 2);
    CHECK_THAT(refused.out, ContainsSubstring("two pictures that would become"));
    CHECK_FALSE(std::filesystem::exists(dir / "new"));
    REQUIRE(corrupt_files(how + " --format npy" + out).status == 0);
    std::filesystem::remove_all(dir / "new");
  }
  // The second picture is broken: what was made of the first goes with it.
  const std::string how = pictures({"a/x.png", "b/y.png"}) + "brightness,contrast";
  write(dir / "in/b/y.png", read(dir / "in/b/y.png").substr(0, 60));
  CHECK(corrupt_files(how + out).status == 2);
  CHECK_FALSE(std::filesystem::exists(dir / "new"));
  std::filesystem::create_directories(dir / "new/out");
  CHECK(corrupt_files(how + out).status == 2);
  CHECK(std::filesystem::is_empty(dir / "new/out"));
  CHECK(corrupt_files(how + " --count 1" + out).status == 0);
  CHECK(std::filesystem::exists(dir / "new/out/contrast/1/a/x.png"));

  const std::string odd = (dir / "ic\xe9").string();
  std::filesystem::create_directories(odd);
  foil::io::write_png(odd + "/ice.png", foil::io::Picture(9, 9, 1, 200));
  REQUIRE(corrupt_files("--images " + odd + " --frost-textures " + odd + " --corruption frost --severity 1" +
                        " --profile cifar --out " + (dir / "odd").string())
              .status == 0);
  CHECK_THAT(nlohmann::json::parse(read(dir / "odd/corruptions.json"))["images"].get<std::string>(),
             ContainsSubstring("ic\xef\xbf\xbd"));

  // Both kinds have a contrast.
  pictures({"x.png"});
  REQUIRE(corrupt_files("--images " + (dir / "in/x.png").parent_path().string() +
                        "/list.txt --profile cifar --severity 1 --corruption contrast --degradations "
                        "contrast --out " +
                        (dir / "both").string())
              .status == 0);
  CHECK(std::filesystem::exists(dir / "both/corruptions/contrast/1/x.png"));
  CHECK(std::filesystem::exists(dir / "both/degradations/contrast/0.5/x.png"));
  const auto facts = nlohmann::json::parse(read(dir / "both/corruptions.json"));
  CHECK(facts["corruptions"]["contrast"] == std::vector<int>{1});
  CHECK(facts["degradations"]["contrast"].size() == 8);
}

TEST_CASE("foil-corrupt degrades images as the library does, equalised by the mean of all") {
  const TemporaryDirectory dir;
  const Images images = foil::io::ImageReader<float>(image_file, {}).next(4);
  const std::string how = "--images " + image_file + " --seed 5";
  const Outcome all =
      corrupt_files(how + " --count 4 --degradations uniform_noise,power-equalisation,high_pass --out " +
                    (dir / "all").string());
  INFO(all.out);
  REQUIRE(all.status == 0);
  const auto facts = nlohmann::json::parse(read(dir / "all/corruptions.json"));
  for (const char* other : {"corruptions", "profile", "glass_swap", "monitor"})
    CHECK_FALSE(facts.contains(other));
  CHECK(facts["amplitudes"] == "mean of the images");
  CHECK_THAT(all.out, !ContainsSubstring("pixels under corruptions"));
  CHECK(facts["degradations"]["power_equalisation"] == std::vector<std::string>{"0", "1"});
  for (const auto& [degradation, level, file] :
       {std::tuple{foil::Degradation::uniform_noise, 0.35, "uniform_noise/0.35.npy"},
        std::tuple{foil::Degradation::power_equalisation, 1.0, "power_equalisation/1.npy"},
        std::tuple{foil::Degradation::high_pass, std::numeric_limits<double>::infinity(),
                   "high_pass/inf.npy"}})
    CHECK(foil::io::read_npy(dir / "all" / file).values<std::uint8_t>() ==
          levels_of(foil::degrade(images, degradation, level, {.seed = 5})));
  REQUIRE(corrupt_files(how + " --first 2 --count 1 --degradation contrast --level 0.4 --out " +
                        (dir / "one.npy").string())
              .status == 0);
  foil::io::ImageReader<float> third(image_file, {});
  third.seek(2);
  CHECK(foil::io::read_npy(dir / "one.npy").values<std::uint8_t>() ==
        levels_of(foil::degrade(third.next(1), foil::Degradation::contrast, 0.4)));
}

TEST_CASE("foil-corrupt tells levels apart by all of their digits, which random numbers depend on") {
  const TemporaryDirectory dir;
  const Images images = foil::io::ImageReader<float>(image_file, {}).next(1);
  const std::string how =
      "--images " + image_file + " --count 1 --out " + (dir / "out").string() + " --degradation ";
  const Outcome outcome = corrupt_files(how + "uniform_noise --level 0.1,0.10000001,1/3,-0");
  INFO(outcome.out);
  REQUIRE(outcome.status == 0);
  const std::vector<std::string> names{"0.1", "0.10000001", "0.3333333333333333", "0"};
  CHECK(nlohmann::json::parse(read(dir / "out/corruptions.json"))["degradations"]["uniform_noise"] == names);
  for (const std::string& name : names)
    CHECK(foil::io::read_npy(dir / "out/uniform_noise" / (name + ".npy")).values<std::uint8_t>() ==
          levels_of(foil::degrade(images, foil::Degradation::uniform_noise, std::stod(name))));
  std::filesystem::remove_all(dir / "out");
  CHECK_THAT(corrupt_files(how + "uniform_noise --level 0.1,0.10").out,
             ContainsSubstring("uniform_noise at 0.1 is given twice"));
  CHECK_THAT(corrupt_files(how + "rotation --level 0,-0").out, ContainsSubstring("at 0 is given twice"));
  CHECK_THAT(corrupt_files(how + "low_pass --level nan").out, ContainsSubstring("expected numbers"));
}

TEST_CASE("foil-corrupt refuses amplitudes and curves that are none, before it writes") {
  const TemporaryDirectory dir;
  const auto refused = [&](const std::string& degradation, const std::string& option,
                           const std::vector<double>& numbers, const std::vector<Index>& shape,
                           const std::string& why) {
    foil::io::write_npy<double>(dir / "numbers.npy", std::span<const double>(numbers), shape);
    const Outcome outcome =
        corrupt_files("--images " + image_file + " --count 2 --degradation " + degradation + " --level 1 " +
                      option + " " + (dir / "numbers.npy").string() + " --out " + (dir / "none").string());
    CHECK(outcome.status == 2);
    CHECK_THAT(outcome.out, ContainsSubstring(why));
    CHECK_FALSE(std::filesystem::exists(dir / "none"));
  };
  const auto amplitudes = [&](double one, const std::string& why) {
    std::vector<double> numbers(28 * 28, 1.0);
    numbers[77] = one;
    refused("power_equalisation", "--amplitudes", numbers, {28, 28}, why);
  };
  const double infinity = std::numeric_limits<double>::infinity();
  amplitudes(std::nan(""), "amplitudes that are finite and >= 0, got nan");
  amplitudes(infinity, "got inf");
  amplitudes(-1, "got -1");
  refused("power_equalisation", "--amplitudes",
          std::vector<double>(28 * 28, std::numeric_limits<double>::max()), {28, 28},
          "more than a double holds");
  refused("power_equalisation", "--amplitudes", {}, {0, 28}, "at least one pixel");
  refused("power_equalisation", "--amplitudes", {}, {0, 0}, "at least one pixel");
  refused("power_equalisation", "--amplitudes", std::vector<double>(27 * 28, 1.0), {27, 28},
          "expected amplitudes of 28 x 28 frequencies, got 1 x 27 x 28");
  refused("power_equalisation", "--amplitudes", std::vector<double>(28 * 28), {28, 28}, "got only zeros");
  refused("opponent_colour", "--monitor", std::vector<double>(256), {256}, "not all the same");
  refused("power_equalisation", "--amplitudes", {1, 1}, {2}, "expected an array of 2 dimensions");
  refused("contrast", "--amplitudes", {1}, {1, 1}, "--amplitudes: is for the degradation power_equalisation");
  std::vector<double> curve = foil::degradations::srgb_curve();
  curve[100] = std::nan("");
  refused("opponent_colour", "--monitor", curve, {256}, "256 ascending numbers");
  refused("opponent_colour", "--monitor", {}, {0}, "256 ascending numbers");
}

TEST_CASE("foil-corrupt refuses levels that a degradation does not have, before it writes") {
  const TemporaryDirectory dir;
  const auto refused = [&](const std::string& arguments) {
    const Outcome outcome = corrupt_files("--images " + image_file + " --count 2 " + arguments + " --out " +
                                          (dir / "none").string());
    CHECK(outcome.status == 2);
    CHECK_FALSE(std::filesystem::exists(dir / "none"));
    return outcome.out;
  };
  CHECK_THAT(refused("--degradation rotation --level 45"), ContainsSubstring("multiple of 90"));
  CHECK_THAT(refused("--degradation opponent_colour --level 1"), ContainsSubstring("three channels"));
  CHECK_THAT(
      refused("--degradations all"),
      ContainsSubstring(image_file + ": the degradation opponent_colour needs three channels, found one; "
                                     "all,-opponent_colour leaves it out"));
  CHECK_THAT(refused("--degradations contrast,rotation --level 1"), ContainsSubstring("one degradation"));
  CHECK_THAT(refused("--degradations all,contrast"), ContainsSubstring("given twice"));
  CHECK_THAT(refused("--degradation contrast --level x"), ContainsSubstring("expected numbers"));
  CHECK_THAT(refused("--level 1"), ContainsSubstring("for --degradations, corruptions have --severity"));

  const std::string wide = (dir / "wide.npy").string(), file = "--images " + wide + " --degradation";
  foil::io::write_npy<std::uint8_t>(wide, std::vector<std::uint8_t>(6), {1, 2, 3});
  for (const char* levels : {"s all,-opponent_colour", " rotation --level 0,-270", " rotation --level 450"}) {
    const Outcome outcome = corrupt_files(file + levels + " --out " + (dir / "none").string());
    CHECK(outcome.status == 2);
    CHECK_THAT(outcome.out, ContainsSubstring(wide + ": the degradation rotation by quarter turns needs "
                                                     "images as high as wide, found 2 x 3; all,-rotation "
                                                     "leaves it out"));
    CHECK_FALSE(std::filesystem::exists(dir / "none"));
  }
  CHECK(corrupt_files(file + " rotation --level 0,-180 --out " + (dir / "half").string()).status == 0);
  CHECK(corrupt_files(file + "s all,-opponent_colour,-rotation --out " + (dir / "all").string()).status == 0);
}

TEST_CASE("foil-corrupt leaves nothing of what a signal ends") {
  const TemporaryDirectory dir;
  // A hundred million images of 8 x 8 zeros, none of them on the disk: no machine comes to their end.
  write(dir / "images-idx3-ubyte", std::string("\0\0\x08\x03\x05\xf5\xe1\0\0\0\0\x08\0\0\0\x08", 16));
  std::filesystem::resize_file(dir / "images-idx3-ubyte", 16 + 6'400'000'000);
  const auto out = dir / "new/out";
  for (const auto& [format, seen, signal] :
       {std::tuple{"png", "brightness/1/0000001.png", SIGTERM},
        std::tuple{"npy", "contrast/2.npy.foil-part-0", SIGINT}, std::tuple{"png", "contrast/1", SIGHUP}}) {
    Process process(
        {"--images", (dir / "images-idx3-ubyte").string(), "--corruptions", "brightness,contrast",
         "--severity", "1,2", "--format", format, "--out", out.string()},
        [] { std::signal(SIGHUP, SIG_DFL); }, {}, FOIL_CORRUPT);
    REQUIRE(process.reaches([&, file = seen] { return std::filesystem::exists(out / file); }));
    process.send(signal);
    const Outcome outcome = process.wait();
    INFO(format << " " << signal << ": " << outcome.err);
    CHECK(outcome.status == 128 + signal);
    CHECK_THAT(outcome.err, ContainsSubstring("foil-corrupt: interrupted; nothing is left of it\n"));
    CHECK_FALSE(std::filesystem::exists(dir / "new"));
  }
}

TEST_CASE("foil-corrupt takes back what is in place when what comes last cannot be written") {
  const TemporaryDirectory dir;
  foil::io::write_npy<std::uint8_t>(dir / "images.npy", std::vector<std::uint8_t>(1), {1, 1, 1});
  const auto out = dir / "new/out";
  for (const char* format : {"png", "npy"}) {
    // corruptions.json is larger than a file may be, images are not.
    const auto limited = [] {
      const rlimit most{512, 512};
      setrlimit(RLIMIT_FSIZE, &most);
      std::signal(SIGXFSZ, SIG_IGN);
    };
    const Outcome outcome =
        Process({"--images", (dir / "images.npy").string(), "--corruptions", "benchmark,-frost", "--profile",
                 "cifar", "--format", format, "--out", out.string()},
                limited, {}, FOIL_CORRUPT)
            .wait();
    INFO(outcome.err);
    CHECK(outcome.status == 1);
    CHECK_THAT(outcome.err, ContainsSubstring("corruptions.json: cannot be written"));
    CHECK_FALSE(std::filesystem::exists(dir / "new"));
  }
}
