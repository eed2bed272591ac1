"""Models of ONNX as networks: a chain of layers, or refused by the name of the node."""
