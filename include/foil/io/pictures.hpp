// SPDX-License-Identifier: MIT
/// \file
/// Many PNG and JPEG files as one array of images. Needs libpng, and libjpeg-turbo for JPEG.
#pragma once

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"
#include "foil/io/array_file.hpp"
#include "foil/io/bytes.hpp"
#include "foil/io/file.hpp"
#include "foil/io/jpeg.hpp"
#include "foil/io/number_order.hpp"
#include "foil/io/picture.hpp"
#include "foil/io/png.hpp"
#include "foil/io/table.hpp"

namespace foil::io {

/// Lists of pictures have at most so many.
inline constexpr Index most_lines = 100'000'000;

/// Reads a PNG or a JPEG file; its contents tell which.
inline Picture read_picture(const std::filesystem::path& path) {
  FileBytes file(path);
  require(file.size() <= std::uint64_t{1} << 30, path, "expected a picture of at most 1 GiB, found ",
          file.size(), " bytes");
  std::vector<unsigned char> bytes(static_cast<std::size_t>(file.size()));
  file.read(0, bytes);
  const auto starts = [&](std::string_view magic) {
    return bytes.size() >= magic.size() &&
           std::equal(magic.begin(), magic.end(), bytes.begin(),
                      [](char a, unsigned char b) { return static_cast<unsigned char>(a) == b; });
  };
  require(starts("\x89PNG") || starts("\xff\xd8"), path, "expected a PNG or a JPEG file, found neither");
  return starts("\x89PNG") ? decode_png(path, bytes) : decode_jpeg(path, bytes);
}

/// The files of a set of pictures, in order, and what is known of their classes.
struct PictureList {
  std::filesystem::path from;                  ///< the folder or the list
  std::vector<std::filesystem::path> files{};  ///< in the order of the rows
  std::vector<std::string> names{};    ///< as a file of labels names them: below the folder, or as listed
  std::vector<std::string> classes{};  ///< where there is a folder for each: their names, in order
  Labels labels{};                     ///< one for each file; empty if they are not known
};

namespace detail {

inline bool named_like_picture(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
}

/// What a folder holds, sorted by name: its pictures, or else its folders.
inline std::vector<std::filesystem::path> sorted_entries(const std::filesystem::path& folder, bool folders) {
  namespace fs = std::filesystem;
  std::error_code failure;
  std::vector<fs::path> out;
  for (fs::directory_iterator at(folder, failure), end; !failure && at != end; at.increment(failure)) {
    if (at->path().filename().string().starts_with('.')) continue;
    std::error_code gone;
    if (folders ? at->is_directory(gone) : named_like_picture(at->path())) out.push_back(at->path());
  }
  require(!failure, folder, "cannot be read: ", failure.message());
  std::sort(out.begin(), out.end());
  return out;
}

/// Puts the folders of classes that are 0, 1, 2, ... in this order. False if their names are numbers, but
/// not these, so that nobody knows which class each is.
inline bool order_classes(std::vector<std::filesystem::path>& folders) {
  std::vector<std::pair<std::size_t, std::filesystem::path>> numbered;
  for (const auto& folder : folders) {
    const std::string name = folder.filename().string();
    std::size_t value = 0;
    const auto [end, code] = std::from_chars(name.data(), name.data() + name.size(), value);
    if (end != name.data() + name.size() || code == std::errc::invalid_argument) return true;
    numbered.emplace_back(code == std::errc() ? value : folders.size(), folder);
  }
  std::sort(numbered.begin(), numbered.end());
  for (std::size_t i = 0; i < numbered.size(); ++i)
    if (numbered[i].first != i) return false;
  for (std::size_t i = 0; i < numbered.size(); ++i) folders[i] = numbered[i].second;
  return true;
}

inline PictureList list_folder(const std::filesystem::path& folder) {
  PictureList list{.from = folder};
  const auto add = [&](const std::filesystem::path& file) {
    list.files.push_back(file);
    list.names.push_back(file.lexically_relative(folder).generic_string());
  };
  for (const auto& file : sorted_entries(folder, false)) add(file);
  auto folders = sorted_entries(folder, true);
  if (!list.files.empty()) {
    for (const auto& inner : folders)
      require(sorted_entries(inner, false).empty(), folder,
              "expected pictures or a folder of pictures for each class, found both");
    return list;
  }
  const bool known = order_classes(folders);
  std::vector<int> labels;
  for (const auto& of_class : folders) {
    const auto files = sorted_entries(of_class, false);
    const auto inner = sorted_entries(of_class, true);
    require(inner.empty(), of_class, "expected the pictures of a class, found the folder ",
            inner.empty() ? std::string() : inner[0].filename().string(), " in it");
    require(!files.empty(), of_class,
            "expected the pictures of a class, found no PNG or JPEG file; without it, other classes would "
            "take its number");
    for (const auto& file : files) {
      add(file);
      labels.push_back(static_cast<int>(list.classes.size()));
    }
    list.classes.push_back(of_class.filename().string());
  }
  if (known) list.labels = Eigen::Map<const Labels>(labels.data(), static_cast<Index>(labels.size()));
  return list;
}

inline PictureList list_from_table(const std::filesystem::path& path) {
  const Table table(path, most_lines);
  PictureList list{.from = path};
  const Index named = table.column("file"), label = table.column("label");
  const bool header = named >= 0;
  require(table.lines().empty() || header || table.lines()[0].size() == 1, path,
          "expected one file per line, or a header 'file,label', found '",
          excerpt(table.lines().empty() ? "" : table.lines()[0][0]), "' and more cells in line 1");
  const std::size_t first = header ? 1 : 0,
                    rows = table.lines().size() - std::min(first, table.lines().size());
  if (label >= 0) list.labels.resize(static_cast<Index>(rows));
  for (std::size_t row = 0; row < rows; ++row) {
    list.names.push_back(table.text(row + first, static_cast<std::size_t>(std::max<Index>(named, 0))));
    list.files.push_back(path.parent_path() / list.names.back());
    if (label >= 0)
      list.labels[static_cast<Index>(row)] = table.natural(row + first, static_cast<std::size_t>(label));
  }
  return list;
}

}  // namespace detail

/// The pictures of a folder or of a list. A folder has the files (.png, .jpg, .jpeg) themselves, in the order
/// of their names, or a folder of them for each class, whose number is the place of its name among the sorted
/// names: 10 comes before 9. Where all names are numbers, they are the classes if they are 0 to K - 1, of
/// which none may lack; if they are others, labels are not known. A list is a text file with a path per line,
/// from where the list lies, or CSV with columns `file` and `label`. Throws foil::Error if there is no
/// picture, in all or in the folder of a class.
inline PictureList list_pictures(const std::filesystem::path& path) {
  std::error_code ignored;
  PictureList list = std::filesystem::is_directory(path, ignored) ? detail::list_folder(path)
                                                                  : detail::list_from_table(path);
  require(!list.files.empty(), path, "expected PNG or JPEG files, found none");
  return list;
}

/// Throws foil::Error unless pictures can be told apart by their place alone, as in `path`, which names none
/// of them: those of a folder have two orders where names are numbers of different length, 1, 10, 2 and
/// 1, 2, 10.
inline void require_one_order(const std::filesystem::path& path, const PictureList& list) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(list.from, ignored)) return;
  std::vector<std::filesystem::path> names(list.names.begin(), list.names.end());
  const auto first =
      std::adjacent_find(list.names.begin(), list.names.end(),
                         [](const auto& a, const auto& b) { return detail::comes_before_by_number(b, a); });
  const auto other = std::is_sorted_until(names.begin(), names.end());
  const auto at = static_cast<std::size_t>(first != list.names.end()
                                               ? first - list.names.begin()
                                               : std::max<std::ptrdiff_t>(other - names.begin(), 1) - 1);
  require(first == list.names.end() && other == names.end(), path,
          "does not name the pictures that it is for, and those in ", list.from.string(),
          " have one order as texts and another one as numbers, as ", list.names[at], " and ",
          list.names[std::min(at + 1, list.names.size() - 1)],
          " show: expected labels with a column 'file' that names the pictures, or a list of the pictures in "
          "a text file");
}

