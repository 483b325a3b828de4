"""axe on the widget and on every page, light and dark, wide and narrow; and no page wider than its window."""

from __future__ import annotations

import contextlib
import urllib.error
import uuid
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, StorageState, expect

from tests.driver import wait_for
from tests.e2e import axe
from tests.e2e.conftest import Product, Visit
from tests.e2e.programs import Program
from tests.e2e.test_calls import told_call
from tests.e2e.visitor import Visitor

WIDGET = "document.querySelector('convoship-widget')"
OUTSIDE = (
    "/sign-in/",
    "/sign-up/",
    "/account/password/reset/",
    "/account/verify/sent/",
    "/mailbox/",
    "/nowhere/",
    "/continue/cut-short",
)
INSIDE = (
    "/",
    "/account/",
    "/app/assistants/",
    "/app/assistants/new",
    "/app/assistants/{assistant_id}/",
    "/app/assistants/import",
    "/app/assistants/{assistant_id}/versions/",
    "/app/assistants/{assistant_id}/versions/compare?to=1",
    "/app/assistants/{assistant_id}/versions/1/",
    "/app/assistants/{assistant_id}/import",
    "/app/assistants/{assistant_id}/try",
    "/app/assistants/{assistant_id}/tests",
    "/app/assistants/{assistant_id}/tests?edit=where+is+my+parcel",
    "/app/assistants/{assistant_id}/answers",
    "/app/assistants/{assistant_id}/webhook",
    "/app/assistants/{assistant_id}/handoff",
    "/app/assistants/{assistant_id}/knowledge",
    "/app/assistants/{assistant_id}/deploy",
    "/app/deployments/{deployment_id}/",
    "/app/deployments/{deployment_id}/budgets",
    "/app/usage/",
    "/app/usage/prices/",
    "/app/deployments/{deployment_id}/numbers",
    "/app/deployments/{deployment_id}/rollout",
    "/app/deployments/{deployment_id}/origins?page=https://www.example.com/shop",
    "/app/deployments/{deployment_id}/settings",
    "/app/deployments/{deployment_id}/files",
    "/app/deployments/{deployment_id}/revoke",
    "/app/deployments/{deployment_id}/appearance",
    "/app/channels/",
    "/app/channels/files",
    "/app/channels/new/custom_webhook",
    "/app/channels/rehearse/twilio_sms",
    "/app/channels/{rehearsal_id}/rehearsal",
    "/app/channels/{rehearsal_id}/settings",
    "/app/channels/{connection_id}/",
    "/app/channels/{connection_id}/deliveries",
    "/app/channels/{connection_id}/deliveries?show=dead&q=nobody",
    "/app/channels/{connection_id}/deliveries/{delivery_id}",
    "/app/channels/{connection_id}/events",
    "/app/channels/{connection_id}/settings",
    "/app/channels/{connection_id}/delete",
    "/app/people/",
    "/app/people/?q=nobody+at+all",
    "/app/people/fields/",
    "/app/people/fields/new",
    "/app/people/{person_id}/",
    "/app/people/{person_id}/edit",
    "/app/people/{person_id}/merge",
    "/app/people/{person_id}/erase",
    "/app/channels/{whatsapp_id}/templates",
    "/app/channels/{whatsapp_id}/templates/new",
    "/app/conversations/{over_connection_id}/",
    "/app/conversations/{call_id}/",
    "/app/channels/{line_id}/calls",
    "/app/channels/{line_id}/calls?outcome=busy&q=nobody",
    "/app/conversations/",
    "/app/conversations/mentions/",
    "/app/conversations/replies/",
    "/app/conversations/replies/new",
    "/app/conversations/new",
    "/app/conversations/?sort=longest&q=shipping",
    "/app/conversations/?show=snoozed",
    "/app/conversations/tags/",
    "/app/conversations/views/new?show=mine",
    "/app/conversations/{conversation_id}/",
    "/app/workspace/",
    "/app/workspace/secrets/",
    "/app/workspace/secrets/new",
    "/app/workspaces/",
    "/app/new-workspace/",
)


def is_fit(page: Page, name: str) -> None:
    """In each width and colour: nothing for axe to say, nothing beyond the edge."""
    found = {}
    for look in axe.looks(page):
        wrong = axe.violations(page, look=look) + [f"too wide: {it}" for it in axe.overflow(page)]
        if wrong:
            found[f"{name} at {look}"] = wrong
    assert not found, "\n".join(f"{where}\n    " + "\n    ".join(wrong) for where, wrong in found.items())


