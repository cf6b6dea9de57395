// ---- geometry and painting of the reader; sentence_reader.js, which comes before this script ----

let FONT, WORD, TURNED, ANSWER, NORM;                        // sizes in px that follow the root's font
const GAP = 4, BETWEEN = 20, UNITS = 168;
const NARROW = 560;                                          // px of the whole: less room beside the sentence
const ABREAST = 62, STAGGERED = 34;                          // px of a column from which words stand in one line, and in two

function geometry(view, width) {
  const one = rem(), { f } = view, narrow = width < NARROW, word = 68 * one;
  [FONT, WORD, TURNED, ANSWER, NORM] = [16, 26, 84, 92, 18].map(size => one * size);
  const left = one * (narrow ? 64 : 96), right = width - one * (narrow ? 62 : 132), room = right - left;
  const fits = f.length * STAGGERED * one <= room, column = view.whole || fits ? room / f.length : word;
  const lines = column >= ABREAST * one ? 1 : column >= STAGGERED * one ? 2 : 0;       // 0: words are turned
  const g = { width, left, right, narrow, fits, column, lines, bands: [] };
  let y = 0;
  const add = (place, rows, height, gap = GAP) => { g.bands.push({ place, rows, row: rows[0], y, height }); y += height + gap; };
  const words = lines ? lines * WORD : TURNED;
  add("words", pairs(f)[0], words);
  for (const rows of pairs(f)) {
    add("network", rows, WORD, 0);
    add("answers", rows, ANSWER);
  }
  y += BETWEEN;
  for (const rows of pairs(f)) {
    if (several(f)) add("network", rows, WORD);
    for (const row of rows) {
      add("words", [row], words);
      row.parts.forEach((_, k) => add(`norm${k}`, [row], NORM));
      const U = row.units.length;
      add("units", [row], U * clamp(Math.floor(UNITS / U), 2, 14));
      y += BETWEEN;
    }
  }
  g.height = y - BETWEEN + 12;                               // the last for a scroll bar
  return g;
}

function pairs(f) {                                          // the rows of each network
  const found = [];
  f.rows.forEach((row, i) => row.network === f.rows[i - 1]?.network ? found.at(-1).push(row) : found.push([row]));
  return found;
}

function locate(view, event) {                               // pointer -> {t, row, rows, place, unit, x, y}
  const { g, f, scroll, canvas } = view, box = canvas.getBoundingClientRect();
  const x = event.clientX - box.left, y = event.clientY - box.top;
  const t = Math.floor((x - g.left + scroll.scrollLeft) / g.column);
  const band = g.bands.find(b => y >= b.y && y < b.y + b.height + GAP);
  if (!band || t < 0 || t >= f.length) return null;
  const unit = Math.min(band.row.units.length - 1, Math.floor((y - band.y) / band.height * band.row.units.length));
  return { t, row: band.row, rows: band.rows, place: band.place, unit, x, y };
}

function paint(view) {
  const { canvas, root, scroll, f } = view, width = root.clientWidth;
  if (!f || !width) return;
  const g = view.g = geometry(view, width), ink = inkOf(root);
  root.querySelector(".plot").style.height = `${g.height}px`;
  Object.assign(scroll.style, { left: `${g.left}px`, width: `${g.right - g.left}px` });
  scroll.firstElementChild.style.width = `${g.column * f.length}px`;
  const { c, dpr } = contextOf(canvas, width, g.height);
  c.plain = `${FONT}px ${ink.font}`;
  const first = Math.floor(scroll.scrollLeft / g.column);
  const last = Math.min(f.length - 1, Math.floor((scroll.scrollLeft + g.right - g.left) / g.column));
  const d = { c, f, g, ink, dpr, view, first, last, fills: textures(c, dpr, ink), x: t => g.left + t * g.column - scroll.scrollLeft };
  for (const band of g.bands) {
    paintLabel(d, band);
    c.save();
    c.beginPath();
    c.rect(g.left, 0, g.right - g.left, g.height);
    c.clip();
    PAINTERS[band.place.replace(/\d/, "")]?.(d, band);
    c.restore();
    paintVerb(d, band);
  }
  paintChosen(d);
}

const PAINTERS = { words: paintWords, answers: paintAnswers, norm: paintNorm, units: paintUnits };

function write(d, text, x, y, { align = "left", bold = false, colour = d.ink.text, most } = {}) {
  const { c } = d;
  c.font = bold ? `600 ${c.plain}` : c.plain;
  Object.assign(c, { textAlign: align, textBaseline: "middle", fillStyle: colour });
  c.fillText(text, x, y, most);
}

