// SPDX-License-Identifier: MIT
#include "extremes.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/status.hpp"
#include "foil/io/base64.hpp"
#include "foil/io/png.hpp"
#include "png_folder.hpp"
#include "report.hpp"

namespace evaluate {
namespace {

using foil::Index;
using foil::report::ImageForm;
using Json = nlohmann::ordered_json;

constexpr Index most_pixels = 128;  // of a picture in each direction: larger ones are made smaller

std::string encoded(const foil::io::Picture& picture) {
  return foil::io::base64(foil::io::encode_png(picture));
}

Json drawn(const char* which, const Extreme& extreme, const std::vector<float>& clean, const Canvas& canvas,
           const Told& outcome, const Samples& samples) {
  const foil::Record& record = outcome.records[static_cast<std::size_t>(extreme.place)];
  ImageForm form = canvas.form(), same = canvas.form();
  const std::vector<float> before = reduced(form, clean, most_pixels);
  const std::vector<float> after =
      reduced(same, canvas.planes(extreme.adversarial.data(), extreme.adversarial.size()), most_pixels);
  const int times = foil::report::magnification(foil::report::largest_change(before, after), form.range());
  return {{"which", which},
          {"index", record.id},
          {"label", samples.labels[extreme.place]},
          {"predicted", record.predicted},
          {"distance", record.distance},
          {"clean", encoded(picture_of(form, before))},
          {"adversarial", encoded(picture_of(form, after))},
          {"change", encoded(change_of(form, before, after, times))},
          {"change_times", times}};
}

}  // namespace

void Extremes::add(const Extreme& extreme) {
  if (!closest || extreme.distance < closest->distance) closest = extreme;
  if (!farthest || extreme.distance > farthest->distance) farthest = extreme;
}

std::vector<Extreme> extremes_of(const foil::Block& block, const foil::Result<Images>& result,
                                 const Samples& samples) {
  Index closest = -1, farthest = -1;
  for (Index i = 0; i < block.count; ++i) {
    const bool right = result.correct(i) && samples.correct[block.first + i];
    if (!right || !result.success[i] ||
        result.status[static_cast<std::size_t>(i)] == foil::Status::already_adversarial)
      continue;
    if (closest < 0 || result.distances[i] < result.distances[closest]) closest = i;
    if (farthest < 0 || result.distances[i] > result.distances[farthest]) farthest = i;
  }
  std::vector<Extreme> out;
  for (const Index i : std::set<Index>{closest, farthest}) {
    if (i < 0) continue;
    const auto found = foil::sample(result.adversarials, i);
    out.push_back({block.first + i, result.distances[i], {found.data(), found.data() + found.size()}});
  }
  return out;
}

Canvas::Canvas(const Command& command, const std::vector<Index>& shape, const Images::Dimensions& axes) {
  const auto layout = picture_layout(shape);
  channels_last_ = layout && layout->channels_last;
  form_ = {channels_last_ ? layout->channels : axes[1], channels_last_ ? layout->height : axes[2],
           channels_last_ ? layout->width : axes[3],
           *std::min_element(command.lower.begin(), command.lower.end()),
           *std::max_element(command.upper.begin(), command.upper.end())};
}

std::vector<float> Canvas::planes(const float* data, std::size_t size) const {
  std::vector<float> values(data, data + size);
  if (!channels_last_ || size == 0) return values;
  for (Index c = 0; c < form_.channels; ++c)
    for (Index pixel = 0; pixel < form_.pixels(); ++pixel)
      values[static_cast<std::size_t>(c * form_.pixels() + pixel)] = data[pixel * form_.channels + c];
  return values;
}

void draw_extremes(const Command& command, Inputs& in, const Samples& samples, std::vector<Told>& outcomes) {
  std::set<Index> places;
  for (const Told& outcome : outcomes)
    for (const auto& extreme : {outcome.extremes.closest, outcome.extremes.farthest})
      if (extreme) places.insert(extreme->place);
  if (places.empty()) return;
  std::vector<std::int64_t> rows;
  for (const Index place : places) rows.push_back(samples.rows[static_cast<std::size_t>(place)]);
  try {
    const Images images = in.images.gather(rows);
    const Canvas canvas(command, in.images.sample_shape(), images.dimensions());
    if (canvas.form().size() == 0 || canvas.form().range() <= 0) return;
    for (Told& outcome : outcomes) {
      outcome.pictures = Json::array();
      const auto& [closest, farthest] = outcome.extremes;
      const auto draw = [&](const char* which, const Extreme& extreme) {
        const auto clean = foil::sample(
            images, static_cast<Index>(std::distance(places.begin(), places.find(extreme.place))));
        outcome.pictures.push_back(drawn(which, extreme,
                                         canvas.planes(clean.data(), static_cast<std::size_t>(clean.size())),
                                         canvas, outcome, samples));
      };
      if (closest) draw("closest", *closest);
      if (farthest) draw("farthest", *farthest);
    }
  } catch (const foil::Error&) {  // the data are gone: the figures are not
    for (Told& outcome : outcomes) outcome.pictures = Json::array();
  }
}

}  // namespace evaluate
