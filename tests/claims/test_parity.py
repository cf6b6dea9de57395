"""Parity beyond the trained length: a negative decay carries on, a decay in (0, 1) guesses at any length."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from claim_checks import FRESH

from rnnkit.engine import bptt
from rnnkit.engine.cells import CELLS
from rnnkit.engine.trainer import Trainer
from rnnkit.stories.presets import PRESETS


@pytest.mark.parametrize(("name", "low", "high"), [("parity-signed", 0.95, 1.0), ("parity-gated-linear", 0.4, 0.6)])
def test_the_last_of_twice_as_many_bits(name, low, high):
    e = replace(PRESETS[name].experiment, seed=FRESH, replicas=8)
    trainer = Trainer(e)
    for _ in trainer.records():
        pass
    batch = e.bound_task.draw(2 * e.length, 500, np.random.default_rng(0), held_out=True)
    x = torch.from_numpy(batch.x)[:, None].expand(-1, e.replicas, -1).contiguous()
    with torch.inference_mode():
        z = bptt.readout(trainer.params, bptt.forward(CELLS[e.cell], trainer.params, x).h[-1:])[0]
    right = (z.argmax(-1).numpy() == batch.y[-1]).mean(1)
    assert (right >= low).all() and (right <= high).all(), right
