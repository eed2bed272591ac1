// SPDX-License-Identifier: MIT
// How a step is computed, chosen in one place. Never what: every choice gives the same bits.
#pragma once

#include "fcnet/kernels/pointwise/hyperparameters.hpp"
#include "fcnet/model/data.hpp"
#include "fcnet/model/stages.hpp"

namespace fcnet {

// by_panels: a thread takes its samples from gather to the first layer's sigma and goes without synchronisation;
//            then all update. Two barriers a step: for weights that stay in the caches, and are fewer than activations.
// by_layers: all threads share each layer's rows and synchronise after it; backward-data and update take a block of
//            rows together: for few panels, weights that come from memory, or from another thread's cache.
enum class Schedule { by_panels, by_layers };

struct Plan {
  bool by_rows;  // few samples a step: lanes along the neurons, one thread, see small_batch.hpp
  int threads;
  Size chunk;          // samples that go through the layers together; their sums go on in memory, chunk by chunk
  bool stoppable;      // a long step writes to a second copy of the parameters, so that it can be dropped on its way
  Size steps_at_once;  // between two looks whether to stop
};

// Of rows that are sparse enough for the first layer to go from number to number (sparse.hpp), if nothing scales or
// embeds them.
template <class T>
Sparsity sparsity(const Stages& stages, const Data<T>& data);

// Multiplications and additions for one sample, forward only, or what takes as long.
double sample_flops(const Stages& stages, const Sparsity& sparse);

// Of training with batches of `batch` samples and up to `threads` threads.
template <class T>
Plan plan_training(const Stages& stages, const Trained& trained, Size batch, const Hyperparameters& chosen, int threads,
                   const Sparsity& sparse = {});

// Seconds from which on a step is a long one, which must be able to stop; for tests.
double longest_step();
void set_longest_step(double seconds);

// Of one chunk of `samples`.
template <class T>
Schedule choose_schedule(const Stages& stages, Size samples, int threads, bool sparse = false);

// The granularity in which samples are shared out.
template <class T>
Size sample_granularity(const Stages& stages) {
  return stages.members() ? panel_width : sample_granularity<T>();
}

// Whether `count` equal tasks keep so many threads busy for nearly the same time.
bool divide(Size count, int threads);

// The granularity of shares of rows that leaves least to the busiest thread: whole panels if they do, whose
// weights are those that the thread had before, else half ones or tiles.
Size row_granularity(Size rows, int threads);

// In how many blocks of rows each panel of a layer is cut, of so many tiles of rows, so that they divide; 0: share the
// rows instead.
Size blocks_per_panel(Size panels, Size tiles, int threads);

// Whether so many outputs have fewer tiles than there are threads with panels of samples: then the last layer's
// product goes by samples, with the loss.
bool go_with_the_loss(Size outputs, Size panels, int threads);

// Whether so few samples are worth going as rows, see small_batch.hpp.
bool few(Size samples);

// How many threads share the weights when `samples` rows are predicted.
int threads_for_few(const Stages& stages, Size samples, int threads);

// How many of `most` threads are worth waking for this much work; how many nanoseconds it takes one thread, about; and
// how many of them to wait until the others are awake.
int useful_threads(double flops, Size most);
double nanoseconds(double flops);
double patience(double flops);

}  // namespace fcnet
