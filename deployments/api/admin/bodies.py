"""What the texts of bodies may hold."""

from __future__ import annotations

from convoship.lib.problems import Problem, invalid
from deployments.safe_text import TextRefused, clean_text


def said(text: str, field: str = "text") -> str:
    """A message's text as it can be carried; 422 or 413 otherwise."""
    try:
        return clean_text(text)
    except TextRefused as refused:
        if refused.code == "payload_too_large":
            raise Problem("payload_too_large", refused.message) from None
        raise invalid({field: [refused.message]}) from None
