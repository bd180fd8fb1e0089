// SPDX-License-Identifier: MIT
/// \file
/// What foil-evaluate makes of data in other forms, units and conditions than those of the other tests.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "foil/io/data.hpp"
#include "foil/io/png.hpp"
#include "io/npz_builder.hpp"
#include "support/onnx.hpp"
#include "tools/foil_evaluate.hpp"

using namespace foil_test;
using Catch::Matchers::ContainsSubstring;
using foil::Index;

namespace {

constexpr Index pixels = 28 * 28;

/// The first images of the data set, as bytes.
std::vector<std::uint8_t> bytes_of_images(Index count) {
  foil::io::IdxReader file(image_file);
  return file.next(count).data;
}

std::vector<int> first_labels(Index count) {
  const foil::Labels labels = foil::io::read_labels(label_file);
  return {labels.data(), labels.data() + count};
}

void write_pictures(const std::filesystem::path& folder, Index count, const auto& name) {
  const auto bytes = bytes_of_images(count);
  for (Index i = 0; i < count; ++i) {
    foil::io::Picture picture(28, 28, 1);
    std::copy_n(bytes.begin() + i * pixels, pixels, picture.pixel(0, 0));
    const auto path = folder / name(i);
    std::filesystem::create_directories(path.parent_path());
    foil::io::write_png(path, picture);
  }
}

}  // namespace

TEST_CASE("foil-evaluate: images and labels in other files give the same bits", "[examples][evaluate]") {
  constexpr Index count = 12;
  const TemporaryDirectory dir, files;
  const auto labels = first_labels(count);
  foil::io::write_npy<std::uint8_t>(files / "x.npy", bytes_of_images(count), {count, 28, 28, 1});
  foil::io::write_npy<std::int16_t>(files / "y.npy", std::vector<std::int16_t>(labels.begin(), labels.end()),
                                    {count, 1});
  const auto numbered = [](Index i) { return std::to_string(100 + i) + ".png"; };
  write_pictures(files / "flat", count, numbered);
  write_pictures(files / "sorted", count, [&](Index i) {
    return std::to_string(labels[static_cast<std::size_t>(i)]) + "/" + numbered(i);
  });
  std::string text, by_name = "label,file\n", list = "file,label\n";
  for (Index i = 0; i < count; ++i) {
    const std::string label = std::to_string(labels[static_cast<std::size_t>(i)]);
    text += label + "\n";
    by_name.insert(11, label + "," + numbered(i) + "\n");  // from the last to the first
    list += "flat/" + numbered(i) + "," + label + "\n";
  }
  write(files / "y.txt", text);
  write(files / "y.csv", by_name);
  write(files / "list.csv", list);

  const auto found = [&](const Arguments& inputs) {
    const TemporaryDirectory out;
    const Outcome outcome =
        run(Arguments{"--model", model_file, "--out", (out / "r.json").string(), "--adversarials",
                      (out / "adversarials").string(), "--attack", "l2-fgm", "--epsilon", "2"} +
            inputs);
    INFO(outcome.err);
    REQUIRE(outcome.status == 0);
    if (inputs[1].ends_with("sorted"))
      CHECK_THAT(outcome.err, ContainsSubstring("sorted: classes: 0 0, 1 1"));
    const auto images = foil::io::read_images(out / "adversarials/l2-fgm_eps2.npy", foil::Bounds<float>());
    std::vector<std::vector<float>> rows;
    for (Index i = 0; i < foil::samples(images); ++i)
      rows.emplace_back(foil::sample(images, i).data(), foil::sample(images, i).data() + pixels);
    if (inputs[1].ends_with("sorted")) std::sort(rows.begin(), rows.end());
    return rows;
  };
  const auto path = [&](const char* name) { return (files / name).string(); };
  auto expected = found({"--images", image_file, "--labels", label_file, "--count", std::to_string(count)});
  REQUIRE(expected.size() == count);
  for (const Arguments& inputs : {Arguments{"--images", path("x.npy"), "--labels", path("y.npy")},
                                  {"--images", path("x.npy"), "--labels", path("y.txt"), "--layout", "nhwc"},
                                  {"--images", path("flat"), "--labels", path("y.txt")},
                                  {"--images", path("flat"), "--labels", path("y.csv")},
                                  {"--images", path("list.csv")},
                                  {"--images", path("list.csv"), "--labels", path("list.csv")}}) {
    CAPTURE(inputs);
    CHECK(found(inputs) == expected);
  }
  // By class the order is another one.
  auto sorted = expected;
  std::sort(sorted.begin(), sorted.end());
  const std::set<int> present(labels.begin(), labels.end());
  REQUIRE(*present.begin() == 0);
  if (*present.rbegin() + 1 == static_cast<int>(present.size()))
    CHECK(found({"--images", path("sorted")}) == sorted);

  const Outcome none = run({"--model", model_file, "--images", path("flat"), "--out", path("r.json"),
                            "--attack", "fgsm", "--epsilon", "1"});
  CHECK(none.status == 2);
  CHECK_THAT(none.err, ContainsSubstring("--labels is missing"));
}

