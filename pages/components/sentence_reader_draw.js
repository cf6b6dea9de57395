// ---- geometry and painting of the reader; see sentence_reader.js, which stands in front of this text ----

let FONT, WORD, TURNED, ANSWER, NORM;                        // sizes in px that follow the root's font
const GAP = 4, BETWEEN = 20, UNITS = 168;
const NARROW = 560;                                          // px of the whole: less room beside the sentence

function geometry(view, width) {
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;   // larger in the presenter's view
  [FONT, WORD, TURNED, ANSWER, NORM] = [16, 26, 84, 46, 18].map(size => rem * size);
  const { f } = view, narrow = width < NARROW, word = 68 * rem;
  const left = rem * (narrow ? 64 : 96), right = width - rem * (narrow ? 62 : 104), room = right - left;
  const fits = f.length * word <= room, column = view.whole || fits ? room / f.length : word;
  const g = { width, left, right, narrow, fits, column, turned: column < 62 * rem, bands: [] };
  const names = several(f);
  let y = 0;
  f.rows.forEach((row, i) => {
    if (names && row.network !== f.rows[i - 1]?.network) { g.bands.push({ place: "network", row, y, height: WORD }); y += WORD; }
    const add = (place, height) => { g.bands.push({ place, row, y, height }); y += height + GAP; };
    add("words", g.turned ? TURNED : WORD);
    add("answers", ANSWER);
    row.parts.forEach((_, k) => add(`norm${k}`, NORM));
    const U = row.units.length, each = clamp(Math.floor(UNITS / U), 2, 14);
    add("units", U * each);
    y += BETWEEN;
  });
  g.height = y - BETWEEN + 12;                               // the last for a scroll bar
  return g;
}

function locate(view, event) {                               // pointer -> {t, row, place, unit, x, y}
  const { g, f, scroll, canvas } = view, box = canvas.getBoundingClientRect();
  const x = event.clientX - box.left, y = event.clientY - box.top;
  const t = Math.floor((x - g.left + scroll.scrollLeft) / g.column);
  const band = g.bands.find(b => b.place !== "network" && y >= b.y && y < b.y + b.height + GAP);
  if (!band || t < 0 || t >= f.length) return null;
  const unit = Math.min(band.row.units.length - 1, Math.floor((y - band.y) / band.height * band.row.units.length));
  return { t, row: band.row, place: band.place, unit, x, y };
}

