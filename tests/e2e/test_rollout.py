"""A staged rollout in browsers: two visitors meet its two variants, and nobody is changed while they talk."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e.conftest import Product, Visit
from tests.e2e.programs import Program
from tests.e2e.visitor import Visitor

BLUE, GREEN = "#2f54d6", "#0a6640"
NEW = "Ahoy! What is it?"


def colour(visitor: Visitor) -> str:
    """The launcher's colour at its first paint: it is drawn once, when the theme is known."""
    expect(visitor.launcher).to_be_visible()
    box = "host => host.shadowRoot.querySelector('div').style.getPropertyValue('--launch')"
    return str(visitor.host.evaluate(box))


def test_two_visitors_meet_two_variants_and_keep_them_while_they_talk(
    product: Product, program: Program, visit: Visit, member: Page
) -> None:
    assistant = f"/assistants/{program.demo['assistant_id']}"
    made = program.deploy(product.stranger_url, theme={"primaryColor": BLUE})
    script = program.call("GET", assistant)["scripted"]
    path = f"/app/deployments/{made['deployment']['id']}/rollout"
    changed = {**script, "welcome": {**script["welcome"], "text": NEW}}
    program.call("PATCH", assistant, {"scripted": changed})
    try:
        member.goto(path)
        member.get_by_label("What those visitors talk with").select_option("draft")
        member.get_by_label("The theme to try").fill(json.dumps({"primaryColor": GREEN}))
        member.get_by_label("Share of the visitors, in percent").fill("50")
        member.get_by_role("button", name="Start the rollout").click()
        expect(member.get_by_role("heading", name="A rollout is running")).to_be_visible()
    finally:
        program.call("PATCH", assistant, {"scripted": script})

    page = product.page_with(made["embed_snippet"])
    met: dict[str, Visitor] = {}
    # Each browser is given its id at its first page load, by lot.
    for _ in range(24):
        visitor = visit(page)
        met.setdefault(colour(visitor), visitor)
        if len(met) == 2:
            break
    a, b = met[BLUE], met[GREEN]
    for visitor, shown in ((a, BLUE), (b, GREEN)):
        visitor.page.reload()
        assert colour(visitor) == shown
    a.chat()
    b.open().hears(NEW)
    b.ask("how do I return something", "How to return an item")

    member.reload()
    member.get_by_role("button", name="Take it back").click()
    expect(member.get_by_role("heading", name="Earlier rollouts")).to_be_visible()
    # The chat that runs goes on as it began, after a reload too; who is new meets what stands.
    b.page.reload()
    b.open().hears(NEW)
    b.ask("how much is shipping", "Express")
    fresh = visit(page)
    assert colour(fresh) == BLUE
    fresh.chat()
    kept: dict[str, Any] = program.call("GET", f"/deployments/{made['deployment']['id']}/rollouts")["results"][0]
    assert (kept["outcome"], kept["a"]["visitors"], kept["b"]["visitors"]) == ("undone", 1, 1)
