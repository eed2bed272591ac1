// SPDX-License-Identifier: MIT
// A batch of samples, in chunks, through forward, loss and backward, by one of the two schedules of plan.hpp. What
// becomes of the weight product is the caller's: use(pass, layer, part) runs for this thread's share of every weight
// matrix, as soon as its h and sigma^T are complete and the pass needs its weights no more.
#pragma once

#include "fcnet/engine/passage.hpp"
#include "fcnet/engine/plan.hpp"
#include "fcnet/runtime/parallel.hpp"
#include "fcnet/runtime/watch.hpp"

namespace fcnet {

// A chunk of a batch, whether it is the first or the last one, and the loss of the batch up to its end.
struct Pass {
  Chunk chunk;
  bool first, last;
  LossSum loss;
};

// Whether a part of the weights of a layer with so many inputs is the one with the last row, and one alone is.
inline bool is_last(Part part, Size inputs) { return part.last_row > inputs && part.first_panel == 0; }

// What comes into a layer: h, or where `is_sparse` the terms of sparse rows.
template <class T>
struct LayerInput {
  Panels<const T> h;
  SparsePanels<T> terms;
  bool is_sparse;
};

// The sums of a part of the weight product: into those of the whole layer, or onto them.
template <class T>
void accumulate(const LayerView<T>& layer, T* sums, const LayerInput<T>& x, Panels<const T> sigma_t, bool add,
                Part part) {
  const LayerView<T> view = layer.panels(part.first_panel, part.last_panel);
  T* const to = sums + part.first_panel * layer.stride;
  if (x.is_sparse)
    kernels<T>().update_terms(view, x.terms, sigma_t, nullptr, {nullptr, nullptr, to, nullptr, 0, add ? to : nullptr},
                              part.first_row, part.last_row);
  else
    kernels<T>().accumulate(view, x.h, sigma_t, to, add, part.first_row, part.last_row);
}

template <class T>
class Propagation {
 public:
  // Borrows `parameters` and `data`; allocates for chunks of up to `samples`. Sigma goes back to the first layer
  // trained.
  [[nodiscard]] Status prepare(const Shape& shape, const Trained& trained, const Parameters<T>& parameters,
                               const Data<T>& data, Size samples) {
    lowest_ = trained.first();
    return passage_.prepare(shape, trained, parameters, data, samples);
  }

  void use(const Data<T>& data) { passage_.use(data); }  // of no more samples at once
  // Whether there is room for its rows.
  bool takes(const Data<T>& data) {
    const Size room = passage_.workspace().sparse().longest(), longest = sparsity(data).longest;
    return room == 0 || (0 < longest && longest <= room);
  }

  // The order in which samples are taken (null: as they come), and who may stop a pass on its way (null: nobody).
  void begin(const std::int64_t* order, Watch* watch) {
    passage_.begin(order);
    watch_ = watch;
  }
  // From here on dropout drops, see passage.hpp.
  void drop(std::uint64_t seed, std::uint32_t epoch, Size before) { passage_.drop(seed, epoch, before); }

  // Takes a batch through in chunks of up to `most` samples. Every thread returns the batch's loss, added up in the
  // order of the panels. A pass that was stopped goes through its meetings without working; its results are incomplete.
  template <class Use>
  LossSum run(const Team& team, Chunk batch, Size most, Use use) {
    LossSum loss;
    for (Size done = 0; done < batch.samples; done += most) {
      const Chunk chunk{batch.first + done, std::min(most, batch.samples - done)};
      if (done > 0) team.sync();  // the others may still need the chunk before
      const auto pass = [&] {
        for (Size i = 0; i < chunk.samples; i += loss_group) loss.add(*passage_.workspace().losses(i));
        return Pass{chunk, done == 0, done + chunk.samples == batch.samples, loss};
      };
      if (choose_schedule<T>(shape(), chunk.samples, team.size, passage_.is_sparse(0)) == Schedule::by_panels) {
        propagate_by_panels(team, chunk);
        team.sync();
        share_weight_rows(team, pass(), use);
      } else {
        forward_by_layers(team, chunk);
        backward_by_layers(team, pass(), use);
      }
    }
    return loss;
  }

  LayerInput<T> input(Size l, Size samples) {
    Workspace<T>& w = passage_.workspace();
    return {read_only(w.h(l, 0, samples)), w.sparse().panels(0, samples), passage_.is_sparse(l)};
  }
  NormalizationSums<T> normalization_sums(Size l, Size samples) { return passage_.normalization_sums(l, samples); }
  Panels<const T> sigma_t(Size l, Size first_panel) {
    const Panels<T> all = passage_.workspace().sigma_t(l);
    return {all.p + first_panel * all.stride, all.stride, all.samples};
  }

