// SPDX-License-Identifier: Apache-2.0
// libpng reports errors by longjmp. Every function below that calls setjmp, and every callback that
// may be jumped over, has trivial locals only; memory belongs to the functions that call them.
#include "engine/io/png.h"

#include <fmt/format.h>
#include <png.h>

#include <csetjmp>
#include <cstring>
#include <new>

#include "engine/convert.h"
#include "engine/io/file.h"

namespace ingrad {
namespace {

struct Message {
  char text[128] = {};
};

void on_error(png_structp png, png_const_charp text) {
  auto* message = static_cast<Message*>(png_get_error_ptr(png));
  std::strncpy(message->text, text, sizeof message->text - 1);
  png_longjmp(png, 1);
}
// Complaints about chunks that do not matter for the pixels.
void on_warning(png_structp, png_const_charp) {}

struct Source {
  const std::byte* at;
  std::size_t left;
};

void read_some(png_structp png, png_bytep to, std::size_t n) {
  auto* source = static_cast<Source*>(png_get_io_ptr(png));
  if (n > source->left) png_error(png, "the file ends early");
  std::memcpy(to, source->at, n);
  source->at += n;
  source->left -= n;
}

struct Reader {
  Message message;
  png_structp png;
  png_infop info = nullptr;

  Reader() : png(png_create_read_struct(PNG_LIBPNG_VER_STRING, &message, on_error, on_warning)) {
    if (png != nullptr) info = png_create_info_struct(png);
  }
  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
};

struct ImageInfo {
  png_uint_32 width, height;
  std::size_t file_row_bytes;  // before palettes and depths are expanded
  std::size_t row_bytes;
  int channels;
};

// False, with a message, on any error.
bool read_info(Reader* r, Source* source, ImageInfo* image) {
  if (setjmp(png_jmpbuf(r->png))) return false;
  png_set_user_limits(r->png, kMaxImageExtent, kMaxImageExtent);
  png_set_chunk_malloc_max(r->png, 1 << 24);
  png_set_chunk_cache_max(r->png, 64);
  png_set_read_fn(r->png, source, read_some);
  png_read_info(r->png, r->info);
  image->file_row_bytes = png_get_rowbytes(r->png, r->info);
  png_set_expand(r->png);
  png_set_scale_16(r->png);
  png_set_interlace_handling(r->png);
  png_read_update_info(r->png, r->info);
  image->width = png_get_image_width(r->png, r->info);
  image->height = png_get_image_height(r->png, r->info);
  image->row_bytes = png_get_rowbytes(r->png, r->info);
  image->channels = png_get_channels(r->png, r->info);
  return true;
}

bool read_pixels(Reader* r, png_bytepp rows) {
  if (setjmp(png_jmpbuf(r->png))) return false;
  png_read_image(r->png, rows);
  png_read_end(r->png, nullptr);
  return true;
}

struct Sink {
  std::vector<std::byte> bytes;
  bool out_of_memory = false;
};

void write_some(png_structp png, png_bytep from, std::size_t n) {
  auto* sink = static_cast<Sink*>(png_get_io_ptr(png));
  try {
    const auto* begin = reinterpret_cast<const std::byte*>(from);
    sink->bytes.insert(sink->bytes.end(), begin, begin + n);
  } catch (const std::bad_alloc&) {
    sink->out_of_memory = true;
  }
  if (sink->out_of_memory) png_error(png, "out of memory");
}
void flush_nothing(png_structp) {}

struct Writer {
  Message message;
  png_structp png;
  png_infop info = nullptr;

