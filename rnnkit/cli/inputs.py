"""Reads the input files of `train` before the training: sentences, a text, sentences to test on, minimal pairs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rnnkit.cli.exit_status import error_text
from rnnkit.corpus import Corpus, CorpusError, Pairs, Text, read_corpus, read_pairs, read_suite, read_text
from rnnkit.engine.torch_layout import read_weights
from rnnkit.experiment import Experiment
from rnnkit.tasks import TASKS
from rnnkit.tasks.data import STORE
from rnnkit.tasks.weights import Weights

CORPUS_OPTIONS, TEXT_OPTIONS = ("gold", "format", "test"), ("whole_text",)  # options for the kinds of --file


def given_options(args: argparse.Namespace, *names: str) -> list[str]:
    """Returns those of these options that were given, as they are written: `--whole-text`."""
    return [f"--{name.replace('_', '-')}" for name in names if getattr(args, name) not in (None, False)]


def read_bytes(path: str, what: str = "") -> bytes:
    """Returns the bytes of a file. Raises ValueError with the path where it cannot be read."""
    if not path:
        raise ValueError("expected the name of a file to read, got ''")
    try:
        return Path(path).read_bytes()
    except (OSError, MemoryError) as error:
        raise ValueError(f"cannot read {what}{path}: {error_text(error)}") from None


def data_of(args: argparse.Namespace, task: str) -> str:
    """Reads --file for this task, stores its content and returns the name for Experiment.data.

    Raises ValueError for a task that reads no file, an option of another task, and an unusable file.
    """
    kind = TASKS[task].data if task in TASKS else ""
    if not kind:
        tasks = ", ".join(name for name, t in TASKS.items() if t.data)
        raise ValueError(f"--file needs a task that learns from a file ({tasks}), got {task!r}")
    if kind != "corpus" and (unsuitable := given_options(args, *CORPUS_OPTIONS)):
        raise ValueError(f"{unsuitable[0]} needs the task corpus (sentences with a verb), got {task!r}")
    if kind != "text" and (unsuitable := given_options(args, *TEXT_OPTIONS)):
        raise ValueError(f"{unsuitable[0]} needs a text (task characters or words), got {task!r}")
    data, gold = read_bytes(args.file, "the file "), read_bytes(args.gold, "the file ") if args.gold is not None else None
    name = Path(args.file).name
    suite = None if args.test is None else _suite(args.test)
    try:
        content: Corpus | Text
        if kind == "corpus":
            content = read_corpus(data, name, args.format, gold, test=suite)
        else:
            content = read_text(data, name, whole=args.whole_text)
    except ValueError as error:
        is_text = kind == "corpus" and args.task is None and _is_text(data)
        message = f"{str(error).rstrip('?')}. To learn from it as a text: --task characters, or words"
        raise ValueError(message if is_text else error) from None
    return _store(content, args.quiet)


def weights_of(path: str, cell: str | None) -> Weights:
    """Returns the weights in a file. cell: "relu" for an nn.RNN with ReLU. Raises ValueError where the file is not usable."""
    return read_weights(read_bytes(path, "the file of --weights "), Path(path).name, "relu" if cell == "relu" else "tanh")


def _store(content: Corpus | Text | Pairs, quiet: bool) -> str:
    """Stores the content and returns its name. Prints its notes to standard error."""
    if content.notes and not quiet:
        print("\n".join(content.notes), file=sys.stderr)
    return STORE.put(content)


def _suite(path: str) -> Corpus:
    """Reads the sentences of --test. The .gold file of a .text file lies in the same folder."""
    data, gold = read_bytes(path, "the file of --test "), Path(path).with_suffix(".gold")
    answers = read_bytes(str(gold), "the file ") if path.endswith(".text") and gold.is_file() else None
    try:
        return read_suite(data, Path(path).name, gold=answers)
    except CorpusError as error:
        raise ValueError(f"--test {Path(path).name}: {error}") from None


def _is_text(data: bytes) -> bool:
    try:
        read_text(data)
    except ValueError:
        return False
    return True


def pairs_of(args: argparse.Namespace, e: Experiment) -> str:
    """Reads --pairs, stores them and returns their name; "" without --pairs. Raises ValueError where they do not fit."""
    if args.pairs is None:
        if args.pairs_gold is not None:
            raise ValueError("--pairs-gold belongs to --pairs: give --pairs, too")
        return ""
    if TASKS[e.task].data != "text":
        raise ValueError(f"--pairs asks a text's model: expected --task characters or words, got {e.task!r}")
    gold = None if args.pairs_gold is None else read_bytes(args.pairs_gold, "the file ")
    return _store(read_pairs(read_bytes(args.pairs, "the file "), Path(args.pairs).name, gold), args.quiet)
