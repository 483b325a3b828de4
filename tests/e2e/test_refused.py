"""Pages that may not have the chat, and deployments that are no more: what the visitor reads, and what the owner."""

from __future__ import annotations

import time
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Product, Visit
from tests.e2e.programs import Program

# What is allowed where the page is on http://127.0.0.1:PORT, and the reason that its owner reads.
REFUSALS = {
    "another host": ("http://localhost:{port}", "The host 127.0.0.1 is not among the allowed origins"),
    "another port": ("http://127.0.0.1:1234", "the page's port is {port}, allowed is 1234"),
    "http for https": ("https://127.0.0.1:{port}", "the page came by http, allowed is https"),
}
DEFAULT_COLOUR = "rgb(47, 84, 214)"


@pytest.mark.parametrize("what", REFUSALS)
def test_a_page_that_is_not_allowed_gets_words_and_its_owner_the_reason(
    what: str, product: Product, program: Program, visit: Visit
) -> None:
    port = product.stranger_url.rsplit(":", 1)[1]
    allowed, reason = (text.format(port=port) for text in REFUSALS[what])
    # Its theme is the deployment's own, which a page that is refused doesn't get to see.
    made = program.deploy(allowed, theme={"primaryColor": "#8a1538"})
    visitor = visit(product.page_with(made["embed_snippet"]))
    expect(visitor.launcher).to_have_css("background-color", DEFAULT_COLOUR)
    visitor.open()
    visitor.sees("Chat isn’t available here")
    visitor.sees("Please contact us another way")
    visitor.sees("Code: 403 origin_not_allowed")
    expect(visitor.field).to_have_count(0)
    said = "\n".join(visitor.our_errors)
    assert "403 origin_not_allowed" in said
    assert product.stranger_url in said
    assert reason in said
    assert ("Open the page as " + allowed in said) is (what != "another host")


def test_a_trailing_slash_is_refused_with_the_corrected_value(
    product: Product, demo: dict[str, Any], member: Page
) -> None:
    member.goto(f"/app/assistants/{demo['assistant_id']}/deploy")
    form = member.locator("details#new")
    if form.get_attribute("open") is None:
        member.get_by_text("New deployment").click()
    form.get_by_label("Name").fill("With a slash")
    form.get_by_label("Allowed origin 1").fill("https://www.example.com/")
    form.get_by_role("button", name="Make the deployment").click()
    expect(member.get_by_text("One of these can't be used as it is.")).to_be_visible()
    member.get_by_role("button", name="Use https://www.example.com").click()
    expect(member.get_by_label("Allowed origin 1")).to_have_value("https://www.example.com")
    member.get_by_role("button", name="Make the deployment").click()
    expect(member.get_by_role("heading", name="With a slash is ready")).to_be_visible()


def test_revoking_closes_an_open_chat_at_once_and_says_why(
    product: Product, program: Program, member: Page, visit: Visit
) -> None:
    made = program.deploy(product.stranger_url)
    visitor = visit(product.page_with(made["embed_snippet"])).chat()
    visitor.ask("where is my order", "tracking link")
    visitor.is_connected()
    closed: list[float] = []
    visitor.sockets[-1].on("close", lambda _socket: closed.append(time.monotonic()))

    member.goto(f"/app/deployments/{made['deployment']['id']}/")
    member.get_by_role("link", name="Revoke…").click()
    member.get_by_role("button", name="Revoke").click()
    expect(member.get_by_text("Revoked").first).to_be_visible()
    answered = time.monotonic()
    visitor.sees("Chat isn’t available")
    visitor.sees("Code: 401 token_revoked")
    expect(visitor.field).to_have_count(0)
    assert closed[0] - answered < 1
    assert any("401 token_revoked" in line for line in visitor.our_errors)

    visitor.page.reload()
    visitor.open()
    visitor.sees("Code: 401 token_revoked")


def test_taking_an_origin_away_closes_its_open_chats(product: Product, program: Program, visit: Visit) -> None:
    made = program.deploy(product.stranger_url)
    visitor = visit(product.page_with(made["embed_snippet"])).chat()
    visitor.is_connected()
    program.call(
        "PATCH", f"/deployments/{made['deployment']['id']}", {"allowed_origins": ["https://elsewhere.example"]}
    )
    visitor.sees("Code: 403 origin_not_allowed")
