"""A visitor's files: from a phone to the member's page, refused in words, and sent once the connection is back."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.driver import wait_for
from tests.e2e.axe import violations
from tests.e2e.conftest import Visit
from tests.e2e.programs import Program
from tests.e2e.visitor import Visitor

PDF = b"%PDF-1.7\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF\n"


def photo(width: int = 640, height: int = 480) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(out, "JPEG")
    return out.getvalue()


def named(name: str, content: bytes, kind: str = "application/octet-stream") -> Any:
    return {"name": name, "mimeType": kind, "buffer": content}


@pytest.fixture
def files_on(demo: dict[str, Any], program: Program) -> Any:
    """The demo's deployment takes images and documents."""
    path = f"/deployments/{demo['deployment_id']}"
    program.call("PATCH", path, {"files": {"on": True}})
    yield
    program.call("PATCH", path, {"files": {"on": False}})


def choose(visitor: Visitor, *files: Any) -> None:
    with visitor.page.expect_file_chooser() as opened:
        visitor.panel.get_by_role("button", name="Attach a file").click()
    opened.value.set_files(list(files))


def test_a_photo_goes_from_a_phone_to_the_members_page(
    files_on: None, shop: str, visit: Visit, member: Page, new_context: Callable[..., BrowserContext]
) -> None:
    visitor = visit(context=new_context(has_touch=True, is_mobile=True))
    visitor.page.set_viewport_size({"width": 390, "height": 844})
    visitor.goto(shop)
    visitor.chat()
    choose(visitor, named("holiday.jpg", photo(), "image/jpeg"))
    tray = visitor.panel.get_by_role("list", name="Files to send")
    expect(tray).to_contain_text("holiday.jpg")
    expect(tray).to_contain_text("Ready to send")
    visitor.panel.get_by_role("button", name="Send", exact=True).click()
    sent = visitor.panel.get_by_role("img", name="Photo holiday.jpg")
    expect(sent).to_be_visible()
    expect(tray).to_be_hidden()
    assert sent.evaluate("async (img) => { await img.decode(); return img.naturalWidth }") == 640
    visitor.hears("can't look into it myself")

    member.goto(f"/app/conversations/{visitor.conversation_id}/")
    shown = member.get_by_role("log", name="Transcript").get_by_role("img", name="holiday.jpg")
    expect(shown).to_be_visible()
    assert shown.evaluate("async (img) => { await img.decode(); return img.naturalWidth }") == 640
    assert not visitor.our_errors


def test_words_and_a_document_go_together_and_are_there_after_a_reload(
    files_on: None, shop: str, visit: Visit, member: Page
) -> None:
    visitor = visit(shop).chat()
    choose(visitor, named("invoice.pdf", PDF), named("note.txt", b"hello"))
    visitor.field.fill("Here they are")
    visitor.field.press("Enter")
    line = visitor.panel.locator(".row.mine").filter(has_text="Here they are")
    expect(line.get_by_role("link", name=re.compile("invoice.pdf"))).to_be_visible()
    expect(line.get_by_role("link", name=re.compile("note.txt"))).to_be_visible()
    visitor.page.reload()
    visitor.open()
    again = visitor.panel.get_by_role("link", name=re.compile("invoice.pdf"))
    expect(again).to_be_visible()
    got = visitor.page.request.get(str(again.get_attribute("href")))
    assert (got.status, got.body()) == (200, PDF)
    assert got.headers["content-disposition"].startswith("attachment")


def came(page: Page, routes: list[Route], number: int) -> None:
    """Wait until so many requests are held. Looking into the page is what lets Playwright hear of them."""
    wait_for(f"{number} requests", lambda: page.evaluate("true") and len(routes) == number)


# So that a page of another origin may read what a test answers.
CROSS = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After"}
# Files' contents; neither the script of that name nor the call that sends one up.
CONTENTS = re.compile(r"/files/[\w-]+\.[\w-]+")


