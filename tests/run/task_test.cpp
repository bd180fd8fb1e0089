// SPDX-License-Identifier: MIT
#include "foil/run/task.hpp"

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/catch.hpp"

namespace {
using foil::Task;

/// Suspends and leaves the handle where the test can resume it.
struct Pause {
  std::coroutine_handle<>& waiting;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) const noexcept { waiting = handle; }
  void await_resume() const noexcept {}
};

TEST_CASE("task: starts only when resumed, and runs to its end through its pauses", "[task]") {
  std::coroutine_handle<> waiting;
  int steps = 0;
  const auto script = [&]() -> Task<> {
    ++steps;
    co_await Pause{waiting};
    ++steps;
  };
  const Task<> task = script();
  CHECK(steps == 0);
  CHECK_FALSE(task.done());
  task.handle().resume();
  CHECK(steps == 1);
  CHECK_FALSE(task.done());
  waiting.resume();
  CHECK(steps == 2);
  CHECK(task.done());
  CHECK_NOTHROW(task.result());
}

TEST_CASE("task: an awaited task gives its result, however deep it pauses", "[task]") {
  std::coroutine_handle<> waiting;
  const auto leaf = [&](int value) -> Task<std::string> {
    co_await Pause{waiting};
    co_return std::string(static_cast<std::size_t>(value), 'x');
  };
  const auto middle = [&](int value) -> Task<std::string> {
    std::string all;
    for (int i = 1; i <= value; ++i) all += co_await leaf(i) + "|";
    co_return all;
  };
  std::string result;
  const auto root = [&]() -> Task<> { result = co_await middle(3); };
  const Task<> task = root();
  task.handle().resume();
  for (int pause = 0; pause < 3; ++pause) {
    CHECK(result.empty());
    waiting.resume();
  }
  CHECK(task.done());
  CHECK(result == "x|xx|xxx|");
}

TEST_CASE("task: exceptions pass from the awaited task to the awaiting one, and out", "[task]") {
  std::coroutine_handle<> waiting;
  const auto leaf = [&]() -> Task<int> {
    co_await Pause{waiting};
    throw std::logic_error("leaf");
  };
  bool caught = false;
  const auto root = [&]() -> Task<> {
    try {
      co_await leaf();
    } catch (const std::logic_error&) {
      caught = true;
    }
    throw std::runtime_error("root");
  };
  const Task<> task = root();
  task.handle().resume();
  waiting.resume();
  CHECK(caught);
  CHECK(task.done());
  CHECK_THROWS_WITH(task.result(), "root");
}

TEST_CASE("task: destroying it abandons it at any point and releases what it holds", "[task]") {
  const auto held = std::make_shared<int>(1);
  std::coroutine_handle<> waiting;
  const auto leaf = [&](std::shared_ptr<int> own) -> Task<int> {
    co_await Pause{waiting};
    co_return *own;
  };
  const auto root = [&](std::shared_ptr<int> own) -> Task<> {
    const auto also = own;
    co_await leaf(own);
  };
  {
    const Task<> never_started = root(held);
    CHECK(held.use_count() == 2);
  }
  CHECK(held.use_count() == 1);
  {
    const Task<> paused = root(held);
    paused.handle().resume();
    CHECK(held.use_count() == 4);
  }
  CHECK(held.use_count() == 1);
}

TEST_CASE("task: moving hands the computation over", "[task]") {
  int steps = 0;
  const auto script = [&]() -> Task<> {
    ++steps;
    co_return;
  };
  Task<> first = script();
  Task<> second = std::move(first);
  std::vector<Task<>> tasks;
  tasks.push_back(std::move(second));
  tasks.push_back(script());
  tasks[0] = std::move(tasks[1]);
  tasks[0].handle().resume();
  CHECK(steps == 1);
  CHECK(tasks[0].done());
}

TEST_CASE("task: a million awaited tasks in a row need no stack, whether they pause or not", "[task]") {
  std::coroutine_handle<> waiting;
  const auto leaf = [&](int i) -> Task<int> {
    if (i % 250'000 == 0) co_await Pause{waiting};
    co_return i;
  };
  const auto middle = [&](int i) -> Task<int> { co_return co_await leaf(i); };
  std::int64_t total = 0;
  const auto root = [&]() -> Task<> {
    for (int i = 0; i < 1'000'000; ++i) total += co_await middle(i);
  };
  const Task<> task = root();
  task.handle().resume();
  for (int pause = 0; pause < 4; ++pause) waiting.resume();
  CHECK(task.done());
  CHECK(total == 499'999'500'000);
}
}  // namespace
