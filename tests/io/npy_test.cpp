// SPDX-License-Identifier: MIT
#include "foil/io/npy.hpp"

#include <cmath>
#include <limits>
#include <memory>

#include "io/temporary_directory.hpp"
#include "support/catch.hpp"

using Catch::Matchers::ContainsSubstring;
using foil_test::read;
using foil_test::TemporaryDirectory;
using foil_test::write;

namespace {

/// A file with this header text, padded as NumPy pads it.
std::string npy(std::string header, const std::string& data, char version = 1) {
  const std::size_t length_bytes = version == 1 ? 2 : 4;
  header.append(63 - (8 + length_bytes + header.size()) % 64, ' ') += '\n';
  std::string out = std::string("\x93NUMPY") + version + '\0';
  for (std::size_t i = 0; i < length_bytes; ++i) out += static_cast<char>(header.size() >> 8 * i & 255);
  return out + header + data;
}

const std::string six_bytes("\x01\x02\x03\x04\x05\xff");
const std::string six = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }";

}  // namespace

TEST_CASE("npy: reads versions 1, 2 and 3 and any spelling of the header", "[io][npy]") {
  const TemporaryDirectory dir;
  const std::string other = "{\"shape\":(2,3),\"fortran_order\":False,\"descr\":\"<u1\"}";
  for (const char version : {'\1', '\2', '\3'})
    for (const std::string& header : {six, other}) {
      write(dir / "a.npy", npy(header, six_bytes, version));
      const foil::io::NpyArray array = foil::io::read_npy(dir / "a.npy");
      CHECK(array.type == "|u1");
      CHECK(array.shape == std::vector<foil::Index>{2, 3});
      CHECK(array.values<int>() == std::vector<int>{1, 2, 3, 4, 5, 255});
    }
}

TEST_CASE("npy: scalars, vectors and empty arrays", "[io][npy]") {
  const TemporaryDirectory dir;
  const auto shape = [&](const std::string& text, const std::string& data) {
    write(dir / "a.npy", npy("{'descr': '|u1', 'fortran_order': False, 'shape': " + text + "}", data));
    return foil::io::read_npy(dir / "a.npy").shape;
  };
  CHECK(shape("()", "x").empty());
  CHECK(shape("(2,)", "xy") == std::vector<foil::Index>{2});
  CHECK(shape("(5, 0)", "") == std::vector<foil::Index>{5, 0});
}

TEMPLATE_TEST_CASE("npy: what is written is read back, bit for bit", "[io][npy][property]", float, double,
                   std::int8_t, std::int16_t, std::int32_t, std::int64_t, std::uint8_t, std::uint16_t,
                   std::uint32_t, std::uint64_t) {
  const TemporaryDirectory dir;
  const std::vector<TestType> values{TestType(0),
                                     TestType(1),
                                     TestType(-3),
                                     TestType(1) / TestType(3),
                                     std::numeric_limits<TestType>::max(),
                                     std::numeric_limits<TestType>::min()};
  for (const auto& shape : {std::vector<foil::Index>{6}, {2, 3}, {1, 2, 1, 3}}) {
    foil::io::write_npy<TestType>(dir / "a.npy", values, shape);
    const foil::io::NpyArray array = foil::io::read_npy(dir / "a.npy");
    CHECK(array.type == foil::io::detail::npy_type<TestType>);
    CHECK(array.shape == shape);
    CHECK(array.template values<TestType>() == values);
    CHECK(dir.entries() == 1);
  }
}

TEST_CASE("npy: the bytes written are those that NumPy writes", "[io][npy]") {
  const TemporaryDirectory dir;
  foil::io::write_npy<std::uint8_t>(dir / "a.npy", std::vector<std::uint8_t>{1, 2, 3, 4, 5, 255}, {2, 3});
  CHECK(read(dir / "a.npy") == npy(six, six_bytes));
}

TEST_CASE("npy: a vector's header is NumPy's, too", "[io][npy]") {
  const TemporaryDirectory dir;
  foil::io::write_npy<std::uint8_t>(dir / "a.npy", std::vector<std::uint8_t>{1, 2, 3, 4, 5, 255}, {6});
  CHECK(read(dir / "a.npy") == npy("{'descr': '|u1', 'fortran_order': False, 'shape': (6,), }", six_bytes));
}

