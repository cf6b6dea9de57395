"""What is done with a corpus: parts, groups, vocabulary, baselines, digest and bytes, on corpora where the answer is known."""

import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnkit.corpus import (
    BASELINES,
    SHAPES,
    TEST,
    TRAIN,
    VALIDATION,
    Corpus,
    CorpusError,
    Text,
    Vocabulary,
    groups,
    part_of,
    predictions,
    split,
    wilson,
)
from rnnkit.corpus.nouns import last_noun
from rnnkit.corpus.vocabulary import shape


def corpus(prefixes, plural, attractors=None, distance=None, forms=(), name="a", notes=()):
    unknown = [-1] * len(prefixes)
    words = tuple(tuple(p.split()) for p in prefixes)
    return Corpus(name, "table", words, np.array(plural), attractors or unknown, distance or unknown, forms, notes)


def numbered(n):
    """n different prefixes."""
    return corpus([f"the cook number {i}" for i in range(n)], [i % 2 == 0 for i in range(n)])


# ---- parts


def test_the_split_is_about_eight_to_one_to_one():
    """Within four standard deviations."""
    n = 20_000
    counts = np.bincount(split(numbered(n)), minlength=3)
    for part, share in ((TRAIN, 0.8), (VALIDATION, 0.1), (TEST, 0.1)):
        assert abs(counts[part] - share * n) < 4 * math.sqrt(n * share * (1 - share))


@given(st.lists(st.sampled_from(["the cook", "a cook", "cooks", "two old cooks", "x"]), min_size=1), st.randoms())
def test_the_split_looks_at_the_words_alone(prefixes, random):
    parts = dict(zip(prefixes, split(corpus(prefixes, [True] * len(prefixes))).tolist(), strict=True))
    order = list(prefixes)
    random.shuffle(order)
    other = corpus(order, [random.random() < 0.5 for _ in order], attractors=[0] * len(order))
    assert split(other).tolist() == [parts[p] for p in order]
    assert [part_of(p.split()) for p in order] == [parts[p] for p in order]


def test_the_split_never_changes():
    """Results and shared links name a test part: these values may not move."""
    assert [part_of(["the", "cook", "number", str(i)]) for i in range(12)] == [1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 2]


def test_groups():
    c = corpus(["a b"] * 8, [True] * 8, [0, 1, 1, 2, 3, 4, 9, -1], [1, 2, 4, 5, 10, 11, 16, 300])
    found = groups(c)
    assert {label: np.flatnonzero(mask).tolist() for label, mask in found["attractors"].items()} == {
        "0": [0],
        "1": [1, 2],
        "2": [3],
        "3": [4],
        "4+": [5, 6],
        "unknown": [7],
    }
    assert {label: np.flatnonzero(mask).tolist() for label, mask in found["distance"].items()} == {
        "1": [0],
        "2–4": [1, 2],
        "5–7": [3],
        "8–10": [4],
        "11–15": [5],
        "16+": [6, 7],
    }
    assert groups(numbered(3)) == {}


@given(st.lists(st.tuples(st.integers(-1, 500), st.integers(-1, 500).filter(bool)), min_size=1))
def test_every_item_is_in_exactly_one_group(values):
    attractors, distance = map(list, zip(*values, strict=True))
    for masks in groups(corpus(["a"] * len(values), [True] * len(values), attractors, distance)).values():
        assert (sum(mask.astype(int) for mask in masks.values()) == 1).all()


def test_wilson():
    """Known values: Newcombe 1998, table I (81 of 263, 15 of 148, 0 of 20, 1 of 29)."""
    for k, n, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718)):
        assert wilson(k, n) == pytest.approx((low, high), abs=5e-5)
    assert wilson(0, 0) == (0, 1)
    for k, n in ((-1, 5), (6, 5), (0, -1)):
        with pytest.raises(ValueError, match=f"got k = {k} and n = {n}"):
            wilson(k, n)


@given(st.integers(0, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share(kn):
    k, n = kn
    low, high = wilson(k, n)
    assert 0 <= low <= high <= 1
    if n:
        assert low <= k / n <= high
        assert wilson(n - k, n) == pytest.approx((1 - high, 1 - low))


# ---- vocabulary


def test_the_most_frequent_words_are_known():
    v = Vocabulary.of([["b", "a", "c"], ["c", "a", "b"], ["c", "d"]], 3)
    assert v.words == ("c", "a", "b")  # of a and b, as frequent, the first by the alphabet
    assert len(v) == 3 + len(SHAPES)
    assert v.encode(["a", "c"]).tolist() == [1, 0]
    assert v.encode(["a"]).dtype == np.int64
    assert v.decode(v.encode(["b", "kings", "c"])) == ["b", "<...s>", "c"]
    assert v.coverage([["a", "c", "a"], ["kings"]]) == 0.75
    assert math.isnan(v.coverage([]))
    assert Vocabulary.of([["b"]], 100).words == ("b",)
    with pytest.raises(ValueError, match="at least 1 word, got 0"):
        Vocabulary.of([["b"]], 0)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("kings", "<...s>"),
        ("species", "<...s>"),
        ("glass", "<other>"),
        ("status", "<other>"),
        ("was", "<other>"),
        ("walked", "<...ed>"),
        ("red", "<other>"),
        ("walking", "<...ing>"),
        ("king", "<other>"),
        ("quickly", "<...ly>"),
        ("1984", "<number>"),
        ("-5,000.5", "<number>"),
        ("1/2", "<number>"),
        ("1990s", "<...s>"),
        ("x-ray", "<other>"),
        (",", "<other>"),
        ("crème", "<other>"),
        ("日本", "<other>"),
    ],
)
def test_shapes(word, expected):
    assert shape(word) == expected