TEST_CASE("foil-evaluate: --mean and --std act inside of the network", "[examples][evaluate]") {
  // The same network twice: the second is given pixels that --mean and --std have changed.
  const TemporaryDirectory plain, standardised, file;
  const std::vector<float> mean{0.5f, 0.25f, 0, 1}, deviation{0.5f, 0.25f, 2, 4},
      weights{1, -2, 3, -1, -1, 2, 1, 1};
  std::vector<float> inner(8), offsets{0.3f, 0};
  for (std::size_t i = 0; i < 8; ++i) {
    inner[i] = weights[i] * deviation[i % 4];
    offsets[i / 4] += weights[i] * mean[i % 4];
  }
  foil::io::write_npy<float>(file / "mean.npy", mean, {1, 2, 2});
  foil::io::write_npy<double>(file / "std.npy", std::vector<double>(deviation.begin(), deviation.end()), {4});
  const Arguments attack{"--attack", "minimal-l2-pgd:steps=50", "--attack", "linf-pgd", "--epsilon", "0.05"};
  const Outcome one = run(on_network(plain, weights, {0.3f, 0}, {0, 0, 0, 0}) + attack);
  const Outcome other =
      run(on_network(standardised, inner, offsets, {0, 0, 0, 0}) + attack +
          Arguments{"--mean", (file / "mean.npy").string(), "--std", (file / "std.npy").string()});
  INFO(one.err + other.err);
  REQUIRE(one.status == 0);
  REQUIRE(other.status == 0);
  const auto a = results(plain), b = results(standardised);
  CHECK(a["mean"].is_null());
  CHECK(b["mean"] == nlohmann::json(mean));
  CHECK(a["clean_accuracy"] == b["clean_accuracy"]);
  int fooled = 0;
  for (std::size_t k = 0; k < 2; ++k) {
    for (std::size_t i = 0; i < 4; ++i) {
      const auto &x = a["attacks"][k]["samples"][i], &y = b["attacks"][k]["samples"][i];
      CHECK(x["success"] == y["success"]);
      if (x["success"] != true || x["distance"] == 0) continue;
      ++fooled;
      CHECK(y["distance"].get<double>() == Catch::Approx(x["distance"].get<double>()).epsilon(1e-3));
    }
  }
  CHECK(fooled > 2);
}

