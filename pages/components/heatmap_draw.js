/* What heatmap.js paints: the axes, the profile of one row with the gradient's way back above it, and the map of all rows.
   Functions get {c: the 2d context, f: the frame, g: the geometry, ink: the colours}; lengths are CSS pixels. */

const LOST = Math.log10(2 ** -24);                           // of a share: float32 cannot add less to the last step's gradient

const BARS_FROM = 12.5;                                      // lines from the profile to the words, where there is room for bars

function niceStep(span, most) {                              // the smallest of 1, 2, 5, 10, ... with at most so many ticks
  for (let p = 1; ; p *= 10) for (const m of [1, 2, 5]) if (span / (m * p) <= most) return m * p;
}

// ---- geometry ----

function geometry(f, { c, width, height, snap }) {
  const { font } = f;
  const widest = texts => Math.max(...texts.map(s => c.measureText(s).width));
  const x0 = snap(widest(["1e-12", f.total.toLocaleString("en")]) + 0.9 * font);
  const g = { font, snap, width, height, x0, x1: snap(width - 0.5 * font), top: snap(1.5 * font) };
  g.x = t => g.x0 + (g.x1 - g.x0) * t / f.length;            // left edge of column t
  g.axis = xAxis(c, f, g);
  g.foot = snap(height - (g.axis.title ? 3.35 : 1.9) * font);            // of all columns, above their words
  g.bars = f.lags.length && g.foot - g.top > BARS_FROM * font ? snap(1.9 * font) : 0;
  g.bottom = g.bars && snap(g.foot - g.bars - 1.6 * font) || g.foot;     // of the heatmap
  const room = g.bottom - g.top - 2 * font;
  g.floor = snap(g.top + clamp(0.36 * room, 3 * font, 7.5 * font));    // of the profile
  g.band = snap(0.5 * font);                                 // under the profile, for zero, cut and NaN
  g.roof = snap(g.floor + g.band + 1.75 * font);             // of the heatmap
  g.level = lg => g.floor + (g.top - g.floor) * unit(lg);
  g.y = step => g.roof + (g.bottom - g.roof) * clamp(step / f.total);
  g.rowTop = i => snap(Math.min(g.y(f.steps[i]), g.bottom - 2));
  g.rowEnd = i => i + 1 < f.n ? g.rowTop(i + 1)
    : snap(clamp(g.y(f.steps[i] + (i ? f.steps[i] - f.steps[i - 1] : 1)), g.rowTop(i) + 2, g.bottom));
  return g;
}

function xAxis(c, f, g) {                                    // { title, items: [{ text, bold, x: of its middle, tick }] }
  const { font } = g, important = new Map(f.important), centre = t => (g.x(t) + g.x(t + 1)) / 2;
  const measure = (text, bold = false) => { c.font = (bold ? "bold " : "") + c.plain; return c.measureText(text).width; };
  const word = t => f.labels ? f.labels[t] || (f.aligned ? String(t - f.length + 1) : "") : String(t);
  const every = f.labels ? 1 : niceStep(f.length, (g.x1 - g.x0) / (3 * font));
  const all = [...Array(f.length).keys()].filter(t => t % every === 0 || important.has(t));
  const items = all.map(t => ({ t, text: word(t), bold: important.has(t), x: centre(t), tick: centre(t) }));
  for (const item of items) item.half = measure(item.text, item.bold) / 2 + 0.3 * font;
  const column = (g.x1 - g.x0) / f.length, fit = !f.labels || items.every(item => 2 * item.half <= column);
  if (!fit) return { title: false, items: ends(f, g, important, word, centre, measure) };
  const shown = [];
  for (const item of [...items.filter(item => item.bold), ...items.filter(item => !item.bold)])
    if (shown.every(other => Math.abs(other.x - item.x) >= other.half + item.half)) shown.push(item);
  return { title: true, items: shown };
}