def test_links_that_were_over_while_nobody_looked_are_renewed(files_on: None, shop: str, visit: Visit) -> None:
    visitor = visit(shop).chat()
    page = visitor.page
    page.route(CONTENTS, lambda route: route.abort())
    choose(visitor, named("holiday.jpg", photo(), "image/jpeg"), named("note.txt", b"hello"))
    expect(visitor.panel.get_by_role("list", name="Files to send")).to_contain_text("Ready to send")
    visitor.field.fill("Here")
    visitor.field.press("Enter")
    note = visitor.panel.get_by_role("link", name=re.compile("note.txt"))
    expect(note).to_have_attribute("href", CONTENTS)
    lost = visitor.panel.get_by_role("link", name=re.compile("holiday.jpg"))
    expect(lost).to_contain_text("holiday.jpg")
    page.unroute(CONTENTS)

    def newer(route: Route) -> None:
        """The same links with a mark: the server's own change every quarter of an hour."""
        body = route.fetch()
        text = re.sub(r'(/files/[\w.-]+)"', r'\1?newer"', body.text())
        route.fulfill(response=body, body=text)

    page.route(re.compile(r"/messages\?limit=200"), newer)
    visitor.js("void (Date.now = ((real) => () => real() + 50 * 60_000)(Date.now))")
    visitor.js("void window.dispatchEvent(new Event('focus'))")
    expect(note).to_have_attribute("href", re.compile(r"\?newer$"))
    expect(visitor.panel.get_by_role("img", name="Photo holiday.jpg")).to_be_visible()


def test_a_file_that_was_deleted_meanwhile_says_so_and_leads_nowhere(files_on: None, shop: str, visit: Visit) -> None:
    visitor = visit(shop).chat()
    choose(visitor, named("holiday.jpg", photo(), "image/jpeg"))
    visitor.field.press("Enter")
    expect(visitor.panel.get_by_role("img", name="Photo holiday.jpg")).to_be_visible()

    def gone(route: Route) -> None:
        body = route.fetch()
        route.fulfill(response=body, body=re.sub(r'"url": ?"[^"]*"', '"url":"","deleted":true', body.text()))

    visitor.page.route(re.compile(r"/messages\?limit=200"), gone)
    visitor.js("void (Date.now = ((real) => () => real() + 50 * 60_000)(Date.now))")
    visitor.js("void window.dispatchEvent(new Event('focus'))")
    file = visitor.panel.locator(".row.mine .file")
    expect(file).to_contain_text("Deleted")
    assert file.get_attribute("href") is None


def test_the_script_of_files_that_did_not_come_is_asked_for_again(files_on: None, shop: str, visit: Visit) -> None:
    visitor = visit()
    script = re.compile(r"/static/widget/files\.")
    is_back = False
    # (Taken away while a request waits for its answer, a route leaves that request without one.)
    visitor.page.route(script, lambda route: route.continue_() if is_back else route.abort())
    with visitor.page.expect_event("requestfailed", lambda request: bool(script.search(request.url))):
        visitor.goto(shop)
        visitor.chat()
    is_back = True
    # It is asked for every few seconds at most, when something is drawn.
    visitor.js("void (Date.now = ((real) => () => real() + 6_000)(Date.now))")
    visitor.ask("hello", "")
    expect(visitor.panel.get_by_role("button", name="Attach a file")).to_be_visible()


def test_what_is_refused_is_said_at_the_file_and_can_be_taken_away(files_on: None, shop: str, visit: Visit) -> None:
    visitor = visit(shop).chat()
    choose(visitor, named("a.zip", b"PK\x05\x06" + b"\0" * 18), named("huge.jpg", b"\xff\xd8\xff" + b"0" * 10_500_000))
    tray = visitor.panel.get_by_role("list", name="Files to send")
    expect(tray.get_by_role("listitem").filter(has_text="a.zip")).to_contain_text(
        "Files of this kind are not taken here."
    )
    expect(tray.get_by_role("listitem").filter(has_text="huge.jpg")).to_contain_text("Too large: at most 10 MB.")
    expect(visitor.panel.get_by_role("button", name="Send", exact=True)).to_be_disabled()
    assert violations(visitor.page, "document.querySelector('convoship-widget')") == []
    visitor.panel.get_by_role("button", name="Remove a.zip").click()
    visitor.panel.get_by_role("button", name="Remove huge.jpg").press("Enter")
    expect(tray).to_be_hidden()
    visitor.ask("hello", "")


