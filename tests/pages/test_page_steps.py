"""Forward and backward, step by step: what the page hands to its table, and the table itself in Chromium."""

import json
import re

import numpy as np
import pytest
from apptest import until

from pages import steps
from pages.components import ledger as component
from rnnkit.analysis.ledger import Ledger
from rnnkit.engine.cells import CELLS
from rnnkit.engine.weights import draw_weights
from rnnkit.experiment import Experiment
from rnnkit.serving.limits import Limits

SAME_EVERYWHERE = {"task": "agreement", "length": "8"}
TRAINED = {"steps_weights": "trained"}


@pytest.fixture
def shown(monkeypatch):
    """What the table was given, newest last."""
    seen = []
    monkeypatch.setattr(steps, "ledger", lambda contents, key: seen.append(contents))
    return seen


def outcome(at):
    """The sentence about the network under the table."""
    return next(m.value for m in at.markdown if "new sentences" in m.value)


def right(at):
    return float(re.search(r"\*\*([\d.]+) %\*\*", outcome(at))[1])


# ---- without a browser ----


@pytest.mark.parametrize(("cell", "units"), [(cell, steps.UNITS[i % len(steps.UNITS)]) for i, cell in enumerate(CELLS)])
def test_every_cell_and_every_width_from_a_link(app, shown, cell, units):
    at = app(SAME_EVERYWHERE, page="steps", cell=cell, hidden=str(units))
    at.segmented_control(key="steps_weights").set_value("untrained").run()
    assert not at.exception and not at.error and not at.warning
    table = shown[-1]
    assert json.loads(json.dumps(table, allow_nan=False)) == table
    assert (len(table["words"]), table["units"]) == (8, units)
    assert table["words"][1] in steps.PLURAL and table["answers"][table["right"]] == "were"
    cells = table["cells"]
    for row in table["rows"]:
        lines = {"norm": 1, "matrix": 0}.get(row["kind"], units)
        assert all(f"{row['name']} {t} {unit}" in cells for t in range(8) for unit in range(lines))
    for text, value, symbol, symbols, filled, result, sources in cells.values():
        digits = 2 if "e" in text else 3
        assert float(text) == pytest.approx(value, rel=0.5001 * 10 ** (1 - digits)), "rounded, not cut"
        assert float(result) == pytest.approx(value, rel=6e-4)
        assert symbol and symbols and filled
        assert all(place in cells or place.startswith("word ") for place in sources)
    assert "Not trained" in outcome(at)
    names = [m.value for m in at.markdown if "**Forward**" in m.value]
    assert len(names) == 1 and names[0].count("$") % 2 == 0


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_is_trained_while_the_untrained_one_is_shown(app, shown, cell):
    link = SAME_EVERYWHERE | TRAINED
    at = until(app(link, page="steps", cell=cell, hidden="3"), lambda at: "Trained just now" in outcome(at))
    assert not at.exception and not at.error
    trained = shown[-1]["cells"]
    at.segmented_control(key="steps_weights").set_value("untrained").run()
    untrained = shown[-1]["cells"]
    readout_alone = CELLS[cell].reservoir
    assert (trained["h 7 0"] == untrained["h 7 0"]) == readout_alone
    assert trained["loss 8 0"] != untrained["loss 8 0"]


def test_it_begins_with_the_untrained_network_at_the_first_word(app, monkeypatch):
    given = []
    monkeypatch.setattr(component, "_component", lambda **all_of_it: given.append(all_of_it["data"]))
    at = app(page="steps")
    assert "Not trained" in outcome(at) and given[-1]["place"] == {"at": 1, "unit": None, "number": ""}
    e = Experiment(length=8, hidden=3, replicas=1, steps=steps.STEPS)
    x = [steps.WORDS.index(word) for word in given[-1]["words"]]
    book = Ledger("tanh", draw_weights(e, e.seed), np.array(x), 1)
    ((block,),) = [given[-1]["W_rec"]]
    assert block["gate"] == "" and np.array(block["values"]) == pytest.approx(book.p["W_rec"], rel=1e-5)
    given_norms = [given[-1]["cells"][f"norm dh {t} 0"][1] for t in range(8)]
    assert given_norms == pytest.approx(np.linalg.norm(book.values["dh"], axis=1), rel=1e-5)


