"""Lessons for lectures: links in order, each with what to ask, to do and to see; assignments; misconceptions.

docs/courses.md and the page Stories show them. What is said to be seen is the claim of a story, which a test trains on fresh
seeds, or the record of a map.
"""

from __future__ import annotations

from typing import NamedTuple


class Lesson(NamedTuple):
    """One picture to show. link: a page of the dashboard, with its settings."""

    link: str
    ask: str  # before it is seen
    do: str
    seen: str


class Course(NamedTuple):
    """The lessons of one lecture, in order."""

    title: str
    lessons: tuple[Lesson, ...]
    assignment: str
    answer: str


class CourseTask(NamedTuple):
    """A task that courses set, with the score of a guesser, and of the best rule that reads one input."""

    link: str
    asked: str
    source: str
    score: str


class Misconception(NamedTuple):
    """A sentence that is often said, where to look, and what is true."""

    said: str
    link: str
    true: str


COURSES = (
    Course(
        "Why gradients vanish, and explode: 50 minutes",
        (
            Lesson(
                "/network?story=remembers",
                "One word later: what does the network know of the subject?",
                "Fold it in and out.",
                "Without the loop, nothing. Unrolled, all time steps share the same weights.",
            ),
            Lesson(
                "/steps",
                "How often is the gradient multiplied on its way from the verb to the subject?",
                "Press → until the way back begins.",
                "Once for every word.",
            ),
            Lesson(
                "/lab?story=remembers",
                "Eight plain networks, ten words: do they learn?",
                "Train.",
                "All learn. Some thousandths of the gradient arrive at the subject.",
            ),
            Lesson(
                "/lab?story=forgets&pin.story=remembers",
                "And a hundred words?",
                "Train.",
                "All guess. Less than 1e-20 of the gradient arrives.",
            ),
            Lesson(
                "/vanishing?story=forgets",
                "The largest singular value of W_rec is above 1. Must the gradient explode?",
                'Read the blue box, then ‖xJᵏ‖ at "Eigenvalues".',
                "No: it vanishes. Growing needs a singular value above 1, but does not follow from it.",
            ),
            Lesson(
                "/lab?story=explodes",
                "Weights of 1.3 times the identity: what happens?",
                "Train.",
                "Nearly all networks are NaN after a step or two.",
            ),
            Lesson(
                "/lab?story=clipped&pin.story=explodes",
                "The same, the gradient clipped to norm 0.5?",
                "Train.",
                "No NaN, and they learn.",
            ),
            Lesson(
                "/lab?story=omega&pin.story=no-omega",
                "Does clipping help a gradient that vanishes?",
                "Train.",
                "No. A penalty that asks the gradient to keep its norm does.",
            ),
            Lesson(
                "/lab?story=skip&pin.story=no-skip",
                "Can the gradient take fewer steps?",
                "Train. Where does the first row jump up, from the verb back?",
                "Yes: with a connection over 6 steps it jumps up every 6 words, and all learn.",
            ),
            Lesson(
                "/lab?story=attention&pin.story=no-skip",
                "Must the gradient take all steps?",
                "Train. Compare the first rows.",
                "No: where the readout attends to all states, each has a way of its own. The row is level, and all learn.",
            ),
            Lesson(
                "/how_far?how_far_map=cells",
                "Which cell learns 200 words?",
                "Look at the record.",
                "LSTM and GRU with chrono initialization. tanh stops between 10 and 20 words.",
            ),
        ),
        "With clipping alone most tanh networks fail at 30 words (`/lab?story=no-omega`). Find three different "
        "changes with which most learn, and say of each what it does to the gradient at the subject before "
        "training.",
        "Omega (`/lab?story=omega`): it vanishes before training and arrives afterwards. Orthogonal weights and "
        "small inputs (`/lab?story=orthogonal`, even at 50 words): it arrives from the beginning. A gated cell "
        "with chrono initialization (`/lab?story=gru-chrono`, at 100 words): it arrives from the beginning. An L2"
        " penalty is no answer (`/lab?story=l2`).",
    ),
    Course(
        "Gates: LSTM, GRU, JANET",
        (
            Lesson(
                "/lab?story=lstm-forget-1",
                "An LSTM cannot forget over 50 words. True?",
                "Train.",
                "With forget bias 1 most networks fail: c keeps 73 % a step.",
            ),
            Lesson(
                "/lab?story=lstm-chrono&pin.story=lstm-forget-1",
                "What if the forget gates start nearly open?",
                "Train. Compare dL/dc with dL/dh.",
                "All learn. The gradient arrives in c.",
            ),
            Lesson(
                "/vanishing?story=lstm-forget-1",
                "How much arrives through the forget gates alone?",
                "Compare the dashed line with the measured one.",
                "0.73 a step, over 48 steps. Other ways add to it.",
            ),
            Lesson(
                "/lab?story=gru-chrono",
                "One state fewer: does it still learn 100 words?",
                "Train.",
                "Yes. A fifth of the gradient arrives.",
            ),
            Lesson(
                "/lab?story=janet-chrono&pin.story=gru-chrono",
                "And with the forget gate alone?",
                "Train.",
                "Yes. About the whole gradient arrives at the start.",
            ),
            Lesson(
                "/how_far?how_far_map=weights",
                "Does an LSTM win because it has more weights?",
                "Look at the record.",
                "No: with equal numbers of weights tanh stops between 20 and 50 words, and LSTM and GRU with chrono "
                "initialization still learn 200.",
            ),
            Lesson(
                "/sentence",
                "What does it say after every word?",
                "Press **Word by word**.",
                "The LSTM keeps the number to the verb; the tanh network loses it.",
            ),
        ),
        "A gate of 0.73 a step over 48 steps leaves which share? At which gate does half of it arrive?",
        "0.73^48 = 2.8e-7. Half of it arrives at 0.5^(1/48) = 0.986, a bias of ln(0.986 / 0.014) = 4.2. Chrono "
        "initialization draws such biases: b = ln(u), u uniform from 1 to T − 1.",
    ),
    Course(
        "Reservoir computing",
        (
            Lesson(
                "/lab?story=esn",
                "Nothing recurrent is trained. Can it learn 50 words?",
                "Train.",
                "All networks learn.",
            ),
            Lesson(
                "/vanishing?story=esn",
                "Is the gradient what makes it work?",
                "Compare it with the tanh network's (`/vanishing?story=forgets`).",
                "No gradient is used: a readout is solved by ridge regression.",
            ),
            Lesson(
                "/lab?story=esn&leak=1&pin.story=esn",
                "What if the state is renewed completely at every word?",
                "Train.",
                "All guess: the slow state held the subject.",
            ),
            Lesson(
                "/how_far?how_far_map=cells",
                "How far does it reach?",
                "Look at the record.",
                "It stops between 50 and 100 words.",
            ),
            Lesson(
                "/series",
                "What are reservoirs built for?",
                "Compare it with GRU and tanh.",
                "One step ahead on Mackey-Glass, its error is the smallest of the three.",
            ),
        ),
        "Which leak does a memory of 50 words need? Try 1, 0.3, 0.1 and 0.03, and compare 1 / leak with the number of words.",
        "0.1 and 0.03 learn, 0.3 and 1 guess. Of what the subject has put into a unit, (1 − leak)^48 stays in it "
        "past W_rec: 0.23 at 0.03, 6.4e-3 at 0.1, 4e-8 at 0.3, nothing at 1.",
    ),
    Course(
        "Linear recurrences: minGRU, LRU and a decay with a sign",
        (
            Lesson(
                "/steps?steps_cell=mingru",
                "Gate and candidate see the word alone. What is the Jacobian then?",
                "Read ‖dh‖ and z.",
                "A diagonal of gates: what is left of the gradient is the product of the gates, exactly.",
            ),
            Lesson(
                "/vanishing?cell=mingru&length=50&input_scale=0.1&bias=chrono",
                "How much is left over 48 words?",
                "Compare the dashed line with the measured one.",
                "They are one line: there is no other way back.",
            ),
            Lesson(
                "/lab?story=lru-full-ring",
                "Eigenvalues anywhere in the disc: does the gradient vanish over 98 words?",
                "Train.",
                "It fades like 1/√(k + 1), a power of the distance and no exponential. Most networks learn.",
            ),
            Lesson(
                "/lab?story=lru-ring&pin.story=lru-full-ring",
                "And on a thin ring near the unit circle?",
                "Train.",
                "Almost half of the gradient arrives, and all learn.",
            ),
            Lesson(
                "/lab?story=parity-gated-linear",
                "A decay in (0, 1): can it tell an odd number of ones from an even one?",
                "Train.",
                "No: it guesses, and so does minGRU (`/lab?story=parity-mingru`).",
            ),
            Lesson(
                "/lab?story=parity-signed&pin.story=parity-gated-linear",
                "And with a decay in (-1, 1)?",
                "Train.",
                "All learn: a step can turn the sign of the state. So does the plain tanh network (`/lab?story=parity`).",
            ),
            Lesson(
                "/exploding",
                "When nothing vanishes, is it easy?",
                'Scroll to "No cliff, nothing vanishes".',
                "The valley of a linear unit narrows 2,250 times from λ = 0.5 to 0.99. Reparametrized it keeps its width.",
            ),
        ),
        "On the full ring |λ|² is uniform between 0 and 1. Which share of the gradient arrives over k steps, in the root of the "
        "mean square? And if all |λ| were 0.99?",
        "E|λ|^(2k) = ∫ u^k du = 1/(k + 1), so 1/√(k + 1): 0.143 after 48 steps, 0.10 after 98. With 0.99 it is 0.99^48 = 0.62 "
        "and 0.99^98 = 0.37, and over 1,000 steps 4.3e-5 where the ring still has 0.032.",
    ),
    Course(
        "Tasks that courses set",
        (
            Lesson(
                "/lab?story=palindrome",
                "Twenty digits: does a plain network give the first one?",
                "Train.",
                "None learns. The gradient vanishes on its way back to the first digit.",
            ),
            Lesson(
                "/lab?story=palindrome-gru&pin.story=palindrome",
                "And a GRU with chrono initialization?",
                "Train.",
                "All learn. A fifth of the gradient arrives.",
            ),
            Lesson(
                "/lab?story=parity",
                "Every bit counts. Must the gradient reach the first one?",
                "Train. Read the heatmap of the last loss.",
                "No: it vanishes, and they learn. The answer before and the next bit are enough, and every bit has a loss.",
            ),
            Lesson(
                "/lab?story=brackets",
                "The last answer is the first bracket's. Can tanh learn 21 steps?",
                "Train. Compare the first row of the heatmap with the last.",
                "Yes. The gradient vanishes at first and arrives after training.",
            ),
            Lesson(
                "/lab?story=delay",
                "A plain network repeats a stream ten symbols later. Possible?",
                "Train.",
                "Yes, with orthogonal weights.",
            ),
            Lesson(
                "/lab?story=delay-lstm&pin.story=delay",
                "Then an LSTM learns it all the more?",
                "Train.",
                "No: none within 400 steps, though the gradient arrives.",
            ),
        ),
        "Palindromes: train tanh, and GRU with chrono initialization, at T = 5, 10 and 20 (300 steps each, "
        "settings of the two stories), and draw the accuracy against T. What would a student conclude who knows T"
        " = 5 alone?",
        "At T = 5 both learn, so nothing tells them apart. At T = 20 no tanh network is better than a guesser, "
        "and the GRU still learns.",
    ),
)

