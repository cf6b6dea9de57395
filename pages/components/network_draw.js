/* The drawing of the network, behind network.js in the same module: the geometry, and how it is painted.
   d = {view, c: the 2d context, p: the picture, g: the geometry, ink: the colours, eye: the camera, now: the moment, loop and
   spread: how far the loop is there and time is drawn out, 0..1, columns: the steps side by side, marks: the units}. */

const TILT = 0.26;                                           // radians by which the view from above leans, to show all units
const BLUE = [33, 102, 172], ORANGE = [179, 88, 6], CRIMSON = [220, 20, 60];

// ---- geometry ----

function geometry(c, p, width, height, font) {
  const narrow = width < 560, left = narrow ? 34 : 8.2 * font, right = narrow ? 4 : font;
  const g = { p, width, height, font, narrow, left, parts: p.lanes.length - 2 };
  const word = Math.max(...p.important.map(t => c.measureText(p.words[p.steps.indexOf(t)] ?? "").width), 3.4 * font);
  const room = list => (width - left - right) / slotsOf(p, list).length;
  const list = p.windows.find(w => room(w) >= (narrow ? 48 : word + 0.5 * font)) ?? p.windows.at(-1);
  g.slots = slotsOf(p, list);
  g.slot = room(list);
  g.slots.forEach((slot, i) => { slot.x = left + (i + 0.5) * g.slot; });
  g.columns = g.slots.filter(slot => slot.row !== undefined);
  g.middle = left + (width - left - right) / 2;
  g.words = height - (narrow ? 3.6 : 2.6) * font;            // the line on which the words stand
  g.units = p.lanes.map(lane => drawnUnits(lane, g));
  g.lanes = g.units.map(ids => ({ ids }));
  const names = p.lanes.at(-1).units.map(unit => 1.08 * c.measureText(unit).width);            // they may be bold
  g.answer = { name: Math.min(narrow ? 90 : 180, Math.max(...names)), bar: narrow ? 30 : 5.5 * font };
  g.answer.width = g.answer.name + g.answer.bar + (narrow ? 3.6 : 4.2) * font;
  fromSide(g, 0.4 * font, g.words - 2.3 * font);
  fromAbove(g, 0.4 * font, g.words - 2.3 * font);
  return g;
}

function slotsOf(p, list) {                                  // drawn steps, and a slot without a row for each gap between them
  const slots = [], rows = new Map(p.steps.map((t, row) => [t, row]));
  let before = -1, column = -1;
  for (const t of list) {
    if (t - before > 1) slots.push({ missing: t - before - 1, from: (rows.get(before) ?? -1) + 1, to: rows.get(t) - 1, column });
    slots.push({ t, row: rows.get(t), column: ++column });
    before = t;
  }
  return slots;
}

function drawnUnits(lane, g) {
  const all = lane.units.map((_, k) => k), state = lane.name !== "x" && lane.name !== "y";
  if (lane.name === "x" && lane.size > all.length) return all.filter(k => g.columns.some(({ row }) => lane.loop[row][k]));
  return state && g.parts > 1 && (g.narrow || g.height < 480) ? all.slice(0, 6) : all;
}

function fromSide(g, top, bottom) {                          // layers beside each other, units below each other
  const { font, width, lanes } = g, longest = Math.max(...g.units.map(u => u.length)), tall = bottom - top, title = 2.8 * font;
  const pitch = Math.min(3.3 * font, (tall - title) / longest), first = (g.narrow ? 0.21 : 0.24) * width;
  const step = (Math.min(0.76 * width, width - font - g.answer.width) - first) / (lanes.length - 1);
  g.disc = Math.min(1.2 * font, 0.42 * pitch, 0.34 * step);
  g.center = [width / 2, top + title + (tall - title) / 2];
  g.titles = Math.max(top, g.center[1] - pitch * longest / 2 - title);
  lanes.forEach((lane, i) => Object.assign(lane, { x: first + i * step, pitch }));
  lanes.at(-1).pitch = Math.min(2.6 * font, 1.4 * pitch);
}

