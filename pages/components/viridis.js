/* The colours of gradient norms, the same in every component that draws them: Python puts this text in front of the component's
   own. A norm travels as a 16-bit code (rnnkit.engine.record.encode); `f.coding` says which codes are no number and how the others
   are spaced in log10. */

const VIRIDIS = "440154470e61481a6c482575472f7d443a834144873d4e8a39568c35608d31688e2d708e2a788e27818e23888e21918d1f988b1fa088" +
  "22a8842ab07f35b77943bf7154c56866cc5d7ad1518fd744a5db36bcdf27d2e21be9e51afde725";
const LOW = -12, HIGH = 4, TICKS = [-12, -8, -4, 0, 4];      // the fixed domain of log10, and where it is labelled

const kind = (f, code) => code === f.coding.zero ? "zero" : code === f.coding.cut ? "cut"
  : code === f.coding.nan || code === f.coding.inf ? "nan" : code === f.coding.nothing ? "nothing" : "";
const log10 = (f, code) => code / f.coding.perDecade + f.coding.min;
const unit = lg => clamp((lg - LOW) / (HIGH - LOW));
const scientific = lg => significant(10 ** lg, 2);        // of numbers.js
const decade = lg => lg === 0 ? "1" : `1e${lg}`;

function viridis(u) {                                        // 0..1 -> [r, g, b], linear between the anchors
  const x = u * (VIRIDIS.length / 6 - 1), i = Math.min(Math.floor(x), VIRIDIS.length / 6 - 2);
  const channel = (j, k) => parseInt(VIRIDIS.substr(6 * j + 2 * k, 2), 16);
  return [0, 1, 2].map(k => Math.round(channel(i, k) + (x - i) * (channel(i + 1, k) - channel(i, k))));
}
const LUT = Array.from({ length: 256 }, (_, i) => viridis(i / 255));
const colour = lg => LUT[Math.round(255 * unit(lg))];
const GRADIENT = `linear-gradient(to right, ${LUT.filter((_, i) => i % 5 === 0).map(rgb => `rgb(${rgb})`)})`;

function palette(f) {                                        // code -> RGBA in one Uint32, 0 where it is no number
  const rgba = ([r, g, b]) => (255 << 24 | b << 16 | g << 8 | r) >>> 0;
  return Uint32Array.from({ length: 65536 }, (_, code) => kind(f, code) ? 0 : rgba(colour(log10(f, code))));
}

function labelBar(root, texts = {}) {                        // the legend's bar: its colours, and a tick a decade; texts of their own
  const bar = root.querySelector(".bar");
  bar.style.setProperty("--viridis", GRADIENT);
  for (const lg of TICKS) {
    const tick = document.createElement("span");
    tick.textContent = texts[lg] ?? decade(lg);
    tick.style.left = `${100 * unit(lg)}%`;
    bar.append(tick);
  }
}
const BOUNDED = { [LOW]: `≤ ${decade(LOW)}`, [HIGH]: `≥ ${decade(HIGH)}` };              // where values beyond have the ends' colours

function textures(c, dpr, ink) {                             // the fills for codes that are no number
  const tile = (size, back, draw) => {
    const canvas = document.createElement("canvas"), p = canvas.getContext("2d");
    canvas.width = canvas.height = Math.round(size * dpr);
    p.scale(canvas.width / size, canvas.width / size);
    Object.assign(p, { fillStyle: back, strokeStyle: ink.text, lineWidth: 1.3 });
    p.fillRect(0, 0, size, size);
    draw(p);
    const pattern = c.createPattern(canvas, "repeat");
    pattern.setTransform(new DOMMatrix().scale(1 / dpr));
    return pattern;
  };
  const hatch = p => { for (const o of [-8, 0, 8]) { p.moveTo(o - 1, 9); p.lineTo(o + 9, -1); } p.stroke(); };
  const dots = p => { p.fillStyle = "#fffc"; p.fillRect(2, 2, 2, 2); };
  const crosses = p => { p.strokeStyle = "#fff9"; for (const y of [2, 6]) { p.moveTo(2, y); p.lineTo(6, 8 - y); } p.stroke(); };
  return { nothing: "transparent", nan: tile(8, ink.nan, crosses), cut: tile(8, ink.back, hatch), zero: tile(6, ink.zero, dots) };
}
