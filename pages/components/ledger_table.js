/* Builds the table of one pass, behind ledger.js in the same module: under each word the norm of the gradient as a bar, with the
   factor from word to word between the bars, then all numbers; beside it W_rec and what comes after the last word. */

function build(view) {
  const { root, data, T } = view, table = root.querySelector("table");
  view.buttons = new Map();
  view.columns = Array.from({ length: T + 1 }, () => []);
  const lastCut = Math.max(-1, ...data.cuts);                // the first that the gradient meets: before it there is none
  view.isCut = t => t < lastCut;
  view.factors = [];
  const norms = data.rows.filter(row => row.kind === "norm"), others = data.rows.filter(row => row.kind !== "norm");
  const of = phase => others.filter(row => row.phase === phase);
  const bodies = ["forward", "backward"].map(phase => body(view, phase, of(phase)));
  table.replaceChildren(head(view), body(view, "norms", norms), ...bodies);
  const outcomes = [verbHead(view), ...(data.W_rec.length ? [weights(data.W_rec, data.matrix)] : []), outcome(view, "forward"), outcome(view, "backward")];
  root.querySelector(".beside").replaceChildren(...outcomes);
  root.style.setProperty("--norms", norms.length);
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
  corner.textContent = "word";
  row.append(corner);
  for (let t = 0; t < T; t++) {
    const cell = make("th", "word");
    cell.scope = "col";
    cell.append(make("small", "", t + 1), data.words[t]);
    if (data.cuts.includes(t)) cell.classList.add("cut");
    view.columns[t].push(cell);
    row.append(cell);
    view.buttons.set(`word ${t}`, cell);
  }
  const head = make("thead");
  head.append(row);
  return head;
}

const CAPTIONS = { forward: "forward →", backward: "← backward" };

function body(view, className, rows) {
  const { data, T } = view, part = make("tbody", className), caption = make("tr", "caption");
  const units = view.unit === null ? [...Array(data.units).keys()] : [view.unit];
  if (className in CAPTIONS) {
    caption.append(Object.assign(make("th"), { colSpan: T + 1, innerHTML: `<span>${CAPTIONS[className]}</span>` }));
    part.append(caption);
  }
  const whole = row => row.kind === "norm" || row.kind === "matrix";   // one line for all units
  const lines = rows.flatMap(row => (whole(row) ? [0] : units).map((unit, i) => ({ row, unit, first: i === 0 })));
  for (const { row, unit, first } of lines) {
    const line = make("tr", `${row.kind}${first ? " first" : ""}`), label = make("th", "label");
    label.scope = "row";
    if (first) label.innerHTML = `<b>${markup(row.kind === "matrix" ? row.symbol : withTime(row))}</b><i>${markup(row.about)}</i>`;
    if (!whole(row)) label.append(make("span", "unit", `[${unit + 1}]`));
    if (row.kind === "norm") label.append(make("small", "", "← backward"));
    line.append(label);
    for (let t = 0; t < T; t++) line.append(cell(view, row, t, unit));
    part.append(line);
  }
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
  if (row.kind === "norm") setBar(view, row.name, td, button, t);
  view.columns[t].push(td);
  return td;
}

function paintNorm(button, value) {                          // viridis for how large a gradient is
  if (value === null || Number.isNaN(value)) button.classList.add("nan");
  else if (value === 0) button.classList.add("zero");
  else {
    const lg = Math.log10(Math.abs(value));
    button.style.setProperty("--size", `rgb(${colour(lg)})`);
  }
}

const normsOf = ({ data, T }, name) => Array.from({ length: T }, (_, t) => data.cells[`${name} ${t} 0`][1]);

function setBar(view, name, td, button, t) {                 // half as high is half as much: of the largest of its row
  const all = normsOf(view, name), most = Math.max(...all.filter(Number.isFinite));
  button.style.setProperty("--share", most > 0 && Number.isFinite(all[t]) ? all[t] / most : 0);
  const { text, about } = t < view.T - 1 ? factorOf(view, name, t) : {};
  if (!text) return;
  const element = Object.assign(make("span", text === "cut" ? "factor cut" : "factor"), { innerHTML: markup(text), title: about });
  view.factors.push({ element, place: `${name} ${t} 0` });
  td.append(element);
}

function factorOf(view, name, t) {                           // what the step from word t + 1 back to word t multiplies the norm by
  const all = normsOf(view, name), factor = all[t] / all[t + 1], of = (t, value) => `${name} at word ${t + 1}: ${significant(value)}`;
  if (view.data.cuts.includes(t + 1)) return { text: "cut", about: "Truncated here: nothing passes" };
  const known = all[t] !== null && all[t + 1] !== null && Number.isFinite(factor);              // null: NaN or inf; 0 / 0
  return known ? { text: times(factor), about: `${of(t, all[t])} / ${of(t + 1, all[t + 1])} = ${significant(factor)}` } : { text: "" };
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

// ---- beside the table ----

function verbHead(view) {
  const { data, T } = view, head = make("div", "verb head");
  head.append(make("small", "", "verb"), make("b", "", data.answers[data.right]));
  view.columns[T].push(head);
  return head;
}

function outcome(view, phase) {                              // what comes after the last word
  const { data, T } = view, box = make("div", "verb outcome");
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
  view.columns[T].push(box);
  return box;
}

function weights(blocks, matrix) {                                 // W_rec as a heat map, its scale, and the number under the pointer
  const box = make("figure", "weights"), head = make("figcaption"), scale = make("div", "scale");
  const maps = make("div", blocks.length > 3 ? "maps four" : "maps");
  const numbers = blocks.flatMap(block => block.values.flat()), most = Math.max(...numbers.map(Math.abs)) || 1;
  const symbol = gate => gate ? `W_{rec,${gate}}` : matrix;
  const text = value => value === null ? "NaN" : significant(value);
  const point = (name, ...value) => write(head, [name, ...value.map(text)].join(" = "));
  for (const { gate, values } of blocks) {
    const map = grid(values, most / 0.6);
    values.forEach((row, i) => row.forEach((value, j) => {
      map.children[i * row.length + j].onpointerenter = () => point(`${symbol(gate)}[${i + 1}, ${j + 1}]`, value);
    }));
    map.style.setProperty("--side", `${[0, 4.8, 4, 2.4, 3.4][blocks.length]}em`);
    const named = make("span", "", gate);
    named.append(map);
    maps.append(named);
  }
  maps.setAttribute("role", "img");
  maps.setAttribute("aria-label", `${matrix.replace(/[{}]/g, "")}, rows from h at the word before: ${numbers.map(text).join(", ")}`);
  maps.onpointerleave = () => point(matrix);
  point(matrix);
  const ends = [`-${significant(most, 2)}`, "0", significant(most, 2)];
  scale.append(...ends.map(text => Object.assign(make("span"), { innerHTML: markup(text) })));
  box.append(head, maps, scale);
  return box;
}
