"""Sentences to order have the words that were asked for, and typed ones are read or refused in words."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnkit.tasks import TASKS, sentences
from rnnkit.tasks.agreement import GROUPS, PLURAL, SINGULAR
from rnnkit.tasks.base import is_held_out
from rnnkit.tasks.sentences import (
    NUMBER,
    RELATIONS,
    WORDS,
    baselines,
    build,
    deviation,
    parse,
    read_typed,
    subjects,
    text,
    versions,
)

PLAIN, MOVING, CROWDED = (TASKS[f"agreement{kind}"] for kind in ("", "-varying", "-varying-attractors"))


def rng(seed=0):
    return np.random.default_rng(seed)


def attractors(x):
    """Number of every noun in the clause, -1 where there is none, (T, N)."""
    number = NUMBER[x].copy()
    number[subjects(x), np.arange(x.shape[1])] = -1
    return number


# ---- to order ----


@given(
    words=st.integers(2, 40),
    adverbs=st.integers(0, 5),
    k=st.integers(0, 4),
    relation=st.sampled_from(RELATIONS),
    held_out=st.booleans(),
    seed=st.integers(0, 999),
)
def test_a_built_sentence_is_what_was_asked_for(words, adverbs, k, relation, held_out, seed):
    words = max(words, 2 * k)
    length = words + adverbs + 5
    batch = build(PLAIN, length, 7, rng(seed), adverbs=adverbs, attractors=k, relation=relation, held_out=held_out)
    assert batch.x.shape == (length, 7) and batch.y.shape == (1, 7)
    assert (subjects(batch.x) == adverbs + 1).all()
    number = attractors(batch.x)
    assert ((number >= 0).sum(0) == k).all()
    wanted = {"same": batch.y[0], "opposite": 1 - batch.y[0]}.get(relation)
    assert wanted is None or ((number == wanted) | (number < 0)).all()
    assert not held_out or is_held_out(batch.x).all()
    assert [deviation(x) for x in batch.x.T] == [""] * 7


def test_what_is_not_asked_for_is_left_to_the_task():
    moving, crowded = build(MOVING, 20, 800, rng()), build(CROWDED, 20, 800, rng())
    assert set(subjects(moving.x)) == set(range(1, 8))
    assert (attractors(moving.x) < 0).all()
    nouns = np.isin(crowded.x, GROUPS["mass"]).sum() + (attractors(crowded.x) >= 0).sum()
    assert (attractors(crowded.x) >= 0).sum() / nouns == pytest.approx(0.5, abs=0.03)
    own = CROWDED.sample(20, 800, rng(1)).x
    assert np.bincount(subjects(crowded.x)) / 800 == pytest.approx(np.bincount(subjects(own)) / 800, abs=0.05)
    assert build(PLAIN, 9, 2000, rng()).y.mean() == pytest.approx(0.5, abs=0.05)


def test_attractors_do_not_change_where_subjects_stand():
    """A clause that is long enough has nouns more easily: drawing anew must not prefer it."""
    places = [np.bincount(subjects(build(MOVING, 20, 2000, rng(), attractors=k).x), minlength=8) / 2000 for k in (0, 3)]
    assert places[0] == pytest.approx(places[1], abs=0.04)


def test_independent_attractors_are_independent():
    batch = build(PLAIN, 30, 2000, rng(), attractors=2, relation="random")
    plural = (attractors(batch.x) == 1).sum(0)
    assert plural[batch.y[0] == 1].mean() == pytest.approx(1, abs=0.06) == pytest.approx(plural[batch.y[0] == 0].mean(), abs=0.06)


@pytest.mark.parametrize(
    ("length", "options", "words"),
    [
        (6, {}, "0 adverbs and 0 attractors need 7 words or more, got 6"),
        (10, {"attractors": 3}, "0 adverbs and 3 attractors need 11 words or more, got 10"),
        (10, {"adverbs": 4}, "4 adverbs and 0 attractors need 11 words or more, got 10"),
        (20, {"relation": "near"}, "relation must be one of opposite, same, random, got 'near'"),
        (65, {"attractors": 30}, "a clause of 60 words with 30 attractors is too rare to be found"),
    ],
)
def test_what_cannot_be_built_is_refused_in_words(monkeypatch, length, options, words):
    monkeypatch.setattr(sentences, "MAX_ROUNDS", 3)
    with pytest.raises(ValueError, match=words):
        build(PLAIN, length, 3, rng(), **options)


@pytest.mark.parametrize("relation", RELATIONS)
def test_two_versions_differ_in_number_alone(relation):
    x = build(PLAIN, 24, 1, rng(4), attractors=3, relation="random").x[:, 0]
    both = versions(x, 5, relation)
    singular, plural = ([WORDS[i] for i in version] for version in both.T)
    assert (singular[1], plural[1]) == (SINGULAR[5], PLURAL[5])
    changed = [t for t in range(24) if singular[t] != plural[t]]
    clause = [t for t in range(2, 24) if NUMBER[x[t]] >= 0]
    assert changed == [1, *(clause if relation != "random" else [])]
    assert all(SINGULAR.index(a) == PLURAL.index(b) for t in changed for a, b in [sorted((singular[t], plural[t]), key=len)])
    if relation != "random":
        assert set(NUMBER[both[clause, 1]]) == {1 if relation == "same" else 0}
    else:
        assert (both[2:, 0] == x[2:]).all()


# ---- who needs no network ----


def test_baselines_on_sentences_that_one_can_check_by_hand():
    x = np.stack(
        [
            parse(f"the {noun}, which saw {other} near rice,")
            for noun, other in [("cat", "dogs"), ("cats", "dog"), ("cat", "milk")]
        ],
        1,
    )
    found = {name: answers.tolist() for name, answers in baselines(x).items()}
    assert found == {"last noun": [1, 0, 0], "opposite of the last noun": [0, 1, 1], "any plural seen": [1, 1, 0]}


@pytest.mark.parametrize(("relation", "last", "bag"), [("opposite", 0, 0.5), ("same", 1, 1)])
def test_what_the_rules_score_on_attractors(relation, last, bag):
    batch = build(MOVING, 20, 1000, rng(), attractors=2, relation=relation)
    scores = {name: (answers == batch.y[0]).mean() for name, answers in baselines(batch.x).items()}
    assert scores["last noun"] == last == 1 - scores["opposite of the last noun"]
    assert scores["any plural seen"] == pytest.approx(bag, abs=0.05)


# ---- typed ----


@pytest.mark.parametrize(
    "typed",
    [
        "the cats , which already ate fresh milk ,",
        "The Cats, which already ate fresh milk, were.",
        "  the  cats, which already ate fresh milk , WERE",
    ],
)
def test_a_typed_sentence_is_read_however_it_is_written(typed):
    assert text(parse(typed)) == "the cats, which already ate fresh milk,"
    assert deviation(parse(typed)) == ""


@given(st.integers(7, 40), st.integers(0, 99))
def test_what_is_built_can_be_typed(length, seed):
    x = build(CROWDED, length, 1, rng(seed)).x[:, 0]
    np.testing.assert_array_equal(parse(text(x)), x)


def test_unknown_words_are_named_with_what_they_may_have_been():
    with pytest.raises(ValueError) as refused:
        parse("the catz, wich ate xylophone and catz,")
    said = str(refused.value).split("; ")
    assert said[0] == "“catz” is not in the vocabulary" and said[1].startswith("near to it are cat, cats")
    assert "“wich”" in said[2] and "which" in said[3]
    assert said[4] == "“xylophone” is not in the vocabulary" and "there is no subject" in said[5]


@pytest.mark.parametrize("dots", ["...", "…", ". . .", "", "fresh milk"])
@pytest.mark.parametrize("start", ["The cat, which already ate", "THE CAT , WHICH ALREADY ATE", "“The cat, which already ate"])
@pytest.mark.parametrize(("verb", "rest"), [("was", "full"), ("were", "full and warm"), ("was", "")])
def test_a_sentence_is_read_up_to_its_verb(start, dots, verb, rest):
    typed = read_typed(f"{start} {dots}, {verb.upper()} {rest}.")
    assert text(typed.x) == f"the cat, which already ate{' fresh milk' if dots[-1:] == 'k' else ''},"
    assert (typed.verb, typed.rest, typed.unknown) == (verb, rest, "")


def test_unknown_words_are_left_out_and_the_rest_stays():
    typed = read_typed("the hungry cats, which saw xylophones near rice, were zebras")
    assert text(typed.x) == "the cats, which saw near rice," and typed.rest == "zebras"
    assert typed.unknown.split("; ")[0] == "“hungry” is not in the vocabulary" and "zebras" not in typed.unknown
    with pytest.raises(ValueError, match="“hungry” is not in the vocabulary"):
        parse("the hungry cats, which saw rice,")


@pytest.mark.parametrize("typed", ["", " , ", "already ate fresh milk"])
def test_without_a_subject_it_is_refused(typed):
    with pytest.raises(ValueError, match=r"there is no subject: .* such as cat or cats, dog or dogs"):
        parse(typed)


@pytest.mark.parametrize(
    ("typed", "where"),
    [
        ("cats", "before the subject, only adverbs and “the” can stand"),
        ("milk the cat, which ate milk,", "before the subject, only adverbs and “the” can stand"),
        ("my cat, which ate milk,", "“the” is expected where “my” stands"),
        ("the cat which ate milk and rice,", "“,” is expected where “which” stands"),
        ("the cat, which ate", "it has fewer than 7 words"),
        ("the cat, which ate milk near rice", "the comma before the verb is missing"),
        ("the cat, which milk ate rice,", "“milk” cannot follow “which”"),
        ("the cat, which ate milk near my,", "the clause does not end with a noun"),
    ],
)
def test_where_a_sentence_leaves_the_grammar(typed, where):
    assert deviation(parse(typed)) == where
