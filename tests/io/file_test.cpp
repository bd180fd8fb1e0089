// SPDX-License-Identifier: MIT
#include "foil/io/file.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

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

TEST_CASE("file: the beginning can be written over", "[io][file]") {
  const TemporaryDirectory dir;
  foil::io::AtomicFile file(dir / "out");
  file.write("0 lines\na\nb\n");
  file.overwrite("2");
  file.commit();
  CHECK(read(dir / "out") == "2 lines\na\nb\n");
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

TEST_CASE("file: a pipe is written to, never replaced", "[io][file]") {
  const TemporaryDirectory dir;
  REQUIRE(mkfifo((dir / "pipe").string().c_str(), 0600) == 0);
  const int pipe = open((dir / "pipe").string().c_str(), O_RDWR);
  foil::io::write_file(dir / "pipe", "hello");
  char content[5] = {};
  REQUIRE(std::filesystem::is_fifo(dir / "pipe"));
  CHECK(::read(pipe, content, 5) == 5);
  CHECK(std::string(content, 5) == "hello");
  close(pipe);
}

TEST_CASE("file: when the disk is full, the old file stays and nothing is left behind", "[io][file]") {
  const TemporaryDirectory dir;
  write(dir / "out", "old");
  rlimit limit{};
  getrlimit(RLIMIT_FSIZE, &limit);
  const rlimit small{1000, limit.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  std::string message, again;
  try {
    foil::io::write_file(dir / "out", std::string(100000, 'x'));
  } catch (const foil::Error& error) {
    message = error.what();
  }
  {
    foil::io::AtomicFile file(dir / "out");
    try {
      file.write(std::string(100000, 'x'));
    } catch (const foil::Error&) {
      try {
        file.commit();
      } catch (const foil::Error& error) {
        again = error.what();
      }
    }
  }
  setrlimit(RLIMIT_FSIZE, &limit);
  std::signal(SIGXFSZ, handler);
  CHECK_THAT(message, ContainsSubstring("out: cannot be written: File too large"));
  CHECK_THAT(again, ContainsSubstring("out: cannot be written: a write failed"));
  CHECK(read(dir / "out") == "old");
  CHECK(dir.entries() == 1);
}

TEST_CASE("file: paths that cannot be used are named with the reason", "[io][file]") {
  const TemporaryDirectory dir;
  CHECK_THROWS_WITH(foil::io::AtomicFile(dir / "missing/out"),
                    ContainsSubstring("missing/out: cannot be written: No such file or directory"));
  CHECK_THROWS_WITH(foil::io::AtomicFile(dir.path()), ContainsSubstring("found a directory"));
  CHECK_THROWS_WITH(foil::io::detail::open_to_read(dir / "nothing"),
                    ContainsSubstring("nothing: cannot be read: No such file or directory"));
  CHECK_THROWS_WITH(foil::io::detail::open_to_read(dir.path()), ContainsSubstring("found a directory"));
}
