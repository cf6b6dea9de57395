/* Draws an error surface over (w, b): in three dimensions on the left, from above on the right, and paths of gradient descent on
   both. Height and colour are the error. Streamlit calls the default function for each frame and each change of theme; the
   state lives in a map and the DOM is never rebuilt. Within, a place is [u, v], both from 0 to 1 over the ranges of w and b; the
   mesh has straight columns and crooked rows, and cell (i, j) lies between rows i, i + 1 and columns j, j + 1. */

const views = new WeakMap();
const HIGHEST = 0.5;                                         // of the error axis
const LEVELS = [0.01, 0.05, 0.1, 0.2, 0.3, 0.4];             // of the map's contours
const RAMP = ["#fdf3c4", "#b9dcc2", "#6fb0bd", "#4679a6", "#3a4a80"];    // of the error; its square root is spaced evenly
const LIFT = 0.012;                                          // of the paths above the surface, in units of the error
const TAU = 2 * Math.PI;
const clamp = (x, low, high) => Math.max(low, Math.min(high, x));

export default function ({ data, parentElement, setTriggerValue, setStateValue }) {
  const root = parentElement.querySelector(".cliff"), fresh = !views.has(root);
  if (fresh) views.set(root, mount(root));
  const view = views.get(root);
  view.send = setStateValue;
  view.start = place => setTriggerValue("start", place);
  view.f = decode(data);
  if (fresh) Object.assign(view, view.f.camera);
  view.chosen = null;
  show(view);
}

// ---- the frame ----

function decode(bytes) {
  const buffer = bytes.slice().buffer;                       // a copy, because typed arrays want aligned offsets
  const end = 4 + new DataView(buffer).getUint32(0, true);
  const f = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, end - 4))), size = f.m * f.n;
  const [w, b, E, norm] = [0, 1, 2, 3].map(k => new Float32Array(buffer, end + 4 * k * size, size));
  const places = Array.from(w, (_, k) => place(f, w[k], b[k]));
  Object.assign(f, { E, norm, places });
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
  return { i: low, j, x, y: clamp((v - row(low)) / (row(low + 1) - row(low) || 1), 0, 1) };
}

function height(f, p) {                                      // bilinear
  const { i, j, x, y } = cell(f, p), [a, b, c, d] = corners(f, i, j).map(k => f.E[k]);
  return (1 - y) * ((1 - x) * a + x * b) + y * ((1 - x) * d + x * c);
}

