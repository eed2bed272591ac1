// SPDX-License-Identifier: MIT
#include "fcnet/engine/vjp.hpp"

#include "fcnet/engine/sum_sink.hpp"
#include "fcnet/engine/tangent_pass.hpp"

namespace fcnet {
namespace {

// The stages of a network whose loss is not its own.
Stages stages_without_loss(Shape shape, bool logits) {
  if (shape.kinds.empty())  // the loss would choose the last F
    for (Size l = 0; l < shape.layers(); ++l) shape.kinds.push_back(shape.kind(l));
  if (logits) shape.kinds.back().activation = Activation::identity;
  shape.loss = Loss::cotangent;
  return Stages(shape);
}

Trained no_layer(const Shape& shape) { return Trained(std::vector<bool>(shape.owners(), false)); }

}  // namespace

template <class T>
template <class F>
Status Vjp<T>::run(double passes, Cancellation& cancellation, F f) {
  const double flops = passes * parameters_->stages().flops() * static_cast<double>(data_.samples);
  forward_backward_.begin(nullptr, &cancellation);
  const auto body = [&](const Team& team) {
    const FlushDenormals flush;
    f(team);
  };
  run_team(useful_threads(flops, static_cast<Size>(num_threads())), body, patience(flops));
  return cancellation.stopped() ? Status::interrupted : Status::ok;
}

template <class T>
Status Vjp<T>::run_forward(const Parameters<T>& parameters, const Data<T>& data, const OutputOptions& wanted,
                           T* outputs, Cancellation& cancellation) {
  parameters_ = &parameters;
  data_ = data;
  const Shape& shape = parameters.shape();
  const PassOptions options{.by_batch = wanted.by_batch ? Trained{} : no_layer(shape),
                            .to_inputs = data.x.starts == nullptr};
  stages_ = stages_without_loss(shape, wanted.logits);
  const Status ready = forward_backward_.prepare(stages_, options, parameters, data, std::max(data.samples, Size{1}));
  if (ready != Status::ok || data.samples == 0) return ready;
  return run(1, cancellation, [&](const Team& team) { forward_backward_.run_forward(team, data.samples, outputs); });
}

template <class T>
Status Vjp<T>::back(const T* cotangents, T* dx, Parameters<T>* gradient, Cancellation& cancellation) {
  const Shape& shape = parameters_->shape();
  if (gradient != nullptr)
    if (const Status s = gradient->allocate_like(*parameters_, cancellation); s != Status::ok) return s;
  if (data_.samples == 0) return Status::ok;
  data_.targets = cotangents;
  forward_backward_.use(data_);
  forward_backward_.want(gradient != nullptr ? Trained{} : no_layer(shape), dx);
  return run(gradient != nullptr ? 2 : 1, cancellation, [&](const Team& team) {
    NoSink<T> none;
    if (gradient == nullptr) return forward_backward_.run_back(team, data_.samples, none);
    SumSink<T> sink(*gradient);
    forward_backward_.run_back(team, data_.samples, sink);
  });
}

template <class T>
Status Vjp<T>::keep_for_samples() {
  Workspace<T>& w = forward_backward_.layer_pass().workspace();
  for (Size l = 0; l < parameters_->shape().layers(); ++l) {
    const LayerKind kind = parameters_->shape().kind(l);
    if (kind.normalization == Normalization::batch)
      if (const Status s = w.keep_before(l + 1); s != Status::ok) return s;
    if (kind.parametric)
      if (const Status s = w.keep_mix_products(l + 1); s != Status::ok) return s;
  }
  return Status::ok;
}

template <class T>
Status Vjp<T>::of_samples(const ParameterBlock& block, T* gradients, Cancellation& cancellation) {
  LayerPass<T>& pass = forward_backward_.layer_pass();
  Workspace<T>& w = pass.workspace();
  const Size n = data_.samples, layer = block.layer, columns = block.columns, i = layer + 1;
  const auto of_panel = [&](Panels<T> panels, Size p) { return panels.p + p * panels.stride; };
  Buffer<T> sigma_rows;
  if (block.role == Role::weights)
    if (const Status s = sigma_rows.allocate_unset(CheckedSize(n) * columns); s != Status::ok) return s;
  return in_parallel(ceil_div(n, panel_width), 1, cancellation, [&](Size p, Size) {
    const FlushDenormals flush;
    const Size first = p * panel_width, samples = used_width(n, p);
    const T* const sigma = of_panel(w.sigma(i, 0, n), p);
    T* const to = gradients + first * block.rows * columns;
    if (!block.optimized) {
      std::fill_n(to, samples * block.rows * columns, T(0));
      return;
    }
    const auto products = [&](const T* a, const T* b) {
      for (Size s = 0; s < samples; ++s)
        for (Size j = 0; j < columns; ++j) to[s * columns + j] = a[j * panel_width + s] * b[j * panel_width + s];
    };
    switch (block.role) {
      case Role::weights: {
        const T* const h = of_panel(w.input(layer, 0, n), p);
        T* const rows = sigma_rows.data() + first * columns;
        kernels<T>().scatter(sigma, columns, samples, rows);
        for (Size s = 0; s < samples; ++s)
          for (Size r = 0; r < block.rows; ++r) {
            const T by = h[r * panel_width + s];
            T* const row = to + (s * block.rows + r) * columns;
            for (Size j = 0; j < columns; ++j) row[j] = by * rows[s * columns + j];
          }
        return;
      }
      case Role::bias:
      case Role::product_bias:
        return kernels<T>().scatter(sigma, columns, samples, to);
      case Role::beta:
        return kernels<T>().scatter(of_panel(w.before(i, 0, n), p), columns, samples, to);
      case Role::gamma:
        return products(of_panel(w.before(i, 0, n), p), of_panel(w.normalized(i, 0, n), p));
      case Role::mix:
        return kernels<T>().scatter(of_panel(w.mix_products(i, 0, n), p), columns, samples, to);
      case Role::scale:
        return products(of_panel(w.scaled_sigma(layer, 0, n), p), of_panel(w.h(layer, 0, n), p));
      case Role::running_mean:
      case Role::running_variance:
      case Role::member_weights:
      case Role::member_bias:
      case Role::member_r:
      case Role::member_s:
      case Role::frequencies:
      case Role::phases:
      case Role::embedding_weights:
      case Role::embedding_bias:
      case Role::slopes:
      case Role::tables:  // refused by the bindings
        return;
    }
  });
}

template <class T>
Status Vjp<T>::along(const T* tangents, T* outputs, Cancellation& cancellation) {
  if (data_.samples == 0) return Status::ok;
  const Shape& shape = parameters_->shape();
  if (ones_.size() == 0) {
    const Size widest = *std::max_element(shape.sizes.begin(), shape.sizes.end());
    if (const Status s = ones_.allocate_unset(ceil_div(widest, panel_width) * panel_width); s != Status::ok) return s;
    std::fill_n(ones_.data(), ones_.size(), T(1));
  }
  LayerPass<T>& pass = forward_backward_.layer_pass();
  pass.want(no_layer(shape), true);
  return run(1, cancellation, [&](const Team& team) {
    TangentPass<T> tangent_pass(pass, *parameters_, data_.x.scale, tangents, ones_.data());
    forward_backward_.run_along(team, data_.samples, tangent_pass, outputs);
  });
}

template <class T>
Status Vjp<T>::jacobian(T* rows, Cancellation& cancellation) {
  const Size n = data_.samples, inputs = parameters_->shape().inputs(), outputs = parameters_->shape().outputs();
  const bool by_rows = outputs <= inputs;
  const Size from = by_rows ? outputs : inputs, to = by_rows ? inputs : outputs;
  Buffer<T> unit, result;
  if (const Status s = unit.allocate(CheckedSize(n) * from); s != Status::ok) return s;
  if (const Status s = result.allocate_unset(CheckedSize(n) * to); s != Status::ok) return s;
  for (Size k = 0; k < from; ++k) {
    for (Size s = 0; s < n; ++s) {
      if (k > 0) unit[s * from + k - 1] = 0;
      unit[s * from + k] = 1;
    }
    const Status status = by_rows ? back(unit.data(), result.data(), nullptr, cancellation)
                                  : along(unit.data(), result.data(), cancellation);
    if (status != Status::ok) return status;
    for (Size s = 0; s < n; ++s)
      if (by_rows)
        std::copy_n(result.data() + s * inputs, inputs, rows + (s * outputs + k) * inputs);
      else
        for (Size j = 0; j < outputs; ++j) rows[(s * outputs + j) * inputs + k] = result[s * outputs + j];
  }
  return Status::ok;
}

template <class T>
Status input_gradient(const Parameters<T>& parameters, const Data<T>& data, bool logits, T* dx,
                      Cancellation& cancellation) {
  if (data.samples == 0) return Status::ok;
  const Stages stages = stages_without_loss(parameters.shape(), logits);
  const Trained none = no_layer(parameters.shape());
  const Plan plan = plan_training<T>(stages, none, data.samples, Hyperparameters{}, num_threads());
  ForwardBackward<T> forward_backward;
  const PassOptions options{.trained = none, .by_batch = none, .to_inputs = true};
  // Nothing depends on the other samples here, even where a fit normalises by the batch.
  const Size chunk = std::min(data.samples, blocking.chunk_samples);
  if (const Status s = forward_backward.prepare(stages, options, parameters, data, chunk); s != Status::ok) return s;
  forward_backward.begin(nullptr, &cancellation);
  forward_backward.want(none, dx);
  const auto body = [&](const Team& team) {
    const FlushDenormals flush;
    NoSink<T> sink;
    forward_backward.run(team, {0, data.samples}, chunk, sink);
  };
  run_team(plan.threads, body, patience(2 * stages.flops() * static_cast<double>(data.samples)));
  return cancellation.stopped() ? Status::interrupted : Status::ok;
}

template class Vjp<float>;
template class Vjp<double>;
template Status input_gradient(const Parameters<float>&, const Data<float>&, bool, float*, Cancellation&);
template Status input_gradient(const Parameters<double>&, const Data<double>&, bool, double*, Cancellation&);

}  // namespace fcnet