TEST_CASE("npy: rows are read in pieces and from anywhere", "[io][npy]") {
  const TemporaryDirectory dir;
  write(dir / "a.npy", npy(six, six_bytes));
  foil::io::NpyReader reader(dir / "a.npy");
  CHECK(reader.type() == "|u1");
  CHECK(reader.rows() == 2);
  for (const foil::Index row : {1, 0, 1}) {
    reader.seek(row);
    const foil::io::NpyArray array = reader.next(1);
    CHECK(array.shape == std::vector<foil::Index>{1, 3});
    CHECK(array.values<int>() == (row == 0 ? std::vector{1, 2, 3} : std::vector{4, 5, 255}));
  }
  CHECK(reader.next(1).bytes.empty());
  CHECK_THROWS_WITH(reader.seek(3), ContainsSubstring("expected a row from 0 to 2, got 3"));
}

TEST_CASE("npy: what is written in pieces is what is written at once", "[io][npy]") {
  const TemporaryDirectory dir;
  const std::vector<float> values{1, 2, 3, 4, 5, 6};
  foil::io::write_npy<float>(dir / "whole.npy", values, {3, 2});
  foil::io::NpyWriter<float> file(dir / "pieces.npy", {3, 2});
  for (const std::size_t at : {std::size_t{0}, std::size_t{1}, std::size_t{4}})
    file.write(std::span(values).subspan(at, at == 0 ? 1 : at == 1 ? 3 : 2));
  CHECK_FALSE(std::filesystem::exists(dir / "pieces.npy"));
  file.commit();
  CHECK(read(dir / "pieces.npy") == read(dir / "whole.npy"));
}

TEST_CASE("npy: an array may become shorter than announced", "[io][npy]") {
  const TemporaryDirectory dir;
  foil::Tensor<float, 2> rows(3, 2);
  rows.setConstant(0.5f);
  std::vector<foil::Index> shape{1000000000000000000, 2};
  shape.insert(shape.end(), 15, 1);  // as announced, the header takes 64 bytes more than in the end
  foil::io::NpyWriter<float> file(dir / "a.npy", shape);
  file.write(rows);
  file.commit(3);
  shape[0] = 3;
  const foil::io::NpyArray array = foil::io::read_npy(dir / "a.npy");
  CHECK(array.shape == shape);
  CHECK(array.values<float>() == std::vector<float>(6, 0.5f));
  const auto refused = [&](const std::vector<foil::Index>& announced, foil::Index end) {
    foil::io::NpyWriter<float> other(dir / "b.npy", announced);
    other.write(rows);
    other.commit(end);
  };
  CHECK_THROWS_WITH(refused({4, 2}, 2), ContainsSubstring("asked to write 6 numbers in a shape for 4"));
  CHECK_THROWS_WITH(refused({4, 2}, 4), ContainsSubstring("asked to write 6 numbers in a shape for 8"));
  CHECK_THROWS_WITH(refused({2, 2}, 3), ContainsSubstring("asked to write 3 rows in a shape for 2"));
  CHECK_THROWS_WITH(refused({4, 2}, -1), ContainsSubstring("asked to write -1 rows in a shape for 4"));
  CHECK(dir.entries() == 1);
}

TEST_CASE("npy: a batch keeps its shape", "[io][npy]") {
  const TemporaryDirectory dir;
  foil::Tensor<float, 3> batch(2, 3, 4);
  for (foil::Index i = 0; i < batch.size(); ++i) batch.data()[i] = static_cast<float>(i) / 7;
  foil::io::write_npy(dir / "a.npy", batch);
  const foil::io::NpyArray array = foil::io::read_npy(dir / "a.npy");
  CHECK(array.shape == std::vector<foil::Index>{2, 3, 4});
  CHECK(array.values<float>() == std::vector<float>(batch.data(), batch.data() + batch.size()));
}

TEST_CASE("npy: integers are taken from integers that fit, and only from them", "[io][npy]") {
  const TemporaryDirectory dir;
  foil::io::write_npy<std::int64_t>(dir / "a.npy", std::vector<std::int64_t>{1, std::int64_t{1} << 40}, {2});
  CHECK_THROWS_WITH(foil::io::read_npy(dir / "a.npy").values<int>(),
                    ContainsSubstring("the value 1099511627776 at position 1 is too large"));
  foil::io::write_npy<float>(dir / "b.npy", std::vector<float>{1}, {1});
  CHECK_THROWS_WITH(foil::io::read_npy(dir / "b.npy").values<int>(),
                    ContainsSubstring("b.npy: expected integers, found elements of type <f4"));
  CHECK_THROWS_WITH(foil::io::write_npy<float>(dir / "c.npy", std::vector<float>{1}, {2}),
                    ContainsSubstring("asked to write 1 numbers in a shape for 2"));
}