function paint(view) {
  const { canvas, root, scroll, f } = view, width = root.clientWidth, dpr = window.devicePixelRatio || 1;
  if (!f || !width) return;
  const g = view.g = geometry(view, width), style = getComputedStyle(root);
  const place = { height: `${g.height}px` };
  Object.assign(root.querySelector(".plot").style, place);
  Object.assign(scroll.style, { left: `${g.left}px`, width: `${g.right - g.left}px` });
  scroll.firstElementChild.style.width = `${g.column * f.length}px`;
  const w = Math.round(width * dpr), h = Math.round(g.height * dpr);
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  const c = canvas.getContext("2d"), of = name => style.getPropertyValue(name).trim();
  const ink = { text: style.color, back: of("--st-background-color"), accent: of("--st-primary-color"), zero: of("--zero"),
    nan: of("--nan"), below: of("--below"), above: of("--above") };
  c.setTransform(dpr, 0, 0, dpr, 0, 0);
  c.clearRect(0, 0, width, g.height);
  c.plain = `${FONT}px ${style.fontFamily}`;
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

function paintLabel(d, { place, row, y, height }) {
  const { g, f } = d, at = { align: "right", most: g.left - 10 }, x = g.left - 8;
  if (place === "network") { write(d, row.network, 0, y + height / 2, { bold: true, most: g.width }); return; }
  const texts = { answers: named(f), units: f.part, words: row.right ? "plural" : "singular" };
  const text = texts[place] ?? `‖d${row.parts[place[4]]}‖`;
  write(d, text, x, y + (place === "words" ? height - WORD / 2 : height / 2), { ...at, bold: place === "words" });
}

function paintWords(d, { row, y, height }) {
  const { c, g, ink } = d, colour = n => n < 0 ? ink.text : n ? ink.above : ink.below;
  const taken = [];                                          // of turned words where columns are narrow: what matters first
  const subject = row.numbers.findIndex(n => n >= 0);
  const rank = t => t === d.view.t ? 0 : t === subject ? 1 : row.numbers[t] >= 0 ? 2 : 3;
  const order = [...Array(d.last - d.first + 1).keys()].map(i => d.first + i).sort((a, b) => rank(a) - rank(b) || a - b);
  for (const t of order) {
    const x = d.x(t) + g.column / 2, n = row.numbers[t], bold = n >= 0;
    if (g.turned && taken.some(other => Math.abs(other - x) < 18)) continue;
    taken.push(x);
    c.save();
    c.translate(x, g.turned ? y + height - 6 : y + height / 2);
    if (g.turned) c.rotate(-Math.PI / 2);
    c.font = bold ? `600 ${c.plain}` : c.plain;
    const long = c.measureText(row.words[t]).width;
    if (bold) {
      Object.assign(c, { fillStyle: colour(n), strokeStyle: colour(n), lineWidth: 1.5 });
      c.beginPath();
      c.roundRect(g.turned ? -4 : -long / 2 - 5, -11, long + (g.turned ? 8 : 10), 22, 5);
      if (t === subject) c.fill(); else c.stroke();
    }
    const on = bold && t === subject ? "#fff" : ink.text;
    write(d, row.words[t], 0, 0, { align: g.turned ? "left" : "center", bold, colour: on, most: g.turned ? height - 8 : undefined });
    c.restore();
  }
}

function diverging(d, v, most) {                             // blue below 0, orange above, the paler the nearer to it
  if (!Number.isFinite(v)) return d.fills.nan;
  const size = Math.sqrt(Math.min(1, Math.abs(v) / most));
  return (v < 0 ? d.ink.below : d.ink.above) + Math.round(255 * size).toString(16).padStart(2, "0");
}

function paintAnswers(d, { row, y, height }) {
  const { c, g, ink, f } = d, middle = y + height / 2, half = height / 2 - 1;
  for (let t = d.first; t <= d.last; t++) {
    const v = row.answers[t], x = d.x(t), up = clamp(2 * v - 1, -1, 1);
    const gap = g.column > 8 ? 1 : 0;
    if (Number.isFinite(v)) {
      c.fillStyle = v < 0.5 ? ink.below : ink.above;
      c.fillRect(x + gap, middle - Math.max(0, up) * half, g.column - 2 * gap, Math.abs(up) * half);
    } else { c.fillStyle = d.fills.nan; c.fillRect(x + gap, y, g.column - 2 * gap, height); }
    if (g.column < 46) continue;
    const inside = Math.abs(up) > 0.9;
    write(d, number(v), x + g.column / 2, inside ? middle - up * half / 2 : middle + (up > 0 ? 1 : -1) * half * 0.55,
      { align: "center", colour: inside && !f.scores ? "#fff" : ink.text });
  }
  c.fillStyle = ink.text;
  c.globalAlpha = 0.5;
  c.fillRect(g.left, middle - 0.5, g.right - g.left, 1);
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

function paintVerb(d, { row, place, y, height }) {           // what the network answers, beside the sentence
  const { g, f, ink } = d, end = row.answers[f.length - 1], x = g.right + (g.narrow ? 6 : 12), most = g.width - x;
  if (place === "words" && Number.isFinite(end)) {
    const said = +(end > 0.5), right = said === row.right, colour = said ? ink.above : ink.below;
    write(d, `${said ? "were" : "was"} ${right ? "✓" : "✗"}`, x, y + height - WORD / 2, { bold: true, most, colour: ink.text });
    d.c.fillStyle = colour;
    d.c.fillRect(x, y + height - 2, Math.min(most, 60), 3);
  }
  if (place === "answers") write(d, number(end), x, y + height / 2, { most });
}

function paintChosen(d) {                                    // a frame around the chosen word, through all rows
  const { c, g, ink, view } = d, x = d.x(view.t), bottom = g.bands.at(-1);
  if (x + g.column < g.left || x > g.right) return;
  c.save();
  c.beginPath();
  c.rect(g.left - 2, 0, g.right - g.left + 4, g.height);
  c.clip();
  Object.assign(c, { strokeStyle: ink.accent, lineWidth: 2 });
  c.strokeRect(x, 1, Math.max(3, g.column), bottom.y + bottom.height - 1);
  c.restore();
}
