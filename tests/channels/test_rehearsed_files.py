"""Files over a rehearsal's phone: guarded as Twilio does it, fetched by the very way, and shown on the screen."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from channels_app.models import RehearsalPicture
from channels_app.models.rehearsal import LineKind
from channels_app.providers import fetching
from channels_app.rehearsal import pictures
from convoship.bodies import most_bytes
from convoship.lib.tenancy import tenant
from deployments import handoff, member_files
from deployments.models import Conversation
from tests import factories
from tests.channels.files_in_messages import PDF, picture
from tests.channels.rehearsals import Rehearsed, rehearse
from tests.channels.test_inbound_media import folder as folder
from tests.channels.test_rehearsal import stage as stage


def sends(it: Rehearsed, name: str, content: bytes, text: str = "") -> Any:
    file = SimpleUploadedFile(name, content)
    return it.client.post(it.path("say"), {"text": text, "picture": file})


def attached(it: Rehearsed) -> list[dict[str, Any]]:
    """The files of the last that they wrote."""
    found: list[dict[str, Any]] = [one for one in it.messages if one.author_kind == "visitor"][-1].attachments
    return found


def images(it: Rehearsed) -> list[str]:
    """The addresses of pictures on the screen."""
    log = it.screen.partition('class="rehearsal-lines"')[2].partition("</ol>")[0]
    return [html.unescape(one) for one in re.findall(r'<img src="([^"]+)"', log)]


@pytest.mark.parametrize("kind", ["twilio_sms", "twilio_whatsapp", "custom_webhook"])
def test_a_photo_goes_from_the_phone_to_the_inbox_and_back(kind: str) -> None:
    it = rehearse(kind)
    assert sends(it, "holiday.jpg", picture(), "look").status_code == 302
    it.settles()
    [item] = attached(it)
    assert (item.get("reason", ""), item["content_type"], item["name"]) == ("", "image/jpeg", "holiday.jpg")
    [sent] = images(it)
    assert Client().get(sent)["Content-Type"] == "image/jpeg"

    with tenant(it.workspace.id):
        conversation = Conversation.objects.get()
        who = factories.actor(it.workspace)
    for name, content in (("mine.png", picture("PNG")), ("report.pdf", PDF)):
        taken = member_files.may_upload(it.workspace.id, who, conversation.id)
        file = member_files.upload(it.workspace.id, who, conversation.id, name, content, taken)
        with tenant(it.workspace.id):
            row = Conversation.objects.select_for_update().get()
            handoff.reply(who, factories.owner_of(it.workspace), row, f"this is {name}", None, [file.id])
    it.settles()
    caught = it.lines(LineKind.CAUGHT)
    if kind == "twilio_sms":
        assert "mine.png: http" in caught[-2].text
        assert images(it) == [sent]
    else:
        assert Client().get(urlsplit(images(it)[1]).path)["Content-Type"] == "image/png"
        assert "report.pdf</a>" in it.screen
    assert {one.status for one in it.deliveries} == {"read" if kind == "twilio_whatsapp" else "delivered"}


def test_the_api_wants_credentials_for_a_file_and_the_place_it_leads_to_does_not() -> None:
    it = rehearse("twilio_sms")
    sends(it, "holiday.jpg", picture())
    it.settles()
    with tenant(it.workspace.id):
        row = RehearsalPicture.objects.get()
    config = it.connection.config
    root = f"/rehearsal/{it.connection.id}"
    api = f"{root}/2010-04-01/Accounts/{config['account_sid']}/Messages/{row.message_sid}/Media/{row.sid}"
    assert Client().get(api).status_code == 401
    given = Client().get(f"{root}/media/{row.sid}")
    assert given["Content-Disposition"].startswith("attachment")
    assert given["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in given["Content-Security-Policy"]
    assert Client().get(f"{root}/media/ME{'0' * 32}").status_code in {401, 404}
    # What the screen itself loads is no line of it.
    assert "Asked for a file, and was led to where it is." in [line.note for line in it.lines(LineKind.ASKED)]
    many = len(it.lines())
    Client().get(f"{root}/media/{row.sid}")
    assert len(it.lines()) == many


def test_a_file_that_is_not_taken_is_refused_beside_its_field() -> None:
    it = rehearse("twilio_sms")
    answer = sends(it, "evil.html", b"<html><script>alert(1)</script>", "kept text")
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'id="picture_error"' in page
    assert "Files of this kind are not taken here." in page
    assert "Send images" in page
    assert 'value="kept text"' in page
    assert it.lines() == []


def test_a_file_that_is_too_large_is_refused_beside_its_field() -> None:
    it = rehearse("twilio_sms")
    answer = sends(it, "big.pdf", PDF + bytes(pictures.TAKEN.max_bytes))
    assert answer.status_code == 422
    assert "The file is too large: at most 16 MB." in answer.content.decode()


def test_the_phone_sends_what_a_phone_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A photo of 12 MB, to the message; and what is kept of such is bounded."""
    photo = PDF + bytes(12 * 1024 * 1024)
    assert most_bytes(f"/app/channels/{uuid4()}/rehearsal/say") > fetching.LARGEST
    monkeypatch.setattr(pictures, "MOST_BYTES", 2 * len(photo) - 1)
    it = rehearse("twilio_sms")
    sends(it, "first.pdf", PDF)
    sends(it, "large.pdf", photo)
    it.settles()
    [item] = attached(it)
    assert (item["size"], item.get("state")) == (len(photo), None)
    sends(it, "larger.pdf", photo)
    with tenant(it.workspace.id):
        assert [row.name for row in RehearsalPicture.objects.all()] == ["larger.pdf"]


