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
  std::optional<std::filesystem::path> sheet{}, folder{};
  std::vector<std::string> names{};             ///< of the files in the folder
  std::vector<std::filesystem::path> inputs{};  ///< files, and directories of files
};

/// What a file holds, in short.
struct Content {
  std::uintmax_t bytes = 0;
  std::uint32_t crc32 = 0;
  friend bool operator==(const Content&, const Content&) = default;
};
Content content_of(std::string_view text);

/// A PNG file with a note inside it that foil-evaluate wrote it, by which a later run knows the sheet of an
/// earlier one and replaces it.
std::string signed_png(const std::string& png);

/// The files of one run. The results, the sheet and the files of the folder are replaced at publish(), and
/// those of the folder wait until then in a hidden folder inside it. The folder's manifest.json lists its
/// files and names the run by its `run_id`, which stands in results.json as well: should the process be
/// killed in the midst of publish(), the two differ.
///
/// Only a folder that is new, empty, or as the manifest of an earlier run says is accepted; the earlier
/// run's files are removed at the first publish(). It is locked against other runs meanwhile. Of files in the
/// places of the results and the sheet only those are replaced that are empty or begin as an earlier run's
/// do: with the first entry of results.json, or as a signed_png().
class Outputs {
 public:
  /// Throws foil::Error unless all can be written, and none of it is an input or another output, by whatever
  /// path or link. Leaves nothing behind if nothing is published.
  explicit Outputs(Places places);

  /// Names the run, unlike any other.
  const std::string& run_id() const { return run_id_; }
  /// Whether the results or the sheet are the standard output itself.
  bool take_stdout() const { return take_stdout_; }

  /// Where to write a file of the folder, and that it has been written.
  std::filesystem::path staged(const std::string& name) const;
  void add(const std::string& name);

  /// Whether enough time has passed since the last publish() that a further one costs little beside it.
  bool due() const;
  /// Puts everything in place; what is a pipe is written only if this is the last time.
  /// \param write_results  writes results.json
  /// \param sheet          a PNG file; empty: none
  void publish(const std::function<void(foil::io::AtomicFile&)>& write_results, std::string_view sheet,
               bool last);

  /// Called before each step of publish() that changes something on the disk: for tests.
  std::function<void()> before_step = [] {};

 private:
  using Clock = std::chrono::steady_clock;
  using Files = std::map<std::string, Content>;

  /// The folder, locked, with the hidden one inside; gone again if it was made for nothing.
  class Folder {
   public:
    explicit Folder(std::filesystem::path path);
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder();
    const std::filesystem::path path, staging;
    /// Whether the hidden folder may be removed: it is empty, or a run marked it as its own.
    bool left_by_a_run() const;
    /// Makes the hidden folder, without what a killed run may have left in it.
    void prepare();
    void keep() { created_.clear(); }

   private:
    void remove_created();
    void remove_staging();
    std::vector<std::filesystem::path> created_{};  // the innermost first
    int lock_ = -1;                                 // the folder, open
    bool prepared_ = false;
  };

  void check_folder() const;
  void write_manifest(const std::multimap<std::string, Content>& changing);
  void move_into_folder();

  Places places_;
  std::string run_id_;
  bool take_stdout_ = false;
  std::optional<foil::io::AtomicFile> direct_results_, direct_sheet_;  // pipes, opened once
  std::optional<Folder> folder_;
  std::multimap<std::string, Content> earlier_;  // what earlier runs may have left in the folder
  Files waiting_, published_;
  Clock::duration last_cost_{};
  std::optional<Clock::time_point> last_time_;
};

}  // namespace evaluate
