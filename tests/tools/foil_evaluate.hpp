// SPDX-License-Identifier: MIT
/// \file
/// Runs foil-evaluate as its users do, on the shipped network and images. FOIL_EVALUATE is the program's
/// path.
#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/io/npy.hpp"
#include "io/temporary_directory.hpp"
#include "support/catch.hpp"
#include "support/onnx_builder.hpp"

namespace foil_test {

using Arguments = std::vector<std::string>;
using Images = foil::Tensor<float, 4>;

inline const std::string data = FOIL_EXAMPLES_DATA;
inline const std::string model_file = data + "/mnist_cnn.onnx";
inline const std::string image_file = data + "/mnist-test-1000-images.idx3-ubyte.gz";
inline const std::string label_file = data + "/mnist-test-1000-labels.idx1-ubyte.gz";

struct Outcome {
  int status;  // of the exit, or minus the signal
  std::string out, err;
};

/// A running foil-evaluate, its output going to files.
class Process {
 public:
  /// `before` is done in the child, once its output goes where it should. `under` is a program that starts
  /// others, mpirun say, and its arguments.
  template <class Before>
  Process(const Arguments& of_program, const Before& before, Arguments under = {},
          const char* program = FOIL_EVALUATE) {
    Arguments arguments = std::move(under);
    arguments.push_back(program);
    arguments.insert(arguments.end(), of_program.begin(), of_program.end());
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    const std::string out = (dir_ / "out").string(), err = (dir_ / "err").string();
    pid_ = fork();
    REQUIRE(pid_ >= 0);
    if (pid_ > 0) return;
    for (const auto& [path, stream] : {std::pair{&out, 1}, std::pair{&err, 2}})
      dup2(open(path->c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), stream);
    before();
    execv(argv[0], argv.data());
    _exit(127);
  }
  explicit Process(const Arguments& arguments) : Process(arguments, [] {}) {}

  pid_t id() const { return pid_; }
  void send(int signal) { kill(pid_, signal); }
  void interrupt() { send(SIGINT); }

  /// Waits until something is so, however long that takes; false if the program ends without.
  template <class Condition>
  bool reaches(const Condition& condition) {
    for (;;) {
      siginfo_t ended{};
      waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT);
      if (condition()) return true;
      if (ended.si_pid != 0) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  /// Waits until the program has said so on stderr; false if it ends without.
  bool has_said(const std::string& text) {
    return reaches([&] { return read(dir_ / "err").find(text) != std::string::npos; });
  }

  Outcome wait() {
    int status = 0;
    REQUIRE(waitpid(pid_, &status, 0) == pid_);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), read(dir_ / "out"),
            read(dir_ / "err")};
  }

 private:
  TemporaryDirectory dir_;
  pid_t pid_;
};

inline Outcome run(const Arguments& arguments) {
  return Process(arguments).wait();
}

template <class Before>
Outcome run(const Arguments& arguments, const Before& before) {
  return Process(arguments, before).wait();
}

inline Arguments operator+(Arguments a, const Arguments& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

inline Arguments on_mnist(const TemporaryDirectory& dir) {
  return {"--model",        model_file,
          "--images",       image_file,
          "--labels",       label_file,
          "--out",          (dir / "results.json").string(),
          "--adversarials", (dir / "adversarials").string()};
}

inline nlohmann::json results(const TemporaryDirectory& dir) {
  return nlohmann::json::parse(read(dir / "results.json"));
}

/// Four images of 1 x 2 x 2, each with one pixel of 0.1, for a linear network with two classes: 2 x 4
/// weights.
inline Arguments on_network(const TemporaryDirectory& dir, const std::vector<float>& weights,
                            const std::vector<float>& offsets, const std::vector<int>& labels) {
  foil::test::OnnxBuilder network({-1, 1, 2, 2});
  network.constant("w", {2, 4}, weights).constant("b", {2}, offsets);
  network.node("Flatten", {"x"}, "flat");
  network.node("Gemm", {"flat", "w", "b"}, "y", {foil::test::attribute("transB", 1)});
  const auto inputs = dir.path() / "inputs";
  std::filesystem::create_directory(inputs);
  write(inputs / "net.onnx", network.bytes());
  std::vector<float> images(16);
  for (std::size_t i = 0; i < 4; ++i) images[5 * i] = 0.1f;
  foil::io::write_npy<float>(inputs / "images.npy", images, {4, 1, 2, 2});
  foil::io::write_npy<int>(inputs / "labels.npy", labels, {4});
  return {"--model",        (inputs / "net.onnx").string(),   "--images", (inputs / "images.npy").string(),
          "--labels",       (inputs / "labels.npy").string(), "--out",    (dir / "results.json").string(),
          "--adversarials", (dir / "adversarials").string()};
}

inline std::string adversarials(const TemporaryDirectory& dir, const std::string& name) {
  return read(dir.path() / "adversarials" / name);
}

}  // namespace foil_test
