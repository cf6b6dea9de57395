"""`rnnkit train`: trains the networks of one Experiment, writes the requested files and prints the verdict."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnkit.analysis.summary import verdict
from rnnkit.cli.backend_option import add_backend, choose_backend
from rnnkit.cli.exit_status import CODES, FAILED, SIGNAL_BASE, TRAINING_ERRORS, Stop, error_text, fail, print_error
from rnnkit.cli.experiment_options import add_data, add_experiment, experiment_of
from rnnkit.cli.inputs import pairs_of
from rnnkit.cli.outputs import Outputs
from rnnkit.cli.progress import with_progress
from rnnkit.corpus import as_text, blimp_2020, linzen_2016
from rnnkit.engine.device import check_device
from rnnkit.engine.history import History
from rnnkit.engine.record import Record
from rnnkit.experiment import Experiment
from rnnkit.serving import resources
from rnnkit.serving.limits import SPILL, WARM, megabytes
from rnnkit.tasks import TASKS
from rnnkit.tasks.forecast import Forecast, forecast_text

if TYPE_CHECKING:
    from rnnkit.engine.trainer import Trainer

MAX_THREADS = 1024
INPUTS = ("file", "gold", "test", "pairs", "pairs_gold")
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

  an echo state network on two columns of a table of your own, which predicts the next row of one of them:
    python -m rnnkit train --task series --cell esn --hidden 100 --file weather.csv --inputs rain,wind --outputs rain
"""
EPILOG = f"{EXAMPLES}\n{CODES}"


