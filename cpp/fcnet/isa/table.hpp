// SPDX-License-Identifier: MIT
// The seam between what is computed when (trainer, predictor: compiled once) and how (the kernels: compiled once per
// instruction set).
#pragma once

#include "fcnet/base/operands.hpp"

namespace fcnet {

template <class T>
struct Rows;
template <class T>
struct RowTraining;
struct RowProgress;

template <class T>
struct Kernels {
  // A panel here may begin inside one, as far from its end as there are samples, at a multiple of the tile's lanes.
  // pack.hpp: `samples` rows from `first` on become the lanes of one panel; back; sigma rows of one panel as
  // [out / 32][batch][32], of which this panel fills `samples` from `sigma_t` on.
  void (*gather)(const RowSource<T>& rows, Size first, Size samples, T* panel);
  void (*scatter)(const T* panel, Size columns, Size samples, T* out);
  void (*transpose)(const T* sigma, Size out, Size first_panel, Size last_panel, Size samples, T* sigma_t, Size stride);

  // The three products, for rows first..last of their result (docs/design.md, section 1).
  void (*forward)(const LayerView<T>& layer, Panels<const T> h, Panels<T> result, Size first, Size last);
  void (*backward_data)(const LayerView<T>& layer, Panels<const T> sigma, Panels<const T> h, Activation previous,
                        Panels<T> result, Size first, Size last);
  void (*update)(const LayerView<T>& layer, Panels<const T> h, Panels<const T> sigma_t, const OptimizerStep<T>& step,
                 const UpdateTarget<T>& target, Size first, Size last);
  // Backward-weights, dL/dW without the optimizer, for chunks that are not the last: the same sums into `gradient`
  // (panels like w), continued where `add`.
  void (*backward_weights)(const LayerView<T>& layer, Panels<const T> h, Panels<const T> sigma_t, T* gradient, bool add,
                           Size first, Size last);

  // sparse.hpp: gather, forward, and update or backward-weights, for sparse rows before the first layer
  void (*gather_nonzeros)(const RowSource<T>& rows, Size first, Size samples, const SparsePanels<T>& to);
  void (*forward_nonzeros)(const LayerView<T>& layer, const SparsePanels<T>& x, Panels<T> result, Size first,
                           Size last);
  void (*update_nonzeros)(const LayerView<T>& layer, const SparsePanels<T>& x, Panels<const T> sigma_t,
                          const OptimizerStep<T>* step, const UpdateTarget<T>& target, Size first, Size last);

  // gradient_norm.hpp: of rows of 32, the first `used` of each
  double (*sum_of_squares)(const T* rows, Size count, Size used);

  // losses.hpp: on one panel; loss per sample; returns how many samples are classified correctly.
  int (*loss)(const LossTask<T>& task, const T* output, Size outputs, Size samples, T* sigma, T* losses);

  // activation_panels.hpp: what is not an epilogue of a product, for rows first..last of panels. h = F(h) and
  // slope = F'(h); sigma o F'; softmax, and what it makes of its sigma, in place on one panel
  void (*activate_and_save_derivative)(Activation activation, Panels<T> h, Panels<T> slope, Size first, Size last);
  void (*derive)(Activation activation, Panels<T> sigma, Panels<const T> h, Size first, Size last);
  void (*softmax)(T* panel, Size classes, Size samples);
  void (*softmax_backward)(T* sigma, const T* p, Size classes, Size samples);
  void (*drop)(const Dropout<T>& dropout, Panels<T> h, Panels<T> slope, Panels<T> excess, Size first, Size last);

  // parametric.hpp: rows first..last of h become h + a o (F(h) - h), with what is saved, unless it is null; and back,
  // with sums over groups of samples for a, (groups, rows), and what they are of, unless it is null
  void (*mix)(Activation activation, ParameterRow<T> a, Panels<T> h, Panels<T> excess, Panels<T> slope, Size first,
              Size last);
  void (*mix_backward)(Panels<T> sigma, Panels<const T> excess, Panels<const T> slope, T* sums, Size rows,
                       Panels<T> products, Size first, Size last);

  // jets.hpp: from z to h, and what sigma of h is by z, in place; for rows first..last of panels, parts `step` apart
  void (*activate_jets)(Activation activation, const Jet<T>& jet, Size step, Panels<const T> z, Panels<T> h, Size first,
                        Size last);
  void (*derive_jets)(Activation activation, const Jet<T>& jet, Size step, Panels<const T> z, Panels<T> sigma,
                      Size first, Size last);

  // scale.hpp: rows first..last of `from`, each times its number of `by`
  void (*scale)(ParameterRow<T> by, Panels<const T> from, Panels<T> to, Size first, Size last);

