// SPDX-License-Identifier: MIT
// Losses on one panel: up to 32 samples side by side, so sums over the outputs are vertical. Each writes sigma_L and
// the loss of every sample, both times the sample's weight; the mean over the batch enters once, as the scale of the
// gradient. To add one: a struct here, its name in base/options.hpp, a dataclass, an oracle function, a line of a test.
#pragma once

#include "fcnet/kernels/pointwise/activation_panels.hpp"

namespace fcnet::FCNET_ISA {

// Losses that are sums over the outputs z with targets y: derivative(z, y), and add(sum, z, y, derivative), which goes
// on with the sum. This one: e^2, whose 2 is in the scale.
template <class V>
struct SquaredError {
  V parameter;
  FCNET_INLINE V derivative(V z, V y) const { return z - y; }
  FCNET_INLINE V add(V sum, V, V, V e) const { return fma(e, e, sum); }
};

// |e|, with derivative 0 at 0.
template <class V>
struct AbsoluteError {
  using T = ElementOf<V>;
  V parameter;
  FCNET_INLINE V derivative(V z, V y) const {
    const V e = z - y;
    return e > V{} ? V{} + T(1) : (e < V{} ? V{} - T(1) : e);
  }
  FCNET_INLINE V add(V sum, V z, V y, V sign) const { return sum + sign * (z - y); }
};

// e^2 / 2 up to delta, delta (|e| - delta / 2) beyond (Huber 1964): in both cases d (e - d / 2) with its derivative d.
template <class V>
struct HuberError {
  V parameter;  // delta
  FCNET_INLINE V derivative(V z, V y) const {
    const V e = z - y;
    return e > parameter ? parameter : (e < -parameter ? -parameter : e);
  }
  FCNET_INLINE V add(V sum, V z, V y, V d) const { return fma(d, fma(d, V{} - ElementOf<V>(0.5), z - y), sum); }
};

// max(q (y - z), (1 - q) (z - y)) (Koenker and Bassett 1978), with derivative 0 at 0.
template <class V>
struct QuantileError {
  using T = ElementOf<V>;
  V parameter;  // q
  const double* quantiles = nullptr;
  Size count = 0;
  FCNET_INLINE void begin(Size output) {
    if (quantiles != nullptr) parameter = V{} + static_cast<T>(quantiles[output % count]);
  }
  FCNET_INLINE V derivative(V z, V y) const {
    const V e = z - y;
    return e > V{} ? T(1) - parameter : (e < V{} ? -parameter : e);
  }
  FCNET_INLINE V add(V sum, V z, V y, V slope) const { return fma(slope, z - y, sum); }
};

// -y ln p - (1 - y) ln(1 - p) with p = sigmoid z: max(z, 0) - z y + ln(1 + exp(-|z|)).
template <class V>
struct BinaryCrossEntropy {
  V parameter;
  FCNET_INLINE V derivative(V z, V y) const { return Sigmoid::apply(z) - y; }
  FCNET_INLINE V add(V sum, V z, V y, V) const {
    const V size = z < V{} ? -z : z, positive = z < V{} ? V{} : z;
    return sum + (fma(-z, y, positive) + log1p(exp(-size)));
  }
};

// -ln of Poisson's probability but for ln y!, with the rate p = exp z: p - y z.
template <class V>
struct Poisson {
  V parameter;
  FCNET_INLINE V derivative(V z, V y) const { return exp(z) - y; }
  FCNET_INLINE V add(V sum, V z, V y, V d) const { return sum + fma(-y, z, d + y); }
};

// The same with p = softplus z, whose derivative is sigmoid z. Where p is too small for its type, z is ln p, and the
// sigmoid is p.
template <class V>
struct PoissonOfSoftplus {
  V parameter;
  FCNET_INLINE V derivative(V z, V y) const {
    const V p = Softplus::apply(z), slope = Sigmoid::apply(z);
    return p > V{} ? fma(-y, slope / p, slope) : slope - y;
  }
  FCNET_INLINE V add(V sum, V z, V y, V) const {
    const V p = Softplus::apply(z);
    return sum + fma(-y, p > V{} ? log(p) : z, p);
  }
};

// Before an error is taken of an output: what depends on which one it is.
template <class E>
FCNET_INLINE void begin_output(E& error, Size output) {
  if constexpr (requires { error.begin(output); }) error.begin(output);
}

// Calls f with the struct that the task names.
template <class V, class T, class F>
FCNET_INLINE void with_error(const LossTask<T>& task, F f) {
  const V parameter = V{} + task.parameter;
  switch (task.loss) {
    case Loss::mae:
      return f(AbsoluteError<V>{parameter});
    case Loss::huber:
      return f(HuberError<V>{parameter});
    case Loss::quantile:
      return f(QuantileError<V>{parameter, task.quantiles, task.count});
    case Loss::binary_cross_entropy:
      return f(BinaryCrossEntropy<V>{parameter});
    case Loss::poisson:
      return task.output == Activation::softplus ? f(PoissonOfSoftplus<V>{parameter}) : f(Poisson<V>{parameter});
    case Loss::mse:
    case Loss::rmse:
    case Loss::cross_entropy:  // this and a loss in Python never come here, nor does a cotangent
    case Loss::custom:
    case Loss::cotangent:
      return f(SquaredError<V>{parameter});
  }
}

// What a label is trained towards, and every class for its own sake: 1 and 0, or smoothed.
template <class T>
struct LabelShares {
  T on, off;
};
template <class T>
FCNET_INLINE LabelShares<T> label_shares(const LossTask<T>& task, Size classes) {
  if (task.parameter == T(0)) return {1, 0};
  const T off = task.parameter / static_cast<T>(classes);
  return {(T(1) - task.parameter) + off, off};
}

// The number of a class in every lane: whole numbers, as float32 does not hold every one above 2^24.
template <class T>
using Number = Bits<Vec<T>>;
template <class T>
FCNET_INLINE Number<T> number_of(Size label) {
  return Number<T>{} + static_cast<decltype(Number<T>{}[0] + 0)>(label);
}

// L = -sum_j y_j ln p_j = ln(sum_j exp(z_j - max)) + sum_j y_j (max - z_j), never the logarithm of a rounded p;
// sigma = softmax(z) - y. Labels y are 1 and 0, or `on` and `off` where they are smoothed.
template <class T>
FCNET_INLINE int labelled_cross_entropy(const LossTask<T>& task, const T* z, Size classes, Size lane, Size samples,
                                        T* sigma, Vec<T>& loss) {
  const auto [on, off] = label_shares(task, classes);
  Number<T> label = {}, best = {};
  for (Size i = 0; i < width<T>; ++i) label[i] = lane + i < samples ? task.labels[lane + i] : 0;
  Vec<T> top = load(z), labelled = load(z);
  for (Size c = 1; c < classes; ++c) {
    const Vec<T> value = load(z + c * panel_width);
    const Number<T> number = number_of<T>(c);
    best = top < value ? number : best;
    top = max_or_first(top, value);
    labelled = label == number ? value : labelled;
  }
  Vec<T> behind = {};
  if (off != T(0))
    for (Size c = 0; c < classes; ++c) behind += top - load(z + c * panel_width);
  const Vec<T> sum = exp_and_sum(z, classes, top, sigma);
  loss = log(sum) + (top - labelled);
  if (off != T(0)) loss = log(sum) + fma(broadcast(on - off), top - labelled, off * behind);
  for (Size c = 0; c < classes; ++c) {
    T* s = sigma + c * panel_width;
    const Vec<T> p = load(s) / sum;
    store(s, p - (label == number_of<T>(c) ? broadcast(on) : broadcast(off)));
  }
  int correct = 0;
  for (Size i = 0; i < width<T> && lane + i < samples; ++i) correct += best[i] == label[i] && loss[i] == loss[i];
  return correct;
}

// The same of probabilities y.
template <class T>
FCNET_INLINE int soft_cross_entropy(const T* z, const T* y, Size classes, Size samples, T* sigma, Vec<T>& loss) {
  Vec<T> top = load(z), likeliest = load(y);
  Number<T> best = {}, wanted = {};
  for (Size c = 1; c < classes; ++c) {
    const Vec<T> value = load(z + c * panel_width), share = load(y + c * panel_width);
    const Number<T> number = number_of<T>(c);
    best = top < value ? number : best;
    top = max_or_first(top, value);
    wanted = likeliest < share ? number : wanted;
    likeliest = max_or_first(likeliest, share);
  }
  Vec<T> behind = {};
  for (Size c = 0; c < classes; ++c) {
    const Vec<T> share = load(y + c * panel_width);  // what is impossible adds nothing, however far it is behind
    behind = share == Vec<T>{} ? behind : fma(share, top - load(z + c * panel_width), behind);
  }
  const Vec<T> sum = exp_and_sum(z, classes, top, sigma);
  loss = log(sum) + behind;
  for (Size c = 0; c < classes; ++c)
    store(sigma + c * panel_width, load(sigma + c * panel_width) / sum - load(y + c * panel_width));
  int correct = 0;
  for (Size i = 0; i < width<T> && i < samples; ++i) correct += best[i] == wanted[i] && loss[i] == loss[i];
  return correct;
}

// The samples whose outputs are all on the side of 0 that their targets are of 1 / 2.
template <class T>
FCNET_INLINE int right_sides(const T* z, const T* y, Size outputs, Size samples) {
  Vec<T> wrong = {};
  for (Size j = 0; j < outputs; ++j) {
    const Vec<T> output = load(z + j * panel_width), one = broadcast(T(1));
    const Vec<T> said = output > Vec<T>{} ? one : Vec<T>{}, is = load(y + j * panel_width) > T(0.5) ? one : Vec<T>{};
    wrong = said == is && output == output ? wrong : one;
  }
  int correct = 0;
  for (Size i = 0; i < width<T> && i < samples; ++i) correct += wrong[i] == T(0);
  return correct;
}

template <class T>
int loss_of_panel(const LossTask<T>& task, const T* output, Size outputs, Size samples, T* sigma, T* losses) {
  int correct = 0;
  for (Size lane = 0; lane < samples; lane += width<T>) {
    const T* const z = output + lane;
    Vec<T> loss = {};
    if (task.labels != nullptr) {
      correct += labelled_cross_entropy(task, z, outputs, lane, samples, sigma + lane, loss);
    } else if (const T* const y = task.targets + lane; task.loss == Loss::cross_entropy) {
      correct += soft_cross_entropy(z, y, outputs, samples - lane, sigma + lane, loss);
    } else {
      if (task.loss == Loss::binary_cross_entropy) correct += right_sides(z, y, outputs, samples - lane);
      with_error<Vec<T>>(task, [&](auto error) {
        for (Size j = 0; j < outputs; ++j) {
          begin_output(error, j);
          const Vec<T> from = load(z + j * panel_width), to = load(y + j * panel_width), d = error.derivative(from, to);
          loss = error.add(loss, from, to, d);
          store(sigma + j * panel_width + lane, d);
        }
      });
    }
    if (task.weights != nullptr) {
      Vec<T> weight = {};
      for (Size i = 0; i < width<T> && lane + i < samples; ++i) weight[i] = task.weights[lane + i];
      loss *= weight;
      for (Size j = 0; j < outputs; ++j)
        store(sigma + j * panel_width + lane, weight * load(sigma + j * panel_width + lane));
    }
    store(losses + lane, loss);
  }
  return correct;
}

}  // namespace fcnet::FCNET_ISA
