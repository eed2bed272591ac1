// SPDX-License-Identifier: MIT
#include "fcnet/engine/gradients.hpp"

#include "fcnet/engine/propagation.hpp"

namespace fcnet {

template <class T>
LossResult gradients(const Parameters<T>& parameters, const Data<T>& data, Parameters<T>& gradient, Watch& watch) {
  const Shape& shape = parameters.shape();
  const Plan plan = plan_training<T>(shape, {}, data.samples, Hyperparameters{}, num_threads(), sparsity(data));
  Propagation<T> propagation;
  if (const Status s = gradient.allocate(shape, watch); s != Status::ok) return {.status = s};
  if (const Status s = propagation.prepare(shape, {}, parameters, data, plan.chunk); s != Status::ok)
    return {.status = s};
  propagation.begin(data.x.order, &watch);
  LossSum loss;
  const auto body = [&](const Team& team) {
    const FlushDenormals flush;
    const LossSum sum = propagation.run(team, {0, data.samples}, plan.chunk, [&](const Pass& pass, Size l, Part part) {
      const Size samples = pass.chunk.samples;
      const LayerView<T> sums = gradient.layer(l);
      if (shape.normalizes(l) && is_last(part, shape.sizes[l]))
        propagation.normalization_sums(l, samples).put(sums, shape.kind(l).bias, !pass.first);
      part.last_row = std::min(part.last_row, shape.product_rows(l));
      if (part.first_row < part.last_row)
        accumulate(sums, sums.w, propagation.input(l, samples), propagation.sigma_t(l + 1, part.first_panel),
                   !pass.first, part);
    });
    if (team.id == 0) loss = sum;
  };
  run_team(plan.threads, body);
  const T scale = static_cast<T>(gradient_scale(shape.loss, shape.outputs(), loss));
  Buffer<T>& sums = gradient.panels();
  const Status status = in_parallel(sums.size(), strip_elements, watch, [&](Size begin, Size end) {
    for (Size i = begin; i < end; ++i) sums[i] *= scale;
  });
  return {status, mean_loss(shape.loss, shape.outputs(), loss), loss.correct, data.samples};
}

template LossResult gradients(const Parameters<float>&, const Data<float>&, Parameters<float>&, Watch&);
template LossResult gradients(const Parameters<double>&, const Data<double>&, Parameters<double>&, Watch&);

}  // namespace fcnet
