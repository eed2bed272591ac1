// SPDX-License-Identifier: MIT
// Forward mode: tangents of the inputs through the stages, beside a forward pass that is kept. They lie where sigma
// does on the way back. The Jacobian of every stage but embed, scale and product is symmetric, up to the factors gamma
// of a normalisation: the kernels of the way back serve here too.
#pragma once

#include "fcnet/engine/layer_pass.hpp"

namespace fcnet {

template <class T>
class TangentPass {
 public:
  // Borrows all: the tangents (samples, inputs), and as many numbers 1 as the widest layer has neurons.
  TangentPass(LayerPass<T>& pass, const Parameters<T>& parameters, const T* input_scale, const T* tangents, T* ones)
      : pass_(pass), parameters_(parameters), input_scale_(input_scale), tangents_(tangents), ones_(ones) {}

  Size granularity(Size i, const Team& team) const { return row_granularity(stages().group(i).rows, team.size); }
  void run(std::span<const Stage> of_group, Size i, Chunk chunk, Size at, Size n, Size first, Size last) const {
    for (const Stage& stage : of_group) run(stage, i, chunk, at, n, first, last);
  }

 private:
  const Stages& stages() const { return pass_.stages(); }

  void run(const Stage& stage, Size i, Chunk chunk, Size at, Size n, Size first, Size last) const {
    Workspace<T>& w = pass_.workspace();
    const Group& group = stages().group(i);
    const Panels<T> t = w.sigma(i, at, n);
    switch (stage.kind) {
      case StageKind::gather: {
        const Size inputs = stages().shape().inputs();
        const Panels<T> of_x = stages().embeds() ? w.columns_sigma(at, n) : t;
        kernels<T>().gather(plain_rows(tangents_, inputs), chunk.first + at, n, of_x.p);
        if (input_scale_ != nullptr)
          kernels<T>().scale({const_cast<T*>(input_scale_), panel_width}, read_only(of_x), of_x, 0, inputs);
        return;
      }
      case StageKind::embed:
        return kernels<T>().embed_along(parameters_.columns(), w.columns(at, n).p, w.h(i, at, n).p,
                                        w.columns_sigma(at, n).p, t.p, n);
      case StageKind::scale:
        return kernels<T>().scale(pass_.scale_row(stage), read_only(t), t, first, last);
      case StageKind::product:
        return kernels<T>().forward(parameters_.linear_layer(stage.layer), read_only(w.sigma(i - 1, at, n)), t, first,
                                    last);
      case StageKind::activation:
      case StageKind::parametric:
        return pass_.derive(i, at, n, first, last);
      case StageKind::batch_norm:
      case StageKind::softmax:
        return pass_.run_back(stage, i, at, n, first, last);
      case StageKind::layer_norm: {
        NormalizationRows<T> rows = parameters_.normalization(stage.layer);
        const ParameterRow<T> gamma = rows.gamma;
        rows.gamma = {ones_, panel_width};
        kernels<T>().layer_norm_backward(rows, t.p, w.normalized(i, at, n).p, pass_.inverse_deviations(i) + at,
                                         w.before(i, at, n).p, n);
        return kernels<T>().scale(gamma, read_only(t), t, 0, group.rows);
      }
      case StageKind::heads:
      case StageKind::adapt:  // refused by the bindings
      case StageKind::dropout:
      case StageKind::loss:
        return;
    }
  }

  LayerPass<T>& pass_;
  const Parameters<T>& parameters_;
  const T* input_scale_;
  const T* tangents_;
  T* ones_;
};

}  // namespace fcnet