def test_a_file_chosen_while_the_connection_is_away_goes_out_when_it_is_back(
    files_on: None, shop: str, visit: Visit
) -> None:
    visitor = visit(shop).chat()
    visitor.is_connected()
    visitor.page.context.set_offline(True)
    choose(visitor, named("note.txt", b"hello"))
    tray = visitor.panel.get_by_role("list", name="Files to send")
    expect(tray).to_contain_text("Waits for the connection")
    visitor.field.fill("From the tunnel")
    visitor.field.press("Enter")
    visitor.sees("It is sent as soon as its files are up.")
    visitor.page.context.set_offline(False)
    line = visitor.panel.locator(".row.mine").filter(has_text="From the tunnel")
    expect(line.get_by_role("link", name=re.compile("note.txt"))).to_be_visible()
    expect(line).to_have_count(1)


def test_files_are_pasted_and_dropped(files_on: None, shop: str, visit: Visit) -> None:
    visitor = visit(shop).chat()
    expect(visitor.panel.get_by_role("button", name="Attach a file")).to_be_visible()
    give = """([kind, name]) => {
        const root = document.querySelector('convoship-widget').shadowRoot;
        const data = new DataTransfer();
        data.items.add(new File(['hello'], name, { type: 'text/plain' }));
        const target = root.querySelector(kind === 'paste' ? 'textarea' : '.scroller');
        const how = { bubbles: true, cancelable: true, composed: true };
        target.dispatchEvent(kind === 'paste'
            ? new ClipboardEvent('paste', { ...how, clipboardData: data })
            : new DragEvent('drop', { ...how, dataTransfer: data }));
    }"""
    tray = visitor.panel.get_by_role("list", name="Files to send")
    visitor.page.evaluate(give, ["paste", "pasted.txt"])
    expect(tray).to_contain_text("pasted.txt")
    visitor.page.evaluate(give, ["drop", "dropped.txt"])
    expect(tray).to_contain_text("dropped.txt")


def test_in_a_language_from_right_to_left_and_in_german_the_words_are_there(
    files_on: None, shop: str, visit: Visit
) -> None:
    visitor = visit(shop, script="addEventListener('load', () => ConvoshipQueue.push(['setLocale', 'de']))").open()
    with visitor.page.expect_file_chooser() as opened:
        visitor.panel.get_by_role("button", name="Datei anhängen").click()
    opened.value.set_files([named("brief.txt", b"hallo")])
    visitor.sees("Bereit zum Senden")
    visitor.js("Convoship.setLocale('ar')")
    expect(visitor.panel).to_have_attribute("dir", "rtl")
    clip, field = visitor.panel.locator(".clip").bounding_box(), visitor.field.bounding_box()
    assert clip is not None
    assert field is not None
    assert clip["x"] > field["x"]


def test_whoever_signs_out_leaves_no_file_behind(files_on: None, shop: str, visit: Visit) -> None:
    visitor = visit(shop).chat()
    choose(visitor, named("note.txt", b"hello"))
    tray = visitor.panel.get_by_role("list", name="Files to send")
    expect(tray).to_contain_text("Ready to send")
    visitor.js("Convoship.logout()")
    expect(tray).to_be_hidden()


def test_without_the_setting_there_is_nothing_to_attach_with(demo: dict[str, Any], shop: str, visit: Visit) -> None:
    asked: list[str] = []
    visitor = visit()
    visitor.page.on("request", lambda request: asked.append(request.url))
    visitor.goto(shop)
    visitor.chat()
    visitor.ask("hello", "")
    expect(visitor.panel.get_by_role("button", name="Attach a file")).to_have_count(0)
    assert not [url for url in asked if "/static/widget/files." in url]


# --- The end of the list, for both ------------------------------------------------------------------------------------

GAP = "(el) => el.scrollHeight - el.scrollTop - el.clientHeight"


