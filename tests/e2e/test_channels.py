"""A connection's way through the pages: made, tested, failing, explained, mended, rotated, at a desk and on a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

import pytest
from playwright.sync_api import Page, Route, expect

from tests.channels import far_end
from tests.channels.far_end import FarEnd, Said
from tests.e2e.conftest import Product
from tests.e2e.programs import Program
from tests.e2e.test_accessible import is_fit
from tests.e2e.test_inbox import is_the_same_page, never_reloads

WIDTHS = [
    pytest.param(width, marks=pytest.mark.browser_context_args(viewport={"width": width, "height": height}))
    for width, height in ((1280, 800), (390, 844))
]


@pytest.fixture(scope="module")
def server(product: Product) -> Iterator[FarEnd]:
    """The customer's own server. One for all: the product keeps its lines to it open."""
    with far_end.running(product.far_port) as end:
        yield end


@pytest.fixture
def far(server: FarEnd) -> FarEnd:
    """It takes everything, and has seen nothing."""
    server.script(Said())
    server.seen.clear()
    return server


def make(member: Page, far: FarEnd, name: str) -> tuple[str, str]:
    """Through the form to the page that shows the secrets once: the inbound address, and the secret for it."""
    member.goto("/app/channels/")
    member.get_by_role("link", name="Custom webhook", exact=True).click()
    member.get_by_label("Name").fill(name)
    member.get_by_label("Assistant").select_option(label="Ada")
    member.get_by_label("Your endpoint").fill("bridge")
    member.get_by_role("button", name="Make the connection").click()
    expect(member.get_by_role("alert")).to_contain_text("Your endpoint: Only addresses that begin with https://")
    expect(member.get_by_label("Name")).to_have_value(name)
    member.get_by_label("Your endpoint").fill(far.url)
    member.get_by_role("button", name="Make the connection").click()
    expect(member.get_by_role("heading", name=f"{name} is made")).to_be_visible()
    address = member.locator("#inbound-url").text_content() or ""
    secret = member.locator("#inbound_secret").text_content() or ""
    assert secret.startswith("whsec_")
    return address, secret


@pytest.mark.parametrize("width", WIDTHS)
def test_a_connection_is_made_fails_explains_itself_and_is_mended(
    width: int, member: Page, far: FarEnd, program: Program
) -> None:
    name = f"Bridge at {width}"
    address, secret = make(member, far, name)

    # What is tried here leaves the secrets where they are.
    member.get_by_role("button", name="Test", exact=True).click()
    expect(member.get_by_text("took a signed test event and answered 200")).to_be_visible()
    member.get_by_role("button", name="Every type").click()
    expect(member.get_by_text("3 tests on the way.")).to_be_visible()
    expect(member.locator("#inbound_secret")).to_have_text(secret)
    member.get_by_role("link", name="Done").click()
    expect(member.get_by_role("heading", name=name)).to_be_visible()
    expect(member.get_by_text(secret)).to_have_count(0)

    far.wait(4)
    # The far end forgets its path: the list says so by itself, without a reload and without losing the focus.
    far.script(Said(404, body=b"<h1>No such path</h1>"))
    program.say(address, secret, "where is my order", f"room-{width}")
    member.goto("/app/channels/")
    member.get_by_role("link", name=name, exact=True).click()
    member.get_by_role("link", name="Deliveries").click()
    never_reloads(member)
    member.get_by_label("Search by address").fill("room")
    failed = member.locator("tbody tr").filter(has_text=f"room-{width}").filter(has_text="Failed")
    expect(failed).to_contain_text("404")
    assert is_the_same_page(member)
    expect(member.get_by_label("Search by address")).to_be_focused()
    expect(member.get_by_label("Search by address")).to_have_value("room")

    # From Channels two clicks lead to the whole story.
    member.goto("/app/channels/")
    member.get_by_role("link", name=f"1 not delivered over {name}").click()
    member.locator("tbody a.title-link").click()
    standing = member.locator("#standing")
    expect(standing).to_contain_text("Failed")
    expect(standing).to_contain_text("404")
    timeline = member.locator("#timeline")
    for step in ("Received", "Verified", "Answered by", "Queued", "Attempt 1", "Attempt 2"):
        expect(timeline).to_contain_text(step)
    expect(timeline.locator("pre").first).to_have_text("<h1>No such path</h1>")
    is_fit(member, "a failed delivery")

    # Mended over there, replayed here: the page follows by itself.
    far.script(Said(200))
    member.get_by_role("button", name="Replay").click()
    never_reloads(member)
    expect(standing).to_contain_text("Delivered")
    expect(timeline).to_contain_text("Attempt 3")
    expect(member.get_by_role("button", name="Replay")).to_have_count(0)
    assert is_the_same_page(member)
    assert far.seen[-1].json["data"]["conversation_key"] == f"room-{width}"


