"""A provider's own words for kinds of things, such as `conversation:typing` or `StartSpinner`, as people write them."""

from __future__ import annotations

import re

LONGEST = 60
# Where another word begins without a space.
_SEAMS = re.compile(r"[\s_:./-]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def in_words(code: object) -> str:
    """`conversation:typing` is "conversation typing", and `StartSpinner` "start spinner"; "" of what is no text."""
    words = [word for word in _SEAMS.split(code) if word] if isinstance(code, str) else []
    return " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in words)[:LONGEST]
