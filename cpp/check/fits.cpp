// SPDX-License-Identifier: MIT
// Whole fits and predictions of every instruction set that this CPU has, without Python: networks with every
// activation, normalisation, dropout and loss, batches in rows and in panels, data of every type and sparse. One line
// "name hash" for each instruction set, as kernels.cpp prints it. Exits with 0 if all is finite (the sign of a NaN is
// up to the CPU), rows predicted alone are those predicted together, and sparse rows learn what their dense array does.
#include <bit>

#include "fcnet/engine/predictor.hpp"
#include "fcnet/engine/trainer.hpp"
#include "fcnet/model/initialization.hpp"
#include "problems.hpp"

using namespace fcnet;
using namespace fcnet::check;

namespace {

constexpr Size inputs = 37, outputs = 5, samples = 70;

// The same numbers in every type that holds them.
struct Numbers {
  std::vector<std::uint8_t> whole;
  std::vector<std::uint16_t> halves, brains;  // float16 and bfloat16
  std::vector<float> single;
  std::vector<double> twice;

  explicit Numbers(Judge& judge) {
    for (Size i = 0; i < samples * inputs; ++i) {
      const auto value = static_cast<std::uint8_t>(static_cast<int>(judge.draw() * 4) + 4);
      whole.push_back(value);
      single.push_back(value);
      twice.push_back(value);
      const std::uint32_t bits = std::bit_cast<std::uint32_t>(single.back());
      brains.push_back(static_cast<std::uint16_t>(bits >> 16));
      halves.push_back(value == 0 ? 0
                                  : static_cast<std::uint16_t>(((bits >> 13) & 0x3FF) | (((bits >> 23) - 112) << 10)));
    }
  }
  template <class T>
  RowSource<T> as(DType dtype) const {
    const void* const x = dtype == DType::float32    ? static_cast<const void*>(single.data())
                          : dtype == DType::float64  ? static_cast<const void*>(twice.data())
                          : dtype == DType::float16  ? static_cast<const void*>(halves.data())
                          : dtype == DType::bfloat16 ? static_cast<const void*>(brains.data())
                                                     : static_cast<const void*>(whole.data());
    return {.x = x, .dtype = dtype, .columns = inputs, .row_step = inputs};
  }
};

template <class T>
class Fits {
 public:
  explicit Fits(Judge& judge) : judge_(judge), numbers_(judge) {
    for (Size i = 0; i < samples; ++i) {
      labels_.push_back(static_cast<std::int32_t>(i % outputs));
      bits_.push_back(static_cast<std::int32_t>(i / 3 % 2));
      weights_.push_back(static_cast<T>(i % 3 + 1));
    }
    targets_ = judge.template vector<T>(samples * outputs);
    for (T& target : targets_) target = target < 0 ? T(0) : T(1);
  }

  bool run() {
    for (int a = 0; a <= static_cast<int>(Activation::softmax); ++a) {
      const Activation activation = static_cast<Activation::Kind>(a);
      if (activation == Activation::saved_derivative || activation == Activation::exp)
        continue;  // not for hidden layers
      for (const Normalization n : {Normalization::none, Normalization::layer, Normalization::batch})
        for (const double dropout : {0.0, 0.25})
          if (activation != Activation::softmax || (n == Normalization::none && dropout == 0))
            for (const Size batch : {5, 33})
              fit({.activation = activation, .dropout = dropout, .normalization = n, .epsilon = 1e-5, .momentum = 0.1},
                  Loss::cross_entropy, batch);
    }
    for (const Activation activation : {Activation(Activation::leaky_relu, 0.3), Activation(Activation::elu, 0.5)})
      for (const double dropout : {0.0, 0.25})
        for (const Size batch : {5, 33})
          fit({.activation = activation, .dropout = dropout}, Loss::cross_entropy, batch);
    for (const double dropout : {0.0, 0.25})
      for (const Size batch : {5, 33})
        fit({.dropout = dropout, .normalization = Normalization::layer, .epsilon = 1e-5, .product_bias = true},
            Loss::cross_entropy, batch);
    for (int l = 0; l < static_cast<int>(Loss::custom); ++l) {
      for (const Size batch : {1, 48}) fit({}, static_cast<Loss>(l), batch);
      for (const Size batch : {1, 4}) fit({}, static_cast<Loss>(l), batch, DType::float32, {2, 2, 2, 2});
    }
    for (const Normalization n : {Normalization::none, Normalization::layer, Normalization::batch})
      for (const Activation activation : {Activation::relu, Activation::gelu})
        for (const Size batch : {5, 48})
          fit({.activation = activation,
               .dropout = n == Normalization::none ? 0.25 : 0,
               .normalization = n,
               .epsilon = 1e-5,
               .momentum = 0.1,
               .scale = true},
              Loss::cross_entropy, batch);
    for (const Normalization n : {Normalization::none, Normalization::layer, Normalization::batch})
      for (const Activation activation : {Activation::relu, Activation::mish})
        for (const Size batch : {5, 48})
          fit({.activation = activation,
               .dropout = n == Normalization::none ? 0.25 : 0,
               .normalization = n,
               .epsilon = 1e-5,
               .momentum = 0.1,
               .scale = n == Normalization::layer,
               .parametric = true},
              Loss::cross_entropy, batch);
    for (const bool scale : {false, true})
      for (const Size batch : {5, 48})
        for (const Columns& columns : kinds_of_columns()) embedded(columns, scale, batch);
    for (const bool adapts_all : {false, true})
      for (const Size members : {1, 4, 32})
        for (const Size batch : {5, 48}) ensemble(members, adapts_all, batch);
    for (const DType dtype : {DType::float64, DType::float16, DType::bfloat16, DType::uint8})
      for (const Size batch : {4, 33}) fit({}, Loss::cross_entropy, batch, dtype);
    for (const Optimizer optimizer : {Optimizer::sgd, Optimizer::momentum})
      for (const Size batch : {1, 33, 70}) sparse(optimizer, batch);
    return good_;
  }

