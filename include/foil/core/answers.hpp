// SPDX-License-Identifier: MIT
/// \file
/// What every answer of a model is held against before its rows are read.
#pragma once

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// Throws unless a model answered about each of `asked` samples.
inline void check_answer(Index asked, Index rows) {
  require(rows == asked, "model: expected one answer for each of ", asked, " samples, got ", rows);
}

/// The same for logits, which must be of at least so many classes, 2 unless a criterion does with less, and
/// of as many as before: `classes` is 0 until the first answer, which sets it. True for the first answer. Of
/// no samples at all, logits say nothing.
inline bool check_answer(Index asked, Index rows, Index columns, Index& classes, Index least = 2) {
  check_answer(asked, rows);
  if (asked == 0 || (classes > 0 && columns == classes)) return false;
  require(columns >= least, "model: expected logits of at least ", least, least == 1 ? " output" : " classes",
          ", got ", columns, least > 1 ? "; turn a single logit z into the row (0, z)" : "");
  require(classes == 0, "model: the number of classes changed from ", classes, " to ", columns);
  classes = columns;
  return true;
}

/// Throws unless a gradient has the shape of the inputs that it belongs to.
template <Batch Input>
void check_gradient(const Input& gradient, const typename Input::Dimensions& shape) {
  require(gradient.dimensions() == shape, "model: the pullback was expected to return shape ",
          shape_text<Input>(shape), ", it returned ", shape_text(gradient));
}

}  // namespace foil