def stays_at_the_end(visitor: Visitor) -> None:
    """The list's end is before the visitor's eyes, and stays so over two frames."""
    scroller = visitor.panel.locator(".scroller")
    wait_for("the end of the list", lambda: scroller.evaluate(GAP) < 2)
    frames = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    visitor.page.evaluate(frames)
    assert scroller.evaluate(GAP) < 2


def test_the_newest_line_stays_in_sight_while_photos_take_their_room(files_on: None, shop: str, visit: Visit) -> None:
    visitor = visit(shop).chat()
    visitor.ask("how do I return something", "How to return an item")
    visitor.ask("when are you open", "Monday to Friday")
    choose(visitor, *(named(f"{n}.jpg", photo(600, 800), "image/jpeg") for n in range(3)))
    visitor.field.press("Enter")
    for n in range(3):
        sent = visitor.panel.get_by_role("img", name=f"Photo {n}.jpg")
        expect(sent).to_be_visible()
        sent.evaluate("(img) => img.decode()")
    visitor.hears("can't look into")
    stays_at_the_end(visitor)

    # What grows in the very frame in which the list goes to its end.
    scroller = visitor.panel.locator(".scroller")
    scroller.evaluate("(el) => { el.scrollTop -= 20 }")
    visitor.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    grow = "(row) => { row.closest('.scroller').scrollTop = 1e6; row.style.paddingBottom = '300px' }"
    visitor.panel.locator(".row").last.evaluate(grow)
    stays_at_the_end(visitor)

    # Who reads further up is left there.
    scroller.hover()
    visitor.page.mouse.wheel(0, -400)
    wait_for("a look further up", lambda: scroller.evaluate(GAP) > 300)
    before = scroller.evaluate("(el) => el.scrollTop")
    visitor.panel.get_by_role("img", name="Photo 2.jpg").evaluate("(img) => { img.style.marginBottom = '300px' }")
    wait_for("the list to have grown", lambda: scroller.evaluate(GAP) > 600)
    assert abs(scroller.evaluate("(el) => el.scrollTop") - before) < 2


def test_a_member_sees_the_newest_line_under_photos_that_come_late(
    files_on: None, shop: str, visit: Visit, member: Page
) -> None:
    visitor = visit(shop).chat()
    choose(visitor, *(named(f"{n}.jpg", photo(600, 800), "image/jpeg") for n in range(3)))
    visitor.say("Here they are")
    expect(visitor.panel.get_by_role("img", name="Photo 2.jpg")).to_be_visible()
    visitor.ask("when are you open", "Monday to Friday")

    held: list[Route] = []
    member.route(CONTENTS, lambda route: held.append(route))
    member.goto(f"/app/conversations/{visitor.conversation_id}/")
    transcript = member.get_by_role("log", name="Transcript")
    newest = transcript.locator(".line").last
    expect(newest).to_be_in_viewport(ratio=0.9)
    came(member, held, 3)
    for route in held:
        route.continue_()
    shown = transcript.get_by_role("img", name="2.jpg")
    wait_for("the photos", lambda: shown.evaluate("(img) => img.complete && img.naturalWidth > 0"))
    expect(newest).to_be_in_viewport(ratio=0.9)
    member.unroute(CONTENTS)

    # And live, with a photo below.
    choose(visitor, named("late.jpg", photo(600, 800), "image/jpeg"))
    expect(visitor.panel.get_by_role("list", name="Files to send")).to_contain_text("Ready to send")
    visitor.field.press("Enter")
    expect(transcript.get_by_role("img", name="late.jpg")).to_be_visible()
    expect(newest).to_contain_text("can't look into")
    expect(newest).to_be_in_viewport(ratio=0.9)


# --- What a member does with them -------------------------------------------------------------------------------------


