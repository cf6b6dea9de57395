// ---- strokes, and both views of the error surface; error_surface.js, which comes before this script, has the frame and the keys ----

// ---- strokes ----

function rounded(canvas) {                                   // the context, with round ends and corners; null without size
  const on = contextOf(canvas);
  if (on) Object.assign(on.c, { lineJoin: "round", lineCap: "round" });
  return on;
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
  const { f, solid, turn } = view, on = rounded(solid);
  if (!on) return;
  const { c, width, height: tall } = on, project = camera(width, tall, view), pieces = ride(f, view.at);
  drawBox(c, f, project, ink, turn);
  const rows = [...Array(f.m - 1).keys()], columns = [...Array(f.n - 1).keys()];
  if (Math.cos(turn) > 0) rows.reverse();                    // what is far is drawn first
  if (Math.sin(turn) < 0) columns.reverse();
  for (const i of rows) for (const j of columns) {
    quad(c, f, i, j, project);
    for (const draw of pieces.get(i * f.n + j) ?? []) draw(c, project);
  }
  for (const line of f.lines) for (const { p, q, away } of legs(f, line, view.at)) if (away) {
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

function ride(f, at) {                                       // cell -> what of the paths is drawn with it, on the surface
  const pieces = new Map();
  const add = (p, draw) => {
    const { i, j } = cell(f, p);
    pieces.set(i * f.n + j, [...pieces.get(i * f.n + j) ?? [], draw]);
  };
  for (const line of f.lines) {
    for (const { p, q } of legs(f, line, at)) {
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
    line.points.forEach((p, k) => k <= at && inside(f, p) && add(p, (c, project) =>
      dot(c, project(p, height(f, p) + LIFT), k ? 2.8 : 6, k ? line.colour : "#fff", k ? "#fff" : "#000")));
    const ball = ballAt(line, at);
    if (inside(f, ball)) add(ball, (c, project) => dot(c, project(ball, height(f, ball) + 2 * LIFT), BALL, line.colour, "#fff"));
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
  for (const w of ticks(f.w)) label(c, decimals(w, 1), out([share(w, f.w), nearV], 20 * rem()), ink, { size: 14 });
  for (const b of ticks(f.b)) label(c, decimals(b, 1), out([nearU, share(b, f.b)], 20 * rem()), ink, { size: 14 });
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
  const { f, map } = view, on = rounded(map);
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
  f.contours ??= LEVELS.flatMap(level => contour(f, level));
  for (const [u, v, U, V] of f.contours) { c.moveTo(...g.at([u, v])); c.lineTo(...g.at([U, V])); }
  c.stroke();
  label(c, "from above: click to start there", [g.x0, 10], ink, { align: "left" });
  for (const w of ticks(f.w)) label(c, decimals(w, 1), [g.at([share(w, f.w), 0])[0], g.y1 + 14 * rem()], ink, { size: 14 });
  for (const b of ticks(f.b)) label(c, decimals(b, 1), [g.x0 - 8, g.at([0, share(b, f.b)])[1]], ink, { align: "right", size: 14 });
  label(c, "w", [(g.x0 + g.x1) / 2, g.y1 + 34 * rem()], ink, { bold: true, size: 17 });
  label(c, "b", [10, g.y0 + 4], ink, { bold: true, size: 17 });
  for (const line of f.lines) drawPath(c, view, line, g, ink, width);
  const start = view.chosen ?? f.lines[0].points[0];
  if (inside(f, start)) dot(c, g.at(start), 6, "#fff", "#000");
}

function drawPath(c, { f, at }, line, g, ink, width) {
  const found = legs(f, line, at), ball = ballAt(line, at);
  for (const [style, wide] of [["#fff", 5], [line.colour, 3]])
    for (const { p, q } of found) stroke(c, style, wide, [g.at(p), g.at(q)]);
  line.points.forEach((p, k) => k <= at && inside(f, p) && dot(c, g.at(p), 2.8, line.colour, "#fff"));
  if (inside(f, ball)) dot(c, g.at(ball), BALL, line.colour, "#fff");
  for (const { p, q, away } of found) if (away) {
    const [x, y] = g.at(q);
    arrow(c, g.at(p), [x, y], line.colour);
    label(c, line.away, [x, clamp(y + (y < (g.y0 + g.y1) / 2 ? 22 : -22), g.y0 + 12, g.y1 - 12)], ink, { back: ink.back, bold: true, width });
  }
}
