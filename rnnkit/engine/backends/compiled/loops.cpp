// The two loops over time, for the step of any cell. build.py puts the steps in, which source.py writes.
//
// Networks share nothing, so each runs through all its steps by itself, and its matrix stays in the cache. Threads take networks,
// or, where there is one network, each a part of its sequences.
// Arrays are (T, R, B, width), their last stride 1; matrices (1, R, m, n). A weight has the stride 0 along what it does not
// depend on.
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/cpu/vec/vec.h>
#include <ATen/ops/add.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros_like.h>
#include <torch/library.h>
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

using at::Tensor;
using Tensors = std::vector<Tensor>;

// What the equations call. A vector V holds several units.
template <typename V> V abs_(V a) { return a.abs(); }
template <typename V> V cos_(V a) { return a.cos(); }
template <typename V> V exp_(V a) { return a.exp(); }
template <typename V> V log_(V a) { return a.log(); }
template <typename V> V logsigmoid_(V a) { return at::vec::minimum(a, V(0)) - a.abs().neg().exp().log1p(); }
template <typename V> V max_(V a, V b) { return at::vec::maximum(a, b); }
template <typename V> V nonzero_(V a) { return V::blendv(a, V(1), a == V(0)); }
template <typename V> V sigmoid_(V a) { return V(1) / (V(1) + a.neg().exp()); }
template <typename V> V sign_(V a) { return a.gt(V(0)) - a.lt(V(0)); }
template <typename V> V sin_(V a) { return a.sin(); }
template <typename V> V sqrt_(V a) { return a.sqrt(); }
template <typename V> V step_(V a) { return a.gt(V(0)); }
template <typename V> V tanh_(V a) { return a.tanh(); }
// SLEEF's, as torch's library has it, to 3.5 units in the last place: .4 of the time of that to 1.0, which a.tanh() is.
#if defined(CPU_CAPABILITY_AVX512)
inline at::vec::Vectorized<float> tanh_(at::vec::Vectorized<float> a) { return Sleef_tanhf16_u35(a); }
inline at::vec::Vectorized<double> tanh_(at::vec::Vectorized<double> a) { return Sleef_tanhd8_u35(a); }
#elif defined(CPU_CAPABILITY_AVX2)
inline at::vec::Vectorized<float> tanh_(at::vec::Vectorized<float> a) { return Sleef_tanhf8_u35(a); }
inline at::vec::Vectorized<double> tanh_(at::vec::Vectorized<double> a) { return Sleef_tanhd4_u35(a); }
#endif

// STEPS

template <typename T>
using Row = void (*)(T* const*, int64_t);

template <typename T>
Row<T> row_of(const std::string& name) {
// ROWS
  TORCH_CHECK(false, "no step of this name: ", name);
}

// What one thread takes: some sequences of one network.
struct Share {
  int64_t r, part, b, size;
};

template <typename T>
struct Array {
  T* data;
  int64_t t, r, b, width;

  Array(const Tensor& a) : data(static_cast<T*>(a.data_ptr())), t(a.stride(0)), r(a.stride(1)), b(a.stride(2)), width(a.size(3)) {}
  T* at(int64_t time, int64_t network) const { return data + time * t + network * r; }
  T* at(int64_t time, const Share& s) const { return at(time, s.r) + s.b * width; }  // where the sequences lie one below the other
};

// How many parts the sequences of a network are cut into: several where one network is all there is, and its steps go on alone.
int64_t parts(int64_t R, int64_t B, int64_t steps) {
  constexpr int64_t least = 8;  // sequences
  return R > 1 || steps == 1 ? 1 : std::max<int64_t>(1, std::min<int64_t>(at::get_num_threads(), B / least));
}

// How this thread treats denormal numbers, for those that work for it: each has a setting of its own.
struct Denormals {
#if defined(__SSE__)
  unsigned mode = _mm_getcsr();
  void take() const { _mm_setcsr(mode); }
#else
  void take() const {}
#endif
};

template <typename Act>
void share_out(int64_t R, int64_t B, int64_t parts, Act act) {
  const Denormals callers;
  at::parallel_for(0, R * parts, 1, [&](int64_t first, int64_t last) {
    const Denormals before;
    callers.take();
    for (int64_t i = first; i < last; i++) {
      const int64_t part = i % parts, b = B * part / parts;
      act(Share{i / parts, part, b, B * (part + 1) / parts - b});
    }
    before.take();
  });
}