def test_a_member_opens_a_photo_larger_by_the_keyboard(
    files_on: None, shop: str, visit: Visit, member: Page, new_context: Callable[..., BrowserContext]
) -> None:
    visitor = visit(shop).chat()
    choose(visitor, named("holiday.jpg", photo(1600, 1200), "image/jpeg"), named("note.txt", b"hello"))
    visitor.field.press("Enter")
    expect(visitor.panel.get_by_role("img", name="Photo holiday.jpg")).to_be_visible()
    member.goto(f"/app/conversations/{visitor.conversation_id}/")
    transcript = member.get_by_role("log", name="Transcript")
    link = transcript.get_by_role("link", name=re.compile("holiday.jpg"))
    small = link.get_by_role("img").bounding_box()
    link.press("Enter")
    dialog = member.get_by_role("dialog", name="holiday.jpg")
    large = dialog.get_by_role("img", name="holiday.jpg")
    expect(large).to_be_in_viewport(ratio=1)
    wait_for("the photo", lambda: large.evaluate("(img) => img.complete && img.naturalWidth === 1600"))
    assert (box := large.bounding_box()) is not None
    assert small is not None
    assert box["width"] > 2 * small["width"]
    assert violations(member, "document.querySelector('dialog[open]')") == []
    with member.expect_download() as got:
        dialog.get_by_role("link", name="Download").click()
    assert got.value.suggested_filename == "holiday.jpg"
    member.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(link).to_be_focused()

    # A link whose time is over says so, rather than being kept under the name of its token.
    plain = transcript.get_by_role("link", name=re.compile("note.txt"))
    assert plain.get_attribute("download") is None


@pytest.mark.browser_context_args(viewport={"width": 390, "height": 844})
def test_a_files_size_stays_in_one_line_beside_a_long_name(
    files_on: None, shop: str, visit: Visit, member: Page
) -> None:
    visitor = visit(shop).chat()
    choose(visitor, named("a-very-long-name-without-any-space-" * 3 + ".txt", b"hello"))
    visitor.field.press("Enter")
    expect(visitor.panel.get_by_role("link", name=re.compile("a-very-long"))).to_be_visible()
    expect(visitor.panel.locator(".file-size")).to_have_text("5 bytes")
    member.goto(f"/app/conversations/{visitor.conversation_id}/")
    size = member.locator(".sent-files .soft")
    expect(size).to_have_text("5\xa0bytes")
    assert size.evaluate("(el) => el.getClientRects().length") == 1
    assert size.evaluate("(el) => el.offsetHeight") < 30
    assert member.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_members_page_that_stays_open_gets_new_links(files_on: None, shop: str, visit: Visit, member: Page) -> None:
    visitor = visit(shop).chat()
    member.clock.install()
    with member.expect_response(lambda answer: answer.request.headers.get("hx-request") == "true"):
        member.goto(f"/app/conversations/{visitor.conversation_id}/")
    expect(member.locator("[data-away]")).to_be_hidden()
    with member.expect_response(lambda answer: answer.request.headers.get("hx-request") == "true"):
        member.clock.fast_forward("45:00")
        member.clock.run_for(1000)


# --- What comes in between --------------------------------------------------------------------------------------------

UPLOADS = re.compile(r"/sessions/[^/]+/files$")


def test_what_is_typed_during_an_upload_is_the_next_message(files_on: None, shop: str, visit: Visit) -> None:
    visitor = visit(shop).chat()
    held: list[Route] = []
    visitor.page.route(UPLOADS, lambda route: held.append(route))
    choose(visitor, named("note.txt", b"hello"))
    visitor.field.fill("Here it is")
    came(visitor.page, held, 1)
    visitor.field.press("Enter")
    tray = visitor.panel.get_by_role("list", name="Files to send")
    expect(tray).to_contain_text("Here it is")
    expect(visitor.field).to_have_value("")
    visitor.field.press_sequentially("And half a")
    # Both are there after a reload, which forgets the file.
    assert "Here it is" in str(visitor.js("JSON.stringify(localStorage)"))
    held[0].continue_()
    line = visitor.panel.locator(".row.mine").filter(has_text="Here it is")
    expect(line.get_by_role("link", name=re.compile("note.txt"))).to_be_visible()
    expect(visitor.said.filter(has_text="half")).to_have_count(0)
    expect(visitor.field).to_have_value("And half a")
    expect(tray).to_be_hidden()


