"""`rnnkit sweep`: trains a grid of experiments and writes a row for each network."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rnnkit.cli.backend_option import add_backend, choose_backend
from rnnkit.cli.exit_status import CODES, FAILED, SIGNAL_BASE, TRAINING_ERRORS, Stop, error_text, fail, print_error
from rnnkit.cli.experiment_options import add_data, add_experiment, experiment_of
from rnnkit.cli.inputs import read_bytes
from rnnkit.cli.outputs import Outputs
from rnnkit.engine.cells import CELLS
from rnnkit.experiment import FIELDS, Experiment
from rnnkit.rounding import percent
from rnnkit.sweep.combination import Combination, Ended
from rnnkit.sweep.executors import DaskCluster, Executor, LocalProcesses, default_executor
from rnnkit.sweep.progress import SweepProgress, duration, progress_of
from rnnkit.sweep.result import SweepResult, summary_of
from rnnkit.sweep.store import Store
from rnnkit.sweep.store_file import store_path
from rnnkit.sweep.sweep import UNTIL, Sweep

if TYPE_CHECKING:
    import pandas as pd

MAX_JOBS = 1024
EXAMPLES = """\
examples:
  at which length does it stop learning? each length for each variant; what was trained before is not trained again:
    python -m rnnkit sweep --axis length=10,20,50,100 --variant tanh \\
        --variant "LSTM chrono: cell=lstm bias=chrono lr=0.01 input_scale=0.1" --out map.csv

  the same from a file (docs/cluster.md has one), and on a cluster:
    python -m rnnkit sweep map.toml --scheduler tcp://10.0.0.1:8786
"""


def add_to(commands: Any) -> None:
    """Adds the subcommand's parser."""
    parser = commands.add_parser(
        "sweep",
        help="train a grid of experiments, and write a row for each network",
        description="Trains every combination of the axes' values for every variant, and reports how many networks learn.",
        epilog=f"{EXAMPLES}\n{CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    parser.add_argument("toml", metavar="FILE.toml", nargs="?", help="a sweep as TOML, instead of --axis and --variant")
    parser.add_argument(
        "--axis", metavar="FIELD=A,B,C", action="append", default=[], help="a field and its values, such as length=10,20,50"
    )
    parser.add_argument(
        "--variant",
        metavar="'NAME: FIELD=X ...'",
        action="append",
        default=[],
        help="a name and what it changes, such as 'LSTM: cell=lstm bias=chrono'; a cell's name alone is that cell",
    )
    parser.add_argument("--until", choices=UNTIL, help=_UNTIL_HELP)
    parser.add_argument("--out", metavar="FILE", help="write one row a network (.csv or .parquet)")
    parser.add_argument("--force", action="store_true", help="overwrite a file that exists (default: it is an error)")
    add_executor(parser)
    add_experiment(parser)
    add_data(parser)
    quiet = "no progress bar, no notes on files and settings; each run still prints its line"
    parser.add_argument("--quiet", action="store_true", help=quiet)


def add_executor(parser: argparse.ArgumentParser) -> None:
    """Adds --jobs, --scheduler and --backend, which `executor_of` reads."""
    add_backend(parser)
    parser.add_argument("--jobs", metavar="N", help="processes that train, one thread each (default: as many as cores)")
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="train on the Dask cluster of this scheduler, tcp://host:8786 (default: RNNKIT_SCHEDULER, else this machine)",
    )


_UNTIL_HELP = (
    "solved: a run ends once each of its networks has passed two tests in a row with 99 %%, or diverged (default); "
    "end: each run takes all its steps"
)


def run(args: argparse.Namespace) -> int:
    """Trains, prints a line a run, writes the table; returns the exit code. Raises SystemExit(2) for invalid arguments."""
    try:
        sweep = sweep_of(args)
        inputs = {"--file": args.file, "FILE.toml": args.toml}
        outputs = Outputs({} if args.out is None else {"--out": args.out})
        outputs.check(sweep.base, {name: path for name, path in inputs.items() if path is not None}, args.force)
        executor, store = executor_of(args), Store()
    except (ValueError, ImportError) as error:
        fail(error)
    result, problems = SweepResult(sweep.combinations), []
    with store, Stop() as stop:
        stop.notice = "stopping; what is done is kept"
        bar = progress_of(sweep.runs, args.quiet)
        try:
            for combination in trained(sweep, store, executor, bar, result, stop):
                print_ended(combination, result, bar)
        except BrokenPipeError:
            raise
        except TRAINING_ERRORS as error:
            problems.append(f"{error_text(error)}: {result.counts}")
        finally:
            bar.close()
        if args.out is not None and result.rows:
            problems += _write(result, args.out)
    return _end(result, stop, problems)


def sweep_of(args: argparse.Namespace) -> Sweep:
    """Returns the Sweep of the arguments. Raises ValueError with what is wrong."""
    if args.toml is None:
        if not args.axis and not args.variant:
            raise ValueError("expected FILE.toml, --axis or --variant: what is there to sweep over?")
        axes = dict(_axis(text) for text in args.axis)
        variants = dict(_variant(text) for text in args.variant)
        for option, given, read in (("--axis", args.axis, axes), ("--variant", args.variant, variants)):
            if len(read) < len(given):
                raise ValueError(f"each {option} needs a name of its own, got {', '.join(map(repr, given))}")
        return Sweep(experiment_of(args), axes, variants, until=args.until or "solved")
    for option in ("axis", "variant", "preset", "json"):
        if getattr(args, option):
            raise ValueError(f"give FILE.toml or --{option}, not both")
    try:
        sweep = Sweep.from_toml(read_bytes(args.toml).decode("utf-8-sig"))
    except ValueError as error:
        raise ValueError(f"{args.toml}: {error}") from None
    replicas = sweep.replicas if args.replicas is None else None
    return replace(sweep, base=experiment_of(args, sweep.base), replicas=replicas, until=args.until or sweep.until)


