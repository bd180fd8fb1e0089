// SPDX-License-Identifier: MIT
// Attacks the classifier behind http_service, which tells labels only, with a state file from which a run
// goes on if the service or the program dies: to the same bits.
//
// http_attack port=N [images=4] [calls=1000] [rows=1000000] [tries=8] [pause=100] [state=http_attack.state]
//             [out=http_attack.npy]
//
//   images  of the examples' data, the first ones
//   calls   that each attack may make for each image
//   rows    that this program asks the service about at most, whatever they are for
//   tries   of a request
//   pause   milliseconds after the first try, twice as many after the second, and so on
//   out     the adversarials of the Boundary Attack, then those of l2-query
#include <chrono>
#include <cstdio>
#include <exception>
#include <foil/attacks/decision/boundary/boundary.hpp>
#include <foil/attacks/decision/query/query.hpp>
#include <foil/evaluation/checkpoint.hpp>
#include <foil/evaluation/result_bytes.hpp>
#include <foil/evaluation/source.hpp>
#include <foil/io/data.hpp>
#include <foil/io/journal.hpp>
#include <foil/io/npy.hpp>
#include <foil/models/query_budget.hpp>
#include <map>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "../arguments.hpp"
#include "remote_classifier.hpp"

namespace {

using Images = foil::Tensor<float, 4>;

void attack(const Arguments& given) {
  const std::string data = FOIL_EXAMPLES_DATA;
  RemoteClassifier remote("127.0.0.1", static_cast<int>(given.whole("port")),
                          {.tries = static_cast<int>(given.whole("tries")),
                           .pause = std::chrono::milliseconds(given.whole("pause"))});
  foil::QueryBudget service(remote, given.whole("rows"));

  const Images all = foil::io::read_images(data + "/mnist-test-1000-images.idx3-ubyte.gz", service.bounds());
  const foil::Labels labels = foil::io::read_labels(data + "/mnist-test-1000-labels.idx1-ubyte.gz");
  foil::Selection selection;
  selection.rows.resize(static_cast<std::size_t>(given.whole("images")));
  std::iota(selection.rows.begin(), selection.rows.end(), 0);
  foil::MemorySource source(all);

  // What the bits depend on; not the port, nor how patient one is.
  foil::io::Journal journal(given.text("state"));
  foil::Checkpoint checkpoint({{"images", given.text("images")}, {"calls", given.text("calls")}},
                              journal.entries(), [&](std::string_view entry) { journal.append(entry); });
  if (!checkpoint.empty()) std::fprintf(stderr, "going on with what is in %s\n", given.text("state").c_str());

  foil::io::NpyWriter<float> out(given.text("out"), {2 * selection.size(), 1, 28, 28});
  const std::vector<foil::AnyAttack> attacks{foil::BoundaryAttack(), foil::L2QueryAttack()};
  for (std::size_t number = 0; number < attacks.size(); ++number) {
    foil::Outcome outcome(attacks[number]);
    checkpoint.restore(number, outcome);
    std::vector<std::string> found;  // the results of the blocks
    for (const auto& piece : checkpoint.pieces(number)) found.push_back(piece.attached);

    foil::run_options_t<decltype(service)> options{.query_budget = given.whole("calls"), .batch_size = 32};
    const auto wrong = [&](const foil::Block& block) {
      return foil::Misclassification(foil::Labels(labels.segment(block.first, block.count)));
    };
    foil::evaluate(attacks[number], service, source, selection, wrong, options, outcome,
                   {.sink = [&](const auto&, const auto& result) { found.push_back(foil::to_bytes(result)); },
                    .finished = [&](const auto&) { checkpoint.save(number, outcome, found.back()); },
                    .size = [](foil::Index) { return 2; }});  // at most two images are lost

    for (const std::string& bytes : found) out.write(foil::result_from<Images>(bytes).adversarials);
    const foil::Summary summary = outcome.summary();
    std::printf("%-9s %ld of %ld images fooled, median L2 distance %.4f, %ld calls\n", outcome.attack.c_str(),
                static_cast<long>(summary.fooled), static_cast<long>(summary.attacked),
                summary.median_distance,
                static_cast<long>(outcome.cost().queries + outcome.cost().verification_queries));
  }
  out.commit();
  journal.remove();
  std::fprintf(stderr, "asked about %ld images\n", static_cast<long>(service.used()));
}

}  // namespace

int main(int argc, char** argv) {
  const std::map<std::string, std::string> defaults{{"port", "0"},
                                                    {"images", "4"},
                                                    {"calls", "1000"},
                                                    {"rows", "1000000"},
                                                    {"tries", "8"},
                                                    {"pause", "100"},
                                                    {"state", "http_attack.state"},
                                                    {"out", "http_attack.npy"}};
  try {
    attack({argc, argv, defaults});
    return 0;
  } catch (const foil::RunFailure<Images>& failure) {
    std::fprintf(stderr, "http_attack: %s\nThe same command, with another port if need be, goes on.\n",
                 failure.what());
    return 3;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "http_attack: %s\n", error.what());
    return 2;
  }
}