def test_a_message_that_waits_can_be_taken_back_and_holds_up_no_other_then(
    files_on: None, shop: str, visit: Visit
) -> None:
    visitor = visit(shop).chat()
    held: list[Route] = []
    visitor.page.route(UPLOADS, lambda route: held.append(route))
    choose(visitor, named("note.txt", b"hello"))
    visitor.say("First")
    visitor.say("Second")
    tray = visitor.panel.get_by_role("list", name="Files to send")
    expect(tray).to_contain_text("Second")
    tray.get_by_role("button", name="Take the message back").first.click()
    expect(visitor.field).to_have_value("First")
    # What waited behind it need not any more.
    expect(visitor.said.filter(has_text="Second")).to_be_visible()
    visitor.field.press("Enter")
    came(visitor.page, held, 1)
    held[0].continue_()
    expect(visitor.said.filter(has_text="First")).to_be_visible()


def test_files_turned_off_meanwhile_are_said_and_the_words_stay(
    files_on: None, demo: dict[str, Any], program: Program, shop: str, visit: Visit
) -> None:
    visitor = visit(shop).chat()
    choose(visitor, named("note.txt", b"hello"))
    visitor.sees("Ready to send")
    program.call("PATCH", f"/deployments/{demo['deployment_id']}", {"files": {"on": False}})
    visitor.say("Do look at it")
    visitor.sees("Files can’t be sent here any more.")
    expect(visitor.field).to_have_value("Do look at it")
    expect(visitor.panel.get_by_role("button", name="Attach a file")).to_be_hidden()
    expect(visitor.panel.locator(".row.failed")).to_have_count(0)
    visitor.field.press("Enter")
    expect(visitor.said.filter(has_text="Do look at it")).to_be_visible()
    expect(visitor.field).to_have_value("")


def test_a_file_that_was_not_sent_yet_is_named_after_a_reload(files_on: None, shop: str, visit: Visit) -> None:
    visitor = visit(shop).chat()
    choose(visitor, named("invoice.pdf", PDF))
    visitor.sees("Ready to send")
    visitor.page.route(re.compile(r"/messages$"), lambda route: route.abort())
    visitor.page.route_web_socket(re.compile(r"/socket$"), lambda socket: socket.close())
    visitor.page.reload()
    visitor.open()
    choose(visitor, named("invoice.pdf", PDF))
    visitor.sees("Ready to send")
    visitor.field.press("Enter")
    line = visitor.panel.locator(".row.mine")
    expect(line).to_contain_text("invoice.pdf")
    visitor.page.reload()
    visitor.open()
    expect(line).to_contain_text("invoice.pdf")
    expect(line.locator(".file-size")).to_have_text(re.compile(r"\d+ bytes"))


def test_too_fast_goes_on_by_itself_and_no_words_go_without_their_file(files_on: None, shop: str, visit: Visit) -> None:
    visitor = visit(shop).chat()
    page, tries = visitor.page, []
    limited: dict[str, Any] = {
        "status": 429,
        "headers": {"Retry-After": "1", **CROSS},
        "json": {"code": "rate_limited", "detail": "You are sending files very quickly."},
    }

    def once(route: Route) -> None:
        tries.append(route)
        route.fulfill(**limited) if len(tries) == 1 else route.continue_()

    page.route(UPLOADS, once)
    choose(visitor, named("note.txt", b"hello"))
    visitor.say("With a note")
    line = visitor.panel.locator(".row.mine").filter(has_text="With a note")
    expect(line.get_by_role("link", name=re.compile("note.txt"))).to_be_visible()
    assert len(tries) == 2
    page.unroute(UPLOADS)

    # In an hour: that is for the visitor to decide, and the words stay with the file until then.
    limited["headers"] = {"Retry-After": "3000", **CROSS}
    page.route(UPLOADS, lambda route: route.fulfill(**limited))
    choose(visitor, named("other.txt", b"hello"))
    visitor.sees("A little fast. Please try again in a moment.")
    visitor.say("With another")
    visitor.sees("Not sent yet: try the file again, or remove it.")
    expect(visitor.field).to_have_value("With another")
    page.unroute(UPLOADS)
    visitor.panel.get_by_role("button", name="Try again: other.txt").click()
    visitor.sees("Ready to send")
    visitor.field.press("Enter")
    line = visitor.panel.locator(".row.mine").filter(has_text="With another")
    expect(line.get_by_role("link", name=re.compile("other.txt"))).to_be_visible()