@given(st.lists(st.lists(st.text(min_size=1))), st.integers(1, 20), st.lists(st.text()))
def test_every_word_has_a_symbol(sentences, size, words):
    v = Vocabulary.of(sentences, size)
    ids = v.encode(words)
    assert ids.shape == (len(words),)
    assert ((ids >= 0) & (ids < len(v))).all()
    for word, i in zip(words, ids, strict=True):
        assert v.decode([i]) == [word if i < len(v.words) else shape(word)]
        assert (i < len(v.words)) == (word in v.words)


def test_a_word_that_is_called_like_a_shape_is_a_word():
    v = Vocabulary.of([["<other>"]], 5)
    assert v.encode(["<other>", "x"]).tolist() == [0, 6]


# ---- baselines


@pytest.mark.parametrize(
    ("prefix", "noun", "plural"),
    [
        ("the keys to the cabinet", "cabinet", False),
        ("the key to the cabinets", "cabinets", True),
        ("the key to the old wooden cabinets usually", "cabinets", True),
        ("the man who the police", "police", True),
        ("the women", "women", True),
        ("all sportsmen", "sportsmen", True),
        ("this series", "series", False),
        ("the glass on the bus", "bus", False),
        ("the bakers , who were there in 1984 ,", "bakers", True),
        ("the baker 's shop already", "shop", False),
        ("the city , founded", "city", False),
        ("route 13 then", "route", False),
        ("it", None, None),
        ("", None, None),
    ],
)
def test_the_last_noun(prefix, noun, plural):
    words = prefix.split()
    found = last_noun(words)
    assert (found and words[found[0]], found and found[1]) == (noun, plural)


def fit(name, c):
    return BASELINES[name].fit(c.prefixes, c.plural)


def test_majority():
    c = corpus(["a", "b", "c"], [False, False, True])
    assert fit("majority", c)([("x",), ("y",)]).tolist() == [False, False]
    assert fit("majority", corpus(["a", "b"], [True, False]))([()]).tolist() == [True]


def test_last_noun_and_its_opposite():
    c = corpus(["the cook", "the keys to the cabinet", "the cabinet with keys", "it"], [False] * 3 + [True])
    assert fit("last-noun", c)(c.prefixes).tolist() == [False, False, True, False]
    assert fit("opposite", c)(c.prefixes).tolist() == [True, True, False, False]
    assert fit("opposite", corpus(["it"], [True]))([("it",)]).tolist() == [True]


def test_a_bag_of_words_finds_the_word_that_tells():
    """`many` means plural, wherever it stands; the other words say nothing."""
    rng = np.random.default_rng(0)
    plural = rng.random(400) < 0.5
    prefixes = [" ".join(rng.permutation(["the", str(rng.choice(list("abcdef"))), "many" if p else "one"])) for p in plural]
    c = corpus(prefixes, plural)
    predict = fit("bag-of-words", c)
    assert (predict(c.prefixes) == plural).all()
    assert predict([("a", "many"), ("one", "unheard"), ("many", "many", "one")]).tolist() == [True, False, True]


def test_a_bag_of_words_is_blind_to_order():
    c = corpus(["keys cabinet", "cabinet keys"] * 50, [True, False] * 50)
    predicted = fit("bag-of-words", c)(c.prefixes)
    assert len(set(predicted.tolist())) == 1


def test_a_bag_of_words_reaches_the_minimum_of_its_loss():
    """Where the words of a prefix overlap as much as they can, the steps are longest compared to the curvature."""
    rng = np.random.default_rng(1)
    prefixes = [" ".join(rng.choice(list("abc"), 30)) for _ in range(200)]
    plural = np.array([p.count("a") + rng.normal(0, 2) > 10 for p in prefixes])
    c = corpus(prefixes, plural)
    counts = np.array([[p.split().count(w) for w in "abc"] for p in prefixes])
    weights = newton(counts, plural)
    expected = np.c_[counts, np.ones(200)] @ weights >= 0
    assert (fit("bag-of-words", c)(c.prefixes) == expected).mean() >= 0.98


