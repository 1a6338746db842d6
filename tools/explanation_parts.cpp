// SPDX-License-Identifier: Apache-2.0
#include "tools/explanation_parts.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "attribution/attribution_file.h"
#include "engine/io/gzip.h"
#include "engine/ops/elementwise.h"

namespace ingrad::tools {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kRecipe = "recipe.json";

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

ExplanationParts::ExplanationParts(const OutputFolder& out, const std::string& recipe, bool resume)
    : folder_(out.at("parts")) {
  if (!resume) {
    remove();
  } else if (!fs::exists(fs::path(folder_) / kRecipe)) {
    throw Error(
        fmt::format("--resume: there is nothing to go on from in {}; start without it", folder_));
  } else if (content_of(fs::path(folder_) / kRecipe) != recipe) {
    throw Error(fmt::format(
        "--resume: the parts in {} are of other settings, another model or other samples; expected "
        "the same, or a start without --resume",
        folder_));
  }
  const OutputFolder parts(folder_);
  if (!parts.has(kRecipe)) parts.write(kRecipe, recipe);
}

std::vector<Attribution> ExplanationParts::finished(const std::string& name) const {
  std::vector<Attribution> parts;
  std::int64_t next = 0;
  while (fs::exists(path(name, next))) {
    parts.push_back(load_attribution(path(name, next)));
    if (parts.back().values.dim(0) < 1) break;
    next += parts.back().values.dim(0);
  }
  return parts;
}

void ExplanationParts::add(const std::string& name, std::int64_t first_sample,
                           const Attribution& part) const {
  save_attribution(path(name, first_sample), part);
}

void ExplanationParts::remove() const {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::string ExplanationParts::path(const std::string& name, std::int64_t first_sample) const {
  return (fs::path(folder_) / fmt::format("{}.{}.npz", name, first_sample)).string();
}

std::string digest(const Tensor& t) {
  const Tensor dense = contiguous(t.detach().to({}));
  const auto* bytes = static_cast<const std::byte*>(dense.raw());
  const auto size = static_cast<std::size_t>(dense.spec().bytes());
  return fmt::format("{} {:08x}", dense.spec().str(), crc32_of({bytes, size}));
}

}  // namespace ingrad::tools
