"""The Deploy page at work: origins by keyboard, from refused to allowed, a pause, and who uses an old token."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.driver import wait_for
from tests.e2e.conftest import Product, Visit
from tests.e2e.programs import Program
from tests.e2e.test_accessible import is_fit


@pytest.fixture
def made(program: Program) -> dict[str, Any]:
    """A deployment of the demo's assistant that lets a stranger's shop in, and not the stranger's site."""
    return program.deploy("https://elsewhere.example")


def origins_tab(made: dict[str, Any]) -> str:
    return f"/app/deployments/{made['deployment']['id']}/origins"


def test_an_origin_is_corrected_and_a_wildcard_confirmed_by_keyboard_alone(member: Page, made: dict[str, Any]) -> None:
    member.goto(origins_tab(made))
    keys = member.keyboard
    member.get_by_role("button", name="Add an origin").focus()
    keys.press("Enter")
    second = member.get_by_label("Allowed origin 2")
    expect(second).to_be_focused()
    keys.type("HTTPS://Shop.example/")
    expect(member.locator("[data-said]")).to_contain_text("An origin has no slash at its end.")
    expect(second).to_have_attribute("aria-invalid", "true")
    for _ in range(2):
        keys.press("Tab")
    expect(member.get_by_role("button", name="Use https://shop.example")).to_be_focused()
    keys.press("Enter")
    expect(second).to_have_value("https://shop.example")
    expect(second).to_be_focused()
    expect(second).not_to_have_attribute("aria-invalid", "true")
    expect(member.get_by_role("list", name="What it lets in")).to_contain_text("https://www.shop.example")

    second.fill("https://*.example.com")
    confirm = member.get_by_role("checkbox", name="Yes, every sub-domain of example.com")
    expect(confirm).to_be_visible()
    second.focus()
    keys.press("Enter")
    expect(member.get_by_text("Do you mean every sub-domain of example.com?")).to_be_visible()
    confirm.focus()
    keys.press("Space")
    keys.press("Enter")
    expect(member.get_by_text("Saved. It holds from now on")).to_be_visible()
    expect(member.get_by_label("Allowed origin 2")).to_have_value("https://*.example.com")
    member.get_by_label("Address of the page").fill("https://blog.example.com/post")
    keys.press("Enter")
    expect(member.get_by_text("Yes. Pages of https://blog.example.com may open the chat.")).to_be_visible()


def test_a_pasted_list_becomes_rows(member: Page, made: dict[str, Any]) -> None:
    member.goto(origins_tab(made))
    member.get_by_role("button", name="Add an origin").click()
    member.evaluate(
        "const data = new DataTransfer(); data.setData('text', 'https://a.example\\nhttps://b.example/');"
        "document.activeElement.dispatchEvent("
        "new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true}))"
    )
    expect(member.get_by_label("Allowed origin 2")).to_have_value("https://a.example")
    expect(member.get_by_label("Allowed origin 3")).to_have_value("https://b.example/")
    expect(member.get_by_role("button", name="Use https://b.example")).to_be_visible()


def test_a_refused_site_is_one_click_from_allowed_and_a_pause_is_told(
    product: Product, program: Program, made: dict[str, Any], member: Page, visit: Visit
) -> None:
    address = product.page_with(made["embed_snippet"])
    visitor = visit(address).open()
    visitor.sees("403 origin_not_allowed")
    tab = origins_tab(made)

    def is_listed() -> bool:
        member.goto(tab)
        return member.get_by_role("button", name="Allow this origin").count() == 1

    wait_for("the refusal is listed", is_listed)
    refused = member.locator("#refused")
    expect(refused).to_contain_text(address)
    expect(refused).to_contain_text("The host 127.0.0.1 is not among the allowed origins")
    is_fit(member, "a refused origin")
    member.get_by_role("button", name="Allow this origin").click()
    expect(member.get_by_text(f"{product.stranger_url} is allowed from now on.")).to_be_visible()
    expect(refused).to_contain_text("Nobody was refused.")

    visitor.page.reload()
    visitor.chat()
    visitor.ask("where is my order", "tracking link")
    visitor.is_connected()
    member.goto(f"/app/assistants/{made['deployment']['assistant_id']}/deploy")
    card = member.locator(f"article[aria-labelledby='d-{made['deployment']['id']}']")
    card.get_by_role("button", name="Pause").click()
    expect(card.get_by_text("Nobody can chat: visitors read that the chat is paused.")).to_be_visible()
    visitor.sees("The chat is paused")
    card.get_by_role("button", name="Resume").click()
    expect(card.get_by_text("Live", exact=True)).to_be_visible()
    visitor.tap("Try again")
    visitor.hears("tracking link")


def test_after_a_rotation_the_page_says_who_still_needs_the_old_token(
    product: Product, program: Program, member: Page, visit: Visit
) -> None:
    made = program.deploy(product.stranger_url)
    program.call("POST", f"/deployments/{made['deployment']['id']}/rotate", {"overlap_seconds": 86_400})
    overview = f"/app/deployments/{made['deployment']['id']}/"
    member.goto(overview)
    expect(member.get_by_text("Nobody ever used the old one: you can end it now.")).to_be_visible()
    visit(product.page_with(made["embed_snippet"])).chat()

    def is_told() -> bool:
        member.goto(overview)
        return member.get_by_text("1 origin still loads with the old token").count() == 1

    wait_for("the old token's use is told", is_told)
    is_fit(member, "an old token in use")
    member.get_by_role("link", name="End now…").click()
    expect(member.get_by_text("Pages that still carry this token show no chat any more")).to_be_visible()
    is_fit(member, "ending a token")
    member.get_by_role("button", name="End it now").click()
    expect(member.get_by_text("is over. Chats that are under way go on.")).to_be_visible()
    expect(member.locator("tbody tr")).to_have_count(1)