  Writer() : png(png_create_write_struct(PNG_LIBPNG_VER_STRING, &message, on_error, on_warning)) {
    if (png != nullptr) info = png_create_info_struct(png);
  }
  ~Writer() { png_destroy_write_struct(&png, &info); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
};

bool write_all(Writer* w, Sink* sink, png_uint_32 width, png_uint_32 height, int color_type,
               png_bytepp rows) {
  if (setjmp(png_jmpbuf(w->png))) return false;
  png_set_write_fn(w->png, sink, write_some, flush_nothing);
  png_set_user_limits(w->png, kMaxImageExtent, kMaxImageExtent);
  png_set_IHDR(w->png, w->info, width, height, 8, color_type, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(w->png, w->info);
  png_write_image(w->png, rows);
  png_write_end(w->png, nullptr);
  return true;
}

std::vector<png_bytep> row_pointers(const Tensor& image, std::size_t row_bytes) {
  auto* data = static_cast<png_bytep>(image.mutable_raw());
  std::vector<png_bytep> rows(static_cast<std::size_t>(image.dim(0)));
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = data + i * row_bytes;
  return rows;
}

}  // namespace

Tensor parse_png(std::span<const std::byte> bytes, std::string_view what, Location where) {
  Reader reader;
  if (reader.info == nullptr) throw Error("png: out of memory", where);
  Source source{bytes.data(), bytes.size()};
  ImageInfo image{};
  if (!read_info(&reader, &source, &image)) {
    throw Error(fmt::format("{}: no valid PNG file: {}", what, reader.message.text), where);
  }
  check_image_size(image.height, image.width, image.channels, what, where);
  // Deflate packs at most 1032 bytes into one.
  if (std::uint64_t{image.file_row_bytes} * image.height / 1032 > bytes.size()) {
    throw Error(fmt::format("{}: claims {} x {} pixels in {} bytes, more than PNG can hold", what,
                            image.width, image.height, bytes.size()),
                where);
  }
  const Tensor pixels =
      Tensor::empty({image.height, image.width, image.channels}, DType::u8, where);
  std::vector<png_bytep> rows = row_pointers(pixels, image.row_bytes);
  if (!read_pixels(&reader, rows.data())) {
    throw Error(fmt::format("{}: damaged PNG file: {}", what, reader.message.text), where);
  }
  return pixels;
}

Tensor read_png(const std::string& path, Location where) {
  return parse_png(read_file(path, kMaxImageBytes, where), path, where);
}

std::vector<std::byte> format_png(const Tensor& image, Location where) {
  if (!image.defined() || image.dtype() != DType::u8 || image.rank() < 2 || image.rank() > 3 ||
      (image.rank() == 3 && (image.dim(2) < 1 || image.dim(2) > 4))) {
    throw Error(fmt::format("png: got {}, expected u8 [height, width] or [height, width, 1 to 4]",
                            image.defined() ? image.spec().str() : "an undefined tensor"),
                where);
  }
  const std::int64_t channels = image.rank() == 3 ? image.dim(2) : 1;
  check_image_size(image.dim(0), image.dim(1), channels, "png", where);
  Tensor dense = image.detach();
  if (!dense.is_contiguous()) {
    dense = Tensor::empty(image.shape(), DType::u8, where);
    copy_strided(image.raw(), image.strides(), dense.mutable_raw(), dense.strides(), image.shape(),
                 DType::u8);
  }
  constexpr int kColorTypes[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                                 PNG_COLOR_TYPE_RGB_ALPHA};
  Writer writer;
  if (writer.info == nullptr) throw Error("png: out of memory", where);
  Sink sink;
  std::vector<png_bytep> rows =
      row_pointers(dense, static_cast<std::size_t>(image.dim(1) * channels));
  if (!write_all(&writer, &sink, static_cast<png_uint_32>(image.dim(1)),
                 static_cast<png_uint_32>(image.dim(0)), kColorTypes[channels - 1], rows.data())) {
    throw Error(fmt::format("png: {}", writer.message.text), where);
  }
  return std::move(sink.bytes);
}

void write_png(const std::string& path, const Tensor& image, Location where) {
  const std::vector<std::byte> bytes = format_png(image, where);
  const std::span<const std::byte> parts[] = {bytes};
  write_file_atomically(path, parts, where);
}

}  // namespace ingrad
