"""Texts cut into pieces anywhere, also through the middle of a character, and put together again."""

from __future__ import annotations

import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from deployments.pieces import Pieces, whole

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)


@given(TEXTS, st.lists(st.integers(0, 200), max_size=10))
def test_what_was_cut_is_put_together(text: str, cuts: list[int]) -> None:
    units = text.encode("utf-16-le")
    places = sorted({2 * cut for cut in cuts if 2 * cut < len(units)} | {0, len(units)})
    pieces = Pieces()
    taken = [pieces.take(units[start:end].decode("utf-16-le", "surrogatepass")) for start, end in pairwise(places)]
    assert "".join(taken) + pieces.rest() == text
    for piece in taken:
        assert piece == whole(piece), "each piece can be told by itself"


@given(st.lists(st.text(st.characters(), max_size=5), max_size=10))
def test_whatever_comes_can_be_stored_and_told(given: list[str]) -> None:
    pieces = Pieces()
    text = "".join(pieces.take(piece) for piece in given) + pieces.rest()
    assert "\0" not in text
    assert json.loads(json.dumps(text, ensure_ascii=False).encode()) == text
