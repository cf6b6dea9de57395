"""The command line: `python -m rnnkit train --task agreement --length 50 --cell lstm ...`; see --help."""

from __future__ import annotations

import argparse
import re
import signal
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from rnnkit.analysis.summary import verdict
from rnnkit.cli.ends import CODES, FAILED, STOPPED, TRAINING_ERRORS, Stop, fail, reason, run, tell
from rnnkit.cli.inputs import OF_SENTENCES, OF_TEXTS, contents, data_of, options, pairs_of
from rnnkit.cli.outputs import Outputs
from rnnkit.cli.progress import with_progress
from rnnkit.corpus import FORMATS, as_text
from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import FIXES
from rnnkit.engine.history import History
from rnnkit.engine.inits import BIASES, INITS
from rnnkit.engine.optim import OPTIMIZERS
from rnnkit.engine.record import Record
from rnnkit.experiment import FIELDS, Experiment, ExperimentError, applies, parse
from rnnkit.serving import resources
from rnnkit.serving.limits import SPILL, WARM, megabytes
from rnnkit.stories.presets import PRESETS
from rnnkit.tasks import TASKS

if TYPE_CHECKING:
    from rnnkit.engine.trainer import Trainer

MAX_THREADS = 1024
INPUTS = ("file", "gold", "test", "pairs", "pairs_gold")  # options that name a file to read
OUTPUTS = ("records", "gradients", "charts", "handout", "save_json")
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

  a language model of a book, asked which sentence of each minimal pair is more probable:
    python -m rnnkit train --task words --length 30 --cell gru --lr 0.01 --file book.txt --pairs blimp.jsonl
