// SPDX-License-Identifier: MIT
#include "fcnet/engine/predictor.hpp"

#include <algorithm>

#include "fcnet/base/blocking.hpp"
#include "fcnet/engine/forward.hpp"
#include "fcnet/engine/plan.hpp"
#include "fcnet/engine/row_workspace.hpp"
#include "fcnet/engine/sparse_workspace.hpp"

namespace fcnet {
namespace {

// What the last group of stages ends with: h_in, what the loss takes, or the F of the outputs.
enum class Ends { logits, loss, outputs };

// What the stages of a prediction do with some samples, in two sets of panels that the groups alternate between.
template <class T>
class PredictionPass {
 public:
  PredictionPass(const Parameters<T>& parameters, Ends ends, std::optional<std::uint64_t> dropout_seed)
      : parameters_(parameters), ends_(ends), dropout_seed_(dropout_seed) {}

  // Where panels lie, the next one `stride` on; `sparse`: rows that go from number to number, or none.
  void use(T* even, T* odd, Size stride, const RowSource<T>& x, const SparsePanels<T>* sparse) {
    sets_[0] = even, sets_[1] = odd, stride_ = stride;
    x_ = x;
    sparse_ = sparse;
  }
  Panels<T> h(Size i, Size at, Size n) const { return {sets_[i % 2] + at / panel_width * stride_, stride_, n}; }

  Size granularity(Size i, const Team& team) const {
    return i == 1 && sparse_ != nullptr ? panel_width : row_granularity(stages().group(i).rows, team.size);
  }
  void run(std::span<const Stage> stages, Size i, Chunk chunk, Size at, Size n, Size first, Size last) const {
    for (const Stage& stage : stages) run(stage, i, chunk, at, n, first, last);
  }

  // The scale that a group ends with.
  ParameterRow<T> scale_row(Size i) const { return parameters_.row(*stages().blocks(i).find(Role::scale)); }
  void scale(Size i, Size at, Size n) const {
    const Panels<T> all = h(i, at, n);
    if (stages().members())
      return kernels<T>().scale_by_member(parameters_.of_members(i, Role::member_r), parameters_.shape().members,
                                          {all.p, all.stride, n}, all, 0, stages().group(i).rows);
    kernels<T>().scale(scale_row(i), {all.p, all.stride, n}, all, 0, stages().group(i).rows);
  }

  // F of the product that a group begins with, where nothing comes between the two.
  Activation epilogue(Size i) const {
    for (const Stage& stage : wanted(i))
      if (stage.follows_product) return stage.activation;
    return Activation::identity;
  }
  // A group's stages, of the last one as far as it is to go.
  std::span<const Stage> wanted(Size i) const {
    const Group& group = stages().group(i);
    if (!group.has_loss() || ends_ == Ends::outputs) return group.all();
    return ends_ == Ends::loss ? group.before_loss() : group.all().first(1);
  }

 private:
  const Stages& stages() const { return parameters_.stages(); }
  // x, before it is embedded: where the next group will be.
  T* columns(Size at, Size n) const { return h(1, at, n).p; }

