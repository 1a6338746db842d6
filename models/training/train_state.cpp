// SPDX-License-Identifier: Apache-2.0
#include "models/training/train_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "engine/optim/optimizers.h"

namespace ingrad {
namespace {

Tensor copy_of(const Tensor& t) {
  const Tensor copy = Tensor::empty(t.shape(), t.dtype());
  copy.assign(t);
  return copy;
}

std::vector<ParameterGroup> groups_of(const Module& model, bool decay_vectors) {
  if (decay_vectors) return one_group(model.parameters());
  ParameterGroup matrices, vectors;
  for (const NamedTensor& p : model.parameters()) {
    (p.tensor.rank() > 1 ? matrices : vectors).parameters.push_back(p);
  }
  vectors.weight_decay = 0;
  std::vector<ParameterGroup> groups;
  if (!matrices.parameters.empty()) groups.push_back(std::move(matrices));
  if (!vectors.parameters.empty()) groups.push_back(std::move(vectors));
  return groups;
}

// What a moving average can follow: weights and running statistics.
NamedTensors averaged(const Module& model) {
  NamedTensors all = model.parameters();
  for (const NamedTensor& b : model.buffers()) {
    if (b.tensor.dtype() == DType::f32 || b.tensor.dtype() == DType::f64) all.push_back(b);
  }
  return all;
}

// ---- numbers as tensors -------------------------------------------------------------------------

// Writes or reads the same fields: Number is `const T&` or `T&`.
template <class Progress, class Field>
void for_numbers(Progress& p, const Field& field) {
  field("epoch", p.epoch, DType::i64);
  field("batch", p.batch, DType::i64);
  field("step", p.step, DType::i64);
  field("samples", p.score.samples, DType::i64);
  field("loss", p.score.loss, DType::f64);
  field("correct", p.score.correct, DType::i64);
  field("correct_top5", p.score.correct_top5, DType::i64);
  field("best_epoch", p.best_epoch, DType::i64);
  field("best_metric", p.best_metric, DType::f64);
  field("stop_reference", p.stop_reference, DType::f64);
  field("bad_epochs", p.bad_epochs, DType::i64);
  field("stopped_early", p.stopped_early, DType::i64);
}

constexpr std::int64_t kHistoryColumns = 14;

template <class Record, class Field>
void for_columns(Record& r, const Field& field) {
  field(r.epoch);
  field(r.rate);
  for (auto* m : {&r.training, &r.validation, &r.robust}) {
    field(m->samples);
    field(m->loss);
    field(m->accuracy);
    field(m->top5);
  }
}

Tensor packed(const std::vector<EpochRecord>& history) {
  const Tensor table =
      Tensor::empty({static_cast<std::int64_t>(history.size()), kHistoryColumns}, DType::f64);
  double* to = table.mutable_data<double>();
  for (const EpochRecord& r : history) {
    for_columns(r, [&](const auto& v) { *to++ = static_cast<double>(v); });
  }
  return table;
}

std::vector<EpochRecord> unpacked(const Tensor& table, Location where) {
  if (table.rank() != 2 || table.dim(1) != kHistoryColumns || table.dtype() != DType::f64) {
    throw Error(fmt::format("train: the history is {}, expected f64 [epochs, {}]",
                            table.spec().str(), kHistoryColumns),
                where);
  }
  std::vector<EpochRecord> history(static_cast<std::size_t>(table.dim(0)));
  const auto values = table.to_vector<double>();
  auto from = values.begin();
  for (EpochRecord& r : history) {
    for_columns(r, [&]<class T>(T& v) { v = static_cast<T>(*from++); });
  }
  return history;
}

void append(NamedTensors& all, std::string_view part, const NamedTensors& more) {
  for (const NamedTensor& t : more) all.push_back({fmt::format("{}.{}", part, t.name), t.tensor});
}

// The tensors whose names begin with "part.", without that.
NamedTensors section(const NamedTensors& all, std::string_view part) {
  NamedTensors found;
  const std::string prefix = fmt::format("{}.", part);
  for (const NamedTensor& t : all) {
    if (t.name.starts_with(prefix)) found.push_back({t.name.substr(prefix.size()), t.tensor});
  }
  return found;
}

}  // namespace

TrainState::TrainState(Module& trained, const TrainOptions& o, std::int64_t batches, bool maximize,
                       Location where)
    : model(trained),
      optimizer(make_optimizer(o.optimizer, groups_of(trained, o.decay_vectors), where)),
      rate(o.schedule, o.schedule_unit, o.epochs, batches, maximize, where) {
  if (o.average_decay != 0) average.emplace(averaged(model), o.average_decay, where);
}

NamedTensors TrainState::tensors() const {
  NamedTensors all;
  append(all, "model", model.state());
  append(all, "optimizer", optimizer->state());
  append(all, "rate", rate.state());
  if (average) append(all, "average", average->averages());
  append(all, "best", best);
  for_numbers(progress, [&](std::string_view name, const auto& value, DType dtype) {
    all.push_back(
        {fmt::format("progress.{}", name), Tensor::scalar(static_cast<double>(value), dtype)});
  });
  all.push_back({"history", packed(history)});
  return all;
}

void TrainState::restore(const NamedTensors& tensors, Location where) {
  std::unordered_map<std::string_view, const Tensor*> by_name;
  for (const NamedTensor& t : tensors) by_name[t.name] = &t.tensor;
  const auto at = [&](const std::string& name) -> const Tensor& {
    const auto found = by_name.find(name);
    if (found == by_name.end()) throw Error(fmt::format("train: {} is missing", name), where);
    return *found->second;
  };
  TrainProgress read;
  for_numbers(read, [&]<class T>(std::string_view name, T& value, DType) {
    value = static_cast<T>(at(fmt::format("progress.{}", name)).item(where));
  });
  std::vector<EpochRecord> records = unpacked(at("history"), where);
  NamedTensors snapshot_read;
  for (const NamedTensor& t : section(tensors, "best")) {
    snapshot_read.push_back({t.name, copy_of(t.tensor)});
  }
  if (average) {
    for (const NamedTensor& t : average->averages()) {
      t.tensor.assign(at("average." + t.name), where);
    }
  }
  model.load_state(section(tensors, "model"), where);
  optimizer->load_state(section(tensors, "optimizer"), where);
  rate.load_state(section(tensors, "rate"), where);
  progress = read;
  history = std::move(records);
  best = std::move(snapshot_read);
}

NamedTensors TrainState::snapshot() const {
  const AveragedWeights hold(*this);
  NamedTensors copies;
  for (const NamedTensor& t : model.state()) copies.push_back({t.name, copy_of(t.tensor)});
  return copies;
}

AveragedWeights::AveragedWeights(const TrainState& state) {
  if (!state.average) return;
  const NamedTensors live = averaged(state.model);
  const NamedTensors& averages = state.average->averages();
  for (std::size_t i = 0; i < live.size(); ++i) {
    own_.emplace_back(live[i].tensor, copy_of(live[i].tensor));
    live[i].tensor.assign(averages[i].tensor);
  }
}

AveragedWeights::~AveragedWeights() {
  for (const auto& [live, values] : own_) live.assign(values);
}

}  // namespace ingrad
