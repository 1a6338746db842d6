// SPDX-License-Identifier: Apache-2.0
// NVIDIA's libraries, opened when the first device is: programs start without them, and our own
// kernels then do all the work.
#pragma once

#include <dlfcn.h>

#include <string>

namespace ingrad::kernels::cuda {

class SharedLibrary {
 public:
  // Where the dynamic linker finds it.
  explicit SharedLibrary(const std::string& name)
      : handle_(dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL)) {}
  // Whether the library and all functions asked for are there.
  bool complete() const { return handle_ != nullptr && !missing_; }

  template <class Function>
  void load(Function*& function, const char* name) {
    if (handle_ == nullptr) return;
    function = reinterpret_cast<Function*>(dlsym(handle_, name));
    if (function == nullptr) missing_ = true;
  }

 private:
  void* handle_;  // stays open
  bool missing_ = false;
};

}  // namespace ingrad::kernels::cuda
