"""Settings that are scripted."""

from reference import active

from rnnkit import Experiment
from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import FIXES, parse_fix
from rnnkit.engine.optim import OPTIMIZERS
from rnnkit.engine.schedules import SCHEDULES
from rnnkit.experiment import FIELDS
from rnnkit.tasks import TASKS

DRAWN = [name for name, task in TASKS.items() if not task.data and not task.padded]


def small(**changes):
    """Two networks, five training steps; what does not apply to the cell is left away."""
    values = {"length": 12, "hidden": 8, "batch": 4, "steps": 5, "replicas": 2, "seed": 3, "fixes": (), "lr": 0.05} | changes
    cell = values.get("cell", "tanh")
    if CELLS[cell].reservoir:
        values |= {"batch": 32, "ridge": 1e-3} | changes  # else the ridge regression is left to rounding
    values["length"] = max(values["length"], TASKS[values.get("task", "agreement")].min_length)
    return Experiment(**{k: v for k, v in values.items() if k == "cell" or FIELDS[k].fits(Experiment(cell=cell))})


ALL = [
    *(small(cell=cell, fixes=(active("clip-norm"),)) for cell in CELLS),
    *(small(task=task) for task in DRAWN),
    *(small(fixes=(active(fix),)) for fix in FIXES),
    *(small(optimizer=name) for name in OPTIMIZERS),
    *(small(schedule=name, warmup=warmup) for name in SCHEDULES for warmup in (0, 2)),
    small(schedule="cosine", fixes=[parse_fix(fix) for fix in ("weight-decay:0.1:W_in+W_rec@2", "freeze:W_in")]),
    small(schedule="linear", warmup=2, fixes=[parse_fix(fix) for fix in ("freeze:W_rec@3", "weight-decay:1")]),
    small(cell="gru", fixes=[parse_fix(fix) for fix in ("truncate:5", "l1:1", "freeze:b@2", "clip-value:1@7")]),
    small(cell="esn", task="adding"),
    small(fixes=[parse_fix(fix) for fix in ("freeze:W_rec", "clip-value:1")]),
    small(fixes=[parse_fix(fix) for fix in ("freeze:W_rec@2", "l1:1", "omega:0.5@3", "clip-norm:1")]),
]
