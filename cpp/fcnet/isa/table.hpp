// SPDX-License-Identifier: MIT
// The seam between what is computed when (trainer, predictor: compiled once) and how (the kernels: compiled once per
// instruction set). Plain data only. Legend: n samples, k inputs, m outputs of a layer; a panel is 32 lanes wide.
#pragma once

#include <cstdint>

#include "fcnet/layout.hpp"

namespace fcnet {

// The first three are simple, see activations.hpp; `kept` is not one of a layer's but says that F' itself is at hand.
enum class Activation {
  identity,
  relu,
  kept,
  leaky_relu,
  elu,
  selu,
  sigmoid,
  tanh,
  softplus,
  exp,
  gelu,
  gelu_tanh,
  silu,
  softmax
};
enum class Normalization { none, layer, batch };
enum class Loss { cross_entropy, binary_cross_entropy, mse, rmse, mae, huber, poisson, quantile, custom };
enum class Optimizer { sgd, momentum, nesterov, adam, nadam, rmsprop, rmsprop_momentum, adagrad, lion };
// What the rows of a data set may hold.
enum class Element { float32, float64, float16, bfloat16, int8, int16, int32, int64, uint8, uint16, uint32, uint64 };

// One layer's parameters in their panels, see layout.hpp.
template <class T>
struct LayerView {
  T* w;
  Size stride;  // elements from one panel of 32 outputs to the next
  Size in, out;
  Activation activation;

  // Neuron j of a row.
  [[gnu::always_inline]] T& at(Size row, Size j) const { return w[j / lanes * stride + row * lanes + j % lanes]; }
  // Panels first..last of it.
  [[gnu::always_inline]] LayerView panels(Size first, Size last) const {
    return {w + first * stride, stride, in, (last * lanes < out ? last * lanes : out) - first * lanes, activation};
  }
};

// Panels of 32 samples, the last one perhaps not full.
template <class T>
struct Panels {
  T* p;
  Size stride;
  Size samples;
};

// Rows of a matrix, in the order that `order` lists them, or as they come where it is null. Steps count elements and
// may be negative. Column j enters as (x - offset[j]) * scale[j], as it is where scale is null; the difference is
// rounded once, from x - exact[j] in double, where exact is not null.
template <class T>
struct RowSource {
  const void* x;
  Element element;
  Size columns;
  std::ptrdiff_t row_step, column_step;
  const std::int64_t* order;
  const T *scale, *offset;
  // Sparse rows: row i holds the numbers starts[i]..starts[i + 1] of x, float32 or float64, in the columns that lie
  // beside them in `indices`, int64 where `long_indices`, else int32; the rest of it is 0. A column that there is not
  // is passed over: indices may change while they are read. Null where x holds every number.
  const std::int64_t* starts = nullptr;
  const void* indices = nullptr;
  bool long_indices = false;
  const double* exact = nullptr;  // only where T is float, and x holds numbers of 32 bits that are whole, or of 64
};

// A number of a sparse row: where it is in a panel of samples.
template <class T>
struct Term {
  T x;
  std::uint32_t column, sample;
};

// Sparse rows as the first layer takes them. The terms of panel p of 32 samples begin at terms + p * stride, in blocks
// of 32 columns, sample after sample in each; block b begins at starts[b], blocks + 1 of them for every panel and as
// many numbers of scratch.
template <class T>
struct SparsePanels {
  Term<T>* terms;
  Size stride;
  Size* starts;
  Size blocks, samples;

