// SPDX-License-Identifier: MIT
/// \file
/// Reads an input as images and as labels, in all ways that io/ offers.
#pragma once

#include <algorithm>

#include "foil/core/bounds.hpp"
#include "foil/io/data.hpp"
#include "fuzz/target.hpp"

namespace foil::test {

inline void read_as_data(std::string_view bytes, std::string_view extension) {
  const InputFile file(bytes, extension);
  may_refuse([&] {
    io::ImageReader<float> images(file.path(), Bounds<float>{});
    const Index rows = images.rows();
    const auto first = images.next(1);
    expect(samples(first) == std::min<Index>(rows, 1), "one row");
    images.seek(0);
    const auto all = images.next(rows);
    expect(samples(all) == rows, "all rows");
    expect(std::equal(first.data(), first.data() + first.size(), all.data()), "the same row again");
    images.seek(rows / 2);
    expect(samples(images.next(rows)) == rows - rows / 2, "the other half");
  });
  may_refuse([&] {
    if (!io::holds_labels(file.path())) return;
    const Labels labels = io::read_labels(file.path());
    expect(labels.size() > 0 && labels.minCoeff() >= 0, "labels from 0 upwards");
  });
}

}  // namespace foil::test
