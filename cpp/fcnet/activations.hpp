// SPDX-License-Identifier: MIT
// Activation functions F as epilogues: F(h_in) in forward, sigma o F'(h_in) in back-data, F' read off h_out.
// To add one: a struct here, its name in isa/table.hpp, a dataclass, an oracle function, a line of a test.
#pragma once

#include "fcnet/isa/table.hpp"
#include "fcnet/vec.hpp"

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

// Calls f with the struct that `activation` names.
template <class F>
FCNET_INLINE void with_activation(Activation activation, F f) {
  switch (activation) {
    case Activation::identity:
      return f(Identity{});
    case Activation::relu:
      return f(Relu{});
  }
}

}  // namespace fcnet::FCNET_ISA
