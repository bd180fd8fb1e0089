// SPDX-License-Identifier: MIT
/// \file
/// A constant tensor of an ONNX file.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/onnx/element_type.hpp"
#include "foil/onnx/source.hpp"

namespace foil::onnx {

/// Elements of a constant as U: a view of where they lie, which keeps them there, or a copy made for this.
template <class U>
class Numbers {
 public:
  Numbers() = default;
  Numbers(std::shared_ptr<const U> data, std::size_t size) : data_(std::move(data)), size_(size) {}

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const U* data() const { return data_.get(); }
  const U* begin() const { return data_.get(); }
  const U* end() const { return data_.get() + size_; }
  const U& operator[](std::size_t i) const { return data_.get()[i]; }

  /// A list of its own.
  std::vector<U> list() const { return std::vector<U>(begin(), end()); }

 private:
  std::shared_ptr<const U> data_{};
  std::size_t size_ = 0;
};

/// A constant: its elements lie in memory, shared by all copies, or still in their file, from which each use
/// reads them, so that no more than what is in use takes memory. What is computed from the shape of a tensor
/// whose number of samples N is open may hold multiples of N: where `per_sample` is set, the integer counts
/// for each sample. It is empty if no element does.
class Constant {
 public:
  std::string name{};
  ElementType type = ElementType::float32;
  std::vector<std::int64_t> dims{};
  std::vector<bool> per_sample{};
  /// Whether an axis of the file's tensor is as long as there are samples; here it has length one.
  bool for_each_sample = false;

  Constant() = default;
  Constant(ElementType of, std::vector<std::int64_t> shape) : type(of), dims(std::move(shape)) {}
  /// A constant with these elements: single or double precision, or int64.
  template <class U>
  Constant(std::vector<std::int64_t> shape, std::vector<U> elements) : dims(std::move(shape)) {
    type = std::is_same_v<U, float>    ? ElementType::float32
           : std::is_same_v<U, double> ? ElementType::float64
                                       : ElementType::int64;
    set(std::move(elements));
  }

  bool is_float() const { return kind() != Kind::integer; }
  bool holds_samples(std::size_t i) const { return !per_sample.empty() && per_sample[i]; }
  /// As what elements of the type are read.
  Kind kind() const { return detail::kind_of(type); }
  std::size_t size() const { return size_; }

  /// The elements as U: float, double or std::int64_t. What are not integers have none as integers. May read
  /// a file; throws foil::Error if it cannot be read any more.
  template <class U>
  Numbers<U> numbers() const {
    if (const auto* kept = std::get_if<Kept<U>>(&elements_)) return {*kept, size_};
    std::shared_ptr<U> out = allocate<U>();
    write(out.get());
    return {std::move(out), size_};
  }
  Numbers<float> floats() const { return numbers<float>(); }
  Numbers<std::int64_t> integers() const { return numbers<std::int64_t>(); }

  /// Writes the elements as U.
  template <class U>
  void write(U* to) const {
    require(kind() == Kind::integer || !std::is_same_v<U, std::int64_t>, "onnx: tensor '", name, "' holds ",
            detail::type_text(type), ", expected integers");
    if (const auto* raw = std::get_if<Raw>(&elements_)) return read(*raw, to);
    std::visit(
        [&](const auto& kept) {
          if constexpr (!std::is_same_v<std::decay_t<decltype(kept)>, Raw>)
            for (std::size_t i = 0; i < size_; ++i) to[i] = static_cast<U>(kept.get()[i]);
        },
        elements_);
  }

  /// Calls f with the elements as numbers of their kind().
  template <class F>
  decltype(auto) visit(F&& f) const {
    switch (kind()) {
      case Kind::single:
        return f(numbers<float>());
      case Kind::twice:
        return f(numbers<double>());
      default:
        return f(numbers<std::int64_t>());
    }
  }

  /// Replaces the elements. What is computed from floats may be kept with more precision than the type has.
  template <class U>
  void set(std::vector<U> elements) {
    const auto list = std::make_shared<const std::vector<U>>(std::move(elements));
    size_ = list->size();
    elements_ = Kept<U>(list, list->data());
  }

  /// Takes for elements the `count` ones of the constant's type that lie in a source, little-endian.
  void set(std::shared_ptr<const detail::Source> source, std::uint64_t offset, std::size_t count) {
    size_ = count;
    elements_ = Raw{std::move(source), offset};
  }

 private:
  template <class U>
  using Kept = std::shared_ptr<const U>;
  struct Raw {
    std::shared_ptr<const detail::Source> source;
    std::uint64_t offset;
  };

