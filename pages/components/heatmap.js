/* Paints gradient norms over time (x) and training steps (y, downwards), with the row at the cursor as a profile on top of the
   same x axis. Python sends a whole frame as bytes (see heatmap.py); Streamlit calls the default function below for each frame
   and for each change of theme, and must find the same canvas again, so the state lives in a map and the DOM is never rebuilt.
   Everything is redrawn from the last frame and the pointer: paint(view) is the only way to the canvas. Several heatmaps on a page
   share their pointer, at the same distance from the last time step and the same training step. Drawing functions
   get {c: the 2d context, f: the frame, g: the geometry, ink: the colours}; lengths are CSS pixels. Colours and textures come
   from viridis.js, which stands in front of this text. */

const views = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".heatmap");
  if (!views.has(root)) views.set(root, mount(root));
  const view = views.get(root);
  view.send = row => setTriggerValue("row", row);
  view.frame = decode(data);
  const heard = view.picked === view.frame.cursor || performance.now() > view.pickedUntil;
  if (view.picked >= view.frame.n || (heard && !view.dragging)) view.picked = null;
  show(view);
}

// ---- the frame ----

function decode(bytes) {
  const buffer = bytes.slice().buffer;                       // a copy, because typed arrays want aligned offsets
  const end = 4 + new DataView(buffer).getUint32(0, true);
  const f = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, end - 4)));
  f.steps = new Int32Array(buffer, end, f.n);
  f.codes = new Uint16Array(buffer, end + 4 * f.n, f.n * f.length);
  f.kinds = new Set();
  for (const code of f.codes) if (code <= f.coding.cut || code >= f.coding.inf) f.kinds.add(kind(f, code));
  return f;
}

const at = (f, row, t) => f.codes[row * f.length + t];

function niceStep(span, most) {                              // the smallest of 1, 2, 5, 10, ... with at most so many ticks
  for (let p = 1; ; p *= 10) for (const m of [1, 2, 5]) if (span / (m * p) <= most) return m * p;
}

// ---- geometry ----

function geometry(c, f, width, height, dpr) {
  const font = f.font, snap = v => Math.round(v * dpr) / dpr;
  const widest = texts => Math.max(...texts.map(s => c.measureText(s).width));
  const x0 = snap(widest(["1e-12", f.total.toLocaleString("en")]) + 0.9 * font);
  const g = { font, snap, dpr, width, height, x0, x1: snap(width - 0.5 * font), top: snap(0.6 * font) };
  g.x = t => g.x0 + (g.x1 - g.x0) * t / f.length;            // left edge of column t
  g.axis = xLabels(c, f, g);
  g.bottom = snap(height - 1.45 * font - g.axis.height);
  const room = g.bottom - g.top - 2 * font;
  g.floor = snap(g.top + clamp(0.36 * room, 3 * font, 7.5 * font));    // of the profile
  g.band = snap(0.5 * font);                                 // under the profile, for zero, cut and NaN
  g.roof = snap(g.floor + g.band + 1.75 * font);             // of the heatmap
  g.level = lg => g.floor + (g.top - g.floor) * unit(lg);
  g.y = step => g.roof + (g.bottom - g.roof) * clamp(step / f.total, 0, 1);
  g.rowTop = i => snap(Math.min(g.y(f.steps[i]), g.bottom - 2));
  g.rowEnd = i => i + 1 < f.n ? g.rowTop(i + 1)
    : snap(clamp(g.y(f.steps[i] + (i ? f.steps[i] - f.steps[i - 1] : 1)), g.rowTop(i) + 2, g.bottom));
  return g;
}

function xLabels(c, f, g) {                                  // which labels fit: the important ones, then from left to right
  const { font } = g, important = new Set(f.important), bold = t => important.has(t);
  const measure = t => { c.font = (bold(t) ? "bold " : "") + c.plain; return c.measureText(text(t)).width; };
  const every = f.labels ? 1 : niceStep(f.length, (g.x1 - g.x0) / (3 * font));
  const text = t => f.labels ? f.labels[t] || (f.aligned ? String(t - f.length + 1) : "") : String(t);
  const all = [...Array(f.length).keys()].filter(t => t % every === 0 || bold(t));
  const widths = new Map(all.map(t => [t, measure(t)]));
  c.font = c.plain;
  const longest = Math.max(0, ...widths.values()), column = (g.x1 - g.x0) / f.length;
  const turned = f.labels !== null && longest + 0.5 * font > column;
  const half = t => turned ? 0.58 * font : widths.get(t) / 2 + 0.3 * font;
  const shown = [];
  for (const t of [...all.filter(bold), ...all.filter(t => !bold(t))]) {
    const apart = s => Math.abs(s - t) * column >= half(s) + half(t);
    if (shown.every(apart)) shown.push(t);
  }
  const room = Math.min(6.5 * font, Math.max(0, ...shown.map(t => widths.get(t))));
  const items = shown.map(t => ({ t, text: text(t), bold: bold(t) }));
  return { turned, room, items, height: (turned ? room : font) + 0.9 * font };
}

