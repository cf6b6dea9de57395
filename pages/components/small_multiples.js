/* A table of runs, one row each: words, a small heatmap of the gradient over training, the accuracy, and how many networks have
   learnt. Python sends all rows as bytes several times a second (see small_multiples.py). The rows are built once and then only
   filled, so nothing flickers; Python hears how they are sorted, which are unfolded, and of the buttons
   under an unfolded row. Colours and textures of the gradient come from viridis.js, which stands in front of this text. */

const views = new WeakMap();

export default function ({ data, parentElement, setTriggerValue, setStateValue }) {
  const root = parentElement.querySelector(".multiples"), fresh = !views.has(root);
  if (fresh) views.set(root, mount(root));
  const view = views.get(root);
  view.send = (what, value) => (what === "place" ? setStateValue : setTriggerValue)(what, value);
  view.frame = decode(data);
  if (fresh) Object.assign(view, { order: view.frame.order, open: new Set(view.frame.open) });
  show(view);
}

// ---- the frame ----

function decode(bytes) {
  const buffer = bytes.slice().buffer;
  let at = 4 + new DataView(buffer).getUint32(0, true);
  const f = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, at - 4)));
  for (const row of f.rows) {
    row.codes = new Uint16Array(buffer, at, row.n * row.length);
    at += 2 * row.codes.length;
  }
  return f;
}

// ---- the table ----

const make = (tag, name, ...children) => {
  const node = document.createElement(tag);
  if (name) node.className = name;
  node.append(...children);
  return node;
};

function say(node, text) { if (node.textContent !== text) node.textContent = text; }

function build(view) {                                       // all rows of a new set, empty
  const { root, frame: f } = view, body = root.querySelector("tbody");
  view.keys = f.rows.map(row => row.key).join();
  view.rows = new Map(f.rows.map((row, i) => [row.key, buildRow(view, row, i)]));
  view.headings = new Map([...new Set(f.rows.map(row => row.heading))].map(text => {
    const cell = make("th", "", text);
    Object.assign(cell, { colSpan: 6, scope: "rowgroup" });
    return [text, make("tr", "heading", cell)];
  }));
  body.replaceChildren();
  arrange(view);
}

const TEXTS = ["title", "differs", "count", "tag", "steps", "time", "arrives", "symbol"];

function buildRow(view, row, i) {
  const parts = { title: make("span", "title"), differs: make("div", "differs"), heat: make("canvas"), curve: make("canvas") };
  for (const name of ["dots", ...TEXTS.slice(2)]) parts[name] = make("div", name);
  const name = make("button", "name", make("span", "arrow"), parts.title), id = `multiples-${i}`;
  const cell = (kind, ...children) => make("td", kind, ...children);
  const head = make("th", "what", name, parts.differs);
  head.scope = "row";
  const line = make("tr", "row", head, cell("heat", parts.heat), cell("curve", parts.curve),
    cell("solved", parts.dots, make("div", "told", parts.count, parts.tag)), cell("after", parts.steps, parts.time),
    cell("ratio", parts.arrives, parts.symbol));
  const more = make("tr", "details", buildDetails(view, row));
  Object.assign(more, { id, hidden: !view.open.has(row.key) });
  name.setAttribute("aria-expanded", String(!more.hidden));
  name.setAttribute("aria-controls", id);
  for (const canvas of [parts.heat, parts.curve]) canvas.setAttribute("role", "img");
  line.onclick = () => {
    if (String(window.getSelection())) return;               // somebody marks text
    more.hidden = !more.hidden;
    view.open[more.hidden ? "delete" : "add"](row.key);
    tellPlace(view);
    name.setAttribute("aria-expanded", String(!more.hidden));
  };
  parts.dots.setAttribute("aria-hidden", "true");
  parts.heat.onpointermove = event => point(view, row.key, event, heatTip);
  parts.curve.onpointermove = event => point(view, row.key, event, curveTip);
  parts.heat.onpointerleave = parts.curve.onpointerleave = () => { view.tip.hidden = true; };
  return { ...parts, line, more };
}

