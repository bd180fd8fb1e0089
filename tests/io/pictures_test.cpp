// SPDX-License-Identifier: MIT
#include "foil/io/pictures.hpp"

#include <cstdlib>

#include "io/temporary_directory.hpp"
#include "support/catch.hpp"

using Catch::Matchers::ContainsSubstring;
using foil::Index;
using foil::io::list_pictures;
using foil::io::Picture;
using foil::io::PictureReader;
using foil::io::read_picture;
using foil_test::read;
using foil_test::TemporaryDirectory;
using foil_test::write;

namespace {

Picture sample_picture(int channels, int seed = 0) {
  Picture picture(7, 5, channels);
  for (Index y = 0; y < 5; ++y)
    for (Index x = 0; x < 7; ++x)
      for (int c = 0; c < channels; ++c)
        picture.pixel(x, y)[c] = static_cast<std::uint8_t>(x * 31 + y * 7 + c * 90 + seed);
  return picture;
}

/// A PNG of 3 x 2 pixels of that kind, whose bytes are 10, 20, 30, ...; at most `last` in the last place of
/// each pixel.
std::string png_of(int colour_type, int bits, int interlace = PNG_INTERLACE_NONE, int last = -1) {
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  std::string out;
  png_set_write_fn(
      png, &out,
      [](png_structp p, png_bytep data, png_size_t size) {
        static_cast<std::string*>(png_get_io_ptr(p))->append(reinterpret_cast<char*>(data), size);
      },
      [](png_structp) {});
  png_set_IHDR(png, info, 3, 2, bits, colour_type, interlace, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  png_set_gAMA(png, info, 0.3);
  png_color palette[4] = {{1, 2, 3}, {40, 50, 60}, {70, 80, 90}, {255, 0, 255}};
  if (colour_type == PNG_COLOR_TYPE_PALETTE) png_set_PLTE(png, info, palette, 4);
  const std::size_t bytes = (png_get_channels(png, info) * static_cast<std::size_t>(bits) * 3 + 7) / 8;
  std::vector<std::vector<png_byte>> rows(2, std::vector<png_byte>(bytes));
  std::vector<png_bytep> pointers;
  for (std::size_t y = 0; y < 2; ++y) {
    for (std::size_t i = 0; i < bytes; ++i) rows[y][i] = static_cast<png_byte>(10 * (y * bytes + i + 1));
    const std::size_t channels = png_get_channels(png, info);
    if (last >= 0)
      for (std::size_t i = channels - 1; i < bytes; i += channels) rows[y][i] = static_cast<png_byte>(last);
    pointers.push_back(rows[y].data());
  }
  png_set_rows(png, info, pointers.data());
  png_write_png(png, info, PNG_TRANSFORM_IDENTITY, nullptr);
  png_destroy_write_struct(&png, &info);
  return out;
}

#ifdef FOIL_IO_JPEG
std::string jpeg_of(const Picture& picture) {
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &bytes, &size);
  jpeg.image_width = static_cast<JDIMENSION>(picture.width());
  jpeg.image_height = static_cast<JDIMENSION>(picture.height());
  jpeg.input_components = picture.channels();
  jpeg.in_color_space = picture.channels() == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, 100, TRUE);
  jpeg_start_compress(&jpeg, TRUE);
  for (Index y = 0; y < picture.height(); ++y) {
    auto row = const_cast<JSAMPROW>(picture.pixel(0, y));
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  const std::string out(reinterpret_cast<char*>(bytes), size);
  jpeg_destroy_compress(&jpeg);
  std::free(bytes);
  return out;
}
#endif

using Bytes = std::vector<std::uint8_t>;

}  // namespace

TEST_CASE("pictures: a PNG that was written is read back, pixel by pixel", "[io][pictures]") {
  const TemporaryDirectory dir;
  const int channels = GENERATE(1, 3);
  const Picture picture = sample_picture(channels);
  foil::io::write_png(dir / "a.png", picture);
  const Picture found = read_picture(dir / "a.png");
  CHECK(found.width() == 7);
  CHECK(found.channels() == channels);
  CHECK(found.bytes() == picture.bytes());
}

