/* Walks through one pass of a network: the table of all its numbers, filled up to a cursor 0 ... 2T + 1 (T words forward, the
   loss, T words back), and a panel with the equation of the number that is selected. Python sends everything at once
   (ledger.py) and gets the viewer's place when it no longer changes. The table is built once for each ledger (ledger_table.js, which
   Python appends to this script). A step only switches classes, so nothing moves.
   A place in the table is "name t unit", as in Python; t counts from 0, and T is what comes after the last word. Colours come
   from viridis.js, which Python puts before this script. */

const PACE = 700;                                            // ms a step while it plays
const FIRST = 1;                                             // where another sentence begins, as in ledger.py

export default function ({ data: { place, ...data }, parentElement, setStateValue }) {
  const { view, fresh } = viewOf(parentElement, ".ledger"), text = JSON.stringify(data);
  view.send = setStateValue;
  if (text === view.text) return;
  const T = data.words.length, same = view.data && view.data.words.length === T;
  Object.assign(view, { text, data, T, last: 2 * T + 1, chosen: null });
  if (!same) { pause(view); view.at = FIRST; }
  const variables = data.rows.map(row => row.name).join();
  if (variables !== view.variables) Object.assign(view, { variables, unit: data.few ? null : 0, wants: structuredClone(WANTS) });
  if (view.unit >= data.units) view.unit = 0;
  for (const want of Object.values(view.wants)) want.unit = Math.min(want.unit, data.units - 1);
  if (fresh) Object.assign(view, { at: clamp(place.at, 0, view.last), unit: place.unit ?? view.unit });
  build(view);
  if (fresh && view.buttons.has(place.number) && !place.number.startsWith("word")) view.chosen = place.number;
  if (fresh) begin(view, placeOf(view));
  show(view);
  if (fresh) follow(view);
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
  const norm = data.rows.find(row => row.kind === "norm"), back = phaseAt(view) === "backward" && t < T - 1;
  const factor = back ? factorOf(view, norm.name, t).text : "";
  return texts[phaseAt(view)]() + (factor === "cut" ? ": cut, nothing passes" : factor && `: ${norm.symbol} ${factor}`);
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
  for (const { element, place } of view.factors) element.classList.toggle("reached", reached(view, place));
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
  const cell = view.columns[Math.min(columnAt(view), view.T - 1)][0], label = box.querySelector(".label").offsetWidth;
  const left = cell.offsetLeft - label, right = cell.offsetLeft + cell.offsetWidth - box.clientWidth;
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

function pause(view) { clearInterval(view.timer); view.timer = null; }

function choose(view, place) {
  const { name, unit, t } = parse(place), phase = phaseOf(view, name);
  pause(view);
  view.wants[phase === "loss" ? "loss" : phase] = { name, unit };
  if (name === "dlogits") view.wants.backward = structuredClone(WANTS.backward);   // it is in no word's column
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
  const step = by => { pause(view); go(view, view.at + by); };
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
