// SPDX-License-Identifier: Apache-2.0
// The one exception type of the library's public interface.
#pragma once

#include <source_location>
#include <stdexcept>
#include <string>

namespace ingrad {

// Where in the caller's program something was asked for. Public functions take it as a last,
// defaulted argument, so that every error and every recorded node names the user's line.
using Location = std::source_location;

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
