/* Paints gradient norms over time (x) and training steps (y, downwards), with the row at the cursor as a profile on top of the
   same x axis. Python sends a whole frame as bytes (heatmap.py); Streamlit calls the default function below for each frame
   and for each change of theme, and must find the same canvas again, so the state is in a map and the DOM is never rebuilt.
   Everything is redrawn from the last frame and the pointer: paint(view) is the only way to the canvas. Several heatmaps on a page
   share their pointer, at the same distance from the last time step and the same training step. Drawing functions
   get {c: the 2d context, f: the frame, g: the geometry, ink: the colours}; lengths are CSS pixels. Colours and textures come
   from viridis.js, which Python puts before this script. */

export default function ({ data, parentElement, setTriggerValue }) {
  const { view } = viewOf(parentElement, ".heatmap");
  view.send = row => setTriggerValue("row", row);
  view.frame = frameOf(data);
  const heard = view.picked === view.frame.cursor || performance.now() > view.pickedUntil;
  if (view.picked >= view.frame.n || (heard && !view.dragging)) view.picked = null;
  show(view);
}

// ---- the frame ----

function frameOf(bytes) {
  const f = decode(bytes);
  f.norms = f.codes;
  if (f.share) f.codes = shares(f);
  f.kinds = new Set();
  for (const code of f.codes) if (special(f, code)) f.kinds.add(kind(f, code));
  return f;
}

const special = (f, code) => code <= f.coding.cut || code >= f.coding.nothing;

function shares(f) {                                         // each norm over that of the last time step of its row
  const { cut, nothing, inf, nan, min, perDecade } = f.coding, one = -min * perDecade, T = f.length, last = row => f.norms[row * T + T - 1];
  const share = (code, end) => special(f, code) ? code : kind(f, end) === "nan" ? nan : special(f, end) ? inf
    : clamp(code - end + one, cut + 1, nothing - 1);
  return f.norms.map((code, i) => share(code, last(Math.floor(i / T))));
}

const at = (f, row, t) => f.codes[row * f.length + t];

// ---- the pointer ----

function locate(view, event) {                               // pointer -> {t, row, part}; row null where nothing is trained yet
  const { frame: f, geometry: g } = view, box = view.canvas.getBoundingClientRect();
  if (!g || !f.n) return null;
  const x = event.clientX - box.left, y = event.clientY - box.top;
  const part = y < g.floor + g.band + 4 ? "profile" : y > g.bottom + 4 && g.bars ? "lags" : "map";
  if (x < g.x0 || x > g.x1 || y < g.top || y > g.foot + 4) return null;
  const t = clamp(Math.floor((x - g.x0) / (g.x1 - g.x0) * f.length), 0, f.length - 1);
  let row = f.n - 1;
  while (row > 0 && g.rowTop(row) > y) row--;
  return { t, part, row: y < g.rowEnd(f.n - 1) ? row : null, nearest: row };
}

// ---- painting ----

function paint(view) {
  const { canvas, root, frame: f } = view, on = f && contextOf(canvas);
  if (!on) return;
  const { c } = on, ink = inkOf(root);
  c.plain = `${f.font}px ${ink.font}`;
  c.font = c.plain;
  const g = view.geometry = geometry(f, on), row = currentRow(view), d = { c, f, g, ink, fills: textures(c, on.dpr, ink) };
  drawFrames(d);
  if (f.n) {
    drawProfile(d, profileRow(view));
    view.root.dataset.way = drawReach(d, profileRow(view));
    drawRows(d, view.image);
    drawImportant(d);
    drawCursor(d, row);
    view.root.dataset.lags = drawLags(d);
  }
  drawXAxis(d);
  if (view.hover) drawCrosshair(d, view.hover, row);
}

const currentRow = view => view.picked ?? view.frame.cursor;
const profileRow = view => view.hover?.part === "map" ? view.hover.row ?? currentRow(view) : currentRow(view);

// ---- words ----