 private:
  void fit(const LayerKind& hidden, Loss loss, Size batch, DType dtype = DType::float32,
           const std::vector<Size>& sizes = {inputs, 33, 20, outputs}) {
    const LayerKind last{link(loss)};
    const Shape shape{.sizes = sizes, .loss = loss, .parameter = 0.25, .kinds = {hidden, hidden, last}};
    const bool labels = loss == Loss::cross_entropy;
    Data<T> data{.x = numbers_.as<T>(dtype), .samples = samples};
    if (labels)
      data.labels = shape.outputs() == outputs ? labels_.data() : bits_.data();
    else
      data.targets = targets_.data();
    data.x.columns = sizes.front();
    if (shape.outputs() == outputs) data.weights = weights_.data();
    for (const std::vector<T>& numbers : results(shape, data, batch, Optimizer::momentum))
      judge_.expect(numbers, {}, "fit", 0, 0, 0);
  }

  // Embeddings of 20 numbers, and of codes from 0 to 8.
  static std::vector<Columns> kinds_of_columns() {
    Columns periodic{.numbers = 20,
                     .others = 14,
                     .embedding = NumberEmbedding::periodic,
                     .frequencies = 5,
                     .size = 3,
                     .categories = {8, 8, 6},
                     .table_size = 4};
    Columns plr = periodic;
    plr.embedding = NumberEmbedding::plr;
    plr.size = 18;
    plr.relu = true;
    Columns lite = plr;
    lite.shared = true;
    Columns bins = periodic;
    bins.embedding = NumberEmbedding::piecewise_linear;
    bins.frequencies = 0;
    bins.sloped = true;
    bins.first_bin = {0};
    for (Size j = 0; j < bins.numbers; ++j) {
      for (Size edge = 0; edge <= 1 + j % 4; ++edge) bins.edges.push_back(0.5 * static_cast<double>(edge * (edge + 1)));
      bins.first_bin.push_back(bins.bins() + 1 + j % 4);
    }
    return {periodic, plr, lite, bins};
  }
  void embedded(const Columns& columns, bool scale, Size batch) {
    const LayerKind first{.activation = Activation::selu, .scale = scale}, last{link(Loss::cross_entropy)};
    const Shape shape{
        .sizes = {columns.features(), 33, 20, outputs}, .kinds = {first, first, last}, .columns = columns};
    const Data<T> data{.x = numbers_.as<T>(DType::uint8), .samples = samples, .labels = labels_.data()};
    for (const std::vector<T>& numbers : results(shape, data, batch, Optimizer::adam))
      judge_.expect(numbers, {}, "embedded", 0, 0, 0);
  }

  // Members that share weights.
  void ensemble(Size members, bool adapts_all, Size batch) {
    const LayerKind hidden{.activation = Activation::selu, .dropout = 0.25}, last{link(Loss::cross_entropy)};
    const Shape shape{.sizes = {inputs, 33, 20, outputs},
                      .kinds = {hidden, hidden, last},
                      .members = members,
                      .adapts_all = adapts_all};
    const Data<T> data{.x = numbers_.as<T>(DType::uint8), .samples = samples, .labels = labels_.data()};
    for (const std::vector<T>& numbers : results(shape, data, batch, Optimizer::adam))
      judge_.expect(numbers, {}, "ensemble", 0, 0, 0);
  }

