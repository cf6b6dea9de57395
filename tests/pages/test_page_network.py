"""The page "What is a recurrent network?": what is handed to the drawing, and in Chromium what a person sees of it."""

import json
import re

import numpy as np
import pytest
import torch
from apptest import until
from browsing import PHONE, PIXELS, SIDEWAYS, button, expect
from browsing import until as until_seen

from pages import network
from pages.components import network as drawing_of
from rnnkit.analysis.activations import example
from rnnkit.engine import bptt
from rnnkit.engine.cells import CELLS
from rnnkit.engine.losses import LOSSES
from rnnkit.engine.weights import draw_weights
from rnnkit.experiment import Experiment
from rnnkit.studies.weights import study as trained_weights
from rnnkit.tasks import TASKS

QUERY = {"length": "30", "hidden": "12", "steps": "20"}


@pytest.fixture
def drawn(monkeypatch):
    """What was handed to the component, the last at the end."""
    found, component = [], drawing_of._component
    monkeypatch.setattr(drawing_of, "_component", lambda **handed: (found.append(handed["data"]), component(**handed))[1])
    return found


def experiment(**query):
    return Experiment.from_query(QUERY | query)[0]


def engine(e, weights, x):
    """h, c and the outputs at every step, from the engine in float64."""
    p = {name: torch.from_numpy(np.asarray(W, np.float64))[None] for name, W in weights.items()}
    tape = bptt.forward(CELLS[e.cell], p, torch.from_numpy(x)[:, None, None])
    z = bptt.readout(p, tape.h)[:, 0, 0]
    states = {part: s[:, 0, 0].numpy() for part, s in zip(CELLS[e.cell].parts, tape.s, strict=True)}
    return states | {"y": (z.softmax(-1) if e.loss == "cross_entropy" else z).numpy()}


def engines_gradient(e, weights, batch):
    """||dL/ds_t|| of every part of the state, from the engine in float64; L is the loss at the last step."""
    p = {name: torch.from_numpy(np.asarray(W, np.float64))[None] for name, W in weights.items()}
    tape = bptt.forward(CELLS[e.cell], p, torch.from_numpy(batch.x)[:, None])
    _, dz = LOSSES[e.loss](bptt.readout(p, tape.h[-1:]), torch.from_numpy(batch.y[-1:])[:, None])
    tape.backward(dz)
    return {part: ds[:, 0, 0].norm(dim=-1).numpy() for part, ds in zip(CELLS[e.cell].parts, tape.ds, strict=True)}


def lanes(picture):
    return {lane["name"]: lane for lane in picture["lanes"]}


# ---- what is handed over ----


@pytest.mark.parametrize("cell", CELLS)
def test_a_cells_activations_are_the_engines(app, drawn, cell):
    at = app(QUERY, page="network", cell=cell)
    assert not at.exception and not at.error and not at.warning
    assert at.subheader[0].value == "What is a recurrent network?"
    e, (picture,) = experiment(cell=cell), drawn
    values, found = engine(e, draw_weights(e, e.seed), example(e).x[:, 0]), lanes(picture)
    assert list(found) == ["x", *reversed(CELLS[cell].parts), "y"]
    for part in CELLS[cell].parts:
        assert found[part]["units"] == [f"[{i}]" for i in range(8)] and found[part]["size"] == 12
        assert np.abs(np.array(found[part]["loop"]) - values[part][picture["steps"], :8]).max() < 1e-10
    assert np.abs(np.array(found["y"]["loop"]) - values["y"][picture["steps"]]).max() < 1e-10
    assert set(picture["kept"]) == set(dict(CELLS[cell].direct_terms)) - ({"h"} if CELLS[cell].recurrent else set())
    assert bool(picture["matrix"]) == CELLS[cell].recurrent
    gradient = engines_gradient(e, draw_weights(e, e.seed), example(e))
    versions = [version.x[:, 0] for version in TASKS[e.task].versions(example(e)).values()]
    one, many = (engine(e, draw_weights(e, e.seed), x) for x in versions)
    for part in CELLS[cell].parts:
        assert np.allclose(picture["gradient"][part], gradient[part][picture["steps"]], rtol=1e-8, atol=0)
        apart = np.linalg.norm(one[part] - many[part], axis=1)
        if apart[1]:
            assert np.allclose(picture["left"][part], (apart / apart[1])[picture["steps"]], rtol=1e-6, atol=1e-12)
        else:  # attention's n: with q = 0 all weights are 1
            assert not apart.any() and {*picture["left"][part]} == {None}
    assert picture["first"] == 1 and picture["other"] in {e.bound_task.labels(x)[1] for x in versions} - {picture["words"][1]}


