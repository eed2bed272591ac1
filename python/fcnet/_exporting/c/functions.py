"""The functions of C that a header may hold; NAME and PREFIX stand for its name in lower and in upper case.

A product is stored in a variable before it is added to something, so that no compiler fuses the two.
"""

from __future__ import annotations

MULTIPLY_ADD = """\
/* Fused multiply-add where it is an instruction: the bits of fcnet. Otherwise fmaf would be a slow function, and
   a * b + c differs in the last bits; compile with -DPREFIX_FMA=1 for equal bits. */
#ifndef PREFIX_FMA
#if defined(FP_FAST_FMAF) || defined(__FP_FAST_FMAF) || defined(__FMA__) || defined(__ARM_FEATURE_FMA)
#define PREFIX_FMA 1
#else
#define PREFIX_FMA 0
#endif
#endif
#if PREFIX_FMA
#define PREFIX_MULTIPLY_ADD(a, b, c) fmaf((a), (b), (c))
#else
#define PREFIX_MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#endif
"""

RESTRICT = """\
#ifdef __cplusplus
#define PREFIX_RESTRICT
#else
#define PREFIX_RESTRICT restrict
#endif
"""

DENSE = """\
/* y = x W + b; the sums begin with b and ascend. */
static inline void NAME_dense(const float *PREFIX_RESTRICT x, int k, const float *PREFIX_RESTRICT w,
                              const float *PREFIX_RESTRICT b, float *PREFIX_RESTRICT y, int m)
{
  int i, j;
  for (j = 0; j < m; ++j) y[j] = b ? b[j] : 0.0f;
  for (i = 0; i < k; ++i, w += m)
    for (j = 0; j < m; ++j) y[j] = PREFIX_MULTIPLY_ADD(x[i], w[j], y[j]);
}
"""

LAYER_NORM = """\
static inline void NAME_layer_norm(float *h, int n, const float *gamma, const float *beta, float epsilon)
{
  float sum = 0.0f, squares = 0.0f, mean, variance, factor;
  int i;
  for (i = 0; i < n; ++i) sum += h[i];
  mean = sum / (float)n;
  for (i = 0; i < n; ++i) {
    const float d = h[i] - mean;
    squares = PREFIX_MULTIPLY_ADD(d, d, squares);
  }
  variance = squares / (float)n;
  variance += epsilon;
  factor = sqrtf(variance);
  factor = 1.0f / factor;
  for (i = 0; i < n; ++i) {
    const float d = h[i] - mean;
    const float normal = d * factor;
    h[i] = PREFIX_MULTIPLY_ADD(gamma[i], normal, beta ? beta[i] : 0.0f);
  }
}
"""

SOFTMAX = """\
static inline void NAME_softmax(float *h, int n)
{
  float most = h[0], sum = 0.0f;
  int i;
  for (i = 1; i < n; ++i)
    if (h[i] > most) most = h[i];
  for (i = 0; i < n; ++i) {
    h[i] = expf(h[i] - most);
    sum += h[i];
  }
  for (i = 0; i < n; ++i) h[i] /= sum;
}
"""

SORT = """\
/* Quantiles in ascending order, as those that a network has learnt may cross; NaN last. */
static inline void NAME_sort(float *h, int n)
{
  int i, j;
  for (i = 1; i < n; ++i)
    for (j = i; j > 0 && (h[j] < h[j - 1] || (h[j] == h[j] && h[j - 1] != h[j - 1])); --j) {
      const float larger = h[j - 1];
      h[j - 1] = h[j];
      h[j] = larger;
    }
}
"""

_GATE = """\
/* 1 / (1 + exp(-u)), as exact where it is tiny. */
static inline float NAME_gate(float u)
{
  const float e = expf(u < 0.0f ? u : -u);
  return (u < 0.0f ? e : 1.0f) / (e + 1.0f);
}
"""


def _function(name: str, *lines: str, given: str = "float h") -> str:
    body = "\n".join(f"  {line}" for line in lines)
    return f"static inline float NAME_{name}({given})\n{{\n{body}\n}}\n"


# the activations of one number, each with what it needs before it; leaky_relu and elu take a constant too
ACTIVATIONS: dict[str, tuple[str, ...]] = {
    "relu": (_function("relu", "return h <= 0.0f ? 0.0f : h;"),),
    "leaky_relu": (
        _function(
            "leaky_relu",
            "const float leak = slope * h;",
            "return h <= 0.0f ? leak : h;",
            given="float h, float slope",
        ),
    ),
    "elu": (_function("elu", "return h <= 0.0f ? alpha * expm1f(h) : h;", given="float h, float alpha"),),
    "relu6": (_function("relu6", "return h >= 6.0f ? 6.0f : h <= 0.0f ? 0.0f : h;"),),
    "hard_swish": (
        _function(
            "hard_swish",
            "const float gate = (h + 3.0f) * 0.166666672f;",
            "return h >= 3.0f ? h : h <= -3.0f ? 0.0f : h * gate;",
        ),
    ),
    "selu": (_function("selu", "return h <= 0.0f ? 1.75809934f * expm1f(h) : 1.05070099f * h;"),),
    "sigmoid": (_function("sigmoid", "return 1.0f / (1.0f + expf(-h));"),),
    "tanh": (_function("tanh", "return tanhf(h);"),),
    "softplus": (_function("softplus", "return (h < 0.0f ? 0.0f : h) + log1pf(expf(h < 0.0f ? h : -h));"),),
    "exp": (_function("exp", "return expf(h);"),),
    "gelu": (_function("gelu", "return h * (0.5f * erfcf(h * -0.707106781f));"),),
    "gelu_tanh": (
        _GATE,
        _function("gelu_tanh", "return h * NAME_gate(1.59576912f * h * (0.044715f * (h * h) + 1.0f));"),
    ),
    "silu": (_GATE, _function("silu", "return h * NAME_gate(h);")),
    "mish": (
        _function(
            "mish",
            "const float e = expf(h), n = e * e + (e + e);",
            "return h > 20.0f ? h : h * (n / (n + 2.0f));",
        ),
    ),
}
