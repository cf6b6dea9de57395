"""Report on a trained language model as lines of text: bits beside counting models, coverage, minimal pairs, a sample."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rnnkit.analysis.lm_summary import MODELS, OWN_COLUMNS, WHO, left_out, paradigm_table, prefixes_known, unknown_note
from rnnkit.engine.bptt import Params
from rnnkit.experiment import Experiment
from rnnkit.results.lm_bits import LmBits
from rnnkit.results.minimal_pairs import MinimalPairs
from rnnkit.rounding import percent
from rnnkit.studies.lm_bits import evaluate, text_task
from rnnkit.studies.lm_sample import write
from rnnkit.studies.minimal_pairs import compared, stored_pairs
from rnnkit.tasks.text_symbols import beginning, joined

WORDS, LETTERS = 40, 200  # of the sample
TEMPERATURE = 0.7
Published = Callable[[str], Mapping[str, float] | None]  # UID of a paradigm -> published percent by name


def report(
    e: Experiment, p: Params, diverged: int = -1, pairs: str = "", published: Published = lambda uid: None, about: str = ""
) -> list[str]:
    """Returns the lines of the report on the first network of the weights `p`.

    diverged: the training step at which it became NaN, or -1. pairs: the digest of stored minimal pairs (tasks.data), or "" for
    those of the example, which are evaluated on the example text alone. published: what stands beside each paradigm, and
    `about` says what it is. Raises ValueError if the task is not the next symbol of a text, or if the pairs are not stored.
    """
    task = text_task(e)
    first = {name: W[:1].double().cpu() for name, W in p.items()}
    lines = [f"Of the {e.replicas} networks the first one is read."] if e.replicas > 1 else []
    lines += bits_lines(evaluate(e, first), task.unit, diverged)
    if pairs or not e.data:
        *_, found = compared(e, task, first, stored_pairs(pairs))
        assert isinstance(found, MinimalPairs)  # the last one is complete
        lines += ["", *pair_lines(found, task.unit, published, about)]
    n = WORDS if task.by_words else LETTERS
    written = task.known.decode(write(e, first, task.known.encode([beginning(task)]), n, TEMPERATURE, e.seed))
    return [*lines, "", f"It writes (temperature {TEMPERATURE}): {' '.join(joined(task, written).split())}"]


def bits_lines(found: LmBits, unit: str, diverged: int = -1) -> list[str]:
    """Returns the result of `evaluate` as the lines of a table."""
    known = found.known_bits if found.unknown else None
    lines = [f"network 1 became NaN at step {diverged}: these are its last sound weights"] if diverged >= 0 else []
    columns = [f"bits per {unit}", "perplexity", *([f"known {unit}s only"] if known else [])]
    lines.append(f"{'on the last tenth of the text':32}" + "".join(f"{name:>24}" for name in columns))
    for key, name in MODELS.items():
        cells = [f"{found.bits[key]:.2f}", f"{2 ** found.bits[key]:,.1f}", *([f"{known[key]:.2f}"] if known else [])]
        lines.append(f"{name:32}" + "".join(f"{cell:>24}" for cell in cells))
    lines.append(f"{percent(found.accuracy, 1)} of {found.symbols:,} {unit}s were its first guess. {unknown_note(found, unit)}")
    return [line for line in [*lines, *found.remarks] if line]


def pair_lines(found: MinimalPairs, unit: str, published: Published = lambda uid: None, about: str = "") -> list[str]:
    """Returns the result of minimal_pairs.py as the lines of a table."""
    left = left_out(found, unit)
    if not found.pairs:
        return [f"minimal pairs: none can be asked. {left}"]
    overall = [row for row in found.rows if row["by"] == "all"]
    title = f"minimal pairs ({found.pairs:,})"
    lines = [f"{title:32}{'right more probable':>24}{'95 % interval':>24}"]
    for row in overall:
        interval = f"{percent(row['low'], 1)} to {percent(row['high'], 1)}"
        lines.append(f"{WHO[row['who']]:32}{percent(row['right'], 1):>24}{interval:>24}")
    mine = [row for row in found.rows if row["by"] == "attractors" and row["who"] == "network"]
    lines += [f"  {row['by']}: {row['group']} ({row['n']:,}), {WHO['network']} {percent(row['right'], 1)}" for row in mine]
    table = paradigm_table(found, published)
    beside = bool(table) and len(table[0]) > OWN_COLUMNS
    lines += _columns([["", "", "", "", "published"], *table] if beside else table)
    return [*lines, *filter(None, [about if beside else "", left, prefixes_known(found, unit)])]


def _columns(table: list[list[str]]) -> list[str]:
    widths = max([len(name) for name, *_ in table], default=0), 8, 10, 20
    return ["".join([f"{name:{widths[0]}}", *map(str.rjust, cells, (*widths[1:], *[10] * len(cells)))]) for name, *cells in table]
