// SPDX-License-Identifier: MIT
#include "fcnet/engine/gradients.hpp"

#include "fcnet/engine/forward_backward.hpp"
#include "fcnet/engine/sum_sink.hpp"

namespace fcnet {

template <class T>
LossResult gradients(const Parameters<T>& parameters, const Data<T>& data, Parameters<T>& gradient,
                     Cancellation& cancellation) {
  const Shape& shape = parameters.shape();
  const Plan plan = plan_training<T>(parameters.stages(), {}, data.samples, Hyperparameters{}, num_threads(),
                                     sparsity(parameters.stages(), data));
  ForwardBackward<T> forward_backward;
  if (const Status s = gradient.allocate_like(parameters, cancellation); s != Status::ok) return {.status = s};
  if (const Status s = forward_backward.prepare(parameters.stages(), {}, parameters, data, plan.chunk); s != Status::ok)
    return {.status = s};
  forward_backward.begin(data.x.order, &cancellation);
  LossSum loss;
  const auto body = [&](const Team& team) {
    const FlushDenormals flush;
    SumSink<T> sink(gradient);
    const LossSum sum = forward_backward.run(team, {0, data.samples}, plan.chunk, sink);
    if (team.id == 0) loss = sum;
  };
  run_team(plan.threads, body,
           patience(3 * parameters.stages().flops() * static_cast<double>(data.samples * shape.lanes())));
  const T scale = static_cast<T>(gradient_scale(shape.loss, shape.outputs(), loss));
  Buffer<T>& sums = gradient.panels();
  const Status status = in_parallel(sums.size(), block_elements, cancellation, [&](Size begin, Size end) {
    for (Size i = begin; i < end; ++i) sums[i] *= scale;
  });
  return {.status = status,
          .loss = mean_loss(shape.loss, shape.outputs(), loss),
          .correct = loss.correct / static_cast<std::int64_t>(shape.lanes()),
          .samples = data.samples};
}

template LossResult gradients(const Parameters<float>&, const Data<float>&, Parameters<float>&, Cancellation&);
template LossResult gradients(const Parameters<double>&, const Data<double>&, Parameters<double>&, Cancellation&);

}  // namespace fcnet
