"use strict";
// The network: fcnetNetwork(model) is a function from a row of inputs to its outputs, in the arithmetic of fcnet: sums
// begin with the bias and ascend, and of a float32 network every result is rounded to float32.
function fcnetNetwork(model) {
  const single = model.dtype === "float32";
  const round = single ? Math.fround : (v) => v;
  const exp = (v) => round(Math.exp(v));
  function array(text) {
    if (text === null) return null;
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    return single ? new Float32Array(bytes.buffer) : new Float64Array(bytes.buffer);
  }
  const layers = model.layers.map((layer) => {
    const read = { ...layer };
    for (const name of ["scale", "W", "B", "mean", "factor", "gamma", "product_bias", "mix"]) read[name] = array(layer[name]);
    return read;
  });

  // The normal distribution function: a series near 0, a continued fraction in the tails.
  function normalCdf(h) {
    const size = Math.abs(h), density = Math.exp((-h * h) / 2) / Math.sqrt(2 * Math.PI);
    if (size < 2) {
      let term = h, total = h;
      for (let k = 1; k < 60; ++k) total += term *= (h * h) / (2 * k + 1);
      return 0.5 + density * total;
    }
    let fraction = size;
    for (let k = 200; k > 0; --k) fraction = size + k / fraction;
    return h > 0 ? 1 - density / fraction : density / fraction;
  }
  const gate = (u) => (u < 0 ? Math.exp(u) / (Math.exp(u) + 1) : 1 / (Math.exp(-u) + 1));
  const lambda = 1.0507009873554805, alpha = 1.6732632423543772;
  const functions = {
    identity: (h) => h,
    relu: (h) => (h <= 0 ? 0 : h),
    leaky_relu: (h, slope) => (h <= 0 ? round(slope) * h : h),
    elu: (h, constant) => (h <= 0 ? round(constant) * Math.expm1(h) : h),
    relu6: (h) => Math.min(Math.max(h, 0), 6),
    hard_swish: (h) => (h >= 3 ? h : h <= -3 ? 0 : (h * (h + 3)) / 6),
    selu: (h) => (h <= 0 ? lambda * alpha * Math.expm1(h) : lambda * h),
    sigmoid: (h) => gate(h),
    tanh: (h) => Math.tanh(h),
    softplus: (h) => Math.max(h, 0) + Math.log1p(Math.exp(-Math.abs(h))),
    exp: (h) => Math.exp(h),
    gelu: (h) => h * normalCdf(h),
    gelu_tanh: (h) => h * gate(2 * Math.sqrt(2 / Math.PI) * h * (1 + 0.044715 * h * h)),
    silu: (h) => h * gate(h),
    mish(h) {
      const e = Math.exp(h), n = e * (e + 2);
      return h > 20 ? h : h * (n / (n + 2));
    },
  };
  const add = (a, b, c) => round(a * b + c); // the product of two float32 is exact in float64: fused

  function dense(h, layer) {
    const { W, norm, outputs } = layer, start = norm ? layer.product_bias : layer.B;
    const sums = start ? Array.from(start) : new Array(outputs).fill(0);
    for (let i = 0, at = 0; i < h.length; ++i, at += outputs)
      for (let j = 0; j < outputs; ++j) sums[j] = add(h[i], W[at + j], sums[j]);
    return sums;
  }
  function normalized(z, { norm, B, gamma, mean, factor, epsilon }) {
    const beta = (j) => (B ? B[j] : 0);
    if (norm === "batch") return z.map((v, j) => add(gamma[j], round(round(v - mean[j]) * factor[j]), beta(j)));
    const middle = round(z.reduce((sum, v) => round(sum + v), 0) / z.length);
    const apart = z.map((v) => round(v - middle));
    const squares = apart.reduce((sum, v) => add(v, v, sum), 0);
    const inverse = round(1 / round(Math.sqrt(round(round(squares / z.length) + epsilon))));
    return apart.map((v, j) => add(gamma[j], round(v * inverse), beta(j)));
  }
  function activated(h, { activation, constant, mix }) {
    if (activation === "softmax") {
      const most = Math.max(...h), e = h.map((v) => exp(round(v - most)));
      const sum = e.reduce((total, v) => round(total + v), 0);
      return e.map((v) => round(v / sum));
    }
    const f = (v) => functions[activation](v, constant);
    if (!mix) return h.map((v) => round(f(v)));
    return h.map((v, j) => add(mix[j], round(f(v)), round(round(1 - mix[j]) * v)));
  }
  const number = (value, i) => (Array.isArray(value) ? value[i] : value);

  return (x) => {
    let h = Array.from(x, (v, i) => round(round(v - number(model.offset, i)) * round(number(model.scale, i))));
    for (const layer of layers) {
      if (layer.scale) h = h.map((v, i) => round(v * layer.scale[i]));
      const z = dense(h, layer);
      h = activated(layer.norm ? normalized(z, layer) : z, layer);
    }
    for (let i = 0; model.quantiles > 1 && i < h.length; i += model.quantiles) {
      const group = h.slice(i, i + model.quantiles).sort((a, b) => a - b);
      h.splice(i, model.quantiles, ...group);
    }
    return h;
  };
}
