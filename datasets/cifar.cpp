// SPDX-License-Identifier: Apache-2.0
#include "datasets/cifar.h"

#include <fmt/format.h>

#include <cstring>

#include "datasets/pictures.h"
#include "engine/io/byte_reader.h"
#include "engine/io/gzip.h"
#include "engine/io/jpeg.h"

namespace ingrad {
namespace {

constexpr std::size_t kPixels = 3 * 32 * 32;

}  // namespace

CifarRecords parse_cifar(std::span<const std::byte> bytes, int label_bytes, int classes,
                         std::string_view what, Location where) {
  ByteReader in(bytes, what, where);
  const auto header = static_cast<std::size_t>(label_bytes);
  const std::size_t record = header + kPixels;
  if (bytes.size() % record != 0) {
    in.fail(
        fmt::format("{} bytes are no whole number of records of {} bytes", bytes.size(), record));
  }
  const auto n = static_cast<std::int64_t>(bytes.size() / record);
  CifarRecords result{Tensor::empty({n, 3, 32, 32}, DType::u8, where),
                      Tensor::empty({n}, DType::i64, where)};
  for (std::int64_t i = 0; i < n; ++i) {
    const auto labels = in.take(header, "a label");
    const auto label = std::to_integer<std::int64_t>(labels.back());
    if (label >= classes) {
      in.fail(fmt::format("record {} has class {}, expected 0 to {}", i, label, classes - 1));
    }
    result.labels.mutable_data<std::int64_t>()[i] = label;
    std::memcpy(result.images.mutable_data<std::uint8_t>() + static_cast<std::size_t>(i) * kPixels,
                in.take(kPixels, "pixels").data(), kPixels);
  }
  return result;
}

CifarRecords read_cifar(std::span<const std::string> paths, int label_bytes, int classes,
                        Location where) {
  std::vector<std::byte> all;
  std::string names;
  for (const std::string& path : paths) {
    const std::vector<std::byte> bytes = read_maybe_gzip(path, kInflateLimit, where);
    // Checked file by file, so that an error names the one that is damaged.
    const auto record = static_cast<std::size_t>(label_bytes) + kPixels;
    if (bytes.empty() || bytes.size() % record != 0) {
      throw Error(fmt::format("{}: {} bytes, expected a whole number of records of {} bytes", path,
                              bytes.size(), record),
                  where);
    }
    all.insert(all.end(), bytes.begin(), bytes.end());
    names += (names.empty() ? "" : " + ") + path;
  }
  return parse_cifar(all, label_bytes, classes, names, where);
}

Tensor parse_jpeg_records(std::span<const std::byte> bytes, std::string_view what, Location where) {
  ByteReader in(bytes, what, where);
  std::vector<Tensor> pictures;
  while (!in.at_end()) {
    const std::string record = fmt::format("record {}", pictures.size());
    const auto size = in.big<std::uint32_t>(record);
    const std::string name = fmt::format("{}, {}", what, record);
    pictures.push_back(parse_jpeg(in.take(size, record), name, where));
  }
  if (pictures.empty()) in.fail("no records");
  return stack_pictures(pictures, what, where);
}

Tensor read_jpeg_records(const std::string& path, Location where) {
  return parse_jpeg_records(read_maybe_gzip(path, kInflateLimit, where), path, where);
}

}  // namespace ingrad
