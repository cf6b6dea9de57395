"""Your network: the example, a viewer's own file, what is refused, and the page in Chromium."""

import io
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from apptest import buttons, controls, press, prose, state
from browsing import PHONE, SIDEWAYS, expect
from own_weights import model, npz
from ready_pages import chart

import examples.time_series as time_series
from pages.state import uploads, watched_file
from pages.state.viewer_state import WatchedFile
from rnnkit.engine.record import pack
from rnnkit.engine.torch_layout import read_weights
from rnnkit.tasks.data import STORE
from rnnkit.watch.run import Profile, WatchRun, read
from rnnkit.watch.sentences import verdict

LAPTOP = {"width": 1366, "height": 768}


def profile(step, layer="rnn.l0", direction="forward", part="h", T=6, cut=False):
    norm = np.linspace(1e-9, 1, T) * (step + 1)
    return Profile(step, layer, direction, part, 0, 0, cut, norm)


def run_of(*profiles):
    run = WatchRun()
    for step in sorted({p.step for p in profiles}):
        run.add([p for p in profiles if p.step == step], {"rnn.l0": 1e-8})
    return run


@pytest.fixture
def opened(monkeypatch):
    """opened(run, name) shows this file as the viewer's."""

    def show(run, name="mine.rnnkit"):
        monkeypatch.setattr(watched_file, "shown", lambda: WatchedFile(name, run))

    return show


def test_the_example_is_what_its_script_measures():
    """Its first steps, trained again; later ones drift with another order of sums."""
    recorded, again = watched_file.example(), time_series.train(steps=11).run
    assert recorded.steps == list(range(0, time_series.STEPS, 5))
    for before, now in zip(recorded.profiles, again.profiles, strict=False):
        assert before.key == now.key and before.step == now.step
        assert np.allclose(before.norm, now.norm, rtol=1e-3, atol=0)
    assert len(again.profiles) == 6 and recorded.findings[0].cell == "lstm"


def test_the_page_opens_on_the_example(app):
    at = app(page="your_network")
    assert not at.exception and not at.warning and "**An example.**" in prose(at)
    first = verdict(watched_file.example()).splitlines()[1].partition(". ")[0]
    assert first in prose(at).replace("\\", "")
    assert {chart.title for chart in state(at).charts.values()} == {"How far back dL/dW_rec of lstm.l0 looks"}


def test_a_file_of_several_layers_and_directions(app, opened):
    places = [(layer, d, p) for layer in ("a.l0", "a.l1") for d in ("forward", "reverse") for p in "hc"]
    opened(run_of(*(profile(step, *place) for step in (0, 10) for place in places)), "<b>mine</b>.rnnkit")
    at = app(page="your_network", your_network_layer="a.l1", your_network_direction="reverse", your_network_part="h")
    assert not at.exception and not at.warning and "mine" in prose(at) and "<b>mine" not in prose(at)
    assert at.selectbox(key="your_network_layer").value == "a.l1"
    assert "This file has no split by lag of this layer." in [info.value for info in at.info]


def test_a_link_to_a_layer_that_the_file_lacks_is_said(app, opened):
    opened(run_of(profile(0, "a.l0"), profile(0, "a.l1")))
    at = app(page="your_network", your_network_layer="elsewhere")
    assert not at.exception and any("your_network_layer: 'elsewhere' does not fit" in w.value for w in at.warning)


@pytest.mark.parametrize("T, cut", [(1, False), (3, True), (5000, False)])
def test_sequences_of_any_length(app, opened, T, cut):
    opened(run_of(profile(0, T=T, cut=cut), profile(5, T=T, cut=cut)))
    at = app(page="your_network")
    assert not at.exception and ("2,000 of 5,000 time steps are drawn" in prose(at)) == (T == 5000)


def test_norms_that_are_not_finite_or_nothing(app, opened):
    bad = [
        Profile(step, "rnn.l0", "forward", "h", 0, 0, False, np.array(norm))
        for step, norm in enumerate(([0.0, 0], [np.nan, np.inf]))
    ]
    opened(run_of(*bad))
    assert not app(page="your_network").exception


def test_why_the_last_step_was_not_watched_stands_apart_from_the_verdict(app, opened):
    run = replace(watched_file.example(), problem="gradients of <b>nobody</b>")
    opened(replace(run, findings=(replace(run.findings[0], beyond=0.25),)))
    at = app(page="your_network")
    (said,) = [w.value for w in at.warning]
    assert "could not be watched: gradients of" in said and "<b>" not in said and not at.exception
    assert prose(at).count("could not be watched") <= 1 and "#### lstm.l0: Of dL/dc" in prose(at).replace("\\", "")
    assert "0.25 of it looks back 100 steps or more" in prose(at)


# ---- files ----


def test_a_file_of_watch_is_opened(tmp_path):
    run = run_of(profile(0), profile(10))
    (tmp_path / "run.rnnkit").write_bytes(run.to_bytes())
    again = watched_file.opened(run.to_bytes())
    assert again.frame().equals(run.frame()) and read(tmp_path / "run.rnnkit").steps == [0, 10]


