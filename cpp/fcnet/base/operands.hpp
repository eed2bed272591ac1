// SPDX-License-Identifier: MIT
// What kernels are called with: plain data only, the same for every instruction set. Legend: n samples, k inputs, m
// outputs of a layer; a panel is 32 lanes wide.
#pragma once

#include <cstdint>

#include "fcnet/base/layout.hpp"
#include "fcnet/base/options.hpp"

namespace fcnet {

// One row of parameters in panels: a number for every neuron.
template <class T>
struct ParameterRow {
  T* p;
  Size stride;

  [[gnu::always_inline]] T& operator[](Size j) const { return p[j / panel_width * stride + j % panel_width]; }
};

// The parameters of a normalisation, see normalization.hpp.
template <class T>
struct NormalizationRows {
  ParameterRow<T> gamma, beta, mean, variance;
  Size neurons;
};

// One layer's parameters in their panels, see layout.hpp.
template <class T>
struct LayerView {
  T* w;
  Size stride;  // elements from one panel of 32 outputs to the next
  Size in, out;
  Activation activation;
  bool biased = true;  // forward: the sums start at the bias, else at 0, as for derivatives of inputs

  [[gnu::always_inline]] ParameterRow<T> row(Size row) const { return {w + row * panel_width, stride}; }
  // Panels first..last of it.
  [[gnu::always_inline]] LayerView panels(Size first, Size last) const {
    return {w + first * stride, stride, in, (last * panel_width < out ? last * panel_width : out) - first * panel_width,
            activation};
  }
};

// Layers of the members of an ensemble, each with its own, see members.hpp: W (in, out, members), B (out, members).
template <class T>
struct HeadsView {
  const T *w, *b;
  Size in, out, members;
};

// Frequencies, and outputs, of the embedding of a number at most.
constexpr Size most_of_embedding = 128;

// The columns of x, the arrays that embed them, each contiguous, and the rows that they become, see columns.hpp. In x
// stand the numbers, then others that enter as they are, then a code for each table; in the result the embeddings of
// the numbers, the numbers themselves where the embedding keeps them, the others, and for each code its table's row.
template <class T>
struct ColumnsView {
  NumberEmbedding embedding;
  Size numbers, others, tables;
  Size frequencies, size;  // of the embedding of a number
  bool relu, shared;       // of its results; one V and v for all numbers
  Size table_size;
  const double* edges;     // piecewise linear: of the bins of all numbers
  const Size* first_bin;   // of each number, and the end
  const Size* categories;  // of each table, which has a row more: the first, for what is unknown
  T *frequency, *phase;    // (numbers, frequencies)
  T *weights, *bias;       // V (features of all numbers, size), v (numbers, size); or those that are shared
  T* slope;                // (numbers, size), or null
  T* table;                // (rows of all tables, table_size)

  [[gnu::always_inline]] Size embedded() const { return numbers * size; }
  // The first column that enters as it is too, and how many do.
  [[gnu::always_inline]] Size first_kept() const {
    return embedding == NumberEmbedding::none || embedding == NumberEmbedding::periodic ? 0 : numbers;
  }
  [[gnu::always_inline]] Size kept() const { return numbers + others - first_kept(); }
  [[gnu::always_inline]] Size first_code() const { return numbers + others; }
  // The first row of the result that is of a table.
  [[gnu::always_inline]] Size before_tables() const { return embedded() + kept(); }
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
  const void* x = nullptr;
  DType dtype{};
  Size columns = 0;
  std::ptrdiff_t row_step = 0, column_step = 1;
  const std::int64_t* order = nullptr;
  const T *scale = nullptr, *offset = nullptr;
  // Sparse rows: row i holds the numbers starts[i]..starts[i + 1] of x, float32 or float64, in the columns that lie
  // beside them in `indices`, int64 where `long_indices`, else int32; the rest of it is 0. A column that there is not
  // is passed over: indices may change while they are read. Null where x holds every number.
  const std::int64_t* starts = nullptr;
  const void* indices = nullptr;
  bool long_indices = false;
  const double* exact = nullptr;  // only where T is float, and x holds numbers of 32 bits that are whole, or of 64
};

// A number of a sparse row, and where it is in a panel of samples.
template <class T>
struct Nonzero {
  T x;
  std::uint32_t column, sample;
};

// Sparse rows as the first layer takes them. The nonzeros of panel p of 32 samples begin at nonzeros + p * stride, in
// blocks of 32 columns, sample after sample in each; block b begins at starts[b], blocks + 1 of them for every panel
// and as many numbers of scratch.
template <class T>
struct SparsePanels {
  Nonzero<T>* nonzeros;
  Size stride;
  Size* starts;
  Size blocks, samples;

