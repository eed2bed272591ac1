// SPDX-License-Identifier: MIT
// The published kernels: check, allocate, release the GIL, call. Legend: n samples, k inputs, m outputs.
#include <pybind11/stl.h>

#include <algorithm>

#include "arrays.hpp"
#include "errors.hpp"
#include "fcnet/base/buffer.hpp"
#include "fcnet/engine/rowmajor_driver.hpp"
#include "names.hpp"
#include "register.hpp"
#include "unlocked.hpp"

namespace fcnet::bindings {
namespace {

template <class Work>
void unlocked(Work work) {
  raise_unless_ok(Unlocked::run([&]() -> Status { return work(); }));
}

py::object linear(py::object x, py::object w, py::object b, py::object out) {
  return with_float(x, "x", [&]<class T>() -> py::object {
    Input<T> xs(x, "x"), ws(w, "w"), bs(b, "b");
    xs.expect({-1, -1}, "(n_samples, n_inputs)");
    const Size n = xs.size(0), k = xs.size(1);
    ws.expect({dim(k), -1}, ("(" + std::to_string(k) + ", n_outputs), as x has shape " + sizes({n, k})).c_str());
    const Size m = ws.size(1);
    bs.expect({dim(m)}, (sizes({m}) + ", as w has shape " + sizes({k, m})).c_str());
    py::array_t<T> y = output<T>(out, {dim(n), dim(m)}, {x, w, b});
    RowMajorProduct<T> p{.rows = n,
                         .columns = m,
                         .depth = k,
                         .a = xs.data(),
                         .a_k = 1,
                         .a_r = k,
                         .b = ws.data(),
                         .bias = bs.data(),
                         .c = y.mutable_data()};
    unlocked([&] { return multiply(p); });
    return y;
  });
}

// function(kernels) is the element-wise kernel to call, with (x, count, out)
template <class F>
py::object elementwise(py::object argument, const char* name, py::object out, F function) {
  return with_float(argument, name, [&]<class T>() -> py::object {
    const Input<T> x(argument, name);
    const Dimensions shape(x.array().shape(), x.array().shape() + x.array().ndim());
    py::array_t<T> y = output<T>(out, shape, {argument});
    T* const to = y.mutable_data();
    unlocked([&] { return function(kernels<T>())(x.data(), x.size(), to), Status::ok; });
    return y;
  });
}

template <class T>
Input<T> logits(py::object h_in) {
  Input<T> h(h_in, "h_in");
  h.expect({-1, -1}, "(n_samples, n_classes)");
  if (h.size(1) == 0) value_error("h_in has shape " + shape_text(h.array()) + ": expected at least one class");
  return h;
}

py::object softmax(py::object h_in, py::object out) {
  return with_float(h_in, "h_in", [&]<class T>() -> py::object {
    const Input<T> h = logits<T>(h_in);
    py::array_t<T> p = output<T>(out, {dim(h.size(0)), dim(h.size(1))}, {h_in});
    T* const to = p.mutable_data();
    unlocked([&] { return softmax_rows(h.data(), h.size(0), h.size(1), to); });
    return p;
  });
}

py::object activation(py::object h_in, const std::string& name, py::object out, std::optional<double> constant) {
  const Activation chosen = activation_named(name, constant);
  if (chosen == Activation::softmax) return softmax(h_in, out);
  return elementwise(h_in, "h_in", out, [chosen](const auto& k) {
    return [chosen, &k](const auto* x, Size count, auto* y) { k.activate(chosen, x, count, y); };
  });
}

py::object cross_entropy(py::object h_in, py::object y, py::object out) {
  return with_float(h_in, "h_in", [&]<class T>() -> py::object {
    const Input<T> h = logits<T>(h_in);
    const Size n = h.size(0), m = h.size(1);
    const py::array_t<std::int32_t> label = labels(y, n, m);
    py::array_t<T> loss(dim(n)), sigma = output<T>(out, {dim(n), dim(m)}, {h_in, y});
    T *const to_loss = loss.mutable_data(), *const to_sigma = sigma.mutable_data();
    const std::int32_t* const from = label.data();
    unlocked([&] { return cross_entropy_rows(h.data(), from, n, m, to_loss, to_sigma); });
    return py::make_tuple(loss, sigma);
  });
}

// The operands that the products of the backward pass have in common.
template <class T>
struct Backward {
  Input<T> sigma, h;
  Size n, k, m;

  Backward(py::object sigma_, py::object h_) : sigma(sigma_, "sigma"), h(h_, "h") {
    sigma.expect({-1, -1}, "(n_samples, n_outputs)");
    n = sigma.size(0), m = sigma.size(1);
    h.expect({dim(n), -1}, ("(" + std::to_string(n) + ", n_inputs), as sigma has shape " + sizes({n, m})).c_str());
    k = h.size(1);
  }

