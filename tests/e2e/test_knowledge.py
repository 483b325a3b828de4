"""The Knowledge tab in a browser: the worker reads what is added while the page stays open, and a question finds it."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

TEXT = """# Returns

You may send anything back within sixty days, unused and in its packaging.

# Pets

Dogs on a lead are welcome in the shop.
"""


def test_what_is_added_is_read_while_one_looks_and_found_by_a_question(member: Page, tmp_path: Path) -> None:
    errors: list[str] = []
    member.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    member.on("pageerror", lambda error: errors.append(str(error)))
    member.goto("/app/assistants/new")
    member.get_by_role("textbox", name="Name").fill("Reader")
    member.get_by_role("button", name="Make the assistant").click()
    member.get_by_role("link", name="Knowledge").click()
    expect(member.get_by_role("heading", name="Reader has read nothing yet")).to_be_visible()

    member.get_by_text("A text", exact=True).click()
    member.get_by_role("textbox", name="Title").fill("House rules")
    member.get_by_role("textbox", name="Text").fill(TEXT)
    member.get_by_role("button", name="Add the text").click()
    row = member.get_by_role("row", name="House rules")
    expect(row).to_contain_text("Ready", timeout=60_000)

    paper = tmp_path / "prices.md"
    paper.write_text("# Renting a kayak\n\nA kayak costs thirty-five a day.\n")
    member.get_by_text("A file", exact=True).click()
    member.get_by_label("File", exact=True).set_input_files(paper)
    member.get_by_role("button", name="Add the file").click()
    expect(member.get_by_role("row", name="prices.md")).to_contain_text("Ready", timeout=60_000)

    member.get_by_label("What a visitor says").fill("how much is it to hire a canoe or kayak")
    member.keyboard.press("Enter")
    first = member.get_by_role("list", name="Passages").get_by_role("listitem").first
    expect(first).to_contain_text("thirty-five a day")

    member.get_by_role("link", name="Remove prices.md").click()
    member.get_by_role("button", name="Remove it").click()
    expect(member.get_by_role("row", name="prices.md")).to_have_count(0)
    expect(member.get_by_role("row", name="House rules")).to_be_visible()
    # A phone shows the same without a sideways scroll.
    member.set_viewport_size({"width": 390, "height": 844})
    assert member.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert errors == []
