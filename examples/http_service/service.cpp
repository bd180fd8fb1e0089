// SPDX-License-Identifier: MIT
// A classifier of handwritten digits behind HTTP, as moody as those out there: it tells labels only, limits
// the rate, refuses now and then, is slow now and then, and may die.
//
// http_service [port=0] [seed=0] [refuse=0] [slow=0] [pause=50] [retry=0] [rate=0] [die=0]
//
//   port    to listen at on 127.0.0.1; 0: a free one, which is said on the first line
//   refuse  share of the requests that are answered with 429 or 503: which ones, the seed says
//   slow    share of the requests that wait `pause` milliseconds first
//   retry   seconds after which it wants to be asked again, as Retry-After says
//   rate    images per second that it answers about, a second's worth at once; 0: any number
//   die     it ends without a word rather than answer about more images than so many; 0: never
//
//   POST /classify   a PNG of 28 x 28 gray pixels (image/png), or JSON (application/json):
//                    {"images": [[784 numbers from 0 to 1], ...]}, 64 of them at most -> {"labels": [7, ...]}
//   GET /answered    -> {"images": 123}, since the start
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <foil/core/random.hpp>
#include <foil/io/pixels.hpp>
#include <foil/io/png.hpp>
#include <foil/onnx/onnx.hpp>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>
// Behind Eigen, which has a parameter of the name of a macro that comes with this.
#include <httplib.h>

#include "../arguments.hpp"

namespace {

using Images = foil::Tensor<float, 4>;
using foil::Index;

constexpr Index most_images = 64;

/// Lets through what a steady stream fills up: so many images a second, a second's worth at once, or the
/// largest request if that is more.
class RateLimit {
 public:
  explicit RateLimit(double rate)
      : rate_(rate), most_(std::max(rate, static_cast<double>(most_images))), there_(most_) {}

  /// Takes so many; if they are not there yet, the seconds until they are.
  std::optional<int> refuses(Index images) {
    if (rate_ == 0) return std::nullopt;
    const std::lock_guard lock(mutex_);
    const auto now = Clock::now();
    there_ = std::min(most_, there_ + rate_ * std::chrono::duration<double>(now - last_).count());
    last_ = now;
    const double lacking = static_cast<double>(images) - there_;
    if (lacking > 0) return static_cast<int>(std::ceil(lacking / rate_));
    there_ -= static_cast<double>(images);
    return std::nullopt;
  }

 private:
  using Clock = std::chrono::steady_clock;
  double rate_, most_, there_;
  Clock::time_point last_ = Clock::now();
  std::mutex mutex_{};
};

class Service {
 public:
  explicit Service(const Arguments& given)
      : refuse_(given.number("refuse")),
        slow_(given.number("slow")),
        pause_(given.whole("pause")),
        retry_(given.text("retry")),
        seed_(static_cast<std::uint64_t>(given.whole("seed"))),
        die_(given.whole("die")),
        rate_(given.number("rate")) {}

  void classify(const httplib::Request& request, httplib::Response& response) {
    foil::RandomDraw mood(foil::random_key(seed_, "http-service"), requests_++, foil::Purpose::noise, 0);
    const bool refused = mood.uniform() < refuse_, busy = mood.uniform() < 0.5, slow = mood.uniform() < slow_;
    if (slow) std::this_thread::sleep_for(pause_);
    if (refused) return refuse(response, busy ? 429 : 503, retry_, "not now");
    try {
      const Images images = images_of(request);
      const Index count = foil::samples(images);
      if (count > most_images)
        return say(response, 413, {{"error", foil::text("at most ", most_images, " images")}});
      if (const auto seconds = rate_.refuses(count))
        return refuse(response, 429, std::to_string(*seconds), "too many images a second");
      if ((answered_ += count) > die_ && die_ > 0) std::_Exit(EXIT_FAILURE);
      const foil::Labels labels = foil::predict(network_, images);
      say(response, 200, {{"labels", std::vector<int>(labels.begin(), labels.end())}});
    } catch (const std::exception& error) {
      say(response, 400, {{"error", error.what()}});
    }
  }
  void answered(const httplib::Request&, httplib::Response& response) const {
    say(response, 200, {{"images", answered_.load()}});
  }

 private:
  static void say(httplib::Response& response, int status, const nlohmann::json& what) {
    response.status = status;
    response.set_content(what.dump(), "application/json");
  }
  static void refuse(httplib::Response& response, int status, const std::string& seconds, const char* why) {
    response.set_header("Retry-After", seconds);
    say(response, status, {{"error", why}});
  }

  Images images_of(const httplib::Request& request) const {
    if (request.get_header_value("Content-Type") == "image/png") {
      const auto* const bytes = reinterpret_cast<const unsigned char*>(request.body.data());
      const auto picture = foil::io::decode_png("the PNG", {bytes, request.body.size()});
      foil::require(picture.width() == 28 && picture.height() == 28 && picture.channels() == 1,
                    "expected 28 x 28 gray pixels");
      Images image(1, 1, 28, 28);
      foil::io::Pixels<float>("the PNG", {0, 1}, 784, {.levels = 255})
          .place(picture.pixel(0, 0), image.data(), 0);
      return image;
    }
    const auto rows = nlohmann::json::parse(request.body).at("images").get<std::vector<std::vector<float>>>();
    Images images(std::ssize(rows), 1, 28, 28);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      foil::require(rows[i].size() == 784, "expected 784 numbers in each image, got ", rows[i].size());
      std::copy(rows[i].begin(), rows[i].end(), foil::sample(images, static_cast<Index>(i)).data());
      foil::require(foil::Bounds<float>(0, 1).contain(foil::sample(images, static_cast<Index>(i))),
                    "expected numbers from 0 to 1");
    }
    return images;
  }

  double refuse_, slow_;
  std::chrono::milliseconds pause_;
  std::string retry_;
  std::uint64_t seed_;
  std::int64_t die_;
  RateLimit rate_;
  std::atomic<std::uint64_t> requests_{0};
  std::atomic<std::int64_t> answered_{0};
  const foil::nn::Network<float, 4> network_ =
      foil::onnx::load<float, 4>(std::string(FOIL_EXAMPLES_DATA) + "/mnist_cnn.onnx");
};

void serve(const Arguments& given) {
  Service service(given);
  httplib::Server server;
  server.set_tcp_nodelay(true);
  server.set_keep_alive_max_count(1'000'000);
  server.Post("/classify", [&](const auto& request, auto& response) { service.classify(request, response); });
  server.Get("/answered", [&](const auto& request, auto& response) { service.answered(request, response); });
  const int wanted = static_cast<int>(given.whole("port"));
  const int port = wanted == 0 ? server.bind_to_any_port("127.0.0.1") : wanted;
  foil::require(port > 0 && (wanted == 0 || server.bind_to_port("127.0.0.1", port)), "cannot listen at port ",
                port);
  std::printf("listening at 127.0.0.1, port %d\n", port);
  std::fflush(stdout);
  server.listen_after_bind();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    serve({argc,
           argv,
           {{"port", "0"},
            {"seed", "0"},
            {"refuse", "0"},
            {"slow", "0"},
            {"pause", "50"},
            {"retry", "0"},
            {"rate", "0"},
            {"die", "0"}}});
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "http_service: %s\n", error.what());
    return 2;
  }
}