function fromAbove(g, top, bottom) {                         // layers over each other, each a stack of its units
  const { font, parts, lanes } = g, row = 1.4 * font, arrow = 2.5 * font, n = lanes[1].ids.length, last = lanes.length - 1;
  const tall = bottom - top - (lanes[last].ids.length - 1) * row - 2 * arrow, discs = 2.7 + 3.3 * parts;    // in radii
  const around = parts > 1 ? g.narrow ? 9 : 12 : 6, fit = g.slot / 2 - around - (g.narrow ? 7 : 14);
  const r = g.r = Math.min(0.95 * font, fit, tall / (discs + parts * (n - 1)));
  const step = Math.min(1.3 * r, (tall - r * discs) / Math.max(1, parts * (n - 1)));
  const spare = (tall - r * discs - step * parts * (n - 1)) / 2;
  let y = bottom;
  lanes.forEach((lane, i) => {
    lane.step = i === 0 ? 0 : i === last ? row : step;       // the input is one node: it holds one word
    lane.half = r + lane.step * (lane.ids.length - 1) / 2;
    lane.y = y - lane.half;
    y -= 2 * lane.half + (i === 0 || i === last - 1 ? arrow + spare : 1.3 * r);
  });
  g.box = r + around;                                        // half of a hidden node's width; roof and floor: its ends
  g.roof = lanes[last - 1].y - lanes[last - 1].half - around;
  g.floor = lanes[1].y + lanes[1].half + around;
}

function camera(fold) {                                      // the three axes on the screen: [right, up, to the viewer]
  const turn = smooth(fold), angle = turn * 2 * Math.PI / 3, tilt = TILT * turn;
  const cos = (1 + 2 * Math.cos(angle)) / 3, one = (1 - Math.cos(angle)) / 3, sin = Math.sin(angle) / Math.sqrt(3);
  const lean = ([x, y, z]) => [x, y * Math.cos(tilt) + z * Math.sin(tilt), z * Math.cos(tilt) - y * Math.sin(tilt)];
  const axes = [[cos, one + sin, one - sin], [one - sin, cos, one + sin], [one + sin, one - sin, cos]];
  const [layer, unit, time] = axes.map(lean);
  return { turn, layer, unit, time };
}

function place(d, lane, k, time) {                           // {x, y, z} of one unit
  const { g, eye } = d, [cx, cy] = g.center, rank = (lane.ids.length - 1) / 2 - k;
  const along = mix(lane.x - cx, (cy - lane.y) / Math.cos(TILT), eye.turn);
  const up = rank * mix(lane.pitch, lane.step / Math.sin(TILT), eye.turn);
  const [x, y, z] = [0, 1, 2].map(i => eye.layer[i] * along + eye.unit[i] * up + eye.time[i] * time);
  const turning = Math.sin(Math.PI * eye.turn), near = (1 - 0.15 * turning) * (1 + turning * z / 1400);       // with perspective
  return { x: mix(cx, g.middle, eye.turn) + x * near, y: cy - y * near, z };
}

// ---- the whole ----

function paint(view) {
  const { canvas, root, p } = view, on = p && contextOf(canvas);
  if (!on) return;
  const { c, width, height } = on, ink = inkOf(root), one = rem();
  const font = one * (width > 1250 * one ? 20 : width > 560 * one ? 17 : 16);
  view.font = (size = 1, weight = "") => `${weight} ${size * font}px ${ink.font}`;
  c.font = view.font();
  ink.mid = blend(rgb(ink.back), rgb(ink.text), 0.07);
  const { fold } = view, known = view.g?.width === width && view.g.height === height && view.g.p === p;
  const g = view.g = known ? view.g : geometry(c, p, width, height, font);
  const d = { view, c, p, g, ink, marks: [], eye: camera(fold), loop: smooth(fold, 1, 2), spread: smooth(fold, 2, 3) };
  d.now = moment(view);
  d.columns = columns(d);
  drawWords(d);
  if (d.eye.turn > 0.5) drawArrows(d);
  if (d.eye.turn < 1) drawFans(d);
  for (const column of d.columns) drawColumn(d, column);
  drawNames(d);
  view.marks = d.marks;
  const m = target(view);
  if (m) disc(d, m.x, m.y, m.r + 3, { stroke: ink.text, width: 2.5 });
  words(view, d);
}

