"""Presets: named experiments, each with a text and the Claim that a test checks on fresh seeds."""

from __future__ import annotations

from dataclasses import replace

from rnnkit.engine.fixes import L2, ClipNorm, Omega, Truncate
from rnnkit.experiment import Experiment
from rnnkit.stories.built_matrices import OF_RECURRENCE
from rnnkit.stories.claims import ALL, FEW, MOST, NONE, Claim
from rnnkit.stories.linear_cells import OF_GATES, OF_PARITY, PARITY
from rnnkit.stories.preset import FILE, GATES, GROWS, NOUNS, PENALTY, TASKS_OF_COURSES, WEIGHTS, WHOLE, WHY, Preset

_tanh = Experiment()
_orthogonal = replace(_tanh, length=50, init="orthogonal", input_scale=0.03, steps=150)
_gated = replace(_tanh, length=50, input_scale=0.1, lr=0.01, bias="zero", cell="gru", steps=150)
_moving = replace(_tanh, task="agreement-varying", length=20, steps=150)
_crowded = replace(_orthogonal, task="agreement-varying-attractors", steps=400)
_corpus = Experiment(task="corpus", length=40, hidden=50, input_scale=0.1, lr=0.01, steps=600, replicas=4, vocabulary=1000)
_relu = replace(_tanh, length=30, cell="relu", init="identity", gain=1.3, input_scale=0.1, optimizer="sgd", lr=0.02)
_thirty = replace(_tanh, length=30, lr=0.002, steps=300)
_order = replace(_tanh, task="temporal-order", length=30, hidden=50, steps=600)
_palindrome = replace(_tanh, task="palindrome", length=20, steps=300)
_delay = replace(_tanh, task="delay", length=20, init="orthogonal", input_scale=0.1, steps=400)
_RATIO_GROWS = (200, 1e4)

