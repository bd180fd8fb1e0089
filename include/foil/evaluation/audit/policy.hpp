// SPDX-License-Identifier: MIT
/// \file
/// The thresholds of an audit.
#pragma once

#include <string_view>

#include "foil/run/options_list.hpp"

namespace foil {

/// Every threshold of the checks, what they may cost, and what their random numbers belong to. Shares are
/// between 0 and 1; those that are judged on few samples fail only where chance does not explain the excess,
/// see `significance`.
struct AuditPolicy {
  int samples = 100;             ///< that the model is asked about anew; the results are judged on all
  double budget = 1e9;           ///< model calls (rows, forward and backward) that the audit may add
  int seed = 0;                  ///< of the audit's own random numbers
  double significance = 0.05;    ///< an excess that chance explains this often is none
  int radii = 10;                ///< radii at which curves of minimal attacks are compared
  int clean_samples = 500;       ///< C1: fewer are a warning
  double clean_errors = 3;       ///< C1, C9: standard errors between what is measured and what is expected
  double distance_error = 1e-6;  ///< C2, C31: relative, of distances computed anew
  double repeat_error = 1e-5;    ///< C3: of logits asked for again, as a share of the largest or of 1
  int gradient_samples = 20;     ///< C4: samples
  int gradient_directions = 10;  ///< C4: random directions of each
  double gradient_error = 1e-2;  ///< C4: median relative error, of models in single precision
  double gradient_error_double = 1e-5;  ///< C4: the same in double precision
  double useless_gradients = 0.01;   ///< C5: share without direction that is still a warning, not a failure
  double step_share = 0.1;           ///< C5: length of the step along the gradient's signs, of epsilon
  double step_rises = 0.9;           ///< C5: share of samples whose loss that step has to raise
  double single_step_only = 0.01;    ///< C6: share of samples that only a single step fools
  double curve_drop = 0.005;         ///< C7: by how much success may fall as the radius grows; or one sample
  double distortion = 0.5;           ///< C9: of the widest feature's range, within which a model has to guess
  double converged_success = 0.01;   ///< C11, C12: change of success; or one sample
  double converged_loss = 0.01;      ///< C11, C12: relative change of the mean loss
  double converged_distance = 0.02;  ///< C11, C12: relative change of the median distance
  int restarts = 10;                 ///< C12: fewer are a warning
  double step_size_gain = 0.02;      ///< C13: success that another step size may add
  int trace_samples = 10;            ///< C14: samples
  int trace_window = 5;              ///< C14: gradients over which the loss is averaged
  double trace_share = 0.9;          ///< C14: of the gradients that have to raise it
  double free_success = 0.01;        ///< C15: by which attacks without gradients may be ahead
  double free_closer = 0.05;         ///< C15: relative distance that counts as closer
  double free_wins = 0.01;           ///< C15: share of samples where these may be closer
  double free_wins_most = 0.05;      ///< C15: beyond that share it is a failure, below a warning
  double transfer_only = 0.01;       ///< C16: share of samples that only transferred adversarials fool
  int noise_draws = 10000;           ///< C17: random changes of each sample that no attack fooled
  int noise_samples = 90;            ///< C17: of fewer samples it is a warning
  int shrink_draws = 10000;          ///< C18: random changes of each sample
  int shrink_samples = 10;           ///< C18: samples
  int families = 3;                  ///< C20: of fewer families of attacks it is a warning
  double alike = 0.99;            ///< C20: rank correlation of distances from which two attacks count as one
  int target_classes = 9;         ///< C21: classes that are aimed at
  double target_closer = 0.05;    ///< C21: relative distance that counts as closer
  double target_wins = 0.05;      ///< C21: share of samples where attacks at single classes may be closer
  double randomised_drop = 0.01;  ///< C24: by which success may fall as more draws are averaged
  int redraws = 100;              ///< C24: fresh draws by which an adversarial is judged
  double broken = 0.95;           ///< C25, C27: share that attacks have to fool where nothing defends
  double twin_fooled = 0.99;      ///< C26: the same of the model without its defence
  double severity_rise = 0.02;    ///< C28: by which accuracy may rise with the severity
  int replayed = 10;              ///< C31: samples that are attacked again

