// SPDX-License-Identifier: MIT
#include "foil-evaluate/outputs.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "foil/io/data.hpp"
#include "foil/io/png.hpp"
#include "foil/report/html/markup.hpp"
#include "io/temporary_directory.hpp"
#include "support/catch.hpp"

using Catch::Matchers::ContainsSubstring;
using evaluate::content_of;
using evaluate::Outputs;
using evaluate::Places;
using foil_test::read;
using foil_test::TemporaryDirectory;
using foil_test::write;
using Names = std::vector<std::string>;

namespace {

Places places(const TemporaryDirectory& dir, const Names& names) {
  return {.results = dir / "results.json",
          .sheet = dir / "sheet.png",
          .folder = dir / "found",
          .names = names,
          .inputs = {dir / "images.npy"}};
}

/// As results.json begins, which later runs know it by.
std::string results_of(const nlohmann::json& rest) {
  return "{\n \"foil_version\": \"1\",\n" + rest.dump().substr(1);
}

/// A picture of one pixel, followed by a text.
std::string sheet_of(const std::string& who) {
  return evaluate::signed_png(foil::io::encode_png(foil::io::Picture(1, 1, 1))) + who;
}

/// Writes a run's files, the first of them at a checkpoint. Each holds the name of the run.
void run(const TemporaryDirectory& dir, const std::string& who, const Names& names, int die_at = -1) {
  Outputs outputs(places(dir, names));
  outputs.before_step = [&] {
    if (die_at-- == 0) _exit(9);
  };
  const auto publish = [&](bool last) {
    const std::string sheet = last ? sheet_of(who) : "";
    const nlohmann::json results{
        {"run_id", outputs.run_id()}, {"who", who}, {"sheet", last ? content_of(sheet).crc32 : 0}};
    outputs.publish([&](foil::io::AtomicFile& file) { file.write(results_of(results)); }, {.sheet = sheet},
                    last);
  };
  for (const std::string& name : names) {
    foil::io::write_file(outputs.staged(name), name + " of " + who);
    outputs.add(name);
    if (name == names.front()) publish(false);
  }
  publish(true);
}

std::set<std::string> entries(const std::filesystem::path& dir) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(dir))
    names.insert(entry.path().filename().string());
  return names;
}

}  // namespace

TEST_CASE("outputs: a run killed at any step leaves no files that contradict each other",
          "[tools][property]") {
  int step = 0, mixed = 0;
  for (int status = 9; status != 0; ++step) {
    const TemporaryDirectory dir;
    run(dir, "A", {"a.npy", "both.npy"});
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      run(dir, "B", {"both.npy", "b.npy", "c.npy"}, step);
      _exit(0);
    }
    REQUIRE(waitpid(child, &status, 0) == child);
    CAPTURE(step, status);
    REQUIRE((status == 0 || WEXITSTATUS(status) == 9));

    const auto results = nlohmann::json::parse(read(dir / "results.json"));
    const auto manifest = nlohmann::json::parse(read(dir / "found/manifest.json"));
    const std::string who = results["who"], sheet = read(dir / "sheet.png");
    const bool together = results["run_id"] == manifest["run_id"];
    for (const auto& file : manifest["files"]) {
      const std::string name = file["name"], content = read(dir.path() / "found" / name);
      CHECK(content_of(content).crc32 == file["crc32"]);
      if (together) CHECK(content == name + " of " + who);
    }
    if (together) CHECK(manifest["files"].size() > 0);
    if (results["sheet"] == content_of(sheet).crc32) CHECK(sheet == sheet_of(who));
    if (status == 0) {
      CHECK(who == "B");
      CHECK(together);
      CHECK(results["sheet"] == content_of(sheet).crc32);
    }
    mixed += !together;

    run(dir, "C", {"c.npy"});  // finds nothing in its way, and leaves nothing of the others
    CHECK(entries(dir.path()) == std::set<std::string>{"found", "results.json", "sheet.png"});
    CHECK(entries(dir / "found") == std::set<std::string>{"c.npy", "manifest.json"});
    CHECK(read(dir / "found/c.npy") == "c.npy of C");
  }
  CHECK(step > 15);
  CHECK(mixed > 0);
}

TEST_CASE("outputs: without a publication everything is as before", "[tools]") {
  const TemporaryDirectory dir;
  const auto begin = [&] {
    Outputs outputs(places(dir, {"a.npy"}));
    foil::io::write_file(outputs.staged("a.npy"), "half a run");
    outputs.add("a.npy");
  };
  begin();
  CHECK(dir.entries() == 0);
  run(dir, "A", {"a.npy"});
  begin();
  CHECK(dir.entries() == 3);
  CHECK(read(dir / "found/a.npy") == "a.npy of A");
  CHECK(entries(dir / "found").size() == 2);
}

