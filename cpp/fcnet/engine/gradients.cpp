// SPDX-License-Identifier: MIT
#include "fcnet/engine/gradients.hpp"

#include "fcnet/engine/forward_backward.hpp"

namespace fcnet {

template <class T>
LossResult gradients(const Parameters<T>& parameters, const Data<T>& data, Parameters<T>& gradient,
                     Cancellation& cancellation) {
  const Shape& shape = parameters.shape();
  const Plan plan = plan_training<T>(shape, {}, data.samples, Hyperparameters{}, num_threads(), sparsity(data));
  ForwardBackward<T> forward_backward;
  if (const Status s = gradient.allocate(shape, cancellation); s != Status::ok) return {.status = s};
  if (const Status s = forward_backward.prepare(shape, {}, parameters, data, plan.chunk); s != Status::ok)
    return {.status = s};
  forward_backward.begin(data.x.order, &cancellation);
  LossSum loss;
  const auto body = [&](const Team& team) {
    const FlushDenormals flush;
    const LossSum sum =
        forward_backward.run(team, {0, data.samples}, plan.chunk, [&](const ChunkResult& result, Size l, Block block) {
          const Size samples = result.chunk.samples;
          const LayerView<T> sums = gradient.layer(l);
          if (shape.normalizes(l) && is_last(block, shape.sizes[l]))
            forward_backward.each_sum(l, samples, [&](const ParameterBlock& of, const T* values) {
              if (of.trained) add_sums(sums.row(of.first_row), values, of.columns, result.first);
            });
          block.last_row = std::min(block.last_row, gradient.blocks(l).product_rows());
          if (block.first_row < block.last_row)
            backward_weights(sums, sums.w, forward_backward.input(l, samples),
                             forward_backward.sigma_t(l + 1, block.first_panel), !result.first, block);
        });
    if (team.id == 0) loss = sum;
  };
  run_team(plan.threads, body);
  const T scale = static_cast<T>(gradient_scale(shape.loss, shape.outputs(), loss));
  Buffer<T>& sums = gradient.panels();
  const Status status = in_parallel(sums.size(), block_elements, cancellation, [&](Size begin, Size end) {
    for (Size i = begin; i < end; ++i) sums[i] *= scale;
  });
  return {.status = status,
          .loss = mean_loss(shape.loss, shape.outputs(), loss),
          .correct = loss.correct,
          .samples = data.samples};
}

template LossResult gradients(const Parameters<float>&, const Data<float>&, Parameters<float>&, Cancellation&);
template LossResult gradients(const Parameters<double>&, const Data<double>&, Parameters<double>&, Cancellation&);

}  // namespace fcnet
