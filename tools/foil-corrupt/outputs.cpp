// SPDX-License-Identifier: MIT
#include "outputs.hpp"

#include <cstddef>
#include <cstdio>
#include <set>
#include <span>
#include <system_error>
#include <utility>

#include "foil/core/error.hpp"
#include "foil/io/file.hpp"
#include "foil/io/png.hpp"

namespace corrupting {

namespace fs = std::filesystem;
using foil::Index;
using foil::corruptions::Planes;

namespace {

std::uint8_t byte_of(double value) {
  return static_cast<std::uint8_t>(foil::corruptions::floor_level(value));
}

template <class T>
class NpyOutput : public Output {
 public:
  NpyOutput(const fs::path& path, const Form& form, std::vector<Index> shape)
      : path_(path), layout_(form.layout), file_(path, std::move(shape)) {}
  ~NpyOutput() override {
    std::error_code ignored;
    if (in_place_) fs::remove(path_, ignored);
  }

  void write(Index, const Planes& image, const std::vector<float>& floats) override {
    if constexpr (sizeof(T) > 1) {
      file_.write(std::span<const T>(floats));
    } else {
      bytes_.resize(static_cast<std::size_t>(layout_.size()));
      for (Index c = 0; c < layout_.channels; ++c)
        for (Index y = 0; y < layout_.height; ++y)
          for (Index x = 0; x < layout_.width; ++x)
            bytes_[static_cast<std::size_t>(layout_.at(c, y, x))] = byte_of(image.row(c, y)[x]);
      file_.write(std::span<const T>(bytes_));
    }
  }
  void commit() override {
    file_.commit();
    in_place_ = true;
  }
  void keep() override { in_place_ = false; }

 private:
  fs::path path_;
  bool in_place_ = false;  // and not yet to be kept
  foil::geometry::ImageLayout layout_;
  foil::io::NpyWriter<T> file_;
  std::vector<T> bytes_{};
};

class PngOutput : public Output {
 public:
  PngOutput(fs::path folder, const foil::io::PictureList* pictures, Folders& folders)
      : folder_(std::move(folder)), pictures_(pictures), folders_(folders) {}
  ~PngOutput() override {
    std::error_code ignored;
    for (Index row = begin_; row < end_; ++row) fs::remove(folder_ / name_of(row), ignored);
  }

  void write(Index row, const Planes& image, const std::vector<float>&) override {
    foil::io::Picture picture(image.width, image.height, static_cast<int>(image.channels));
    for (Index c = 0; c < image.channels; ++c)
      for (Index y = 0; y < image.height; ++y)
        for (Index x = 0; x < image.width; ++x) picture.pixel(x, y)[c] = byte_of(image.row(c, y)[x]);
    const fs::path path = folder_ / name_of(row);
    folders_.make(path.parent_path());
    foil::io::write_png(path, picture);
    if (begin_ == end_) begin_ = row;
    end_ = row + 1;
  }
  void keep() override { begin_ = end_ = 0; }

 private:
  fs::path name_of(Index row) const {
    if (pictures_ == nullptr) {
      char name[32];
      std::snprintf(name, sizeof name, "%07lld.png", static_cast<long long>(row));
      return name;
    }
    return fs::path(pictures_->names[static_cast<std::size_t>(row)]).replace_extension(".png");
  }

  fs::path folder_;
  const foil::io::PictureList* pictures_;
  Folders& folders_;
  Index begin_ = 0, end_ = 0;  // rows that were written and are not yet to be kept
};

/// The same for names that differ by the case of ASCII's letters alone.
std::string without_case(std::string name) {
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return name;
}

}  // namespace

void Folders::make(const fs::path& folder) {
  std::error_code failure;
  if (folder.empty() || fs::is_directory(folder, failure)) return;
  make(folder.parent_path());
  if (fs::create_directory(folder, failure)) made_.push_back(folder);
  foil::io::require(!failure, folder, "cannot be written: ", failure.message());
}

Folders::~Folders() {
  std::error_code ignored;
  for (auto folder = made_.rbegin(); folder != made_.rend(); ++folder) fs::remove(*folder, ignored);
}

std::unique_ptr<Output> npy_output(const fs::path& path, const Form& form, Index images) {
  std::vector<Index> shape{images};
  shape.insert(shape.end(), form.shape.begin(), form.shape.end());
  if (form.exact) return std::make_unique<NpyOutput<float>>(path, form, std::move(shape));
  return std::make_unique<NpyOutput<std::uint8_t>>(path, form, std::move(shape));
}

void require_places(const foil::io::PictureList& pictures) {
  std::set<std::string> taken;
  for (const std::string& name : pictures.names) {
    const fs::path path = fs::path(name).lexically_normal().replace_extension(".png");
    foil::io::require(path.is_relative() && !path.string().starts_with(".."), pictures.from, "names '", name,
                      "', which has no place in a folder: expected names below the list, or --format npy");
    foil::io::require(taken.insert(without_case(path.string())).second, pictures.from,
                      "has two pictures that would become ", path.string(),
                      ", at least where case does not count: expected names of their own, or --format npy");
  }
}

std::unique_ptr<Output> png_output(const fs::path& folder, const foil::io::PictureList* pictures,
                                   Folders& folders) {
  return std::make_unique<PngOutput>(folder, pictures, folders);
}

}  // namespace corrupting
