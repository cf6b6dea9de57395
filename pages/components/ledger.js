/* Walks through one pass of a network: the table of all its numbers, filled up to a cursor 0 ... 2T + 1 (T words forward, the
   loss, T words back), and a panel with the equation of the number that is selected. Python sends everything at once (see
   ledger.py) and hears where its viewer stands still. The table is built once for each ledger; a step only switches classes, so nothing moves.
   A place in the table is "name t unit", as in Python; t counts from 0, and T is what comes after the last word. Colours come
   from viridis.js, which stands in front of this text. */

const PACE = 700;                                            // ms a step while it plays
const views = new WeakMap();

export default function ({ data: { place, ...data }, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".ledger"), fresh = !views.has(root);
  if (fresh) views.set(root, mount(root));
  const view = views.get(root), text = JSON.stringify(data);
  view.send = setStateValue;
  if (text === view.text) return;
  const T = data.words.length, same = view.data && view.data.words.length === T;
  Object.assign(view, { text, data, T, last: 2 * T + 1, chosen: null });
  if (!same) { pause(view); view.at = view.last; }
  const variables = data.rows.map(row => row.name).join();
  if (variables !== view.variables) Object.assign(view, { variables, unit: data.few ? null : 0, wants: structuredClone(WANTS) });
  if (view.unit >= data.units) view.unit = 0;
  for (const want of Object.values(view.wants)) want.unit = Math.min(want.unit, data.units - 1);
  if (fresh) Object.assign(view, { at: clamp(place.at ?? view.last, 0, view.last), unit: place.unit ?? view.unit });
  build(view);
  if (fresh && view.buttons.has(place.number) && !place.number.startsWith("word")) view.chosen = place.number;
  if (fresh) begin(view, placeOf(view));
  show(view);
}

const placeOf = view => ({ steps_at: view.at, steps_unit: view.unit === null ? 0 : view.unit + 1, steps_shown: view.chosen ?? "" });
const WANTS = { forward: { name: "h", unit: 0 }, loss: { name: "loss", unit: 0 }, backward: { name: "dh", unit: 0 } };

// ---- words ----

const make = (tag, className = "", textContent = "") => Object.assign(document.createElement(tag), { className, textContent });

