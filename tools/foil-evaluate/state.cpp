// SPDX-License-Identifier: MIT
#include "state.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <span>
#include <system_error>
#include <typeinfo>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/simd.hpp"
#include "foil/io/array_file.hpp"
#include "foil/io/pictures.hpp"

namespace evaluate {
namespace {

namespace fs = std::filesystem;
using foil::Index;
using foil::require;
using Json = nlohmann::json;

std::string in_words(const Content& content) {
  char text[64];
  std::snprintf(text, sizeof text, "%llu bytes of CRC-32 %08x",
                static_cast<unsigned long long>(content.bytes), static_cast<unsigned>(content.crc32));
  return text;
}

/// What a file holds, or all pictures of a folder or a list with their names.
std::string content_in_words(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored) && !foil::io::names_pictures(path))
    return in_words(content_of_file(foil::io::file_of(path)));
  std::string all;
  for (const fs::path& file : foil::io::list_pictures(path).files)
    all += file.filename().string() + ' ' + in_words(content_of_file(file)) + '\n';
  if (!fs::is_directory(path, ignored)) all += in_words(content_of_file(path));
  return in_words(content_of(all));
}

/// The vectors that sums are made with: bits depend on them.
std::string vectors() {
  std::string out = typeid(foil::simd::Isa).name();
#if defined(__x86_64__)
  if (__builtin_cpu_supports("fma")) out += " fma";
  if (__builtin_cpu_supports("avx2")) out += " avx2";
  if (__builtin_cpu_supports("avx512f")) out += " avx512";
#endif
  return out;
}

std::span<const std::uint8_t> bytes_of(const float* numbers, std::size_t count) {
  return {reinterpret_cast<const std::uint8_t*>(numbers), count * sizeof(float)};
}

std::string_view text_of(const std::vector<float>& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(float)};
}

Json binary(const float* numbers, std::size_t count) {
  const auto bytes = bytes_of(numbers, count);
  return Json::binary({bytes.begin(), bytes.end()});
}

std::vector<float> floats(const Json& json) {
  const auto& bytes = json.get_binary();
  std::vector<float> out(bytes.size() / sizeof(float));
  std::memcpy(out.data(), bytes.data(), out.size() * sizeof(float));
  return out;
}

std::uint32_t sum_of(const float* numbers, std::size_t count) {
  const auto bytes = bytes_of(numbers, count);
  return content_of({reinterpret_cast<const char*>(bytes.data()), bytes.size()}).crc32;
}

}  // namespace

foil::Fingerprint fingerprint(const Command& command, const Model& model, const foil::Fingerprint& attacks) {
  foil::Fingerprint out;
  const Json settings = settings_of(command);
  const auto is_path = [](const std::string& key) {  // these may lie elsewhere now
    for (const char* path :
         {"model", "images", "labels", "targets", "starts", "surrogate", "transfer_from", "mask"})
      if (key == path) return true;
    return false;
  };
  for (const auto& [key, value] : settings.items())
    if (!is_path(key)) out.emplace_back(key, value.dump(-1, ' ', false, Json::error_handler_t::replace));
  std::string numbers;
  for (const Numbers* list : {&command.lower, &command.upper, &command.mean, &command.deviation})
    numbers += foil::text(list->size(), ':') + in_words(content_of(text_of(*list))) + ' ';
  out.emplace_back("the numbers of --bounds, --mean and --std", numbers);
  out.insert(out.end(), attacks.begin(), attacks.end());
  out.emplace_back("audit", command.audit ? command.audit->name + ":" + command.audit->settings : "none");
  out.emplace_back("claimed_accuracy",
                   command.claimed_accuracy ? foil::text(*command.claimed_accuracy) : "none");
  std::string corruptions = "none";
  if (command.corruptions) {
    corruptions = foil::name(command.corruptions->profile);
    for (const foil::Corruption each : command.corruptions->corruptions)
      corruptions += foil::text(' ', foil::name(each));
    for (const int severity : command.corruptions->severities) corruptions += foil::text(' ', severity);
  }
  out.emplace_back("--corruptions", corruptions);
  const auto asked_for = [&](const char* option, bool asked) {
    out.emplace_back(option, asked ? "given" : "not given");
  };
  asked_for("--adversarials", command.adversarials.has_value());
  asked_for("--adversarials-png", command.adversarials_png.has_value());
  asked_for("--sheet", command.sheet.has_value());
  out.emplace_back("--shard",
                   command.shards == 0 ? "not given" : foil::text(command.shard, "/", command.shards));
  const auto content = [&](const char* role, const std::optional<fs::path>& path) {
    out.emplace_back(foil::text("the content of ", role), path ? content_in_words(*path) : "none");
  };
  // Files of labels may name pictures, which are those of --images.
  const auto own_content = [&](const char* role, const std::optional<fs::path>& path) {
    out.emplace_back(foil::text("the content of ", role),
                     path ? in_words(content_of_file(foil::io::file_of(*path))) : "none");
  };
  content("--model", command.model);
  content("--images", command.images);
  own_content("--labels", command.labels.empty() ? std::nullopt : std::optional(command.labels));
  own_content("--targets", command.targets);
  content("--starts", command.starts);
  content("--surrogate", command.surrogate);
  content("--transfer-from", command.transfer_from);
  content("--mask", command.mask);
  for (const fs::path& file : command.number_files) content(file.filename().c_str(), file);
  for (const fs::path& file : model.files()) content(file.filename().c_str(), file);
  out.emplace_back("this machine's vectors", vectors());
  return out;
}

