"""Chart of a language model's bits per symbol on held-out text, beside counting models."""

from __future__ import annotations

from rnnkit.analysis.lm_summary import MODELS
from rnnkit.charts.style import GREY, GREY_TEXT, INK, sized
from rnnkit.later import alt, pd
from rnnkit.results.lm_bits import LmBits


def bits_chart(found: LmBits, unit: str, perplexity: bool, height: int = 230) -> alt.LayerChart:
    """Draws a bar for each model, labelled with its bits, and with 2^bits if `perplexity`."""
    rows = [{"who": name, "bits": found.bits[key], "text": _text(found.bits[key], perplexity)} for key, name in MODELS.items()]
    base = alt.Chart(pd.DataFrame(rows))
    y = alt.Y("who:N", sort=None, axis=alt.Axis(title=None, ticks=False, domain=False, labelLimit=0))
    top = (2.2 if perplexity else 1.3) * max(found.bits[key] for key in MODELS)  # room for the longest text, on a phone as well
    scale = alt.Scale(domain=[0, top], nice=False)
    x = alt.X("bits:Q", scale=scale, axis=alt.Axis(title=f"bits per {unit}", tickCount=5, grid=False))
    colour = alt.condition(f"datum.who == '{MODELS['network']}'", alt.value(INK), alt.value(GREY))
    bars = base.mark_bar(height={"band": 0.7}).encode(y, x, color=colour, tooltip=["who:N", alt.Tooltip("bits:Q", format=".3f")])
    words = base.mark_text(align="left", dx=6, fontSize=15, color=GREY_TEXT).encode(y, x, text="text:N")
    return sized(bars, words, height=height)


def _text(bits: float, perplexity: bool) -> str:
    return f"{bits:.2f}" + (f" · perplexity {2**bits:,.1f}" if perplexity else "")


def bits_text(found: LmBits, unit: str) -> str:
    """The finding of bits_chart."""
    return f"Bits per {unit}: " + ", ".join(f"{name} {found.bits[key]:.2f}" for key, name in MODELS.items()) + "."