  [[gnu::always_inline]] SparsePanels from(Size panel) const {
    return {terms + panel * stride, stride, starts + panel * 2 * (blocks + 1), blocks, samples - panel * lanes};
  }
};

// What a loss compares the outputs of some samples with, each a lane of a panel, or one alone as a row. Cross-entropy
// takes labels, or probabilities where they are null; all others take targets of the shape of the outputs.
template <class T>
struct LossTask {
  Loss loss;
  Activation output;  // F of the last layer, which the outputs are without where it is linked, see batch_loss.hpp
  T parameter;        // label smoothing, delta of Huber's, or the quantile
  const std::int32_t* labels;
  const T* targets;
  const T* weights;                   // of the samples, or null: 1
  const double* quantiles = nullptr;  // where they are several: output j is for number j % count
  Size count = 0;
};

// Which outputs of a layer are dropped from a step, and the factor of the others: a neuron is dropped for a sample
// where their random number, of 32 bits, is below `below`; `first` is the number of the panel's first sample.
template <class T>
struct Dropout {
  std::uint64_t key, first;
  std::uint32_t below;
  T factor;
};

// What an optimiser needs to know of this step: gradient = scale * sum over samples. See optimizers.hpp.
template <class T>
struct OptimizerStep {
  Optimizer optimizer = Optimizer::sgd;
  T scale = 1, learning_rate = 0;
  T ahead = 0;             // NAdam's rate of the gradient itself
  T beta1 = 0, rest1 = 0;  // momentum, or the decay of Adam's first average; 1 - beta1
  T beta2 = 0, rest2 = 0, epsilon = 0;
  T keep = 1;                      // factor of the weights: decoupled weight decay
  T l2 = 0;                        // of the penalty l2 w^2 / 2 on weights
  bool decay_biases = false;       // both also of biases and gamma
  T clip_value = __builtin_inf();  // the gradients of the loss are within +- clip_value
};

// What an update reads and writes, from a layer's first panel on. `new_...` are the same places, unless the step may
// still be dropped. Slot i of the optimiser's state is at state + i * slot.
template <class T>
struct UpdateTarget {
  const T *w, *state;
  T *new_w, *new_state;
  Size slot;
  const T* sums;  // where the sums over the samples go on, or null: at 0
};

// A row-major product C (rows x columns), summed over `depth`: element (k, r) of the broadcast operand is at
// a[k * a_k + r * a_r]; the streamed operand is b (depth, columns), or its transpose where `b_transposed`.
template <class T>
struct RowMajorProduct {
  Size rows, columns, depth;
  const T* a;
  Size a_k, a_r;
  const T* b;
  bool b_transposed;
  const T* bias;  // (columns,) where the sums start, or null for 0
  const T* mask;  // (rows, columns): C is zeroed where mask <= 0; or null
  T* c;
  const OptimizerStep<T>* update;  // null: C becomes the sums; else C is the weights that they update
};

// Rows of C whose sums wait in scratch together.
constexpr Size product_rows = 256;

// A rectangle of a matrix, in rows and in panels of 32 columns.
struct Part {
  Size first_row, last_row, first_panel, last_panel;
};

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
  void (*back_data)(const LayerView<T>& layer, Panels<const T> sigma, Panels<const T> h, Activation previous,
                    Panels<T> result, Size first, Size last);
  void (*update)(const LayerView<T>& layer, Panels<const T> h, Panels<const T> sigma_t, const OptimizerStep<T>& step,
                 const UpdateTarget<T>& target, Size first, Size last);
  // Without the optimiser, for chunks that are not the last: the same sums into `gradient` (panels like w), continued
  // where `add`.
  void (*accumulate)(const LayerView<T>& layer, Panels<const T> h, Panels<const T> sigma_t, T* gradient, bool add,
                     Size first, Size last);

  // sparse_layer.hpp: gather, forward, and update or accumulate, for sparse rows before the first layer
  void (*gather_terms)(const RowSource<T>& rows, Size first, Size samples, const SparsePanels<T>& to);
  void (*forward_terms)(const LayerView<T>& layer, const SparsePanels<T>& x, Panels<T> result, Size first, Size last);
  void (*update_terms)(const LayerView<T>& layer, const SparsePanels<T>& x, Panels<const T> sigma_t,
                       const OptimizerStep<T>* step, const UpdateTarget<T>& target, Size first, Size last);

  // norm.hpp: of rows of 32, the first `used` of each
  double (*sum_of_squares)(const T* rows, Size count, Size used);