  RowMajorProduct<T> backward_data(const T* w, T* sigma_prev) const {
    return {.rows = n,
            .columns = k,
            .depth = m,
            .a = sigma.data(),
            .a_k = 1,
            .a_r = m,
            .b = w,
            .b_transposed = true,
            .mask = h.data(),
            .c = sigma_prev};
  }
  RowMajorProduct<T> weights(T* dw, const OptimizerStep<T>* step) const {
    return {.rows = k,
            .columns = m,
            .depth = n,
            .a = h.data(),
            .a_k = k,
            .a_r = 1,
            .b = sigma.data(),
            .c = dw,
            .update = step};
  }
  // The bias is a weight whose input is always 1.
  RowMajorProduct<T> biases(T* db, const OptimizerStep<T>* step) const {
    static constexpr T one = 1;
    RowMajorProduct<T> p = weights(db, step);
    p.rows = 1, p.a = &one, p.a_k = 0, p.a_r = 0;
    return p;
  }
  std::string w_shape() const {
    return sizes({k, m}) + ", as sigma has shape " + sizes({n, m}) + " and h " + sizes({n, k});
  }
};

py::object sigma_backward(py::object sigma, py::object w, py::object h, py::object out) {
  return with_float(sigma, "sigma", [&]<class T>() -> py::object {
    const Backward<T> s(sigma, h);
    Input<T> ws(w, "w");
    ws.expect({dim(s.k), dim(s.m)}, s.w_shape().c_str());
    py::array_t<T> prev = output<T>(out, {dim(s.n), dim(s.k)}, {sigma, w, h});
    const auto p = s.backward_data(ws.data(), prev.mutable_data());
    unlocked([&] { return multiply(p); });
    return prev;
  });
}

py::object weight_gradient(py::object sigma, py::object h) {
  return with_float(sigma, "sigma", [&]<class T>() -> py::object {
    const Backward<T> s(sigma, h);
    py::array_t<T> dw({dim(s.k), dim(s.m)}), db(dim(s.m));
    const auto pw = s.weights(dw.mutable_data(), nullptr), pb = s.biases(db.mutable_data(), nullptr);
    unlocked([&] {
      const Status status = multiply(pw);
      return status == Status::ok ? multiply(pb) : status;
    });
    return py::make_tuple(dw, db);
  });
}

// sigma_prev (where wanted) from the old w, then w and b updated in place.
template <class T>
py::object backward_and_update(py::object sigma, py::object w, py::object b, py::object h, py::object rate,
                               py::object* out) {
  const Backward<T> s(sigma, h);
  OptimizerStep<T> step;
  step.learning_rate = static_cast<T>(real_number(rate, "learning_rate"));
  if (!std::isfinite(step.learning_rate)) value_error("learning_rate does not fit " + std::string(dtype_name<T>()));
  if (py::isinstance<py::array>(w)) {
    const auto a = py::reinterpret_borrow<py::array>(w);
    if (a.ndim() != 2 || a.shape(0) != dim(s.k) || a.shape(1) != dim(s.m))
      value_error("w has shape " + shape_text(a) + ": expected " + s.w_shape());
  }
  T* const ws = writable<T>(w, "w", {dim(s.k), dim(s.m)}, {sigma, h, b});
  T* const bs = writable<T>(b, "b", {dim(s.m)}, {sigma, h, w});
  py::array_t<T> prev;
  if (out != nullptr) prev = output<T>(*out, {dim(s.n), dim(s.k)}, {sigma, w, b, h});
  const auto back = s.backward_data(ws, out != nullptr ? prev.mutable_data() : nullptr);
  const auto pw = s.weights(ws, &step), pb = s.biases(bs, &step);
  unlocked([&] {
    if (out != nullptr)
      if (const Status status = multiply(back); status != Status::ok) return status;
    const Status status = multiply(pw);
    return status == Status::ok ? multiply(pb) : status;
  });
  return out != nullptr ? py::object(prev) : py::none();
}

}  // namespace

void register_kernels(py::module_& m) {
  m.def("linear", linear, "x"_a, "w"_a, "b"_a, "out"_a = py::none());
  m.def(
      "relu", [](py::object h_in, py::object out) { return activation(h_in, "relu", out, {}); }, "h_in"_a,
      "out"_a = py::none());
  m.def("activation", activation, "h_in"_a, "name"_a, "out"_a = py::none(), "constant"_a = py::none());
  m.def(
      "exp", [](py::object x) { return elementwise(x, "x", py::none(), [](const auto& k) { return k.exp; }); }, "x"_a);
  m.def(
      "log", [](py::object x) { return elementwise(x, "x", py::none(), [](const auto& k) { return k.log; }); }, "x"_a);
  m.def(
      "sin", [](py::object x) { return elementwise(x, "x", py::none(), [](const auto& k) { return k.sin; }); }, "x"_a);
  m.def(
      "cos", [](py::object x) { return elementwise(x, "x", py::none(), [](const auto& k) { return k.cos; }); }, "x"_a);
  m.def("softmax", softmax, "h_in"_a, "out"_a = py::none());
  m.def("cross_entropy", cross_entropy, "h_in"_a, "y"_a, "out"_a = py::none());
  m.def("sigma_backward", sigma_backward, "sigma"_a, "w"_a, "h"_a, "out"_a = py::none());
  m.def("weight_gradient", weight_gradient, "sigma"_a, "h"_a);
  m.def(
      "sgd_update",
      [](py::object w, py::object b, py::object sigma, py::object h, py::object rate) {
        with_float(sigma, "sigma", [&]<class T>() { return backward_and_update<T>(sigma, w, b, h, rate, nullptr); });
      },
      "w"_a, "b"_a, "sigma"_a, "h"_a, "learning_rate"_a);
  m.def(
      "sigma_backward_sgd",
      [](py::object sigma, py::object w, py::object b, py::object h, py::object rate, py::object out) {
        return with_float(sigma, "sigma",
                          [&]<class T>() { return backward_and_update<T>(sigma, w, b, h, rate, &out); });
      },
      "sigma"_a, "w"_a, "b"_a, "h"_a, "learning_rate"_a, "out"_a = py::none());
}

}  // namespace fcnet::bindings
