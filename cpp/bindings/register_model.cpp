// SPDX-License-Identifier: MIT
// Model: parameters, prediction, gradients.
#include <pybind11/stl.h>

#include <array>
#include <cmath>

#include "any_model.hpp"
#include "average_states.hpp"
#include "fcnet/engine/gradients.hpp"
#include "fcnet/engine/plan.hpp"
#include "fcnet/engine/predictor.hpp"
#include "fcnet/model/initialization.hpp"
#include "layer_arrays.hpp"
#include "names.hpp"
#include "optimizer_states.hpp"
#include "register.hpp"

namespace fcnet::bindings {
namespace {

// Of W; of B, gamma and beta; of the scale; of mix: factors of the learning rate and, where there is one, of the decay.
using GivenFactors = std::array<std::pair<double, std::optional<double>>, 4>;
// activation and the constant that it may have, bias, dropout; the normalisation's name, epsilon, momentum and whether
// the product before it has a bias; whether inputs are scaled, whether the activation is parametric, whether the
// parametrisation is the neural tangent one
using Kind = std::tuple<std::pair<std::string, std::optional<double>>, bool, double, std::string, double, double, bool,
                        bool, bool, bool, GivenFactors>;

Factors factors_of(const std::pair<double, std::optional<double>>& given) {
  const auto& [rate, decay] = given;
  const auto may_be = [](double factor) { return factor >= 0 && std::isfinite(factor); };
  if (!may_be(rate) || (decay && !may_be(*decay))) value_error("a factor is not a finite number of at least 0");
  return {.rate = rate, .decay = decay};
}

// the embedding's name, frequencies and size; whether it has a ReLU, arrays that all numbers share, a slope; the edges
// of bins of each number
using EmbeddingKind = std::tuple<std::string, Size, Size, bool, bool, bool, std::vector<std::vector<double>>>;
// numbers, others; their embedding; categories, and the size of their tables; factors of the embedding's arrays, and of
// the tables
using ColumnsKind = std::tuple<Size, Size, EmbeddingKind, std::vector<Size>, Size,
                               std::array<std::pair<double, std::optional<double>>, 2>>;

void add_bins(Columns& columns, const std::vector<std::vector<double>>& edges) {
  if (edges.empty()) return;
  columns.first_bin = {0};
  for (const std::vector<double>& of_number : edges) {
    if (of_number.size() < 2 || of_number.size() - 1 > most_of_embedding)
      value_error("the bins of a number are not 1 to " + std::to_string(most_of_embedding));
    for (Size i = 0; i < of_number.size(); ++i)
      if (!std::isfinite(of_number[i]) || (i > 0 && of_number[i] <= of_number[i - 1]))
        value_error("the edges of a number are not finite numbers in ascending order");
    columns.edges.insert(columns.edges.end(), of_number.begin(), of_number.end());
    columns.first_bin.push_back(columns.bins() + of_number.size() - 1);
  }
}

// Whether the options of the embedding of numbers fit together.
bool embedding_fits(const Columns& of) {
  const bool has_bins = of.embedding == NumberEmbedding::piecewise_linear,
             is_plr = of.embedding == NumberEmbedding::plr;
  if (of.embedding == NumberEmbedding::none) return of.frequencies == 0 && of.size == 0 && of.bins() == 0;
  const auto is_too_large = [](Size n) { return n > most_of_embedding; };
  if (of.numbers == 0 || of.size == 0 || is_too_large(of.size) || is_too_large(of.frequencies)) return false;
  if (has_bins != (of.frequencies == 0) || is_too_large(of.waves())) return false;
  if (of.first_bin.size() != (has_bins ? of.numbers + 1 : 0)) return false;
  return (!of.relu || is_plr || has_bins) && (!of.shared || is_plr) && (!of.sloped || (has_bins && !of.relu));
}

Columns columns_of(const ColumnsKind& given) {
  const auto& [numbers, others, embedding, categories, table_size, factors] = given;
  const auto& [name, frequencies, size, relu, shared, sloped, edges] = embedding;
  Columns columns{.numbers = numbers,
                  .others = others,
                  .embedding = embedding_named(name),
                  .frequencies = frequencies,
                  .size = size,
                  .relu = relu,
                  .shared = shared,
                  .sloped = sloped,
                  .categories = categories,
                  .table_size = table_size,
                  .of_embedding = factors_of(factors[0]),
                  .of_tables = factors_of(factors[1])};
  add_bins(columns, edges);
  if (!embedding_fits(columns) || categories.empty() != (table_size == 0))
    value_error("columns are of numbers that are embedded, or of categories with tables, and their options fit");
  CheckedSize rows = 0;
  for (const Size count : categories) {
    if (count == 0) value_error("columns have a column of no category");
    rows = rows + CheckedSize(count) + 1;
  }
  const CheckedSize features = CheckedSize(numbers) * (size + 1) + others + CheckedSize(categories.size()) * table_size;
  if (!(rows * table_size * 8).ok() || !(CheckedSize(numbers) * (2 * frequencies + 2) * (size + 1) * 8).ok() ||
      !features.ok())
    raise_unless_ok(Status::too_large);
  return columns;
}

template <class T>
std::shared_ptr<Model<T>> typed_model(const Shape& shape, std::uint64_t seed, py::object scale, py::object offset,
                                      const std::optional<Layers>& given) {
  AnyInputScale<T> input = input_scale<T>(scale, offset, shape.inputs());
  std::optional<GivenLayers<T>> layers;
  if (given) layers.emplace(shape, *given);
  return shared<Model<T>>(shape, seed, std::move(input), [&](Parameters<T>& parameters, Cancellation& cancellation) {
    return layers ? layers->write(parameters, cancellation) : initialize(parameters, seed, cancellation);
  });
}

// Of an ensemble, what its members know.
void check_members(const Shape& shape, bool columns) {
  if (shape.members == 0) {
    if (shape.adapts_all) value_error("adapters are of members, and there are none");
    return;
  }
  if (panel_width % shape.members != 0) value_error("members is not 1, 2, 4, 8, 16 or 32");
  if (columns || shape.layers() < 2 || shape.loss == Loss::custom || shape.loss == Loss::rmse)
    value_error("members are of a network with hidden layers, without columns, custom loss and rmse");
  for (Size l = 0; l < shape.layers(); ++l) {
    const LayerKind& kind = shape.kinds[l];
    if (kind.scale || kind.normalization != Normalization::none ||
        (!kind.bias && (shape.is_heads(l) || shape.has_s(l))) || (kind.ntp && shape.is_heads(l)))
      value_error("members are of a network without scale, normalization, layers without bias, and ntp of the last");
  }
}

PyModel make_model(const std::vector<Size>& sizes, const std::vector<Kind>& kinds, const std::string& loss,
                   double parameter, const std::string& dtype, std::uint64_t seed, py::object scale, py::object offset,
                   const std::optional<Layers>& parameters, const std::vector<double>& quantiles,
                   const std::optional<ColumnsKind>& columns, Size members, bool adapts_all) {
  if (sizes.size() < 2) value_error("sizes has fewer than two entries: expected at least inputs and outputs");
  for (const Size n : sizes)
    if (n == 0) value_error("sizes contains 0: expected at least one neuron in every layer");
  if (kinds.size() + 1 != sizes.size()) value_error("kinds has not one entry for each layer");
  Shape shape{.sizes = sizes, .loss = loss_named(loss), .parameter = parameter, .quantiles = quantiles};
  if (!quantiles.empty() && (shape.loss != Loss::quantile || shape.outputs() % quantiles.size() != 0))
    value_error("quantiles are for the loss of that name, and as many outputs for each target");
  for (const auto& [given, bias, dropout, normalization, epsilon, momentum, product_bias, scale, parametric, ntp,
                    factors] : kinds) {
    if (!(dropout >= 0 && dropout < 1)) value_error("dropout is not in [0, 1)");
    const Activation activation = activation_named(given.first, given.second);
    const Normalization chosen = normalization_named(normalization);
    const bool last = shape.kinds.size() + 1 == kinds.size();
    if (chosen != Normalization::none && (last || activation == Activation::softmax || !(epsilon > 0)))
      value_error("normalization is not for the last layer and for softmax, and its epsilon is positive");
    if (product_bias && chosen != Normalization::layer)
      value_error("a bias before normalization is for layer normalization");
    if (parametric && (last || activation == Activation::softmax))
      value_error("parametric activations are not for the last layer and for softmax");
    shape.kinds.push_back({.activation = activation,
                           .bias = bias,
                           .dropout = dropout,
                           .normalization = chosen,
                           .epsilon = epsilon,
                           .momentum = momentum,
                           .product_bias = product_bias,
                           .scale = scale,
                           .parametric = parametric,
                           .ntp = ntp,
                           .of_weights = factors_of(factors[0]),
                           .of_biases = factors_of(factors[1]),
                           .of_scale = factors_of(factors[2]),
                           .of_mix = factors_of(factors[3])});
  }
  shape.members = members, shape.adapts_all = adapts_all;
  check_members(shape, columns.has_value());
  if (columns) shape.columns = columns_of(*columns);
  if (columns && (!shape.columns.any() || shape.columns.features() != sizes.front()))
    value_error("columns do not become what goes into the first layer");
  if (dtype == "float32") return {typed_model<float>(shape, seed, scale, offset, parameters)};
  if (dtype == "float64") return {typed_model<double>(shape, seed, scale, offset, parameters)};
  value_error("dtype is '" + dtype + "': expected 'float32' or 'float64'");
}

py::array parameter_of(const PyModel& self, Size layer, const std::string& name) {
  return with_model(self, [&]<class T>(const auto& model, T) -> py::array {
    py::array a = array_of_block<T>(*model->published(), block_named(model->shape(), layer, name));
    a.attr("setflags")("write"_a = false);  // as it would change nothing in the network
    return a;
  });
}

// Parameters of all layers, the optimizer state, the weights without average, epochs: of one moment, also
// while a fit goes on. And the parameters of a snapshot; None where they are those of this moment, or there is none.
py::tuple state_of(const PyModel& self, const PySnapshot* snapshot) {
  return with_model(self, [&]<class T>(const auto& model, T) {
    const auto moment = model->now();
    const auto other = snapshot == nullptr ? moment.parameters : parameters_of<T>(*snapshot, model->shape());
    const py::object others = other == moment.parameters ? py::object(py::none()) : arrays_of_layers(*other);
    return py::make_tuple(arrays_of_layers(*moment.parameters), optimizer_state_of<T>(*model, moment),
                          average_state_of<T>(moment.average), moment.epochs, others);
  });
}

// Of what is published, or of such arrays.
PySnapshot snapshot_of(const PyModel& self, const std::optional<Layers>& layers) {
  return with_model(self, [&]<class T>(const std::shared_ptr<Model<T>>& model, T) -> PySnapshot {
    if (!layers) return {model->published_parameters()};
    const GivenLayers<T> given(model->shape(), *layers);
    const auto parameters = shared<Parameters<T>>();
    run_or_raise([&](Cancellation& cancellation) {
      const Status s = parameters->allocate(model->shape(), cancellation);
      return s == Status::ok ? given.write(*parameters, cancellation) : s;
    });
    return {parameters};
  });
}

void set_parameter(const PyModel& self, Size layer, const std::string& name, py::object value) {
  with_model(self, [&]<class T>(const std::shared_ptr<Model<T>>& model, T) {
    const Shape& shape = model->shape();
    change(model, GivenBlock<T>(shape, block_named(shape, layer, name), std::move(value)));
  });
}

// Those of all layers.
void set_parameters(const PyModel& self, const Layers& layers) {
  with_model(self, [&]<class T>(const std::shared_ptr<Model<T>>& model, T) {
    change(model, GivenLayers<T>(model->shape(), layers));
  });
}

// Whoever reads samples meanwhile goes on with what was there.
void set_input(const PyModel& self, const py::object& scale, const py::object& offset) {
  with_model(self, [&]<class T>(const std::shared_ptr<Model<T>>& model, T) {
    const typename Model<T>::Claim claim(model, "this network is being fitted: its scale and offset cannot be set");
    model->set_input(input_scale<T>(scale, offset, model->shape().inputs()));
  });
}

py::array predict_rows(const PyModel& self, py::object x, const py::object& rows) {
  return with_model(self, [&]<class T>(const auto& model, T) -> py::array {
    const Samples<T> samples(std::move(x), model->shape().inputs(), model->input(), rows);
    py::array_t<T> out({dim(samples.n), dim(model->shape().outputs())});
    T* const to = out.mutable_data();
    const auto parameters = model->published();
    const Data<T> data{.x = samples.rows, .samples = samples.n};
    run_or_raise([&](Cancellation& cancellation) { return predict(*parameters, data, to, cancellation); });
    return out;
  });
}

// The same of a plain array, see plain.hpp; None where x is another, which is to be checked first.
py::object predict_plain(const PyModel& self, const py::object& x) {
  return with_model(self, [&]<class T>(const auto& model, T) -> py::object {
    const auto samples = Samples<T>::plain(x, model->shape().inputs(), model->input());
    if (!samples || !codes_are_known(model->shape().columns, samples->rows, samples->n)) return py::none();
    py::array_t<T> out({dim(samples->n), dim(model->shape().outputs())});
    T* const to = out.mutable_data();
    const auto parameters = model->published();
    const Data<T> data{.x = samples->rows, .samples = samples->n};
    const auto work = [&](Cancellation& cancellation) { return predict(*parameters, data, to, cancellation); };
    // Some microseconds of one thread: shorter than to let others have the GIL meanwhile.
    if (few(data.samples) && threads_for_few(parameters->stages(), data.samples, max_threads) == 1) {
      Cancellation never;
      raise_unless_ok(work(never));
    } else {
      run_or_raise(work);
    }
    return out;
  });
}

// The same, or h_in of the last layer where `logits`; with dropout where there is a seed.
py::array predict_otherwise(const PyModel& self, py::object x, bool logits, std::optional<std::uint64_t> dropout_seed) {
  return with_model(self, [&]<class T>(const auto& model, T) -> py::array {
    const Samples<T> samples(std::move(x), model->shape().inputs(), model->input());
    py::array_t<T> out({dim(samples.n), dim(model->shape().outputs())});
    T* const to = out.mutable_data();
    const auto parameters = model->published();
    const Data<T> data{.x = samples.rows, .samples = samples.n};
    const Wanted<T> wanted{.logits = logits, .dropout_seed = dropout_seed};
    run_or_raise([&](Cancellation& cancellation) { return predict(*parameters, data, to, cancellation, wanted); });
    return out;
  });
}

// h_out of every layer.
py::list activations_of(const PyModel& self, py::object x) {
  return with_model(self, [&]<class T>(const auto& model, T) {
    if (model->shape().members != 0) value_error("members have several activations of a row");
    const Samples<T> samples(std::move(x), model->shape().inputs(), model->input());
    py::list arrays;
    std::vector<T*> layers;
    for (Size l = 0; l < model->shape().layers(); ++l) {
      py::array_t<T> h_out({dim(samples.n), dim(model->shape().sizes[l + 1])});
      layers.push_back(h_out.mutable_data());
      arrays.append(std::move(h_out));
    }
    const auto parameters = model->published();
    const Data<T> data{.x = samples.rows, .samples = samples.n};
    const Wanted<T> wanted{.layers = layers.data()};
    run_or_raise([&](Cancellation& cancellation) {
      return predict(*parameters, data, static_cast<T*>(nullptr), cancellation, wanted);
    });
    return arrays;
  });
}

py::tuple evaluate_rows(const PyModel& self, py::object x, py::object y, py::object weights, const py::object& rows) {
  return with_model(self, [&]<class T>(const auto& model, T) {
    const Samples<T> samples(std::move(x), model->shape().inputs(), model->input(), rows);
    if (model->shape().loss == Loss::custom) value_error("loss is a function: expected one that fcnet has");
    const Targets<T> targets(std::move(y), weights, model->shape(), samples.total);
    const auto parameters = model->published();
    const Data<T> data = targets.data(samples);
    const auto result = SignalPoll().run([&](auto& cancellation) { return evaluate(*parameters, data, cancellation); });
    raise_unless_ok(result.status);
    return py::make_tuple(result.loss, result.correct);
  });
}

py::tuple gradients_of(const PyModel& self, py::object x, py::object y, py::object weights) {
  return with_model(self, [&]<class T>(const auto& model, T) {
    const Shape& shape = model->shape();
    const Samples<T> samples(std::move(x), shape.inputs(), model->input());
    const Targets<T> targets(std::move(y), weights, shape, samples.total);
    if (samples.n == 0) value_error("x has no rows: expected at least one sample");
    const auto parameters = model->published();
    const Data<T> data = targets.data(samples);
    Parameters<T> gradient;
    const auto result =
        SignalPoll().run([&](auto& cancellation) { return gradients(*parameters, data, gradient, cancellation); });
    raise_unless_ok(result.status);
    return py::make_tuple(result.loss, arrays_of_layers(gradient));
  });
}

PyModel as_now(const PyModel& self) {
  return with_model(
      self, []<class T>(const std::shared_ptr<Model<T>>& model, T) -> PyModel { return {shared<Model<T>>(*model)}; });
}

}  // namespace

void register_model(py::module_& m) {
  const py::class_<PySnapshot> snapshot(m, "Snapshot");
  py::class_<PyModel>(m, "Model")
      .def(py::init(&make_model), "sizes"_a, "kinds"_a, "loss"_a, "parameter"_a, "dtype"_a, "seed"_a,
           "scale"_a = py::none(), "offset"_a = py::none(), "parameters"_a = py::none(),
           "quantiles"_a = std::vector<double>{}, "columns"_a = py::none(), "members"_a = 0, "adapts_all"_a = false)
      .def("as_now", as_now)
      .def("set_input", set_input, "scale"_a, "offset"_a)
      .def("state", state_of, "snapshot"_a = nullptr)
      .def("snapshot", snapshot_of, "layers"_a = py::none())
      .def_property(
          "epochs",
          [](const PyModel& self) { return with_model(self, [](const auto& m, auto) { return m->now().epochs; }); },
          [](const PyModel& self, std::uint64_t epochs) {
            with_model(self, [&](const auto& model, auto) { model->set_epochs(epochs); });
          })
      .def_property(
          "steps", [](const PyModel& self) { return with_model(self, [](const auto& m, auto) { return m->steps(); }); },
          [](const PyModel& self, std::uint64_t steps) {
            with_model(self, [&](const auto& model, auto) { model->set_steps(steps); });
          })
      .def("parameter", parameter_of, "layer"_a, "name"_a)
      .def("set_parameter", set_parameter, "layer"_a, "name"_a, "value"_a)
      .def("set_parameters", set_parameters, "layers"_a)
      .def(
          "set_optimizer_state",
          [](const PyModel& self, const std::string& optimizer, const std::vector<double>& powers,
             const std::vector<Layers>& slots) {
            with_model(self,
                       [&]<class T>(const auto& model, T) { set_optimizer_state<T>(model, optimizer, powers, slots); });
          },
          "optimizer"_a, "powers"_a, "slots"_a)
      .def(
          "set_average_state",
          [](const PyModel& self, const std::string& kind, double count, const Layers& layers) {
            with_model(self, [&]<class T>(const auto& model, T) { set_average_state<T>(model, kind, count, layers); });
          },
          "kind"_a, "count"_a, "layers"_a)
      .def("predict", predict_rows, "x"_a, "rows"_a = py::none())
      .def("predict_plain", predict_plain, "x"_a)
      .def("predict_otherwise", predict_otherwise, "x"_a, "logits"_a, "dropout_seed"_a = py::none())
      .def("activations", activations_of, "x"_a)
      .def("evaluate", evaluate_rows, "x"_a, "y"_a, "weights"_a = py::none(), "rows"_a = py::none())
      .def("gradients", gradients_of, "x"_a, "y"_a, "weights"_a = py::none());
}

}  // namespace fcnet::bindings
