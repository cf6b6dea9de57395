"""Exports an Experiment as a plain PyTorch script: torch.nn, autograd and torch.optim.

The text consists of templates (pieces.py), only those that this Experiment needs. Where a cell, remedy or task has no PyTorch
lines there is no script, and `missing` says why. Initial values and the task are rnnkit's own source (excerpt.py), so the
script has the same weights and batches, bit for bit. What is computed from them agrees up to rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import indent, wrap
from urllib.parse import urlencode

from rnnkit.analysis.describe import summary
from rnnkit.analysis.learnt import SOLVED, solved_threshold
from rnnkit.engine import inits
from rnnkit.engine.cells import CELLS, Cell
from rnnkit.engine.fixes import ActivationFix, Fix, GradientFix, SignalFix, StartableFix, UpdateFix
from rnnkit.engine.fixes.torch_names import TORCH_NAMES
from rnnkit.engine.optim import OPTIMIZERS
from rnnkit.engine.schedules import SCHEDULES
from rnnkit.engine.weights import Stream
from rnnkit.experiment import FIELDS, VERSION, Experiment, applies
from rnnkit.export import pieces
from rnnkit.export.excerpt import Excerpt, of_function, of_object
from rnnkit.export.pieces import fill
from rnnkit.tasks import TASKS

FILE_NAME = "experiment.py"
FUTURE_IMPORT = "from __future__ import annotations"
BASE_IMPORTS = {
    "import math",
    "import numpy as np",
    "import torch",
    "from torch import nn",
    "from torch.nn import functional as F",
}


@dataclass(frozen=True)
class Section:
    """A part of the script; a cell of the notebook."""

    title: str
    text: str  # one or two sentences about the code
    code: str


class ExportError(ValueError):
    """An Experiment that has no script; the message says why."""


def script(e: Experiment) -> str:
    """Returns the source of the script, which needs torch and numpy. Raises ExportError where `missing` has a reason."""
    about = "\n\n".join(part if part.startswith(" ") else _wrapped(part) for part in header(e))
    parts = [f'"""{about}\n"""\n\n{FUTURE_IMPORT}']
    for section in sections(e):
        space = "\n\n\n" if section.code.startswith(("def", "class", "@")) else "\n\n"
        parts.append(f"# ---- {section.title}\n{_wrapped(section.text, '# ')}{space}{section.code.strip()}")
    return "\n\n\n".join(parts) + '\n\n\nif __name__ == "__main__":\n    main()\n'


def missing(e: Experiment) -> list[str]:
    """Returns the reasons why there is no script of this Experiment, one sentence each; [] where there is one."""
    cell, task = CELLS[e.cell], TASKS[e.task]
    reasons = []
    if e.weights:
        reasons.append("Its first weights are those of a file, which a script does not hold.")
    if task.data:
        reasons.append(f"The task '{e.task}' reads a file, which a script does not hold.")
    elif task.padded or task.carries_state:
        kind = "sequences of different lengths" if task.padded else "a state that goes on from batch to batch"
        reasons.append(f"The task '{e.task}' has {kind}, for which there are no lines in plain PyTorch.")
    if not cell.torch_cell:
        reasons.append(f"The cell '{e.cell}' ({cell.title}) has no lines in plain PyTorch.")
    if applies(e, "optimizer") and not OPTIMIZERS[e.optimizer].torch_optimizer:
        reasons.append(f"The optimizer '{e.optimizer}' ({OPTIMIZERS[e.optimizer].title}) has no lines in plain PyTorch.")
    if not SCHEDULES[e.schedule].torch_factor:
        reasons.append(f"The schedule '{e.schedule}' ({SCHEDULES[e.schedule].title}) has no lines in plain PyTorch.")
    if e.loss not in pieces.LOSS:
        reasons.append(f"The loss '{e.loss}' has no lines in plain PyTorch.")
    return reasons + [
        f"The remedy '{fix.name}' ({fix.title}) has no lines in plain PyTorch for the cell '{e.cell}'."
        for fix in e.fixes
        if not _lines(fix, e)
    ]


def _wrapped(text: str, margin: str = "") -> str:
    return "\n".join(margin + line for line in wrap(text, 110))


def header(e: Experiment) -> list[str]:
    """Returns the paragraphs of the script's docstring: what it is, how to run it, its link."""
    return [
        f"{summary(e)}. An experiment of rnnkit, in plain PyTorch.",
        f"    python {FILE_NAME}",
        "It needs torch and numpy, nothing else. It trains one network after the other, from the same initial weights and on the "
        "same batches as the dashboard, bit for bit. What is computed from them is rounded otherwise: where training is "
        "chaotic, a single network can end otherwise. Change what you like: every choice stands in the settings or in a line "
        "below them.",
        f"The dashboard's link of this experiment (version {VERSION}) ends in",
        f"    ?{urlencode(e.to_query(), safe=',:@+')}",
    ]


