// SPDX-License-Identifier: MIT
// Derivatives of a network's outputs for those whose loss lies outside: the Jacobian J = d(outputs) / d(inputs and
// parameters) times a cotangent from the left (back) or a tangent from the right (forward). Nothing is trained.
#pragma once

#include "fcnet/engine/forward_backward.hpp"

namespace fcnet {

// Of which outputs, at which point.
struct OutputOptions {
  bool by_batch = false;  // batch normalisation by statistics of the batch, not by the running ones
  bool logits = false;    // h_in of the last layer, not its F
};

// A forward pass whose activations are kept.
template <class T>
class Vjp {
 public:
  // Borrows `parameters` and `data`. Outputs are (samples, outputs).
  [[nodiscard]] Status run_forward(const Parameters<T>& parameters, const Data<T>& data, const OutputOptions& options,
                                   T* outputs, Cancellation& cancellation);

  // From cotangents (samples, outputs): dx (samples, inputs), which sparse rows have none of, and the sums over the
  // samples for all parameters; each unless it is null.
  [[nodiscard]] Status back(const T* cotangents, T* dx, Parameters<T>* gradient, Cancellation& cancellation);
  // Of every sample by itself, after `back`: a block, (samples, rows, columns); 0 where the optimizer does not change
  // it.
  [[nodiscard]] Status keep_for_samples();  // before that `back`
  [[nodiscard]] Status of_samples(const ParameterBlock& block, T* gradients, Cancellation& cancellation);

  // J v of tangents v (samples, inputs), into (samples, outputs). Not by statistics of the batch, nor of sparse rows.
  [[nodiscard]] Status along(const T* tangents, T* outputs, Cancellation& cancellation);
  // (samples, outputs, inputs), row by row or column by column, whichever is less.
  [[nodiscard]] Status jacobian(T* rows, Cancellation& cancellation);

 private:
  // f(team) on as many threads as this many passes over the data are worth.
  template <class F>
  Status run(double passes, Cancellation& cancellation, F f);

  const Parameters<T>* parameters_ = nullptr;
  Data<T> data_{};
  Stages stages_;
  ForwardBackward<T> forward_backward_;
  Buffer<T> ones_;
};

// dx alone, chunk by chunk: for any number of samples, whose cotangents are data.targets.
template <class T>
Status input_gradient(const Parameters<T>& parameters, const Data<T>& data, bool logits, T* dx,
                      Cancellation& cancellation);

}  // namespace fcnet
