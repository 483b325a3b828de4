"""Text that comes in pieces: every piece such that the database keeps it and JSON carries it, to the code point."""

from __future__ import annotations

UNKNOWN = "\N{REPLACEMENT CHARACTER}"


class Pieces:
    """Joins what a piece may have been cut through, and replaces what no text may hold.

    A stream of JSON may end a piece in the middle of a surrogate pair: its first half waits for the next piece. A half
    that stays alone is no character, and U+0000 is none that PostgreSQL keeps: both become U+FFFD.
    """

    def __init__(self) -> None:
        self.half = ""

    def take(self, text: str) -> str:
        """What may be shown and stored of this piece, and of what waited for it."""
        text, self.half = self.half + text, ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self.half = text[:-1], text[-1]
        return whole(text)

    def rest(self) -> str:
        """What still waited, at the end of the text."""
        half, self.half = self.half, ""
        return whole(half)


def whole(text: str) -> str:
    """The text with its surrogates joined, or replaced, and without U+0000."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text.replace("\0", UNKNOWN)
