"""Two members and a visitor in one conversation: notes, canned replies, who else is here, what was read, and strangers'
words that stay words."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, Route, expect

from tests.driver import wait_for
from tests.e2e import axe
from tests.e2e.conftest import Agent, Product, Visit
from tests.e2e.test_inbox import live_page
from tests.e2e.visitor import Visitor


def open_talk(page: Page, visitor: Visitor) -> None:
    with live_page(page):
        page.goto(f"/app/conversations/{visitor.conversation_id}/")


def transcript(page: Page) -> Any:
    return page.get_by_role("log", name="Transcript")


def offered(page: Page) -> Any:
    return page.get_by_role("listbox", name="Canned replies").get_by_role("option")


def while_writing(page: Page, what: str, is_seen: Callable[[], Any]) -> None:
    """Write on until it is seen: the signs go by themselves after seconds, and a busy machine may look later."""

    def writes() -> Any:
        page.get_by_label("Your answer").press("o")
        return is_seen()

    wait_for(what, writes)


# What a page that hears these one after the other says of who is here, each time.
_HEARS = """(heard) => heard.map((doing) => {
  const user = { id: "an-id", name: "Lou Ash", initials: "LA" };
  document.dispatchEvent(new CustomEvent("live:heard", { detail: { type: "viewing", user, doing } }));
  return document.querySelector("[data-present]").textContent.trim();
})"""


def test_who_writes_is_said_to_write_although_their_page_says_that_it_is_looked_at(
    office: dict[str, Any], visit: Visit, agent: Agent
) -> None:
    visitor = visit(office["demo_page"]).chat()
    kim = agent("Kim")
    open_talk(kim, visitor)
    assert kim.evaluate(_HEARS, ["viewing", "reply", "viewing", "note", "viewing", "quiet", "viewing", "gone"]) == [
        "LA Lou Ash is looking at this",
        "LA Lou Ash is writing a reply",
        "LA Lou Ash is writing a reply",
        "LA Lou Ash is writing a note",
        "LA Lou Ash is writing a note",
        "LA Lou Ash is looking at this",
        "LA Lou Ash is looking at this",
        "",
    ]


def test_two_members_see_each_other_cross_and_note(
    product: Product, office: dict[str, Any], visit: Visit, agent: Agent
) -> None:
    visitor = visit(office["demo_page"]).chat()
    visitor.ask("where is my order", "tracking link")
    dana, kim = agent("Dana Reyes"), agent("Kim")
    open_talk(dana, visitor)
    open_talk(kim, visitor)

    # Each sees the other at once, and what they do.
    here = kim.get_by_role("status", name="Who else is here")
    expect(here).to_contain_text("Dana Reyes is looking at this")
    expect(dana.get_by_role("status", name="Who else is here")).to_contain_text("Kim is looking at this")
    assert axe.violations(kim) == []
    kim.get_by_label("Your answer").press_sequentially("One mo")
    crossing = kim.locator("[data-crossing]")
    while_writing(dana, "Kim sees it", lambda: "Dana Reyes is writing a reply" in here.inner_text())
    while_writing(dana, "Kim is warned", lambda: crossing.inner_text() == "Dana Reyes is answering too.")
    while_writing(dana, "the visitor sees it", visitor.panel.get_by_text("Dana Reyes is typing").count)

    # A crossing answer is asked about once, and nothing typed is lost.
    dana.get_by_label("Your answer").fill("Your parcel is in Kiel.")
    dana.get_by_role("button", name="Send").click()
    visitor.hears("Your parcel is in Kiel.")
    expect(transcript(kim)).to_contain_text("Your parcel is in Kiel.")
    kim.get_by_label("Your answer").fill("One moment, I look it up.")
    kim.get_by_label("Your answer").press("Control+Enter")
    expect(kim.locator("[data-reply-asked]")).to_contain_text("Dana Reyes answered meanwhile. Send anyway?")
    expect(kim.get_by_label("Your answer")).to_have_value("One moment, I look it up.")
    kim.get_by_role("button", name="Send anyway").click()
    visitor.hears("One moment, I look it up.")
    expect(kim.locator("[data-reply-asked]")).to_be_hidden()
    expect(kim.get_by_label("Your answer")).to_have_value("")

    # A note, by key, to a colleague whose name is picked; the visitor sees nothing of it.
    kim.get_by_role("heading", level=1).click()
    kim.keyboard.press("n")
    note = kim.get_by_label("Your note")
    expect(note).to_be_focused()
    note.press_sequentially("Please look, @da")
    expect(kim.get_by_role("listbox", name="Members").get_by_role("option", name="Dana Reyes")).to_be_visible()
    note.press("Enter")
    note.press_sequentially("before noon, @Olga")
    note.press("Control+Enter")
    expect(transcript(dana)).to_contain_text("Please look, @Dana Reyes before noon")
    expect(transcript(dana)).to_contain_text("note, not shown to the visitor")
    expect(kim.locator("[data-said]")).to_contain_text("@Olga: nobody by that name, or several")
    expect(visitor.panel).not_to_contain_text("before noon")
    visitor.page.reload()
    visitor.open()
    visitor.hears("One moment, I look it up.")
    expect(visitor.panel).not_to_contain_text("before noon")
    mail = dana.locator(".inbox-row", has_text="Kim mentioned you").filter(has_text=office["agents"]["Dana Reyes"][0])
    dana.goto("/mailbox/")
    wait_for("the mail", lambda: dana.reload() and mail.count())
    expect(transcript(kim)).to_contain_text("Dana Reyes: mailed")
    dana.goto("/app/conversations/mentions/")
    dana.get_by_role("link", name="Kim in the conversation with").click()
    expect(dana.locator(".line.note:target")).to_contain_text("before noon")

    # Who leaves is gone.
    dana.goto("/app/conversations/")
    expect(here).to_be_hidden()


def test_what_was_being_sent_as_the_page_was_left_is_sent_once_and_a_draft_keeps_what_was_seen(
    office: dict[str, Any], visit: Visit, agent: Agent
) -> None:
    visitor = visit(office["demo_page"]).chat()
    dana, kim = agent("Dana Reyes"), agent("Kim")
    open_talk(dana, visitor)
    answer = dana.get_by_label("Your answer")
    held: list[Route] = []

    def leaves_while_sending(said: str, *, arrives: bool) -> None:
        """The answer to it never reaches the page; what was sent does the server, or is still on its way."""

        def holds(route: Route) -> None:
            held.append(route)
            if arrives:
                route.fetch()

        def is_under_way() -> bool:
            dana.wait_for_timeout(20)  # lets Playwright tell what the page did
            return bool(held)

        dana.route("**/reply", holds)
        answer.fill(said)
        answer.press("Control+Enter")
        if arrives:
            visitor.hears(said)
        wait_for("it is under way", is_under_way)
        dana.goto("/app/conversations/")
        dana.unroute("**/reply")
        open_talk(dana, visitor)

    leaves_while_sending("Your parcel is in Kiel.", arrives=True)
    expect(transcript(dana)).to_contain_text("Your parcel is in Kiel.")
    expect(answer).to_have_value("")

    # What comes through late is written no more; until then the same again would be the same message.
    held.clear()
    leaves_while_sending("It comes on Monday.", arrives=False)
    expect(answer).to_have_value("It comes on Monday.")
    late = held[0].request
    posted = dana.request.post(
        late.url, data=late.post_data_buffer, headers={**late.headers, "referer": dana.url}, max_redirects=0
    )
    assert posted.ok
    visitor.hears("It comes on Monday.")
    expect(answer).to_have_value("")

    held.clear()
    leaves_while_sending("By noon, I think.", arrives=False)
    answer.press("Control+Enter")
    expect(answer).to_have_value("")
    late = held[0].request
    dana.request.post(late.url, data=late.post_data_buffer, headers={**late.headers, "referer": dana.url})
    dana.reload()
    for said in ("Your parcel is in Kiel.", "It comes on Monday.", "By noon, I think."):
        expect(transcript(dana).locator(".line.agent", has_text=said)).to_have_count(1)

    # A draft that comes back was written before what others said since.
    answer.fill("Anything else?")
    dana.goto("/app/conversations/")
    open_talk(kim, visitor)
    kim.get_by_label("Your answer").fill("I have looked it up.")
    kim.get_by_label("Your answer").press("Control+Enter")
    visitor.hears("I have looked it up.")
    open_talk(dana, visitor)
    expect(answer).to_have_value("Anything else?")
    answer.press("Control+Enter")
    expect(dana.locator("[data-reply-asked]")).to_contain_text("Kim answered meanwhile. Send anyway?")

    # And it is nobody's who comes to this browser later.
    dana.locator(".sidebar details.menu summary").click()
    dana.locator(".sidebar").get_by_role("button", name="Sign out").click()
    expect(dana.get_by_role("button", name="Sign in")).to_be_visible()
    assert dana.evaluate("Object.keys(sessionStorage).filter((key) => key.startsWith('convoship:draft:'))") == []


def test_a_canned_reply_comes_by_slash_filled_in(office: dict[str, Any], visit: Visit, agent: Agent) -> None:
    visitor = visit(office["demo_page"]).chat()
    dana = agent("Dana Reyes")
    shortcut = f"s{uuid.uuid4().hex[:6]}"
    dana.goto("/app/conversations/replies/new")
    dana.get_by_label("Shortcut").fill(shortcut)
    dana.get_by_label("Title").fill("Greeting")
    dana.get_by_label("Text").fill("Hello {{visitor.name}}, {{agent.name}} of {{assistant.name}} here.")
    dana.get_by_role("button", name="Keep the reply").click()
    expect(dana.get_by_text(f"/{shortcut} is kept.")).to_be_visible()
    open_talk(dana, visitor)
    answer = dana.get_by_label("Your answer")
    answer.press_sequentially(f"/{shortcut[:4]}")
    expect(offered(dana).first).to_be_visible()
    answer.press("Tab")
    expect(answer).to_have_value("Hello [visitor.name?], Dana Reyes of Ada here.")
    expect(dana.locator("[data-missing]")).to_contain_text("Not known here: visitor.name.")
    # What is to be replaced is said for as long as it is there.
    dana.get_by_label("Note", exact=True).check()
    expect(dana.locator("[data-missing]")).to_be_hidden()
    dana.get_by_label("Reply", exact=True).check()
    expect(dana.locator("[data-missing]")).to_be_visible()
    answer.fill("")
    expect(dana.locator("[data-missing]")).to_be_hidden()
    dana.get_by_label("Canned reply").select_option(shortcut)
    dana.get_by_role("button", name="Insert").click()
    expect(answer).to_have_value("Hello [visitor.name?], Dana Reyes of Ada here.")
    answer.fill("Hello, Dana here.")
    dana.get_by_role("button", name="Send").click()
    visitor.hears("Hello, Dana here.")


def test_what_was_read_is_told_both_ways(office: dict[str, Any], visit: Visit, agent: Agent) -> None:
    visitor = visit(office["demo_page"]).chat()
    dana = agent("Dana Reyes")
    open_talk(dana, visitor)
    dana.get_by_label("Your answer").fill("I'm here.")
    dana.get_by_role("button", name="Send").click()
    visitor.hears("I'm here.")
    read = transcript(dana).locator(".line", has_text="I'm here.").locator(".seen")
    expect(read).to_contain_text("Seen")
    visitor.say("thank you")
    expect(transcript(dana)).to_contain_text("thank you")
    expect(visitor.panel.get_by_text("Seen", exact=True)).to_be_visible()
    # A chat that is closed reads nothing.
    visitor.panel.get_by_role("button", name="Close chat").click()
    dana.get_by_label("Your answer").fill("Anything else?")
    dana.get_by_role("button", name="Send").click()
    last = transcript(dana).locator(".line", has_text="Anything else?")
    expect(last).to_be_visible()
    expect(last.locator(".seen")).to_have_count(0)
    visitor.open()
    expect(last.locator(".seen")).to_contain_text("Seen")
    expect(visitor.panel.get_by_text("Seen", exact=True)).to_have_count(0)


def test_where_the_visitor_goes_is_seen_live(
    product: Product, office: dict[str, Any], visit: Visit, agent: Agent
) -> None:
    visitor = visit(office["demo_page"]).chat()
    visitor.ask("where is my order", "tracking link")
    dana = agent("Dana Reyes")
    open_talk(dana, visitor)
    expect(dana.get_by_text("Now on")).to_be_hidden()
    visitor.goto(f"{office['demo_page']}?kettle=1")
    link = dana.locator("dd[data-page-now] a")
    expect(link).to_be_visible()
    assert str(link.get_attribute("href")).endswith("?kettle=1")


def test_the_keys_are_told_and_can_be_turned_off(office: dict[str, Any], visit: Visit, agent: Agent) -> None:
    visitor = visit(office["demo_page"]).chat()
    dana = agent("Dana Reyes")
    open_talk(dana, visitor)
    dana.get_by_role("heading", level=1).click()
    dana.keyboard.press("?")
    keys = dana.get_by_role("dialog", name="Keyboard shortcuts")
    for words in ("Write a note", "Write a reply", "Assign to me", "Resolve", "Back to the list"):
        expect(keys).to_contain_text(words)
    assert not axe.violations(dana)
    keys.get_by_label("Use them in this browser").uncheck()
    keys.get_by_role("button", name="Close").click()
    dana.keyboard.press("n")
    expect(dana.get_by_label("Your answer")).to_be_visible()
    dana.keyboard.press("?")
    keys.get_by_label("Use them in this browser").check()
    dana.keyboard.press("Escape")
    dana.keyboard.press("a")
    expect(dana.get_by_text("Assigned to you.").first).to_be_visible()
    dana.get_by_role("heading", level=1).click()
    # A letter that is written is a letter.
    dana.keyboard.press("r")
    dana.keyboard.type("ne?a")
    expect(dana.get_by_label("Your answer")).to_have_value("ne?a")
    dana.get_by_label("Your answer").fill("")
    dana.get_by_role("heading", level=1).click()
    # What can't be undone is asked about first, and what is safe has the focus.
    ask = dana.get_by_role("dialog", name="Resolve this conversation?")
    for safe in ("Enter", "Escape"):
        dana.keyboard.press("e")
        expect(ask.get_by_role("button", name="Keep it open")).to_be_focused()
        if safe == "Enter":
            assert not axe.violations(dana)
        dana.keyboard.press(safe)
        expect(ask).to_be_hidden()
    expect(dana.locator("#live")).to_have_attribute("data-active", "yes")
    dana.keyboard.press("e")
    dana.keyboard.press("Tab")
    dana.keyboard.press("Enter")
    expect(dana.locator("#live-state")).to_contain_text("Resolved by Dana Reyes")
    expect(dana.get_by_label("Your note")).to_be_visible()
    dana.get_by_role("heading", level=1).click()
    dana.keyboard.press("Escape")
    expect(dana.get_by_role("heading", level=1)).to_have_text("Conversations")


# R41's corpus: what strangers write and are called stays text wherever members read it.
CORPUS = (
    "<script>window.hit=1</script>",
    "<img src=x onerror=window.hit=1>",
    "<svg/onload=window.hit=1>",
    '"><script>window.hit=1</script>',
    "'-window.hit=1-'",
    "javascript:window.hit=1",
    "[a](javascript:window.hit=1)",
    '![a](x" onerror="window.hit=1)',
    '<a href="jav&#x09;ascript:window.hit=1">x</a>',
    "{{7*7}} ${window.hit=1} <%= 1 %>",
    "<iframe srcdoc='<script>parent.hit=1</script>'>",
    "</title></textarea></style><script>window.hit=1</script>",
    "<math><mtext><table><mglyph><style><img src=x onerror=window.hit=1>",
    "\u202egnp.exe<img src=x onerror=window.hit=1>",
)


def test_strangers_words_stay_words_on_every_page_of_the_talk(
    product: Product, office: dict[str, Any], visit: Visit, agent: Agent
) -> None:
    worst = "".join(CORPUS)
    visitor = visit(office["demo_page"])
    visitor.open()
    visitor.page.evaluate("document.title = " + repr("<img src=x onerror=window.hit=1>"))
    visitor.js(f"ConvoshipQueue.push(['identify', {{name: {worst[:90]!r}, email: 'zoe@a.example'}}])")
    visitor.hears("What can I do for you?")
    for said in CORPUS:
        visitor.say(said)
        expect(visitor.said.last).to_have_text(said)
    dana = agent("Dana Reyes")
    open_talk(dana, visitor)
    for kind, said in (("Note", worst), ("Reply", worst)):
        dana.get_by_label(kind, exact=True).check()
        dana.locator("#reply-text").fill(said)
        dana.locator("#reply-text").press("Control+Enter")
        expect(dana.locator("#reply-text")).to_have_value("")
    shortcut = f"x{uuid.uuid4().hex[:6]}"
    dana.goto("/app/conversations/replies/new")
    dana.get_by_label("Shortcut").fill(shortcut)
    dana.get_by_label("Title").fill("<img src=x onerror=window.hit=1>")
    dana.get_by_label("Text").fill("<img src=x onerror=window.hit=1> {{visitor.name}}")
    dana.get_by_role("button", name="Keep the reply").click()
    expect(dana.get_by_text(f"/{shortcut} is kept.")).to_be_visible()
    visitor.goto(f"{office['demo_page']}?<img src=x onerror=window.hit=1>")
    open_talk(dana, visitor)
    dana.get_by_label("Your answer").press_sequentially(f"/{shortcut}")
    expect(offered(dana).first).to_contain_text("<img src=x onerror=window.hit=1>")
    dana.get_by_label("Your answer").press("Enter")
    for page in (
        f"/app/conversations/{visitor.conversation_id}/",
        "/app/conversations/",
        "/app/conversations/replies/",
    ):
        dana.goto(page)
        dana.wait_for_load_state("networkidle")
        assert dana.evaluate("window.hit") is None
        assert not dana.locator("main img[src='x'], main script, main iframe, main a[href^='javascript']").count()
    assert visitor.js("window.hit") is None
    for form in ("json", "txt", "pdf"):
        with dana.expect_download() as download:
            dana.evaluate(f"location.href = '/app/conversations/{visitor.conversation_id}/export.{form}?notes=1'")
        assert download.value.suggested_filename.endswith(form)


def pressed(page: Page, name: str) -> None:
    """Press a button where it is; `click` would scroll first, and hide whether the page did."""
    box = page.get_by_role("button", name=name).bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def test_on_a_phone_the_talk_can_be_led_and_what_is_known_unfolds(
    office: dict[str, Any], visit: Visit, agent: Agent
) -> None:
    visitor = visit(office["demo_page"]).chat()
    visitor.ask("how do I return something", "How to return an item")
    dana = agent("Dana Reyes")
    dana.set_viewport_size({"width": 390, "height": 844})
    open_talk(dana, visitor)
    # Wherever the talk is scrolled to, what leads it stays in sight, and the composer takes one line of it.
    dana.mouse.wheel(0, -4000)
    for name in ("Take over", "Resolve", "Assign", "Send"):
        expect(dana.get_by_role("button", name=name, exact=True)).to_be_in_viewport(ratio=1)
    box = dana.locator("[data-composer]").bounding_box()
    assert box
    assert box["height"] < 90
    expect(dana.get_by_text("Origin")).to_be_hidden()
    # Going away in the middle of a sentence loses nothing of it, nor does a page that is loaded anew.
    answer = dana.get_by_label("Your answer")
    answer.fill("I am just")
    dana.evaluate("scrollBy(0, -60)")
    before = dana.evaluate("scrollY")
    pressed(dana, "go away")
    expect(dana.get_by_text("You are away: nobody is sent to you")).to_be_visible()
    expect(answer).to_have_value("I am just")
    pressed(dana, "come on duty")
    expect(dana.get_by_role("button", name="go away")).to_be_focused()
    assert dana.evaluate("scrollY") == before
    dana.reload()
    expect(answer).to_have_value("I am just")
    dana.get_by_label("Note", exact=True).check()
    dana.get_by_label("Your note").fill("from the tram")
    dana.get_by_role("button", name="Add note").click()
    expect(transcript(dana)).to_contain_text("from the tram")
    dana.get_by_role("heading", name="About").click()
    expect(dana.get_by_text("Origin")).to_be_visible()
    found = [
        f"{look}: {it}" for look in axe.looks(dana) for it in (*axe.violations(dana, look=look), *axe.overflow(dana))
    ]
    assert found == []
