// SPDX-License-Identifier: MIT
/// \file
/// foil-compare: what it reads, what it makes of it, and what it refuses. FOIL_COMPARE is the program's path.
#include <sys/wait.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "foil-compare/comparison.hpp"
#include "foil/report/numbers.hpp"
#include "io/temporary_directory.hpp"
#include "support/catch.hpp"

namespace {
using namespace foil_test;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinRel;
using Json = nlohmann::ordered_json;

constexpr double infinity = std::numeric_limits<double>::infinity();

/// One sample: fooled at a distance, not fooled (infinity), or wrong from the beginning (0).
Json sample(int row, double distance) {
  const bool wrong = distance == 0, found = std::isfinite(distance);
  return {{"index", row},
          {"label", row % 10},
          {"clean_predicted", wrong ? row % 10 + 1 : row % 10},
          {"predicted", found ? row % 10 + 1 : row % 10},
          {"status", wrong   ? "already_adversarial"
                     : found ? "success"
                             : "not_found"},
          {"success", found},
          {"correct", !wrong},
          {"distance", distance},
          {"forward", 4},
          {"backward", 3},
          {"zero_gradients", 0},
          {"bad_rows", 0}};
}

/// An attack on rows from 0 on; no epsilon: it looks for the smallest distance.
Json attack(const std::string& name, const Json& epsilon, const std::vector<double>& distances) {
  Json out{{"name", name},
           {"norm", "l2"},
           {"options", {{"steps", 40}}},
           {"epsilon", epsilon},
           {"samples", Json::array()}};
  for (std::size_t i = 0; i < distances.size(); ++i)
    out["samples"].push_back(sample(static_cast<int>(i), distances[i]));
  return out;
}

Json results(const std::vector<Json>& attacks, const std::string& model = "a.onnx") {
  return {{"foil_version", "0.1.0"}, {"complete", true}, {"model", "nets/" + model},
          {"bounds", {0.0, 1.0}},    {"seed", 0},        {"clean_accuracy", 0.75},
          {"attacks", attacks}};
}

compare::Results reading(const Json& json) {
  const TemporaryDirectory dir;
  write(dir / "r.json", json.dump(1));
  return compare::read_results(dir / "r.json");
}

compare::Comparison comparison(const std::vector<Json>& files, const compare::Options& options = {}) {
  std::vector<compare::Results> read;
  for (const Json& file : files) read.push_back(reading(file));
  return compare::compare(read, options);
}

struct Said {
  int status;
  std::string out, err;
};

/// The program as its users run it; `arguments` are words of a shell.
Said run(const TemporaryDirectory& dir, const std::string& arguments) {
  const std::string out = (dir / "out").string(), err = (dir / "err").string();
  const int status = std::system(("cd '" + dir.path().string() + "' && " FOIL_COMPARE " " + arguments +
                                  " >'" + out + "' 2>'" + err + "'")
                                     .c_str());
  return {WEXITSTATUS(status), read(out), read(err)};
}

const Json plain = results({attack("pgd", 0.5, {0.5, 0.5, 0.4, infinity, infinity, 0, 0.5, 0.5}),
                            attack("ddn", nullptr, {0.3, 0.4, 0.2, 0.8, 0.9, 0, 0.1, 0.5})});
const Json trained =
    results({attack("pgd", 0.5, {infinity, infinity, 0.5, 0.5, infinity, infinity, infinity, 0}),
             attack("ddn", nullptr, {0.6, 0.8, 0.5, 0.4, 0.9, 0.7, 0.2, 0})},
            "b.onnx");

TEST_CASE("numbers that are rounded to zero have no sign") {
  CHECK(foil::report::formatted("%.4f", -1e-9) == "0.0000");
  CHECK(foil::report::formatted("%.1f %%", -0.02) == "0.0 %");
  CHECK(foil::report::formatted("%.1f", -0.06) == "-0.1");
  CHECK(foil::report::formatted("%g", -infinity) == "-inf");
}

TEST_CASE("foil-compare: figures of both files, and of the pairs that they make", "[compare]") {
  const auto found = comparison({plain, trained}, {.epsilons = {0.45}, .area_to = 1});
  CHECK(found.notes.empty());
  CHECK(found.samples == 8);
  // pgd; ddn, and within 0.45; the worst case of both within 0.5.
  REQUIRE(found.lines.size() == 8);
  const compare::Line &first = found.lines[0], &other = found.lines[1];
  CHECK(first.attack == "pgd");
  CHECK(first.summary.robust == 2);
  CHECK(first.summary.attacked == 7);
  CHECK(first.robust == foil::clopper_pearson(2, 8));
  CHECK(first.forward == 4);
  CHECK(first.backward == 3);
  CHECK(other.file == 1);
  CHECK(other.summary.robust == 5);
  CHECK(other.pairs.count == 8);
  CHECK(other.pairs.only_first == 1);  // row 3
  CHECK(other.pairs.only_this == 4);   // rows 0, 1, 5, 6
  CHECK(other.pairs.changed() == 3 / 8.);
  CHECK(other.pairs.p == foil::mcnemar(1, 4));
  CHECK(other.pairs.difference == foil::paired_difference(4, 1, 8));
  CHECK(other.pairs.attacked == 6);  // row 5 is wrong in the first, row 7 in the other
  CHECK(other.pairs.closer_first == 4);
  CHECK(other.pairs.closer_this == 1);

  const compare::Line& minimal = found.lines[3];
  CHECK_FALSE(minimal.epsilon);
  CHECK(minimal.summary.robust == 0);
  CHECK(minimal.summary.median_distance == 0.6);
  CHECK_THAT(minimal.pairs.ratio, WithinRel(2.0, 1e-12));
  CHECK_THAT(minimal.pairs.ratios.low, WithinRel(0.5, 1e-12));  // the extremes of six
  CHECK_THAT(minimal.pairs.ratios.high, WithinRel(2.5, 1e-12));
  REQUIRE(minimal.area);
  CHECK_THAT(*minimal.area, WithinRel((0.6 + 0.8 + 0.5 + 0.4 + 0.9 + 0.7 + 0.2) / 8, 1e-12));
  CHECK_FALSE(other.area);

  CHECK(found.lines[4].epsilon == 0.45);
  CHECK(found.lines[4].summary.robust == 3);
  CHECK(found.lines[5].summary.robust == 5);
  CHECK(found.lines[6].attack == "worst case of 2");
  CHECK(found.lines[6].epsilon == 0.5);
  CHECK(found.lines[6].summary.robust == 2);
  CHECK(found.lines[7].summary.robust == 4);
}

TEST_CASE("foil-compare: a file beside itself differs in nothing", "[compare]") {
  for (const auto& line : comparison({plain, plain, plain}).lines) {
    CHECK(line.pairs.p == 1);
    CHECK(line.pairs.closer_p == 1);
    if (line.file == 0) continue;
    CHECK(line.pairs.changed() == 0);
    CHECK(line.pairs.ratio == 1);
  }
}

TEST_CASE("foil-compare: rows and attacks that not all have are told and left out", "[compare]") {
  Json few = trained;
  few["seed"] = 7;
  few["complete"] = false;
  few["new_option"] = true;  // which the first file does not speak of: no difference
  few["threads"] = 64;
  few["attacks"][0]["samples"].erase(0);
  few["attacks"][1]["samples"].erase(0);
  few["attacks"][0]["options"]["steps"] = 100;
  few["attacks"].push_back(attack("fgm", 0.5, {infinity}));
  few["attacks"][2]["samples"][0]["index"] = 3;
  few["attacks"][2]["samples"][0]["label"] = 3;
  Json one = plain;
  one["threads"] = 2;
  one["std"] = "one for each feature";
  const auto found = comparison({one, few});
  CHECK(found.samples == 7);
  CHECK(found.notes.size() == 6);
  CHECK(found.lines[0].summary.total() == 7);
  CHECK(found.lines[1].pairs.only_this == 3);
  std::string notes;
  for (const std::string& note : found.notes) notes += note + '\n';
  CHECK_THAT(notes, ContainsSubstring("1 has 1 more sample, left out") &&
                        ContainsSubstring("'seed' differs: 0 in 1, 7 in 2") &&
                        ContainsSubstring("2 is of a run that did not come to its end") &&
                        ContainsSubstring("options of pgd eps 0.5 differ: steps=40 in 1, steps=100 in 2") &&
                        ContainsSubstring("fgm eps 0.5 is only in 2") &&
                        ContainsSubstring("'std' has a number for each feature"));
}

TEST_CASE("foil-compare: of two settings of an attack those are compared that are the same", "[compare]") {
  Json first = results({attack("pgd", 0.5, {0.5, infinity}), attack("pgd", 0.5, {infinity, infinity})});
  first["attacks"][1]["options"]["steps"] = 5;
  Json other = first;
  std::swap(other["attacks"][0], other["attacks"][1]);
  const auto found = comparison({first, other});
  CHECK(found.notes.empty());
  for (const auto& line : found.lines) CHECK(line.pairs.p == 1);
  CHECK(found.lines[1].summary.robust == 1);
  CHECK(found.lines[3].summary.robust == 2);
}

TEST_CASE("foil-compare: samples without a verdict make no pair", "[compare]") {
  Json cut = trained;
  cut["attacks"][0]["samples"][0]["status"] = "interrupted";
  cut["attacks"][0]["samples"].erase(7);
  const auto found = comparison({plain, cut});
  CHECK(found.lines[1].pairs.count == 6);
  CHECK(found.lines[1].pairs.only_this == 3);
}

TEST_CASE("foil-compare: what an earlier version left out is not asked for", "[compare]") {
  Json old = plain;
  old.erase("complete");
  for (Json& each : old["attacks"])
    for (Json& one : each["samples"]) {
      one.erase("correct");
      one.erase("bad_rows");
    }
  const auto found = comparison({plain, old});
  CHECK(found.notes.empty());
  for (const auto& line : found.lines) CHECK(line.pairs.p == 1);
  CHECK(found.lines[1].summary.wrong == 1);
}

TEST_CASE("foil-compare: other questions are refused, by what differs", "[compare]") {
  const auto refused = [&](const Json& other, const std::string& why) {
    CHECK_THROWS_WITH(comparison({plain, other}), ContainsSubstring(why));
  };
  Json other = trained;
  other["bounds"] = {-1.0, 1.0};
  refused(other,
          "the bounds differ, so that distances mean different things: [0.0,1.0] in 1, [-1.0,1.0] in 2");
  other = trained;
  for (Json& each : other["attacks"]) each["samples"][2]["label"] = 9;
  refused(other, "not the same data: row 2 has label 2");
  other = trained;
  for (Json& each : other["attacks"]) each["samples"][1]["target"] = 4;
  refused(other, "not the same question: row 1 has no target");
  refused(results({attack("pgd", 0.25, {infinity})}), "no attack of the first file, at the same epsilon");
  other = results({attack("pgd", 0.5, {infinity})});
  other["attacks"][0]["samples"][0]["index"] = 50;
  refused(other, "no row of the data in common");
  CHECK_THROWS_WITH(comparison({plain}), ContainsSubstring("at least two files, got 1"));
}

TEST_CASE("foil-compare: a file that is not as foil-evaluate writes it is refused by its place",
          "[compare]") {
  const auto refused = [&](const char* pointer, const Json& value, const std::string& why) {
    Json broken = plain;
    broken[Json::json_pointer(pointer)] = value;
    CAPTURE(pointer, value.dump());
    CHECK_THROWS_WITH(reading(broken), ContainsSubstring("r.json: ") && ContainsSubstring(why));
  };
  refused("/attacks", 3, "attacks: expected a list, found 3");
  refused("/attacks", Json::array(), "holds no attack");
  refused("/attacks/0/norm", "banana", "attacks[0].norm: there is no norm 'banana'");
  refused("/attacks/0/norm", "l-2", "there is no norm");
  refused("/attacks/0/epsilon", "0.5", "attacks[0].epsilon: expected a number >= 0 or null");
  refused("/attacks/0/options", 1, "attacks[0].options: expected an object");
  refused("/attacks/0/fooled", 4, "'fooled' is 4, but its samples come to 5");
  refused("/attacks/0/robust", -1, "expected a whole number of at least 0, found -1");
  refused("/attacks/1/samples/2/status", "happy", "attacks[1].samples[2].status: there is no status 'happy'");
  refused("/attacks/1/samples/2/distance", -1, "samples[2].distance: expected a number >= 0");
  refused("/attacks/1/samples/2/distance", nullptr, "expected a distance where there is success");
  refused("/attacks/0/samples/2/distance", 0.6,
          "attacks[0].samples[2].distance: expected a distance within epsilon 0.5, found 0.6");
  refused("/attacks/1/samples/2/success", 1, "expected true or false, found 1");
  refused("/attacks/1/samples/2/index", 1.5, "expected a whole number of at least 0, found 1.5");
  refused("/attacks/1/samples/2/label", 1e30, "expected a whole number");
  refused("/attacks/1/samples/2/label", 7, "has another label or target than with another attack");
  refused("/attacks/1/samples/2", "x", "samples[2]: expected an object with 'index'");
  refused("/attacks/0/samples/3", sample(2, 0.5), "samples: a row is there twice");
  Json rounded = plain;
  rounded["attacks"][0]["samples"][2]["distance"] = 0.5 * (1 + 1e-6);
  CHECK_NOTHROW(reading(rounded));
}

TEST_CASE("foil-compare: the program prints a table, writes CSV, and says what is wrong in a line",
          "[compare]") {
  const TemporaryDirectory dir;
  write(dir / "a.json", plain.dump());
  write(dir / "b.json", trained.dump());
  write(dir / "broken.json", plain.dump().substr(0, 300));
  write(dir / "foreign.json", "{\"a\": 1}");
  write(dir / "thesis.csv", "mine");

  const Said said = run(dir, "a.json b.json --csv c.csv --epsilon 9/20 --area-to 1 --confidence 0.9");
  INFO(said.err);
  CHECK(said.status == 0);
  CHECK_THAT(said.out, ContainsSubstring("1  a.json: a.onnx, 8 samples, clean accuracy 75.0 %") &&
                           ContainsSubstring("2  b.json: b.onnx") && ContainsSubstring("+37.5") &&
                           ContainsSubstring("1:4") && ContainsSubstring("90 %") &&
                           ContainsSubstring("worst case of 2") && ContainsSubstring("mean to 1"));
  const std::string csv = read(dir / "c.csv");
  CHECK_THAT(csv, ContainsSubstring("attack,norm,epsilon,file,path,model,") &&
                      ContainsSubstring("\n\"pgd\",l2,0.5,2,\"b.json\",\"b.onnx\",8,5,0.625,"));
  std::size_t lines = 0;
  for (std::size_t at = 0; at < csv.size(); at = csv.find('\n', at) + 1, ++lines) {
    const std::string line = csv.substr(at, csv.find('\n', at) - at);
    CHECK(std::count(line.begin(), line.end(), ',') == 36);
  }
  CHECK(lines == 9);
  CHECK(run(dir, "b.json a.json --csv c.csv").status == 0);  // its own is replaced

  const auto refused = [&](const std::string& arguments, const std::string& why) {
    const Said answer = run(dir, arguments);
    CAPTURE(arguments);
    CHECK(answer.status == 2);
    CHECK(answer.out.empty());
    CHECK_THAT(answer.err, ContainsSubstring("foil-compare: ") && ContainsSubstring(why));
    CHECK(answer.err.find('\n') == answer.err.size() - 1);
  };
  refused("a.json", "expected two files or more, got 1");
  refused("a.json none.json", "none.json: cannot be read: No such file");
  refused("a.json .", "expected results.json of foil-evaluate, found a directory");
  refused("a.json broken.json",
          "broken.json: expected results.json of foil-evaluate, found what is no JSON; tables of trials go "
          "with --humans");
  refused("a.json foreign.json", "foreign.json: expected results.json of foil-evaluate, found other JSON");
  refused("a.json b.json --csv thesis.csv", "would overwrite a file that is not a table of foil-compare");
  refused("a.json b.json --csv a.json", "would overwrite");
  refused("a.json b.json --confidence 1", "--confidence: expected a number above 0 and below 1, got '1'");
  refused("a.json b.json --epsilon x", "--epsilon: expected a number above 0, got 'x'");
  refused("a.json b.json --espilon 1", "there is no option --espilon; did you mean --epsilon?");
  CHECK(read(dir / "thesis.csv") == "mine");
  CHECK(read(dir / "a.json") == plain.dump());
  CHECK_THAT(run(dir, "--help").out, ContainsSubstring("Examples:") && ContainsSubstring("McNemar"));
  CHECK_THAT(run(dir, "--version").out, ContainsSubstring("foil-compare "));
}

/// Trials about 40 images each under two conditions: of the first `right` of each condition the answer is
/// right, of the last one there is none.
std::string trials(const std::string& observer, int right, const std::string& condition) {
  std::string out;
  for (int i = 0; i < 40; ++i) {
    const std::string truth = i % 2 == 0 ? "cat" : "dog", other = i % 2 == 0 ? "dog" : "cat";
    out += observer + ",s1," + condition + "," + truth + "," +
           (i < right ? truth
            : i == 39 ? "na"
                      : other) +
           ",7_" + observer + "_" + condition + "_x" + std::to_string(i) + ".png\n";
  }
  return out;
}

TEST_CASE("foil-compare: responses of models beside those of people", "[compare]") {
  const TemporaryDirectory dir;
  const std::string head = "subject,session,condition,category,response,image\n";
  write(dir / "people.csv", head + trials("ann", 30, "0.1") + trials("bob", 20, "0.1") +
                                trials("ann", 40, "0.0") + trials("bob", 40, "0.0") +
                                "eve,s2,?,cat,fish,?\n");
  write(dir / "net.csv", "subj,session,condition,category,answer,image\n" + trials("net", 10, "0.10") +
                             trials("ann", 30, "0.1"));
  const std::string with =
      "--humans people.csv net.csv --where session=s1 --image-fields 1 --file-columns "
      "subject=subj,response=answer";
  const Said said =
      run(dir, with + " --csv figures.csv --confusions confusions.csv --pairs pairs.csv --draws 50");
  CHECK(said.err.empty());
  CHECK(said.status == 0);
  CHECK_THAT(said.out,
             ContainsSubstring("0.0        people (2)      80   100.0 %  100.0 to 100.0     0    1.000"));
  CHECK_THAT(said.out, ContainsSubstring("0.1        people (2)      80    62.5 %    50.0 to 75.0     2"));
  CHECK_THAT(said.out, ContainsSubstring("           net             40    25.0 %    12.7 to 41.2     1"));
  CHECK_THAT(said.out,
             ContainsSubstring(
                 "net.csv: 40 lines passed over, which repeat answers that were there before, of ann") &&
                 ContainsSubstring("taken for people: ann, bob (--people PREFIX takes some)"));
  const Said same = run(dir, "--humans people.csv --people a --where session=s1,condition=0.10");
  CHECK_THAT(same.out, ContainsSubstring("0.1        people (1)      40") && !ContainsSubstring("0.0  "));
  CHECK_THAT(same.out, !ContainsSubstring("taken for people"));
  CHECK_THAT(said.out, ContainsSubstring("in 1 of 3 lines somebody is wrong, or right, about fewer than 10"));
  // ann and bob: right together 20, ann alone 10; net and ann 10 and 20, net and bob 10 and 10.
  const double people = (0.75 - 0.5) / 0.5, ann = (0.5 - 0.375) / 0.625, bob = (0.75 - 0.5) / 0.5;
  CHECK_THAT(said.out, ContainsSubstring(foil::report::formatted("  %.4f  ", people)));
  CHECK_THAT(said.out, ContainsSubstring(foil::report::formatted("  %.4f  ", (ann + bob) / 2)));
  CHECK_THAT(read(dir / "figures.csv"), ContainsSubstring("\"0.1\",\"people\",1,2,80,50,2,0.625,0.5,0.75,"));
  CHECK_THAT(read(dir / "figures.csv"), ContainsSubstring("\"0.1\",\"net\",0,1,40,10,1,0.25,"));
  CHECK_THAT(read(dir / "confusions.csv"), ContainsSubstring("\"0.1\",\"net\",\"cat\",\"dog\",15\n"));
  CHECK_THAT(read(dir / "confusions.csv"), ContainsSubstring("\"0.1\",\"people\",\"dog\",na,2\n"));
  CHECK_THAT(read(dir / "pairs.csv"), ContainsSubstring("\"0.1\",\"bob\",\"net\",40,0.5,"));
  // The page: a point of each curve, confusions by their share, and names from outside as text.
  write(dir / "other.csv", head + trials("<i>", 10, "0.1"));
  CHECK(run(dir, "--humans people.csv other.csv --where session=s1 --image-fields 1 --report page.html")
            .status == 0);
  const std::string page = read(dir / "page.html");
  CHECK_THAT(page, ContainsSubstring("<title>people, 0.1: 62.5 % (50.0 to 75.0)</title>"));
  CHECK_THAT(page, ContainsSubstring("<title>&lt;i&gt;, 0.1: 25.0 % (12.7 to 41.2)</title>"));
  CHECK_THAT(page, ContainsSubstring("fill-opacity=\"0.750\"><title>dog for cat: 15 of 20, 75.0 %</title>"));
  CHECK_THAT(page, ContainsSubstring("<title>none for dog: 2 of 40, 5.0 %</title>"));
  CHECK_THAT(page, ContainsSubstring("<title>people, 0.1: 0.500 ("));
  CHECK_THAT(page, !ContainsSubstring("<i>"));
  CHECK_THAT(page, ContainsSubstring("<pre tabindex=\"0\">foil-compare --humans people.csv"));
  CHECK_THAT(page, ContainsSubstring("<td>least_images</td><td>30</td>"));
  CHECK_THAT(page, ContainsSubstring(">kappa</button>"));
  CHECK(run(dir, with + " --csv figures.csv").status == 0);  // its own is replaced
  CHECK_THAT(run(dir, with + " --least-images 41 --report none.html").out,
             ContainsSubstring("in 3 of 3 lines there is no kappa: nobody has 41 images"));
  CHECK_THAT(read(dir / "none.html"), !ContainsSubstring(">kappa</button>"));

  CHECK_THAT(run(dir, "--humans people.csv --categories cat,dog,fish --where session=s2,subject=eve").out,
             ContainsSubstring("?          people (1)       1     0.0 %     0.0 to 0.0     0    0.000"));
  const auto refused = [&](const std::string& arguments, const std::string& why) {
    INFO(arguments);
    const Said answer = run(dir, arguments);
    CHECK(answer.status == 2);
    CHECK(answer.out.empty());
    CHECK_THAT(answer.err, ContainsSubstring(why));
    CHECK(std::count(answer.err.begin(), answer.err.end(), '\n') == 1);
  };
  refused("--humans people.csv --categories imagenet-16",
          "people.csv, line 162: expected a response that is one of the 16");
  refused("--humans people.csv", "people.csv, line 162: expected a response");
  refused("--humans people.csv --where session=s3",
          "people.csv: found no line with what --where asks for: there is no 's3' in the column 'session', "
          "only 's1', 's2'");
  refused("--humans people.csv --where session=s1 --people subject-", "begin with 'subject-', found none");
  write(dir / "two.csv", "experiment," + head + "a,ann,s1,0,cat,cat,x\nb,ann,s1,0,dog,dog,y\n");
  write(dir / "other.csv", "experiment," + head + "c,net,s1,0,cat,cat,x\n");
  refused("--humans two.csv",
          "two.csv: expected trials of one experiment, found 2 in the column 'experiment', 'a', 'b': choose "
          "one by --where experiment=NAME");
  CHECK(run(dir, "--humans two.csv --where experiment=a --categories cat,dog").status == 0);
  CHECK(run(dir, "--humans two.csv --columns experiment=none").status == 0);
  write(dir / "a.csv", "experiment," + head + "a,ann,s1,0,cat,cat,x\na,ann,s1,0,dog,dog,y\n");
  CHECK_THAT(run(dir, "--humans a.csv other.csv").out,
             ContainsSubstring("the files are of different experiments, 'a', 'c'"));
  write(dir / "contrary.csv", head + "net,s1,0,dog,cat,x\n");
  refused("--humans a.csv contrary.csv", "contrary.csv, line 2: expected 'cat', which was right");
  refused("--humans people.csv --where session", "--where: expected NAME=VALUE, got 'session'");
  refused("--humans people.csv --columns truth=category", "response or experiment, got 'truth'");
  refused("--humans people.csv net.csv --where session=s1",
          "net.csv: there is no column 'subject', only 'subj', 'session', 'condition', 'category', 'answer', "
          "'image': say which it is by --columns subject=NAME, or --file-columns");
  write(dir / "bad_net.csv", head + trials("net", 10, "0.1") + trials("ann", 29, "0.1"));
  refused(
      "--humans people.csv bad_net.csv --where session=s1",
      "bad_net.csv, line 71: 'ann' was there before, and answered 'dog' rather than 'cat' about the image "
      "'7_ann_0.1_x29.png' under the condition '0.1': if it is another, rename it there");
  write(dir / "twice.csv", head + trials("ann", 30, "0.1") + trials("ann", 30, "0.1"));
  refused("--humans twice.csv", "twice.csv, line 42: 'ann' answered twice about the image");
  write(dir / "head.csv", head);
  refused("--humans head.csv", "head.csv: found no trials: there is nothing below the line that names the");
  refused("--humans people.csv --where condition=0.0,condition=0.1",
          "people.csv: found no line with what --where asks for: each is in some line, but no line has all");
  refused("--humans people.csv people.csv --where session=s1", "found none in the lines that were chosen");
  refused("--humans people.csv --where session=s1 --csv people.csv", "would overwrite");
  refused("--humans people.csv --where session=s1 --csv new.csv --pairs ./new.csv",
          "--pairs ./new.csv: is what --csv writes as well");
  refused("--humans people.csv --where session=s1 --confusions new.csv --report new.csv",
          "--report new.csv: is what --confusions writes as well");
  CHECK(run(dir, "--humans people.csv --where session=s1 --csv /dev/null --pairs /dev/null").status == 0);
  write(dir / "called.csv", head + trials("people", 10, "0.1"));
  refused("--humans people.csv called.csv --where session=s1", "an observer is called 'people'");
  write(dir / "nobody.csv", head + "net,s1,0,cat,cat,x\n,s1,0,cat,cat,y\n");
  refused("--humans people.csv nobody.csv --where session=s1",
          "nobody.csv, line 3: expected something in the column 'subject', found nothing");
  refused("--humans people.csv --epsilon 1", "say nothing of people's trials");
  refused("--people x a.json b.json", "--people requires --humans");
}
}  // namespace