def test_sentences_of_many_lengths_are_not_drawn(app, drawn):
    at = app(QUERY, page="network", task="corpus")
    assert not at.exception and not drawn and "sequences of one length" in at.info[0].value


@pytest.mark.parametrize("task", [name for name, task in TASKS.items() if not task.padded])
def test_a_tasks_words_windows_and_answers(app, drawn, task):
    at = app(QUERY, page="network", task=task)
    assert not at.exception and not at.error
    e, (picture,) = experiment(task=task), drawn
    batch, kind = example(e), TASKS[task]
    labels = kind.labels(batch.x[:, 0])
    assert picture["words"] == [labels[t] for t in picture["steps"]]
    y = batch.y[-1, 0]
    answer = kind.answer(batch.y[-1:, 0]) if y.dtype.kind == "i" else ", ".join(f"{v:.3f}" for v in y)  # in the outputs' units
    assert picture["answer"] == answer and picture["asked"] == 30 - kind.n_targets(30)
    assert picture["things"] == ("words" if task.startswith("agreement") else "steps")
    for window, room in zip(picture["windows"], drawing_of.COLUMNS, strict=True):
        assert set(window) <= set(picture["steps"]) and len(window) < room and window[-1] == 29
    assert picture["first"] == (kind.landmarks(batch.x[:, 0]) or [0])[0]
    gradient = engines_gradient(e, draw_weights(e, e.seed), batch)["h"]
    assert np.allclose(picture["gradient"]["h"], gradient[picture["steps"]], rtol=1e-6, atol=0)
    assert bool(picture["left"]) == bool(picture["other"]) == task.startswith("agreement")
    found = lanes(picture)
    if batch.x.dtype.kind in "iu":
        for t in picture["windows"][0]:
            (on,) = np.flatnonzero(found["x"]["loop"][picture["steps"].index(t)])
            assert found["x"]["units"][on] == labels[t]
    else:
        assert np.array_equal(found["x"]["loop"], batch.x[picture["steps"], 0])
        assert found["x"]["kind"] == ("number" if kind.n_in == 1 else "numbers")
    if batch.y.dtype.kind in "iu":
        assert found["y"]["units"][found["y"]["right"]] == picture["answer"]
    else:
        assert found["y"]["right"] == -1
    assert len(found["y"]["units"]) == min(5, kind.n_out) and len(found["y"]["loop"]) == len(picture["steps"])
    assert np.array(picture["W_in"]).shape == (len(found["x"]["units"]), 8)
    assert len(picture["captions"]) == 4 and picture["answer"] in picture["summary"]


def test_the_weights_drawn_are_those_of_the_new_value(app, drawn):
    app(QUERY, page="network", cell="lstm")
    e, (picture,) = experiment(cell="lstm"), drawn
    weights = draw_weights(e, e.seed)
    symbols = [TASKS[e.task].labels(np.arange(TASKS[e.task].n_in)).index(word) for word in lanes(picture)["x"]["units"]]
    assert np.array_equal(picture["W_in"], weights["W_in"][symbols, 24:32]) and picture["into"] == "a_g"
    assert np.array_equal(picture["W_out"], weights["W_out"][:8])


def test_the_trained_network_is_drawn_when_it_is_there(app, drawn):
    at = app(QUERY, page="network")
    untrained = drawn[-1]
    at.segmented_control(key="network_trained").set_value("trained").run()
    until(at, lambda at: drawn[-1]["summary"].startswith("tanh network, trained"))
    assert not at.exception and not at.error
    e = experiment()
    weights = list(trained_weights(e, 20))[-1]
    values = engine(e, weights, example(e).x[:, 0])["h"][drawn[-1]["steps"], :8]
    assert np.abs(np.array(lanes(drawn[-1])["h"]["loop"]) - values).max() < 1e-5
    assert np.abs(np.array(lanes(untrained)["h"]["loop"]) - values).max() > 1e-2
    at.segmented_control(key="network_trained").set_value("untrained").run()
    assert drawn[-1] == untrained


