// SPDX-License-Identifier: MIT
#include "foil/io/idx.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "foil/io/gzip.hpp"
#include "io/temporary_directory.hpp"
#include "support/catch.hpp"

using Catch::Matchers::ContainsSubstring;
using foil_test::read;
using foil_test::TemporaryDirectory;
using foil_test::write;

namespace {

const std::string two_by_three("\0\0\x08\x02\0\0\0\x02\0\0\0\x03\x01\x02\x03\x04\x05\xff", 18);

void write_gzipped(const std::filesystem::path& path, const std::string& content) {
  gzFile file = gzopen(path.string().c_str(), "wb");
  REQUIRE(gzwrite(file, content.data(), static_cast<unsigned>(content.size())) > 0);
  REQUIRE(gzclose(file) == Z_OK);
}

}  // namespace

TEST_CASE("idx: reads shape and bytes, plain and gzipped", "[io][idx]") {
  const TemporaryDirectory dir;
  write(dir / "plain", two_by_three);
  write_gzipped(dir / "packed", two_by_three);
  for (const char* name : {"plain", "packed"}) {
    const foil::io::IdxArray array = foil::io::read_idx(dir / name);
    CHECK(array.shape == std::vector<foil::Index>{2, 3});
    CHECK(array.data == std::vector<std::uint8_t>{1, 2, 3, 4, 5, 255});
  }
}

TEST_CASE("idx: rows are read in pieces and from anywhere", "[io][idx]") {
  const TemporaryDirectory dir;
  write(dir / "plain", two_by_three);
  write_gzipped(dir / "packed", two_by_three);
  for (const char* name : {"plain", "packed"}) {
    foil::io::IdxReader reader(dir / name);
    CHECK(reader.shape() == std::vector<foil::Index>{2, 3});
    for (const foil::Index row : {1, 0, 1}) {
      reader.seek(row);
      const foil::io::IdxArray array = reader.next(1);
      CHECK(array.shape == std::vector<foil::Index>{1, 3});
      CHECK(array.data ==
            (row == 0 ? std::vector<std::uint8_t>{1, 2, 3} : std::vector<std::uint8_t>{4, 5, 255}));
    }
    CHECK(reader.next(1).data.empty());
  }
}

TEST_CASE("idx: opening reads the header only, the last row finds out what follows", "[io][idx]") {
  const TemporaryDirectory dir;
  write(dir / "long", two_by_three + "x");
  foil::io::IdxReader longer(dir / "long");
  CHECK(longer.next(1).data.size() == 3);
  CHECK_THROWS_WITH(longer.next(1), ContainsSubstring("more bytes follow"));
  write_gzipped(dir / "short", two_by_three.substr(0, 16));
  foil::io::IdxReader shorter(dir / "short");
  CHECK(shorter.next(1).data.size() == 3);
  CHECK_THROWS_WITH(shorter.next(1), ContainsSubstring("announces 6 elements, found 4"));
}

