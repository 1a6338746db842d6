// SPDX-License-Identifier: Apache-2.0
#include "tools/session.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "engine/device.h"
#include "engine/error.h"
#include "engine/parallel.h"
#include "kernels/kernel.h"

namespace ingrad::tools {
namespace {

// Arrays of plain values stand on one line, everything else is indented.
void format_value(const Json& v, int depth, std::string& to) {
  const auto dump = [](const Json& value) {
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
  };
  const auto is_plain = [](const Json& value) {
    for (const Json& item : value) {
      if (item.is_structured()) return false;
    }
    return true;
  };
  if (!v.is_structured() || v.empty()) {
    to += dump(v);
  } else if (v.is_array() && is_plain(v)) {
    to += '[';
    for (std::size_t i = 0; i < v.size(); ++i) {
      if (i > 0) to += ", ";
      to += dump(v[i]);
    }
    to += ']';
  } else {
    const std::string indent(2 * static_cast<std::size_t>(depth) + 2, ' ');
    to += v.is_array() ? "[\n" : "{\n";
    std::size_t i = 0;
    for (const auto& [key, item] : v.items()) {
      to += indent;
      if (v.is_object()) to += dump(key) + ": ";
      format_value(item, depth + 1, to);
      to += ++i < v.size() ? ",\n" : "\n";
    }
    to += indent.substr(2);
    to += v.is_array() ? ']' : '}';
  }
}

}  // namespace

std::string format_json(const Json& value) {
  std::string text;
  format_value(value, 0, text);
  return text + '\n';
}

std::string_view version() { return INGRAD_VERSION; }

double Session::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

void Session::print(std::string_view text) const {
  if (!common.json) std::fwrite(text.data(), 1, text.size(), stdout);
}

void Session::note(std::string_view text) const {
  if (!common.json && !common.quiet) fmt::print(stderr, "{}\n", text);
}

Device Session::use_device(const std::string& name) {
  const Device device = device_from_name(name);
  const DeviceScope is_there(device);
  return device_ = device;
}

Json Session::provenance() const {
  Json p = {{"version", version()},
            {"seed", common.seed},
            {"device", device_.str()},
            {"instruction_set", kernels::active_isa()},
            {"threads", threads()},
            {"seconds", seconds()},
            {"rows", rows}};
  if (device_.kind != Device::Kind::cpu) p["device_name"] = device_name(device_);
  return p;
}

std::string Session::provenance_line() const {
  const std::string gpu = device_.kind == Device::Kind::cpu
                              ? ""
                              : fmt::format("{} ({}), ", device_.str(), device_name(device_));
  return fmt::format("{} rows, seed {}, {:.1f} s, {}cpu ({}, {} thread{}), ingrad {}", rows,
                     common.seed, seconds(), gpu, kernels::active_isa(), threads(),
                     threads() == 1 ? "" : "s", version());
}

Json Session::whole_result() const {
  Json all = {{"command", command_}};
  all.update(result);
  all["settings"] = settings;
  all["ingrad"] = provenance();
  return all;
}

void Session::finish() const {
  if (common.json) {
    const std::string text = format_json(whole_result());
    std::fwrite(text.data(), 1, text.size(), stdout);
  } else if (rows > 0) {
    print(fmt::format("\n{}\n", provenance_line()));
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    throw Error(fmt::format("cannot write to standard output: {}", std::strerror(errno)));
  }
}

}  // namespace ingrad::tools
