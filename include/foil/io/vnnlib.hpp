// SPDX-License-Identifier: MIT
/// \file
/// VNN-LIB, the format in which verifiers of neural networks state properties, plain or gzipped: reading and
/// writing properties and counterexamples. Needs zlib.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "foil/io/gzip.hpp"
#include "foil/io/vnnlib/cases.hpp"
#include "foil/io/vnnlib/counterexample.hpp"
#include "foil/io/vnnlib/property.hpp"
#include "foil/io/vnnlib/reader.hpp"
#include "foil/io/vnnlib/writer.hpp"

namespace foil::io {

/// The property that a text states; O(its length), but for alternatives that have to be multiplied out.
///
/// Version 1: (declare-const X_0 Real), ..., Y_0, ..., then (assert ...) of <=, >=, <, >, =, != between
/// linear terms (+, -, * of numbers and variables), joined by and and or in any nesting. Version 2:
/// (vnnlib-version <2.0>), one (declare-network ...) of one input and one output of real numbers, whose
/// elements are X[0,3]. Conditions are on a single input, or on outputs; each input needs both bounds. Where
/// alternatives have bounds of their own there are several cases, and a box is a case once however many there
/// are; alternatives that no input can meet are left out.
///
/// Exact: the box's floats lie in it as the decimals have it. Bounds that had to be computed are rounded
/// inwards, and a strict bound of an input becomes the next float inside, or the other bound where no float
/// lies between them. Bounds of outputs are the doubles next to them on the side where the condition holds,
/// and coefficients the nearest doubles, to within 2^-40: by how much counts against the condition
/// (OutputInequality::uncertainty).
///
/// Throws foil::Error, naming line and column, for all else: products of variables, conditions of several
/// inputs or of inputs and outputs, other types, several networks, hidden values; for boxes that are empty,
/// or hold no number for sure once bounds have been computed, naming both lines; for more than 4,194,304
/// variables, or bounds in all boxes, and where 1,048,576 conditions do not suffice once alternatives are
/// multiplied out.
/// \param name  what the text is called in messages
inline VnnLib parse_vnnlib(std::string_view text, const std::filesystem::path& name = "property") {
  detail::VnnLibReader reader(text, name);
  reader.read();
  return detail::VnnLibCases(reader).make();
}

/// The property that a file states; see parse_vnnlib(). Files of more than 1 GiB, unpacked, are refused.
inline VnnLib read_vnnlib(const std::filesystem::path& path) {
  return parse_vnnlib(read_unpacked(path, std::size_t{1} << 30), path);
}

}  // namespace foil::io