function paintLabel(d, { place, rows: [row, other], y, height }) {
  const { g, f, ink } = d, at = { align: "right", most: g.left - 10 }, x = g.left - 8;
  if (place === "network") {
    write(d, row.network, 0, y + height / 2, { bold: true, most: g.width });
    if (row.outcome) write(d, `: ${row.outcome}`, d.c.measureText(row.network).width, y + height / 2, { most: g.width });
    return;
  }
  if (place === "answers") {
    [["were", 0.16], ["was", 0.84]].forEach(([verb, share]) => write(d, verb, x, y + share * height, at));
    return;
  }
  const texts = { units: f.part, words: other ? "" : row.right ? "plural" : "singular" };
  const text = texts[place] ?? `‖d${row.parts[place[4]]}‖`;
  write(d, text, x, y + (place === "words" ? height - WORD / 2 : height / 2), { ...at, bold: place === "words" });
}

function paintWords(d, { rows, row, y, height }) {           // of one version; or of both, with what differs as "cat/cats"
  const { c, g, ink } = d, alone = rows.length === 1, colour = n => n < 0 || !alone ? ink.text : n ? ink.above : ink.below;
  const taken = [];                                          // of turned words where columns are narrow: what matters first
  const subject = row.numbers.findIndex(n => n >= 0);
  const rank = t => t === d.view.t ? 0 : t === subject ? 1 : row.numbers[t] >= 0 ? 2 : 3;
  const order = [...Array(d.last - d.first + 1).keys()].map(i => d.first + i).sort((a, b) => rank(a) - rank(b) || a - b);
  for (const t of order) {
    const x = d.x(t) + g.column / 2, n = row.numbers[t], bold = n >= 0, text = wordAt(rows, t);
    if (!g.lines && taken.some(other => Math.abs(other - x) < 18)) continue;
    taken.push(x);
    c.save();
    c.translate(x, g.lines ? y + (t % g.lines + 0.5) * WORD : y + height - 6);
    if (!g.lines) c.rotate(-Math.PI / 2);
    c.font = bold ? `600 ${c.plain}` : c.plain;
    const most = g.lines ? (bold ? 2.6 : 1.96) * Math.max(g.column, WORD) : height - 8;
    const long = Math.min(c.measureText(text).width, most);
    if (bold) {
      Object.assign(c, { fillStyle: colour(n), strokeStyle: colour(n), lineWidth: 1.5 });
      c.beginPath();
      c.roundRect(g.lines ? -long / 2 - 5 : -4, -11, long + (g.lines ? 10 : 8), 22, 5);
      if (t === subject) c.fill(); else c.stroke();
    }
    const on = bold && t === subject ? (alone ? "#fff" : ink.back) : ink.text;
    write(d, text, 0, 0, { align: g.lines ? "center" : "left", bold, colour: on, most });
    c.restore();
  }
}

function diverging(d, v, most) {                             // blue below 0, orange above, the paler the nearer to it
  if (!Number.isFinite(v)) return d.fills.nan;
  const size = Math.sqrt(Math.min(1, Math.abs(v) / most));
  return (v < 0 ? d.ink.below : d.ink.above) + Math.round(255 * size).toString(16).padStart(2, "0");
}

const level = ({ y, height }, v) => y + height * (0.92 - 0.84 * clamp(v));    // of p(were) within the band

function paintAnswers(d, band) {                             // one line a version, and what lies between them
  const { c, g, ink, f } = d, { rows, y, height } = band, sides = [ink.below, ink.above];
  const point = (row, t) => [d.x(t) + g.column / 2, level(band, row.answers[t])];
  const sound = t => rows.every(row => Number.isFinite(row.answers[t]));
  c.fillStyle = ink.text;
  c.globalAlpha = 0.5;
  c.fillRect(g.left, level(band, 0.5) - 0.5, g.right - g.left, 1);
  c.globalAlpha = 0.13;
  for (let t = Math.max(1, d.first); t <= Math.min(f.length - 1, d.last + 1); t++) {
    if (!sound(t - 1) || !sound(t)) continue;
    c.beginPath();
    for (const [x, at] of [point(rows[0], t - 1), point(rows[0], t), point(rows[1], t), point(rows[1], t - 1)]) c.lineTo(x, at);
    c.fill();
  }
  c.globalAlpha = 1;
  for (let t = d.first; t <= d.last; t++) if (!sound(t)) { c.fillStyle = d.fills.nan; c.fillRect(d.x(t), y, g.column, height); }
  for (const row of [...rows].reverse()) {                   // the plural's line is the wider one: it is seen where both run together
    Object.assign(c, { strokeStyle: sides[row.right], fillStyle: sides[row.right], lineWidth: row.right ? 6.5 : 3, lineJoin: "round" });
    c.beginPath();
    for (let t = Math.max(0, d.first - 1); t <= Math.min(f.length - 1, d.last + 1); t++) {
      if (!Number.isFinite(row.answers[t])) continue;
      if (t && Number.isFinite(row.answers[t - 1])) c.lineTo(...point(row, t)); else c.moveTo(...point(row, t));
    }
    c.stroke();
    const [x, at] = point(row, f.length - 1);
    c.beginPath();
    c.arc(x, at, row.right ? 6.5 : 4, 0, 2 * Math.PI);
    if (Number.isFinite(at)) c.fill();
  }
}

