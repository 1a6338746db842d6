// SPDX-License-Identifier: Apache-2.0
#include "engine/io/state_dict.h"

#include "engine/io/pickle.h"
#include "engine/io/safetensors.h"
#include "engine/io/zip.h"
#include "tests/engine/io_testing.h"

namespace ingrad {
namespace {

std::string text(const std::string& s) {
  return std::string("X") + static_cast<char>(s.size()) + std::string(3, '\0') + s;
}
std::string small(int n) { return std::string("K") + static_cast<char>(n); }
const std::string kDict = "ccollections\nOrderedDict\n)R";

// What torch.save writes for a [2, 2] tensor, with the given offset and strides.
std::string tensor(int offset, int stride0, int stride1, const std::string& type = "FloatStorage",
                   const std::string& function = "torch._utils\n_rebuild_tensor_v2\n") {
  return "c" + function + "((" + text("storage") + "ctorch\n" + type + "\n" + text("0") +
         text("cpu") + small(4) + "tQ" + small(offset) + small(2) + small(2) + "\x86" +
         small(stride0) + small(stride1) + "\x86\x89" + kDict + "tR";
}
std::vector<std::byte> file(const std::string& value, const std::string& order = "little",
                            const std::string& key = "w") {
  ZipWriter zip;
  zip.add("archive/data.pkl", bytes_of("\x80\x02" + kDict + "(" + text(key) + value + "u."));
  zip.add("archive/byteorder", bytes_of(order));
  const float data[] = {1, 2, 3, 4};
  zip.add("archive/data/0", std::as_bytes(std::span(data)));
  return zip.finish();
}
NamedTensors parse(std::span<const std::byte> bytes) { return parse_state_dict(bytes, "w.pt"); }

TEST(StateDictTest, DenseAndStridedTensors) {
  EXPECT_EQ(parse(file(tensor(0, 2, 1)))[0].tensor.to_vector<float>(),
            (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(parse(file(tensor(0, 1, 2)))[0].tensor.to_vector<float>(),
            (std::vector<float>{1, 3, 2, 4}));
  EXPECT_EQ(parse(file(tensor(1, 1, 1)))[0].tensor.to_vector<float>(),
            (std::vector<float>{2, 3, 3, 4}));
  EXPECT_EQ(parse(file("ctorch._utils\n_rebuild_parameter\n(" + tensor(0, 2, 1) + "\x88" + kDict +
                       "tR"))[0]
                .name,
            "w");
  // A checkpoint: the tensors are in an entry of their own.
  EXPECT_EQ(
      parse(file(kDict + "(" + text("v") + tensor(0, 2, 1) + "u", "little", "state_dict"))[0].name,
      "v");
}

TEST(StateDictTest, NothingIsRunAndNothingReadBeyondTheData) {
  const auto refuse = [](const std::vector<std::byte>& bytes, const char* why) {
    expect_error([&] { parse(bytes); }, why);
    expect_error([&] { parse(bytes); }, "w.pt");
  };
  refuse(file("cos\nsystem\n(" + text("ls") + "tR"), "'w' is no tensor: it calls os system");
  refuse(file(tensor(0, 2, 1, "FloatStorage", "builtins\neval\n")), "it calls builtins eval");
  refuse(file(small(1)), "'w' is no tensor");
  refuse(file(tensor(1, 2, 1)), "reaches beyond the 4 elements");
  refuse(file(tensor(0, 255, 1)), "reaches beyond");
  refuse(file(tensor(255, 1, 1)), "reaches beyond");
  refuse(file(tensor(0, 2, 1, "DoubleStorage")), "reaches beyond the 2 elements");
  refuse(file(tensor(0, 2, 1, "QInt8Storage")), "torch QInt8Storage, which is not supported");
  refuse(file(tensor(0, 2, 1), "big"), "byte order 'big'");
  refuse(file("}q\1h\1h\1s"), "'w' is no tensor");  // a dictionary that holds itself
  refuse(file("\x81"), "pickle opcode 0x81");
  refuse(file("h\7"), "was not kept");
  ZipWriter zip;
  zip.add("archive/other", bytes_of("x"));
  refuse(zip.finish(), "no member NAME/data.pkl");
  const auto good = file(tensor(0, 2, 1));
  expect_prefixes_refused(good, parse);
  expect_changes_survived(good, parse);
}

TEST(PickleTest, PlainData) {
  const PickleFile f = parse_pickle(
      bytes_of(std::string("\x80\x02", 2) + "]q" + '\1' + "(" + small(7) + "N\x88" + "M" +
               std::string("\xff\xff", 2) + "J" + std::string("\xfe\xff\xff\xff", 4) +
               "\x8a\x01\x80" + "G" + std::string("?\xf0\0\0\0\0\0\0", 8) + "e."));
  ASSERT_EQ(f.root->items.size(), 7u);
  EXPECT_EQ(f.root->items[0]->integer, 7);
  EXPECT_TRUE(f.root->items[1]->is(PickleValue::Kind::none));
  EXPECT_EQ(f.root->items[3]->integer, 65535);
  EXPECT_EQ(f.root->items[4]->integer, -2);
  EXPECT_EQ(f.root->items[5]->integer, -128);
  EXPECT_EQ(f.root->items[6]->real, 1);
  expect_error([] { parse_pickle(bytes_of("\x80\x05.")); }, "protocol 5");
  expect_error([] { parse_pickle(bytes_of(".")); }, "stack is empty");
  expect_error([] { parse_pickle(bytes_of("t.")); }, "no mark");
  // A million nested tuples: neither reading nor releasing them may recurse.
  std::string nested = ")";
  for (int i = 0; i < 1000000; ++i) nested += '\x85';
  EXPECT_EQ(parse_pickle(bytes_of(nested + ".")).root->items.size(), 1u);
}

TEST(StateDictTest, CaptumWeights) {
  INGRAD_NEED_DATA("weights/captum/california_model.pt");
  const std::string folder = real_data() + "/weights/captum/";
  const NamedTensors tensors = read_state_dict(folder + "california_model.pt");
  const Safetensors expected = read_safetensors(folder + "california_model.safetensors");
  ASSERT_EQ(tensors.size(), 8u);
  for (const NamedTensor& t : tensors) {
    EXPECT_EQ(t.tensor.spec(), expected.at(t.name).spec());
    EXPECT_EQ(t.tensor.to_vector<float>(), expected.at(t.name).to_vector<float>());
  }
}

}  // namespace
}  // namespace ingrad
