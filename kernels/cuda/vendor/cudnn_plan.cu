// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/vendor/cudnn_plan.h"

#include "kernels/cuda/vendor/install.h"

#if __has_include(<cudnn_graph.h>)
#include <cudnn_graph.h>

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "kernels/cuda/launch.h"
#include "kernels/cuda/vendor/shared_library.h"
#include "kernels/cuda/vendor/trial.h"

namespace ingrad::kernels::cuda {
namespace {

constexpr std::int64_t kChosenForImages = 64;
// Trying costs about ten milliseconds a convolution: not for smaller ones.
constexpr double kWorthTrying = 5e8;  // multiply-adds
constexpr std::int64_t kMostWorkspace = std::int64_t{256} << 20;
enum Name : std::int64_t { kX = 1, kW, kY };

struct Api {
  decltype(&cudnnCreate) create = nullptr;
  decltype(&cudnnSetStream) set_stream = nullptr;
  decltype(&cudnnBackendCreateDescriptor) create_descriptor = nullptr;
  decltype(&cudnnBackendDestroyDescriptor) destroy_descriptor = nullptr;
  decltype(&cudnnBackendSetAttribute) set = nullptr;
  decltype(&cudnnBackendGetAttribute) get = nullptr;
  decltype(&cudnnBackendFinalize) finalize = nullptr;
  decltype(&cudnnBackendExecute) execute = nullptr;
};
Api api;

// One object of cuDNN. What fails makes it and whatever is made of it bad.
class Object {
 public:
  explicit Object(cudnnBackendDescriptorType_t type) {
    good_ = api.create_descriptor(type, &descriptor_) == CUDNN_STATUS_SUCCESS;
  }
  ~Object() {
    if (descriptor_ != nullptr) api.destroy_descriptor(descriptor_);
  }
  Object(Object&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, nullptr)), good_(other.good_) {}
  Object& operator=(Object&&) = delete;

  bool good() const { return good_; }
  cudnnBackendDescriptor_t get() const { return descriptor_; }

  template <class T>
  Object& set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, const T* values,
              std::size_t count) {
    good_ = good_ && api.set(descriptor_, name, type, static_cast<std::int64_t>(count), values) ==
                         CUDNN_STATUS_SUCCESS;
    return *this;
  }
  template <class T>
  Object& set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, const T& value) {
    return set(name, type, &value, 1);
  }
  Object& set(cudnnBackendAttributeName_t name, const std::vector<std::int64_t>& values) {
    return set(name, CUDNN_TYPE_INT64, values.data(), values.size());
  }
  Object& set(cudnnBackendAttributeName_t name, const Object& part) {
    good_ = good_ && part.good();
    return set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, part.descriptor_);
  }
  Object& finish() {
    good_ = good_ && api.finalize(descriptor_) == CUDNN_STATUS_SUCCESS;
    return *this;
  }

  template <class T>
  std::vector<T> all(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                     std::size_t most) const {
    std::vector<T> values(most);
    std::int64_t count = 0;
    if (!good_ || api.get(descriptor_, name, type, static_cast<std::int64_t>(most), &count,
                          values.data()) != CUDNN_STATUS_SUCCESS) {
      count = 0;
    }
    values.resize(static_cast<std::size_t>(count));
    return values;
  }
  std::int64_t integer(cudnnBackendAttributeName_t name, std::int64_t otherwise) const {
    const auto found = all<std::int64_t>(name, CUDNN_TYPE_INT64, 1);
    return found.empty() ? otherwise : found[0];
  }
  // Fills `into` with the parts that this object holds, and returns how many.
  std::size_t parts(cudnnBackendAttributeName_t name, const std::vector<Object>& into) const {
    std::vector<cudnnBackendDescriptor_t> given;
    for (const Object& o : into) given.push_back(o.get());
    std::int64_t count = 0;
    if (!good_ || api.get(descriptor_, name, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                          static_cast<std::int64_t>(given.size()), &count,
                          given.data()) != CUDNN_STATUS_SUCCESS) {
      return 0;
    }
    return static_cast<std::size_t>(std::max<std::int64_t>(count, 0));
  }

 private:
  cudnnBackendDescriptor_t descriptor_ = nullptr;
  bool good_ = false;
};

