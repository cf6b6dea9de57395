"""The command line: `python -m rnnkit train --task agreement --length 50 --cell lstm ...`; see --help."""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from rnnkit.cells import CELLS
from rnnkit.corpus import FORMATS, Corpus, CorpusError, Text, as_text, read_corpus, read_suite, read_text
from rnnkit.experiment import FIELDS, Experiment, ExperimentError, parse
from rnnkit.fixes import FIXES
from rnnkit.history import History, median
from rnnkit.inits import BIASES, INITS
from rnnkit.optim import OPTIMIZERS
from rnnkit.presets import PRESETS
from rnnkit.record import Record, frame, gradient_frame
from rnnkit.tasks import TASKS
from rnnkit.tasks.data import keep
from rnnkit.verdict import verdict

if TYPE_CHECKING:
    import pandas as pd

EXAMPLES = """\
examples:
  a plain tanh network forgets over 100 words, and an LSTM with chrono initialization does not:
    python -m rnnkit train
    python -m rnnkit train --length 50 --cell lstm --bias chrono --lr 0.01 --input-scale 0.1

  the same with a remedy, the records as a table and the gradient of every time step as another:
    python -m rnnkit train --length 30 --fix omega:0.5 --fix clip-norm:1 --records run.csv --gradients run.parquet

  the charts as files, and a page to hand out, which opens without a network:
    python -m rnnkit train --preset explodes --charts charts --handout explodes.html

  a story of the dashboard, with one thing changed; what there is to choose from:
    python -m rnnkit train --preset orthogonal --length 100
    python -m rnnkit list

  agreement in sentences of your own, from a table with the columns prefix and label:
    python -m rnnkit train --preset corpus-lstm --file sentences.tsv
"""