@pytest.fixture(scope="module")
def conversation_id(demo: dict[str, Any], program: Program, browser: Browser) -> str:
    """A conversation with a bit of everything in it, where a person is asked for."""
    context = browser.new_context(reduced_motion="reduce")
    visitor = Visitor(context.new_page())
    visitor.goto(demo["demo_page"])
    visitor.chat()
    visitor.ask("how do I return something", "How to return an item")
    visitor.ask("how much is shipping", "Express")
    visitor.tap("Where is my order?")
    visitor.hears("tracking link")
    visitor.tap("Talk to a person")
    visitor.sees("We’ve let the team know")
    found = visitor.conversation_id
    context.close()
    return found


@pytest.fixture(scope="module")
def bridge(program: Program) -> dict[str, str]:
    """A connection whose far end nobody can reach: something was said over it, and its answer waits."""
    made = program.connect("https://bridge.example/hook")
    connection_id = made["connection"]["id"]
    said = program.say(made["inbound_url"], made["inbound_secret"], "where is my order", "+49 30 901820")
    # Whose account is nobody's: its page of templates has none, and says why.
    program.call("PUT", "/secrets/whatsapp-token", {"value": "a token of nobody's"})
    whatsapp = program.call(
        "POST",
        "/connections",
        {
            "kind": "twilio_whatsapp",
            "name": "Our WhatsApp",
            "assistant_id": program.demo["assistant_id"],
            "config": {"account_sid": "AC" + "0" * 32, "from_number": "+14155552671"},
            "credentials": {"auth_token": "whatsapp-token"},
        },
    )
    with contextlib.suppress(urllib.error.HTTPError):
        program.say(made["inbound_url"], made["signing_secret"], "not genuine", "+49 30 901820")

    def waiting() -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = program.call("GET", f"/connections/{connection_id}/deliveries")["results"]
        return [row for row in rows if row["reason"]]

    (delivery,) = wait_for("the answer was tried", waiting)
    return {
        "connection_id": connection_id,
        "delivery_id": delivery["id"],
        "over_connection_id": said["conversation_id"],
        "person_id": program.call("GET", f"/conversations/{said['conversation_id']}")["person"]["id"],
        "whatsapp_id": whatsapp["connection"]["id"],
    }


@pytest.fixture(scope="module")
def line(product: Product, program: Program) -> dict[str, str]:
    """A telephone number, and a call over it with everything that can happen in one."""
    line_id = program.line(number="+15005550077")["connection"]["id"]
    return {"line_id": line_id, "call_id": told_call(product, program, line_id)}


@pytest.fixture(scope="module")
def rehearsal_id(program: Program) -> str:
    """The phone that the demo rehearses with."""
    rows: list[dict[str, Any]] = program.call("GET", "/connections")["results"]
    return str(next(row["id"] for row in rows if row["is_rehearsal"]))


@pytest.fixture(scope="module")
def outside(product: Product, browser: Browser) -> Iterator[Page]:
    """One tab of somebody who is not signed in, for all pages: they only look."""
    with closing(browser.new_context(base_url=product.base_url, reduced_motion="reduce")) as context:
        yield context.new_page()


@pytest.fixture(scope="module")
def inside(product: Product, browser: Browser, member_state: StorageState) -> Iterator[Page]:
    """One tab of a member."""
    with closing(browser.new_context(base_url=product.base_url, storage_state=member_state)) as context:
        yield context.new_page()


@pytest.mark.parametrize("path", OUTSIDE)
def test_pages_for_anyone(path: str, outside: Page) -> None:
    outside.goto(path)
    is_fit(outside, path)


@pytest.mark.parametrize("path", INSIDE)
def test_pages_for_members(
    path: str,
    demo: dict[str, Any],
    conversation_id: str,
    bridge: dict[str, str],
    line: dict[str, str],
    rehearsal_id: str,
    inside: Page,
) -> None:
    ids = {"conversation_id": conversation_id, "rehearsal_id": rehearsal_id}
    inside.goto(path.format(**demo, **bridge, **line, **ids))
    expect(inside.locator("main")).to_be_visible()
    # What can be opened is looked at open too.
    inside.evaluate("for (const box of document.querySelectorAll('main details:not(.menu)')) box.open = true")
    is_fit(inside, path)


