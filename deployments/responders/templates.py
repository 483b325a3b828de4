"""What a new assistant can begin with: the three templates, each with its own test cases."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from deployments.responders import template_booking, template_faq, template_lead


@dataclass(frozen=True)
class Template:
    """A ready script: `content` and `test_cases` are copied afresh each time."""

    slug: str
    name: str
    description: str
    _content: dict[str, Any]
    _tests: list[dict[str, str]]

    def content(self) -> dict[str, Any]:
        """The script, the caller's own."""
        return copy.deepcopy(self._content)

    def test_cases(self) -> list[dict[str, str]]:
        """`[{utterance, expected}]`, where expected is an intent's name, or "" for the fallback."""
        return copy.deepcopy(self._tests)


TEMPLATES: dict[str, Template] = {
    template.slug: template
    for template in (
        Template(
            "faq",
            "Help desk",
            "Answers what a small online shop is asked most, and calls a person when it should.",
            template_faq.FAQ,
            template_faq.TESTS,
        ),
        Template(
            "lead",
            "Lead capture",
            "Finds out what a visitor is looking for and how to reach them, then calls a person. English and German.",
            template_lead.LEAD,
            template_lead.TESTS,
        ),
        Template(
            "booking",
            "Booking",
            "Takes a wish for an appointment step by step: what, which day, how many, a name and a phone number.",
            template_booking.BOOKING,
            template_booking.TESTS,
        ),
    )
}
