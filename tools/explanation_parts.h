// SPDX-License-Identifier: Apache-2.0
// Finished parts of long explanations, kept on disk until all is done, so that work which was
// stopped or killed goes on from there.
#pragma once

#include <string>
#include <vector>

#include "attribution/attribution.h"
#include "tools/output_folder.h"

namespace ingrad::tools {

class ExplanationParts {
 public:
  // In the subfolder "parts" of `out`. `recipe` says what the attributions depend on. With `resume`
  // the parts that are there are kept; Error when their recipe is another, or when there are none.
  // Without, they go.
  ExplanationParts(const OutputFolder& out, const std::string& recipe, bool resume);

  // The parts of an explanation by name, which follow one another from sample 0.
  std::vector<Attribution> finished(const std::string& name) const;
  void add(const std::string& name, std::int64_t first_sample, const Attribution& part) const;
  // All parts, once the whole has been written.
  void remove() const;

 private:
  std::string path(const std::string& name, std::int64_t first_sample) const;

  std::string folder_;
};

// Text that differs when `bytes` do.
std::string digest(const Tensor& t);

}  // namespace ingrad::tools