TEST_CASE("npy: every malformed file is named with what was found and expected", "[io][npy]") {
  const TemporaryDirectory dir;
  const auto message = [&](const std::string& content) {
    write(dir / "bad.npy", content);
    try {
      foil::io::read_npy(dir / "bad.npy");
    } catch (const foil::Error& error) {
      const std::string text = error.what();
      CHECK_THAT(text, ContainsSubstring((dir / "bad.npy").string() + ": "));
      CHECK(text.find('\n') == text.npos);
      return text;
    }
    return std::string("no error");
  };
  const auto header = [](const std::string& descr, const std::string& order, const std::string& shape) {
    return "{'descr': " + descr + ", 'fortran_order': " + order + ", 'shape': " + shape + ", }";
  };
  CHECK_THAT(message(""), ContainsSubstring("truncated: expected 8 more bytes"));
  CHECK_THAT(message("not a numpy file"), ContainsSubstring("expected a .npy file, found another format"));
  CHECK_THAT(message(npy(six, six_bytes, 4)), ContainsSubstring("expected .npy version 1, 2 or 3, found 4"));
  CHECK_THAT(message(npy(six, six_bytes).substr(0, 40)),
             ContainsSubstring("the .npy header should have 118 bytes, found 30"));
  CHECK_THAT(message(npy(six, "abcde")),
             ContainsSubstring("in shape (2, 3), which does not fit the 5 bytes that follow"));
  CHECK_THAT(message(npy(six, "abcdefg")), ContainsSubstring("does not fit the 7 bytes"));
  CHECK_THAT(message(npy(header("'<c8'", "False", "(1,)"), "abcdefgh")), ContainsSubstring("found <c8"));
  CHECK_THAT(message(npy(header("'>f3'", "False", "(1,)"), "abc")), ContainsSubstring("found >f3"));
  CHECK_THAT(message(npy(header("'\n\x80'", "False", "(1,)"), "abcd")), ContainsSubstring("found ??"));
  CHECK_THAT(message(npy(header("[('x', '<f4')]", "False", "(1,)"), "abcd")),
             ContainsSubstring("found a record type"));
  CHECK_THAT(message(npy(six + std::string(70000, ' '), six_bytes, 2)),
             ContainsSubstring("expected a .npy header of at most 65536 bytes"));
  CHECK_THAT(message(npy(header(
                             "'|u1'", "False",
                             "(" +
                                 [] {
                                   std::string ones;
                                   for (int i = 0; i < 65; ++i) ones += "1,";
                                   return ones;
                                 }() +
                                 ")"),
                         "x")),
             ContainsSubstring("expected at most 64 dimensions, found 65"));
  CHECK_THAT(message(npy(header("'|u1'", "None", "(2, 3)"), six_bytes)),
             ContainsSubstring("expected 'False'"));
  CHECK_THAT(message(npy(header("'|u1'", "False", "(2, -3)"), six_bytes)),
             ContainsSubstring("found '-3), }"));
  CHECK_THAT(message(npy(header("'|u1'", "False", "(99999999999999999999,)"), six_bytes)),
             ContainsSubstring("expected a dimension"));
  CHECK_THAT(message(npy(header("'<f8'", "False", "(4294967296, 4294967296, 2)"), six_bytes)),
             ContainsSubstring("does not fit"));
  CHECK_THAT(message(npy("{'descr': '|u1', 'shape': (6,), }", six_bytes)),
             ContainsSubstring("lacks one of the keys"));
  CHECK_THAT(message(npy("{'descr': '|u1', 'descr': '|u1', }", six_bytes)),
             ContainsSubstring("repeated key 'descr'"));
  CHECK_THAT(message(npy(six + " more", six_bytes)), ContainsSubstring("unexpected text after"));
}

