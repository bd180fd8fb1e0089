// SPDX-License-Identifier: MIT
// How far a network gets where people were shown the same degraded images (Geirhos et al. 2018). Its
// responses are written in the form of those that the authors published, to be set beside them by
// foil-compare --humans.
//
// degradations [out=responses.csv] [picture=degradations.png] [count=100] [only=uniform_noise,low_pass]
//              [network=net.onnx images=folder]   of ImageNet's 1,000 classes, on images in [0, 1]; the
//              folder
//                                                 holds one for each category, airplane to truck
//
// By default the network of examples/data looks at digits.
#include <cstdio>
#include <exception>
#include <filesystem>
#include <foil/core/error.hpp>
#include <foil/evaluation/accuracy.hpp>
#include <foil/evaluation/degradations/degrade.hpp>
#include <foil/evaluation/imagenet_16.hpp>
#include <foil/evaluation/trials/confusion.hpp>
#include <foil/io/data.hpp>
#include <foil/io/file.hpp>
#include <foil/io/png.hpp>
#include <foil/models/grouped.hpp>
#include <foil/onnx/onnx.hpp>
#include <foil/report/image.hpp>
#include <foil/report/panels.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arguments.hpp"

namespace {

using foil::Degradation;
using foil::Index;
using Images = foil::Tensor<float, 4>;

const foil::Bounds<float> bounds(0, 1);
constexpr Index at_a_time = 32;

/// An experiment as the authors call it.
std::string experiment(Degradation degradation) {
  switch (degradation) {
    case Degradation::greyscale:
      return "colour-experiment";
    case Degradation::opponent_colour:
      return "false-colour-experiment";
    case Degradation::uniform_noise:
      return "noise-experiment";
    case Degradation::low_pass:
      return "lowpass-experiment";
    case Degradation::high_pass:
      return "highpass-experiment";
    case Degradation::phase_noise:
      return "phase-scrambling-experiment";
    case Degradation::power_equalisation:
      return "power-equalisation-experiment";
    case Degradation::eidolon_i:
    case Degradation::eidolon_ii:
    case Degradation::eidolon_iii:
      return "eidolon-experiment";
    case Degradation::salt_and_pepper:
      return "salt-and-pepper-experiment";
    default:
      return std::string(foil::name(degradation)) + "-experiment";
  }
}

/// And a level: the number, but for some.
std::string condition(Degradation degradation, double level) {
  const bool on = level != 0;
  switch (degradation) {
    case Degradation::greyscale:
      return on ? "bw" : "cr";
    case Degradation::opponent_colour:
      return on ? "false" : "true";
    case Degradation::power_equalisation:
      return on ? "pow" : "0";
    case Degradation::contrast:
      return foil::text(level < 0.095 ? "c0" : "c", static_cast<int>(100 * level + 0.5));
    case Degradation::eidolon_i:
      return foil::text(level, "-10-10");
    case Degradation::eidolon_ii:
      return foil::text(level, "-3-10");
    case Degradation::eidolon_iii:
      return foil::text(level, "-0-10");
    default:
      return foil::text(level);
  }
}

/// What is shown, and what is right.
struct Stimuli {
  foil::io::ImageReader<float> reader;
  foil::Labels labels;  ///< categories
  std::vector<std::string> categories, names{};
  Index count;