def test_the_token_page_and_the_form_with_mistakes(demo: dict[str, Any], member: Page) -> None:
    member.goto(f"/app/assistants/{demo['assistant_id']}/deploy")
    form = member.locator("details#new")
    if form.get_attribute("open") is None:
        member.get_by_text("New deployment").click()
    form.get_by_label("Name").fill("A site")
    form.get_by_label("Allowed origin 1").fill("https://www.example.com/")
    for number, origin in ((2, "https://*.example.com"), (3, "https://"), (4, "https://example.com")):
        form.get_by_role("button", name="Add an origin").click()
        form.get_by_label(f"Allowed origin {number}").fill(origin)
    expect(form.get_by_role("list", name="What it lets in")).to_have_count(2)
    is_fit(member, "origins while they are typed")
    form.get_by_role("button", name="Make the deployment").click()
    expect(member.get_by_text("2 of these can't be used as they are.")).to_be_visible()
    is_fit(member, "form with mistakes")
    member.get_by_role("button", name="Use https://www.example.com").click()
    for _ in range(3):
        member.get_by_role("button", name="Take out").last.click()
    member.get_by_role("button", name="Make the deployment").click()
    expect(member.get_by_role("heading", name="A site is ready")).to_be_visible()
    is_fit(member, "token shown once")


def test_the_menus(demo: dict[str, Any], member: Page) -> None:
    member.goto("/")
    member.locator(".sidebar details.menu summary").click()
    assert axe.violations(member) == []
    member.set_viewport_size({"width": 390, "height": 844})
    member.locator(".topbar .menu-mark").click()
    assert axe.violations(member) == []
    assert axe.overflow(member) == []


def test_the_widget_closed_and_open(shop: str, visit: Visit) -> None:
    visitor = visit(shop)
    expect(visitor.launcher).to_be_visible()
    for look in axe.looks(visitor.page):
        assert axe.violations(visitor.page, WIDGET, look) == [], f"closed at {look}"
    visitor.chat()
    visitor.ask("how do I return something", "How to return an item")
    visitor.ask("how much is shipping", "Express")
    visitor.say("talk to a person please")
    visitor.sees("We’ve let the team know")
    for look in axe.looks(visitor.page):
        assert axe.violations(visitor.page, WIDGET, look) == [], f"open at {look}"
        assert axe.overflow(visitor.page) == [], f"open at {look}"
    visitor.panel.get_by_role("button", name="More options").click()
    for look in axe.looks(visitor.page):
        assert axe.violations(visitor.page, WIDGET, look) == [], f"menu at {look}"


def test_the_widget_refused_offline_and_ended(product: Product, program: Program, shop: str, visit: Visit) -> None:
    made = program.deploy("https://elsewhere.example")
    refused = visit(product.page_with(made["embed_snippet"])).open()
    refused.sees("403 origin_not_allowed")
    visitor = visit(shop).chat()
    # A socket that is still being opened lives through this pulled plug, and says afterwards that it is online.
    visitor.is_connected()
    visitor.page.context.set_offline(True)
    visitor.say("are you there")
    visitor.sees("You’re offline")
    for name, tab in (("refused", refused), ("offline", visitor)):
        for look in axe.looks(tab.page):
            assert axe.violations(tab.page, WIDGET, look) == [], f"{name} at {look}"
    visitor.page.context.set_offline(False)
    visitor.chooses("End conversation")
    visitor.panel.get_by_role("button", name="End it").click()
    visitor.sees("This conversation has ended.")
    for look in axe.looks(visitor.page):
        assert axe.violations(visitor.page, WIDGET, look) == [], f"ended at {look}"


def test_the_way_of_somebody_new(newcomer: Page) -> None:
    newcomer.goto("/sign-up/")
    newcomer.get_by_label("E-mail").fill(f"new-{uuid.uuid4().hex[:8]}@harbour.example")
    newcomer.get_by_label("Password").fill("short")
    newcomer.get_by_role("button", name="Make the account").click()
    expect(newcomer.locator(".errors").first).to_be_visible()
    is_fit(newcomer, "sign-up with mistakes")
    newcomer.get_by_label("Password").fill("a-kettle-on-driftwood")
    newcomer.get_by_role("button", name="Make the account").click()
    newcomer.get_by_label("Name").fill("Harbour")
    newcomer.get_by_role("button", name="Make the workspace").click()
    for path in ("/", "/app/assistants/", "/app/channels/", "/app/conversations/"):
        newcomer.goto(path)
        is_fit(newcomer, f"{path} with nothing there yet")


def test_what_axe_and_the_ruler_would_find(newcomer: Page) -> None:
    newcomer.goto("/sign-in/")
    newcomer.evaluate(
        "document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=x><p class=wide>wide</p>');"
        "document.querySelector('.wide').style.width = '3000px'"
    )
    assert [line for line in axe.violations(newcomer) if line.startswith("image-alt")]
    assert axe.overflow(newcomer)
