"""Read a sentence with the lab's network: what it answers after every word, what remembers the subject, and where it breaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from pages.components.sentence_reader import PLACE, Row, reader
from pages.state import page_settings, session
from pages.ui import layout, own_weights, sentence_builder, sentence_units, study_view
from pages.ui.markdown import plain
from pages.ui.registry import CHART
from rnnkit.analysis import activations
from rnnkit.analysis.describe import summary
from rnnkit.engine.cells import CELLS
from rnnkit.engine.record import ABSENT
from rnnkit.engine.weights import draw_weights
from rnnkit.experiment import Experiment
from rnnkit.results.word_by_word import WordByWord
from rnnkit.rounding import amount
from rnnkit.stories.presets import PRESETS
from rnnkit.stories.sentence_pair import SENTENCE_PAIR
from rnnkit.tasks import TASKS, sentences
from rnnkit.tasks.agreement import Agreement

TITLE = "Sentence"
CONTROLS = None  # all: this is the network of the lab

STEPS = (0, 10, 25, 50, 100, 200, 500)  # training steps to read after, besides the last one
MAX_STEPS = 1000  # training steps: more take too long on this page
MAX_UNITS = 64
NETWORKS = {"pair": "LSTM beside tanh, 20 words", "own": "the sidebar's network"}
UNTRAINED = "not trained yet ..."  # while the answers are waited for
SAME_ANSWER = 0.01  # p(were) of both versions: nearer together they are one answer
PARTS = tuple(dict.fromkeys(n for cell in CELLS.values() for n in (*cell.parts, *(name for name, _ in cell.equations))))
LINKED = {
    "sentence_network": page_settings.Choice(tuple(NETWORKS)),
    **sentence_builder.LINKED,
    "sentence_step": page_settings.Number(0, MAX_STEPS),
    "sentence_part": page_settings.Choice(PARTS),
    **sentence_units.LINKED,
    **PLACE,
}
TOUR_TARGETS = {
    "reader": "sentence_reader",
    "subject": "sentence_noun",
    "clause": "sentence_clause",
    "attractors": "sentence_attractors",
    "type": "sentence_typed",
    "best": "sentence_best",
    "breaks": CHART + "Accuracy by attractors",
}
READY = (".reader[data-t]", "Single units", "Accuracy by attractors")
DRAWING = (".reader", "ArrowRight", "data-t")

STYLE = """<style>
@media (max-width: 640px) {  /* a phone shows the drawing first */
  .st-key-sentence_reading > :is(.st-key-sentence_building, .st-key-sentence_networks,
    :has(> :is(.st-key-sentence_building, .st-key-sentence_networks))) { order: 1; }
}
</style>"""


def page() -> None:
    e = session.current()
    layout.opening(
        "Does it carry the number to the verb?",
        "*The cat, which already ate …, was full.* After every word the network is asked: **was or were?** It must carry the "
        "subject's number to the verb.",
    )
    if isinstance(TASKS[e.task], Agreement):
        st.html(STYLE)
        with st.container(key="sentence_reading"):
            building = st.container(key="sentence_building")
            with st.container(horizontal=True, vertical_alignment="center", gap="small", key="sentence_networks"):
                networks = _networks(e)
                first = next(iter(networks.values()))
                step = _step(first)
            with building:
                both = sentence_builder.sentence(first)
            if both is not None:
                _read(networks, both, step)
        sentence_units.units(first, step)
        sentence_units.breaks(first, step)
        layout.mathematics(MATHEMATICS)
    else:
        text = f"The lab's task is **{TASKS[e.task].title}**. This page builds and reads the sentences of the agreement tasks."
        st.info(text, icon=":material/translate:")
        layout.open_here("Read sentences of ten words", PRESETS["remembers"].experiment, "sentence_open", "menu_book")
    _stories()


# ---- the network that reads ----


def sidebar_note() -> str:
    """Returns what the sidebar has to say above its controls: whether they are those of the networks that read."""
    e = session.current()
    if not isinstance(TASKS[e.task], Agreement) or not _has_pair(e):
        return ""
    if page_settings.value("sentence_network", "own", context=e.key) != "pair":
        return ""
    pair = " and ".join(f"**{name}**" for name in SENTENCE_PAIR)
    return f"The page reads with two networks of its own, {pair}. Change a setting to read with the network below."


def _has_pair(e: Experiment) -> bool:
    """Returns whether the server trains the page's own two networks. At the plain address they are the first to read."""
    if any(session.limits().check(it.experiment) for it in SENTENCE_PAIR.values()):
        return False
    if session.is_plain() and page_settings.untouched(LINKED):
        page_settings.choose("sentence_network", "pair", e.key)
    return True


