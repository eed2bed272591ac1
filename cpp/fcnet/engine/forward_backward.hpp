// SPDX-License-Identifier: MIT
// A batch of samples, in chunks, through the stages: forward, loss, backward, update, by one of the two schedules of
// plan.hpp. What becomes of the gradients is the sink's.
#pragma once

#include "fcnet/base/blocking.hpp"
#include "fcnet/engine/gradient_sink.hpp"
#include "fcnet/engine/layer_pass.hpp"

namespace fcnet {

template <class T>
class ForwardBackward {
 public:
  // Borrows `stages`, `parameters` and `data`; allocates for chunks of up to `samples`. Sigma goes back to the first
  // layer trained, or to the inputs.
  [[nodiscard]] Status prepare(const Stages& stages, const PassOptions& options, const Parameters<T>& parameters,
                               const Data<T>& data, Size samples) {
    set_end(stages, options);
    return layer_pass_.prepare(stages, options, parameters, data, samples);
  }
  // Other gradients from here on, of the same forward pass; into `inputs` dL/dx, (samples, inputs), unless it is null.
  void want(const Trained& trained, T* inputs) {
    layer_pass_.want(trained, inputs != nullptr);
    set_end(stages(), layer_pass_.options());
    inputs_ = inputs;
  }

  void use(const Data<T>& data) { layer_pass_.use(data); }  // of no more samples at once
  // Whether there is room for its rows.
  bool takes(const Data<T>& data) {
    const Size room = layer_pass_.workspace().sparse().longest(), longest = sparsity(stages(), data).longest;
    return room == 0 || (0 < longest && longest <= room);
  }

  // The order in which samples are taken (null: as they come), and what may stop a pass on its way (null: nothing).
  void begin(const std::int64_t* order, Cancellation* cancellation) {
    layer_pass_.begin(order);
    cancellation_ = cancellation;
  }
  // From here on schedules change what a step does, and dropout drops, see layer_pass.hpp.
  void schedule(const StepValues& values, Size batch) { layer_pass_.schedule(values, batch * lanes()); }
  void drop(std::uint64_t seed, std::uint32_t epoch, Size before) { layer_pass_.drop(seed, epoch, before * lanes()); }

  // Takes a batch, of rows, through in chunks of up to `most` samples. Every thread returns the batch's loss, added up
  // in the order of the panels. A pass that was stopped synchronises without working; its results are incomplete.
  LossSum run(const Team& team, Chunk rows_of_batch, Size most, GradientSink<T>& sink) {
    const Chunk batch{rows_of_batch.first * lanes(), rows_of_batch.samples * lanes()};
    LossSum loss;
    for (Size done = 0; done < batch.samples; done += most) {
      const Chunk chunk{batch.first + done, std::min(most, batch.samples - done)};
      if (done > 0) team.sync();  // the others may still need the chunk before
      const auto result = [&] {
        for (Size i = 0; i < chunk.samples; i += loss_group) loss.add(*layer_pass_.workspace().losses(i));
        return ChunkResult{chunk, done == 0, done + chunk.samples == batch.samples, loss};
      };
      const Part<T> all = whole(chunk, team);
      if (by_panels(chunk, team)) {
        each_part(chunk, team, [&](const Part<T>& part) {
          forward(layer_pass_, stages(), part, 0, outputs() + 1);
          loss_of(part);
          backward(part);
        });
        team.sync();
        update(all, result(), sink);
      } else {
        const bool with_product = goes_with_loss(all);
        forward(layer_pass_, stages(), all, 0, outputs() + !with_product);
        loss_of(all, with_product);
        backward_and_update(all, result(), sink);
      }
    }
    return loss;
  }

  // The two halves of it, for a batch that is one chunk: forward up to the outputs, (samples, outputs), which is kept;
  // then, any number of times, back from what `use` gives as the cotangent.
  void run_forward(const Team& team, Size samples, T* rows) {
    walk_to_outputs(team, samples, layer_pass_, rows,
                    [&](Size at, Size n) { return layer_pass_.workspace().h(outputs(), at, n).p; });
  }
  void run_back(const Team& team, Size samples, GradientSink<T>& sink) {
    const Chunk chunk{0, samples};
    const Part<T> all = whole(chunk, team);
    const ChunkResult result{chunk, true, true, {}};
    if (by_panels(chunk, team)) {
      each_part(chunk, team, [&](const Part<T>& part) {
        loss_of(part);
        backward(part);
      });
      team.sync();
      update(all, result, sink);
    } else {
      loss_of(all);
      backward_and_update(all, result, sink);
    }
  }
  // And tangents of the inputs along with it, into (samples, outputs).
  template <class Pass>
  void run_along(const Team& team, Size samples, Pass& tangents, T* rows) {
    walk_to_outputs(team, samples, tangents, rows,
                    [&](Size at, Size n) { return layer_pass_.workspace().sigma(outputs(), at, n).p; });
  }
  LayerPass<T>& layer_pass() { return layer_pass_; }

