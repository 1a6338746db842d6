// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "datasets/catalog.h"
#include "datasets/cifar.h"
#include "datasets/data_folder.h"
#include "datasets/idx.h"
#include "datasets/image_folder.h"
#include "datasets/loader.h"
#include "datasets/pictures.h"
#include "datasets/table.h"
#include "engine/io/gzip.h"
#include "engine/io/png.h"
#include "tests/engine/io_testing.h"

namespace ingrad {
namespace {

std::vector<std::byte> idx(unsigned char type, const std::vector<std::uint32_t>& extents,
                           const std::string& data) {
  std::string bytes{'\0', '\0', static_cast<char>(type), static_cast<char>(extents.size())};
  for (const std::uint32_t n : extents) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(n >> shift & 0xff);
  }
  return bytes_of(bytes + data);
}

TEST(IdxTest, EveryType) {
  EXPECT_EQ(parse_idx(idx(8, {2, 2}, "\1\2\3\xff")).to_vector<int>(),
            (std::vector<int>{1, 2, 3, 255}));
  EXPECT_EQ(parse_idx(idx(9, {1}, "\xff")).to_vector<int>(), (std::vector<int>{-1}));
  EXPECT_EQ(parse_idx(idx(11, {1}, "\xff\xfe")).to_vector<int>(), (std::vector<int>{-2}));
  EXPECT_EQ(parse_idx(idx(12, {1}, "\1\2\3\4")).to_vector<int>(), (std::vector<int>{0x01020304}));
  EXPECT_EQ(parse_idx(idx(13, {1}, std::string("?\x80\0\0", 4))).item(), 1);
  EXPECT_EQ(parse_idx(idx(14, {1}, std::string("?\xf0\0\0\0\0\0\0", 8))).item(), 1);
  EXPECT_EQ(parse_idx(idx(8, {0, 28, 28}, "")).shape(), (Shape{0, 28, 28}));
}

TEST(IdxTest, HostileFilesAreRefused) {
  const auto refuse = [](const std::vector<std::byte>& bytes, const char* why) {
    expect_error([&] { parse_idx(bytes, "a.idx"); }, why);
  };
  refuse(bytes_of(""), "ends at byte 0");
  refuse(bytes_of(std::string("\1\0\x08\1", 4)), "no IDX file");
  refuse(idx(10, {1}, "a"), "type 10");
  refuse(idx(8, {}, ""), "0 axes");
  refuse(idx(8, std::vector<std::uint32_t>(9, 1), "a"), "9 axes");
  refuse(idx(8, {2}, "a"), "too few for 2 elements");
  refuse(idx(8, {2}, "abc"), "1 bytes follow");
  refuse(idx(12, {1}, "abcde"), "1 bytes follow");
  refuse(idx(8, {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, "a"), "too few");
  const auto good = idx(8, {2, 2}, "abcd");
  const auto parse = [](std::span<const std::byte> b) { parse_idx(b); };
  expect_prefixes_refused(good, parse);
  expect_changes_survived(good, parse);
}

TEST(CifarTest, RecordsAndDamage) {
  std::string record(3074, 'x');
  record[0] = 7;
  record[1] = 42;
  const CifarRecords r = parse_cifar(bytes_of(record + record), 2, 100);
  EXPECT_EQ(r.images.shape(), (Shape{2, 3, 32, 32}));
  EXPECT_EQ(r.labels.to_vector<int>(), (std::vector<int>{42, 42}));
  expect_error([&] { parse_cifar(bytes_of(record), 1, 10, "c.bin"); }, "c.bin: 3074 bytes");
  expect_error([&] { parse_cifar(bytes_of(record), 2, 42, "c.bin"); }, "record 0 has class 42");
  const TestFolder folder;
  store_file(folder / "empty.bin", "");
  const std::string path = folder / "empty.bin";
  expect_error([&] { read_cifar(std::span(&path, 1), 1, 10); }, "empty.bin: 0 bytes");
  expect_error([] { parse_jpeg_records(bytes_of(""), "r"); }, "no records");
  expect_error([] { parse_jpeg_records(bytes_of("\xff\xff\xff\xff"), "r"); }, "within record 0");
  expect_error([] { parse_jpeg_records(bytes_of(std::string("\0\0\0\1x", 5)), "r"); },
               "r, record 0");
}

TEST(ImageFolderTest, ClassesSizesAndChannels) {
  const TestFolder folder;
  for (const char* name : {"cat", "ant", "empty"})
    std::filesystem::create_directory(folder.path / name);
  write_png(folder / "cat/1.png", Tensor::full({4, 6, 3}, 9, DType::u8));
  write_png(folder / "cat/0.PNG", Tensor::full({4, 6, 1}, 5, DType::u8));
  write_png(folder / "ant/x.png", Tensor::full({4, 6, 4}, 7, DType::u8));
  store_file(folder / "ant/notes.txt", "no picture");
  const Dataset d = read_image_folder(folder.path.string());
  EXPECT_EQ(d.classes, (std::vector<std::string>{"ant", "cat"}));
  EXPECT_EQ(d.labels.to_vector<int>(), (std::vector<int>{0, 1, 1}));
  EXPECT_EQ(d.inputs.shape(), (Shape{3, 3, 4, 6}));
  EXPECT_EQ(d.inputs.data<std::uint8_t>()[72], 5);
  EXPECT_EQ(read_image_folder(folder.path.string(), {.channels = 1, .height = 2, .width = 3})
                .inputs.shape(),
            (Shape{3, 1, 2, 3}));
  const Dataset flat = read_image_folder(folder / "cat");
  EXPECT_EQ(flat.classes, (std::vector<std::string>{"all"}));
  EXPECT_EQ(load_dataset("folder:" + folder.path.string(), Split::train).size() +
                load_dataset("folder:" + folder.path.string(), Split::test).size(),
            3);
  write_png(folder / "cat/2.png", Tensor::full({4, 7, 3}, 9, DType::u8));
  expect_error([&] { read_image_folder(folder.path.string()); }, "2.png: 7 x 4 pixels");
  store_file(folder / "cat/3.jpg", "damaged");
  expect_error([&] { read_image_folder(folder.path.string(), {.height = 2, .width = 2}); },
               "3.jpg");
  expect_error([&] { read_image_folder(folder / "empty"); }, "no files");
  expect_error([&] { read_image_folder(folder / "nothing"); }, "cannot list");
  expect_error([&] { read_image_folder(folder / "cat", {.channels = 2}); }, "channels 2");
}

TEST(PicturesTest, ResizingAveragesAreas) {
  const Tensor p = Tensor::from(std::vector<std::uint8_t>{0, 100, 200, 40, 60, 80}, {2, 3, 1});
  EXPECT_EQ(resized(p, 1, 3).to_vector<int>(), (std::vector<int>{20, 80, 140}));
  EXPECT_EQ(resized(p, 1, 1).to_vector<int>(), (std::vector<int>{80}));
  EXPECT_EQ(resized(p, 2, 2).to_vector<int>(), (std::vector<int>{33, 167, 47, 73}));
  EXPECT_EQ(resized(p, 4, 6).to_vector<int>(),
            (std::vector<int>{0,  0,  100, 100, 200, 200, 0,  0,  100, 100, 200, 200,
                              40, 40, 60,  60,  80,  80,  40, 40, 60,  60,  80,  80}));
  EXPECT_EQ(
      with_channels(Tensor::from(std::vector<std::uint8_t>{255, 0, 0, 9}, {1, 1, 4}), 1).item(),
      76);
}

TEST(TableTest, EncodingIsLearntFromItsRows) {
  const CsvTable t = parse_csv("n,c\n1,red\n3,blue\n,\n100,green\n", {.header = true});
  const TableEncoder e(t, {0, 1}, {1}, {0, 1, 2}, true);
  EXPECT_EQ(e.features(), (std::vector<std::string>{"n", "c=?", "c=blue", "c=red"}));
  EXPECT_EQ(e.encode(t, {0, 1, 2, 3}).to_vector<float>(),
            (std::vector<float>{-1, 0, 0, 1, 1, 0, 1, 0, 0, 1, 0, 0, 98, 0, 0, 0}));
  const TableEncoder raw(t, {0}, {}, {0, 1}, false);
  EXPECT_EQ(raw.encode(t, {0, 2}).to_vector<float>(), (std::vector<float>{1, 2}));
  expect_error([&] { TableEncoder(t, {1}, {}, {0}, false); }, "\"red\" is no number");
  expect_error([&] { TableEncoder(t, {0}, {}, {}, false); }, "no rows");
  EXPECT_EQ(class_labels(parse_csv("a\nb\n", {.separator = ',', .header = false}), 0, {"b", "a"})
                .to_vector<int>(),
            (std::vector<int>{1, 0}));
  expect_error([&] { class_labels(t, 1, {"red"}); }, "row 2: class \"blue\", expected one of red");
}

TEST(CatalogTest, SaysWhereItLookedAndHowToGetIt) {
  const TestFolder folder;
  for (const CatalogEntry& e : catalog(folder.path.string())) {
    EXPECT_EQ(e.present, e.name == "glyphs") << e.name;
    EXPECT_FALSE(e.source.empty());
    if (e.present) continue;
    EXPECT_NE(e.place.find(folder.path.string()), std::string::npos) << e.name;
    expect_error([&] { load_dataset(e.name, Split::train, {.data = folder.path.string()}); },
                 folder.path.string());
    expect_error([&] { load_dataset(e.name, Split::test, {.data = folder.path.string()}); },
                 e.source.substr(0, 25));
  }
  expect_error([] { load_dataset("mnits", Split::train); },
               "unknown data set 'mnits'; expected glyphs, mnist");
  expect_error([] { load_dataset("glyphs", Split::train, {.count = -1}); }, "count -1");
  EXPECT_EQ(load_dataset("glyphs", Split::train, {.count = 11}).size(), 11);
}

TEST(CatalogTest, ReadsTheOfficialLayouts) {
  const TestFolder folder;
  std::filesystem::create_directories(folder.path / "cifar-10-batches-bin");
  std::string record(3073, 'p');
  for (int i = 1; i <= 5; ++i) {
    record[0] = static_cast<char>(i);
    store_file(folder / ("cifar-10-batches-bin/data_batch_" + std::to_string(i) + ".bin"), record);
  }
  const DatasetOptions options{.data = folder.path.string()};
  const Dataset d = load_dataset("cifar10", Split::train, options);
  EXPECT_EQ(d.labels.to_vector<int>(), (std::vector<int>{1, 2, 3, 4, 5}));
  expect_error([&] { load_dataset("cifar10", Split::test, options); }, "test_batch.bin is missing");
  std::filesystem::create_directories(folder.path / "tabular");
  store_file(
      folder / "tabular/adult.data",
      "39, State-gov, 77516, Bachelors, 13, Never-married, Adm-clerical, Not-in-family, White, "
      "Male, 2174, 0, 40, ?, <=50K\n"
      "50, Private, 83311, HS-grad, 9, Divorced, Sales, Husband, Black, Female, 0, 0, 13, "
      "Cuba, >50K\n");
  store_file(
      folder / "tabular/adult.test",
      "|1x3 Cross validator\n"
      "25, Private, 226802, 11th, 7, Never-married, Sales, Own-child, Black, Male, 0, 0, 40, "
      "Cuba, >50K.\n");
  EXPECT_EQ(load_dataset("adult", Split::train, options).labels.to_vector<int>(),
            (std::vector<int>{0, 1}));
  EXPECT_EQ(load_dataset("adult", Split::test, options).labels.to_vector<int>(),
            (std::vector<int>{1}));
}

// ---- real data --------------------------------------------------------------------------------

TEST(RealDataTest, Mnist) {
  INGRAD_NEED_DATA("mnist/train-images-idx3-ubyte.gz");
  const Dataset train = load_dataset("mnist", Split::train),
                test = load_dataset("mnist", Split::test);
  EXPECT_EQ(train.inputs.shape(), (Shape{60000, 1, 28, 28}));
  EXPECT_EQ(test.inputs.shape(), (Shape{10000, 1, 28, 28}));
  EXPECT_EQ(class_counts(train), (std::vector<std::int64_t>{5923, 6742, 5958, 6131, 5842, 5421,
                                                            5918, 6265, 5851, 5949}));
  EXPECT_EQ(first_rows(train, 5).labels.to_vector<int>(), (std::vector<int>{5, 0, 4, 1, 9}));
  EXPECT_EQ(first_rows(test, 5).labels.to_vector<int>(), (std::vector<int>{7, 2, 1, 0, 4}));
  EXPECT_NEAR(static_cast<double>(channel_statistics(train).mean[0]), 0.130660, 1e-6);
}

TEST(RealDataTest, FashionMnistAndXray) {
  INGRAD_NEED_DATA("fashion-mnist/train-images-idx3-ubyte.gz");
  const Dataset test = load_dataset("fashion-mnist", Split::test);
  EXPECT_EQ(class_counts(test), std::vector<std::int64_t>(10, 1000));
  EXPECT_EQ(test.classes[9], "Ankle boot");
  const Dataset xray = load_dataset("xray-pneumonia28", Split::train);
  EXPECT_EQ(class_counts(xray), (std::vector<std::int64_t>{240, 240}));
  EXPECT_EQ(first_rows(xray, 4).labels.to_vector<int>(), (std::vector<int>{0, 1, 0, 1}));
}

TEST(RealDataTest, Cifar10) {
  INGRAD_NEED_DATA("cifar10/data_batch_1.first100.bin.gz");
  const std::string path = real_data() + "/cifar10/data_batch_1.first100.bin.gz";
  const CifarRecords records = read_cifar(std::span(&path, 1), 1, 10);
  EXPECT_EQ(records.images.shape(), (Shape{100, 3, 32, 32}));
  auto first = records.labels.to_vector<int>();
  first.resize(10);
  EXPECT_EQ(first, (std::vector<int>{6, 9, 9, 4, 1, 1, 2, 7, 8, 3}));
  const Dataset train = load_dataset("cifar10", Split::train);
  if (train.provenance.find("excerpt") == std::string::npos)
    return;  // the full set has other means
  EXPECT_EQ(train.inputs.shape(), (Shape{5000, 3, 32, 32}));
  EXPECT_EQ(class_counts(train), std::vector<std::int64_t>(10, 500));
  const Normalization n = channel_statistics(train);
  const double means[] = {125.23, 122.60, 113.32}, deviations[] = {62.80, 62.33, 66.86};
  for (std::size_t c = 0; c < 3; ++c) {
    EXPECT_NEAR(static_cast<double>(n.mean[c]) * 255, means[c], 0.05);
    EXPECT_NEAR(static_cast<double>(n.deviation[c]) * 255, deviations[c], 0.05);
  }
}

TEST(RealDataTest, Tables) {
  INGRAD_NEED_DATA("tabular/cal_housing.csv.gz");
  const DatasetOptions raw{.standardize = false};
  const Dataset housing = load_dataset("california", Split::train, raw);
  EXPECT_EQ(housing.inputs.shape(), (Shape{16512, 8}));
  EXPECT_EQ(load_dataset("california", Split::test, raw).size(), 4128);
  // The first row of the file, if this split has it first: 8.3252 income, 41 years, 880 / 126
  // rooms.
  const Dataset whole = load_dataset("california", Split::train);
  const Normalization n = channel_statistics(whole);
  for (std::size_t f = 0; f < 8; ++f) {
    EXPECT_NEAR(static_cast<double>(n.mean[f]), 0, 1e-4) << housing.features[f];
    EXPECT_NEAR(static_cast<double>(n.deviation[f]), 1, 1e-4) << housing.features[f];
  }
  const Dataset german = load_dataset("german", Split::train);
  EXPECT_EQ(german.inputs.shape(), (Shape{800, 61}));
  const auto counts = class_counts(german),
             rest = class_counts(load_dataset("german", Split::test));
  EXPECT_EQ(counts[0] + rest[0], 700);
  EXPECT_EQ(counts[1] + rest[1], 300);
  const Dataset adult = load_dataset("adult", Split::train);
  EXPECT_GT(adult.inputs.dim(1), 90);
  const Dataset digits = load_dataset("optdigits", Split::train);
  EXPECT_EQ(digits.inputs.shape(), (Shape{3823, 1, 8, 8}));
  EXPECT_EQ(load_dataset("optdigits", Split::test).size(), 1797);
}

}  // namespace
}  // namespace ingrad
