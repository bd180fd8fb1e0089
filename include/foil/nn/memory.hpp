// SPDX-License-Identifier: MIT
/// \file
/// Aligned, uninitialised buffers, and a pool that hands them out again: fresh pages cost more than the small
/// networks that would touch them.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"

namespace foil::nn {

/// An array aligned for machine vectors. Not initialised. Throws foil::Error if there is no memory for it.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(Index size)
      : data_(static_cast<T*>(
            ::operator new(static_cast<std::size_t>(size) * sizeof(T), alignment, std::nothrow))),
        size_(size) {
    require(data_ != nullptr, "network: no memory for ", size, " numbers of ", sizeof(T), " bytes");
  }

  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  Index size() const { return size_; }

 private:
  static constexpr std::align_val_t alignment{64};
  struct Free {
    void operator()(T* p) const { ::operator delete(static_cast<void*>(p), alignment); }
  };
  std::unique_ptr<T, Free> data_;
  Index size_ = 0;
};

/// Keeps the buffers of finished evaluations for the next ones. Safe to use from several threads.
template <class T>
class BufferPool {
 public:
  BufferPool() { kept_.reserve(capacity); }

  /// The smallest kept buffer of at least this size, else a new one.
  Buffer<T> take(Index size) {
    {
      const std::lock_guard lock(mutex_);
      std::size_t best = kept_.size();
      for (std::size_t i = 0; i < kept_.size(); ++i)
        if (kept_[i].size() >= size && (best == kept_.size() || kept_[i].size() < kept_[best].size()))
          best = i;
      if (best < kept_.size()) {
        std::swap(kept_[best], kept_.back());
        Buffer<T> buffer = std::move(kept_.back());
        kept_.pop_back();
        return buffer;
      }
    }
    return Buffer<T>(size);
  }

  void give_back(Buffer<T> buffer) {
    const std::lock_guard lock(mutex_);
    if (kept_.size() < capacity) kept_.push_back(std::move(buffer));
  }

 private:
  static constexpr std::size_t capacity = 16;
  std::mutex mutex_;
  std::vector<Buffer<T>> kept_;
};

/// A buffer on loan from a pool until the end of the scope.
template <class T>
class Loan {
 public:
  Loan(std::shared_ptr<BufferPool<T>> pool, Index size)
      : pool_(std::move(pool)), buffer_(pool_->take(size)) {}
  Loan(const Loan&) = delete;
  Loan& operator=(const Loan&) = delete;
  ~Loan() { pool_->give_back(std::move(buffer_)); }

  T* data() { return buffer_.data(); }
  const T* data() const { return buffer_.data(); }

 private:
  std::shared_ptr<BufferPool<T>> pool_;
  Buffer<T> buffer_;
};

}  // namespace foil::nn