def add_to(commands: Any) -> None:
    """Adds the subcommand's parser."""
    parser = commands.add_parser(
        "train",
        help="train networks and write what happens as tables",
        description="Trains the networks of one experiment side by side and reports what their gradient did.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    add_experiment(parser)
    add_data(parser)
    _add_pairs(parser)
    _add_outputs(parser)
    parser.add_argument(
        "--threads", metavar="N", default="1", help=f"to compute with, 1 to {MAX_THREADS} (default 1: small matrices)"
    )
    parser.add_argument("--device", metavar="NAME", default="cpu", help="cpu, cuda, or cuda:1 for the second GPU (default cpu)")
    add_backend(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no notes on files and settings")


def _add_pairs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--pairs",
        metavar="FILE",
        help="ask a text's model which sentence of each minimal pair is more probable: BLiMP's JSON lines, a .text file, lines "
        "that begin with True or False, or a table with a right and a wrong sentence in each row; of any "
        "language (default: those of the example text)",
    )
    parser.add_argument("--pairs-gold", metavar="FILE", help="the .gold file beside the .text file of --pairs")


def _add_outputs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--records", metavar="FILE", help="write one row a step and network (.csv or .parquet)")
    parser.add_argument(
        "--gradients", metavar="FILE", help="write ||dL/ds_t|| of every step, time and network (.csv or .parquet)"
    )
    parser.add_argument("--charts", metavar="FOLDER", help="draw its charts into this folder, each as .svg and .png")
    parser.add_argument("--handout", metavar="FILE", help="write one .html page with charts, findings and settings, to pass on")
    parser.add_argument("--save-json", metavar="FILE", help="write the experiment itself, for --json")
    parser.add_argument("--force", action="store_true", help="overwrite files that exist (default: such a file is an error)")


def run(args: argparse.Namespace) -> int:
    """Trains, writes the files, prints the report; returns the exit code. Raises SystemExit(2) for invalid arguments."""
    try:
        e = experiment_of(args)
        outputs = Outputs({f"--{name.replace('_', '-')}": path for name in OUTPUTS if (path := getattr(args, name)) is not None})
        outputs.check(e, {f"--{name}": path for name in INPUTS if (path := getattr(args, name)) is not None}, args.force)
        _check_machine(e, args)
        pairs = pairs_of(args, e)
        _print_remarks(e, args.quiet)
    except ValueError as error:
        fail(error)
    history, problems = History(e), []
    with Stop() as stop:
        try:
            trainer = _trainer(e, args)
            for record in with_progress(e, _records(trainer, stop), quiet=args.quiet):
                history.append(record)
        except TRAINING_ERRORS as error:
            problems.append(error_text(error))
        if trained := not stop.signal_number:
            stop.notice = "the training is over, its files are being written"
        problems += outputs.write(history)
    if history.n and not (trained and stop.signal_number):
        try:
            print(verdict(history).text, flush=True)
            for line in _held_out_report(e, trainer, pairs):
                print(line)
        except KeyboardInterrupt:
            stop.signal_number = stop.signal_number or signal.SIGINT
        except BrokenPipeError:
            raise
        except TRAINING_ERRORS as error:
            problems.append(f"the report is not complete: {error_text(error)}")
    return _end(history, stop, problems, trained)


def _print_remarks(e: Experiment, quiet: bool) -> None:
    """Prints which settings change nothing, and which sentences lose words, to standard error."""
    for remark in () if quiet else filter(None, (*e.remarks, e.bound_task.cut_text(e.length))):
        print_error(remark)


def _end(history: History, stop: Stop, problems: list[str], trained: bool) -> int:
    """Prints what stopped or failed; returns the exit code."""
    if stop.signal_number and trained:
        print_error(f"stopped by {stop.name} after the training: the files are written, the report is not complete")
    elif stop.signal_number:
        at = f"last record at training step {history.steps[history.n - 1]} of {history.e.steps}"
        print_error(f"stopped by {stop.name}, {at if history.n else 'nothing is recorded yet'}")
    for problem in problems:
        print_error(problem)
    return FAILED if problems else SIGNAL_BASE + stop.signal_number if stop.signal_number else 0


def _trainer(e: Experiment, args: argparse.Namespace) -> Trainer:
    import torch

    from rnnkit.engine.trainer import Trainer

    torch.set_num_threads(int(args.threads))
    return Trainer(e, device=args.device)


def _records(trainer: Trainer, stop: Stop) -> Iterator[Record]:
    """Yields the records until the training is over, or until the first step after a signal."""
    from rnnkit.engine.denormals import no_grad_no_denormals

    while not (trainer.done or stop.signal_number):
        with no_grad_no_denormals():
            record = trainer.advance()
        if record is not None:
            yield record


def _check_machine(e: Experiment, args: argparse.Namespace) -> None:
    """Raises ValueError where this machine cannot train the Experiment: threads, device, memory, PyTorch."""
    if not args.threads.isdecimal() or not 1 <= int(args.threads) <= MAX_THREADS:
        raise ValueError(f"--threads must be a whole number from 1 to {MAX_THREADS}, got {args.threads!r}")
    try:
        check_device(args.device, "--device")  # it imports PyTorch
    except ModuleNotFoundError:
        raise ValueError("PyTorch is not installed: run  pip install torch==2.13.0") from None
    except (ImportError, OSError) as error:
        raise ValueError(f"PyTorch cannot be loaded: {error_text(error)}") from None
    choose_backend(args)
    needed, room = megabytes(e) * SPILL + WARM, resources.memory()
    if args.device == "cpu" and room and needed > room:
        raise ValueError(
            f"out of memory: this experiment needs about {needed / 1024:,.1f} GB, this machine has {room / 1024:,.1f}: "
            "take a smaller length, hidden, batch or replicas"
        )


def _held_out_report(e: Experiment, trainer: Trainer, pairs: str) -> Iterator[str]:
    """Yields lines about the results on held-out data: a corpus by groups, a text in bits and minimal pairs, numbers."""
    if TASKS[e.task].data == "corpus":
        if e.replicas > 1:
            yield f"Of the {e.replicas} networks the first one is tested."
        yield _corpus_report(e, trainer.params)
    if TASKS[e.task].data == "text":
        from rnnkit.studies.text_report import report

        yield from ["", *report(e, trainer.params, int(trainer.diverged[0]), pairs, blimp_2020.published, blimp_2020.ABOUT)]

    task = e.bound_task
    if isinstance(task, Forecast):
        from rnnkit.engine.evaluation import Evaluation

        yield forecast_text(task, e.length, np.sqrt(Evaluation(e, trainer.params).squared_error()[trainer.diverged < 0]))


def _corpus_report(e: Experiment, params: Any) -> str:
    """Returns the results of the first network on the test sentences, beside the baselines."""
    from rnnkit.studies.evaluate_corpus import evaluate

    found = evaluate(e, params)
    if e.data and any(row["by"] == "attractors" for row in found.rows):
        return f"{as_text(found, linzen_2016.published)}\n{linzen_2016.ABOUT}"
    return as_text(found)