function tint(E, light = 1) {
  const x = Math.sqrt(clamp(E / HIGHEST, 0, 1)) * (RAMP.length - 1), k = Math.min(Math.floor(x), RAMP.length - 2);
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

function legs(f, line) {                                     // steps that begin inside, up to where they leave
  const found = [];
  for (let k = 0; k + 1 < line.points.length; k++) {
    const p = line.points[k], q = line.points[k + 1];
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

// ---- canvases ----

function context(canvas) {
  const dpr = window.devicePixelRatio || 1, { clientWidth: width, clientHeight: height } = canvas;
  const w = Math.round(width * dpr), h = Math.round(height * dpr);
  if (!w || !h) return null;
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  const c = canvas.getContext("2d");
  c.setTransform(dpr, 0, 0, dpr, 0, 0);
  c.clearRect(0, 0, width, height);
  Object.assign(c, { lineJoin: "round", lineCap: "round" });
  return { c, width, height };
}

function stroke(c, style, width, points) {
  Object.assign(c, { strokeStyle: style, lineWidth: width });
  c.beginPath();
  points.forEach(([x, y], k) => k ? c.lineTo(x, y) : c.moveTo(x, y));
  c.stroke();
}

function dot(c, [x, y], radius, style, rim) {
  c.beginPath();
  c.arc(x, y, radius, 0, 2 * Math.PI);
  Object.assign(c, { fillStyle: style, strokeStyle: rim, lineWidth: 1.5 });
  c.fill();
  c.stroke();
}

function arrow(c, from, to, style) {                         // its head, at `to`
  const angle = Math.atan2(to[1] - from[1], to[0] - from[0]), wing = a => [to[0] - 13 * Math.cos(a), to[1] - 13 * Math.sin(a)];
  c.beginPath();
  [to, wing(angle - 0.45), wing(angle + 0.45)].forEach(([x, y], k) => k ? c.lineTo(x, y) : c.moveTo(x, y));
  c.closePath();
  Object.assign(c, { fillStyle: style, strokeStyle: "#fff", lineWidth: 1.5 });
  c.stroke();
  c.fill();
}

const rem = () => parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;   // larger in the presenter's view

function label(c, text, [x, y], ink, { align = "center", back, size = 15, bold = false, width = Infinity } = {}) {
  size *= rem();
  c.font = `${bold ? "600 " : ""}${size}px ${ink.font}`;
  const half = c.measureText(text).width / 2 + 5;
  if (back) {                                                // on a plate, pushed into the picture
    x = clamp(x, half, width - half);
    Object.assign(c, { fillStyle: back });
    c.fillRect(x - half, y - 0.75 * size, 2 * half, 1.5 * size);
  }
  Object.assign(c, { textAlign: align, textBaseline: "middle", fillStyle: ink.text });
  c.fillText(text, x, y);
}

function ticks([low, high]) {
  const step = 0.5, first = Math.ceil(low / step - 1e-9) * step;
  return Array.from({ length: Math.floor((high - first) / step + 1e-9) + 1 }, (_, k) => first + k * step);
}
const minus = x => x.toFixed(1).replace("-", "−");

// ---- three dimensions ----

function camera(width, height, { turn, tilt }) {             // place and error -> pixels
  const [cos, sin, up, lie] = [Math.cos(turn), Math.sin(turn), Math.cos(tilt), Math.sin(tilt)];
  const size = Math.min(width * 0.6, height * 0.78);
  return ([u, v], E) => {
    const across = cos * (u - 0.5) - sin * (0.5 - v), deep = sin * (u - 0.5) + cos * (0.5 - v);
    return [width / 2 + size * across, height * 0.47 + size * (lie * deep - up * (E / HIGHEST - 0.5) * 0.5)];
  };
}

function drawSolid(view, ink) {
  const { f, solid, turn } = view, on = context(solid);
  if (!on) return;
  const { c, width, height: tall } = on, project = camera(width, tall, view), pieces = ride(f);
  drawBox(c, f, project, ink, turn);
  const rows = [...Array(f.m - 1).keys()], columns = [...Array(f.n - 1).keys()];
  if (Math.cos(turn) > 0) rows.reverse();                    // what is far is drawn first
  if (Math.sin(turn) < 0) columns.reverse();
  for (const i of rows) for (const j of columns) {
    quad(c, f, i, j, project);
    for (const draw of pieces.get(i * f.n + j) ?? []) draw(c, project);
  }
  for (const line of f.lines) for (const { p, q, away } of legs(f, line)) if (away) {
    const to = project(q, height(f, q) + LIFT);
    arrow(c, project(p, height(f, p) + LIFT), to, line.colour);
    label(c, line.away, [to[0], to[1] + 22], ink, { back: ink.back, bold: true, width });
  }
}

function quad(c, f, i, j, project) {
  const around = corners(f, i, j), [a, b, , d] = around.map(k => f.E[k] / HIGHEST);
  const wide = 1 / (f.n - 1), deep = Math.max(f.places[around[3]][1] - f.places[around[0]][1], 1e-9);
  const [x, y] = [0.6 * (a - b) / wide, 0.6 * (a - d) / deep], long = Math.hypot(x, y, 1);   // the normal is (x, y, 1) / long
  c.fillStyle = c.strokeStyle = tint((f.E[around[0]] + f.E[around[2]]) / 2, clamp(0.55 + (0.5 + 0.25 * x - 0.1 * y) / long, 0.5, 1));
  c.lineWidth = 0.7;
  c.beginPath();
  around.forEach((k, o) => { const p = project(f.places[k], f.E[k]); if (o) c.lineTo(...p); else c.moveTo(...p); });
  c.closePath();
  c.fill();
  c.stroke();                                                // closes the seams between neighbours
}

function ride(f) {                                           // cell -> what of the paths is drawn with it, on the surface
  const pieces = new Map();
  const add = (p, draw) => {
    const { i, j } = cell(f, p);
    pieces.set(i * f.n + j, [...pieces.get(i * f.n + j) ?? [], draw]);
  };
  for (const line of f.lines) {
    for (const { p, q } of legs(f, line)) {
      const parts = Math.max(1, Math.ceil(Math.hypot(q[0] - p[0], q[1] - p[1]) * f.n));
      const point = k => [p[0] + (q[0] - p[0]) * k / parts, p[1] + (q[1] - p[1]) * k / parts];
      for (let k = 0; k < parts; k++) {
        const [a, z] = [point(k), point(k + 1)];
        add(point(k + 0.5), (c, project) => {
          const ends = [project(a, height(f, a) + LIFT), project(z, height(f, z) + LIFT)];
          stroke(c, "#fff", 5, ends);
          stroke(c, line.colour, 3, ends);
        });
      }
    }
    line.points.forEach((p, k) => inside(f, p) && add(p, (c, project) =>
      dot(c, project(p, height(f, p) + LIFT), k ? 2.8 : 6, k ? line.colour : "#fff", k ? "#fff" : "#000")));
  }
  return pieces;
}

function drawBox(c, f, project, ink, turn) {                 // the floor, and numbers along its near edges
  const floor = [[0, 0], [1, 0], [1, 1], [0, 1]], nearV = Math.cos(turn) > 0 ? 0 : 1, nearU = Math.sin(turn) > 0 ? 1 : 0;
  c.globalAlpha = 0.35;
  stroke(c, ink.text, 1, [...floor, floor[0]].map(p => project(p, 0)));
  c.globalAlpha = 1;
  const middle = project([0.5, 0.5], 0), out = (p, by) => {
    const [x, y] = project(p, 0), far = Math.hypot(x - middle[0], y - middle[1]);
    return [x + (x - middle[0]) / far * by, y + Math.abs(y - middle[1]) / far * by + 4];
  };
  for (const w of ticks(f.w)) label(c, minus(w), out([share(w, f.w), nearV], 20 * rem()), ink, { size: 14 });
  for (const b of ticks(f.b)) label(c, minus(b), out([nearU, share(b, f.b)], 20 * rem()), ink, { size: 14 });
  label(c, "w", out([0.5, nearV], 52 * rem()), ink, { bold: true, size: 17 });
  label(c, "b", out([nearU, 0.5], 52 * rem()), ink, { bold: true, size: 17 });
  label(c, "height: error E(w, b)", [8, 12], ink, { align: "left" });
}

// ---- from above ----

function mapping({ clientWidth: width, clientHeight: height }) {
  const g = { x0: 52 * rem(), x1: width - 10, y0: 24 * rem(), y1: height - 46 * rem() };
  g.at = ([u, v]) => [g.x0 + (g.x1 - g.x0) * u, g.y1 - (g.y1 - g.y0) * v];
  g.back = (x, y) => [(x - g.x0) / (g.x1 - g.x0), (g.y1 - y) / (g.y1 - g.y0)];
  return g;
}

function drawMap(view, ink) {
  const { f, map } = view, on = context(map);
  if (!on) return;
  const { c, width } = on, g = mapping(map);
  for (let i = 0; i < f.m - 1; i++) for (let j = 0; j < f.n - 1; j++) {
    const around = corners(f, i, j);
    c.fillStyle = c.strokeStyle = tint((f.E[around[0]] + f.E[around[2]]) / 2);
    c.lineWidth = 0.7;
    c.beginPath();
    around.forEach((k, o) => { const p = g.at(f.places[k]); if (o) c.lineTo(...p); else c.moveTo(...p); });
    c.closePath();
    c.fill();
    c.stroke();
  }
  c.strokeStyle = "#0006";
  c.lineWidth = 1;
  c.beginPath();
  for (const level of LEVELS) for (const [u, v, U, V] of contour(f, level)) { c.moveTo(...g.at([u, v])); c.lineTo(...g.at([U, V])); }
  c.stroke();
  label(c, "from above: click to start there", [g.x0, 10], ink, { align: "left" });
  for (const w of ticks(f.w)) label(c, minus(w), [g.at([share(w, f.w), 0])[0], g.y1 + 14 * rem()], ink, { size: 14 });
  for (const b of ticks(f.b)) label(c, minus(b), [g.x0 - 8, g.at([0, share(b, f.b)])[1]], ink, { align: "right", size: 14 });
  label(c, "w", [(g.x0 + g.x1) / 2, g.y1 + 34 * rem()], ink, { bold: true, size: 17 });
  label(c, "b", [10, g.y0 + 4], ink, { bold: true, size: 17 });
  for (const line of f.lines) drawPath(c, f, line, g, ink, width);
  const start = view.chosen ?? f.lines[0].points[0];
  if (inside(f, start)) dot(c, g.at(start), 6, "#fff", "#000");
}

function drawPath(c, f, line, g, ink, width) {
  const found = legs(f, line);
  for (const [style, wide] of [["#fff", 5], [line.colour, 3]])
    for (const { p, q } of found) stroke(c, style, wide, [g.at(p), g.at(q)]);
  line.points.forEach(p => inside(f, p) && dot(c, g.at(p), 2.8, line.colour, "#fff"));
  for (const { p, q, away } of found) if (away) {
    const [x, y] = g.at(q);
    arrow(c, g.at(p), [x, y], line.colour);
    label(c, line.away, [x, clamp(y + (y < (g.y0 + g.y1) / 2 ? 22 : -22), g.y0 + 12, g.y1 - 12)], ink, { back: ink.back, bold: true, width });
  }
}

// ---- the component's life ----

function paint(view) {
  if (!view.f) return;
  const style = getComputedStyle(view.root), of = name => style.getPropertyValue(name).trim();
  const ink = { text: style.color, back: of("--st-background-color"), font: style.fontFamily };
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
      item.textContent = line.name;
      item.style.setProperty("--colour", line.colour);
      return item;
    }));
  }
  const [solid, map] = root.querySelectorAll("figure");
  solid.setAttribute("aria-label", `${f.summary} Arrow keys turn the surface.`);
  map.setAttribute("aria-label", `${f.summary} Map from above; arrow keys or a click move the start, and so do the sliders.`);
  Object.assign(root.dataset, { start: `${f.lines[0].w[0]},${f.lines[0].b[0]}` });
  paint(view);
}