function columns(d) {                                        // the present one comes last, on top
  const { g, p, now, spread } = d;
  const { row, before, done } = now;
  if (!spread) return [{ x: g.middle, time: 0, row, before, done, alpha: 1, answers: true, column: 0 }];
  const list = g.columns.map(({ x, row, column }) => ({
    x: mix(g.middle, x, spread), time: (x - g.middle) * spread, row, column, before: null,
    done: row === now.row ? now.done : column < now.column ? 1 : 0,
    alpha: row === now.row ? 1 : smooth(spread, 0, 0.25),
    answers: p.steps[row] >= p.asked,
  }));
  return list.sort((a, b) => (a.row === now.row) - (b.row === now.row));
}

function value(d, lane, id, column) {                        // of a unit; undefined where it is not known yet or not asked
  const data = d.p.lanes[lane], at = row => mixed(data.alone[row][id], data.loop[row][id], d.loop);
  if (data.name === "y" && d.p.steps[column.row] < d.p.asked || column.done <= 0 && column.before === null) return undefined;
  return column.before === null || column.done >= 1 ? at(column.row) : mixed(at(column.before), at(column.row), column.done);
}

// ---- colours and strokes ----

function rgb(colour) {
  return colour[0] === "#" ? [1, 3, 5].map(i => parseInt(colour.slice(i, i + 2), 16)) : colour.match(/[\d.]+/g).map(Number);
}
const blend = (a, b, u) => a.slice(0, 3).map((v, i) => Math.round(mix(v, b[i], u)));
const css = ([r, g, b]) => `rgb(${r},${g},${b})`;
const diverging = (ink, v) => css(blend(ink.mid, v < 0 ? BLUE : ORANGE, clamp(Math.abs(v))));

function shape(d, draw, { fill, stroke, alpha = 1, width = 1 }) {
  const { c } = d;
  c.save();
  Object.assign(c, { globalAlpha: alpha, lineWidth: width, lineCap: "round" });
  c.beginPath();
  draw(c);
  if (fill) { c.fillStyle = fill; c.fill(); }
  if (stroke) { c.strokeStyle = stroke; c.stroke(); }
  c.restore();
}

const disc = (d, x, y, r, style) => shape(d, c => c.arc(x, y, r, 0, 7), style);
const box = (d, x, y, w, h, r, style) => shape(d, c => c.roundRect(x, y, w, h, r), style);

function line(d, [from, ...to], { width = 1, alpha = 1, stroke = d.ink.text, dash = [] } = {}) {      // a curve through controls
  shape(d, c => {
    c.setLineDash(dash);
    c.moveTo(...from);
    if (to.length === 3) c.bezierCurveTo(...to.flat()); else c.lineTo(...to[0]);
  }, { stroke, width, alpha });
}

const point = ([a, b, c, e], u) => [0, 1].map(i =>
  (1 - u) ** 3 * a[i] + 3 * (1 - u) ** 2 * u * b[i] + 3 * (1 - u) * u * u * c[i] + u ** 3 * e[i]);

function arrowhead(d, x, y, angle, alpha, fill) {
  const size = 0.62 * d.g.font;
  shape(d, c => {
    c.translate(x, y);
    c.rotate(angle);
    c.moveTo(0, 0); c.lineTo(-size, -size / 2); c.lineTo(-size, size / 2);
  }, { fill, alpha });
}

