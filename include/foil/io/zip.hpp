// SPDX-License-Identifier: MIT
/// \file
/// Zip archives as NumPy writes them (.npz): members that are stored or deflated, also beyond 4 GB. Needs
/// zlib.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/io/bytes.hpp"
#include "foil/io/file.hpp"
#include "foil/io/npy_format.hpp"

namespace foil::io {

/// The table of contents of a zip archive. Throws foil::Error for damaged archives; what is read is bounded
/// by the size of the archive and by `most_members`.
class Zip {
 public:
  static constexpr std::uint64_t most_members = 10000;

  struct Member {
    std::string name;
    std::uint64_t packed_size, size, header;  // of the member in the archive, and where it begins
    std::uint32_t crc;
    unsigned method, flags;
  };

  explicit Zip(Bytes& archive) : archive_(archive) {
    std::uint64_t end = find_end();
    std::uint64_t count = number(end + 10, 2), size = number(end + 12, 4), begin = number(end + 16, 4);
    if (count == 0xffff || size == 0xffffffff || begin == 0xffffffff) {
      require(end >= 20 && number(end - 20, 4) == 0x07064b50, archive_.path(),
              "damaged zip archive: the table of contents is missing");
      end = number(end - 12, 8);
      require(number(end, 4) == 0x06064b50, archive_.path(),
              "damaged zip archive: the table of contents is missing");
      count = number(end + 32, 8), size = number(end + 40, 8), begin = number(end + 48, 8);
    }
    require(count <= most_members, archive_.path(), "expected at most ", most_members,
            " members of a zip archive, found ", count);
    for (std::uint64_t at = begin; count > 0; --count) at = add_member(at);
  }

  const std::vector<Member>& members() const { return members_; }

 private:
  /// Where the record lies that ends an archive: behind it there is only a comment.
  std::uint64_t find_end() {
    constexpr std::uint64_t record = 22, longest_comment = 65535;
    const std::uint64_t size = archive_.size();
    std::vector<unsigned char> tail(
        static_cast<std::size_t>(std::min<std::uint64_t>(size, record + longest_comment)));
    archive_.read(size - tail.size(), tail);
    for (std::size_t back = record; back <= tail.size(); ++back) {
      const unsigned char* at = tail.data() + (tail.size() - back);
      if (at[0] == 'P' && at[1] == 'K' && at[2] == 5 && at[3] == 6 && at[20] + 256u * at[21] == back - record)
        return size - back;
    }
    require(false, archive_.path(), "damaged zip archive: its end is missing");
    return 0;
  }

  std::uint64_t number(std::uint64_t at, std::size_t bytes) {
    std::array<unsigned char, 8> digits{};
    archive_.read(at, std::span(digits).first(bytes));
    std::uint64_t out = 0;
    for (std::size_t i = bytes; i-- > 0;) out = out << 8 | digits[i];
    return out;
  }

  /// Reads an entry of the table; returns where the next one is.
  std::uint64_t add_member(std::uint64_t at) {
    require(number(at, 4) == 0x02014b50, archive_.path(), "damaged zip archive: an entry is missing");
    Member member{.name = std::string(static_cast<std::size_t>(number(at + 28, 2)), ' '),
                  .packed_size = number(at + 20, 4),
                  .size = number(at + 24, 4),
                  .header = number(at + 42, 4),
                  .crc = static_cast<std::uint32_t>(number(at + 16, 4)),
                  .method = static_cast<unsigned>(number(at + 10, 2)),
                  .flags = static_cast<unsigned>(number(at + 8, 2))};
    archive_.read(at + 46, {reinterpret_cast<unsigned char*>(member.name.data()), member.name.size()});
    const std::uint64_t extra = at + 46 + member.name.size(), after = extra + number(at + 30, 2);
    for (std::uint64_t field = extra; field + 4 <= after;) {
      std::uint64_t value = field + 4;
      const std::uint64_t next = value + number(field + 2, 2);
      if (number(field, 2) == 1) {  // the numbers that do not fit into 32 bits, in this order
        for (std::uint64_t* wide : {&member.size, &member.packed_size, &member.header})
          if (*wide == 0xffffffff && value + 8 <= next) {
            *wide = number(value, 8);
            value += 8;
          }
      }
      field = next;
    }
    members_.push_back(std::move(member));
    return after + number(at + 32, 2);
  }

  Bytes& archive_;
  std::vector<Member> members_{};
};

/// The content of a member of an archive, which is named `label` in messages; the archive must be that which
/// the member was found in. A member that inflates to more than deflate can is damaged.
inline std::unique_ptr<Bytes> open_member(std::filesystem::path label, std::unique_ptr<Bytes> archive,
                                          const Zip::Member& member) {
  require((member.flags & 1) == 0, label, "is encrypted");
  require(member.method == 0 || member.method == 8, label,
          "expected a stored or deflated member, found compression method ", member.method);
  require(member.method == 8 || member.packed_size == member.size, label,
          "damaged zip archive: a size is wrong");
  require(member.size / detail::most_inflated <= member.packed_size, label,
          "damaged zip archive: announces more than can be inflated");
  std::array<unsigned char, 30> local{};
  archive->read(member.header, local);
  require(local[0] == 'P' && local[1] == 'K' && local[2] == 3 && local[3] == 4, label,
          "damaged zip archive: the member is missing");
  const std::uint64_t begin =
      member.header + 30 + (local[26] + 256u * local[27]) + (local[28] + 256u * local[29]);
  std::unique_ptr<Bytes> content =
      std::make_unique<PartOfBytes>(std::move(label), std::move(archive), begin, member.packed_size);
  if (member.method == 8) content = std::make_unique<InflatedBytes>(std::move(content), member.size);
  return std::make_unique<CheckedBytes>(std::move(content), member.crc);
}

/// The member of an .npz archive that a name, without ".npy", stands for. Without a name: the only one, or
/// the first of `usual` names that there is. Throws foil::Error naming what there is.
inline const Zip::Member& find_array(const Zip& zip, const std::filesystem::path& archive,
                                     std::string_view name, std::span<const std::string_view> usual) {
  const auto plain = [](const Zip::Member& member) {
    std::string_view text = member.name;
    if (text.ends_with(".npy")) text.remove_suffix(4);
    return text;
  };
  if (name.ends_with(".npy")) name.remove_suffix(4);
  const auto find = [&](std::string_view wanted) {
    return std::find_if(zip.members().begin(), zip.members().end(),
                        [&](const Zip::Member& member) { return plain(member) == wanted; });
  };
  if (name.empty() && zip.members().size() == 1) return zip.members().front();
  auto found = find(name);
  for (const std::string_view other : usual)
    if (name.empty() && found == zip.members().end()) found = find(other);
  std::string names;
  for (const Zip::Member& member : zip.members())
    if (names.size() < 200) names += (names.empty() ? "" : ", ") + detail::excerpt(plain(member));
  require(found != zip.members().end(), archive, "expected ",
          name.empty() ? "one array, or a choice as FILE:NAME" : "an array '" + detail::excerpt(name) + "'",
          ", found ", names.empty() ? "none" : names);
  return *found;
}

}  // namespace foil::io
