// SPDX-License-Identifier: Apache-2.0
#include "engine/io/npy.h"

#include "engine/convert.h"
#include "engine/io/zip.h"
#include "tests/engine/io_testing.h"

namespace ingrad {
namespace {

std::vector<std::byte> npy(const std::string& header, const std::string& data, char version = 1) {
  std::string head = "\x93NUMPY";
  head += version;
  head += '\0';
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) {
    head += static_cast<char>(header.size() >> (8 * i) & 0xff);
  }
  return bytes_of(head + header + data);
}
std::string header(const std::string& descr, const std::string& shape,
                   const char* fortran = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
}

TEST(NpyTest, RoundTripOfEveryDtype) {
  const TestFolder folder;
  for (const DType dtype : {DType::boolean, DType::u8, DType::i32, DType::f16, DType::f64,
                            DType::bf16, DType::f32, DType::i64}) {
    const Tensor x = Tensor::empty({2, 3}, dtype);
    std::vector<double> values;
    for (int i = 0; i < 6; ++i) {
      values.push_back(dtype == DType::boolean ? i % 2 : is_floating(dtype) ? i * 0.25 : i);
      store_element(x.mutable_raw(), dtype, i, values.back());
    }
    write_npy(folder / "x.npy", x);
    const Tensor back = read_npy(folder / "x.npy");
    EXPECT_EQ(back.shape(), x.shape());
    EXPECT_EQ(back.dtype(), dtype == DType::bf16 ? DType::f32 : dtype) << name_of(dtype);
    EXPECT_EQ(back.to_vector<double>(), values) << name_of(dtype);
  }
  for (const Shape& shape :
       {Shape{}, Shape{0}, Shape{3, 0, 2}, Shape{1}, Shape{1, 2, 1, 2, 1, 2, 1, 2}}) {
    EXPECT_EQ(parse_npy(format_npy(Tensor::ones(shape))).shape(), shape) << shape.str();
  }
}

TEST(NpyTest, WritesStridedTensorsInTheirOrder) {
  const Tensor x = Tensor::from({1.f, 2.f, 3.f, 4.f, 5.f, 6.f}, {2, 3});
  const Tensor transposed = x.as_strided({3, 2}, {1, 3}, 0);
  EXPECT_EQ(parse_npy(format_npy(transposed)).to_vector<float>(),
            (std::vector<float>{1, 4, 2, 5, 3, 6}));
}

// The bytes that numpy.save gives for numpy.array([1, 2], numpy.float32).
TEST(NpyTest, WritesWhatNumPyWrites) {
  std::string expected("\x93NUMPY\x01\x00v\x00", 10);
  expected += "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
  expected += std::string(127 - expected.size(), ' ') + "\n";
  expected += std::string("\0\0\x80?\0\0\0@", 8);
  EXPECT_EQ(text_of(format_npy(Tensor::from({1.f, 2.f}, {2}))), expected);
}

TEST(NpyTest, ReadsFortranOrderAndBigEndian) {
  const std::string six("\1\2\3\4\5\6", 6);
  EXPECT_EQ(parse_npy(npy(header("|u1", "(2, 3)", "True"), six)).to_vector<int>(),
            (std::vector<int>{1, 3, 5, 2, 4, 6}));
  EXPECT_EQ(parse_npy(npy(header(">f4", "(1,)"), std::string("?\x80\0\0", 4))).item(), 1.0);
  EXPECT_EQ(parse_npy(npy(header(">i2", "(2,)"), "\xff\xfe\x01\x02")).to_vector<int>(),
            (std::vector<int>{-2, 258}));
}

TEST(NpyTest, WidensWhatTheEngineLacks) {
  const auto read = [](const std::string& descr, const std::string& data) {
    return parse_npy(npy(header(descr, "()"), data));
  };
  EXPECT_EQ(read("|i1", "\x80").item(), -128);
  EXPECT_EQ(read("|i1", "\x80").dtype(), DType::i32);
  EXPECT_EQ(read("<u2", "\xff\xff").item(), 65535);
  EXPECT_EQ(read("<u4", "\xff\xff\xff\xff").item(), 4294967295.0);
  EXPECT_EQ(read("<u4", "\xff\xff\xff\xff").dtype(), DType::i64);
  EXPECT_EQ(read("<u8", std::string("\x05\0\0\0\0\0\0\0", 8)).item(), 5);
  expect_error([&] { read("<u8", std::string(8, '\xff')); }, "above 2^63 - 1");
}

TEST(NpyTest, AllVersionsAndHeaderForms) {
  for (const char version : {1, 2, 3}) {
    EXPECT_EQ(parse_npy(npy(header("|u1", "(1,)"), "x", version)).item(), 'x');
  }
  EXPECT_EQ(
      parse_npy(npy("{\"shape\":(2,1),\"descr\":\"|b1\",\"fortran_order\":True}", "\1\1")).shape(),
      (Shape{2, 1}));
  EXPECT_EQ(parse_npy(npy(header("|u1", "(1L,)"), "x")).item(), 'x');
}

TEST(NpyTest, HostileFilesAreRefused) {
  const auto refuse = [](const std::vector<std::byte>& bytes, const char* why) {
    expect_error([&] { parse_npy(bytes, "a.npy"); }, why);
    expect_error([&] { parse_npy(bytes, "a.npy"); }, "a.npy");
  };
  refuse(bytes_of(""), "no NPY file");
  refuse(bytes_of("\x93NUMPX\1\0v\0"), "no NPY file");
  refuse(npy(header("<f4", "(1,)"), "1234", 4), "version 4.0");
  refuse(npy(header("<f4", "(2,)"), "1234"), "4 bytes of data, expected 2 elements");
  refuse(npy(header("<f4", "(1,)"), "12345"), "5 bytes of data, expected 1 elements");
  refuse(npy(header("<f4", "(4611686018427387904, 4)"), ""), "2^62");
  refuse(npy(header("<f4", "(9223372036854775808,)"), ""), "expected an extent");
  refuse(npy(header("<f4", "(-1,)"), ""), "expected an extent");
  refuse(npy(header("<f4", "(1, 1, 1, 1, 1, 1, 1, 1, 1)"), "1234"), "more than 8 axes");
  refuse(npy(header("<f4", "(1)"), "1234"), "after a single extent");
  refuse(npy(header("<c8", "(1,)"), "12345678"), "element type '<c8'");
  refuse(npy(header("|O", "(1,)"), "12345678"), "element type '|O'");
  refuse(npy(header("|f4", "(1,)"), "1234"), "element type '|f4'");
  refuse(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "1234"),
         "expected a quoted text");
  refuse(npy(header("|b1", "(1,)"), "\2"), "neither 0 nor 1");
  refuse(npy("{'descr': '<f4', 'shape': (1,), }", "1234"), "lacks one of");
  refuse(npy("{'descr': '<f4', 'descr': '<f4', 'shape': (1,), }", "1234"), "repeated key 'descr'");
  refuse(npy(header("<f4", "(1,)") + "x", "1234"), "text after the closing brace");
  refuse(npy("{'descr': '<f4", "1234"), "a quote is not closed");
  const auto good = npy(header("<f4", "(1,)"), "1234");
  const auto parse = [](std::span<const std::byte> b) { parse_npy(b); };
  expect_prefixes_refused(good, parse);
  expect_changes_survived(good, parse);
}

