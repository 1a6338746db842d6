// SPDX-License-Identifier: Apache-2.0
#include "engine/optim/lbfgs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "engine/convert.h"
#include "engine/optim/checks.h"
#include "engine/optim/line_search.h"

namespace ingrad {
namespace {

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

double largest(const std::vector<double>& a) {
  double top = 0;
  for (const double v : a) top = std::max(top, std::abs(v));
  return top;
}

// a += factor b
void add(std::vector<double>& a, double factor, const std::vector<double>& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] += factor * b[i];
}

Tensor as_tensor(const std::vector<double>& v) {
  return Tensor::from(v, {static_cast<std::int64_t>(v.size())});
}

}  // namespace

Lbfgs::Lbfgs(std::span<const ParameterGroup> groups, const LbfgsOptions& options, Location where)
    : Optimizer(groups, options.learning_rate, 0, {}, where), options_(options) {
  if (this->groups() != 1) {
    throw Error(fmt::format("lbfgs: {} parameter groups, expected one", this->groups()), where);
  }
  if (weight_decay(0) != 0) throw Error("lbfgs: has no weight decay", where);
  optim::check_at_least("lbfgs", "max_iter", options.max_iter, 1, where);
  optim::check_at_least("lbfgs", "max_eval", options.max_eval, 0, where);
  optim::check_at_least("lbfgs", "history_size", options.history_size, 1, where);
  optim::check_at_least("lbfgs", "tolerance_grad", options.tolerance_grad, 0, where);
  optim::check_at_least("lbfgs", "tolerance_change", options.tolerance_change, 0, where);
  if (options_.max_eval == 0) options_.max_eval = options_.max_iter * 5 / 4;
  for (const NamedTensor& p : parameters()) size_ += p.tensor.size();
}

void Lbfgs::step(std::span<const Tensor>, Location where) {
  throw Error("lbfgs: a step evaluates the loss several times; give a closure", where);
}

double Lbfgs::evaluate(const Closure& closure, Vector& gradient, Location where) const {
  const ValueAndGrads now = closure();
  check_gradients(now.grads, where);
  gradient.assign(static_cast<std::size_t>(size_), 0.0);
  std::size_t at = 0;
  for (std::size_t i = 0; i < now.grads.size(); ++i) {
    if (now.grads[i].defined()) {
      const std::vector<double> part = now.grads[i].to_vector<double>(where);
      std::copy(part.begin(), part.end(), gradient.begin() + static_cast<std::ptrdiff_t>(at));
    }
    at += static_cast<std::size_t>(parameters()[i].tensor.size());
  }
  return now.value.item(where);
}

