"""The CSV of benchmarks/step.py -> a page and a chart beside it. Every number in them is from the CSV."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import altair as alt
import pandas as pd
from peers import MODULES, VARIANTS
from problem import BATCH, Problem

from rnnkit.tasks import TASKS

COLUMNS = [
    "section",
    "cell",
    "T",
    "H",
    "R",
    "variant",
    "rounds",
    "steps_a_round",
    "threads",
    "median_ms",
    "min_ms",
    "first_s",
    "memory_mb",
]
COLUMNS += ["others", "note"]
HEADLINE = (100, 64)  # T, H
RATIOS = ("torch.nn", "cell loop", "JAX", "floor")
TARGETS = {  # the most that rnnkit's time may be, as a multiple of the peer's, at R = 1, 8
    "torch.nn": {"tanh": {1: 0.35, 8: 0.22}, "lstm": {1: 0.9, 8: 0.6}, "gru": {1: 0.35, 8: 0.2}},
    "JAX": {"tanh": {1: 0.8, 8: 0.6}, "lstm": {1: 0.7, 8: 0.45}, "gru": {1: 0.7, 8: 0.4}},
    "floor": {"tanh": {1: 1.6, 8: 1.7}, "lstm": {1: 2.2, 8: 1.8}, "gru": {1: 2.2, 8: 1.8}},
}
HEATMAP_TARGET = 5  # percent
COLOURS = {
    "rnnkit": "#0b7a75",
    "rnnkit compiled": "#064e4b",
    "rnnkit compiled, heatmap alone": "#1f6b45",
    "rnnkit heatmap alone": "#3f9a94",
    "rnnkit without heatmap": "#7cc4bf",
    "torch.nn": "#c2410c",
    "cell loop": "#f0a35e",
    "torch.compile": "#a21caf",
    "JAX": "#1d4ed8",
    "floor": "#8a949e",
}
ABOUT = f"""# The training step, side by side

One training step of small recurrent networks, in rnnkit and in its peers: rows of W_in by symbol (a vocabulary of
{TASKS["agreement"].n_in}), the cell over T steps, cross-entropy at the last step, backward, the gradient clipped to a norm of 1,
a step of SGD; {BATCH} sentences of the task "agreement". The same model, weights and data everywhere:
`tests/unit/test_benchmark.py` checks on the CPU that losses, heatmaps and trained weights agree. Left out everywhere: drawing
sentences (one batch comes again and again) and the evaluation on held-out sequences.

- **rnnkit**: `Trainer.advance`, as `train` runs it, with a Record at every step: the loss, the norms of dL/dh_t (LSTM: and
  dL/dc_t) of every time step, the gradient's norm. R networks are trained in one stack. **Without heatmap**: the same, nothing
  recorded. **Heatmap alone**: without what a Record says of units and lags (`examines=False`): what the
  peers compute. **Compiled**: the loops over time in C++ (`--backend compiled`).
- **torch.nn**: `torch.nn.RNN`, `LSTM` or `GRU`, autograd, `clip_grad_norm_`, `torch.optim.SGD`. No heatmap. One network at a
  time, as all torch peers, so its time per network is measured once for all R.
- **cell loop**: the same over `RNNCell`, `LSTMCell` or `GRUCell` with `retain_grad` on every state: the usual way to the heatmap.
- **torch.compile**: such a loop, compiled, with the heatmap.
- **JAX**: `jit` and `scan`, with the heatmap. On a CPU the R networks run one after another in one compiled call (`lax.map`),
  which was faster than `vmap` when this was written.
- **floor**: no training step, only its three products of matrices: h W and da W^T per time step, dW once, by `torch.bmm`.

Variants take turns, round by round, in one process; a round's time is the mean of its steps; the tables give medians over
the rounds. The number of rounds and the fastest are in the CSV; the size of the first table has the most. Denormal
numbers are flushed to zero in all torch variants, as XLA does. Every torch variant runs with one thread or with all, whichever is
faster for it at that size (the CSV says which); the floor with all. Times belong to one machine: compare them with each other.

## Run it

After the README's set-up (`.venv`), on a machine with nothing else to do; torch.compile needs a C++ compiler as well:

```bash
.venv/bin/pip install -q -r benchmarks/requirements.txt && .venv/bin/python benchmarks/step.py
```
"""


def write(table: Path) -> None:
    """benchmarks.csv -> benchmarks.md and benchmarks.svg in the same folder."""
    facts, df = read(table)
    steps = df[df.section == "step"]
    table.with_suffix(".md").write_text(page(facts, df, table.with_suffix(".svg").name), encoding="utf-8")
    if steps.median_ms.notna().any():
        chart(steps).save(table.with_suffix(".svg"))


def read(table: Path) -> tuple[dict[str, str], pd.DataFrame]:
    lines = table.read_text(encoding="utf-8").splitlines()
    facts = dict(line[2:].split(": ", 1) for line in lines if line.startswith("# "))
    df = pd.read_csv(table, comment="#")
    df["note"] = df.note.fillna("")
    df["ms"] = df.median_ms / df.R
    return facts, df


def page(facts: dict[str, str], df: pd.DataFrame, picture: str) -> str:
    steps = df[df.section == "step"]
    parts = [ABOUT, machine(facts, df), headline(steps), f"## Against T\n\n![Time per network and step against T]({picture})"]
    parts += [full(steps), linear(df[df.section == "linear"])]
    if "matrix_rate" in facts:
        parts.append(rates(steps, float(facts["matrix_rate"])))
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def machine(facts: dict[str, str], df: pd.DataFrame) -> str:
    names = {
        "cpu": "",
        "gpu": "",
        "threads": "torch threads at most: ",
        "torch": "torch ",
        "jax": "JAX ",
        "python": "Python ",
        "system": "",
    }
    names |= {"date": "measured on ", "remarks": ""}
    text = "**Machine:** " + "; ".join(text + facts[key] for key, text in names.items() if key in facts) + "."
    others = df.others.dropna()
    if len(others):
        text += f" Other processes kept {others.median():.2f} cores busy meanwhile (the median; at most {others.max():.2f})."
        if busy := (others > 0.2).sum():
            text += f" **In {busy} of {len(others)} rows it was more than 0.2: the times there are not to be trusted.**"
    return text


def per_network(steps: pd.DataFrame, cell: str, T: int, H: int, R: int, variant: str) -> float:
    """Median ms; NaN where it was not measured."""
    R = 1 if VARIANTS[variant].single else R
    at = (steps.cell == cell) & (steps["T"] == T) & (steps.H == H) & (steps.R == R) & (steps.variant == variant)
    return float(steps.ms[at].squeeze()) if at.sum() == 1 else float("nan")


def headline(steps: pd.DataFrame) -> str:
    T, H = HEADLINE
    sizes = sorted(steps.R[~steps.variant.isin(singles())].unique())
    rows, met = [], []
    for our, peer, cell in product(("rnnkit", "rnnkit compiled", "rnnkit compiled, heatmap alone"), RATIOS, steps.cell.unique()):
        ours, theirs = ([per_network(steps, cell, T, H, R, name) for R in sizes] for name in (our, peer))
        limits = TARGETS.get(peer, {}).get(cell, {})
        values = [verdict(a / b, limits.get(R), met) for R, a, b in zip(sizes, ours, theirs, strict=True)]
        rows.append([f"{cell}: {our} / {peer}", *values])
    for cell in steps.cell.unique():
        cost = []
        for R in sizes:
            a, b = (per_network(steps, cell, T, H, R, name) for name in ("rnnkit heatmap alone", "rnnkit without heatmap"))
            cost.append(verdict(100 * (a / b - 1), HEATMAP_TARGET, met, "{:.1f} %"))
        rows.append([f"{cell}: the heatmap's cost", *cost])
    title = f"## Time per network at T = {T}, H = {H}\n\nA ratio below 1 means that rnnkit is faster. "
    title += f"{sum(met)} of {len(met)} targets are met." if met else "Not measured in this run."
    return title + "\n\n" + markdown(["", *(f"R = {R}" for R in sizes)], rows)


def verdict(value: float, limit: float | None, met: list[bool], text: str = "{:.2f}") -> str:
    """The number, and whether it is within its target; `met` remembers."""
    if value != value:
        return "–"
    if limit is None:
        return text.format(value)
    met.append(value <= limit)
    return f"**{text.format(value)}** (target at most {limit:g}: {'met' if met[-1] else 'not met'})"


def full(steps: pd.DataFrame) -> str:
    text = "## All sizes: ms per network and step\n\n"
    for cell in steps.cell.unique():
        rows = []
        mine = steps[steps.cell == cell]
        for T, H in mine[["T", "H"]].drop_duplicates().sort_values(["T", "H"]).itertuples(index=False):
            for R in sorted(mine.R[~mine.variant.isin(singles())].unique()):
                values = [per_network(mine, cell, T, H, R, name) for name in VARIANTS]
                rows.append([str(T), str(H), str(R), *map(number, values)])
        text += f"### {cell}\n\n{markdown(['T', 'H', 'R', *VARIANTS], rows)}\n\n"
    missing = steps[steps.note != ""]
    lines = []
    for note, group in missing.groupby("note", sort=False):
        names = group.variant.unique()
        sizes = ["all sizes"] if len(group) == steps.variant.isin(names).sum() else group.apply(size, axis=1).unique()
        where = "; ".join(sizes) if len(sizes) <= 6 else f"{len(sizes)} sizes"
        lines.append(f"- {', '.join(names)}; {where}: {note}.")
    if lines:
        text += "**Not measured (–):**\n\n" + "\n".join(lines) + "\n\n"
    compiled = steps.first_s[steps.variant == "torch.compile"].dropna()
    if len(compiled):
        text += f"Compiling the torch loop took up to {compiled.max():.0f} s a size, not counted above."
    return text


def size(row: pd.Series) -> str:
    return f"{row.cell} T = {row['T']}, H = {row.H}" + ("" if row.variant in singles() else f", R = {row.R}")


def linear(df: pd.DataFrame) -> str:
    """Time and memory of rnnkit per time step: constant where they are linear in T."""
    if not len(df):
        return ""
    rows = []
    for row in df.itertuples():
        numbers = [row.ms, 1e3 * row.ms / row.T, row.memory_mb, 1e3 * row.memory_mb / row.T]
        rows.append([row.cell, str(row.T), *map(number, numbers)])
    text = "## Linear in T\n\nrnnkit, R = 1, H = 64, each row in a process of its own. Memory is the growth of the process's "
    text += "resident memory at its peak during a step.\n\n"
    return text + markdown(["cell", "T", "ms a step", "μs per time step", "memory, MB", "kB per time step"], rows)


def rates(steps: pd.DataFrame, most: float) -> str:
    """What share of the device's matrix rate the step's three products would need in the time that the step took."""
    rows = []
    for row in steps[steps.variant.isin(["rnnkit", "floor"]) & steps.ms.notna()].itertuples():
        rate = Problem(row.cell, row.T, row.H, row.R).operations / (row.median_ms / 1e3)
        rows.append(
            [row.cell, str(row.T), str(row.H), str(row.R), row.variant, f"{rate / 1e9:.1f}", f"{100 * rate / most:.2f} %"]
        )
    text = "## Matrix rate\n\nMultiplications and additions of the three products by the time of the step; "
    text += f"{most / 1e9:.0f} GFLOP/s in one product of 4096 × 4096 float32 matrices.\n\n"
    return text + markdown(["cell", "T", "H", "R", "variant", "GFLOP/s", "share"], rows)


def chart(steps: pd.DataFrame) -> alt.Chart:
    """ms per network and step against T, at H = 64 where there is one."""
    H = 64 if 64 in set(steps.H) else steps.H.max()
    steps = steps[(steps.H == H) & steps.ms.notna()]
    stacked = steps[~steps.variant.isin(singles())]
    alone = steps[steps.variant.isin(singles())].drop(columns="R").merge(pd.DataFrame({"R": stacked.R.unique()}), how="cross")
    data = pd.concat([stacked, alone])[["cell", "T", "R", "variant", "ms"]]
    names = [name for name in COLOURS if name in set(data.variant)]
    colour = alt.Color(
        "variant:N",
        scale=alt.Scale(domain=names, range=[COLOURS[name] for name in names]),
        legend=alt.Legend(title=None, orient="top", symbolType="stroke", labelLimit=0, columns=7),
    )
    x = alt.X("T:Q", scale=alt.Scale(type="log"), axis=alt.Axis(title="T", values=sorted(data["T"].unique()), format="d"))
    y = alt.Y(
        "ms:Q",
        scale=alt.Scale(type="log"),
        axis=alt.Axis(title="ms per network and step", format="~g", values=[10.0**k for k in range(-3, 6)]),
    )
    lines = alt.Chart(data).mark_line(strokeWidth=2.5, point=alt.OverlayMarkDef(size=45)).encode(x, y, colour)
    facets = lines.properties(width=250, height=200).facet(
        column=alt.Column("cell:N", title=None, sort=list(MODULES)),
        row=alt.Row("R:O", title=None, header=alt.Header(labelExpr="'R = ' + datum.value")),
    )
    title = alt.TitleParams(f"One training step, H = {H}: lower is faster", anchor="start", fontSize=18, offset=12)
    return (
        facets.properties(title=title, background="white", padding=12)
        .configure_axis(labelFontSize=13, titleFontSize=13)
        .configure_legend(labelFontSize=14)
        .configure_header(labelFontSize=15)
    )


def number(value: float) -> str:
    return "–" if value != value else f"{value:.3g}" if value < 100 else f"{value:.0f}"


def singles() -> list[str]:
    return [name for name, variant in VARIANTS.items() if variant.single]


def markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