TEST_CASE("outputs: a folder belongs to one run at a time", "[tools]") {
  const TemporaryDirectory dir;
  const Outputs first(places(dir, {"a.npy"}));
  CHECK_THROWS_WITH(Outputs(places(dir, {"a.npy"})),
                    ContainsSubstring("another foil-evaluate is writing there"));
}

TEST_CASE("outputs: a folder that holds anything else than an earlier run's files is refused", "[tools]") {
  const TemporaryDirectory dir;
  const auto refused = [&](const std::string& name) {
    CHECK_THROWS_WITH(Outputs(places(dir, {"b.npy"})),
                      ContainsSubstring("found " + name + ", which no run wrote there"));
  };
  std::filesystem::create_directory(dir / "found");
  write(dir / "found/notes.txt", "mine");
  refused("notes.txt");
  std::filesystem::remove(dir / "found/notes.txt");
  write(dir / "found/manifest.json", R"({"run_id": "12", "files": [], "changing": []})");
  refused("manifest.json");
  std::filesystem::remove(dir / "found/manifest.json");
  // A manifest that speaks of files outside of its folder is nobody's.
  for (const std::string name : {"../elsewhere", "/elsewhere", "a/../../elsewhere", "..", ""}) {
    const nlohmann::json file{{"name", name}, {"bytes", 0}, {"crc32", 0}};
    write(dir / "found/manifest.json",
          nlohmann::json{
              {"written_by", "foil-evaluate"}, {"files", {file}}, {"changing", nlohmann::json::array()}}
              .dump());
    refused("manifest.json");
    std::filesystem::remove(dir / "found/manifest.json");
  }
  std::filesystem::create_directory(dir / "found/folder");
  refused("folder");
  std::filesystem::remove(dir / "found/folder");

  run(dir, "A", {"a.npy"});
  write(dir / "found/a.npy", "something else");
  refused("a.npy");
  std::filesystem::remove(dir / "found/a.npy");
  write(dir / "elsewhere", "a.npy of A");
  std::filesystem::create_symlink(dir / "elsewhere", dir / "found/a.npy");
  refused("a.npy");
  CHECK(read(dir / "elsewhere") == "a.npy of A");
  std::filesystem::remove(dir / "found/a.npy");
  run(dir, "B", {"b.npy"});
  CHECK(entries(dir / "found") == std::set<std::string>{"b.npy", "manifest.json"});
}

TEST_CASE("outputs: no output is an input or another output, by whatever path", "[tools]") {
  const TemporaryDirectory dir;
  const auto path = [&](const std::string& name) { return dir / name; };
  std::filesystem::create_directories(path("sub"));
  std::filesystem::create_directory(path("data"));
  write(path("images.npy"), "input");
  std::filesystem::create_hard_link(path("images.npy"), path("hard"));
  std::filesystem::create_symlink("images.npy", path("soft"));
  std::filesystem::create_symlink("nothing", path("dangling"));
  std::filesystem::create_symlink(".", path("here"));
  const auto refused = [&](const Places& wanted, const std::string& message) {
    CAPTURE(wanted.results, message);
    CHECK_THROWS_WITH(Outputs(wanted), ContainsSubstring(message));
  };
  const std::vector<std::filesystem::path> inputs{path("images.npy")};
  for (const char* name :
       {"images.npy", "hard", "soft", "here/images.npy", "sub/../images.npy", "here/soft"}) {
    refused({.results = path(name), .inputs = inputs}, "would overwrite an input");
    refused({.results = path("x"), .sheet = path(name), .inputs = inputs}, "would overwrite an input");
    refused({.results = path("x"), .inputs = {path("x"), path(name)}}, "would overwrite an input");
  }
  for (const char* name : {"x", "here/x", "sub/../x", "here/./x"})
    refused({.results = path("x"), .sheet = path(name)}, "would overwrite the file for --out");
  refused({.results = path("nothing"), .sheet = path("dangling")}, "would overwrite the file for --out");
  refused({.results = path("found/a.npy"), .folder = path("found"), .names = {"a.npy"}},
          "--adversarials: would overwrite");
  refused({.results = path("here/found/manifest.json"), .folder = path("found"), .names = {"a.npy"}},
          "--adversarials: would overwrite");
  refused({.results = path("data/x"), .inputs = {path("data")}}, "which is an input");
  refused({.results = path("x"), .folder = path("here/data/found"), .inputs = {path("data")}},
          "which is an input");
  refused({.results = path("x"), .folder = path("data"), .inputs = {path("data")}}, "which is an input");
  refused({.results = path("found"), .folder = path("found")}, "found a directory");
  CHECK(dir.entries() == 7);

  run(dir, "A", {"a.npy"});
  refused(
      {.results = path("x"), .folder = path("found"), .names = {"b.npy"}, .inputs = {path("found/a.npy")}},
      "which is an input");
  refused({.results = path("found/a.npy"), .folder = path("found"), .names = {"b.npy"}},
          "would overwrite a file");
  CHECK(read(path("found/a.npy")) == "a.npy of A");
  CHECK(read(path("images.npy")) == "input");
}

