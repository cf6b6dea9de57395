"""The page Sentence begins with an LSTM that still knows the number at the verb, and a tanh network that has lost it."""

from dataclasses import replace

import pytest
from claim_checks import FRESH, NETWORKS, assert_holds

from pages import sentence
from pages.ui import sentence_builder
from rnnkit import Experiment
from rnnkit.experiment import diff
from rnnkit.results import Progress
from rnnkit.stories.sentence_pair import SENTENCE_PAIR
from rnnkit.studies import STUDIES
from rnnkit.tasks import sentences

PAIR = [training.experiment for training in SENTENCE_PAIR.values()]
SEEDS = range(FRESH, FRESH + 8)


def ends(e, seed):
    """What the network with this seed says at the verb of the page's first sentence, as the page asks it: p(were), and words."""
    both = sentence_builder._draw(e.task, 0, e.length, 0, 0, "random", 0)
    asked = STUDIES["word_by_word"](replace(e, seed=seed, replicas=1), step=e.steps, sentences=both.T.tolist())
    *_, found = (part for part in asked if not isinstance(part, Progress))
    return found.plural[:, -1], sentence._outcome(found)


def test_they_differ_in_the_cell_alone():
    assert diff(*PAIR).keys() == {"cell", "bias"} and PAIR[1] == Experiment(length=20, steps=100)


def test_the_first_sentence_is_the_missions():
    both = sentence_builder._draw("agreement", 0, 20, 0, 0, "random", 0)
    assert both.shape == (20, 2)
    assert sentences.text(both[:, 0]).startswith("the cat, which already ate ")
    assert sentences.text(both[:, 1]).startswith("the cats, which already ate ")


@pytest.mark.parametrize("name", SENTENCE_PAIR)
def test_claim_holds_on_fresh_seeds(name):
    training = SENTENCE_PAIR[name]
    assert_holds(training.claim, training.experiment, NETWORKS if name == "tanh" else 8)


def test_the_lstm_still_knows_the_number_at_the_verb_and_the_tanh_network_has_lost_it():
    lstm, tanh = ([ends(e, seed) for seed in SEEDS] for e in PAIR)
    assert sum(one < 0.05 and many > 0.95 for (one, many), _ in lstm) >= 7
    assert sum(said == "the number is there: both verbs are right" for _, said in lstm) >= 7
    assert sum(abs(many - one) < 1e-3 for (one, many), _ in tanh) >= 7
    assert sum(said.startswith("the number is lost") for _, said in tanh) >= 7


def test_the_two_that_the_page_shows():
    (lstm, there), (tanh, lost) = (ends(e, e.seed) for e in PAIR)
    assert lstm[0] < 0.05 and lstm[1] > 0.95 and there == "the number is there: both verbs are right"
    assert abs(tanh[1] - tanh[0]) < 1e-3 and lost.startswith("the number is lost")