function write(d, text, x, y, { align = "left", alpha = 1, weight = "", size = 1, most = Infinity, stroke = d.ink.text } = {}) {
  if (!text || alpha < 0.01) return;
  const { c, view } = d, [plain, under] = text.split("_");   // W_rec: W with rec below
  c.save();
  Object.assign(c, { textBaseline: "middle", globalAlpha: alpha, fillStyle: stroke, font: view.font(0.74 * size, weight) });
  const small = under ? c.measureText(under).width : 0;
  c.font = view.font(size, weight);
  let s = plain;
  while (s.length > 2 && c.measureText(s).width > most + 1) s = s.slice(0, -2) + "…";
  const wide = c.measureText(s).width, x0 = x - (wide + small) * { left: 0, center: 0.5, right: 1 }[align];
  c.fillText(s, x0, y);
  if (under) {
    c.font = view.font(0.74 * size, weight);
    c.fillText(under, x0 + wide, y + 0.28 * size * d.g.font);
  }
  c.restore();
}

// ---- neurons ----

function drawColumn(d, column) {
  const { g, ink, eye } = d, last = g.lanes.length - 1, discs = [];
  drawNodes(d, column, smooth(eye.turn, 0.75, 1) * column.alpha);
  g.lanes.forEach((lane, i) => (i < last || column.answers) && lane.ids.forEach((id, k) => discs.push({
    ...place(d, lane, k, column.time), lane: i, k, id, column, v: value(d, i, id, column), r: mix(g.disc, g.r, eye.turn),
  })));
  const one = m => m.lane === 0 && eye.turn > 0.9;           // the input seen from above: the unit that is on lies on top
  discs.sort((a, b) => one(a) && one(b) ? (a.v || 0) - (b.v || 0) : a.z - b.z);
  for (const m of discs) {
    const unknown = m.v === undefined, fill = unknown ? ink.back : m.v === null ? css(CRIMSON) : diverging(ink, m.v);
    disc(d, m.x, m.y, m.r, { fill, alpha: column.alpha });
    disc(d, m.x, m.y, m.r, { stroke: ink.text, alpha: column.alpha * (unknown ? 0.3 : 0.5), width: 1.1 });
    if (column.alpha > 0.9) d.marks.push(m);
  }
  noteShare(d, column);
  drawOutput(d, column, discs.filter(m => m.lane === last));
}

function drawNodes(d, { x }, alpha) {                        // a rim around each stack, and around all parts of the state
  const { g } = d, lanes = g.lanes.slice(1, -1).map(lane => [lane.y - lane.half - 6, lane.y + lane.half + 6, g.r + 6]);
  const all = g.parts > 1 ? [[g.roof, g.floor, g.box]] : [];
  for (const [top, bottom, half] of alpha > 0 ? [...all, ...lanes] : []) {
    const strong = alpha * (all.length && half < g.box ? 0.35 : 0.7);
    const at = [x - half, top, 2 * half, bottom - top, Math.min(half, 20)];
    box(d, ...at, { fill: d.ink.back, alpha });
    box(d, ...at, { fill: d.ink.text, alpha: 0.045 * strong });
    box(d, ...at, { stroke: d.ink.text, alpha: strong, width: 1.5 });
  }
}

function drawOutput(d, column, discs) {                      // beside each output its name, a bar and the number
  const { g, p, ink } = d, data = p.lanes.at(-1), { name, bar, width } = g.answer, high = 0.8 * g.font;
  const asked = g.columns.filter(({ t }) => t >= p.asked), many = asked.length > 1 && d.spread > 0.5, first = many ? 0 : -1;
  if (!discs.length || d.spread > 0 && column.row !== asked.at(first).row) return;
  const side = 1 - 2 * d.spread, shift = side >= 0 ? 0 : -(many ? name + g.font : width) - 2 * discs[0].r - 0.8 * g.font;
  for (const { x, y, r, v, id } of discs) {
    const style = { alpha: Math.abs(side) * column.alpha, weight: id === data.right && !many ? "bold" : "" };
    const x0 = x + r + 0.6 * g.font + shift + name, x1 = x0 + 0.5 * g.font;
    write(d, data.units[id], x0, y, { ...style, align: "right", most: name });
    if (many) continue;                                      // no room between the columns: the pointer shows the numbers
    box(d, x1, y - high / 2, bar, high, 0, { fill: ink.text, alpha: 0.1 * style.alpha });
    if (v === undefined) continue;
    const long = bar * clamp(Math.abs(v ?? 0)), fill = diverging(ink, Math.sign(v ?? 0));
    box(d, x1, y - high / 2, long, high, 0, { fill, alpha: style.alpha });
    const text = v === null ? "NaN" : data.share && v > 0 && v < 0.005 ? "< .01" : Math.abs(v) < 1000 ? v.toFixed(2) : number(v);
    write(d, text, x1 + bar + 0.5 * g.font, y, style);
  }
}

