// SPDX-License-Identifier: MIT
// A batch of samples, in chunks, through forward, loss and backward, by one of the two schedules of plan.hpp. What
// becomes of the weight product is the caller's: use(pass, layer, part) runs for this thread's share of every weight
// matrix, as soon as its h and sigma^T are complete and the pass needs its weights no more.
#pragma once

#include "fcnet/passage.hpp"
#include "fcnet/plan.hpp"
#include "fcnet/threads.hpp"
#include "fcnet/watch.hpp"

namespace fcnet {

// A chunk of a batch, whether it is the first or the last one, and the loss of the batch up to its end.
struct Pass {
  Chunk chunk;
  bool first, last;
  LossSum loss;
};

// Whether a part of the weights of a layer with so many inputs is the one with the last row, and one alone is.
inline bool is_last(Part part, Size inputs) { return part.last_row > inputs && part.first_panel == 0; }

// The sums of a part of the weight product: into those of the whole layer, or onto them.
template <class T>
void accumulate(const LayerView<T>& layer, T* sums, Panels<const T> h, Panels<const T> sigma_t, bool add, Part part) {
  kernels<T>().accumulate(layer.panels(part.first_panel, part.last_panel), h, sigma_t,
                          sums + part.first_panel * layer.stride, add, part.first_row, part.last_row);
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
      if (choose_schedule<T>(shape(), chunk.samples, team.size) == Schedule::by_panels) {
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

  Panels<const T> h(Size l, Size samples) { return read_only(passage_.workspace().h(l, 0, samples)); }
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

  // This thread's share of `rows`, in whole multiples of `grain`; f is not called for an empty one.
  template <class F>
  static void share(const Team& team, int id, Size rows, Size grain, F f) {
    const Size blocks = groups(rows, grain), size = static_cast<Size>(team.size), i = static_cast<Size>(id);
    const Size first = part_begin(blocks, size, i) * grain;
    const Size last = std::min(part_begin(blocks, size, i + 1) * grain, rows);
    if (first < last) f(first, last);
  }

  // Whether `count` pieces of work keep all threads of a team busy for nearly the same time.
  static bool divide(Size count, const Team& team) {
    return count % static_cast<Size>(team.size) == 0 || count >= 4 * static_cast<Size>(team.size);
  }
  // The same of a layer's outputs: whole panels where that is even, as then the weights are those that this thread
  // changed in the step before; else tiles.
  template <class F>
  void share_outputs(const Team& team, Size outputs, F f) {
    share(team, team.id, outputs, divide(groups(outputs, lanes), team) ? lanes : isa().tile_rows, f);
  }

  // Whether a last layer has fewer tiles than there are threads with samples: then its product goes with the loss.
  bool is_narrow(Size layer, Size panels, const Team& team) const {
    const Size tiles = groups(shape().outputs(), isa().tile_rows), most = static_cast<Size>(team.size);
    return tiles < std::min(most, panels) && shape().loss != Loss::custom &&
           shape().normalization(layer) != Normalization::batch;
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
    const bool narrow = is_narrow(last, groups(chunk.samples, lanes), team);
    for (Size l = 0; l < last + !narrow; ++l) {
      share_outputs(team, shape().sizes[l + 1], [&](Size begin, Size end) {
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
    const Size panels = groups(pass.chunk.samples, lanes);
    for (Size l = shape().layers(); l > lowest_; --l) {
      const bool ends = l == lowest_ + 1;  // here sigma goes no further
      const Size rows = shape().sizes[l - 1], tile = isa().tile_rows;
      const Size row_bytes = groups(shape().sizes[l], lanes) * lanes * sizeof(T);
      Size block = std::min(visit_bytes / row_bytes, visit_sample_bytes / (panels * lanes * sizeof(T)));
      if (watch_ != nullptr) {  // a block takes some milliseconds, 50 at most
        const double row_flops = 4.0 * static_cast<double>(panels * lanes) * static_cast<double>(shape().sizes[l]);
        block = std::min(block, static_cast<Size>(flops_per_second<T>() * 0.05 / row_flops));
      }
      block = std::max(block / tile, Size{1}) * tile;
      const Size outputs = groups(shape().sizes[l], lanes);
      const auto visit = [&](Size begin, Size end, Size first_panel, Size last_panel) {
        for (Size row = begin; row < end && going_on(team); row += block) {
          const Size last = std::min(row + block, end);
          if (!ends) passage_.back_data(l, 0, pass.chunk.samples, row, last);
          use(pass, l - 1,
              {row, last == rows ? rows + 1 : last, first_panel, last_panel});  // with the last rows the bias
        }
      };
      if (ends && divide(outputs, team)) {
        share(team, team.id, outputs, 1, [&](Size begin, Size end) { visit(0, rows, begin, end); });
        continue;
      }
      share(team, team.id, rows, lanes, [&](Size begin, Size end) {  // whole panels, which their thread transposes
        visit(begin, end, 0, outputs);
        if (!ends && !passage_.needs_all_rows(l - 2))
          each_panel(team, pass.chunk, 0, 1, [&](Size at, Size n) { passage_.transpose(l - 1, at, n, begin, end); });
      });
      if (!ends) team.sync();
      if (ends || !passage_.needs_all_rows(l - 2)) continue;
      each_panel(team, pass.chunk, static_cast<Size>(team.id), static_cast<Size>(team.size), [&](Size at, Size n) {
        passage_.finish_rows_backward(l - 2, at, n);
        passage_.transpose(l - 1, at, n, 0, rows);
      });
      team.sync();
    }
  }

  Passage<T> passage_;
  Size lowest_ = 0;  // the first layer that is trained
  Watch* watch_ = nullptr;
};

}  // namespace fcnet