function ends(f, g, important, word, centre, measure) {      // the important words, and how many lie between them
  const { font } = g, texts = whole => [...important].map(([t, text]) => whole && text || word(t));
  const place = names => {
    const items = [...important.keys()].map((t, i) => {
      const text = names[i], half = measure(text, true) / 2;
      return { t, text, half, bold: true, tick: centre(t), x: clamp(centre(t), g.x0 + half, g.x1 - half) };
    }).sort((a, b) => a.t - b.t);
    items.forEach((item, i) => { if (i) item.x = Math.max(item.x, items[i - 1].x + items[i - 1].half + item.half + 0.6 * font); });
    return items;
  };
  const fits = items => items.every(item => item.x + item.half <= g.x1 + 1);
  const named = place(texts(true)), items = fits(named) ? named : place(texts(false)).filter(item => item.x + item.half <= g.x1 + 1);
  const between = (from, to, n) => {
    const text = [`… ${n} time steps → …`, `… ${n} …`].find(s => measure(s) + font < to - from);
    return n > 0 && text ? [{ text, x: (from + to) / 2, bold: false, tick: null }] : [];
  };
  const edges = [{ t: -1, x: g.x0, half: 0 }, ...items, { t: f.length, x: g.x1, half: 0 }];
  return [...items, ...edges.slice(1).flatMap((b, i) => between(edges[i].x + edges[i].half, b.x - b.half, b.t - edges[i].t - 1))];
}

// ---- pens ----

function line(d, points, { width = 1, alpha = 1, dash = [], stroke = d.ink.text } = {}) {
  const { c } = d;
  c.save();
  Object.assign(c, { globalAlpha: alpha, strokeStyle: stroke, lineWidth: width, lineJoin: "round" });
  c.setLineDash(dash);
  c.beginPath();
  points.forEach((p, i) => p && (i && points[i - 1] ? c.lineTo(...p) : c.moveTo(...p)));     // null lifts the pen
  c.stroke();
  c.restore();
}

function write(d, s, x, y, { align = "right", base = "middle", alpha = 1, bold = false } = {}) {
  const { c } = d;
  c.save();
  Object.assign(c, { textAlign: align, textBaseline: base, globalAlpha: alpha, fillStyle: d.ink.text });
  c.font = (bold ? "bold " : "") + c.plain;
  c.fillText(s, x, y);
  c.restore();
}

function fill(d, style, alpha, x, y, w, h) {
  Object.assign(d.c, { fillStyle: style, globalAlpha: alpha });
  d.c.fillRect(x, y, w, h);
  d.c.globalAlpha = 1;
}

function rule(d, points) {                                   // a white line with a dark rim shows on every colour of the map
  line(d, points, { width: 4, stroke: "#000", alpha: 0.6 });
  line(d, points, { width: 1.8, stroke: "#fff" });
}

function triangle({ c }, colour, ...corners) {
  c.fillStyle = colour;
  c.beginPath();
  corners.forEach((corner, i) => i ? c.lineTo(...corner) : c.moveTo(...corner));
  c.fill();
}

// ---- the parts ----

function drawFrames(d) {
  const { c, f, g, ink } = d, pad = 0.6 * g.font;
  fill(d, ink.text, 0.05, g.x0, g.roof, g.x1 - g.x0, g.bottom - g.roof);
  Object.assign(c, { strokeStyle: ink.text, lineWidth: 1, globalAlpha: 0.3 });
  c.strokeRect(g.x0 - 0.5, g.roof - 0.5, g.x1 - g.x0 + 1, g.bottom - g.roof + 1);
  c.globalAlpha = 1;
  const sparse = g.floor - g.top < 4.4 * g.font;
  for (const lg of TICKS) {
    const y = g.snap(g.level(lg)) + 0.5;
    line(d, [[g.x0, y], [g.x1, y]], { alpha: lg === LOW ? 0.45 : 0.16 });
    if (!sparse || Math.abs(lg % 8) === 4) write(d, decade(lg), g.x0 - pad, y);
  }
  const by = niceStep(f.total, (g.bottom - g.roof) / (1.7 * g.font));
  for (let step = 0; step <= f.total; step += by) {
    line(d, [[g.x0 - pad / 3, g.snap(g.y(step)) + 0.5], [g.x0, g.snap(g.y(step)) + 0.5]], { alpha: 0.5 });
    write(d, step.toLocaleString("en"), g.x0 - pad, g.y(step));
  }
  write(d, "training step ↓", g.x0, g.roof - 0.35 * g.font, { align: "left", base: "bottom", alpha: 0.8 });
  const end = f.n ? g.rowEnd(f.n - 1) : g.roof;
  if (g.bottom - end > 2.2 * g.font)
    write(d, "not trained yet", (g.x0 + g.x1) / 2, g.bottom - 1.1 * g.font, { align: "center", alpha: 0.8 });
}

const under = (f, code) => !kind(f, code) && log10(f, code) < LOW;