// ---- weights ----

function drawFans(d) {                                       // single weights: the colour is the sign, the width the size
  const { g, p, eye } = d, alpha = 1 - smooth(eye.turn, 0.3, 1), column = d.columns.at(-1), last = g.lanes.length - 1;
  const at = (lane, k) => { const { x, y } = place(d, g.lanes[lane], k, 0); return [x, y]; };
  for (const [from, W, to] of [[0, p.W_in, 1], [last - 1, p.W_out, last]]) {
    const most = Math.max(...W.flat().map(w => Math.abs(w ?? 0)), 1e-30);
    g.lanes[from].ids.forEach((i, a) => {
      const signal = value(d, from, i, column), lively = from ? 0.75 : clamp(0.13 + Math.abs(signal ?? 1));
      g.lanes[to].ids.forEach((j, b) => line(d, [at(from, a), at(to, b)], {
        stroke: css(W[i][j] === null ? CRIMSON : W[i][j] < 0 ? BLUE : ORANGE),
        width: 0.5 + 4 * Math.abs(W[i][j] ?? 1) / most,
        alpha: alpha * lively,
      }));
    });
  }
  for (let i = 1; i < last - 1; i++)                         // from c to h: unit by unit, without weights
    g.lanes[i].ids.forEach((_, k) => line(d, [at(i, k), at(i + 1, k)], { alpha: 0.5 * alpha, width: 1.5 }));
}

function drawArrows(d) {                                     // seen from above: one arrow for all weights between two layers
  const { g, eye, spread, now } = d, shade = smooth(eye.turn, 0.85, 1), first = g.lanes[0], last = g.lanes.at(-1);
  const crowd = spread > 0 && g.slot * spread < 3 * g.font, top = d.columns.at(-1);
  for (const column of d.columns) {
    const alpha = shade * column.alpha, named = alpha > 0.5 && (!crowd || column === top);
    const travel = column.row === now.row ? now.travel : null;
    upwards(d, column.x, first.y - first.half - 2, g.floor + 2, { alpha, name: named && "W_in", travel });
    const name = named && now.returned === Infinity && "W_out";                               // factors stand there on the way back
    if (column.answers) upwards(d, column.x, g.roof - 2, last.y + last.half + 3, { alpha, name, left: true });
  }
  if (d.loop > 0) links(d).forEach(link => drawLink(d, link));
}

function upwards(d, x, from, to, { alpha, name, travel = null, left = false }) {
  const { g, ink } = d, y = mix(from, to, d.spread > 0 ? 0.5 : left ? 0.9 : 0.26);             // beside the loop's end
  line(d, [[x, from], [x, to + 4]], { width: 2.2, alpha: 0.75 * alpha });
  arrowhead(d, x, to, -Math.PI / 2, 0.85 * alpha, ink.text);
  if (name) write(d, name, x + (left ? -1.1 : 0.55) * g.font, y, { alpha: 0.85 * alpha, align: left ? "right" : "left" });
  if (travel !== null && travel < 0.55) pulse(d, x, mix(from, to, clamp(2 * travel)));
}

// ---- words ----