std::optional<fs::path> state_path(const Command& command) {
  std::error_code ignored;
  // By the name that was given: where the links of a pipe, as of /dev/stdout, lead there is no file.
  if (fs::exists(command.out, ignored) && !fs::is_regular_file(command.out, ignored)) return std::nullopt;
  const fs::path out = foil::io::followed(command.out);
  return out.parent_path() / ("." + out.filename().string() + ".foil-run");
}

State::State(const Command& command, Teller& teller) : teller_(teller) {
  const auto path = state_path(command);
  require(path || !command.resume, "--resume: expected a file for --out, beside which a run's state lies");
  if (!path) return;
  journal_.emplace(*path);
  const bool found = !journal_->entries().empty();
  resumed_ = command.resume && found;
  if (command.resume && !found)
    teller_.remark("--resume: there is no unfinished run, this is a new one");
  else if (!command.resume && found)
    teller_.warn("an unfinished run was here and is begun anew (--resume goes on)");
}

void State::begin(foil::Fingerprint fingerprint) {
  if (!journal_) return;
  if (!resumed_) journal_->clear();
  try {
    checkpoint_.emplace(std::move(fingerprint), journal_->entries(),
                        [this](std::string_view entry) { journal_->append(entry); });
  } catch (const foil::Error& error) {
    throw foil::Error(journal_->path().string() + ": cannot be resumed: " + error.what());
  }
}

void State::note(const foil::Block& block, const Images& found, const Samples& samples, const Parts& parts,
                 const std::vector<std::pair<std::string, Content>>& pictures,
                 const std::vector<Extreme>& extremes) {
  if (!checkpoint_) return;
  Json all = Json::object();
  for (const Extreme& extreme : extremes)
    all["extremes"].push_back(
        {extreme.place, extreme.distance, binary(extreme.adversarial.data(), extreme.adversarial.size())});
  const auto features = static_cast<std::size_t>(foil::features(found));
  if (parts.adversarials != nullptr) all["adversarials"] = parts.adversarials->last_crc32();
  for (const auto& [name, content] : pictures)
    all["pictures"].push_back({name, content.bytes, content.crc32});
  if (parts.kept != nullptr) {
    const Index count = std::clamp<Index>(parts.kept->samples() - block.first, 0, block.count);
    all["kept"] = binary(found.data(), static_cast<std::size_t>(count) * features);
  }
  if (parts.sheet)
    for (std::size_t s = 0; s < samples.shown.size(); ++s) {
      const Index i = samples.shown[s] - block.first;
      if (i >= 0 && i < block.count)
        all["shown"].push_back({s, binary(foil::sample(found, i).data(), features)});
    }
  const auto bytes = Json::to_cbor(all);
  attached_.assign(bytes.begin(), bytes.end());
}