  template <class U>
  std::shared_ptr<U> allocate() const {
    U* const data = new (std::nothrow) U[size_];
    require(data != nullptr, "onnx: no memory for the ", size_, " elements of tensor '", name, "'");
    return std::shared_ptr<U>(data, std::default_delete<U[]>());
  }

  template <class U>
  void read(const Raw& raw, U* to) const {
    constexpr bool little = std::endian::native == std::endian::little;
    if constexpr (little && std::is_same_v<U, float>)
      if (type == ElementType::float32) return raw.source->read(raw.offset, size_ * sizeof(U), to);
    if constexpr (little && std::is_same_v<U, double>)
      if (type == ElementType::float64) return raw.source->read(raw.offset, size_ * sizeof(U), to);
    if constexpr (little && std::is_same_v<U, std::int64_t>)
      if (type == ElementType::int64) return raw.source->read(raw.offset, size_ * sizeof(U), to);
    std::array<unsigned char, 1 << 14> piece;
    const std::size_t bits = detail::element_bits(type), most = 8 * piece.size() / bits;
    for (std::size_t done = 0; done < size_; done += most) {
      const std::size_t count = std::min(most, size_ - done);
      raw.source->read(raw.offset + done * bits / 8, (count * bits + 7) / 8, piece.data());
      decode(piece.data(), count, to + done);
    }
  }

  template <class Bits>
  static Bits bits_at(const unsigned char* bytes, std::size_t i) {
    Bits out = 0;
    for (std::size_t b = 0; b < sizeof(Bits); ++b)
      out = static_cast<Bits>(out | static_cast<Bits>(Bits{bytes[i * sizeof(Bits) + b]} << (8 * b)));
    return out;
  }

  /// Elements from their bits.
  template <class U>
  void decode(const unsigned char* bytes, std::size_t count, U* to) const {
    const auto all = [&](auto element) {
      for (std::size_t i = 0; i < count; ++i) to[i] = static_cast<U>(element(i));
    };
    const auto nibble = [&](std::size_t i) { return bytes[i / 2] >> (i % 2 == 0 ? 0 : 4) & 0xf; };
    const auto at = [&]<class Bits>(std::size_t i, Bits) { return bits_at<Bits>(bytes, i); };
    constexpr std::uint16_t u16 = 0;
    switch (type) {
      case ElementType::float32:
        return all([&](std::size_t i) { return std::bit_cast<float>(at(i, std::uint32_t{})); });
      case ElementType::float64:
        return all([&](std::size_t i) { return std::bit_cast<double>(at(i, std::uint64_t{})); });
      case ElementType::float16:
        return all([&](std::size_t i) { return detail::float_of_half(at(i, u16)); });
      case ElementType::bfloat16:
        return all([&](std::size_t i) { return detail::float_of_bfloat(at(i, u16)); });
      case ElementType::float8_e4m3fn:
        return all([&](std::size_t i) { return detail::float_of_e4m3fn(bytes[i]); });
      case ElementType::float8_e5m2:
        return all([&](std::size_t i) { return detail::float_of_e5m2(bytes[i]); });
      case ElementType::boolean:
        return all([&](std::size_t i) { return bytes[i] != 0 ? 1 : 0; });
      case ElementType::uint4:
        return all(nibble);
      case ElementType::int4:
        return all([&](std::size_t i) { return (nibble(i) ^ 8) - 8; });
      case ElementType::uint8:
        return all([&](std::size_t i) { return bytes[i]; });
      case ElementType::int8:
        return all([&](std::size_t i) { return static_cast<std::int8_t>(bytes[i]); });
      case ElementType::uint16:
        return all([&](std::size_t i) { return at(i, u16); });
      case ElementType::int16:
        return all([&](std::size_t i) { return static_cast<std::int16_t>(at(i, u16)); });
      case ElementType::uint32:
        return all([&](std::size_t i) { return at(i, std::uint32_t{}); });
      case ElementType::int32:
        return all([&](std::size_t i) { return static_cast<std::int32_t>(at(i, std::uint32_t{})); });
      case ElementType::int64:
        return all([&](std::size_t i) { return static_cast<std::int64_t>(at(i, std::uint64_t{})); });
      case ElementType::uint64:
        return all([&](std::size_t i) {
          const std::uint64_t value = at(i, std::uint64_t{});
          require(value <= std::uint64_t(std::numeric_limits<std::int64_t>::max()), "onnx: tensor '", name,
                  "' holds ", value, ", expected at most 2^63 - 1");
          return static_cast<std::int64_t>(value);
        });
    }
  }

  std::size_t size_ = 0;
  std::variant<Kept<float>, Kept<double>, Kept<std::int64_t>, Raw> elements_{};
};

}  // namespace foil::onnx
