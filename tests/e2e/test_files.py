"""A visitor's files: from a phone to the member's page, refused in words, and sent once the connection is back."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Page, Route, expect

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


def test_the_script_of_files_that_did_not_come_is_asked_for_again(files_on: None, shop: str, visit: Visit) -> None:
    visitor = visit()
    script = re.compile(r"/static/widget/files\.")
    visitor.page.route(script, lambda route: route.abort())
    with visitor.page.expect_event("requestfailed", lambda request: bool(script.search(request.url))):
        visitor.goto(shop)
        visitor.chat()
    visitor.page.unroute(script)
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