TEST_CASE("pictures: every kind of PNG is gray or RGB with the numbers that it stores", "[io][pictures]") {
  const TemporaryDirectory dir;
  const auto bytes = [&](const std::string& content) {
    write(dir / "a.png", content);
    return read_picture(dir / "a.png").bytes();
  };
  const int interlace = GENERATE(PNG_INTERLACE_NONE, PNG_INTERLACE_ADAM7);
  CHECK(bytes(png_of(PNG_COLOR_TYPE_GRAY, 8, interlace)) == Bytes{10, 20, 30, 40, 50, 60});
  CHECK(bytes(png_of(PNG_COLOR_TYPE_RGB, 8, interlace)) ==
        Bytes{10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 130, 140, 150, 160, 170, 180});
  CHECK(bytes(png_of(PNG_COLOR_TYPE_GRAY_ALPHA, 8, interlace, 255)) == Bytes{10, 30, 50, 70, 90, 110});
  CHECK(bytes(png_of(PNG_COLOR_TYPE_RGBA, 8, interlace, 255)).size() == 18);
  CHECK(bytes(png_of(PNG_COLOR_TYPE_GRAY, 4, interlace)) == Bytes{0, 170, 17, 17, 238, 34});
  CHECK(bytes(png_of(PNG_COLOR_TYPE_PALETTE, 2, interlace)).size() == 18);
  CHECK_THROWS_WITH(bytes(png_of(PNG_COLOR_TYPE_GRAY_ALPHA, 8, interlace, 254)),
                    ContainsSubstring("found transparent"));
  CHECK_THROWS_WITH(bytes(png_of(PNG_COLOR_TYPE_RGBA, 8, interlace, 0)),
                    ContainsSubstring("found transparent"));
  CHECK_THROWS_WITH(bytes(png_of(PNG_COLOR_TYPE_GRAY, 16, interlace)),
                    ContainsSubstring("a.png: expected 8 bits per channel, found 16"));
}

TEST_CASE("pictures: flipped and cut bytes are an error or a picture", "[io][pictures][fuzz]") {
  std::vector<std::string> intact{png_of(PNG_COLOR_TYPE_RGB, 8),
                                  png_of(PNG_COLOR_TYPE_PALETTE, 2, PNG_INTERLACE_ADAM7)};
#ifdef FOIL_IO_JPEG
  intact.push_back(jpeg_of(sample_picture(3)));
#endif
  for (const std::string& content : intact) {
    int refused = 0, fed = 0;
    const bool is_png = content.starts_with("\x89PNG");
    const auto feed = [&](const std::string& damaged) {
      ++fed;
      const std::span bytes(reinterpret_cast<const unsigned char*>(damaged.data()), damaged.size());
      try {
        is_png ? foil::io::decode_png("a", bytes) : foil::io::decode_jpeg("a", bytes);
      } catch (const foil::Error&) {
        ++refused;
      }
    };
    for (std::size_t at = 0; at < content.size(); ++at) {
      std::string changed = content;
      changed[at] = static_cast<char>(changed[at] ^ 1 << at % 8);
      feed(changed);
      feed(content.substr(0, at));
    }
    CHECK(refused > fed / 3);
  }
}

#ifdef FOIL_IO_JPEG
TEST_CASE("pictures: JPEG is read in gray and in colour, and not by half", "[io][pictures]") {
  const TemporaryDirectory dir;
  const int channels = GENERATE(1, 3);
  Picture smooth(16, 16, channels);
  for (Index i = 0; i < 256; ++i)
    for (int c = 0; c < channels; ++c)
      smooth.pixel(i % 16, i / 16)[c] = static_cast<std::uint8_t>(40 + 5 * (i % 16) + 4 * (i / 16) + 20 * c);
  const std::string content = jpeg_of(smooth);
  write(dir / "a.jpg", content);
  const Picture found = read_picture(dir / "a.jpg");
  REQUIRE(found.channels() == channels);
  REQUIRE(found.width() == 16);
  for (std::size_t i = 0; i < smooth.bytes().size(); ++i)
    CHECK(std::abs(int{found.bytes()[i]} - int{smooth.bytes()[i]}) <= 6);
  write(dir / "a.jpg", content.substr(0, content.size() - 20));
  CHECK_THROWS_WITH(read_picture(dir / "a.jpg"), ContainsSubstring("a.jpg: cannot be read as JPEG: "));
}
#endif

