/* Numbers as rnnkit.analysis.ledger.show writes them in Python: so many significant digits, halves rounded away from 0; 0.390, -12.3,
   4.56e-5, 0. Python puts this text in front of a component's own. */
function written(value, digits = 3) {
  if (value === 0 || !Number.isFinite(value)) return value === 0 ? "0" : String(value).replace("Infinity", "inf").replace("NaN", "nan");
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e"), power = Number(exponent);   // after rounding
  return power >= -3 && power < 5 ? value.toFixed(Math.max(0, digits - 1 - power)) : `${mantissa}e${power}`;
}

