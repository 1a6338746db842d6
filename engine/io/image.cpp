// SPDX-License-Identifier: Apache-2.0
#include "engine/io/image.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/io/byte_reader.h"
#include "engine/io/file.h"
#include "engine/io/jpeg.h"
#include "engine/io/png.h"

namespace ingrad {
namespace {

bool starts_with(std::span<const std::byte> bytes, std::string_view signature) {
  return bytes.size() >= signature.size() &&
         std::string_view(reinterpret_cast<const char*>(bytes.data()), signature.size()) ==
             signature;
}

}  // namespace

bool is_png(std::span<const std::byte> bytes) { return starts_with(bytes, "\x89PNG\r\n\x1a\n"); }
bool is_jpeg(std::span<const std::byte> bytes) { return starts_with(bytes, "\xff\xd8\xff"); }

Tensor parse_image(std::span<const std::byte> bytes, std::string_view what, Location where) {
  if (is_png(bytes)) return parse_png(bytes, what, where);
  if (is_jpeg(bytes)) return parse_jpeg(bytes, what, where);
  const auto head = bytes.first(std::min<std::size_t>(bytes.size(), 8));
  throw Error(fmt::format("{}: begins with \"{}\", expected a PNG or JPEG file", what,
                          printable({reinterpret_cast<const char*>(head.data()), head.size()})),
              where);
}

Tensor read_image(const std::string& path, Location where) {
  return parse_image(read_file(path, kMaxImageBytes, where), path, where);
}

void check_image_size(std::int64_t height, std::int64_t width, std::int64_t channels,
                      std::string_view what, Location where) {
  if (height < 1 || width < 1 || height > kMaxImageExtent || width > kMaxImageExtent ||
      height * width * channels > kMaxImageBytes) {
    throw Error(fmt::format("{}: a picture of {} x {} pixels, {} channels; expected extents from 1 "
                            "to {} and at most {} bytes",
                            what, width, height, channels, kMaxImageExtent, kMaxImageBytes),
                where);
  }
}

}  // namespace ingrad