def test_old_links_to_a_step_still_open_there(app, monkeypatch):
    given = []
    monkeypatch.setattr(component, "_component", lambda **all_of_it: given.append(all_of_it["data"]))
    app({"steps_at": "12", "steps_shown": "dh 5 1"}, page="steps")
    assert given[-1]["place"] == {"at": 12, "unit": None, "number": "dh 5 1"}


@pytest.mark.parametrize("cell", [name for name, cell in CELLS.items() if cell.recurrent])
def test_the_weights_of_every_gate_are_those_of_the_cell(app, shown, cell):
    app(SAME_EVERYWHERE, page="steps", cell=cell, hidden="3")
    e = Experiment(length=8, hidden=3, cell=cell, replicas=1, steps=steps.STEPS, **dict(CELLS[cell].suited))
    blocks = shown[-1]["W_rec"]
    matrix = CELLS[cell].recurrent_matrix(draw_weights(e, e.seed))
    assert np.hstack([block["values"] for block in blocks]) == pytest.approx(matrix, rel=1e-5)
    assert len({block["gate"] for block in blocks}) == CELLS[cell].gates


def test_the_network_that_is_trained_has_learnt(app, shown):
    at = until(app(TRAINED, page="steps"), lambda at: "Trained just now" in outcome(at))
    assert right(at) >= 99
    assert shown[-1]["cells"]["p 8 1"][1] > 0.9
    at.segmented_control(key="steps_number").set_value("singular").run()
    table = shown[-1]
    assert table["words"][1] in steps.SINGULAR and table["right"] == 0
    assert table["cells"]["p 8 0"][1] > 0.9


def test_the_controls_choose_the_sentence_its_length_and_the_cut(app, shown):
    at = app(page="steps")
    before = shown[-1]["words"]
    at.selectbox(key="steps_sentence").set_value(1).run()
    assert len(shown[-1]["words"]) == len(before) and shown[-1]["words"] != before
    at.number_input(key="steps_words").set_value(12).run()
    assert len(shown[-1]["words"]) == 12 and shown[-1]["cuts"] == []
    at.number_input(key="steps_cut").set_value(5).run()
    assert shown[-1]["cuts"] == [2, 7]
    assert not at.exception
    cells = shown[-1]["cells"]
    assert cells["dh 6 0"][0] == "0" and cells["dh 7 0"][0] != "0"


@pytest.mark.parametrize("query", [{"length": "500", "hidden": "64"}, {"length": "7", "hidden": "2", "cell": "nonsense"}])
def test_a_link_to_a_large_or_unknown_network_opens_a_small_one(app, shown, query):
    at = app(query, page="steps")
    assert not at.exception
    assert len(shown[-1]["words"]) in steps.LENGTHS and shown[-1]["units"] in steps.UNITS


def test_a_server_that_may_not_train_it_shows_it_untrained(app, shown, monkeypatch):
    monkeypatch.setattr(Limits, "check", lambda self, e: {"steps": "no steps here"} if e.replicas == 1 else {})
    at = app(TRAINED, page="steps")
    assert not at.exception
    assert outcome(at).startswith("Not trained: no steps here.")


def test_the_suggestions_at_the_end_can_be_opened(app, shown):
    at = app(page="steps")
    assert [at.button(key=f"try_{i}").disabled for i in range(3)] == [False] * 3


def test_the_memory_of_the_lab_is_the_tapes(app, shown):
    at = app(page="steps", cell="lstm", length="50", batch="16", hidden="20", bias="chrono")
    expected = 4 * CELLS["lstm"].floats_per_unit * 50 * 16 * 20 / 1e6
    assert any(f"{expected:,.1f} MB" in caption.value and "× 15 ×" in caption.value for caption in at.caption)


# ---- in Chromium ----


def table(page):
    return page.locator(".ledger")


def place(page, name):
    return page.locator(f"[data-place='{name}']")


