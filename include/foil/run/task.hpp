// SPDX-License-Identifier: MIT
/// \file
/// The coroutine that an attack on one sample is. An attack reads like the pseudo-code of its paper; where it
/// awaits the model, it is suspended, and the scheduler answers the questions of many samples in one call.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

namespace foil {

template <class T>
class Task;

namespace detail {

struct TaskPromiseBase {
  std::coroutine_handle<> continuation{};  // goes on when it ends; none while that waits on the stack
  std::exception_ptr failure{};

  // Handing over to the continuation nests its call where compilers make no jump of it (GCC below -O2). Only
  // a task that was suspended does so, and what it calls returns at the next question: never deeper than the
  // tasks that await each other.
  struct Final {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> finished) const noexcept {
      const std::coroutine_handle<> next = finished.promise().continuation;
      return next ? next : std::noop_coroutine();
    }
    void await_resume() const noexcept {}
  };

  // Clang 14 keeps variables of up to 64 bytes' alignment in the frame (with AVX-512 it aligns plain vectors
  // so), yet allocates the frame as if it needed no more than the default.
  static constexpr std::align_val_t frame_alignment{64};
  static void* operator new(std::size_t size) { return ::operator new(size, frame_alignment); }
  static void operator delete(void* frame) { ::operator delete(frame, frame_alignment); }

  std::suspend_always initial_suspend() const noexcept { return {}; }
  Final final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { failure = std::current_exception(); }
};

template <class T>
struct TaskPromise : TaskPromiseBase {
  std::optional<T> value{};
  Task<T> get_return_object();
  void return_value(T result) { value = std::move(result); }
  T take() { return std::move(*value); }
};

template <>
struct TaskPromise<void> : TaskPromiseBase {
  Task<void> get_return_object();
  void return_void() const noexcept {}
  void take() const noexcept {}
};

}  // namespace detail

/// A computation on one sample that may be suspended while the model is asked. Does not start by itself;
/// `co_await task` runs it inside another one and gives its result. Destroying it abandons it at any point.
template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::TaskPromise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  explicit Task(Handle handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  Handle handle() const { return handle_; }
  bool done() const { return handle_.done(); }

  /// The result of a finished task; rethrows what it threw.
  T result() const {
    if (handle_.promise().failure) std::rethrow_exception(handle_.promise().failure);
    return handle_.promise().take();
  }

  bool await_ready() const noexcept { return false; }
  /// Runs it until it ends or is suspended. If it ends, what awaits it is not suspended at all: however many
  /// tasks end without a question, one after the other, they need no stack.
  bool await_suspend(std::coroutine_handle<> awaiting) const {
    handle_.resume();
    if (handle_.done()) return false;
    handle_.promise().continuation = awaiting;
    return true;
  }
  T await_resume() const { return result(); }

 private:
  Handle handle_;
};

namespace detail {
template <class T>
Task<T> TaskPromise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<TaskPromise<T>>::from_promise(*this));
}
inline Task<void> TaskPromise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<TaskPromise<void>>::from_promise(*this));
}
}  // namespace detail
}  // namespace foil