def sections(e: Experiment) -> list[Section]:
    """Returns all parts of the script but the call of main(). Raises ExportError as `script` does."""
    if reasons := missing(e):
        raise ExportError(f"There is no PyTorch script of this experiment. {' '.join(reasons)}")
    drawing, network, training, task = _drawing(e), _network(e), _training(e), _task(e)
    imports = _imports(BASE_IMPORTS | drawing.imports | task.imports)
    return [
        Section("Settings", "All that was chosen.", f"{imports}\n\n{_settings(e)}\n"),
        Section(
            "Initial weights",
            "Drawn with numpy, with a random generator of its own for each purpose.",
            fill(pieces.WEIGHTS, drawing=drawing.code),
        ),
        Section("The network", "A cell of torch.nn in a loop over time, and a linear readout.", fill(pieces.NETWORK, **network)),
        Section(
            "Training",
            "Autograd is backpropagation through time here; retain_grad() keeps the gradient of every state that it passes.",
            fill(pieces.TRAINING, **training),
        ),
        Section("The task, as rnnkit draws it", "Endless training batches, and the held-out evaluation batch.", task.code),
        Section(
            "What is printed",
            "Of every network the gradient at the first step, before anything is trained, and its accuracy at the end.",
            fill(pieces.MAIN, **_report(e)),
        ),
    ]


# ---- the blocks for each $name of the templates


def _imports(statements: set[str]) -> str:
    """Returns the import statements, sorted: the standard library first."""
    others = {s for s in statements if s.split()[1].split(".")[0] in ("numpy", "torch")}
    return "\n\n".join("\n".join(sorted(part, key=lambda s: (s[0] == "f", s))) for part in (statements - others, others))


def _settings(e: Experiment) -> str:
    task = e.bound_task
    values = {
        "INPUTS": (task.n_in, "Symbols, or numbers, that can enter at each step."),
        "OUTPUTS": (task.n_out, "Numbers that the readout gives."),
        "ASKED": (task.n_targets(e.length), "So many of the last steps have an answer."),
        "SEEDS": (f"range({e.seed}, {e.seed + e.replicas})", "One network each."),
    }
    numbers = (
        "length",
        "hidden",
        "gain",
        "input_scale",
        "leak",
        "density",
        "ridge",
        "r_min",
        "r_max",
        "lr",
        "batch",
        "steps",
        "warmup",
    )
    for name in numbers:
        if applies(e, name):
            values[name.upper()] = (getattr(e, name), FIELDS[name].help)
    values["DTYPE"] = ("torch.float32", "With torch.float64 it is slower and exact to more digits.")
    return "\n".join(f"{name} = {value}  # {about}" for name, (value, about) in values.items())


def _drawing(e: Experiment) -> Excerpt:
    """Returns the functions that draw W_rec, the gate's bias and the cell's own weights."""
    cell = CELLS[e.cell]
    parts = [of_function(draw) for draw in cell.draws]
    if cell.recurrent:
        parts.append(of_function(inits.reservoir if cell.reservoir else inits.INITS[e.init].draw))
    if cell.forget_gate is not None:
        parts.append(of_function(inits.BIASES[e.bias].draw))
    return Excerpt(set().union(*(part.imports for part in parts)), "\n\n\n".join(part.code for part in parts))


def _task(e: Experiment) -> Excerpt:
    task = TASKS[e.task]
    name = type(task).__name__
    task_source = of_object(task, name, task.about, ("stream", "evaluation_batch"))
    return Excerpt(task_source.imports, f"{task_source.code}\n\n\ntask = {name}()\n")