  // members.hpp: of one panel, then rows first..last of all; sums over rows are (rows, members)
  void (*repeat_lanes)(T* panel, Size columns, Size members);
  void (*mean_of_members)(const T* panel, Size columns, Size samples, Size members, T* out);
  void (*scale_by_member)(const T* r, Size members, Panels<const T> from, Panels<T> to, Size first, Size last);
  void (*adapt)(const T* s, const T* b, Size members, Panels<T> h, Panels<T> product, Size first, Size last);
  void (*adapt_backward)(const T* s, Size members, Panels<T> sigma, Panels<T> before, Size first, Size last);
  void (*sums_by_member)(Panels<const T> sigma, Panels<const T> h, Size members, T* sums, Size first, Size last);
  void (*heads)(const HeadsView<T>& view, Panels<const T> h, Panels<T> z, Size first, Size last);
  void (*heads_backward)(const HeadsView<T>& view, Panels<const T> sigma, Panels<T> to, Size first, Size last);
  void (*heads_sums)(const HeadsView<T>& view, Panels<const T> h, Panels<const T> sigma, T* of_w, T* of_b, Size first,
                     Size last);

  // columns.hpp, on one panel: from columns of x what goes into the first layer, h; tangents of it from those of x;
  // back through an activation, sigma, and dL/dx unless it is null; of all panels the sums over the samples for parts
  // first..last of the arrays, see Columns::sums
  void (*embed)(const ColumnsView<T>& columns, const T* x, T* h, Size samples);
  void (*embed_along)(const ColumnsView<T>& columns, const T* x, const T* h, const T* tangents, T* to, Size samples);
  void (*embed_backward)(const ColumnsView<T>& columns, const T* x, const T* h, T* sigma, T* dx, Size samples);
  void (*embed_sums)(const ColumnsView<T>& columns, Panels<const T> x, Panels<const T> sigma, const ColumnsView<T>& to,
                     Size first, Size last);

  // normalization.hpp: h_in = gamma o normalized + beta in place of h, and normalized, which may lie where h does; then
  // what sigma, the derivative by h_in, is by the product, in its place. Of one panel, whose samples' 1 / deviation are
  // saved; or of rows first..last over the whole batch, whose mean and variance are saved, or taken from the layer
  // where `running`; then the sums into gamma and beta are left out if both are null.
  void (*layer_norm)(const NormalizationRows<T>& layer, T epsilon, T* h, T* normalized, T* inverse, Size samples);
  void (*layer_norm_backward)(const NormalizationRows<T>& layer, T* sigma, const T* normalized, const T* inverse,
                              T* before, Size samples);
  void (*batch_norm)(const NormalizationRows<T>& layer, T epsilon, bool running, Panels<T> h, Panels<T> normalized,
                     T* mean, T* variance, Size first, Size last);
  void (*batch_norm_backward)(const NormalizationRows<T>& layer, T epsilon, bool running, Panels<T> sigma,
                              Panels<const T> normalized, const T* variance, T* gamma, T* beta, Size first, Size last);
  void (*sums_over_samples)(Panels<const T> sigma, Panels<const T> normalized, T* gamma, T* beta, Size rows);

  // small_batch.hpp: whole steps of few samples; the forward pass of few rows, for outputs of panels first..last
  Size (*train_rows)(const RowTraining<T>& training, Size first, Size last, Size batch, RowProgress& progress);
  void (*gather_rows)(const RowSource<T>& rows, Size first, Size n, Rows<T> h);
  void (*forward_rows)(const LayerView<T>& layer, Rows<const T> h, Size n, Rows<T> result, Size first, Size last);
  void (*softmax_rows)(Rows<T> z, Size n, Size classes);

  // rowmajor.hpp: scratch holds (depth + blocking.product_rows) * 32 elements
  void (*product)(const RowMajorProduct<T>& product, const Block& block, T* scratch);

  // elementwise.hpp: out may be x; whether no element is infinite or NaN; whole rows of 32
  bool (*finite)(const T* x, Size count);
  void (*activate)(Activation activation, const T* x, Size count, T* out);
  void (*exp)(const T* x, Size count, T* out);
  void (*log)(const T* x, Size count, T* out);
  void (*sin)(const T* x, Size count, T* out);
  void (*cos)(const T* x, Size count, T* out);
  void (*average)(T* a, const T* x, Size count, T weight);

  // gaussian_init.hpp: weights `first`.. of a layer, standard normal times `spread`
  void (*gaussian_init)(std::uint64_t seed, std::uint32_t layer, std::uint64_t first, Size count, double spread,
                        T* out);

  // roofline.hpp: what the machine can do at most, for benchmarks only
  double (*multiply_add)(Size rounds, T factor, T* result);
  T (*read)(const T* x, Size count);
  void (*descend)(T* w, const T* g, Size count, T a);
};

struct InstructionSet {
  const char* name;
  Kernels<float> float32;
  Kernels<double> float64;
  Size tile_rows;           // the tile's height: the granularity of shares of rows
  Size tile_bytes;          // its width: that of samples
  double flops_per_second;  // of one core in float32, a cautious guess
  // writes whole vectors: room for up to 7 more
  void (*shuffle_words)(std::uint64_t seed, std::uint32_t epoch, std::uint64_t first, Size count, std::uint64_t* words);
};

}  // namespace fcnet
