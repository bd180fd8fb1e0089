// SPDX-License-Identifier: MIT
/// \file
/// What mpi_test.cpp starts by mpirun: shares work out in one way or another, and says what came of it.
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "foil/adapters/mpi.hpp"

namespace {

/// "7" becomes "7 from 2", and so many letters.
std::string answer(const std::string& piece, int rank, std::size_t letters) {
  return piece + " from " + std::to_string(rank) + " " + std::string(letters, 'x');
}

std::vector<std::string> numbers(int count) {
  std::vector<std::string> out;
  for (int i = 0; i < count; ++i) out.push_back(std::to_string(i));
  return out;
}

/// Takes all answers; prints how many were in order, and whole, and by how many ranks.
void tell(foil::mpi::Pieces& pieces, std::size_t letters) {
  int in_order = 0;
  std::set<std::string> ranks;
  while (const auto got = pieces.next()) {
    const std::string start = std::to_string(in_order) + " from ";
    if (got->compare(0, start.size(), start) != 0) break;
    const std::string rank = got->substr(start.size(), got->find(' ', start.size()) - start.size());
    if (*got != answer(std::to_string(in_order), std::stoi(rank), letters)) break;
    ranks.insert(rank);
    ++in_order;
  }
  std::printf("%d in order from %zu ranks\n", in_order, ranks.size());
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  const std::size_t letters = what == "large" ? 3'000'000 : 5;
  foil::mpi::Ranks ranks;
  const foil::mpi::Work work = [&](const std::string& piece, const foil::mpi::Stopped&) {
    if (what == "throws" && piece == "7") throw std::runtime_error("seven");
    if (piece != "0" || ranks.rank() > 0)  // so that others have time to take part
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return answer(piece, ranks.rank(), letters);
  };
  if (ranks.rank() > 0) {
    ranks.ready(ranks.where());
    ranks.serve(work);
    return 0;
  }
  const auto never = [] { return false; };
  for (const std::string& said : ranks.greetings(never)) std::printf("greeting: %s\n", said.c_str());
  try {
    if (what == "twice") {  // of the first ones, some are still at work
      foil::mpi::Pieces first(ranks, numbers(40), work);
      first.next();
    }
    foil::mpi::Pieces pieces(ranks, numbers(40), work);
    if (what == "stops") {
      int taken = 0;
      while (pieces.next([&] { return taken >= 5; })) ++taken;
      std::printf("%d taken\n", taken);
      return 0;
    }
    tell(pieces, letters);
  } catch (const std::exception& error) {
    std::printf("thrown: %s\n", error.what());
  }
}
