"""SciPy's BLAS for every product (one pool of threads, not two), with gradient descent folded into the last one.

``W := -rate h^T sigma + 1 W`` in place is what gemm's alpha and beta can say; Adam they cannot.
"""

from __future__ import annotations

from scipy.linalg.blas import get_blas_funcs

from bench.peers import Unavailable, numpy


class Training(numpy.Training):
    def __init__(self, workload, x, y):
        if workload.optimizer != "sgd":
            raise Unavailable("BLAS has no Adam")
        super().__init__(workload, x, y)
        (self.gemm,) = get_blas_funcs(["gemm"], [x])

    def multiply(self, a, b, out):
        """Out = a b by rows is out^T = b^T a^T by columns, which Fortran writes in place; b may be a transpose."""
        if b.flags.c_contiguous:
            self.gemm(1, b.T, a.T, c=out.T, overwrite_c=True)
        else:
            self.gemm(1, b, a.T, c=out.T, overwrite_c=True, trans_a=True)

    def update_weights(self, i, w, h, sigma):
        self.gemm(-self.rate, sigma.T, h.T, beta=1, c=w.T, trans_b=True, overwrite_c=True)
