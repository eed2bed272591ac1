// SPDX-License-Identifier: MIT
// Activation functions F: F(h_in) in forward, sigma o F'(h_in) in backward-data. F' is computed from h_out where that
// is possible, else saved by the forward pass. Simple ones are epilogues of the tiles; the others take a finished tile
// from the L1 cache, and are compiled but once. To add one: a struct here, its name in base/options.hpp and where
// layers are described, an oracle function, a line of a test.
#pragma once

#include "fcnet/base/operands.hpp"
#include "fcnet/simd/vec_math.hpp"

namespace fcnet::FCNET_ISA {

struct Identity {
  template <class V>
  static FCNET_INLINE V apply(V h_in) {
    return h_in;
  }
  template <class V>
  static FCNET_INLINE V times_derivative(V sigma, V) {
    return sigma;
  }
};

struct Relu {
  template <class V>
  static FCNET_INLINE V apply(V h_in) {
    return h_in <= V{} ? V{} : h_in;  // NaN stays NaN
  }
  template <class V>
  static FCNET_INLINE V times_derivative(V sigma, V h_out) {
    return h_out > V{} ? sigma : V{};
  }
};

// With a slope of at least 0, so that the sign of h_in is that of h_out.
struct LeakyRelu {
  double slope;
  template <class V>
  FCNET_INLINE V apply(V h_in) const {
    return h_in <= V{} ? ElementOf<V>(slope) * h_in : h_in;
  }
  template <class V>
  FCNET_INLINE V times_derivative(V sigma, V h_out) const {
    return h_out > V{} ? sigma : ElementOf<V>(slope) * sigma;
  }
};

// Clevert et al. 2016, with an alpha of at least 0.
struct Elu {
  double alpha;
  template <class V>
  FCNET_INLINE V apply(V h_in) const {
    return h_in <= V{} ? ElementOf<V>(alpha) * expm1(h_in) : h_in;
  }
  template <class V>
  FCNET_INLINE V times_derivative(V sigma, V h_out) const {
    return h_out > V{} ? sigma : sigma * (h_out + ElementOf<V>(alpha));
  }
};

// min(max(h, 0), 6) (Krizhevsky 2010).
struct Relu6 {
  template <class V>
  static FCNET_INLINE V apply(V h_in) {
    const V most = V{} + ElementOf<V>(6);
    return h_in >= most ? most : Relu::apply(h_in);
  }
  template <class V>
  static FCNET_INLINE V times_derivative(V sigma, V h_out) {
    return h_out < V{} + ElementOf<V>(6) ? Relu::times_derivative(sigma, h_out) : V{};
  }
};

// h relu6(h + 3) / 6 (Howard et al. 2019).
struct HardSwish {
  template <class V>
  static constexpr auto bound = ElementOf<V>(3);
  template <class V>
  static FCNET_INLINE V apply(V h_in) {
    V slope;
    return apply_and_slope(h_in, slope);
  }
  template <class V>
  static FCNET_INLINE V apply_and_slope(V h_in, V& slope) {
    using T = ElementOf<V>;
    const auto linear = h_in >= bound<V>, off = h_in <= -bound<V>;
    slope = linear ? V{} + T(1) : off ? V{} : fma(h_in, V{} + T(1.0 / 3), V{} + T(0.5));
    return linear ? h_in : off ? V{} : h_in * ((h_in + bound<V>)*T(1.0 / 6));
  }
};

// Klambauer et al. 2017, equation 2.
struct Selu {
  template <class V>
  static constexpr auto lambda = ElementOf<V>(1.0507009873554804934);
  template <class V>
  static constexpr auto lambda_alpha = ElementOf<V>(1.7580993408473768600);
  template <class V>
  static FCNET_INLINE V apply(V h_in) {
    return h_in <= V{} ? lambda_alpha<V> * expm1(h_in) : lambda<V> * h_in;
  }
  template <class V>
  static FCNET_INLINE V times_derivative(V sigma, V h_out) {
    return sigma * (h_out > V{} ? V{} + lambda<V> : h_out + lambda_alpha<V>);
  }
};

struct Sigmoid {
  template <class V>
  static FCNET_INLINE V apply(V h_in) {
    return ElementOf<V>(1) / (exp(-h_in) + ElementOf<V>(1));
  }
  template <class V>
  static FCNET_INLINE V times_derivative(V sigma, V h_out) {
    return sigma * (h_out * (ElementOf<V>(1) - h_out));
  }
};

struct Tanh {
  template <class V>
  static FCNET_INLINE V apply(V h_in) {
    return tanh(h_in);
  }
  template <class V>
  static FCNET_INLINE V times_derivative(V sigma, V h_out) {
    return sigma * (ElementOf<V>(1) - h_out * h_out);
  }
};

// ln(1 + e^h), whose derivative is the sigmoid: 1 - e^-h_out.
struct Softplus {
  template <class V>
  static FCNET_INLINE V apply(V h_in) {
    const V size = h_in < V{} ? -h_in : h_in;
    return (h_in < V{} ? V{} : h_in) + log1p(exp(-size));
  }
  template <class V>
  static FCNET_INLINE V times_derivative(V sigma, V h_out) {
    return sigma * -expm1(-h_out);
  }
};

struct Exp {
  template <class V>
  static FCNET_INLINE V apply(V h_in) {
    return exp(h_in);
  }
  template <class V>
  static FCNET_INLINE V times_derivative(V sigma, V h_out) {
    return sigma * h_out;
  }
};

// h Phi(h), Phi the normal distribution function; F' = Phi(h) + h phi(h) (Hendrycks and Gimpel 2016).
struct Gelu {
  template <class V>
  static FCNET_INLINE V apply(V h_in) {
    return h_in * normal_cdf(h_in);
  }
  template <class V>
  static FCNET_INLINE V apply_and_slope(V h_in, V& slope) {
    using T = ElementOf<V>;
    const V cdf = normal_cdf(h_in), density = T(0.39894228040143267794) * exp(T(-0.5) * h_in * h_in);
    slope = fma(h_in, density, cdf);
    return h_in * cdf;
  }
};

// sigmoid(u), as exact where it is tiny.
template <class V>
FCNET_INLINE V gate(V u) {
  const V e = exp(u < V{} ? u : -u);
  return (u < V{} ? e : V{} + ElementOf<V>(1)) / (e + ElementOf<V>(1));
}

// h s with s = sigmoid(u); F' = s + h s (1 - s) u'.
template <class V>
FCNET_INLINE V gated_and_slope(V h_in, V u, V du, V& slope) {
  const V s = gate(u);
  slope = fma(h_in * du, s * (ElementOf<V>(1) - s), s);
  return h_in * s;
}

// The same with (1 + tanh u) / 2 = sigmoid(2 u) for Phi, u = sqrt(2 / pi) (h + 0.044715 h^3).
struct GeluTanh {
  template <class V>
  static constexpr auto factor = ElementOf<V>(1.5957691216057307117);  // 2 sqrt(2 / pi)
  template <class V>
  static FCNET_INLINE V twice_u(V h) {
    return factor<V> * h * fma(h * h, V{} + ElementOf<V>(0.044715), V{} + ElementOf<V>(1));
  }
  template <class V>
  static FCNET_INLINE V apply(V h_in) {
    return h_in * gate(twice_u(h_in));
  }
  template <class V>
  static FCNET_INLINE V apply_and_slope(V h_in, V& slope) {
    using T = ElementOf<V>;
    const V du = factor<V> * fma(h_in * h_in, V{} + T(3 * 0.044715), V{} + T(1));
    return gated_and_slope(h_in, twice_u(h_in), du, slope);
  }
};

// h sigmoid(h) (Elfwing et al. 2018), also called swish.
struct Silu {
  template <class V>
  static FCNET_INLINE V apply(V h_in) {
    return h_in * gate(h_in);
  }
  template <class V>
  static FCNET_INLINE V apply_and_slope(V h_in, V& slope) {
    return gated_and_slope(h_in, h_in, V{} + ElementOf<V>(1), slope);
  }
};

// h tanh(ln(1 + e^h)) (Misra 2019). With n = e^h (e^h + 2) the tanh is t = n / (n + 2), and F' = t + h (1 - t^2) s with
// s = sigmoid(h), where (1 - t^2) s = 4 e^h (e^h + 1) / (n + 2)^2. Above 20 they are h and 1, whatever the type.
struct Mish {
  template <class V>
  static constexpr auto linear_above = ElementOf<V>(20);
  template <class V>
  static FCNET_INLINE V apply(V h_in) {
    V slope;
    return apply_and_slope(h_in, slope);
  }
  template <class V>
  static FCNET_INLINE V apply_and_slope(V h_in, V& slope) {
    using T = ElementOf<V>;
    const V e = exp(h_in), n = fma(e, e, e + e), inverse = T(1) / (n + T(2)), t = n * inverse;
    const auto linear = h_in > linear_above<V>;
    slope = linear ? V{} + T(1) : fma(T(4) * h_in * inverse, fma(e, e, e) * inverse, t);
    return linear ? h_in : h_in * t;
  }
};

// The derivative saved by the forward pass stands where h_out would.
struct SavedDerivative {
  template <class V>
  static FCNET_INLINE V times_derivative(V sigma, V slope) {
    return sigma * slope;
  }
};

// Calls f with the struct that `activation` names, of those that are a function of one number. Softmax, and a saved
// derivative, are dealt with elsewhere: they leave nothing to do.
template <class F>
FCNET_INLINE void with_any_activation(Activation activation, F f) {
  switch (activation.kind) {
    case Activation::identity:
    case Activation::saved_derivative:
    case Activation::softmax:
      return f(Identity{});
    case Activation::relu:
      return f(Relu{});
    case Activation::leaky_relu:
      return f(LeakyRelu{activation.constant});
    case Activation::elu:
      return f(Elu{activation.constant});
    case Activation::selu:
      return f(Selu{});
    case Activation::sigmoid:
      return f(Sigmoid{});
    case Activation::tanh:
      return f(Tanh{});
    case Activation::softplus:
      return f(Softplus{});
    case Activation::exp:
      return f(Exp{});
    case Activation::gelu:
      return f(Gelu{});
    case Activation::gelu_tanh:
      return f(GeluTanh{});
    case Activation::silu:
      return f(Silu{});
    case Activation::mish:
      return f(Mish{});
    case Activation::relu6:
      return f(Relu6{});
    case Activation::hard_swish:
      return f(HardSwish{});
  }
}

// The same, of those whose F' is computed from h_out; the others leave nothing to do.
template <class F>
FCNET_INLINE void with_activation(Activation activation, F f) {
  with_any_activation(activation, [&](auto any) FCNET_INLINED {
    if constexpr (requires { any.times_derivative(Vec<float>{}, Vec<float>{}); }) f(any);
  });
}

static constexpr bool is_simple(Activation activation) { return activation.kind <= Activation::saved_derivative; }

// The same for an epilogue; with Identity where the function is not simple and comes after it.
template <class F>
FCNET_INLINE void with_epilogue(Activation activation, F f) {
  activation.kind == Activation::relu ? f(Relu{}) : f(Identity{});
}

// The same for the epilogue of backward-data.
template <class F>
FCNET_INLINE void with_derivative(Activation activation, F f) {
  activation.kind == Activation::saved_derivative ? f(SavedDerivative{}) : with_epilogue(activation, f);
}

// What an epilogue left: F in place, on rows of `columns` elements, a multiple of a vector's.
template <class T>
FCNET_ONCE void activate_block(Activation activation, T* h, Size stride, Size rows, Size columns) {
  with_any_activation(activation, [&](auto f) {
    for (Size r = 0; r < rows; ++r)
      for (T* p = h + r * stride; p < h + r * stride + columns; p += width<T>) store(p, f.apply(load(p)));
  });
}

// And sigma o F' in place.
template <class T>
FCNET_ONCE void derive_block(Activation activation, T* sigma, Size stride, const T* h, Size h_stride, Size rows,
                             Size columns) {
  with_activation(activation, [&](auto f) {
    for (Size r = 0; r < rows; ++r)
      for (Size c = 0; c < columns; c += width<T>) {
        T* const p = sigma + r * stride + c;
        store(p, f.times_derivative(load(p), load(h + r * h_stride + c)));
      }
  });
}

}  // namespace fcnet::FCNET_ISA