def test_a_file_whose_answer_cannot_be_read_is_not_tried_for_ever(files_on: None, shop: str, visit: Visit) -> None:
    visitor = visit()
    visitor.page.clock.install()
    visitor.goto(shop)
    visitor.chat()
    tries: list[Route] = []

    def lost(route: Route) -> None:
        tries.append(route)
        route.abort()

    visitor.page.route(UPLOADS, lost)
    choose(visitor, named("note.txt", b"hello"))
    for n, seconds in enumerate([3, 6, 12, 24], 1):
        came(visitor.page, tries, n)
        visitor.sees("Waits for the connection")
        visitor.page.clock.run_for((seconds - 1) * 1000)
        assert len(tries) == n
        visitor.page.clock.run_for(2000)
    visitor.sees("It could not be sent up.")
    expect(visitor.panel.get_by_role("button", name="Try again: note.txt")).to_be_visible()
    visitor.page.clock.run_for(600_000)
    assert len(tries) == 5


def test_why_a_file_is_refused_is_said_in_the_servers_words(files_on: None, shop: str, visit: Visit) -> None:
    visitor = visit(shop).chat()
    choose(visitor, named("empty.txt", b""), named("a.pdf", b"hello"), named("a.zip", b"PK\x05\x06" + b"\0" * 18))
    tray = visitor.panel.get_by_role("list", name="Files to send").get_by_role("listitem")
    expect(tray.filter(has_text="empty.txt")).to_contain_text("The file is empty.")
    expect(tray.filter(has_text="a.pdf")).to_contain_text("The name ends in .pdf, but that is not what the file holds.")
    expect(tray.filter(has_text="a.zip")).to_contain_text("Send images (JPEG, PNG, WebP, GIF)")
    visitor.js("Convoship.setLocale('de')")
    visitor.panel.get_by_role("button", name="a.pdf").first.click()
    choose_in_german = visitor.panel.get_by_role("button", name="Datei anhängen")
    with visitor.page.expect_file_chooser() as opened:
        choose_in_german.click()
    opened.value.set_files([named("b.pdf", b"hello")])
    expect(visitor.panel.locator(".chip").filter(has_text="b.pdf")).to_contain_text("nicht, was ihr Name sagt")


def test_a_reader_hears_how_a_file_begins_and_ends_and_no_per_cent(files_on: None, shop: str, visit: Visit) -> None:
    visitor = visit(shop).chat()
    expect(visitor.panel.get_by_role("button", name="Attach a file")).to_be_visible()
    visitor.js("""void (() => {
        const root = document.querySelector('convoship-widget').shadowRoot;
        window.heard = [];
        new MutationObserver((all) => all.forEach(({ target }) => {
            const status = (target.closest ? target : target.parentElement)?.closest('[role=status]');
            if (status?.textContent && status.closest('form')) window.heard.push(status.textContent);
        })).observe(root, { subtree: true, childList: true, characterData: true });
    })()""")
    choose(visitor, named("note.txt", b"hello"))
    visitor.sees("Ready to send")
    wait_for("the end to be heard", lambda: visitor.js("heard.at(-1)") == "note.txt: Ready to send")
    assert visitor.js("heard.filter((text) => text.includes('%'))") == []
    assert visitor.js("heard[0]") == "note.txt: Is being sent up"


def test_a_photo_that_a_policy_keeps_away_looks_like_any_other_file(files_on: None, shop: str, visit: Visit) -> None:
    visitor = visit(shop).chat()
    visitor.page.route(CONTENTS, lambda route: route.abort())
    choose(visitor, named("holiday.jpg", photo(), "image/jpeg"))
    visitor.field.press("Enter")
    link = visitor.panel.get_by_role("link", name=re.compile("holiday.jpg"))
    expect(link).to_contain_text("holiday.jpg")
    expect(link).to_have_css("padding-left", "14px")