 private:
  const Stages& stages() const { return layer_pass_.stages(); }
  Size lanes() const { return stages().shape().lanes(); }
  void set_end(const Stages& stages, const PassOptions& options) {
    lowest_ = options.trained.first();
    const bool scales = lowest_ < stages.shape().layers() && stages.group(lowest_).scales();
    to_first_ = options.to_first(stages);
    end_ = to_first_ ? 0 : scales ? lowest_ : lowest_ + 1;
  }
  // Whether a group is where sigma ends: before the first layer trained, as far as its scale needs it.
  bool ends_at(Size i) const { return i == lowest_ && !to_first_; }

  // A pass over all stages, whose result for some samples of a panel `panel_of` names.
  template <class Pass, class F>
  void walk_to_outputs(const Team& team, Size samples, Pass& pass, T* to, F panel_of) {
    const Chunk chunk{0, samples};
    const Size columns = rows(outputs());
    const auto on_part = [&](const Part<T>& part) {
      forward(pass, stages(), part, 0, outputs() + 1);
      part.each_panel([&](Size at, Size n) { kernels<T>().scatter(panel_of(at, n), columns, n, to + at * columns); });
    };
    by_panels(chunk, team) ? each_part(chunk, team, on_part) : on_part(whole(chunk, team));
  }
  bool by_panels(Chunk chunk, const Team& team) {
    return choose_schedule<T>(stages(), chunk.samples, team.size, layer_pass_.is_sparse(0)) == Schedule::by_panels;
  }
  Part<T> whole(Chunk chunk, const Team& team) { return {team, cancellation_, chunk, 0, chunk.samples, true}; }
  // f(part) for this thread's share of a chunk's samples, some panels at a time.
  template <class F>
  void each_part(Chunk chunk, const Team& team, F f) {
    for_share(team, team.id, chunk.samples, sample_granularity<T>(stages()), [&](Size begin, Size end) {
      each_subchunk(begin, end, blocking.panels_at_once,
                    [&](Size at, Size n) { f(Part<T>{team, cancellation_, chunk, at, n, false}); });
    });
  }
  Size outputs() const { return stages().shape().layers(); }  // the last group
  Size rows(Size group) const { return stages().group(group).rows; }
  bool trained(Size layer) const { return layer_pass_.options().trained(layer); }

  // Whether the last layer's product goes by samples, with the loss.
  bool goes_with_loss(const Part<T>& all) const {
    return go_with_the_loss(rows(outputs()), ceil_div(all.n, panel_width), all.team.size) &&
           !stages().group(outputs()).has(Grain::batch);
  }

  // sigma of the outputs, and sigma^T
  void loss_of(const Part<T>& part, bool with_product = false) {
    const Size i = outputs(), m = rows(i);
    if (stages().shape().loss == Loss::custom) {
      if (part.team.id == 0 && part.going_on() && !layer_pass_.custom_loss(part.chunk)) cancellation_->stop();
      part.sync();
    }
    part.each_panel([&](Size at, Size n) {
      if (with_product) layer_pass_.run(stages().group(i).before_loss(), i, part.chunk, at, n, 0, m);
      layer_pass_.loss_of(part.chunk, at, n);
      layer_pass_.transpose(i, at, n, 0, m);
    });
    part.sync();
  }

  // sigma and sigma^T of the groups before, down to what the first layer trained needs
  void backward(const Part<T>& part) {
    for (Size i = outputs(); i-- > end_;) {
      const Group& group = stages().group(i);
      part.each_block(0, group.rows, rows(i + 1),
                      [&](Size first, Size last) { layer_pass_.backward_data(i, part.at, part.n, first, last); });
      if (ends_at(i)) break;
      end_group(part, i);
    }
  }

  // The stages of a group that need all rows of a sample, back; then sigma^T, or what becomes of sigma(0).
  void end_group(const Part<T>& part, Size i) {
    const Group& group = stages().group(i);
    part.each_panel([&](Size at, Size n) {
      layer_pass_.run_back(group.back_by_samples(), i, at, n, 0, group.rows);
      if (i > 0)
        layer_pass_.transpose(i, at, n, 0, group.rows);
      else if (inputs_ != nullptr)
        layer_pass_.inputs_of(at, n, inputs_ + part.chunk.first * stages().shape().inputs());
    });
  }