// The cell's step: all units of some sequences of a network.
template <typename T>
struct Step {
  Row<T> row;
  std::vector<Array<T>> arrays;
  int64_t units;
  bool dense;  // the sequences are one row of units

  Step(const std::string& name, const Tensors& tensors) : row(row_of<T>(name)), units(tensors[0].size(3)) {
    for (const Tensor& a : tensors) arrays.emplace_back(a);
    dense = std::all_of(arrays.begin(), arrays.end(), [&](const Array<T>& a) { return a.b == units; });
  }

  void operator()(int64_t t, const Share& s) const {
    std::array<T*, 32> x;
    for (size_t k = 0; k < arrays.size(); k++) x[k] = arrays[k].at(t, s.r) + s.b * arrays[k].b;
    for (int64_t b = 0; b < (dense ? 1 : s.size); b++) {
      row(x.data(), dense ? units * s.size : units);
      for (size_t k = 0; k < arrays.size(); k++) x[k] += arrays[k].b;
    }
  }
};

// BLAS, as PyTorch's library brings it; where it does not show it to others, the same through a tensor's method.
extern "C" {
void sgemm_(const char*, const char*, const int*, const int*, const int*, const float*, const float*, const int*, const float*, const int*,
            const float*, float*, const int*) __attribute__((weak));
void dgemm_(const char*, const char*, const int*, const int*, const int*, const double*, const double*, const int*, const double*, const int*,
            const double*, double*, const int*) __attribute__((weak));
}
template <typename T> constexpr auto gemm_ = sgemm_;
template <> constexpr auto gemm_<double> = dgemm_;

template <typename T>
struct Factor {
  T* data;
  bool transposed = false;
};

// out (m, n) = left (m, k) right (k, n) + beta out, all dense; a factor that is transposed lies in memory as its transpose.
template <typename T>
void product(T* out, int64_t m, int64_t n, int64_t k, Factor<T> left, Factor<T> right, double beta) {
  if (gemm_<T>) {  // in Fortran's order: everything transposed
    const int columns = n, rows = m, inner = k, left_width = left.transposed ? m : k, right_width = right.transposed ? k : n;
    const T one = 1, keep = beta;
    gemm_<T>(right.transposed ? "T" : "N", left.transposed ? "T" : "N", &columns, &rows, &inner, &one, right.data, &right_width, left.data,
             &left_width, &keep, out, &columns);
    return;
  }
  const auto matrix = [](Factor<T> x, int64_t rows, int64_t columns) {
    const auto type = at::CppTypeToScalarType<T>::value;
    return x.transposed ? at::from_blob(x.data, {columns, rows}, type).t() : at::from_blob(x.data, {rows, columns}, type);
  };
  matrix({out}, m, n).addmm_(matrix(left, m, k), matrix(right, k, n), beta, 1);
}

// x_t as symbols: row (t, r, b) of what it enters is the row of the table that symbols[t, r, b] names.
template <typename T>
struct Lookup {
  std::vector<Array<T>> entered;
  std::vector<T*> tables;
  const int64_t* symbols = nullptr;
  int64_t R, B;

  Lookup(const Tensors& arrays, const Tensors& rows, const std::optional<Tensor>& which) : R(arrays[0].size(1)), B(arrays[0].size(2)) {
    if (which) symbols = which->const_data_ptr<int64_t>();
    for (const Tensor& a : arrays) entered.emplace_back(a);
    for (const Tensor& a : rows) tables.push_back(static_cast<T*>(a.data_ptr()));
  }

  // act(row of what is entered, row of the table, width) for every sequence of the share at a step
  template <typename Act>
  void each(int64_t t, const Share& s, Act act) const {
    if (!symbols) return;
    for (size_t k = 0; k < entered.size(); k++)
      for (int64_t b = 0; b < s.size; b++) {
        const int64_t width = entered[k].width;
        act(entered[k].at(t, s) + b * width, tables[k] + symbols[(t * R + s.r) * B + s.b + b] * width, width);
      }
  }
};