function markup(text) {                                      // subscripts, signs and powers as they are printed
  const safe = text.replace(/[&<>]/g, c => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c]);
  return safe
    .replace(/_\{([^}]*)\}/g, "<sub>$1</sub>").replace(/\^T\b/g, "<sup>T</sup>")
    .replace(/(\d)e(-?)(\d+)/g, (_, d, sign, power) => `${d}·10<sup>${sign && "−"}${power}</sup>`)
    .replace(/ \*\* 2/g, "²").replace(/ \* /g, " · ").replace(/sqrt\(/g, "√(")
    .replace(/-(?=\d)|(?<=^|\()-(?=[a-z])/g, "−").replace(/ - /g, " − ");
}
const phaseAt = view => view.at === 0 ? "start" : view.at <= view.T ? "forward" : view.at === view.T + 1 ? "loss" : "backward";
const columnAt = view => view.at <= view.T + 1 ? view.at - 1 : view.last - view.at;   // the word the cursor is at, from 0
const word = (view, t) => `“${view.data.words[t]}”`;

function phaseText(view) {
  const { T, data } = view, t = columnAt(view);
  const texts = {
    start: () => `start: nothing is computed yet; h₀ = 0`,
    forward: () => `forward: word ${t + 1} of ${T} ${word(view, t)}`,
    loss: () => `at the verb: the right answer is “${data.answers[data.right]}”`,
    backward: () => t === T - 1 ? `backward: from the verb to word ${T} ${word(view, t)}`
      : `backward: from word ${t + 2} to word ${t + 1} ${word(view, t)}`,
  };
  const cut = phaseAt(view) === "backward" && data.cuts.includes(t + 1);
  return texts[phaseAt(view)]() + (cut ? ": cut, nothing passes" : "");
}

function memoryText(view) {
  const { data, T } = view, n = Math.min(view.at, T), names = data.stored.join(", ");
  const numbers = n * data.stored.length * data.units;
  const words = n === 1 ? "1 word" : `${n} words`;
  return `stored so far: ${words} × (${names}) × ${data.units} units = ${numbers} numbers = ${4 * numbers} bytes`;
}

function memoryHint(view) {
  const { data, T } = view, n = Math.min(view.at, T), each = n * data.units;
  const one = name => `${name.replace(/_\{(.*?)\}/g, "_$1")}: ${each} numbers, ${4 * each} bytes`;
  const needed = data.needed.map(name => name.replace(/_\{(.*?)\}/g, "_$1")).join(", ");
  return data.stored.map(one).join("\n") + `\nThe way back reads ${needed} only.\n4 bytes a number, in float32.`;
}

// ---- colours ----

function tint(value, most = 1) {                             // soft, so that the number stays legible
  if (value === null) return "var(--nan)";
  const share = Math.round(60 * Math.min(1, Math.abs(value) / most));
  return `color-mix(in srgb, var(${value < 0 ? "--below" : "--above"}) ${share}%, transparent)`;
}

// ---- the table, built once ----

function build(view) {
  const { root, data, T } = view, table = root.querySelector("table");
  view.buttons = new Map();
  view.columns = Array.from({ length: T + 1 }, () => []);
  const lastCut = Math.max(-1, ...data.cuts);                // the first that the gradient meets: before it there is none
  view.isCut = t => t < lastCut;
  table.replaceChildren(head(view), ...["forward", "backward"].map(phase => body(view, phase)));
  Object.assign(root.querySelector(".seek"), { max: view.last });
  const chips = data.few ? [] : [null, ...Array(data.units).keys()].map(unit => chip(view, unit));
  root.querySelector(".units").replaceChildren(...chips);
}

function chip(view, unit) {                                  // shows one unit's rows, or all
  const button = make("button", "", unit === null ? "all units" : `unit ${unit + 1}`);
  button.setAttribute("aria-pressed", unit === view.unit);
  button.onclick = () => {
    view.unit = unit;
    view.chosen = null;
    if (unit !== null) for (const want of Object.values(view.wants)) want.unit = unit;
    build(view);
    show(view);
  };
  return button;
}

function head(view) {
  const { data, T } = view, row = make("tr"), corner = make("th", "corner");
  corner.textContent = "forward →";
  row.append(corner);
  for (let t = 0; t <= T; t++) {
    const cell = make("th", t === T ? "verb" : "word");
    cell.scope = "col";
    cell.innerHTML = t === T ? `<small>verb</small>${data.answers[data.right]}` : `<small>${t + 1}</small>`;
    if (t < T) cell.append(data.words[t]);
    if (data.cuts.includes(t)) cell.classList.add("cut");
    view.columns[t].push(cell);
    row.append(cell);
    if (t < T) view.buttons.set(`word ${t}`, cell);
  }
  const head = make("thead");
  head.append(row);
  return head;
}

function body(view, phase) {
  const { data, T } = view, rows = data.rows.filter(row => row.phase === phase);
  const units = view.unit === null ? [...Array(data.units).keys()] : [view.unit];
  const part = make("tbody", phase);
  if (phase === "backward") {
    const caption = make("tr", "caption");
    caption.append(Object.assign(make("th"), { colSpan: T + 2, innerHTML: "<span>← backward</span>" }));
    part.append(caption);
  }
  const whole = row => row.kind === "norm" || row.kind === "matrix";   // one line for all units
  const lines = rows.flatMap(row => (whole(row) ? [0] : units).map((unit, i) => ({ row, unit, first: i === 0 })));
  lines.forEach(({ row, unit, first }, i) => {
    const line = make("tr", `${row.kind}${first ? " first" : ""}`), label = make("th", "label");
    label.scope = "row";
    if (first) label.innerHTML = `<b>${markup(row.kind === "matrix" ? row.symbol : withTime(row))}</b><i>${markup(row.about)}</i>`;
    if (!whole(row)) label.append(make("span", "unit", `[${unit + 1}]`));
    line.append(label);
    for (let t = 0; t < T; t++) line.append(cell(view, row, t, unit));
    if (i === 0) line.append(verb(view, phase, lines.length));
    part.append(line);
  });
  return part;
}

function withTime(row) {                                     // a_{f} -> a_{f,t}, ‖dh‖ -> ‖dh_{t}‖
  const s = row.symbol;
  if (s.includes("_{")) return s.replace(/_\{(.*?)\}/, "_{$1,t}");
  return s.startsWith("‖") ? s.replace(/‖$/, "_{t}‖") : `${s}_{t}`;
}

function cell(view, row, t, unit) {
  const { data } = view, td = make("td"), place = `${row.name} ${t} ${unit}`, button = make("button", "number");
  if (data.cuts.includes(t)) td.classList.add("cut");
  const about = `${row.name.replace("norm ", "norm of ")}, unit ${unit + 1}, word ${t + 1} ${data.words[t]}`;
  if (row.kind === "matrix") {
    const { values, norm } = data.matrices[row.name][t];
    const text = Object.assign(make("span"), { innerHTML: markup(norm) });
    button.append(grid(values, row.name === "jacobian" ? 1 : biggest(data.matrices[row.name])), text);
  } else {
    const [shown, value] = data.cells[place];
    button.innerHTML = `<span>${markup(shown)}</span>`;
    if (row.kind === "value") button.style.setProperty("--tint", tint(value));
    else if (view.isCut(t)) button.classList.add("severed");
    else paintNorm(button, value);
  }
  const label = row.kind === "value" || row.kind === "gradient" ? about : about.replace(/, unit \d+/, "");
  button.setAttribute("aria-label", `${label}: ${button.textContent}`);
  register(view, button, place, t);
  td.append(button);
  view.columns[t].push(td);
  return td;
}

function paintNorm(button, value) {                          // viridis for how large a gradient is
  if (value === null || Number.isNaN(value)) button.classList.add("nan");
  else if (value === 0) button.classList.add("zero");
  else {
    const lg = Math.log10(Math.abs(value));
    button.style.setProperty("--size", `rgb(${colour(lg)})`);
    button.style.setProperty("--height", `${100 * clamp((lg - LOW) / (1 - LOW), 0.02, 1)}%`);   // a bar as long as 10 is full
  }
}

const biggest = matrices => Math.max(...matrices.flatMap(m => m.values.flat().map(Math.abs))) || 1;

function grid(values, most) {
  const box = make("span", "grid");
  box.style.gridTemplateColumns = `repeat(${values[0].length}, minmax(0, 1fr))`;
  box.style.aspectRatio = `${values[0].length} / ${values.length}`;
  box.append(...values.flat().map(() => make("span")));
  values.flat().forEach((value, i) => { box.children[i].style.background = tint(value, 0.6 * most); });
  return box;
}

function register(view, button, place, t) {
  button.tabIndex = -1;
  button.dataset.place = place;
  view.buttons.set(place, button);
}

function verb(view, phase, lines) {                          // what comes after the last word, beside all its rows
  const { data, T } = view, td = make("td", "verb"), box = make("div", "outcome");
  td.rowSpan = lines;
  const names = (phase === "forward" ? ["logits", "p"] : ["dlogits"]).filter(name => `${name} ${T} 0` in data.cells);
  const entry = (name, k, label) => {
    const place = `${name} ${T} ${k}`, [shown, value] = data.cells[place], button = make("button", "number");
    button.innerHTML = `<span>${markup(shown)}</span>`;
    if (name === "dlogits") paintNorm(button, value); else if (name === "p") button.style.setProperty("--tint", tint(value));
    button.setAttribute("aria-label", `${label}: ${button.textContent}`);
    register(view, button, place, T);
    return button;
  };
  const titles = { logits: "logit", p: "p", dlogits: "dlogit" };
  box.style.gridTemplateColumns = `auto repeat(${names.length}, minmax(0, 1fr))`;
  box.append(make("span"), ...names.map(name => make("span", "title", titles[name])));
  data.answers.forEach((answer, k) => {
    const entries = names.map(name => entry(name, k, `${titles[name]} of ${answer}`));
    box.append(make("b", k === data.right ? "right" : "", answer), ...entries);
  });
  if (phase === "forward") box.append(make("b", "right", "loss"), entry("loss", 0, "loss"));
  td.append(box);
  view.columns[T].push(td);
  return td;
}

// ---- the cursor ----

const parse = place => { const [, name, t, unit] = place.match(/^(.*) (\d+) (\d+)$/); return { name, t: +t, unit: +unit }; };
const phaseOf = (view, name) => view.data.rows.find(row => row.name === name)?.phase ?? (name === "dlogits" ? "backward" : "loss");

function reached(view, place) {
  const { name, t } = parse(place), phase = phaseOf(view, name);
  return view.at >= (phase === "forward" ? t + 1 : phase === "backward" ? view.last - Math.min(t, view.T - 1) : view.T + 1);
}

function selected(view) {                                    // what was clicked, else the same variable where the cursor is
  if (view.chosen) return view.chosen;
  const phase = phaseAt(view);
  if (phase === "start") return null;
  const { name, unit } = view.wants[phase], t = phase === "loss" ? view.T : columnAt(view);
  return [unit, view.unit ?? 0, 0].map(u => `${name} ${t} ${u}`).find(place => view.buttons.has(place));
}

function show(view) {
  const { root, data, at, T } = view, phase = phaseAt(view), now = phase === "loss" ? T : columnAt(view);
  for (const [place, button] of view.buttons) if (!place.startsWith("word")) button.disabled = !reached(view, place);
  view.columns.forEach((cells, t) => { for (const cell of cells) cell.classList.toggle("now", phase !== "start" && t === now); });
  root.querySelector("thead").className = phase;
  root.querySelector(".seek").value = at;
  root.querySelector(".seek").style.setProperty("--done", `${100 * at / view.last}%`);
  root.querySelector(".seek").setAttribute("aria-valuetext", phaseText(view));
  root.querySelector(".phase").setAttribute("aria-live", view.timer ? "off" : "polite");    // who plays it does not want all of it read
  write(root.querySelector(".phase"), phaseText(view));
  write(root.querySelector(".memory"), memoryText(view));
  root.querySelector(".memory").title = memoryHint(view);
  root.classList.toggle("playing", Boolean(view.timer));
  write(root.querySelector(".play span"), view.timer ? "Pause" : "Play");
  for (const [name, off] of [["first", at === 0], ["back", at === 0], ["next", at === view.last], ["last", at === view.last]])
    root.querySelector(`.transport .${name}`).setAttribute("aria-disabled", off);
  Object.assign(root.dataset, { at, last: view.last });
  showEquation(view);
  if (!view.timer) tell(view, placeOf(view));
}

const write = (element, text) => { const html = markup(text); if (element.innerHTML !== html) element.innerHTML = html; };

function showEquation(view) {
  const { root, data } = view, place = selected(view);
  for (const button of view.buttons.values()) button.classList.remove("selected", "source");
  const [what, equation, matrices] = ["what", "equation", "matrices"].map(name => root.querySelector(`.panel .${name}`));
  matrices.replaceChildren();
  root.querySelector(".panel").scrollTop = 0;
  if (!place) { write(what, "Step on with →, or press Play."); equation.replaceChildren(); return; }
  const { name, t, unit } = parse(place);
  view.buttons.get(place)?.classList.add("selected");
  write(what, describe(view, name, t, unit));
  if (name in data.matrices) {
    const { told, tables } = data.matrices[name][t];
    equation.innerHTML = told.map(line => `<div>${markup(line)}</div>`).join("");
    matrices.append(...tables.map(matrix));
    return;
  }
  const [, , symbol, symbols, filled, result, sources] = data.cells[place];
  for (const source of sources) view.buttons.get(source)?.classList.add("source");
  const steps = [symbols, ...(filled === result ? [] : [filled])].map(text => `<span><em>=</em> ${markup(text)}</span>`);
  const end = `<span><em>=</em> <strong class="result">${markup(result)}</strong></span>`;
  equation.innerHTML = `<div><strong>${markup(symbol)}</strong> ${steps.join(" ")} ${end}</div>`;
}

function describe(view, name, t, unit) {
  const { data, T } = view, row = data.rows.find(row => row.name === name);
  const titles = { logits: "logit", p: "probability", loss: "loss", dlogits: "dL/dlogit" };
  if (!row) return titles[name] + (name === "loss" ? "" : ` of “${data.answers[unit]}”`);
  const of = row.kind === "norm" || row.kind === "matrix" ? "" : `, unit ${unit + 1}`;
  const severed = phaseOf(view, name) === "backward" && view.isCut(t) && row.kind !== "value" && name !== "jacobian";
  return `${row.about}${of}, at word ${t + 1} ${word(view, t)}` + (severed ? ": cut, no gradient path from the verb" : "");
}

function matrix({ title, down, across, numbers }) {
  const table = make("table"), head = make("tr");
  head.append(Object.assign(make("th"), { innerHTML: markup(title) }), ...across.map(name => make("th", "", name)));
  table.append(head, ...numbers.map((row, i) => {
    const line = make("tr");
    line.append(make("th", "", down[i]), ...row.map(v => Object.assign(make("td"), { innerHTML: markup(v) })));
    return line;
  }));
  return table;
}

// ---- moving ----

function go(view, at) {
  view.at = clamp(at, 0, view.last);
  view.chosen = null;
  show(view);
  follow(view);
}

function follow(view) {                                      // the current column into view, sideways and only within its box
  const box = view.root.querySelector(".scroll"), phase = phaseAt(view);
  if (phase === "start") { box.scrollLeft = 0; return; }
  const cell = view.columns[phase === "loss" ? view.T : columnAt(view)][0], label = box.querySelector(".label").offsetWidth;
  const verb = view.columns[view.T][0], over = getComputedStyle(verb).position === "sticky" && cell !== verb ? verb.offsetWidth : 0;
  const left = cell.offsetLeft - label, right = cell.offsetLeft + cell.offsetWidth - box.clientWidth + over;
  if (box.scrollLeft > left) box.scrollLeft = left; else if (box.scrollLeft < right) box.scrollLeft = right;
}

function play(view) {
  if (view.timer) { pause(view); show(view); return; }
  view.timer = setInterval(() => {
    if (!view.root.isConnected) return pause(view);
    if (view.at + 1 >= view.last) pause(view);
    go(view, view.at + 1);
  }, PACE);
  go(view, view.at === view.last ? 0 : view.at);
}

function reveal(view) {                                      // the selected number from under the panel
  view.buttons.get(selected(view))?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function pause(view) { clearInterval(view.timer); view.timer = null; }

function choose(view, place) {
  const { name, unit, t } = parse(place), phase = phaseOf(view, name);
  pause(view);
  view.wants[phase === "loss" ? "loss" : phase] = { name, unit };
  if (name === "dlogits") view.wants.backward = structuredClone(WANTS.backward);   // it stands in no word's column
  view.chosen = place;
  show(view);
}

function climb(view, by) {                                   // up and down among the numbers of the selected one's column
  const place = selected(view);
  if (!place) return;
  const t = parse(place).t;
  const all = [...view.buttons.keys()].filter(p => !p.startsWith("word") && parse(p).t === t && reached(view, p));
  const next = all[clamp(all.indexOf(place) + by, 0, all.length - 1)];
  choose(view, next);
  view.buttons.get(next).focus({ preventScroll: true });
  view.buttons.get(next).scrollIntoView({ block: "nearest", inline: "nearest" });
}

function mount(root) {
  const view = { root, at: 0, timer: null, chosen: null, wants: structuredClone(WANTS), unit: null };
  const on = (name, act) => { root.querySelector(`.transport .${name}`).onclick = act; };
  const step = by => { pause(view); go(view, view.at + by); reveal(view); };
  on("first", () => step(-Infinity));
  on("back", () => step(-1));
  on("next", () => step(1));
  on("last", () => step(Infinity));
  on("play", () => play(view));
  root.querySelector(".seek").oninput = event => { pause(view); go(view, Number(event.target.value)); };
  root.querySelector("table").onclick = event => {
    const button = event.target.closest(".number");
    if (button) choose(view, button.dataset.place);
  };
  root.onkeydown = event => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const inBar = event.target.closest?.(".transport button");
    const acts = { ArrowRight: () => step(1), ArrowLeft: () => step(-1), Home: () => step(-Infinity), End: () => step(Infinity),
      ArrowDown: () => climb(view, 1), ArrowUp: () => climb(view, -1), ...(inBar ? {} : { " ": () => play(view) }) };
    if (!(event.key in acts)) return;
    event.preventDefault();
    if (event.target.closest?.(".number")) root.focus({ preventScroll: true });
    acts[event.key]();
  };
  if (document.activeElement === document.body) root.focus({ preventScroll: true });   // the arrow keys work at once
  return view;
}
