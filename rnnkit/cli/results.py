"""`rnnkit results`: lists, exports and removes what the results store holds."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rnnkit.cli.exit_status import FAILED, error_text, fail, print_error
from rnnkit.corpus import wilson
from rnnkit.engine import backends
from rnnkit.experiment import FIELDS
from rnnkit.fields import NumberField
from rnnkit.rounding import percent
from rnnkit.sweep import store_export
from rnnkit.sweep.store import Store
from rnnkit.sweep.store_file import store_path
from rnnkit.sweep.store_query import Selection, Summary, count, networks, prune, select, select_backend, summaries

ACTIONS = ("list", "export", "prune")
GROUPED = (*store_export.SETTINGS, "until")  # what a list can have a line for each value of
DEFAULTS = {name: spec.show(spec.default) if spec.several else spec.default for name, spec in FIELDS.items()} | {"until": "end"}
MAX_LINES = 50  # of a list, unless --limit says more
EPILOG = """\
examples:
  how many networks have learnt what they were trained for, by cell and length:
    python -m rnnkit results --by cell,length

  the networks of the LSTM over 50 words or more as a table:
    python -m rnnkit results export --cell lstm --length 50.. --out lstm.csv

  remove what was not used for a month, and what other versions of the program computed:
    python -m rnnkit results prune --older-than 30
    python -m rnnkit results prune --stale