def opened(visit, link, **options):
    """The page, with the trained network in its table and all numbers reached."""
    from browsing import expect

    page = visit(f"{link}{'&' if '?' in link else '?'}steps_weights=trained", **options)
    expect(page.get_by_text("Trained just now")).to_be_visible()
    expect(table(page)).to_have_attribute("data-last", re.compile(r"\d+"))
    return page


def result(page):
    return page.locator(".panel .result").inner_text()


def boxes(page):
    return [page.locator(f".ledger {part}").bounding_box() for part in (".scroll", ".panel", ".told", ".outcome >> nth=0")]


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def test_the_keyboard_walks_forward_and_back_and_nothing_jumps(server, visit):
    from browsing import SIDEWAYS, expect

    page = opened(visit, server.link("/steps", length=8, hidden=3, cell="tanh"), viewport={"width": 1366, "height": 1400})
    expect(table(page)).to_have_attribute("data-at", "1")
    expect(place(page, "h 0 0").locator("span")).to_be_visible()  # first paint: the first word
    full = boxes(page)
    table(page).click(position={"x": 400, "y": 60})  # anywhere in it
    press(page, "Home")
    expect(table(page)).to_have_attribute("data-at", "0")
    expect(page.locator(".number:enabled")).to_have_count(0)
    assert boxes(page) == full, "nothing jumps"
    press(page, "ArrowRight", "ArrowRight", "ArrowRight")
    expect(page.locator(".phase")).to_contain_text("forward: word 3 of 8 “,”")
    expect(page.locator(".memory")).to_contain_text("3 words × (a, h) × 3 units = 18 numbers = 72 bytes")
    expect(place(page, "h 2 1").locator("span")).to_be_visible()
    expect(place(page, "h 3 1").locator("span")).to_be_hidden()
    press(page, "ArrowLeft")
    expect(place(page, "h 2 1").locator("span")).to_be_hidden()
    press(page, *["ArrowRight"] * 7)
    expect(page.locator(".phase")).to_contain_text("at the verb: the right answer is “were”")
    expect(place(page, "loss 8 0").locator("span")).to_be_visible()
    expect(place(page, "dh 7 0").locator("span")).to_be_hidden()
    press(page, *["ArrowRight"] * 4)
    expect(page.locator(".phase")).to_contain_text("backward: from word 6 to word 5")
    expect(place(page, "dh 4 0").locator("span")).to_be_visible()
    expect(place(page, "dh 3 0").locator("span")).to_be_hidden()
    press(page, "End")
    expect(page.locator(".number:disabled")).to_have_count(0)
    assert boxes(page) == full
    assert max(page.evaluate(SIDEWAYS)) <= 0


def test_a_click_shows_the_equation_with_that_number_and_where_it_came_from(server, visit):
    from browsing import expect

    link = server.link("/steps", length=8, hidden=2, cell="tanh", steps_at=17)
    page = opened(visit, link, viewport={"width": 1366, "height": 1400})
    place(page, "h 2 1").click()
    assert re.fullmatch(r"h3\[2\] = tanh\(a3\[2\]\) = tanh\(−?[\d.]+\) = −?[\d.]+", page.locator(".equation").inner_text())
    number = float(result(page).replace("−", "-"))
    assert float(place(page, "h 2 1").inner_text().replace("−", "-")) == pytest.approx(number, rel=6e-3)
    expect(place(page, "a 2 1")).to_have_class(re.compile("source"))
    place(page, "a 2 0").click()
    assert "Win[“,”, 1] + b[1] + h2[1] · Wrec[1, 1] + h2[2] · Wrec[2, 1]" in page.locator(".equation").inner_text()
    expect(place(page, "h 1 0")).to_have_class(re.compile("source"))
    place(page, "jacobian 4 0").click()
    expect(page.locator(".matrices table")).to_have_count(1)
    press(page, "ArrowDown")  # from the Jacobian to the sum of dW_rec
    expect(page.locator(".matrices table")).to_have_count(2)
    press(page, "ArrowUp", "ArrowUp", "Enter")
    expect(page.locator(".panel .what")).to_contain_text("dL/da, unit 2, at word 5")
    press(page, "ArrowLeft")  # the arrows step right after a click
    expect(table(page)).to_have_attribute("data-at", "16")


