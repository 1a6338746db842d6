// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models/module.h"

namespace ingrad {

// Modules one after another, named "0", "1", ... unless named by the caller. Without any, x itself.
class Sequential : public Module {
 public:
  // add<Linear>(784, 10) constructs the module in place.
  template <class M, class... Args>
  M& add(Args&&... args) {
    return append(std::make_unique<M>(std::forward<Args>(args)...));
  }
  template <class M>
  M& append(std::unique_ptr<M> module) {
    return append(std::to_string(size()), std::move(module));
  }
  template <class M>
  M& append(std::string name, std::unique_ptr<M> module) {
    M& added = add_module(std::move(name), std::move(module));
    steps_.push_back(&added);
    return added;
  }

  std::size_t size() const { return steps_.size(); }
  const Module& operator[](std::size_t i) const { return *steps_.at(i); }
  std::string describe() const override;

 private:
  Tensor forward(const Tensor& x, Pass& pass) const override;
  std::vector<const Module*> steps_;
};

}  // namespace ingrad
