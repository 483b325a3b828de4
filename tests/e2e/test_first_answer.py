"""From the link that `make run` prints to the first answer on somebody else's site."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, expect

from tests.e2e.conftest import Product
from tests.e2e.visitor import WELCOME, Visitor

MOST_CLICKS, MOST_SECONDS = 5, 120
# The browser counts, so that no click is forgotten.
COUNT = "addEventListener('click', (event) => event.isTrusted && countClick(), true)"


def test_five_clicks_and_two_minutes_lead_from_the_sign_in_link_to_an_answer_on_another_origin(
    product: Product, new_context: Callable[..., BrowserContext]
) -> None:
    clicks = 0

    def count() -> None:
        nonlocal clicks
        clicks += 1

    context = new_context()
    context.expose_function("countClick", count)
    context.add_init_script(COUNT)
    page = context.new_page()
    began = time.monotonic()

    page.goto(product.sign_in_url)
    expect(page.get_by_role("link", name="Overview")).to_be_visible()
    with context.expect_page() as opened:
        page.get_by_role("link", name="See it on another site").click()
    visitor = Visitor(opened.value)
    assert urlsplit(opened.value.url).netloc != urlsplit(product.base_url).netloc
    visitor.launcher.click()
    visitor.hears(WELCOME)
    visitor.tap("Where is my order?")
    visitor.hears("tracking link")

    took = time.monotonic() - began
    assert clicks == 3
    # Following the link out of the terminal is one too.
    assert clicks + 1 <= MOST_CLICKS
    assert took < MOST_SECONDS, f"{took:.0f} s"
    assert not visitor.uncaught

    # The link has worked once, and works no more.
    other = new_context().new_page()
    other.goto(product.sign_in_url)
    expect(other.get_by_role("heading", name="This sign-in link is over")).to_be_visible()
