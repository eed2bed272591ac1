// SPDX-License-Identifier: MIT
#include "fcnet/engine/plan.hpp"

#include <algorithm>
#include <atomic>

#include "fcnet/base/blocking.hpp"

namespace fcnet {
namespace {

constexpr double seconds_at_once = 1e-4;  // of steps between two looks whether to stop
constexpr Size most_samples_by_rows = 8;
constexpr Size chunk_of_members = 1024;   // samples: there are more arrays of them than elsewhere
constexpr double flops_per_thread = 9e5;  // some 10 us of work: less is not worth waking a thread for
constexpr double cached_bytes = blocking.shared_cache_bytes;
constexpr double bytes_per_second = 1e10;  // of memory, a cautious guess
constexpr double densest = 10;             // of sparse rows: in the mean one number in so many columns
constexpr double flops_per_nonzero = 4;    // a number of a sparse row takes as long as so many of a dense one

std::atomic<double> longest{0.05};

}  // namespace

double longest_step() { return longest; }
void set_longest_step(double seconds) { longest = seconds; }

int useful_threads(double flops, Size most) {
  return static_cast<int>(std::clamp(flops / flops_per_thread, 1.0, std::max(static_cast<double>(most), 1.0)));
}

double nanoseconds(double flops) { return flops / flops_per_thread * 1e4; }
double patience(double flops) { return nanoseconds(flops) / 4; }

bool divide(Size count, int threads) {
  const Size size = static_cast<Size>(threads);
  return count % size == 0 || count >= 4 * size;
}

Size row_granularity(Size rows, int threads) {
  const auto busiest = [&](Size granularity) {
    return ceil_div(ceil_div(rows, granularity), static_cast<Size>(threads)) * granularity;
  };
  Size best = panel_width;
  for (const Size granularity : {panel_width / 2, isa().tile_rows})
    if (busiest(granularity) < busiest(best)) best = granularity;
  return best;
}

Size blocks_per_panel(Size panels, Size tiles, int threads) {
  for (Size blocks = 1; blocks == 1 || (blocks <= 4 && tiles >= 4 * blocks); ++blocks)
    if (divide(panels * blocks, threads)) return blocks;
  return 0;
}

bool go_with_the_loss(Size outputs, Size panels, int threads) {
  return ceil_div(outputs, isa().tile_rows) < std::min(panels, static_cast<Size>(threads));
}

bool few(Size samples) { return samples <= most_samples_by_rows; }

int threads_for_few(const Stages& stages, Size samples, int threads) {
  // Each weight is used `samples` times, but comes from a cache: as long as some 8 additions take.
  return useful_threads(stages.flops() * static_cast<double>(samples + 3), static_cast<Size>(threads));
}

template <class T>
Sparsity sparsity(const Stages& stages, const Data<T>& data) {
  const std::int64_t* const starts = data.x.starts;
  if (starts == nullptr || data.x.scale != nullptr || stages.embeds() || stages.group(0).scales()) return {};
  if (data.samples == 0 || data.x.columns > UINT32_MAX) return {};
  Sparsity sparse;
  Size numbers = 0;
  for (Size i = 0; i < data.samples; ++i) {
    const std::int64_t row = row_at(data.x.order, i);
    const Size length = static_cast<Size>(starts[row + 1] - starts[row]);
    numbers += length;
    sparse.longest = std::max(sparse.longest, length);
  }
  sparse.mean = static_cast<double>(numbers) / static_cast<double>(data.samples);
  return sparse.mean * densest > static_cast<double>(data.x.columns) ? Sparsity{} : sparse;
}

double sample_flops(const Stages& stages, const Sparsity& sparse) {
  const double left_out = static_cast<double>(stages.shape().inputs()) - flops_per_nonzero * sparse.mean;
  return stages.flops() -
         (sparse.longest != 0 ? 2 * std::max(left_out, 0.0) * static_cast<double>(stages.shape().sizes[1]) : 0);
}

template <class T>
Plan plan_training(const Stages& stages, const Trained& trained, Size batch, const Hyperparameters& chosen, int threads,
                   const Sparsity& sparse) {
  const bool custom = stages.shape().loss == Loss::custom;  // which may fail
  batch *= stages.shape().lanes();
  const Size chunk =
      stages.whole_batches() ? batch : std::min(batch, stages.members() ? chunk_of_members : blocking.chunk_samples);
  const bool by_nonzeros = sparse.longest != 0;
  const double each = 3 * sample_flops(stages, sparse), flops = each * static_cast<double>(batch);
  // W is read for the forward pass, then read and written, with the optimizer's state; and read for its average
  const double of_average = chosen.averaging.over == Averages::steps ? 3 : 0;
  const double accesses = 3 + 2 * static_cast<double>(state_slots(chosen.optimizer)) + of_average;
  const bool spares = by_nonzeros && chosen.optimizer == Optimizer::sgd && chosen.weight_decay == 0 && chosen.l2 == 0 &&
                      chosen.l2_sum == 0 && of_average == 0;  // weights of columns that no row has
  const double absent = static_cast<double>(stages.shape().inputs()) - sparse.mean * static_cast<double>(batch);
  const double spared = spares ? std::max(absent, 0.0) * static_cast<double>(stages.shape().sizes[1]) : 0;
  const double bytes = (stages.flops() / 2 - spared) * sizeof(T) * accesses;
  const double work = std::max(each * static_cast<double>(chunk), by_nonzeros ? bytes : 0);
  const int useful = useful_threads(work, static_cast<Size>(threads));
  const double seconds = std::max(flops / (useful * flops_per_second<T>()), bytes / bytes_per_second);
  const bool stoppable = custom || seconds > longest_step();
  const double at_once = std::clamp(seconds_at_once / seconds, 1.0, 1000.0);
  const double saved = 3 * stages.flops() * static_cast<double>(batch) - flops;
  const bool light = saved < flops_per_thread;                         // else panels of nonzeros are faster
  const bool cached = stages.flops() / 2 * sizeof(T) <= cached_bytes;  // else all threads should fetch weights
  const bool by_rows = few(batch) && stages.plain() && trained.all() && cached && !stoppable && light &&
                       !chosen.needs_norm() && chosen.by_step == 0;
  return {.by_rows = by_rows,
          .threads = useful,
          .chunk = chunk,
          .stoppable = stoppable,
          .steps_at_once = static_cast<Size>(at_once)};
}

template <class T>
Schedule choose_schedule(const Stages& stages, Size samples, int threads, bool sparse) {
  const bool even =
      divide(ceil_div(samples, sample_granularity<T>(stages)), threads);  // else some threads wait for others
  const double weights = stages.flops() / 2, neurons = static_cast<double>(stages.shape().neurons());
  // Of several threads each needs what the others changed: by panels all weights, by layers all activations.
  const bool light = threads == 1 || weights <= neurons * static_cast<double>(samples);
  const bool by_panels = even && light && weights * sizeof(T) <= cached_bytes && !stages.whole_batches() && !sparse;
  return by_panels ? Schedule::by_panels : Schedule::by_layers;
}

template Sparsity sparsity(const Stages&, const Data<float>&);
template Sparsity sparsity(const Stages&, const Data<double>&);
template Plan plan_training<float>(const Stages&, const Trained&, Size, const Hyperparameters&, int, const Sparsity&);
template Plan plan_training<double>(const Stages&, const Trained&, Size, const Hyperparameters&, int, const Sparsity&);
template Schedule choose_schedule<float>(const Stages&, Size, int, bool);
template Schedule choose_schedule<double>(const Stages&, Size, int, bool);

}  // namespace fcnet
