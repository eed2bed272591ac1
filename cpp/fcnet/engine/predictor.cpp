// SPDX-License-Identifier: MIT
#include "fcnet/engine/predictor.hpp"

#include <algorithm>

#include "fcnet/base/blocking.hpp"
#include "fcnet/engine/plan.hpp"
#include "fcnet/engine/row_workspace.hpp"
#include "fcnet/engine/sparse_workspace.hpp"

namespace fcnet {
namespace {

// A layer as its product sees it: with its F, of the last layer with `last`, unless normalisation comes between the
// two.
template <class T>
LayerView<T> product_layer(const Parameters<T>& parameters, Size l, Activation last) {
  const Shape& shape = parameters.shape();
  LayerView<T> layer = parameters.layer(l);
  layer.activation = l + 1 == shape.layers() ? last : shape.kind(l).activation;
  if (shape.normalizes(l)) layer.activation = Activation::identity;
  return layer;
}

// What a normalised layer makes of the product of some samples, in their panel.
template <class T>
void normalize(const Parameters<T>& parameters, Size l, T* panel, Size samples) {
  const NormalizationRows<T> layer = parameters.normalization(l);
  const LayerKind kind = parameters.shape().kind(l);
  const T epsilon = static_cast<T>(kind.epsilon);
  T inverse[panel_width];
  if (kind.normalization == Normalization::layer)
    kernels<T>().layer_norm(layer, epsilon, panel, panel, inverse, samples);
  else
    kernels<T>().batch_norm(layer, epsilon, true, {panel, 0, samples}, {panel, 0, samples}, nullptr, nullptr, 0,
                            layer.neurons);
  kernels<T>().activate(kind.activation, panel, layer.neurons * panel_width, panel);
}

// The same of few rows, by way of a panel.
template <class T>
void normalize_rows(const Parameters<T>& parameters, Size l, Rows<T> rows, Size n, T* panel) {
  const Size out = parameters.shape().sizes[l + 1];
  const auto each = [&](auto f) {
    for (Size i = 0; i < n; ++i)
      for (Size j = 0; j < out; ++j) f(rows.p[i * rows.stride + j], panel[j * panel_width + i]);
  };
  each([](const T& row, T& lane) { lane = row; });
  normalize(parameters, l, panel, n);
  each([](T& row, const T& lane) { row = lane; });
}

// What follows the product of all of a layer's rows, for some samples in their panel.
template <class T>
void finish_panel(const Parameters<T>& parameters, Size l, const LayerView<T>& layer, T* panel, Size samples) {
  if (parameters.shape().normalizes(l)) normalize(parameters, l, panel, samples);
  if (layer.activation == Activation::softmax) kernels<T>().softmax(panel, layer.out, samples);
}

// What dropout leaves of the outputs of a layer, for the samples from `first` on in their panel.
template <class T>
void drop(const Shape& shape, Size l, std::uint64_t seed, T* panel, Size first, Size samples) {
  const Dropout<T> dropout = dropout_of<T>(shape.kind(l), seed, 0, l, first);
  kernels<T>().drop(dropout, {panel, 0, samples}, {nullptr, 0, samples}, 0, shape.sizes[l + 1]);
}

// The quantiles of each sample in ascending order, NaN last: those that a network has learnt may cross.
template <class T>
void sort_quantiles(const Shape& shape, T* out, Size samples) {
  const Size count = shape.quantiles.size();
  const auto before = [](T a, T b) { return a < b || (b != b && a == a); };
  for (T* group = out; count > 1 && group < out + samples * shape.outputs(); group += count)
    for (Size i = 1; i < count; ++i)
      for (Size j = i; j > 0 && before(group[j], group[j - 1]); --j) std::swap(group[j], group[j - 1]);
}

// Two sets of panels, which the layers alternate between.
template <class T>
struct Alternating {
  Panels<T> h, next;