function steps(d, row) {                                     // the row as a staircase; null where there is no number, or it lies below
  const { f, g } = d, points = [];
  for (let t = 0; t < f.length; t++) {
    const code = at(f, row, t), y = g.level(log10(f, code));
    if (kind(f, code) || under(f, code)) points.push(null); else points.push([g.x(t), y], [g.x(t + 1), y]);
  }
  return points;
}

function drawProfile(d, row) {
  const { f, g } = d;
  for (let t = 0; t < f.length; t++) {
    const code = at(f, row, t), x = g.snap(g.x(t)), w = g.snap(g.x(t + 1)) - x, what = kind(f, code);
    if (what) {
      fill(d, d.fills[what], 0.16, x, g.top, w, g.floor - g.top);
      fill(d, d.fills[what], 1, x, g.floor + 1, w, g.band);
    } else {
      const y = g.level(log10(f, code));
      fill(d, `rgb(${colour(log10(f, code))})`, 0.75, x, y, w, g.floor - y);
    }
  }
  if (row > 0) line(d, steps(d, 0), { width: 1.5, alpha: 0.75, dash: [5, 4] });
  line(d, steps(d, row), { width: 2.5 });
  drawUnder(d, row);
}

function drawUnder(d, row) {                                 // names the longest stretch whose numbers are below the axis
  const { c, f, g } = d, best = { from: 0, to: 0 };
  for (let t = 0, from = 0; t < f.length; t++) {
    if (!under(f, at(f, row, t))) from = t + 1;
    else if (t + 1 - from > best.to - best.from) Object.assign(best, { from, to: t + 1 });
  }
  const text = `below ${decade(LOW)}`, x = (g.x(best.from) + g.x(best.to)) / 2;
  c.font = c.plain;
  if (c.measureText(text).width + g.font < g.x(best.to) - g.x(best.from))
    write(d, text, x, g.floor - 0.35 * g.font, { align: "center", base: "bottom", alpha: 0.8 });
}

function reach(f, row) {                                     // -> { t, text }: how far the last step's gradient gets; null: there is none
  const end = at(f, row, f.length - 1), to = Math.min(f.length - 1, ...f.important.map(([t]) => t));
  if (kind(f, end) || f.length < 2) return null;
  const share = t => log10(f, at(f, row, t)) - log10(f, end);
  for (let t = f.length - 2; t >= to; t--) {
    const what = kind(f, at(f, row, t));
    if (what === "cut") return { t: t + 1, text: "cut here" };
    if (what === "nan" || what === "nothing") return { t: t + 1, text: what === "nan" ? "NaN here" : "" };
    if (what === "zero" || share(t) < LOST) return { t: t + 1, text: "lost here" };
  }
  return { t: to, text: to < f.length - 1 ? f.left.find(([most]) => share(to) <= most)[1] : "" };
}

function drawReach(d, row) {                                 // the gradient's way back, an arrow above the profile -> its word
  const { c, f, g, ink } = d, way = reach(f, row);
  if (!way) return "";
  const y = g.snap(0.75 * g.font), size = 0.4 * g.font, from = g.x(f.length), to = Math.min(g.x(way.t), from - 2 * size);
  line(d, [[from, y], [to + size, y]], { width: 2.5, stroke: ink.accent });
  triangle(d, ink.accent, [to, y], [to + 1.6 * size, y - size], [to + 1.6 * size, y + size]);
  c.font = `bold ${c.plain}`;
  const left = to - 0.4 * g.font - c.measureText(way.text).width > 0;
  if (left) write(d, way.text, to - 0.4 * g.font, y, { bold: true });
  else {
    const width = c.measureText(way.text).width + 0.8 * g.font, x = to + 3 * size;
    fill(d, ink.back, 1, x, y - 0.7 * g.font, width, 1.4 * g.font);
    write(d, way.text, x + 0.4 * g.font, y, { align: "left", bold: true });
  }
  return way.text;
}

function drawRows(d, image) {
  const { c, f, g } = d;
  c.imageSmoothingEnabled = false;
  for (let i = 0; i < f.n; i++) {
    const y = g.rowTop(i), h = g.rowEnd(i) - y;
    if (h > 0) c.drawImage(image, 0, i, f.length, 1, g.x0, y, g.x1 - g.x0, h);
  }
  for (const what of f.kinds) drawSpecial(d, what);
}

