/* What the drawings share: a view that outlives every call, the canvas, and the colours of the theme. Python puts this text in
   front of a drawing's own (drawing.py). Lengths are CSS pixels. */

const clamp = (x, low = 0, high = 1) => Math.max(low, Math.min(high, x));
const rem = () => parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;   // larger in the presenter's view

const views = new WeakMap();                                 // root element -> view

function viewOf(parent, selector) {                          // Streamlit calls again and again; `mount` of the drawing is called once
  const root = parent.querySelector(selector), fresh = !views.has(root);
  if (fresh) views.set(root, mount(root));
  return { view: views.get(root), fresh };
}

function inkOf(root) {                                       // the theme's colours and font; "" where the style sheet names none
  const style = getComputedStyle(root), of = name => style.getPropertyValue(name).trim();
  return {
    text: style.color, font: style.fontFamily, back: of("--st-background-color"), accent: of("--st-primary-color"),
    zero: of("--zero"), nan: of("--nan"), below: of("--below"), above: of("--above"),
  };
}

function contextOf(canvas, width = canvas.clientWidth, height = canvas.clientHeight) {    // cleared, in CSS pixels; null without size
  const dpr = window.devicePixelRatio || 1, w = Math.round(width * dpr), h = Math.round(height * dpr);
  if (!w || !h) return null;
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  const c = canvas.getContext("2d");
  c.setTransform(dpr, 0, 0, dpr, 0, 0);
  c.clearRect(0, 0, width, height);
  return { c, width, height, dpr, snap: v => Math.round(v * dpr) / dpr };
}

function redrawOnChange(element, redraw) {                   // of the element's size, and of the fonts; a new theme is a new call
  new ResizeObserver(redraw).observe(element);
  document.fonts?.ready.then(redraw);
}
