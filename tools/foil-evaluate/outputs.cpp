// SPDX-License-Identifier: MIT
#include "outputs.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <system_error>
#include <utility>

#include "common/files.hpp"
#include "common/terminal.hpp"
#include "foil/core/error.hpp"
#include "foil/report/html/markup.hpp"

namespace evaluate {
namespace {

namespace fs = std::filesystem;
using foil::require;
using foil::io::AtomicFile;
using programs::identity;
using programs::is_device;
using Json = nlohmann::ordered_json;

const char* const staging_name = ".foil-part";
const char* const manifest = "manifest.json";
const char* const unexpected = ": expected a new or empty folder or that of an earlier run, found ";
const char* const found_foreign = ", which no run wrote there";
const char* const mark = "written-by-foil-evaluate";  // in the hidden folder
const std::size_t png_head = 33;                      // the signature and the chunk of the size

/// Whether it is what standard output goes to; a terminal takes everything.
bool is_stdout(const fs::path& path) {
  return !is_device(path) && identity(path) == identity("/dev/stdout");
}

/// Whether a path is a folder or lies in it, at any depth.
bool lies_in(const fs::path& path, const fs::path& folder) {
  std::error_code failure;
  const fs::path inner = fs::weakly_canonical(fs::absolute(path), failure),
                 outer = fs::weakly_canonical(fs::absolute(folder), failure);
  return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

std::string big_endian(std::uint32_t number) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(number >> shift & 0xff);
  return bytes;
}

/// The chunk of a PNG that tells who wrote it.
std::string signature() {
  const std::string text = std::string("tEXtSoftware") + '\0' + "foil-evaluate";
  return big_endian(static_cast<std::uint32_t>(text.size() - 4)) + text + big_endian(content_of(text).crc32);
}

/// The first bytes of a file; none if it cannot be read.
std::string beginning(const fs::path& path, std::size_t count) {
  std::string bytes(count, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(bytes.data(), static_cast<std::streamsize>(count));
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  return bytes;
}

bool begins_as_results(const fs::path& path) {
  return beginning(path, 18) == "{\n \"foil_version\":";
}

bool begins_as_sheet(const fs::path& path) {
  const std::string bytes = beginning(path, png_head + signature().size());
  return bytes.starts_with("\x89PNG") && bytes.ends_with(signature());
}

bool begins_as_curve(const fs::path& path) {
  return beginning(path, curve_head.size()) == curve_head;
}

/// Throws if a file is there that would be lost.
void require_replaceable(const char* option, const fs::path& path, const char* what,
                         bool (*is_ours)(const fs::path&)) {
  std::error_code failure;
  if (!fs::is_regular_file(path, failure) || fs::file_size(path, failure) == 0) return;
  require(is_ours(path), option, ' ', path.string(), ": would overwrite a file that is not ", what,
          " of foil-evaluate; name another, or remove it first");
}

std::string new_run_id() {
  std::random_device random;
  std::string id;
  for (int i = 0; i < 4; ++i) {
    char digits[9];
    std::snprintf(digits, sizeof digits, "%08x", static_cast<unsigned>(random()));
    id += digits;
  }
  return id;
}

Json entry(const std::string& name, const Content& content) {
  return {{"name", name}, {"bytes", content.bytes}, {"crc32", content.crc32}};
}

/// Whether a name is that of something in a folder or its folders, and of nothing outside.
bool lies_within(const fs::path& name) {
  return !name.empty() && name.is_relative() && name.has_filename() && name.lexically_normal() == name &&
         *name.begin() != "..";
}

/// The files that a manifest speaks of; none if it is not one of foil-evaluate's.
std::optional<std::multimap<std::string, Content>> read_manifest(const fs::path& path) {
  std::FILE* const file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return std::nullopt;
  const Json root = Json::parse(file, nullptr, false);
  std::fclose(file);
  if (!root.is_object() || root.value("written_by", Json()) != "foil-evaluate") return std::nullopt;
  std::multimap<std::string, Content> files;
  for (const char* const list : {"files", "changing"}) {
    if (!root.contains(list) || !root[list].is_array()) return std::nullopt;
    for (const Json& e : root[list]) {
      if (!e.is_object() || !e.contains("name") || !e["name"].is_string() || !e.contains("bytes") ||
          !e["bytes"].is_number_unsigned() || !e.contains("crc32") || !e["crc32"].is_number_unsigned())
        return std::nullopt;
      if (!lies_within(e["name"].get<std::string>())) return std::nullopt;
      files.emplace(e["name"], Content{e["bytes"], e["crc32"]});
    }
  }
  return files;
}

/// Whether a name is that of a temporary file of AtomicFile's.
bool is_part(const std::string& name) {
  const auto at = name.rfind(".foil-part-");
  return at != name.npos && name.find_first_not_of("0123456789", at + 11) == name.npos;
}

}  // namespace

bool begins_as_report(const fs::path& path) {
  return beginning(path, foil::report::html::page_head.size()) == foil::report::html::page_head;
}

const std::string_view curve_head =
    "curve,norm,attacks,epsilon,robust_accuracy,low,high,robust,finished,fooled,attacked\n";

Content content_of(std::string_view text) {
  const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data());
  return {text.size(), static_cast<std::uint32_t>(::crc32_z(0, bytes, text.size()))};
}

Content content_of_file(const fs::path& path) {
  std::FILE* const file = std::fopen(path.c_str(), "rb");
  foil::io::require(file != nullptr, path, "cannot be read: ", std::strerror(errno));
  Content content;
  std::vector<unsigned char> buffer(1 << 18);
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), file)) {
    content.bytes += got;
    content.crc32 = static_cast<std::uint32_t>(::crc32(content.crc32, buffer.data(), static_cast<uInt>(got)));
  }
  const bool whole = std::ferror(file) == 0;
  std::fclose(file);
  foil::io::require(whole, path, "cannot be read");
  return content;
}

