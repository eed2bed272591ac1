"""onnxruntime: the network as an ONNX model (Gemm, Relu, ..., Softmax), run on the CPU."""

from __future__ import annotations

import os

import onnxruntime
from onnx import TensorProto, helper, numpy_helper


def model(layers):
    nodes, constants, h = [], [], "x"
    for i, (w, b) in enumerate(layers):
        constants += [numpy_helper.from_array(w, f"w{i}"), numpy_helper.from_array(b, f"b{i}")]
        nodes.append(helper.make_node("Gemm", [h, f"w{i}", f"b{i}"], [f"h_in{i}"]))
        h = f"h{i}" if i + 1 < len(layers) else "p"
        nodes.append(
            helper.make_node("Softmax", [f"h_in{i}"], [h], axis=1)
            if h == "p"
            else helper.make_node("Relu", [f"h_in{i}"], [h])
        )
    ends = [(name, TensorProto.FLOAT, [None, width]) for name, width in (("x", len(layers[0][0])), ("p", len(b)))]
    values = [helper.make_tensor_value_info(*end) for end in ends]
    graph = helper.make_graph(nodes, "network", values[:1], values[1:], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


class Prediction:
    def __init__(self, layers):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ["OMP_NUM_THREADS"])
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            model(layers).SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, x):
        return self.session.run(None, {"x": x})[0]
