// SPDX-License-Identifier: MIT
/// \file
/// libFuzzer's mutations of an ONNX file, applied to its messages: their lengths stay right, which bytes
/// changed at random would hardly ever leave them.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <protozero/exception.hpp>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>
#include <random>
#include <string>
#include <utility>
#include <vector>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace {

using Wire = protozero::pbf_wire_type;

enum class Kind {
  leaf,
  model,
  graph,
  opset,
  node,
  attribute,
  tensor,
  entry,
  value,
  type,
  tensor_type,
  shape,
  dimension
};

/// The messages that the fields of a message hold.
Kind child_of(Kind kind, std::uint32_t tag) {
  static const std::map<std::pair<Kind, std::uint32_t>, Kind> children{
      {{Kind::model, 7}, Kind::graph},       {{Kind::model, 8}, Kind::opset},
      {{Kind::graph, 1}, Kind::node},        {{Kind::graph, 5}, Kind::tensor},
      {{Kind::graph, 11}, Kind::value},      {{Kind::graph, 12}, Kind::value},
      {{Kind::node, 5}, Kind::attribute},    {{Kind::attribute, 5}, Kind::tensor},
      {{Kind::attribute, 6}, Kind::graph},   {{Kind::attribute, 10}, Kind::tensor},
      {{Kind::attribute, 11}, Kind::graph},  {{Kind::tensor, 13}, Kind::entry},
      {{Kind::value, 2}, Kind::type},        {{Kind::type, 1}, Kind::tensor_type},
      {{Kind::tensor_type, 2}, Kind::shape}, {{Kind::shape, 1}, Kind::dimension}};
  const auto found = children.find({kind, tag});
  return found == children.end() ? Kind::leaf : found->second;
}

/// A field: a number, bytes, or a message.
struct Field {
  std::uint32_t tag = 0;
  Wire wire = Wire::varint;
  Kind inside = Kind::leaf, kind = Kind::leaf;  ///< of the message around it, and of its own
  std::uint64_t number = 0;
  std::string bytes{};
  std::vector<Field> fields{};
};

std::vector<Field> read(protozero::pbf_reader message, Kind kind) {
  std::vector<Field> fields;
  while (message.next()) {
    Field field{message.tag(), message.wire_type(), kind};
    if (field.wire == Wire::varint) field.number = message.get_uint64();
    if (field.wire == Wire::fixed32) field.number = message.get_fixed32();
    if (field.wire == Wire::fixed64) field.number = message.get_fixed64();
    if (field.wire == Wire::length_delimited) {
      field.kind = child_of(kind, field.tag);
      const auto view = message.get_view();
      if (field.kind == Kind::leaf)
        field.bytes.assign(view.data(), view.size());
      else
        field.fields = read(protozero::pbf_reader(view), field.kind);
    }
    fields.push_back(std::move(field));
  }
  return fields;
}

std::string write(const std::vector<Field>& fields) {
  std::string out;
  protozero::pbf_writer message(out);
  for (const Field& field : fields) {
    if (field.wire == Wire::varint) message.add_uint64(field.tag, field.number);
    if (field.wire == Wire::fixed32) message.add_fixed32(field.tag, static_cast<std::uint32_t>(field.number));
    if (field.wire == Wire::fixed64) message.add_fixed64(field.tag, field.number);
    if (field.wire == Wire::length_delimited)
      message.add_bytes(field.tag, field.kind == Kind::leaf ? field.bytes : write(field.fields));
  }
  return out;
}

/// Every list of fields, and every field.
void collect(std::vector<Field>& fields, std::vector<std::vector<Field>*>& lists, std::vector<Field*>& all) {
  if (!fields.empty()) lists.push_back(&fields);
  for (Field& field : fields) {
    all.push_back(&field);
    collect(field.fields, lists, all);
  }
}

