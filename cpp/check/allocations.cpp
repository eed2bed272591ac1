// SPDX-License-Identifier: MIT
// Counts the allocations of an epoch, of any thread: this program's malloc and calloc stand before the C library's.
// Prints one line for each network and exits with 0 if there were none.
#include <atomic>
#include <cstdio>

#include "fcnet/engine/plan.hpp"
#include "fcnet/engine/trainer.hpp"
#include "fcnet/model/initialization.hpp"
#include "training_set.hpp"

namespace {
std::atomic<long> allocations{0};
}

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void* malloc(std::size_t bytes) {
  ++allocations;
  return __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) {
  ++allocations;
  return __libc_calloc(count, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  ++allocations;
  return __libc_memalign(alignment, bytes);
}
}

using namespace fcnet;

namespace {

constexpr double no_clipping = __builtin_inf();

long allocations_of_an_epoch(const check::TrainingSet& set, Size batch, Optimizer optimizer, double clip_norm,
                             Averages over) {
  Parameters<float> start;
  Trainer<float> trainer;
  OptimizerState<float> state;
  WeightAverage<float> average;
  Cancellation never;
  Hyperparameters chosen{.optimizer = optimizer, .learning_rate = 0.01, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
  chosen.clip_norm = clip_norm;
  chosen.averaging = {over, 0.99};
  if (start.allocate(set.shape, never) != Status::ok || initialize(start, 1, never) != Status::ok ||
      trainer.prepare(set.shape, set.data(), batch, chosen, never) != Status::ok ||
      state.begin(optimizer, start.panels().size(), never) != Status::ok)
    return -1;
  WeightAverage<float>* const formed = over == Averages::none ? nullptr : &average;
  trainer.run_epoch(start, state, {.seed = 7, .epoch = 0, .average = formed}, never);  // copies the parameters
  const long before = allocations;
  const LossResult result = trainer.run_epoch(start, state, {.seed = 7, .epoch = 1, .average = formed}, never);
  const long after = allocations;
  return result.status == Status::ok ? after - before : -1;
}

}  // namespace

int main() {
  choose_isa(nullptr);
  const check::TrainingSet tiny({2, 2, 2, 2}, 50), small({33, 65, 40, 10}, 300), many({64, 300, 10}, 5000);
  set_num_threads(1);
  long counted = allocations_of_an_epoch(small, 32, Optimizer::sgd, no_clipping, Averages::none);
  if (allocations == 0) counted = -1;  // then nothing is counted at all
  const auto count = [&](const char* what, const check::TrainingSet& set, Size batch, Optimizer optimizer,
                         double clip_norm = no_clipping, Averages over = Averages::none) {
    const long n = allocations_of_an_epoch(set, batch, optimizer, clip_norm, over);
    std::printf("%s: %ld\n", what, n);
    counted = counted != 0 ? counted : n;
  };
  for (int threads : {1, 3}) {
    set_num_threads(threads);
    count("one sample a step, one-vector layers", tiny, 1, Optimizer::sgd);
    count("few samples a step", small, 5, Optimizer::adam);
    count("by panels", small, 96, Optimizer::nesterov);
    count("by layers", small, 32, Optimizer::adam);
    count("batches in several chunks", many, 5000, Optimizer::adam);
    count("gradients whose norm is clipped", small, 5, Optimizer::lion, 0.1);
    count("an average over steps of few samples", small, 5, Optimizer::adam, no_clipping, Averages::steps);
    count("an average over steps", small, 96, Optimizer::sgd, no_clipping, Averages::steps);
    count("an average over epochs", small, 96, Optimizer::sgd, no_clipping, Averages::epochs);
    set_longest_step(0);
    count("steps that can stop anywhere", small, 97, Optimizer::adam);
    set_longest_step(0.05);
  }
  return counted != 0;
}
