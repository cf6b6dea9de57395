"""Learners, a file each: what turns a batch's gradients into new weights. A cell names its learner in `Cell.learner`.

A new learner is one more file and one more line in LEARNERS. base.py says what a learner does.
"""

from rnnkit.engine.learners.base import Learner
from rnnkit.engine.learners.gradient_descent import GradientDescent
from rnnkit.engine.learners.ridge import RidgeReadout

__all__ = ["LEARNERS", "GradientDescent", "Learner", "RidgeReadout"]

LEARNERS: dict[str, type[Learner]] = {
    "gradient-descent": GradientDescent,
    "ridge": RidgeReadout,
}