PRESETS: dict[str, Preset] = {
    "forgets": Preset(
        "Forgets: tanh, 100 words",
        "A plain tanh network keeps guessing: on its way back from the verb the gradient shrinks to about half at every "
        "word, and at the subject less than 1e-20 of it is left.",
        _tanh,
        Claim(NONE, NONE, ratio=(0, 1e-20), after=(0, 1e-15)),
        question=WHY,
    ),
    "remembers": Preset(
        "Remembers: tanh, 10 words",
        "The same network with ten words learns quickly: the gradient fades on its way back, but some thousandths of it are left "
        "at the subject, and that is enough.",
        replace(_tanh, length=10, steps=150),
        Claim(ALL, ALL, ratio=(2e-3, 2e-2), after=(5e-3, 5)),
        question=WHY,
    ),
    "explodes": Preset(
        "Explodes: ReLU, weights become NaN",
        "Recurrent weights 1.3 times the identity and no remedy: each word multiplies the gradient by 1.3 on the way back, "
        "30 words by a thousand. A step or two throw the weights far away, and nearly every network is nothing but NaN.",
        replace(_relu, fixes=(), steps=40),
        Claim(NONE, NONE, diverged=ALL, ratio=_RATIO_GROWS),
        question=GROWS,
    ),
    "linear-explodes": Preset(
        "No nonlinearity: NaN",
        "Without a nonlinearity nothing stops it: every one of 28 steps multiplies the gradient by exactly 1.3, 1,550 times in "
        "all, and every network becomes NaN.",
        replace(_relu, cell="linear", fixes=(), steps=40),
        Claim(NONE, NONE, diverged=ALL, ratio=(1540, 1560)),
        question=GROWS,
    ),
    "clipped": Preset(
        "Clipped: the same networks learn",
        "The very same networks with the gradient clipped to norm 0.5: no NaN any more, and they learn the agreement.",
        replace(_relu, fixes=(ClipNorm(0.5),), steps=800),
        Claim(ALL, ALL, ratio=_RATIO_GROWS, after=(20, 1e5)),
        question=GROWS,
    ),
    "orthogonal": Preset(
        "Orthogonal initialization, 50 words",
        "Every singular value of the recurrent weights is 1 and the inputs are small: the gradient keeps its size over 50 words, "
        "and a plain tanh network learns within seconds.",
        _orthogonal,
        Claim(ALL, ALL, ratio=(0.2, 5), after=(0.2, 10)),
        question=WEIGHTS,
    ),
    "orthogonal-saturated": Preset(
        "Orthogonal, but large inputs",
        "The same orthogonal weights with ten times larger input weights: the units saturate, their derivative is small, and the "
        "gradient vanishes all the same. Most networks fail.",
        replace(_orthogonal, input_scale=0.3),
        Claim(FEW, FEW, ratio=(0, 1e-3), after=(0, 1e-2)),
        question=WEIGHTS,
    ),
    "irnn": Preset(
        "ReLU with identity weights, 50 words",
        "Recurrent weights that start as the identity copy the state from word to word, and the gradient back again (IRNN): it "
        "arrives, and the networks learn. Afterwards it even grows on its way back.",
        replace(_tanh, length=50, cell="relu", init="identity", input_scale=0.03, lr=0.001, steps=200),
        Claim(ALL, ALL, ratio=(0.15, 2), after=(12, 1e4)),
        question=WEIGHTS,
    ),
    "lstm-forget-1": Preset(
        "LSTM with forget bias 1, 50 words: not enough",
        "The usual LSTM keeps 73 % of its memory at each step. Over 50 words the gradient vanishes in the cell state, too, and "
        "most networks fail.",
        replace(_gated, cell="lstm", bias="forget-1", steps=200),
        Claim(FEW, FEW, ratio=(1e-5, 1e-3), after=(0, 1e-3), part="c"),
        question=GATES,
    ),
    "lstm-chrono": Preset(
        "LSTM with chrono initialization, 50 words",
        "Forget gates that start nearly open for memories of up to 50 steps: it learns at once. The gradient that arrives "
        "travels in the cell state c: compare dL/dc with dL/dh above the heatmap.",
        replace(_gated, cell="lstm", bias="chrono"),
        Claim(ALL, ALL, ratio=(0.1, 1), after=(0.1, 5), part="c"),
        question=GATES,
    ),
    "gru-chrono": Preset(
        "GRU with chrono initialization, 100 words",
        "The same idea in a GRU, at the length where the plain network forgets: a fifth of the gradient arrives, and it learns.",
        replace(_gated, length=100, bias="chrono", steps=120),
        Claim(ALL, ALL, ratio=(0.13, 0.35), after=(0.1, 2)),
        question=GATES,
    ),
    "janet-chrono": Preset(
        "JANET: the forget gate alone, 100 words",
        "Without input and output gate, and with its memory as its only state: at the start about the whole gradient arrives at "
        "the subject, and it learns.",
        replace(_gated, length=100, cell="janet", bias="chrono", steps=120),
        Claim(ALL, ALL, ratio=(0.3, 5), after=(0.1, 10)),
        question=GATES,
    ),
    **OF_GATES,
    **OF_RECURRENCE,
    "no-omega": Preset(
        "30 words with clipping alone",
        "At 30 words the plain tanh network fails. Clipping shortens a gradient that is too long; this one vanishes.",
        _thirty,
        Claim(FEW, FEW, ratio=(0, 1e-5), after=(0, 1e-4)),
        question=PENALTY,
    ),
    "omega": Preset(
        "30 words with Pascanu's Omega",
        "The same networks and seeds with the penalty that asks the gradient to keep its norm on the way back: it vanishes at "
        "first, after training it arrives, and they learn.",
        replace(_thirty, fixes=(Omega(1.0), ClipNorm(1.0))),
        Claim(ALL, ALL, ratio=(0, 1e-5), after=(0.1, 10)),
        question=PENALTY,
    ),
    "l2": Preset(
        "30 words with an L2 penalty",
        "Smaller weights make a vanishing gradient vanish faster: this penalty does not help here.",
        replace(_thirty, fixes=(L2(0.01), ClipNorm(1.0))),
        Claim(NONE, NONE, ratio=(0, 1e-5), after=(0, 1e-15)),
        question=PENALTY,
    ),
    "order": Preset(
        "Temporal order with clipping alone",
        "Which of A and B came at two moments among distractors? The first task of Pascanu's paper, 30 steps. The gradient "
        "vanishes on its way back to the first moment. With clipping alone most networks fail within 600 steps.",
        _order,
        Claim((0.0, 0.4), (0.0, 0.4), ratio=(0, 1e-5)),
        question=PENALTY,
    ),
    "order-omega": Preset(
        "Temporal order with clipping and Omega",
        "The same networks with the paper's other remedy as well, Omega: afterwards the gradient keeps its size on the way back, "
        "and most learn.",
        replace(_order, fixes=(Omega(2.0), ClipNorm(1.0))),
        Claim(ALL, MOST, ratio=(0, 1e-5), after=(0.1, 20)),
        question=PENALTY,
    ),
    "esn": Preset(
        "Echo state network, 50 words",
        "Nothing recurrent is trained: a slow reservoir (leak 0.1) still holds the subject at the verb, and a linear readout "
        "finds it.",
        Experiment(length=50, cell="esn", hidden=200, leak=0.1, gain=0.9, input_scale=0.1, ridge=1e-9, steps=40),
        Claim(ALL, ALL),
        question=WHOLE,
    ),
    "truncated": Preset(
        "Truncated too short: 25 of 50 steps",
        "Backpropagation stops after 25 steps, so the verb's error has no path to the subject, and most networks fail. With the "
        "full gradient they learn at once.",
        replace(_orthogonal, fixes=(Truncate(25), ClipNorm(1.0))),
        Claim(FEW, FEW, ratio=(0, 0), after=(0, 0)),
        mentions={"With the full gradient they learn at once.": "orthogonal"},
        question=WHOLE,
    ),
    "attractors": Preset(
        "GRU, moving subject and attractors",
        "The subject moves and half of the nouns in between are singular or plural too; a bag of words has 67 % right. A GRU "
        "with chrono initialization learns which noun counts.",
        replace(_gated, task="agreement-varying-attractors", bias="chrono", steps=200),
        Claim(ALL, ALL, ratio=(0.13, 0.35), after=(0.1, 5)),
        question=NOUNS,
    ),
    "attractors-orthogonal": Preset(
        "Orthogonal tanh, moving subject and attractors",
        "The same sentences for a tanh network with orthogonal weights, which learns 50 words at once where the subject stands "
        "still and nothing distracts. Here the gradient arrives before training, too, but the network goes on guessing.",
        _crowded,
        Claim(NONE, NONE, ratio=(0.15, 5)),
        mentions={"which learns 50 words at once where the subject stands still and nothing distracts": "orthogonal"},
        question=NOUNS,
    ),
    "attractors-irnn": Preset(
        "ReLU with identity weights, moving subject and attractors",
        "The same sentences and as many steps for a ReLU network that starts as the identity: it learns them.",
        replace(_crowded, cell="relu", init="identity", lr=0.001),
        Claim(ALL, ALL),
        question=NOUNS,
    ),
    "misled": Preset(
        "Misled: tanh with Omega, 20 words",
        "Most of these networks learn a moving subject among nouns that have no number. Asked about sentences with nouns of the "
        "opposite number, they are misled the more of them there are.",
        replace(_moving, fixes=(Omega(0.5), ClipNorm(1.0)), steps=400, seed=2),
        Claim(MOST, MOST),
        question=NOUNS,
    ),
    "not-misled": Preset(
        "Not misled: orthogonal tanh, 20 words",
        "Trained on the same sentences from orthogonal weights and small inputs: three nouns of the opposite number hardly "
        "disturb it, though it has never seen one.",
        replace(_moving, init="orthogonal", input_scale=0.03),
        Claim(ALL, MOST, ratio=(0.2, 5)),
        question=NOUNS,
    ),
    "not-misled-lstm": Preset(
        "Not misled: LSTM, 20 words",
        "An LSTM with chrono initialization, trained on the same sentences without attractors: three nouns of the opposite "
        "number do not disturb it either.",
        replace(_moving, cell="lstm", bias="chrono", input_scale=0.1, lr=0.01),
        Claim(ALL, ALL),
        question=NOUNS,
    ),
    "palindrome": Preset(
        "Palindrome: tanh, 20 digits",
        "An exercise of several courses: the last digit of a palindrome is its first one. A plain tanh network fails at 20 "
        "digits: the gradient vanishes on its way back to the first.",
        _palindrome,
        Claim(NONE, NONE, ratio=(0, 1e-4), after=(0, 1e-2)),
        question=TASKS_OF_COURSES,
    ),
    "palindrome-gru": Preset(
        "Palindrome: GRU with chrono initialization, 20 digits",
        "The same digits for a GRU: a fifth of the gradient arrives at the first digit, and it learns.",
        replace(_palindrome, cell="gru", bias="chrono", input_scale=0.3, lr=0.01),
        Claim(ALL, ALL, ratio=(0.13, 0.35), after=(0.1, 10)),
        question=TASKS_OF_COURSES,
    ),
    "parity": Preset(
        "Parity of 50 bits: tanh",
        "Is the number of ones so far odd? Each bit counts, but the answer before and the next bit are enough to go on. With a "
        "loss after every bit it learns, although the gradient of the last answer vanishes on its way back to the first bit.",
        PARITY,
        Claim(ALL, ALL, ratio=(0, 1e-12), after=(0, 1e-10)),
        question=TASKS_OF_COURSES,
    ),
    **OF_PARITY,
    "brackets": Preset(
        "Brackets: tanh, 21 steps",
        "Which bracket may close next? At the end it is the first one of all, and the gradient vanishes on its way back there. "
        "But every step asks, also where brackets close at once: it learns, and afterwards the gradient arrives.",
        replace(_tanh, task="brackets", length=21, steps=300),
        Claim(ALL, ALL, ratio=(0, 1e-4), after=(0.1, 10)),
        question=TASKS_OF_COURSES,
    ),
    "delay": Preset(
        "Delay of 10 symbols: orthogonal tanh",
        "A stream is to be repeated ten symbols later, so the state must hold eleven of them in their order. Orthogonal weights "
        "pass the whole state on at every step: the gradient arrives, and it learns.",
        _delay,
        Claim(ALL, ALL, ratio=(0.2, 2), after=(1, 30)),
        question=TASKS_OF_COURSES,
    ),
    "delay-lstm": Preset(
        "Delay of 10 symbols: LSTM",
        "The same stream for an LSTM with chrono initialization. Its gradient arrives, too, but it must write a new symbol at "
        "every step without losing the ten before. None learns this within 400 steps.",
        replace(_delay, cell="lstm", init="gaussian", bias="chrono", input_scale=0.3, lr=0.01),
        Claim(NONE, NONE, ratio=(0.2, 0.8), after=(0.3, 10), part="c"),
        question=TASKS_OF_COURSES,
    ),
    "corpus-lstm": Preset(
        "LSTM, sentences of a file",
        "The words of a sentence up to its verb: singular or plural? Sentences have different lengths and end together at the "
        "verb. Until you bring a file of your own, on the page “Corpus”, they are generated like those of the agreement "
        "task.",
        replace(_corpus, cell="lstm", bias="forget-1"),
        Claim(ALL, ALL),
        question=FILE,
    ),
    "corpus-gru": Preset(
        "GRU, sentences of a file",
        "The same sentences for a GRU.",
        replace(_corpus, cell="gru"),
        Claim(ALL, ALL),
        question=FILE,
    ),
    "corpus-tanh": Preset(
        "tanh, sentences of a file",
        "The same sentences for a plain tanh network, with larger inputs, fewer words and a longer training.",
        replace(_corpus, input_scale=0.5, steps=1600, vocabulary=300),
        Claim(),
        question=FILE,
    ),
}

DEFAULT = "forgets"

PAIRS = {  # title -> two presets that differ in one thing
    "Length": ("remembers", "forgets"),
    "Clipping": ("explodes", "clipped"),
    "Input scale": ("orthogonal", "orthogonal-saturated"),
    "Gate bias": ("lstm-forget-1", "lstm-chrono"),
    "Omega": ("no-omega", "omega"),
    "Connection over 6 steps": ("no-skip", "skip"),
    "Attention": ("no-skip", "attention"),
    "L2": ("no-omega", "l2"),
    "Truncation": ("orthogonal", "truncated"),
    "Temporal order": ("order", "order-omega"),
}


def pair(title: str) -> tuple[Experiment, Experiment]:
    """Returns both Experiments of a pair, with the same number of training steps, so that they differ in one thing only."""
    a, b = (PRESETS[name].experiment for name in PAIRS[title])
    return replace(a, steps=b.steps), b


def named(e: Experiment) -> str | None:
    """Returns the name of the preset that equals this Experiment; None where there is none."""
    return next((name for name, preset in PRESETS.items() if preset.experiment == e), None)