TEST_CASE("foil-evaluate: arrays for channels and features have the layout of the images, or are refused",
          "[examples][evaluate]") {
  constexpr Index channels = 2, height = 3, width = 5, n = channels * height * width, rows = 4;
  const TemporaryDirectory file;
  foil::test::OnnxBuilder network({-1, channels, height, width});
  std::vector<float> weights(2 * n);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = std::sin(static_cast<float>(i * i));
  network.constant("w", {2, n}, weights).constant("b", {2}, {0, 0});
  network.node("Flatten", {"x"}, "flat")
      .node("Gemm", {"flat", "w", "b"}, "y", {foil::test::attribute("transB", 1)});
  write(file / "net.onnx", network.bytes());
  foil::io::write_npy<int>(file / "y.npy", std::vector<int>(rows), {rows});
  // Each array twice: (..., C, H, W) and (..., H, W, C).
  const auto save = [&](const std::string& name, std::vector<Index> chw, float low, float step) {
    const Index extent = chw.back() * chw[chw.size() - 2] * chw[chw.size() - 3], c = chw[chw.size() - 3];
    Index all = 1;
    for (const Index k : chw) all *= k;
    std::vector<float> first(static_cast<std::size_t>(all)), last(first);
    for (Index i = 0; i < all; ++i) {
      const Index k = i % extent, area = extent / c;
      const float value = low + step * static_cast<float>((7 * i) % all) / static_cast<float>(all) -
                          (name == "bounds" && i < extent ? 2.f : 0.f);
      first[static_cast<std::size_t>(i)] = value;
      last[static_cast<std::size_t>(i - k + k % area * c + k / area)] = value;
    }
    foil::io::write_npy<float>(file.path() / (name + "_chw.npy"), first, chw);
    std::rotate(chw.end() - 3, chw.end() - 2, chw.end());
    foil::io::write_npy<float>(file.path() / (name + "_hwc.npy"), last, chw);
  };
  save("x", {rows, channels, height, width}, 0.25f, 0.5f);
  save("mean", {channels, height, width}, 0, 1);
  save("std", {channels, height, width}, 0.5f, 1);
  save("bounds", {2, channels, height, width}, 1, 1);
  save("of_channels", {channels, 1, 1}, 0.5f, 1);
  save("of_rows", {1, height, 1}, 0.5f, 1);
  foil::io::write_npy<float>(file / "list.npy", std::vector<float>{0.5f, 1}, {channels});
  foil::io::write_npy<float>(file / "flat.npy", std::vector<float>(n, 0.5f), {n});
  foil::io::write_npy<float>(file / "odd.npy", std::vector<float>(n, 0.5f), {height * width, channels});
  const auto found = [&](bool nhwc, const std::string& option, const std::string& array) {
    const TemporaryDirectory out;
    const std::string path = array.ends_with(".npy") ? (file.path() / array).string() : array;
    Arguments all{"--model",        (file / "net.onnx").string(),
                  "--images",       (file.path() / (nhwc ? "x_hwc.npy" : "x_chw.npy")).string(),
                  "--layout",       nhwc ? "nhwc" : "nchw",
                  "--labels",       (file / "y.npy").string(),
                  "--attack",       "linf-pgd:steps=5",
                  "--epsilon",      "0.5",
                  "--out",          (out / "r.json").string(),
                  "--adversarials", (out / "found").string(),
                  option,           path};
    if (option != "--bounds") all = all + Arguments{option == "--mean" ? "--std" : "--mean", "1"};
    const Outcome outcome = run(all);
    if (outcome.status != 0) return outcome.err;
    return read(out / "found/linf-pgd_eps0.5.npy");
  };
  for (const auto& [option, array] : {std::pair<std::string, std::string>{"--mean", "mean"},
                                      {"--std", "std"},
                                      {"--bounds", "bounds"},
                                      {"--std", "of_channels"},
                                      {"--std", "of_rows"}}) {
    CAPTURE(option, array);
    const std::string chw = found(false, option, array + "_chw.npy");
    CHECK_THAT(chw, Catch::Matchers::StartsWith("\x93NUMPY"));
    CHECK(found(true, option, array + "_hwc.npy") == chw);
    CHECK_THAT(found(true, option, array + "_chw.npy"), ContainsSubstring(option + ": expected 1 number"));
    CHECK_THAT(found(false, option, array + "_hwc.npy"), ContainsSubstring(option + ": expected 1 number"));
  }
  const std::string by_channel = found(false, "--std", "0.5,1");
  CHECK_THAT(by_channel, Catch::Matchers::StartsWith("\x93NUMPY"));
  CHECK(found(true, "--std", "0.5,1") == by_channel);
  CHECK(found(false, "--std", "list.npy") == by_channel);
  CHECK(found(true, "--std", "list.npy") == by_channel);
  CHECK(found(false, "--std", "of_channels_chw.npy") == by_channel);
  CHECK_THAT(found(false, "--std", "flat.npy"), Catch::Matchers::StartsWith("\x93NUMPY"));
  for (const bool nhwc : {false, true}) {
    const std::string shape = nhwc ? "(3, 5, 2)" : "(2, 3, 5)";
    for (const char* per_column : {"1,2,3,4,5", "1,2,3"})
      CHECK_THAT(found(nhwc, "--std", per_column), ContainsSubstring("one for each of the 2 channels"));
    CHECK_THAT(found(nhwc, "--std", "odd.npy"),
               ContainsSubstring("as an array of shape " + shape +
                                 " (or with extents of 1), got 30 in shape (15, 2)"));
  }
  CHECK_THAT(found(true, "--std", "flat.npy"), ContainsSubstring("got 30 in shape (30)"));
  CHECK_THAT(found(true, "--bounds", "0:0:0,1:1:1"), ContainsSubstring("--bounds: expected 1 number"));
}