function drawWords(d) {                                      // under their columns; on a narrow screen in two rows
  const { c, g, p, ink, now } = d, widest = Math.max(...g.columns.map(s => c.measureText(p.words[s.row]).width), 1);
  const size = Math.min(1, (g.slot - 4) / widest), two = size < 0.85, low = two ? 1.3 * g.font : 0;
  const times = { align: "center", alpha: 0.8, size: 0.88 }, y1 = g.words + low + 1.35 * g.font;
  for (const { x, t, row, column, missing } of g.slots) {
    if (missing) {
      if (isIn(now, { column })) drawEntry(d, x);
      write(d, `… ${missing} …`, x, g.words, { align: "center", alpha: 0.8 });
      write(d, p.things, x, y1, times);
      continue;
    }
    const y = g.words + (column % 2 ? low : 0), here = row === now.row, word = p.words[row];
    if (here) {
      const half = Math.min(g.slot * (two ? 1 : 0.5) - 2, c.measureText(word).width / 2 + 0.6 * g.font);
      box(d, x - half, y - 0.8 * g.font, 2 * half, 1.6 * g.font, 7, { fill: ink.accent, alpha: 0.2 });
      drawEntry(d, x);
    }
    const weight = here || p.important.includes(t) ? "bold" : "";
    write(d, word, x, y, { align: "center", weight, size: two ? 1 : size, most: 2 * g.slot });
    write(d, column ? String(t) : `t = ${t}`, x, y1, times);
  }
}

function drawEntry(d, x) {                                   // from the word of the moment to the input
  const { g } = d, low = g.words - 0.95 * g.font, top = g.lanes[0].y + g.r + 3, to = mix(g.middle, x, d.spread);
  const style = { alpha: 0.55 * smooth(d.eye.turn, 0.6, 1), width: 2.2, stroke: d.ink.accent };
  line(d, [[x, low], [x, mix(low, top, 0.7)], [to, mix(low, top, 0.3)], [to, top]], style);
}

function drawNames(d) {                                      // of the layers: above them, then beside them
  const { g, p, eye } = d, beside = smooth(eye.turn, 0.6, 1), above = 1 - smooth(eye.turn, 0, 0.4);
  const x = mix(g.middle - (g.narrow ? 130 : 15 * g.font), 0, d.spread);
  g.lanes.forEach((lane, i) => {
    const data = p.lanes[i], title = g.narrow ? data.title.split(" ").at(-1) : data.title;
    const shown = lane.ids.length, count = shown < data.size ? `${shown} of ${data.size}` : String(shown);
    const note = g.narrow ? count : `${count} ${data.kind}`;
    const [high, low, row] = [{ alpha: above, align: "center" }, { alpha: beside }, g.narrow ? 0 : 0.63 * g.font];
    write(d, title, lane.x, g.titles + 0.6 * g.font, { ...high, weight: "bold" });
    const room = !g.narrow || g.parts < 2 || i % 2 < 1, small = { ...high, alpha: 0.85 * above, size: 0.92 };
    if (room) write(d, note, lane.x, g.titles + 1.9 * g.font, small);
    write(d, title, x, lane.y - row, { ...low, weight: "bold" });
    if (!g.narrow) write(d, note, x, lane.y + row, { ...low, alpha: 0.85 * beside, size: 0.92 });
  });
  const first = g.lanes[0], data = p.lanes[0], most = first.x - g.disc - 10;
  first.ids.forEach((id, k) => {
    const at = place(d, first, k, 0), lit = data.loop[d.now.row][id];
    const style = { align: "right", most, alpha: above * (lit ? 1 : 0.75), weight: lit ? "bold" : "" };
    write(d, data.units[id], at.x - g.disc - 0.5 * g.font, at.y, style);
  });
  for (const [name, i, note] of g.narrow ? [] : [["W_in", 0, p.into && `to ${p.into}`], ["W_out", g.lanes.length - 2, ""]]) {
    const style = { align: "center", alpha: 0.85 * above }, middle = (g.lanes[i].x + g.lanes[i + 1].x) / 2;
    write(d, name, middle, g.titles + 0.6 * g.font, style);
    write(d, note, middle, g.titles + 1.9 * g.font, style);
  }
}