def _networks(e: Experiment) -> dict[str, Experiment]:
    """Returns name -> network: the page's own two, or the sidebar's and, where its task is one of this page's, the pinned one.

    The page's own two are read at the plain address; a link, and each change in the sidebar, reads with the sidebar's.
    """
    if _has_pair(e):
        options: dict[str, Any] = {"label_visibility": "collapsed", "format_func": NETWORKS.__getitem__}
        st.markdown("Read with", width="content")
        if page_settings.segmented("Networks", list(NETWORKS), "sentence_network", "own", e.key, **options) == "pair":
            return {name: it.experiment for name, it in SENTENCE_PAIR.items()}
    pinned = session.pinned()
    if pinned and pinned != e and isinstance(TASKS[pinned.task], Agreement):
        return {f"now: {summary(e)}": e, f"pinned: {summary(pinned)}": pinned}
    return {summary(e): e}


def _step(e: Experiment) -> int:
    """Returns the number of training steps after which the networks read."""
    last = min(e.steps, MAX_STEPS)
    steps = [*(step for step in STEPS if step < last), last]
    st.markdown("after training steps:", width="content")
    options: dict[str, Any] = {
        "label_visibility": "collapsed",
        "format_func": lambda step: f"{step:,}" if step else f"0, {own_weights.first(e)}",
    }
    return page_settings.segmented("Training steps", steps, "sentence_step", 0 if e.weights else last, context=last, **options)


def _read(networks: Mapping[str, Experiment], both: np.ndarray, step: int) -> None:
    first, pinned = next(iter(networks.values())), session.pinned()
    if pinned and not isinstance(TASKS[pinned.task], Agreement):
        st.caption("The pinned network has another task and does not read along.")
    place = st.container()
    part, asked = _part(first), []
    for e in networks.values():
        options = {"step": min(step, e.steps), "off": sentence_units.off(e) if e is first else []}
        asked.append(session.ask("word_by_word", sentence_units.one(e), sentences=both.T.tolist(), **options))
    with place:
        study_view.answers(
            asked,
            partial(_drawn, both, networks, part),
            early=True,
            waiting="training; until then the untrained network reads, without its gradient ...",
            failed="This could not be read",
        )


def _part(e: Experiment) -> str:
    """Returns what the lower rows show: a part of the state, a gate or a candidate."""
    cell = CELLS[e.cell]
    names = [*cell.parts, *(name for name, _ in cell.equations if name not in cell.parts)]
    called = {name: f"{cell.kind(name)} {name}".lstrip() for name in names} | {"h": "hidden state h", "c": "cell state c"}
    if len(names) == 1:
        return names[0]
    options: dict[str, Any] = {"label_visibility": "collapsed", "format_func": lambda name: called[name]}
    return page_settings.segmented("Activations", names, "sentence_part", names[0], context=e.cell, **options)


def _drawn(both: np.ndarray, names: Mapping[str, Experiment], part: str, found: list[list[WordByWord]], done: bool) -> str:
    """Draws the rows, of the untrained network until the answers have come. Returns the result in words."""
    shown = [parts[-1] if parts else _early(sentence_units.one(e), both) for parts, e in zip(found, names.values(), strict=True)]
    _table(both, names, shown, part, [_outcome(parts[-1]) if parts else UNTRAINED for parts in found])
    return _result(both, shown[0]) if done else ""


