"""The number of an English verb, from a pair of forms that differ in number alone: is | are, runs | run, applies | apply."""

from __future__ import annotations

SINGULAR = frozenset("is was has does isn't wasn't hasn't doesn't".split())
PLURAL = frozenset("are were have do aren't weren't haven't don't".split())


def number(right: str, wrong: str) -> bool | None:
    """Returns True where `right` is plural and `wrong` singular, False the other way round, None for no such pair.

    Of several words the first is the verb ("looks like" | "look like"); the others must be equal. The tense may differ, as in
    some of BLiMP's pairs (was | are).
    """
    (a, *rest), (b, *other) = right.lower().split() or [""], wrong.lower().split() or [""]
    if rest != other:
        return None
    if _is_pair(singular=b, plural=a):
        return True
    return False if _is_pair(singular=a, plural=b) else None


def _is_pair(singular: str, plural: str) -> bool:
    if singular in SINGULAR:
        return plural in PLURAL
    if not plural or plural in PLURAL:
        return False
    if plural.endswith("y") and singular == plural[:-1] + "ies":
        return True
    return singular in (plural + "s", plural + "es")


def ending(form: str) -> bool:
    """Whether a single verb form is plural, judged by its ending: True unless it ends like the third person singular."""
    form = form.lower()
    return form not in SINGULAR and (not form.endswith("s") or form.endswith("ss"))
