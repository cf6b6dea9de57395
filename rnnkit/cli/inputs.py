"""Reads the input files of `train` before the training: sentences, a text, numbers, sentences to test on, minimal pairs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from rnnkit.cli.exit_status import error_text
from rnnkit.corpus import Corpus, CorpusError, Pairs, Series, Text, read_corpus, read_pairs, read_series, read_suite, read_text
from rnnkit.corpus.number_table import column_names
from rnnkit.corpus.series import MAX_AHEAD
from rnnkit.engine.torch_layout import read_weights
from rnnkit.experiment import Experiment
from rnnkit.tasks import TASKS
from rnnkit.tasks.data import STORE
from rnnkit.tasks.weights import Weights

OPTIONS = {  # kind of --file (Task.data) -> options that it takes, and what they need, in an error
    "corpus": (("gold", "format", "test"), "the task corpus (sentences with a verb)"),
    "text": (("whole_text",), "a text (task characters or words)"),
    "series": (("inputs", "outputs", "ahead"), "numbers of a table (task series)"),
}


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
    for other, (names, needed) in OPTIONS.items():
        if kind != other and (unsuitable := given_options(args, *names)):
            raise ValueError(f"{unsuitable[0]} needs {needed}, got {task!r}")
    data = read_bytes(args.file, "the file ")
    try:
        return _store(READERS[kind](args, data, Path(args.file).name), args.quiet)
    except ValueError as error:
        hint = next((text for text, read in INSTEAD if _reads(read, data)), "") if args.task is None else ""
        raise ValueError(f"{str(error).rstrip('?')}. {hint}" if hint else error) from None


def weights_of(path: str, cell: str | None) -> Weights:
    """Returns the weights in a file. cell: "relu" for an nn.RNN with ReLU. Raises ValueError where the file is not usable."""
    return read_weights(read_bytes(path, "the file of --weights "), Path(path).name, "relu" if cell == "relu" else "tanh")


def _corpus(args: argparse.Namespace, data: bytes, name: str) -> Corpus:
    gold = None if args.gold is None else read_bytes(args.gold, "the file ")
    return read_corpus(data, name, args.format, gold, test=None if args.test is None else _suite(args.test))


def _text(args: argparse.Namespace, data: bytes, name: str) -> Text:
    return read_text(data, name, whole=args.whole_text)


def _series(args: argparse.Namespace, data: bytes, name: str) -> Series:
    inputs, outputs = (column_names(text or "") for text in (args.inputs, args.outputs))
    ahead = args.ahead or "1"
    if not ahead.isdecimal():
        raise ValueError(f"--ahead must be a whole number of rows from 0 to {MAX_AHEAD}, got {ahead!r}")
    return read_series(data, name, inputs, outputs, int(ahead[:9]))


READERS: dict[str, Callable[[argparse.Namespace, bytes, str], Corpus | Text | Series]] = {
    "corpus": _corpus,
    "text": _text,
    "series": _series,
}
INSTEAD: tuple[tuple[str, Callable[[bytes], object]], ...] = (  # where no task was given and the file is no corpus
    ("To learn from its numbers: --task series", read_series),
    ("To learn from it as a text: --task characters, or words", read_text),
)


def _store(content: Corpus | Text | Pairs | Series, quiet: bool) -> str:
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


def _reads(read: Callable[[bytes], object], data: bytes) -> bool:
    try:
        read(data)
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
