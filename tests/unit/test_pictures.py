"""The small pictures of stories and remedies: all are recorded, and they are what a training gives."""

import numpy as np
import pytest

from rnnkit.engine.trainer import run
from rnnkit.experiment import Experiment
from rnnkit.stories import pictures
from rnnkit.stories.presets import PRESETS


@pytest.mark.parametrize("e", pictures.experiments(), ids=lambda e: e.key)
def test_every_story_and_remedy_has_a_picture(e):
    """One that is missing is recorded by the command in rnnkit/stories/pictures.py."""
    picture = pictures.recorded(e)
    assert picture is not None and picture.part == pictures.experiments()[e]
    assert picture.codes.shape == (len(picture.grid), e.length) and picture.codes.dtype == np.uint16
    assert len(picture.grid) <= pictures.MAX_PICTURE_ROWS and {*picture.grid} <= {*e.recorded_steps}
    assert picture.accuracy.shape == (len(picture.exams), e.replicas)


@pytest.mark.parametrize("name", ["explodes", "remembers"])
def test_the_recorded_picture_is_what_a_training_gives(name):
    """Up to rounding, which differs between processors."""
    preset = PRESETS[name]
    e, stored = preset.experiment, pictures.recorded(preset.experiment)
    now = pictures.draw(history := run(e), history.n, preset.claim.part)
    assert (now.outcome, now.diverged, now.solved) == (stored.outcome, stored.diverged, stored.solved)
    assert np.array_equal(now.grid, stored.grid) and np.array_equal(now.exams, stored.exams)
    assert np.abs(now.codes[0].astype(int) - stored.codes[0]).max() <= 2


def test_a_picture_of_a_run_that_goes_on_shows_its_first_rows():
    history = run(Experiment(length=7, hidden=3, steps=50, replicas=2))
    whole, part = (pictures.draw(history, n, "h") for n in (history.n, 10))
    assert 0 < len(part.codes) < len(whole.codes) == len(whole.grid) and np.array_equal(part.grid, whole.grid)
    assert part.outcome == "open" and whole.outcome in {"not learnt", "learnt", "nearly learnt"}


def test_pictures_are_the_same_after_writing_and_reading(tmp_path, monkeypatch):
    e = Experiment(length=7, hidden=3, steps=3, replicas=2)
    picture = pictures.draw(history := run(e), history.n, "h")
    pictures.write({e.key: picture}, tmp_path / "pictures.npz")
    monkeypatch.setattr(pictures, "FILE", tmp_path / "pictures.npz")
    monkeypatch.setattr(pictures, "_read", pictures._read.__wrapped__)
    again = pictures.recorded(e)
    for name, value in vars(picture).items():
        assert np.array_equal(getattr(again, name), value), name
    assert pictures.COMMAND in pictures.origin()
