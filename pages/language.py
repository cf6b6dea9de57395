"""A language model of a text that the viewer brings: trained live, measured in bits, asked to agree, and asked to write."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import streamlit as st

from pages.state import page_settings, session, transport, uploads
from pages.ui import chart_view, layout, live_run, study_view, text_table
from pages.ui.markdown import plain
from pages.ui.registry import CHART
from rnnkit import glossary
from rnnkit.analysis.lm_summary import (
    OWN_COLUMNS,
    WHO,
    known_bits,
    known_shares,
    left_out,
    paradigm_table,
    prefixes_known,
    quoted_list,
    stand_in,
    training_loss,
    unknown_note,
)
from rnnkit.charts.corpora import SERIES, groups_chart, groups_text
from rnnkit.charts.language import bits_chart, bits_text
from rnnkit.corpus import Corpus, Pairs, Text, blimp_2020
from rnnkit.corpus.notes import count
from rnnkit.engine.fixes import ClipNorm, Truncate
from rnnkit.experiment import Experiment, ExperimentError
from rnnkit.results.lm_bits import LmBits
from rnnkit.results.lm_sample import LmSample
from rnnkit.results.minimal_pairs import MinimalPairs
from rnnkit.rounding import percent
from rnnkit.tasks import TASKS, require
from rnnkit.tasks.next_symbol import STATE_RESET_EVERY, NextSymbol, example_text
from rnnkit.tasks.text_symbols import pieces, unknown

TITLE = "Language"
CONTROLS = (
    "task", "cell", "length", "hidden", "init", "gain", "input_scale", "bias", "r_min", "r_max", "fixes", "optimizer", "lr",
    "schedule", "warmup", "batch", "steps", "replicas", "seed", "vocabulary",
)  # fmt: skip
LINKED = {
    **live_run.LINKED,
    "language_prompt": page_settings.Text(1000),
    "language_temperature": page_settings.Number(0.0, 2.0),
    "language_n": page_settings.Number(1, 1000),
    "language_seed": page_settings.Number(0, 10_000),
    "language_pairs": page_settings.Digest(),
}
TOUR_TARGETS = {
    "prompt": "language_prompt",
    "temperature": "language_temperature",
    "bits": CHART + "Bits a",
}
READY = (".heatmap[data-rows]", "Bits per word", "Right answers by")
DRAWING = (".heatmap", "Home", "aria-valuetext")
PLACEHOLDER = "the cats, which saw my dog,"


@dataclass(frozen=True)
class Network:
    """A ready setting, and what it does on the example text. tests/claims/test_language.py trains it."""

    text: str
    experiment: Experiment


_words = Experiment(task="words", length=30, cell="gru", bias="chrono", lr=0.01, steps=1000, replicas=1)
_letters = replace(_words, task="characters", length=60, hidden=48, steps=600)
NETWORKS = {
    "GRU, words": Network("A GRU whose gates start open agrees over the whole clause.", _words),
    "the same, cut after 5 words": Network(
        "Its gradient goes back 5 words at most, the subject stands 6 to 13 before the verb: it guesses the verb's number.",
        replace(_words, fixes=(Truncate(5), ClipNorm(1.0))),
    ),
    "tanh, words": Network(
        "A plain tanh network after as many steps: nearly as few bits, yet it guesses the verb's number.",
        replace(_words, cell="tanh", bias="zero", lr=0.003),
    ),
    "GRU, characters": Network("It spells, letter by letter; agreement over so many letters comes late.", _letters),
}
KNOWN = {
    "characters": (
        "5,000 most frequent characters of the training part, in most texts all of them",
        "Letters with separate accents are one character each (Unicode NFC).",
    ),
    "words": (
        "{vocabulary:,} most frequent words of the training part",
        "Words are in lower case. Marks of punctuation, of every language, are words of their own (Unicode's category P), not "
        "between two letters or digits: don't, l'homme, well-known, 3,000.",
    ),
}
RULES = """
**Bits.** The loss is the mean of $-\\ln p$(next {unit}); divided by $\\ln 2$ it is bits per {unit}, and $2^{{bits}}$ is the
perplexity: between so many equally likely {unit}s the model hesitates. A {unit} that is not known is read as {unknown}.
In the bits it counts as that symbol: the model predicts that one comes, not which one. As a guess it is never right.
The bits over the known {unit}s alone are given wherever there are others. Bits of two texts, or of two vocabularies, cannot be
compared.