void State::save(std::size_t number, const Told& outcome, const Parts& parts) {
  if (!checkpoint_) return;
  try {
    if (parts.adversarials != nullptr) parts.adversarials->sync();
    Json all = Json::from_cbor(attached_);
    all["model_seconds"] = outcome.model_seconds;
    const auto bytes = Json::to_cbor(all);
    checkpoint_->save(number, outcome, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  } catch (const foil::Error& error) {
    teller_.warn(foil::text(error.what(), "; what comes now cannot be resumed"));
    failed_ = true;
    checkpoint_.reset();
  }
}

void State::restore(std::size_t number, Told& outcome, const Samples& samples, const Parts& parts) {
  if (parts.sheet) outcome.shown.resize(samples.shown.size());
  Index rows = 0;
  if (checkpoint_) {
    const auto& pieces = checkpoint_->pieces(number);
    std::size_t whole = 0;
    for (; whole < pieces.size(); ++whole) {
      const Index count = std::ssize(pieces[whole].records);
      if (!restore_block(pieces[whole], {rows, count, {}}, outcome, samples, parts)) break;
      rows += count;
    }
    if (whole < pieces.size())
      teller_.warn(foil::text("the files of ", outcome.title(),
                              " are not as they were left; blocks lost: ", pieces.size() - whole));
    checkpoint_->cut(number, whole);
    checkpoint_->restore(number, outcome);
    if (rows > 0)
      teller_.remark(
          foil::text(outcome.title(), ": ", rows, " of ", samples.size(), " samples were finished before"));
  }
  if (parts.adversarials != nullptr) parts.adversarials->keep(rows);
}

/// Whether what belongs to the block is there and whole; then it has been taken over.
bool State::restore_block(const foil::Checkpoint::Piece& piece, const foil::Block& block, Told& outcome,
                          const Samples& samples, const Parts& parts) const {
  const Json all = Json::from_cbor(piece.attached);
  if (parts.adversarials != nullptr) {
    if (parts.adversarials->rows() < block.first + block.count) return false;
    const std::vector<float> found = parts.adversarials->read(block.first, block.count);
    if (sum_of(found.data(), found.size()) != all.at("adversarials").get<std::uint32_t>()) return false;
  }
  if (parts.pictures != nullptr && all.contains("pictures"))
    for (const Json& picture : all.at("pictures")) {
      const std::string name = picture.at(0);
      const Content content{picture.at(1), picture.at(2)};
      const fs::path path = parts.pictures->staged(name);
      std::error_code ignored;
      if (!fs::exists(path, ignored) || !(content_of_file(path) == content)) return false;
      parts.pictures->add(name, content);
    }
  if (parts.kept != nullptr) {
    const std::vector<float> numbers = floats(all.at("kept"));
    const auto features = static_cast<std::size_t>(foil::features(samples.shown_images));
    if (!numbers.empty()) {
      auto shape = samples.shown_images.dimensions();
      shape[0] = static_cast<Index>(numbers.size() / features);
      Images images(shape);
      std::copy(numbers.begin(), numbers.end(), images.data());
      parts.kept->add({block.first, shape[0], {}}, images);
    }
  }
  if (all.contains("shown"))
    for (const Json& shown : all.at("shown")) {
      const auto s = shown.at(0).get<std::size_t>();
      const Index i = samples.shown[s] - block.first;
      if (piece.records[static_cast<std::size_t>(i)].success) outcome.shown[s] = floats(shown.at(1));
    }
  if (all.contains("extremes"))
    for (const Json& extreme : all.at("extremes"))
      outcome.extremes.add({extreme.at(0), extreme.at(1), floats(extreme.at(2))});
  outcome.model_seconds = all.at("model_seconds");
  return true;
}

void State::remove() {
  checkpoint_.reset();
  if (journal_) journal_->remove();
}

}  // namespace evaluate
