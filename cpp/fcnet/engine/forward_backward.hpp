// SPDX-License-Identifier: MIT
// A batch of samples, in chunks, through forward, loss and backward, by one of the two schedules of plan.hpp. What
// becomes of the weight product is the caller's: use(result, layer, block) runs for this thread's share of every weight
// matrix, as soon as its h and sigma^T are complete and the pass needs its weights no more.
#pragma once

#include "fcnet/base/blocking.hpp"
#include "fcnet/engine/layer_pass.hpp"
#include "fcnet/engine/plan.hpp"
#include "fcnet/runtime/cancellation.hpp"
#include "fcnet/runtime/parallel.hpp"

namespace fcnet {

// A chunk of a batch, whether it is the first or the last one, and the loss of the batch up to its end.
struct ChunkResult {
  Chunk chunk;
  bool first, last;
  LossSum loss;
};

// Adds the sums over the samples of a chunk to those in a row of parameters.
template <class T>
void add_sums(ParameterRow<T> to, const T* sums, Size columns, bool first) {
  for (Size j = 0; j < columns; ++j) to[j] = (first ? T(0) : to[j]) + sums[j];
}

// Whether a block of the weights of a layer with so many inputs has the last row; of all blocks only one counts.
inline bool is_last(Block block, Size inputs) { return block.last_row > inputs && block.first_panel == 0; }

// What comes into a layer: h, or where `is_sparse` the nonzeros of sparse rows.
template <class T>
struct LayerInput {
  Panels<const T> h;
  SparsePanels<T> nonzeros;
  bool is_sparse;
};

// The sums of a block of the weight product: into those of the whole layer, or onto them.
template <class T>
void backward_weights(const LayerView<T>& layer, T* sums, const LayerInput<T>& x, Panels<const T> sigma_t, bool add,
                      Block block) {
  const LayerView<T> view = layer.panels(block.first_panel, block.last_panel);
  T* const to = sums + block.first_panel * layer.stride;
  if (x.is_sparse)
    kernels<T>().update_nonzeros(view, x.nonzeros, sigma_t, nullptr, {.new_w = to, .sums = add ? to : nullptr},
                                 block.first_row, block.last_row);
  else
    kernels<T>().backward_weights(view, x.h, sigma_t, to, add, block.first_row, block.last_row);
}

template <class T>
class ForwardBackward {
 public:
  // Borrows `parameters` and `data`; allocates for chunks of up to `samples`. Sigma goes back to the first layer
  // trained.
  [[nodiscard]] Status prepare(const Shape& shape, const Trained& trained, const Parameters<T>& parameters,
                               const Data<T>& data, Size samples) {
    lowest_ = trained.first();
    return layer_pass_.prepare(shape, trained, parameters, data, samples);
  }

  void use(const Data<T>& data) { layer_pass_.use(data); }  // of no more samples at once
  // Whether there is room for its rows.
  bool takes(const Data<T>& data) {
    const Size room = layer_pass_.workspace().sparse().longest(), longest = sparsity(data).longest;
    return room == 0 || (0 < longest && longest <= room);
  }

  // The order in which samples are taken (null: as they come), and what may stop a pass on its way (null: nothing).
  void begin(const std::int64_t* order, Cancellation* cancellation) {
    layer_pass_.begin(order);
    cancellation_ = cancellation;
  }
  // From here on dropout drops, see layer_pass.hpp.
  void drop(std::uint64_t seed, std::uint32_t epoch, Size before) { layer_pass_.drop(seed, epoch, before); }

  // Takes a batch through in chunks of up to `most` samples. Every thread returns the batch's loss, added up in the
  // order of the panels. A pass that was stopped synchronises without working; its results are incomplete.
  template <class Use>
  LossSum run(const Team& team, Chunk batch, Size most, Use use) {
    LossSum loss;
    for (Size done = 0; done < batch.samples; done += most) {
      const Chunk chunk{batch.first + done, std::min(most, batch.samples - done)};
      if (done > 0) team.sync();  // the others may still need the chunk before
      const auto result = [&] {
        for (Size i = 0; i < chunk.samples; i += loss_group) loss.add(*layer_pass_.workspace().losses(i));
        return ChunkResult{chunk, done == 0, done + chunk.samples == batch.samples, loss};
      };
      if (choose_schedule<T>(shape(), chunk.samples, team.size, layer_pass_.is_sparse(0)) == Schedule::by_panels) {
        forward_backward_by_panels(team, chunk);
        team.sync();
        for_shares_of_weights(team, result(), use);
      } else {
        forward_by_layers(team, chunk);
        backward_by_layers(team, result(), use);
      }
    }
    return loss;
  }

  LayerInput<T> input(Size l, Size samples) {
    Workspace<T>& w = layer_pass_.workspace();
    return {read_only(w.h(l, 0, samples)), w.sparse().panels(0, samples), layer_pass_.is_sparse(l)};
  }
  template <class F>
  void each_sum(Size l, Size samples, F f) {
    layer_pass_.each_sum(l, samples, f);
  }
  Panels<const T> sigma_t(Size l, Size first_panel) {
    const Panels<T> all = layer_pass_.workspace().sigma_t(l);
    return {all.p + first_panel * all.stride, all.stride, all.samples};
  }

