"""Learning rate schedules, a file each. A new one is one more file and one line in SCHEDULES; base.py says what it declares."""

from rnnkit.engine.schedules.base import Schedule
from rnnkit.engine.schedules.constant import Constant
from rnnkit.engine.schedules.cosine import Cosine
from rnnkit.engine.schedules.linear import Linear

__all__ = ["SCHEDULES", "Constant", "Cosine", "Linear", "Schedule"]

SCHEDULES: dict[str, Schedule] = {
    "constant": Constant(),
    "linear": Linear(),
    "cosine": Cosine(),
}
