"""Tasks, a file each: what is to be learnt. A new one is one more file and one more line in TASKS; base.py says what it declares.

A task draws sequences and targets and scores answers, with numpy alone. TASKS holds every task under the name that menus, links
and the command line use. rnnkit/corpus reads the files that some tasks learn from; data.py holds what was read.
"""

from typing import TypeVar

from rnnkit.tasks.adding import Adding
from rnnkit.tasks.adding_sum import AddingSum
from rnnkit.tasks.agreement import Agreement
from rnnkit.tasks.base import Batch, Task, is_held_out
from rnnkit.tasks.brackets import Brackets
from rnnkit.tasks.characters import NextCharacter
from rnnkit.tasks.copying import Copying
from rnnkit.tasks.corpus import Sentences
from rnnkit.tasks.delay import Delay
from rnnkit.tasks.latch import Latch
from rnnkit.tasks.mackey_glass import MackeyGlass
from rnnkit.tasks.memorization import Memorization
from rnnkit.tasks.multiplication import Multiplication
from rnnkit.tasks.palindrome import Palindrome
from rnnkit.tasks.parity import Parity
from rnnkit.tasks.permutation import Permutation
from rnnkit.tasks.series import NumberSeries
from rnnkit.tasks.sine import Sine
from rnnkit.tasks.temporal_order import TemporalOrder
from rnnkit.tasks.temporal_order_lengths import TemporalOrderLengths
from rnnkit.tasks.words import NextWord
from rnnkit.tasks.xor import Xor

__all__ = ["TASKS", "Batch", "Task", "is_held_out", "require"]

TASKS: dict[str, Task] = {
    "agreement": Agreement(),
    "agreement-varying": Agreement(varying=True),
    "agreement-attractors": Agreement(attractors=0.5),
    "agreement-varying-attractors": Agreement(varying=True, attractors=0.5),
    "temporal-order": TemporalOrder((0.1, 0.5)),
    "temporal-order-3": TemporalOrder((0.1, 0.3, 0.6)),
    "temporal-order-lengths": TemporalOrderLengths(),
    "adding": Adding(),
    "adding-sum": AddingSum(),
    "multiplication": Multiplication(),
    "permutation": Permutation(),
    "memorization": Memorization(),
    "copying": Copying(),
    "delay": Delay(),
    "palindrome": Palindrome(),
    "latch": Latch(),
    "xor": Xor(),
    "parity": Parity(),
    "brackets": Brackets(),
    "corpus": Sentences(),
    "characters": NextCharacter(),
    "words": NextWord(),
    "sine": Sine(),
    "mackey-glass": MackeyGlass(),
    "series": NumberSeries(),
}

T = TypeVar("T", bound=Task)


def require(kind: type[T], name: str, task: Task | None = None) -> T:
    """Returns the task of this name, or `task`, which is the same on data. Raises ValueError where it is not of this kind."""
    found = TASKS[name] if task is None else task
    if not isinstance(found, kind):
        names = ", ".join(name for name, task in TASKS.items() if isinstance(task, kind))
        raise ValueError(f"this needs one of the tasks {names}; got '{name}'")
    return found
