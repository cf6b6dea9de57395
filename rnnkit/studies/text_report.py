"""What a trained language model is worth, in lines to print: bits beside models that count, coverage, minimal pairs, a sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rnnkit.analysis.findings import MODELS, WHO, counting, left_out, prefixes_known
from rnnkit.engine.bptt import Params
from rnnkit.experiment import Experiment
from rnnkit.rounding import percent
from rnnkit.studies.lm_bits import judged, text_task, write
from rnnkit.studies.minimal_pairs import compared, kept_pairs
from rnnkit.tasks.text_symbols import beginning, joined

WORDS, LETTERS = 40, 200  # of the sample
TEMPERATURE = 0.7


def report(e: Experiment, p: Params, diverged: int = -1, pairs: str = "") -> list[str]:
    """The lines. `p`: the networks' weights, of which the first is read; `diverged`: the step at which it became NaN, or -1;
    `pairs`: the name of kept minimal pairs (tasks.data.keep), "" for the example's, which are asked of the example text alone.

    Raises ValueError if the task is not the next symbol of a text.
    """
    task = text_task(e)
    first = {name: W[:1].double().cpu() for name, W in p.items()}
    lines = [f"Of the {e.replicas} networks the first one is read."] if e.replicas > 1 else []
    lines += bits_lines(judged(e, first), task.unit, diverged)
    if pairs or not e.data:
        *_, found = compared(e, task, first, kept_pairs(pairs))
        lines += ["", *pair_lines(found, task.unit)]
    n = WORDS if task.by_words else LETTERS
    written = task.known.decode(write(e, first, task.known.encode([beginning(task)]), n, TEMPERATURE, e.seed))
    return [*lines, "", f"It writes (temperature {TEMPERATURE}): {' '.join(joined(task, written).split())}"]


def bits_lines(found: Mapping[str, Any], unit: str, diverged: int = -1) -> list[str]:
    """From what `judged` finds."""
    known = found["known"] if found["unknown"] else None
    lines = [f"network 1 became NaN at step {diverged}: these are its last sound weights"] if diverged >= 0 else []
    columns = [f"bits per {unit}", "perplexity", *([f"known {unit}s only"] if known else [])]
    lines.append(f"{'on the last tenth of the text':32}" + "".join(f"{name:>24}" for name in columns))
    for key, name in MODELS.items():
        cells = [f"{found[key]:.2f}", f"{2 ** found[key]:,.1f}", *([f"{known[key]:.2f}"] if known else [])]
        lines.append(f"{name:32}" + "".join(f"{cell:>24}" for cell in cells))
    lines.append(f"{percent(found['accuracy'], 1)} of {found['symbols']:,} {unit}s were its first guess. {counting(found, unit)}")
    return [line for line in [*lines, *found["remarks"]] if line]


def pair_lines(found: Mapping[str, Any], unit: str) -> list[str]:
    """From what `minimal_pairs` finds."""
    left = left_out(found, unit)
    if not found["pairs"]:
        return [f"minimal pairs: none can be asked. {left}"]
    overall = [row for row in found["rows"] if row["by"] == "all"]
    title = f"minimal pairs ({found['pairs']:,})"
    lines = [f"{title:32}{'right more probable':>24}{'95 % interval':>24}"]
    for row in overall:
        interval = f"{percent(row['low'], 1)} to {percent(row['high'], 1)}"
        lines.append(f"{WHO[row['who']]:32}{percent(row['right'], 1):>24}{interval:>24}")
    mine = [row for row in found["rows"] if row["by"] == "attractors" and row["who"] == "network"]
    lines += [f"  {row['by']}: {row['group']} ({row['n']:,}), {WHO['network']} {percent(row['right'], 1)}" for row in mine]
    return [*lines, *filter(None, [left, prefixes_known(found, unit)])]
