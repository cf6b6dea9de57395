"""The files that `train` reads: sentences, a text, sentences to test on, minimal pairs. All are read before the training."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rnnkit.cli.ends import reason
from rnnkit.corpus import Corpus, CorpusError, Pairs, Text, read_corpus, read_pairs, read_suite, read_text
from rnnkit.experiment import Experiment
from rnnkit.tasks import TASKS
from rnnkit.tasks.data import keep

OF_SENTENCES, OF_TEXTS = ("gold", "format", "test"), ("whole_text",)  # options about --file, by what it holds


def options(args: argparse.Namespace, *names: str) -> list[str]:
    """Those of these options that were given, as they are written."""
    return [f"--{name.replace('_', '-')}" for name in names if getattr(args, name) not in (None, False)]


def contents(path: str, what: str = "") -> bytes:
    if not path:
        raise ValueError("expected the name of a file to read, got ''")
    try:
        return Path(path).read_bytes()
    except (OSError, MemoryError) as error:
        raise ValueError(f"cannot read {what}{path}: {reason(error)}") from None


def data_of(args: argparse.Namespace, task: str) -> str:
    """The name of what is in the file that was given."""
    kind = TASKS[task].data if task in TASKS else ""
    if not kind:
        takers = ", ".join(name for name, t in TASKS.items() if t.data)
        raise ValueError(f"--file needs a task that learns from a file ({takers}), got {task!r}")
    if kind != "corpus" and (lost := options(args, *OF_SENTENCES)):
        raise ValueError(f"{lost[0]} needs the task corpus (sentences with a verb), got {task!r}")
    if kind != "text" and (lost := options(args, *OF_TEXTS)):
        raise ValueError(f"{lost[0]} needs a text (task characters or words), got {task!r}")
    data, gold = contents(args.file, "the file "), contents(args.gold, "the file ") if args.gold is not None else None
    name = Path(args.file).name
    suite = None if args.test is None else _suite(args.test)
    try:
        found: Corpus | Text
        if kind == "corpus":
            found = read_corpus(data, name, args.format, gold, test=suite)
        else:
            found = read_text(data, name, whole=args.whole_text)
    except ValueError as error:
        is_text = kind == "corpus" and args.task is None and _is_text(data)
        told = f"{str(error).rstrip('?')}. To learn from it as a text: --task characters, or words"
        raise ValueError(told if is_text else error) from None
    return _kept(found, args.quiet)


def _kept(found: Corpus | Text | Pairs, quiet: bool) -> str:
    """Its name; what was noticed goes to standard error."""
    if found.notes and not quiet:
        print("\n".join(found.notes), file=sys.stderr)
    return keep(found)


def _suite(path: str) -> Corpus:
    """Sentences to test on; the .gold file of a .text file stands beside it."""
    data, gold = contents(path, "the file of --test "), Path(path).with_suffix(".gold")
    answers = contents(str(gold), "the file ") if path.endswith(".text") and gold.is_file() else None
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
    """The name of the minimal pairs that were given, "" where none were."""
    if args.pairs is None:
        if args.pairs_gold is not None:
            raise ValueError("--pairs-gold belongs to --pairs: give --pairs, too")
        return ""
    if TASKS[e.task].data != "text":
        raise ValueError(f"--pairs asks a text's model: expected --task characters or words, got {e.task!r}")
    gold = None if args.pairs_gold is None else contents(args.pairs_gold, "the file ")
    return _kept(read_pairs(contents(args.pairs, "the file "), Path(args.pairs).name, gold), args.quiet)
