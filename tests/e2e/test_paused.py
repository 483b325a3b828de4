"""A paused deployment: its visitors read that it is, lose nothing, and go on where they were once it is resumed."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.e2e.conftest import Product, Visit
from tests.e2e.programs import Program

ACT = """
from convoship.lib.actors import SYSTEM
from convoship.lib.tenancy import tenant
from deployments import admission, deploying
from deployments.models import Deployment
key = admission.key_of("{token}")
with tenant(key.workspace_id):
    deploying.{act}(SYSTEM, Deployment.objects.get(id=key.deployment_id))
"""

SESSIONS = re.compile("/runtime/sessions$")
CONFIG = re.compile("/runtime/config[?]")


def act(product: Product, name: str, token: str) -> None:
    product.manage("shell", "-c", ACT.format(token=token, act=name))


def test_a_pause_is_told_in_an_open_chat_and_the_chat_goes_on_where_it_was(
    product: Product, program: Program, visit: Visit
) -> None:
    made = program.deploy(product.stranger_url)
    visitor = visit(product.page_with(made["embed_snippet"])).chat()
    visitor.ask("where is my order", "tracking link")
    visitor.is_connected()
    act(product, "pause", made["token"])
    visitor.sees("The chat is paused")
    visitor.sees("Nobody can answer here at the moment.")
    visitor.sees("Code: 503 unavailable")
    expect(visitor.field).to_have_count(0)
    assert any("Resume" in line for line in visitor.our_errors)

    # Who comes back to the window doesn't wait, and reads in between nothing but what it was.
    act(product, "resume", made["token"])
    visitor.js("dispatchEvent(new Event('focus'))")
    visitor.hears("tracking link")
    visitor.ask("do you ship to norway", "")
    expect(visitor.said).to_have_text([re.compile("where is my order"), re.compile("do you ship to norway")])


def test_a_page_that_loads_while_it_is_paused_says_so_and_goes_on_by_itself_soon_after(
    product: Product, program: Program, visit: Visit
) -> None:
    made = program.deploy(product.stranger_url, theme={"primaryColor": "#8a1538"})
    act(product, "pause", made["token"])
    visitor = visit(product.page_with(made["embed_snippet"])).open()
    visitor.sees("The chat is paused")
    # From here on the page's clock is the test's.
    visitor.page.clock.install()
    # Looks count as no new conversation, so that a pause uses up nobody's limit.
    begun: list[str] = []
    visitor.page.on("request", lambda request: begun.append(request.url) if SESSIONS.search(request.url) else None)
    with visitor.page.expect_response(CONFIG):
        visitor.tap("Try again")
    for _ in range(2):
        visitor.sees("The chat is paused")
        told = len(visitor.our_errors)
        with visitor.page.expect_response(CONFIG) as again:
            visitor.page.clock.fast_forward(31_000)
        assert again.value.status == 503
    # Nor does one that gets no answer end them.
    visitor.page.route(CONFIG, lambda route: route.abort())
    with visitor.page.expect_event("requestfailed"):
        visitor.page.clock.fast_forward(31_000)
    visitor.sees("The chat is paused")
    visitor.page.unroute(CONFIG)
    assert begun == []
    act(product, "resume", made["token"])
    visitor.page.clock.fast_forward(31_000)
    visitor.hears("What can I do for you?")
    expect(visitor.panel.locator(".head")).to_have_css("background-color", "rgb(138, 21, 56)")
    # The site's owner was told of what was asked for, not of each look.
    assert len(visitor.our_errors) == told


def test_a_closed_chat_asks_seldom_whether_a_pause_is_over(product: Product, program: Program, visit: Visit) -> None:
    made = program.deploy(product.stranger_url)
    visitor = visit(product.page_with(made["embed_snippet"])).chat()
    visitor.is_connected()
    act(product, "pause", made["token"])
    visitor.sees("The chat is paused")
    visitor.page.clock.install()
    with visitor.page.expect_response(CONFIG):
        visitor.tap("Try again")
    visitor.sees("The chat is paused")
    visitor.launcher.click()
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url))
    # The look that was due already is the last one of its kind.
    with visitor.page.expect_response(CONFIG):
        visitor.page.clock.fast_forward(31_000)
    asked.clear()
    visitor.page.clock.fast_forward(250_000)
    visitor.js("dispatchEvent(new Event('focus'))")
    assert asked == []
    act(product, "resume", made["token"])
    visitor.page.clock.fast_forward(600_000)
    visitor.is_connected()
