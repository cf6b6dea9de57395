"""The options of `train` that describe the Experiment, and the Experiment that they describe."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from rnnkit.cli.ends import tell
from rnnkit.cli.inputs import OF_SENTENCES, OF_TEXTS, contents, data_of, options
from rnnkit.engine.fixes import FIXES
from rnnkit.experiment import FIELDS, Experiment, ExperimentError, applies, parse
from rnnkit.stories.presets import PRESETS
from rnnkit.tasks import TASKS


def add_experiment(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--preset", metavar="NAME", help="start from a story of the dashboard (default: from the defaults below); see rnnkit list"
    )
    parser.add_argument("--json", metavar="FILE", help="start from an experiment saved as JSON ('-' reads standard input)")
    for name, f in FIELDS.items():
        if name != "fixes":
            parser.add_argument(f"--{name.replace('_', '-')}", dest=name, metavar="X", help=_help(f))
    parser.add_argument(
        "--fix",
        action="append",
        metavar="NAME[:STRENGTH]",
        help="a remedy; several are applied in the order given. The first --fix removes all remedies of the default "
        "(clip-norm:1), the preset or the JSON: name those to keep again. 'none' for no remedy. "
        f"One of: {', '.join(FIXES)} (default clip-norm:1, or those of the preset or the JSON)",
    )


def _help(f: Any) -> str:
    kind = f.metadata
    valid = ", ".join(kind["choices"]) if "choices" in kind else kind.get("expected") or "{:g} to {:.10g}".format(*kind["range"])
    return f"{kind['help']} {valid} (default {'none' if f.default == '' else f.default})".replace("%", "%%")


def experiment_of(args: argparse.Namespace) -> Experiment:
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


def _base(args: argparse.Namespace) -> Experiment:
    """What the options change: the defaults, a preset or an experiment from JSON."""
    if args.preset is not None and args.json is not None:
        raise ValueError("give --preset or --json, not both")
    if args.preset is not None and args.preset not in PRESETS:
        raise ValueError(f"unknown preset {args.preset!r}: valid are {', '.join(PRESETS)}")
    if args.json is not None:
        try:
            data = sys.stdin.buffer.read() if args.json == "-" else contents(args.json)
            return Experiment.from_json(data.decode("utf-8-sig"))
        except UnicodeDecodeError:
            raise ValueError(f"cannot read {args.json}: expected JSON in UTF-8") from None
    return PRESETS[args.preset].experiment if args.preset else Experiment()


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