TEST_CASE("pictures: folders in the order of names, with a class for each folder in it", "[io][pictures]") {
  const TemporaryDirectory dir;
  using Names = std::vector<std::string>;
  for (const char* name : {"b.PNG", "a10.png", "a9.png", ".hidden.png", "labels.csv"}) write(dir / name, "");
  std::filesystem::create_directory(dir / "empty");
  const auto flat = list_pictures(dir.path());
  CHECK(flat.names == Names{"a10.png", "a9.png", "b.PNG"});
  CHECK(flat.labels.size() == 0);
  CHECK(flat.classes.empty());

  const TemporaryDirectory sorted;
  for (const char* name : {"dog", "cat", "10"}) std::filesystem::create_directory(sorted / name);
  for (const char* name : {"dog/1.jpeg", "dog/0.png", "cat/9.jpg", "10/x.png"}) write(sorted / name, "");
  const auto list = list_pictures(sorted.path());
  CHECK(list.names == Names{"10/x.png", "cat/9.jpg", "dog/0.png", "dog/1.jpeg"});
  CHECK(list.classes == Names{"10", "cat", "dog"});
  CHECK(list.labels == Eigen::Vector4i(0, 1, 2, 2));

  std::filesystem::create_directory(sorted / "bird");
  write(sorted / "bird/0.bmp", "");
  CHECK_THROWS_WITH(list_pictures(sorted.path()),
                    ContainsSubstring("bird: expected the pictures of a class, found no PNG or JPEG file"));
  std::filesystem::create_directory(sorted / "bird/small");
  for (const char* name : {"bird/small/0.png", "bird/1.png"}) {
    write(sorted / name, "");
    CHECK_THROWS_WITH(list_pictures(sorted.path()),
                      ContainsSubstring("bird: expected the pictures of a class, found the folder small"));
  }

  write(sorted / "loose.png", "");
  CHECK_THROWS_WITH(list_pictures(sorted.path()), ContainsSubstring("found both"));
  CHECK_THROWS_WITH(list_pictures(dir / "empty"),
                    ContainsSubstring("expected PNG or JPEG files, found none"));
}

TEST_CASE("pictures: folders whose names are numbers are these classes, or of no known ones",
          "[io][pictures]") {
  const auto listed = [](const std::vector<std::string>& names) {
    const TemporaryDirectory dir;
    for (const std::string& name : names) {
      std::filesystem::create_directory(dir / name.c_str());
      write(dir.path() / name / "a.png", "");
    }
    return list_pictures(dir.path());
  };
  std::vector<std::string> eleven;
  for (int i = 0; i < 11; ++i) eleven.push_back(std::to_string(i));
  const auto list = listed(eleven);
  CHECK(list.classes == eleven);
  CHECK(list.names[2] == "2/a.png");
  CHECK(list.labels == Eigen::Matrix<int, 11, 1>::LinSpaced(0, 10));
  CHECK(listed({"01", "00"}).labels == Eigen::Vector2i(0, 1));
  for (const auto& names : std::vector<std::vector<std::string>>{{"0", "2"},
                                                                 {"1", "2"},
                                                                 {"8", "9", "10", "11"},
                                                                 {"0", "1", "01"},
                                                                 {"0", "99999999999999999999999"}}) {
    CHECK(listed(names).labels.size() == 0);
    CHECK(listed(names).classes.size() == names.size());
  }
  CHECK(listed({"8", "10", "n9"}).classes == std::vector<std::string>{"10", "8", "n9"});
  CHECK(listed({"8", "10", "n9"}).labels == Eigen::Vector3i(0, 1, 2));
}

TEST_CASE("pictures: those of a folder have a place of their own only if their names have one order",
          "[io][pictures]") {
  const auto check = [](const std::vector<std::string>& names) {
    const TemporaryDirectory dir;
    for (const std::string& name : names) {
      std::filesystem::create_directories((dir.path() / name).parent_path());
      write(dir.path() / name, "");
    }
    foil::io::require_one_order("labels.txt", list_pictures(dir.path()));
  };
  CHECK_NOTHROW(check({"1.png", "2.png", "9.png"}));
  CHECK_NOTHROW(check({"01.png", "02.png", "10.png"}));
  CHECK_NOTHROW(check({"a/01.png", "a/10.png", "a b/1.png", "b2.d/9.png"}));
  CHECK_NOTHROW(check({"a.png", "a1.png", "b.png", "B.png"}));
  CHECK_THROWS_WITH(check({"1.png", "2.png", "10.png"}),
                    ContainsSubstring("labels.txt: does not name the pictures") &&
                        ContainsSubstring("as 10.png and 2.png show"));
  CHECK_THROWS_WITH(check({"img_9_1.png", "img_10_1.png"}),
                    ContainsSubstring("img_10_1.png and img_9_1.png"));
  CHECK_THROWS_WITH(check({"a/9.png", "a/10.png"}), ContainsSubstring("a/10.png and a/9.png"));
  std::vector<std::string> by_class;
  for (int i = 0; i < 11; ++i) by_class.push_back(std::to_string(i) + "/a.png");
  CHECK_THROWS_WITH(check(by_class), ContainsSubstring("9/a.png and 10/a.png"));

  const TemporaryDirectory dir;
  write(dir / "list.txt", "10.png\n9.png\n");
  CHECK_NOTHROW(foil::io::require_one_order("labels.txt", list_pictures(dir / "list.txt")));
}

