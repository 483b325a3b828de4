"""JSON that can't be read: where the fault is, and what to do, in words of our own."""

from __future__ import annotations

import pytest

from convoship.lib.parsers import BadJSON, loads

PYTHONS = ("Expecting", "delimiter", "Extra data", "Unterminated", "control character", "escape", "line 1", "char ")


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ('{"a": 5', "Line 1, column 8", "It ends too early."),
        ('{"a": 5,\n', "Line 2, column 1", "It ends too early."),
        ('{\n "a" 5}', "Line 2, column 6", "A colon is missing"),
        ('{"a": 5 "b": 6}', "Line 1, column 9", "A comma or a closing bracket is missing"),
        ('{"a": "say "hi""}', "Line 1, column 13", 'it is written \\"'),
        ('{"a": 5,}', "Line 1, column 9", "no comma after the last one"),
        ("{'a': 5}", "Line 1, column 2", "double quotes"),
        ("[1,\n2,]", "Line 2, column 3", "no comma after the last one"),
        ("[1]]", "Line 1, column 4", "a closing bracket too many"),
        ('{"a": undefined}', "Line 1, column 7", "isn't JSON"),
        ('{"a": "b', "Line 1, column 7", "Close it with a double quote."),
        ('{"a": "b\nc"}', "Line 1, column 9", "a line break or a tab"),
        ('{"a": "C:\\dir"}', "Line 1, column 10", "A backslash"),
        ('{"a": "\\u12"}', "Line 1, column 9", "A backslash"),
        ("nonsense", "Line 1, column 1", "isn't JSON"),
        ("9" * 5000, "", "too many digits"),
    ],
)
def test_a_fault_is_placed_and_says_what_to_do(text: str, place: str, words: str) -> None:
    with pytest.raises(BadJSON) as refused:
        loads(text)
    said = str(refused.value)
    assert said.startswith(f"The body is not valid JSON. {place}")
    assert words in said
    assert not [word for word in PYTHONS if word in said]
    assert said.endswith(".")
