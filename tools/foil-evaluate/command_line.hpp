// SPDX-License-Identifier: MIT
/// \file
/// What the user asked foil-evaluate to do.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "foil/evaluation/corruptions/corruption.hpp"
#include "progress.hpp"
#include "units.hpp"

namespace evaluate {

/// NAME[:option=value,...]
struct AttackRequest {
  std::string name;
  std::map<std::string, std::string> options;
  std::string settings{};  ///< the options as they were given, without spaces
};

/// What --corruptions asks for.
struct CorruptionRequest {
  std::vector<foil::Corruption> corruptions;
  std::vector<int> severities;  ///< in ascending order
  foil::CorruptionProfile profile;
  std::optional<std::filesystem::path> frost;  ///< textures of ice: pictures in a folder, or listed in a file
};

struct Command {
  std::string help{};  ///< only a request for this text, if it is not empty
  bool list = false;
  std::string listed;  ///< the one attack to list; empty: all
  std::filesystem::path model, images, labels, out;
  std::optional<std::filesystem::path> targets, starts, surrogate, transfer_from, mask, adversarials,
      adversarials_png, sheet, curve, report;
  Numbers lower{0}, upper{1};                       ///< the bounds
  std::vector<std::filesystem::path> number_files;  ///< from which these and those below were read
  Numbers mean{}, deviation{};  ///< what makes images the network's numbers; none: they are
  bool nhwc = false;            ///< images are N x H x W x C
  bool raw = false;             ///< bytes are not scaled to the bounds
  bool clip = false;            ///< what is beyond the bounds by a millionth is moved to them
  std::int64_t first = 0, count = std::numeric_limits<std::int64_t>::max();
  std::int64_t shard = 0, shards = 0;  ///< the share of the samples that is attacked, from 1 on; 0: all
  bool correct_only = false;
  std::int64_t pool_first = 0, pool_count = 1000;  ///< rows of the data set that attacks may start from
  std::vector<foil::Index> input_shape;            ///< of one sample; empty: as the file says
  std::string network_output;  ///< the ONNX output that holds the classes; empty: the one that fits
  bool binary = false, keep_output_layer = false, straight_through = false, stabilise = false,
       surrogate_slopes = false;
  std::vector<AttackRequest> attacks;
  std::vector<double> epsilons;
  bool challenge = false;    ///< by the rules of the Adversarial Vision Challenge, which are set already
  bool skip_beaten = false;  ///< the attacks of each norm are one, each on what those before have left
  double margin = 0;
  std::int64_t lattice = 0;  ///< so many steps from lower to upper; 0: any value
  std::uint64_t seed = 0;
  int threads = 1;
  std::int64_t budget = std::numeric_limits<std::int64_t>::max();
  std::int64_t batch_size = 128;
  int grace = 10;                    ///< seconds that a call of the model may go on after a signal
  bool resume = false;               ///< an unfinished run of the same command is gone on with
  bool strict = false;               ///< warnings are an exit status
  Telling telling = Telling::lines;  ///< what stderr is told
  std::string again{};               ///< for a shell: this command, with --resume
  std::optional<CorruptionRequest> corruptions;
  std::optional<AttackRequest> audit;  ///< quick or full, and the thresholds that are not the usual ones
  std::optional<double> claimed_accuracy;
  std::vector<std::string> words{};  ///< of the command line that repeats the run, the program's name first

  /// All that is read.
  std::vector<std::filesystem::path> inputs() const;
};

/// Reads the command line. Throws foil::Error in one line.
/// \param threads  unless that says how many
Command parse_command_line(int argc, char** argv, int threads);

}  // namespace evaluate
