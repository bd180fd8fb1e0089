// SPDX-License-Identifier: MIT
// A classifier that makes what it sees: the digits that it takes MNIST images for, how sure it is, how far it
// says that holds, and how far attacks have to go.
//
// abs [name=value]...
//   images=20    so many of the first MNIST test images
//   binary=0     1: the variant for binary inputs
//   steps=49     of the search for latent vectors
//   bank=0       latent vectors drawn anew to begin with; 0: the 8,000 of the authors
//   attacks=latent-descent
//                this one, which only models that make images can be asked for, and names from
//                `foil-evaluate --list`, with commas between; options behind colons:
//                l2-fmn:steps=100,pointwise
//   repetitions=1  of each attack, with other random numbers; the closest counts
//   calls=0      forward passes for each image and attack; 0: as many as it takes
//   linf=0.3, l2=1.5, l0=12
//                distances at which accuracy is told
//   distal=0     steps that may turn noise into a 1 with a confidence of 0.9
//   out=         a CSV file of distances: images in rows, attacks in columns; it grows with the run
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <exception>
#include <filesystem>
#include <foil/attacks/gradient/latent_descent.hpp>
#include <foil/core/summary.hpp>
#include <foil/evaluation/distal.hpp>
#include <foil/evaluation/record.hpp>
#include <foil/evaluation/worst_of.hpp>
#include <foil/io/data.hpp>
#include <foil/io/file.hpp>
#include <foil/models/calibrated_softmax.hpp>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "../arguments.hpp"
#include "catalogue/all_attacks.hpp"  // a program of yours has foil::catalogue()
#include "published_model.hpp"

namespace {

using abs_example::Images;
using abs_example::Model;
using foil::Index;

double processor_seconds() {
  return static_cast<double>(std::clock()) / static_cast<double>(CLOCKS_PER_SEC);
}

/// What stands between separators.
std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> out;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    if (end > begin) out.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

/// An attack as it is given: "name:option=value:option=value".
struct Wanted {
  std::string name;
  foil::OptionValues options{};