TASKS = (
    CourseTask(
        "/lab?task=palindrome&length=20",
        "The last digit of a palindrome, which is its first one.",
        "University of Amsterdam, Deep Learning, 2018",
        "1/10",
    ),
    CourseTask(
        "/lab?task=latch&length=50",
        "Three inputs ±1, then noise: which sign?",
        "Bengio, Simard & Frasconi 1994; Hochreiter & Schmidhuber 1997",
        "1/2",
    ),
    CourseTask(
        "/lab?task=parity&length=50",
        "After every bit: is the number of ones odd?",
        "Bengio, Simard & Frasconi 1994; Grazzi et al. 2025",
        "1/2; the bit itself (T + 1) / (2 T)",
    ),
    CourseTask(
        "/lab?task=brackets&length=21",
        "After every bracket: which kind may close? (Dyck-2, depth 5)",
        "Hewitt et al. 2020; Suzgun et al. 2019",
        "1/2; the kind of this bracket (3 T + 1) / (4 T)",
    ),
    CourseTask("/lab?task=xor&length=20", "Are two marked bits different?", "Martens & Sutskever 2011", "1/2"),
    CourseTask(
        "/lab?task=temporal-order-3&length=30",
        "The order of three symbols (their 3-bit temporal order)",
        "Hochreiter & Schmidhuber 1997; Martens & Sutskever 2011",
        "1/8",
    ),
    CourseTask(
        "/lab?task=delay&length=20", "The symbol of T / 2 steps ago, at every step.", "Kent & Murray 2024; Jaeger 2001", "1/4"
    ),
    CourseTask(
        "/lab?task=copying&length=40",
        "Ten symbols after a pause, and blanks before.",
        "Arjovsky, Shah & Bengio 2016",
        "1/8; loss 10 ln 8 / T, their T is T − 20",
    ),
    CourseTask(
        "/lab?task=adding-sum&length=50",
        "The sum of two marked numbers",
        "Hochreiter & Schmidhuber 1997; Le et al. 2015",
        "squared error 1/6",
    ),
)
MISCONCEPTIONS = (
    Misconception(
        "Plain networks cannot pass ten steps.",
        "/lab?story=orthogonal",
        "A tanh network with orthogonal weights and small inputs learns 50 words.",
    ),
    Misconception(
        "An LSTM wins because it is bigger.", "/how_far?how_far_map=weights", "It wins with the same number of weights."
    ),
    Misconception("An LSTM does not forget.", "/lab?story=lstm-forget-1", "With forget bias 1 it does, within 50 words."),
    Misconception(
        "A singular value over 1 explodes.",
        "/vanishing?story=forgets",
        "All eight networks have one, and their gradients vanish.",
    ),
    Misconception("Clipping cures vanishing.", "/lab?story=no-omega", "It shortens gradients. Most of these networks fail."),
    Misconception("Smaller weights are always safer.", "/lab?story=l2", "They make a vanishing gradient vanish faster."),
    Misconception(
        "Truncated backpropagation costs nothing but accuracy of the gradient.",
        "/lab?story=truncated",
        "What lies beyond the cut gets no gradient at all. Most networks fail.",
    ),
)
