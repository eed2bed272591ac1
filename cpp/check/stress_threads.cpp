// SPDX-License-Identifier: MIT
// The thread pool and the trainer without Python, for sanitizers: changing team sizes, many barriers, several callers
// at once, interrupted epochs; and the same weights for every number of threads. Exits with 0 if all is well.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

#include "fcnet/engine/predictor.hpp"
#include "fcnet/engine/trainer.hpp"
#include "fcnet/model/initialization.hpp"
#include "fcnet/runtime/parallel.hpp"
#include "training_set.hpp"

using namespace fcnet;
using fcnet::check::TrainingSet;

namespace {

int failures = 0;

void expect(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "failed: %s\n", what);
  ++failures;
}

// Every thread of the team sees what the others wrote before each barrier.
bool barriers_hold(int threads, int rounds) {
  std::vector<int> slots(static_cast<Size>(threads), 0);
  std::atomic<int> wrong{0};
  run_team(
      threads,
      [&](const Team& team) {
        for (int round = 1; round <= rounds; ++round) {
          slots[static_cast<Size>(team.id)] = round;
          team.sync();
          for (int i = 0; i < team.size; ++i) wrong += slots[static_cast<Size>(i)] != round;
          team.sync();
        }
      },
      1e5);
  return wrong == 0;
}

// Every piece is claimed once, whoever comes in time.
bool claims_hold(int threads, Size pieces) {
  std::vector<std::atomic<int>> claimed(pieces);
  Claims claims(pieces);
  run_helpers(
      threads, [&](const Team& team) { claims.each(team, [&](Size piece) { ++claimed[piece]; }); },
      pieces % 2 == 0 ? 1e3 : 1e9);
  return std::all_of(claimed.begin(), claimed.end(), [](const auto& times) { return times == 1; });
}

// The weights after two epochs; stopped in the middle where `poll` says so.
std::vector<float> train(
    const TrainingSet& problem, Size batch, int threads, Cancellation::Poll poll = [](void*) { return false; }) {
  set_num_threads(threads);
  Parameters<float> start;
  Trainer<float> trainer;
  OptimizerState<float> state;
  Cancellation never;
  expect(start.allocate(problem.shape, never) == Status::ok && initialize(start, 1, never) == Status::ok, "allocation");
  const Hyperparameters adam{
      .optimizer = Optimizer::adam, .learning_rate = 0.01, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
  expect(trainer.prepare(problem.shape, problem.data(), batch, adam, never) == Status::ok &&
             state.begin(adam.optimizer, start.panels().size(), never) == Status::ok,
         "prepare");
  for (std::uint32_t epoch = 0; epoch < 2; ++epoch) {
    Cancellation cancellation(poll, nullptr);
    trainer.run_epoch(start, state, {.seed = 7, .epoch = epoch}, cancellation);
  }
  const Buffer<float>& panels = trainer.parameters().panels();
  return {panels.data(), panels.data() + panels.size()};
}

}  // namespace

int main() {
  choose_isa(nullptr);
  for (bool all : {true, false}) {
    wait_for_all(all);
    for (int threads : {1, 2, 3, 8, 2, 5, 1, 4}) expect(barriers_hold(threads, 200), "barrier");
    for (int threads : {1, 2, 3, 8, 2, 5, 1, 4})
      for (int i = 0; i < 100; ++i)
        expect(claims_hold(threads, 1 + static_cast<Size>(i) % 16) && barriers_hold(threads, 2), "claims");
  }
  wait_for_all(true);

  // Work that begins in the middle of other work, of one and the same thread too.
  std::atomic<int> nested{0};
  run_team(
      4,
      [&nested](const Team& team) {
        run_team(3, [&nested](const Team& alone) { nested += alone.size == 1; }, 0);
        team.sync();
      },
      0);
  expect(nested == 4, "work in the middle of other work");

  wait_for_all(false);
  std::vector<std::thread> callers;
  std::atomic<int> broken{0};
  for (int i = 0; i < 4; ++i)
    callers.emplace_back([&broken, i] {
      for (int j = 0; j < 20; ++j) broken += !barriers_hold(1 + (i + j) % 4, 10);
    });
  for (std::thread& caller : callers) caller.join();
  expect(broken == 0, "several callers");

  const TrainingSet nets[] = {{{5, 7, 3}, 40}, {{33, 65, 40, 10}, 300}, {{64, 300, 10}, 5000}};
  for (const TrainingSet& net : nets)
    for (Size batch : {Size{1}, Size{32}, Size{97}, Size{4096}}) {
      if (batch == 1 && net.labels.size() > 300) continue;
      const std::vector<float> expected = train(net, batch, 1);
      for (int threads : {2, 3, 4, 3, 2}) {
        wait_for_all(threads == 4);
        expect(train(net, batch, threads) == expected, "equal bits for every number of threads");
      }
    }
  for (int i = 0; i < 20; ++i) train(nets[2], 4096, 3, [](void*) { return true; });

  std::puts(failures == 0 ? "ok" : "failed");
  return failures != 0;
}
