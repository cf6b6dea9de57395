/* Draws an error surface over (w, b): in three dimensions on the left, from above on the right, and paths of gradient descent on
   both, down to the step of the descent that is shown (`view.at`; Infinity: all). Height and colour are the error. The DOM is never rebuilt. Within, a place is [u, v], both from 0 to 1 over the ranges of w and b; the
   mesh has straight columns and crooked rows, and cell (i, j) lies between rows i, i + 1 and columns j, j + 1. */

const HIGHEST = 0.5;                                         // of the error axis
const LEVELS = [0.01, 0.05, 0.1, 0.2, 0.3, 0.4];             // of the map's contours
const RAMP = ["#fdf3c4", "#b9dcc2", "#6fb0bd", "#4679a6", "#3a4a80"];    // of the error; its square root is spaced evenly
const BALL = 9;                                              // px, its radius
const LIFT = 0.012;                                          // of the paths above the surface, in units of the error
const TAU = 2 * Math.PI;
const SLOW = { steps: 24, rate: 7 }, FAST = 60;              // steps a second: the first ones, in which it is decided, slowly

export default function ({ data, parentElement, setTriggerValue, setStateValue }) {
  const { view, fresh } = viewOf(parentElement, ".cliff"), before = view.f && pathsOf(view.f);
  view.send = setStateValue;
  view.start = place => setTriggerValue("start", place);
  view.f = frameOf(data);
  if (fresh) Object.assign(view, view.f.camera);
  view.chosen = null;
  if (before !== undefined && before !== pathsOf(view.f) && !still()) play(view);
  show(view);
}

const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
const pathsOf = f => JSON.stringify(f.lines.map(line => [line.w, line.b]));

// ---- the frame ----

function frameOf(bytes) {                                    // f.w and f.b are the ranges
  const { w, b, error: E, ranges, ...f } = decode(bytes);
  Object.assign(f, { E, w: ranges[0], b: ranges[1] });
  f.places = Array.from(w, (_, k) => place(f, w[k], b[k]));
  f.lines.forEach(line => { line.points = line.w.map((w, k) => place(f, w, line.b[k])); });
  return f;
}

const share = (x, [low, high]) => (x - low) / (high - low);
const value = (u, [low, high]) => low + u * (high - low);
const place = (f, w, b) => [share(w, f.w), share(b, f.b)];
const inside = (f, [u, v]) => u >= 0 && v >= 0 && u <= 1 && v <= 1;
const corners = (f, i, j) => [i * f.n + j, i * f.n + j + 1, (i + 1) * f.n + j + 1, (i + 1) * f.n + j];

function cell(f, [u, v]) {                                   // i, j, and the place within the cell
  const j = clamp(Math.floor(u * (f.n - 1)), 0, f.n - 2), x = u * (f.n - 1) - j;
  const row = i => (1 - x) * f.places[i * f.n + j][1] + x * f.places[i * f.n + j + 1][1];
  let low = 0, high = f.m - 1;
  while (high - low > 1) {
    const middle = low + high >> 1;
    if (row(middle) <= v) low = middle; else high = middle;
  }
  return { i: low, j, x, y: clamp((v - row(low)) / (row(low + 1) - row(low) || 1)) };
}

function height(f, p) {                                      // bilinear
  const { i, j, x, y } = cell(f, p), [a, b, c, d] = corners(f, i, j).map(k => f.E[k]);
  return (1 - y) * ((1 - x) * a + x * b) + y * ((1 - x) * d + x * c);
}

function tint(E, light = 1) {
  const x = Math.sqrt(clamp(E / HIGHEST)) * (RAMP.length - 1), k = Math.min(Math.floor(x), RAMP.length - 2);
  const channel = (s, o) => parseInt(RAMP[s].slice(o, o + 2), 16);
  return `rgb(${[1, 3, 5].map(o => light * (channel(k, o) + (x - k) * (channel(k + 1, o) - channel(k, o))) | 0)})`;
}

