// SPDX-License-Identifier: MIT
#include "foil/geometry/largest.hpp"

#include <algorithm>
#include <random>
#include <span>
#include <vector>

#include "support/catch.hpp"

using foil::Index;
using namespace foil::geometry::detail;

TEST_CASE("Entries change sides as by the standard library's partition") {
  std::mt19937 random(1);
  for (const std::size_t size : {0u, 1u, 255u, 256u, 257u, 1000u, 2049u})
    for (const double share : {0.0, 0.02, 0.5, 0.98, 1.0}) {
      std::vector<double> values(size);
      std::uniform_real_distribution<double> unit;
      for (double& value : values) value = unit(random);
      const auto belongs = [&](double value) { return value < share; };
      std::vector<double> expected = values;
      const auto count = std::partition(expected.begin(), expected.end(), belongs) - expected.begin();
      CAPTURE(size, share);
      CHECK(partition(std::span(values), belongs) == static_cast<std::size_t>(count));
      CHECK(values == expected);
    }
}

TEST_CASE("What is looked for is found in order across blocks") {
  for (const Index size : {0, 1, 512, 513, 1500})
    for (const Index every : {1, 3, 600}) {
      std::vector<Index> found, expected;
      for_each_that(size, [&](Index i) { return i % every == 0; }, [&](Index i) { found.push_back(i); });
      for (Index i = 0; i < size; i += every) expected.push_back(i);
      CHECK(found == expected);
    }
}

TEST_CASE("As few of the largest entries as add up to the target") {
  std::mt19937 random(2);
  std::uniform_int_distribution<int> few(0, 9);
  for (const Index size : {1, 10, 300, 3000}) {
    std::vector<KeyedWeight> entries;
    for (Index i = 0; i < size; ++i)
      entries.push_back({static_cast<double>(few(random)), static_cast<double>(1 + few(random)), i});
    std::vector<KeyedWeight> sorted = entries;
    std::sort(sorted.begin(), sorted.end(), [](const KeyedWeight& a, const KeyedWeight& b) {
      return a.key != b.key ? a.key > b.key : a.index < b.index;
    });
    for (const double share : {0.01, 0.5, 0.99, 2.0}) {
      const double target = share * 5.5 * static_cast<double>(size);
      std::size_t needed = 0;
      for (double sum = 0; needed < sorted.size() && sum < target; ++needed) sum += sorted[needed].weight;
      std::vector<KeyedWeight> moved = entries;
      const std::size_t count = take_largest(moved, target);
      CAPTURE(size, share);
      REQUIRE(count == needed);
      CHECK(moved[count - 1].index == sorted[count - 1].index);  // the last of them at the end
      std::vector<Index> taken, expected;
      for (std::size_t k = 0; k < count; ++k) {
        taken.push_back(moved[k].index);
        expected.push_back(sorted[k].index);
      }
      std::sort(taken.begin(), taken.end());
      std::sort(expected.begin(), expected.end());
      CHECK(taken == expected);
    }
  }
}