const tellPlace = view => tell(view, { remedies_order: view.order || "groups", remedies_open: [...view.open] });

function buildDetails(view, row) {
  const list = make("dl", "");
  for (const [term, text] of row.details) list.append(make("dt", "", term), make("dd", "", text));
  const actions = make("div", "actions", ...row.actions.map(([what, label]) => {
    const button = make("button", "action", label);
    button.onclick = event => { event.stopPropagation(); view.send(what, row.key); };
    return button;
  }));
  const cell = make("td", "", list, actions);
  cell.colSpan = 6;
  return cell;
}

const ORDERS = {                                             // which of two rows comes first
  solved: (a, b) => b.solved - a.solved || steps(a) - steps(b),
  steps: (a, b) => steps(a) - steps(b) || b.solved - a.solved,
  gradient: (a, b) => (b.arrives ?? -1) - (a.arrives ?? -1),
};
const steps = row => row.after ?? Infinity;

function arrange(view) {                                     // puts the rows in the chosen order, once
  const { root, frame: f, order } = view, body = root.querySelector("tbody");
  const rows = order ? [...f.rows].sort(ORDERS[order]) : f.rows, lines = [];
  let last = null;
  for (const row of rows) {
    if (!order && row.heading !== last) lines.push(view.headings.get(last = row.heading));
    lines.push(view.rows.get(row.key).line, view.rows.get(row.key).more);
  }
  body.replaceChildren(...lines);
  for (const button of root.querySelectorAll(".order button"))
    button.setAttribute("aria-pressed", String((button.dataset.order || "") === order));
}

function fill(view, row) {
  const parts = view.rows.get(row.key), { line } = parts;
  for (const name of TEXTS) say(parts[name], row.text[name] ?? "");
  Object.assign(line.dataset, { outcome: row.outcome, status: row.status, rows: row.n, key: row.key });
  const marks = row.networks.join();
  if (parts.marks !== marks) {
    parts.marks = marks;
    parts.dots.replaceChildren(...row.networks.map(state => make("i", state)));
  }
  line.style.setProperty("--share", `${100 * row.share}%`);
  const { arrives, count } = row.text, last = row.exams.length - 1, m = last < 0 ? null : median(row.accuracy.map(of => of[last]));
  const right = m === null ? "no exam yet" : `the median network has ${percent(m)} right at step ${row.exams[last]}`;
  parts.heat.setAttribute("aria-label", arrives ? `Gradient norms over time and training: of dL/d${row.symbol} arrives, before and `
    + `after training, ${arrives}` : "Gradient norms over time and training: not trained yet");
  parts.curve.setAttribute("aria-label", `Accuracy while training: ${right}${count ? `; solved by ${count}` : ""}; chance is `
    + `${percent(row.chance)}`);
  for (const [term, text] of row.details) {
    const dt = [...parts.more.querySelectorAll("dt")].find(node => node.textContent === term);
    if (dt) say(dt.nextSibling, text);
  }
}

// ---- drawing ----

function ready(canvas) {                                     // the 2d context of a canvas as large as its place, or null
  const dpr = window.devicePixelRatio || 1, { clientWidth: width, clientHeight: height } = canvas;
  if (!width || !height) return null;
  const w = Math.round(width * dpr), h = Math.round(height * dpr);
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  const c = canvas.getContext("2d");
  c.setTransform(dpr, 0, 0, dpr, 0, 0);
  c.clearRect(0, 0, width, height);
  return { c, width, height, dpr, snap: v => Math.round(v * dpr) / dpr };
}

