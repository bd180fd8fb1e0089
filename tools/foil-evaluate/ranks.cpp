// SPDX-License-Identifier: MIT
#include "ranks.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <sstream>

#include "foil/core/error.hpp"
#include "foil/evaluation/result_bytes.hpp"

namespace evaluate {

using foil::Index;
using foil::require;
using Json = nlohmann::json;

std::unique_ptr<Ranks> find_ranks() {
#ifdef FOIL_EVALUATE_MPI
  auto ranks = find_mpi_ranks();
  if (ranks && ranks->rank() > 0) {  // the terminal, or whatever else, is rank 0's
    const int nowhere = open("/dev/null", O_WRONLY);
    for (const int stream : {STDOUT_FILENO, STDERR_FILENO})
      if (nowhere >= 0) dup2(nowhere, stream);
    if (nowhere >= 0) close(nowhere);
  }
  return ranks;
#else
  return nullptr;
#endif
}

std::string Piece::text() const {
  return foil::text(number, ' ', first, ' ', count);
}

Piece Piece::read(const std::string& text) {
  std::istringstream words(text);
  Piece piece{};
  words >> piece.number >> piece.first >> piece.count;
  require(!words.fail() && piece.first >= 0 && piece.count >= 1, "ranks: expected a piece of a run, got '",
          text, "'");
  return piece;
}

std::vector<Piece> pieces_of(std::size_t number, Index first, Index samples, int ranks, Index most,
                             Index batch_size) {
  const Index least = std::max<Index>(1, std::min(batch_size, most) / 8);
  std::vector<Piece> pieces;
  while (first < samples) {
    const Index fair = (samples - first) / (2 * ranks);
    const Index count = std::min(std::clamp(fair, least, std::max(most, least)), samples - first);
    pieces.push_back({number, first, count});
    first += count;
  }
  return pieces;
}

std::string greeting(const Ranks& ranks, const foil::Fingerprint& fingerprint) {
  return Json{{"where", ranks.where()}, {"fingerprint", fingerprint}}.dump(-1, ' ', false,
                                                                           Json::error_handler_t::replace);
}

std::string refusal(const Ranks& ranks, const std::string& why) {
  return Json{{"where", ranks.where()}, {"why", why}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void check_greetings(const std::vector<std::string>& greetings, const foil::Fingerprint& fingerprint) {
  const auto own = Json(fingerprint).dump(-1, ' ', false, Json::error_handler_t::replace);
  for (std::size_t rank = 1; rank < greetings.size(); ++rank) {
    const Json said = Json::parse(greetings[rank]);
    const std::string where = said.at("where");
    require(!said.contains("why"), where, ": ", said.value("why", ""));
    const std::string differs = foil::difference(Json::parse(own).get<foil::Fingerprint>(),
                                                 said.at("fingerprint").get<foil::Fingerprint>());
    require(differs.empty(), where, " has another run than rank 0: ", differs);
  }
}

std::string Answer::bytes() const {
  std::string out(sizeof model_seconds, '\0');
  std::memcpy(out.data(), &model_seconds, sizeof model_seconds);
  return out + to_bytes(result);
}

Answer Answer::read(std::string_view bytes) {
  Answer answer{};
  require(bytes.size() >= sizeof answer.model_seconds, "ranks: an answer is damaged");
  std::memcpy(&answer.model_seconds, bytes.data(), sizeof answer.model_seconds);
  answer.result = foil::result_from<Images>(bytes.substr(sizeof answer.model_seconds));
  return answer;
}

}  // namespace evaluate
