// SPDX-License-Identifier: MIT
#include "foil/io/table.hpp"

#include <zlib.h>

#include <filesystem>
#include <string>
#include <vector>

#include "io/temporary_directory.hpp"
#include "support/catch.hpp"

using Catch::Matchers::ContainsSubstring;
using foil::io::Table;
using foil_test::TemporaryDirectory;
using foil_test::write;

TEST_CASE("table: lines are split at commas, quotation marks hold cells together", "[io][table]") {
  const TemporaryDirectory dir;
  write(dir / "a.csv", "file, label\r\n\"a, \"\"b\"\"\",1\r\n,\t2\n\n\n");
  const Table table(dir / "a.csv", 100);
  using Cells = std::vector<std::string>;
  CHECK(table.lines() == std::vector<Cells>{{"file", "label"}, {"a, \"b\"", "1"}, {"", "2"}});
  CHECK(table.column("label") == 1);
  CHECK(table.column("more") == -1);
  CHECK(table.natural(2, 1) == 2);
  CHECK(table.text(1, 0) == "a, \"b\"");
  CHECK_THROWS_WITH(table.text(2, 0), ContainsSubstring("a.csv: expected something in cell 1 of line 3"));
  write(dir / "twice.csv", "label,file,label\n1,a,2\n");
  CHECK_THROWS_WITH(Table(dir / "twice.csv", 100).column("label"),
                    ContainsSubstring("twice.csv: the column 'label' is there twice"));
  CHECK(Table(dir / "twice.csv", 100).column("file") == 1);
  write(dir / "empty.csv", "");
  CHECK(Table(dir / "empty.csv", 100).lines().empty());
}

TEST_CASE("table: lines that do not fit are named", "[io][table]") {
  const TemporaryDirectory dir;
  const auto read = [&](const std::string& content) {
    write(dir / "a.csv", content);
    return Table(dir / "a.csv", 2);
  };
  CHECK(read("0\n1\n2\n").lines().size() == 3);
  CHECK_THROWS_WITH(read("0\n1\n2\n3\n"), ContainsSubstring("a.csv: expected at most 2 lines, found more"));
  CHECK_THROWS_WITH(read("a,b\n1\n"), ContainsSubstring("expected 2 cells in line 2, found 1"));
  CHECK_THROWS_WITH(read("1\n\n2\n"), ContainsSubstring("line 2 is empty"));
  CHECK_THROWS_WITH(read("1\n\"2\n"), ContainsSubstring("a quotation mark is not closed in line 2"));
  CHECK_THROWS_WITH(read(std::string("1\n2\0", 4)), ContainsSubstring("found something else in line 2"));
  CHECK_THROWS_WITH(read("1\n" + std::string(70000, 'x')),
                    ContainsSubstring("found something else in line 2"));
}

TEST_CASE("table: a gzipped file is the table in it, and a torn one is refused", "[io][table]") {
  const TemporaryDirectory dir;
  const std::string content = "subject,image\nsomebody,1\n";
  gzFile file = gzopen((dir / "a.csv.gz").string().c_str(), "wb");
  REQUIRE(gzwrite(file, content.data(), static_cast<unsigned>(content.size())) > 0);
  REQUIRE(gzclose(file) == Z_OK);
  write(dir / "a.csv", content);
  CHECK(Table(dir / "a.csv.gz", 100).lines() == Table(dir / "a.csv", 100).lines());
  std::filesystem::resize_file(dir / "a.csv.gz", std::filesystem::file_size(dir / "a.csv.gz") - 6);
  CHECK_THROWS_WITH(Table(dir / "a.csv.gz", 100), ContainsSubstring("a.csv.gz: cannot be read"));
}