TEST_CASE("npy: flipped and cut bytes are an error or a file of the announced size", "[io][npy][fuzz]") {
  const TemporaryDirectory dir;
  const std::string intact = npy(six, six_bytes);
  int refused = 0, damaged = 0;
  const auto feed = [&](const std::string& content) {
    write(dir / "damaged.npy", content);
    ++damaged;
    try {
      const foil::io::NpyArray array = foil::io::read_npy(dir / "damaged.npy");
      CHECK(array.bytes.size() == 6);
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
  CHECK(refused > damaged / 2);
}

TEST_CASE("npy: every type in every byte order is the numbers that it stands for", "[io][npy]") {
  const TemporaryDirectory dir;
  const auto numbers = [&](const std::string& type, const std::string& bytes) {
    write(dir / "a.npy", npy("{'descr': '" + type + "', 'fortran_order': False, 'shape': (2,), }", bytes));
    const foil::io::NpyArray array = foil::io::read_npy(dir / "a.npy");
    CHECK(array.shape == std::vector<foil::Index>{2});
    return array.values<double>();
  };
  using Numbers = std::vector<double>;
  CHECK(numbers("|b1", std::string("\x00\x02", 2)) == Numbers{0, 1});
  CHECK(numbers("|i1", "\xff\x05") == Numbers{-1, 5});
  CHECK(numbers("|u1", "\xff\x05") == Numbers{255, 5});
  CHECK(numbers("<i2", std::string("\xfe\xff\x00\x01", 4)) == Numbers{-2, 256});
  CHECK(numbers(">i2", std::string("\xff\xfe\x01\x00", 4)) == Numbers{-2, 256});
  CHECK(numbers(">u2", std::string("\xff\xfe\x01\x00", 4)) == Numbers{65534, 256});
  CHECK(numbers("<u4", std::string("\x01\x00\x00\x80\x02\x00\x00\x00", 8)) == Numbers{2147483649.0, 2});
  CHECK(numbers(">i4", std::string("\x80\x00\x00\x01\x00\x00\x00\x02", 8)) == Numbers{-2147483647.0, 2});
  CHECK(numbers(">i8", std::string(7, '\xff') + "\xfd" + std::string(7, '\0') + "\x09") == Numbers{-3, 9});
  CHECK(numbers("<u8", "\x07" + std::string(7, '\0') + std::string(7, '\0') + "\x40") ==
        Numbers{7, std::ldexp(1.0, 62)});
  CHECK(numbers("<f2", std::string("\x00\x38\x00\xc4", 4)) == Numbers{0.5, -4});
  CHECK(numbers(">f2", std::string("\x38\x00\xc4\x00", 4)) == Numbers{0.5, -4});
  CHECK(numbers(">f4", std::string("\x3f\x00\x00\x00\xc0\x80\x00\x00", 8)) == Numbers{0.5, -4});
  CHECK(numbers(">f8", std::string("\x3f\xe0\0\0\0\0\0\0\xc0\x10\0\0\0\0\0\0", 16)) == Numbers{0.5, -4});
}

TEST_CASE("npy: rows in Fortran order are those of the array in C order", "[io][npy][property]") {
  const TemporaryDirectory dir;
  constexpr int rows = 5, a = 2, b = 3, c = 4;
  std::string in_c_order(rows * a * b * c * 2, ' '), in_fortran_order = in_c_order;
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < a; ++j)
      for (int k = 0; k < b; ++k)
        for (int l = 0; l < c; ++l) {
          const int at_c = ((i * a + j) * b + k) * c + l, at_fortran = i + rows * (j + a * (k + b * l));
          for (int byte = 0; byte < 2; ++byte)
            in_c_order[static_cast<std::size_t>(2 * at_c + byte)] =
                in_fortran_order[static_cast<std::size_t>(2 * at_fortran + byte)] =
                    static_cast<char>(byte == 0 ? at_c : 3);
        }
  const auto file = [&](const std::string& name, const std::string& fortran, const std::string& data) {
    write(dir / name,
          npy("{'descr': '>i2', 'fortran_order': " + fortran + ", 'shape': (5, 2, 3, 4), }", data));
    return foil::io::NpyReader(dir / name);
  };
  auto expected = file("c.npy", "False", in_c_order), found = file("f.npy", "True", in_fortran_order);
  for (const foil::Index first : {0, 3, 1}) {
    expected.seek(first);
    found.seek(first);
    CHECK(found.next(2).bytes == expected.next(2).bytes);
  }
  CHECK(found.next(100).shape == std::vector<foil::Index>{2, 2, 3, 4});
  CHECK(found.next(1).bytes.empty());
}

TEST_CASE("npy: bytes in memory are read like a file", "[io][npy]") {
  const std::string content = npy(six, six_bytes);
  foil::io::NpyReader reader(std::make_unique<foil::io::MemoryBytes>(
      "memory", std::vector<unsigned char>(content.begin(), content.end())));
  CHECK(reader.next(2).values<int>() == std::vector{1, 2, 3, 4, 5, 255});
}