TEST_CASE("outputs: a file that no run wrote is not replaced by results, sheet, curves or report",
          "[tools]") {
  const TemporaryDirectory dir;
  run(dir, "A", {"a.npy"});
  const std::string picture = foil::io::encode_png(foil::io::Picture(40, 40, 3)),
                    results = read(dir / "results.json"), sheet = read(dir / "sheet.png");
  const auto refused = [&](const std::string& content) {
    write(dir / "mine", content);
    std::filesystem::remove(dir / "link");
    std::filesystem::create_symlink("mine", dir / "link");
    for (const char* name : {"mine", "link"}) {
      CAPTURE(content.substr(0, 20), name);
      if (content != results)
        CHECK_THROWS_WITH(Outputs({.results = dir / name}), ContainsSubstring("--out") &&
                                                                ContainsSubstring("would overwrite a file") &&
                                                                ContainsSubstring("remove it"));
      if (content != sheet)
        CHECK_THROWS_WITH(Outputs({.results = dir / "new", .sheet = dir / name}),
                          ContainsSubstring("--sheet") && ContainsSubstring("would overwrite a file"));
      CHECK_THROWS_WITH(Outputs({.results = dir / "new", .curve = dir / name}),
                        ContainsSubstring("--curve") && ContainsSubstring("would overwrite a file"));
      CHECK_THROWS_WITH(Outputs({.results = dir / "new", .report = dir / name}),
                        ContainsSubstring("--report") && ContainsSubstring("would overwrite a file"));
    }
    CHECK(read(dir / "mine") == content);
  };
  for (const std::string& content :
       {std::string("my thesis"), std::string("{\"a\": 1}"), std::string("{"), std::string(1, '\0'),
        std::string("<!DOCTYPE html>\n<p>mine"), picture, results, sheet})
    refused(content);
  for (const char* file : {"a.npy", "manifest.json"})  // of another run's folder
    CHECK_THROWS_WITH(Outputs({.results = dir.path() / "found" / file}),
                      ContainsSubstring("would overwrite a file"));
  write(dir / "mine", "");
  CHECK_NOTHROW(Outputs({.results = dir / "mine"}));
  CHECK_NOTHROW(Outputs({.results = dir / "new", .sheet = dir / "mine"}));
  CHECK_NOTHROW(Outputs({.results = dir / "new", .curve = dir / "mine"}));
  CHECK_NOTHROW(Outputs({.results = dir / "new", .report = dir / "mine"}));
  write(dir / "mine", std::string(foil::report::html::page_head) + "of an earlier run");
  CHECK_NOTHROW(Outputs({.results = dir / "new", .report = dir / "mine"}));
  CHECK_THROWS_WITH(Outputs({.results = dir / "same", .curve = dir / "same"}),
                    ContainsSubstring("would overwrite the file for --out"));
  write(dir / "mine", std::string(evaluate::curve_head) + "pgd");
  CHECK_NOTHROW(Outputs({.results = dir / "new", .curve = dir / "mine"}));
  write(dir / "mine", "");
  CHECK_NOTHROW(Outputs({.results = dir / "results.json", .sheet = dir / "sheet.png"}));

  // Nor if it lies in the folder.
  std::filesystem::create_directory(dir / "other");
  write(dir / "other/notes", "mine");
  CHECK_THROWS_WITH(Outputs({.results = dir / "other/notes", .folder = dir / "other"}),
                    ContainsSubstring("would overwrite a file"));
}

TEST_CASE("outputs: a signed PNG shows the same picture", "[tools]") {
  const TemporaryDirectory dir;
  foil::io::Picture picture(3, 2, 3);
  picture.pixel(1, 1)[2] = 77;
  write(dir / "1.png", evaluate::signed_png(foil::io::encode_png(picture)));
  const foil::Tensor<float, 4> read_back = foil::io::read_images(dir.path(), foil::Bounds<float>(0, 255));
  REQUIRE(read_back.size() == 18);
  CHECK(read_back(0, 2, 1, 1) == 77);
}