def _axis(text: str) -> tuple[str, list[Any]]:
    name, equals, values = text.partition("=")
    if not equals or not values:
        raise ValueError(f"--axis needs a field and its values, such as length=10,20,50, got {text!r}")
    return _field(name), [_value(_field(name), value) for value in values.split(",")]


def _variant(text: str) -> tuple[str, dict[str, Any]]:
    name, colon, settings = text.partition(":")
    if not colon and text.strip() in CELLS:
        return text.strip(), {"cell": text.strip()}
    if not colon or "=" in name:  # no name: it is called like what it changes
        name, settings = text, text
    pairs = [pair.partition("=") for pair in settings.split()]
    if not name.strip() or not all(equals for _, equals, _ in pairs):
        cells = ", ".join(CELLS)
        raise ValueError(f"--variant needs 'NAME: FIELD=X FIELD=X', or the name of a cell ({cells}), got {text!r}")
    return name.strip(), {_field(field): _value(_field(field), value) for field, _, value in pairs}


def _field(name: str) -> str:
    """The field of an option's name: input-scale, and fix for fixes, are valid, too."""
    name = name.strip().replace("-", "_")
    return "fixes" if name == "fix" else name


def _value(name: str, text: str) -> Any:
    """The value, or the text itself where the field is unknown or does not read it: Sweep names it."""
    try:
        return FIELDS[name].parse("" if name == "fixes" and text == "none" else text.strip())
    except (KeyError, ValueError):
        return text


def executor_of(args: argparse.Namespace) -> Executor:
    """Returns what trains. Raises ValueError for invalid arguments, ImportError without Dask."""
    choose_backend(args)
    if args.jobs is not None and (not args.jobs.isdecimal() or not 1 <= int(args.jobs) <= MAX_JOBS):
        raise ValueError(f"--jobs must be a whole number from 1 to {MAX_JOBS}, got {args.jobs!r}")
    if args.scheduler is not None and args.jobs is not None:
        raise ValueError("give --jobs or --scheduler, not both: a cluster has as many processes as it has workers")
    if args.jobs is not None:
        return LocalProcesses(int(args.jobs))
    return default_executor() if args.scheduler is None else DaskCluster(args.scheduler)


def trained(
    sweep: Sweep, store: Store, executor: Executor, bar: SweepProgress, result: SweepResult, stop: Stop
) -> Iterator[Combination]:
    """Trains until the end or a signal, and yields each combination whose run has ended."""
    places: dict[Experiment, list[Combination]] = {}
    for c in sweep.combinations:
        places.setdefault(c.experiment, []).append(c)
    for event in sweep.stream(store, executor):
        if isinstance(event, Ended):
            result.add(event)
            yield from places[event.experiment]
        if stop.signal_number:  # which has perhaps ended the processes, too: that is no news
            return
        if isinstance(event, str):
            bar.clear()
            print_error(event)
        else:
            bar.add(event)


def print_ended(c: Combination, result: SweepResult, bar: SweepProgress) -> None:
    """Prints the line of a run that has ended."""
    bar.clear()
    if rows := result.rows.get(c.experiment):
        found = summary_of(rows)
        when = f" by step {found['solved_step']:.0f}" if found["solved"] else ""
        nan = f", {found['diverged']} became NaN" if found["diverged"] else ""
        print(f"{c}: {found['solved']} of {found['networks']} learn{when}{nan}, {duration(found['seconds'])}", flush=True)


def _write(result: SweepResult, path: str) -> list[str]:
    """Writes the table. Returns what went wrong."""
    table = result.frame()
    try:
        table.to_parquet(path) if path.lower().endswith(".parquet") else table.to_csv(path, index=False)
    except TRAINING_ERRORS as error:
        return [f"--out {path!r} was not written: {error_text(error)}"]
    return []


def _end(result: SweepResult, stop: Stop, problems: list[str]) -> int:
    """Prints the table of shares, and what stopped or failed; returns the exit code."""
    if result.rows and result.axes and not stop.signal_number:
        print(_shares(result.summary(), result.axes), flush=True)
    for problem in problems:
        print_error(problem)
    if stop.signal_number:
        print_error(stopped(stop, result))
    return FAILED if problems or result.failed else SIGNAL_BASE + stop.signal_number if stop.signal_number else 0


def stopped(stop: Stop, result: SweepResult) -> str:
    """Returns the message after a signal."""
    how = "; the same command goes on from there" if store_path() else " and nothing is stored (RNNKIT_STORE is off)"
    return f"stopped by {stop.name}: {result.counts}{how}"


def _shares(summary: pd.DataFrame, axes: list[str]) -> str:
    """The share of networks that learn: a line a variant, a column a value of the first axis."""
    index = ["variant", *axes[1:]]
    wide = summary.pivot(index=index, columns=axes[0], values="share")
    wide = wide.reindex(columns=summary[axes[0]].unique())
    order = summary[index].drop_duplicates()
    wide = wide.reindex(list(order.itertuples(index=False, name=None)) if len(index) > 1 else order.variant)
    return "\nshare of networks that learn\n" + wide.map(lambda share: "" if share != share else percent(share)).to_string()