def main(argv: Sequence[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    return args.run(args)


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("rnnkit", description=__doc__.split(";")[0] + ".", epilog=EXAMPLES, formatter_class=raw)
    commands = parser.add_subparsers(required=True, metavar="train | list")
    train = commands.add_parser(
        "train",
        help="train networks and write what happens as tables",
        description="Trains the networks of one experiment side by side and reports what their gradient did.",
        epilog=EXAMPLES,
        formatter_class=raw,
    )
    train.set_defaults(run=_train)
    train.add_argument("--preset", metavar="NAME", help="start from a story of the dashboard instead of the defaults")
    train.add_argument("--json", metavar="FILE", help="start from an experiment saved as JSON ('-' reads standard input)")
    for name, f in FIELDS.items():
        if name != "fixes":
            train.add_argument(f"--{name.replace('_', '-')}", dest=name, metavar="X", help=_help(f))
    train.add_argument(
        "--fix",
        action="append",
        metavar="NAME[:STRENGTH]",
        help=f"a remedy, in the order given, replacing the default clip-norm:1; 'none' for no remedy. One of: {', '.join(FIXES)}",
    )
    train.add_argument("--file", metavar="FILE", help="learn from this file: sentences (task corpus, assumed) or any text")
    train.add_argument("--gold", metavar="FILE", help="of Gulordava et al.'s corpora: the .gold file beside the .text file")
    train.add_argument(
        "--test", metavar="FILE", help="sentences to test on, any number of them; --file is then for training alone"
    )
    train.add_argument("--format", metavar="NAME", choices=[*FORMATS], help=f"of --file, if not recognised: {', '.join(FORMATS)}")
    train.add_argument("--records", metavar="FILE", help="write one row a step and network (.csv or .parquet)")
    train.add_argument("--gradients", metavar="FILE", help="write ||dL/ds_t|| of every step, time and network (.csv or .parquet)")
    train.add_argument("--charts", metavar="FOLDER", help="draw its charts into this folder, each as .svg and .png")
    train.add_argument("--handout", metavar="FILE", help="write one .html page with charts, findings and settings, to pass on")
    train.add_argument("--save-json", metavar="FILE", help="write the experiment itself, for --json")
    train.add_argument("--threads", type=int, default=1, help="threads to compute with (default 1: these matrices are small)")
    train.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    train.add_argument("--quiet", action="store_true", help="no progress bar")
    listing = commands.add_parser("list", help="tasks, cells, initializations, remedies, optimizers and stories to choose from")
    listing.set_defaults(run=_list)
    return parser


def _help(f: Any) -> str:
    kind = f.metadata
    valid = ", ".join(kind["choices"]) if "choices" in kind else kind.get("expected") or "{:g} to {:.10g}".format(*kind["range"])
    return f"{kind['help']} {valid} (default {f.default or 'none'})".replace("%", "%%")


def _list(args: argparse.Namespace) -> int:
    def first(thing: Any) -> str:
        return (thing.__doc__ or "").strip().splitlines()[0]

    sections = {
        "tasks": {k: t.about for k, t in TASKS.items()},
        "cells": {k: first(c) for k, c in CELLS.items()},
        "initializations of W_rec": {k: first(i) for k, i in INITS.items()},
        "gate biases": {k: first(b.draw) for k, b in BIASES.items()},
        "remedies (--fix name:strength, and @n behind it: from training step n on)": {
            f"{k}:{f.default}": f.about for k, f in FIXES.items()
        },
        "optimizers": {k: first(o) for k, o in OPTIMIZERS.items()},
        "stories (--preset)": {k: p.title for k, p in PRESETS.items()},
    }
    for title, entries in sections.items():
        print(f"{title}:")
        for name, text in entries.items():
            print(f"  {name:30} {text}")
        print()
    return 0


def _train(args: argparse.Namespace) -> int:
    try:
        e = _experiment(args)
        for path in filter(None, (args.records, args.gradients)):
            _check_table(path)
        _check_pictures(args)
    except ValueError as error:
        _fail(error)
    try:
        import torch
    except ModuleNotFoundError:
        _fail("PyTorch is not installed: run  pip install torch==2.13.0")
    from rnnkit.trainer import Trainer

    torch.set_num_threads(max(1, args.threads))
    try:
        trainer = Trainer(e, device=args.device)
        records = list(_with_progress(e, trainer.records(), quiet=args.quiet))
        _write(args, e, records)
    except (RuntimeError, AssertionError, ValueError, OSError, ImportError, MemoryError) as error:
        _fail(error)
    print(_report(e, records))
    if e.task == "corpus":
        print(_tested(e, trainer.params))
    return 0


def _base(args: argparse.Namespace) -> Experiment:
    """What the options change: the defaults, a preset or an experiment from JSON."""
    if args.preset and args.json:
        raise ValueError("give --preset or --json, not both")
    if args.preset and args.preset not in PRESETS:
        raise ValueError(f"unknown preset {args.preset!r}: valid are {', '.join(PRESETS)}")
    if args.json:
        try:
            return Experiment.from_json(sys.stdin.read() if args.json == "-" else Path(args.json).read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"cannot read {args.json}: {error}") from None
    return PRESETS[args.preset].experiment if args.preset else Experiment()


def _experiment(args: argparse.Namespace) -> Experiment:
    """The base, changed by the options; every problem in one message."""
    base = _base(args)
    values, problems = base.to_dict(), {}
    given = {name: getattr(args, name) for name in FIELDS if name != "fixes" and getattr(args, name) is not None}
    if args.test and not args.file:
        raise ValueError("--test needs --file: the sentences to train on")
    if args.file:
        if not TASKS[base.task].data:
            given.setdefault("task", "corpus")
        given["data"] = _read(args, given.get("task", base.task))
    if args.fix is not None:
        given["fixes"] = ",".join(fix for fix in args.fix if fix != "none")
    for name, text in given.items():
        try:
            values[name] = parse(name, text)
        except ValueError as error:
            problems[name] = str(error)
    if problems:
        raise ExperimentError(problems)
    if values["cell"] != base.cell:  # what only the base's cell needed goes with it
        known = Experiment(cell=values["cell"]).to_dict()
        values = {k: v for k, v in values.items() if k in known or k in given}
    return Experiment(**values)


def _read(args: argparse.Namespace, task: str) -> str:
    """The name of what is in the file that was given."""
    kind = TASKS[task].data if task in TASKS else ""
    if not kind:
        takers = ", ".join(name for name, t in TASKS.items() if t.data)
        raise ValueError(f"--file needs a task that learns from a file ({takers}), got {task!r}")
    try:
        data, gold = Path(args.file).read_bytes(), Path(args.gold).read_bytes() if args.gold else None
    except OSError as error:
        raise ValueError(f"cannot read the file: {error}") from None
    name = Path(args.file).name
    if kind == "corpus":
        found: Corpus | Text = read_corpus(data, name, args.format, gold, test=_suite(args.test) if args.test else None)
    elif args.test:
        raise ValueError(f"--test needs the task corpus (sentences with a verb), got {task!r}")
    else:
        found = read_text(data, name)
    if not args.quiet:
        print("\n".join(found.notes), file=sys.stderr)
    return keep(found)


def _suite(path: str) -> Corpus:
    """Sentences to test on; the .gold file of a .text file stands beside it."""
    gold = Path(path).with_suffix(".gold")
    try:
        answers = gold.read_bytes() if path.endswith(".text") and gold.is_file() else None
        return read_suite(Path(path).read_bytes(), Path(path).name, gold=answers)
    except OSError as error:
        raise ValueError(f"cannot read the file of --test: {error}") from None
    except CorpusError as error:
        raise ValueError(f"--test {Path(path).name}: {error}") from None


def _tested(e: Experiment, params: Any) -> str:
    """The first network on the sentences kept for the test, beside the baselines."""
    from rnnkit.studies.corpora import examined

    return as_text(examined(e, params))


def _with_progress(e: Experiment, records: Iterator[Record], quiet: bool) -> Iterator[Record]:
    start, shown = time.monotonic(), 0.0
    for r in records:
        yield r
        now = time.monotonic()
        if not quiet and sys.stderr.isatty() and (now - shown > 0.1 or r.step == e.steps):
            shown, share = now, r.step / e.steps
            left = (now - start) * (1 - share) / share if share else 0
            bar = "█" * round(30 * share) + "·" * (30 - round(30 * share))
            loss = f"{median(r.loss[None])[0]:.4g}"
            print(f"\r{bar} step {r.step}/{e.steps}  loss {loss}  {left:.0f} s left   ", end="", file=sys.stderr)
    if not quiet and sys.stderr.isatty():
        print(file=sys.stderr)


def _write(args: argparse.Namespace, e: Experiment, records: list[Record]) -> None:
    if args.records:
        _save(frame(records), args.records, e)
    if args.gradients:
        _save(gradient_frame(records, CELLS[e.cell].parts), args.gradients, e)
    if args.save_json:
        Path(args.save_json).write_text(e.to_json() + "\n", "utf-8")
    if args.charts or args.handout:
        _draw(args, History.of(e, records))


def _draw(args: argparse.Namespace, history: History) -> None:
    from rnnkit.export.figures import figures, pictured
    from rnnkit.export.handout import handout
    from rnnkit.export.images import images
    from rnnkit.export.script import missing, script

    if args.handout:
        program = "" if missing(history.e) else script(history.e)
        Path(args.handout).write_text(handout(history, script=program), "utf-8")
    if args.charts:
        jobs = {(figure.name, form): (pictured(figure, history), form) for figure in figures(history) for form in ("svg", "png")}
        folder = Path(args.charts)
        folder.mkdir(exist_ok=True)
        for (name, form), data in zip(jobs, images(list(jobs.values())), strict=True):
            (folder / f"{name}.{form}").write_bytes(data)


def _check_table(path: str) -> None:
    """Before the training, not after it: whether the table can be written."""
    if Path(path).suffix not in (".csv", ".parquet"):
        raise ValueError(f"a table is written as .csv or .parquet, got {path!r}")
    if not Path(path).absolute().parent.is_dir():
        raise ValueError(f"there is no folder {str(Path(path).parent)!r} to write {path!r} into")
    if path.endswith(".parquet") and importlib.util.find_spec("pyarrow") is None:
        raise ValueError("a Parquet file needs pyarrow: run  pip install pyarrow, or write .csv")


def _check_pictures(args: argparse.Namespace) -> None:
    """Also before the training: whether charts can be drawn, and where."""
    for path in filter(None, (args.charts, args.handout)):
        if not Path(path).absolute().parent.is_dir():
            raise ValueError(f"there is no folder {str(Path(path).parent)!r} to write {path!r} into")
        if importlib.util.find_spec("vl_convert") is None:
            raise ValueError("charts as files need vl-convert: run  pip install vl-convert-python")
    if args.charts and Path(args.charts).is_file():
        raise ValueError(f"--charts needs a folder, {args.charts!r} is a file")


def _save(table: pd.DataFrame, path: str, e: Experiment) -> None:
    if path.endswith(".csv"):
        table.to_csv(path, index=False)
    else:
        from rnnkit.export.tables import save_parquet

        save_parquet(table, e, path)


def _report(e: Experiment, records: list[Record]) -> str:
    return verdict(History.of(e, records)).text


def _fail(problem: object) -> NoReturn:
    print(f"rnnkit: {problem}", file=sys.stderr)
    raise SystemExit(2)


if __name__ == "__main__":
    sys.exit(main())
