"""The ready networks of the page Series do what it says of them, on fresh seeds."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pages.series import NETWORKS
from rnnkit.analysis.gradient_summary import gradient_ratio
from rnnkit.engine.evaluation import Evaluation
from rnnkit.engine.history import History
from rnnkit.engine.trainer import Trainer
from rnnkit.studies import STUDIES


@pytest.fixture(scope="module")
def trained():
    """Name -> Experiment, History, and the errors one step ahead of eight networks with fresh seeds (NRMSE)."""
    found = {}
    for name, network in NETWORKS.items():
        e = replace(network.experiment, seed=5000, replicas=8)
        trainer = Trainer(e)
        history = History.of(e, trainer.records())
        found[name] = e, history, np.sqrt(Evaluation(e, trainer.params).squared_error())
    return found


def test_the_reservoirs_error_is_smaller_than_that_of_the_trained_networks(trained):
    errors = {name: error for name, (_, _, error) in trained.items()}
    assert "smaller than that of the two trained networks" in NETWORKS["Echo state network"].text and len(errors) == 3
    assert errors["Echo state network"].max() < min(errors["GRU"].min(), errors["tanh"].min())
    assert all(np.median(error) < 0.02 for error in errors.values())


def test_all_learn_to_predict_one_step_ahead(trained):
    for _, history, _ in trained.values():
        assert (history.accuracy[-1] >= 0.99).mean() >= 0.75


def test_the_gradient_of_the_tanh_network_vanishes(trained):
    e, history, _ = trained["tanh"]
    ratio = gradient_ratio(history.state_grad[-1], e)
    assert "vanishes on the way back" in NETWORKS["tanh"].text and ratio < 1e-6


def test_a_reservoir_stays_near_the_truth_longer_than_a_guess(trained):
    """Over 20 free steps, about the delay of the series; in the end chaos takes every network away."""
    for replica in range(4):
        e = trained["Echo state network"][0]
        with torch.no_grad():
            *_, found = STUDIES["free_run"](e, step=e.steps, replica=replica, horizon=1000)
        assert (found.error[:20] < 0.2).all() and (found.error[:20] < found.same[:20]).all()
        assert found.error[999] > 0.5
