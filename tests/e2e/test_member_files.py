"""Files of members: dragged into the composer, seen by the visitor, and answered with one."""

from __future__ import annotations

import base64
import re

from playwright.sync_api import Page, Route, expect

from tests.e2e.axe import violations
from tests.e2e.conftest import Visit
from tests.e2e.test_files import came, choose, files_on, named, photo

__all__ = ["files_on"]

# A picture of 640 x 480 points is dropped on the page, as a file manager drops it.
DROP = """([name, base64]) => {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const data = new DataTransfer();
    data.items.add(new File([bytes], name, { type: 'image/jpeg' }));
    const target = document.querySelector('.transcript');
    for (const kind of ['dragenter', 'dragover', 'drop'])
        target.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: data }));
}"""
UPLOADS = re.compile(r"/v1/conversations/[^/]+/files$")


def test_a_member_drags_a_picture_to_the_visitor_who_answers_with_one(
    files_on: None, shop: str, visit: Visit, member: Page
) -> None:
    visitor = visit(shop).chat()
    visitor.ask("hello", "")
    member.goto(f"/app/conversations/{visitor.conversation_id}/")
    composer, tray = member.locator("[data-reply]"), member.get_by_role("list", name="Files to send")
    expect(composer.get_by_role("button", name="Attach files")).to_be_visible()
    held: list[Route] = []
    member.route(UPLOADS, lambda route: held.append(route))
    member.evaluate(DROP, ["holiday.jpg", base64.b64encode(photo()).decode()])
    came(member, held, 1)
    expect(tray).to_contain_text("Is being sent up")

    # What is meant as a note goes to nobody by that.
    member.get_by_label("Note", exact=True).check()
    member.evaluate(DROP, ["secret.jpg", base64.b64encode(photo()).decode()])
    expect(member.locator("[data-reply-words]")).to_contain_text("a note takes no files")
    member.get_by_label("Reply", exact=True).check()
    expect(tray.get_by_role("listitem")).to_have_count(1)

    # The answer waits for it, and nothing is lost where it is refused.
    member.get_by_label("Your answer").fill("Like this one")
    composer.get_by_role("button", name="Send", exact=True).click()
    expect(composer).to_have_attribute("aria-busy", "true")
    held[0].abort()
    expect(tray).to_contain_text("The server can't be reached.")
    expect(member.locator("[data-reply-words]")).to_contain_text("a file is not there yet")
    expect(member.get_by_label("Your answer")).to_have_value("Like this one")
    with member.expect_file_chooser() as chooser:
        composer.get_by_role("button", name="Attach files").click()
    member.unroute(UPLOADS)
    chooser.value.set_files([named("a.zip", b"PK\x05\x06" + b"\0" * 18), named("empty.txt", b"")])
    expect(tray).to_contain_text("Files of this kind are not taken here.")
    expect(tray.get_by_role("listitem").filter(has_text="empty.txt")).to_contain_text("The file is empty.")
    assert violations(member, "document.querySelector('[data-composer]')") == []
    tray.get_by_role("button", name="Remove a.zip").click()
    tray.get_by_role("button", name="Remove empty.txt").click()
    tray.get_by_role("button", name="Try again: holiday.jpg").click()
    expect(tray.locator("[name=attachments]")).to_have_count(1)

    # It is still there where the page is loaded anew, as what was written is.
    member.reload()
    expect(member.get_by_label("Your answer")).to_have_value("Like this one")
    expect(tray.get_by_role("listitem")).to_contain_text("holiday.jpg")
    expect(tray.locator("[name=attachments]")).to_have_count(1)
    composer.get_by_role("button", name="Send", exact=True).click()

    seen = visitor.panel.get_by_role("img", name="Photo holiday.jpg")
    expect(seen).to_be_visible()
    assert seen.evaluate("async (img) => { await img.decode(); return img.naturalWidth }") == 640
    visitor.hears("Like this one")
    expect(tray).to_be_hidden()
    expect(member.get_by_label("Your answer")).to_have_value("")

    choose(visitor, named("mine.jpg", photo(320, 200), "image/jpeg"))
    expect(visitor.panel.get_by_role("list", name="Files to send")).to_contain_text("Ready to send")
    visitor.field.press("Enter")
    shown = member.get_by_role("log", name="Transcript").get_by_role("img", name="mine.jpg")
    expect(shown).to_be_visible()
    assert shown.evaluate("async (img) => { await img.decode(); return img.naturalWidth }") == 320