@st.cache_data(max_entries=32, show_spinner=False)
def _early(e: Experiment, both: np.ndarray) -> WordByWord:
    """Returns the study of the untrained network without gates and gradient, which this process computes at once."""
    cell, units, weights = CELLS[e.cell], np.arange(min(e.hidden, MAX_UNITS)), draw_weights(e, e.seed)
    readings = [activations.read(e, weights, x) for x in both.T]
    return WordByWord(
        names=list(cell.parts),
        units=units,
        values=np.stack([[r.parts[part][:, units] for r in readings] for part in cell.parts]),
        plural=np.stack([r.outputs[:, 1] for r in readings]),
        norm=np.full((len(cell.parts), 2, len(both)), ABSENT),
        right=np.array([0, 1]),
        diverged=-1,
    )


# ---- the drawing and the result in words ----


def _table(
    both: np.ndarray, names: Mapping[str, Experiment], found: Sequence[WordByWord], part: str, outcomes: Sequence[str]
) -> None:
    rows = [
        row._replace(outcome=outcome)
        for (name, e), f, outcome in zip(names.items(), found, outcomes, strict=True)
        for row in _rows(both, name, e, f, part)
    ]
    now = next(iter(names.values()))
    rows[:2] = [row._replace(off=sentence_units.off(now)) for row in rows[:2]]
    for name, f in zip(names, found, strict=True):
        if f.diverged >= 0:
            text = f"became NaN at training step {f.diverged}: these are its last sound weights."
            st.warning(f"The network ({plain(name)}) {text}", icon=":material/warning:")
    largest = max(float(np.nan_to_num(np.abs(row.values), posinf=0).max()) for row in rows)
    ends = ", ".join(f"{row.words[sentences.subjects(both)[i % 2]]} {row.answers[-1]:.2f}" for i, row in enumerate(rows))
    outcomes = "".join(f" {row.network}: {row.outcome}." for row in rows[::2] if row.outcome)
    reader(
        rows,
        part=part,
        bound=max(1.0, largest),
        scores=any(e.loss != "cross_entropy" for e in names.values()),
        summary=f"The network's answer at the end, 0 for was and 1 for were, by subject: {ends}.{outcomes}",
        key="sentence_reader",
    )
    layout.caption(
        "The two lines are p(were) after every word, of the sentence with the singular subject (blue) and with the plural one "
        "(orange). Where they part, the network knows the number; where they run together, it has lost it. Below, for each "
        "version: ‖dL/dh‖, how much of the verb's loss comes back to that word (log scale, the heatmap's colours); then one line "
        "a unit, blue below 0 and orange above, on top those that differ most at the end. Click a word, or press the arrow keys. "
        "Nouns with a number are framed, the subject is filled."
    )


def _rows(both: np.ndarray, name: str, e: Experiment, f: WordByWord, part: str) -> list[Row]:
    values = f.values[f.names.index(part) if part in f.names else 0]
    with np.errstate(invalid="ignore"):  # inf - inf
        apart = np.abs(values[1, -1] - values[0, -1])
    order = np.argsort(-apart, kind="stable")  # units that differ most between the versions at the end come first
    return [
        Row(
            network=name,
            outcome="",
            words=[sentences.WORDS[i] for i in x],
            numbers=sentences.NUMBER[x],
            right=f.right[k],
            answers=f.plural[k],
            norms=f.norm[:, k],
            parts=CELLS[e.cell].parts,
            values=values[k].T[order],
            units=f.units[order],
        )
        for k, x in enumerate(both.T)
    ]


VERDICTS = (
    "Both versions get the wrong verb",
    "One version gets the right verb, the other the wrong one",
    "Both get the right verb",
)


def _right(f: WordByWord) -> int:
    """Returns how many of the two versions get the right verb."""
    return sum(bool((p > 0.5) == y) for p, y in zip(f.plural[:, -1], f.right, strict=True))


def _outcome(f: WordByWord) -> str:
    """Returns in a few words whether the network still knows the number at the verb."""
    one, many = f.plural[:, -1]
    if not np.isfinite([one, many]).all():
        return "no answer"
    if abs(many - one) < SAME_ANSWER:
        return f"the number is lost: “{sentences.VERBS[int(one > 0.5)]}” to both"
    return ("both verbs are wrong", "one verb is right", "the number is there: both verbs are right")[_right(f)]


