// SPDX-License-Identifier: MIT
// The parameters of a Model as a whole: flat, those of another one, and a blend with them.
#include "any_model.hpp"
#include "fcnet/model/blend.hpp"
#include "layer_arrays.hpp"
#include "register.hpp"

namespace fcnet::bindings {
namespace {

template <class T>
class GivenFlat {
 public:
  GivenFlat(const Shape& shape, py::object value) : shape_(shape), values_(std::move(value), "parameters") {
    const Size count = each_flat_block(shape, [](const ParameterBlock&, Size) {});
    values_.expect({dim(count)}, sizes({count}).c_str());
  }

  [[nodiscard]] Status write(Parameters<T>& parameters, Cancellation& cancellation) const {
    Status status = Status::ok;
    each_flat_block(shape_, [&](const ParameterBlock& block, Size at) {
      if (status == Status::ok) status = parameters.write(block, values_.data() + at, cancellation);
    });
    return status;
  }

 private:
  const Shape& shape_;
  Input<T> values_;
};

// A fresh array, read-only: to change it would change nothing in the network.
py::array flat_of(const PyModel& self) {
  return with_model(self, [&]<class T>(const auto& model, T) -> py::array {
    py::array flat = flat_array(*model->published());
    py::detail::array_proxy(flat.ptr())->flags &= ~py::detail::npy_api::NPY_ARRAY_WRITEABLE_;
    return flat;
  });
}

void set_flat(const PyModel& self, py::object value) {
  with_model(self, [&]<class T>(const std::shared_ptr<Model<T>>& model, T) {
    change(model, GivenFlat<T>(model->shape(), std::move(value)));
  });
}

// f(model, the other one's parameters) where they mean the same, to the same inputs, whatever the losses are; else
// false.
template <class F>
bool with_alike(const PyModel& self, const PyModel& other, F f) {
  return with_model(self, [&]<class T>(const std::shared_ptr<Model<T>>& model, T) {
    const auto* const of = std::get_if<std::shared_ptr<Model<T>>>(&other.model);
    if (of == nullptr) return false;
    const Shape &mine = model->shape(), &its = (*of)->shape();
    if (mine.sizes != its.sizes || mine.kinds != its.kinds || mine.columns != its.columns ||
        mine.members != its.members || mine.adapts_all != its.adapts_all)
      return false;
    if (!same(model->input(), (*of)->input())) return false;
    const typename Model<T>::Claim claim(model, parameters_are_taken);
    f(*model, (*of)->published_parameters());
    return true;
  });
}

// Published parameters never change: both may have the same ones, unless they know another loss.
template <class T>
void publish_those(Model<T>& model, std::shared_ptr<Parameters<T>> parameters) {
  if (parameters->shape() != model.shape()) {
    const auto copy = shared<Parameters<T>>();
    run_or_raise([&](Cancellation& cancellation) {
      const Status s = copy->allocate(model.shape(), cancellation);
      return s == Status::ok ? copy_all(parameters->panels(), copy->panels(), cancellation) : s;
    });
    parameters = copy;
  }
  model.exchange_average(nullptr);
  model.publish(std::move(parameters));
}

bool copy_parameters(const PyModel& self, const PyModel& other) {
  return with_alike(self, other, [](auto& model, auto parameters) { publish_those(model, std::move(parameters)); });
}

bool blend_parameters(const PyModel& self, const PyModel& other, double tau) {
  return with_alike(self, other, [tau]<class T>(Model<T>& model, const std::shared_ptr<Parameters<T>>& towards) {
    if (static_cast<T>(tau) == T(1)) return publish_those(model, towards);
    auto next = model.take_spare();
    if (next == nullptr) next = shared<Parameters<T>>();
    auto before = model.published();
    run_or_raise([&](Cancellation& cancellation) {
      const bool fits = next->panels().size() == before->panels().size();
      const Status s = fits ? Status::ok : next->allocate(model.shape(), cancellation);
      return s == Status::ok ? blend(*before, *towards, static_cast<T>(tau), *next, cancellation) : s;
    });
    before.reset();
    model.exchange_average(nullptr);
    model.keep_spare(model.publish(std::move(next)));
  });
}

}  // namespace

void register_parameters(py::module_& m) {
  auto model = py::reinterpret_borrow<py::class_<PyModel>>(m.attr("Model"));
  model.def("flat", flat_of)
      .def("set_flat", set_flat, "value"_a)
      .def("copy_parameters", copy_parameters, "other"_a)
      .def("blend", blend_parameters, "other"_a, "tau"_a);
}

}  // namespace fcnet::bindings
