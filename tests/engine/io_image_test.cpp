// SPDX-License-Identifier: Apache-2.0
#include "engine/io/image.h"

#include <cmath>

#include "engine/io/file.h"
#include "engine/io/gzip.h"
#include "engine/io/jpeg.h"
#include "engine/io/png.h"
#include "tests/engine/io_testing.h"

namespace ingrad {
namespace {

Tensor pattern(std::int64_t height, std::int64_t width, std::int64_t channels) {
  const Tensor t = Tensor::empty({height, width, channels}, DType::u8);
  for (std::int64_t i = 0; i < t.size(); ++i) {
    t.mutable_data<std::uint8_t>()[i] = static_cast<std::uint8_t>(i * 37 % 251);
  }
  return t;
}

// 8x8 grey, made with libjpeg at quality 75: one constant block of value 128.
const unsigned char kTinyJpeg[] = {
    0xff, 0xd8, 0xff, 0xdb, 0x00, 0x43, 0x00, 1, 1, 1, 1,    1, 1,    1,    1,    1,    1,    1,
    1,    1,    1,    1,    1,    1,    1,    1, 1, 1, 1,    1, 1,    1,    1,    1,    1,    1,
    1,    1,    1,    1,    1,    1,    1,    1, 1, 1, 1,    1, 1,    1,    1,    1,    1,    1,
    1,    1,    1,    1,    1,    1,    1,    1, 1, 1, 1,    1, 1,    1,    1,    1,    1,    0xff,
    0xc0, 0x00, 0x0b, 8,    0,    8,    0,    8, 1, 1, 0x11, 0, 0xff, 0xc4, 0x00, 0x14, 0x00, 1,
    0,    0,    0,    0,    0,    0,    0,    0, 0, 0, 0,    0, 0,    0,    0,    0,    0xff, 0xc4,
    0x00, 0x14, 0x10, 1,    0,    0,    0,    0, 0, 0, 0,    0, 0,    0,    0,    0,    0,    0,
    0,    0,    0xff, 0xda, 0x00, 0x08, 1,    1, 0, 0, 0x3f, 0, 0x3f, 0xff, 0xd9};

std::span<const std::byte> tiny_jpeg() { return std::as_bytes(std::span(kTinyJpeg)); }

TEST(PngTest, RoundTrip) {
  const TestFolder folder;
  for (std::int64_t channels = 1; channels <= 4; ++channels) {
    const Tensor image = pattern(5, 7, channels);
    write_png(folder / "x.png", image);
    const Tensor back = read_image(folder / "x.png");
    EXPECT_EQ(back.spec(), image.spec());
    EXPECT_EQ(back.to_vector<int>(), image.to_vector<int>());
  }
  const Tensor flat = pattern(6, 4, 1).as_strided({6, 4}, {4, 1}, 0);
  EXPECT_EQ(parse_png(format_png(flat)).shape(), (Shape{6, 4, 1}));
  const Tensor mirrored = pattern(6, 4, 1).as_strided({4, 6}, {1, 4}, 0);
  EXPECT_EQ(parse_png(format_png(mirrored)).to_vector<int>(), mirrored.to_vector<int>());
}

TEST(PngTest, RefusesWhatItCannotWrite) {
  EXPECT_THROW(format_png(Tensor::zeros({4, 4, 3})), Error);
  EXPECT_THROW(format_png(Tensor::zeros({4, 4, 5}, DType::u8)), Error);
  EXPECT_THROW(format_png(Tensor::zeros({4}, DType::u8)), Error);
  EXPECT_THROW(format_png(Tensor::zeros({0, 4}, DType::u8)), Error);
  EXPECT_THROW(format_png(Tensor()), Error);
  EXPECT_THROW(write_png("/nowhere/x.png", pattern(2, 2, 1)), Error);
}

TEST(PngTest, HostileFilesAreRefused) {
  const auto good = format_png(pattern(9, 5, 3));
  const auto parse = [](std::span<const std::byte> b) { parse_png(b, "x.png"); };
  expect_prefixes_refused(good, parse);
  expect_changes_survived(good, parse);
  expect_error([&] { parse_image(bytes_of("GIF89a")); }, "begins with \"GIF89a\"");
  expect_error([&] { parse_image(bytes_of("")); }, "expected a PNG or JPEG file");
  // A picture of 30000 x 8000 grey pixels whose pixel data are those of one row.
  auto huge = format_png(pattern(1, 1, 1));
  const auto put = [&](std::size_t at, std::uint32_t v) {
    for (int i = 0; i < 4; ++i)
      huge[at + static_cast<std::size_t>(i)] = static_cast<std::byte>(v >> (24 - 8 * i));
  };
  put(16, 30000);
  put(20, 8000);
  put(29, crc32_of(std::span(huge).subspan(12, 17)));
  expect_error([&] { parse(huge); }, "more than PNG can hold");
  put(20, 40000);
  put(29, crc32_of(std::span(huge).subspan(12, 17)));
  expect_error([&] { parse(huge); }, "x.png: no valid PNG file");
}

TEST(PngTest, PngSuite) {
  INGRAD_NEED_DATA("pngsuite/basn0g01.png");
  int valid = 0, corrupt = 0;
  for (const auto& file : std::filesystem::directory_iterator(real_data() + "/pngsuite")) {
    const std::string path = file.path().string(), name = file.path().filename().string();
    if (!name.ends_with(".png")) continue;
    if (name[0] == 'x') {
      ++corrupt;
      expect_error([&] { read_image(path); }, name);
      continue;
    }
    ++valid;
    const Tensor image = read_image(path);
    const bool small = name[0] == 's';
    EXPECT_EQ(image.dim(0), small ? 5 : 32) << name;
    const char kind = name[4];
    const std::string depth = name.substr(6, 2);
    EXPECT_EQ(image.dim(2), kind == '4' ? 2 : kind == '6' ? 4 : kind == '0' ? 1 : 3) << name;
    // One bit per pixel becomes 0 and 255.
    if (depth == "01") {
      for (const int v : image.to_vector<int>()) EXPECT_TRUE(v == 0 || v == 255) << v;
    }
  }
  EXPECT_EQ(valid, 13);
  EXPECT_EQ(corrupt, 10);
  const std::string folder = real_data() + "/pngsuite/";
  // The same picture, interlaced and not; packed without and with compression.
  EXPECT_EQ(read_png(folder + "basi0g08.png").to_vector<int>(),
            read_png(folder + "basn0g08.png").to_vector<int>());
  EXPECT_EQ(read_png(folder + "basi2c08.png").to_vector<int>(),
            read_png(folder + "basn2c08.png").to_vector<int>());
  EXPECT_EQ(read_png(folder + "z00n2c08.png").to_vector<int>(),
            read_png(folder + "z09n2c08.png").to_vector<int>());
}

TEST(JpegTest, ConstantBlock) {
  const Tensor image = parse_image(tiny_jpeg());
  EXPECT_EQ(image.shape(), (Shape{8, 8, 1}));
  EXPECT_EQ(image.to_vector<int>(), std::vector<int>(64, 128));
}

TEST(JpegTest, HostileFilesAreRefused) {
  const auto parse = [](std::span<const std::byte> b) { parse_jpeg(b, "x.jpg"); };
  // The end marker's last bytes may be missing without harm to the pixels, but are asked for.
  expect_prefixes_refused(tiny_jpeg().first(tiny_jpeg().size() - 3), parse);
  expect_changes_survived(tiny_jpeg(), parse);
  expect_error([&] { parse(bytes_of("hello")); }, "x.jpg: no valid JPEG file");
  expect_error([&] { parse(tiny_jpeg().first(tiny_jpeg().size() - 3)); }, "x.jpg");
  std::vector<std::byte> huge(tiny_jpeg().begin(), tiny_jpeg().end());
  const std::string text = text_of(huge);
  const std::size_t size_at = text.find("\xff\xc0") + 5;
  for (std::size_t i = 0; i < 4; ++i) huge[size_at + i] = std::byte{0x7f};
  expect_error([&] { parse(huge); }, "32639 x 32639");
}

TEST(JpegTest, AgreesWithTheDecodedCopies) {
  INGRAD_NEED_DATA("cifar10/train-images.jpgs.gz");
  const auto records = read_maybe_gzip(real_data() + "/cifar10/train-images.jpgs.gz");
  const auto decoded = read_maybe_gzip(real_data() + "/cifar10/train-first10-decoded.bin.gz");
  ASSERT_EQ(decoded.size(), 10u * 3073);
  std::size_t at = 0;
  for (std::size_t i = 0; i < 10; ++i) {
    std::size_t size = 0;
    for (std::size_t b = 0; b < 4; ++b)
      size = size << 8 | std::to_integer<std::size_t>(records[at + b]);
    const Tensor image = parse_jpeg(std::span(records).subspan(at + 4, size));
    at += 4 + size;
    ASSERT_EQ(image.shape(), (Shape{32, 32, 3}));
    int largest = 0;
    for (std::size_t p = 0; p < 1024; ++p) {
      for (std::size_t c = 0; c < 3; ++c) {
        const int expected = std::to_integer<int>(decoded[i * 3073 + 1 + c * 1024 + p]);
        largest = std::max(largest, std::abs(image.data<std::uint8_t>()[p * 3 + c] - expected));
      }
    }
    // Versions of libjpeg round differently by at most a few levels.
    EXPECT_LE(largest, 3) << "record " << i;
  }
}

TEST(ImageTest, RealPhotographs) {
  INGRAD_NEED_DATA("photos/chelsea.png");
  const std::string folder = real_data() + "/photos/";
  EXPECT_EQ(read_image(folder + "chelsea.png").shape(), (Shape{300, 451, 3}));
  EXPECT_EQ(read_image(folder + "coins.png").shape(), (Shape{303, 384, 1}));
  EXPECT_EQ(read_image(folder + "horse.png").shape(), (Shape{328, 400, 4}));
  EXPECT_EQ(read_image(folder + "rocket.jpg").shape(), (Shape{427, 640, 3}));
  const auto rocket = read_file(folder + "rocket.jpg");
  expect_prefixes_refused(
      std::span(rocket).first(rocket.size() - 200),
      [](std::span<const std::byte> b) { parse_jpeg(b); }, 9973);
}

}  // namespace
}  // namespace ingrad
