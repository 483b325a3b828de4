"""With a keyboard alone, and on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Visit
from tests.e2e.visitor import WELCOME


def test_a_conversation_needs_no_mouse(shop: str, visit: Visit) -> None:
    visitor = visit(shop)
    expect(visitor.launcher).to_be_visible()
    keys = visitor.page.keyboard
    # From the page's own link straight to the launcher.
    visitor.page.get_by_role("link", name="Harbour & Pine").focus()
    keys.press("Tab")
    expect(visitor.launcher).to_be_focused()
    keys.press("Enter")
    visitor.hears(WELCOME)
    expect(visitor.field).to_be_focused()
    keys.type("when are you open")
    keys.press("Enter")
    visitor.hears("Monday to Friday")
    expect(visitor.field).to_be_focused()

    # Back through the transcript to a button of the welcome.
    button = visitor.panel.get_by_role("button", name="Delivery")
    for _step in range(10):
        keys.press("Shift+Tab")
        if visitor.focused().count() and visitor.focused().inner_text() == "Delivery":
            break
    expect(button).to_be_focused()
    keys.press("Enter")
    visitor.hears("Express")
    expect(visitor.said).to_have_text(["when are you open", "Delivery"])

    keys.press("Escape")
    expect(visitor.panel).to_be_hidden()
    expect(visitor.launcher).to_be_focused()
    expect(visitor.launcher).to_have_attribute("aria-expanded", "false")
    keys.press("Space")
    expect(visitor.panel).to_be_visible()


def test_the_menu_works_by_arrows_and_gives_the_focus_back(shop: str, visit: Visit) -> None:
    visitor = visit(shop).chat()
    keys = visitor.page.keyboard
    more = visitor.panel.get_by_role("button", name="More options")
    more.focus()
    keys.press("Enter")
    expect(visitor.panel.get_by_role("menuitem", name="Talk to a person")).to_be_focused()
    keys.press("ArrowDown")
    expect(visitor.panel.get_by_role("menuitem", name="Start a new conversation")).to_be_focused()
    keys.press("Escape")
    expect(more).to_be_focused()
    expect(visitor.panel).to_be_visible()


def test_the_menu_stays_open_while_what_it_offers_changes(shop: str, visit: Visit) -> None:
    visitor = visit(shop).chat()
    visitor.is_connected()
    visitor.panel.get_by_role("button", name="More options").click()
    visitor.js("Convoship.sendMessage('talk to a person please')")
    visitor.sees("We’ve let the team know")
    expect(visitor.panel.get_by_role("menuitem", name="Talk to a person")).to_have_count(0)
    expect(visitor.panel.get_by_role("menuitem", name="Start a new conversation")).to_be_focused()


def test_new_messages_are_read_out(shop: str, visit: Visit) -> None:
    visitor = visit(shop).chat()
    expect(visitor.panel.get_by_role("log")).to_have_attribute("aria-live", "polite")
    expect(visitor.panel).to_have_accessible_name("Ada")
    expect(visitor.field).to_have_accessible_name("Message")


@pytest.mark.browser_context_args(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
def test_on_a_phone_the_panel_is_the_screen(shop: str, visit: Visit) -> None:
    visitor = visit(shop)
    visitor.launcher.tap()
    visitor.hears(WELCOME)
    assert visitor.panel.bounding_box() == {"x": 0, "y": 0, "width": 390, "height": 844}
    expect(visitor.panel).to_have_attribute("aria-modal", "true")
    # Focus in the field would throw up the keyboard over what there is to read.
    expect(visitor.field).not_to_be_focused()
    visitor.panel.get_by_role("button", name="Delivery").tap()
    visitor.hears("Express")
    field = visitor.field.bounding_box()
    assert field
    assert field["y"] + field["height"] <= 844
    # At least 16 px, or iOS zooms in.
    assert float(visitor.field.evaluate("(field) => parseFloat(getComputedStyle(field).fontSize)")) >= 16
    visitor.panel.get_by_role("button", name="Close chat").tap()
    expect(visitor.panel).to_be_hidden()
    assert visitor.js("document.documentElement.scrollWidth") <= 390


def test_on_a_desktop_the_panel_stands_above_the_launcher(shop: str, visit: Visit) -> None:
    visitor = visit(shop).chat()
    panel, launcher = visitor.panel.bounding_box(), visitor.launcher.bounding_box()
    assert panel
    assert launcher
    assert panel["y"] >= 0
    assert panel["x"] + panel["width"] <= 1280
    assert panel["y"] + panel["height"] <= launcher["y"]
    assert 340 <= panel["width"] <= 440
