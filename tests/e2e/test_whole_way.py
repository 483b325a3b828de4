"""The long way: an account, a workspace, an assistant with words of one's own, a deployment, a stranger's page."""

from __future__ import annotations

import re
import uuid

from playwright.sync_api import Page, expect

from tests.e2e.conftest import Product, Visit

EMAIL, PASSWORD = f"mara-{uuid.uuid4().hex[:8]}@harbour.example", "a-kettle-on-driftwood"
WELCOME = "Ahoy! I know **tides** and [timetables](https://harbour.example/times)."
ANSWER = "High tide is at **six** and at _eighteen_.\n\n- quay one\n- quay two\n\n<b>not a tag</b>"
FALLBACK = "The fog is thick today: could you say that again?"


def sign_up(page: Page) -> None:
    page.goto("/sign-up/")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_role("heading", name="Name your workspace")).to_be_visible()


def confirm_address(page: Page) -> None:
    """The mail is in the local mailbox, and its link confirms."""
    page.goto("/mailbox/")
    page.locator(".inbox-row", has_text=EMAIL).first.get_by_role("link").click()
    expect(page.get_by_text(EMAIL).first).to_be_visible()
    page.locator("a[href*='/account/verify/']").click()
    page.get_by_role("button", name="Yes, it is mine").click()


def make_workspace(page: Page) -> None:
    page.goto("/")
    page.get_by_role("textbox", name="Name").fill("Harbour")
    page.get_by_role("button", name="Make the workspace").click()
    expect(page.get_by_role("heading", name="to the first answer")).to_be_visible()


def make_assistant(page: Page) -> None:
    page.goto("/app/assistants/")
    page.get_by_role("link", name="New assistant").first.click()
    page.get_by_role("textbox", name="Name").fill("Kai")
    page.get_by_text("Help desk", exact=False).first.click()
    page.get_by_role("button", name="Make the assistant").click()
    expect(page.get_by_role("heading", name="Kai", level=1)).to_be_visible()


def edit_and_publish(page: Page) -> None:
    """Other words for the welcome and the fallback, one intent more, one button more."""
    welcome = page.get_by_role("region", name="Welcome")
    welcome.get_by_label("Welcome", exact=True).fill(WELCOME)
    fallback = page.get_by_role("region", name="When it doesn't understand")
    fallback.get_by_label("When it doesn't understand", exact=True).fill(FALLBACK)
    page.get_by_role("button", name="Add an intent").click()
    intent = page.locator("details.intent").last
    intent.get_by_label("Name", exact=True).fill("Tides")
    intent.get_by_label("What visitors say").fill("when is high tide\ntide times\nhow high is the water")
    if not intent.get_by_label("Answer").count():
        intent.get_by_role("button", name="Add another answer").click()
    intent.get_by_label("Answer").last.fill(ANSWER)
    welcome.get_by_role("button", name="Add a button").click()
    choice = welcome.locator(".choice").last
    choice.get_by_label("Label").fill("Tide times")
    choice.get_by_label("Leads to").select_option(label="Tides")
    page.get_by_role("button", name="Publish").click()
    expect(page.locator("[data-state]")).to_contain_text("Visitors meet this")


def deploy(page: Page, origin: str) -> tuple[str, str]:
    """A deployment for the origin; answers its token and the plain snippet."""
    page.get_by_role("link", name="Deploy", exact=True).click()
    expect(page.get_by_role("heading", name="Web widget")).to_be_visible()
    form = page.locator("details#new")
    if form.get_attribute("open") is None:
        page.get_by_text("New deployment").click()
    form.get_by_label("Name").fill("Harbour's site")
    form.get_by_label("Allowed origin 1").fill(origin)
    form.get_by_role("button", name="Make the deployment").click()
    expect(page.get_by_role("heading", name="Harbour's site is ready")).to_be_visible()
    token = page.locator("pre#token").inner_text()
    assert re.fullmatch(r"cdp_[0-9A-Za-z]{38}", token)
    assert token in page.locator("pre#snippet").inner_text()
    page.get_by_text("Other forms").click()
    page.get_by_role("tab", name="Plain HTML").click()
    return token, page.locator("pre#snippet-plain").inner_text()


def test_a_new_customer_goes_from_sign_up_to_a_chat_on_their_own_page(
    product: Product, newcomer: Page, visit: Visit
) -> None:
    page = newcomer
    sign_up(page)
    confirm_address(page)
    make_workspace(page)
    make_assistant(page)
    edit_and_publish(page)
    token, snippet = deploy(page, product.stranger_url)
    assert "async" not in snippet
    assert "ConvoshipQueue ||" not in snippet

    # The token was shown this once: neither going back to it nor the Deploy page shows it again.
    page.get_by_role("link", name="Done").click()
    expect(page.get_by_role("heading", name="Harbour's site")).to_be_visible()
    assert token not in page.content()
    assert f"{token[:12]}_PASTE_YOUR_TOKEN" in page.content()
    expect(page.get_by_role("article", name="Harbour's site")).to_contain_text("never")

    # The owner of the other site pastes it, as it is.
    visitor = visit(product.stranger_url)
    visitor.page.get_by_label("Embed snippet").fill(snippet)
    visitor.page.get_by_role("button", name="Run it on a page").click()
    expect(visitor.launcher).to_be_visible()
    assert snippet in visitor.page.content()

    visitor.open()
    expect(visitor.panel.get_by_role("heading", name="Kai")).to_be_visible()
    visitor.hears("Ahoy! I know tides and timetables.")
    link = visitor.heard.get_by_role("link", name="timetables")
    expect(link).to_have_attribute("href", "https://harbour.example/times")
    expect(link).to_have_attribute("rel", re.compile("noopener"))
    expect(visitor.heard.locator("strong")).to_have_text("tides")

    visitor.tap("Tide times")
    visitor.hears("High tide is at six and at eighteen")
    answer = visitor.heard.last
    expect(answer.locator("strong")).to_have_text("six")
    expect(answer.locator("li")).to_have_text(["quay one", "quay two"])
    expect(answer.locator("b")).to_have_count(0)
    expect(answer).to_contain_text("<b>not a tag</b>")
    expect(visitor.said).to_have_text(["Tide times"])

    # A typing slip is understood; what isn't gets the customer's own fallback.
    visitor.ask("wehn is hihg tide?", "High tide")
    visitor.ask("xylophone quantum", "The fog is thick today")
    assert not visitor.our_errors

    page.reload()
    expect(page.get_by_role("article", name="Harbour's site")).to_contain_text(product.stranger_url)
    expect(page.get_by_role("article", name="Harbour's site")).not_to_contain_text("never")


def test_a_snippet_without_its_token_is_named_as_that(product: Product, demo: dict[str, str], visit: Visit) -> None:
    prefix = demo["deployment_token"][:12]
    snippet = (
        f'<script src="{product.base_url}/embed/v1.js"></script>\n'
        f"<script>ConvoshipQueue.push(['init', {{agentId: '{demo['assistant_id']}', "
        f"token: '{prefix}_PASTE_YOUR_TOKEN', channel: 'web', apiUrl: '{product.base_url}'}}]);</script>"
    )
    asked: list[str] = []
    visitor = visit()
    visitor.page.on("request", lambda request: asked.append(request.url))
    visitor.goto(product.page_with(snippet))
    visitor.open()
    visitor.sees("Code: token_placeholder")
    assert any("token_placeholder" in line and "Paste your token" in line for line in visitor.our_errors)
    assert not [url for url in asked if "/v1/public/" in url]
