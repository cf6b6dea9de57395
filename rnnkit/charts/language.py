"""How many bits a language model needs for a symbol it has not seen, beside models that only count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import pandas as pd

from rnnkit.analysis.findings import MODELS
from rnnkit.charts.style import GREY, GREY_TEXT, INK, sized


def bits_chart(found: Mapping[str, Any], unit: str, perplexity: bool, height: int = 230) -> alt.LayerChart:
    """A bar for each model with its number behind it; with `perplexity`, 2^bits as well."""
    rows = [{"who": name, "bits": found[key], "text": _text(found[key], perplexity)} for key, name in MODELS.items()]
    base = alt.Chart(pd.DataFrame(rows))
    y = alt.Y("who:N", sort=None, axis=alt.Axis(title=None, ticks=False, domain=False, labelLimit=0))
    top = (2.2 if perplexity else 1.3) * max(row["bits"] for row in rows)  # room for the longest text, on a phone as well
    scale = alt.Scale(domain=[0, top], nice=False)
    x = alt.X("bits:Q", scale=scale, axis=alt.Axis(title=f"bits per {unit}", tickCount=5, grid=False))
    colour = alt.condition(f"datum.who == '{MODELS['bits']}'", alt.value(INK), alt.value(GREY))
    bars = base.mark_bar(height={"band": 0.7}).encode(y, x, color=colour, tooltip=["who:N", alt.Tooltip("bits:Q", format=".3f")])
    words = base.mark_text(align="left", dx=6, fontSize=15, color=GREY_TEXT).encode(y, x, text="text:N")
    return sized(bars, words, height=height)


def _text(bits: float, perplexity: bool) -> str:
    return f"{bits:.2f}" + (f" · perplexity {2**bits:,.1f}" if perplexity else "")


def bits_text(found: Mapping[str, Any], unit: str) -> str:
    """The finding of bits_chart."""
    return f"Bits per {unit}: " + ", ".join(f"{name} {found[key]:.2f}" for key, name in MODELS.items()) + "."