@pytest.mark.parametrize(
    ("fault", "state", "reason"),
    [
        ("file_not_there", "fetching", "Twilio has no such file (404)."),
        ("file_broken", "fetching", "Twilio answered 500."),
        ("file_too_large", "failed", "It is larger than 16 MB."),
        ("file_other_kind", "refused", "A file of a kind that is not taken here."),
    ],
)
@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
def test_a_file_that_is_not_what_is_fetched(fault: str, state: str, reason: str) -> None:
    """And what came of it stands in the message at once, with when it is tried again and the way to do so now."""
    it = rehearse("twilio_sms")
    it.behaves(fault)
    sends(it, "holiday.jpg", picture())
    it.settles()
    [item] = attached(it)
    assert (item["state"], item["reason"]) == (state, reason)
    # What is sent is none of that fault's.
    assert {one.status for one in it.deliveries} == {"delivered"}
    with tenant(it.workspace.id):
        path = f"/app/conversations/{Conversation.objects.get().id}/"
    shown = html.unescape(it.client.get(path).content.decode())
    again = re.search(r'action="([^"]+/again)"', shown)
    assert reason in shown
    assert reason in html.unescape(it.client.get(f"/app/channels/{it.connection.id}/events").content.decode())
    if state == "refused":
        assert again is None
        return
    assert ("It is tried again" in shown, "Tried last" in shown) == (state == "fetching", state == "failed")
    it.behaves()
    assert again is not None
    assert it.client.post(again[1]).status_code == 302
    it.settles()
    [item] = attached(it)
    assert (item["content_type"], item.get("state")) == ("image/jpeg", None)


def test_starting_over_forgets_files_and_the_oldest_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MOST_KEPT", 2)
    it = rehearse("twilio_whatsapp")
    for number in range(3):
        sends(it, f"{number}.pdf", PDF)
    with tenant(it.workspace.id):
        assert set(RehearsalPicture.objects.values_list("name", flat=True)) == {"1.pdf", "2.pdf"}
    assert "A file, which is gone" in it.screen
    it.client.post(it.path("start-over"))
    with tenant(it.workspace.id):
        assert RehearsalPicture.objects.count() == 0