std::vector<Object> several(cudnnBackendDescriptorType_t type, std::size_t count) {
  std::vector<Object> objects;
  for (std::size_t i = 0; i < count; ++i) objects.emplace_back(type);
  return objects;
}

Object tensor(Name name, const std::vector<std::int64_t>& extents,
              const std::vector<std::int64_t>& strides) {
  Object t(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  t.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT)
      .set(CUDNN_ATTR_TENSOR_DIMENSIONS, extents)
      .set(CUDNN_ATTR_TENSOR_STRIDES, strides)
      .set(CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, static_cast<std::int64_t>(name))
      .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, std::int64_t{4})
      .finish();
  return t;
}

// The graph: one convolution.
struct Graph {
  Object x, w, y, convolution, operation, graph;

  Graph(const Convolution& c, cudnnHandle_t handle)
      : x(tensor(kX, with(c, {c.images, c.in_channels}, c.size), strides(c, c.x_stride))),
        w(weights(c)),
        y(tensor(kY, with(c, {c.images, c.out_channels}, c.grid), strides(c, c.y_stride))),
        convolution(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR),
        operation(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR),
        graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR) {
    convolution.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT)
        .set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, CUDNN_CROSS_CORRELATION)
        .set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64,
             static_cast<std::int64_t>(spatial(c)))
        .set(CUDNN_ATTR_CONVOLUTION_DILATIONS, with(c, {}, c.dilation))
        .set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, with(c, {}, c.step))
        .set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, with(c, {}, c.before))
        .set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, with(c, {}, c.behind))
        .finish();
    operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, convolution)
        .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, x)
        .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, w)
        .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, y)
        .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_TYPE_FLOAT, 1.0f)
        .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, CUDNN_TYPE_FLOAT, 0.0f)
        .finish();
    graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, handle)
        .set(CUDNN_ATTR_OPERATIONGRAPH_OPS, operation)
        .finish();
  }

  // cuDNN knows two and three axes.
  static std::size_t spatial(const Convolution& c) {
    return c.size[0] == 1 && c.kernel[0] == 1 && c.grid[0] == 1 ? 2 : 3;
  }
  static std::vector<std::int64_t> with(const Convolution& c, std::vector<std::int64_t> front,
                                        const std::array<std::int64_t, 3>& axes) {
    front.insert(front.end(), axes.end() - static_cast<std::ptrdiff_t>(spatial(c)), axes.end());
    return front;
  }
  static std::vector<std::int64_t> strides(const Convolution& c,
                                           const std::array<std::int64_t, 5>& s) {
    return with(c, {s[0], s[1]}, {s[2], s[3], s[4]});
  }
  static Object weights(const Convolution& c) {
    const std::int64_t channels = c.in_channels / c.groups;
    const auto& k = c.kernel;
    return tensor(
        kW, with(c, {c.out_channels, channels}, k),
        with(c, {channels * k[0] * k[1] * k[2], k[0] * k[1] * k[2]}, {k[1] * k[2], k[2], 1}));
  }
};

// A way to compute: an engine and its settings.
struct Choice {
  std::int64_t engine = -1;
  std::vector<std::pair<cudnnBackendKnobType_t, std::int64_t>> knobs;
};

template <class Note>
bool has_one(const std::vector<Note>& notes, std::initializer_list<Note> unwanted) {
  return std::any_of(notes.begin(), notes.end(), [&](Note n) {
    return std::find(unwanted.begin(), unwanted.end(), n) != unwanted.end();
  });
}