  explicit Wanted(const std::string& text) {
    const std::vector<std::string> parts = split(text, ':');
    foil::require(!parts.empty(), "attacks: expected names, got '", text, "'");
    name = parts[0];
    for (std::size_t i = 1; i < parts.size(); ++i) {
      const auto at = parts[i].find('=');
      foil::require(at != std::string::npos, "attacks: expected option=value, got '", parts[i], "'");
      options[parts[i].substr(0, at)] = parts[i].substr(at + 1);
    }
  }
};

/// Runs an attack on images and their labels.
foil::Outcome run(const Wanted& wanted, const Model& model, const Images& images, const foil::Labels& labels,
                  const foil::run_options_t<const Model&>& options) {
  if (wanted.name == foil::LatentDescentAttack::name()) {
    foil::require(wanted.options.empty(), "attacks: latent-descent has no options here");
    const foil::LatentDescentAttack attack({.threshold = model.options().threshold.value_or(0)});
    foil::Outcome outcome(attack.name(), foil::L2{});
    outcome.add(attack(model, images, labels, options));
    return outcome;
  }
  const foil::AnyAttack attack = programs::all_attacks().find(wanted.name).make(wanted.options);
  foil::require(attack.minimal(), "attacks: expected some that look for the closest adversarial, got ",
                attack.name());
  foil::Outcome outcome(attack);
  outcome.add(attack(model, images, labels, {}, options));
  return outcome;
}

/// Adversarials that are closer than the model says they can be.
Index closer_than(const foil::Outcome& outcome, const Eigen::VectorXd& bounds) {
  Index count = 0;
  for (std::size_t i = 0; i < outcome.records.size(); ++i) {
    const foil::Record& record = outcome.records[i];
    count += record.success && record.correct && record.distance < bounds[static_cast<Index>(i)] * (1 - 1e-6);
  }
  return count;
}

void print(const foil::Outcome& outcome, const Arguments& given) {
  const double radius = given.number(outcome.norm.name());
  const foil::Summary all = outcome.summary(), near = outcome.summary(radius);
  std::printf("%-26s %-4s %4ld of %-4ld %9.4f   %5.1f %% at %-5g %8.0f calls\n", outcome.attack.c_str(),
              outcome.norm.name().c_str(), static_cast<long>(all.fooled), static_cast<long>(all.attacked),
              all.median_distance, 100 * near.robust_accuracy(), radius,
              static_cast<double>(outcome.cost().queries + outcome.cost().gradient_queries) /
                  static_cast<double>(outcome.records.size()));
  std::fflush(stdout);
}

void write_distances(const std::string& file, const std::vector<foil::Outcome>& outcomes,
                     const foil::Labels& labels, const Eigen::VectorXd& bounds) {
  std::string csv = "image,label,lower_bound_l2";
  for (const foil::Outcome& outcome : outcomes) csv += "," + outcome.attack;
  csv += "\n";
  for (Index i = 0; i < labels.size(); ++i) {
    csv += foil::text(i, ",", labels[i], ",", bounds[i]);
    for (const foil::Outcome& outcome : outcomes)
      csv += foil::text(",", outcome.records[static_cast<std::size_t>(i)].distance);
    csv += "\n";
  }
  foil::io::write_file(file, csv);
}

void attack(const Arguments& given, const Model& model, const Images& images, const foil::Labels& labels,
            const foil::Labels& said, const Eigen::VectorXd& bounds) {
  std::vector<Wanted> wanted;
  for (const std::string& text : split(given.text("attacks"), ',')) wanted.emplace_back(text);
  if (wanted.empty()) return;
  std::printf("\n%-26s %-4s %12s %9s   %s\n", "attack", "norm", "fooled", "median", "right all the same");
  std::vector<foil::Outcome> outcomes;
  for (const Wanted& each : wanted) {
    std::vector<foil::Outcome> repeated;
    for (long repetition = 0; repetition < given.whole("repetitions"); ++repetition) {
      foil::run_options_t<const Model&> options{.seed = static_cast<std::uint64_t>(repetition),
                                                .pool = {images, said}};
      if (given.whole("calls") > 0) options.query_budget = given.whole("calls");
      repeated.push_back(run(each, model, images, labels, options));
    }
    const std::string name = repeated.front().attack;
    outcomes.push_back(repeated.size() > 1 ? foil::worst_of(repeated).outcome : repeated.front());
    outcomes.back().attack = name;
    print(outcomes.back(), given);
    if (!given.text("out").empty()) write_distances(given.text("out"), outcomes, labels, bounds);
  }
  for (const char* const norm : {"l2", "linf", "l0"}) {
    std::vector<foil::Outcome> group;
    for (const foil::Outcome& outcome : outcomes)
      if (outcome.norm.name() == norm) group.push_back(outcome);
    if (group.size() > 1) print(foil::worst_of(group).outcome, given);
  }
  Index closer = 0;
  for (const foil::Outcome& outcome : outcomes)
    if (outcome.norm == foil::Lp(foil::L2{})) closer += closer_than(outcome, bounds);
  std::printf("%ld adversarials in L2 are closer than the lower bound.\n", static_cast<long>(closer));
}

void look(const Arguments& given) {
  const std::string data = FOIL_EXAMPLES_DATA;
  const auto folder = std::filesystem::path(data) / ".." / "abs";
  const Images all = foil::io::read_images<float>(data + "/mnist-test-1000-images.idx3-ubyte.gz", {0, 1});
  const foil::Labels all_labels = foil::io::read_labels(data + "/mnist-test-1000-labels.idx1-ubyte.gz");
  const long count = given.whole("images");
  foil::require(count >= 1 && count <= foil::samples(all), "images: expected 1 to ", foil::samples(all),
                ", got ", count);
  std::vector<Index> rows(static_cast<std::size_t>(count));
  std::iota(rows.begin(), rows.end(), 0);
  const Images images = foil::gather(all, rows);
  const foil::Labels labels = all_labels.head(count);

  foil::SynthesisOptions options = abs_example::published_options(given.whole("binary") > 0);
  options.steps = static_cast<int>(given.whole("steps"));
  const auto drawn = static_cast<int>(given.whole("bank"));
  double begin = processor_seconds();
  const Model model = abs_example::published_model(
      folder, drawn > 0 ? foil::latent_bank(8, {.samples = drawn}) : abs_example::published_bank(folder),
      options);
  std::printf("The bank is decoded in %.1f s of processor time.\n", processor_seconds() - begin);

  begin = processor_seconds();
  const foil::Logits<float> logits = model.logits(images);
  const double seconds = (processor_seconds() - begin) / static_cast<double>(count);
  const foil::Labels said = foil::argmax<float>(logits);
  const foil::Logits<double> sure =
      foil::calibrated_softmax(logits, abs_example::confidence_scale, abs_example::confidence_floor);
  std::vector<double> confidences;
  for (Index i = 0; i < count; ++i) confidences.push_back(sure(i, said[i]));
  std::nth_element(confidences.begin(), confidences.begin() + count / 2, confidences.end());
  std::printf("%ld of %ld images are right, median confidence %.3f; %.0f ms of processor time for each.\n",
              static_cast<long>((said.array() == labels.array()).count()), count,
              confidences[static_cast<std::size_t>(count / 2)], 1000 * seconds);

  std::fflush(stdout);
  const Eigen::VectorXd bounds = model.lower_bound_l2(images, labels);
  std::printf("The model states lower bounds in L2 of %.3f in the mean.\n", bounds.mean());
  attack(given, model, images, labels, said, bounds);

  if (const auto steps = static_cast<int>(given.whole("distal")); steps > 0) {
    const auto confidence = [](const foil::Logits<float>& z) {
      return foil::calibrated_softmax(z, abs_example::confidence_scale, abs_example::confidence_floor);
    };
    const auto found = foil::distal(model, Images::Dimensions(4, 1, 28, 28), 1, confidence, {.steps = steps});
    std::printf(
        "\nAfter at most %d steps %ld of 4 images of noise are a 1 with a confidence of 0.9; the "
        "largest is %.3f.\n",
        steps, static_cast<long>(found.success.count()), found.confidences.maxCoeff());
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::map<std::string, std::string> defaults{
      {"images", "20"},     {"binary", "0"}, {"steps", "49"}, {"bank", "0"}, {"attacks", "latent-descent"},
      {"repetitions", "1"}, {"calls", "0"},  {"linf", "0.3"}, {"l2", "1.5"}, {"l0", "12"},
      {"l1", "20"},         {"distal", "0"}, {"out", ""}};
  try {
    look({argc, argv, defaults});
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "abs: %s\n", error.what());
    return 2;
  }
}