TEST_CASE("idx: what is gzipped may be followed by more of it or by zeros, by nothing else", "[io][idx]") {
  const TemporaryDirectory dir;
  std::string numbers;  // that hardly can be packed, several buffers of them
  for (std::uint32_t i = 0, state = 1; i < 300'000; ++i, state = state * 1664525 + 1013904223)
    numbers += static_cast<char>(state >> 24);
  write_gzipped(dir / "first", numbers);
  write_gzipped(dir / "second", two_by_three);
  const std::string first = read(dir / "first"), second = read(dir / "second");
  const auto unpacked = [&](const std::string& content) {
    write(dir / "packed", content);
    return foil::io::read_unpacked(dir / "packed", 1 << 20);
  };
  CHECK(unpacked(first + second + first) == numbers + two_by_three + numbers);
  CHECK(unpacked(first + second + std::string(100'000, '\0')) == numbers + two_by_three);
  for (const std::string& more :
       {std::string("x"), std::string("\0x", 2), std::string("\x1f\x8c"), second.substr(1)})
    CHECK_THROWS_AS(unpacked(first + more), foil::Error);
  CHECK_THROWS_WITH(unpacked(second + "more"),
                    ContainsSubstring("has something behind the end of what is gzipped"));
  CHECK_THROWS_WITH(unpacked(first + second.substr(0, 12)), ContainsSubstring("unexpected end of file"));

  write(dir / "packed", first + second);
  foil::io::GzipFile file(dir / "packed");
  CHECK_FALSE(file.plain());
  for (const std::size_t at : {299'999u, 7u, 300'001u, 0u, 300'018u}) {
    std::array<char, 4> found{};
    REQUIRE(file.seek(at));
    CHECK(std::string(found.data(), file.read(found.data(), 4)) == (numbers + two_by_three).substr(at, 4));
  }
  CHECK_FALSE(file.seek(300'019));
}

TEST_CASE("idx: dimensions are big-endian", "[io][idx]") {
  const TemporaryDirectory dir;
  write(dir / "long", std::string("\0\0\x08\x01\0\x01\x02\x03", 8) + std::string(0x10203, 'x'));
  CHECK(foil::io::read_idx(dir / "long").shape == std::vector<foil::Index>{0x10203});
}

TEST_CASE("idx: every malformed file is named with what was found and expected", "[io][idx]") {
  const TemporaryDirectory dir;
  const auto message = [&](std::string content) {
    write(dir / "bad", content);
    try {
      foil::io::read_idx(dir / "bad");
    } catch (const foil::Error& error) {
      CHECK_THAT(error.what(), ContainsSubstring((dir / "bad").string() + ": "));
      return std::string(error.what());
    }
    return std::string("no error");
  };
  const auto changed = [](std::size_t at, char value) {
    std::string content = two_by_three;
    content[at] = value;
    return content;
  };
  CHECK_THAT(message(""), ContainsSubstring("fewer than 4 bytes"));
  CHECK_THAT(message("text"), ContainsSubstring("found 116 101 120 116"));
  CHECK_THAT(message(changed(2, 13)),
             ContainsSubstring("expected idx elements of type 8 (unsigned byte), found type 13"));
  CHECK_THAT(message(changed(3, 0)), ContainsSubstring("expected 1 to 4 idx dimensions, found 0"));
  CHECK_THAT(message(changed(3, 5)), ContainsSubstring("found 5"));
  CHECK_THAT(message(two_by_three.substr(0, 10)),
             ContainsSubstring("announces 2 dimensions but ends after 1"));
  CHECK_THAT(message(two_by_three.substr(0, 17)), ContainsSubstring("announces 6 elements, found 5"));
  CHECK_THAT(message(two_by_three + "x"), ContainsSubstring("more bytes follow"));
}

TEST_CASE("idx: a header's claim alone allocates nothing", "[io][idx]") {
  const TemporaryDirectory dir;
  const std::string huge = std::string("\0\0\x08\x04", 4) + std::string(16, '\xff') + "abc";
  write(dir / "huge", huge);
  CHECK_THROWS_WITH(foil::io::read_idx(dir / "huge"), ContainsSubstring("more elements than any machine"));
  write(dir / "large", std::string("\0\0\x08\x03\x7f\xff\xff\xff\x7f\xff\xff\xff\0\0\0\x01", 16) + "abc");
  CHECK_THROWS_WITH(foil::io::read_idx(dir / "large"), ContainsSubstring("found 3"));
  // A file of three bytes that says one sample has four gigabytes: nobody may take room for it.
  const std::string wide(
      "\0\0\x08\x02\0\0\0\x01\xff\xff\xff\xff"
      "abc",
      15);
  write(dir / "wide", wide);
  CHECK_THROWS_WITH(foil::io::IdxReader(dir / "wide"),
                    ContainsSubstring("announces 4294967295 elements, found 3"));
  write_gzipped(dir / "wide.gz", wide);
  CHECK_THROWS_WITH(foil::io::IdxReader(dir / "wide.gz"), ContainsSubstring("can be unpacked to"));
}

TEST_CASE("idx: flipped and cut bytes are an error or a file of the announced size", "[io][idx][fuzz]") {
  const TemporaryDirectory dir;
  write_gzipped(dir / "packed", two_by_three);
  const std::string packed = read(dir / "packed");
  int refused = 0, damaged = 0;
  const auto feed = [&](const std::string& content) {
    write(dir / "damaged", content);
    ++damaged;
    try {
      const foil::io::IdxArray array = foil::io::read_idx(dir / "damaged");
      foil::Index total = 1;
      for (const foil::Index extent : array.shape) total *= extent;
      CHECK(static_cast<foil::Index>(array.data.size()) == total);
    } catch (const foil::Error&) {
      ++refused;
    }
  };
  for (const std::string& intact : {two_by_three, packed}) {
    for (std::size_t at = 0; at < intact.size(); ++at) {
      for (const int bit : {0, 3, 7}) {
        std::string content = intact;
        content[at] = static_cast<char>(content[at] ^ 1 << bit);
        feed(content);
      }
      feed(intact.substr(0, at));
    }
  }
  CHECK(refused > damaged / 2);
}