def number_in(text):
    """As it is printed: 1.5·10−10 with the power raised."""
    return float(text.replace("−", "-").replace("·10", "e"))


def test_the_cells_of_the_table_are_rounded(server, visit):
    """The cell, the equation's result and the value agree: 1.471e-10 is 1.5·10⁻¹⁰ and not 1.4."""
    page = opened(visit, server.link("/steps", steps_words=8, steps_units=3, steps_cell="tanh", steps_at=17))
    for t in range(8):
        for name in ("norm dh", "dh", "h"):
            place(page, f"{name} {t} 0").click()
            text = place(page, f"{name} {t} 0").inner_text()
            digits = 2 if "10" in text and "·" in text else 3
            exact = number_in(result(page))
            assert number_in(text) == pytest.approx(exact, rel=0.51 * 10 ** (1 - digits)), (text, exact)


@pytest.mark.parametrize("words", [7, 12])
def test_every_control_works_after_another_number_of_words(server, visit, words):
    """The sentences are others then, in the menu and in the table."""
    from browsing import choose, expect, sidebar

    page = opened(visit, server.link("/steps"))
    side = sidebar(page)
    choose(page, "Sentence", steps._text(steps.sentences(8)[2]), side)
    number = side.get_by_role("spinbutton", name="Words")
    number.fill(str(words))
    number.press("Enter")
    expect(side.get_by_role("combobox", name="Sentence")).to_have_value(steps._text(steps.sentences(words)[2]))
    expect(table(page)).to_have_attribute("data-last", str(2 * words + 1))
    side.get_by_text("singular", exact=True).click()
    choose(page, "Cell", "GRU", side)
    side.get_by_text("untrained", exact=True).click()
    expect(page.get_by_text("Not trained: weights as they were drawn")).to_be_visible()
    choose(page, "Sentence", steps._text(steps.sentences(words)[4]), side)
    side.get_by_text("4", exact=True).click()
    expect(page.locator(".ledger thead")).to_contain_text(steps.TASK.labels(steps.sentences(words)[4])[-2])
    expect(page.get_by_role("button", name="unit 4", exact=True)).to_be_visible()
    expect(page.get_by_text("This part of the page failed")).to_have_count(0)


def test_a_place_is_not_sent_in_the_moment_of_a_click(server, visit):
    """Streamlit would take both for one message of the table's fragment, and say so on the console."""
    from browsing import expect, sidebar

    page = opened(visit, server.link("/steps"))
    page.evaluate(
        """() => {
             const later = window.setTimeout;
             window.setTimeout = (act, ms, ...more) => later(() => {
               if (ms === 500) { window.setTimeout = later; window.meets(); }
               act(...more);
             }, ms);
             window.meets = () => {
               const choice = [...document.querySelectorAll("section button")].find(b => b.innerText.trim() === "untrained");
               choice.dispatchEvent(new PointerEvent("pointerdown", { bubbles: true, composed: true }));
               choice.click();
             };
           }"""
    )
    table(page).focus()
    press(page, "End", "ArrowLeft", "ArrowLeft")
    expect(page.get_by_text("Not trained: weights as they were drawn")).to_be_visible()
    expect(sidebar(page).locator("button", has_text="untrained")).to_have_attribute("aria-checked", "true")
    page.wait_for_function("location.search.includes('steps_at=15')")


def test_play_runs_to_the_end_and_stops(server, visit):
    from browsing import expect

    page = opened(visit, server.link("/steps", length=7, hidden=2, cell="relu"))
    button = page.locator(".play")
    table(page).focus()
    press(page, "End", "ArrowLeft", "ArrowLeft", " ")
    expect(button).to_have_text("Pause")
    press(page, " ")
    expect(button).to_have_text("Play")
    at = table(page).get_attribute("data-at")
    page.wait_for_timeout(1000)
    assert table(page).get_attribute("data-at") == at, "a pause stands still"
    button.click()
    expect(table(page)).to_have_attribute("data-at", "15")
    expect(button).to_have_text("Play")
    button.click()  # from the end it begins again
    expect(table(page)).to_have_attribute("data-at", "1")
    page.locator(".seek").fill("9")
    expect(table(page)).to_have_attribute("data-at", "9")
    expect(button).to_have_text("Play")


