"""`rnnkit papers`: repeats the results of a paper within a budget, and prints them beside the published ones."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rnnkit.cli.exit_status import CODES, FAILED, SIGNAL_BASE, TRAINING_ERRORS, Stop, error_text, fail, print_error
from rnnkit.cli.sweep import add_executor, executor_of, print_ended, stopped, trained
from rnnkit.fields import lower_first
from rnnkit.papers import BUDGETS, PAPERS, longer
from rnnkit.papers.base import LongerTest, Paper, Part
from rnnkit.papers.comparison import comparison, verdict
from rnnkit.papers.record import write
from rnnkit.papers.report import HEADER, cells, report
from rnnkit.sweep import recorded
from rnnkit.sweep.progress import progress_of
from rnnkit.sweep.recorded import Known
from rnnkit.sweep.result import SweepResult
from rnnkit.sweep.row import Row
from rnnkit.sweep.store import Store

EXAMPLES = """\
examples:
  what can be repeated:
    python -m rnnkit papers

  within minutes on a laptop; at the paper's own size on a cluster:
    python -m rnnkit papers pascanu-2013 --budget minutes
    python -m rnnkit papers pascanu-2013 --budget full --scheduler tcp://10.0.0.1:8786
"""


def add_to(commands: Any) -> None:
    """Adds the subcommand's parser."""
    parser = commands.add_parser(
        "papers",
        help="repeat the results of a paper, and compare them with the published ones",
        description="Trains the networks of a paper within a budget, and prints the published values beside ours.",
        epilog=f"{EXAMPLES}\n{CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    parser.add_argument("name", metavar="NAME", nargs="?", help="the paper; without it, all are listed")
    parser.add_argument(
        "--budget",
        choices=BUDGETS,
        default=BUDGETS[0],
        help="minutes or hours on two cores, or the full size for a cluster (default: minutes)",
    )
    parser.add_argument("--out", metavar="DIR", help="write NAME.json (a row a network) and NAME.md (the comparison) there")
    parser.add_argument("--force", action="store_true", help="overwrite files that exist (default: it is an error)")
    add_executor(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress bar; each run still prints its line")


def run(args: argparse.Namespace) -> int:
    """Trains, prints a table a part, writes the files; returns the exit code. Raises SystemExit(2) for invalid arguments."""
    if args.name is None:
        for name, paper in PAPERS.items():
            print(f"{name:16} {paper.source.short}: {paper.source.title}")
            print("\n".join(f"{'':18}{title}" for title in paper.titles))
        return 0
    try:
        paper = _paper(args.name)
        _check(args)
        executor_of(args)  # invalid arguments are refused before anything is trained
        store = Store()
    except (ValueError, ImportError) as error:
        fail(error)
    known: dict[str, list[Row]] = {}
    with store, Stop() as stop:
        stop.notice = "stopping; what is done is kept"
        for part in paper.parts:
            print(f"{part.title}, budget {args.budget}", flush=True)
            result = _train(part, args, store, stop)
            known |= {e.key: rows for e, rows in result.rows.items()}
            print(_table(part, args.budget, known), flush=True)
            if stop.signal_number:
                print_error(stopped(stop, result))
                return SIGNAL_BASE + stop.signal_number
            if result.failed:
                print_error(f"{part.title}: {result.counts}")
        longer_found = _test_longer(paper.longer, args.budget, stop) if paper.longer else None
        if stop.signal_number:
            return SIGNAL_BASE + stop.signal_number
    complete = all(e.key in known for part in paper.parts for e in part.budgets[args.budget].runs)
    complete = complete and bool(longer_found or not paper.longer)
    written = args.out is None or _write(args, paper, known, longer_found)
    return 0 if complete and written else FAILED


def _paper(name: str) -> Paper:
    if name not in PAPERS:
        raise ValueError(f"unknown paper {name!r}: valid are {', '.join(PAPERS)}")
    return PAPERS[name]


def _check(args: argparse.Namespace) -> None:
    """Raises ValueError where --out names no folder, or one of its files exists."""
    if args.out is None:
        return
    if not Path(args.out).is_dir():
        raise ValueError(f"--out must be a folder that exists, got {args.out!r}")
    there = [str(file) for file in _files(args) if file.exists()]
    if there and not args.force:
        raise ValueError(f"{' and '.join(there)} exist already: give --force to overwrite them")


def _files(args: argparse.Namespace) -> tuple[Path, Path]:
    return Path(args.out, f"{args.name}.json"), Path(args.out, f"{args.name}.md")


def _train(part: Part, args: argparse.Namespace, store: Store, stop: Stop) -> SweepResult:
    sweep = part.budgets[args.budget]
    result, bar = SweepResult(sweep.combinations), progress_of(sweep.runs, args.quiet)
    try:
        for combination in trained(sweep, store, executor_of(args), bar, result, stop):
            print_ended(combination, result, bar)
    except BrokenPipeError:
        raise
    except TRAINING_ERRORS as error:
        print_error(f"{error_text(error)}: {result.counts}")
    finally:
        bar.close()
    return result


def _table(part: Part, budget: str, known: Known) -> str:
    """The comparison as columns of text, and what it comes to."""
    table = comparison(part, budget, known)
    header = [part.axis_title if name == "x" else name for name in HEADER]
    return _columns([header, *(cells(part, row) for _, row in table.iterrows())], verdict(part, table))


def _columns(rows: Sequence[Sequence[str]], sentence: str) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, sentence, ""])


def _test_longer(test: LongerTest, budget: str, stop: Stop) -> longer.Found | None:
    """Trains and tests in this process, and prints what was found; None where it was stopped or has failed."""
    print(f"{test.title}, budget {budget}", flush=True)
    try:
        for found in longer.run(test, budget):
            if stop.signal_number:
                print_error(f"stopped before {lower_first(test.title)} were tested")
                return None
            if not isinstance(found, float):
                print(_columns([longer.HEADER, *longer.rows(test, found)], longer.sentence(test, found)), flush=True)
                return found
    except BrokenPipeError:
        raise
    except TRAINING_ERRORS as error:
        print_error(f"{error_text(error)}: {test.title}")
    return None


def _write(args: argparse.Namespace, paper: Paper, known: Known, longer_found: longer.Found | None) -> bool:
    """Writes the files; returns whether it could."""
    try:
        file = write(args.name, paper, args.budget, known, Path(args.out), longer_found)
        _files(args)[1].write_text(report(args.name, paper, recorded.read(file)), "utf-8")
    except OSError as error:
        print_error(f"--out {args.out!r}: {error_text(error)}")
        return False
    return True