  void list(OptionList& o) {
    o("samples", samples, "samples that the model is asked about anew", between(1, 1e6));
    o("budget", budget, "model calls that the audit may add", at_least(0));
    o("seed", seed, "of the audit's random numbers", at_least(0));
    o("significance", significance, "an excess that chance explains this often is none", between(0, 0.5));
    o("radii", radii, "radii at which curves are compared", between(1, 1e6));
    o("clean_samples", clean_samples, "C1: fewer are a warning", between(1, 1e6));
    o("clean_errors", clean_errors, "C1, C9: standard errors that may be chance", at_least(0));
    o("distance_error", distance_error, "C2, C31: of distances computed anew", at_least(0));
    o("repeat_error", repeat_error, "C3: of logits asked for again", at_least(0));
    o("gradient_samples", gradient_samples, "C4: samples", between(1, 1e6));
    o("gradient_directions", gradient_directions, "C4: directions of each", between(1, 1e3));
    o("gradient_error", gradient_error, "C4: median relative error, single precision", at_least(0));
    o("gradient_error_double", gradient_error_double, "C4: the same, double precision", at_least(0));
    o("useless_gradients", useless_gradients, "C5: share without direction that is a warning", between(0, 1));
    o("step_share", step_share, "C5: length of the step, of epsilon", above(0, 1));
    o("step_rises", step_rises, "C5: share of samples whose loss it raises", between(0, 1));
    o("single_step_only", single_step_only, "C6: share that only a single step fools", between(0, 1));
    o("curve_drop", curve_drop, "C7: fall of success as the radius grows", between(0, 1));
    o("distortion", distortion, "C9: of the widest range, where a model has to guess", between(0, 1));
    o("converged_success", converged_success, "C11, C12: change of success", between(0, 1));
    o("converged_loss", converged_loss, "C11, C12: relative change of the loss", at_least(0));
    o("converged_distance", converged_distance, "C11, C12: of the median distance", at_least(0));
    o("restarts", restarts, "C12: fewer are a warning", between(1, 1e6));
    o("step_size_gain", step_size_gain, "C13: success that another step size may add", between(0, 1));
    o("trace_samples", trace_samples, "C14: samples", between(1, 1e6));
    o("trace_window", trace_window, "C14: gradients that are averaged", between(1, 1e6));
    o("trace_share", trace_share, "C14: of the gradients that have to raise the loss", between(0, 1));
    o("free_success", free_success, "C15: success by which attacks without gradients lead", between(0, 1));
    o("free_closer", free_closer, "C15: relative distance that counts as closer", at_least(0));
    o("free_wins", free_wins, "C15: share where they may be closer", between(0, 1));
    o("free_wins_most", free_wins_most, "C15: beyond that share it is a failure", between(0, 1));
    o("transfer_only", transfer_only, "C16: share that only transfer fools", between(0, 1));
    o("noise_draws", noise_draws, "C17: random changes of each sample", between(1, 1e6));
    o("noise_samples", noise_samples, "C17: fewer are a warning", between(1, 1e6));
    o("shrink_draws", shrink_draws, "C18: random changes of each sample", between(1, 1e6));
    o("shrink_samples", shrink_samples, "C18: samples", between(1, 1e6));
    o("families", families, "C20: fewer are a warning", between(1, 1e6));
    o("alike", alike, "C20: rank correlation of two that count as one", between(0, 1));
    o("target_classes", target_classes, "C21: classes that are aimed at", between(1, 1e6));
    o("target_closer", target_closer, "C21: relative distance that counts as closer", at_least(0));
    o("target_wins", target_wins, "C21: share where single classes may be closer", between(0, 1));
    o("randomised_drop", randomised_drop, "C24: fall of success with more draws", between(0, 1));
    o("redraws", redraws, "C24: by which an adversarial is judged", between(1, 1e6));
    o("broken", broken, "C25, C27: share to be fooled where nothing defends", between(0, 1));
    o("twin_fooled", twin_fooled, "C26: share to be fooled without the defence", between(0, 1));
    o("severity_rise", severity_rise, "C28: rise of accuracy with severity", between(0, 1));
    o("replayed", replayed, "C31: samples that are attacked again", between(1, 1e6));
  }
};

}  // namespace foil
