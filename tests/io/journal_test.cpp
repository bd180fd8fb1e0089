// SPDX-License-Identifier: MIT
#include "foil/io/journal.hpp"

#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "io/temporary_directory.hpp"
#include "support/catch.hpp"

namespace {
using Catch::Matchers::ContainsSubstring;
using foil::io::Journal;
using foil_test::read;
using foil_test::TemporaryDirectory;
using foil_test::write;
using Entries = std::vector<std::string>;

Entries entries(const std::filesystem::path& path) {
  return Journal(path).entries();
}

TEST_CASE("journal: entries are there again, whatever they hold", "[io][journal]") {
  const TemporaryDirectory dir;
  const Entries all{"one", "", std::string("\0\n", 2), std::string(100000, 'x')};
  CHECK(entries(dir / "j").empty());
  CHECK(dir.entries() == 0);
  for (const std::string& entry : all) {
    Journal journal(dir / "j");
    journal.append(entry);
  }
  CHECK(entries(dir / "j") == all);
  {
    Journal journal(dir / "j");
    journal.clear();
    CHECK(journal.entries().empty());
    journal.append("new");
  }
  CHECK(entries(dir / "j") == Entries{"new"});
  Journal(dir / "j").remove();
  CHECK(dir.entries() == 0);
}

TEST_CASE("journal: cut anywhere or damaged, it holds the entries before, and goes on", "[io][journal]") {
  const TemporaryDirectory dir;
  {
    Journal journal(dir / "j");
    for (const char* entry : {"one", "two", "three"}) journal.append(entry);
  }
  const std::string whole = read(dir / "j");
  const std::size_t mark = whole.find('\n') + 1, ends[]{mark + 15, mark + 30, mark + 47};
  REQUIRE(whole.size() == ends[2]);
  const Entries all{"one", "two", "three"};
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    write(dir / "j", whole.substr(0, size));
    Entries expected;
    for (std::size_t i = 0; i < 3 && ends[i] <= size; ++i) expected.push_back(all[i]);
    {
      Journal journal(dir / "j");
      REQUIRE(journal.entries() == expected);
      journal.append("more");
    }
    expected.push_back("more");
    REQUIRE(entries(dir / "j") == expected);
  }
  for (std::size_t at = ends[0]; at < ends[1]; ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    write(dir / "j", damaged);
    REQUIRE(entries(dir / "j") == Entries{"one"});
  }
}

TEST_CASE("journal: other files and another process's are refused", "[io][journal]") {
  const TemporaryDirectory dir;
  write(dir / "other", "my thesis");
  CHECK_THROWS_WITH(Journal(dir / "other"), ContainsSubstring("other: expected a journal, found another"));
  CHECK(read(dir / "other") == "my thesis");
  Journal journal(dir / "j");
  journal.append("one");
  CHECK_THROWS_WITH(Journal(dir / "j"), ContainsSubstring("j: another process is writing there"));
  Journal nowhere(dir / "missing/j");
  CHECK_THROWS_WITH(nowhere.append("one"), ContainsSubstring("cannot be written: No such file"));
}

TEST_CASE("journal: when the disk is full, the entries before stay", "[io][journal]") {
  const TemporaryDirectory dir;
  Journal journal(dir / "j");
  journal.append("one");
  rlimit limit{};
  getrlimit(RLIMIT_FSIZE, &limit);
  const rlimit small{1000, limit.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  std::string message;
  try {
    journal.append(std::string(100000, 'x'));
  } catch (const foil::Error& error) {
    message = error.what();
  }
  setrlimit(RLIMIT_FSIZE, &limit);
  std::signal(SIGXFSZ, handler);
  CHECK_THAT(message, ContainsSubstring("j: cannot be written: File too large"));
  journal.append("two");
  const std::string size = read(dir / "j");
  CHECK(size.size() < 100);
  std::filesystem::copy_file(dir / "j", dir / "copy");
  CHECK(entries(dir / "copy") == Entries{"one", "two"});
}
}  // namespace