TEST(NpzTest, RoundTripStoredAndDeflated) {
  const TestFolder folder;
  const NamedTensors tensors{{"weights", Tensor::arange(1000, DType::f32)},
                             {"a/b", Tensor::scalar(2, DType::f64)},
                             {"none", Tensor::zeros({0}, DType::i64)}};
  for (const bool compress : {false, true}) {
    write_npz(folder / "x.npz", tensors, compress);
    const NamedTensors back = read_npz(folder / "x.npz");
    ASSERT_EQ(back.size(), tensors.size());
    for (std::size_t i = 0; i < back.size(); ++i) {
      EXPECT_EQ(back[i].name, tensors[i].name);
      EXPECT_EQ(back[i].tensor.spec(), tensors[i].tensor.spec());
      EXPECT_EQ(back[i].tensor.to_vector<double>(), tensors[i].tensor.to_vector<double>());
    }
  }
  EXPECT_LT(std::filesystem::file_size(folder / "x.npz"), 3000u);  // 4,000 bytes of floats
  expect_error(
      [&] {
        write_npz(folder / "y", NamedTensors{{"a", tensors[0].tensor}, {"a", tensors[0].tensor}});
      },
      "there twice");
  EXPECT_EQ(folder.files(), 1u);
}

TEST(ZipTest, HostileArchivesAreRefused) {
  ZipWriter writer;
  writer.add("a.npy", format_npy(Tensor::ones({2})), true);
  writer.add("b.npy", format_npy(Tensor::ones({3})));
  const std::vector<std::byte> good = writer.finish();
  const auto parse = [](std::span<const std::byte> b) { parse_npz(b); };
  parse(good);
  expect_prefixes_refused(good, parse);
  expect_changes_survived(good, parse);
  const auto with = [&](std::size_t from_end, std::string_view patch) {
    std::vector<std::byte> bytes = good;
    for (std::size_t i = 0; i < patch.size(); ++i) {
      bytes[bytes.size() - from_end + i] = static_cast<std::byte>(patch[i]);
    }
    return bytes;
  };
  expect_error([&] { parse(bytes_of("")); }, "no zip archive");
  expect_error([&] { parse(bytes_of(std::string(100, 'x'))); }, "no end record");
  expect_error([&] { parse(with(12, "\xff\xff")); }, "zip64");
  expect_error([&] { parse(with(18, std::string("\1\0", 2))); }, "several disks");
  expect_error([&] { parse(with(6, "\xf0\xf0\xf0\x10")); }, "overlaps the end record");
  // The last byte of the data of member b, which is stored right before the list.
  const std::string text = text_of(good);
  std::vector<std::byte> damaged = good;
  damaged[text.find("PK\x01\x02") - 1] ^= std::byte{1};
  expect_error([&] { parse(damaged); }, "damaged: CRC");
  expect_error([&] { ZipReader(good, "z", 100); }, "at most 100 are read");
  ZipWriter other;
  other.add("readme.txt", bytes_of("hello"));
  expect_error([&] { parse(other.finish()); }, "ends in .npy");
}

TEST(ZipTest, FindsTheEndRecordBeforeAComment) {
  ZipWriter writer;
  writer.add("a", bytes_of("content"));
  std::vector<std::byte> bytes = writer.finish();
  bytes[bytes.size() - 2] = std::byte{5};
  for (const std::byte b : bytes_of("hello")) bytes.push_back(b);
  const ZipReader zip(bytes);
  ASSERT_NE(zip.find("a"), nullptr);
  EXPECT_EQ(text_of(zip.read(*zip.find("a"))), "content");
}

}  // namespace
}  // namespace ingrad