def test_the_other_number_of_the_subject(app, drawn):
    at = app(QUERY, page="network")
    pictures = {}
    for number in ("singular", "plural"):
        at.segmented_control(key="network_number").set_value(number).run()
        assert not at.exception
        pictures[number] = drawn[-1]
    one, many = pictures.values()
    assert [t for t, (a, b) in enumerate(zip(one["words"], many["words"], strict=True)) if a != b] == [1]
    h = [np.array(lanes(picture)["h"]["loop"]) for picture in (one, many)]
    assert np.array_equal(h[0][0], h[1][0]) and (h[0][1] != h[1][1]).all()
    alone = [np.array(lanes(picture)["h"]["alone"]) for picture in (one, many)]
    assert np.flatnonzero((alone[0] != alone[1]).any(1)).tolist() == [1], "without the loop nothing comes after the subject"
    assert (one["answer"], many["answer"]) == ("was", "were")
    e = experiment()
    states = [
        engine(e, draw_weights(e, e.seed), np.where(np.arange(30) == 1, noun, example(e).x[:, 0])) for noun in nouns(e, one, many)
    ]
    apart = np.abs(states[0]["h"] - states[1]["h"]).max(1)
    (said,) = [m.value for m in at.markdown if "differs most" in m.value]
    numbers = [float(v) for v in re.findall(r"by ([\d.e-]+) at", said)]
    assert numbers == pytest.approx([apart[1], apart[-1]], rel=0.06)
    assert said.endswith(f"“was” is then {states[0]['y'][-1, 0]:.2f} and {states[1]['y'][-1, 0]:.2f}.")


def nouns(e, *pictures):
    vocabulary = TASKS[e.task].labels(np.arange(TASKS[e.task].n_in))
    return [vocabulary.index(picture["words"][1]) for picture in pictures]


def test_a_long_sentence_is_drawn_in_part_with_its_own_indices(app, drawn):
    at = app(page="network", length="1000", hidden="4")
    (picture,) = drawn
    assert not at.exception and len(picture["steps"]) < 140
    assert picture["windows"][0] == [0, 1, 2, 3, 4, 996, 997, 998, 999]
    assert lanes(picture)["h"]["units"] == ["[0]", "[1]", "[2]", "[3]"]
    assert picture["words"] == [
        TASKS["agreement"].labels(example(experiment(length="1000")).x[:, 0])[t] for t in picture["steps"]
    ]


def test_what_is_not_finite_can_be_handed_over(app, drawn):
    at = app(page="network", length="300", cell="relu", gain="100", init="identity")
    assert not at.exception
    values = lanes(drawn[-1])["h"]["loop"]
    assert values[0][0] is not None and None in values[-1]
    json.dumps(drawn[-1], allow_nan=False)


def test_values_as_lists():
    assert drawing_of.plain(np.array([[0.5, np.nan], [np.inf, -1.0]])) == [[0.5, None], [None, -1.0]]
    assert drawing_of.plain(np.array([[1, 0]])) == [[1, 0]]


@pytest.mark.parametrize("cell", CELLS)
def test_the_mathematics_names_the_cells_equations_and_counts_its_parameters(cell):
    e = experiment(cell=cell)
    text, weights = network._mathematics(e), draw_weights(e, 0)
    for name, expression in CELLS[cell].equations:
        assert f"    {name} = {expression}" in text
    assert f"{sum(W.size for name, W in weights.items() if name != 'leak'):,} numbers" in text.replace("\n", " ")
    for name in CELLS[cell].columns:
        assert f"`{name}`" in text


def test_the_suggestions_load_their_experiments(app):
    at = app(QUERY, page="network")
    assert [at.button(key=f"try_{i}").label for i in range(3)] == ["Open in the lab"] * 3


# ---- in a browser ----


def drawing(page):
    return page.locator(".network")


def canvas(page):
    return drawing(page).locator("canvas")


def opened(visit, server, **options):
    page = visit(server.link("/network", length=10, **options.pop("query", {})), **{"reduced_motion": "no-preference"} | options)
    expect(page.get_by_role("heading", name="What is a recurrent network?")).to_be_visible()
    expect(canvas(page)).to_be_visible()
    return page


def at_station(page, i):
    expect(drawing(page)).to_have_attribute("data-fold", f"{i:.2f}")
    return canvas(page).evaluate(PIXELS)