 private:
  // Back-data and update visit a block of rows together: its weights stay in the last cache, its h in the second.
  static constexpr Size visit_bytes = Size{1} << 23, visit_sample_bytes = Size{1} << 18;

  const Shape& shape() const { return passage_.shape(); }
  bool going_on(const Team& team) const { return watch_ == nullptr || go_on(team, *watch_); }

  template <class F>
  void strips(const Team& team, Size first, Size last, double flops_per_row, F f) {
    if (watch_ == nullptr)
      f(first, last);
    else
      in_strips<T>(first, last, flops_per_row, [&] { return going_on(team); }, f);
  }

  // f(first sample, samples) for panels first, first + step, ... of a chunk
  template <class F>
  void each_panel(const Team& team, Chunk chunk, Size first, Size step, F f) {
    for (Size p = first; p * lanes < chunk.samples && going_on(team); p += step)
      f(p * lanes, used_lanes(chunk.samples, p));
  }

  // f(first sample, samples) for pieces of samples first..last that begin a panel or lie inside one.
  template <class F>
  static void each_piece(Size first, Size last, Size most_panels, F f) {
    for (Size at = first, next; at < last; at = next) {
      next = std::min(at / lanes * lanes + (at % lanes == 0 ? most_panels : 1) * lanes, last);
      f(at, next - at);
    }
  }

  void propagate_by_panels(const Team& team, Chunk chunk) {
    share(team, team.id, chunk.samples, sample_grain<T>(), [&](Size begin, Size end) {
      each_piece(begin, end, panels_at_once, [&](Size at, Size n) {
        const double flops = 2.0 * static_cast<double>(n);
        const auto each = [&](auto f) {
          each_piece(at, at + n, 1, [&](Size i, Size samples) {
            if (going_on(team)) f(i, samples);
          });
        };
        each([&](Size i, Size samples) { passage_.gather(chunk, i, samples); });
        for (Size l = 0; l < shape().layers(); ++l) {
          strips(team, 0, shape().sizes[l + 1], flops * static_cast<double>(shape().sizes[l]),
                 [&](Size first, Size last) { passage_.forward(l, chunk, at, n, first, last); });
          if (passage_.needs_all_rows(l))
            each([&](Size i, Size samples) { passage_.finish_rows(l, chunk, i, samples); });
        }
        each([&](Size i, Size samples) { passage_.loss_of(chunk, i, samples); });
        for (Size l = shape().layers(); l > lowest_; --l) {
          each([&](Size i, Size samples) { passage_.transpose(l, i, samples, 0, shape().sizes[l]); });
          if (l == lowest_ + 1) break;
          strips(team, 0, shape().sizes[l - 1], flops * static_cast<double>(shape().sizes[l]),
                 [&](Size first, Size last) { passage_.back_data(l, at, n, first, last); });
          if (passage_.needs_all_rows(l - 2))
            each([&](Size i, Size samples) { passage_.finish_rows_backward(l - 2, i, samples); });
        }
      });
    });
  }

  template <class Use>
  void share_weight_rows(const Team& team, const Pass& pass, Use use) {
    for (Size l = lowest_; l < shape().layers(); ++l) {
      // The odd block goes to the last thread of one layer and to the first of the next.
      const int id = l % 2 == 0 ? team.id : team.size - 1 - team.id;
      const Size outputs = shape().sizes[l + 1], panels = groups(outputs, lanes);
      const double flops = 2.0 * static_cast<double>(pass.chunk.samples) * static_cast<double>(outputs);
      share(team, id, shape().sizes[l] + 1, isa().tile_rows, [&](Size begin, Size end) {
        strips(team, begin, end, flops, [&](Size first, Size last) { use(pass, l, Part{first, last, 0, panels}); });
      });
    }
  }

  void forward_by_layers(const Team& team, Chunk chunk) {
    const Size id = static_cast<Size>(team.id), size = static_cast<Size>(team.size);
    const double flops = 2.0 * static_cast<double>(chunk.samples);
    each_panel(team, chunk, id, size, [&](Size at, Size n) { passage_.gather(chunk, at, n); });
    team.sync();
    const Size last = shape().layers() - 1;
    const bool narrow = go_with_the_loss(shape().outputs(), groups(chunk.samples, lanes), team.size) &&
                        shape().loss != Loss::custom && shape().normalization(last) != Normalization::batch;
    for (Size l = 0; l < last + !narrow; ++l) {
      const Size rows = shape().sizes[l + 1], grain = passage_.is_sparse(l) ? lanes : fine_grain(rows, team.size);
      share(team, team.id, rows, grain, [&](Size begin, Size end) {
        strips(team, begin, end, flops * static_cast<double>(shape().sizes[l]),
               [&](Size first, Size last) { passage_.forward(l, chunk, 0, chunk.samples, first, last); });
      });
      team.sync();
      if (!passage_.needs_all_rows(l)) continue;
      each_panel(team, chunk, id, size, [&](Size at, Size n) { passage_.finish_rows(l, chunk, at, n); });
      team.sync();
    }
    if (shape().loss == Loss::custom) {
      if (team.id == 0 && going_on(team) && !passage_.custom_loss(chunk)) watch_->stop();
      team.sync();
    }
    each_panel(team, chunk, id, size, [&](Size at, Size n) {
      if (narrow) passage_.forward(last, chunk, at, n, 0, shape().outputs());
      if (narrow && passage_.needs_all_rows(last)) passage_.finish_rows(last, chunk, at, n);
      passage_.loss_of(chunk, at, n);
      passage_.transpose(shape().layers(), at, n, 0, shape().outputs());
    });
    team.sync();
  }

