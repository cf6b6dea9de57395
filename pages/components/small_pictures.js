/* The small pictures of a run: the heatmap of the gradient over training, and the accuracy. Python puts drawing.js, numbers.js and
   viridis.js before this script. A run is { n, length, grid, codes, exams, accuracy, chance }: n recorded rows of the training steps
   `grid`, and `accuracy` a list of each network's values at the training steps `exams`, null for NaN.
   `view` holds the frame with `coding`, the palette and an image for painting. */

function paintHeat(view, row, canvas, ink, fills) {
  const on = contextOf(canvas);
  if (!on) return;
  const { c, width, height, snap } = on, { n, length, grid } = row;
  Object.assign(c, { fillStyle: ink.text, globalAlpha: 0.07 });
  c.fillRect(0, 0, width, height);
  c.globalAlpha = 1;
  if (!n) return;
  const image = view.image, pixels = new ImageData(length, n), rgba = new Uint32Array(pixels.data.buffer);
  view.palette ??= palette(view.frame);
  for (let i = 0; i < rgba.length; i++) rgba[i] = view.palette[row.codes[i]];
  Object.assign(image, { width: length, height: n });
  image.getContext("2d").putImageData(pixels, 0, 0);
  c.imageSmoothingEnabled = false;
  c.drawImage(image, 0, 0, width, snap(height * n / grid.length));
  for (const what of ["zero", "cut", "nan"]) {
    c.fillStyle = fills[what];
    c.beginPath();
    for (let i = 0; i < n; i++)
      for (let t = 0, from = -1; t <= length; t++) {         // runs of cells that are no number
        const inside = t < length && kind(view.frame, row.codes[i * length + t]) === what;
        if (inside && from < 0) from = t;
        if (inside || from < 0) continue;
        const x = snap(from * width / length), y = snap(i * height / grid.length);
        c.rect(x, y, snap(t * width / length) - x, snap((i + 1) * height / grid.length) - y);
        from = -1;
      }
    c.fill();
  }
}

function paintCurve(row, canvas, ink) {
  const on = contextOf(canvas);
  if (!on) return;
  const { c, width, height } = on, last = row.grid.at(-1) || 1;
  const x = step => 3 + (width - 6) * step / last, y = share => height - 3 - (height - 6) * share;
  const line = (points, options) => {
    c.save();
    Object.assign(c, { strokeStyle: ink.accent, lineWidth: 1, lineJoin: "round", ...options });
    if (options.dash) c.setLineDash(options.dash);
    c.beginPath();
    points.forEach(([px, py], i) => i ? c.lineTo(px, py) : c.moveTo(px, py));
    c.stroke();
    c.restore();
  };
  line([[0, height - 0.5], [width, height - 0.5]], { strokeStyle: ink.text, globalAlpha: 0.3 });
  line([[0, y(row.chance)], [width, y(row.chance)]], { strokeStyle: ink.text, globalAlpha: 0.6, dash: [4, 4] });
  row.accuracy.forEach((_, r) => {                           // one line a network, thick the median
    const points = row.accuracy[r].map((share, i) => share === null ? null : [x(row.exams[i]), y(share)]).filter(Boolean);
    line(points, { globalAlpha: 0.35 });
  });
  const middle = row.exams.map((step, i) => [step, median(row.accuracy.map(of => of[i]))]).filter(([, m]) => m !== null);
  line(middle.map(([step, m]) => [x(step), y(m)]), { lineWidth: 2.5 });
  if (middle.length === 1) { c.fillStyle = ink.accent; c.fillRect(x(middle[0][0]) - 2, y(middle[0][1]) - 2, 4, 4); }
}

function median(values) {                                    // as rnnkit/engine/history.py: a NaN (null) is the worst, of half of them all
  const n = values.length, v = values.map(x => x ?? -Infinity).sort((a, b) => a - b);
  return 2 * values.filter(x => x !== null).length > n ? (v[(n - 1) >> 1] + v[n >> 1]) / 2 : null;
}
