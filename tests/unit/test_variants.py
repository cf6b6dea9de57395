"""What is registered, and written down nowhere else, is found everywhere.

A cell, a remedy, an initialization, an optimizer, a task, a study and a page.
"""

import io
import sys
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import pytest
import ready_pages
import streamlit as st
import torch
from apptest import SMALL, controls, linked, prose
from dummy_variants import First, HalfSteps, Leaky, Lower, Slower, alternating

from pages import vanishing
from pages.state import page_settings, session, view_options
from pages.tour import highlight
from pages.ui import layout, registry, study_view
from rnnkit import __main__ as cli
from rnnkit import train
from rnnkit.analysis.activations import new_value
from rnnkit.analysis.ledger import Ledger
from rnnkit.engine import bptt
from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import FIXES
from rnnkit.engine.inits import INITS, Init
from rnnkit.engine.losses import LOSSES
from rnnkit.engine.optim import OPTIMIZERS
from rnnkit.engine.record import unpack
from rnnkit.engine.weights import draw_weights
from rnnkit.experiment import FIELDS, Experiment, diff
from rnnkit.export.notebook import notebook
from rnnkit.export.script import missing, script
from rnnkit.results import RESULTS, Progress, from_wire
from rnnkit.serving.limits import megabytes
from rnnkit.serving.process import Answer
from rnnkit.serving.worker import DONE, HEADER, PART, Worker
from rnnkit.studies import STUDIES
from rnnkit.tasks import TASKS


@dataclass(frozen=True)
class Counted:
    """Units of a network."""

    units: int
    squares: np.ndarray  # (H,) of their numbers


def count_units(e, most=9):
    yield Progress(0.5)
    yield Counted(min(most, e.hidden), np.arange(e.hidden) ** 2)


def counting_page():
    """The module pages/counting.py, as it would be."""
    module = ModuleType("pages.counting")

    def page():
        layout.opening("How many units are there?", "A study counts them.")
        most = page_settings.slider("At most", 1, 9, "counting_most", 4, step=1)
        e = session.current()
        study_view.computed("count_units", e, lambda found, done: st.caption(f"{found[-1].units} units"), most=most)

    module.page, module.TITLE, module.CONTROLS = page, "Counting", ("hidden",)
    module.LINKED = {"counting_most": page_settings.Number(1, 9)}
    module.TOUR_TARGETS = {"most": "counting_most"}
    module.READY, module.DRAWING = ("Number of units",), (".counting", "Home", "data-at")
    return module