function mount(root) {
  const [solid, map] = root.querySelectorAll("canvas"), [left, right] = root.querySelectorAll("figure");
  const view = { root, solid, map, tip: root.querySelector(".tip") };
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
    view.chosen = p.map((x, k) => clamp(x + by[k] * (event.shiftKey ? 0.1 : 0.02), 0, 1));
    soon();
    clearTimeout(view.timer);                                // Python hears when the keys rest
    view.timer = setTimeout(() => view.start([value(view.chosen[0], f.w), value(view.chosen[1], f.b)]), 150);
  };
  right.onpointermove = event => showTip(view, right, event, pointed(event));
  right.onpointerleave = () => showTip(view, right, null, null);
  new ResizeObserver(soon).observe(root);
  document.fonts?.ready.then(soon);
  return view;
}

function showTip({ f, tip }, figure, event, p) {
  tip.hidden = !p;
  if (!p) return;
  const { i, j, x, y } = cell(f, p), k = corners(f, i, j)[y < 0.5 ? (x < 0.5 ? 0 : 1) : (x < 0.5 ? 3 : 2)];
  const numbers = `error ${written(f.E[k], 2)}, gradient norm ${written(f.norm[k], 2)}`;
  tip.textContent = `w ${value(p[0], f.w).toFixed(2)}, b ${value(p[1], f.b).toFixed(2)}: ${numbers}`;
  const box = figure.getBoundingClientRect(), left = event.clientX - box.left, top = event.clientY - box.top;
  tip.style.left = `${clamp(left - tip.offsetWidth / 2, 0, figure.clientWidth - tip.offsetWidth)}px`;
  tip.style.top = `${top > 60 ? top - tip.offsetHeight - 14 : top + 18}px`;
}
