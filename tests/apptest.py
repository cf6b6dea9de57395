"""The dashboard in this process, without a browser: what the tests with Streamlit's AppTest share. The fixture `app` is in
conftest.py."""

import json
import time

from pages.state import page_settings, viewer_state
from rnnkit.experiment import FIELDS, Experiment, applies

SMALL = {"length": "10", "steps": "20", "replicas": "2"}


def until(at, condition, seconds=60):
    """Reruns the page until the condition holds. It waits longer and longer: a rerun takes the core that a training needs."""
    end, pause = time.monotonic() + seconds, 0.1
    while not condition(at):
        assert not at.exception, at.exception[0]
        assert time.monotonic() < end, f"not seen within {seconds} s, but: {texts(at)}"
        time.sleep(pause)
        pause = min(1.0, 1.4 * pause)
        at.run()
    return at


def state(at):
    """The viewer's state (viewer_state.py), as the last rerun left it."""
    return at.session_state[viewer_state.KEY]


def texts(at):
    return [element.value for kind in (at.subheader, at.warning, at.success, at.error, at.info) for element in kind]


def prose(at):
    """All that a page says, in one text."""
    return " ".join(e.value for kind in (at.markdown, at.info, at.warning, at.error, at.caption) for e in kind)


def controls(at):
    """Key -> widget, of all that stand in the sidebar."""
    side = at.sidebar
    kinds = (side.selectbox, side.number_input, side.multiselect, side.text_input)
    return {w.key.split("~")[0]: w for kind in kinds for w in kind}  # "~n" marks controls that were set all at once


def cards(at):
    """All cards of a page (pages/components/cards.py), as the browser gets them."""
    frames = [block.proto.bytes for block in at.get("bidi_component") if block.proto.component_name.endswith("rnnkit_cards")]
    headers = [json.loads(frame[4 : 4 + int.from_bytes(frame[:4], "little")]) for frame in frames]
    return [card for header in headers for card in header["cards"]]


def widget(at, key):
    """One of the pages' own, by the name of its setting; "~n" marks those that something else has set; None: not there."""
    kinds = (at.selectbox, at.number_input, at.segmented_control, at.select_slider, at.slider, at.text_input, at.multiselect)
    return next((w for kind in kinds for w in kind if w.key and w.key.split("~")[0] == key), None)


def story(at):
    """The menu of presets."""
    return next(w for w in at.sidebar.selectbox if w.label == "Story")


def linked(at):
    """The Experiment that the address bar holds, besides the page's own settings."""
    query = {k: v if isinstance(v, str) else v[0] for k, v in at.query_params.items() if k not in page_settings.kinds()}
    e, messages = Experiment.from_query({k: v for k, v in query.items() if "." not in k and k != "tour"})
    assert messages == []
    return e


def progress_text(at):
    """What stands on the seek bar, or on the progress bar while it plays."""
    return at.select_slider[0].label if at.select_slider else at.progress[0].proto.text


def step(at):
    """The training step shown."""
    return int(progress_text(at).split(" of ")[0].removeprefix("step "))


def press(at, key):
    return at.button(key=key).click().run()


def buttons(at):
    return {button.key for button in at.button}


def verdicts(at):
    return [box.value for box in [*at.success, *at.error, *at.info] if box.value.startswith("**")]


def finished(app, query=SMALL, **more):
    at = app(query, **more)
    at.selectbox(key="c_pace").set_value("fast").run()
    return until(at, lambda at: "train" in buttons(at))


def assert_controls_say(at, e):
    shown = controls(at)
    for name in FIELDS.keys() - {"data", "weights"}:  # of files, not from a control
        if name == "fixes" and applies(e, name):
            assert shown["c_fixes"].value == [fix.name for fix in e.fixes]
            for fix in e.fixes:
                assert shown[f"s_{fix.name}"].value == fix.values[0], fix
        elif FIELDS[name].fits(e):
            assert shown[f"c_{name}"].value == getattr(e, name), name