function paintNorm(d, { row, place, y, height }) {
  const { c, g, f } = d, k = +place[4];
  for (let t = d.first; t <= d.last; t++) {
    const code = row.codes[k * f.length + t], what = kind(f, code), lg = what ? 0 : log10(f, code);
    c.fillStyle = d.fills[what] ?? `rgb(${colour(lg)})`;
    c.fillRect(d.x(t), y, g.column + 0.5, height);
    if (g.column < 60 || what === "nothing") continue;
    write(d, amount(f, code), d.x(t) + g.column / 2, y + height / 2 + 1, { align: "center", colour: what || lg < -1 ? "#fff" : "#000" });
  }
}

function paintUnits(d, { row, y, height }) {
  const { c, g, f } = d, U = row.units.length, each = height / U;
  for (let i = 0; i < U; i++) {
    const off = row.off.includes(row.units[i]);
    for (let t = d.first; t <= d.last; t++) {
      c.fillStyle = off ? d.fills.cut : diverging(d, row.values[i * f.length + t], f.bound);
      c.fillRect(d.x(t), y + i * each, g.column + 0.3, each);
    }
  }
  Object.assign(c, { strokeStyle: d.ink.text, lineWidth: 1, globalAlpha: 0.3 });
  c.strokeRect(d.x(0) + 0.5, y + 0.5, g.column * f.length - 1, height - 1);
}

function paintVerb(d, band) {                                // what the network answers, beside the end of each line
  const { g, f, ink } = d, { rows, place, y, height } = band, x = g.right + (g.narrow ? 6 : 10), most = g.width - x;
  const ends = rows.map(row => ({ row, end: row.answers[f.length - 1] })).filter(({ end }) => Number.isFinite(end));
  const write_ = ({ row, end }, at, name) => {
    const said = +(end > 0.5), mark = said === row.right ? "✓" : "✗";
    write(d, `${name}${said ? "were" : "was"} ${mark}`, x, at, { bold: true, most });
    d.c.fillStyle = row.right ? ink.above : ink.below;
    d.c.fillRect(x, at + WORD / 2 - 2, Math.min(most, 60), 3);
  };
  if (place === "words" && rows.length === 1) ends.forEach(it => write_(it, y + height - WORD / 2, ""));
  if (place !== "answers" || !ends.length) return;
  ends.sort((a, b) => b.end - a.end || b.row.right - a.row.right);
  const middle = ends.reduce((sum, { end }) => sum + level(band, end), 0) / ends.length;
  const half = Math.max(WORD * 0.55, (level(band, ends.at(-1).end) - level(band, ends[0].end)) / 2);
  const low = y + height - WORD / 2, high = y + WORD / 2, centre = clamp(middle, high + half, low - half);
  ends.forEach((it, i) => write_(it, ends.length > 1 ? centre + (2 * i - 1) * half : clamp(middle, high, low), g.narrow ? "" : `${subjectOf(it.row)}: `));
}

function paintChosen(d) {                                    // a frame around what belongs to the chosen word
  const { c, g, ink, view } = d, x = d.x(view.t);
  const framed = g.bands.filter(({ place }) => place !== "network" && place !== "words");    // names and words are written through
  if (x + g.column < g.left || x > g.right || !framed.length) return;
  c.save();
  c.beginPath();
  c.rect(g.left - 2, 0, g.right - g.left + 4, g.height);
  c.clip();
  Object.assign(c, { strokeStyle: ink.accent, lineWidth: 2 });
  const wide = Math.max(3, g.column), line = (...points) => { c.beginPath(); for (const [x, y] of points) c.lineTo(x, y); c.stroke(); };
  for (const { y, height } of framed) for (const side of [x, x + wide]) line([side, y], [side, y + height + GAP]);
  for (const y of [framed[0].y, framed.at(-1).y + framed.at(-1).height]) line([x, y], [x + wide, y]);
  c.restore();
}