  // The same numbers as sparse rows of a wide array, out of order, one of them empty, and as that array.
  void sparse(Optimizer optimizer, Size batch) {
    constexpr Size columns = 300, each = 7;
    std::vector<T> dense(samples * columns);
    std::vector<float> numbers;
    std::vector<std::int32_t> indices;
    std::vector<std::int64_t> starts{0};
    for (Size i = 0; i < samples; ++i) {
      for (Size k = 0; i != 3 && k < each; ++k) {
        const Size column = (i * i + k * 41) % columns;
        numbers.push_back(numbers_.single[i * each + k] - 3);
        indices.push_back(static_cast<std::int32_t>(column));
        dense[i * columns + column] = static_cast<T>(numbers.back());
      }
      starts.push_back(static_cast<std::int64_t>(numbers.size()));
    }
    const RowSource<T> rows{.x = numbers.data(),
                            .dtype = DType::float32,
                            .columns = columns,
                            .starts = starts.data(),
                            .indices = indices.data()};
    const Shape shape{{columns, 33, outputs}, Loss::cross_entropy};
    const auto of = [&](const RowSource<T>& x) {
      return results(shape, {.x = x, .samples = samples, .labels = labels_.data()}, batch, optimizer);
    };
    good_ = good_ && sparsity(Stages(shape), Data<T>{.x = rows, .samples = samples}).longest == each;
    good_ = good_ && of(rows) == of(plain_rows(dense.data(), columns));
  }

  // The parameters of every layer after two epochs, and what they predict.
  std::vector<std::vector<T>> results(const Shape& shape, Data<T> data, Size batch, Optimizer optimizer) {
    std::vector<std::vector<T>> all;
    Hyperparameters chosen;
    chosen.optimizer = optimizer;
    chosen.learning_rate = 0.0001;
    Cancellation never;
    Parameters<T> start;
    OptimizerState<T> state;
    Trainer<T> trainer;
    good_ = good_ && start.allocate(shape, never) == Status::ok && initialize(start, 1, never) == Status::ok &&
            draw_arrays(start) && state.begin(chosen.optimizer, start.panels().size(), never) == Status::ok &&
            trainer.prepare(shape, data, batch, chosen, never) == Status::ok;
    if (!good_) return all;
    for (std::uint32_t epoch = 0; epoch < 2; ++epoch)
      trainer.run_epoch(start, state, {.seed = 1, .epoch = epoch}, never);
    for (Size l = 0; l < shape.layers(); ++l) {
      const Size rows = trainer.parameters().blocks(l).rows(), columns = shape.sizes[l + 1];
      const ParameterBlock whole{Role::weights, l, 0, rows, columns, false};
      all.emplace_back(rows * columns);
      good_ = good_ && trainer.parameters().read(whole, all.back().data(), never) == Status::ok;
      read_arrays(trainer.parameters(), l, all);
    }
    if (shape.columns.any()) read_arrays(trainer.parameters(), shape.layers(), all);
    std::vector<T> together(samples * shape.outputs()), alone(3 * shape.outputs());
    good_ = good_ && predict(trainer.parameters(), data, together.data(), never) == Status::ok;
    data.samples = 3;
    good_ = good_ && predict(trainer.parameters(), data, alone.data(), never) == Status::ok;
    good_ = good_ && std::memcmp(alone.data(), together.data(), alone.size() * sizeof(T)) == 0;
    all.push_back(together);
    for (const std::vector<T>& numbers : all) good_ = good_ && kernels<T>().finite(numbers.data(), numbers.size());
    return all;
  }

  // Those apart of a layer, or of the columns.
  void read_arrays(const Parameters<T>& parameters, Size layer, std::vector<std::vector<T>>& all) {
    Cancellation never;
    for (const ParameterBlock& block : parameters.blocks(layer)) {
      if (!block.apart()) continue;
      all.emplace_back(block.rows * block.columns);
      good_ = good_ && parameters.read(block, all.back().data(), never) == Status::ok;
    }
  }

  // What Python draws.
  bool draw_arrays(Parameters<T>& parameters) {
    Cancellation never;
    for (Size l = 0; l < parameters.shape().owners(); ++l)
      for (const ParameterBlock& block : parameters.blocks(l)) {
        if (!block.apart() || block.role == Role::scale) continue;
        const std::vector<T> values = judge_.template vector<T>(block.rows * block.columns);
        if (parameters.write(block, values.data(), never) != Status::ok) return false;
      }
    return true;
  }

  Judge& judge_;
  Numbers numbers_;
  std::vector<std::int32_t> labels_, bits_;
  std::vector<T> weights_, targets_;
  bool good_ = true;
};

}  // namespace

int main() {
  bool good = true;
  for (const InstructionSet* const* isa = available_isas(); *isa != nullptr; ++isa) {
    use_isa((*isa)->name);
    Judge judge(false);
    good = Fits<float>(judge).run() && good;
    good = Fits<double>(judge).run() && good;
    std::printf("%s %016llx\n", (*isa)->name, static_cast<unsigned long long>(judge.hash()));
  }
  return good ? 0 : 1;
}
