// SPDX-License-Identifier: MIT
// Normalisation between a layer's product z and its F: normalized = (z - mean) / sqrt(variance + epsilon), h_in = gamma
// o normalized + beta. Mean and variance are those of a sample over the neurons (Ba et al. 2016), or those of a neuron
// over the batch (Ioffe and Szegedy 2015). Sums over samples are formed in 32 lanes and then folded, so that no
// instruction set adds in another order.
#pragma once

#include "fcnet/base/operands.hpp"
#include "fcnet/simd/vec.hpp"

namespace fcnet::FCNET_ISA {

template <class T>
FCNET_INLINE Vec<T> inverse_deviation(Vec<T> variance, T epsilon) {
  return T(1) / sqrt(variance + epsilon);
}

template <class T>
void layer_norm(const NormalizationRows<T>& layer, T epsilon, T* h, T* normalized, T* inverse, Size samples) {
  const T neurons = static_cast<T>(layer.neurons);
  for (Size lane = 0; lane < samples; lane += width<T>) {
    Vec<T> sum = {}, squares = {};
    for (Size j = 0; j < layer.neurons; ++j) sum += load(h + j * panel_width + lane);
    const Vec<T> mean = sum / neurons;
    for (Size j = 0; j < layer.neurons; ++j) {
      const Vec<T> from_mean = load(h + j * panel_width + lane) - mean;
      squares = fma(from_mean, from_mean, squares);
    }
    const Vec<T> factor = inverse_deviation(squares / neurons, epsilon);
    store(inverse + lane, factor);
    for (Size j = 0; j < layer.neurons; ++j) {
      const Size at = j * panel_width + lane;
      const Vec<T> value = (load(h + at) - mean) * factor;
      store(normalized + at, value);
      store(h + at, fma(broadcast(layer.gamma[j]), value, broadcast(layer.beta[j])));
    }
  }
}

// sigma_z = (g - mean(g) - normalized mean(g o normalized)) / deviation with g = sigma o gamma, the means over the
// neurons. `before` gets sigma as it was.
template <class T>
void layer_norm_backward(const NormalizationRows<T>& layer, T* sigma, const T* normalized, const T* inverse, T* before,
                         Size samples) {
  const T neurons = static_cast<T>(layer.neurons);
  for (Size lane = 0; lane < samples; lane += width<T>) {
    Vec<T> sum = {}, product = {};
    for (Size j = 0; j < layer.neurons; ++j) {
      const Size at = j * panel_width + lane;
      const Vec<T> s = load(sigma + at), g = s * layer.gamma[j];
      store(before + at, s);
      sum += g;
      product = fma(g, load(normalized + at), product);
    }
    const Vec<T> mean = sum / neurons, along = product / neurons, factor = load(inverse + lane);
    for (Size j = 0; j < layer.neurons; ++j) {
      const Size at = j * panel_width + lane;
      const Vec<T> g = load(sigma + at) * layer.gamma[j];
      store(sigma + at, (g - mean - load(normalized + at) * along) * factor);
    }
  }
}

// The sum over 32 lanes.
template <class T>
FCNET_INLINE T fold(T (&sums)[panel_width]) {
  for (Size half = panel_width / 2; half > 0; half /= 2)
    for (Size i = 0; i < half; ++i) sums[i] += sums[i + half];
  return sums[0];
}

// The sum of term(panel, lane) over the samples.
template <class T, class F>
FCNET_INLINE T over_samples(Size samples, F term) {
  T sums[panel_width] = {};
  for (Size p = 0; p * panel_width < samples; ++p) {
    const Size used = used_width(samples, p);
    if (used == panel_width)
      for (Size i = 0; i < panel_width; ++i) sums[i] += term(p, i);
    else
      for (Size i = 0; i < used; ++i) sums[i] += term(p, i);
  }
  return fold(sums);
}

template <class T>
void batch_norm(const NormalizationRows<T>& layer, T epsilon, bool running, Panels<T> h, Panels<T> normalized, T* mean,
                T* variance, Size first, Size last) {
  const T samples = static_cast<T>(h.samples);
  for (Size j = first; j < last; ++j) {
    const auto at = [&](Size p, Size lane) { return h.p + p * h.stride + j * panel_width + lane; };
    T center, spread;
    if (running) {
      center = layer.mean[j], spread = layer.variance[j];
    } else {
      mean[j] = center = over_samples<T>(h.samples, [&](Size p, Size i) { return *at(p, i); }) / samples;
      const T squares = over_samples<T>(h.samples, [&](Size p, Size i) {
        const T from_mean = *at(p, i) - center;
        return from_mean * from_mean;
      });
      variance[j] = spread = squares / samples;
    }
    const Vec<T> factor = inverse_deviation(broadcast(spread), epsilon);
    const Vec<T> gamma = broadcast(layer.gamma[j]), beta = broadcast(layer.beta[j]);
    for (Size p = 0; p * panel_width < h.samples; ++p)
      for (Size lane = 0; lane < used_width(h.samples, p); lane += width<T>) {
        const Vec<T> value = (load(at(p, lane)) - center) * factor;
        store(normalized.p + p * normalized.stride + j * panel_width + lane, value);
        store(at(p, lane), fma(gamma, value, beta));
      }
  }
}

// sigma_z = (sigma - mean(sigma) - normalized mean(sigma o normalized)) gamma / deviation, the means over the batch;
// where the statistics are the running ones, which do not depend on it, sigma gamma / deviation. The sums behind the
// means are dL/d(gamma) and dL/d(beta); both may be null where they are not needed.
template <class T>
void batch_norm_backward(const NormalizationRows<T>& layer, T epsilon, bool running, Panels<T> sigma,
                         Panels<const T> normalized, const T* variance, T* gamma, T* beta, Size first, Size last) {
  const T samples = static_cast<T>(sigma.samples);
  for (Size j = first; j < last; ++j) {
    const auto s = [&](Size p, Size lane) { return sigma.p + p * sigma.stride + j * panel_width + lane; };
    const auto z = [&](Size p, Size lane) { return normalized.p + p * normalized.stride + j * panel_width + lane; };
    Vec<T> mean = {}, along = {};
    if (beta != nullptr) {
      beta[j] = over_samples<T>(sigma.samples, [&](Size p, Size i) { return *s(p, i); });
      gamma[j] = over_samples<T>(sigma.samples, [&](Size p, Size i) { return *s(p, i) * *z(p, i); });
    }
    if (!running) mean = broadcast(beta[j] / samples), along = broadcast(gamma[j] / samples);
    const T spread = running ? layer.variance[j] : variance[j];
    const Vec<T> factor = inverse_deviation(broadcast(spread), epsilon) * layer.gamma[j];
    for (Size p = 0; p * panel_width < sigma.samples; ++p)
      for (Size lane = 0; lane < used_width(sigma.samples, p); lane += width<T>)
        store(s(p, lane), (load(s(p, lane)) - mean - load(z(p, lane)) * along) * factor);
  }
}

// dL/d(gamma) = sum sigma o normalized and dL/d(beta) = sum sigma, of all neurons.
template <class T>
void sums_over_samples(Panels<const T> sigma, Panels<const T> normalized, T* gamma, T* beta, Size rows) {
  for (Size j = 0; j < rows; ++j) {
    const auto s = [&](Size p, Size lane) { return sigma.p[p * sigma.stride + j * panel_width + lane]; };
    const auto z = [&](Size p, Size lane) { return normalized.p[p * normalized.stride + j * panel_width + lane]; };
    beta[j] = over_samples<T>(sigma.samples, s);
    gamma[j] = over_samples<T>(sigma.samples, [&](Size p, Size i) { return s(p, i) * z(p, i); });
  }
}

}  // namespace fcnet::FCNET_ISA
