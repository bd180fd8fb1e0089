// SPDX-License-Identifier: MIT
#include "foil/io/file.hpp"

#include "io/temporary_directory.hpp"
#include "support/catch.hpp"

using Catch::Matchers::ContainsSubstring;
using foil_test::read;
using foil_test::TemporaryDirectory;
using foil_test::write;

TEST_CASE("file: what is committed replaces the old content in one step", "[io][file]") {
  const TemporaryDirectory dir;
  write(dir / "out", "old");
  foil::io::AtomicFile file(dir / "out");
  file.write("new ");
  file.write("content");
  CHECK(read(dir / "out") == "old");
  file.commit();
  CHECK(read(dir / "out") == "new content");
  CHECK(dir.entries() == 1);
}

TEST_CASE("file: without a commit the old file stays and nothing is left behind", "[io][file]") {
  const TemporaryDirectory dir;
  write(dir / "out", "old");
  {
    foil::io::AtomicFile existing(dir / "out"), fresh(dir / "fresh");
    existing.write("half");
    CHECK(dir.entries() == 3);
  }
  CHECK(read(dir / "out") == "old");
  CHECK(dir.entries() == 1);
}

TEST_CASE("file: somebody else's temporary file is left alone", "[io][file]") {
  const TemporaryDirectory dir;
  write(dir / "out.part0", "not ours");
  foil::io::write_file(dir / "out", "ours");
  CHECK(read(dir / "out") == "ours");
  CHECK(read(dir / "out.part0") == "not ours");
  CHECK(dir.entries() == 2);
}

TEST_CASE("file: a symbolic link keeps pointing to the file", "[io][file]") {
  const TemporaryDirectory dir;
  write(dir / "real", "old");
  std::filesystem::create_symlink(dir / "real", dir / "link");
  foil::io::write_file(dir / "link", "new");
  CHECK(std::filesystem::is_symlink(dir / "link"));
  CHECK(read(dir / "real") == "new");
}

TEST_CASE("file: a device is written to, never replaced", "[io][file]") {
  foil::io::write_file("/dev/null", "gone");
  CHECK(std::filesystem::is_character_file("/dev/null"));
}

TEST_CASE("file: paths that cannot be used are named with the reason", "[io][file]") {
  const TemporaryDirectory dir;
  CHECK_THROWS_WITH(foil::io::AtomicFile(dir / "missing/out"),
                    ContainsSubstring("missing/out: cannot be written: No such file or directory"));
  CHECK_THROWS_WITH(foil::io::AtomicFile(dir.path()), ContainsSubstring("found a directory"));
  CHECK_THROWS_WITH(foil::io::detail::open_to_read(dir / "nothing"),
                    ContainsSubstring("nothing: cannot be read: No such file or directory"));
  CHECK_THROWS_WITH(foil::io::detail::open_to_read(dir.path()), ContainsSubstring("found a directory"));
  if (std::filesystem::exists("/dev/full"))
    CHECK_THROWS_WITH(foil::io::write_file("/dev/full", "x"), ContainsSubstring("No space left on device"));
}