// At most `most` ways to compute c in full f32, always in the same order; what is advised comes
// first.
std::vector<Choice> choices(const Convolution& c, cudnnHandle_t handle, std::size_t most) {
  const Graph g(c, handle);
  std::vector<Choice> all;
  for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    Object advice(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    advice.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, g.graph)
        .set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, mode)
        .finish();
    const std::vector<Object> configurations = several(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, 32);
    const std::size_t count = advice.parts(CUDNN_ATTR_ENGINEHEUR_RESULTS, configurations);
    for (std::size_t i = 0; i < count; ++i) {
      const std::vector<Object> engine = several(CUDNN_BACKEND_ENGINE_DESCRIPTOR, 1);
      if (configurations[i].parts(CUDNN_ATTR_ENGINECFG_ENGINE, engine) == 0) continue;
      const auto numerical = engine[0].all<cudnnBackendNumericalNote_t>(
          CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
          CUDNN_NUMERICAL_NOTE_TYPE_COUNT);
      const auto behaviour = engine[0].all<cudnnBackendBehaviorNote_t>(
          CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE, CUDNN_TYPE_BEHAVIOR_NOTE,
          CUDNN_BEHAVIOR_NOTE_TYPE_COUNT);
      if (has_one(numerical,
                  {CUDNN_NUMERICAL_NOTE_TENSOR_CORE, CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS,
                   CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION, CUDNN_NUMERICAL_NOTE_FFT,
                   CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC, CUDNN_NUMERICAL_NOTE_WINOGRAD}) ||
          has_one(behaviour, {CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION})) {
        continue;
      }
      Object plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
      plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, handle)
          .set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configurations[i])
          .finish();
      if (!plan.good() || plan.integer(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
                                       kMostWorkspace + 1) > kMostWorkspace) {
        continue;
      }
      Choice choice;
      choice.engine = engine[0].integer(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, -1);
      const std::vector<Object> knobs =
          several(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, CUDNN_KNOB_TYPE_COUNTS);
      const std::size_t set = configurations[i].parts(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, knobs);
      for (std::size_t k = 0; k < set; ++k) {
        const auto type = knobs[k].all<cudnnBackendKnobType_t>(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE,
                                                               CUDNN_TYPE_KNOB_TYPE, 1);
        if (type.empty()) continue;
        choice.knobs.emplace_back(type[0], knobs[k].integer(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, 0));
      }
      all.push_back(std::move(choice));
      if (all.size() == most) return all;
    }
  }
  return all;
}

struct Plan {
  std::unique_ptr<Graph> graph;
  std::unique_ptr<Object> engine, configuration, plan;
  std::vector<Object> knobs;
  std::int64_t workspace = -1;
};

Plan plan_of(const Convolution& c, cudnnHandle_t handle, const Choice& choice) {
  Plan p;
  p.graph = std::make_unique<Graph>(c, handle);
  p.engine = std::make_unique<Object>(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  p.engine->set(CUDNN_ATTR_ENGINE_OPERATION_GRAPH, p.graph->graph)
      .set(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, choice.engine)
      .finish();
  p.configuration = std::make_unique<Object>(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
  p.configuration->set(CUDNN_ATTR_ENGINECFG_ENGINE, *p.engine);
  std::vector<cudnnBackendDescriptor_t> settings;
  for (const auto& [type, value] : choice.knobs) {
    p.knobs.emplace_back(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR);
    p.knobs.back()
        .set(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, type)
        .set(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64, value)
        .finish();
    if (p.knobs.back().good()) settings.push_back(p.knobs.back().get());
  }
  if (!settings.empty()) {
    p.configuration->set(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                         settings.data(), settings.size());
  }
  p.configuration->finish();
  p.plan = std::make_unique<Object>(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  p.plan->set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, handle)
      .set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, *p.configuration)
      .finish();
  if (p.plan->good()) p.workspace = p.plan->integer(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, -1);
  return p;
}

bool execute(const Plan& p, cudnnHandle_t handle, const float* x, const float* w, float* y,
             void* workspace) {
  const void* const arrays[] = {x, w, y};
  const std::int64_t names[] = {kX, kW, kY};
  Object arguments(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  arguments.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, arrays, 3)
      .set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, names, 3)
      .set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, workspace)
      .finish();
  return arguments.good() && api.set_stream(handle, current_stream()) == CUDNN_STATUS_SUCCESS &&
         api.execute(handle, p.plan->get(), arguments.get()) == CUDNN_STATUS_SUCCESS;
}

// Elements from the first to the last.
std::int64_t extent(std::int64_t images, std::int64_t channels,
                    const std::array<std::int64_t, 3>& axes,
                    const std::array<std::int64_t, 5>& strides) {
  std::int64_t last = (images - 1) * strides[0] + (channels - 1) * strides[1];
  for (std::size_t i = 0; i < 3; ++i) last += (axes[i] - 1) * strides[i + 2];
  return last + 1;
}

