// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "datasets/data_folder.h"
#include "engine/op.h"
#include "engine/parallel.h"
#include "kernels/cuda/devices.h"
#include "tools/commands/command.h"

namespace ingrad::tools {
namespace {

std::string compiler() {
#if defined(__clang__)
  return fmt::format("clang {}", __clang_version__);
#else
  return fmt::format("g++ {}", __VERSION__);
#endif
}

std::string cuda_line(const kernels::CudaDevices& cuda) {
  std::string line = cuda.built ? fmt::format("toolkit {}", cuda.toolkit) : "not built";
  for (const std::string& device : cuda.devices) line += "; " + device;
  if (cuda.devices.empty() && !cuda.problem.empty()) line += "; no GPU: " + cuda.problem;
  return line;
}

void run(const std::string& data, Session& session) {
  const auto isas = kernels::supported_isas();
  const auto cuda = kernels::cuda_devices();
  const std::string folder = data_folder(data);
  session.result = {{"build", {{"type", INGRAD_BUILD_TYPE}, {"compiler", compiler()}}},
                    {"instruction_sets", {{"supported", isas}, {"active", kernels::active_isa()}}},
                    {"cuda",
                     {{"built", cuda.built},
                      {"toolkit", cuda.toolkit},
                      {"devices", cuda.devices},
                      {"problem", cuda.problem}}},
                    {"ops", op_table().all().size()},
                    {"kernel_families", kernels::all_families().size()},
                    {"data", folder}};

  std::string isa_line;
  for (const std::string_view isa : isas) {
    isa_line += fmt::format("{}{}{}", isa_line.empty() ? "" : " ", isa,
                            isa == kernels::active_isa() ? " (active)" : "");
  }
  const auto line = [&](std::string_view key, std::string_view value) {
    session.print(fmt::format("{:<18}{}\n", key, value));
  };
  line("version", version());
  line("build", fmt::format("{}, {}", INGRAD_BUILD_TYPE, compiler()));
  line("instruction sets", isa_line);
  line("", "INGRAD_ISA=NAME selects one");
  line("threads",
       fmt::format("{}; --threads or OMP_NUM_THREADS selects another number", threads()));
  line("cuda", cuda_line(cuda));
  line("ops", fmt::format("{} on {} families of kernels", op_table().all().size(),
                          kernels::all_families().size()));
  line("data folder", folder.empty() ? "none; --data or INGRAD_DATA names one" : folder);
}

}  // namespace

Command info_command() {
  return {"info", "What this build and this machine offer",
          "  ingrad info\n"
          "  ingrad info --json\n"
          "  INGRAD_ISA=avx2 ingrad info        a weaker instruction set, for comparison",
          [](CLI::App& app) -> std::function<void(Session&)> {
            auto data = std::make_shared<std::string>();
            app.add_option("--data", *data, "Folder of data sets; default INGRAD_DATA")
                ->type_name("DIR");
            return [data](Session& session) { run(*data, session); };
          }};
}

}  // namespace ingrad::tools
