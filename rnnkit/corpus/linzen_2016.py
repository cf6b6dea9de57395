"""Number prediction by an LSTM: the published accuracy, over all sentences and by number of attractors.

T. Linzen, E. Dupoux, Y. Goldberg 2016: Assessing the ability of LSTMs to learn syntax-sensitive dependencies. TACL 4, 521-535,
section 4. The network has 50 LSTM units. It reads a sentence of English Wikipedia up to the verb, and predicts its number.
"""

from __future__ import annotations

ERROR = {"LSTM": 0.83, "nouns only": 4.5}  # wrong answers over all test sentences, in percent; "nouns only" reads no other words
BY_ATTRACTORS = {0: 99.26, 1: 95.27, 2: 90.15, 3: 84.30, 4: 78.61, 5: 74.21}  # of a replication: the paper's own are a picture
NAME = "published: LSTM, Linzen et al. 2016 (a replication)"
ABOUT = (
    "Published: an LSTM of 50 units, trained to predict the number of the verb (Linzen, Dupoux & Goldberg 2016). Its values by "
    "attractors are those of a replication; 4+ has two, with 4 and with 5. Over all its sentences it is wrong in 0.83 %, a "
    "network that reads the nouns alone in 4.5 %. Their corpus is about 1.5 million sentences of English Wikipedia; yours is "
    "what the file holds."
)


def published(group: str) -> dict[int, float]:
    """Returns number of attractors -> right answers in percent, of those in this group of results.

    "3" has one value, "4+" those of 4 and of 5 attractors, any other text ("unknown") none.
    """
    if group.endswith("+"):
        return {n: right for n, right in BY_ATTRACTORS.items() if n >= int(group[:-1])}
    return {n: right for n, right in BY_ATTRACTORS.items() if str(n) == group}
