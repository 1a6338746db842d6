// SPDX-License-Identifier: Apache-2.0
#include "engine/io/gzip.h"

#include "tests/engine/io_testing.h"

namespace ingrad {
namespace {

TEST(GzipTest, RoundTripPlainAndSeveralMembers) {
  const TestFolder folder;
  std::string text;
  for (int i = 0; i < 50000; ++i) text += std::to_string(i * 7919 % 10007);
  for (const std::string& content : {std::string(), std::string("a"), text}) {
    const auto packed = gzip(bytes_of(content));
    EXPECT_EQ(text_of(gunzip(packed)), content);
    store_file(folder / "x.gz", text_of(packed));
    EXPECT_EQ(text_of(read_maybe_gzip(folder / "x.gz")), content);
    store_file(folder / "x", content);
    EXPECT_EQ(text_of(read_maybe_gzip(folder / "x")), content);
    EXPECT_EQ(text_of(inflate_raw(deflate_raw(bytes_of(content)), content.size())), content);
  }
  auto two = gzip(bytes_of("one "));
  for (const std::byte b : gzip(bytes_of("two"))) two.push_back(b);
  EXPECT_EQ(text_of(gunzip(two)), "one two");
}

TEST(GzipTest, HostileStreamsAreRefused) {
  const auto packed = gzip(bytes_of("some content, some content, some content"));
  const auto parse = [](std::span<const std::byte> b) { gunzip(b, "x.gz"); };
  expect_prefixes_refused(packed, parse);
  expect_changes_survived(packed, parse);
  auto more = packed;
  more.push_back(std::byte{'x'});
  expect_error([&] { gunzip(more, "x.gz"); }, "x.gz: 1 bytes that are no gzip member");
  auto wrong_crc = packed;
  wrong_crc[wrong_crc.size() - 5] ^= std::byte{1};
  expect_error([&] { gunzip(wrong_crc, "x.gz"); }, "damaged compressed data");
  const std::vector<std::byte> zeros(1 << 20);
  expect_error([&] { gunzip(gzip(zeros), "bomb", 1000); }, "more than 1000 bytes");
  EXPECT_EQ(gunzip(gzip(zeros), "exact", 1 << 20).size(), zeros.size());
  expect_error([&] { inflate_raw(deflate_raw(zeros), zeros.size() - 1); }, "more than");
  expect_error([&] { inflate_raw(deflate_raw(zeros), zeros.size() + 1); }, "expected 1048577");
}

}  // namespace
}  // namespace ingrad
