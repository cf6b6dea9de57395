"""Every preset is trained on fresh seeds and must do what its text claims; nothing on a page is true by assertion alone."""

from dataclasses import replace

import numpy as np
import pytest
from claim_checks import FRESH, NETWORKS, assert_holds, contradictions, networks, own_words

from pages.tour import highlight, tour_state
from pages.ui import registry
from rnnkit.engine.trainer import train
from rnnkit.serving.limits import Limits
from rnnkit.stories.claims import ALL, FEW, MOST, NONE, Claim, ratio_phrases
from rnnkit.stories.presets import DEFAULT, PAIRS, PRESETS, named
from rnnkit.stories.remedies import PANELS
from rnnkit.stories.tours import read_tour


@pytest.mark.parametrize("name", PRESETS)
def test_claim_holds_on_fresh_seeds(name):
    preset = PRESETS[name]
    assert_holds(preset.claim, preset.experiment, networks(preset.experiment))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [FRESH, 3 * FRESH])
@pytest.mark.parametrize("name", PRESETS)
def test_claim_holds_on_32_fresh_networks(name, seed):
    preset = PRESETS[name]
    assert_holds(preset.claim, preset.experiment, NETWORKS, seed)


# ---- words


@pytest.mark.parametrize("name", PRESETS)
def test_no_word_of_a_story_contradicts_its_claim(name):
    preset = PRESETS[name]
    assert contradictions(f"{preset.title}. {own_words(preset.text, preset.mentions)}", preset.claim) == []
    for quote, other in preset.mentions.items():
        assert quote in preset.text and contradictions(quote, PRESETS[other].claim) == []


def test_every_station_of_the_tour_says_what_the_networks_on_the_screen_do():
    """Its preset's or pair's claims, or those that its page shows: one of them must bear out each word."""
    tour, said = read_tour(tour_state.FILE.read_bytes(), highlight.targets(), registry.linked())
    every = {replace(preset.experiment, steps=1): preset.claim for preset in PRESETS.values()}  # a pair has equally many steps
    named = ("clip-norm", "omega", "orthogonal", "identity", "lstm-chrono", "lstm-forget-1")
    shows = {
        "exploding": [PRESETS["explodes"].claim, PRESETS["clipped"].claim],
        "remedies": [PANELS["vanishing"].remedies[name].claim for name in named],
    }
    assert said == []
    for station in tour.stations:
        here = [replace(e, steps=1) for e in (station.experiment, station.pinned) if e is not None]
        shown = [every[e] for e in here if e in every]
        for text in (station.say, station.notice):
            assert contradictions(text, *(shown or shows.get(station.page, []))) == [], (station.title, text)


@pytest.mark.parametrize(
    ("text", "claim", "wrong"),
    [
        ("The gradient vanishes.", Claim(ratio=(0, 1e-4)), []),
        ("The gradient vanishes.", Claim(ratio=(0, 1e-2)), ["vanish"]),
        ("The gradient arrives.", Claim(ratio=(1e-3, 2e-2)), ["arrives"]),
        ("It fades.", Claim(ratio=(1e-3, 2e-2)), []),
        ("It grows.", Claim(after=(20, 1e5)), []),
        ("It grows.", Claim(after=(2, 1e5)), ["grows"]),
        ("They learn.", Claim(solved_at_end=ALL), []),
        ("They learn.", Claim(solved=ALL, solved_at_end=FEW), ["learn"]),
        ("None learns.", Claim(solved_at_end=NONE), []),
        ("None learns.", Claim(solved_at_end=MOST), ["None learns"]),
        ("They keep guessing.", Claim(solved_at_end=ALL), ["guess"]),
        ("The weights become NaN.", Claim(diverged=NONE), ["NaN"]),
        ("No network becomes NaN.", Claim(diverged=ALL), ["No network becomes NaN"]),
    ],
)
def test_a_word_that_is_not_borne_out_is_found(text, claim, wrong):
    assert contradictions(text, claim) == wrong


def test_words_of_bounds():
    assert (
        ratio_phrases((0, 1e-3)) == {"it vanished"}
        and ratio_phrases((0.1, 10)) == {"it arrives"}
        and ratio_phrases((0, 0)) == set()
    )
    assert ratio_phrases((1e-2, 1)) == {"it fades", "it arrives"} and len(ratio_phrases((0, float("inf")))) == 5


# ---- what else a preset is


@pytest.mark.parametrize("name", PRESETS)
def test_preset_is_welcome_on_a_small_server(name):
    assert Limits().check(PRESETS[name].experiment) == {}


def test_presets_are_distinct_and_found_again():
    assert all(named(p.experiment) == name for name, p in PRESETS.items())
    assert DEFAULT in PRESETS


def test_saturated_and_truncated_change_one_thing_only():
    """Stories that compare must differ in what they name and in nothing else but the number of steps."""
    from rnnkit import diff

    def changed(a, b):
        return set(diff(PRESETS[a].experiment, PRESETS[b].experiment)) - {"steps"}

    assert changed("explodes", "clipped") == {"fixes"}
    assert changed("orthogonal", "truncated") == {"fixes"}
    assert changed("orthogonal", "orthogonal-saturated") == {"input_scale"}
    assert changed("no-omega", "omega") == {"fixes"} == changed("no-omega", "l2")
    assert changed("forgets", "remembers") == {"length"}
    assert changed("lstm-forget-1", "lstm-chrono") == {"bias"}
    assert all(len(changed(*two)) == 1 for two in PAIRS.values())


def test_the_gradient_jumps_every_6_words_back_before_training():
    """Over 30 words the median of 16 fresh networks, as in the heatmap, does so there alone; without the connection nowhere."""
    jumps = {}
    for name in ("skip", "no-skip"):
        e = replace(PRESETS[name].experiment, seed=FRESH, replicas=16, steps=1)
        back = next(iter(train(e))).state_grad[0][::-1]  # (T, R), from the verb back
        middle = np.median(back / back[0], 1)
        jumps[name] = [d for d in range(1, 31) if middle[d] > middle[d - 1]]
        if name == "skip":
            assert all((back[d] > back[d - 1]).all() for d in range(6, 31, 6)), "in every network"
    assert jumps == {"skip": [6, 12, 18, 24, 30], "no-skip": []}