class Mutation {
 public:
  explicit Mutation(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t end) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_);
  }

  /// One change of a message. What is put in comes from `source`, another message or the same.
  void operator()(std::vector<Field>& model, std::vector<Field>& source) {
    std::vector<std::vector<Field>*> lists, others;
    std::vector<Field*> all, from;
    collect(model, lists, all);
    collect(source, others, from);
    if (all.empty()) return;
    std::vector<Field>& list = *lists[below(lists.size())];
    Field& one = list[below(list.size())];
    switch (below(8)) {
      case 0:
        list.erase(list.begin() + (&one - list.data()));
        break;
      case 1:
        std::swap(one, list[below(list.size())]);
        break;
      case 2:
      case 3: {  // another field that such a message may have
        const auto fits = [&](const Field& f) { return f.inside == one.inside; };
        if (const Field* found = choose(from, fits)) {
          const Field copy = *found;
          list.insert(list.begin() + static_cast<std::ptrdiff_t>(below(list.size() + 1)), copy);
        }
        break;
      }
      case 4: {  // the same field of another message
        const auto fits = [&](const Field& f) { return f.inside == one.inside && f.tag == one.tag; };
        if (const Field* found = choose(from, fits)) {
          Field copy = *found;
          one = std::move(copy);
        }
        break;
      }
      default:
        change(*all[below(all.size())], from);
    }
  }

 private:
  template <class F>
  const Field* choose(const std::vector<Field*>& from, F&& fits) {
    std::vector<const Field*> found;
    for (const Field* field : from)
      if (fits(*field)) found.push_back(field);
    return found.empty() ? nullptr : found[below(found.size())];
  }

  void change(Field& field, const std::vector<Field*>& from) {
    constexpr std::array<std::uint64_t, 12> numbers{0,
                                                    1,
                                                    2,
                                                    3,
                                                    5,
                                                    7,
                                                    16,
                                                    1 << 20,
                                                    std::uint64_t(1) << 31,
                                                    std::uint64_t(1) << 62,
                                                    std::uint64_t(1) << 63,
                                                    ~std::uint64_t(1)};
    if (field.wire != Wire::length_delimited) {
      field.number = below(4) == 0   ? field.number + 1
                     : below(3) == 0 ? ~field.number
                                     : numbers[below(numbers.size())];
    } else if (field.kind == Kind::leaf && below(2) == 0) {  // names are what holds a graph together
      const auto fits = [](const Field& f) {
        return f.wire == Wire::length_delimited && f.kind == Kind::leaf && f.bytes.size() < 40;
      };
      if (const Field* found = choose(from, fits)) field.bytes = std::string(found->bytes);
    } else if (field.kind == Kind::leaf) {
      const std::size_t size = field.bytes.size(), most = size + 16;
      field.bytes.resize(most);
      field.bytes.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(field.bytes.data()), size, most));
    }
  }

  std::minstd_rand random_;
};

/// Puts a mutation of a file, with parts of another or of itself, in `out`; returns its size, 0 if there is
/// none.
std::size_t mutate(Mutation& mutation, const std::uint8_t* file, std::size_t size, const std::uint8_t* other,
                   std::size_t other_size, std::uint8_t* out, std::size_t most) {
  const auto parse = [](const std::uint8_t* data, std::size_t length) {
    return read(protozero::pbf_reader(reinterpret_cast<const char*>(data), length), Kind::model);
  };
  try {
    std::vector<Field> model = parse(file, size), source = parse(other, other_size);
    for (std::size_t times = 1 + mutation.below(4); times > 0; --times) mutation(model, source);
    const std::string bytes = write(model);
    if (bytes.size() > most) return 0;
    std::copy(bytes.begin(), bytes.end(), out);
    return bytes.size();
  } catch (const protozero::exception&) {
    return 0;
  }
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most,
                                               unsigned seed) {
  Mutation mutation(seed);
  if (mutation.below(10) == 0) return LLVMFuzzerMutate(data, size, most);
  const std::size_t written = mutate(mutation, data, size, data, size, data, most);
  return written > 0 ? written : LLVMFuzzerMutate(data, size, most);
}

extern "C" std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* one, std::size_t one_size,
                                                 const std::uint8_t* two, std::size_t two_size,
                                                 std::uint8_t* out, std::size_t most, unsigned seed) {
  Mutation mutation(seed);
  return mutate(mutation, one, one_size, two, two_size, out, most);
}