def test_a_phone_scrolls_the_table_and_not_the_page(server, visit):
    from browsing import PHONE, SIDEWAYS

    page = opened(visit, server.link("/steps", length=8, hidden=2, cell="lstm", bias="chrono"), viewport=PHONE)
    assert max(page.evaluate(SIDEWAYS)) <= 0
    box = page.locator(".ledger .scroll")
    assert box.evaluate("e => e.scrollWidth - e.clientWidth") > 200
    label = page.locator(".label").first.bounding_box()
    box.evaluate("e => e.scrollLeft = 150")
    assert page.locator(".label").first.bounding_box() == label, "the first column stays"
    page.get_by_role("button", name="all units", exact=True).click()
    assert page.locator("tbody.forward tr:not(.caption)").count() == 10 * 2
    page.get_by_role("button", name="unit 2", exact=True).click()
    assert page.locator("tbody.forward tr:not(.caption)").count() == 10


@pytest.mark.parametrize(("hidden", "size"), [(3, "46.1 kB"), (64, "1.0 MB")])
def test_the_memory_of_a_small_network_is_not_nothing(app, hidden, size):
    at = app(page="steps", cell="lstm", length=8, hidden=hidden)
    assert any(f"× 4 bytes = {size} a training step" in caption.value for caption in at.caption)


# ---- check it yourself ----


def nudged(at):
    """What is said of the nudged weight: its title, the numbers of the table, and the verdict."""
    title = next(m.value for m in at.markdown if m.value.startswith("w = "))
    numbers = next(html.proto.body for html in at.get("html") if "nudged" in html.proto.body)
    row = [float(text.replace("−", "-")) for text in re.findall("<b>(.*?)</b>", numbers)]
    return title, row, next(box.value for box in [*at.success, *at.info, *at.warning])


@pytest.mark.parametrize("cell", CELLS)
def test_a_nudged_weight_confirms_the_tables_derivative(app, shown, cell):
    at = app({**SAME_EVERYWHERE, "steps_epsilon": "0.0001"}, page="steps", cell=cell, hidden="3")
    _, (loss, up, down, quotient, derivative), verdict = nudged(at)
    assert (up - down) / 2e-4 == pytest.approx(quotient, abs=2e-6) and min(up, down) - 1e-9 <= loss <= max(up, down) + 1e-9
    assert quotient == pytest.approx(derivative, rel=1e-4, abs=1e-8)
    assert verdict.startswith(("**Confirmed:**", "Both are below")) or "does not act" in verdict
    assert shown[-1]["cells"][f"loss {8} 0"][1] == pytest.approx(loss, abs=1e-6), "the loss in the table above"


def test_another_weight_and_truncation(app, shown):
    at = app({**SAME_EVERYWHERE, "steps_weight": "W_in", "steps_from": "1", "steps_to": "2"}, page="steps")
    title, (*_, derivative), verdict = nudged(at)
    word = shown[-1]["words"][1]
    assert f"**W_in, {word} → unit 3**" in title and "Confirmed" in verdict and derivative
    at = app({**SAME_EVERYWHERE, "steps_weight": "W_in", "steps_from": "1", "steps_cut": "2"}, page="steps")
    assert nudged(at)[1][-1] == 0 and "They differ:** truncation after 2 steps" in nudged(at)[2]
    at = app({**SAME_EVERYWHERE, "steps_epsilon": "1e-12"}, page="steps")
    assert "ε is too small" in nudged(at)[2]


@pytest.mark.parametrize("cell", ["mingru", "lru", "tanh"])
def test_the_scan_of_a_linear_cell_agrees_with_the_loop(app, cell):
    at = app(SAME_EVERYWHERE, page="steps", cell=cell, hidden="3")
    said = [c.value for c in at.caption if "Difference to the loop" in c.value]
    assert bool(said) == (cell != "tanh") == any("3 rounds instead of 8 steps" in m.value for m in at.markdown)
    for text in said:
        off = re.search(r"loop: (\S+) of the largest state.*gradients: (\S+)\. ", text)
        assert all(float(value) < 1e-12 for value in off.groups())