TEST_CASE("outputs: a hidden folder that no run made is not removed", "[tools]") {
  const TemporaryDirectory dir;
  std::filesystem::create_directories(dir / "found/.foil-part/mine");
  CHECK_THROWS_WITH(Outputs(places(dir, {"a.npy"})), ContainsSubstring("found .foil-part"));
  CHECK(std::filesystem::exists(dir / "found/.foil-part/mine"));
  std::filesystem::remove(dir / "found/.foil-part/mine");
  run(dir, "A", {"a.npy"});  // an empty one is no loss
  CHECK(entries(dir / "found") == std::set<std::string>{"a.npy", "manifest.json"});
}

TEST_CASE("outputs: pictures are replaced, locked and survive a kill like all adversarials",
          "[tools][property]") {
  const auto draw = [](const TemporaryDirectory& dir, const Names& names, int die_at = -1) {
    Outputs outputs(
        {.results = dir / "results.json", .pictures = dir / "png", .picture_folders = {"a", "b", "c"}});
    outputs.before_step = [&] {
      if (die_at-- == 0) _exit(9);
    };
    CHECK_THROWS_WITH(Outputs({.results = dir / "other", .pictures = dir / "png"}),
                      ContainsSubstring("another foil-evaluate is writing there"));
    for (const std::string& name : names) {
      const auto path = outputs.pictures().staged(name);
      std::filesystem::create_directories(path.parent_path());
      write(path, name);
      outputs.pictures().add(name, content_of(name));
    }
    outputs.publish([&](foil::io::AtomicFile& file) { file.write(results_of({{"who", names}})); }, {}, true);
  };
  const TemporaryDirectory dir;
  int step = 0;
  for (int status = 9; status != 0; ++step) {
    draw(dir, {"a/1.png", "a/2.png", "b/1.png"});
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      draw(dir, {"b/1.png", "c/1.png"}, step);
      _exit(0);
    }
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE((status == 0 || WEXITSTATUS(status) == 9));
  }
  CHECK(step > 8);
  CHECK(entries(dir / "png") == std::set<std::string>{"b", "c", "manifest.json"});
  CHECK(entries(dir / "png/b") == std::set<std::string>{"1.png"});

  write(dir / "png/b/mine.png", "mine");
  CHECK_THROWS_WITH(Outputs({.results = dir / "results.json", .pictures = dir / "png"}),
                    ContainsSubstring("found b/mine.png, which no run wrote there"));
  std::filesystem::remove(dir / "png/b/mine.png");
  std::filesystem::create_directory(dir / "png/mine");
  CHECK_THROWS_WITH(Outputs({.results = dir / "results.json", .pictures = dir / "png"}),
                    ContainsSubstring("found mine, which no run wrote there"));
  std::filesystem::remove(dir / "png/mine");
  for (const char* folder : {"png", "png/a", "."})
    CHECK_THROWS_WITH(Outputs({.results = dir / "r", .folder = dir / folder, .pictures = dir / "png"}),
                      ContainsSubstring("expected a folder apart from that of --adversarials"));
  CHECK_THROWS_WITH(
      Outputs({.results = dir / "png/b/results.json", .pictures = dir / "png", .picture_folders = {"b"}}),
      ContainsSubstring("which is for pictures"));
  CHECK_THROWS_WITH(Outputs({.results = dir / "r", .pictures = dir / "png", .inputs = {dir.path()}}),
                    ContainsSubstring("which is an input"));
}

TEST_CASE("outputs: pictures that cannot be put in place cost the run no other file", "[tools]") {
  const TemporaryDirectory dir;
  Outputs outputs({.results = dir / "results.json", .pictures = dir / "png"});
  outputs.pictures().add("a/1.png", {});  // but not written
  CHECK_THROWS_WITH(
      outputs.publish([](foil::io::AtomicFile& file) { file.write(results_of({{"who", "A"}})); }, {}, true),
      ContainsSubstring("1.png: cannot be written"));
  CHECK_THAT(read(dir / "results.json"), ContainsSubstring("who"));
}

TEST_CASE("outputs: results may lie in the folder of adversarials", "[tools]") {
  const TemporaryDirectory dir;
  for (int i = 0; i < 2; ++i) {
    Outputs outputs({.results = dir / "found/results.json", .folder = dir / "found", .names = {"a.npy"}});
    foil::io::write_file(outputs.staged("a.npy"), "a");
    outputs.add("a.npy");
    outputs.publish(
        [&](foil::io::AtomicFile& file) { file.write(results_of({{"run_id", outputs.run_id()}})); }, {},
        true);
    CHECK_THAT(read(dir / "found/results.json"), ContainsSubstring(outputs.run_id()));
  }
  CHECK(entries(dir / "found") == std::set<std::string>{"a.npy", "manifest.json", "results.json"});
}