  void update(const Part<T>& all, const ChunkResult& result, GradientSink<T>& sink) {
    for (Size l = lowest_; l < outputs(); ++l) {
      // The odd block goes to the last thread of one layer and to the first of the next.
      const int id = l % 2 == 0 ? all.team.id : all.team.size - 1 - all.team.id;
      const Size panels = ceil_div(rows(l + 1), panel_width);
      for_share(all.team, id, rows(l) + 1, isa().tile_rows, [&](Size begin, Size end) {
        all.each_block(begin, end, rows(l + 1),
                       [&](Size first, Size last) { give(result, l, {first, last, 0, panels}, sink); });
      });
    }
    update_scales(all, result, sink);
    update_members(all, result, sink);
    update_columns(all, result, sink);
  }

  // Whose sums are complete when sigma has come back through all products.
  void update_scales(const Part<T>& all, const ChunkResult& result, GradientSink<T>& sink) {
    if (stages().members()) return;
    const auto each = [&](auto f) {
      for (Size l = lowest_; l < outputs(); ++l)
        if (stages().group(l).scales() && trained(l)) f(l);
    };
    bool some = false;
    each([&](Size l) {
      some = true;
      all.each_row_block(rows(l), 2, 1, [&](Size first, Size last) { layer_pass_.sum_scale(l, all.n, first, last); });
    });
    if (some) all.sync();
    each([&](Size l) {
      if (l % static_cast<Size>(all.team.size) == static_cast<Size>(all.team.id) && all.going_on())
        sink.sums(result, *stages().blocks(l).find(Role::scale), layer_pass_.scale_sums(l));
    });
  }

  // The arrays of members, likewise.
  void update_members(const Part<T>& all, const ChunkResult& result, GradientSink<T>& sink) {
    if (!stages().members()) return;
    const auto each = [&](auto f) {
      for (Size l = lowest_; l < outputs(); ++l)
        for (const ParameterBlock& block : stages().blocks(l))
          if (block.apart() && trained(l)) f(block);
    };
    each([&](const ParameterBlock& block) {
      const bool heads = block.role == Role::member_weights;
      const Size of = heads ? rows(block.layer) : block.rows, terms = heads ? rows(outputs()) : 1;
      all.each_row_block(of, terms, 1,
                         [&](Size first, Size last) { layer_pass_.sum_members(block, all.n, first, last); });
    });
    all.sync();
    each([&](const ParameterBlock& block) {
      all.each_row_block(block.lines(), panel_width, 1, [&](Size first, Size last) {
        const ParameterBlock lines = block.lines(first, last);
        if (all.going_on()) sink.sums(result, lines, layer_pass_.member_sums(lines));
      });
    });
  }

  // The arrays of the columns, when sigma has come back to what goes into the first layer.
  void update_columns(const Part<T>& all, const ChunkResult& result, GradientSink<T>& sink) {
    if (!layer_pass_.options().trains_columns(stages())) return;
    constexpr Size terms = 64;  // a sine, a cosine and some sums take as long
    all.each_row_block(stages().shape().columns.sums(), terms, 1,
                       [&](Size first, Size last) { layer_pass_.sum_columns(all.n, first, last); });
    all.sync();
    for (const ParameterBlock& block : stages().blocks(stages().columns()))
      all.each_row_block(block.lines(), panel_width, 1, [&](Size first, Size last) {
        if (!all.going_on()) return;
        const ParameterBlock lines = block.lines(first, last);
        sink.sums(result, lines, layer_pass_.columns_sums(lines));
      });
  }

  // Both layer by layer, in blocks of rows whose weights are still in the cache when the sink changes them.
  void backward_and_update(const Part<T>& all, const ChunkResult& result, GradientSink<T>& sink) {
    for (Size i = outputs(); i-- > end_;) {  // layer i is updated, which sigma comes back through to group i
      const Group& group = stages().group(i);
      const Size size = static_cast<Size>(all.team.size);
      // Sigma is transposed by whole panels: by who has their rows, or when all rows are there.
      const bool late =
          i == 0 || ends_at(i) || !group.back_by_samples().empty() || ceil_div(group.rows, panel_width) < size;
      const Size granularity = late ? row_granularity(group.rows, all.team.size) : panel_width;
      for_share(all.team, all.team.id, group.rows, granularity, [&](Size begin, Size end) {
        backward_blocks(all, result, i, {begin, end, 0, ceil_div(rows(i + 1), panel_width)}, true, sink);
        if (late) return;
        for (Size at = 0; at < all.n && all.going_on(); at += panel_width)
          layer_pass_.transpose(i, at, std::min(panel_width, all.n - at), begin, end);
      });
      all.sync();
      if (!late || ends_at(i)) continue;
      end_group(all, i);
      all.sync();
    }
    if (lowest_ < end_ && lowest_ < outputs()) update_first(all, result, sink);
    update_scales(all, result, sink);
    update_members(all, result, sink);
    update_columns(all, result, sink);
  }

