/* A table of runs, one row each: words, a small heatmap of the gradient over training, the accuracy, and how many networks have
   learnt. Python sends all rows as bytes several times a second (small_multiples.py). The rows are built once and then only
   filled, so nothing flickers. Python gets the order of the rows, which are unfolded, which are on the screen (`seen`), and clicks
   on the buttons under an unfolded row. Colours and textures of the gradient come from viridis.js, which Python puts before this script. */

export default function ({ data, parentElement, setTriggerValue, setStateValue }) {
  const { view, fresh } = viewOf(parentElement, ".multiples");
  view.send = (what, value) => (what === "place" ? setStateValue : setTriggerValue)(what, value);
  view.frame = decode(data);
  view.frame.rows.forEach((row, i) => { row.codes = view.frame[`codes${i}`]; });
  if (fresh) Object.assign(view, { order: view.frame.order, open: new Set(view.frame.open) });
  show(view);
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
  view.watcher.disconnect();
  view.onScreen.clear();
  for (const { line } of view.rows.values()) view.watcher.observe(line);
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

function tellPlace(view) {
  view.place = { remedies_order: view.order || "groups", remedies_open: [...view.open] };
  tellSeen(view);
}

function tellSeen(view) {                                    // the rows on the screen that are still to be trained: they go first
  const todo = view.frame.rows.filter(row => view.onScreen.has(row.key) && !["done", "failed"].includes(row.status));
  tell(view, { ...view.place, seen: todo.map(row => row.key) });
}

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
  const right = m === null ? "not evaluated yet" : `the median network has ${percent(m)} right at step ${row.exams[last]}`;
  parts.heat.setAttribute("aria-label", arrives ? `Gradient norms over time and training: of dL/d${row.symbol} arrives, before and `
    + `after training, ${arrives}` : "Gradient norms over time and training: not trained yet");
  parts.curve.setAttribute("aria-label", `Accuracy while training: ${right}${count ? `; solved by ${count}` : ""}; chance is `
    + `${percent(row.chance)}`);
  for (const [term, text] of row.details) {
    const dt = [...parts.more.querySelectorAll("dt")].find(node => node.textContent === term);
    if (dt) say(dt.nextSibling, text);
  }
}

// ---- words under the pointer ----

function heatTip(view, row, u, v) {
  const t = clamp(Math.floor(u * row.length), 0, row.length - 1);
  const i = clamp(Math.floor(v * row.grid.length), 0, row.grid.length - 1);
  if (i >= row.n) return "not trained yet";
  const code = row.codes[i * row.length + t], what = kind(view.frame, code);
  const special = { zero: "is below 1e-38", cut: "is exactly 0: cut by truncation", nan: "is NaN" };
  return `step ${row.grid[i]} · ‖dL/d${row.symbol}${subscript(t)}‖ ${special[what] ?? "= " + scientific(log10(view.frame, code))}`;
}

function curveTip(view, row, u) {
  if (!row.exams.length) return "not evaluated yet";
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
  tellSeen(view);
  paint(view);
}

function paint(view) {                                       // what has changed since it was painted last
  const { root, frame: f } = view, ink = inkOf(root), dpr = window.devicePixelRatio || 1;
  if (!f) return;
  const look = [...Object.values(ink), dpr, root.clientWidth].join();
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
  const view = { root, tip: root.querySelector(".tip"), image: document.createElement("canvas"), order: "", rows: new Map(),
    place: {}, onScreen: new Set() };
  begin(view, { seen: [] });
  view.watcher = new IntersectionObserver(entries => {
    for (const { target, isIntersecting } of entries) view.onScreen[isIntersecting ? "add" : "delete"](target.dataset.key);
    tellSeen(view);
  });
  labelBar(root, BOUNDED);
  for (const button of root.querySelectorAll(".order button"))
    button.onclick = () => { view.order = button.dataset.order || ""; arrange(view); tellPlace(view); };
  redrawOnChange(root, () => paint(view));
  return view;
}