def newton(counts, plural):
    x = np.c_[counts, np.ones(len(counts))]
    penalty = np.diag([1.0, 1.0, 1.0, 0.0])
    w = np.zeros(4)
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ w))
        w -= np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x + penalty, x.T @ (p - plural) + penalty @ w)
    return w


def test_baselines_are_fitted_on_the_training_part_alone():
    """Every item outside it is plural, every one inside singular."""
    c = numbered(300)
    part = split(c)
    c = dataclasses.replace(c, plural=part != TRAIN)
    found = predictions(c, part == TEST)
    assert list(found) == list(BASELINES)
    for predicted in found.values():
        assert predicted.dtype == bool
        assert predicted.shape == ((part == TEST).sum(),)
    assert not found["majority"].any()
    assert not found["bag-of-words"].any()
    assert predictions(c, np.array([5, 2]))["last-noun"].shape == (2,)


# ---- digest and bytes

WORD = st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda w: w.split() == [w])
COUNT = st.integers(-1, 500)
ITEM = st.tuples(st.lists(WORD), st.booleans(), COUNT, COUNT, st.tuples(st.text(), st.text()))


@given(st.lists(ITEM), st.booleans(), st.text(), st.lists(st.text()))
def test_a_corpus_travels_as_bytes(items, with_forms, name, notes):
    words, plural, attractors, distance, forms = zip(*items, strict=True) if items else [()] * 5
    prefixes = tuple(map(tuple, words))
    c = Corpus(name, "blimp", prefixes, np.array(plural, bool), attractors, distance, forms if with_forms else (), tuple(notes))
    again = Corpus.from_bytes(c.to_bytes())
    assert again == c
    assert hash(again) == hash(c)
    assert again.digest == c.digest
    assert again.to_bytes() == c.to_bytes()
    assert (again.name, again.format, again.prefixes, again.forms, again.notes) == (name, "blimp", prefixes, c.forms, c.notes)
    for field in ("plural", "attractors", "distance"):
        assert getattr(again, field).tolist() == getattr(c, field).tolist()
        assert getattr(again, field).dtype == getattr(c, field).dtype


def test_the_digest_is_the_content_s():
    c = corpus(["the cook", "two cooks"], [False, True])
    assert len(c.digest) == 16
    assert int(c.digest, 16) >= 0
    same = corpus(["the cook", "two cooks"], [False, True], name="b", notes=("x",))
    assert same == c
    assert len({c, same, dataclasses.replace(c, format="blimp")}) == 1
    others = [
        corpus(["the cook", "two cook s"], [False, True]),
        corpus(["two cooks", "the cook"], [True, False]),
        corpus(["the cook", "two cooks"], [True, True]),
        corpus(["the cook", "two cooks"], [False, True], attractors=[0, -1]),
        corpus(["the cook", "two cooks"], [False, True], distance=[1, -1]),
        corpus(["the cook", "two cooks"], [False, True], forms=(("is", "are"), ("are", "is"))),
    ]
    assert len({c.digest, *(o.digest for o in others)}) == 1 + len(others)
    assert all(o != c for o in others)
    assert Text("a", "b") == Text("c", "b") != Text("a", "c")
    assert Text("a", "b").digest != c.digest


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04K\x01.",
        b"[" * 100_000,
        b"[]",
        b"{}",
        b'{"kind":"Text"}',
        b'{"kind":"Corpus"}',
        Text("a", "b").to_bytes(),
        *(
            json.dumps(json.loads(corpus(["the cook"], [True]).to_bytes()) | change).encode()
            for change in (
                {"prefixes": [1]},
                {"prefixes": "ab"},
                {"plural": [0, 1]},
                {"plural": None},
                {"attractors": [1e999]},
                {"attractors": ["x"]},
                {"distance": [10**9]},
                {"forms": [["is", "are", "be"]]},
                {"forms": 3},
                {"notes": None},
                {"more": 1},
            )
        ),
    ],
)
def test_other_bytes_are_refused(data):
    with pytest.raises(CorpusError, match=r"as (Corpus\.)?to_bytes writes it"):
        Corpus.from_bytes(data)
    if b'"kind":"Text","name"' not in data:
        with pytest.raises(CorpusError, match=r"as (Text\.)?to_bytes writes it"):
            Text.from_bytes(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(data):
    for kind in (Corpus, Text):
        with pytest.raises(CorpusError):
            kind.from_bytes(data)


def test_lengths_must_agree():
    with pytest.raises(CorpusError, match="expected 2 values of plural, one a prefix, got shape"):
        corpus(["a", "b"], [True])
    with pytest.raises(CorpusError, match="expected no verb forms or 2, one pair a prefix, got 1"):
        corpus(["a", "b"], [True, True], forms=(("is", "are"),))