The environment variable RNNKIT_STORE names another file ('off': none), RNNKIT_STORE_MB the megabytes it may take.
"""


def add_to(commands: Any) -> None:
    """Adds the subcommand's parser."""
    parser = commands.add_parser(
        "results",
        help="list, export and remove stored results of trainings",
        description="Lists (default), exports or removes (prune) stored results. The options choose the runs.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    parser.add_argument("action", nargs="?", default="list", metavar="|".join(ACTIONS), help="what to do (default list)")
    for name, spec in FIELDS.items():
        form = "50, 5,10,20, 50.., ..100 or 50..100" if isinstance(spec, NumberField) else "names, joined by commas"
        text = "with this remedy, of any strength where none is given; 'none' for none" if spec.several else form
        parser.add_argument(spec.option, dest=name, metavar="X", action="append", help=f"{spec.label}: {text}")
    parser.add_argument(
        "--by", metavar="FIELDS", help="list: a line for each value of these fields (default: of all that differ)"
    )
    parser.add_argument("--limit", metavar="N", default=str(MAX_LINES), help=f"list: lines at most (default {MAX_LINES})")
    parser.add_argument("--out", metavar="FILE", help="export: the file, .csv or .parquet (default: CSV to standard output)")
    parser.add_argument("--force", action="store_true", help="export: overwrite a file that exists")
    parser.add_argument("--stale", action="store_true", help="results of other versions of the program, not of this one")
    parser.add_argument("--older-than", metavar="DAYS", help="results that were not used for so many days")
    parser.add_argument("--all", action="store_true", help="prune: all that the other options choose")


def run(args: argparse.Namespace) -> int:
    """Does what is asked for; returns the exit code. Raises SystemExit(2) for invalid arguments."""
    try:
        _check(args)
        filters = {name: texts for name in FIELDS if (texts := getattr(args, name)) is not None}
        selection = select(filters, args.stale, _days(args.older_than))
        path = store_path()
        if path is None:
            raise ValueError("RNNKIT_STORE is off: nothing is stored")
        store = Store(path)
    except ValueError as error:
        fail(error)
    with store:
        done = {"list": _list, "export": _export, "prune": _prune}[args.action](store, selection, args)
    for warning in store.warnings:
        print_error(warning)
    return 0 if done else FAILED


def _check(args: argparse.Namespace) -> None:
    """Raises ValueError for options that are invalid or belong to another action."""
    if args.action not in ACTIONS:
        raise ValueError(f"expected {', '.join(ACTIONS)}, got {args.action!r}")
    belongs = {"by": "list", "out": "export", "force": "export", "all": "prune"}
    for name, action in belongs.items():
        if getattr(args, name) not in (None, False) and args.action != action:
            raise ValueError(f"--{name} belongs to results {action}, got results {args.action}")
    if args.action == "prune" and not (args.all or args.stale or args.older_than):
        raise ValueError("prune removes results: give --older-than DAYS, --stale or --all")
    if not args.limit.isdecimal() or int(args.limit) < 1:
        raise ValueError(f"--limit must be a whole number from 1, got {args.limit!r}")
    if strange := [name for name in _names(args.by) if name not in GROUPED]:
        raise ValueError(f"--by must be fields out of {', '.join(GROUPED)}, got {strange[0]!r}")
    if args.out is not None:
        _check_output(Path(args.out), args.force)


def _check_output(path: Path, force: bool) -> None:
    if path.suffix.lower() not in store_export.WRITERS:
        raise ValueError(f"a table is written as .csv or .parquet, got {str(path)!r}")
    if path.exists() and not force:
        raise ValueError(f"{str(path)!r} exists: give --force to overwrite it, or another name")


def _days(text: str | None) -> float | None:
    try:
        days = None if text is None else float(text)
    except ValueError:
        days = math.nan
    if days is not None and not 0 <= days < math.inf:
        raise ValueError(f"--older-than must be a number of days from 0, got {text!r}")
    return days


def _names(text: str | None) -> list[str]:
    return [] if text is None else [name.strip().replace("-", "_") for name in text.split(",")]


# ---- export, prune ----


def _export(store: Store, selection: Selection, args: argparse.Namespace) -> bool:
    found = networks(store, selection)
    try:
        if args.out is None:
            store_export.write_csv(found, sys.stdout.buffer)
            return True
        with open(args.out, "wb") as file:
            store_export.WRITERS[Path(args.out).suffix.lower()](found, file)
        return True
    except BrokenPipeError:
        raise
    except ModuleNotFoundError:
        reason = "Parquet needs pyarrow: run  pip install pyarrow"
    except (OSError, RuntimeError) as error:
        reason = error_text(error)
    print_error(f"the table {args.out or 'on standard output'} is not complete: {reason}")
    return False


def _prune(store: Store, selection: Selection, args: argparse.Namespace) -> bool:
    removed = prune(store, selection)
    if removed is None:
        return False
    print(f"Removed {_runs(removed)} from {store.file.path}.")
    return True


def _runs(n: int) -> str:
    return f"{n:,} run{'' if n == 1 else 's'}"


# ---- list ----


def _list(store: Store, selection: Selection, args: argparse.Namespace) -> bool:
    found = summaries(store, selection)
    if found is None:
        return False
    if found:
        print("\n".join(_lines(found, args)))
    else:
        print(f"No stored results of this choice in {store.file.path}.")
    if not args.stale:
        _print_others(store)
    return True


def _print_others(store: Store) -> None:
    """Prints how many runs the store has of other backends, and of other versions of the program."""
    for name in backends.BACKENDS:
        if name != backends.named() and (others := count(store, select_backend(name))):
            print(f"Also {_runs(others)} of the backend {name}: the same command with {backends.VARIABLE}={name} lists them.")
    if others := count(store, select({}, stale=True)):
        print(f"Also {_runs(others)} of other versions of the program: --stale lists them, prune --stale removes them.")


def _lines(found: Sequence[Summary], args: argparse.Namespace) -> list[str]:
    """Returns what all have in common beside defaults, a table with a line for each group, and what is left out."""
    values = [{**s.settings, "fixes": ",".join(s.settings.get("fixes", ())) or "none", "until": s.until} for s in found]
    names = _names(args.by) or [name for name in GROUPED if len({v.get(name, DEFAULTS[name]) for v in values}) > 1]
    groups: dict[tuple[Any, ...], list[Summary]] = {}
    for s, v in zip(found, values, strict=True):
        groups.setdefault(tuple(v.get(name) for name in names), []).append(s)
    shown = sorted(groups.items(), key=lambda group: [_order(value) for value in group[0]])[: int(args.limit)]
    rows = [[*names, "runs", "networks", "solved", "95 % interval", "NaN"]]
    rows += [[*("" if x is None else f"{x}" for x in group), *_counts(of_group)] for group, of_group in shown]
    fixed = {name: v for name, v in values[0].items() if v != DEFAULTS[name] and all(other.get(name) == v for other in values)}
    lines = [f"All with {', '.join(f'{name} {fixed[name]}' for name in GROUPED if name in fixed)}."] if fixed else []
    lines += _table(rows)
    if len(groups) > len(shown):
        lines.append(f"and {len(groups) - len(shown):,} lines more: see --limit, --by and the options that choose")
    return lines


def _counts(found: Sequence[Summary]) -> list[str]:
    runs, n, solved, diverged = (sum(getattr(s, name) for s in found) for name in ("runs", "networks", "solved", "diverged"))
    low, high = wilson(solved, n)
    return [f"{runs:,}", f"{n:,}", percent(solved / n), f"{percent(low)} to {percent(high)}", f"{diverged:,}"]


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in rows]


def _order(value: Any) -> tuple[int, float, str]:
    """Sorts numbers by size, then texts, then what does not apply."""
    return (0, value, "") if isinstance(value, (int, float)) else (1 + (value is None), 0, str(value))
