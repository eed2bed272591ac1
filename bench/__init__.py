"""Benchmarks of fcnet and its peers.

``python -m bench.report`` runs them in one sitting and writes docs/performance.md;
``python -m pytest bench -k mnist-m`` runs some of them. Those libraries take part that
are installed (the extra ``bench``, and torch, jax, onnx with onnxruntime).
"""
