// SPDX-License-Identifier: Apache-2.0
// The geometry of attacks: steps inside the ball around each row, exact in floating point.
#pragma once

#include <span>
#include <vector>

#include "models/training/adversarial.h"

namespace ingrad {

class Perturbation {
 public:
  // The balls around the rows of x, f32 or f64 [N, ...]. `radii`: one per row, or none for that of
  // the options. Error as attack().
  Perturbation(const Tensor& x, const AttackOptions& options, std::vector<double> radii,
               Location where);

  // A random point of each row's ball, a function of (seed, number of the sample, draw).
  Tensor random_start(const Tensor& samples, std::uint64_t draw) const;
  // One step from the points `at`, up or down the loss with this gradient, and back into the ball.
  Tensor moved(const Tensor& at, const Tensor& gradient) const;

 private:
  std::int64_t rows() const { return x_.dim(0); }
  std::int64_t width() const { return width_; }
  // Calls body(row) for all rows, on threads.
  template <class Body>
  void for_rows(const Body& body) const;
  // Writes x + offsets / deviation, for raw offsets within the ball, kept in bounds.
  template <class T>
  void place(std::int64_t row, const double* offsets, T* to) const;
  template <class T>
  void move_row(std::int64_t row, const T* at, const T* gradient, T* to, double* offsets) const;
  // Adds a step up the loss (down, for targets) to raw offsets.
  template <class T>
  void add_step(std::int64_t row, const T* at, const T* gradient, double* offsets) const;
  // The elements that a step under l1 moves.
  template <class T>
  std::vector<std::int64_t> largest(const T* at, const std::vector<double>& slope) const;
  double radius(std::int64_t row) const {
    return radii_[radii_.size() == 1 ? 0 : static_cast<std::size_t>(row)];
  }
  std::span<double> row_of(double* offsets) const {
    return {offsets, static_cast<std::size_t>(width_)};
  }

  // Per channel, in the units of the inputs.
  struct Channel {
    double deviation, low, high;
  };
  Tensor x_;                  // contiguous
  std::int64_t width_ = 0;    // elements of a row
  std::int64_t spatial_ = 1;  // elements of a channel
  std::vector<Channel> channels_;
  AttackNorm norm_;
  std::vector<double> radii_;  // one for all or one per row
  double step_, step_share_;   // the step: absolute, or 0 and a share of the radius
  double sign_;                // negative when the loss is to shrink
  double l1_share_;
  std::uint64_t seed_;
  Location where_;
};

}  // namespace ingrad