Lbfgs::Vector Lbfgs::values() const {
  Vector all;
  all.reserve(static_cast<std::size_t>(size_));
  for (const NamedTensor& p : parameters()) {
    const std::vector<double> part = p.tensor.to_vector<double>();
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

void Lbfgs::set_values(const Vector& values) const {
  std::size_t at = 0;
  for (const NamedTensor& p : parameters()) {
    void* data = p.tensor.mutable_raw();
    for (std::int64_t i = 0; i < p.tensor.size(); ++i) {
      store_element(data, p.tensor.dtype(), i, values[at++]);
    }
  }
}

void Lbfgs::move(double length, const Vector& direction) const {
  Vector now = values();
  add(now, length, direction);
  set_values(now);
}

void Lbfgs::remember(const Vector& gradient) {
  Pair pair{gradient, direction_, 0};
  add(pair.change, -1, previous_gradient_);
  for (double& v : pair.step) v *= length_;
  const double product = dot(pair.change, pair.step);
  // Without positive curvature the update would not stay positive definite.
  if (!(product > 1e-10)) return;
  pair.inverse_product = 1 / product;
  scale_ = product / dot(pair.change, pair.change);
  if (static_cast<int>(history_.size()) == options_.history_size) history_.erase(history_.begin());
  history_.push_back(std::move(pair));
}

// Minus the inverse Hessian times the gradient, by the two-loop recursion.
Lbfgs::Vector Lbfgs::quasi_newton(const Vector& gradient) const {
  Vector q(gradient.size());
  std::transform(gradient.begin(), gradient.end(), q.begin(), [](double g) { return -g; });
  Vector alpha(history_.size());
  for (std::size_t i = history_.size(); i-- > 0;) {
    alpha[i] = dot(history_[i].step, q) * history_[i].inverse_product;
    add(q, -alpha[i], history_[i].change);
  }
  for (double& v : q) v *= scale_;
  for (std::size_t i = 0; i < history_.size(); ++i) {
    const double beta = dot(history_[i].change, q) * history_[i].inverse_product;
    add(q, alpha[i] - beta, history_[i].step);
  }
  return q;
}

double Lbfgs::step(const Closure& closure, Location where) {
  const double rate = learning_rate();
  Vector gradient;
  double loss = evaluate(closure, gradient, where);
  const double loss_before = loss;
  int evaluations = 1;
  if (largest(gradient) <= options_.tolerance_grad) return loss_before;

  for (int n = 1; n <= options_.max_iter; ++n) {
    if (++iterations_ > 1) remember(gradient);
    direction_ = quasi_newton(gradient);
    previous_gradient_ = gradient;
    const double previous_loss = loss;

    length_ = rate;
    if (iterations_ == 1) {
      double sum = 0;
      for (const double g : gradient) sum += std::abs(g);
      length_ *= std::min(1.0, 1 / sum);
    }
    const double slope = dot(gradient, direction_);
    if (slope > -options_.tolerance_change) break;

    if (options_.strong_wolfe) {
      const Vector origin = values();
      const auto at = [&](double t) {
        optim::RayPoint point{t, 0, {}, 0};
        Vector there = origin;
        add(there, t, direction_);
        set_values(there);
        point.loss = evaluate(closure, point.gradient, where);
        point.slope = dot(point.gradient, direction_);
        set_values(origin);
        return point;
      };
      optim::WolfeOptions search;
      search.max_evaluations = options_.max_eval - evaluations;
      optim::WolfeResult found = optim::strong_wolfe(at, {0, loss, gradient, slope}, length_,
                                                     largest(direction_), search);
      loss = found.point.loss;
      gradient = std::move(found.point.gradient);
      length_ = found.point.t;
      evaluations += found.evaluations;
      move(length_, direction_);
    } else {
      move(length_, direction_);
      if (n != options_.max_iter) {
        loss = evaluate(closure, gradient, where);
        ++evaluations;
      }
    }

    if (n == options_.max_iter || evaluations >= options_.max_eval) break;
    if (largest(gradient) <= options_.tolerance_grad) break;
    if (std::abs(length_) * largest(direction_) <= options_.tolerance_change) break;
    if (std::abs(loss - previous_loss) < options_.tolerance_change) break;
  }
  return loss_before;
}

NamedTensors Lbfgs::state() const {
  const auto number = [](double v) { return Tensor::scalar(v, DType::f64); };
  NamedTensors all{{"learning_rate.0", number(learning_rate())},
                   {"iterations", number(static_cast<double>(iterations_))},
                   {"length", number(length_)},
                   {"scale", number(scale_)},
                   {"direction", as_tensor(direction_)},
                   {"previous_gradient", as_tensor(previous_gradient_)}};
  for (std::size_t i = 0; i < history_.size(); ++i) {
    all.push_back({fmt::format("history.{}.change", i), as_tensor(history_[i].change)});
    all.push_back({fmt::format("history.{}.step", i), as_tensor(history_[i].step)});
    all.push_back({fmt::format("history.{}.inverse_product", i), number(history_[i].inverse_product)});
  }
  return all;
}

void Lbfgs::load_state(std::span<const NamedTensor> given, Location where) {
  std::unordered_map<std::string, const Tensor*> by_name;
  for (const NamedTensor& g : given) by_name[g.name] = &g.tensor;
  const auto take = [&](const std::string& key) {
    const auto found = by_name.find(key);
    if (found == by_name.end()) throw Error(fmt::format("lbfgs: state lacks {}", key), where);
    const Tensor* t = found->second;
    by_name.erase(found);
    return *t;
  };
  const auto vector = [&](const std::string& key, bool may_be_empty) {
    const Tensor t = take(key);
    if (t.rank() != 1 || (t.size() != size_ && !(may_be_empty && t.size() == 0))) {
      throw Error(fmt::format("lbfgs: state {} is {}, expected [{}]", key, t.shape().str(), size_),
                  where);
    }
    return t.to_vector<double>(where);
  };
  const double rate = take("learning_rate.0").item(where);
  const double iterations = take("iterations").item(where);
  const double length = take("length").item(where);
  const double scale = take("scale").item(where);
  Vector direction = vector("direction", true);
  Vector previous = vector("previous_gradient", true);
  std::vector<Pair> history;
  while (by_name.contains(fmt::format("history.{}.change", history.size()))) {
    const std::string prefix = fmt::format("history.{}.", history.size());
    Vector change = vector(prefix + "change", false);
    Vector step = vector(prefix + "step", false);
    history.push_back({std::move(change), std::move(step), take(prefix + "inverse_product").item(where)});
  }
  if (!by_name.empty()) {
    throw Error(fmt::format("lbfgs: state has the unexpected {}", by_name.begin()->first), where);
  }
  if (iterations >= 1 && (direction.empty() || previous.empty())) {
    throw Error("lbfgs: state has iterations but no direction", where);
  }
  set_learning_rate(rate, 0);
  iterations_ = static_cast<std::int64_t>(iterations);
  length_ = length;
  scale_ = scale;
  direction_ = std::move(direction);
  previous_gradient_ = std::move(previous);
  history_ = std::move(history);
}

}  // namespace ingrad
