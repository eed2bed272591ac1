"""Converters of the estimators for skl2onnx, which writes pipelines and column transformers around them as ONNX."""

from __future__ import annotations

from typing import Any

import numpy as np

from fcnet._checks.optional_imports import optional
from fcnet.sklearn.classifier import MLPClassifier
from fcnet.sklearn.regressor import MLPRegressor

_PURPOSE = "fcnet.sklearn.register_onnx"


def register_onnx() -> None:
    """Make skl2onnx convert the estimators of this module, also within pipelines and column transformers.

    Call it once, before ``skl2onnx.to_onnx``. The options ``zipmap``, ``nocl`` and ``output_class_labels`` are those of
    skl2onnx for scikit-learn's ``MLPClassifier``; ``target_opset`` is 13 or more. Classes are text, whole numbers, or
    False and True, which become 0 and 1.

    Raises
    ------
    ImportError : skl2onnx is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from fcnet.sklearn import MLPRegressor, register_onnx
    >>> x, y = np.random.default_rng(0).normal(size=(50, 3)).astype("float32"), np.arange(50)
    >>> pipeline = make_pipeline(StandardScaler(), MLPRegressor(max_iter=5, random_state=0)).fit(x, y)
    >>> register_onnx()  # doctest: +SKIP
    >>> model = skl2onnx.to_onnx(pipeline, x[:1])  # doctest: +SKIP
    """
    update = optional("skl2onnx", _PURPOSE).update_registered_converter
    options = {"zipmap": [True, False, "columns"], "output_class_labels": [False, True], "nocl": [True, False]}
    update(MLPClassifier, "FcnetMLPClassifier", _set_classifier_types, _convert_classifier, options=options)
    update(MLPRegressor, "FcnetMLPRegressor", _set_regressor_types, _convert_regressor)


def _types() -> Any:
    return optional("skl2onnx.common.data_types", _PURPOSE)


def _real_type(operator: Any) -> Any:
    """Return the class of the type of the outputs: double for inputs of double, otherwise float."""
    types, given = _types(), operator.inputs[0].type
    return types.DoubleTensorType if isinstance(given, types.DoubleTensorType) else types.FloatTensorType


def _labels(scope: Any, operator: Any) -> list[Any]:
    """Return the labels of the classes; scikit-learn knows text and whole numbers, perhaps as floats.

    Raises
    ------
    ValueError : there is one class only.
    """
    classes = operator.raw_operator.classes_
    if len(classes) == 1:
        raise ValueError(f"the classifier knows one class only, {classes.tolist()[0]!r}: expected at least two")
    if scope.get_options(operator.raw_operator, {"nocl": False})["nocl"]:
        return list(range(len(classes)))
    values: list[Any] = (classes.astype(np.int64) if classes.dtype.kind in "bf" else classes).tolist()
    return values


def _set_classifier_types(operator: Any) -> None:
    """Set the types of the outputs: labels and probabilities."""
    estimator, types, rows = operator.raw_operator, _types(), operator.inputs[0].get_first_dimension()
    count = len(estimator.classes_)
    if estimator._multilabel:
        operator.outputs[0].set_type(types.Int64TensorType([rows, count]))
    else:
        is_text = isinstance(_labels(operator.scope_inst, operator)[0], str)
        operator.outputs[0].set_type((types.StringTensorType if is_text else types.Int64TensorType)([rows]))
    operator.outputs[1].set_type(_real_type(operator)([rows, count]))


def _set_regressor_types(operator: Any) -> None:
    """Set the type of the outputs."""
    rows, estimator = operator.inputs[0].get_first_dimension(), operator.raw_operator
    operator.outputs[0].set_type(_real_type(operator)([rows, estimator.n_outputs_]))


def _convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    multilabel = operator.raw_operator._multilabel
    _convert(scope, operator, container, None if multilabel else _labels(scope, operator))


def _convert_regressor(scope: Any, operator: Any, container: Any) -> None:
    _convert(scope, operator, container, None)


def _convert(scope: Any, operator: Any, container: Any, labels: list[Any] | None) -> None:
    """Add the nodes of an estimator's network to the graph of skl2onnx, under names that are free there."""
    from fcnet._exporting.onnx.labels import checked_labels
    from fcnet._exporting.onnx.model import HIGHEST_OPSET, LOWEST_OPSET, checked_opset, graph_of
    from fcnet._onnx import fields

    state = operator.raw_operator._current()._state
    if container.target_opset < LOWEST_OPSET:
        raise ValueError(f"target_opset is {container.target_opset}: expected at least {LOWEST_OPSET}")
    dtype = np.dtype("f8" if _real_type(operator) is _types().DoubleTensorType else "f4")
    opset = checked_opset(min(container.target_opset, HIGHEST_OPSET), state.architecture, dtype)
    graph = graph_of(state, checked_labels(labels, state.architecture), opset, dtype)
    numbers = {of: number for number, of in fields.DTYPES.items()}
    names = {value.name: output.full_name for value, output in zip(graph.outputs, operator.outputs, strict=True)}

    def named(name: str) -> str:
        if name not in names:
            names[name] = scope.get_unique_variable_name(name)
        return names[name]

    container.add_node("Cast", [operator.inputs[0].full_name], [named("x")], name=named("x"), to=numbers[dtype])
    for name, array in graph.constants.items():
        container.add_initializer(named(name), numbers[array.dtype], list(array.shape), array.ravel())
    for node in graph.nodes:
        inputs, outputs = [[named(each) for each in given] for given in (node.inputs, node.outputs)]
        version = {"op_version": 2} if node.domain else {}
        container.add_node(
            node.operator, inputs, outputs, op_domain=node.domain, name=outputs[0], **version, **node.attributes
        )
