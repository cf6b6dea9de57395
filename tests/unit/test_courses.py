"""docs/courses.md: every link opens what it says, and its numbers are those of the engine and of the recorded maps."""

import re
import runpy
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
from conftest import ROOT

from pages.state import page_settings
from pages.ui import registry
from rnnkit.engine.trainer import run
from rnnkit.engine.weights import draw_weights
from rnnkit.experiment import Experiment
from rnnkit.stories.presets import PRESETS
from rnnkit.sweep.maps.answer import answer
from rnnkit.sweep.maps.ready import MAPS
from rnnkit.sweep.maps.record import recorded

TEXT = (ROOT / "docs" / "courses.md").read_text("utf-8")
LINKS = sorted(set(re.findall(r"`(/[a-z_]+(?:\?[^`]*)?)`", TEXT)))


def test_the_page_of_the_docs_is_current():
    """`make api` writes it anew."""
    assert runpy.run_path(str(ROOT / "docs" / "make_courses.py"))["text"]() == TEXT


@pytest.mark.parametrize("link", LINKS)
def test_every_link_is_valid(link):
    parts = urlsplit(link)
    assert parts.path.strip("/") in registry.NAMES
    query = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
    for name in ("story", "pin.story"):
        assert query.pop(name, "forgets") in PRESETS
    assert page_settings.parse(query)[1] == []
    assert Experiment.from_query({k: v for k, v in query.items() if k not in page_settings.kinds()})[1] == []


@pytest.mark.parametrize("name", ["cells", "weights"])
def test_what_a_map_is_said_to_show_is_its_record(name):
    shares = {}
    for c in MAPS[name].sweep.combinations:
        learnt = [row.solved_step is not None for row in recorded(c.experiment)]
        shares.setdefault(c.variant, {})[c.axes["length"]] = np.mean(learnt)
    found = answer(shares)
    said = {
        "cells": ["tanh stops between 10 and 20", "ESN between 50 and 100", "LSTM chrono and GRU chrono still learn at 200"],
        "weights": ["tanh and LSTM forget 1 stop between 20 and 50", "LSTM chrono and GRU chrono still learn at 200"],
    }
    assert all(text in found for text in said[name]), found


def test_all_networks_that_forget_have_a_singular_value_above_1():
    e = PRESETS["forgets"].experiment
    assert all(np.linalg.norm(draw_weights(e, e.seed + r)["W_rec"], 2) > 1 for r in range(e.replicas))


def test_a_reservoir_needs_a_slow_state():
    e = replace(PRESETS["esn"].experiment, seed=7000)
    for leak in (0.03, 0.1, 0.3, 1.0):
        accuracy = run(replace(e, leak=leak)).accuracy[-1]
        assert (accuracy > 0.99).all() if leak <= 0.1 else (accuracy < 0.7).all()


RING = [(49**-0.5, 0.14), (99**-0.5, 0.10), (0.99**48, 0.62), (0.99**98, 0.37), (0.99**1000, 4e-5), (1001**-0.5, 0.03)]


RING = [(49**-0.5, 0.143), (99**-0.5, 0.10), (0.99**48, 0.62), (0.99**98, 0.37), (0.99**1000, 4.3e-5), (1001**-0.5, 0.032)]


@pytest.mark.parametrize(
    ("share", "said"),
    [(0.73**48, 2.8e-7), (0.5 ** (1 / 48), 0.986), (np.log(0.986 / 0.014), 4.2), (0.9**48, 6.4e-3), (0.97**48, 0.23), *RING],
)
def test_the_answers_are_right(share, said):
    assert share == pytest.approx(said, rel=0.02)
