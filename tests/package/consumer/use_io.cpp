// SPDX-License-Identifier: MIT
/// \file
/// foil::io: a batch survives the way to a file and back, and a picture is written.
#include <cstdio>
#include <foil/io/data.hpp>
#include <foil/io/png.hpp>

int main() {
  foil::Tensor<float, 4> images(1, 1, 2, 2);
  images.setConstant(0.25f);
  foil::io::write_npy("batch.npy", images);
  const auto again = foil::io::read_images<float>("batch.npy", {0.f, 1.f});
  foil::io::write_png("picture.png", foil::io::Picture(8, 8, 3));
  std::remove("batch.npy");
  std::remove("picture.png");
  return foil::as_matrix(again) == foil::as_matrix(images) ? 0 : 1;
}
