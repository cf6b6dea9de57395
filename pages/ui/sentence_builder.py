"""The sentence of the page Sentence: built from its properties, or typed in the words of the task."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import streamlit as st

from pages.state import page_settings, session, view_options
from pages.ui.markdown import plain
from rnnkit.experiment import Experiment
from rnnkit.tasks import require, sentences
from rnnkit.tasks.agreement import PLURAL, SINGULAR, Agreement

MAX_ATTRACTORS, MAX_ADVERBS = 6, 20
RELATIONS = {"opposite": "opposite number", "same": "same number", "random": "any number"}
TYPED = "the cats, which already ate fresh milk,"
CLAUSE = [sentences.WORDS.index(word) for word in ("already", "ate")]  # its first words, until other ones are asked for
MAX_DRAWN = 512  # clauses, of which the first that begins so is read
LINKED = {
    "sentence_typed": page_settings.Text(6000),
    "sentence_noun": page_settings.Choice(tuple(SINGULAR)),
    "sentence_adverbs": page_settings.Number(0, MAX_ADVERBS),
    "sentence_clause": page_settings.Number(sentences.MIN_CLAUSE_WORDS, 10_000),
    "sentence_attractors": page_settings.Number(0, MAX_ATTRACTORS),
    "sentence_relation": page_settings.Choice(tuple(RELATIONS)),
    "sentence_again": page_settings.Number(0, 1_000_000),  # which words are drawn
}


def sentence(e: Experiment) -> np.ndarray | None:
    """Returns the built or typed sentence with a singular and a plural subject, (T, 2), None where it cannot be read."""
    max_length = session.limits().max_length
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    built = _built(e, row)
    with row:
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
        if len(typed.x) > max_length:
            raise ValueError(f"at most {max_length} words on this server, got {len(typed.x)}")
    except ValueError as error:
        instead = "" if built is None else " Below is the sentence that is built above."
        st.error(f"Not read: {plain(str(error))}.{instead}", icon=":material/spellcheck:")
        return built
    _notes(typed)
    return sentences.versions(typed.x)


def _notes(typed: sentences.Typed) -> None:
    """Draws notes: what was not read as typed, and how the sentence differs from the training sentences."""
    if typed.rest:
        rest = plain(typed.rest if len(typed.rest) <= 60 else f"{typed.rest[:57]}...")
        st.caption(f"Read up to “{typed.verb}”. The rest, “{rest}”, comes after the answer and is not read.")
    if typed.unknown:
        st.warning(f"Left out: {plain(typed.unknown)}. The rest is read.", icon=":material/spellcheck:")
    if odd := sentences.deviation(typed.x):
        st.warning(f"The network has never seen such a sentence: {odd}. It reads it all the same.", icon=":material/rule:")


def _built(e: Experiment, row: Any) -> np.ndarray | None:
    task, nouns = require(Agreement, e.task), dict(zip(SINGULAR, PLURAL, strict=True))
    most = session.limits().max_length
    with row:
        options: dict[str, Any] = {"format_func": lambda one: f"{one} / {nouns[one]}", "width": view_options.size(165)}
        noun = page_settings.selectbox("Subject", SINGULAR, "sentence_noun", SINGULAR[0], **options)
        adverbs = 0
        if task.varying:
            adverbs = page_settings.number("Adverbs before", 0, MAX_ADVERBS, "sentence_adverbs", 1, width=view_options.size(130))
        words = _clause(e, adverbs, most)
        attractors = page_settings.number(
            "Attractors",
            0,
            MAX_ATTRACTORS,
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
        sentences.MIN_CLAUSE_WORDS,
        max(sentences.MIN_CLAUSE_WORDS, most - sentences.FRAME),
        "sentence_clause",
        max(sentences.MIN_CLAUSE_WORDS, e.length - sentences.FRAME - adverbs),
        context=(e.task, e.length),
        width=view_options.size(155),
        help=f"Trained on sentences of {e.length} words in all; ask for shorter or longer ones.",
    )


@lru_cache(maxsize=64)
def _draw(task: str, noun: int, length: int, adverbs: int, attractors: int, relation: str, again: int) -> np.ndarray:
    """Returns the built sentence in both versions, (T, 2): at first one that goes "which already ate", where there is one."""
    rng = np.random.default_rng([again, length])
    n = 1 if again else MAX_DRAWN
    x = sentences.build(require(Agreement, task), length, n, rng, adverbs=adverbs, attractors=attractors).x
    begins = (x[adverbs + 4 : adverbs + 6] == np.array(CLAUSE)[:, None]).all(0)
    return sentences.versions(x[:, begins.argmax()], noun, relation)