  bool in_colour() const { return reader.sample_shape()[0] == 3; }
  /// Calls use(images, the first one's row) for all, some at a time.
  template <class Use>
  void for_each(Use&& use) {
    reader.seek(0);
    for (Index row = 0; row < count;) {
      const Images images = reader.next(std::min(at_a_time, count - row));
      use(images, row);
      row += foil::samples(images);
    }
  }
};

Stimuli digits(Index count) {
  const std::string data = FOIL_EXAMPLES_DATA;
  Stimuli out{{data + "/mnist-test-1000-images.idx3-ubyte.gz", bounds},
              foil::io::read_labels(data + "/mnist-test-1000-labels.idx1-ubyte.gz"),
              {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
              {},
              std::min<Index>(count > 0 ? count : 100, 1000)};
  for (Index i = 0; i < out.count; ++i) out.names.push_back(foil::text("digit_", i));
  return out;
}

Stimuli pictures(const std::filesystem::path& folder, const foil::Categories& categories, Index count) {
  const auto list = foil::io::list_pictures(folder);
  foil::require(list.labels.size() > 0, folder.string(), ": expected a folder for each category");
  Stimuli out{{folder, bounds}, list.labels, categories.names(), list.names, list.labels.size()};
  for (int& label : out.labels) {
    const std::string& name = list.classes[static_cast<std::size_t>(label)];
    label = categories.index(name);
    foil::require(label >= 0, folder.string(), ": '", name, "' is none of the sixteen categories");
  }
  if (count > 0) out.count = std::min(count, out.count);
  return out;
}

/// The first image under every level.
void draw(const std::string& path, std::vector<foil::report::PanelRow> rows) {
  foil::require(!rows.empty(), "picture: there is nothing to show");
  foil::report::PanelBlock block{"", "", {}, std::move(rows)};
  const Index width = block.rows.front().pictures.front().width(),
              height = block.rows.front().pictures.front().height();
  foil::io::Picture nothing(width, height, 3);
  nothing.fill(0, 0, width, height, {255, 255, 255});
  for (int level = 1; level <= 8; ++level) block.headings.push_back(foil::text("level ", level));
  for (foil::report::PanelRow& row : block.rows) row.pictures.resize(block.headings.size(), nothing);
  foil::io::write_png(path, foil::report::draw_panels("Degradations", width, height, {block}));
}

/// Writes a line for each image under each level, and prints how often the network is right.
template <class Model>
void ask(Model& network, const std::string& subject, Stimuli& stimuli, const Arguments& arguments) {
  foil::io::AtomicFile file(arguments.text("out"));
  file.write("subject,experiment,condition,category,response,image\n");
  foil::DegradationOptions options;
  std::vector<foil::report::PanelRow> rows;
  std::printf("%-18s %-9s %8s   %s\n", "degradation", "condition", "accuracy",
              "entropy of the responses, bits");
  for (const Degradation degradation : foil::degradations_named(arguments.text("only"))) {
    if (!stimuli.in_colour() &&
        (degradation == Degradation::greyscale || degradation == Degradation::opponent_colour))
      continue;
    if (degradation == Degradation::power_equalisation) {
      double seen = 0;
      stimuli.for_each([&](const Images& images, Index) {
        const auto some = foil::mean_amplitudes(images);
        const auto more = static_cast<double>(foil::samples(images));
        if (seen == 0) options.amplitudes = some;
        options.amplitudes.values += (some.values - options.amplitudes.values) * (more / (seen + more));
        seen += more;
      });
    }
    rows.push_back({std::string(foil::name(degradation)) + ":", {}});
    for (const double level : foil::published_levels(degradation)) {
      foil::Confusion found(static_cast<Index>(stimuli.categories.size()));
      stimuli.for_each([&](const Images& clean, Index first) {
        const Images images = foil::degrade(clean, degradation, level, options, first);
        const foil::Labels said = foil::predict(network, images);
        for (Index i = 0; i < said.size(); ++i) {
          const auto row = static_cast<std::size_t>(first + i);
          const auto name = [&](int category) {
            return category < 0 ? std::string("na") : stimuli.categories[static_cast<std::size_t>(category)];
          };
          const int truth = stimuli.labels[first + i];
          found.add(truth, said[i]);
          file.write(foil::text(subject, ",", experiment(degradation), ",", condition(degradation, level),
                                ",", name(truth), ",", name(said[i]), ",\"", stimuli.names[row], "\"\n"));
        }
        if (first > 0) return;
        foil::report::ImageForm form{images.dimension(1), images.dimension(2), images.dimension(3), 0, 1};
        const auto shown = foil::sample(images, 0);
        const auto values = foil::report::reduced(form, {shown.begin(), shown.end()}, 144);
        rows.back().pictures.push_back(foil::report::picture_of(form, values));
        rows.back().caption += " " + condition(degradation, level);
      });
      std::printf("%-18s %-9s %6.1f %%   %.3f\n", std::string(foil::name(degradation)).c_str(),
                  condition(degradation, level).c_str(), 100 * found.accuracy(), found.response_entropy());
    }
  }
  file.finish();
  file.commit();
  if (!arguments.text("picture").empty()) draw(arguments.text("picture"), std::move(rows));
}

void run(int argc, char** argv) {
  const Arguments arguments(argc, argv,
                            {{"out", "responses.csv"},
                             {"picture", ""},
                             {"count", "0"},
                             {"only", "all"},
                             {"network", ""},
                             {"images", ""}});
  const auto count = static_cast<Index>(arguments.number("count"));
  const std::string data = FOIL_EXAMPLES_DATA, given = arguments.text("network");
  const std::filesystem::path path = given.empty() ? data + "/mnist_cnn.onnx" : given;
  const auto network = foil::onnx::load<float, 4>(path, {.bounds = bounds});
  if (given.empty()) {
    Stimuli stimuli = digits(count);
    return ask(network, path.stem().string(), stimuli, arguments);
  }
  const foil::Grouped grouped(network, foil::imagenet_16());
  Stimuli stimuli = pictures(arguments.text("images"), grouped.categories(), count);
  ask(grouped, path.stem().string(), stimuli, arguments);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(argc, argv);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "degradations: %s\n", error.what());
    return 2;
  }
}