def _network(e: Experiment) -> dict[str, str]:
    cell = CELLS[e.cell]
    states = ", ".join(cell.parts)
    state = states if len(cell.parts) == 1 else f"({states})"
    part = cell.second_product if cell.lag > 1 else ""
    cuts = [_lines(fix, e) for fix in e.fixes if isinstance(fix, SignalFix)]
    return {
        "cell_class": cell.torch_class,
        "title": f"One cell ({cell.title}) and a linear readout",
        "cell": cell.torch_cell,
        "width": "HIDDEN" if cell.gates == 1 else f"{cell.gates} * HIDDEN",
        "recurrent": _recurrent(e),
        "gate_bias": _gate_bias(e),
        "own_weights": fill(cell.torch_own_weights, OWN=f"{Stream.OWN:d}"),
        "recurrent_weights": _recurrent_weights(cell),
        "own_parameters": "\n".join(f"self.cell.{name} = parameter({name})" for name in cell.own_weights),
        "zero": " = ".join(cell.parts),
        "no_states": ", ".join(f'"{part}": []' for part in cell.parts),
        "each": "t, x_t in enumerate(x)" if cuts else "x_t in x",
        "truncation": "\n".join(cuts),
        "window": f"earlier = [{part}] * {cell.lag}  # of the last {cell.lag} steps" if part else "",
        "step": f"{states} = self.cell(x_t, {state}{', earlier[0]' if part else ''})",
        "shift": f"earlier = [*earlier[1:], {part}]" if part else "",
        "append": "\n".join(f'states["{part}"].append({part})' for part in cell.parts),
        "W_IN": f"{Stream.W_IN:d}",
        "W_OUT": f"{Stream.W_OUT:d}",
    }


def _recurrent_weights(cell: Cell) -> str:
    if not cell.recurrent:
        return ""
    second = "" if cell.recurrent_bias else ".requires_grad_(False)  # one bias is enough: this one stays 0"
    matrix = cell.second_matrix
    third = f"\nself.cell.{matrix} = parameter({matrix}.T)" if matrix else ""
    return f"self.cell.weight_hh = parameter(W_rec.T)\nself.cell.bias_hh = parameter(0 * b){second}{third}"


def _recurrent(e: Experiment) -> str:
    cell, rng = CELLS[e.cell], f"stream(seed, {Stream.W_REC:d})"
    if not cell.recurrent:
        return ""
    if cell.reservoir:
        return f"W_rec = reservoir({rng}, HIDDEN, GAIN, DENSITY)"
    draw = inits.INITS[e.init].draw.__name__
    if cell.gates == 1:
        second = f"\n{cell.second_matrix} = {draw}(stream(seed, {Stream.OWN:d}), HIDDEN, HIDDEN, GAIN)"
        return f"W_rec = {draw}({rng}, HIDDEN, HIDDEN, GAIN){second if cell.second_product else ''}"
    blocks = f"[{draw}(rng, HIDDEN, HIDDEN, GAIN) for _ in range({cell.gates})]"
    return f"rng = {rng}\nW_rec = np.concatenate({blocks}, axis=1)  # one block a gate"


def _gate_bias(e: Experiment) -> str:
    cell, bias = CELLS[e.cell], inits.BIASES[e.bias]
    if cell.forget_gate is None:
        return ""

    def gate(number: int) -> str:
        return f"b[{number} * HIDDEN : {number + 1} * HIDDEN]"

    drawn = f"{bias.draw.__name__}(stream(seed, {Stream.BIAS:d}), HIDDEN, LENGTH)"
    lines = [f"{gate(cell.forget_gate)} = {drawn}  # the gate that keeps the memory"]
    if cell.input_gate is not None and bias.mirrored:
        lines.append(f"{gate(cell.input_gate)} = -{gate(cell.forget_gate)}  # the gate that writes")
    return "\n".join(lines)


def _kinds(e: Experiment) -> tuple[bool, bool]:
    """Whether the inputs are symbols, and whether the answers are classes."""
    batch = e.bound_task.example(e.length)
    return batch.x.dtype.kind == "i", batch.y.dtype.kind == "i"