@pytest.mark.parametrize("scheme, cell", [("light", "tanh"), ("dark", "lstm")])
def test_the_keyboard_unfolds_it(server, visit, scheme, cell):
    page = opened(visit, server, color_scheme=scheme, query={"cell": cell})
    slider = page.get_by_role("slider", name="Fold and unfold the network")
    pictures, captions = [at_station(page, 0)], [drawing(page).locator(".told").inner_text()]
    assert pictures[0]["colours"] > 50, "the canvas is not blank"
    slider.focus()
    for i in (1, 2):
        for _ in range(4):
            page.keyboard.press("ArrowRight")
        pictures.append(at_station(page, i))
        captions.append(drawing(page).locator(".told").inner_text())
    page.keyboard.press("End")
    pictures.append(at_station(page, 3))
    captions.append(drawing(page).locator(".told").inner_text())
    assert len({picture["hash"] for picture in pictures}) == len(set(captions)) == 4
    assert re.search("connect to themselves through time", captions[2]) and "drawn out" in captions[3]
    expect(slider).to_have_attribute("aria-valuetext", "Unrolled through time")
    expect(button(page, "Unrolled through time")).to_have_attribute("aria-pressed", "true")
    button(page, "Side view").click()
    at_station(page, 0)


def test_play_runs_through_the_sentence_and_stops_at_its_end(server, visit):
    page = opened(visit, server)
    button(page, "With the loop").click()
    at_station(page, 2)
    drawing(page).evaluate("""e => { e.seen = []; new MutationObserver(() => e.seen.push(+e.dataset.t)).observe(e, {
        attributes: true, attributeFilter: ["data-t"] }); }""")
    button(page, "▶ Play").click()
    expect(drawing(page)).to_have_attribute("data-playing", "true")
    early = canvas(page).evaluate(PIXELS)["hash"]
    expect(drawing(page)).to_have_attribute("data-playing", "false")
    seen = drawing(page).evaluate("e => e.seen")
    assert list(dict.fromkeys(seen)) == sorted(set(seen)) and len(set(seen)) >= 8 and (seen[0], seen[-1]) == (1, 9)
    assert canvas(page).evaluate(PIXELS)["hash"] != early
    expect(drawing(page).locator(".now")).to_have_text("t = 9 “,”")
    expect(drawing(page)).to_have_attribute("data-returned", "")  # back it goes where it is unrolled
    expect(button(page, "▶ Play")).to_be_visible()


def test_with_reduced_motion_it_jumps_and_keys_name_every_neuron_and_its_number(server, visit):
    page = opened(visit, server, reduced_motion="reduce", query={"steps": 20})
    drawing(page).evaluate("""e => { e.folds = new Set(); new MutationObserver(() => e.folds.add(e.dataset.fold)).observe(e, {
        attributes: true, attributeFilter: ["data-fold"] }); }""")
    button(page, "Unrolled through time").click()
    untrained = at_station(page, 3)["hash"]
    assert set(drawing(page).evaluate("e => [...e.folds]")) <= {"0.00", "3.00"}
    e = Experiment(length=10, steps=20)
    h = engine(e, draw_weights(e, 0), example(e).x[:, 0])["h"]
    canvas(page).focus()
    tip = drawing(page).locator(".tip")
    page.keyboard.press("ArrowDown")
    expect(tip).to_contain_text("h₁[0] =")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(tip).to_contain_text("h₂[1] =")
    assert float(tip.inner_text().split(" = ")[1].split()[0]) == pytest.approx(h[2, 1], abs=6e-4)
    expect(tip).to_contain_text("at “,”")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    page.get_by_role("radio", name="after 20 training steps").click()
    until_seen(
        lambda: (
            canvas(page).evaluate(PIXELS)["hash"] != untrained
            and "tanh network, trained" in canvas(page).get_attribute("aria-label")
        ),
        "the trained network",
        wait=lambda s: page.wait_for_timeout(1000 * s),
    )
    expect(drawing(page)).to_have_attribute("data-fold", "3.00")  # nothing jumps


def test_a_phone_shows_fewer_words_without_sideways_scrolling(server, visit):
    page = opened(visit, server, viewport=PHONE, has_touch=True, is_mobile=True, reduced_motion="reduce")
    button(page, "Unrolled through time").click()
    at_station(page, 3)
    assert max(page.evaluate(SIDEWAYS)) <= 0
    assert drawing(page).get_attribute("data-columns") == "0 1 2 8 9"
    box = canvas(page).bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"]
    assert canvas(page).evaluate(PIXELS)["colours"] > 50
