// SPDX-License-Identifier: MIT
#include "foil/io/labels.hpp"

#include <zlib.h>

#include "io/npz_builder.hpp"
#include "io/temporary_directory.hpp"
#include "support/catch.hpp"

using Catch::Matchers::ContainsSubstring;
using foil::io::holds_labels;
using foil::io::read_labels;
using foil_test::npy_bytes;
using foil_test::TemporaryDirectory;
using foil_test::write;

TEST_CASE("labels: integers of every type, order and shape, from .npy and .npz", "[io][labels]") {
  const TemporaryDirectory dir;
  const auto little = [](int bytes) {
    return foil_test::little_endian(7, bytes) + foil_test::little_endian(0, bytes) +
           foil_test::little_endian(100, bytes);
  };
  const auto big = [&](int bytes) {
    std::string out = little(bytes);
    for (int i = 0; i < 3; ++i) std::reverse(out.begin() + i * bytes, out.begin() + (i + 1) * bytes);
    return out;
  };
  const foil::Labels expected = Eigen::Vector3i(7, 0, 100);
  for (const char kind : {'i', 'u'})
    for (const int bytes : {1, 2, 4, 8}) {
      const std::string type = kind + std::to_string(bytes);
      CAPTURE(type);
      write(dir / "little", npy_bytes((bytes == 1 ? "|" : "<") + type, "(3,)", little(bytes)));
      write(dir / "big", npy_bytes(">" + type, "(3,)", big(bytes)));
      write(dir / "column", npy_bytes("<" + type, "(3, 1)", little(bytes), true));
      write(dir / "packed",
            foil_test::zip_bytes({{"x.npy", "?"}, {"y.npy", foil_test::read(dir / "big")}}, true));
      for (const char* name : {"little", "big", "column", "packed"})
        CHECK(read_labels(dir / name) == expected);
      for (const char* name : {"little", "big", "column"}) CHECK(holds_labels(dir / name));
    }
}

TEST_CASE("labels: text with one number per line, and CSV", "[io][labels]") {
  const TemporaryDirectory dir;
  const foil::Labels expected = Eigen::Vector3i(7, 0, 100);
  for (const char* text :
       {"7\n0\n100\n", "7\n0\n100",
        "\xef\xbb\xbf"
        "7\r\n0\r\n 100 \r\n\r\n",
        "label\n7\n0\n100\n", "y\n7\n0\n100\n", "file,label\na.png,7\n\"b, c.png\",0\nd.png,100\n",
        "label,file,more\n\"7\",a,1.5\n0,b,x\n100,c,\n"}) {
    CAPTURE(text);
    write(dir / "labels.csv", text);
    CHECK(read_labels(dir / "labels.csv") == expected);
  }
  write(dir / "labels.txt", "7\n0\n");
  CHECK(holds_labels(dir / "labels.txt"));
  write(dir / "list.txt", "a.png\nb.png\n");
  CHECK_FALSE(holds_labels(dir / "list.txt"));
}

TEST_CASE("labels: what is no list of classes is named with the reason", "[io][labels]") {
  const TemporaryDirectory dir;
  const auto message = [&](const std::string& content) {
    write(dir / "y", content);
    try {
      read_labels(dir / "y");
    } catch (const foil::Error& error) {
      CHECK_THAT(error.what(), ContainsSubstring((dir / "y").string() + ": "));
      return std::string(error.what());
    }
    return std::string("no error");
  };
  const auto npy = [&](const char* type, const char* shape, std::size_t bytes, char last = 0) {
    return message(npy_bytes(type, shape, std::string(bytes - 1, '\0') + last));
  };
  CHECK_THAT(npy("<f4", "(3,)", 12),
             ContainsSubstring("expected labels that are integers, found elements of type <f4"));
  CHECK_THAT(npy("<f4", "(3, 1)", 12), ContainsSubstring("expected labels that are integers"));
  CHECK_THAT(npy("|b1", "(3,)", 3),
             ContainsSubstring("found elements of type |b1 (bools: which class is true?)"));
  CHECK_THAT(npy("|u1", "(3, 2)", 6), ContainsSubstring("found (3, 2); of one-hot labels, take the argmax"));
  CHECK_THAT(npy("|u1", "()", 1), ContainsSubstring("in a shape (N), found ()"));
  CHECK_THAT(npy("|i1", "(3,)", 3, '\xff'), ContainsSubstring("from 0 upwards, found -1 in row 2"));
  CHECK_THAT(npy("<u8", "(1,)", 8, '\1'),
             ContainsSubstring("the value 72057594037927936 at position 0 is too large"));
  CHECK_THAT(message("1\n2.0\n"),
             ContainsSubstring("expected a class from 0 to 2^31 - 1, found '2.0' in line 2"));
  for (const char* first :
       {"1.0", "0x1", "+1", "-1", "1e0", ".5", "nan", "-inf", "1e999", "1 2", "1;2", "?", "1/1", "0xg"}) {
    CAPTURE(first);
    const bool is_name = std::string(first) == "0xg";
    CHECK_THAT(message(std::string(first) + "\n1\n"),
               is_name ? ContainsSubstring("no error")
                       : ContainsSubstring("found '" + std::string(first) + "' in line 1"));
  }
  CHECK_THAT(message("1\n-1\n"), ContainsSubstring("found '-1' in line 2"));
  CHECK_THAT(message("1\n2147483648\n"), ContainsSubstring("found '2147483648' in line 2"));
  CHECK_THAT(message("label\ncat\n"), ContainsSubstring("found 'cat' in line 2"));
  CHECK_THAT(message("file,class\na,1\n"), ContainsSubstring("or a column named 'label', found 2 columns"));
  CHECK_THAT(message("1,2\n3,4\n"), ContainsSubstring("found 2 columns"));
  CHECK_THAT(message("label\n"), ContainsSubstring("found (0)"));
  CHECK_THAT(message(std::string("\x89PNG")), ContainsSubstring("another format"));
  CHECK_THROWS_WITH(read_labels(dir.path()), ContainsSubstring("found a folder"));
}

TEST_CASE("labels: more than there may be are refused before they are read", "[io][labels]") {
  const TemporaryDirectory dir;
  // Truncated: whoever reads the announced labels finds that out instead.
  const std::string header("\0\0\x08\x01\0\0\x10\0", 8);
  gzFile packed = gzopen((dir / "idx.gz").string().c_str(), "wb");
  REQUIRE(gzwrite(packed, header.data(), 8) == 8);
  REQUIRE(gzclose(packed) == Z_OK);
  CHECK_THROWS_WITH(read_labels(dir / "idx.gz", 10),
                    ContainsSubstring("expected at most 10 labels, found 4096"));
  write(dir / "y.npy", npy_bytes("|u1", "(11,)", "abcdefghijk"));
  CHECK_THROWS_WITH(read_labels(dir / "y.npy", 10),
                    ContainsSubstring("expected at most 10 labels, found 11"));
  CHECK(read_labels(dir / "y.npy", 11).size() == 11);
  write(dir / "y.txt", "0\n1\n2\nnot looked at any more");
  CHECK_THROWS_WITH(read_labels(dir / "y.txt", 1), ContainsSubstring("expected at most 1 lines, found more"));
}