def _training(e: Experiment) -> dict[str, str]:
    cell, reservoir = CELLS[e.cell], CELLS[e.cell].reservoir
    symbols, classes = _kinds(e)
    target = "F.one_hot(y, OUTPUTS).to(DTYPE)" if reservoir and classes else "y"
    penalties = [fix for fix in e.fixes if isinstance(fix, ActivationFix)]
    fixes = [fix for fix in e.fixes if isinstance(fix, GradientFix)]
    penalty = {
        "functions": "".join(fix.torch_function(cell) for fix in penalties),
        "terms": "\n".join(_remedy(fix, e) for fix in penalties),
    }
    remedies = {
        "functions": "".join(fix.torch_function(cell) for fix in fixes),
        "steps": "\n".join(_remedy(fix, e) for fix in fixes),
    }
    norm = "norm(p.grad for p in network.parameters())"
    norms = [f"gradient = {norm}", f"applied = {norm}"] if penalties or fixes else [f"gradient = applied = {norm}"]
    norms[1:1] = [pieces.ADD_PENALTY] * bool(penalties) + ["remedies(network, states, step)"] * bool(fixes)
    return {
        "x": "F.one_hot(torch.from_numpy(batch.x), INPUTS).to(DTYPE)" if symbols else "torch.from_numpy(batch.x).to(DTYPE)",
        "y": "torch.from_numpy(batch.y)" if classes else "torch.from_numpy(batch.y).to(DTYPE)",
        "penalised": pieces.PENALISED if penalties else "",
        "penalty": fill(pieces.PENALTY, **penalty) if penalties else "",
        "remedies": fill(pieces.REMEDIES, **remedies) if fixes else "",
        "ridge": pieces.RIDGE if reservoir else "",
        "schedule": _schedule(e),
        "optimizer": "ridge = Ridge()" if reservoir else _optimizer(e),
        "loss": pieces.LOSS[e.loss].replace("target", target),
        "norms": "\n".join(norms),
        "watched": "loss.item()" if reservoir else "loss.item() + applied",
        "update": f'ridge.fit(network.readout, torch.stack(states["h"][-ASKED:]), {target})' if reservoir else _update(e),
        "DATA": f"{Stream.DATA:d}",
    }


def _is_scheduled(e: Experiment) -> bool:
    return SCHEDULES[e.schedule].ends or e.warmup > 0


def _schedule(e: Experiment) -> str:
    """Returns the function that gives the factor on the learning rate; "" where it is 1."""
    if not _is_scheduled(e):
        return ""
    rule, rise = SCHEDULES[e.schedule], "min(1, (step + 1) / WARMUP)"
    if not rule.ends:
        lines = f"return {rise}"
    elif e.warmup:  # LambdaLR asks for the factor of step STEPS too, which no update takes
        lines = f"t = max(0, step - WARMUP) / max(1, STEPS - WARMUP)\nreturn {rise} * ({rule.torch_factor})"
    else:
        lines = f"t = step / STEPS\nreturn {rule.torch_factor}"
    return fill(pieces.SCHEDULE, lines=lines)


def _optimizer(e: Experiment) -> str:
    made = f"optimizer = {OPTIMIZERS[e.optimizer].torch_optimizer}"
    return f"{made}\nschedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)" if _is_scheduled(e) else made


def _update(e: Experiment) -> str:
    fixes = [_remedy(fix, e) for fix in e.fixes if isinstance(fix, UpdateFix)]
    before = ["with torch.no_grad():\n" + indent("\n".join(fixes), "    ")] if fixes else []
    return "\n".join([*before, "optimizer.step()", *["schedule.step()"] * _is_scheduled(e)])


def _lines(fix: Fix, e: Experiment) -> str:
    frozen = any(fix.holds(weight) for fix in e.fixes if isinstance(fix, GradientFix) for weight in TORCH_NAMES)
    return fix.torch_lines(CELLS[e.cell], frozen)


def _remedy(fix: StartableFix, e: Experiment) -> str:
    code = _lines(fix, e)
    if fix.start_step:
        code = f"if step >= {fix.start_step}:\n" + indent(code, "    ")
    return f"# {fix.title}. {fix.about}\n{code}"


def _report(e: Experiment) -> dict[str, str]:
    return {
        "right": "z.argmax(-1) == y" if _kinds(e)[1] else f"(z - y).square().amax(-1) <= {TASKS[e.task].max_squared_error:g}",
        "watched": "loss" if CELLS[e.cell].reservoir else "loss + applied",
        "TEST": f"{Stream.TEST:d}",
        "SOLVED": f"{SOLVED if TASKS[e.task].data else solved_threshold(e):.6g}",
    }
