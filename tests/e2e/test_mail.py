"""A visitor leaves, a person answers, and the mail's link brings them back into the same conversation."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from playwright.sync_api import BrowserContext, Page, expect

from tests.driver import wait_for
from tests.e2e import axe
from tests.e2e.conftest import Product, Visit
from tests.e2e.test_accessible import WIDGET, is_fit
from tests.e2e.test_inbox import is_the_same_page, live_page, never_reloads

# Two minutes are not waited for: the mail is due at once.
_DUE = """
import datetime, uuid
from convoship.lib.tenancy import tenant
from deployments.models import ReplyMail
with tenant(uuid.UUID({workspace!r})):
    print(ReplyMail.objects.filter(conversation_id={conversation!r}, state="queued").update(
        due_at=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)))
"""


def link_in_mailbox(page: Page, address: str) -> str | None:
    page.goto("/mailbox/")
    # Who answers has no name here.
    mail = page.get_by_role("link").filter(has_text="You have an answer")
    for place in range(mail.count()):
        mail.nth(place).click()
        # A click waits for the first byte of its page, not for the page.
        page.locator(".mail-body").wait_for()
        if page.get_by_text(address, exact=True).count():
            return page.locator(".mail-body a[href*='/continue/']").first.get_attribute("href")
        page.goto("/mailbox/")
    return None


def test_a_visitor_who_left_is_mailed_and_comes_back(
    product: Product,
    demo: dict[str, Any],
    shop: str,
    visit: Visit,
    member: Page,
    new_context: Callable[..., BrowserContext],
) -> None:
    address = f"grace-{uuid.uuid4().hex[:8]}@navy.example"
    visitor = visit(shop).chat()
    visitor.say("where is my order")
    conversation = visitor.conversation_id
    with live_page(member):
        member.goto(f"/app/conversations/{conversation}/")
    never_reloads(member)
    visitor.js(f"Convoship.identify({{ email: '{address}' }})")
    expect(member.locator(".about")).to_contain_text(address)
    expect(member.get_by_role("heading", level=1)).to_have_text(address)
    assert is_the_same_page(member)
    visitor.page.close()

    member.get_by_label("Your answer").fill("Your parcel is in **Kiel**.")
    member.get_by_role("button", name="Send").click()
    transcript = member.get_by_role("log", name="Transcript")
    expect(transcript).to_contain_text("Your parcel is in Kiel.")
    code = _DUE.format(workspace=demo["workspace_id"], conversation=conversation)
    assert product.manage("shell", "-c", code).strip().endswith("1")
    expect(transcript).to_contain_text("Mailed to g…@navy.example", timeout=60_000)
    for look in axe.looks(member):
        assert axe.violations(member, "document.querySelector('.transcript')", look) == [], f"the mail at {look}"
        assert axe.overflow(member) == [], f"the mail at {look}"

    link = wait_for("the mail is there", lambda: link_in_mailbox(member, address))
    with live_page(member):
        member.goto(f"/app/conversations/{conversation}/")

    # Another browser. Looking at the link is not using it.
    back = visit(link)
    is_fit(back.page, "the page with the button")
    back.page.reload()
    back.page.get_by_role("button", name="Continue the conversation").click()
    back.hears("Your parcel is in Kiel.")
    expect(back.said.last).to_have_text("where is my order")
    assert back.conversation_id == conversation
    for look in axe.looks(back.page):
        assert axe.violations(back.page, look=look) == [], f"the open page at {look}"
        assert axe.violations(back.page, WIDGET, look) == [], f"the open chat at {look}"
        assert axe.overflow(back.page) == [], f"the open page at {look}"
    back.say("Thank you, I am back.")
    expect(transcript).to_contain_text("Thank you, I am back.")
    expect(transcript).to_contain_text("they came back by its link")
    member.get_by_label("Your answer").fill("Welcome back.")
    member.get_by_role("button", name="Send").click()
    back.hears("Welcome back.")

    # The same browser may load it again; another may not open it any more.
    back.goto(link)
    back.hears("Welcome back.")
    thief = visit(link)
    expect(thief.page.get_by_role("heading", level=1)).to_have_text("This link was used already")
    is_fit(thief.page, "a link that was used")
    thief.goto(f"{link}/stop")
    is_fit(thief.page, "the page that stops mails")
    thief.page.get_by_role("button", name="Stop these mails").click()
    expect(thief.page.locator("main")).to_contain_text("You get no more mails")
    thief.goto(f"{product.base_url}/continue/cut-short")
    is_fit(thief.page, "a link that is not whole")
