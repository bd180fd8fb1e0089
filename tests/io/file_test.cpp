// SPDX-License-Identifier: MIT
#include "foil/io/file.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
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

TEST_CASE("file: what a killed process left is swept, what another writes is not", "[io][file]") {
  const TemporaryDirectory dir;
  write(dir / "out.part0", "not ours");
  write(dir / "out.foil-part-0", "of the dead");
  write(dir / "out.foil-part-2", "of the dead");
  {
    foil::io::AtomicFile living(dir / "out");
    CHECK(dir.entries() == 2);
    foil::io::AtomicFile other(dir / "out");
    CHECK(dir.entries() == 3);
    living.write("first");
    other.write("second");
    other.commit();
    CHECK(read(dir / "out") == "second");
    living.commit();
  }
  CHECK(read(dir / "out") == "first");
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

TEST_CASE("file: a symbolic link to nothing leads to a new file, one in a circle is an error", "[io][file]") {
  const TemporaryDirectory dir;
  std::filesystem::create_directory(dir / "there");
  std::filesystem::create_symlink("there/real", dir / "second");
  std::filesystem::create_symlink("second", dir / "first");
  foil::io::write_file(dir / "first", "new");
  CHECK(std::filesystem::is_symlink(dir / "first"));
  CHECK(std::filesystem::is_symlink(dir / "second"));
  CHECK(read(dir / "there/real") == "new");
  std::filesystem::create_symlink("circle", dir / "circle");
  CHECK_THROWS_WITH(foil::io::AtomicFile(dir / "circle"), ContainsSubstring("levels of symbolic links"));
  CHECK(std::filesystem::is_symlink(dir / "circle"));
  CHECK(dir.entries() == 4);
}

TEST_CASE("file: an older file's permissions are kept", "[io][file]") {
  const TemporaryDirectory dir;
  using std::filesystem::perms;
  write(dir / "out", "old");
  for (const perms mode : {perms(0600), perms(0646)}) {
    std::filesystem::permissions(dir / "out", mode);
    foil::io::write_file(dir / "out", "new");
    CHECK(std::filesystem::status(dir / "out").permissions() == mode);
  }
  std::filesystem::permissions(dir / "out", perms(0444));
  if (access((dir / "out").c_str(), W_OK) == 0) return;  // root may do anything
  CHECK_THROWS_WITH(foil::io::AtomicFile(dir / "out"), ContainsSubstring("cannot be written: Permission"));
  CHECK(dir.entries() == 1);
}

TEST_CASE("file: the program's own output is written to, whatever it is", "[io][file]") {
  const TemporaryDirectory dir;
  const bool piped = GENERATE(false, true);
  int ends[2] = {-1, -1};
  if (piped)
    REQUIRE(pipe(ends) == 0);
  else
    ends[1] = open((dir / "out").c_str(), O_WRONLY | O_CREAT, 0600);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    dup2(ends[1], 1);
    bool fine = ::write(1, "a", 1) == 1;
    try {
      const foil::io::AtomicFile probe("/dev/stdout");
      fine = fine && probe.direct();
      foil::io::write_file(piped ? std::filesystem::path("/dev/stdout") : dir / "out", "b");
    } catch (const foil::Error&) {
      fine = false;
    }
    fine = ::write(1, "c", 1) == 1 && fine;
    _exit(fine ? 0 : 1);
  }
  close(ends[1]);
  std::string content(3, ' ');
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  if (piped) {
    CHECK(::read(ends[0], content.data(), 3) == 3);
    close(ends[0]);
  } else {
    content = read(dir / "out");
  }
  CHECK(content == "abc");
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
  // Nobody writes into the pipe: opening it would wait for ever.
  REQUIRE(::mkfifo((dir / "pipe").c_str(), 0600) == 0);
  std::filesystem::create_symlink(dir / "pipe", dir / "link");
  for (const std::filesystem::path& path : {dir / "pipe", dir / "link", std::filesystem::path("/dev/zero")})
    CHECK_THROWS_WITH(foil::io::detail::open_to_read(path),
                      ContainsSubstring(path.string() + ": expected a regular file, found a pipe"));
}