function locate(view, event) {                               // pointer -> {t, row, part}; row null where nothing is trained yet
  const { frame: f, geometry: g } = view, box = view.canvas.getBoundingClientRect();
  if (!g || !f.n) return null;
  const x = event.clientX - box.left, y = event.clientY - box.top;
  const part = y < g.floor + g.band + 4 ? "profile" : "map";
  if (x < g.x0 || x > g.x1 || y < g.top || y > g.bottom + 4) return null;
  const t = clamp(Math.floor((x - g.x0) / (g.x1 - g.x0) * f.length), 0, f.length - 1);
  let row = f.n - 1;
  while (row > 0 && g.rowTop(row) > y) row--;
  return { t, part, row: y < g.rowEnd(f.n - 1) ? row : null, nearest: row };
}

// ---- drawing ----

function paint(view) {
  const { canvas, root, frame: f } = view, dpr = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  if (!f || !width || !height) return;
  const w = Math.round(width * dpr), h = Math.round(height * dpr);
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  const c = canvas.getContext("2d"), style = getComputedStyle(root);
  const of = name => style.getPropertyValue(name).trim();
  const ink = { text: style.color, back: of("--st-background-color"), accent: of("--st-primary-color") };
  Object.assign(ink, { zero: of("--zero"), nan: of("--nan") });
  c.setTransform(dpr, 0, 0, dpr, 0, 0);
  c.clearRect(0, 0, width, height);
  c.plain = `${f.font}px ${style.fontFamily}`;
  c.font = c.plain;
  const g = view.geometry = geometry(c, f, width, height, dpr), row = currentRow(view);
  const d = { c, f, g, ink, fills: textures(c, g.dpr, ink) };
  drawFrames(d);
  if (f.n) { drawProfile(d, row); drawRows(d, view.image); drawCursor(d, row); }
  drawXAxis(d);
  if (view.hover) drawCrosshair(d, view.hover, row);
}

const currentRow = view => view.picked ?? view.frame.cursor;

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

function write(d, s, x, y, { align = "right", base = "middle", alpha = 1, bold = false, most } = {}) {
  const { c } = d;
  c.save();
  Object.assign(c, { textAlign: align, textBaseline: base, globalAlpha: alpha, fillStyle: d.ink.text });
  c.font = (bold ? "bold " : "") + c.plain;
  while (most && s.length > 2 && c.measureText(s).width > most + 1) s = s.slice(0, -2) + "…";
  c.fillText(s, x, y);
  c.restore();
}

function fill(d, style, alpha, x, y, w, h) {
  Object.assign(d.c, { fillStyle: style, globalAlpha: alpha });
  d.c.fillRect(x, y, w, h);
  d.c.globalAlpha = 1;
}

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

