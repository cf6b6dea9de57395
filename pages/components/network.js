/* One recurrent network between four stations: from the side, from above, with its loop, unrolled through time.

   A unit has three coordinates: its time (one column a step), its layer, and its place in the layer. The camera looks along the
   time axis first, so that all times lie behind each other, and turns by 120 degrees until it looks down along the layers (a
   little tilted, so that a layer is a stack of its units); then the loop appears; then time spreads out. `fold` is the
   position, 0..3. Streamlit calls the default function for each picture and each change of theme and must find the same DOM, so the
   state is in a map. Everything is redrawn from the picture, the fold and the playhead. Only paint(view) draws on the canvas. It is
   in network_draw.js with the geometry; network_pulse.js has the playhead and what it carries. Python appends both to this script.
   Lengths are CSS pixels. */

const STATIONS = ["Side view", "Top view", "With the loop", "Unrolled through time"];
const WORD = 600, GAP = 1300;                                // ms that the playhead takes for a step, and for a gap

export default function ({ data, parentElement, setStateValue }) {
  const { view, fresh } = viewOf(parentElement, ".network"), known = view.p?.length === data.length && view.p.steps.length === data.steps.length;
  view.send = setStateValue;
  if (fresh) view.fold = view.goal = data.place.fold;
  if (!known) Object.assign(view, { row: Math.max(0, data.steps.indexOf(data.place.t)), since: null, returned: Infinity, picked: null });
  Object.assign(view, { p: data, mouse: null });
  if (fresh) begin(view, placeOf(view, data.steps[view.row]));
  paint(view);
}

const placeOf = (view, t) => ({ network_fold: +view.fold.toFixed(2), network_time: t });

const mix = (a, b, u) => a + (b - a) * u;
const smooth = (x, low = 0, high = 1) => { const u = clamp((x - low) / (high - low)); return u * u * (3 - 2 * u); };
const mixed = (a, b, u) => u <= 0 ? a : u >= 1 ? b : a === null || b === null ? null : mix(a, b, u);
const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

const number = v => v === null ? "not finite" : significant(v);  // of numbers.js

// ---- what is said in HTML ----

function say(element, text) {                                // W_rec with rec below
  if (element.said === text) return;
  element.said = text;
  const sub = textContent => Object.assign(document.createElement("sub"), { textContent });
  element.replaceChildren(...text.split(/_(\w+)/).map((part, i) => i % 2 ? sub(part) : part));
}

function words(view, d) {
  const { root, p, g, range } = view, station = Math.round(view.fold), find = name => root.querySelector(name);
  const playing = view.since !== null, t = p.steps[d.now.row];
  say(find(".what"), p.captions[station][0]);
  say(find(".how"), p.captions[station][1]);
  say(find(".play"), playing ? "■ Stop" : "▶ Play");
  say(find(".now"), `t = ${t} “${p.words[d.now.row]}”${measured(view, d.now)}`);
  root.querySelectorAll(".stations button").forEach((b, i) => b.setAttribute("aria-pressed", String(i === station)));
  if (!view.dragged) range.value = view.fold;
  range.style.setProperty("--at", view.fold / 3);
  range.setAttribute("aria-valuetext", STATIONS[station]);
  view.canvas.setAttribute("aria-label", `${STATIONS[station]}. ${p.summary} Arrow keys go through neurons and time.`);
  find(".weights").style.opacity = view.fold < 0.6 ? 1 : 0;
  find(".nan").classList.toggle("on", d.marks.some(m => m.v === null));
  if (!playing && view.fold === view.goal) tell(view, placeOf(view, t));
  root.style.setProperty("--diverging", `linear-gradient(to right, ${css(BLUE)}, ${css(d.ink.mid)}, ${css(ORANGE)})`);
  root.dataset.returned = d.now.returned === Infinity ? "" : p.steps[d.now.returned];
  Object.assign(root.dataset, { station, fold: view.fold.toFixed(2), t, playing, columns: g.columns.map(s => s.t).join(" ") });
  showTip(view);
}

const hit = (view, [x, y]) => view.marks?.findLast(m => Math.hypot(m.x - x, m.y - y) <= m.r + 2);

function target(view) {                                      // the unit under the pointer, or the one that the keys have chosen
  const { mouse, picked, marks } = view;
  if (mouse) return hit(view, mouse);
  return picked && marks?.find(m => m.lane === picked.lane && m.k === picked.k && (view.fold <= 2 || m.column.row === view.row));
}

function showTip(view) {
  const tip = view.root.querySelector(".tip"), m = target(view), { p } = view, quiet = view.since === null && !view.mouse;
  tip.setAttribute("aria-live", quiet ? "polite" : "off");   // read out what the keys have chosen, nothing that runs by itself
  view.root.querySelector(".now").setAttribute("aria-live", quiet && !view.picked ? "polite" : "off");
  tip.hidden = !m;
  if (!m) return;
  const row = m.column.row, alone = view.fold < 1.5 && m.lane > 0 ? ", without the loop" : "";
  tip.children[0].textContent = `${unitName(p, m)}${m.v === undefined ? ": not known yet" : ` = ${number(m.v)}`}`;
  tip.children[1].textContent = `at “${p.words[row]}”${alone}`;
  const plot = view.canvas.parentElement, x = m.x + plot.offsetLeft, y = m.y + plot.offsetTop, gap = m.r + 8;
  const left = x + gap + tip.offsetWidth > plot.clientWidth ? x - gap - tip.offsetWidth : x + gap;
  tip.style.left = `${clamp(left, 2, plot.clientWidth - tip.offsetWidth - 2)}px`;
  tip.style.top = `${Math.max(2, y - tip.offsetHeight - 6)}px`;
}

