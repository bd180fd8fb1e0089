// SPDX-License-Identifier: MIT
// Shape or texture? Images with the shape of one thing and the texture of another tell which of them decides
// (Geirhos et al. 2019).
//
// shape_bias responses.csv [observer]   columns subject, response, image; categories of the observer, too
// shape_bias net.onnx folder            a network with ImageNet's 1,000 classes, on images in [0, 1]
//
// Images are named for their cues, cat7-elephant1.png. Observers called subject-... are people, who are also
// counted together.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <foil/core/error.hpp>
#include <foil/evaluation/accuracy.hpp>
#include <foil/evaluation/imagenet_16.hpp>
#include <foil/evaluation/shape_bias.hpp>
#include <foil/io/data.hpp>
#include <foil/io/table.hpp>
#include <foil/models/grouped.hpp>
#include <foil/onnx/onnx.hpp>
#include <map>
#include <string>
#include <vector>

namespace {

/// What an observer said of the images it saw.
struct Responses {
  std::vector<int> decisions, shapes, textures;

  void add(int decision, const foil::Cues& cues) {
    decisions.push_back(decision);
    shapes.push_back(cues.shape);
    textures.push_back(cues.texture);
  }
  foil::ShapeBias count(foil::Index categories) const {
    return foil::shape_bias(decisions, shapes, textures, categories);
  }
};

void print_row(const std::string& name, const foil::CueDecisions& found, bool independent = true) {
  std::printf("%-36s %7ld %7ld %7ld %7ld   %6.1f %%   ", name.c_str(), static_cast<long>(found.images()),
              static_cast<long>(found.shape), static_cast<long>(found.texture),
              static_cast<long>(found.other), 100 * found.either());
  if (found.shape + found.texture == 0) {
    std::printf("     -\n");
    return;
  }
  const foil::Interval interval = found.interval();
  std::printf("%.4f", found.bias());
  if (independent) std::printf("  %.4f to %.4f", interval.low, interval.high);
  std::printf("\n");
}

void print_header(const char* first) {
  std::printf("%-36s %7s %7s %7s %7s   %8s   %s\n", first, "images", "shape", "texture", "other", "either",
              "shape bias, 95 % interval");
}

void print_categories(const foil::ShapeBias& found, const foil::Categories& categories) {
  std::printf("\n");
  print_header("category of the shape");
  for (std::size_t k = 0; k < found.by_shape.size(); ++k)
    if (found.by_shape[k].images() > 0) print_row(categories.names()[k], found.by_shape[k]);
}

void from_responses(const std::filesystem::path& path, const std::string& observer) {
  const foil::Categories categories = foil::imagenet_16();
  const foil::io::Table table(path, 10'000'000);
  const foil::Index subject = table.column("subject"), response = table.column("response"),
                    image = table.column("image");
  foil::require(subject >= 0 && response >= 0 && image >= 0, path.string(),
                ": expected columns subject, response and image");
  std::map<std::string, Responses> observers;
  Responses people;
  for (std::size_t line = 1; line < table.lines().size(); ++line) {
    const auto& cells = table.lines()[line];
    const std::string& who = table.text(line, static_cast<std::size_t>(subject));
    const std::string& answer = cells[static_cast<std::size_t>(response)];
    const int decision = categories.index(answer);  // -1: none
    foil::require(decision >= 0 || answer.empty() || answer == "na", path.string(), ", line ", line + 1,
                  ": expected a response that is a category or 'na', found '", answer, "'");
    const foil::Cues cues = foil::cues_in_name(cells[static_cast<std::size_t>(image)], categories);
    observers[who].add(decision, cues);
    if (who.starts_with("subject-")) people.add(decision, cues);
  }
  foil::require(!observers.empty(), path.string(), ": expected responses, found none");
  print_header("observer");
  for (const auto& [who, said] : observers) print_row(who, said.count(categories.size()));
  if (!people.decisions.empty()) print_row("people together", people.count(categories.size()), false);
  if (observer.empty()) return;
  foil::require(observers.contains(observer), "expected one of the observers, got '", observer, "'");
  print_categories(observers[observer].count(categories.size()), categories);
}

void of_network(const std::filesystem::path& network, const std::filesystem::path& folder) {
  const auto list = foil::io::list_pictures(folder);
  const auto model = foil::onnx::load<float, 4>(network, {.bounds = foil::Bounds<float>(0, 1)});
  const foil::Grouped grouped(model, foil::imagenet_16());
  foil::io::ImageReader<float> reader(folder, model.bounds());
  const foil::Categories& categories = grouped.categories();
  Responses said;
  for (foil::Index first = 0; first < reader.rows();) {
    const auto images = reader.next(64);
    const foil::Labels decisions = foil::predict(grouped, images);
    for (const int decision : decisions)
      said.add(decision, foil::cues_in_name(list.names[static_cast<std::size_t>(first++)], categories));
    std::fprintf(stderr, "\r%ld of %ld images", static_cast<long>(first), static_cast<long>(reader.rows()));
  }
  std::fputc('\n', stderr);
  print_header("network");
  const foil::ShapeBias found = said.count(categories.size());
  print_row(network.filename().string(), found);
  print_categories(found, categories);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    foil::require(argc == 2 || argc == 3,
                  "expected responses.csv [observer], or net.onnx and a folder of images");
    const std::filesystem::path first = argv[1];
    if (first.extension() == ".onnx") {
      foil::require(argc == 3, "expected a folder of images");
      of_network(first, argv[2]);
    } else {
      from_responses(first, argc == 3 ? argv[2] : "");
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "shape_bias: %s\n", error.what());
    return 2;
  }
}
