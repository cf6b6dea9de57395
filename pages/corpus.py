"""Agreement in sentences that nobody here wrote: bring a corpus, train on it, and see what was learnt, beside baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from pages import _charts, _data, _layout, _session, _trouble, lab
from pages._plain import plain
from rnnkit.charts.corpora import NAMES, SERIES, groups_chart, groups_text
from rnnkit.corpus import SHAPES, Corpus
from rnnkit.experiment import Experiment, ExperimentError
from rnnkit.presets import PRESETS
from rnnkit.tasks.corpora import UNBALANCED, Sentences, example_corpus

TITLE = "Real sentences"
CONTROLS = (
    "cell", "length", "hidden", "init", "gain", "input_scale", "bias", "fixes", "optimizer", "lr", "batch", "steps", "replicas",
    "seed", "vocabulary",
)  # fmt: skip
LINKED = lab.LINKED
NETWORKS = {name: PRESETS[name].experiment for name in ("corpus-lstm", "corpus-gru", "corpus-tanh")}
LONGEST = 60  # words of a sentence that are read, unless a viewer wants more
TITLES = {"attractors": "attractors: nouns of the other number in between", "distance": "words from the subject to the verb"}

RULES = """
- **Parts.** 80 % of the sentences are for training, 10 % for the accuracy above (validation), 10 % for the results below (test).
  A hash of its words decides, so a sentence that occurs twice is always in one part.
- **Words.** The {size:,} most frequent words of the training part are told apart: {known:.0%} of the words of these sentences.
  Of every other word the network sees the shape alone: {shapes}.
- **Lengths.** Sentences end together at the verb. Before its first word a sentence does not exist: the state is zero and no
  gradient arrives, exactly. {cut}
- **Classes.** {plural:.0%} of the verbs are plural. {weights}
- **Baselines**, all fitted on the training part. *Majority*: always the more frequent number. *Last noun* and its opposite: there
  is no tagger here, so nouns and their number are guessed from the shapes of words and of their neighbours, an estimate.
  *Bag of words*: a logistic regression on the words, whatever their order.
"""


def page() -> None:
    e = _session.current()
    _layout.opening(
        "Does it hold for real sentences?",
        "Sentences that nobody here wrote, read up to the verb. Is the verb **singular or plural**?",
    )
    if e.task != "corpus":
        st.info("The present task is another one. Choose a network to begin:", icon=":material/translate:")
        _networks(e, "")
        _bring(expanded=True)
        return
    corpus = _about(e)
    _told(e, corpus)
    _bring(expanded=False)
    _networks(e, e.data)
    lab.live(e)
    _results(e)
    with st.expander("What exactly is read, and what it is compared with", icon=":material/rule:"):
        st.markdown(_rules(e))


def _about(e: Experiment) -> Corpus:
    about = _data.about(e.data) if e.data else example_corpus()
    assert isinstance(about, Corpus)
    return about


def _told(e: Experiment, corpus: Corpus) -> None:
    """Whose sentences these are."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if e.data:
            st.markdown(f"**{plain(corpus.name)}**: {len(corpus):,} sentences.", width="stretch")
            _data.sharing(e.data)
        else:
            st.markdown(f"**Example sentences** of the agreement task, {len(corpus):,} of 7 to 20 words. Bring your own:")
    if corpus.notes:
        with st.expander("What was noticed while reading them", icon=":material/info:"):
            st.markdown("\n".join(f"- {plain(note)}" for note in corpus.notes))


def _bring(expanded: bool) -> None:
    with st.expander("Bring sentences", icon=":material/upload_file:", expanded=expanded):
        digest = _data.given("corpus", "corpus_given")
    if digest:
        e = _session.current()
        base = e if e.task == "corpus" else NETWORKS["corpus-lstm"]
        corpus = _data.about(digest)
        assert isinstance(corpus, Corpus)
        longest = max(len(words) for words in corpus.prefixes)
        _start(replace(base, data=digest, length=max(3, min(LONGEST, longest))))
        st.rerun()


