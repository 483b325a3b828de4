"""Versions in a browser: two publishings, what changed between them, and going back with the keyboard alone."""

from __future__ import annotations

import uuid
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e import axe
from tests.e2e.programs import Program


def script(answer: str) -> dict[str, Any]:
    intents = [{"name": "Hours", "phrases": ["when are you open"], "answers": [{"text": answer}]}]
    return {"welcome": {"text": "Hello"}, "intents": intents, "fallback": {"text": "Sorry?"}}


def tab_to(page: Page, name: str, *, most: int = 60) -> None:
    """Move the focus by Tab until it is on what has this name."""
    for _step in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == name:
            return
    raise AssertionError(f"{name} can't be reached by Tab")


def is_fit(page: Page) -> None:
    found = [wrong for look in axe.looks(page) for wrong in (*axe.violations(page, look=look), *axe.overflow(page))]
    assert not found, found


def test_going_back_needs_no_mouse_and_fits_a_phone(member: Page, program: Program) -> None:
    name = f"Ada {uuid.uuid4().hex[:6]}"
    made = program.call("POST", "/assistants", {"name": name, "scripted": script("We are open from 9 to 5.")})
    path = f"/assistants/{made['id']}"
    program.call("POST", f"{path}/publish", {"note": "First words"})
    program.call("PATCH", path, {"scripted": script("We are open from 9 to 6, on Sundays, too.")})
    program.call("POST", f"{path}/publish", {"note": "Longer hours"})

    member.set_viewport_size({"width": 390, "height": 844})
    member.goto(f"/app{path}/versions/")
    expect(member.get_by_role("link", name="Version 2", exact=True)).to_be_visible()
    is_fit(member)

    member.set_viewport_size({"width": 390, "height": 844})
    tab_to(member, "See what changed in version 2")
    member.keyboard.press("Enter")
    expect(member.get_by_role("heading", name="What changed from version 1 to version 2")).to_be_visible()
    expect(member.locator("del")).to_contain_text(["5"])
    expect(member.locator("ins")).to_contain_text(["6, on Sundays, too"])
    is_fit(member)

    member.goto(f"/app{path}/versions/1/")
    is_fit(member)
    tab_to(member, "Restore and publish")
    member.keyboard.press("Enter")
    expect(member.get_by_text("Version 3 is live: it says what version 1 said.")).to_be_visible()
    expect(member.get_by_text("Restored version 1")).to_be_visible()
    assert program.call("GET", path)["scripted"]["intents"][0]["answers"] == [{"text": "We are open from 9 to 5."}]