// The fastest plan of those that give the bits of `first` on random arrays.
Plan refined(const Convolution& c, cudnnHandle_t handle, Plan first) {
  constexpr std::size_t kMost = 8;
  double work = static_cast<double>(c.images * c.out_channels) *
                static_cast<double>(c.in_channels / c.groups);
  for (std::size_t i = 0; i < 3; ++i) work *= static_cast<double>(c.grid[i] * c.kernel[i]);
  if (first.workspace < 0 || work < kWorthTrying || !can_try()) return first;
  const TrialArray<float> x(extent(c.images, c.in_channels, c.size, c.x_stride));
  const TrialArray<float> w(c.out_channels * c.in_channels / c.groups * c.kernel[0] * c.kernel[1] *
                            c.kernel[2]);
  const std::int64_t outputs = extent(c.images, c.out_channels, c.grid, c.y_stride);
  const TrialArray<float> expected(outputs), y(outputs);
  for (const void* array : {x.get(), w.get(), expected.get(), y.get()}) {
    if (array == nullptr) return first;
  }
  const auto time_of = [&](float enough, const Plan& p, const TrialArray<float>& to) {
    const TrialArray<float> workspace(p.workspace / 4);
    if (workspace.get() == nullptr) return kNever;
    return fastest_run(
        enough, [&] { return execute(p, handle, x.get(), w.get(), to.get(), workspace.get()); });
  };
  float least = time_of(kNever, first, expected);
  for (const Choice& choice : choices(c, handle, kMost)) {
    Plan candidate = plan_of(c, handle, choice);
    if (candidate.workspace < 0 || candidate.workspace > kMostWorkspace) continue;
    const float time = time_of(least, candidate, y);
    if (time < least && same_bits(expected, y)) {
      least = time;
      first = std::move(candidate);
    }
  }
  static_cast<void>(cudaGetLastError());  // of candidates that do not run
  return first;
}

Plan prepare(const Convolution& c, cudnnHandle_t handle) {
  Convolution standard = c;
  standard.images = kChosenForImages;
  const std::vector<Choice> chosen = choices(standard, handle, 1);
  return chosen.empty() ? Plan() : refined(c, handle, plan_of(c, handle, chosen[0]));
}

// Never freed: when the process ends, cuDNN may have gone before.
struct State {
  std::mutex lock;
  std::map<std::int64_t, cudnnHandle_t> handles;
  std::map<Convolution, Plan> plans;
};
State& state() {
  static State* const s = new State;
  return *s;
}

}  // namespace

bool Convolution::operator<(const Convolution& other) const {
  return std::memcmp(this, &other, sizeof *this) < 0;
}

bool open_cudnn() {
  SharedLibrary library("libcudnn.so." + std::to_string(CUDNN_MAJOR));
  library.load(api.create, "cudnnCreate");
  library.load(api.set_stream, "cudnnSetStream");
  library.load(api.create_descriptor, "cudnnBackendCreateDescriptor");
  library.load(api.destroy_descriptor, "cudnnBackendDestroyDescriptor");
  library.load(api.set, "cudnnBackendSetAttribute");
  library.load(api.get, "cudnnBackendGetAttribute");
  library.load(api.finalize, "cudnnBackendFinalize");
  library.load(api.execute, "cudnnBackendExecute");
  return library.complete();
}

std::int64_t cudnn_workspace(const Convolution& c) {
  State& s = state();
  const std::lock_guard guard(s.lock);
  cudnnHandle_t& handle = s.handles[c.device];
  if (handle == nullptr && api.create(&handle) != CUDNN_STATUS_SUCCESS) return -1;
  auto found = s.plans.find(c);
  if (found == s.plans.end()) found = s.plans.emplace(c, prepare(c, handle)).first;
  return found->second.workspace;
}

bool run_cudnn(const Convolution& c, const float* x, const float* w, float* y, void* workspace) {
  State& s = state();
  const std::lock_guard guard(s.lock);
  const cudnnHandle_t handle = s.handles[c.device];
  const Plan& p = s.plans.at(c);
  return execute(p, handle, x, w, y, workspace);
}

}  // namespace ingrad::kernels::cuda

#else

namespace ingrad::kernels::cuda {
bool Convolution::operator<(const Convolution&) const { return false; }
bool open_cudnn() { return false; }
std::int64_t cudnn_workspace(const Convolution&) { return -1; }
bool run_cudnn(const Convolution&, const float*, const float*, float*, void*) { return false; }
}  // namespace ingrad::kernels::cuda

#endif
