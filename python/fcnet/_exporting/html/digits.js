"use strict";
(() => {
  const model = JSON.parse(document.getElementById("model").textContent), { image } = model;
  const predict = fcnetNetwork(model), show = fcnetBars(model.outputs);
  const canvas = document.getElementById("draw"), seen = document.getElementById("seen");
  const hint = document.getElementById("hint");
  let strokes = [], pixels = null, example = 0, copied = false;
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const share = (v) => Math.max(0, Math.min(1, (v - image.paper) / (image.ink - image.paper)));

  function prepared(element) {
    const ratio = devicePixelRatio || 1, { width, height } = element.getBoundingClientRect();
    element.width = Math.round(width * ratio);
    element.height = Math.round(height * ratio);
    const context = element.getContext("2d");
    context.fillStyle = context.strokeStyle = color("--ink");
    return context;
  }
  function paintPixels(element) {
    const context = prepared(element), [w, h] = [element.width / image.width, element.height / image.height];
    const lines = element === seen;
    if (pixels)
      pixels.forEach((v, i) => {
        const [column, row] = [i % image.width, Math.floor(i / image.width)];
        const [x, y] = [Math.round(column * w), Math.round(row * h)];
        context.globalAlpha = share(v);
        context.fillRect(x, y, Math.round((column + 1) * w) - x, Math.round((row + 1) * h) - y);
      });
    if (!lines || image.width > 16) return;
    context.globalAlpha = 1;
    context.strokeStyle = color("--line");
    context.beginPath();
    for (let i = 1; i < image.width; ++i) context.moveTo(Math.round(i * w), 0), context.lineTo(Math.round(i * w), element.height);
    for (let i = 1; i < image.height; ++i) context.moveTo(0, Math.round(i * h)), context.lineTo(element.width, Math.round(i * h));
    context.stroke();
  }
  function paintStrokes() {
    const context = prepared(canvas), size = canvas.width;
    context.lineWidth = (0.5 * image.pen * size) / image.height;
    context.lineCap = context.lineJoin = "round";
    for (const stroke of strokes) {
      context.beginPath();
      context.moveTo(stroke[0][0] * size, stroke[0][1] * size);
      for (const [x, y] of stroke) context.lineTo(x * size, y * size + 0.01);
      context.stroke();
    }
  }
  function paint() {
    copied ? paintPixels(canvas) : paintStrokes();
    paintPixels(seen);
    hint.hidden = strokes.length > 0 || copied;
  }
  function update() {
    if (!copied) pixels = strokes.length ? fcnetImage(strokes, image) : null;
    paint();
    show(pixels && predict(pixels));
  }
  function point(event) {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    if (copied) strokes = [];
    copied = false;
    if (event.isTrusted) canvas.setPointerCapture(event.pointerId);
    strokes.push([point(event)]);
    update();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!event.buttons || !strokes.length || copied) return;
    for (const each of event.getCoalescedEvents?.() ?? []) strokes.at(-1).push(point(each));
    if (!event.getCoalescedEvents?.().length) strokes.at(-1).push(point(event));
    update();
  });
  document.getElementById("clear").addEventListener("click", () => {
    strokes = [];
    copied = false;
    update();
  });
  document.getElementById("example").addEventListener("click", () => {
    strokes = [];
    copied = true;
    pixels = image.examples[example++ % image.examples.length];
    update();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  addEventListener("resize", paint);
  update();
})();
