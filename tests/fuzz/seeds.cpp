// SPDX-License-Identifier: MIT
/// \file
/// Writes what the fuzz targets start from: a folder of small valid files for each, DIR/<target>/, and a
/// dictionary of the words of ONNX.
///   fuzz.seeds DIR
#include <png.h>
#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#ifdef FOIL_IO_JPEG
#include <jpeglib.h>
#endif

#include "catalogue/importer.hpp"
#include "foil/io/file.hpp"
#include "io/npz_builder.hpp"
#include "support/onnx_builder.hpp"

namespace {

using foil::test::attribute;
using foil::test::Attributes;
using foil::test::Floats;
using foil::test::Ints;
using foil::test::Names;
using foil::test::OnnxBuilder;
using foil::test::spread;
using foil::test::Storage;

/// Numbers the files of one target.
class Folder {
 public:
  Folder(const std::filesystem::path& parent, const std::string& name) : path_(parent / name) {
    std::filesystem::create_directories(path_);
  }
  void operator()(std::string_view bytes) { foil::io::write_file(path_ / std::to_string(count_++), bytes); }

 private:
  std::filesystem::path path_;
  int count_ = 0;
};

/// The words that a mutation would hardly find by itself.
void write_dictionary(const std::filesystem::path& path) {
  std::set<std::string> words{"Constant",   "NOTSET",  "VALID",     "SAME_UPPER",
                              "SAME_LOWER", "ai.onnx", "ai.onnx.ml"};
  for (const auto& [type, conversion] : foil::onnx::detail::conversions<float>()) words.emplace(type);
  for (const auto* name : {"allowzero",    "alpha",
                           "auto_pad",     "axes",
                           "axis",         "beta",
                           "bias",         "ceil_mode",
                           "dilations",    "epsilon",
                           "group",        "kernel_shape",
                           "max",          "min",
                           "pads",         "perm",
                           "strides",      "to",
                           "transA",       "transB",
                           "value",        "value_float",
                           "value_floats", "value_int",
                           "value_ints",   "count_include_pad",
                           "value_string", "keepdims",
                           "saturate",     "output_dtype"})
    words.emplace(name);
  std::string out;
  for (const std::string& word : words) out += "\"" + word + "\"\n";
  foil::io::write_file(path, out);
}

/// Models of the domain ai.onnx.ml, each node with all its attributes.
void write_learners(Folder& write) {
  const auto model = [&](const std::string& type, const Attributes& attributes) {
    OnnxBuilder file({-1, 2});
    file.node(type, {"x"}, Names{"h", "y"}, attributes, {}, "ai.onnx.ml");
    write(file.bytes());
  };
  const auto layer = [&](const std::string& type, const Attributes& attributes) {
    OnnxBuilder file({-1, 2});
    write(file.node(type, {"x"}, "y", attributes, {}, "ai.onnx.ml").bytes());
  };
  Attributes trees{attribute("nodes_treeids", Ints{0, 0, 0, 1}),
                   attribute("nodes_nodeids", Ints{0, 1, 2, 0}),
                   attribute("nodes_featureids", Ints{0, 0, 0, 0}),
                   attribute("nodes_values", Floats{0, 0, 0, 0}),
                   attribute("nodes_modes", Names{"BRANCH_EQ", "LEAF", "LEAF", "LEAF"}),
                   attribute("nodes_truenodeids", Ints{1, 0, 0, 0}),
                   attribute("nodes_falsenodeids", Ints{2, 0, 0, 0}),
                   attribute("nodes_missing_value_tracks_true", Ints{1, 0, 0, 0}),
                   attribute("post_transform", "SOFTMAX_ZERO"),
                   attribute("classlabels_int64s", Ints{0, 1, 2}),
                   attribute("aggregate_function", "MIN"),
                   attribute("n_targets", 3),
                   attribute("base_values", Floats{1, 2, 3})};
  for (const std::string kind : {"class", "target"}) {
    trees.push_back(attribute(kind + "_treeids", Ints{0, 0, 1}));
    trees.push_back(attribute(kind + "_nodeids", Ints{1, 2, 0}));
    trees.push_back(attribute(kind + "_ids", Ints{0, 1, 2}));
    trees.push_back(attribute(kind + "_weights", Floats{1, 2, -3}));
  }
  model("TreeEnsembleClassifier", trees);
  layer("TreeEnsembleRegressor", trees);
  Attributes machines{attribute("kernel_type", "POLY"),
                      attribute("kernel_params", Floats{1, 0, 2}),
                      attribute("coefficients", Floats{1, 2, 3, 4, 5, 6}),
                      attribute("support_vectors", Floats{1, 2, 3, 4, 5, 6}),
                      attribute("vectors_per_class", Ints{1, 1, 1}),
                      attribute("n_supports", 3),
                      attribute("rho", Floats{1, 2, 3}),
                      attribute("classlabels_ints", Ints{0, 1, 2}),
                      attribute("intercepts", Floats{1, 2, 3})};
  for (const std::string type : {"SVMClassifier", "LinearClassifier"}) model(type, machines);
  layer("SVMRegressor", machines);
  layer("LinearRegressor", machines);
  machines.push_back(attribute("prob_a", Floats{1, 2, 3}));
  machines.push_back(attribute("prob_b", Floats{1, 2, 3}));
  model("SVMClassifier", machines);
  layer("Imputer", {attribute("imputed_value_floats", Floats{1, 2}), attribute("replaced_value_float", 0.)});
  layer("Normalizer", {attribute("norm", "MAX")});
  layer("Binarizer", {attribute("threshold", 0.5)});
}

/// Constants and inputs of every type, in raw and typed fields, and what quantises.
void write_types(Folder& write) {
  constexpr int boolean = 9, float64 = 11;
  for (const auto& [type, bits, field] :
       std::vector<std::tuple<int, std::size_t, std::uint32_t>>{{2, 8, 5},
                                                                {3, 8, 5},
                                                                {4, 16, 5},
                                                                {5, 16, 5},
                                                                {6, 32, 5},
                                                                {7, 64, 7},
                                                                {9, 8, 5},
                                                                {10, 16, 5},
                                                                {11, 64, 0},
                                                                {12, 32, 11},
                                                                {13, 64, 11},
                                                                {16, 16, 5},
                                                                {17, 8, 5},
                                                                {19, 8, 5},
                                                                {21, 4, 5},
                                                                {22, 4, 5}}) {
    const std::string bytes(bits / 2, '\x01');  // four elements
    for (const bool typed : {false, true}) {
      OnnxBuilder file({-1, 4}, 21);
      file.input_type(type == 2 || type == 10 || type == float64 || type == 16 ? type : 1);
      const Ints values(bits == 4 ? 2 : 4, 1);
      file.encoded(typed && field != 0 ? foil::test::onnx_typed_tensor("c", type, {4}, field, values)
                                       : foil::test::onnx_raw_tensor("c", type, {4}, bytes));
      file.node("Cast", {"c"}, "f", {attribute("to", 1)}).node("Cast", {"x"}, "g", {attribute("to", 1)});
      write(file.node("Mul", {"g", "f"}, "y").bytes());
    }
    if (type == boolean || field == 0) continue;
    OnnxBuilder quantised({-1, 2, 2}, 21);
    quantised.constant("s", {}, {0.5f}).constant("t", {2}, {0.5f, 0.25f});
    quantised.encoded(foil::test::onnx_typed_tensor("z", type, {}, field, {1}))
        .encoded(foil::test::onnx_typed_tensor("u", type, {2}, field, Ints(bits == 4 ? 1 : 2, 0x11)));
    quantised.node("QuantizeLinear", {"x", "s", "z"}, "q").node("DequantizeLinear", {"q", "s", "z"}, "a");
    quantised.node("QuantizeLinear", {"a", "t", "u"}, "r", {attribute("axis", 1)})
        .node("DequantizeLinear", {"r", "t", "u"}, "b", {attribute("axis", 1)});
    quantised.constant("w", {2, 2}, {1, 2, 3, 4}).node("QuantizeLinear", {"w", "s", "z"}, "v");
    quantised.node("DequantizeLinear", {"v", "s", "z"}, "m").node("MatMul", {"b", "m"}, "p");
    write(quantised.node("Flatten", {"p"}, "y").bytes());
  }
  OnnxBuilder blocks({1, 2, 4}, 21);
  blocks.constant("s", {1, 2, 2}, {1, 2, 3, 4});
  blocks.node("QuantizeLinear", {"x", "s"}, "q", {attribute("axis", 2), attribute("block_size", 2)});
  blocks.node("DequantizeLinear", {"q", "s"}, "d", {attribute("axis", 2), attribute("block_size", 2)});
  write(blocks.node("Flatten", {"d"}, "y").bytes());
  OnnxBuilder integers({-1, 2, 2}, 17);
  integers.constant("s", {}, {0.5f}).constant("v", {2}, {0.5f, 0.25f});
  integers.encoded(foil::test::onnx_typed_tensor("z", 3, {}, 5, {1}));
  integers.encoded(foil::test::onnx_typed_tensor("w", 3, {2, 2}, 5, {1, -2, 3, 4}));
  integers.encoded(foil::test::onnx_typed_tensor("u", 3, {2}, 5, {0, 1}));
  integers.encoded(foil::test::onnx_typed_tensor("k", 3, {2, 2, 1}, 5, {1, -2, 3, 4}));
  integers.node("QuantizeLinear", {"x", "s", "z"}, "q");
  integers.node("QLinearConv", {"q", "s", "z", "k", "v", "u", "s", "z"}, "c");
  integers.node("QLinearMatMul", {"c", "s", "z", "w", "v", "u", "s", "z"}, "m");
  integers.node("QLinearConcat", {"s", "z", "m", "s", "z", "c", "s", "z"}, "j", {attribute("axis", 1)}, {},
                "com.microsoft");
  integers.node("DequantizeLinear", {"j", "s", "z"}, "d");
  integers.node("DynamicQuantizeLinear", {"d"}, Names{"e", "t", "o"});
  integers.node("MatMulInteger", {"e", "w", "o", "u"}, "i").node("Cast", {"i"}, "f", {attribute("to", 1)});
  write(integers.node("Mul", {"f", "t"}, "g").node("Flatten", {"g"}, "y").bytes());
  OnnxBuilder large({-1, 400});  // whose constants stay in the file
  large.constant("w", {400, 2}, spread(800, -1, 1)).constant("v", {400}, spread(400, -1, 1), Storage::packed);
  write(large.node("Mul", {"x", "v"}, "m").node("MatMul", {"m", "w"}, "y").bytes());
  write(OnnxBuilder({-1, 3})
            .node("Neg", {"x"}, "s")
            .node("ArgMax", {"s"}, "y", {attribute("axis", 1)})
            .bytes());
}

void write_networks(Folder write) {
  write(foil::test::network_of_everything().bytes());

  OnnxBuilder normalised({-1, 2, 4, 4}, 11);
  normalised.constant("w", {2, 1, 3, 3}, spread(18, -1, 1));
  for (const auto* name : {"scale", "shift", "mean", "variance"}) normalised.constant(name, {2}, {0.5f, 2});
  normalised.node("Conv", {"x", "w"}, "c", {attribute("group", 2), attribute("auto_pad", "SAME_UPPER")});
  normalised.node("BatchNormalization", {"c", "scale", "shift", "mean", "variance"}, "b");
  normalised.constant("low", {}, {0}).constant("high", {}, {6}).node("Clip", {"b", "low", "high"}, "r");
  normalised.node("Add", {"r", "x"}, "a")
      .node("BatchNormalization", {"a", "scale", "shift", "mean", "variance"}, "d");
  write(normalised.node("GlobalAveragePool", {"d"}, "p").node("Flatten", {"p"}, "y").bytes());

  OnnxBuilder folded({-1, 4});
  folded.constant("c", {1, 4}, spread(4, 1, 2)).constant("i", Ints{4, -1, 1LL << 33});
  folded.node("Constant", {}, "k",
              {{"value", foil::test::EncodedTensor{foil::test::onnx_tensor("", {1}, Ints{2})}}});
  folded.node("Cast", {"i"}, "n", {attribute("to", 6)})
      .node("Concat", {"k", "k"}, "l", {attribute("axis", 0)});
  folded.node("Transpose", {"c"}, "t").node("Reshape", {"t", "l"}, "u").node("Unsqueeze", {"c", "k"}, "v");
  folded.node("Mul", {"c", "t"}, "w").node("MatMul", {"x", "w"}, "z").node("Sub", {"z", "c"}, "y");
  write(folded.bytes());

  write_types(write);
  write(OnnxBuilder({1, 2, 3})
            .node("Squeeze", {"x"}, "s", {attribute("axes", Ints{1})})
            .node("Flatten", {"x"}, "y")
            .bytes());
  write(OnnxBuilder({-1, 1, 1, 2, 2}).node("Flatten", {"x"}, "y").bytes());

  write_learners(write);

  // Each operator with each number of inputs that it may have; not all of them load.
  for (const auto& [type, conversion] : foil::onnx::detail::conversions<float>()) {
    const auto arity = conversion.arity;
    for (std::size_t inputs = std::max<std::size_t>(1, arity.least_inputs);
         inputs <= arity.most_inputs && inputs <= 3; ++inputs) {
      OnnxBuilder single({-1, 2, 3, 3});
      single.constant("c", {2, 1, 1}, {1, 2});
      Names names(inputs, "c");
      names[0] = "x";
      single.node(std::string(type), names, "h", {attribute("axis", 1)}).node("Flatten", {"h"}, "y");
      write(single.bytes());
    }
  }
}

std::string npy(const std::string& type, const std::string& shape, std::size_t elements,
                bool fortran = false) {
  return foil_test::npy_bytes(type, shape,
                              std::string(elements * static_cast<std::size_t>(type[2] - '0'), '\0'), fortran);
}

void write_arrays(Folder write) {
  for (const auto* type :
       {"<f4", "<f8", "<i4", "<i8", "|u1", "<f2", ">f4", "<u2", "<i2", "|i1", "|b1", ">i8"}) {
    write(npy(type, "(2, 1, 2, 2)", 8));
    write(npy(type, "(3,)", 3));
  }
  write(npy("<f4", "(2, 2, 2, 1)", 8, true));
  write(npy("<f8", "(2, 3)", 6));
  write(npy("<i8", "(3, 1)", 3));
}

void write_archives(Folder write) {
  const std::string images = npy("|u1", "(2, 1, 2, 2)", 8), turned = npy("<f4", "(2, 2, 2, 1)", 8, true);
  for (const bool deflated : {false, true}) {
    write(foil_test::zip_bytes({{"x.npy", images}, {"y.npy", npy("<i8", "(2,)", 2)}}, deflated));
    write(foil_test::zip_bytes({{"x.npy", turned}}, deflated));
    write(foil_test::zip_bytes({{"images.npy", images}}, deflated, true));
  }
}

std::string idx(const std::vector<int>& shape) {
  std::string out("\0\0\x08", 3);
  out += static_cast<char>(shape.size());
  std::size_t count = 1;
  for (const int extent : shape) {
    out += std::string(3, '\0') + static_cast<char>(extent);
    count *= static_cast<std::size_t>(extent);
  }
  out.append(count, '\x05');
  return out;
}

std::string gzipped(const std::string& bytes) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, static_cast<unsigned long>(bytes.size())), '\0');
  stream.next_in = reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<unsigned>(bytes.size());
  stream.next_out = reinterpret_cast<unsigned char*>(out.data());
  stream.avail_out = static_cast<unsigned>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

