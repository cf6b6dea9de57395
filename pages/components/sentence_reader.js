/* Sentences word by word: which word is chosen, how far it is scrolled, and what the panel and the tooltip say. The
   canvas is as wide as the page. Over its middle is an empty element that scrolls sideways. Its position determines which words
   are painted (sentence_reader_draw.js, which Python appends). Colours of gradients come from viridis.js, which comes before.
   A column is a word, t; a row is a sentence read by a network, f.rows[i]; lengths are CSS pixels. */

export default function ({ data, parentElement, setStateValue }) {
  const { view } = viewOf(parentElement, ".reader"), before = view.f;
  view.send = setStateValue;
  view.f = frameOf(data);
  if (before?.length !== view.f.length) Object.assign(view, { t: view.f.word, whole: view.f.whole });
  view.hover = null;
  if (!before) begin(view, placeOf(view));
  show(view);
}

const placeOf = view => ({ sentence_word: view.t, sentence_width: view.whole ? "all" : "words" });

function frameOf(bytes) {
  const f = decode(bytes);
  f.rows.forEach((row, i) => { for (const name of ["answers", "values", "codes"]) row[name] = f[name + i]; });
  return f;
}

// ---- words ----

const number = v => decimals(v, Math.abs(v) < 9.995 ? 2 : 0);
const amount = (f, code) => ({ zero: "0", nothing: "…", nan: code === f.coding.inf ? "inf" : "NaN" })[kind(f, code)] ?? scientific(log10(f, code));
const named = f => f.scores ? "score(were)" : "p(were)";
const below = text => { const sub = document.createElement("sub"); sub.textContent = text; return sub; };
const several = f => new Set(f.rows.map(row => row.network)).size > 1;
const wordAt = (rows, t) => [...new Set(rows.map(row => row.words[t]))].join("/");
const subjectOf = row => row.words[row.numbers.findIndex(n => n >= 0)];

function cell(tag, ...parts) {
  const element = document.createElement(tag);
  element.append(...parts);
  return element;
}

function showPanel(view) {
  const { root, f, t } = view, share = row => code => {
    const end = row.codes[f.length - 1];
    return kind(f, code) || kind(f, end) ? amount(f, code) : scientific(log10(f, code) - log10(f, end));
  };
  const words = [...new Set(f.rows.map(row => row.words[t]))].map(word => `“${word}”`).join(" / ");
  root.querySelector(".what").textContent = `Word ${t + 1} of ${f.length}: ${words}`;
  const heard = `Word ${t + 1} of ${f.length}: ${words}. ${named(f)}: ${f.rows.map(row => number(row.answers[t])).join(", ")}`;
  const status = root.querySelector(".heard");
  if (status.textContent !== heard) status.textContent = heard;
  const title = row => {
    return cell("th", several(f) ? `${row.network.split(/[:,]/)[0]}: ${subjectOf(row)}` : subjectOf(row));
  };
  const line = (name, value) => cell("tr", cell("th", ...name), ...f.rows.map(row => cell("td", value(row))));
  const parts = [...new Set(f.rows.flatMap(row => row.parts))];
  const norms = parts.map(part => line([`‖dL/d${part}`, below("t"), "‖"], row => {
    const k = row.parts.indexOf(part);
    return k < 0 ? "" : amount(f, row.codes[k * f.length + t]);
  }));
  const left = line(["as a share of the last word's ‖dL/dh‖"], row => share(row)(row.codes[t]));
  const head = cell("thead", cell("tr", cell("th", ""), ...f.rows.map(title)));
  const asked = f.scores ? [named(f), row => number(row.answers[t])]
    : ["p(was) / p(were)", row => `${number(1 - row.answers[t])} / ${number(row.answers[t])}`];
  const body = [line([asked[0], " if the sentence stopped here"], asked[1]), ...norms, left, ...unitLines(view)];
  root.querySelector(".panel table").replaceChildren(head, cell("tbody", ...body));
}

function unitLines(view) {                                   // the three units that tell the first two rows apart best
  const { f, t } = view, [a, b] = f.rows, at = (row, i) => row.values[i * f.length + t];
  const apart = a.units.map((_, i) => [Math.abs(at(a, i) - at(b ?? a, i)), i]).sort((p, q) => q[0] - p[0] || p[1] - q[1]);
  return apart.slice(0, 3).map(([, i]) => cell("tr", cell("th", `${f.part} of unit ${a.units[i]}`), ...f.rows.map(row => {
    const k = row.units.indexOf(a.units[i]);
    return cell("td", row.network !== a.network || k < 0 ? "" : row.off.includes(a.units[i]) ? "off" : number(at(row, k)));
  })));
}