TEST_CASE("foil-evaluate: folders of pictures whose order or classes may be mistaken, and what they name",
          "[examples][evaluate]") {
  const TemporaryDirectory dir;
  write_pictures(dir / "numbers", 10, [](Index i) { return std::to_string(i + 1) + ".png"; });
  write_pictures(dir / "padded", 10, [](Index i) { return std::to_string(i + 10) + ".png"; });
  write_pictures(dir / "classes", 11, [](Index i) { return std::to_string(i) + "/a.png"; });
  write_pictures(dir / "gap", 2, [](Index i) { return std::to_string(2 * i) + "/a.png"; });
  std::string text, named = "file,label\n", list;
  const auto labels = first_labels(10);
  for (std::size_t i = 0; i < 10; ++i) {
    text += std::to_string(labels[i]) + "\n";
    named += std::to_string(i + 1) + ".png," + std::to_string(labels[i]) + "\n";
    list += "numbers/" + std::to_string(i + 1) + ".png\n";
  }
  write(dir / "y.txt", text);
  write(dir / "y.csv", named);
  write(dir / "list.txt", list);
  write(dir / "gap.csv", "file,label\n0/a.png,7\n2/a.png,2\n");
  const auto path = [&](const char* name) { return (dir / name).string(); };
  const auto result = [&](const Arguments& arguments) {
    const bool has_out = std::find(arguments.begin(), arguments.end(), "--out") != arguments.end();
    const Outcome outcome = run(Arguments{"--model", model_file, "--attack", "fgsm", "--epsilon", "0.1"} +
                                arguments + (has_out ? Arguments{} : Arguments{"--out", path("r.json")}));
    return outcome.status == 0
               ? "clean " + nlohmann::json::parse(read(dir / "r.json"))["clean_accuracy"].dump()
               : outcome.err;
  };
  const std::string expected = result({"--images", image_file, "--labels", label_file, "--count", "10"});
  CHECK(result({"--images", path("padded"), "--labels", path("y.txt")}) == expected);
  CHECK(result({"--images", path("numbers"), "--labels", path("y.csv")}) == expected);
  CHECK(result({"--images", path("list.txt"), "--labels", path("y.txt")}) == expected);
  const auto two_orders = ContainsSubstring("y.txt: does not name the pictures");
  CHECK_THAT(result({"--images", path("numbers"), "--labels", path("y.txt")}), two_orders);
  CHECK_THAT(result({"--images", path("numbers"), "--labels", path("y.csv"), "--targets", path("y.txt")}),
             two_orders);
  const Arguments padded{"--images", path("padded"), "--labels", path("y.txt")};
  CHECK_THAT(result(padded + Arguments{"--starts", path("numbers")}),
             ContainsSubstring("padded: does not name the pictures"));

  CHECK_THAT(result({"--images", path("classes")}), ContainsSubstring("row 10 has class 10"));
  CHECK_THAT(result({"--images", path("gap")}),
             ContainsSubstring("named by numbers, but these are not 0 to 1"));
  CHECK_THAT(result({"--images", path("gap"), "--labels", path("gap.csv")}), ContainsSubstring("clean "));
  std::filesystem::rename(dir / "gap/2", dir / "gap/1");
  CHECK_THAT(result({"--images", path("gap")}), ContainsSubstring("clean "));
  const std::string note = nlohmann::json::parse(read(dir / "r.json"))["notes"].dump();
  CHECK_THAT(note, ContainsSubstring("gap: classes: 0 0, 1 1"));
  std::filesystem::rename(dir / "gap/1", dir / "gap/one");  // words for some of the classes: for which?
  std::filesystem::rename(dir / "gap/0", dir / "gap/zero");
  CHECK_THAT(result({"--images", path("gap")}),
             ContainsSubstring("gap: the folders are of 2 classes, and the network has 10 outputs"));

  const std::string before = read(dir / "numbers/3.png");
  for (const char* option : {"--out", "--sheet", "--report"})
    CHECK_THAT(result(padded + Arguments{"--starts", path("list.txt"), option, path("numbers/3.png")}),
               ContainsSubstring("3.png"));
  CHECK(read(dir / "numbers/3.png") == before);
}

