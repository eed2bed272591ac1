// SPDX-License-Identifier: MIT
// Second derivatives: the outputs with their derivatives along directions of the inputs, and the weighted sum of their
// second derivatives along these; and back from all of them to the inputs and parameters. Of networks whose stages are
// products and activations of one number each.
#pragma once

#include "fcnet/base/buffer.hpp"
#include "fcnet/model/data.hpp"
#include "fcnet/model/parameters.hpp"
#include "fcnet/runtime/cancellation.hpp"

namespace fcnet {

// A forward pass of jets, which is kept. Rows are (samples, outputs).
template <class T>
class JetVjp {
 public:
  // Directions: one for each sample, (samples, inputs), or where that is null each input by itself; `weights` of the
  // second derivatives along them, or null: none.
  struct Directions {
    const T* of_samples = nullptr;
    const T* weights = nullptr;
  };

  // Borrows all but the directions. Of networks for which jets_are_defined().
  [[nodiscard]] Status run_forward(const Parameters<T>& parameters, const Data<T>& data, bool logits,
                                   const Directions& directions, Cancellation& cancellation);
  // Part 0: the outputs; 1 and on: their derivatives; the last one, where there are weights: their second derivatives.
  Size parts() const { return jet_.directions + 1 + (jet_.weights != nullptr); }
  void read(Size part, T* rows) const;

  // From cotangents of the parts, each null where it is 0: dx (samples, inputs), and the sums over the samples for all
  // parameters; each unless it is null.
  [[nodiscard]] Status back(const std::vector<const T*>& cotangents, T* dx, Parameters<T>* gradient,
                            Cancellation& cancellation);

 private:
  struct Group {
    Size rows = 0, stride = 0;
    Buffer<T> h, z, sigma, sigma_t;  // parts one `step` apart
  };
  Size step(const Group& group) const { return panels_ * group.stride; }
  Panels<T> of(Buffer<T>& buffer, const Group& group, Size part, Size at, Size n) const {
    return {buffer.data() + part * step(group) + at / panel_width * group.stride + at % panel_width, group.stride, n};
  }
  Activation activation(Size layer) const;
  [[nodiscard]] Status allocate();
  template <class GoOn>
  void forward(Size at, Size n, GoOn going_on);
  template <class GoOn>
  void back(const std::vector<const T*>& cotangents, T* dx, Size at, Size n, GoOn going_on);
  void derive_and_transpose(Size group, Size at, Size n);
  template <class F>
  Status run(double passes, Cancellation& cancellation, F f);

  const Parameters<T>* parameters_ = nullptr;
  Data<T> data_{};
  bool logits_ = false;
  const T* directions_ = nullptr;  // of samples, while run_forward reads them
  Buffer<T> weights_;
  Jet<T> jet_{};
  Size panels_ = 0;
  std::vector<Group> groups_;
};

// Whether a network has no other stages.
bool jets_are_defined(const Shape& shape, bool logits);

}  // namespace fcnet
