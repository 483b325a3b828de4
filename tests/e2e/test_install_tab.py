"""The Install tab and the test page in a browser: by mouse, by keyboard alone, in both widths and colours."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Product, Visit
from tests.e2e.programs import Program
from tests.e2e.test_accessible import is_fit


@pytest.fixture
def tab(demo: dict[str, Any], member: Page) -> Page:
    """The Install tab of the demo's deployment."""
    member.goto(f"/app/deployments/{demo['deployment_id']}/install")
    return member


def make_link(tab: Page) -> str:
    """A fresh link to the test page."""
    tab.get_by_role("button", name="Make a test link").click()
    return tab.locator("#link").inner_text()


def test_the_forms_are_tabs_that_the_arrows_walk(tab: Page) -> None:
    first = tab.get_by_role("tab", name="HTML", exact=True)
    expect(first).to_have_attribute("aria-selected", "true")
    expect(tab.get_by_role("tabpanel")).to_have_count(1)
    first.focus()
    tab.keyboard.press("ArrowLeft")
    expect(tab.get_by_role("tab", name="Google Tag Manager")).to_be_focused()
    expect(tab.get_by_role("tabpanel", name="Google Tag Manager")).to_contain_text("createElement")
    tab.keyboard.press("Home")
    for _ in range(3):
        tab.keyboard.press("ArrowRight")
    expect(tab.get_by_role("tabpanel", name="React")).to_contain_text("useEffect")
    # One stop of the Tab key for all of them; from there into the panel.
    tab.keyboard.press("Tab")
    expect(tab.locator("#snippet-react")).to_be_focused()
    tab.reload()
    expect(tab.get_by_role("tab", name="React")).to_have_attribute("aria-selected", "true")


def test_the_copy_button_copies_the_form_that_is_shown(tab: Page, demo: dict[str, Any]) -> None:
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.get_by_role("tab", name="Vue").click()
    tab.get_by_role("tabpanel").get_by_role("button", name="Copy").click()
    expect(tab.get_by_role("status").filter(has_text="Copied")).to_have_count(1)
    copied = tab.evaluate("navigator.clipboard.readText()")
    assert "mounted()" in copied
    assert f"{demo['deployment_token'][:12]}_PASTE_YOUR_TOKEN" in copied


def test_the_chat_works_on_the_test_page_and_its_conversation_is_a_test(
    tab: Page, visit: Visit, program: Program, demo: dict[str, Any]
) -> None:
    before = len(program.call("GET", "/conversations?limit=100")["results"])
    visitor = visit(make_link(tab)).chat()
    visitor.ask("where is my order", "tracking link")
    visitor.is_connected()
    assert visitor.our_errors == []
    assert [line for line in visitor.console if "Content Security Policy" in line] == []
    assert visitor.page.context.cookies() == []
    assert len(program.call("GET", "/conversations?limit=100")["results"]) == before
    # A second visit leaves nothing of the first behind.
    visitor.page.reload()
    visitor.chat()
    prefixes = {key.split(":")[1] for key in visitor.js("Object.keys(localStorage)") if key.startswith("convoship:cpt")}
    assert len(prefixes) == 1


def test_an_origin_is_judged_without_losing_the_chat(tab: Page, visit: Visit, demo: dict[str, Any]) -> None:
    visitor = visit(make_link(tab)).chat()
    visitor.ask("where is my order", "tracking link")
    page, answer = visitor.page, visitor.page.locator("#answer")
    page.get_by_label("Origin").fill(demo["allowed_origins"][0])
    page.keyboard.press("Enter")
    expect(answer).to_contain_text("Yes.")
    page.get_by_label("Origin").fill("https://elsewhere.example/shop")
    page.get_by_role("button", name="Ask").click()
    expect(answer).to_contain_text("No.")
    expect(answer).to_contain_text("elsewhere.example")
    expect(visitor.said).to_have_text(["where is my order"])


def test_the_page_is_checked_from_typing_to_the_line_to_copy(
    tab: Page, product: Product, demo: dict[str, Any], program: Program
) -> None:
    made = program.deploy("https://www.example.com")
    page = product.page_with(made["embed_snippet"])
    tab.goto(f"/app/deployments/{made['deployment']['id']}/install")
    tab.get_by_label("Address of the page").fill(page)
    tab.keyboard.press("Enter")
    expect(tab.get_by_text("The chat doesn't work on this page yet.")).to_be_visible()
    origin = f"{urlsplit(page).scheme}://{urlsplit(page).netloc}"
    tab.get_by_role("button", name=f"Allow {origin}").focus()
    tab.keyboard.press("Enter")
    expect(tab.get_by_text(f"{origin} is allowed from now on")).to_be_visible()
    expect(tab.get_by_label("Address of the page")).to_have_value(page)
    tab.get_by_role("button", name="Check the page").focus()
    tab.keyboard.press("Enter")
    expect(tab.get_by_text("The chat should appear on this page.")).to_be_visible()

    tab.get_by_label("Address of the page").fill(f"{page}?csp=strict")
    tab.keyboard.press("Enter")
    expect(tab.get_by_text("lets through all that the chat needs")).to_be_visible()


def test_without_scripts_every_form_is_there_and_the_page_is_checked(
    product: Product, demo: dict[str, Any], member_state: Any, new_context: Any
) -> None:
    context = new_context(java_script_enabled=False, base_url=product.base_url, storage_state=member_state)
    page = context.new_page()
    page.goto(f"/app/deployments/{demo['deployment_id']}/install")
    for name in ("async", "react", "gtm"):
        expect(page.locator(f"#snippet-{name}")).to_be_visible()
    page.get_by_label("Address of the page").fill(demo["demo_page"])
    page.get_by_role("button", name="Check the page").click()
    expect(page.get_by_text("The chat should appear on this page.")).to_be_visible()
    page.get_by_role("button", name="Make a test link").click()
    page.goto(page.locator("#link").inner_text())
    page.get_by_label("Origin").fill("http://nowhere.example")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_text("No.")).to_be_visible()


def test_the_tab_in_every_state_is_fit_for_all(tab: Page, product: Product, demo: dict[str, Any]) -> None:
    tab.evaluate("for (const box of document.querySelectorAll('main details')) box.open = true")
    is_fit(tab, "install")
    tab.get_by_label("Token").fill("cdp_nonsense")
    tab.get_by_role("button", name="Fill it in").click()
    expect(tab.get_by_text("is no deployment token")).to_be_visible()
    is_fit(tab, "a token that is refused")
    tab.get_by_label("Token").fill(demo["deployment_token"])
    tab.get_by_role("button", name="Fill it in").click()
    expect(tab.get_by_text("The token is in the snippets below")).to_be_visible()
    is_fit(tab, "filled in")
    snippet = tab.locator("#snippet-async").inner_text()

    meta = "<meta http-equiv='Content-Security-Policy' content=\"default-src 'self'; connect-src 'none'\">"
    tab.get_by_label("Address of the page").fill(product.page_with(snippet + snippet + meta))
    tab.get_by_role("button", name="Check the page").click()
    expect(tab.get_by_role("list", name="What was found")).to_be_visible()
    is_fit(tab, "a report")
    make_link(tab)
    is_fit(tab, "a link")


def test_the_test_page_is_fit_for_all(tab: Page) -> None:
    tab.goto(make_link(tab))
    is_fit(tab, "test page")
    tab.get_by_label("Origin").fill("http://nowhere.example")
    tab.get_by_role("button", name="Ask").click()
    expect(tab.get_by_text("No.")).to_be_visible()
    is_fit(tab, "an answer")
    tab.goto("/test/nonsense")
    is_fit(tab, "no link")
