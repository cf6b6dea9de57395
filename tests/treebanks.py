"""Sentences as a treebank in CoNLL-U."""

FIN, ROOT = "VerbForm=Fin", "root"


def sentence(*words, sent_id="s"):
    """words: (form, upos, feats, head, deprel), numbered from 1; xpos and lemma are not given."""
    rows = [
        f"{i}\t{form}\t_\t{upos}\t_\t{feats}\t{head}\t{rel}\t_\t_" for i, (form, upos, feats, head, rel) in enumerate(words, 1)
    ]
    return "\n".join([f"# sent_id = {sent_id}", f"# text = {' '.join(w[0] for w in words)}", *rows, ""])


def plain(subject, plural, other, other_plural, sent_id):
    """The baker near the painters sings."""
    number, its = (f"Number={'Plur' if p else 'Sing'}" for p in (plural, other_plural))
    return sentence(
        ("The", "DET", "_", 2, "det"),
        (subject, "NOUN", number, 6, "nsubj"),
        ("near", "ADP", "_", 5, "case"),
        ("the", "DET", "_", 5, "det"),
        (other, "NOUN", its, 2, "nmod"),
        ("sing" + "s" * (not plural), "VERB", f"{number}|{FIN}", 0, ROOT),
        sent_id=sent_id,
    )


def as_conllu(n=150):
    return "\n".join(plain(f"Baker{i}", i % 2 == 0, f"painter{i}", i % 3 == 0, f"a-{i}") for i in range(n)).encode()
