// SPDX-License-Identifier: MIT
/// \file
/// The classifier behind HTTP, the model that asks it, and attacks on it. Nothing here waits for a time to
/// pass but for what the programs do.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "foil/io/data.hpp"
#include "foil/io/png.hpp"
#include "foil/models/query_budget.hpp"
#include "io/temporary_directory.hpp"
#include "remote_classifier.hpp"
#include "support/catch.hpp"
#include "support/onnx.hpp"

namespace {
using namespace foil_test;
using Catch::Matchers::ContainsSubstring;
using foil::Index;
using Images = foil::Tensor<float, 4>;
using Words = std::vector<std::string>;

const std::filesystem::path data = FOIL_EXAMPLES_DATA;

const auto& network() {
  static const auto loaded = foil::onnx::load<float, 4>(data / "mnist_cnn.onnx");
  return loaded;
}
Images images(Index count) {
  const Images all = foil::io::read_images<float>(data / "mnist-test-1000-images.idx3-ubyte.gz", {0, 1});
  Images out(foil::resized(all, count));
  foil::as_matrix(out) = foil::as_matrix(all).topRows(count);
  return out;
}

/// A program with its standard output and error in files, which does not outlive the test.
class Program {
 public:
  Program(const char* path, Words words) {
    words.insert(words.begin(), path);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const std::string out = (dir_ / "out").string(), err = (dir_ / "err").string();
    pid_ = fork();
    REQUIRE(pid_ >= 0);
    if (pid_ > 0) return;
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    for (const auto& [file, stream] : {std::pair{&out, 1}, std::pair{&err, 2}})
      dup2(open(file->c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), stream);
    execv(argv[0], argv.data());
    _exit(127);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() {
    if (ended_) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  /// Its exit status, once it has ended.
  int wait() {
    int status = 0;
    REQUIRE(waitpid(pid_, &status, 0) == pid_);
    ended_ = true;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  bool runs() const {
    siginfo_t ended{};
    waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT);
    return ended.si_pid == 0;
  }
  std::string out() const { return read(dir_ / "out"); }
  std::string err() const { return read(dir_ / "err"); }

 private:
  TemporaryDirectory dir_;
  pid_t pid_;
  bool ended_ = false;
};

/// The service at a free port of its own.
struct Service : Program {
  explicit Service(Words words = {}) : Program(FOIL_HTTP_SERVICE, std::move(words)) {
    const std::string before = "port ";
    while (out().find('\n') == std::string::npos) {
      INFO(err());
      REQUIRE(runs());
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    port = std::stoi(out().substr(out().find(before) + before.size()));
  }
  long answered() const {
    httplib::Client client("127.0.0.1", port);
    const auto answer = client.Get("/answered");
    REQUIRE(answer);
    return nlohmann::json::parse(answer->body).at("images");
  }
  int port = 0;
};

/// Without a pause to speak of.
Patience patient(int tries) {
  return {.tries = tries, .pause = std::chrono::milliseconds(0), .timeout = std::chrono::seconds(3600)};
}

/// What the attack program comes to.
struct Attacked {
  int status;
  std::string out, err;
};
Attacked attacked(const TemporaryDirectory& dir, int port, Words words = {}) {
  const Words usual{"port=" + std::to_string(port),
                    "images=3",
                    "calls=80",
                    "pause=0",
                    "tries=50",
                    "state=" + (dir / "state").string(),
                    "out=" + (dir / "out.npy").string()};
  words.insert(words.begin(), usual.begin(), usual.end());  // of two of one name the last one counts
  Program program(FOIL_HTTP_ATTACK, words);
  const int status = program.wait();
  return {status, program.out(), program.err()};
}

TEST_CASE("http service: the labels of the network, for JSON and for PNG", "[examples][http]") {
  const Service service;
  RemoteClassifier remote("127.0.0.1", service.port, patient(1));
  static_assert(foil::DecisionModel<RemoteClassifier> && !foil::ScoreModel<RemoteClassifier>);
  static_assert(!foil::shareable<RemoteClassifier>);
  const Images x = images(50);
  const foil::Labels labels = foil::predict(network(), x);
  CHECK(remote.predict(x) == labels);
  CHECK(service.answered() == 50);

  // Every number arrives as it is: a point between two classes, on either side by a bit.
  Images near = images(2);
  for (Index i = 0; i < 784; ++i) near.data()[i] = 0.3f * near.data()[i] + 0.7f * near.data()[784 + i] / 3;
  CHECK(remote.predict(near) == foil::predict(network(), near));

  httplib::Client client("127.0.0.1", service.port);
  for (Index i = 0; i < 5; ++i) {
    foil::io::Picture picture(28, 28, 1);
    for (Index p = 0; p < 784; ++p)
      picture.pixel(0, 0)[p] = static_cast<unsigned char>(255 * foil::sample(x, i)[p] + 0.5f);
    const auto answer = client.Post("/classify", foil::io::encode_png(picture), "image/png");
    REQUIRE(answer);
    CHECK(answer->status == 200);
    CHECK(nlohmann::json::parse(answer->body) == nlohmann::json{{"labels", {labels[i]}}});
  }
}

TEST_CASE("http service: what makes no sense is refused for good, and the client says so at once",
          "[examples][http]") {
  const Service service;
  httplib::Client client("127.0.0.1", service.port);
  const auto refused = [&](const std::string& body, const char* type, int status, const char* said) {
    const auto answer = client.Post("/classify", body, type);
    REQUIRE(answer);
    CHECK(answer->status == status);
    CHECK_THAT(answer->body, ContainsSubstring(said));
  };
  refused("{", "application/json", 400, "parse error");
  refused("{\"images\": []}", "application/json", 400, "with N >= 1");
  refused("{}", "application/json", 400, "images");
  refused("{\"images\": [[1, 2]]}", "application/json", 400, "expected 784 numbers in each image, got 2");
  refused("no picture", "image/png", 400, "cannot be read as PNG");
  refused(foil::io::encode_png(foil::io::Picture(28, 27, 1)), "image/png", 400, "28 x 28 gray pixels");
  RemoteClassifier remote("127.0.0.1", service.port, patient(1000));
  Images beyond = images(1);
  beyond.data()[3] = 1.5f;
  CHECK_THROWS_WITH(remote.predict(beyond), ContainsSubstring("status 400") &&
                                                ContainsSubstring("from 0 to 1") &&
                                                ContainsSubstring("(try 1)"));
  CHECK_THROWS_WITH(remote.predict(images(65)),
                    ContainsSubstring("status 413") && ContainsSubstring("at most 64"));
  CHECK(service.answered() == 0);
}

TEST_CASE("http service: refusals follow from the seed, and patience from them to the labels",
          "[examples][http]") {
  const auto moods = [](const Service& service, int count) {
    httplib::Client client("127.0.0.1", service.port);
    const std::string body = nlohmann::json{{"images", {std::vector<float>(784)}}}.dump();
    std::vector<int> out;
    for (int i = 0; i < count; ++i) {
      const auto answer = client.Post("/classify", body, "application/json");
      REQUIRE(answer);
      out.push_back(answer->status);
      CHECK(answer->has_header("Retry-After") == (answer->status != 200));
    }
    return out;
  };
  const Words moody{"refuse=0.5", "slow=0.2", "pause=1", "seed=5"};
  const Service service(moody), twin(moody), other({"refuse=0.5", "seed=6"});
  const auto seen = moods(service, 40);
  CHECK(seen == moods(twin, 40));
  CHECK(seen != moods(other, 40));
  for (const int status : {200, 429, 503}) CHECK(std::count(seen.begin(), seen.end(), status) > 3);

  const Images x = images(20);
  RemoteClassifier remote("127.0.0.1", service.port, patient(50));
  foil::QueryBudget budget(remote, 21);
  const long before = service.answered();
  foil::Labels labels(20);
  for (Index i = 0; i < 20; ++i) labels[i] = foil::predict(budget, foil::gather(x, std::vector<Index>{i}))[0];
  CHECK(labels == foil::predict(network(), x));
  CHECK(budget.used() == 20);
  CHECK(service.answered() - before == 20);  // whatever it took, no row was paid for twice
  CHECK_THROWS_AS(foil::predict(budget, images(2)), foil::BudgetSpent);
  CHECK(service.answered() - before == 20);

  const Service never({"refuse=1"});
  RemoteClassifier patience("127.0.0.1", never.port, patient(7));
  CHECK_THROWS_WITH(patience.predict(x), ContainsSubstring("not now") && ContainsSubstring("(try 7)"));
  int closed = 0;
  {
    const Service gone;
    closed = gone.port;
  }
  RemoteClassifier nobody("127.0.0.1", closed, patient(3));
  CHECK_THROWS_WITH(nobody.predict(x), ContainsSubstring("no answer") && ContainsSubstring("(try 3)"));
}

TEST_CASE("http service: more images a second than it allows have to wait, and come to the same labels",
          "[examples][http]") {
  const Service service({"rate=64"});  // and 64 at once
  const Images x = images(64);
  RemoteClassifier remote("127.0.0.1", service.port, patient(100));
  const foil::Labels labels = foil::predict(network(), x);
  // If these come within a second, the second has to wait, told so by the service; if not, it does not.
  for (int repeat = 0; repeat < 2; ++repeat) CHECK(remote.predict(x) == labels);
  CHECK(service.answered() == 128);
}

TEST_CASE("http attack: a service that dies halfway leaves a state from which the same bits come",
          "[examples][http]") {
  const TemporaryDirectory whole, cut;
  const Service service;
  const Attacked reference = attacked(whole, service.port);
  INFO(reference.err);
  REQUIRE(reference.status == 0);
  CHECK_THAT(reference.out, ContainsSubstring("boundary  3 of 3 images fooled, median L2 distance "));
  CHECK_THAT(reference.out, ContainsSubstring("l2-query  3 of 3 images fooled, median L2 distance "));
  CHECK(whole.entries() == 1);  // the state is gone
  const long rows = service.answered();
  CHECK(rows <= 2 * 3 * (80 + 1));
  CHECK_THAT(reference.err, ContainsSubstring("asked about " + std::to_string(rows) + " images\n"));
  const std::string bits = read(whole / "out.npy");

  // Services that die after a while, refusing and dawdling until then; the fourth does not.
  int deaths = 0;
  std::string out;
  for (int life = 0;; ++life) {
    REQUIRE(life < 10);
    Service moody({"refuse=0.2", "slow=0.05", "pause=1", "seed=" + std::to_string(life),
                   "die=" + std::to_string(life < 3 ? 200 : 0)});
    const Attacked part = attacked(cut, moody.port);
    INFO(part.err);
    CHECK((part.err.find("going on with what is in") != std::string::npos) == (life > 0));
    if (part.status == 0) {
      out = part.out;
      break;
    }
    ++deaths;
    REQUIRE(part.status == 3);
    CHECK(moody.wait() == 1);
    CHECK_THAT(part.err, ContainsSubstring("no answer") && ContainsSubstring("(try 50)"));
    CHECK_FALSE(std::filesystem::exists(cut / "out.npy"));
    CHECK(std::filesystem::exists(cut / "state"));
  }
  CHECK(deaths == 3);
  CHECK(out == reference.out);
  CHECK(read(cut / "out.npy") == bits);
}

TEST_CASE("http attack: a budget of rows ends it, and more of them go on, but not of another command",
          "[examples][http]") {
  const TemporaryDirectory dir;
  const Service service;
  const Attacked poor = attacked(dir, service.port, {"rows=300"});
  CHECK(poor.status == 3);
  CHECK_THAT(poor.err, ContainsSubstring("query budget: expected at most 300 rows in all"));
  CHECK(service.answered() <= 300);
  CHECK(service.answered() > 300 - 32);
  const Attacked other = attacked(dir, service.port, {"calls=81"});
  CHECK(other.status == 2);
  CHECK_THAT(other.err, ContainsSubstring("calls was 80 and is 81"));
  const Attacked rest = attacked(dir, service.port);
  CHECK(rest.status == 0);
  CHECK_THAT(rest.err, ContainsSubstring("going on with what is in"));
  const Attacked wrong = attacked(dir, service.port, {"images=nine"});
  CHECK(wrong.status == 2);
  CHECK_THAT(wrong.err, ContainsSubstring("images: expected a number >= 0, got 'nine'"));
  CHECK_THAT(attacked(dir, service.port, {"colour=red"}).err,
             ContainsSubstring("expected name=value of calls"));
}
}  // namespace