function paintHeat(view, row, canvas, ink, fills) {
  const d = ready(canvas);
  if (!d) return;
  const { c, width, height, snap } = d, { n, length, grid } = row;
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
  const d = ready(canvas);
  if (!d) return;
  const { c, width, height } = d, last = row.grid.at(-1) || 1;
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

function percent(share) {                                    // as rnnkit/rounding.py: never rounded to 100 % or over a bar
  const shown = share < 0.8 || share === 1 ? Math.round(100 * share) : Math.floor(1000 * share + 1e-9) / 10;
  return `${shown} %`;
}

function median(values) {                                    // as rnnkit/engine/history.py: a NaN (null) is the worst, of half of them all
  const n = values.length, v = values.map(x => x ?? -Infinity).sort((a, b) => a - b);
  return 2 * values.filter(x => x !== null).length > n ? (v[(n - 1) >> 1] + v[n >> 1]) / 2 : null;
}

// ---- words under the pointer ----

const small = t => [...String(t)].map(digit => "₀₁₂₃₄₅₆₇₈₉"[digit]).join("");

function heatTip(view, row, u, v) {
  const t = clamp(Math.floor(u * row.length), 0, row.length - 1);
  const i = clamp(Math.floor(v * row.grid.length), 0, row.grid.length - 1);
  if (i >= row.n) return "not trained yet";
  const code = row.codes[i * row.length + t], what = kind(view.frame, code);
  const special = { zero: "is below 1e-38", cut: "is exactly 0: cut by truncation", nan: "is NaN" };
  return `step ${row.grid[i]} · ‖dL/d${row.symbol}${small(t)}‖ ${special[what] ?? "= " + scientific(log10(view.frame, code))}`;
}

function curveTip(view, row, u) {
  if (!row.exams.length) return "no exam yet";
  const off = i => Math.abs(row.exams[i] - u * row.grid.at(-1));
  const i = row.exams.reduce((best, _, j) => off(j) < off(best) ? j : best, 0);
  const m = median(row.accuracy.map(of => of[i]));
  return `step ${row.exams[i]} · ${m === null ? "NaN" : `${percent(m)} right (median)`}`;
}

function point(view, key, event, words) {
  const row = view.frame.rows.find(row => row.key === key), box = event.target.getBoundingClientRect();
  const { tip, root } = view, all = root.getBoundingClientRect();
  if (!row) return;
  say(tip, words(view, row, (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height));
  tip.hidden = false;
  tip.style.left = `${clamp(event.clientX - all.left - tip.offsetWidth / 2, 0, all.width - tip.offsetWidth)}px`;
  tip.style.top = `${box.top - all.top - tip.offsetHeight - 6}px`;
}

// ---- the component's life ----

function show(view) {
  const f = view.frame;
  if (view.keys !== f.rows.map(row => row.key).join()) build(view);
  for (const name of ["heat", "ratio", "curve"]) say(view.root.querySelector(`thead .${name} small`), f.heads[name]);
  for (const row of f.rows) fill(view, row);
  view.root.dataset.rows = f.rows.length;
  paint(view);
}

function paint(view) {                                       // what has changed since it was painted last
  const { root, frame: f } = view, style = getComputedStyle(root), of = name => style.getPropertyValue(name).trim();
  if (!f) return;
  const ink = { text: style.color, back: of("--st-background-color"), accent: of("--st-primary-color"), zero: of("--zero"),
    nan: of("--nan") };
  const dpr = window.devicePixelRatio || 1, look = [...Object.values(ink), dpr, root.clientWidth].join();
  const fills = textures(view.image.getContext("2d"), dpr, ink);
  for (const row of f.rows) {
    const parts = view.rows.get(row.key), now = [look, row.n, row.exams.length].join();
    if (parts.painted === now) continue;
    parts.painted = now;
    paintHeat(view, row, parts.heat, ink, fills);
    paintCurve(row, parts.curve, ink);
  }
}

function mount(root) {
  const view = { root, tip: root.querySelector(".tip"), image: document.createElement("canvas"), order: "", rows: new Map() };
  const bar = root.querySelector(".bar");
  bar.style.setProperty("--viridis", GRADIENT);
  for (const lg of TICKS) {
    const tick = make("span", "", ({ [LOW]: "≤ ", [HIGH]: "≥ " }[lg] ?? "") + decade(lg));
    tick.style.left = `${100 * unit(lg)}%`;
    bar.append(tick);
  }
  for (const button of root.querySelectorAll(".order button"))
    button.onclick = () => { view.order = button.dataset.order || ""; arrange(view); tellPlace(view); };
  new ResizeObserver(() => paint(view)).observe(root);
  return view;
}