@pytest.fixture(scope="module", autouse=True)
def registered():
    """Until the pool of this file is closed, which still holds runs of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TASKS, "first", First())
        patch.setitem(STUDIES, "count_units", count_units)
        patch.setitem(RESULTS, "count_units", Counted)
        patch.setitem(CELLS, "leaky", Leaky())
        patch.setitem(FIXES, "slower", Slower)
        patch.setitem(FIXES, "lower", Lower)
        patch.setitem(INITS, "alternating", Init("Alternating signs", alternating))
        patch.setitem(OPTIMIZERS, "half", HalfSteps())
        yield


def experiment(**changes):
    values = {
        "cell": "leaky",
        "bias": "chrono",
        "fixes": ("lower:0.01@1", "slower:0.25@2"),
        "length": 12,
        "hidden": 5,
        "batch": 4,
    }
    return Experiment(**values | {"steps": 6, "replicas": 2, "lr": 0.05} | changes)


@pytest.fixture
def counting(monkeypatch):
    """A page more, and no worker: its study is asked in this process."""

    def ask(study, e, **options):
        answer = Answer(study, list(STUDIES[study](e, **options)))
        answer.end()
        return answer

    monkeypatch.setitem(sys.modules, "pages.counting", counting_page())
    monkeypatch.setattr(registry, "NAMES", (*registry.NAMES, "counting"))
    monkeypatch.setattr(session, "ask", ask)
    derived = (registry.pages, page_settings.kinds, view_options.controls)  # from the names of the pages, once
    for known in derived:
        known.cache_clear()
    yield
    for known in derived:
        known.cache_clear()


def test_links_and_json():
    e = experiment(task="first")
    assert Experiment.from_query(e.to_query()) == (e, []) and Experiment.from_json(e.to_json()) == e
    assert e.to_query()["fixes"] == "lower:0.01@1,slower:0.25@2"
    for name, changes in {
        "leaky": {"cell": "nope"},
        "slower": {"fixes": ("nope",)},
        "lower": {"fixes": ("nope",)},
        "first": {"task": "nope"},
    }.items():
        with pytest.raises(ValueError, match=f"valid are .*{name}"):
            Experiment(**changes)


def test_the_command_line(capsys, tmp_path):
    assert cli.main(["list"]) == 0
    output = capsys.readouterr().out
    assert f"  {'leaky':30} {Leaky.__doc__}" in output and f"  {'slower:0.5':30} {Slower.about}" in output
    assert f"  {'lower:0.5':30} {Lower.about}" in output
    assert f"  {'alternating':30} {alternating.__doc__}" in output and f"  {'half':30} {HalfSteps.__doc__}" in output
    assert f"  {'first':30} {First.about}" in output
    with pytest.raises(SystemExit):
        cli.main(["train", "--help"])
    output = capsys.readouterr().out
    assert "relu, lstm, gru, janet, mingru, antisymmetric, exprnn, cornn, esn, leaky" in " ".join(
        output.split()
    ) and "clip-value, slower, lower" in " ".join(output.split())
    assert "characters, words, first" in " ".join(output.split())
    options = "--task first --cell leaky --bias chrono --fix lower:0.01@1 --fix slower:0.25@2 --length 12 --hidden 5 --batch 4"
    options += " --steps 6 --replicas 2 --lr 0.05"
    assert cli.main(["train", *options.split(), "--save-json", str(tmp_path / "e.json")]) == 0
    assert Experiment.from_json((tmp_path / "e.json").read_text()) == experiment(task="first")


def test_the_menus_of_the_sidebar(app):
    at = app(SMALL, fixes="")
    at.selectbox(key="c_cell").set_value("leaky").run()
    at.multiselect(key="c_fixes").set_value(["lower", "slower"]).run()
    at.number_input(key="s_lower").set_value(0.01).run()
    at.number_input(key="f_lower").set_value(1).run()
    at.number_input(key="s_slower").set_value(0.25).run()
    at.number_input(key="f_slower").set_value(2).run()
    assert not at.exception and not at.sidebar.error and "c_bias" in controls(at)
    assert Leaky.title in at.selectbox(key="c_cell").options and {Slower.title, Lower.title} <= {
        *at.multiselect(key="c_fixes").options
    }
    at.selectbox(key="c_init").set_value("alternating").run()
    at.selectbox(key="c_optimizer").set_value("half").run()
    assert not at.exception and not at.sidebar.error
    at.selectbox(key="c_task").set_value("first").run()
    assert not at.exception and not at.sidebar.error and First.title in at.selectbox(key="c_task").options
    e = linked(at)
    assert (e.task, e.cell, e.fixes, e.init, e.optimizer) == (
        "first",
        "leaky",
        (Lower(0.01, start_step=1), Slower(0.25, start_step=2)),
        "alternating",
        "half",
    )


def test_the_page_that_shows_every_number(app):
    at = app({"steps_cell": "leaky", "steps_weights": "untrained"}, page="steps")
    assert not at.exception and not at.error and not at.warning
    assert at.selectbox(key="steps_cell").value == "leaky" and Leaky.title in at.selectbox(key="steps_cell").options
    assert any(Leaky.title in box.label for box in at.expander)


def test_the_page_that_draws_the_network_shows_the_task(app):
    at = app(SMALL | {"task": "first"}, page="network")
    assert not at.exception and not at.error and "“A or B”" not in prose(at)
    (batch, labels) = First().example(10), First().example_labels(10)
    assert labels[0] in "AB" and labels[-1].endswith(f"→ {labels[0]}") and batch.x.shape == (10, 1)


def test_words():
    e = experiment()
    assert FIELDS["task"].words("first") == "first symbol"
    assert FIELDS["init"].words("alternating") == "Alternating signs" and FIELDS["optimizer"].words("half") == "Half steps"
    assert FIELDS["cell"].words("leaky") == "Leaky cell" and vanishing._gate(e) == "leaky gate"
    assert diff(e, experiment(fixes=()))["fixes"] == (e.fixes, ())
    assert CELLS["leaky"].columns[new_value(CELLS["leaky"])] == "a_g"
    assert megabytes(e) > megabytes(experiment(fixes=()))


def test_training():
    """Its gradients are those of the equations, and each remedy acts from its step on."""
    plain = list(train(experiment(fixes=()), torch.float64))
    for fix, start in {"lower:0.01@1": 1, "slower:0.25@2": 2}.items():
        e = list(train(experiment(fixes=(fix,)), torch.float64))
        assert all(np.isfinite(record.state_grad).all() for record in e)
        same = [(a.grad_norm_applied == b.grad_norm_applied).all() for a, b in zip(e, plain, strict=True)]
        assert same == [True] * start + [False] * (7 - start)


@pytest.mark.parametrize("task", ["agreement", "first"])
def test_the_ledger_has_the_engines_gradients(task):
    e = experiment(replicas=1, task=task)
    weights, x, y = draw_weights(e, 3), np.arange(12) % e.bound_task.n_in, 1
    book = Ledger("leaky", weights, x, y)
    cell, p = CELLS["leaky"], {name: torch.from_numpy(W)[None] for name, W in weights.items()}
    tape = bptt.forward(cell, p, torch.from_numpy(x)[:, None, None])
    loss, dz = LOSSES["cross_entropy"](bptt.readout(p, tape.h[-1:]), torch.tensor([[[y]]]))
    tape.backward(dz)
    assert float(loss) == pytest.approx(book.outcome["loss"].item(), rel=1e-12)
    for name, gradient in tape.gradients().items():
        np.testing.assert_allclose(book.gradients[name], gradient[0].numpy(), rtol=1e-9, atol=1e-14, err_msg=name)


@pytest.mark.parametrize(
    "changes",
    [{}, {"task": "first"}, {"init": "alternating", "gain": 0.9, "optimizer": "half", "lr": 0.5}],
    ids=["", "task", "all"],
)
def test_the_exported_script_trains_the_same_networks(changes):
    e = experiment(**changes)
    assert missing(e) == [] and notebook(e)
    scope = {"__name__": "experiment"}
    exec(compile(script(e), "experiment.py", "exec"), scope)
    scope["DTYPE"] = torch.float64
    records = list(train(e, torch.float64))
    for r, seed in enumerate(scope["SEEDS"]):
        theirs = list(scope["train"](scope["Network"](seed), seed))
        assert len(theirs) == len(records)
        for record, (_, loss, gradient, applied, _) in zip(records, theirs, strict=True):
            ours = record.loss[r], record.grad_norm_raw[r], record.grad_norm_applied[r]
            np.testing.assert_allclose((loss, gradient, applied), ours, rtol=1e-7)


# ---- a study, and a page that asks for it ----


def test_a_worker_answers_with_the_study():
    """Its result comes out of the wire as its own class."""
    sent = io.BytesIO()
    e = experiment(task="first")
    worker = Worker(sent)
    worker.ceiling = float("inf")  # of the process of all these tests, which is no worker
    worker._study({"study": "count_units", "ticket": 3, "experiment": e.to_dict(), "options": {"most": 4}})
    frames, data = [], sent.getvalue()
    while data:
        kind, _, _, size = HEADER.unpack(data[: HEADER.size])
        frames.append((kind, data[HEADER.size : HEADER.size + size]))
        data = data[HEADER.size + size :]
    assert [kind for kind, _ in frames] == [PART, PART, DONE]
    progress, found = (from_wire("count_units", unpack(payload)) for _, payload in frames[:2])
    assert progress == Progress(0.5) and isinstance(found, Counted)
    assert found.units == 4 and found.squares.tolist() == [0, 1, 4, 9, 16]


def test_an_answer_tells_progress_and_results_apart():
    answer = Answer("count_units")
    assert (answer.found, answer.progress) == ([], 0.0)
    answer.parts += count_units(experiment())
    assert answer.progress == 0.5 and [type(part) for part in answer.found] == [Counted]


def test_a_page_is_in_the_navigation_and_the_checks_of_pages_ask_it(counting, monkeypatch):
    monkeypatch.setattr(st, "Page", lambda page, **named: named)
    assert registry.title("counting") == "Counting"
    assert registry.navigation_entry("counting") == {"title": "Counting", "url_path": "counting", "default": False}
    assert "counting_most" in registry.linked()["counting"] and "most" in highlight.targets()["counting"]
    assert ready_pages.ready("counting") == ("Number of units",)


def test_a_page_is_drawn_with_its_study_its_controls_and_its_link(app, counting):
    at = app({"hidden": "7", "counting_most": "3"}, page="counting")
    assert not at.exception and not at.warning and set(controls(at)) >= {"c_hidden"} and "c_lr" not in controls(at)
    assert "3 units" in [caption.value for caption in at.caption]
    at.slider(key="counting_most").set_value(8).run()
    assert "7 units" in [caption.value for caption in at.caption] and at.query_params["counting_most"] in ("8", ["8"])
