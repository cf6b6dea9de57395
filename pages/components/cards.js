/* Cards with small pictures of runs (cards.py). A card is built once and then only filled, so nothing flickers. Python gets the key
   of the card that is pressed. small_pictures.js, which Python puts before this script, paints. */

export default function ({ data, parentElement, setTriggerValue }) {
  const { view } = viewOf(parentElement, ".cards");
  view.send = key => setTriggerValue("open", key);
  view.frame = decode(data);
  view.runs = view.frame.cards.flatMap(card => card.pictures);
  view.runs.forEach((run, i) => { run.codes = view.frame[`codes${i}`]; });
  const text = JSON.stringify(view.frame.cards.map(({ key, title, text, locked, pictures }) => [key, title, text, locked, pictures.length]));
  if (text !== view.text) { view.text = text; build(view); }
  fill(view);
  paint(view);
}

const make = (tag, className, ...children) => {
  const node = Object.assign(document.createElement(tag), { className });
  node.append(...children);
  return node;
};

function build(view) {
  view.parts = [];
  view.root.replaceChildren(...view.frame.cards.map(card => {
    const title = make("button", "title", card.title);
    Object.assign(title, { type: "button", disabled: Boolean(card.locked), title: card.locked || "Open it in the lab" });
    const pictures = make("div", "pictures", ...card.pictures.map(() => {
      const part = { label: make("span", "label"), said: make("span", "said"), heat: make("canvas", "heat"), curve: make("canvas", "curve") };
      for (const canvas of [part.heat, part.curve]) canvas.setAttribute("role", "img");
      view.parts.push(part);
      const canvases = view.frame.curves ? [part.heat, part.curve] : [part.heat];
      return make("figure", "", make("figcaption", "", part.label, part.said), make("div", "both", ...canvases));
    }));
    const node = make("article", "card", title, pictures, make("p", "text", card.text));
    node.setAttribute("role", "listitem");
    Object.assign(node.dataset, { key: card.key, outcome: card.outcome });
    node.onclick = () => { if (!card.locked && !String(window.getSelection())) view.send(card.key); };
    return node;
  }));
  view.root.dataset.cards = view.frame.cards.length;
}

function fill(view) {
  view.runs.forEach((run, i) => {
    const { label, said, heat, curve } = view.parts[i];
    label.textContent = run.label;
    said.textContent = run.said;
    said.dataset.outcome = run.outcome;
    heat.setAttribute("aria-label", `Gradient norms over time and training${run.label && `, ${run.label}`}`);
    curve.setAttribute("aria-label", `Accuracy while training${run.label && `, ${run.label}`}: ${run.said}`);
  });
}

function paint(view) {
  const { root, frame: f } = view, ink = inkOf(root);
  if (!f) return;
  const fills = textures(view.image.getContext("2d"), window.devicePixelRatio || 1, ink);
  view.runs.forEach((run, i) => {
    paintHeat(view, run, view.parts[i].heat, ink, fills);
    if (f.curves) paintCurve(run, view.parts[i].curve, ink);
  });
}

function mount(root) {
  const view = { root, image: document.createElement("canvas"), runs: [], parts: [] };
  redrawOnChange(root, () => paint(view));
  return view;
}
