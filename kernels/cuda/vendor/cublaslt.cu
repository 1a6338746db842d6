// SPDX-License-Identifier: Apache-2.0
// Matrix products by cuBLASLt, in full f32 or f64. Its matrices are columns after columns: it is
// asked for the transpose of C, whose operands are the transposes of B and A.
//
// Sums must not depend on the number of rows. So an algorithm is chosen for one number of rows,
// from those that do not cut k into parts; for another number the fastest takes its place of those
// that give the same bits on random matrices (they walk along k alike in tiles of other sizes).
#include "kernels/cuda/vendor/install.h"

#if __has_include(<cublasLt.h>)
#include <cublasLt.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <string>

#include "kernels/cuda/launch.h"
#include "kernels/cuda/vendor/shared_library.h"
#include "kernels/cuda/vendor/trial.h"
#include "kernels/gemm.h"

namespace ingrad::kernels::cuda {
namespace {

constexpr std::int64_t kChosenForRows = 1024;
// Trying costs about ten milliseconds a product: not for smaller ones.
constexpr double kWorthTrying = 1e7;  // multiply-adds

struct Api {
  decltype(&cublasLtCreate) create = nullptr;
  decltype(&cublasLtMatmul) matmul = nullptr;
  decltype(&cublasLtMatmulDescCreate) create_product = nullptr;
  decltype(&cublasLtMatmulDescSetAttribute) set_product = nullptr;
  decltype(&cublasLtMatrixLayoutCreate) create_layout = nullptr;
  decltype(&cublasLtMatrixLayoutSetAttribute) set_layout = nullptr;
  decltype(&cublasLtMatrixLayoutDestroy) destroy_layout = nullptr;
  decltype(&cublasLtMatmulPreferenceCreate) create_preference = nullptr;
  decltype(&cublasLtMatmulPreferenceSetAttribute) set_preference = nullptr;
  decltype(&cublasLtMatmulPreferenceDestroy) destroy_preference = nullptr;
  decltype(&cublasLtMatmulAlgoGetHeuristic) choose = nullptr;
  decltype(&cublasLtMatmulAlgoCheck) check = nullptr;
};
Api api;

bool load_api() {
  SharedLibrary library("libcublasLt.so." + std::to_string(CUBLAS_VER_MAJOR));
  library.load(api.create, "cublasLtCreate");
  library.load(api.matmul, "cublasLtMatmul");
  library.load(api.create_product, "cublasLtMatmulDescCreate");
  library.load(api.set_product, "cublasLtMatmulDescSetAttribute");
  library.load(api.create_layout, "cublasLtMatrixLayoutCreate");
  library.load(api.set_layout, "cublasLtMatrixLayoutSetAttribute");
  library.load(api.destroy_layout, "cublasLtMatrixLayoutDestroy");
  library.load(api.create_preference, "cublasLtMatmulPreferenceCreate");
  library.load(api.set_preference, "cublasLtMatmulPreferenceSetAttribute");
  library.load(api.destroy_preference, "cublasLtMatmulPreferenceDestroy");
  library.load(api.choose, "cublasLtMatmulAlgoGetHeuristic");
  library.load(api.check, "cublasLtMatmulAlgoCheck");
  return library.complete();
}

// What decides about an algorithm, and the number of rows. Compared byte by byte: no padding.
struct Problem {
  std::int64_t m, n, k, a_ld, b_ld, c_ld, batch, a_stride, b_stride, c_stride;
  std::int32_t dtype, epilogue, a_transposed, b_transposed, alignment, device;