  // losses.hpp: on one panel; loss per sample; returns how many samples are classified correctly.
  int (*loss)(const LossTask<T>& task, const T* output, Size outputs, Size samples, T* sigma, T* losses);

  // activation_panels.hpp: what is not an epilogue of a product, for rows first..last of panels. h = F(h) and
  // slope = F'(h); sigma o F'; softmax, and what it makes of its sigma, in place on one panel
  void (*activate_keeping)(Activation activation, Panels<T> h, Panels<T> slope, Size first, Size last);
  void (*derive)(Activation activation, Panels<T> sigma, Panels<const T> h, Size first, Size last);
  void (*softmax)(T* panel, Size classes, Size samples);
  void (*softmax_backward)(T* sigma, const T* p, Size classes, Size samples);
  void (*drop)(const Dropout<T>& dropout, Panels<T> h, Panels<T> slope, Size first, Size last);

  // normalization.hpp: h_in = gamma o normal + beta in place of h, and normal, which may lie where h does; then what
  // sigma, the derivative by h_in, is by the product, in its place. Of one panel, whose samples' 1 / deviation are
  // kept; or of rows first..last over the whole batch, whose mean and variance are kept, or taken from the layer where
  // `running`.
  void (*layer_norm)(const LayerView<T>& layer, T epsilon, T* h, T* normal, T* inverse, Size samples);
  void (*layer_norm_backward)(const LayerView<T>& layer, T* sigma, const T* normal, const T* inverse, T* before,
                              Size samples);
  void (*batch_norm)(const LayerView<T>& layer, T epsilon, bool running, Panels<T> h, Panels<T> normal, T* mean,
                     T* variance, Size first, Size last);
  void (*batch_norm_backward)(const LayerView<T>& layer, T epsilon, bool running, Panels<T> sigma,
                              Panels<const T> normal, const T* variance, T* gamma, T* beta, Size first, Size last);
  void (*sums_over_samples)(Panels<const T> sigma, Panels<const T> normal, T* gamma, T* beta, Size rows);

  // small_batch.hpp: whole steps of few samples; the forward pass of few rows, for outputs of panels first..last
  Size (*train_rows)(const RowTraining<T>& training, Size first, Size last, Size batch, RowProgress& progress);
  void (*gather_rows)(const RowSource<T>& rows, Size first, Size n, Rows<T> h);
  void (*forward_rows)(const LayerView<T>& layer, Rows<const T> h, Size n, Rows<T> result, Size first, Size last);
  void (*softmax_rows)(Rows<T> z, Size n, Size classes);

  // rowmajor.hpp: scratch holds (depth + product_rows) * 32 elements
  void (*product)(const RowMajorProduct<T>& product, const Part& part, T* scratch);

  // elementwise.hpp: out may be x; whether no element is infinite or NaN; whole rows of 32
  bool (*finite)(const T* x, Size count);
  void (*activate)(Activation activation, const T* x, Size count, T* out);
  void (*exp)(const T* x, Size count, T* out);
  void (*log)(const T* x, Size count, T* out);
  void (*average)(T* a, const T* x, Size count, T share);

  // normal.hpp: weights `first`.. of a layer, standard normal times `spread`
  void (*normal)(std::uint64_t seed, std::uint32_t layer, std::uint64_t first, Size count, double spread, T* out);

  // ceilings.hpp: what the machine can do at most, for benchmarks only
  double (*multiply_add)(Size rounds, T factor, T* result);
  T (*read)(const T* x, Size count);
  void (*descend)(T* w, const T* g, Size count, T a);
};

struct InstructionSet {
  const char* name;
  Kernels<float> float32;
  Kernels<double> float64;
  Size tile_rows;           // the tile's height: the grain in which rows are shared out
  Size tile_bytes;          // its width: that in which samples are
  double flops_per_second;  // of one core in float32, a cautious guess
  // writes whole vectors: room for up to 7 more
  void (*shuffle_words)(std::uint64_t seed, std::uint32_t epoch, std::uint64_t first, Size count, std::uint64_t* words);
};

}  // namespace fcnet
