// SPDX-License-Identifier: Apache-2.0
#include "engine/optim/line_search.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace ingrad::optim {

double cubic_minimum(const RayPoint& a, const RayPoint& b, double low, double high) {
  const double d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t);
  const double discriminant = d1 * d1 - a.slope * b.slope;
  if (!(discriminant >= 0)) return (low + high) / 2;
  const double d2 = std::sqrt(discriminant);
  const RayPoint& near = a.t <= b.t ? a : b;
  const RayPoint& far = a.t <= b.t ? b : a;
  const double t = far.t - (far.t - near.t) *
                               ((far.slope + d2 - d1) / (far.slope - near.slope + 2 * d2));
  return std::min(std::max(t, low), high);
}

namespace {

class Search {
 public:
  Search(const std::function<RayPoint(double)>& evaluate, const RayPoint& start,
         const WolfeOptions& options)
      : evaluate_(evaluate), start_(start), options_(options) {}

  WolfeResult run(double first, double direction_size) {
    bracket(first);
    if (!done_) zoom(direction_size);
    return {std::move(ends_[low_]), evaluations_};
  }

 private:
  RayPoint at(double t) {
    ++evaluations_;
    return evaluate_(t);
  }
  bool decreases(const RayPoint& p) const {
    return p.loss <= start_.loss + options_.sufficient_decrease * p.t * start_.slope;
  }
  bool is_flat(const RayPoint& p) const {
    return std::abs(p.slope) <= -options_.curvature * start_.slope;
  }
  RayPoint& low() { return ends_[low_]; }
  RayPoint& high() { return ends_[1 - low_]; }
  // On a tie the first end is the low one.
  void choose_low() { low_ = ends_[0].loss <= ends_[1].loss ? 0 : 1; }
  void set_bracket(RayPoint a, RayPoint b) {
    ends_[0] = std::move(a);
    ends_[1] = std::move(b);
    choose_low();
  }

  // Lengthens the step until an acceptable point lies between the last two tried.
  void bracket(double first) {
    RayPoint previous = start_;
    RayPoint now = at(first);
    for (; rounds_ < options_.max_evaluations; ++rounds_) {
      if (!decreases(now) || (rounds_ > 1 && now.loss >= previous.loss)) {
        return set_bracket(std::move(previous), std::move(now));
      }
      if (is_flat(now)) {
        ends_[0] = std::move(now);
        done_ = true;
        return;
      }
      if (now.slope >= 0) return set_bracket(std::move(previous), std::move(now));
      const double next = cubic_minimum(previous, now, now.t + 0.01 * (now.t - previous.t),
                                        now.t * 10);
      previous = std::move(now);
      now = at(next);
    }
    set_bracket(start_, std::move(now));
  }

  // Narrows the bracket; low() is always its better end.
  void zoom(double direction_size) {
    bool stalled = false;
    while (!done_ && rounds_ < options_.max_evaluations) {
      const double left = std::min(ends_[0].t, ends_[1].t);
      const double right = std::max(ends_[0].t, ends_[1].t);
      if ((right - left) * direction_size < options_.tolerance_change) return;
      double t = cubic_minimum(ends_[0], ends_[1], left, right);
      // A guess close to an end must not repeat: the second time it moves inwards by a tenth.
      const double margin = 0.1 * (right - left);
      if (std::min(right - t, t - left) < margin) {
        if (stalled || t >= right || t <= left) {
          t = std::abs(t - right) < std::abs(t - left) ? right - margin : left + margin;
          stalled = false;
        } else {
          stalled = true;
        }
      } else {
        stalled = false;
      }
      RayPoint now = at(t);
      ++rounds_;
      if (!decreases(now) || now.loss >= low().loss) {
        high() = std::move(now);
        choose_low();
        continue;
      }
      if (is_flat(now)) {
        done_ = true;
      } else if (now.slope * (high().t - low().t) >= 0) {
        high() = std::move(low());
      }
      low() = std::move(now);
    }
  }

  const std::function<RayPoint(double)>& evaluate_;
  const RayPoint& start_;
  const WolfeOptions& options_;
  RayPoint ends_[2];  // of the bracket
  std::size_t low_ = 0;
  int evaluations_ = 0;
  int rounds_ = 0;
  bool done_ = false;
};

}  // namespace

WolfeResult strong_wolfe(const std::function<RayPoint(double)>& evaluate, const RayPoint& start,
                         double first, double direction_size, const WolfeOptions& options) {
  return Search(evaluate, start, options).run(first, direction_size);
}

}  // namespace ingrad::optim