**Known** are the {most}. {pieces}

**Parts.** The first 80 % of the text are for training, the next 10 % for the accuracy shown while training, the last 10 % for the
bits below (the first 20,000 {unit}s of them). Training reads {length} {unit}s a step and goes on where it stopped, with the state
it had: backpropagation ends at the window's border, the memory does not. Once in {renewed} steps a track begins anew, from the
zero state.

**Models that only count**, fitted on the training part: $P_n(b|c) = (\\#(cb) + m P_{{n-1}}(b|c')) / (\\#(c) + m)$, the context
$c$ of $n - 1$ {unit}s, $c'$ the same without its first; $P_1$ adds one to every count; $m$ is chosen on the middle part. The
unigram is $n = 1$, a frequency table, the bigram $n = 2$ and the five-gram $n = 5$.

**Minimal pairs.** After the same words, is $p$(right form) > $p$(wrong form)? A form of several symbols has the product of their
probabilities; with characters, the space behind it counts as well. Of two whole sentences all is compared that follows the first
word that differs. Every prefix is read from the zero state behind the end of another sentence. The interval is Wilson's, over
different pairs. Paradigms are the UIDs of a file, of many the 100 with most pairs. A pair that differs in a {unit} that is not
known cannot be compared: it is left out and told. The five-gram is the model above, on the same pairs. *The more frequent form*
is counted in the training part (its last million {unit}s). *Last noun*: answers with the number of the last noun that is singular
or plural. That is known of the example's pairs alone.
"""


def opens_on(e: Experiment) -> Experiment | None:
    """Returns the language model that the page opens where the present task is another one."""
    return None if TASKS[e.task].data == "text" else NETWORKS["GRU, words"].experiment


def page() -> None:
    e = session.current()
    layout.opening(
        "What comes next?",
        "A language model reads a text and predicts every next character or word. **Bits** say how well. Whether it still knows "
        "the subject at the verb, they hardly say: that takes **minimal pairs**.",
    )
    if TASKS[e.task].data != "text":
        st.info("Its example cannot be opened here. The present task is another one.", icon=":material/match_word:")
        _networks(e)
        _bring(e, expanded=True)
        return
    _about_data(e)
    _bring(e, expanded=False)
    _networks(e)
    live_run.live(e)
    if uploads.refusal(*e.given):
        return
    _results(e)
    most, pieces_are = (text.format(vocabulary=e.vocabulary) for text in KNOWN[e.task])
    unit = _task(e).unit
    known = {"most": most, "pieces": pieces_are, "unknown": stand_in(unit)}
    rules = RULES.format(unit=unit, length=e.length, renewed=STATE_RESET_EVERY, **known)
    layout.mathematics(rules, "What exactly is read, measured and compared")


def _task(e: Experiment) -> NextSymbol:
    return require(NextSymbol, e.task, e.bound_task)


# ---- the text and the network ----


def _about_data(e: Experiment) -> None:
    """Draws where the text comes from."""
    text = uploads.about(e.data) if e.data and not uploads.refusal(*e.given) else example_text()
    assert isinstance(text, Text)
    size = f"{len(text.text):,} characters" if not TASKS[e.task].by_words else f"{len(text.words):,} words"
    with st.container(horizontal=True, vertical_alignment="center"):
        if e.data:
            st.markdown(f"**{plain(text.name)}**: {size}.", width="stretch")
            uploads.sharing(e.data)
            st.button("Back to the example", key="language_example", on_click=session.open_run, args=(replace(e, data=""),))
        else:
            st.markdown(f"**Example text**: sentences of the agreement task, {size}. *{text.text.splitlines()[1]}*")
    for note in (*text.notes, *(_task(e).remarks(e.length) if e.data and not uploads.refusal(*e.given) else ())):
        st.caption(plain(note))


def _bring(e: Experiment, expanded: bool) -> None:
    with st.expander("Bring a text", icon=":material/upload_file:", expanded=expanded):
        digest = uploads.given("text", "language_given")
        if not digest:
            return
        ours = TASKS[e.task].data == "text"
        try:
            session.load(replace(e if ours else _letters, data=digest))
        except ExperimentError as error:
            st.error(f"Not used: {error}", icon=":material/block:")
            return
    st.rerun()


def _networks(e: Experiment) -> None:
    """Draws buttons that train ready networks on the same text."""
    data = e.data if TASKS[e.task].data == "text" else ""
    chosen = next((name for name, network in NETWORKS.items() if _on(network.experiment, data) == e), None)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("Train:", width="content")
        for i, (name, network) in enumerate(NETWORKS.items()):
            ready = _on(network.experiment, data)
            options = {"type": "primary" if name == chosen else "secondary"} | layout.disabled_by(session.refusal(ready))
            st.button(name, key=f"language_network_{i}", on_click=session.open_run, args=(ready,), **options)
    if chosen and not data:
        st.markdown(NETWORKS[chosen].text)


def _on(e: Experiment, data: str) -> Experiment:
    return replace(e, data=data)


# ---- what it has learnt ----


def _results(e: Experiment) -> None:
    study_view.until_trained(partial(_now, e))
    if not transport.run().done:
        st.caption("When the training is done: bits on text it has never seen, agreement by minimal pairs, and what it writes.")
        return
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("#### Bits on text it has never seen")
        study_view.computed("lm_bits", e, partial(_bits, e), step=e.steps)
    with right:
        st.markdown("#### Does it agree? Minimal pairs", help=glossary.explained("minimal pairs"))
        pairs = _chosen_pairs()
        study_view.computed("minimal_pairs", e, partial(_agreement, e, pairs), step=e.steps, pairs=pairs)
    asked = session.ask("minimal_pairs", e, step=e.steps, pairs=pairs)
    if asked.ended.is_set() and asked.found and not asked.error:
        _paradigms(asked.found[-1])
    _bring_pairs()
    st.markdown("#### What it writes")
    _writing(e)


def _now(e: Experiment) -> None:
    """The training loss in bits."""
    run, unit, known = transport.run(), _task(e).unit, _task(e).coverage["training"]
    n = transport.playback().shown(run.history.n)
    if n:
        losses = run.history.loss[transport.playback().row(run.history.n)]
        some = "" if known == 1 else f" {percent(known, 1)} of the {unit}s of the training part are known."
        st.markdown(training_loss(losses, e.guess_loss, unit) + some)


def _bits(e: Experiment, parts: Sequence[LmBits], done: bool) -> None:
    f, unit = parts[-1], _task(e).unit
    chart = bits_chart(f, unit, TASKS[e.task].by_words)
    chart_view.draw(chart, bits_text(f, unit), "language_bits")
    _nan(f)
    which = "Network 1" if e.replicas > 1 else "The network"
    st.caption(
        f"{which} read {f.symbols:,} {unit}s of the text's last tenth, its state carried through; "
        f"{percent(f.accuracy, 1)} of them were its first guess. Five-gram, bigram and unigram count what followed 4, 1 or "
        f"0 {unit}s in the training part."
    )
    st.caption(known_shares(f.coverage, unit))
    st.markdown(" ".join(filter(None, ["**What the bits count:**", unknown_note(f, unit), known_bits(f, unit)])))


def _nan(f: LmBits | MinimalPairs | LmSample) -> None:
    if f.diverged >= 0:
        text = f"It became NaN at training step {f.diverged}: these are its last sound weights."
        st.warning(text, icon=":material/warning:")


# ---- minimal pairs ----


def _chosen_pairs() -> str:
    """Returns the digest of this viewer's pairs while the server has them, "" for the example's."""
    return page_settings.value("language_pairs", "", _usable)


def _usable(digest: str) -> bool:
    if uploads.refusal(digest):
        return False
    given = uploads.about(digest)
    return isinstance(given, Pairs) or (isinstance(given, Corpus) and bool(given.forms))


def _agreement(e: Experiment, pairs: str, parts: Sequence[MinimalPairs], done: bool) -> None:
    f, unit = parts[-1], _task(e).unit
    if not f.pairs:
        st.info(f"No pair can be asked. {plain(left_out(f, unit))}")
        return
    overall = {row["who"]: row for row in f.rows if row["by"] == "all"}
    mine = overall["network"]
    if any(row["by"] == "attractors" for row in f.rows):
        marks = {"network": "line"}
        chart_view.legend(*((marks.get(who, "dashed"), SERIES[who][0], WHO[who]) for who in overall))
        title = "attractors: nouns of the other number in between"
        chart, text = groups_chart(f.rows, "attractors", title, height=200), groups_text(f.rows, "attractors", title)
        chart_view.draw(chart, text, "language_pairs_chart")
    others = ", ".join(f"{WHO[who]} {percent(row['right'], 1)}" for who, row in overall.items() if who != "network")
    st.markdown(
        f"The right form is more probable in **{percent(mine['right'], 1)}** of {count(f.pairs, 'pair')} (95 % interval "
        f"{percent(mine['low'], 1)} to {percent(mine['high'], 1)}). Chance: 50 %; {others}."
    )
    whose = (
        f"Pairs of {plain(uploads.about(pairs).name)}; those that stand in the training text count as well."
        if pairs
        else "Prefixes of the example's grammar that do not occur in the text."
    )
    st.caption(" ".join(filter(None, [whose, plain(left_out(f, unit)), prefixes_known(f, unit)])))


def _paradigms(f: MinimalPairs) -> None:
    """Draws the accuracy by paradigm beside what is published, across the page."""
    table = paradigm_table(f, blimp_2020.published)
    if not table:
        return
    title, beside = "Right answers by paradigm", len(table[0]) - OWN_COLUMNS
    st.markdown(f"**{title}**")
    text_table.draw(table, title, beside, "published")
    if beside:
        st.caption(blimp_2020.ABOUT)


def _bring_pairs() -> None:
    with st.expander("Other minimal pairs", icon=":material/compare_arrows:"):
        st.markdown(
            "Pairs of sentences, one right, one wrong, **of any language**: BLiMP's JSON lines, a .text file with its .gold "
            "file, lines that begin with True or False (CLaMS), or a table with a right and a wrong sentence in each row."
        )
        digest = uploads.given("pairs", "language_pairs_given")
        if digest:
            page_settings.choose("language_pairs", digest)
        elif not _chosen_pairs():
            return
        else:
            for note in uploads.about(_chosen_pairs()).notes:
                st.caption(plain(note))
            if not st.button("Back to the example's pairs", key="language_own_pairs"):
                return
            page_settings.forget(["language_pairs"])
    st.rerun()


# ---- what it writes ----


def _writing(e: Experiment) -> None:
    task, words = _task(e), TASKS[e.task].by_words
    columns = st.columns([4, 2, 2, 2], gap="medium", vertical_alignment="bottom")
    with columns[0]:
        prompt = page_settings.text("It begins with", "language_prompt", "" if e.data else PLACEHOLDER, context=e.data)
    about = "0: always the most probable. 1: as probable as the network says. Above: bolder."
    with columns[1]:
        temperature = page_settings.slider("Temperature", 0.0, 2.0, "language_temperature", 0.7, 0.1, help=about)
    with columns[2]:
        many = 60 if words else 300
        n = page_settings.number(f"{task.unit.capitalize()}s", 1, 1000, "language_n", many, 50, context=e.task)
    with columns[3]:
        seed = page_settings.number("Seed", 0, 10_000, "language_seed", 0, help="The same seed writes the same text.")
    strange = unknown(task, pieces(task, prompt))
    if strange:
        read = "each is read by its shape" if words else "each is read as the symbol for all rare ones"
        st.warning(f"Not in the {'vocabulary' if words else 'alphabet'} of this text: {plain(quoted_list(strange))}; {read}.")
    options = {"prompt": prompt, "n": n, "temperature": temperature, "seed": seed}
    study_view.computed("lm_sample", e, _written, step=e.steps, **options)


def _written(parts: Sequence[LmSample], done: bool) -> None:
    f = parts[-1]
    st.html(f'{STYLE}<div class="written" dir="auto"><b>{html.escape(f.after)}</b>{html.escape(f.text)}</div>')
    _nan(f)


STYLE = """<style>
.written { white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.6; font-size: 1.1rem; padding: 0.8rem 1rem;
    border-left: 4px solid #0b7a75; min-height: 4rem; }
</style>"""


if __name__ == "__main__":  # Streamlit runs this file alone when a deep link is a fresh server's first request
    import dashboard

    dashboard.main()
