"""The file format of ONNX: messages of protobuf, without the packages ``onnx`` and ``protobuf``."""