TEST_CASE("foil-evaluate: bounds for each feature, and a lattice between them", "[examples][evaluate]") {
  const TemporaryDirectory dir, file;
  const std::vector<float> lower{0, -1, 0, 0.05f}, upper{0.2f, 1, 8, 0.15f};
  std::vector<float> images;
  for (int i = 0; i < 4; ++i)
    for (std::size_t k = 0; k < 4; ++k) images.push_back(lower[k] + (upper[k] - lower[k]) * 0.4f);
  std::vector<float> both = lower;
  both.insert(both.end(), upper.begin(), upper.end());
  const Arguments usual = on_network(dir, {-9, -9, -9, -9, 9, 9, 9, 9}, {60, 0}, {0, 0, 0, 0});
  foil::io::write_npy<float>(dir / "inputs/images.npy", images, {4, 4});
  foil::io::write_npy<float>(file / "bounds.npy", both, {2, 1, 2, 2});
  const Outcome outcome =
      run(usual + Arguments{"--bounds", (file / "bounds.npy").string(), "--lattice", "5", "--attack",
                            "linf-bim:maximize_loss=true", "--epsilon", "100"});
  INFO(outcome.err);
  CHECK(outcome.status == 2);  // (4, 4) are not (4, 1, 2, 2)
  CHECK_THAT(outcome.err,
             ContainsSubstring("expected images of shape (N, 1, 2, 2) as the model takes, found (4, 4)"));

  foil::io::write_npy<float>(dir / "inputs/images.npy", images, {4, 2, 2});
  const Outcome again = run(usual + Arguments{"--bounds", (file / "bounds.npy").string(), "--lattice", "5",
                                              "--attack", "linf-bim:maximize_loss=true", "--epsilon", "100"});
  INFO(again.err);
  REQUIRE(again.status == 0);
  CHECK(results(dir)["bounds"][0] == nlohmann::json(lower));
  const auto found = foil::io::read_npy(dir / "adversarials/linf-bim_eps100.npy").values<float>();
  for (std::size_t i = 0; i < 16; ++i) CHECK(found[i] == upper[i % 4]);
}

TEST_CASE("foil-evaluate: a bad image is its own problem, told and not robust", "[examples][evaluate]") {
  const TemporaryDirectory dir;
  const Arguments usual = on_network(dir, {1, 1, 1, 1, 0, 0, 0, 0}, {1, 0}, {0, 0, 0, 0}) +
                          Arguments{"--attack", "fgsm", "--epsilon", "0.01"};
  std::vector<float> images(16, 0.5f);
  images[9] = std::nextafter(1.f, 2.f);
  images[15] = std::numeric_limits<float>::quiet_NaN();
  foil::io::write_npy<float>(dir / "inputs/images.npy", images, {4, 1, 2, 2});

  const Outcome all = run(usual);
  INFO(all.err);
  REQUIRE(all.status == 0);
  CHECK_THAT(all.err, ContainsSubstring(
                          "images.npy: 2 of 4 images cannot be attacked and count as not robust: image 2 "
                          "has the value 1.0000001, expected values in [0, 1]"));
  auto json = results(dir);
  CHECK(json["clean_accuracy"] == 0.5);
  CHECK(json["attacks"][0]["invalid"] == 2);
  CHECK(json["attacks"][0]["robust_accuracy"] == 0.5);
  CHECK(json["attacks"][0]["samples"][2]["status"] == "invalid_input");
  CHECK(json["attacks"][0]["samples"][2]["clean_predicted"] == -1);

  const Outcome clipped = run(usual + Arguments{"--clip"});
  REQUIRE(clipped.status == 0);
  CHECK_THAT(clipped.err, ContainsSubstring("images.npy: 1 of 4 images") &&
                              ContainsSubstring("images.npy: values moved to the bounds: 1"));
  CHECK(results(dir)["attacks"][0]["robust_accuracy"] == 0.75);

  const Outcome few = run(usual + Arguments{"--count", "2"});
  REQUIRE(few.status == 0);
  CHECK(few.err.find("images.npy") == std::string::npos);
  CHECK(run(usual + Arguments{"--correct-only", "--count", "2"}).status == 0);
  const Outcome bad = run(usual + Arguments{"--first", "2"});
  CHECK(bad.status == 2);
  CHECK_THAT(
      bad.err,
      ContainsSubstring("image 2 has the value 1.0000001, expected values in [0, 1], and no image is valid"));
}