function cut(p, q) {                                         // the part of p -> q, p inside, that lies within the picture
  let most = 1;
  for (const axis of [0, 1]) {
    const step = q[axis] - p[axis];
    if (step > 0) most = Math.min(most, (1 - p[axis]) / step);
    if (step < 0) most = Math.min(most, -p[axis] / step);
  }
  return [p[0] + most * (q[0] - p[0]), p[1] + most * (q[1] - p[1])];
}

function ballAt(line, at) {                                  // where the descent is after so many steps, and parts of one
  const k = Math.min(Math.floor(at), line.points.length - 1), p = line.points[k], q = line.points[k + 1] ?? p;
  return [0, 1].map(axis => p[axis] + (Math.min(at, k + 1) - k) * (q[axis] - p[axis]));
}

function legs(f, line, at) {                                 // steps that begin inside, up to where they leave
  const found = [];
  for (let k = 0; k + 1 < line.points.length && k < at; k++) {
    const p = line.points[k], q = k + 1 <= at ? line.points[k + 1] : ballAt(line, at);
    if (inside(f, p)) found.push({ p, q: inside(f, q) ? q : cut(p, q), away: !inside(f, q) });
  }
  return found;
}

function contour(f, level) {                                 // marching squares: pieces of line as [u, v, u, v]
  const found = [];
  for (let i = 0; i < f.m - 1; i++) for (let j = 0; j < f.n - 1; j++) {
    const around = corners(f, i, j), crossing = [];
    around.forEach((k, o) => {
      const next = around[(o + 1) % 4], a = f.E[k] - level, z = f.E[next] - level, t = a / (a - z);
      if (a * z < 0) crossing.push([0, 1].map(axis => f.places[k][axis] + t * (f.places[next][axis] - f.places[k][axis])));
    });
    for (let k = 0; k + 1 < crossing.length; k += 2) found.push([...crossing[k], ...crossing[k + 1]]);
  }
  return found;
}

// ---- the component's life ----

function last({ f }) { return f.lines[0].points.length - 1; }

function play(view) {                                        // from the start, or stops where it is at the end
  cancelAnimationFrame(view.playing);
  const since = performance.now(), slow = SLOW.steps / SLOW.rate;
  const frame = now => {
    if (!view.root.isConnected) return;
    const seconds = Math.max(0, now - since) / 1000;
    const at = seconds < slow ? seconds * SLOW.rate : SLOW.steps + (seconds - slow) * FAST;
    view.at = still() ? Math.floor(at) : at;
    view.playing = view.at < last(view) ? requestAnimationFrame(frame) : 0;
    if (!view.playing) view.at = Infinity;
    paint(view);
    showStep(view);
  };
  frame(since);
}

function showStep({ root, f, at, playing }) {                // the step and both gradients' norms, in the legend
  const k = Math.min(Math.floor(at), f.lines[0].points.length - 1), step = playing ? `step ${k}` : "Play";
  const button = root.querySelector(".play");
  if (button.textContent !== step) button.textContent = step;
  [...root.querySelectorAll(".paths span")].forEach((item, i) => {
    const text = `${f.lines[i].name}: gradient norm ${significant(f.lines[i].norm[k], 2)}`;
    if (item.textContent !== text) item.textContent = text;
  });
  root.dataset.step = k;
}

function paint(view) {
  if (!view.f) return;
  const ink = inkOf(view.root);
  drawSolid(view, ink);
  drawMap(view, ink);
}

function show(view) {
  const { root, f } = view, legend = root.querySelector(".paths");
  const names = f.lines.map(line => `${line.name}|${line.colour}`).join();
  if (legend.dataset.names !== names) {
    legend.dataset.names = names;
    legend.replaceChildren(...f.lines.map(line => {
      const item = document.createElement("span");
      item.style.setProperty("--colour", line.colour);
      return item;
    }));
  }
  const [solid, map] = root.querySelectorAll("figure");
  solid.setAttribute("aria-label", `${f.summary} Arrow keys turn the surface.`);
  map.setAttribute("aria-label", `${f.summary} Map from above; arrow keys or a click move the start, and so do the sliders.`);
  Object.assign(root.dataset, { start: `${f.lines[0].w[0]},${f.lines[0].b[0]}` });
  showStep(view);
  paint(view);
}