@pytest.mark.parametrize("width", WIDTHS)
def test_from_a_conversation_one_click_explains_and_one_repairs(
    width: int, member: Page, far: FarEnd, program: Program
) -> None:
    # Gone for good: what fails so is given up at once, and the connection is disabled.
    far.script(Said(410))
    made = program.connect(far.url, f"Gone at {width}")
    said = program.say(made["inbound_url"], made["inbound_secret"], "when are you open", "room-1")
    member.goto(f"/app/conversations/{said['conversation_id']}/")
    line = member.locator(".line").filter(has_text="Not delivered")
    expect(line).to_contain_text("410")
    is_fit(member, "a conversation with a message that did not arrive")
    far.script(Said(200))
    program.call("POST", f"/connections/{made['connection']['id']}/enable")
    line.get_by_role("link", name="See what happened, and send it again").click()
    member.get_by_role("button", name="Replay").click()
    expect(member.locator("#standing")).to_contain_text("Delivered")
    member.get_by_role("link", name=re.compile("Conversation with")).click()
    expect(member.locator(".line").filter(has_text="Monday to Friday")).to_be_visible()
    expect(member.locator(".line").filter(has_text="Not delivered")).to_have_count(0)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_secret_is_rotated_and_shown_once(width: int, member: Page, far: FarEnd, program: Program) -> None:
    made = program.connect(far.url, f"Rotated at {width}")
    settings = f"/app/channels/{made['connection']['id']}/settings"
    member.goto(settings)
    card = member.get_by_role("region", name="Inbound secret")
    card.locator("summary").click()
    is_fit(member, "the menu that rotates")
    card.get_by_label("The old secret").select_option("3600")
    card.get_by_role("button", name="Rotate and show").click()
    expect(member.get_by_role("heading", name="New inbound secret")).to_be_visible()
    new = member.locator("#secret").text_content() or ""
    is_fit(member, "a new secret")
    for secret in (made["inbound_secret"], new):
        assert program.say(made["inbound_url"], secret, "hello", "room-1")["conversation_id"]
    member.get_by_role("link", name="Done").click()
    rows = card.locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text(new[-4:])
    expect(rows.first).to_contain_text("never")
    expect(rows.last).to_contain_text("in ")
    member.go_back()
    expect(member.locator("#secret")).to_have_count(0)
    member.goto(settings)
    expect(member.get_by_text(new)).to_have_count(0)


def _answers(status: int, route: Route) -> None:
    route.fulfill(status=status, body="")


@pytest.mark.parametrize("width", WIDTHS)
def test_a_button_whose_request_comes_to_nothing_says_so(width: int, member: Page, far: FarEnd) -> None:
    make(member, far, f"Silent at {width}")
    member.get_by_role("link", name="Done").click()
    test = member.get_by_role("button", name="Test", exact=True)
    said = member.locator(".notice.failed")
    for status, words in ((404, "That is not there any more."), (503, "The server could not do that.")):
        member.route("**/test", partial(_answers, status))
        test.click()
        expect(said).to_contain_text(words)
        member.unroute("**/test")
    member.route("**/test", lambda route: route.abort())
    test.click()
    expect(said).to_contain_text("Convoship could not be reached")
    is_fit(member, "the words of a request that came to nothing")
    member.unroute("**/test")
    # The next one that works takes them away.
    test.click()
    expect(member.get_by_text("took a signed test event and answered 200")).to_be_visible()
    expect(said).to_have_count(0)