def _result(both: np.ndarray, f: WordByWord) -> str:
    """Returns in words which version got the right verb, and how far the states differ."""
    ends, subject = f.plural[:, -1], sentences.subjects(both)[0]
    if not np.isfinite(ends).all():
        return "**No answer**: on the way to the verb the network's numbers have become too large to be computed with."
    with np.errstate(invalid="ignore"):  # inf - inf
        apart = np.abs(f.values[0, 0] - f.values[0, 1]).max(1)
    at_subject, at_end = (amount(float(d)) if np.isfinite(d) else "more than float32 holds" for d in apart[[subject, -1]])
    return (
        f"**{VERDICTS[_right(f)]}**: {' and '.join(f'“{sentences.VERBS[int(p > 0.5)]}”' for p in ends)}. Between the two "
        f"versions, the unit that differs most differs by {at_subject} at the subject and by {at_end} at the end."
    )


MATHEMATICS = r"""
**After every word** the readout is asked as if the verb came next: $z_t = h_t W_{out} + b_{out}$ and
$p_t(\text{were}) = e^{z_t[1]} / (e^{z_t[0]} + e^{z_t[1]})$. It is trained at the last word alone: what it says before is what the
state happens to hold. An echo state network's readout knows no probabilities; its score for were is shown.

**The gradient** is $\|dL/dh_t\|$ with $L = -\log p_T(\text{right verb})$ of this one sentence, a total derivative, nothing cut or
clipped. Where the network is sure and right, $L$ and all its gradients are small: compare a word with the last one.

**Switched off** means that nobody reads unit $i$ any more: row $i$ of $W_{rec}$ and of $W_{out}$ is 0. The others are then
exactly the network of $H - 1$ units without it, whatever the cell; with its own weights at 0 a sigmoid unit would stay at $1/2$.
Of an LSTM, $c[i]$ goes with it, because only $h[i]$ can see it.

**The interval** of a share $p$ of $n$ sentences (Wilson 1927, $z = 1.96$):
$\big(p + \tfrac{z^2}{2n} \pm z\sqrt{p (1 - p)/n + z^2/4n^2}\,\big) / (1 + z^2/n)$.
"""


# ---- what next ----

TRY = {  # preset -> what to notice; tests/claims/test_reading.py trains them
    "misled": "**Three attractors outvote the subject.** tanh with Omega, trained on 20 words without any attractor. Build a "
    "sentence with 3 of the opposite number.",
    "not-misled": "**Three attractors, hardly a mistake.** Orthogonal weights, the same training sentences. But look at the "
    "distances it was not trained on.",
    "not-misled-lstm": "**Neither attractors nor distance.** An LSTM, trained on the same sentences of 20 words, is right in "
    "sentences of 50 as well.",
    "remembers": "**Made for ten words.** tanh networks that were always asked after ten words: about half of them are wrong in "
    "nearly every sentence of seven words, and about half in those of fifteen.",
    "attractors": "**50 words, moving subject, attractors.** A GRU learns all of it. How many of its units can you switch off?",
    "attractors-orthogonal": "**The same sentences, orthogonal tanh.** Its gradient arrives at the subject, and it goes on "
    "guessing all the same.",
}


def _stories() -> None:
    st.markdown("#### Try next")
    stories = list(TRY.items())
    for row in (stories[:3], stories[3:]):
        for column, (name, text) in zip(st.columns(3, gap="medium"), row, strict=True):
            with column.container(border=True, height="stretch"):
                st.markdown(text)
                with st.container(horizontal=True, gap="small"):
                    layout.open_here("Read with it", PRESETS[name].experiment, f"sentence_try_{name}", "menu_book")
                    layout.open_in_lab("Open in the lab", PRESETS[name].experiment, f"sentence_lab_{name}")


if __name__ == "__main__":  # Streamlit runs this file alone when a deep link is a fresh server's first request
    import dashboard

    dashboard.main()