  [[gnu::always_inline]] SparsePanels from(Size panel) const {
    return {nonzeros + panel * stride, stride, starts + panel * 2 * (blocks + 1), blocks,
            samples - panel * panel_width};
  }
};

// What a loss compares the outputs of some samples with, each a lane of a panel, or one alone as a row. Cross-entropy
// takes labels, or probabilities where they are null; all others take targets of the shape of the outputs.
template <class T>
struct LossTask {
  Loss loss;
  Activation output;  // F of the last layer, which the outputs are without where it is linked, see batch_loss.hpp
  T parameter = 0;    // label smoothing, delta of Huber's, or the quantile
  const std::int32_t* labels = nullptr;
  const T* targets = nullptr;
  const T* weights = nullptr;         // of the samples, or null: 1
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

// A value with its derivatives along some directions, and where these have weights the weighted sum of its second
// derivatives along them, see jets.hpp.
template <class T>
struct Jet {
  Size directions = 0;
  const T* weights = nullptr;  // of the directions
};

// What an optimizer needs to know of this step: gradient = scale * sum over samples. See optimizers.hpp.
template <class T>
struct OptimizerStep {
  Optimizer optimizer = Optimizer::sgd;
  T scale = 1, learning_rate = 0;
  T ahead = 0;             // NAdam's rate of the gradient itself
  T beta1 = 0, rest1 = 0;  // momentum, or the decay of Adam's first average; 1 - beta1
  T beta2 = 0, rest2 = 0, epsilon = 0;
  T decay_factor = 1;              // factor of the weights: decoupled weight decay
  T l2 = 0;                        // of the penalty l2 w^2 / 2 on weights
  bool decay_biases = false;       // both also of biases and gamma
  T clip_value = __builtin_inf();  // the gradients of the loss are within +- clip_value
};

// What an update reads and writes, from a layer's first panel on. `new_...` are the same places, unless the step may
// still be dropped. Slot i of the optimizer's state is at state + i * slot.
template <class T>
struct UpdateTarget {
  const T *w = nullptr, *state = nullptr;
  T *new_w = nullptr, *new_state = nullptr;
  Size slot = 0;
  const T* sums = nullptr;  // where the sums over the samples go on, or null: at 0
};

// A row-major product C (rows x columns), summed over `depth`: element (k, r) of the broadcast operand is at
// a[k * a_k + r * a_r]; the streamed operand is b (depth, columns), or its transpose where `b_transposed`.
template <class T>
struct RowMajorProduct {
  Size rows, columns, depth;
  const T* a;
  Size a_k, a_r;
  const T* b;
  bool b_transposed = false;
  const T* bias = nullptr;  // (columns,) where the sums start, or null for 0
  const T* mask = nullptr;  // (rows, columns): C is zeroed where mask <= 0; or null
  T* c;
  const OptimizerStep<T>* update = nullptr;  // null: C becomes the sums; else C is the weights that they update
};

// A block of a matrix, in rows and in panels of 32 columns.
struct Block {
  Size first_row, last_row, first_panel, last_panel;
};

}  // namespace fcnet