/// Reads the labels of a list of pictures from a table with columns `file`, named as in the list or by the
/// file name alone where that is the name of one of them only, and `label`; the table may have other columns,
/// too, and the lines any order. Throws foil::Error naming the picture that has none or two, and the line
/// that is for none of them.
inline Labels match_labels(const Table& table, const PictureList& list) {
  const Index file = table.column("file"), label = table.column("label");
  require(file >= 0 && label >= 0, table.path(), "expected columns 'file' and 'label'");
  std::map<std::string, std::size_t, std::less<>> lines;
  for (std::size_t line = 1; line < table.lines().size(); ++line) {
    const std::string& name = table.text(line, static_cast<std::size_t>(file));
    const bool fresh =
        lines.emplace(std::filesystem::path(name).lexically_normal().generic_string(), line).second;
    require(fresh, table.path(), "names '", name, "' twice");
  }
  std::map<std::string, std::size_t> of_that_name;
  for (const auto& path : list.files) ++of_that_name[path.filename().string()];
  std::vector<bool> used(table.lines().size());
  Labels labels(static_cast<Index>(list.files.size()));
  for (std::size_t i = 0; i < list.files.size(); ++i) {
    const std::string alone = list.files[i].filename().string();
    auto found = lines.find(std::filesystem::path(list.names[i]).lexically_normal().generic_string());
    if (found == lines.end()) {
      found = lines.find(alone);
      require(found == lines.end() || of_that_name[alone] == 1, table.path(), "names '", alone,
              "', of which there are ", of_that_name[alone], ", ", list.names[i],
              " among them: expected names with their folders");
    }
    require(found != lines.end(), table.path(), "has no label for ", list.names[i]);
    used[found->second] = true;
    labels[static_cast<Index>(i)] = table.natural(found->second, static_cast<std::size_t>(label));
  }
  for (const auto& [name, line] : lines)
    require(used[line], table.path(), "names '", detail::excerpt(name), "' in line ", line + 1,
            ", which is none of the ", list.files.size(), " pictures of ", list.from.string());
  return labels;
}