TEST_CASE("foil-evaluate: bytes that are meant as numbers are noticed", "[examples][evaluate]") {
  const TemporaryDirectory dir;
  const Arguments usual = on_network(dir, {1, 1, 1, 1, 0, 0, 0, 0}, {-0.5f, 0}, {0, 0, 0, 0}) +
                          Arguments{"--attack", "fgsm", "--epsilon", "0.01"};
  foil::io::write_npy<std::uint8_t>(dir / "inputs/images.npy", std::vector<std::uint8_t>(16, 1),
                                    {4, 1, 2, 2});
  const Outcome scaled = run(usual);
  REQUIRE(scaled.status == 0);
  CHECK_THAT(scaled.err,
             ContainsSubstring("no value is above 1, and 255 is the upper end of the bounds; --raw"));
  CHECK(results(dir)["clean_accuracy"] == 0);
  const Outcome raw = run(usual + Arguments{"--raw"});
  REQUIRE(raw.status == 0);
  CHECK(raw.err.find("no value is above 1") == std::string::npos);
  CHECK(results(dir)["clean_accuracy"] == 1);
}

TEST_CASE("foil-evaluate: masks of bools, in the layout of the images", "[examples][evaluate]") {
  // Two channels of one pixel in height and two in width; the mask lets the second channel move.
  const TemporaryDirectory dir, file;
  foil::test::OnnxBuilder network({-1, 2, 1, 2});
  network.constant("w", {2, 4}, {1, 1, 1, 1, -1, -1, -1, -1}).constant("b", {2}, {-1.9f, 1.9f});
  network.node("Flatten", {"x"}, "flat")
      .node("Gemm", {"flat", "w", "b"}, "y", {foil::test::attribute("transB", 1)});
  write(file / "net.onnx", network.bytes());
  foil::io::write_npy<float>(file / "x.npy", std::vector<float>(4, 0.5f), {1, 1, 2, 2});
  foil::io::write_npy<int>(file / "y.npy", std::vector<int>{0}, {1});
  write(file / "mask.npy",
        foil_test::npy_bytes("|b1", GENERATE("(1, 2, 2)", "(1, 1, 2, 2)"), std::string("\0\1\0\1", 4)));
  const Outcome outcome = run({"--model", (file / "net.onnx").string(), "--images", (file / "x.npy").string(),
                               "--labels", (file / "y.npy").string(), "--layout", "nhwc", "--mask",
                               (file / "mask.npy").string(), "--attack", "fgsm", "--epsilon", "0.25", "--out",
                               (dir / "r.json").string(), "--adversarials", (dir / "found").string()});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  const auto array = foil::io::read_npy(dir / "found/fgsm_eps0.25.npy");
  CHECK(array.shape == std::vector<Index>{1, 2, 1, 2});
  const auto found = array.values<float>();
  CHECK(found[0] == 0.5f);
  CHECK(found[1] == 0.5f);
  CHECK(found[2] != 0.5f);
  CHECK(found[3] != 0.5f);
}

