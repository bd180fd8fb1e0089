// SPDX-License-Identifier: MIT
/// \file
/// Where corrupted images go: .npy files, or folders of PNG files. What is not kept is removed again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/evaluation/corruptions/planes.hpp"
#include "foil/geometry/image.hpp"
#include "foil/io/npy.hpp"
#include "foil/io/pictures.hpp"

namespace corrupting {

/// What is written of each sample.
struct Form {
  foil::geometry::ImageLayout layout{};  ///< as it is stored
  std::vector<foil::Index> shape{};      ///< of a sample in an array
  bool exact = false;                    ///< floats rather than bytes
};

/// Folders that are made for outputs. Where nothing is in them when this ends, they are removed again.
class Folders {
 public:
  Folders() = default;
  Folders(const Folders&) = delete;
  Folders& operator=(const Folders&) = delete;
  ~Folders();
  /// Makes a folder, and those that it lies in, where there is none. Throws foil::Error if it cannot.
  void make(const std::filesystem::path& folder);

 private:
  std::vector<std::filesystem::path> made_{};
};

/// The images of one kind, in the order of their rows.
class Output {
 public:
  virtual ~Output() = default;
  /// \param row    of the file of images
  /// \param image  with values in [0, 1]
  /// \param floats the same within the bounds, flattened as it is stored; looked at if they are wanted
  virtual void write(foil::Index row, const foil::corruptions::Planes& image,
                     const std::vector<float>& floats) = 0;
  /// Puts in place what waits for that.
  virtual void commit() {}
  /// What is in place stays there: all else that belongs to it is there as well.
  virtual void keep() = 0;
};

/// An array of all images as a .npy file, of bytes or floats.
std::unique_ptr<Output> npy_output(const std::filesystem::path& path, const Form& form, foil::Index images);

/// Throws foil::Error unless all pictures have a place of their own in a folder, whether letters' case counts
/// there or not.
void require_places(const foil::io::PictureList& pictures);

/// A folder of PNG files, named as the pictures that they are made of, which require_places() let pass, or by
/// their rows if `pictures` is null. It refers to those, and to the folders.
std::unique_ptr<Output> png_output(const std::filesystem::path& folder, const foil::io::PictureList* pictures,
                                   Folders& folders);

}  // namespace corrupting
