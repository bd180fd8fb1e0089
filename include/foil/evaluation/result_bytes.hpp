// SPDX-License-Identifier: MIT
/// \file
/// Results as bytes, for another process of the same program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "foil/core/error.hpp"
#include "foil/core/result.hpp"
#include "foil/core/status.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/checkpoint.hpp"

namespace foil {

namespace detail {

/// The counts of a result, in the order in which they are sent.
template <class Result, class Do>
void for_counts(Result& result, Do each) {
  each(result.queries);
  each(result.gradient_queries);
  each(result.verification_queries);
  each(result.surplus_gradient_queries);
  each(result.surplus_queries);
  each(result.bad_rows);
  each(result.zero_gradients);
  each(result.probability_rows);
  each(result.changed_answers);
}

template <class Scalar, int rank>
std::string result_format() {
  return text("foil result 2, ", sizeof(Scalar), " bytes, rank ", rank);
}

}  // namespace detail

/// A result as bytes that result_from() reads on a machine of the same byte order: all of it, to the bit.
template <Batch Input>
std::string to_bytes(const Result<Input>& result) {
  using Scalar = typename Input::Scalar;
  detail::StateWriter out;
  out << detail::result_format<Scalar, Input::NumIndices>();
  for (const Index axis : result.adversarials.dimensions()) out << std::int64_t{axis};
  out << std::string_view(reinterpret_cast<const char*>(result.adversarials.data()),
                          static_cast<std::size_t>(result.adversarials.size()) * sizeof(Scalar));
  out << std::int64_t{result.classes};
  for (Index i = 0; i < result.size(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    out << static_cast<std::uint8_t>(result.status[at]) << result.success[i] << result.distances[i]
        << result.predictions[i];
    detail::for_counts(result, [&](const Counts& counts) { out << counts[i]; });
    out << std::uint64_t{result.traces[at].size()};
    for (const TracePoint& point : result.traces[at])
      out << point.queries << point.gradient_queries << point.distance << point.loss;
    out << std::uint64_t{result.stages[at].size()};
    for (const StageCalls& calls : result.stages[at])
      out << calls.stage << calls.queries << calls.gradient_queries;
    out << std::uint64_t{result.parameters[at].size()};
    for (const double number : result.parameters[at]) out << number;
  }
  return out.bytes();
}

/// What to_bytes() has made of a result. Throws foil::Error for bytes that are none, or of inputs of another
/// type.
template <Batch Input>
Result<Input> result_from(std::string_view bytes) {
  using Scalar = typename Input::Scalar;
  detail::StateReader in(bytes);
  std::string format, numbers;
  in >> format;
  require(format == detail::result_format<Scalar, Input::NumIndices>(),
          "result: expected one of the same inputs, as to_bytes() writes it");
  typename Input::Dimensions shape;
  Index size = 1;
  for (Index& axis : shape) {
    std::int64_t length = 0;
    in >> length;
    require(length >= 0 && (length == 0 || size <= static_cast<Index>(bytes.size()) / length),
            "result: the bytes are damaged");
    size *= axis = static_cast<Index>(length);
  }
  in >> numbers;
  require(numbers.size() == static_cast<std::size_t>(size) * sizeof(Scalar), "result: the bytes are damaged");
  Input adversarials(shape);
  if (size > 0) std::memcpy(adversarials.data(), numbers.data(), numbers.size());
  Result<Input> result(adversarials);
  std::int64_t classes = 0;
  in >> classes;
  result.classes = static_cast<Index>(classes);
  for (Index i = 0; i < result.size(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    std::uint8_t status = 0;
    in >> status >> result.success[i] >> result.distances[i] >> result.predictions[i];
    require(status <= static_cast<std::uint8_t>(Status::failed), "result: the bytes are damaged");
    result.status[at] = static_cast<Status>(status);
    detail::for_counts(result, [&](Counts& counts) { in >> counts[i]; });
    result.traces[at].resize(in.count(4 * sizeof(std::uint64_t)));
    for (TracePoint& point : result.traces[at])
      in >> point.queries >> point.gradient_queries >> point.distance >> point.loss;
    result.stages[at].resize(in.count(sizeof(int) + 2 * sizeof(std::uint64_t)));
    for (StageCalls& calls : result.stages[at]) in >> calls.stage >> calls.queries >> calls.gradient_queries;
    result.parameters[at].resize(in.count(sizeof(double)));
    for (double& number : result.parameters[at]) in >> number;
  }
  return result;
}

}  // namespace foil
