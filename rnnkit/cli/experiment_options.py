"""The options of `train` that set fields of the Experiment, and the Experiment from them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from rnnkit.cli.exit_status import print_error
from rnnkit.cli.inputs import OPTIONS, data_of, given_options, read_bytes, weights_of
from rnnkit.corpus import FORMATS
from rnnkit.experiment import FIELDS, Experiment, ExperimentError, changed
from rnnkit.fields import FieldSpec
from rnnkit.stories.presets import PRESETS
from rnnkit.tasks import TASKS
from rnnkit.tasks.data import STORE


def add_experiment(parser: argparse.ArgumentParser) -> None:
    """Adds --preset, --json, --fix and one option for each other field."""
    parser.add_argument(
        "--preset", metavar="NAME", help="start from a story of the dashboard (default: from the defaults below); see rnnkit list"
    )
    parser.add_argument("--json", metavar="FILE", help="start from an experiment saved as JSON ('-' reads standard input)")
    for name, spec in FIELDS.items():
        kind: dict[str, Any] = {"metavar": "NAME[:STRENGTH]", "action": "append"} if spec.several else {"metavar": "X"}
        if name == "weights":
            kind["metavar"] = "FILE"
        parser.add_argument(spec.option, dest=name, help=_help(spec), **kind)


def add_data(parser: argparse.ArgumentParser) -> None:
    """Adds --file and what belongs to it."""
    parser.add_argument(
        "--file",
        metavar="FILE",
        help="learn from sentences (task corpus, assumed), a text (characters, words) or a table of numbers (series)",
    )
    parser.add_argument("--gold", metavar="FILE", help="of Gulordava et al.'s corpora: the .gold file beside the .text file")
    parser.add_argument("--test", metavar="FILE", help="sentences to test on, any number; --file is then for training alone")
    formats = ", ".join(FORMATS)
    parser.add_argument("--format", metavar="NAME", choices=[*FORMATS], help=f"of --file: {formats} (default: recognised)")
    parser.add_argument(
        "--whole-text", action="store_true", help="learn Project Gutenberg's header and licence, too (default: not)"
    )
    columns = "columns of a table of numbers, separated by commas"
    parser.add_argument("--inputs", metavar="NAMES", help=f"{columns}, that are read (default: all that vary)")
    parser.add_argument("--outputs", metavar="NAMES", help=f"{columns}, that are predicted (default: those that are read)")
    parser.add_argument("--ahead", metavar="N", help="so many rows ahead they are predicted; 0: in the same row (default 1)")


def _help(spec: FieldSpec) -> str:
    if spec.several:
        return (
            "a remedy; several are applied in the order given. The first --fix removes all remedies of the default "
            "(clip-norm:1), the preset or the JSON: name those to keep again. 'none' for no remedy. "
            f"One of: {spec.valid} (default clip-norm:1, or those of the preset or the JSON)"
        )
    if spec.name == "weights":
        return "a file of the first weights, .safetensors or .npz, of one nn.RNN (--cell relu: with ReLU), nn.LSTM or nn.GRU"
    return f"{spec.help} {spec.valid} (default {spec.show(spec.default) or 'none'})".replace("%", "%%")


def experiment_of(args: argparse.Namespace, start: Experiment | None = None) -> Experiment:
    """Returns `start`, else the preset, JSON or default Experiment, changed by the options. Raises ValueError with every problem.

    Prints which settings of a preset or JSON were dropped because they do not fit the options.
    """
    base = start or _base(args)
    texts, problems = _given(args, base)
    given: dict[str, Any] = {}
    for name, text in texts.items():
        try:
            given[name] = FIELDS[name].parse(text) if isinstance(text, str) else _together(FIELDS[name], text)
        except ValueError as error:
            problems[name] = str(error)
    if problems:
        raise ExperimentError(problems)
    e = changed(base, given)
    if unused := [FIELDS[name] for name, value in given.items() if value != getattr(e, name)]:
        raise ExperimentError({spec.name: f"{spec.option} {spec.why_unused(e)}" for spec in unused})
    if (dropped := _dropped(base, e, set(given))) and not args.quiet:
        origin = "--preset" if args.preset else "--json" if args.json else "the file"
        print_error(f"not taken from {origin}, as it does not fit the other options: {'; '.join(dropped)}")
    return e


def _base(args: argparse.Namespace) -> Experiment:
    """Returns the Experiment before the options: the defaults, a preset or JSON."""
    if args.preset is not None and args.json is not None:
        raise ValueError("give --preset or --json, not both")
    if args.preset is not None and args.preset not in PRESETS:
        raise ValueError(f"unknown preset {args.preset!r}: valid are {', '.join(PRESETS)}")
    if args.json is not None:
        try:
            data = sys.stdin.buffer.read() if args.json == "-" else read_bytes(args.json)
            return Experiment.from_json(data.decode("utf-8-sig"))
        except UnicodeDecodeError:
            raise ValueError(f"cannot read {args.json}: expected JSON in UTF-8") from None
    return PRESETS[args.preset].experiment if args.preset else Experiment()


def _dropped(base: Experiment, e: Experiment, given: set[str]) -> list[str]:
    """Returns the settings of a preset or JSON that the other options have changed, each with its new value."""
    values, default = e.to_dict(), Experiment().to_dict()

    def shown(e: Experiment, name: str) -> str:
        return FIELDS[name].show(getattr(e, name)) or "none"

    return [
        f"{name} {shown(base, name)}" + (f" (now {shown(e, name)})" if name in values else "")
        for name, value in base.to_dict().items()
        if name not in given and value not in (values.get(name), default.get(name))
    ]


def _given(args: argparse.Namespace, base: Experiment) -> tuple[dict[str, Any], dict[str, str]]:
    """Returns the fields that the options set, as text, and the problems of options that need --file."""
    texts = {name: getattr(args, name) for name in FIELDS if getattr(args, name) is not None}
    if texts.get("weights"):
        given = weights_of(texts["weights"], texts.get("cell"))
        texts = {"cell": given.cell, "hidden": str(given.hidden)} | texts | {"weights": STORE.put(given)}
    if args.file is None:
        options = given_options(args, *(name for names, _ in OPTIONS.values() for name in names))
        return texts, {name: f"{name} belongs to --file: give --file, too" for name in options}
    if not TASKS[base.task].data:
        texts.setdefault("task", "corpus")
    return texts | {"data": data_of(args, texts.get("task", base.task))}, {}


def _together(spec: FieldSpec, texts: Sequence[str]) -> Any:
    """Reads all options --fix together. Raises ValueError for an empty name, and for `none` among others."""
    names = [name.strip() for text in texts for name in text.split(",")]
    if "" in names:
        raise ValueError(f"{spec.option} needs the name of a remedy, got {texts[0]!r}: valid are {spec.valid}, or none")
    if "none" in names and len(names) > 1:
        raise ValueError(f"{spec.option} none is no remedy at all: give it alone, or leave it out")
    return spec.parse("" if names == ["none"] else ",".join(names))
