"""What is to be learnt: TASKS holds every task under the name that menus, links and the command line use.

A task draws sequences and targets and scores answers, with numpy alone. rnnkit/corpus reads the files that some tasks learn from.
"""

from rnnkit.tasks.agreement import Agreement
from rnnkit.tasks.base import Batch, Task, is_held_out
from rnnkit.tasks.corpora import Sentences
from rnnkit.tasks.synthetic import Adding, Memorization, Multiplication, Permutation, TemporalOrder
from rnnkit.tasks.texts import NextCharacter, NextWord

TASKS: dict[str, Task] = {
    "agreement": Agreement(
        "agreement", "The verb at the end must agree with the subject at the start: the cat … was, the cats … were."
    ),
    "agreement-varying": Agreement(
        "agreement, moving subject", "As agreement, but adverbs at the start move the subject about.", varying=True
    ),
    "agreement-attractors": Agreement(
        "agreement with attractors",
        "As agreement, but half of the nouns in the clause are singular or plural too, independent of the subject.",
        attractors=0.5,
    ),
    "agreement-varying-attractors": Agreement(
        "agreement, moving subject and attractors",
        "A moving subject, and half of the nouns in the clause are singular or plural too.",
        varying=True,
        attractors=0.5,
    ),
    "temporal-order": TemporalOrder((0.1, 0.5)),
    "temporal-order-3": TemporalOrder((0.1, 0.3, 0.6)),
    "adding": Adding(),
    "multiplication": Multiplication(),
    "permutation": Permutation(),
    "memorization": Memorization(),
    "corpus": Sentences(),
    "characters": NextCharacter(),
    "words": NextWord(),
}


def agreement_task(name: str) -> Agreement:
    """The task of this name. Raises ValueError where it is not one about agreement."""
    task = TASKS[name]
    if not isinstance(task, Agreement):
        names = ", ".join(name for name, task in TASKS.items() if isinstance(task, Agreement))
        raise ValueError(f"this needs a task about agreement ({names}), got '{name}'")
    return task


__all__ = ["TASKS", "Batch", "Task", "agreement_task", "is_held_out"]
