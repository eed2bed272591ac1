// SPDX-License-Identifier: MIT
// What cpp/check/kernels.cpp is made of: numbers from a seed, matrices in panels, the comparison of a result with that
// of a naive loop, and the hash of results that are not compared.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <vector>

#include "fcnet/base/random.hpp"
#include "fcnet/isa/table.hpp"

namespace fcnet::check {

// A matrix in panels of 32 columns (layout.hpp). Whatever is not an element is NaN: it must not reach a result.
template <class T>
class Packed {
 public:
  Packed(Size rows, Size columns)
      : rows_(rows),
        columns_(columns),
        stride_(panel_stride(rows, sizeof(T))),
        elements_(ceil_div(columns, panel_width) * stride_, std::numeric_limits<T>::quiet_NaN()) {}

  T& at(Size row, Size column) {
    return elements_[column / panel_width * stride_ + row * panel_width + column % panel_width];
  }
  const T& at(Size row, Size column) const { return const_cast<Packed*>(this)->at(row, column); }
  T* panel(Size i) { return elements_.data() + i * stride_; }
  T* data() { return elements_.data(); }
  Size rows() const { return rows_; }
  Size columns() const { return columns_; }
  Size stride() const { return stride_; }
  Size panels() const { return ceil_div(columns_, panel_width); }
  Size size() const { return elements_.size(); }

  template <class F>
  Packed& fill(F value) {
    for (Size r = 0; r < rows_; ++r)
      for (Size c = 0; c < columns_; ++c) at(r, c) = value(r, c);
    return *this;
  }
  std::vector<T> row_major() const {
    std::vector<T> rows;
    for (Size r = 0; r < rows_; ++r)
      for (Size c = 0; c < columns_; ++c) rows.push_back(at(r, c));
    return rows;
  }

 private:
  Size rows_, columns_, stride_;
  std::vector<T> elements_;
};

template <class T>
Panels<T> panels(Packed<T>& m) {
  return {m.data(), m.stride(), m.columns()};
}
template <class T>
Panels<const T> read_only(Packed<T>& m) {
  return {m.data(), m.stride(), m.columns()};
}

// What an optimizer is told, and what plain gradient descent makes of it.
template <class T>
struct Descent {
  OptimizerStep<T> step;
  explicit Descent(bool integers, Optimizer optimizer = Optimizer::sgd) {
    step.optimizer = optimizer;
    step.scale = integers ? T(2) : T(0.03125);
    step.learning_rate = integers ? T(3) : T(0.1);
    step.beta1 = T(0.75), step.rest1 = T(0.25), step.beta2 = T(0.875), step.rest2 = T(0.125);
    step.epsilon = T(0.0625), step.ahead = T(0.01);
    if (optimizer != Optimizer::sgd) step.decay_factor = T(0.96875);
  }
  T operator()(T w, T sum) const { return w - step.learning_rate * (step.scale * sum); }
};

// Problems of small integers, where every result must equal a naive loop's, and of numbers in [-1, 1), where the
// results go into a hash (FNV-1a).
class Judge {
 public:
  explicit Judge(bool integers) : integers_(integers) {}

  bool integers() const { return integers_; }
  bool good() const { return failures_ == 0; }
  std::uint64_t hash() const { return hash_; }

  double draw() {
    const std::uint64_t bits = low64(philox(1, Purpose::weights, 0, ++drawn_));
    return integers_ ? static_cast<double>(bits % 7) - 3 : static_cast<double>(bits >> 11) * 0x1p-52 - 1;
  }
  template <class T>
  Packed<T> matrix(Size rows, Size columns) {
    Packed<T> m(rows, columns);
    return m.fill([this](Size, Size) { return static_cast<T>(draw()); });
  }
  template <class T>
  std::vector<T> vector(Size n) {
    std::vector<T> v(n);
    for (T& x : v) x = static_cast<T>(draw());
    return v;
  }

  template <class T>
  void expect(const std::vector<T>& result, const std::vector<T>& wanted, const char* what, Size a, Size b, Size c) {
    if (!integers_) {
      for (T x : result) add(x);
    } else if (result != wanted && ++failures_ < 20) {
      std::fprintf(stderr, "failed: %s of %zu bytes, %zu x %zu, %zu\n", what, sizeof(T), a, b, c);
    }
  }
  template <class T>
  void expect(const Packed<T>& result, const Packed<T>& wanted, const char* what, Size rows) {
    expect(result.row_major(), wanted.row_major(), what, result.rows(), result.columns(), rows);
  }

 private:
  template <class T>
  void add(T x) {
    unsigned char bytes[sizeof x];
    std::memcpy(bytes, &x, sizeof x);
    for (unsigned char byte : bytes) hash_ = (hash_ ^ byte) * 0x100000001b3;
  }

  bool integers_;
  int failures_ = 0;
  std::uint64_t drawn_ = 0, hash_ = 0xcbf29ce484222325;
};

}  // namespace fcnet::check
