// SPDX-License-Identifier: MIT
/// \file
/// The speed of the engine's matrix kernel where nothing holds it up: what its layers are compared with.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

#include "foil/nn/gemm.hpp"

/// The median time of a call in seconds, over as many calls as fit the time, at least five.
template <class F>
double median_seconds(F&& call, double time) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> times;
  call();
  for (double spent = 0; spent < time || times.size() < 5; spent += times.back()) {
    const auto start = Clock::now();
    call();
    times.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  }
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

/// Floating-point operations per second of full tiles on data in the caches, in float.
inline double kernel_peak() {
  using foil::Index;
  constexpr Index depth = 512, columns = 256;
  const foil::nn::PackedMatrix<float> matrix(depth, columns, [](Index, Index) { return 0.5f; });
  foil::nn::Buffer<float> storage(foil::nn::RowTile<float>::storage(depth));
  const foil::nn::RowTile<float> tile(storage.data(), foil::nn::tile_rows<>);
  for (Index r = 0; r < tile.rows(); ++r) tile.row(r).zeros(depth);
  const std::vector<float> start(columns, 0.f);
  std::vector<float> out(static_cast<std::size_t>(foil::nn::tile_rows<> * columns));
  const double time = median_seconds([&] { matrix.multiply(tile, start.data(), out.data(), columns); }, 0.5);
  return 2. * static_cast<double>(depth * columns * foil::nn::tile_rows<>) / time;
}
