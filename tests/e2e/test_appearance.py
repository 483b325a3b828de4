"""The Appearance tab in a browser: two sides in step, the real chat that follows, and what visitors see first."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Dialog, FrameLocator, Locator, Page, expect

from tests.e2e.conftest import Product, Visit
from tests.e2e.programs import Program
from tests.e2e.test_accessible import is_fit

CRIMSON, CRIMSON_RGB = "#8a1538", "rgb(138, 21, 56)"
TEAL, TEAL_RGB = "#0b6e6e", "rgb(11, 110, 110)"

# Writes down what the launcher looks like the moment it is put into the page, and in every frame from then on.
RECORDER = """
window.seen = [];
const look = (when) => {
  const launcher = document.querySelector('convoship-widget')?.shadowRoot?.querySelector('.launcher');
  if (launcher) seen.push([when, getComputedStyle(launcher).backgroundColor, launcher.getAttribute('aria-label')]);
};
new MutationObserver(() => look('put in')).observe(document, {childList: true, subtree: true});
const each = () => { look('frame'); requestAnimationFrame(each) };
requestAnimationFrame(each);
"""


@pytest.fixture
def made(program: Program, product: Product) -> dict[str, Any]:
    """A deployment of its own on the stranger's site, crimson."""
    return program.deploy(product.stranger_url, theme={"primaryColor": CRIMSON})


@pytest.fixture
def tab(made: dict[str, Any], member: Page) -> Page:
    """Its Appearance tab, once the chat in the preview has said its welcome."""
    member.goto(f"/app/deployments/{made['deployment']['id']}/appearance")
    expect(chat(member).locator(".row.theirs").first).to_be_visible()
    return member


def chat(tab: Page) -> FrameLocator:
    """The page in the preview's frame."""
    return tab.frame_locator("[data-frame]")


def field(tab: Page, label: str) -> Locator:
    """A field of the panel."""
    return tab.get_by_role("textbox", name=label, exact=True)


def theme(tab: Page) -> Any:
    """What stands in Theme JSON."""
    return json.loads(tab.locator("#json").input_value())


def test_what_is_typed_on_one_side_stands_on_the_other_and_in_the_chat(tab: Page, program: Program, made: Any) -> None:
    head = chat(tab).locator(".head")
    expect(head).to_have_css("background-color", CRIMSON_RGB)
    # The chat that opened by itself has not taken the focus away.
    assert tab.evaluate("document.activeElement.tagName") == "BODY"
    field(tab, "Main colour").fill(TEAL)
    field(tab, "Title").fill("The harbour")
    expect(head).to_have_css("background-color", TEAL_RGB)
    expect(chat(tab).get_by_role("heading", name="The harbour")).to_be_visible()
    expect(chat(tab).locator(".launcher")).to_have_css("background-color", TEAL_RGB)
    expect(tab.get_by_label("Pick: Main colour")).to_have_value(TEAL)
    assert theme(tab) == {"primaryColor": TEAL, "header": {"title": "The harbour"}}

    tab.locator("#json").fill('{"launcher": {"color": "#336699"}, "greeting": "Ahoy", "position": "bottom-left"}')
    expect(field(tab, "Main colour")).to_have_value("")
    expect(tab.get_by_label("Corner")).to_have_value("bottom-left")
    expect(chat(tab).locator(".launcher")).to_have_css("background-color", "rgb(51, 102, 153)")
    expect(chat(tab).get_by_text("Ahoy")).to_be_visible()
    # What was saved and is not said any more does not show through.
    expect(head).to_have_css("background-color", "rgb(47, 84, 214)")

    tab.locator("#json").fill('{"greeting": "Half')
    expect(tab.locator("#json_error")).to_contain_text("can't be read as JSON yet")
    expect(field(tab, "Greeting")).to_have_value("Ahoy")
    field(tab, "Subtitle").fill("Typed meanwhile")
    expect(tab.locator("#json")).to_have_value('{"greeting": "Half')
    tab.get_by_role("button", name="Save", exact=True).click()
    expect(tab.locator("#json")).to_be_focused()
    tab.get_by_role("button", name="Take what the fields say").click()
    assert theme(tab)["header"] == {"subtitle": "Typed meanwhile"}
    expect(chat(tab).get_by_text("Typed meanwhile")).to_be_visible()

    tab.get_by_role("button", name="Save", exact=True).click()
    expect(tab.get_by_text("Saved. Visitors see it when they load a page the next time.")).to_be_visible()
    kept = program.call("GET", f"/deployments/{made['deployment']['id']}")["theme"]
    assert kept == theme(tab)
    assert kept["header"] == {"subtitle": "Typed meanwhile"}
    tab.get_by_role("button", name="Reset to default").click()
    assert theme(tab) == {}
    tab.get_by_role("link", name="Undo changes").click()
    assert theme(tab) == kept
    expect(tab.locator("[data-state]")).to_have_text("")