@pytest.mark.parametrize(
    "data, text",
    [
        (b"", "expected a file of watch.save, got another file"),
        (b"PK\x03\x04 a zip", "expected a file of watch.save, got another file"),
        (b"[1]\n", "expected a file of watch.save, got another file"),
        (pack({"format": "other"}), "expected a file of watch.save"),
        (pack({"format": "rnnkit.watch", "version": 99}), "update rnnkit"),
        (pack({"format": "rnnkit.watch", "version": 1}), "a damaged one"),
    ],
)
def test_another_file_is_refused(data, text):
    with pytest.raises(ValueError, match=text):
        watched_file.opened(data)


def test_what_the_page_cannot_show_is_refused():
    many = run_of(*(profile(0, f"l{i}") for i in range(watched_file.MAX_PLACES + 1)))
    for run, text in (
        (WatchRun(problem="no layer"), "it holds no watched training step: no layer"),
        (many, "expected at most 200 layers, directions and parts, got 201"),
        (run_of(profile(0, "x" * 201)), "at most 200 printable characters"),
    ):
        with pytest.raises(ValueError, match=text):
            watched_file.opened(run.to_bytes())


# ---- in a browser ----


def test_a_file_is_given_refused_and_closed(server, visit, tmp_path):
    page = visit(server.link("/your_network"), viewport=LAPTOP)
    good, bad = tmp_path / "good.rnnkit", tmp_path / "bad.rnnkit"
    good.write_bytes(run_of(profile(0, "mine.l0"), profile(3, "mine.l0")).to_bytes())
    bad.write_bytes(b"no such file")
    header = page.locator(".st-key-your_network_file")  # the field has the file's name too, before the file has arrived
    refused, opened = (
        page.get_by_text("'bad.rnnkit' cannot be opened: expected a file of watch.save, got another file"),
        header.get_by_text("good.rnnkit"),
    )
    for file, answer in ((bad, refused), (good, opened)):
        page.get_by_role("button", name="Watch your own network").click()
        field = page.locator("input[type=file]")
        expect(field).to_have_count(1)
        field.set_input_files(file)
        expect(answer).to_be_visible()
        expect(field).to_have_count(1)  # another one, for the next file
        page.keyboard.press("Escape")
        expect(field).to_have_count(0)
    expect(page.get_by_text("cannot be opened")).to_have_count(0)
    expect(page.get_by_text("2 training steps watched")).to_be_visible()
    page.get_by_role("button", name="Back to the example").click()
    expect(page.get_by_text("An example.")).to_be_visible()


def test_verdict_heatmap_and_lags_are_on_the_first_screen(server, visit):
    page = visit(server.link("/your_network"), viewport=LAPTOP)
    heatmap = page.locator(".st-key-your_network_gradient .heatmap[data-rows]")
    for what in (page.locator(".st-key-your_network_verdict"), heatmap, chart(page, "How far back")):
        box = what.bounding_box()
        assert box["y"] + box["height"] <= LAPTOP["height"], what


def test_the_page_on_a_phone(server, visit):
    page = visit(server.link("/your_network"), viewport=PHONE, has_touch=True, is_mobile=True)
    expect(page.locator(".st-key-your_network_gradient .heatmap[data-rows]")).to_be_visible()
    assert max(page.evaluate(SIDEWAYS)) <= 0


# ---- the weights of a viewer's own network


def own_weights(n_in=50, cell="lstm"):
    """A viewer's own weights, as if this browser had given the file."""
    given = read_weights(npz(model(cell, n_in=n_in)), "mine.npz")
    return {"v": "1", "cell": cell, "hidden": "6", "length": "12", "weights": uploads.store().put(given, 1000, "test")}


@pytest.fixture
def owner(monkeypatch, nothing_given):
    monkeypatch.setattr(uploads, "viewer", lambda: "test")


def test_the_page_says_whose_weights_are_shown_and_what_fits(app, owner):
    at = app(own_weights(), page="your_network")
    assert not at.exception and not at.warning
    assert "**mine.npz**: an nn.LSTM that reads 50 numbers, 6 units" in prose(at) and "All its weights are used" in prose(at)
    at = app(own_weights(7), page="your_network")
    assert "Drawn anew are its input weights, since the task agreement has 50 inputs and it reads 7. The" in prose(at)
    press(at, "own_weights_drawn")
    assert not at.exception and "mine.npz" not in prose(at) and session_weights(at) == ""


def session_weights(at):
    return state(at).experiment.weights


@pytest.mark.parametrize("page", ["vanishing", "sentence", "network", "lab", "steps", "exploding", "how_far"])
def test_every_page_shows_them(app, owner, page):
    at = app(own_weights(), page=page)
    assert not at.exception and session_weights(at)
    if page in ("vanishing", "network", "lab", "sentence"):
        assert any("Weights of **mine.npz**" in c.value for c in at.sidebar.caption)
        assert not {"c_init", "c_gain", "c_bias"} & set(controls(at))