  void run(const Stage& stage, Size i, Chunk chunk, Size at, Size n, Size first, Size last) const {
    const LayerKind kind = parameters_.shape().kind(stage.layer);
    const T epsilon = static_cast<T>(kind.epsilon);
    const Panels<T> to = h(i, at, n);
    switch (stage.kind) {
      case StageKind::gather:
        if (sparse_ != nullptr)
          return kernels<T>().gather_nonzeros(x_, chunk.first + at, n, sparse_->from(at / panel_width));
        return gather_samples(x_, chunk.first + at, n, parameters_.shape().lanes(),
                              stages().embeds() ? columns(at, n) : to.p);
      case StageKind::embed:
        return kernels<T>().embed(parameters_.columns(), columns(at, n), to.p, n);
      case StageKind::product: {
        const LayerView<T> layer = parameters_.layer(stage.layer, epilogue(i));
        if (i == 1 && sparse_ != nullptr) return kernels<T>().forward_nonzeros(layer, *sparse_, to, first, last);
        const Panels<T> from = h(i - 1, at, n);
        return kernels<T>().forward(layer, {from.p, from.stride, from.samples}, to, first, last);
      }
      case StageKind::heads: {
        const Panels<T> from = h(i - 1, at, n);
        return kernels<T>().heads(parameters_.heads(stage.layer), {from.p, from.stride, from.samples}, to, first, last);
      }
      case StageKind::adapt:
        return kernels<T>().adapt(parameters_.of_members(stage.layer, Role::member_s),
                                  parameters_.of_members(stage.layer, Role::member_bias), parameters_.shape().members,
                                  to, {nullptr, 0, n}, first, last);
      case StageKind::batch_norm:
        return kernels<T>().batch_norm(parameters_.normalization(stage.layer), epsilon, true, to, to, nullptr, nullptr,
                                       first, last);
      case StageKind::layer_norm: {
        T inverse[panel_width];
        return kernels<T>().layer_norm(parameters_.normalization(stage.layer), epsilon, to.p, to.p, inverse, n);
      }
      case StageKind::activation:
        if (stage.follows_product) return;
        for (Size p = 0; p * panel_width < n; ++p) {
          T* const rows = to.p + p * to.stride + first * panel_width;
          kernels<T>().activate(stage.activation, rows, (last - first) * panel_width, rows);
        }
        return;
      case StageKind::parametric:
        return kernels<T>().mix(stage.activation, parameters_.row(*stages().blocks(stage.layer).find(Role::mix)), to,
                                {nullptr, 0, n}, {nullptr, 0, n}, first, last);
      case StageKind::softmax:
        if (ends_ != Ends::logits || !stages().group(i).has_loss())
          kernels<T>().softmax(to.p, stages().group(i).rows, n);
        return;
      case StageKind::dropout:
        if (dropout_seed_)
          kernels<T>().drop(dropout_of<T>(kind.dropout, *dropout_seed_, 0, stage.layer, chunk.first + at), to,
                            {nullptr, 0, n}, {nullptr, 0, n}, first, last);
        return;
      case StageKind::scale:  // later, when nobody wants the outputs as they are any more
      case StageKind::loss:
        return;
    }
  }