/// Whether a file is a text that names files, in a column `file` or as its only one.
inline bool names_pictures(const std::filesystem::path& path) {
  if (detail::kind_of(path) != detail::Kind::text) return false;
  const Table table(path, most_lines);
  return table.column("file") >= 0 || (!table.lines().empty() && table.lines()[0].size() == 1 &&
                                       detail::named_like_picture(table.lines()[0][0]));
}

/// Some rows of a set of pictures: bytes in C order, (n, H, W, C).
struct PictureArray {
  std::vector<Index> shape;
  std::vector<std::uint8_t> data;
};

/// Reads pictures of one size, one after another. All have three channels, gray ones their value in each,
/// unless the first is gray; then all must be. Throws foil::Error naming the file that does not fit.
class PictureReader {
 public:
  explicit PictureReader(PictureList list) : list_(std::move(list)) {
    const Picture first = read_picture(list_.files.at(0));
    shape_ = {static_cast<Index>(list_.files.size()), first.height(), first.width(), first.channels()};
  }

  const PictureList& list() const { return list_; }
  /// (N, H, W, C).
  const std::vector<Index>& shape() const { return shape_; }

  /// Asks for 1 or 3 channels, whatever the first picture has.
  void set_channels(Index channels) { shape_[3] = channels; }

  /// Reads the next rows, `count` of them or as many as there are left.
  PictureArray next(Index count) {
    PictureArray array{shape_, {}};
    array.shape[0] = count = std::clamp<Index>(count, 0, shape_[0] - row_);
    for (; count > 0; --count, ++row_) {
      const auto& path = list_.files[static_cast<std::size_t>(row_)];
      const Picture picture = read_picture(path);
      require(picture.height() == shape_[1] && picture.width() == shape_[2], path, "expected ", shape_[2],
              " x ", shape_[1], " pixels, found ", picture.width(), " x ", picture.height());
      require(picture.channels() == shape_[3] || picture.channels() == 1, path,
              "expected a gray picture, found colours");
      for (const std::uint8_t value : picture.bytes())
        array.data.insert(array.data.end(), picture.channels() == shape_[3] ? 1 : 3, value);
    }
    return array;
  }

  /// Goes to a row, from 0 to shape()[0].
  void seek(Index row) {
    require(row >= 0 && row <= shape_[0], list_.from, "expected a row from 0 to ", shape_[0], ", got ", row);
    row_ = row;
  }

 private:
  PictureList list_;
  std::vector<Index> shape_{};
  Index row_ = 0;  // the next one
};

}  // namespace foil::io
