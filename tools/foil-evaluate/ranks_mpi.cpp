// SPDX-License-Identifier: MIT
#include <utility>

#include "foil/adapters/mpi.hpp"
#include "ranks.hpp"

namespace evaluate {
namespace {

class MpiPieces : public Ranks::Pieces {
 public:
  MpiPieces(foil::mpi::Ranks& ranks, std::vector<std::string> pieces, Ranks::Work work)
      : pieces_(ranks, std::move(pieces), std::move(work)) {}
  std::optional<std::string> next(const Ranks::Stopped& stopped) override { return pieces_.next(stopped); }

 private:
  foil::mpi::Pieces pieces_;
};

class MpiRanks : public Ranks {
 public:
  int rank() const override { return ranks_.rank(); }
  int count() const override { return ranks_.count(); }
  std::string where() const override { return ranks_.where(); }
  void ready(std::string_view words) override { ranks_.ready(words); }
  void serve(const Work& work) override { ranks_.serve(work); }
  std::vector<std::string> greetings(const Stopped& stopped) override { return ranks_.greetings(stopped); }
  std::unique_ptr<Pieces> share_out(std::vector<std::string> pieces, Work work) override {
    return std::make_unique<MpiPieces>(ranks_, std::move(pieces), std::move(work));
  }

 private:
  foil::mpi::Ranks ranks_{};
};

}  // namespace

std::unique_ptr<Ranks> find_mpi_ranks() {
  if (!foil::mpi::launched()) return nullptr;
  auto ranks = std::make_unique<MpiRanks>();
  if (ranks->count() == 1) return nullptr;  // a run like any other
  return ranks;
}

}  // namespace evaluate