std::string signed_png(const std::string& png) {
  return png.substr(0, png_head) + signature() + png.substr(png_head);
}

OutputFolder::OutputFolder(fs::path path, std::string run_id)
    : path_(std::move(path)), staging_(path_ / staging_name), run_id_(std::move(run_id)) {
  std::error_code failure;
  std::vector<fs::path> missing;
  for (fs::path p = path_; !p.empty() && !fs::exists(p, failure); p = p.parent_path())
    if (p.has_filename()) missing.push_back(p);
  fs::create_directories(path_, failure);
  created_ = std::move(missing);
  lock_ = failure ? -1 : ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock_ < 0) {
    const std::string why = failure ? failure.message() : std::strerror(errno);
    remove_created();
    throw foil::Error(path_.string() + ": cannot be created: " + why);
  }
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    ::close(lock_);
    throw foil::Error(path_.string() + ": another foil-evaluate is writing there");
  }
  if (const auto files = read_manifest(path_ / manifest)) earlier_ = *files;
}

OutputFolder::~OutputFolder() {
  if (prepared_ && !(retained_ && something_waits())) remove_staging();
  remove_created();
  ::close(lock_);
}

void OutputFolder::prepare(const std::vector<fs::path>& others, bool resume) {
  check(others);
  std::error_code failure;
  retained_ = resume;
  if (!resume) remove_staging();
  fs::create_directory(staging_, failure);
  require(!failure, staging_.string(), ": cannot be created: ", failure.message());
  prepared_ = true;
  require(std::ofstream(staging_ / mark).is_open(), (staging_ / mark).string(), ": cannot be created");
  for (const auto& [name, content] : earlier_)
    if (resume) recover(name);
}

bool OutputFolder::left_by_a_run() const {
  std::error_code failure;
  return fs::is_directory(fs::symlink_status(staging_, failure)) &&
         (fs::is_empty(staging_, failure) || fs::exists(staging_ / mark, failure));
}

bool OutputFolder::something_waits() const {
  std::error_code failure;
  for (fs::directory_iterator at(staging_, failure), end; !failure && at != end; at.increment(failure))
    if (at->path().filename() != mark) return true;
  return false;
}

/// Has a file that is in place wait as well, as a copy: arrays may be gone on with, where what is in place
/// stays as it is until it is replaced. Other files are never changed.
void OutputFolder::recover(const std::string& name) const {
  std::error_code failure;
  if (fs::exists(staged(name), failure) || !fs::is_regular_file(path_ / name, failure)) return;
  fs::create_directories(staged(name).parent_path(), failure);
  if (!name.ends_with(".npy")) {
    fs::create_hard_link(path_ / name, staged(name), failure);
    if (!failure) return;
  }
  const fs::path part = staged(name).string() + ".copy";
  fs::copy_file(path_ / name, part, fs::copy_options::overwrite_existing, failure);
  if (!failure) fs::rename(part, staged(name), failure);
  foil::io::require(!failure, staged(name), "cannot be written: ", failure.message());
}

/// The mark goes last: if this is cut short, what is left can still be told to be a run's.
void OutputFolder::remove_staging() {
  std::error_code failure;
  std::vector<fs::path> content;
  for (fs::directory_iterator at(staging_, failure), end; !failure && at != end; at.increment(failure))
    if (at->path().filename() != mark) content.push_back(at->path());
  for (const fs::path& entry : content) fs::remove_all(entry, failure);
  fs::remove_all(staging_, failure);
}

