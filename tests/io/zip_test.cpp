// SPDX-License-Identifier: MIT
#include "foil/io/zip.hpp"

#include <memory>
#include <string>
#include <vector>

#include "foil/io/array_file.hpp"
#include "io/npz_builder.hpp"
#include "io/temporary_directory.hpp"
#include "support/catch.hpp"

using Catch::Matchers::ContainsSubstring;
using foil::io::open_npy;
using foil_test::little_endian;
using foil_test::npy_bytes;
using foil_test::TemporaryDirectory;
using foil_test::write;
using foil_test::zip_bytes;

namespace {

std::string numbers(int count, int factor) {
  std::string out;
  for (int i = 0; i < count; ++i) out += static_cast<char>(i * factor);
  return out;
}

std::vector<int> values(const std::string& bytes) {
  std::vector<int> out;
  for (const char c : bytes) out.push_back(static_cast<unsigned char>(c));
  return out;
}

}  // namespace

TEST_CASE("zip: arrays are read in pieces and from anywhere, stored, deflated and with wide sizes",
          "[io][zip]") {
  const TemporaryDirectory dir;
  const bool deflated = GENERATE(false, true), wide = GENERATE(false, true);
  const std::string a = numbers(60000, 7), b = numbers(40, 3);
  write(dir / "a.npz", zip_bytes({{"a.npy", npy_bytes("|u1", "(3000, 20)", a)},
                                  {"b.npy", npy_bytes("|u1", "(10, 4)", b, true)}},
                                 deflated, wide));
  CAPTURE(deflated, wide);
  auto reader = open_npy(dir / "a.npz:a");
  CHECK(reader.rows() == 3000);
  for (const foil::Index row : {0, 2999, 17, 17, 1500}) {
    reader.seek(row);
    CHECK(reader.next(1).values<int>() == values(a.substr(static_cast<std::size_t>(row) * 20, 20)));
  }
  reader.seek(0);
  CHECK(reader.next(3000).values<int>() == values(a));
  auto fortran = open_npy(dir / "a.npz:b.npy");
  fortran.seek(3);
  CHECK(fortran.next(1).values<int>() == std::vector{9, 39, 69, 99});
}

TEST_CASE("zip: the only array and those of usual names are found, others are asked for", "[io][zip]") {
  const TemporaryDirectory dir;
  const std::string x = npy_bytes("|u1", "(1,)", "x"), y = npy_bytes("|u1", "(1,)", "y");
  const auto taken = [&](const char* place) {
    auto reader = open_npy(dir / place, {"images", "x"});
    return reader.next(1).values<int>()[0];
  };
  write(dir / "one.npz", zip_bytes({{"arr_0.npy", y}}, false));
  CHECK(taken("one.npz") == 'y');
  CHECK(taken("one.npz:arr_0") == 'y');
  write(dir / "two.npz", zip_bytes({{"y.npy", y}, {"x.npy", x}}, true));
  CHECK(taken("two.npz") == 'x');
  CHECK(taken("two.npz:y") == 'y');
  write(dir / "odd.npz", zip_bytes({{"train.npy", y}, {"test.npy", x}}, true));
  CHECK_THROWS_WITH(taken("odd.npz"),
                    ContainsSubstring("odd.npz: expected one array, or a choice as FILE:NAME, "
                                      "found train, test"));
  CHECK_THROWS_WITH(taken("odd.npz:none"), ContainsSubstring("expected an array 'none', found train, test"));
  CHECK_THROWS_WITH(taken("missing.npz:x"), ContainsSubstring("missing.npz: cannot be read"));
  write(dir / "empty.npz", zip_bytes({}, false));
  CHECK_THROWS_WITH(taken("empty.npz"), ContainsSubstring("found none"));
}

TEST_CASE("zip: what is damaged, encrypted or packed otherwise is named", "[io][zip]") {
  const TemporaryDirectory dir;
  const std::string x = npy_bytes("|u1", "(2000,)", numbers(2000, 11));
  const auto message = [&](const std::string& content) {
    write(dir / "a.npz", content);
    try {
      auto reader = open_npy(dir / "a.npz");
      reader.next(2000);
    } catch (const foil::Error& error) {
      CHECK_THAT(error.what(), ContainsSubstring("a.npz"));
      return std::string(error.what());
    }
    return std::string("no error");
  };
  const auto with = [&](bool deflated, const std::string& record, std::size_t at, const std::string& bytes) {
    std::string content = zip_bytes({{"x.npy", x}}, deflated);
    return content.replace(content.find(record) + at, bytes.size(), bytes);
  };
  CHECK(message(zip_bytes({{"x.npy", x}}, true)) == "no error");
  CHECK_THAT(message(with(true, "PK\1\2", 8, "\1")), ContainsSubstring("is encrypted"));
  CHECK_THAT(message(with(true, "PK\1\2", 10, "\x0c")), ContainsSubstring("found compression method 12"));
  CHECK_THAT(message(with(false, "PK\3\4", 1000, "?")), ContainsSubstring("the checksum does not fit"));
  CHECK_THAT(message(with(true, "PK\5\6", 0, "??")), ContainsSubstring("its end is missing"));
  CHECK_THAT(message(with(true, "PK\5\6", 10, "\xff\xff")),
             ContainsSubstring("table of contents is missing"));
  CHECK_THAT(message(with(true, "PK\5\6", 8, std::string("\x10\x27\x10\x27", 4))),
             ContainsSubstring("an entry is missing"));
  CHECK_THAT(message(with(true, "PK\1\2", 24, little_endian(1 << 30, 4))),
             ContainsSubstring("announces more than can be inflated"));
  CHECK_THAT(message(with(true, "PK\1\2", 24, little_endian(x.size() + 5, 4))),
             ContainsSubstring("does not fit the 2005 bytes"));
  CHECK_THAT(message(with(true, "PK\1\2", 20, little_endian(20, 4))), ContainsSubstring("truncated"));
  CHECK_THAT(message(with(true, "PK\5\6", 0, "").substr(0, 100)), ContainsSubstring("its end is missing"));
}

TEST_CASE("zip: flipped and cut bytes are an error or the array of the announced size", "[io][zip][fuzz]") {
  const bool deflated = GENERATE(false, true);
  const std::string intact = zip_bytes({{"x.npy", npy_bytes("|u1", "(6,)", "abcdef")}}, deflated);
  int refused = 0;
  const auto feed = [&](const std::string& content) {
    const auto bytes = [&] {
      return std::make_unique<foil::io::MemoryBytes>(
          "a.npz", std::vector<unsigned char>(content.begin(), content.end()));
    };
    try {
      auto archive = bytes();
      const foil::io::Zip zip(*archive);
      const auto& member = foil::io::find_array(zip, "a.npz", "", {});
      foil::io::NpyReader reader(foil::io::open_member("a.npz:x", std::move(archive), member));
      const auto array = reader.next(100);
      CHECK(array.bytes.size() <= 100);
    } catch (const foil::Error&) {
      ++refused;
    }
  };
  for (std::size_t at = 0; at < intact.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string content = intact;
      content[at] = static_cast<char>(content[at] ^ 1 << bit);
      feed(content);
    }
    feed(intact.substr(0, at));
  }
  CHECK(refused > static_cast<int>(3 * intact.size()));
}