  bool operator<(const Problem& other) const { return std::memcmp(this, &other, sizeof *this) < 0; }
};
static_assert(sizeof(Problem) == 10 * 8 + 6 * 4);

struct Product {
  bool supported = false;
  cublasLtHandle_t handle = nullptr;
  cublasLtMatmulDesc_t product = nullptr;
  cublasLtMatrixLayout_t a = nullptr, b = nullptr, c = nullptr;
  cublasLtMatmulAlgo_t algorithm = {};
};

std::mutex lock;  // of what follows
std::map<Problem, Product> products;
std::map<int, cublasLtHandle_t> handles;

// The distance between entries of a batch; -1 if it varies.
std::int64_t stride_of(const std::int64_t* offset, std::int64_t batch) {
  if (offset == nullptr) return 0;
  if (offset[0] != 0) return -1;
  const std::int64_t stride = batch > 1 ? offset[1] : 0;
  for (std::int64_t i = 0; i < batch; ++i) {
    if (offset[i] != i * stride) return -1;
  }
  return stride;
}

bool aligned(const void* p) { return reinterpret_cast<std::uintptr_t>(p) % 16 == 0; }

// False where the library has nothing for it.
bool describe(const GemmArgs& g, DType t, Problem& p) {
  std::memset(&p, 0, sizeof p);
  if (g.m == 0 || g.n == 0 || g.k == 0 || (g.accumulate && g.residual)) return false;
  if (is_smooth(g.activation) || g.factor) return false;
  p.m = g.m, p.n = g.n, p.k = g.k, p.batch = g.batch;
  p.a_transposed = g.a_col != 1;
  p.b_transposed = g.b_col != 1;
  if ((p.a_transposed && g.a_row != 1) || (p.b_transposed && g.b_row != 1)) return false;
  p.a_ld = p.a_transposed ? g.a_col : g.a_row;
  p.b_ld = p.b_transposed ? g.b_col : g.b_row;
  p.c_ld = g.c_row;
  if (p.a_ld < (p.a_transposed ? g.m : g.k) || p.b_ld < (p.b_transposed ? g.k : g.n) ||
      p.c_ld < g.n) {
    return false;
  }
  p.a_stride = stride_of(g.a_offset, g.batch);
  p.b_stride = stride_of(g.b_offset, g.batch);
  p.c_stride = stride_of(g.c_offset, g.batch);
  if (p.a_stride < 0 || p.b_stride < 0 || p.c_stride < 0) return false;
  const bool relu = g.activation == Activation::relu;
  p.epilogue = relu ? (g.bias ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_RELU)
                    : (g.bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT);
  if (g.gate) {
    // Bits of a row begin at a multiple of 16 bytes.
    if (relu || g.bias || g.c_row % 128 != 0 || g.batch > 1 || !aligned(g.gate)) return false;
    p.epilogue = CUBLASLT_EPILOGUE_DRELU;
  }
  const auto size = static_cast<std::int64_t>(size_of(t));
  const std::int64_t strides = p.a_ld | p.b_ld | p.c_ld | p.a_stride | p.b_stride | p.c_stride;
  const bool wide = strides * size % 16 == 0 && aligned(g.a) && aligned(g.b) && aligned(g.c) &&
                    aligned(g.residual) && aligned(g.bias);
  p.alignment = static_cast<std::int32_t>(wide ? 16 : size);
  p.dtype = static_cast<std::int32_t>(t);
  return cudaGetDevice(&p.device) == cudaSuccess;
}

cublasLtMatrixLayout_t layout(cudaDataType type, std::int64_t rows, std::int64_t columns,
                              std::int64_t ld, std::int64_t batch, std::int64_t stride) {
  cublasLtMatrixLayout_t l = nullptr;
  api.create_layout(&l, type, static_cast<std::uint64_t>(rows), static_cast<std::uint64_t>(columns),
                    ld);
  const auto count = static_cast<std::int32_t>(batch);
  api.set_layout(l, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count, sizeof count);
  api.set_layout(l, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &stride, sizeof stride);
  return l;
}

// The three matrices as the library sees them, for a number of rows.
void lay_out(const Problem& p, std::int64_t m, cudaDataType type, Product& x) {
  x.a = p.b_transposed ? layout(type, p.k, p.n, p.b_ld, p.batch, p.b_stride)
                       : layout(type, p.n, p.k, p.b_ld, p.batch, p.b_stride);
  x.b = p.a_transposed ? layout(type, m, p.k, std::max(p.a_ld, m), p.batch, p.a_stride)
                       : layout(type, p.k, m, p.a_ld, p.batch, p.a_stride);
  x.c = layout(type, p.n, m, p.c_ld, p.batch, p.c_stride);
}

cublasStatus_t run(const Product& x, DType t, const void* a, const void* b, const void* before,
                   void* c, bool adds) {
  const float one = 1, onto = adds ? 1 : 0;
  const double wide_one = 1, wide_onto = adds ? 1 : 0;
  const bool f64 = t == DType::f64;
  return api.matmul(x.handle, x.product, f64 ? static_cast<const void*>(&wide_one) : &one, b, x.a,
                    a, x.b, f64 ? static_cast<const void*>(&wide_onto) : &onto, before, x.c, c, x.c,
                    &x.algorithm, nullptr, 0, current_stream());
}

// Puts the fastest algorithm that gives the same bits into the place of x.algorithm.
template <class T>
void refine(const Problem& p, cublasLtMatmulPreference_t preference, Product& x) {
  constexpr int kMost = 12;
  cublasLtMatmulHeuristicResult_t found[kMost] = {};
  int count = 0;
  const double work =
      static_cast<double>(p.m) * static_cast<double>(p.n) * static_cast<double>(p.k);
  if (p.batch > 1 || work < kWorthTrying || !can_try() ||
      api.choose(x.handle, x.product, x.a, x.b, x.c, x.c, preference, kMost, found, &count) !=
          CUBLAS_STATUS_SUCCESS) {
    return;
  }
  const TrialArray<T> a(p.a_transposed ? p.k * p.a_ld : p.m * p.a_ld);
  const TrialArray<T> b(p.b_transposed ? p.n * p.b_ld : p.k * p.b_ld);
  const TrialArray<T> expected(p.m * p.c_ld), c(p.m * p.c_ld);
  for (const void* array : {a.get(), b.get(), expected.get(), c.get()}) {
    if (array == nullptr) return;
  }
  const DType t = static_cast<DType>(p.dtype);
  const auto time_of = [&](float enough, const Product& candidate, const TrialArray<T>& to) {
    return fastest_run(enough, [&] {
      return run(candidate, t, a.get(), b.get(), to.get(), to.get(), false) ==
             CUBLAS_STATUS_SUCCESS;
    });
  };
  float least = time_of(kNever, x, expected);
  for (int i = 0; i < count; ++i) {
    Product candidate = x;
    candidate.algorithm = found[i].algo;
    if (found[i].workspaceSize > 0) continue;
    const float time = time_of(least, candidate, c);
    if (time < least && same_bits(expected, c)) {
      least = time;
      x.algorithm = candidate.algorithm;
    }
  }
  static_cast<void>(cudaGetLastError());  // of candidates that do not run
}

Product prepare(const Problem& p, const GemmArgs& g) {
  Product x;
  cublasLtHandle_t& handle = handles[p.device];
  if (handle == nullptr && api.create(&handle) != CUBLAS_STATUS_SUCCESS) return x;
  x.handle = handle;
  const bool f64 = static_cast<DType>(p.dtype) == DType::f64;
  const cudaDataType type = f64 ? CUDA_R_64F : CUDA_R_32F;
  api.create_product(&x.product, f64 ? CUBLAS_COMPUTE_64F : CUBLAS_COMPUTE_32F, type);
  const cublasOperation_t turned = CUBLAS_OP_T;
  if (p.b_transposed)
    api.set_product(x.product, CUBLASLT_MATMUL_DESC_TRANSA, &turned, sizeof turned);
  if (p.a_transposed)
    api.set_product(x.product, CUBLASLT_MATMUL_DESC_TRANSB, &turned, sizeof turned);
  api.set_product(x.product, CUBLASLT_MATMUL_DESC_EPILOGUE, &p.epilogue, sizeof p.epilogue);
  if (g.gate) {
    api.set_product(x.product, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, &p.c_ld, sizeof p.c_ld);
    api.set_product(x.product, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, &g.gate, sizeof g.gate);
  }
  if (g.bias) {
    api.set_product(x.product, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &g.bias, sizeof g.bias);
  }
  cublasLtMatmulPreference_t preference = nullptr;
  api.create_preference(&preference);
  const std::uint32_t whole = CUBLASLT_REDUCTION_SCHEME_NONE;
  api.set_preference(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &whole, sizeof whole);
  const auto alignment = static_cast<std::uint32_t>(p.alignment);
  for (const auto which :
       {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES}) {
    api.set_preference(preference, which, &alignment, sizeof alignment);
  }
  lay_out(p, kChosenForRows, type, x);
  cublasLtMatmulHeuristicResult_t best{};
  int found = 0;
  const cublasStatus_t chosen =
      api.choose(handle, x.product, x.a, x.b, x.c, x.c, preference, 1, &best, &found);
  for (const cublasLtMatrixLayout_t l : {x.a, x.b, x.c}) api.destroy_layout(l);
  if (chosen == CUBLAS_STATUS_SUCCESS && found > 0) {
    x.algorithm = best.algo;
    lay_out(p, p.m, type, x);
    x.supported = api.check(handle, x.product, x.a, x.b, x.c, x.c, &x.algorithm, &best) ==
                      CUBLAS_STATUS_SUCCESS &&
                  best.workspaceSize == 0;
    if (x.supported) f64 ? refine<double>(p, preference, x) : refine<float>(p, preference, x);
  }
  api.destroy_preference(preference);
  return x;
}

bool multiply(const GemmArgs& g, DType t) {
  Problem p;
  if (!describe(g, t, p)) return false;
  const std::lock_guard guard(lock);
  auto found = products.find(p);
  if (found == products.end()) found = products.emplace(p, prepare(p, g)).first;
  Product& x = found->second;
  if (!x.supported) return false;
  if (g.bias) {
    api.set_product(x.product, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &g.bias, sizeof g.bias);
  }
  if (g.gate) {
    api.set_product(x.product, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, &g.gate, sizeof g.gate);
  }
  const void* const before = g.residual ? g.residual : g.c;
  const cublasStatus_t status = run(x, t, g.a, g.b, before, g.c, g.residual || g.accumulate);
  if (status != CUBLAS_STATUS_SUCCESS) {
    note(cudaGetLastError(), "cublasLtMatmul");
    x.supported = false;
  }
  return x.supported;
}

Family<GemmArgs>::Fn own_f32 = nullptr, own_f64 = nullptr;

void run_f32(const GemmArgs& g, Range r) {
  if (!multiply(g, DType::f32)) own_f32(g, r);
}
void run_f64(const GemmArgs& g, Range r) {
  if (!multiply(g, DType::f64)) own_f64(g, r);
}

}  // namespace

bool install_cublaslt() {
  if (!libraries_wanted() || !load_api()) return false;
  own_f32 = gemm.at(Backend::cuda, DType::f32);
  own_f64 = gemm.at(Backend::cuda, DType::f64);
  gemm.install(DType::f32, run_f32);
  gemm.install(DType::f64, run_f64);
  return true;
}

}  // namespace ingrad::kernels::cuda

#else
bool ingrad::kernels::cuda::install_cublaslt() { return false; }
#endif
