/* What moves through the network, behind network.js in the same module: where the playhead is, and the pulse on the links from step
   to step. Unrolled, the pulse has as much colour on its way forward as is left of the difference between the two versions of the
   sequence. Then it comes back from the last step to the subject in the colour of the gradient's norm, and each link shows what it
   multiplied the norm by. Both are measured on the network that is drawn: `left` and `gradient` of the picture (network.py). */

// ---- the moment: at which step the playhead is, and what of it has happened ----

function moment(view) {                                      // before: the row that is still seen as far as done < 1
  const { p, g } = view, last = p.steps.length - 1;
  const rest = (row, returned = Infinity) => ({ row, before: row, done: 1, travel: null, column: Infinity, gap: null, back: null, returned });
  if (view.since === null) return rest(view.row, view.returned);
  let left = performance.now() - view.since;
  for (const { row, from, to, column } of g.slots.filter(slot => (slot.row ?? slot.to) >= view.from)) {
    const takes = row === undefined ? GAP : WORD, u = left / takes;
    left -= takes;
    if (u >= 1) continue;
    if (row === undefined) return { ...rest(Math.round(mix(Math.max(from, view.from), to, u))), column: column + 0.5, gap: u };
    const travel = still() ? null : clamp(2 * u);
    return { row, before: row ? row - 1 : null, done: smooth(u, 0.3, 0.6), travel, column, gap: null, back: null, returned: Infinity };
  }
  for (const { from, to } of view.goal > 2.5 ? wayBack(view) : []) {
    const takes = p.steps[from] - p.steps[to] > 1 ? GAP : WORD, u = left / takes;
    left -= takes;
    if (u < 1) return { ...rest(u < 0.5 ? from : to, to), back: { to, u: still() ? null : u } };
  }
  const returned = view.goal > 2.5 ? wayBack(view).at(-1)?.to : undefined;                    // the end of it: the last step stays
  Object.assign(view, { since: null, row: returned ?? last, returned: returned ?? Infinity });
  return rest(view.row, view.returned);
}

function wayBack({ p, g }) {                                 // the links from the last drawn step back to the first important one, as rows
  const rows = g.columns.map(({ row }) => row).filter(row => p.steps[row] >= p.first), part = p.lanes.at(-2).name;
  const links = rows.slice(1).map((from, i) => ({ from, to: rows[i] })).reverse();
  return p.gradient[part].at(-1) ? links : [];               // no gradient: nothing comes back
}

function play(view) {
  const now = moment(view), { p } = view, last = p.steps.length - 1;
  const from = now.row < last ? now.row : p.steps.indexOf(p.first);
  Object.assign(view, view.since === null ? { since: performance.now(), from, returned: Infinity }
    : { since: null, row: now.row, returned: now.returned });
  run(view);
}

// ---- what was measured, in words ----

function factorOf({ gradient }, part, to, from) {            // what the way back from one row to another multiplies the norm by
  const norms = gradient[part], factor = norms[to] / norms[from];
  return norms[to] === null || norms[from] === null || !Number.isFinite(factor) ? null : factor;
}

function shareOf({ left }, part, row) { return left[part]?.[row] ?? null; }                    // NaN came as null

function measured(view, now) {                               // of the part of the state that the next step reads
  const { p } = view, part = p.lanes.at(-2).name, norms = p.gradient[part];
  if (view.fold < 2.5) return "";
  if (now.returned !== Infinity) {
    const from = view.g.columns.find(({ row }) => row > now.returned)?.row, factor = factorOf(p, part, now.returned, from);
    const total = factorOf(p, part, now.returned, norms.length - 1);
    return factor === null || total === null ? "" : `: dL/d${part} ${times(factor)}, ${total ? significant(total, 2) : "0"} of it left`;
  }
  const share = shareOf(p, part, now.row);
  return share === null || p.steps[now.row] < p.first ? "" : `: ${percent(share)} of the difference from “${p.other}” left`;
}

// ---- links ----

function links(d) {                                          // from one time to the next: the loop, or an arrow to each column
  const { g, now, spread } = d;
  if (!spread) return [{ x0: g.middle, x1: g.middle, here: true, travel: now.before === null ? null : now.travel, back: null }];
  const x = at => mix(g.middle, at, spread), top = d.columns.at(-1).row;
  return g.slots.flatMap((slot, i) => {
    const jump = g.slots[i - 1]?.missing !== undefined, edge = { x: slot.x - 1.4 * g.slot };
    const from = jump ? g.slots[i - 2] ?? edge : g.slots[i - 1];
    if (slot.missing || !from) return [];
    const travel = jump ? (isIn(now, g.slots[i - 1]) ? now.gap : null) : slot.row === now.row ? now.travel : null;
    const back = now.back && now.back.to === from.row ? now.back.u : null;
    const ends = { x0: x(from.x), x1: x(slot.x), row0: from.row, row1: slot.row };
    return [{ ...ends, jump: jump && spread > 0.5, here: slot.row === top, travel, back }];
  });
}

const isIn = (now, slot) => now.column === slot.column + 0.5;               // whether the playhead is in this gap