// The inner product in float64, where the square of no float32 underflows or overflows.
template <typename T>
double dot(const T* x, const T* y, int64_t n) {
  constexpr int64_t lanes = 16;
  std::array<double, lanes> sums{};
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (int64_t k = 0; k < lanes; k++) sums[k] += static_cast<double>(x[i + k]) * y[i + k];
  double sum = 0;
  for (; i < n; i++) sum += static_cast<double>(x[i]) * y[i];
  for (double s : sums) sum += s;
  return sum;
}

template <typename T>
void add(T* to, const T* what, int64_t n) {
  for (int64_t i = 0; i < n; i++) to[i] += what[i];
}

// Steps begin, ..., end - 1: what x_t enters, where it is a symbol; a_t += left_t matrix for each product; the cell's step.
template <typename T>
void forward(const std::string& name, const Tensors& arrays, const Tensors& entered, const Tensors& tables,
             const std::optional<Tensor>& symbols, const Tensors& left, const Tensors& matrices, int64_t begin, int64_t end) {
  const Step<T> step(name, arrays);
  const Lookup<T> lookup(entered, tables, symbols);
  const Array<T> a(entered[0]);
  const std::vector<Array<T>> from(left.begin(), left.end()), M(matrices.begin(), matrices.end());
  share_out(lookup.R, lookup.B, parts(lookup.R, lookup.B, end - begin), [&](const Share& s) {
    for (int64_t t = begin; t < end; t++) {
      lookup.each(t, s, [](T* row, const T* table, int64_t n) { std::copy_n(table, n, row); });
      for (size_t k = 0; k < from.size(); k++)
        product<T>(a.at(t, s), s.size, a.width, from[k].width, {from[k].at(t, s)}, {M[k].at(0, s.r)}, 1);
      step(t, s);
    }
  });
}

// Steps end - 1, ..., begin: the cell's step back; into_t = beta into_t + da_t matrix for each product, whose matrix is the
// transpose of the forward step's, since a product with a factor that is to be transposed takes up to 1.4 times as long; what the
// readout at t - 1 adds to dL/dh_{t-1}, and what a step `lag` steps after t - 1 does past the steps between. On the way it sums
// up, where they are asked for:
//   tables      dL/d of the rows that the symbols picked
//   dM          left_t^T da_t of each product, and of the first one every term of the sum, terms (T, R, H, G H)
//   norms       (P, T, R) ||dL/ds_t|| of each part
template <typename T>
void backward(const std::string& name, const Tensors& arrays, const Tensors& entered, const Tensors& tables,
              const std::optional<Tensor>& symbols, const Tensors& left, const Tensors& into, const Tensors& matrices,
              const std::vector<double>& beta, const Tensors& late_into, const Tensors& late_matrices, int64_t lag, const Tensors& dM,
              const std::optional<Tensor>& terms, const Tensors& states, const Tensor& direct, const std::optional<Tensor>& norms,
              int64_t begin, int64_t end) {
  const Step<T> step(name, arrays);
  const Array<T> da(entered[0]), added(direct), term(terms ? *terms : entered[0]);
  const std::vector<Array<T>> from(left.begin(), left.end()), to(into.begin(), into.end()), M(matrices.begin(), matrices.end());
  const std::vector<Array<T>> late(late_into.begin(), late_into.end()), late_M(late_matrices.begin(), late_matrices.end());
  const std::vector<Array<T>> sums(dM.begin(), dM.end()), ds(states.begin(), states.end());
  const int64_t steps = entered[0].size(0), R = entered[0].size(1), B = entered[0].size(2), before = steps - direct.size(0);
  const int64_t n_parts = parts(R, B, end - begin), P = ds.size();
  std::vector<Tensors> own_tables(n_parts, tables);  // of each part of a network's sequences; the first one's is the result
  std::vector<Lookup<T>> lookups;
  for (int64_t part = 0; part < n_parts; part++) {
    for (size_t k = 0; part && k < tables.size(); k++) own_tables[part][k] = at::zeros_like(tables[k]);
    lookups.emplace_back(entered, own_tables[part], symbols);
  }
  const int64_t rows = (end - begin) * R;
  std::vector<double> found(norms ? n_parts * P * rows : 0);  // squares: (part, P, end - begin, R)
  share_out(R, B, n_parts, [&](const Share& s) {
    for (int64_t t = end - 1; t >= begin; t--) {
      step(t, s);
      if constexpr (std::is_same_v<T, float>)
        for (int64_t k = 0; norms && k < P; k++) {
          const T* x = ds[k].at(t + 1, s);
          found[(s.part * P + k) * rows + (t - begin) * R + s.r] = dot(x, x, s.size * ds[k].width);
        }
      for (size_t k = 0; k < to.size(); k++)
        product<T>(to[k].at(t, s), s.size, to[k].width, da.width, {da.at(t, s)}, {M[k].at(0, s.r)}, beta[k]);
      for (size_t k = 0; k < late.size() && t - 1 + lag < steps; k++)
        product<T>(late[k].at(t, s), s.size, late[k].width, da.width, {da.at(t - 1 + lag, s)}, {late_M[k].at(0, s.r)}, 1);
      for (size_t k = 0; k < sums.size(); k++) {  // of several networks, whose sequences are one part
        const int64_t H = from[k].width;
        T* sum = sums[k].at(0, s.r);
        T* out = k == 0 && terms ? term.at(t, s.r) : sum;
        product<T>(out, H, da.width, B, {from[k].at(t, s), true}, {da.at(t, s)}, out == sum);
        if (out != sum) add(sum, out, H * da.width);
      }
      if (t > before) add(ds[0].at(t, s), added.at(t - 1 - before, s), s.size * ds[0].width);
      lookups[s.part].each(t, s, [](const T* row, T* table, int64_t width) { add(table, row, width); });
    }
  });
  for (int64_t part = 1; part < n_parts; part++)
    for (size_t k = 0; k < tables.size(); k++) tables[k].add_(own_tables[part][k]);
  for (int64_t k = 0; norms && k < P; k++)
    for (int64_t i = 0; i < rows; i++) {
      double sum = 0;
      for (int64_t part = 0; part < n_parts; part++) sum += found[(part * P + k) * rows + i];
      norms->mutable_data_ptr<double>()[k * steps * R + begin * R + i] = std::sqrt(sum);
    }
}

