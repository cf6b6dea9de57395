"""Files that tests upload on a page."""

import numpy as np

from rnnkit.tasks.corpus import example_corpus

QUICK = {"v": "1", "task": "corpus", "length": "20", "steps": "20", "hidden": "6", "replicas": "2", "cell": "gru"}


def table(n=200):
    """A corpus of our own: the example's sentences, without what is known of their attractors."""
    known = example_corpus()
    chosen = np.random.default_rng(1).permutation(len(known))[:n]
    lines = [f"{' '.join(known.prefixes[i])}\t{'plural' if known.plural[i] else 'singular'}" for i in chosen]
    return "\n".join(["prefix\tlabel", *lines]).encode()


def upload(at, *files, test=()):
    for label, given in (("Sentences", files), ("Other sentences", test)):
        field = next(w for w in at.file_uploader if w.label.startswith(label))
        field.set_value([(name, content, "text/plain") for name, content in given])
    next(b for b in at.button if b.label == "Read these sentences").click().run()
    assert not at.exception
    return at
