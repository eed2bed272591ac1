"use strict";
// fcnetImage(strokes, image): the pixels of strokes, lists of points [x, y], as the training data have them: of their
// size, at their place, with their width of pen. A pixel is the share of its 4 x 4 points that the pen covers.
function fcnetImage(strokes, image) {
  const points = strokes.flat(), parts = 4;
  const [left, top] = [0, 1].map((axis) => Math.min(...points.map((p) => p[axis])));
  const [right, bottom] = [0, 1].map((axis) => Math.max(...points.map((p) => p[axis])));
  const wide = right - left, high = bottom - top, room = (most, pen) => Math.max(most - pen, 0);
  const fits = Math.min(room(image.box[1], image.pen) / high, room(image.width, image.pen) / wide);
  const zoom = Number.isFinite(fits) ? Math.min(fits, 20 * image.height) : 0; // a dot stays one
  const wanted = room(image.box[0], image.pen) / (zoom * wide || 1);
  const across = zoom * Math.max(1 / image.stretch, Math.min(image.stretch, wanted));
  const scaled = strokes.map((stroke) => stroke.map(([x, y]) => [across * (x - left), zoom * (y - top)]));
  const segments = scaled.flatMap((stroke) =>
    stroke.length === 1 ? [[stroke[0], stroke[0]]] : stroke.slice(1).map((point, i) => [stroke[i], point]));
  const length = ([a, b]) => Math.hypot(b[0] - a[0], b[1] - a[1]);
  const total = segments.reduce((sum, each) => sum + length(each), 0);
  const moves = [across * wide, zoom * high].map((size, axis) => {
    const { at, of } = image.centre[axis];
    const mass = segments.reduce((sum, [a, b]) => sum + (length([a, b]) * (a[axis] + b[axis])) / 2, 0) / (total || 1);
    const most = (axis ? image.height : image.width) - image.pen / 2 - size;
    const moved = at - (of === "mass" && total ? mass : size / 2);
    return Math.max(Math.min(moved, most), Math.min(image.pen / 2, most)); // inside
  });
  const inked = (x, y) =>
    segments.some(([a, b]) => {
      const [dx, dy, px, py] = [b[0] - a[0], b[1] - a[1], x - a[0], y - a[1]];
      const t = Math.max(0, Math.min(1, (px * dx + py * dy) / (dx * dx + dy * dy || 1)));
      return Math.hypot(px - t * dx, py - t * dy) <= image.pen / 2;
    });
  return Array.from({ length: image.height * image.width }, (_, i) => {
    let count = 0;
    for (let k = 0; k < parts * parts; ++k) {
      const x = (i % image.width) + ((k % parts) + 0.5) / parts;
      const y = Math.floor(i / image.width) + (Math.floor(k / parts) + 0.5) / parts;
      count += inked(x - moves[0], y - moves[1]);
    }
    return image.paper + ((image.ink - image.paper) * count) / (parts * parts);
  });
}