function tipText({ f, hover: { row, rows, t, place, unit } }) {
  const word = `“${wordAt(rows, t)}”`;
  if (place === "answers")
    return `${named(f)} after ${word}: ${rows.map(one => `${subjectOf(one)} ${number(one.answers[t])}`).join(", ")}`;
  if (place.startsWith("norm")) return `‖dL/d${row.parts[place[4]]}‖ at ${word}: ${amount(f, row.codes[place[4] * f.length + t])}`;
  if (place === "units") {
    const off = row.off.includes(row.units[unit]) ? "switched off" : number(row.values[unit * f.length + t]);
    return `${f.part} of unit ${row.units[unit]} at ${word}: ${off}`;
  }
  return `word ${t + 1}: ${word}`;
}

function showTip(view) {
  const { root, hover } = view, tip = root.querySelector(".tip"), plot = root.querySelector(".plot");
  tip.hidden = !hover;
  if (!hover) return;
  tip.textContent = tipText(view);
  const x = hover.x + plot.offsetLeft, y = hover.y + plot.offsetTop;
  const left = x + 14 + tip.offsetWidth > root.clientWidth ? x - 14 - tip.offsetWidth : x + 14;
  tip.style.left = `${clamp(left, 2, root.clientWidth - tip.offsetWidth - 2)}px`;
  tip.style.top = `${Math.max(2, y - tip.offsetHeight - 8)}px`;
}

function showLegend(view) {
  const { root, f } = view, ends = (ramp, texts) => ramp.replaceChildren(...texts.map((text, i) => {
    const mark = cell("span", text);
    mark.style.left = `${100 * i / (texts.length - 1)}%`;
    return mark;
  }));
  root.querySelector(".answers span").textContent = `${named(f)}:`;
  for (const side of ["below", "above"])
    root.querySelector(`.answers .${side}`).textContent = subjectOf(f.rows.find(row => row.right === +(side === "above")));
  root.querySelector(".part").textContent = f.part;
  ends(root.querySelector(".units .ramp"), [-f.bound, 0, f.bound].map(v => minus(String(+v.toPrecision(2)))));
  const zoom = root.querySelector(".zoom");
  zoom.textContent = view.whole ? "Word by word" : "All words at once";
  zoom.hidden = view.g?.fits;
  root.setAttribute("aria-label", `${f.summary} Arrow keys go from word to word.`);
  Object.assign(root.dataset, { t: view.t, word: f.rows[0].words[view.t], rows: f.rows.length, whole: view.whole,
    answers: view.g ? Math.ceil(Math.max(...view.g.bands.map(b => b.place === "answers" ? b.y + b.height : 0))) : 0 });
}

// ---- the component's life ----

function show(view) {
  paint(view);
  showLegend(view);
  showPanel(view);
  showTip(view);
  tell(view, placeOf(view));
}

function choose(view, t) {
  view.t = clamp(t, 0, view.f.length - 1);
  const { g, scroll } = view, left = view.t * g.column - scroll.scrollLeft;
  if (left < 0 || left + g.column > g.right - g.left) scroll.scrollLeft += left - (g.right - g.left - g.column) / 2;
  show(view);
}

function mount(root) {
  const scroll = root.querySelector(".scroll");
  const view = { root, scroll, canvas: root.querySelector("canvas"), hover: null, t: 0 };
  labelBar(root);
  scroll.onscroll = () => { view.hover = null; paint(view); showTip(view); };
  scroll.onclick = event => {
    const place = locate(view, event);
    if (place) choose(view, place.t);
  };
  scroll.onpointermove = event => { view.hover = event.pointerType === "mouse" ? locate(view, event) : null; paint(view); showTip(view); };
  scroll.onpointerleave = () => { view.hover = null; paint(view); showTip(view); };
  root.querySelector(".zoom").onclick = () => {
    view.whole = !view.whole;
    paint(view);
    choose(view, view.t);
  };
  root.onkeydown = event => {
    const to = { ArrowLeft: view.t - 1, ArrowRight: view.t + 1, Home: 0, End: view.f.length - 1 }[event.key];
    if (to === undefined || event.target.tagName === "BUTTON") return;
    event.preventDefault();
    choose(view, to);
  };
  redrawOnChange(root, () => { if (view.f) show(view); });
  return view;
}