  T* panel(Size i) const { return h.p + i * h.stride; }
};

// A layer's product, for some of its rows; of the nonzeros of `sparse` rows where it is not null.
template <class T>
void forward_rows_of(const LayerView<T>& layer, const Alternating<T>& panels, const SparsePanels<T>* sparse, Size first,
                     Size last, const Team& team, Cancellation& cancellation) {
  const double flops = 2.0 * static_cast<double>(panels.h.samples) * static_cast<double>(layer.in);
  in_blocks<T>(
      first, last, flops, [&] { return go_on(team, cancellation); },
      [&](Size begin, Size end) {
        if (sparse != nullptr)
          kernels<T>().forward_nonzeros(layer, *sparse, panels.next, begin, end);
        else
          kernels<T>().forward(layer, {panels.h.p, panels.h.stride, panels.h.samples}, panels.next, begin, end);
      });
}

// Takes all rows through the layers, the last one with the F `last`; sink(first row, rows, panel of outputs, scratch
// panel) on each panel. Every thread takes its samples, some at a time, through all layers; where
// there are more threads than samples worth one, they share each layer's rows and synchronise after it.
template <class T, class Sink>
Status for_outputs(const Parameters<T>& parameters, const Data<T>& data, Activation last, const Wanted<T>& wanted,
                   Cancellation& cancellation, Sink sink) {
  const Shape& shape = parameters.shape();
  const Size granularity = sample_granularity<T>(), shares = ceil_div(data.samples, granularity);
  const Sparsity sparsity = fcnet::sparsity(data);
  const double flops = sample_flops(shape, sparsity) * static_cast<double>(data.samples);
  const Size teams = static_cast<Size>(useful_threads(flops, static_cast<Size>(num_threads())));
  const bool by_layers = teams > std::max(shares, Size{1});
  const bool by_nonzeros = sparsity.longest != 0;  // then no panel holds inputs
  const Size widest = *std::max_element(shape.sizes.begin() + by_nonzeros, shape.sizes.end());
  const Size stride = panel_stride(widest + 1, sizeof(T)), sets = by_layers ? 1 : teams;
  const Size of_one =
      std::clamp<Size>(ceil_div(ceil_div(shares, teams) * granularity, panel_width), 1, blocking.panels_at_once);
  const Size room = by_layers ? ceil_div(data.samples, panel_width) : of_one;
  Buffer<T> buffer;
  if (const Status s = buffer.allocate_unset(CheckedSize(stride) * room * 2 * sets); s != Status::ok) return s;
  SparseWorkspace<T> nonzeros;
  if (const Status s = nonzeros.allocate(shape.inputs(), sparsity.longest, room * sets); s != Status::ok) return s;
  const auto body = [&](const Team& team) {
    const FlushDenormals flush;
    const Size id = static_cast<Size>(team.id), size = static_cast<Size>(team.size);
    T* const here = buffer.data() + (by_layers ? 0 : id) * room * 2 * stride;
    const Size begin = by_layers ? 0 : split_begin(shares, size, id) * granularity;
    const Size end = by_layers ? data.samples : std::min(split_begin(shares, size, id + 1) * granularity, data.samples);
    for (Size row = begin; row < end && (by_layers || go_on(team, cancellation)); row += room * panel_width) {
      const Size samples = std::min(room * panel_width, end - row);
      Alternating<T> panels{{here, stride, samples}, {here + room * stride, stride, samples}};
      const auto each_panel = [&](auto f) {
        for (Size i = by_layers ? id : 0; i * panel_width < samples && go_on(team, cancellation);
             i += by_layers ? size : 1)
          f(i, used_width(samples, i));
      };
      const auto sync = [&] {
        if (by_layers) team.sync();
      };
      const SparsePanels<T> sparse = nonzeros.panels((by_layers ? 0 : id) * room * panel_width, samples);
      each_panel([&](Size i, Size n) {
        if (by_nonzeros)
          kernels<T>().gather_nonzeros(data.x, row + i * panel_width, n, sparse.from(i));
        else
          kernels<T>().gather(data.x, row + i * panel_width, n, panels.panel(i));
      });
      sync();
      for (Size l = 0; l < shape.layers(); ++l) {
        const LayerView<T> layer = product_layer(parameters, l, last);
        const SparsePanels<T>* const of_nonzeros = l == 0 && by_nonzeros ? &sparse : nullptr;
        const auto forward = [&](Size first, Size end_row) {
          forward_rows_of(layer, panels, of_nonzeros, first, end_row, team, cancellation);
        };
        const Size granularity_of_rows = of_nonzeros != nullptr ? panel_width : row_granularity(layer.out, team.size);
        if (by_layers)
          for_share(team, team.id, layer.out, granularity_of_rows, forward);
        else
          forward(0, layer.out);
        sync();
        std::swap(panels.h, panels.next);
        const bool drops = wanted.dropout_seed && shape.kind(l).dropout > 0;
        if (!shape.normalizes(l) && layer.activation != Activation::softmax && !drops && wanted.layers == nullptr)
          continue;
        each_panel([&](Size i, Size n) {
          T* const panel = panels.panel(i);
          finish_panel(parameters, l, layer, panel, n);
          if (drops) drop(shape, l, *wanted.dropout_seed, panel, row + i * panel_width, n);
          if (wanted.layers != nullptr)
            kernels<T>().scatter(panel, layer.out, n, wanted.layers[l] + (row + i * panel_width) * layer.out);
        });
        sync();
      }
      each_panel([&](Size i, Size n) { sink(row + i * panel_width, n, panels.panel(i), panels.next.p + i * stride); });
    }
  };
  run_team(static_cast<int>(teams), body);
  return cancellation.stopped() ? Status::interrupted : Status::ok;
}

// A few rows: all threads share each layer's panels of weights.
template <class T>
Status predict_few(const Parameters<T>& parameters, const Data<T>& data, Activation output, T* out,
                   Cancellation& cancellation) {
  const Shape& shape = parameters.shape();
  const Size n = data.samples, last = shape.layers(), outputs = shape.outputs();
  const FlushDenormals flush;
  const Size stride = row_stride(*std::max_element(shape.sizes.begin(), shape.sizes.end()));
  Buffer<T> buffer;
  if (const Status s = buffer.allocate(CheckedSize(stride) * (n * 2 + (shape.normalizes() ? panel_width : 0)));
      s != Status::ok)
    return s;
  const Rows<T> rows[2] = {{buffer.data(), stride}, {buffer.data() + n * stride, stride}};
  kernels<T>().gather_rows(data.x, 0, n, rows[0]);
  const auto body = [&](const Team& team) {
    const FlushDenormals flush;
    for (Size l = 0; l < last; ++l) {
      const LayerView<T> layer = product_layer(parameters, l, output);
      const Size panels = ceil_div(layer.out, panel_width), id = static_cast<Size>(team.id);
      const Size size = panels == 1 ? 1 : static_cast<Size>(team.size);  // one panel is for the calling thread
      const Size end = id < size ? split_begin(panels, size, id + 1) : 0;
      const Size at_once = n == 1 && layer.in < Size{1} << 17 ? 4 : 1;  // but some milliseconds of work at most
      for (Size q = id < size ? split_begin(panels, size, id) : 0; q < end && go_on(team, cancellation); q += at_once)
        kernels<T>().forward_rows(layer, {rows[l % 2].p, stride}, n, rows[(l + 1) % 2], q, std::min(q + at_once, end));
      const bool finish = layer.activation == Activation::softmax || shape.normalizes(l);
      if (finish && size > 1) team.sync();
      if (finish && id == 0) {
        if (shape.normalizes(l))
          normalize_rows(parameters, l, rows[(l + 1) % 2], n, buffer.data() + n * 2 * stride);
        else
          kernels<T>().softmax_rows(rows[(l + 1) % 2], n, layer.out);
      }
      if (l + 1 < last) team.sync();
    }
  };
  run_team(threads_for_few(shape, n, num_threads()), body);
  if (cancellation.stopped()) return Status::interrupted;
  const Rows<T> result = rows[last % 2];
  for (Size i = 0; i < n; ++i) std::copy_n(result.p + i * stride, outputs, out + i * outputs);
  return Status::ok;
}

}  // namespace

template <class T>
Status predict(const Parameters<T>& parameters, const Data<T>& data, T* out, Cancellation& cancellation,
               const Wanted<T>& wanted) {
  const Shape& shape = parameters.shape();
  const Activation last = wanted.logits ? Activation::identity : shape.output();
  if (few(data.samples) && sparsity(data).longest == 0 && wanted.layers == nullptr && !wanted.dropout_seed) {
    const Status status = predict_few(parameters, data, last, out, cancellation);
    if (status == Status::ok && !wanted.logits) sort_quantiles(shape, out, data.samples);
    return status;
  }
  return for_outputs(parameters, data, last, wanted, cancellation, [&](Size first, Size rows, T* panel, T*) {
    if (out == nullptr) return;
    T* const to = out + first * shape.outputs();
    kernels<T>().scatter(panel, shape.outputs(), rows, to);
    if (!wanted.logits) sort_quantiles(shape, to, rows);
  });
}

template <class T>
LossResult evaluate(const Parameters<T>& parameters, const Data<T>& data, Cancellation& cancellation) {
  const Shape& shape = parameters.shape();
  LossResult result;
  Buffer<LossSum> losses;
  if (result.status = losses.allocate(ceil_div(data.samples, loss_group)); result.status != Status::ok) return result;
  const Activation last = shape.activation(shape.layers() - 1);
  result.status =
      for_outputs(parameters, data, last, {}, cancellation, [&](Size first, Size rows, T* panel, T* scratch) {
        // sigma overwrites the outputs, the targets lie in the panel that the last layer no longer needs
        losses_of<T>(shape, data, data.x.order, first, rows, panel, panel, scratch, &losses[first / loss_group]);
      });
  if (result.status != Status::ok) return result;
  LossSum sum;
  for (Size i = 0; i < losses.size(); ++i) sum.add(losses[i]);
  result.correct = sum.correct;
  result.samples = data.samples;
  result.loss = mean_loss(shape.loss, shape.outputs(), sum);
  return result;
}

template Status predict(const Parameters<float>&, const Data<float>&, float*, Cancellation&, const Wanted<float>&);
template Status predict(const Parameters<double>&, const Data<double>&, double*, Cancellation&, const Wanted<double>&);
template LossResult evaluate(const Parameters<float>&, const Data<float>&, Cancellation&);
template LossResult evaluate(const Parameters<double>&, const Data<double>&, Cancellation&);

}  // namespace fcnet
