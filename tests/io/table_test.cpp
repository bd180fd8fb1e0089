// SPDX-License-Identifier: MIT
#include "foil/io/table.hpp"

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
