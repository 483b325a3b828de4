"""A desk's rehearsal with the keyboard: the focus stays and is seen, and the agent's screen has room on each width."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.test_accessible import is_fit
from tests.e2e.test_channels import WIDTHS

# Whether the ring around what has the focus is drawn, and cut off by nothing around it.
RING = """() => {
  const at = document.activeElement, style = getComputedStyle(at), box = at.getBoundingClientRect();
  if (at === document.body || style.outlineStyle === "none") return false;
  const grown = Math.max(0, parseFloat(style.outlineOffset) + parseFloat(style.outlineWidth));
  for (let around = at.parentElement; around; around = around.parentElement) {
    const { overflowX, overflowY } = getComputedStyle(around);
    if (overflowX === "visible" && overflowY === "visible") continue;
    const edge = around.getBoundingClientRect();
    return box.left - grown >= edge.left - 0.5 && box.right + grown <= edge.right + 0.5 &&
      box.top - grown >= edge.top - 0.5 && box.bottom + grown <= edge.bottom + 0.5;
  }
  return true;
}"""
# Words of the agent's screen that begin on one line and end on the next.
BROKEN = """() => {
  const found = [];
  const walker = document.createTreeWalker(document.querySelector(".agent-side"), NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    for (const word of node.data.matchAll(/[A-Za-z]{2,14}/g)) {
      const range = document.createRange();
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      if (new Set([...range.getClientRects()].map((one) => Math.round(one.top))).size > 1) found.push(word[0]);
    }
  }
  return found;
}"""


def begin(member: Page, kind: str) -> None:
    """From the catalogue to a case on the agent's screen."""
    member.goto("/app/channels/")
    member.get_by_role("link", name=f"Rehearse it for {kind}").click()
    member.get_by_label("Assistant that answers").select_option(label="Ada")
    member.get_by_role("button", name="Begin").click()
    member.get_by_role("textbox", name="The visitor writes").fill("My kettle leaks, and its handle is loose.")
    member.keyboard.press("Enter")
    expect(member.locator(".visitor-side")).to_contain_text("My kettle leaks")
    member.get_by_role("button", name="Ask for a person").click()
    expect(member.locator(".agent-case")).to_be_visible()


def focused(member: Page, words: str) -> bool:
    """Whether what has the focus says this."""
    return bool(member.evaluate("words => document.activeElement.textContent.trim() === words", words))


@pytest.mark.parametrize("width", WIDTHS)
def test_an_agents_screen_keeps_the_focus_and_shows_all_of_the_case(width: int, member: Page) -> None:
    member.set_viewport_size({"width": width, "height": 844})
    begin(member, "ServiceNow")
    # Who wrote with the keyboard goes on there.
    member.get_by_role("textbox", name="The visitor writes").fill("Hello?")
    member.keyboard.press("Enter")
    expect(member.locator(".visitor-side")).to_contain_text("Hello?")
    expect(member.get_by_role("textbox", name="The visitor writes")).to_be_focused()

    member.get_by_role("button", name="Assign to me").focus()
    member.keyboard.press("Enter")
    expect(member.locator(".agent-case")).to_contain_text("Olga Agent")
    assert focused(member, "Assign to me")
    assert member.evaluate(RING)
    # Over what is drawn anew each second, too.
    with member.expect_response("**/rehearsal/live*"):
        pass
    assert focused(member, "Assign to me")

    case = member.locator(".agent-case")
    case.focus()
    assert member.evaluate(RING)
    assert case.evaluate("it => it.scrollHeight - it.clientHeight <= 1")
    assert member.evaluate(BROKEN) == []
    is_fit(member, "the agent's screen")


def test_testing_a_connection_keeps_the_focus_on_its_button(member: Page) -> None:
    begin(member, "Zendesk")
    member.get_by_role("link", name="Overview").last.click()
    button = member.get_by_role("button", name="Test", exact=True)
    button.focus()
    member.keyboard.press("Enter")
    expect(member.locator("#test-result li").first).to_be_visible()
    expect(button).to_be_focused()
    assert member.evaluate(RING)
    address = member.locator("#inbound-url")
    address.focus()
    assert member.evaluate(RING)