 private:
  const Shape& shape() const { return layer_pass_.shape(); }
  bool going_on(const Team& team) const { return cancellation_ == nullptr || go_on(team, *cancellation_); }

  template <class F>
  void in_blocks(const Team& team, Size first, Size last, double flops_per_row, F f) {
    if (cancellation_ == nullptr)
      f(first, last);
    else
      fcnet::in_blocks<T>(first, last, flops_per_row, [&] { return going_on(team); }, f);
  }

  // f(first sample, samples) for panels first, first + step, ... of a chunk
  template <class F>
  void each_panel(const Team& team, Chunk chunk, Size first, Size step, F f) {
    for (Size p = first; p * panel_width < chunk.samples && going_on(team); p += step)
      f(p * panel_width, used_width(chunk.samples, p));
  }

  // f(first sample, samples) for subchunks of samples first..last that begin a panel or lie inside one.
  template <class F>
  static void each_subchunk(Size first, Size last, Size most_panels, F f) {
    for (Size at = first, next; at < last; at = next) {
      next = std::min(at / panel_width * panel_width + (at % panel_width == 0 ? most_panels : 1) * panel_width, last);
      f(at, next - at);
    }
  }

  void forward_backward_by_panels(const Team& team, Chunk chunk) {
    for_share(team, team.id, chunk.samples, sample_granularity<T>(), [&](Size begin, Size end) {
      each_subchunk(begin, end, blocking.panels_at_once, [&](Size at, Size n) {
        const double flops = 2.0 * static_cast<double>(n);
        const auto each = [&](auto f) {
          each_subchunk(at, at + n, 1, [&](Size i, Size samples) {
            if (going_on(team)) f(i, samples);
          });
        };
        each([&](Size i, Size samples) { layer_pass_.gather(chunk, i, samples); });
        for (Size l = 0; l < shape().layers(); ++l) {
          in_blocks(team, 0, shape().sizes[l + 1], flops * static_cast<double>(shape().sizes[l]),
                    [&](Size first, Size last) { layer_pass_.forward(l, chunk, at, n, first, last); });
          if (layer_pass_.needs_all_rows(l))
            each([&](Size i, Size samples) { layer_pass_.finish_rows(l, chunk, i, samples); });
        }
        each([&](Size i, Size samples) { layer_pass_.loss_of(chunk, i, samples); });
        for (Size l = shape().layers(); l > lowest_; --l) {
          each([&](Size i, Size samples) { layer_pass_.transpose(l, i, samples, 0, shape().sizes[l]); });
          if (l == lowest_ + 1) break;
          in_blocks(team, 0, shape().sizes[l - 1], flops * static_cast<double>(shape().sizes[l]),
                    [&](Size first, Size last) { layer_pass_.backward_data(l, at, n, first, last); });
          if (layer_pass_.needs_all_rows(l - 2))
            each([&](Size i, Size samples) { layer_pass_.finish_rows_backward(l - 2, i, samples); });
        }
      });
    });
  }

  template <class Use>
  void for_shares_of_weights(const Team& team, const ChunkResult& result, Use use) {
    for (Size l = lowest_; l < shape().layers(); ++l) {
      // The odd block goes to the last thread of one layer and to the first of the next.
      const int id = l % 2 == 0 ? team.id : team.size - 1 - team.id;
      const Size outputs = shape().sizes[l + 1], panels = ceil_div(outputs, panel_width);
      const double flops = 2.0 * static_cast<double>(result.chunk.samples) * static_cast<double>(outputs);
      for_share(team, id, shape().sizes[l] + 1, isa().tile_rows, [&](Size begin, Size end) {
        in_blocks(team, begin, end, flops,
                  [&](Size first, Size last) { use(result, l, Block{first, last, 0, panels}); });
      });
    }
  }

  void forward_by_layers(const Team& team, Chunk chunk) {
    const Size id = static_cast<Size>(team.id), size = static_cast<Size>(team.size);
    const double flops = 2.0 * static_cast<double>(chunk.samples);
    each_panel(team, chunk, id, size, [&](Size at, Size n) { layer_pass_.gather(chunk, at, n); });
    team.sync();
    const Size last = shape().layers() - 1;
    const bool narrow = go_with_the_loss(shape().outputs(), ceil_div(chunk.samples, panel_width), team.size) &&
                        shape().loss != Loss::custom && shape().normalization(last) != Normalization::batch;
    for (Size l = 0; l < last + !narrow; ++l) {
      const Size rows = shape().sizes[l + 1],
                 granularity = layer_pass_.is_sparse(l) ? panel_width : row_granularity(rows, team.size);
      for_share(team, team.id, rows, granularity, [&](Size begin, Size end) {
        in_blocks(team, begin, end, flops * static_cast<double>(shape().sizes[l]),
                  [&](Size first, Size last) { layer_pass_.forward(l, chunk, 0, chunk.samples, first, last); });
      });
      team.sync();
      if (!layer_pass_.needs_all_rows(l)) continue;
      each_panel(team, chunk, id, size, [&](Size at, Size n) { layer_pass_.finish_rows(l, chunk, at, n); });
      team.sync();
    }
    if (shape().loss == Loss::custom) {
      if (team.id == 0 && going_on(team) && !layer_pass_.custom_loss(chunk)) cancellation_->stop();
      team.sync();
    }
    each_panel(team, chunk, id, size, [&](Size at, Size n) {
      if (narrow) layer_pass_.forward(last, chunk, at, n, 0, shape().outputs());
      if (narrow && layer_pass_.needs_all_rows(last)) layer_pass_.finish_rows(last, chunk, at, n);
      layer_pass_.loss_of(chunk, at, n);
      layer_pass_.transpose(shape().layers(), at, n, 0, shape().outputs());
    });
    team.sync();
  }