function mount(root) {
  const [solid, map] = root.querySelectorAll("canvas"), [left, right] = root.querySelectorAll("figure");
  const view = { root, solid, map, tip: root.querySelector(".tip"), at: Infinity, playing: 0 };
  root.querySelector(".play").onclick = () => play(view);
  if (!still()) new IntersectionObserver(([seen], observer) => {   // once, when it comes into sight
    if (!seen.isIntersecting) return;
    observer.disconnect();
    play(view);
  }, { threshold: 0.6 }).observe(root.querySelector(".views"));
  root.style.setProperty("--ramp", `linear-gradient(to right, ${RAMP})`);
  for (const E of [0, 0.05, 0.1, 0.2, 0.3, 0.5]) {
    const tick = document.createElement("span");
    tick.textContent = E;
    tick.style.left = `${100 * Math.sqrt(E / HIGHEST)}%`;
    root.querySelector(".bar").append(tick);
  }
  let waiting = false;
  const soon = () => {                                       // one picture a frame, however fast the pointer is
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; paint(view); });
  };
  const turn = (by, tilt) => {
    view.turn += by;
    view.tilt = clamp(view.tilt + tilt, 0.15, 1.45);
    tell(view, { exploding_turn: +(((view.turn % TAU) + TAU) % TAU).toFixed(2), exploding_tilt: +view.tilt.toFixed(2) });
    soon();
  };
  left.onpointerdown = event => { if (event.button === 0) { view.last = [event.clientX, event.clientY]; left.setPointerCapture(event.pointerId); } };
  left.onpointermove = event => {
    if (!view.last) return;
    turn((event.clientX - view.last[0]) / 160, (event.clientY - view.last[1]) / 220);
    view.last = [event.clientX, event.clientY];
  };
  left.onpointerup = left.onpointercancel = () => { view.last = null; };
  left.onkeydown = event => {
    const by = { ArrowLeft: [-0.12, 0], ArrowRight: [0.12, 0], ArrowUp: [0, 0.08], ArrowDown: [0, -0.08] }[event.key];
    if (!by) return;
    event.preventDefault();
    turn(...by);
  };
  const pointed = event => {
    const box = map.getBoundingClientRect(), p = mapping(map).back(event.clientX - box.left, event.clientY - box.top);
    return inside(view.f, p) ? p : null;
  };
  right.onclick = event => {
    const p = pointed(event);
    if (!p) return;
    view.chosen = p;                                         // at once; the paths follow with the next frame
    paint(view);
    view.start([value(p[0], view.f.w), value(p[1], view.f.b)]);
  };
  right.onkeydown = event => {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key], { f } = view;
    if (!by) return;
    event.preventDefault();
    const p = view.chosen ?? f.lines[0].points[0];
    view.chosen = p.map((x, k) => clamp(x + by[k] * (event.shiftKey ? 0.1 : 0.02)));
    soon();
    clearTimeout(view.timer);                                // Python is told when the keys rest
    view.timer = setTimeout(() => view.start([value(view.chosen[0], f.w), value(view.chosen[1], f.b)]), 150);
  };
  right.onpointermove = event => showTip(view, right, event, pointed(event));
  right.onpointerleave = () => showTip(view, right, null, null);
  redrawOnChange(root, soon);
  return view;
}

function showTip({ f, tip }, figure, event, p) {
  tip.hidden = !p;
  if (!p) return;
  const { i, j, x, y } = cell(f, p), k = corners(f, i, j)[y < 0.5 ? (x < 0.5 ? 0 : 1) : (x < 0.5 ? 3 : 2)];
  const numbers = `error ${significant(f.E[k], 2)}, gradient norm ${significant(f.norm[k], 2)}`;
  tip.textContent = `w ${value(p[0], f.w).toFixed(2)}, b ${value(p[1], f.b).toFixed(2)}: ${numbers}`;
  const box = figure.getBoundingClientRect(), left = event.clientX - box.left, top = event.clientY - box.top;
  tip.style.left = `${clamp(left - tip.offsetWidth / 2, 0, figure.clientWidth - tip.offsetWidth)}px`;
  tip.style.top = `${top > 60 ? top - tip.offsetHeight - 14 : top + 18}px`;
}