void write_idx(Folder write) {
  for (const std::vector<int>& shape : {std::vector<int>{5}, {2, 3, 3}, {2, 1, 2, 2}, {2, 3}}) {
    write(idx(shape));
    write(gzipped(idx(shape)));
  }
}

std::string png(png_uint_32 width, png_uint_32 height, int bits, int colour, int interlace) {
  std::string out;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  const auto append = [](png_structp to, png_bytep bytes, std::size_t size) {
    static_cast<std::string*>(png_get_io_ptr(to))->append(reinterpret_cast<char*>(bytes), size);
  };
  png_set_write_fn(png, &out, append, nullptr);
  png_set_IHDR(png, info, width, height, bits, colour, interlace, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  png_color palette[2] = {{1, 2, 3}, {4, 5, 6}};
  if (colour == PNG_COLOR_TYPE_PALETTE) png_set_PLTE(png, info, palette, 2);
  png_write_info(png, info);
  std::vector<png_byte> row(png_get_rowbytes(png, info),
                            png_byte(colour == PNG_COLOR_TYPE_PALETTE ? 1 : 255));
  std::vector<png_bytep> rows(height, row.data());
  png_set_interlace_handling(png);
  png_write_image(png, rows.data());
  png_write_end(png, nullptr);
  png_destroy_write_struct(&png, &info);
  return out;
}

void write_pngs(Folder write) {
  for (const int interlace : {PNG_INTERLACE_NONE, PNG_INTERLACE_ADAM7}) {
    for (const int bits : {1, 2, 4, 8, 16}) write(png(3, 3, bits, PNG_COLOR_TYPE_GRAY, interlace));
    for (const int bits : {1, 8}) write(png(3, 2, bits, PNG_COLOR_TYPE_PALETTE, interlace));
    for (const int colour : {PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA, PNG_COLOR_TYPE_GRAY_ALPHA})
      write(png(2, 3, 8, colour, interlace));
  }
}

#ifdef FOIL_IO_JPEG
std::string jpeg(JDIMENSION width, JDIMENSION height, int channels, bool progressive) {
  jpeg_compress_struct to{};
  jpeg_error_mgr errors{};
  to.err = jpeg_std_error(&errors);
  jpeg_create_compress(&to);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&to, &bytes, &size);
  to.image_width = width;
  to.image_height = height;
  to.input_components = channels;
  to.in_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&to);
  if (progressive) jpeg_simple_progression(&to);
  jpeg_start_compress(&to, TRUE);
  std::vector<JSAMPLE> row(static_cast<std::size_t>(width) * static_cast<std::size_t>(channels));
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = static_cast<JSAMPLE>(37 * i);
  for (JSAMPROW rows = row.data(); to.next_scanline < height;) jpeg_write_scanlines(&to, &rows, 1);
  jpeg_finish_compress(&to);
  jpeg_destroy_compress(&to);
  std::string out(reinterpret_cast<char*>(bytes), size);
  std::free(bytes);
  return out;
}