def test_the_sentence_is_read_by_the_weights_as_given(app, owner):
    at = app(own_weights(), page="sentence")
    assert any("0, as given" in str(g.options) and g.value == 0 for g in at.button_group)


def test_another_size_in_the_sidebar_draws_the_weights(app, owner):
    at = app(own_weights())
    controls(at)["c_hidden"].set_value(8).run()
    assert not at.exception and not at.error and session_weights(at) == "" and state(at).experiment.hidden == 8


@pytest.mark.parametrize(("H", "text"), [(300, "at most 256 on this server, got 300"), (2049, "from 1 to 2048, got 2049")])
def test_a_network_too_large_for_the_server_is_refused_in_words(app, owner, monkeypatch, H, text):
    large = uploads.store().put(read_weights(npz(model("tanh", n_in=1, H=H)), "large.npz"), 1000, "test")
    monkeypatch.setattr(uploads, "given", lambda kind, key: large if kind == "weights" else None)
    at = app(page="your_network")
    assert not at.exception and session_weights(at) == ""
    assert any("It cannot be shown here" in e.value and text in e.value for e in at.error)


def test_weights_count_as_large_as_they_are_in_memory(monkeypatch, owner):
    file = io.BytesIO()
    np.savez_compressed(file, **{k: np.zeros_like(v) for k, v in model(H=64).state_dict().items()})
    monkeypatch.setattr(uploads.st, "file_uploader", lambda *a, **k: SimpleNamespace(getvalue=file.getvalue, name="a", size=1))
    monkeypatch.setattr(uploads.st, "selectbox", lambda *a, **k: "tanh")
    monkeypatch.setattr(uploads.st, "form_submit_button", lambda *a, **k: True)
    given, size = uploads._weights("key", "files")
    assert size == sum(v.nbytes for v in given.arrays.values()) > 4 * 4 * 64 * 64


def test_weights_that_are_forgotten_are_drawn_and_the_sidebar_lives_on(app, owner):
    at, link = app(own_weights()), own_weights()
    uploads.store.clear()
    STORE.clear()
    at.run()
    e = state(at).experiment
    assert not at.exception and (e.weights, e.cell, e.hidden, e.length) == ("", "lstm", 6, 12)
    assert any("The weights are drawn now" in w.value and link["weights"] in w.value for w in at.warning)
    controls(at)["c_length"].set_value(20).run()
    assert not at.sidebar.error and state(at).experiment == replace(e, length=20)


def test_a_lesson_that_locks_them_keeps_them(app, owner):
    at = app(own_weights() | {"lock": "weights"})
    assert at.sidebar.button(key="own_weights_drawn_sidebar").disabled
    controls(at)["c_hidden"].set_value(8).run()
    assert session_weights(at) and any("got cell 'lstm' with 8" in e.value.replace("\\", "") for e in at.sidebar.error)
    at = app(own_weights() | {"hide": "weights"})
    assert session_weights(at) and "own_weights_drawn_sidebar" not in buttons(at)
    assert not any("mine.npz" in c.value for c in at.sidebar.caption)


def test_what_is_pinned_is_said_once_they_are_drawn(app, owner):
    at = press(press(app(own_weights(), page="lab"), "pin"), "own_weights_drawn_sidebar")
    assert any("with given weights" in c.value and "Now: only: weights drawn ones" in c.value for c in at.sidebar.caption)
    assert session_weights(press(at, "swap"))


def test_foreign_weights_are_refused_until_they_are_shared(app, owner, monkeypatch):
    link = own_weights()
    monkeypatch.setattr(uploads, "viewer", lambda: "another")
    at = app(link)
    assert session_weights(at) == "" and "not here, or not shared" in prose(at)
    uploads.store().uploads[link["weights"]].shared = True
    assert session_weights(app(link)) == link["weights"]


def test_weights_are_given_refused_and_used_in_a_browser(server, visit, tmp_path):
    page = visit(server.link("/your_network"), viewport=LAPTOP)
    (tmp_path / "mine.npz").write_bytes(npz(model()))
    (tmp_path / "mine.pt").write_bytes(b"PK\x03\x04")
    page.get_by_role("button", name="Open its weights").click()
    answers = {"mine.pt": page.get_by_text("expected an .npz file"), "mine.npz": page.get_by_text("All its weights are used")}
    field = page.locator("input[type=file]")
    for name, answer in answers.items():
        expect(field).to_have_count(1)  # a refused one is there until its rerun has ended
        field.set_input_files(tmp_path / name)
        expect(page.get_by_text(name, exact=True)).to_be_visible()
        page.get_by_role("button", name="Read these weights").click()
        expect(answer).to_be_visible()
        expect(answer).to_be_in_viewport()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Its sentences").click()
    expect(page.get_by_text("Does it carry the number to the verb?")).to_be_visible()
    expect(page.get_by_text("Weights of mine.npz, not drawn.")).to_be_visible()
