// SPDX-License-Identifier: Apache-2.0
// The one exception type of the library's public interface.
#pragma once

#include <stdexcept>
#include <string>

#include "engine/location.h"

namespace ingrad {

// Public functions take a Location as a last, defaulted argument, so that every error and every
// recorded node names the user's line.
//
// Bad input: the message names the operation, what was given and what was expected; what() ends
// with the caller's file and line.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message, Location where = Location::current());

  const std::string& message() const { return message_; }
  const Location& where() const { return where_; }

 private:
  std::string message_;
  Location where_;
};

}  // namespace ingrad
