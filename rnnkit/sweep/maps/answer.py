"""The answer of a map in one sentence, from its rows alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

NOT, STOPS, STILL = ("does not learn", "do not learn"), ("stops", "stop"), ("still learns", "still learn")
MOST = 0.5  # a variant learns at a length where more than this share of its networks does


def answer(shares: Mapping[str, Mapping[int, float]], what: str = "words") -> str:
    """Returns how far each variant learns: "tanh stops between 10 and 20 words; IRNN and GRU still learn at 200".

    shares: variant -> length -> share of its networks that learn, as far as they are known. A variant learns at a length where
    more than half of its networks do. what: the unit of the length. "" where nothing is known. Variants of one answer stand
    together, those that stop first first.
    """
    kinds: dict[tuple[str, str], dict[int, dict[str, list[str]]]] = {NOT: {}, STOPS: {}, STILL: {}}
    for name, known in shares.items():
        if known:
            verbs, length, where = _reach(known)
            kinds[verbs].setdefault(length, {}).setdefault(where, []).append(name)
    sentences, unit = [], f" {what}"
    for (one, several), by_length in kinds.items():
        parts: list[str] = []
        for _, places in sorted(by_length.items()):
            for where, names in places.items():
                verb = "" if parts else f" {one if len(names) == 1 else several}"
                parts.append(f"{_and(names)}{verb} {where.format(unit)}")
                unit = ""  # named once
        sentences += [", ".join(parts)] if parts else []
    return "; ".join(sentences) + "." if sentences else ""


def _reach(known: Mapping[int, float]) -> tuple[tuple[str, str], int, str]:
    """Returns the verb for one and for several variants, the length that decides, and the place, with braces for the unit."""
    lengths = sorted(known)
    learns = [known[length] > MOST for length in lengths]
    if all(learns):
        return STILL, lengths[-1], f"at {lengths[-1]}{{}}"
    first = learns.index(False)
    again = [str(length) for length, ok in zip(lengths[first:], learns[first:], strict=True) if ok]
    more = f" (and learns again at {_and(again)})" if again else ""
    if not first:
        return NOT, lengths[0], f"at {lengths[0]}{{}}{more}"
    return STOPS, lengths[first], f"between {lengths[first - 1]} and {lengths[first]}{{}}{more}"


def _and(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