function drawSpecial({ c, f, g, fills }, what) {             // runs of cells; textures tell them from viridis for every eye
  c.fillStyle = fills[what];
  c.beginPath();
  for (let i = 0; i < f.n; i++) {
    const y = g.rowTop(i), h = g.rowEnd(i) - y;
    for (let t = 0, from = -1; h > 0 && t <= f.length; t++) {
      const inside = t < f.length && kind(f, at(f, i, t)) === what;
      if (inside && from < 0) from = t;
      if (!inside && from >= 0) { c.rect(g.snap(g.x(from)), y, g.snap(g.x(t)) - g.snap(g.x(from)), h); from = -1; }
    }
  }
  c.fill();
}

function drawImportant(d) {                                  // the columns of the subject and the verb, from the profile to their words
  const { f, g } = d, trained = g.rowEnd(f.n - 1);
  for (const [t] of f.important) {
    const x = g.snap((g.x(t) + g.x(t + 1)) / 2);
    line(d, [[x, g.top], [x, g.floor]], { width: 1.5, dash: [2, 3] });
    line(d, [[x, g.roof], [x, trained]], { width: 3, stroke: "#000", alpha: 0.35, dash: [3, 3] });
    line(d, [[x, g.roof], [x, trained]], { width: 1.5, stroke: "#fff", dash: [3, 3] });
  }
}

const middle = (g, row) => g.snap((g.rowTop(row) + g.rowEnd(row)) / 2);

function drawCursor(d, row) {
  const { g, ink } = d, y = middle(g, row), size = 0.45 * g.font;
  rule(d, [[g.x0, y], [g.x1, y]]);
  for (const [x, dx] of [[g.x0, -size], [g.x1, size]]) triangle(d, ink.accent, [x, y], [x + dx, y - size], [x + dx, y + size]);
}

function drawLags(d) {                                       // shares of dL/dW_rec at the cursor, one bar a time step, the words above
  const { c, f, g, ink } = d;
  if (!g.bars) return "";
  const most = Math.max(...f.lags, 1e-9), least = Math.min(...f.lags, 0), y = share => g.foot - g.bars * (share - least) / (most - least);
  for (let t = 0; t < f.length; t++) {
    const x = g.snap(g.x(t)), w = Math.max(1, g.snap(g.x(t + 1)) - x - (g.x(1) - g.x(0) > 6 ? 1 : 0)), share = f.lags[t];
    if (Math.abs(share) * g.bars / (most - least) > 0.25) fill(d, share < 0 ? ink.nan : ink.text, 0.8, x, Math.min(y(share), y(0)), w, Math.abs(y(share) - y(0)));
  }
  line(d, [[g.x0, g.snap(y(0)) + 0.5], [g.x1, g.snap(y(0)) + 0.5]], { alpha: 0.45 });
  write(d, most < 0.01 ? percent(most) : `${Math.floor(100 * most)} %`, g.x0 - 0.6 * g.font, y(most) + 0.3 * g.font, { alpha: 0.8 });
  c.font = `bold ${c.plain}`;
  const first = f.lagWords.split(";")[0], short = first.replace(/ of dL\S*| time|:.*/g, "");
  const words = [f.lagWords, first, short].find(text => c.measureText(text).width < g.x1 - g.x0) ?? "";
  write(d, words, g.x0, g.bottom + 0.9 * g.font, { align: "left", bold: true });
  return words;
}

function drawXAxis(d) {
  const { g } = d, y = g.foot + 0.55 * g.font;
  for (const { text, bold, x, tick } of g.axis.items) {
    if (tick !== null) line(d, [[tick, g.foot + 1], [tick, g.foot + 0.35 * g.font]], { width: bold ? 2.5 : 1, alpha: bold ? 1 : 0.5 });
    write(d, text, x, y, { bold, align: "center", base: "top", alpha: tick === null ? 0.8 : 1 });
  }
  if (g.axis.title)
    write(d, `${d.f.aligned || "time in the sequence"} t →`, g.x1, g.height - 0.2 * g.font, { base: "bottom", alpha: 0.8 });
}

function drawCrosshair(d, hover, row) {
  const { g } = d, x = (g.x(hover.t) + g.x(hover.t + 1)) / 2;
  line(d, [[x, g.top], [x, g.floor]], { width: 1.5 });
  rule(d, [[x, g.roof], [x, g.bottom]]);
  if (g.bars) line(d, [[x, g.foot - g.bars], [x, g.foot]], { width: 1.5 });
  if (hover.part === "map" && hover.row !== null && hover.row !== row)
    rule(d, [[g.x0, middle(g, hover.row)], [g.x1, middle(g, hover.row)]]);
}