"""


def main(argv: Sequence[str] | None = None) -> int:
    def command() -> int:
        args = _parser().parse_args(argv)
        return args.run(args)

    return run(command)


class _Parser(argparse.ArgumentParser):
    """What is wrong comes in one line, without the usage of all options."""

    def error(self, message: str) -> NoReturn:
        fail(f"{message} (see {self.prog} --help)")


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    epilog = f"{EXAMPLES}\n{CODES}"
    parser = _Parser("rnnkit", description=__doc__.split(";")[0] + ".", epilog=epilog, formatter_class=raw)
    commands = parser.add_subparsers(required=True, metavar="train | list")
    train = commands.add_parser(
        "train",
        help="train networks and write what happens as tables",
        description="Trains the networks of one experiment side by side and reports what their gradient did.",
        epilog=epilog,
        formatter_class=raw,
    )
    train.set_defaults(run=_train)
    _add_experiment(train)
    train.add_argument("--file", metavar="FILE", help="learn from sentences (task corpus, assumed) or a text (characters, words)")
    train.add_argument("--gold", metavar="FILE", help="of Gulordava et al.'s corpora: the .gold file beside the .text file")
    train.add_argument("--test", metavar="FILE", help="sentences to test on, any number; --file is then for training alone")
    formats = ", ".join(FORMATS)
    train.add_argument("--format", metavar="NAME", choices=[*FORMATS], help=f"of --file: {formats} (default: recognised)")
    _add_text(train)
    _add_outputs(train)
    train.add_argument(
        "--threads", metavar="N", default="1", help=f"to compute with, 1 to {MAX_THREADS} (default 1: small matrices)"
    )
    train.add_argument("--device", metavar="NAME", default="cpu", help="cpu, cuda, or cuda:1 for the second GPU (default cpu)")
    train.add_argument("--quiet", action="store_true", help="no progress bar, no notes on files and settings")
    listing = commands.add_parser("list", help="tasks, cells, initializations, remedies, optimizers and stories to choose from")
    listing.set_defaults(run=_list)
    return parser


def _add_experiment(train: argparse.ArgumentParser) -> None:
    train.add_argument(
        "--preset", metavar="NAME", help="start from a story of the dashboard (default: from the defaults below); see rnnkit list"
    )
    train.add_argument("--json", metavar="FILE", help="start from an experiment saved as JSON ('-' reads standard input)")
    for name, f in FIELDS.items():
        if name != "fixes":
            train.add_argument(f"--{name.replace('_', '-')}", dest=name, metavar="X", help=_help(f))
    train.add_argument(
        "--fix",
        action="append",
        metavar="NAME[:STRENGTH]",
        help="a remedy; several are applied in the order given. The first --fix removes all remedies of the default "
        "(clip-norm:1), the preset or the JSON: name those to keep again. 'none' for no remedy. "
        f"One of: {', '.join(FIXES)} (default clip-norm:1, or those of the preset or the JSON)",
    )


def _add_text(train: argparse.ArgumentParser) -> None:
    train.add_argument(
        "--whole-text", action="store_true", help="learn Project Gutenberg's header and licence, too (default: not)"
    )
    train.add_argument(
        "--pairs",
        metavar="FILE",
        help="ask a text's model which sentence of each minimal pair is more probable: BLiMP's JSON lines, a .text file, lines "
        "that begin with True or False, or a table with a right and a wrong sentence in each row; of any "
        "language (default: those of the example text)",
    )
    train.add_argument("--pairs-gold", metavar="FILE", help="the .gold file beside the .text file of --pairs")


def _add_outputs(train: argparse.ArgumentParser) -> None:
    train.add_argument("--records", metavar="FILE", help="write one row a step and network (.csv or .parquet)")
    train.add_argument("--gradients", metavar="FILE", help="write ||dL/ds_t|| of every step, time and network (.csv or .parquet)")
    train.add_argument("--charts", metavar="FOLDER", help="draw its charts into this folder, each as .svg and .png")
    train.add_argument("--handout", metavar="FILE", help="write one .html page with charts, findings and settings, to pass on")
    train.add_argument("--save-json", metavar="FILE", help="write the experiment itself, for --json")
    train.add_argument("--force", action="store_true", help="overwrite files that exist (default: such a file is an error)")


def _help(f: Any) -> str:
    kind = f.metadata
    valid = ", ".join(kind["choices"]) if "choices" in kind else kind.get("expected") or "{:g} to {:.10g}".format(*kind["range"])
    return f"{kind['help']} {valid} (default {'none' if f.default == '' else f.default})".replace("%", "%%")


def _list(args: argparse.Namespace) -> int:
    def first(thing: Any) -> str:
        return (thing.__doc__ or "").strip().splitlines()[0]

    sections = {
        "tasks": {k: t.about for k, t in TASKS.items()},
        "cells": {k: first(c) for k, c in CELLS.items()},
        "initializations of W_rec": {k: first(i.draw) for k, i in INITS.items()},
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
        outputs = Outputs({f"--{name.replace('_', '-')}": path for name in OUTPUTS if (path := getattr(args, name)) is not None})
        outputs.check(e, {f"--{name}": path for name in INPUTS if (path := getattr(args, name)) is not None}, args.force)
        _check_machine(e, args)
        pairs = pairs_of(args, e)
    except ValueError as error:
        fail(error)
    history, problems = History(e), []
    with Stop() as stop:
        try:
            trainer = _trainer(e, args)
            for record in with_progress(e, _records(trainer, stop), quiet=args.quiet):
                history.append(record)
        except TRAINING_ERRORS as error:
            problems.append(reason(error))
        if trained := not stop.number:
            stop.ending = "the training is over, its files are being written"
        problems += outputs.write(history)
    if history.n and not (trained and stop.number):
        try:
            print(verdict(history).text, flush=True)
            for line in _exam(e, trainer, pairs):
                print(line)
        except KeyboardInterrupt:
            stop.number = stop.number or signal.SIGINT
        except BrokenPipeError:
            raise
        except TRAINING_ERRORS as error:
            problems.append(reason(error))
    return _end(history, stop, problems, trained)


def _end(history: History, stop: Stop, problems: list[str], trained: bool) -> int:
    """Says what did not go as planned; returns the exit code."""
    if stop.number and trained:
        tell(f"stopped by {stop.name} after the training: the files are written, the report is not complete")
    elif stop.number:
        at = f"at training step {history.steps[history.n - 1]} of {history.e.steps}" if history.n else "before the first step"
        tell(f"stopped by {stop.name}, last record {at}")
    for problem in problems:
        tell(problem)
    return FAILED if problems else STOPPED + stop.number if stop.number else 0


def _trainer(e: Experiment, args: argparse.Namespace) -> Trainer:
    import torch

    from rnnkit.engine.trainer import Trainer

    torch.set_num_threads(int(args.threads))
    return Trainer(e, device=args.device)


def _records(trainer: Trainer, stop: Stop) -> Iterator[Record]:
    """To the end, or until somebody asks for an end, which waits for no more than one training step."""
    from rnnkit.engine.trainer import quietly

    while not (trainer.done or stop.number):
        with quietly():
            record = trainer.advance()
        if record is not None:
            yield record


def _check_machine(e: Experiment, args: argparse.Namespace) -> None:
    """Raises ValueError where this machine cannot train that: threads, device, memory, PyTorch."""
    if not args.threads.isdecimal() or not 1 <= int(args.threads) <= MAX_THREADS:
        raise ValueError(f"--threads must be a whole number from 1 to {MAX_THREADS}, got {args.threads!r}")
    if not re.fullmatch(r"cpu|cuda(:\d{1,3})?", args.device):
        raise ValueError(f"--device must be cpu, cuda or cuda: and a number, got {args.device!r}")
    try:
        import torch
    except ModuleNotFoundError:
        raise ValueError("PyTorch is not installed: run  pip install torch==2.13.0") from None
    except (ImportError, OSError) as error:
        raise ValueError(f"PyTorch cannot be loaded: {reason(error)}") from None
    number = int(args.device.partition(":")[2] or 0)
    if args.device != "cpu" and number >= torch.cuda.device_count():
        raise ValueError(f"--device {args.device}: PyTorch sees {torch.cuda.device_count()} GPUs with CUDA here; valid is cpu")
    needed, room = megabytes(e) * SPILL + WARM, resources.memory()
    if args.device == "cpu" and room and needed > room:
        raise ValueError(
            f"out of memory: this experiment needs about {needed / 1024:,.1f} GB, this machine has {room / 1024:,.1f}: "
            "take a smaller length, hidden, batch or replicas"
        )


def _base(args: argparse.Namespace) -> Experiment:
    """What the options change: the defaults, a preset or an experiment from JSON."""
    if args.preset is not None and args.json is not None:
        raise ValueError("give --preset or --json, not both")
    if args.preset is not None and args.preset not in PRESETS:
        raise ValueError(f"unknown preset {args.preset!r}: valid are {', '.join(PRESETS)}")
    if args.json is not None:
        try:
            return Experiment.from_json((sys.stdin.buffer.read() if args.json == "-" else contents(args.json)).decode())
        except UnicodeDecodeError:
            raise ValueError(f"cannot read {args.json}: expected JSON in UTF-8") from None
    return PRESETS[args.preset].experiment if args.preset else Experiment()


def _experiment(args: argparse.Namespace) -> Experiment:
    """The base, changed by the options; every problem in one message."""
    base = _base(args)
    texts, problems = _given(args, base)
    given: dict[str, Any] = {}
    for name, text in texts.items():
        try:
            given[name] = _fixes(text) if name == "fixes" else parse(name, text)
        except ValueError as error:
            problems[name] = str(error)
    if problems:
        raise ExperimentError(problems)
    e = _fitted(base.to_dict() | given, set(given))
    if given.get("fixes") and not applies(e, "fixes"):
        raise ExperimentError({"fixes": f"--fix does not apply to cell '{e.cell}', whose recurrent weights are not trained"})
    if (lost := _lost(base, e, set(given))) and not args.quiet:
        tell(f"not taken from {'--preset' if args.preset else '--json'}, as it does not fit the other options: {'; '.join(lost)}")
    return e


def _lost(base: Experiment, e: Experiment, given: set[str]) -> list[str]:
    """The settings of a preset or of JSON that were not given and do not fit what was, each with what it is now."""
    kept, default = e.to_dict(), Experiment().to_dict()

    def shown(value: Any) -> str:
        return (", ".join(value) or "none") if isinstance(value, list) else f"{value}"

    return [
        f"{name} {shown(value)}" + (f" (now {shown(kept[name])})" if name in kept else "")
        for name, value in base.to_dict().items()
        if name not in given and value not in (kept.get(name), default.get(name))
    ]


def _given(args: argparse.Namespace, base: Experiment) -> tuple[dict[str, Any], dict[str, str]]:
    """The fields that the options set, as text, and what is wrong with the options that belong to --file."""
    texts = {name: getattr(args, name) for name in FIELDS if name != "fixes" and getattr(args, name) is not None}
    if args.fix is not None:
        texts["fixes"] = args.fix
    if args.file is None:
        return texts, {name: f"{name} belongs to --file: give --file, too" for name in options(args, *OF_SENTENCES, *OF_TEXTS)}
    if not TASKS[base.task].data:
        texts.setdefault("task", "corpus")
    return texts | {"data": data_of(args, texts.get("task", base.task))}, {}


def _fixes(texts: Sequence[str]) -> Any:
    """The remedies of all --fix together."""
    names = [name.strip() for text in texts for name in text.split(",")]
    if "" in names:
        raise ValueError(f"--fix needs the name of a remedy, got {texts[0]!r}: valid are {', '.join(FIXES)}, or none")
    if "none" in names and len(names) > 1:
        raise ValueError("--fix none is no remedy at all: give it alone, or leave it out")
    return parse("fixes", "" if names == ["none"] else ",".join(names))


def _fitted(values: dict[str, Any], given: set[str]) -> Experiment:
    """The Experiment; what was not given and does not fit what was falls back to its default."""
    known = Experiment(task=values["task"], cell=values["cell"]).to_dict()
    values = {name: value for name, value in values.items() if name in known or name in given}
    try:
        return Experiment(**values)
    except ExperimentError as error:
        misfits = error.problems.keys() & values.keys() - given
        if not misfits:
            raise
        return _fitted({name: value for name, value in values.items() if name not in misfits}, given)


def _exam(e: Experiment, trainer: Trainer, pairs: str) -> Iterator[str]:
    """What the task measures beside accuracy, in words."""
    if e.task == "corpus":
        yield _tested(e, trainer.params)
    if TASKS[e.task].data == "text":
        from rnnkit.studies.text_report import report

        yield from ["", *report(e, trainer.params, int(trainer.diverged[0]), pairs)]


def _tested(e: Experiment, params: Any) -> str:
    """The first network on the sentences kept for the test, beside the baselines."""
    from rnnkit.studies.evaluate_corpus import examined

    return as_text(examined(e, params))


if __name__ == "__main__":
    sys.exit(main())
