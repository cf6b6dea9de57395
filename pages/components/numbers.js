/* Numbers as rnnkit/rounding.py writes them; tests/unit/test_rounding.py has the cases of both. */

function significant(value, digits = 3) {                    // 0.390, -12.3, 4.56e-5, 0; halves are rounded away from 0
  if (value === 0 || !Number.isFinite(value)) return value === 0 ? "0" : String(value).replace("Infinity", "inf").replace("NaN", "nan");
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e"), power = Number(exponent);   // after rounding
  return power >= -3 && power < 5 ? value.toFixed(Math.max(0, digits - 1 - power)) : `${mantissa}e${power}`;
}

const times = factor => `× ${significant(factor, 2).replace(/^0(?=\.)/, "")}`;          // × .55, × 1.3

const minus = text => text.replace("-", "−");
const decimals = (value, digits = 2) => Number.isFinite(value) ? minus(value.toFixed(digits)) : "NaN";

function percent(share, digits = 0) {                        // never rounded to 100 %, and from 80 % on never up
  if (!Number.isFinite(share)) return "NaN";
  if (share === 0 || share === 1) return `${100 * share} %`;
  const places = Math.max(digits, share >= 0.8 || share > 0 && share < 0.0095 ? 1 : 0), unit = 10 ** -places;
  if (share > 0 && share < unit / 200) return `below ${unit} %`;
  const scaled = share * 100 / unit, nearest = Math.round(scaled);
  const even = scaled - Math.floor(scaled) === 0.5 ? 2 * Math.round(scaled / 2) : nearest;    // halves to the even number, as Python
  const text = ((share >= 0.8 ? Math.floor(Math.min(scaled, 100 / unit - 1) + 1e-9) : even) * unit).toFixed(places);
  return `${digits ? text : text.replace(/\.0$/, "")} %`;
}

const subscript = n => [...String(n)].map(digit => "₀₁₂₃₄₅₆₇₈₉"[digit]).join("");