TEST_CASE("pictures: lists of files, and labels by name", "[io][pictures]") {
  const TemporaryDirectory dir;
  write(dir / "list.txt", "b.png\nsub/a.png\n");
  const auto list = list_pictures(dir / "list.txt");
  REQUIRE(list.files.size() == 2);
  CHECK(list.files[1] == dir.path() / "sub/a.png");
  CHECK(list.labels.size() == 0);
  write(dir / "list.csv", "label,file\n4,b.png\n2,/else/a.png\n");
  const auto labelled = list_pictures(dir / "list.csv");
  CHECK(labelled.files[0] == dir.path() / "b.png");
  CHECK(labelled.files[1] == "/else/a.png");
  CHECK(labelled.labels == Eigen::Vector2i(4, 2));
  write(dir / "odd.csv", "name,label\nb.png,4\n");
  CHECK_THROWS_WITH(list_pictures(dir / "odd.csv"),
                    ContainsSubstring("or a header 'file,label', found 'name'"));

  const auto match = [&](const std::string& text) {
    write(dir / "labels.csv", text);
    return match_labels(foil::io::Table(dir / "labels.csv", 100), list);
  };
  CHECK(match("file,label\na.png,1\n./b.png,3\n") == Eigen::Vector2i(3, 1));
  CHECK(match("file,label\nb.png,3\nsub/a.png,5\n") == Eigen::Vector2i(3, 5));
  CHECK_THROWS_WITH(match("file,label\na.png,1\nother.png,9\nb.png,3\n"),
                    ContainsSubstring("names 'other.png' in line 3, which is none of the 2 pictures"));
  CHECK_THROWS_WITH(match("file,label\na.png,1\nb.png,3\nsub/a.png,5\n"),
                    ContainsSubstring("names 'a.png' in line 2, which is none"));
  CHECK_THROWS_WITH(match("file,label\na.png,1\n"), ContainsSubstring("has no label for b.png"));
  CHECK_THROWS_WITH(match("file,label\na.png,1\n./a.png,1\n"), ContainsSubstring("names './a.png' twice"));
  CHECK_THROWS_WITH(match("1\n2\n"), ContainsSubstring("expected columns 'file' and 'label'"));

  write(dir / "twice.txt", "a.png\nsub/a.png\nsub/b.png\n");
  const auto twice = list_pictures(dir / "twice.txt");
  const auto match_twice = [&](const std::string& text) {
    write(dir / "labels.csv", text);
    return match_labels(foil::io::Table(dir / "labels.csv", 100), twice);
  };
  CHECK(match_twice("file,label\na.png,1\nsub/a.png,2\nb.png,3\n") == Eigen::Vector3i(1, 2, 3));
  CHECK_THROWS_WITH(match_twice("file,label\na.png,1\nb.png,3\n"),
                    ContainsSubstring("names 'a.png', of which there are 2, sub/a.png among them"));
}

TEST_CASE("pictures: read one after another, gray among colours, and the one that does not fit is named",
          "[io][pictures]") {
  const TemporaryDirectory dir;
  foil::io::write_png(dir / "0.png", sample_picture(3));
  foil::io::write_png(dir / "1.png", sample_picture(1, 5));
  foil::io::write_png(dir / "2.png", sample_picture(3, 9));
  PictureReader reader(list_pictures(dir.path()));
  CHECK(reader.shape() == std::vector<Index>{3, 5, 7, 3});
  CHECK(reader.next(1).data == sample_picture(3).bytes());
  const auto rest = reader.next(10);
  CHECK(rest.shape == std::vector<Index>{2, 5, 7, 3});
  for (std::size_t i = 0; i < 35; ++i)
    for (std::size_t c = 0; c < 3; ++c) CHECK(rest.data[3 * i + c] == sample_picture(1, 5).bytes()[i]);
  reader.seek(2);
  CHECK(reader.next(1).data == sample_picture(3, 9).bytes());
  CHECK(reader.next(1).data.empty());

  foil::io::write_png(dir / "1.png", Picture(7, 4, 3));
  reader.seek(1);
  CHECK_THROWS_WITH(reader.next(1), ContainsSubstring("1.png: expected 7 x 5 pixels, found 7 x 4"));
  reader.set_channels(1);
  reader.seek(0);
  CHECK_THROWS_WITH(reader.next(1), ContainsSubstring("0.png: expected a gray picture, found colours"));
  write(dir / "0.png", "text");
  CHECK_THROWS_WITH(reader.next(1), ContainsSubstring("0.png: expected a PNG or a JPEG file, found neither"));
  std::filesystem::remove(dir / "0.png");
  CHECK_THROWS_WITH(reader.next(1), ContainsSubstring("0.png: cannot be read: No such file"));
}