TEST_CASE("foil-evaluate: the sheet shows the same pictures whichever axis has the channels",
          "[examples][evaluate]") {
  const TemporaryDirectory dir;
  std::vector<std::string> sheets;
  for (const bool last : {false, true}) {
    const auto place = dir.path() / (last ? "last" : "first");
    std::filesystem::create_directory(place);
    foil::test::OnnxBuilder network(last ? std::vector<std::int64_t>{-1, 7, 5, 3}
                                         : std::vector<std::int64_t>{-1, 3, 7, 5});
    network.constant("w", {2, 105}, std::vector<float>(210, 0)).constant("b", {2}, {1, 0});
    network.node("Flatten", {"x"}, "flat")
        .node("Gemm", {"flat", "w", "b"}, "y", {foil::test::attribute("transB", 1)});
    write(place / "net.onnx", network.bytes());
    std::vector<std::uint8_t> image(105);
    for (std::size_t c = 0; c < 3; ++c)
      for (std::size_t pixel = 0; pixel < 35; ++pixel)
        image[last ? 3 * pixel + c : 35 * c + pixel] = static_cast<std::uint8_t>(70 * c + 2 * pixel);
    foil::io::write_npy<std::uint8_t>(place / "x.npy", image,
                                      last ? std::vector<Index>{1, 7, 5, 3} : std::vector<Index>{1, 3, 7, 5});
    foil::io::write_npy<int>(place / "y.npy", std::vector<int>{0}, {1});
    const Outcome outcome =
        run({"--model", (place / "net.onnx").string(), "--images", (place / "x.npy").string(), "--labels",
             (place / "y.npy").string(), "--attack", "linf-additive-uniform-noise", "--epsilon", "0.1",
             "--out", (place / "r.json").string(), "--sheet", (place / "sheet.png").string()});
    INFO(outcome.err);
    REQUIRE(outcome.status == 0);
    sheets.push_back(read(place / "sheet.png"));
  }
  CHECK(sheets[0] == sheets[1]);
}

TEST_CASE("foil-evaluate: adversarials in PNG files are adversarial when they are read back",
          "[examples][evaluate]") {
  const TemporaryDirectory dir;
  const Outcome outcome =
      run(on_mnist(dir) + Arguments{"--first", "3", "--count", "20", "--attack", "linf-pgd:steps=20",
                                    "--attack", "boundary:steps=300", "--epsilon", "0.2", "--lattice", "255",
                                    "--adversarials-png", (dir / "png").string()});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  const auto model = foil::onnx::load<float, 4>(model_file);
  const auto json = results(dir);
  int fooled = 0;
  for (const auto& [attack, name] :
       {std::pair{std::size_t{0}, "linf-pgd_eps0.2"}, std::pair{std::size_t{1}, "boundary"}}) {
    const foil::Tensor<float, 4> read_back = foil::io::read_images(dir.path() / "png" / name, model.bounds());
    const auto stored =
        foil::io::read_images(dir.path() / "adversarials" / (std::string(name) + ".npy"), model.bounds());
    REQUIRE(foil::samples(read_back) == 20);
    CHECK(std::equal(stored.data(), stored.data() + stored.size(), read_back.data()));
    const foil::Labels predicted = foil::predict(model, read_back);
    for (Index i = 0; i < 20; ++i) {
      const auto& sample = json["attacks"][attack]["samples"][static_cast<std::size_t>(i)];
      CHECK(sample["predicted"] == predicted[i]);
      if (sample["success"] != true) continue;
      CHECK(predicted[i] != sample["label"]);
      ++fooled;
    }
  }
  CHECK(fooled > 30);
  CHECK(std::filesystem::exists(dir / "png/boundary/0000003.png"));
  CHECK(std::distance(std::filesystem::directory_iterator(dir / "png"), {}) == 3);
  CHECK(nlohmann::json::parse(read(dir / "png/manifest.json"))["run_id"] == json["run_id"]);

  // And foil-evaluate takes the folder: what fooled the network before is wrong from the start.
  std::string labels;
  for (const auto& sample : json["attacks"][1]["samples"])
    labels += std::to_string(sample["label"].get<int>()) + "\n";
  write(dir / "labels.txt", labels);
  const Outcome again = run({"--model", model_file, "--images", (dir / "png/boundary").string(), "--labels",
                             (dir / "labels.txt").string(), "--lattice", "255", "--attack", "fgsm",
                             "--epsilon", "0.1", "--out", (dir / "again.json").string()});
  INFO(again.err);
  REQUIRE(again.status == 0);
  const double right = nlohmann::json::parse(read(dir / "again.json"))["clean_accuracy"];
  CHECK(right == json["attacks"][1]["robust_accuracy"]);
}