function drawLink(d, link) {                                 // one for each part of the state; h on top goes through W_rec
  const { g, p, ink, spread } = d, { x0, x1, jump, here, travel, back } = link;
  const parts = g.lanes.slice(1, -1), open = smooth(spread, 0, 0.6), last = g.lanes.at(-1);
  const above = g.roof - last.y - last.half, under = g.lanes[0].y - g.lanes[0].half - g.floor;
  parts.forEach((lane, i) => {
    const over = i === parts.length - 1, far = over ? lane.y - g.roof + 0.52 * above : lane.y - g.floor - 0.52 * under;
    const bend = far / 0.75 * (1 - open), out = (g.narrow ? 5.5 : 7.5) * g.font * (1 - open), y = lane.y;
    const path = [[x0 + g.box, y], [x0 + g.box + out, y - bend], [x1 - g.box - out, y - bend], [x1 - g.box - 7, y]];
    const alpha = d.loop * (over ? 1 : 0.7) * (here ? 1 : smooth(spread, 0.25, 0.6));
    const style = { stroke: over ? ink.accent : ink.text, alpha };
    if (jump) line(d, [path[0], path[3]], { ...style, width: 3, dash: [0.1, 9] }); else line(d, path, { ...style, width: 3 });
    arrowhead(d, x1 - g.box, y, Math.atan2(bend, out + 40 * open), alpha, style.stroke);
    const part = p.lanes[i + 1].name, kept = p.kept[part], name = over && p.matrix || (kept ? `× ${kept}` : "");
    const middle = point(path, mix(0.22, 0.5, spread)), gap = x1 - x0 - 2 * g.box;
    if (alpha > 0.4) nameLink(d, name, middle, gap, here, { ...style, weight: "bold" });
    if (travel !== null && travel < 1) pulse(d, ...point(path, travel), shareOn(d, part, link));
    if (back !== null) pulse(d, ...point(path, 1 - back), 1, gradientColour(d, part, link));
    if (spread > 0.9 && link.row0 !== undefined && !(g.narrow && g.parts > 1)) noteLink(d, part, lane, link);
  });
}

function nameLink(d, name, [x, y], gap, here, style) {       // beside the loop, then on the arrow where there is room
  const { font } = d.g, size = Math.min(1, gap / (2.3 * font));
  if (d.spread < 0.3) { if (here) write(d, name, x + 0.6 * font, y, style); return; }
  const alpha = style.alpha * smooth(d.spread, 0.5, 1);
  if (size > 0.7) write(d, name, x - 3 * d.spread, y - 0.8 * font, { ...style, alpha, size, align: "center" });
}

// ---- the pulse ----

function pulse(d, x, y, share = 1, fill = d.ink.accent) {    // its rim stays, its colour fades
  disc(d, x, y, 13, { fill, alpha: 0.25 * share });
  disc(d, x, y, 7, { fill: d.ink.back });
  disc(d, x, y, 7, { fill, alpha: share });
  disc(d, x, y, 7, { stroke: d.ink.text, alpha: 0.6, width: 1.2 });
}

function shareOn({ p, now, spread }, part, { row0, row1, jump, travel }) {                      // between two steps, in between
  if (spread < 0.5) return 1;
  const before = p.steps[row0] < p.first;                    // what the subject makes of the state comes in by W_in
  const [start, end] = [row0, before ? row0 : row1].map(row => shareOf(p, part, row));
  const share = jump ? shareOf(p, part, now.row) : mixed(start, end, travel);
  return share === null ? 1 : clamp(share);
}

function gradientColour({ p, now }, part, { row0, row1 }) {  // of the norm, on the heatmap's scale
  const [end, start] = [row0, row1].map(row => Math.log10(p.gradient[part][row] || 1e-300));
  return css(colour(mix(start, end, now.back.u)));
}

const noteLine = ({ g }) => g.roof - 0.85 * g.font;            // over the nodes

function noteLink(d, part, lane, link) {                     // the factor, over the nodes; with two parts of the state each under its link
  const { g, p, now } = d, { x0, x1, row0, row1 } = link, several = g.parts > 1, size = g.narrow ? 0.8 : several ? 0.85 : 1;
  const share = several && row1 <= now.row && p.steps[row0] >= p.first ? shareOf(p, part, row0) : null;
  const factor = row0 >= now.returned ? factorOf(p, part, row0, row1) : null;
  const text = now.returned === Infinity ? share === null ? "" : short(share) : factor === null ? "" : times(factor);
  const weight = now.back === null || now.back.to === row0 ? "bold" : "";
  write(d, text, (x0 + x1) / 2 - 3, several ? lane.y + 0.8 * g.font : noteLine(d), { align: "center", weight, size });
}

function noteShare(d, column) {                              // over each column that was read: what is left there
  const { g, p, now } = d, late = column.row > now.row || column.done < 0.5;
  if (d.spread < 0.9 || now.returned !== Infinity || p.steps[column.row] < p.first || late || g.narrow || g.parts > 1) return;
  const share = shareOf(p, p.lanes.at(-2).name, column.row), style = { align: column.answers ? "left" : "center" };
  write(d, share === null ? "" : short(share), column.x + (column.answers ? 0.55 * g.font : 0), noteLine(d), style);
}

function short(share) { return share > 0 && share < 0.001 ? "< .1 %" : percent(share); }       // fits under a column
