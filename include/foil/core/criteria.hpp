// SPDX-License-Identifier: MIT
/// \file
/// What counts as adversarial. A criterion is any callable that judges one output of the model: a Decision if
/// it gets by with the label, Scores if it reads logits. Those of this header also offer, where it exists, a
/// signed margin on the logits (negative iff adversarial) and the losses that gradient attacks ascend.
///
/// Ties are not adversarial: with logits, a class wins only if it is strictly ahead.
#pragma once

#include "foil/core/criteria/combine.hpp"
#include "foil/core/criteria/criterion.hpp"
#include "foil/core/criteria/labels.hpp"
#include "foil/core/criteria/output_property.hpp"
#include "foil/core/criteria/probability.hpp"