  // Layer by layer, in blocks of rows whose weights are still in the cache when `use` changes them.
  template <class Use>
  void backward_by_layers(const Team& team, const ChunkResult& result, Use use) {
    for (Size l = shape().layers(); l > lowest_ + 1; --l) {
      const Size rows = shape().sizes[l - 1], size = static_cast<Size>(team.size);
      // Sigma is transposed by whole panels: by who has their rows, or when all rows are there.
      const bool late = layer_pass_.needs_all_rows(l - 2) || ceil_div(rows, panel_width) < size;
      for_share(team, team.id, rows, late ? row_granularity(rows, team.size) : panel_width, [&](Size begin, Size end) {
        backward_blocks(team, result, l, {begin, end, 0, ceil_div(shape().sizes[l], panel_width)}, use);
        if (!late)
          each_panel(team, result.chunk, 0, 1,
                     [&](Size at, Size n) { layer_pass_.transpose(l - 1, at, n, begin, end); });
      });
      team.sync();
      if (!late) continue;
      each_panel(team, result.chunk, static_cast<Size>(team.id), size, [&](Size at, Size n) {
        if (layer_pass_.needs_all_rows(l - 2)) layer_pass_.finish_rows_backward(l - 2, at, n);
        layer_pass_.transpose(l - 1, at, n, 0, rows);
      });
      team.sync();
    }
    if (lowest_ < shape().layers()) end_by_layers(team, result, use);
  }

  // The first layer trained, from which sigma goes no further: panels of its weights, or blocks of them, stay with one
  // thread; rows where that is uneven.
  template <class Use>
  void end_by_layers(const Team& team, const ChunkResult& result, Use use) {
    const Size l = lowest_ + 1, rows = shape().sizes[l - 1], panels = ceil_div(shape().sizes[l], panel_width);
    const Size tile = isa().tile_rows, tiles = ceil_div(rows, tile),
               blocks = blocks_per_panel(panels, tiles, team.size);
    if (blocks == 1)
      for_share(team, team.id, panels, 1,
                [&](Size p, Size end) { backward_blocks(team, result, l, {0, rows, p, end}, use); });
    else if (blocks > 1)
      for_share(team, team.id, panels * blocks, 1, [&](Size i, Size end) {
        for (; i < end; ++i) {
          const Size block = i % blocks, panel = i / blocks, last = split_begin(tiles, blocks, block + 1) * tile;
          backward_blocks(team, result, l,
                          {split_begin(tiles, blocks, block) * tile, std::min(last, rows), panel, panel + 1}, use);
        }
      });
    else
      for_share(team, team.id, rows, tile,
                [&](Size begin, Size end) { backward_blocks(team, result, l, {begin, end, 0, panels}, use); });
  }

  // Sigma back through a block of layer l - 1, unless that is the first one trained, and `use`, block by block.
  template <class Use>
  void backward_blocks(const Team& team, const ChunkResult& result, Size l, Block block, Use use) {
    const Size samples = ceil_div(result.chunk.samples, panel_width) * panel_width, rows = shape().sizes[l - 1],
               tile = isa().tile_rows;
    const Size outputs = (block.last_panel - block.first_panel) * panel_width;
    Size rows_at_once = std::min(blocking.backward_weight_bytes / (outputs * sizeof(T)),
                                 blocking.backward_sample_bytes / (samples * sizeof(T)));
    if (cancellation_ != nullptr) {  // a block takes some milliseconds, 50 at most
      const double row_flops = 4.0 * static_cast<double>(samples) * static_cast<double>(outputs);
      rows_at_once = std::min(rows_at_once, static_cast<Size>(flops_per_second<T>() * 0.05 / row_flops));
    }
    rows_at_once = std::max(rows_at_once / tile, Size{1}) * tile;
    for (Size row = block.first_row; row < block.last_row && going_on(team); row += rows_at_once) {
      const Size last = std::min(row + rows_at_once, block.last_row);
      if (l > lowest_ + 1) layer_pass_.backward_data(l, 0, result.chunk.samples, row, last);
      use(result, l - 1,
          {row, last == rows ? rows + 1 : last, block.first_panel, block.last_panel});  // there the bias too
    }
  }

  LayerPass<T> layer_pass_;
  Size lowest_ = 0;  // the first layer that is trained
  Cancellation* cancellation_ = nullptr;
};

}  // namespace fcnet