function tipTexts(f, row, t, last = f.length - 1) {
  const word = f.labels?.[t] ? ` “${f.labels[t]}”` : "", place = `t = ${f.aligned ? t - f.length + 1 : t}${word}`;
  if (row === null) return [place, "not trained yet", ""];
  const normAt = t => f.norms[row * f.length + t], code = normAt(t), what = kind(f, code), end = normAt(last);
  const norm = `‖dL/d${f.symbol}${subscript(t)}‖ = `;
  const special = { zero: norm.replace("=", "is") + "below 1e-38", cut: "exactly 0: cut by truncation, no gradient path",
    nan: norm + (code === f.coding.inf ? "inf" : "NaN"), nothing: "no sequence of the batch has begun here" };
  const share = what || kind(f, end) || t === last ? ""
    : `${scientific(log10(f, code) - log10(f, end))} of its value at the last time step`;
  return [`step ${f.steps[row].toLocaleString("en")} · ${place}`, special[what] ?? norm + scientific(log10(f, code)), share];
}

function lagTexts(f, t) {
  const lag = f.length - 1 - t, word = f.labels?.[t] ? ` “${f.labels[t]}”` : "", share = significant(f.lags[t]).replace("-", "−");
  return [`t = ${f.aligned ? -lag : t}${word}`, `${share} of dL/dW_rec`, lag ? `looks back ${lag} time step${lag > 1 ? "s" : ""}` : "the last step"];
}

function showTip(view) {
  const { tip, root, hover, frame: f, geometry: g } = view;
  tip.hidden = !hover || !f.n || !g;
  if (tip.hidden) return;
  const row = hover.part === "profile" ? currentRow(view) : hover.row;
  (hover.part === "lags" ? lagTexts(f, hover.t) : tipTexts(f, row, hover.t)).forEach((text, i) => { tip.children[i].textContent = text; tip.children[i].hidden = !text; });
  const plot = view.canvas.parentElement, gap = g.font;
  const x = (g.x(hover.t) + g.x(hover.t + 1)) / 2 + plot.offsetLeft, y = hover.y + plot.offsetTop;
  const left = x + gap + tip.offsetWidth > root.clientWidth ? x - gap - tip.offsetWidth : x + gap;
  tip.style.left = `${clamp(left, 2, root.clientWidth - tip.offsetWidth - 2)}px`;
  tip.style.top = `${clamp(y - tip.offsetHeight - gap, 2, root.clientHeight - tip.offsetHeight - 2)}px`;
}

function showWords(view) {
  const { root, frame: f } = view, row = currentRow(view), shown = profileRow(view), find = name => root.querySelector(name);
  const step = i => f.n ? `step ${f.steps[i].toLocaleString("en")}` : "";
  const texts = { ".now": step(shown), ".first": step(0) };
  for (const [name, text] of Object.entries(texts)) if (find(name).textContent !== text) find(name).textContent = text;
  for (const symbol of root.querySelectorAll(".symbol")) if (symbol.textContent !== f.symbol) symbol.textContent = f.symbol;
  root.classList.toggle("share", f.share);
  find(".now").classList.toggle("on", f.n > 0);
  find(".first").classList.toggle("on", f.n > 0 && shown > 0);
  for (const name of ["zero", "cut", "nan", "nothing"]) find(`.${name}`).classList.toggle("on", f.kinds.has(name));
  const said = { label: f.summary || "Heatmap of gradient norms over time and training", valuemin: 0, valuemax: Math.max(0, f.n - 1),
    valuenow: Math.max(0, row), valuetext: step(row) || "not trained yet" };
  for (const [name, text] of Object.entries(said)) root.setAttribute(`aria-${name}`, text);
  Object.assign(root.dataset, { rows: f.n, cursor: f.cursor });
  Object.assign(root.style, { height: f.height, fontSize: `${f.font}px` });
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

function pick(view, row, delay) {                            // show it at once; Python is told when keys and pointer rest
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
  labelBar(root, BOUNDED);
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
    view.hover = null;                   // the keys say which row is shown, not the pointer that rests
    tell(view);
    if (clamp(to, 0, f.n - 1) !== row) pick(view, clamp(to, 0, f.n - 1), 120);
  };
  redrawOnChange(plot, () => { paint(view); showTip(view); });
  return view;
}