def _start(e: Experiment) -> None:
    try:
        _session.load(e)
    except ExperimentError as error:
        st.error(f"Not used: {error}", icon=":material/block:")


def _networks(e: Experiment, data: str) -> None:
    """Ready networks, on the same sentences."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("Train:", width="content")
        for name, network in NETWORKS.items():
            length = {"length": e.length} if e.task == "corpus" else {}
            ready = replace(network, data=data, **length)
            st.button(
                PRESETS[name].title.split(",")[0],
                key=f"corpus_{name}",
                on_click=_session.load,
                args=(ready,),
                type="primary" if ready == e else "secondary",
            )


# ---- the results ----


def _results(e: Experiment) -> None:
    run = _session.run()
    st.markdown("#### On the sentences kept for the test")
    if not run.done:
        st.caption("When the training is done: right answers by attractors and by distance, beside the baselines.")
        _trouble.fragment(_wait, run_every=1.0)(e)
        return
    one = replace(e, replicas=1)
    _layout.computed("tested", one, partial(_drawn, e), step=e.steps)


def _wait(e: Experiment) -> None:
    """Until this run is done; then the page is drawn again, with the results."""
    if _session.run().done:
        st.rerun()


def _drawn(e: Experiment, parts: Sequence[Mapping[str, Any]], done: bool) -> None:
    found = parts[-1]
    rows: list[dict[str, Any]] = found["rows"]
    overall = {row["who"]: row for row in rows if row["by"] == "all"}
    network = overall["network"]
    which = "The network" if e.replicas == 1 else "Network 1"
    others = ", ".join(f"{NAMES[who]} {row['right']:.1%}" for who, row in overall.items() if who != "network")
    st.markdown(
        f"{which} is right in **{network['right']:.1%}** of {network['n']:,} sentences (95 % interval {network['low']:.1%} to "
        f"{network['high']:.1%}). Beside it: {others}."
    )
    for warning in found["warnings"]:
        st.warning(warning, icon=":material/warning:")
    kinds = [kind for kind in TITLES if any(row["by"] == kind for row in rows)]
    if not kinds:
        st.caption("The file says nothing about attractors or distances.")
        return
    marks = {"network": "line", "bag-of-words": "dotted"}
    _charts.legend(*((marks.get(who, "dashed"), colour, NAMES[who]) for who, (colour, _) in SERIES.items()))
    for column, kind in zip(st.columns(len(kinds), gap="medium"), kinds, strict=True):
        with column:
            st.markdown(f"**Right answers by {'attractors' if kind == 'attractors' else 'distance'}**")
            text = groups_text(rows, kind, TITLES[kind])
            _charts.draw(groups_chart(rows, kind, TITLES[kind]), text, f"corpus_{kind}")
    st.caption("Below each point the number of test sentences in brackets; bars: the network's 95 % interval (Wilson).")


def _rules(e: Experiment) -> str:
    task = e.bound_task
    assert isinstance(task, Sentences)
    longer = int((task.words > e.length).sum())
    one = "1 sentence is longer than" if longer == 1 else f"{longer:,} sentences are longer than"
    share = float(task.plural.mean())
    return RULES.format(
        size=len(task.known) - len(SHAPES),
        known=task.known.coverage(task.corpus.prefixes),
        shapes=", ".join(f"`{name}`" for name in SHAPES),
        cut=f"{one} {e.length} words and {'loses its' if longer == 1 else 'lose their'} first ones." if longer else "",
        plural=share,
        weights=f"That is more than {UNBALANCED:g} times as many as of the others, so each sentence counts in the loss as if "
        "both were equally frequent."
        if task.class_weights is not None
        else "Every sentence counts the same in the loss.",
    )


if __name__ == "__main__":  # see lab.py
    import dashboard

    dashboard.main()