function steps(d, row) {                                     // the row as a staircase; null where there is no number
  const { f, g } = d, points = [];
  for (let t = 0; t < f.length; t++) {
    const code = at(f, row, t), y = g.level(log10(f, code));
    if (kind(f, code)) points.push(null); else points.push([g.x(t), y], [g.x(t + 1), y]);
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

function rule(d, points) {                                   // a white line with a dark rim shows on every colour of the map
  line(d, points, { width: 4, stroke: "#000", alpha: 0.6 });
  line(d, points, { width: 1.8, stroke: "#fff" });
}

const middle = (g, row) => g.snap((g.rowTop(row) + g.rowEnd(row)) / 2);

function drawCursor(d, row) {
  const { c, g, ink } = d, y = middle(g, row), size = 0.45 * g.font;
  rule(d, [[g.x0, y], [g.x1, y]]);
  c.fillStyle = ink.accent;
  for (const [x, dx] of [[g.x0, -size], [g.x1, size]]) {
    c.beginPath(); c.moveTo(x, y); c.lineTo(x + dx, y - size); c.lineTo(x + dx, y + size); c.fill();
  }
}

function drawXAxis(d) {
  const { c, g } = d, gap = 0.65 * g.font;
  for (const { t, text, bold } of g.axis.items) {
    const x = (g.x(t) + g.x(t + 1)) / 2, y = g.bottom + gap;
    line(d, [[x, g.bottom + 1], [x, g.bottom + 0.22 * g.font]], { width: bold ? 2.5 : 1, alpha: bold ? 1 : 0.5 });
    c.save();
    c.translate(x, y);
    if (g.axis.turned) c.rotate(-Math.PI / 2);
    write(d, text, 0, 0, g.axis.turned ? { bold, most: g.axis.room } : { bold, align: "center", base: "top" });
    c.restore();
  }
  write(d, d.f.aligned ? "words before the verb t →" : "time in the sequence t →", g.x1, g.height - 0.2 * g.font, { base: "bottom", alpha: 0.8 });
}

function drawCrosshair(d, hover, row) {
  const { g } = d, x = (g.x(hover.t) + g.x(hover.t + 1)) / 2;
  line(d, [[x, g.top], [x, g.floor]], { width: 1.5 });
  rule(d, [[x, g.roof], [x, g.bottom]]);
  if (hover.part === "map" && hover.row !== null && hover.row !== row)
    rule(d, [[g.x0, middle(g, hover.row)], [g.x1, middle(g, hover.row)]]);
}

// ---- words ----

function tipTexts(f, row, t, last = f.length - 1) {
  const word = f.labels?.[t] ? ` “${f.labels[t]}”` : "", place = `t = ${f.aligned ? t - f.length + 1 : t}${word}`;
  if (row === null) return [place, "not trained yet", ""];
  const code = at(f, row, t), what = kind(f, code), end = at(f, row, last);
  const norm = `‖dL/d${f.symbol}${[...String(t)].map(digit => "₀₁₂₃₄₅₆₇₈₉"[digit]).join("")}‖ = `;
  const special = { zero: norm.replace("=", "is") + "below 1e-38", cut: "exactly 0: cut by truncation, no gradient path",
    nan: norm + (code === f.coding.inf ? "inf" : "NaN"), nothing: "no sentence of the batch has a word here" };
  const share = what || kind(f, end) || t === last ? ""
    : `${scientific(log10(f, code) - log10(f, end))} of its value at the last time step`;
  return [`step ${f.steps[row].toLocaleString("en")} · ${place}`, special[what] ?? norm + scientific(log10(f, code)), share];
}

function showTip(view) {
  const { tip, root, hover, frame: f, geometry: g } = view;
  tip.hidden = !hover || !f.n || !g;
  if (tip.hidden) return;
  const row = hover.part === "profile" ? currentRow(view) : hover.row;
  tipTexts(f, row, hover.t).forEach((text, i) => { tip.children[i].textContent = text; tip.children[i].hidden = !text; });
  const plot = view.canvas.parentElement, gap = g.font;
  const x = (g.x(hover.t) + g.x(hover.t + 1)) / 2 + plot.offsetLeft, y = hover.y + plot.offsetTop;
  const left = x + gap + tip.offsetWidth > root.clientWidth ? x - gap - tip.offsetWidth : x + gap;
  tip.style.left = `${clamp(left, 2, root.clientWidth - tip.offsetWidth - 2)}px`;
  tip.style.top = `${clamp(y - tip.offsetHeight - gap, 2, root.clientHeight - tip.offsetHeight - 2)}px`;
}

function showWords(view) {
  const { root, frame: f } = view, row = currentRow(view), find = name => root.querySelector(name);
  const step = i => f.n ? `step ${f.steps[i].toLocaleString("en")}` : "";
  const texts = { ".symbol": f.symbol, ".now": step(row), ".first": step(0) };
  for (const [name, text] of Object.entries(texts)) if (find(name).textContent !== text) find(name).textContent = text;
  find(".now").classList.toggle("on", f.n > 0);
  find(".first").classList.toggle("on", f.n > 0 && row > 0);
  for (const name of ["zero", "cut", "nan"]) find(`.${name}`).classList.toggle("on", f.kinds.has(name));
  const said = { label: f.summary || "Heatmap of gradient norms over time and training", valuemin: 0, valuemax: Math.max(0, f.n - 1),
    valuenow: Math.max(0, row), valuetext: step(row) || "not trained yet" };
  for (const [name, text] of Object.entries(said)) root.setAttribute(`aria-${name}`, text);
  Object.assign(root.dataset, { rows: f.n, cursor: f.cursor });
  Object.assign(root.style, { height: `${f.height}px`, fontSize: `${f.font}px` });
}

// ---- the component's life ----

function show(view) {                                        // a new frame
  const f = view.frame;
  view.palette ??= palette(f);
  if (f.n) {
    const image = view.image ??= document.createElement("canvas");
    Object.assign(image, { width: f.length, height: f.n });
    const pixels = new ImageData(f.length, f.n), rgba = new Uint32Array(pixels.data.buffer);
    for (let i = 0; i < rgba.length; i++) rgba[i] = view.palette[f.codes[i]];
    image.getContext("2d").putImageData(pixels, 0, 0);
  }
  if (view.hover && (view.hover.t >= f.length || view.hover.row >= f.n)) view.hover = null;
  refresh(view);
}

function refresh(view) { showWords(view); paint(view); showTip(view); }

function pick(view, row, delay) {                            // show it at once; Python hears when the keys or pointer rest
  view.picked = row;
  view.pickedUntil = performance.now() + delay + 1000;       // then Python's cursor counts again, whatever it is
  clearTimeout(view.timer);
  view.timer = setTimeout(() => view.send(row), delay);
  refresh(view);
}

const HOVER = "rnnkit-hover";                                // between the heatmaps of a page

function tell(view) {                                        // the others where the pointer is
  const { root, hover, frame: f } = view;
  const place = hover && { ...hover, fromEnd: f.length - hover.t, step: hover.row === null ? null : f.steps[hover.row] };
  window.dispatchEvent(new CustomEvent(HOVER, { detail: { root, place } }));
}

function follow(view, { root, place }) {                     // another heatmap's pointer
  const { frame: f, geometry: g } = view;
  if (root === view.root || !f || !g || !(place || view.hover)) return;
  const t = place ? f.length - place.fromEnd : -1;
  let row = f.n - 1;
  while (place && row > 0 && f.steps[row] > place.step) row--;
  const y = place?.part === "map" ? g.rowTop(row) : g.floor;
  view.hover = t < 0 || row < 0 || place.step === null ? null : { t, row, part: place.part, y };
  refresh(view);
}

function mount(root) {
  const canvas = root.querySelector("canvas"), plot = canvas.parentElement;
  const view = { root, canvas, tip: root.querySelector(".tip"), hover: null, picked: null, pickedUntil: 0, dragging: false };
  root.style.setProperty("--viridis", GRADIENT);
  for (const lg of TICKS) {
    const tick = document.createElement("span"), bound = { [LOW]: "≤ ", [HIGH]: "≥ " }[lg] ?? "";
    tick.textContent = bound + decade(lg);
    tick.style.left = `${100 * unit(lg)}%`;
    root.querySelector(".bar").append(tick);
  }
  const point = event => {
    const place = locate(view, event);
    view.hover = place && { ...place, y: event.clientY - canvas.getBoundingClientRect().top };
    if (view.dragging && place?.part === "map") view.picked = place.nearest;
    refresh(view);
    tell(view);
    return place;
  };
  const leave = () => { view.hover = null; view.dragging = false; refresh(view); tell(view); };
  const hear = event => root.isConnected ? follow(view, event.detail) : window.removeEventListener(HOVER, hear);
  window.addEventListener(HOVER, hear);
  plot.onpointermove = point;
  plot.onpointerdown = event => {
    view.dragging = event.button === 0 && locate(view, event)?.part === "map";
    if (view.dragging && event.pointerType === "mouse") plot.setPointerCapture(event.pointerId);
    point(event);
  };
  plot.onpointerup = event => {
    const place = point(event), row = place?.part === "map" ? place.nearest : view.picked;
    if (view.dragging && row !== null) pick(view, row, 0);
    view.dragging = false;
  };
  plot.onpointerleave = event => event.pointerType !== "touch" && leave();
  plot.onpointercancel = leave;                              // the browser took the touch to scroll the page
  root.onblur = leave;
  root.onkeydown = event => {
    const f = view.frame, row = currentRow(view), to = { ArrowUp: row - 1, ArrowDown: row + 1, Home: 0, End: f.n - 1 }[event.key];
    if (to === undefined || !f.n) return;
    event.preventDefault();
    if (clamp(to, 0, f.n - 1) !== row) pick(view, clamp(to, 0, f.n - 1), 120);
  };
  new ResizeObserver(() => { paint(view); showTip(view); }).observe(plot);
  document.fonts?.ready.then(() => paint(view));
  return view;
}