  // Layer by layer, in blocks of rows whose weights are still in the cache when `use` changes them.
  template <class Use>
  void backward_by_layers(const Team& team, const Pass& pass, Use use) {
    for (Size l = shape().layers(); l > lowest_ + 1; --l) {
      const Size rows = shape().sizes[l - 1], size = static_cast<Size>(team.size);
      // Sigma is transposed by whole panels: by who has their rows, or when all rows are there.
      const bool late = passage_.needs_all_rows(l - 2) || groups(rows, lanes) < size;
      share(team, team.id, rows, late ? fine_grain(rows, team.size) : lanes, [&](Size begin, Size end) {
        visit(team, pass, l, {begin, end, 0, groups(shape().sizes[l], lanes)}, use);
        if (!late)
          each_panel(team, pass.chunk, 0, 1, [&](Size at, Size n) { passage_.transpose(l - 1, at, n, begin, end); });
      });
      team.sync();
      if (!late) continue;
      each_panel(team, pass.chunk, static_cast<Size>(team.id), size, [&](Size at, Size n) {
        if (passage_.needs_all_rows(l - 2)) passage_.finish_rows_backward(l - 2, at, n);
        passage_.transpose(l - 1, at, n, 0, rows);
      });
      team.sync();
    }
    if (lowest_ < shape().layers()) end_by_layers(team, pass, use);
  }

  // The first layer trained, from which sigma goes no further: panels of its weights, or pieces of them, stay with one
  // thread; rows where that is uneven.
  template <class Use>
  void end_by_layers(const Team& team, const Pass& pass, Use use) {
    const Size l = lowest_ + 1, rows = shape().sizes[l - 1], panels = groups(shape().sizes[l], lanes);
    const Size tile = isa().tile_rows, tiles = groups(rows, tile), pieces = pieces_of_panels(panels, tiles, team.size);
    if (pieces == 1)
      share(team, team.id, panels, 1, [&](Size p, Size end) { visit(team, pass, l, {0, rows, p, end}, use); });
    else if (pieces > 1)
      share(team, team.id, panels * pieces, 1, [&](Size i, Size end) {
        for (; i < end; ++i) {
          const Size piece = i % pieces, panel = i / pieces, last = part_begin(tiles, pieces, piece + 1) * tile;
          visit(team, pass, l, {part_begin(tiles, pieces, piece) * tile, std::min(last, rows), panel, panel + 1}, use);
        }
      });
    else
      share(team, team.id, rows, tile,
            [&](Size begin, Size end) { visit(team, pass, l, {begin, end, 0, panels}, use); });
  }

  // Sigma back through a part of layer l - 1, unless that is the first one trained, and `use`, block by block.
  template <class Use>
  void visit(const Team& team, const Pass& pass, Size l, Part part, Use use) {
    const Size samples = groups(pass.chunk.samples, lanes) * lanes, rows = shape().sizes[l - 1], tile = isa().tile_rows;
    const Size outputs = (part.last_panel - part.first_panel) * lanes;
    Size block = std::min(visit_bytes / (outputs * sizeof(T)), visit_sample_bytes / (samples * sizeof(T)));
    if (watch_ != nullptr) {  // a block takes some milliseconds, 50 at most
      const double row_flops = 4.0 * static_cast<double>(samples) * static_cast<double>(outputs);
      block = std::min(block, static_cast<Size>(flops_per_second<T>() * 0.05 / row_flops));
    }
    block = std::max(block / tile, Size{1}) * tile;
    for (Size row = part.first_row; row < part.last_row && going_on(team); row += block) {
      const Size last = std::min(row + block, part.last_row);
      if (l > lowest_ + 1) passage_.back_data(l, 0, pass.chunk.samples, row, last);
      use(pass, l - 1, {row, last == rows ? rows + 1 : last, part.first_panel, part.last_panel});  // there the bias too
    }
  }

  Passage<T> passage_;
  Size lowest_ = 0;  // the first layer that is trained
  Watch* watch_ = nullptr;
};

}  // namespace fcnet