def test_a_colour_that_cannot_be_read_is_said_while_it_is_typed_and_the_nearest_taken_on_a_click(tab: Page) -> None:
    colour_field = field(tab, "Text on it")
    colour_field.fill("#333")
    expect(colour_field).to_have_attribute("aria-invalid", "true")
    expect(tab.locator("#preview [data-preview-words]")).to_contain_text("the last appearance that can be used")
    expect(tab.locator("#json_error")).to_contain_text("textColor")
    is_fit(tab, "a refused colour")
    tab.set_viewport_size({"width": 1280, "height": 800})
    offered = tab.get_by_role("button", name="Use #")
    colour = offered.locator("code").inner_text()
    offered.focus()
    tab.keyboard.press("Enter")
    expect(colour_field).to_have_value(colour)
    expect(colour_field).to_be_focused()
    expect(colour_field).not_to_have_attribute("aria-invalid", "true")
    expect(tab.locator("#preview [data-preview-words]")).to_be_empty()
    assert theme(tab)["textColor"] == colour


def test_what_was_refused_is_named_as_on_the_page_and_leads_to_its_field(tab: Page) -> None:
    tab.get_by_label("Icon", exact=True).select_option("own")
    # However long the form, the bar that saves it is in sight.
    expect(tab.get_by_role("button", name="Save", exact=True)).to_be_in_viewport()
    own = field(tab, "Address of my own image")
    own.fill("icon.svg")
    expect(own).to_have_attribute("aria-invalid", "true")
    expect(tab.get_by_label("Icon", exact=True)).not_to_have_attribute("aria-invalid", "true")
    field(tab, "Text on it").fill("#333")
    tab.get_by_role("button", name="Save", exact=True).click()
    notice = tab.locator("#faults")
    expect(notice).to_be_focused()
    expect(notice.get_by_role("link")).to_have_text(["Icon", "Text on it"])
    notice.get_by_role("link", name="Icon").click()
    expect(own).to_be_focused()
    own.fill("https://cdn.example.com/icon.svg")
    expect(notice.get_by_role("link")).to_have_text(["Text on it"])
    expect(notice.locator("code")).to_have_count(0)
    notice.get_by_role("link").click()
    expect(field(tab, "Text on it")).to_be_focused()


