"""Read a sentence with the lab's network: what it answers after every word, what remembers the subject, and where it breaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import streamlit as st

from pages.components.sentence_reader import PLACE, Row, reader
from pages.state import page_settings, session, view_options
from pages.ui import errors, layout, sentence_units
from pages.ui.markdown import plain
from pages.ui.registry import CHART
from rnnkit.analysis import activations
from rnnkit.analysis.describe import amount, summary
from rnnkit.engine.cells import CELLS
from rnnkit.engine.record import ABSENT
from rnnkit.engine.weights import draw_weights
from rnnkit.experiment import Experiment
from rnnkit.serving.process import Answer
from rnnkit.stories.presets import PRESETS
from rnnkit.tasks import TASKS, agreement_task, sentences
from rnnkit.tasks.agreement import PLURAL, SINGULAR, Agreement

TITLE = "Sentence"
CONTROLS = None  # all: this is the network of the lab

Found = Mapping[str, Any]  # what studies.reading found
STEPS = (0, 10, 25, 50, 100, 200, 500)  # to read after, and the run's last
MOST_TRAINED = 1000  # training steps: for more nobody waits here
MOST_ATTRACTORS, MOST_ADVERBS, UNITS = 6, 20, 64
RELATIONS = {"opposite": "opposite number", "same": "same number", "random": "any number"}
TYPED = "the cats, which already ate fresh milk,"
PARTS = tuple(dict.fromkeys(n for cell in CELLS.values() for n in (*cell.parts, *(name for name, _ in cell.equations))))
LINKED = {
    "sentence_typed": page_settings.Text(6000),
    "sentence_noun": page_settings.Choice(tuple(SINGULAR)),
    "sentence_adverbs": page_settings.Number(0, MOST_ADVERBS),
    "sentence_clause": page_settings.Number(sentences.SHORTEST, 10_000),
    "sentence_attractors": page_settings.Number(0, MOST_ATTRACTORS),
    "sentence_relation": page_settings.Choice(tuple(RELATIONS)),
    "sentence_again": page_settings.Number(0, 1_000_000),  # which words are drawn
    "sentence_step": page_settings.Number(0, MOST_TRAINED),
    "sentence_part": page_settings.Choice(PARTS),
    **sentence_units.LINKED,
    **PLACE,
}
POINTS = {
    "reader": "sentence_reader",
    "subject": "sentence_noun",
    "clause": "sentence_clause",
    "attractors": "sentence_attractors",
    "type": "sentence_typed",
    "best": "sentence_best",
    "breaks": CHART + "Accuracy by attractors",
}


def page() -> None:
    e = session.current()
    layout.opening(
        "Does it carry the number to the verb?",
        "The network reads word by word, and after every word we ask it: **was or were?** It has to carry the number of the "
        "subject through all the words in between.",
    )
    if isinstance(TASKS[e.task], Agreement):
        both, step = _sentence(e), _step(e)
        if both is not None:
            _read(e, both, step)
        sentence_units.units(e, step)
        sentence_units.breaks(e, step)
        layout.mathematics(MATHEMATICS)
    else:
        text = f"The lab's task is **{TASKS[e.task].title}**. This page builds and reads the sentences of the agreement tasks."
        st.info(text, icon=":material/translate:")
        _open_here("Read sentences of ten words", "remembers", "sentence_open")
    _stories()


# ---- the sentence ----


def _sentence(e: Experiment) -> np.ndarray | None:
    """What is built or typed, with its subject in singular and in plural, (T, 2); None where that cannot be read."""
    built, most = _built(e), session.limits().max_length
    text = page_settings.text(
        "or type one, in the words of the task",
        "sentence_typed",
        placeholder=TYPED if built is None or len(built) > 25 else sentences.text(built[:, 1]),
        help=f"Its words: {', '.join(sentences.WORDS)}. It is read up to was or were.",
    )
    if not text.strip():
        return built
    try:
        typed = sentences.read_typed(text)
        if len(typed.x) > most:
            raise ValueError(f"at most {most} words on this server, got {len(typed.x)}")
    except ValueError as error:
        instead = "" if built is None else " Below is the sentence that is built above."
        st.error(f"Not read: {plain(str(error))}.{instead}", icon=":material/spellcheck:")
        return built
    _notes(typed)
    return sentences.versions(typed.x)


def _notes(typed: sentences.Typed) -> None:
    """What was not read as it was typed, and whether the network knows such sentences."""
    if typed.rest:
        rest = plain(typed.rest if len(typed.rest) <= 60 else f"{typed.rest[:57]}...")
        st.caption(f"Read up to “{typed.verb}”. The rest, “{rest}”, comes after the answer and is not read.")
    if typed.unknown:
        st.warning(f"Left out: {plain(typed.unknown)}. The rest is read.", icon=":material/spellcheck:")
    if odd := sentences.deviation(typed.x):
        st.warning(f"The network has never seen such a sentence: {odd}. It reads it all the same.", icon=":material/rule:")


def _built(e: Experiment) -> np.ndarray | None:
    task, nouns = agreement_task(e.task), dict(zip(SINGULAR, PLURAL, strict=True))
    most = session.limits().max_length
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        look: dict[str, Any] = {"format_func": lambda one: f"{one} / {nouns[one]}", "width": view_options.size(165)}
        noun = page_settings.selectbox("Subject", SINGULAR, "sentence_noun", SINGULAR[0], **look)
        adverbs = 0
        if task.varying:
            adverbs = page_settings.number("Adverbs before", 0, MOST_ADVERBS, "sentence_adverbs", 1, width=view_options.size(130))
        words = _clause(e, adverbs, most)
        attractors = page_settings.number(
            "Attractors",
            0,
            MOST_ATTRACTORS,
            "sentence_attractors",
            2 if task.attractors else 0,
            context=e.task,
            width=view_options.size(125),
            help="Nouns in the clause that have a number too. The other nouns there have none, such as milk.",
        )
        relation = "random"
        if attractors:
            form = RELATIONS.__getitem__
            relation = page_settings.segmented("Their number", list(RELATIONS), "sentence_relation", "opposite", format_func=form)
        again = page_settings.value("sentence_again", 0)
        other: dict[str, Any] = {"on_click": page_settings.choose, "args": ("sentence_again", again + 1)}
        st.button("Other words", key="sentence_other", icon=":material/casino:", **other)
    length, room = sentences.FRAME + words + adverbs, max(1, words // 3)
    if length > most:
        st.error(f"Not read: at most {most} words on this server, got {length}.", icon=":material/block:")
        return None
    if attractors > room:
        st.caption(f"A clause of {words} words has room for {room} here: there must be some words around them.")
    return _draw(e.task, SINGULAR.index(noun), length, adverbs, min(attractors, room), relation, again)


def _clause(e: Experiment, adverbs: int, most: int) -> int:
    return page_settings.number(
        "Words in the clause",
        sentences.SHORTEST,
        max(sentences.SHORTEST, most - sentences.FRAME),
        "sentence_clause",
        max(sentences.SHORTEST, e.length - sentences.FRAME - adverbs),
        context=(e.task, e.length),
        width=view_options.size(155),
        help=f"Trained on sentences of {e.length} words in all; ask for shorter or longer ones.",
    )


@lru_cache(maxsize=64)
def _draw(task: str, noun: int, length: int, adverbs: int, attractors: int, relation: str, again: int) -> np.ndarray:
    rng = np.random.default_rng([again, length])
    x = sentences.build(agreement_task(task), length, 1, rng, adverbs=adverbs, attractors=attractors).x[:, 0]
    return sentences.versions(x, noun, relation)


# ---- the network that reads ----


def _step(e: Experiment) -> int:
    """After how many training steps the network reads."""
    last = min(e.steps, MOST_TRAINED)
    steps = [*(step for step in STEPS if step < last), last]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("Read after training steps:", width="content")
        look: dict[str, Any] = {
            "label_visibility": "collapsed",
            "format_func": lambda step: f"{step:,}" if step else "0, untrained",
        }
        return page_settings.segmented("Training steps", steps, "sentence_step", last, context=last, **look)


def _read(e: Experiment, both: np.ndarray, step: int) -> None:
    names, pinned = {"": e}, session.pinned()
    if pinned and pinned != e and isinstance(TASKS[pinned.task], Agreement):
        names = {f"now: {summary(e)}": e, f"pinned: {summary(pinned)}": pinned}
    elif pinned and pinned != e:
        st.caption("The pinned network has another task and does not read along.")
    part, answers = _part(e), []
    for network in names.values():
        options = {"step": min(step, network.steps), "off": sentence_units.off(e) if network is e else []}
        answers.append(session.ask("reading", sentence_units.one(network), sentences=both.T.tolist(), **options))
    for answer in answers:
        answer.ended.wait(layout.PATIENCE)
    done = all(answer.ended.is_set() for answer in answers)
    errors.fragment(_drawn, run_every=None if done else 0.25)(both, names, answers, part, done)


def _part(e: Experiment) -> str:
    """What the lower rows show: a part of the state, a gate or a candidate."""
    cell, called = CELLS[e.cell], {"h": "hidden state h", "c": "cell state c"}
    for name, text in cell.equations:
        called.setdefault(name, f"{'gate' if text.startswith('sigmoid(') else 'candidate'} {name}")
    names = [*cell.parts, *(name for name, _ in cell.equations if name not in cell.parts)]
    if len(names) == 1:
        return names[0]
    look: dict[str, Any] = {"label_visibility": "collapsed", "format_func": lambda name: called[name]}
    return page_settings.segmented("Activations", names, "sentence_part", names[0], context=e.cell, **look)


def _drawn(both: np.ndarray, names: Mapping[str, Experiment], answers: list[Answer], part: str, was_done: bool) -> None:
    """The rows, as an untrained network reads until the answers are there: always in the same place."""
    done = all(answer.ended.is_set() for answer in answers)
    found = [_last(answer) for answer in answers]
    shown = [f or _early(sentence_units.one(e), both) for f, e in zip(found, names.values(), strict=True)]
    _table(both, names, shown, part)
    below = st.empty()
    failed = next((answer for answer in answers if answer.error), None)
    if failed:
        below.error(f"This could not be read: {failed.error}.", icon=":material/error:")
        if st.button("Try again", key="sentence_retry", on_click=session.pool().forget, args=(failed,)):
            st.rerun()
    elif all(found):
        below.markdown(_said(both, shown[0]))
    else:
        shares = [part["progress"] for answer in answers for part in list(answer.parts)[-1:] if "progress" in part]
        below.progress(
            min(shares, default=0.0), text="training; until then the untrained network reads, without its gradient ..."
        )
    if done != was_done:
        st.rerun()


def _last(answer: Answer) -> Found | None:
    return next((part for part in reversed(list(answer.parts)) if "progress" not in part), None)


@st.cache_data(max_entries=32, show_spinner=False)
def _early(e: Experiment, both: np.ndarray) -> Found:
    """What studies.reading finds of the untrained network, but for gates and gradient: so much this process can do at once."""
    cell, units, weights = CELLS[e.cell], np.arange(min(e.hidden, UNITS)), draw_weights(e, e.seed)
    readings = [activations.read(e, weights, x) for x in both.T]
    return {
        "names": list(cell.parts),
        "units": units,
        "values": np.stack([[r.parts[part][:, units] for r in readings] for part in cell.parts]),
        "plural": np.stack([r.outputs[:, 1] for r in readings]),
        "norm": np.full((len(cell.parts), 2, len(both)), ABSENT),
        "right": np.array([0, 1]),
        "diverged": -1,
    }


# ---- what is drawn and said ----


def _table(both: np.ndarray, names: Mapping[str, Experiment], found: Sequence[Found], part: str) -> None:
    rows = [row for (name, e), f in zip(names.items(), found, strict=True) for row in _rows(both, name, e, f, part)]
    now = next(iter(names.values()))
    rows[:2] = [row._replace(off=sentence_units.off(now)) for row in rows[:2]]
    for name, f in zip(names, found, strict=True):
        if f["diverged"] >= 0:
            text = f"became NaN at training step {f['diverged']}: these are its last sound weights."
            st.warning(f"The network {f'({name}) ' if name else ''}{text}", icon=":material/warning:")
    largest = max(float(np.nan_to_num(np.abs(row.values), posinf=0).max()) for row in rows)
    ends = ", ".join(f"{row.words[sentences.subjects(both)[i % 2]]} {row.answers[-1]:.2f}" for i, row in enumerate(rows))
    reader(
        rows,
        part=part,
        bound=max(1.0, largest),
        scores=any(e.loss != "cross_entropy" for e in names.values()),
        summary=f"The network's answer at the end, 0 for was and 1 for were, by subject: {ends}.",
        key="sentence_reader",
    )
    st.caption(
        "After every word: above the middle line the network would say were, below it was. Then ‖dL/dh‖, how much of the "
        "verb's loss comes back to that word (log scale, the heatmap's colours). Then one line a unit, blue below 0 and orange "
        "above, on top those that differ most at the end. Click a word, or press the arrow keys. Nouns with a number are framed, "
        "the subject is filled."
    )


def _rows(both: np.ndarray, name: str, e: Experiment, f: Found, part: str) -> list[Row]:
    values = f["values"][f["names"].index(part) if part in f["names"] else 0]
    with np.errstate(invalid="ignore"):  # inf - inf
        apart = np.abs(values[1, -1] - values[0, -1])
    order = np.argsort(-apart, kind="stable")  # what tells the two versions apart at the end comes first
    return [
        Row(
            network=name,
            words=[sentences.WORDS[i] for i in x],
            numbers=sentences.NUMBER[x],
            right=f["right"][k],
            answers=f["plural"][k],
            norms=f["norm"][:, k],
            parts=CELLS[e.cell].parts,
            values=values[k].T[order],
            units=f["units"][order],
        )
        for k, x in enumerate(both.T)
    ]


VERDICTS = (
    "Both versions get the wrong verb",
    "One version gets the right verb, the other the wrong one",
    "Both get the right verb",
)


def _said(both: np.ndarray, f: Found) -> str:
    """Who got it right, and what the state carried."""
    ends, subject = f["plural"][:, -1], sentences.subjects(both)[0]
    if not np.isfinite(ends).all():
        return "**No answer**: on the way to the verb the network's numbers have become too large to be computed with."
    right = sum(bool((p > 0.5) == y) for p, y in zip(ends, f["right"], strict=True))
    with np.errstate(invalid="ignore"):  # inf - inf
        apart = np.abs(f["values"][0, 0] - f["values"][0, 1]).max(1)
    at_subject, at_end = (amount(float(d)) if np.isfinite(d) else "more than float32 holds" for d in apart[[subject, -1]])
    return (
        f"**{VERDICTS[right]}**: {' and '.join(f'“{sentences.VERBS[int(p > 0.5)]}”' for p in ends)}. Between the two "
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

TRY = {  # preset -> what to look out for; tests/claims/test_reading.py trains them
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
                    _open_here("Read with it", name, f"sentence_try_{name}")
                    layout.open_in_lab("Open in the lab", PRESETS[name].experiment, f"sentence_lab_{name}")


def _open_here(label: str, preset: str, key: str) -> None:
    """A button that loads a preset and stays on this page."""
    e = PRESETS[preset].experiment
    refused = session.refusal(e)
    look: dict[str, Any] = {"icon": ":material/menu_book:", "disabled": bool(refused), "help": refused or None}
    if st.button(label, key=key, on_click=session.open_run, args=(e, False), **look):
        st.rerun()


if __name__ == "__main__":  # see lab.py
    import dashboard

    dashboard.main()
