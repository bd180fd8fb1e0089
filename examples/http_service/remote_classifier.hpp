// SPDX-License-Identifier: MIT
/// \file
/// A classifier behind HTTP as a model of foil's: labels and nothing else.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <foil/core/error.hpp>
#include <foil/core/model.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>
// Behind Eigen, which has a parameter of the name of a macro that comes with this.
#include <httplib.h>

/// What a client puts up with: so many tries of a request, with a pause between them that doubles up to the
/// longest unless the service says when it wants to be asked again, and so long until it answers.
struct Patience {
  int tries = 8;
  std::chrono::milliseconds pause{100}, longest{10'000};
  std::chrono::seconds timeout{60};
};

/// A request asks about a batch. One that is refused for now (429, 503) or gets no answer is made again; what
/// is wrong for good, or for too long, is a foil::Error. How many rows may be asked about is for a
/// foil::QueryBudget around it to say: made again, they are the same rows. Only where an answer was lost on
/// its way may the service have counted them twice.
class RemoteClassifier {
 public:
  using Input = foil::Tensor<float, 4>;

  RemoteClassifier(const std::string& host, int port, Patience patience = {})
      : client_(host, port), patience_(patience) {
    client_.set_keep_alive(true);
    client_.set_tcp_nodelay(true);
    client_.set_read_timeout(patience.timeout);
  }
  foil::Bounds<float> bounds() const { return {0.f, 1.f}; }

  foil::Labels predict(const Input& x) {  // not const: one connection, so one thread
    std::vector<std::vector<float>> images;
    for (foil::Index i = 0; i < foil::samples(x); ++i) {
      const auto image = foil::sample(x, i);
      images.emplace_back(image.data(), image.data() + image.size());
    }
    const auto labels = ask(nlohmann::json{{"images", images}}.dump()).at("labels").get<std::vector<int>>();
    return foil::Labels::Map(labels.data(), std::ssize(labels));  // foil checks how many they are
  }

 private:
  nlohmann::json ask(const std::string& body) {
    auto pause = patience_.pause;
    for (int tries = 1;; ++tries) {
      const httplib::Result answer = client_.Post("/classify", body, "application/json");
      if (answer && answer->status == 200) return nlohmann::json::parse(answer->body);
      const std::string why = answer ? foil::text("status ", answer->status, ", ", answer->body)
                                     : foil::text("no answer, ", httplib::to_string(answer.error()));
      const bool for_now = !answer || answer->status == 429 || answer->status == 503;
      foil::require(for_now && tries < patience_.tries, "service: ", why, " (try ", tries, ")");
      const std::string later = answer ? answer->get_header_value("Retry-After") : "";  // seconds, or a date
      const bool told = !later.empty() && later.find_first_not_of("0123456789") == std::string::npos;
      std::this_thread::sleep_for(told ? std::chrono::seconds(std::atoi(later.c_str())) : pause);
      pause = std::min(2 * pause, patience_.longest);
    }
  }

  httplib::Client client_;
  Patience patience_;
};
