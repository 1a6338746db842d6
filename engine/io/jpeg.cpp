// SPDX-License-Identifier: Apache-2.0
// libjpeg asks its error handler not to return. Every function below that calls setjmp, and every
// callback that may be jumped over, has trivial locals only; memory belongs to their callers.
#include "engine/io/jpeg.h"

#include <fmt/format.h>

#include <csetjmp>
#include <cstdio>
#include <cstring>

// jpeglib.h needs the declarations of <cstdio>.
#include <jpeglib.h>

#include <jerror.h>

#include "engine/io/file.h"

namespace ingrad {
namespace {

// A progressive file of a few kilobytes can ask for thousands of passes over all pixels.
constexpr int kMaxScans = 200;

struct Decoder {
  jpeg_decompress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf jump{};
  char message[JMSG_LENGTH_MAX] = {};

  Decoder() {
    jpeg.err = jpeg_std_error(&errors);
    jpeg.client_data = this;
  }
  ~Decoder() { jpeg_destroy_decompress(&jpeg); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
};

[[noreturn]] void on_error(j_common_ptr common) {
  auto* decoder = static_cast<Decoder*>(common->client_data);
  common->err->format_message(common, decoder->message);
  std::longjmp(decoder->jump, 1);
}

// libjpeg only warns where pixel data are missing or damaged, and makes the pixels up.
void on_message(j_common_ptr common, int level) {
  if (level >= 0) return;
  const int code = common->err->msg_code;
  if (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE ||
      code == JWRN_MUST_RESYNC || code == JWRN_ARITH_BAD_CODE || code == JWRN_BOGUS_PROGRESSION) {
    on_error(common);
  }
}

void on_progress(j_common_ptr common) {
  const auto* jpeg = reinterpret_cast<j_decompress_ptr>(common);
  if (jpeg->input_scan_number <= kMaxScans) return;
  auto* decoder = static_cast<Decoder*>(common->client_data);
  std::strcpy(decoder->message, "too many scans");
  std::longjmp(decoder->jump, 1);
}

bool read_header(Decoder* d, const unsigned char* bytes, unsigned long size) {
  if (setjmp(d->jump)) return false;
  d->errors.error_exit = on_error;
  d->errors.emit_message = on_message;
  jpeg_create_decompress(&d->jpeg);
  d->jpeg.client_data = d;
  d->progress.progress_monitor = on_progress;
  d->jpeg.progress = &d->progress;
  d->jpeg.mem->max_memory_to_use = 1L << 30;
  jpeg_mem_src(&d->jpeg, bytes, size);
  jpeg_read_header(&d->jpeg, TRUE);
  switch (d->jpeg.jpeg_color_space) {
    case JCS_GRAYSCALE: d->jpeg.out_color_space = JCS_GRAYSCALE; break;
    case JCS_CMYK:
    case JCS_YCCK: d->jpeg.out_color_space = JCS_CMYK; break;
    default: d->jpeg.out_color_space = JCS_RGB;
  }
  d->jpeg.dct_method = JDCT_ISLOW;
  return true;
}

bool read_pixels(Decoder* d, unsigned char* pixels, std::size_t row_bytes) {
  if (setjmp(d->jump)) return false;
  jpeg_start_decompress(&d->jpeg);
  while (d->jpeg.output_scanline < d->jpeg.output_height) {
    JSAMPROW row = pixels + d->jpeg.output_scanline * row_bytes;
    jpeg_read_scanlines(&d->jpeg, &row, 1);
  }
  jpeg_finish_decompress(&d->jpeg);
  return true;
}

// Programs that write CMYK store the inks inverted and mark the file as Adobe's.
Tensor rgb_of_cmyk(const Tensor& cmyk, bool inverted) {
  const Tensor rgb = Tensor::empty(cmyk.shape().with(2, 3), DType::u8);
  const auto* from = cmyk.data<std::uint8_t>();
  auto* to = rgb.mutable_data<std::uint8_t>();
  for (std::int64_t i = 0; i < cmyk.size() / 4; ++i) {
    const auto light = [&](int c) { return inverted ? from[4 * i + c] : 255 - from[4 * i + c]; };
    for (int c = 0; c < 3; ++c) {
      to[3 * i + c] = static_cast<std::uint8_t>((light(c) * light(3) + 127) / 255);
    }
  }
  return rgb;
}

}  // namespace

Tensor parse_jpeg(std::span<const std::byte> bytes, std::string_view what, Location where) {
  Decoder decoder;
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  if (!read_header(&decoder, data, static_cast<unsigned long>(bytes.size()))) {
    throw Error(fmt::format("{}: no valid JPEG file: {}", what, decoder.message), where);
  }
  const jpeg_decompress_struct& jpeg = decoder.jpeg;
  const int channels = jpeg.out_color_space == JCS_GRAYSCALE ? 1
                       : jpeg.out_color_space == JCS_CMYK    ? 4
                                                             : 3;
  check_image_size(jpeg.image_height, jpeg.image_width, channels, what, where);
  const Tensor pixels =
      Tensor::empty({jpeg.image_height, jpeg.image_width, channels}, DType::u8, where);
  if (!read_pixels(
          &decoder, pixels.mutable_data<unsigned char>(),
          static_cast<std::size_t>(jpeg.image_width) * static_cast<std::size_t>(channels))) {
    throw Error(fmt::format("{}: damaged JPEG file: {}", what, decoder.message), where);
  }
  return channels == 4 ? rgb_of_cmyk(pixels, jpeg.saw_Adobe_marker) : pixels;
}

Tensor read_jpeg(const std::string& path, Location where) {
  return parse_jpeg(read_file(path, kMaxImageBytes, where), path, where);
}

}  // namespace ingrad