void OutputFolder::remove_created() {
  for (const fs::path& folder : created_) ::rmdir(folder.c_str());
}

void OutputFolder::check(const std::vector<fs::path>& others) const {
  std::error_code failure;
  for (fs::recursive_directory_iterator at(path_, failure), end; !failure && at != end;
       at.increment(failure)) {
    const fs::path path = at->path();
    const std::string name = path.lexically_relative(path_).generic_string();
    const fs::file_status status = at->symlink_status(failure);
    if (name == staging_name && left_by_a_run()) {
      at.disable_recursion_pending();
      continue;
    }
    if (fs::is_directory(status)) {
      const auto inside = earlier_.lower_bound(name + '/');
      require(inside != earlier_.end() && inside->first.starts_with(name + '/'), path_.string(), unexpected,
              name, found_foreign);
      continue;
    }
    const bool other = std::any_of(others.begin(), others.end(), [&](const fs::path& output) {
      return identity(path) == identity(output);
    });
    if (other || is_part(path.filename().string())) continue;
    bool ours = fs::is_regular_file(status);
    if (ours && name == manifest) {
      ours = read_manifest(path).has_value();
    } else if (ours) {
      const auto [first, last] = earlier_.equal_range(name);
      ours = first != last;
      if (ours) {
        const Content found = content_of_file(path);
        ours = std::any_of(first, last, [&](const auto& file) { return file.second == found; });
      }
    }
    require(ours, path_.string(), unexpected, name, found_foreign);
  }
  require(!failure, path_.string(), ": cannot be read: ", failure.message());
}

void OutputFolder::remove_earlier(const std::function<void()>& before_step) {
  std::set<fs::path> folders;
  std::error_code failure;
  for (const auto& [name, content] : earlier_) {
    before_step();
    fs::remove(path_ / name, failure);
    if (name.find('/') != name.npos) folders.insert((path_ / name).parent_path());
  }
  for (const fs::path& folder : folders) ::rmdir(folder.c_str());  // unless something else is in it
}

void OutputFolder::publish(const std::function<void()>& before_step) {
  if (waiting_.empty()) return;
  std::multimap<std::string, Content> changing = earlier_;
  changing.insert(waiting_.begin(), waiting_.end());
  write_manifest(changing, before_step);
  created_.clear();
  remove_earlier(before_step);
  std::set<fs::path> folders{path_};
  for (const auto& [name, content] : waiting_) {
    before_step();
    const fs::path target = path_ / name;
    std::error_code failure;
    if (folders.insert(target.parent_path()).second) fs::create_directories(target.parent_path(), failure);
    fs::rename(staged(name), target, failure);
    foil::io::require(!failure, target, "cannot be written: ", failure.message());
  }
  for (const fs::path& folder : folders) foil::io::sync_directory(folder);
  published_.merge(waiting_);
  waiting_.clear();
  earlier_.clear();
  write_manifest({}, before_step);
}

/// `changing` are files that may be there or not.
void OutputFolder::write_manifest(const std::multimap<std::string, Content>& changing,
                                  const std::function<void()>& before_step) const {
  Json root{{"written_by", "foil-evaluate"},
            {"foil_version", programs::version()},
            {"run_id", run_id_},
            {"files", Json::array()},
            {"changing", Json::array()}};
  for (const auto& [name, content] : published_) root["files"].push_back(entry(name, content));
  for (const auto& [name, content] : changing) root["changing"].push_back(entry(name, content));
  before_step();
  foil::io::write_file(path_ / manifest, root.dump(1, ' ', false, Json::error_handler_t::replace) + '\n');
}

Claims::Claims(std::vector<fs::path> inputs) : inputs_(std::move(inputs)) {
  for (const fs::path& input : inputs_) taken_.emplace(identity(input), "an input");
}

void Claims::claim(const char* option, const fs::path& path, std::optional<AtomicFile>& direct,
                   const char* what, bool (*is_ours)(const fs::path&)) {
  if (!is_device(path)) {
    const auto [other, fresh] = taken_.emplace(identity(path), foil::text("the file for ", option));
    require(fresh, option, ' ', path.string(), ": would overwrite ", other->second);
  }
  require_outside(option, foil::io::followed(path));
  direct.emplace(path);
  if (direct->direct())
    take_stdout_ = take_stdout_ || is_stdout(path);
  else
    require_replaceable(option, path, what, is_ours);
  if (!direct->direct()) direct.reset();
}

void Claims::require_outside(const char* option, const fs::path& path) const {
  for (const fs::path& input : inputs_) {
    std::error_code failure;
    require(!fs::is_directory(input, failure) || !lies_in(path, input), option, ' ', path.string(),
            ": lies in ", input.string(), ", which is an input");
  }
}