void write_jpegs(Folder write) {
  for (const int channels : {1, 3})
    for (const bool progressive : {false, true}) write(jpeg(9, 10, channels, progressive));
}
#endif

void write_texts(Folder write) {
  write("0\n2\n1\n");
  write("label\r\n0\r\n10\r\n");
  write(
      "\xef\xbb\xbf"
      "file,label,\"a, note\"\na.png,3,\"x\"\"y\"\nb/c.jpg , 4,\n");
  write("a.png\nb/c.jpg\n");
}

void write_flows(Folder write) {
  write(
      "foil-flow 1\ninput 1 4 4\nbounds -1 1\nsqueeze 2\nscale 2\nshift 0.5 1 0 -1\nadditive one\nreverse\n"
      "sigmoid two 2  # half\nsplit 2\npermute 1 0\nmix 0 1 -1 0.5\nflatten\nfront 3 1\nsemantics 3\n");
  write("foil-flow 1\r\ninput 4 1 1\r\nexponential two\r\nsemantics 2\r\n");
}

void write_properties(Folder write) {
  const std::string declared =
      "; a box\n(declare-const X_0 Real)\n(declare-const X_1 Real)\n(declare-const Y_0 Real)\n"
      "(declare-const Y_1 Real)\n(assert (>= X_0 0.1))\n(assert (<= X_0 1e-1))\n";
  const std::string one = declared + "(assert (and (>= X_1 -1) (< (* 2 X_1) (+ 1 0.5))))\n";
  write(one + "(assert (or (and (<= Y_0 Y_1)) (> (- (* -1.5 Y_0) Y_1 2) 0.25)))\n");
  write(gzipped(one + "(assert (= Y_0 (- Y_1)))(assert (!= Y_1 (- 3)))\n"));
  write(declared +
        "(assert (or (and (>= X_1 0) (<= X_1 1) (<= Y_0 0)) (and (>= X_1 2) (<= X_1 3) (>= Y_0 0))))\n");
  write(
      "(vnnlib-version <2.0>)\n(declare-network f (declare-input A real [1,2]) (declare-output B float32 "
      "[]))\n"
      "(assert (and (>= A[0,0] 0) (<= A[0,0] 1) (>= A[0,1] 0) (<= A[0,1] 1) (== B 0.5)))\n");
  write("sat\n((X_0 0.5)\n(X_1 5e-1)\n(Y_0 -1.25)\n(Y_1 3))\n");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz.seeds DIR\n");
    return 2;
  }
  const std::filesystem::path out(argv[1]);
  write_networks({out, "onnx"});
  write_dictionary(out / "onnx.dictionary");
  write_arrays({out, "npy"});
  write_archives({out, "npz"});
  write_idx({out, "idx"});
  write_pngs({out, "png"});
#ifdef FOIL_IO_JPEG
  write_jpegs({out, "jpeg"});
#endif
  write_texts({out, "text"});
  write_flows({out, "flow"});
  write_properties({out, "vnnlib"});
}
