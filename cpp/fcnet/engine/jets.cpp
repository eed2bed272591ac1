// SPDX-License-Identifier: MIT
#include "fcnet/engine/jets.hpp"

#include "fcnet/base/blocking.hpp"
#include "fcnet/engine/forward.hpp"
#include "fcnet/engine/plan.hpp"
#include "fcnet/runtime/denormals.hpp"

namespace fcnet {
namespace {

// f(at, n, going_on) for this thread's share of the samples, some panels at a time.
template <class T, class F>
void each_part_of(const Team& team, Size samples, Cancellation& cancellation, F f) {
  const auto going_on = [&] { return go_on(team, cancellation); };
  for_share(team, team.id, samples, sample_granularity<T>(), [&](Size begin, Size end) {
    each_subchunk(begin, end, blocking.panels_at_once, [&](Size at, Size n) {
      if (going_on()) f(at, n, going_on);
    });
  });
}

}  // namespace

bool jets_are_defined(const Shape& shape, bool logits) {
  if (shape.columns.any()) return false;
  for (Size l = 0; l < shape.layers(); ++l) {
    const LayerKind kind = shape.kind(l);
    const bool softmax = kind.activation == Activation::softmax && !(logits && l + 1 == shape.layers());
    if (softmax || kind.normalization != Normalization::none || kind.scale || kind.parametric) return false;
  }
  return true;
}

template <class T>
Activation JetVjp<T>::activation(Size layer) const {
  const Shape& shape = parameters_->shape();
  return logits_ && layer + 1 == shape.layers() ? Activation::identity : shape.kind(layer).activation;
}

template <class T>
Status JetVjp<T>::allocate() {
  const Shape& shape = parameters_->shape();
  groups_.clear();
  groups_.resize(shape.sizes.size());
  for (Size i = 0; i < groups_.size(); ++i) {
    Group& group = groups_[i];
    group.rows = shape.sizes[i];
    group.stride = panel_stride(group.rows + 1, sizeof(T));
    const CheckedSize all = CheckedSize(group.stride) * panels_ * parts();
    const CheckedSize transposed =
        CheckedSize(ceil_div(group.rows, panel_width)) * panels_ * parts() * (panel_width * panel_width);
    // Directions that are the inputs themselves are 0 but for one row.
    if (const Status s = i == 0 ? group.h.allocate(all) : group.h.allocate_unset(all); s != Status::ok) return s;
    if (const Status s = group.sigma.allocate_unset(all); s != Status::ok) return s;
    for (Size p = 0; p < panels_ * parts(); ++p)  // the row that multiplies the bias, in values alone
      std::fill_n(group.h.data() + p * group.stride + group.rows * panel_width, panel_width, T(p < panels_ ? 1 : 0));
    if (i == 0) continue;
    if (const Status s = group.z.allocate_unset(all); s != Status::ok) return s;
    if (const Status s = group.sigma_t.allocate_unset(transposed); s != Status::ok) return s;
  }
  return Status::ok;
}

template <class T>
template <class F>
Status JetVjp<T>::run(double passes, Cancellation& cancellation, F f) {
  const double flops = passes * parameters_->stages().flops() * static_cast<double>(data_.samples * parts());
  const auto body = [&](const Team& team) {
    const FlushDenormals flush;
    f(team);
  };
  run_team(useful_threads(flops, static_cast<Size>(num_threads())), body, patience(flops));
  return cancellation.stopped() ? Status::interrupted : Status::ok;
}

template <class T>
Status JetVjp<T>::run_forward(const Parameters<T>& parameters, const Data<T>& data, bool logits,
                              const Directions& directions, Cancellation& cancellation) {
  parameters_ = &parameters;
  data_ = data;
  logits_ = logits;
  panels_ = std::max(ceil_div(data.samples, panel_width), Size{1});
  directions_ = directions.of_samples;
  jet_.directions = directions_ != nullptr ? 1 : parameters.shape().inputs();
  if (directions.weights != nullptr) {
    if (const Status s = weights_.allocate_unset(jet_.directions); s != Status::ok) return s;
    std::copy_n(directions.weights, jet_.directions, weights_.data());
    jet_.weights = weights_.data();
  }
  if (const Status s = allocate(); s != Status::ok) return s;
  const Status status = run(1, cancellation, [&](const Team& team) {
    each_part_of<T>(team, data_.samples, cancellation,
                    [&](Size at, Size n, auto going_on) { forward(at, n, going_on); });
  });
  directions_ = nullptr;
  return status;
}

template <class T>
template <class GoOn>
void JetVjp<T>::forward(Size at, Size n, GoOn going_on) {
  Group& first = groups_[0];
  const T* const scale = data_.x.scale;
  for (Size done = 0; done < n; done += panel_width) {
    const Size from = at + done, samples = std::min(panel_width, n - done);
    kernels<T>().gather(data_.x, from, samples, of(first.h, first, 0, from, samples).p);
    if (directions_ != nullptr) {
      const Panels<T> along = of(first.h, first, 1, from, samples);
      kernels<T>().gather(plain_rows(directions_, first.rows), from, samples, along.p);
      for (Size j = 0; scale != nullptr && j < first.rows; ++j)
        for (Size lane = 0; lane < samples; ++lane) along.p[j * panel_width + lane] *= scale[j];
    } else {
      for (Size k = 0; k < first.rows; ++k)
        std::fill_n(of(first.h, first, k + 1, from, samples).p + k * panel_width, samples,
                    scale != nullptr ? scale[k] : T(1));
    }
  }
  for (Size l = 0; l + 1 < groups_.size(); ++l) {
    Group &in = groups_[l], &out = groups_[l + 1];
    for (Size part = 0; part < parts(); ++part) {
      if (!going_on()) return;
      const Panels<T> h = of(in.h, in, part, at, n);
      const LayerView<T> layer = part == 0 ? parameters_->layer(l) : parameters_->linear_layer(l);
      kernels<T>().forward(layer, {h.p, h.stride, n}, of(out.z, out, part, at, n), 0, out.rows);
    }
    const Panels<T> z = of(out.z, out, 0, at, n);
    kernels<T>().activate_jets(activation(l), jet_, step(out), {z.p, z.stride, n}, of(out.h, out, 0, at, n), 0,
                               out.rows);
  }
}

template <class T>
void JetVjp<T>::read(Size part, T* rows) const {
  const Group& last = groups_.back();
  for (Size at = 0; at < data_.samples; at += panel_width)
    kernels<T>().scatter(last.h.data() + part * step(last) + at / panel_width * last.stride, last.rows,
                         std::min(panel_width, data_.samples - at), rows + at * last.rows);
}

template <class T>
void JetVjp<T>::derive_and_transpose(Size i, Size at, Size n) {
  Group& group = groups_[i];
  const Panels<T> z = of(group.z, group, 0, at, n);
  kernels<T>().derive_jets(activation(i - 1), jet_, step(group), {z.p, z.stride, n}, of(group.sigma, group, 0, at, n),
                           0, group.rows);
  const Size stride = group.sigma_t.size() / ceil_div(group.rows, panel_width);
  for (Size part = 0; part < parts(); ++part)
    for (Size done = 0; done < n; done += panel_width) {
      const Size from = at + done, samples = std::min(panel_width, n - done);
      kernels<T>().transpose(of(group.sigma, group, part, from, samples).p, group.rows, 0,
                             ceil_div(group.rows, panel_width), samples,
                             group.sigma_t.data() + (part * panels_ * panel_width + from) * panel_width, stride);
    }
}

template <class T>
template <class GoOn>
void JetVjp<T>::back(const std::vector<const T*>& cotangents, T* dx, Size at, Size n, GoOn going_on) {
  Group& last = groups_.back();
  for (Size part = 0; part < parts(); ++part)
    for (Size done = 0; done < n; done += panel_width) {
      const Size from = at + done, samples = std::min(panel_width, n - done);
      T* const sigma = of(last.sigma, last, part, from, samples).p;
      if (cotangents[part] != nullptr)
        kernels<T>().gather(plain_rows(cotangents[part], last.rows), from, samples, sigma);
      else
        for (Size j = 0; j < last.rows; ++j) std::fill_n(sigma + j * panel_width, samples, T(0));
    }
  for (Size i = groups_.size() - 1;; --i) {
    derive_and_transpose(i, at, n);
    Group &from = groups_[i], &to = groups_[i - 1];
    if (i == 1 && dx == nullptr) return;
    for (Size part = 0; part < (i == 1 ? 1 : parts()); ++part) {  // dx is that of the values
      if (!going_on()) return;
      const Panels<T> sigma = of(from.sigma, from, part, at, n), h = of(to.h, to, part, at, n);
      kernels<T>().backward_data(parameters_->layer(i - 1), {sigma.p, sigma.stride, n}, {h.p, h.stride, n},
                                 Activation::identity, of(to.sigma, to, part, at, n), 0, to.rows);
    }
    if (i == 1) break;
  }
  Group& first = groups_[0];
  for (Size done = 0; done < n; done += panel_width) {
    const Size from = at + done, samples = std::min(panel_width, n - done);
    const Panels<T> sigma = of(first.sigma, first, 0, from, samples);
    if (data_.x.scale != nullptr)
      kernels<T>().scale({const_cast<T*>(data_.x.scale), panel_width}, {sigma.p, sigma.stride, samples}, sigma, 0,
                         first.rows);
    kernels<T>().scatter(sigma.p, first.rows, samples, dx + from * first.rows);
  }
}

template <class T>
Status JetVjp<T>::back(const std::vector<const T*>& cotangents, T* dx, Parameters<T>* gradient,
                       Cancellation& cancellation) {
  const Shape& shape = parameters_->shape();
  if (gradient != nullptr)
    if (const Status s = gradient->allocate_like(*parameters_, cancellation); s != Status::ok) return s;
  const Size samples = data_.samples;
  if (samples == 0) return Status::ok;
  return run(2, cancellation, [&](const Team& team) {
    each_part_of<T>(team, samples, cancellation,
                    [&](Size at, Size n, auto going_on) { back(cotangents, dx, at, n, going_on); });
    if (gradient == nullptr) return;
    team.sync();
    for (Size l = 0; l < shape.layers(); ++l) {
      Group &in = groups_[l], &out = groups_[l + 1];
      const LayerView<T> layer = gradient->layer(l);
      const Size rows = gradient->blocks(l).product_rows(),
                 stride = out.sigma_t.size() / ceil_div(out.rows, panel_width);
      const auto going_on = [&] { return go_on(team, cancellation); };
      const double row_flops = 2.0 * static_cast<double>(samples) * static_cast<double>(out.rows);
      for_share(team, team.id, rows, isa().tile_rows, [&](Size begin, Size end) {
        for (Size part = 0; part < parts(); ++part) {
          const Panels<T> h = of(in.h, in, part, 0, samples);
          const Panels<const T> sigma_t{out.sigma_t.data() + part * panels_ * panel_width * panel_width, stride,
                                        samples};
          in_blocks<T>(begin, std::min(end, rows), row_flops, going_on, [&](Size first, Size last) {
            kernels<T>().backward_weights(layer, {h.p, h.stride, samples}, sigma_t, layer.w, part > 0, first, last);
          });
        }
      });
    }
  });
}

template class JetVjp<float>;
template class JetVjp<double>;

}  // namespace fcnet