  const Parameters<T>& parameters_;
  Ends ends_;
  std::optional<std::uint64_t> dropout_seed_;
  T* sets_[2] = {};
  Size stride_ = 0;
  RowSource<T> x_;
  const SparsePanels<T>* sparse_ = nullptr;
};

// The quantiles of each sample in ascending order, NaN last: those that a network has learnt may cross.
template <class T>
void sort_quantiles(const Shape& shape, T* out, Size samples) {
  const Size count = shape.quantiles.size();
  const auto before = [](T a, T b) { return a < b || (b != b && a == a); };
  for (T* group = out; count > 1 && group < out + samples * shape.outputs(); group += count)
    for (Size i = 1; i < count; ++i)
      for (Size j = i; j > 0 && before(group[j], group[j - 1]); --j) std::swap(group[j], group[j - 1]);
}

// Takes all rows through the stages; sink(first sample, samples, panel of outputs, scratch panel) on each panel. Every
// thread takes its samples, some at a time, through all stages; where there are more threads than samples worth one,
// they share each layer's rows and synchronise after it.
template <class T, class Sink>
Status for_outputs(const Parameters<T>& parameters, const Data<T>& data, Ends ends, const Wanted<T>& wanted,
                   Cancellation& cancellation, Sink sink) {
  const Stages& stages = parameters.stages();
  const Shape& shape = stages.shape();
  const Size all_samples = data.samples * shape.lanes();
  const Size granularity = sample_granularity<T>(stages), shares = ceil_div(all_samples, granularity);
  const Sparsity sparsity = fcnet::sparsity(stages, data);
  const double flops = sample_flops(stages, sparsity) * static_cast<double>(all_samples);
  const Size teams = static_cast<Size>(useful_threads(flops, static_cast<Size>(num_threads())));
  const bool by_layers = teams > std::max(shares, Size{1});
  const bool by_nonzeros = sparsity.longest != 0;  // then no panel holds inputs
  const Size of_layers = *std::max_element(shape.sizes.begin() + by_nonzeros, shape.sizes.end());
  const Size widest = stages.embeds() ? std::max(of_layers, shape.inputs()) : of_layers;
  const Size stride = panel_stride(widest + 1, sizeof(T)), sets = by_layers ? 1 : teams;
  const Size of_one =
      std::clamp<Size>(ceil_div(ceil_div(shares, teams) * granularity, panel_width), 1, blocking.panels_at_once);
  const Size room = by_layers ? ceil_div(all_samples, panel_width) : of_one;
  Buffer<T> buffer;
  if (const Status s = buffer.allocate_unset(CheckedSize(stride) * room * 2 * sets); s != Status::ok) return s;
  SparseWorkspace<T> nonzeros;
  if (const Status s = nonzeros.allocate(shape.inputs(), sparsity.longest, room * sets); s != Status::ok) return s;
  // Some four pieces for a thread, if each fills its panels; more, of some 10 ms, of long work.
  const Size of_thread = ceil_div(all_samples, teams * room * panel_width);
  const Size tens_of_ms = static_cast<Size>(std::min(nanoseconds(flops) / 1e7 / static_cast<double>(teams), 1e3));
  const Size pieces_of_thread = std::clamp<Size>(of_thread, 1, std::max<Size>(tens_of_ms, 4));
  Claims claims(std::min({shares, teams * pieces_of_thread, Claims::most}));
  const auto through_layers = [&](const Team& team, PredictionPass<T>& pass, Size begin, Size end) {
    const Size id = by_layers ? 0 : static_cast<Size>(team.id);
    T* const here = buffer.data() + id * room * 2 * stride;
    for (Size row = begin; row < end && (by_layers || go_on(team, cancellation)); row += room * panel_width) {
      const Size samples = std::min(room * panel_width, end - row);
      const SparsePanels<T> sparse = nonzeros.panels(id * room * panel_width, samples);
      pass.use(here, here + room * stride, stride, data.x, by_nonzeros ? &sparse : nullptr);
      const Part<T> part{team, &cancellation, {row, samples}, 0, samples, by_layers};
      for (Size i = 0; i <= shape.layers(); ++i) {
        forward(pass, stages, part, i, i + 1);
        const std::span<const Stage> after_loss = stages.group(i).after_loss();
        const bool finish = ends == Ends::outputs && !after_loss.empty(), scatter = wanted.layers != nullptr && i > 0;
        const bool scales = stages.group(i).scales();
        if (!finish && !scatter && !scales) continue;
        part.each_panel([&](Size at, Size n) {
          const Size rows = stages.group(i).rows;
          if (finish) pass.run(after_loss, i, part.chunk, at, n, 0, rows);
          if (scatter) kernels<T>().scatter(pass.h(i, at, n).p, rows, n, wanted.layers[i - 1] + (row + at) * rows);
          if (scales) pass.scale(i, at, n);
        });
        if (scales) part.sync();
      }
      const Size last = shape.layers();
      part.each_panel([&](Size at, Size n) { sink(row + at, n, pass.h(last, at, n).p, pass.h(last + 1, at, n).p); });
    }
  };
  const auto body = [&](const Team& team) {
    const FlushDenormals flush;
    PredictionPass<T> pass(parameters, ends, wanted.dropout_seed);
    if (by_layers) return through_layers(team, pass, 0, all_samples);
    claims.each(team, [&](Size piece) {
      const Size pieces = claims.pieces();
      through_layers(team, pass, split_begin(shares, pieces, piece) * granularity,
                     std::min(split_begin(shares, pieces, piece + 1) * granularity, all_samples));
    });
    if (team.id == 0 && nanoseconds(flops) > 1e9) claims.wait([&] { return go_on(team, cancellation); });
  };
  if (by_layers)
    run_team(static_cast<int>(teams), body, patience(flops));
  else
    run_helpers(static_cast<int>(teams), body, nanoseconds(flops));
  return cancellation.stopped() ? Status::interrupted : Status::ok;
}

// The stages of a group behind its product, on a few rows: by way of a panel.
template <class T>
void run_on_rows(const PredictionPass<T>& pass, Size i, Rows<T> rows, Size n, Size columns) {
  const Panels<T> panel = pass.h(i, 0, n);
  const auto each = [&](auto f) {
    for (Size r = 0; r < n; ++r)
      for (Size j = 0; j < columns; ++j) f(rows.p[r * rows.stride + j], panel.p[j * panel_width + r]);
  };
  each([](const T& row, T& lane) { lane = row; });
  pass.run(pass.wanted(i).subspan(1), i, {0, n}, 0, n, 0, columns);
  each([](T& row, const T& lane) { row = lane; });
}

// What goes into the first layer, of a few rows whose columns are embedded: by way of a panel.
template <class T>
void embed_rows(const PredictionPass<T>& pass, Rows<T> rows, Size n, Size columns) {
  pass.run(pass.wanted(0), 0, {0, n}, 0, n, 0, columns);
  const T* const panel = pass.h(0, 0, n).p;
  for (Size r = 0; r < n; ++r)
    for (Size j = 0; j < columns; ++j) rows.p[r * rows.stride + j] = panel[j * panel_width + r];
}

// A few rows: all threads share each layer's panels of weights.
template <class T>
Status predict_few(const Parameters<T>& parameters, const Data<T>& data, Ends ends, T* out,
                   Cancellation& cancellation) {
  const Stages& stages = parameters.stages();
  const Shape& shape = stages.shape();
  const Size n = data.samples, last = shape.layers(), outputs = shape.outputs();
  const FlushDenormals flush;
  const Size widest = *std::max_element(shape.sizes.begin(), shape.sizes.end());
  const Size stride = row_stride(stages.embeds() ? std::max(widest, shape.inputs()) : widest);
  Buffer<T> buffer;
  const Size rows_of_panels = stages.embeds() ? 2 * panel_width : stages.sums() ? panel_width : 0;
  if (const Status s = buffer.allocate(CheckedSize(stride) * (n * 2 + rows_of_panels)); s != Status::ok) return s;
  const Rows<T> rows[2] = {{buffer.data(), stride}, {buffer.data() + n * stride, stride}};
  PredictionPass<T> pass(parameters, ends, {});
  T* const panel = buffer.data() + n * 2 * stride;
  pass.use(panel, stages.embeds() ? panel + panel_width * stride : panel, 0, data.x, nullptr);
  if (stages.embeds())
    embed_rows(pass, rows[0], n, shape.sizes[0]);
  else
    kernels<T>().gather_rows(data.x, 0, n, rows[0]);
  const auto scale = [&](Size i) {
    const ParameterRow<T> by = pass.scale_row(i);
    for (Size r = 0; r < n; ++r)
      for (Size j = 0; j < shape.sizes[i]; ++j) rows[i % 2].p[r * stride + j] *= by[j];
  };
  if (stages.group(0).scales()) scale(0);
  const auto body = [&](const Team& team) {
    const FlushDenormals flush;
    for (Size l = 0; l < last; ++l) {
      const LayerView<T> layer = parameters.layer(l, pass.epilogue(l + 1));
      const Rows<T> to = rows[(l + 1) % 2];
      const Size panels = ceil_div(layer.out, panel_width), id = static_cast<Size>(team.id);
      const Size size = panels == 1 ? 1 : static_cast<Size>(team.size);  // one panel is for the calling thread
      const Size end = id < size ? split_begin(panels, size, id + 1) : 0;
      const Size at_once = n == 1 && layer.in < Size{1} << 17 ? 4 : 1;  // but some milliseconds of work at most
      for (Size q = id < size ? split_begin(panels, size, id) : 0; q < end && go_on(team, cancellation); q += at_once)
        kernels<T>().forward_rows(layer, {rows[l % 2].p, stride}, n, to, q, std::min(q + at_once, end));
      bool by_panel = false, softmax = false;
      for (const Stage& stage : pass.wanted(l + 1)) {
        by_panel = by_panel || stage.kind == StageKind::batch_norm || stage.kind == StageKind::layer_norm ||
                   stage.kind == StageKind::parametric;
        softmax = softmax || stage.kind == StageKind::softmax;
      }
      const bool scales = stages.group(l + 1).scales();
      if ((by_panel || softmax || scales) && size > 1) team.sync();
      if (softmax && id == 0) kernels<T>().softmax_rows(to, n, layer.out);
      if (by_panel && id == 0) run_on_rows(pass, l + 1, to, n, layer.out);
      if (scales && id == 0) scale(l + 1);
      if (l + 1 < last) team.sync();
    }
  };
  run_team(threads_for_few(stages, n, num_threads()), body, patience(stages.flops() * static_cast<double>(n)));
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
  const Ends ends = wanted.logits ? Ends::logits : Ends::outputs;
  const Size members = shape.members, lanes = shape.lanes();
  if (few(data.samples) && members == 0 && sparsity(parameters.stages(), data).longest == 0 &&
      wanted.layers == nullptr && !wanted.dropout_seed) {
    const Status status = predict_few(parameters, data, ends, out, cancellation);
    if (status == Status::ok && !wanted.logits) sort_quantiles(shape, out, data.samples);
    return status;
  }
  return for_outputs(parameters, data, ends, wanted, cancellation, [&](Size first, Size samples, T* panel, T*) {
    if (out == nullptr) return;
    T* const to = out + first / lanes * shape.outputs();
    if (members != 0)
      kernels<T>().mean_of_members(panel, shape.outputs(), samples, members, to);
    else
      kernels<T>().scatter(panel, shape.outputs(), samples, to);
    if (!wanted.logits) sort_quantiles(shape, to, samples / lanes);
  });
}

template <class T>
LossResult evaluate(const Parameters<T>& parameters, const Data<T>& data, Cancellation& cancellation) {
  const Shape& shape = parameters.shape();
  LossResult result;
  Buffer<LossSum> losses;
  if (result.status = losses.allocate(ceil_div(data.samples * shape.lanes(), loss_group)); result.status != Status::ok)
    return result;
  result.status =
      for_outputs(parameters, data, Ends::loss, {}, cancellation, [&](Size first, Size rows, T* panel, T* scratch) {
        // sigma overwrites the outputs, the targets lie in the panel that the last layer no longer needs
        losses_of<T>(shape, shape.parameter, data, data.x.order, first, rows, panel, panel, scratch,
                     &losses[first / loss_group]);
      });
  if (result.status != Status::ok) return result;
  LossSum sum;
  for (Size i = 0; i < losses.size(); ++i) sum.add(losses[i]);
  result.correct = sum.correct / static_cast<std::int64_t>(shape.lanes());
  result.samples = data.samples;
  result.loss = mean_loss(shape.loss, shape.outputs(), sum);
  return result;
}

template Status predict(const Parameters<float>&, const Data<float>&, float*, Cancellation&, const Wanted<float>&);
template Status predict(const Parameters<double>&, const Data<double>&, double*, Cancellation&, const Wanted<double>&);
template LossResult evaluate(const Parameters<float>&, const Data<float>&, Cancellation&);
template LossResult evaluate(const Parameters<double>&, const Data<double>&, Cancellation&);

}  // namespace fcnet