  // The first layer trained, from which sigma goes no further: panels of its weights, or blocks of them, stay with one
  // thread; rows where that is uneven.
  void update_first(const Part<T>& all, const ChunkResult& result, GradientSink<T>& sink) {
    const Team& team = all.team;
    const Size inputs = rows(lowest_), panels = ceil_div(rows(lowest_ + 1), panel_width);
    const Size tile = isa().tile_rows, tiles = ceil_div(inputs, tile),
               blocks = blocks_per_panel(panels, tiles, team.size);
    const auto block_of = [&](Block block) { backward_blocks(all, result, lowest_, block, false, sink); };
    if (blocks == 1)
      for_share(team, team.id, panels, 1, [&](Size p, Size end) { block_of({0, inputs, p, end}); });
    else if (blocks > 1)
      for_share(team, team.id, panels * blocks, 1, [&](Size b, Size end) {
        for (; b < end; ++b) {
          const Size block = b % blocks, panel = b / blocks, last = split_begin(tiles, blocks, block + 1) * tile;
          block_of({split_begin(tiles, blocks, block) * tile, std::min(last, inputs), panel, panel + 1});
        }
      });
    else
      for_share(team, team.id, inputs, tile, [&](Size begin, Size end) { block_of({begin, end, 0, panels}); });
  }

  // A block of the weights of a layer, in smaller ones: sigma back through each, where it goes on, then to the sink.
  void backward_blocks(const Part<T>& all, const ChunkResult& result, Size layer, Block block, bool goes_on,
                       GradientSink<T>& sink) {
    const Size samples = ceil_div(all.n, panel_width) * panel_width, inputs = rows(layer), tile = isa().tile_rows;
    const Size outputs = (block.last_panel - block.first_panel) * panel_width;
    Size rows_at_once = std::min(blocking.backward_weight_bytes / (outputs * sizeof(T)),
                                 blocking.backward_sample_bytes / (samples * sizeof(T)));
    if (cancellation_ != nullptr) {  // a block takes some milliseconds, 50 at most
      const double row_flops = 4.0 * static_cast<double>(samples) * static_cast<double>(outputs);
      rows_at_once = std::min(rows_at_once, static_cast<Size>(flops_per_second<T>() * 0.05 / row_flops));
    }
    rows_at_once = std::max(rows_at_once / tile, Size{1}) * tile;
    for (Size row = block.first_row; row < block.last_row && all.going_on(); row += rows_at_once) {
      const Size last = std::min(row + rows_at_once, block.last_row);
      if (goes_on) layer_pass_.backward_data(layer, 0, all.n, row, last);
      // with the last row the bias too
      give(result, layer, {row, last == inputs ? inputs + 1 : last, block.first_panel, block.last_panel}, sink);
    }
  }

  // The gradient of a block of the weights of a layer; with its last rows, once, those of its other parameters.
  void give(const ChunkResult& result, Size layer, Block block, GradientSink<T>& sink) {
    if (!trained(layer)) return;
    const Size samples = result.chunk.samples;
    if (block.last_row > rows(layer) && block.first_panel == 0)
      layer_pass_.each_sum(layer, samples,
                           [&](const ParameterBlock& of, const T* values) { sink.sums(result, of, values); });
    block.last_row = std::min(block.last_row, stages().blocks(layer).product_rows());
    if (block.first_row >= block.last_row) return;
    Workspace<T>& w = layer_pass_.workspace();
    const Panels<const T> sigma_t = read_only(w.sigma_t(layer + 1));
    sink.product(result,
                 {.layer = layer,
                  .block = block,
                  .h = read_only(w.input(layer, 0, samples)),
                  .nonzeros = w.sparse().panels(0, samples),
                  .is_sparse = layer_pass_.is_sparse(layer),
                  .sigma_t = {sigma_t.p + block.first_panel * sigma_t.stride, sigma_t.stride, sigma_t.samples}});
  }

  LayerPass<T> layer_pass_;
  Size lowest_ = 0;  // the first layer that is trained
  Size end_ = 1;     // the last group that sigma comes back to: behind that layer, or where it has a scale before it
  bool to_first_ = false;  // whether it comes back to group 0, and through its stages
  T* inputs_ = nullptr;    // where dL/dx goes
  Cancellation* cancellation_ = nullptr;
};

}  // namespace fcnet