// (right_t direction) . left_t of every step and network, summed over sequences and units, (T, R). direction is (1, R, G H, H).
// Each product stays in the cache. Here a share is some steps of one network, which do not depend on each other.
template <typename T>
Tensor inner(const Tensor& left, const Tensor& right, const Tensor& direction) {
  const Array<T> h(left), da(right), D(direction);
  const int64_t steps = left.size(0), R = left.size(1), B = left.size(2);
  Tensor out = at::empty({steps, R}, left.options());
  T* const results = out.mutable_data_ptr<T>();
  share_out(R, steps, R > 1 ? 1 : std::min<int64_t>(at::get_num_threads(), steps), [&](const Share& s) {
    std::vector<T> back(B * h.width);
    for (int64_t t = s.b; t < s.b + s.size; t++) {
      product<T>(back.data(), B, h.width, da.width, {da.at(t, s.r)}, {D.at(0, s.r)}, 0);
      results[t * R + s.r] = dot(back.data(), h.at(t, s.r), B * h.width);
    }
  });
  return out;
}

TORCH_LIBRARY(NAMESPACE, m) {
  const std::string both = "(str step, Tensor[] arrays, Tensor[] entered, Tensor[] tables, Tensor? symbols, Tensor[] left, ";
  const std::string there = "Tensor[] matrices, int begin, int end) -> ()";
  const std::string back =
      "Tensor[] into, Tensor[] matrices, float[] beta, Tensor[] late_into, Tensor[] late_matrices, int lag, Tensor[] dM, "
      "Tensor? terms, Tensor[] states, Tensor direct, Tensor? norms, int begin, int end) -> ()";
  m.def(("forward_float32" + both + there).c_str(), forward<float>);
  m.def(("forward_float64" + both + there).c_str(), forward<double>);
  m.def(("backward_float32" + both + back).c_str(), backward<float>);
  m.def(("backward_float64" + both + back).c_str(), backward<double>);
  m.def("inner_float32(Tensor left, Tensor right, Tensor direction) -> Tensor", inner<float>);
  m.def("inner_float64(Tensor left, Tensor right, Tensor direction) -> Tensor", inner<double>);
}
