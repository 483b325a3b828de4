"""The inbox's list in a real browser: hostile names and texts, found words, the keyboard, and being called."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
import uuid
from typing import Any

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.deployments.test_safe_text import ATTACKS
from tests.driver import wait_for
from tests.e2e.conftest import Product, Visit
from tests.e2e.test_accessible import is_fit
from tests.e2e.test_inbox import live_page

# What a page would do if a text of it became active: it is told of by the browser itself.
WATCH = """
window.broken = [];
addEventListener("securitypolicyviolation", (event) => broken.push(`${event.violatedDirective} ${event.blockedURI}`));
addEventListener("error", (event) => broken.push(String(event.message ?? event.target?.outerHTML)), true);
"""
ACTIVE = """
[...document.querySelectorAll("*")].flatMap((element) => [
    ...[...element.attributes].filter((it) => it.name.startsWith("on")).map((it) => `${element.tagName} ${it.name}`),
    ...(element.matches("main :is(script, iframe, object, embed, base, style, link, math, img)") ? [element.id] : []),
    ...(/^\\s*(javascript|vbscript|data):/i.test(element.getAttribute("href") ?? "") ? [element.outerHTML] : []),
])
"""


def come(demo: dict[str, Any], *, name: str, title: str, text: str) -> str | None:
    """A visitor with this name on a page of this title, who says this; None where it is refused."""
    base = f"{demo['base_url']}/v1/public/runtime"

    def post(path: str, token: str, body: Any) -> dict[str, Any]:
        request = urllib.request.Request(
            base + path,
            data=json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {token}",
                "Content-Type": "application/json",
                "Origin": demo["allowed_origins"][0],
                "Prefer": "wait=0",
            },
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    session = {
        "agent_id": demo["assistant_id"],
        "channel": "web",
        "user": {"name": name},
        "page": {"url": "https://shop.example/", "title": title, "referrer": ""},
    }
    try:
        opened = post("/sessions", demo["deployment_token"], session)
        said = {"client_id": uuid.uuid4().hex, "text": text}
        post(f"/sessions/{opened['session']['id']}/messages", opened["session_token"], said)
    except urllib.error.HTTPError as error:
        if error.code != 422:
            raise
        return None
    return str(opened["session"]["conversation_id"])


def test_nothing_that_a_stranger_writes_becomes_active_on_the_list(
    product: Product, demo: dict[str, Any], member: Page
) -> None:
    word = f"kettle{uuid.uuid4().hex[:8]}"
    made = [
        come(
            demo, name=attack[:90], title=" ".join(ATTACKS[number : number + 3])[:290], text=f"{attack} {word} {attack}"
        )
        for number, attack in enumerate(ATTACKS)
    ]
    ids = [one for one in made if one]
    assert len(ids) > 80
    dialogs: list[str] = []

    def refuse(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    member.on("dialog", refuse)
    member.add_init_script(WATCH)

    def is_harmless() -> None:
        assert member.evaluate("broken") == [], member.url
        assert member.evaluate(ACTIVE) == [], member.url
        assert not dialogs, member.url

    # As last texts and names, page by page; then found, with the words marked in their sentence.
    for address in ("/app/conversations/", f"/app/conversations/?q={word}"):
        with live_page(member):
            member.goto(address)
        for _page in range(4):
            is_harmless()
            further = member.locator("a.push")
            if not further.count():
                break
            with live_page(member):
                further.click()
    assert member.locator("mark").count() > 0
    for conversation_id in ids[::3]:
        member.goto(f"/app/conversations/{conversation_id}/")
        is_harmless()
    # And as a tag, a view and a search.
    for attack in ATTACKS[:12]:
        member.goto(f"/app/conversations/{ids[0]}/")
        member.get_by_placeholder("Add a tag").fill(attack[:40])
        member.get_by_role("button", name="Add", exact=True).click()
        is_harmless()
        member.goto("/app/conversations/")
        member.get_by_placeholder("Search messages and people").fill(attack)
        member.get_by_role("button", name="Search").click()
        is_harmless()
        member.goto("/app/conversations/views/new?show=ended")
        member.get_by_label("Name").fill(attack[:60])
        member.get_by_role("button", name="Save").click()
        is_harmless()
    member.goto("/app/conversations/tags/")
    is_harmless()
    assert product.base_url in member.url


def test_a_found_word_leads_to_its_message(shop: str, visit: Visit, member: Page) -> None:
    secret = f"parcel{uuid.uuid4().hex[:8]}"
    visitor = visit(shop).chat()
    visitor.say(f"Where is {secret}, please?")
    expect(visitor.said.last).to_contain_text(secret)
    visitor.ask("when are you open", "Monday to Friday")
    member.goto("/app/conversations/")
    member.get_by_placeholder("Search messages and people").fill(secret[:-3])
    member.get_by_placeholder("Search messages and people").press("Enter")
    row = member.locator(".inbox-row")
    expect(row).to_have_count(1)
    expect(row.locator("mark")).to_have_text(secret)
    row.get_by_role("link").click()
    line = member.locator(".line", has_text=secret)
    expect(line).to_be_in_viewport()
    assert member.url.endswith(f"#{line.get_attribute('id')}")


def test_the_list_is_worked_by_keyboard_and_never_while_something_is_typed(
    demo: dict[str, Any], shop: str, visit: Visit, member: Page
) -> None:
    for number in range(2):
        come(demo, name=f"Keys {number}", title="", text="hello")
    with live_page(member):
        member.goto("/app/conversations/")
    links = member.locator("[data-inbox] .title-link")
    for key, at in (("j", 0), ("j", 1), ("k", 0), ("ArrowDown", 1), ("ArrowUp", 0)):
        member.keyboard.press(key)
        expect(links.nth(at)).to_be_focused()
    # What happens meanwhile takes the focus from nobody.
    with member.expect_response(lambda answer: "/conversations/rows" in answer.url):
        member.evaluate("htmx.trigger('#live', 'refresh')")
    expect(links.first).to_be_focused()

    member.keyboard.press("/")
    search = member.get_by_placeholder("Search messages and people")
    expect(search).to_be_focused()
    member.keyboard.type("jog?/")
    expect(search).to_have_value("jog?/")
    expect(member.get_by_role("dialog")).to_be_hidden()

    member.locator("h1").click()
    member.keyboard.press("?")
    dialog = member.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_be_visible()
    dialog.get_by_label("Use them in this browser").uncheck()
    member.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    member.keyboard.press("/")
    expect(search).not_to_be_focused()
    member.get_by_role("button", name="Shortcuts").click()
    dialog.get_by_label("Use them in this browser").check()
    dialog.get_by_role("button", name="Close").click()

    member.locator("h1").click()
    member.keyboard.press("g")
    member.keyboard.press("w")
    member.wait_for_url("**/app/conversations/?show=waiting")
    member.keyboard.press("g")
    member.keyboard.press("a")
    member.wait_for_url("**/app/conversations/")
    member.keyboard.press("j")
    member.keyboard.press("Enter")
    expect(member.get_by_role("log", name="Transcript")).to_be_visible()


# A desktop that takes notifications and shows them to the test; a window that nobody looks at.
DESKTOP = """
window.notes = [];
window.Notification = class extends EventTarget {
    static permission = "granted";
    static requestPermission = async () => "granted";
    constructor(title, options) { super(); notes.push(options.body); }
    close() {}
};
document.hasFocus = () => false;
"""


def test_of_many_tabs_one_calls_when_somebody_waits_or_writes(shop: str, visit: Visit, member: Page) -> None:
    context = member.context
    context.add_init_script(DESKTOP)
    with live_page(member):
        member.goto("/app/conversations/")
    button = member.get_by_role("button", name="Notifications")
    expect(button).to_have_attribute("aria-pressed", "false")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    other = context.new_page()
    with live_page(other):
        other.goto("/app/conversations/?show=ended")

    def notes() -> list[str]:
        return [*member.evaluate("notes"), *other.evaluate("notes")]

    visitor = visit(shop).chat()
    visitor.ask("where is my order", "tracking link")
    assert notes() == []
    visitor.chooses("Talk to a person")
    visitor.sees("We’ve let the team know")
    wait_for("somebody is called", notes)
    expect(other).to_have_title(re.compile(r"^\([1-9][0-9]*\) Conversations"))
    visitor.say("are you there")
    expect(visitor.said.last).to_have_text("are you there")
    with live_page(other):
        other.goto(f"/app/conversations/{visitor.conversation_id}/")
    other.get_by_role("button", name="Take over").click()
    expect(other.locator("#live-state")).to_contain_text("You have this conversation.")
    before = len(member.evaluate("notes"))
    visitor.say("hello again")
    wait_for("the member is called", lambda: len(member.evaluate("notes")) + len(other.evaluate("notes")) > before)
    assert member.evaluate("notes") + other.evaluate("notes") == [
        "Somebody waits for a person.",
        "A visitor has written to you.",
    ]


def test_what_opens_on_the_list_and_beside_a_conversation_is_fit(demo: dict[str, Any], member: Page) -> None:
    conversation_id = come(demo, name="Fit", title="", text="hello kettle")
    member.goto("/app/conversations/?q=kettle&sort=longest")
    member.locator("summary", has_text="Filter").click()
    is_fit(member, "the filters")
    member.set_viewport_size({"width": 1280, "height": 800})
    member.goto("/app/conversations/?show=mine")
    member.get_by_role("button", name="Shortcuts").click()
    expect(member.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    is_fit(member, "the shortcuts")
    member.set_viewport_size({"width": 1280, "height": 800})
    member.goto(f"/app/conversations/{conversation_id}/")
    member.get_by_placeholder("Add a tag").fill("x" * 41)
    member.get_by_role("button", name="Add", exact=True).click()
    expect(member.get_by_text("at most 40 characters")).to_be_visible()
    member.locator("summary", has_text="Put it away until later").click()
    is_fit(member, "tags and snoozing")


@pytest.mark.browser_context_args(viewport={"width": 390, "height": 844}, java_script_enabled=False)
def test_without_scripts_on_a_phone_it_is_filtered_tagged_and_put_away(demo: dict[str, Any], member: Page) -> None:
    name = f"Grace {uuid.uuid4().hex[:6]}"
    come(demo, name=name, title="", text="hello")
    member.goto("/app/conversations/")
    member.locator("summary", has_text="Filter").click()
    member.get_by_label("Channel").select_option("Web")
    member.get_by_placeholder("Search messages and people").fill(name)
    member.get_by_role("button", name="Apply").click()
    expect(member.locator(".inbox-row")).to_have_count(1)
    member.get_by_role("link", name=name).click()
    member.get_by_placeholder("Add a tag").fill("phone")
    member.get_by_role("button", name="Add", exact=True).click()
    expect(member.get_by_role("button", name="Take off phone")).to_be_visible()
    member.locator("summary", has_text="Put it away until later").click()
    member.get_by_role("button", name="In an hour").click()
    expect(member.get_by_text("Off the list, back")).to_be_visible()
    member.goto("/app/conversations/?show=snoozed")
    expect(member.get_by_role("link", name=name)).to_be_visible()