def test_the_preview_is_each_device_light_and_dark_and_in_each_language(tab: Page, program: Program) -> None:
    panel, launcher = chat(tab).get_by_role("dialog"), chat(tab).locator(".launcher")
    tab.get_by_role("button", name="Phone").click()
    expect(launcher).to_be_hidden()
    assert panel.evaluate("(it) => it.getBoundingClientRect().width") == 390
    tab.get_by_role("button", name="Dark", exact=True).last.click()
    expect(panel).to_have_css("background-color", "rgb(23, 25, 30)")
    tab.get_by_role("button", name="Desktop").click()
    expect(launcher).to_be_visible()
    tab.get_by_label("Light or dark").select_option("light")
    expect(panel).to_have_css("background-color", "rgb(255, 255, 255)")
    # What the theme has decided, no device changes: its button says so.
    expect(tab.locator("[data-scheme='dark']")).to_be_disabled()
    expect(tab.get_by_text("The chat is always light")).to_be_visible()
    tab.get_by_label("Light or dark").select_option("auto")
    expect(panel).to_have_css("background-color", "rgb(23, 25, 30)")
    expect(tab.locator("[data-scheme='light']")).to_be_enabled()

    tab.get_by_label("Language", exact=True).select_option("de")
    expect(chat(tab).get_by_role("button", name="Weitere Möglichkeiten")).to_be_visible()
    expect(tab.locator("#f-text-close")).to_have_attribute("placeholder", "Chat schließen")
    tab.locator("#f-text-greeting").fill("Moin moin")
    expect(chat(tab).get_by_text("Moin moin")).to_be_visible()
    tab.locator("#f-text-launcherLabel").fill("Plausch")
    expect(launcher).to_have_attribute("aria-label", "Plausch")
    assert theme(tab)["customTexts"] == {"greeting": {"de": "Moin moin"}, "launcherLabel": {"de": "Plausch"}}
    tab.get_by_label("The visitor's language").select_option("en")
    expect(chat(tab).get_by_text("Moin moin")).to_have_count(0)
    expect(launcher).to_have_attribute("aria-label", "Chat")

    launcher.click()
    expect(tab.get_by_role("button", name="Chat open")).to_have_attribute("aria-pressed", "false")
    tab.get_by_role("button", name="Chat open").click()
    expect(panel).to_be_visible()
    expect(tab.get_by_role("button", name="Chat open")).to_be_focused()
    before = len(program.call("GET", "/conversations?limit=100")["results"])
    chat(tab).get_by_role("textbox").fill("where is my order")
    tab.keyboard.press("Enter")
    expect(chat(tab).get_by_text("tracking link")).to_be_visible()
    assert len(program.call("GET", "/conversations?limit=100")["results"]) == before


def test_a_visitor_sees_the_saved_colour_in_the_first_paint_of_the_launcher(
    tab: Page, made: dict[str, Any], product: Product, visit: Visit
) -> None:
    shop = product.page_with(made["embed_snippet"])
    visitor = visit(shop, script=RECORDER)
    expect(visitor.launcher).to_have_css("background-color", CRIMSON_RGB)
    field(tab, "Launcher's colour").fill(TEAL)
    tab.locator("[name='launcher.label']").fill("Ask the harbour")
    tab.get_by_role("button", name="Save", exact=True).click()
    expect(tab.get_by_text("Saved. Visitors see it")).to_be_visible()
    visitor.page.reload()
    expect(visitor.launcher).to_be_visible()
    visitor.page.wait_for_function("seen.filter(([when]) => when === 'frame').length > 5")
    seen = visitor.js("seen")
    assert seen[0][0] == "put in"
    assert {(colour, label) for _, colour, label in seen} == {(TEAL_RGB, "Ask the harbour")}
    # Neither was it changed later, nor does the next visit find an older answer in the browser's cache.
    visitor.page.reload()
    visitor.page.wait_for_function("seen.length > 5")
    assert {colour for _, colour, _ in visitor.js("seen")} == {TEAL_RGB}


def test_a_form_that_was_left_asks_first(tab: Page) -> None:
    field(tab, "Title").fill("Not saved")
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    tab.on("dialog", stay)
    tab.get_by_role("link", name="Identity").click(no_wait_after=True)
    expect(field(tab, "Title")).to_have_value("Not saved")
    assert asked == ["beforeunload"]


def test_an_offset_leaves_the_window_on_the_screen_and_what_a_page_asks_for_wins(
    product: Product, program: Program, visit: Visit
) -> None:
    saved = {"position": "bottom-left", "offset": {"x": 150, "y": 200}}
    made = program.deploy(product.stranger_url, theme=saved)
    visitor = visit(product.page_with(made["embed_snippet"])).chat()
    frame = visitor.panel.bounding_box()
    assert frame is not None
    assert frame["y"] >= 0
    assert frame["x"] == 170
    asked = made["embed_snippet"].replace("channel: 'web'", "channel: 'web', theme: {position: 'bottom-right'}")
    visitor = visit(product.page_with(asked)).chat()
    launcher, frame = visitor.launcher.bounding_box(), visitor.panel.bounding_box()
    assert launcher is not None
    assert frame is not None
    assert launcher["x"] > 640
    assert frame["x"] + frame["width"] == launcher["x"] + launcher["width"]
