// SPDX-License-Identifier: MIT
/// \file
/// What a run writes: all of it together, never over what is not its own, and never so that files of two
/// runs could be taken for those of one.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "foil/io/file.hpp"

namespace evaluate {

/// Where a run is to write, and what it reads.
struct Places {
  std::filesystem::path results;
  std::optional<std::filesystem::path> sheet{}, curve{}, report{}, folder{}, pictures{};
  std::optional<std::filesystem::path> state{};  ///< of the run while it is unfinished
  bool resume = false;                           ///< what an unfinished run has left is gone on with
  std::vector<std::string> names{};              ///< of the files in the folder
  std::vector<std::string> picture_folders{};    ///< of the folders in that of the pictures
  std::vector<std::filesystem::path> inputs{};   ///< files, and directories of files
};

/// What a file holds, in short.
struct Content {
  std::uintmax_t bytes = 0;
  std::uint32_t crc32 = 0;
  friend bool operator==(const Content&, const Content&) = default;
};
Content content_of(std::string_view text);
Content content_of_file(const std::filesystem::path& path);

/// A PNG file with a note inside it that foil-evaluate wrote it, by which a later run knows the sheet of an
/// earlier one and replaces it.
std::string signed_png(const std::string& png);

/// The first line of the table of curves, by which it is known as well.
extern const std::string_view curve_head;

/// The files that a program writes one by one, none of them an input or another one, by whatever path or
/// link. Of files in their places only those are replaced that are empty or begin as an earlier run's do.
class Claims {
 public:
  /// \param inputs  files, and directories of files
  explicit Claims(std::vector<std::filesystem::path> inputs);

  /// Throws foil::Error, naming the option, unless a file can be written there.
  /// \param direct   opened if it is a pipe or a device, which is to be written directly
  /// \param what     "the results.json", as errors call what would be replaced
  /// \param is_ours  whether a file may be replaced
  void claim(const char* option, const std::filesystem::path& path,
             std::optional<foil::io::AtomicFile>& direct, const char* what,
             bool (*is_ours)(const std::filesystem::path&));
  /// Throws if a path lies in a directory that is an input.
  void require_outside(const char* option, const std::filesystem::path& path) const;
  /// What a path is taken by; null if by nothing.
  const std::string* taken_by(const std::filesystem::path& path) const;
  /// Whether one of the files is the standard output itself.
  bool take_stdout() const { return take_stdout_; }

 private:
  std::vector<std::filesystem::path> inputs_;
  std::map<std::string, std::string> taken_{};  // by identity, and what it is
  bool take_stdout_ = false;
};

/// Whether a file is a page that foil wrote.
bool begins_as_report(const std::filesystem::path& path);

/// What is written beside the results; empty: not now.
struct Beside {
  std::string_view sheet{};   ///< a PNG file
  std::string_view curve{};   ///< the table of curves
  std::string_view report{};  ///< a page
};

/// A folder of a run's files, which may lie in folders below it. They wait for publish() in a hidden folder
/// inside it. Its manifest.json lists them and names the run.
///
/// Only a folder that is new, empty, or as the manifest of an earlier run says is accepted; that run's files
/// are removed at the first publish(). It is locked against other runs meanwhile, and gone again if it was
/// made for nothing.
class OutputFolder {
 public:
  /// Throws foil::Error if it cannot be made or is another run's.
  /// \param run_id  stands in the manifest
  OutputFolder(std::filesystem::path path, std::string run_id);
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;
  ~OutputFolder();

  const std::filesystem::path& path() const { return path_; }
  /// The files that an earlier run may have left, with what they should hold.
  const std::multimap<std::string, Content>& earlier() const { return earlier_; }
  /// Throws if the folder holds anything that no earlier run wrote, but for those files; then makes the
  /// hidden folder, without what a killed run may have left in it unless that is gone on with: then it has
  /// what that run had put in place already, too.
  void prepare(const std::vector<std::filesystem::path>& others, bool resume);
  /// Whether what waits in the hidden folder stays there in the end, for a run that goes on.
  void retain(bool stays) { retained_ = stays; }

  /// Where to write a file, "a.npy" or "a/1.png", and that it has been written.
  std::filesystem::path staged(const std::string& name) const { return staging_ / name; }
  void add(const std::string& name, const Content& content) { waiting_[name] = content; }

  /// Puts what has been added in place. `before_step` is called before each change on the disk.
  void publish(const std::function<void()>& before_step);

 private:
  bool left_by_a_run() const;
  bool something_waits() const;
  void recover(const std::string& name) const;
  void check(const std::vector<std::filesystem::path>& others) const;
  void remove_created();
  void remove_staging();
  void remove_earlier(const std::function<void()>& before_step);
  void write_manifest(const std::multimap<std::string, Content>& changing,
                      const std::function<void()>& before_step) const;

  std::filesystem::path path_, staging_;
  std::string run_id_;
  std::vector<std::filesystem::path> created_{};  // the innermost first
  int lock_ = -1;                                 // the folder, open
  bool prepared_ = false, retained_ = false;
  std::multimap<std::string, Content> earlier_;
  std::map<std::string, Content> waiting_, published_;
};

/// The files of one run. The results, what lies beside them and the files of the folders are replaced at
/// publish(). The folders' manifests name the run by its `run_id`, which stands in results.json as well:
/// should the process be killed in the midst of publish(), they differ.
///
/// Of files in these places only those are replaced that are empty or begin as an earlier run's do: with the
/// first entry of results.json, as a signed_png(), with the curves' head, or as a page.
class Outputs {
 public:
  /// Throws foil::Error unless all can be written, and none of it is an input or another output, by whatever
  /// path or link. Leaves nothing behind if nothing is published.
  explicit Outputs(Places places);

  /// Names the run, unlike any other.
  const std::string& run_id() const { return run_id_; }
  /// Whether the results or what lies beside them are the standard output itself.
  bool take_stdout() const { return claims_.take_stdout(); }

  /// Where to write a file of the folder of adversarials, and that it has been written, with what; if nobody
  /// knows that, it is read.
  std::filesystem::path staged(const std::string& name) const { return folder_->staged(name); }
  void add(const std::string& name, const Content& content) { folder_->add(name, content); }
  void add(const std::string& name);
  /// See OutputFolder.
  void retain(bool stays);
  /// The folder of pictures, if there is to be one.
  OutputFolder& pictures() { return *pictures_; }

  /// Whether enough time has passed since the last publish() that a further one costs little beside it.
  bool due() const;
  /// Puts everything in place; what is a pipe is written only if this is the last time. If the pictures
  /// cannot be put in place, all the rest is, before that is thrown.
  /// \param write_results  writes results.json
  void publish(const std::function<void(foil::io::AtomicFile&)>& write_results, const Beside& beside,
               bool last);

  /// Called before each step of publish() that changes something on the disk: for tests.
  std::function<void()> before_step = [] {};

 private:
  using Clock = std::chrono::steady_clock;
  Places places_;
  std::string run_id_;
  Claims claims_;
  std::optional<foil::io::AtomicFile> direct_results_, direct_sheet_, direct_curve_,
      direct_report_;  // pipes, opened once
  std::optional<OutputFolder> folder_, pictures_;
  Clock::duration last_cost_{};
  std::optional<Clock::time_point> last_time_;
};

}  // namespace evaluate