function unitName(p, m) {                                    // h₃[2], x₃[“cat”], p(“was”)
  const { name, units, share } = p.lanes[m.lane], unit = units[m.id], at = subscript(p.steps[m.column.row]);
  if (name === "y") return units.length > 1 ? `${share ? "p" : "y"}(“${unit}”)` : "y";
  return `${name}${at}${unit[0] === "[" ? unit : `[“${unit}”]`}`;
}

// ---- the component's life ----

function run(view) {                                         // frames for as long as something moves
  if (view.frame) return;
  let last = performance.now();
  const tick = time => {
    const { goal, rate } = view, dt = Math.max(0, time - last) / 1000, fade = Math.exp(-rate * dt);
    const off = view.fold - goal, push = view.speed + rate * off, next = off + push * dt;
    last = time;
    Object.assign(view, { fold: goal + next * fade, speed: (push - rate * next) * fade });    // a critically damped spring
    if (still() || Math.abs(next * fade) < 0.002 && Math.abs(view.speed) < 0.02) Object.assign(view, { fold: goal, speed: 0 });
    paint(view);
    const more = (view.fold !== view.goal || view.since !== null) && view.root.isConnected;
    view.frame = more ? requestAnimationFrame(tick) : null;
  };
  view.frame = requestAnimationFrame(tick);
}

function go(view, goal, rate) {                              // rate: 1/s, how hard the spring pulls
  Object.assign(view, { goal: clamp(goal, 0, 3), rate });
  run(view);
}

function choose(view, row) {                                 // a step to look at
  Object.assign(view, { row, since: null, returned: Infinity });
  run(view);
}

function canvasKeys(view, event) {                           // up and down through the units, left and right through time
  const { g, picked } = view, lanes = [...g.lanes.entries()].reverse();
  const order = lanes.flatMap(([lane, { ids }]) => ids.map((_, k) => ({ lane, k })));
  const up = { ArrowUp: -1, ArrowDown: 1 }[event.key], time = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!up && !time && event.key !== "Escape") return;
  event.preventDefault();
  view.mouse = null;
  if (event.key === "Escape") view.picked = null;
  if (up) {
    const at = order.findIndex(u => u.lane === picked?.lane && u.k === picked?.k);
    view.picked = at < 0 ? { lane: g.lanes.length - 2, k: 0 } : order[clamp(at + up, 0, order.length - 1)];
  }
  const rows = g.columns.map(s => s.row), here = rows.findLastIndex(row => row <= view.row);
  if (time) choose(view, rows[clamp(here + time, 0, rows.length - 1)]); else paint(view);
}

function rangeKeys(view, event) {
  const by = { ArrowRight: 0.25, ArrowUp: 0.25, ArrowLeft: -0.25, ArrowDown: -0.25, PageUp: 1, PageDown: -1 }[event.key];
  if (!by) return;
  event.preventDefault();
  go(view, Math.round(4 * (view.goal + by)) / 4, 12);
}

function mount(root) {
  const find = name => root.querySelector(name), canvas = find("canvas"), plot = find(".plot"), range = find("input");
  const view = { root, canvas, range, fold: 0, goal: 0, speed: 0, rate: 6, mouse: null, picked: null };
  Object.assign(view, { row: 0, since: null, from: 0, returned: Infinity });                  // the playhead: network_pulse.js
  STATIONS.forEach((textContent, i) => {
    const onclick = () => go(view, i, 4.5);
    find(".stations").append(Object.assign(document.createElement("button"), { type: "button", textContent, onclick }));
  });
  for (const [textContent, left] of [["−1", 0], ["0", 50], ["1", 100]]) {
    const tick = Object.assign(document.createElement("span"), { textContent });
    tick.style.left = `${left}%`;
    find(".bar").append(tick);
  }
  find(".minus").style.setProperty("--ink", css(BLUE));
  find(".plus").style.setProperty("--ink", css(ORANGE));
  range.oninput = () => { view.dragged = true; go(view, +range.value, 16); };
  range.onchange = () => { view.dragged = false; };
  range.onkeydown = event => rangeKeys(view, event);
  find(".play").onclick = () => play(view);
  const pointed = event => {
    const { left, top } = canvas.getBoundingClientRect();
    Object.assign(view, { mouse: [event.clientX - left, event.clientY - top], picked: null });
    paint(view);
    return view.mouse;
  };
  plot.onpointermove = pointed;
  plot.onpointerdown = event => {
    const [x, y] = pointed(event), { g } = view, slot = g.columns.find(s => Math.abs(s.x - x) < g.slot / 2);
    if (slot && y > g.words - 1.2 * g.font) choose(view, slot.row);
  };
  plot.onpointerleave = event => { if (event.pointerType !== "touch") { view.mouse = null; paint(view); } };
  canvas.onkeydown = event => canvasKeys(view, event);
  canvas.onblur = () => { view.picked = view.mouse = null; paint(view); };
  redrawOnChange(plot, () => { view.g = null; paint(view); });
  return view;
}