const std::string* Claims::taken_by(const fs::path& path) const {
  const auto found = taken_.find(identity(path));
  return found == taken_.end() ? nullptr : &found->second;
}

Outputs::Outputs(Places places) : places_(std::move(places)), run_id_(new_run_id()), claims_(places_.inputs) {
  if (places_.folder) folder_.emplace(*places_.folder, run_id_);
  if (places_.pictures) {
    require(!places_.folder || (!lies_in(*places_.pictures, *places_.folder) &&
                                !lies_in(*places_.folder, *places_.pictures)),
            "--adversarials-png ", places_.pictures->string(),
            ": expected a folder apart from that of --adversarials, ",
            places_.folder.value_or(fs::path()).string());
    pictures_.emplace(*places_.pictures, run_id_);
  }
  claims_.claim("--out", places_.results, direct_results_, "the results.json", begins_as_results);
  if (places_.sheet) claims_.claim("--sheet", *places_.sheet, direct_sheet_, "a sheet", begins_as_sheet);
  if (places_.curve)
    claims_.claim("--curve", *places_.curve, direct_curve_, "a table of curves", begins_as_curve);
  if (places_.report)
    claims_.claim("--report", *places_.report, direct_report_, "a report", begins_as_report);

  std::vector<fs::path> others{places_.results};
  for (const auto& other : {places_.sheet, places_.curve, places_.report, places_.state})
    if (other) others.push_back(*other);
  const auto claim_folder = [&](const char* option, OutputFolder& folder,
                                const std::vector<std::string>& wanted) {
    claims_.require_outside(option, folder.path());
    std::set<std::string> names(wanted.begin(), wanted.end());
    names.insert({manifest, staging_name});
    for (const auto& [name, content] : folder.earlier()) names.insert(name);
    for (const std::string& name : names) {
      if (const std::string* const other = claims_.taken_by(folder.path() / name))
        throw foil::Error(
            foil::text(option, ": would overwrite ", (folder.path() / name).string(), ", which is ", *other));
    }
    folder.prepare(others, places_.resume);
  };
  if (folder_) claim_folder("--adversarials", *folder_, places_.names);
  if (!pictures_) return;
  for (const std::string& name : places_.picture_folders)
    for (const fs::path& other : others)
      require(!lies_in(other, pictures_->path() / name), other.string(), ": lies in ",
              (pictures_->path() / name).string(), ", which is for pictures");
  claim_folder("--adversarials-png", *pictures_, places_.picture_folders);
}

void Outputs::add(const std::string& name) {
  add(name, content_of_file(staged(name)));
}

void Outputs::retain(bool stays) {
  if (folder_) folder_->retain(stays);
  if (pictures_) pictures_->retain(stays);
}

bool Outputs::due() const {
  return !last_time_ || Clock::now() - *last_time_ >= 20 * last_cost_;
}

void Outputs::publish(const std::function<void(AtomicFile&)>& write_results, const Beside& beside,
                      bool last) {
  const auto start = Clock::now();
  std::optional<AtomicFile> own_results, own_sheet, own_curve, own_report;
  const auto written = [&](std::optional<AtomicFile>& direct, std::optional<AtomicFile>& own,
                           const fs::path& path, const auto& write) -> AtomicFile* {
    if (direct && !last) return nullptr;
    AtomicFile& file = direct ? *direct : own.emplace(path);
    write(file);
    before_step();
    file.finish();
    return &file;
  };
  AtomicFile* const results = written(direct_results_, own_results, places_.results, write_results);
  const auto put = [&](std::optional<AtomicFile>& direct, std::optional<AtomicFile>& own,
                       const std::optional<fs::path>& path, std::string_view content) -> AtomicFile* {
    if (!path || content.empty()) return nullptr;
    return written(direct, own, *path, [&](AtomicFile& file) { file.write(content); });
  };
  AtomicFile* const picture = put(direct_sheet_, own_sheet, places_.sheet, beside.sheet);
  AtomicFile* const table = put(direct_curve_, own_curve, places_.curve, beside.curve);
  AtomicFile* const page = put(direct_report_, own_report, places_.report, beside.report);
  if (folder_) folder_->publish(before_step);
  std::exception_ptr failure;
  try {
    if (pictures_) pictures_->publish(before_step);
  } catch (const foil::Error&) {
    failure = std::current_exception();
  }
  for (AtomicFile* const file :
       {picture, table, page, results}) {  // the results last: they speak of all the others
    if (file == nullptr) continue;
    before_step();
    file->commit();
  }
  last_time_ = Clock::now();
  last_cost_ = *last_time_ - start;
  if (failure) std::rethrow_exception(failure);
}

}  // namespace evaluate
