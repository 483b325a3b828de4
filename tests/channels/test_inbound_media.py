"""Files that come with messages, at the doors: fetched after the message, whatever the far end does with them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest
from django.utils import timezone

from channels_app import connections, inbound_media
from channels_app.models import Connection, InboundMedia
from channels_app.providers import fetching
from channels_app.providers.twilio import media
from convoship.lib import failpoints
from convoship.lib.failpoints import FailpointHit
from convoship.lib.tenancy import tenant
from deployments import conversations, erasing, files
from deployments.models import Conversation, File, GoneFile, Message, Person
from tests.channels import far_end
from tests.channels.conftest import Bridge
from tests.channels.far_end import FarEnd, Said, Seen
from tests.channels.files_in_messages import CARD, PDF, VOICE, picture
from tests.channels.phones import Phone
from tests.channels.twilio_end import ACCOUNT
from workspaces.models import AuditEvent

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    """Where contents are kept."""
    settings.STORAGES = {
        **settings.STORAGES,
        "files": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}},
    }
    return tmp_path


def contents(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def send(phone: Phone, *kept: tuple[str, str], text: str = "", **more: str) -> Any:
    """Somebody sends these files (address, type) with a text."""
    named = {f"MediaUrl{at}": url for at, (url, _) in enumerate(kept)}
    named |= {f"MediaContentType{at}": kind for at, (_, kind) in enumerate(kept)}
    return await phone.text(text, NumMedia=str(len(kept)), **named, **more)


async def theirs(phone: Bridge) -> Message:
    """The last that they wrote."""
    return [one for one in await phone.messages() if one.author_kind == "visitor"][-1]


async def due(phone: Bridge) -> None:
    """Make what waits for a later try due."""
    await phone.inside(lambda: InboundMedia.objects.filter(state="waiting").update(due_at=timezone.now()))
    await phone.drain()


async def test_a_photo_is_in_the_message_and_credentials_go_to_the_api_alone(phone: Phone, folder: Path) -> None:
    url = phone.twilio.keep(picture(), "image/jpeg")
    await send(phone, (url, "image/jpeg"), text="look")
    await phone.drain()
    message = await theirs(phone)
    [item] = message.attachments
    assert (item["name"], item["content_type"]) == ("Photo.jpg", "image/jpeg")
    file = await phone.inside(File.objects.get)
    assert (str(file.id), file.message_id, file.author_kind, file.size) == (
        item["id"],
        message.id,
        "visitor",
        item["size"],
    )
    [stored] = contents(folder)
    assert stored.read_bytes()[:2] == b"\xff\xd8"
    first, second = phone.twilio.asked_for_files()
    assert "authorization" in first.headers
    assert "authorization" not in second.headers
    assert message.text == "look"


async def test_the_message_is_there_before_its_file(phone: Phone) -> None:
    url = phone.twilio.keep(picture(), "image/jpeg")
    phone.twilio.file_wrongs.append(Said(404))
    await send(phone, (url, "image/jpeg"))
    await phone.drain()
    message = await theirs(phone)
    [item] = message.attachments
    assert (item["name"], item["state"], item["content_type"]) == ("Photo", "fetching", "image/jpeg")
    assert (await phone.inside(Conversation.objects.get)).last_text
    # And the assistant has said that a file is kept.
    assert (await phone.messages())[-1].author_kind == "assistant"


async def test_what_is_not_there_yet_is_asked_for_again(phone: Phone) -> None:
    url = phone.twilio.keep(picture(), "image/jpeg")
    phone.twilio.file_wrongs.extend([Said(404), Said(404)])
    await send(phone, (url, "image/jpeg"))
    await phone.drain()
    row = await phone.inside(InboundMedia.objects.get)
    assert (row.state, row.tries) == ("waiting", 1)
    assert (row.due_at - timezone.now()).total_seconds() < 3
    rev = (await theirs(phone)).rev
    await due(phone)
    await due(phone)
    message = await theirs(phone)
    assert "state" not in message.attachments[0]
    assert message.rev > rev
    assert (await phone.inside(InboundMedia.objects.get)).state == "fetched"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/2010-04-01/Accounts/{account}/Messages/MM{hex}/Media/ME{hex}",
        "{base}.evil.example/2010-04-01/Accounts/{account}/Messages/MM{hex}/Media/ME{hex}",
        "{base}@evil.example/2010-04-01/Accounts/{account}/Messages/MM{hex}/Media/ME{hex}",
        "{base}/2010-04-01/Accounts/AC{hex}/Messages/MM{hex}/Media/ME{hex}",
        "{base}/2010-04-01/Accounts/{account}/Messages/MM{hex}/Media/../../../{account}.json",
        "{base}/2010-04-01/Accounts/{account}/Messages/MM{hex}/Media/ME{hex}?to=elsewhere",
        "{base}/2010-04-01/Accounts/{account}/Messages/MM{hex}/Media/ME{hex}\n",
        "{base}/2010-04-01/Accounts/{account}/Messages.json",
        "{other}/2010-04-01/Accounts/{account}/Messages/MM{hex}/Media/ME{hex}",
        "file:///etc/passwd",
        "",
    ],
)
async def test_no_other_address_is_called_whoever_signed_it(phone: Phone, url: str) -> None:
    with far_end.running() as other:
        named = {"account": ACCOUNT, "hex": "0" * 32, "base": phone.twilio.base_url}
        await send(phone, (url.format(other=f"http://127.0.0.1:{other.port}", **named), "image/jpeg"), text="look")
        await phone.drain()
        assert other.seen == []
    assert phone.twilio.asked_for_files() == []
    [item] = (await theirs(phone)).attachments
    assert item["state"] == "failed"
    assert "none of Twilio's" in item["reason"]


async def test_a_redirect_to_another_host_is_not_followed(phone: Phone) -> None:
    with far_end.running() as other:
        url = phone.twilio.keep(picture(), "image/jpeg")
        phone.twilio.file_wrongs.append(Said(307, {"Location": f"http://127.0.0.1:{other.port}/x"}))
        await send(phone, (url, "image/jpeg"))
        await phone.drain()
        assert other.seen == []
    [item] = (await theirs(phone)).attachments
    assert item["state"] == "failed"
    assert "127.0.0.1" in item["reason"]


async def test_a_second_redirect_is_not_followed(phone: Phone) -> None:
    url = phone.twilio.keep(b"", "image/jpeg")
    path = url.removeprefix(phone.twilio.base_url)
    phone.twilio.files[path] = Said(302, {"Location": f"{phone.twilio.base_url}/cdn/again"})
    await send(phone, (url, "image/jpeg"))
    await phone.drain()
    assert len(phone.twilio.asked_for_files()) == 2
    assert (await theirs(phone)).attachments[0]["state"] == "failed"


@pytest.mark.parametrize(
    ("url", "base", "may"),
    [
        ("https://media.twiliocdn.com/AC1/x", "https://api.twilio.com", True),
        ("https://s3-external-1.amazonaws.com/media/x", "https://api.twilio.com", True),
        ("https://twiliocdn.com/x", "https://api.twilio.com", True),
        ("http://media.twiliocdn.com/x", "https://api.twilio.com", False),
        ("https://media.twiliocdn.com:8443/x", "https://api.twilio.com", False),
        ("https://nottwiliocdn.com/x", "https://api.twilio.com", False),
        ("https://media.twiliocdn.com.evil.example/x", "https://api.twilio.com", False),
        ("https://a@media.twiliocdn.com/x", "https://api.twilio.com", False),
        ("https://api.twilio.com/x", "https://api.twilio.com", False),
        ("http://127.0.0.1:9/x", "http://127.0.0.1:9", True),
        ("http://127.0.0.1:8/x", "http://127.0.0.1:9", False),
        ("https://[", "https://api.twilio.com", False),
    ],
)
async def test_which_redirects_are_followed(url: str, base: str, may: bool) -> None:
    assert media.may_follow(url, base) is may


async def test_an_account_of_a_region_is_asked_there_and_at_the_general_address(phone: Phone) -> None:
    path = f"/2010-04-01/Accounts/{ACCOUNT}/Messages/MM{'0' * 32}/Media/ME{'0' * 32}"
    region = "https://api.dublin.ie1.twilio.com"
    assert media.is_ours(region + path, ACCOUNT, region)
    assert media.is_ours("https://api.twilio.com" + path, ACCOUNT, region)
    assert not media.is_ours("https://api.twilio.com" + path, ACCOUNT, phone.twilio.base_url)
    assert not media.is_ours("http://api.twilio.com" + path, ACCOUNT, region)


async def test_what_is_too_large_is_not_read_to_its_end(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "LARGEST", 1000)
    url = phone.twilio.keep(b"%PDF-1.4" + bytes(5000), "application/pdf")
    await send(phone, (url, "application/pdf"))
    await phone.drain()
    [item] = (await theirs(phone)).attachments
    assert item["state"] == "failed"
    assert "larger than" in item["reason"]
    assert item["remedy"]


async def test_a_server_that_takes_too_long_is_left_and_asked_again(
    phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "SECONDS", 0.2)
    never = threading.Event()
    url = phone.twilio.keep(picture(), "image/jpeg")
    phone.twilio.file_wrongs.append(Said(after=never))
    await send(phone, (url, "image/jpeg"))
    await phone.drain()
    row = await phone.inside(InboundMedia.objects.get)
    assert (row.state, "did not answer" in row.reason) == ("waiting", True)
    never.set()
    monkeypatch.setattr(fetching, "SECONDS", 20.0)
    await due(phone)
    assert "state" not in (await theirs(phone)).attachments[0]


async def test_a_copy_of_the_webhook_makes_no_second_file(phone: Phone, folder: Path) -> None:
    url = phone.twilio.keep(picture(), "image/jpeg")
    for _ in range(3):
        await send(phone, (url, "image/jpeg"), MessageSid=f"MM{7:032x}")
        await phone.drain()
    assert len((await theirs(phone)).attachments) == 1
    assert await phone.inside(File.objects.count) == 1
    assert len(contents(folder)) == 1


@pytest.mark.parametrize(
    ("content", "said", "name", "kept_as"),
    [
        (picture("PNG"), "image/png", "Photo.png", "image/png"),
        (picture("WEBP"), "image/webp", "Photo.webp", "image/webp"),
        (VOICE, "audio/ogg; codecs=opus", "Recording.ogg", "audio/ogg"),
        (b"#!AMR\n" + bytes(40), "audio/amr", "Recording.amr", "audio/amr"),
        (PDF, "application/pdf", "File.pdf", "application/pdf"),
        (CARD, "text/x-vcard", "Contact card.vcf", "text/vcard"),
        (b"a,b\n1,2\n", "text/csv", "File.csv", "text/csv"),
        # By the bytes, not by what the provider says of them.
        (picture("PNG"), "video/mp4", "Video.png", "image/png"),
    ],
)
async def test_files_are_what_their_bytes_say(
    whatsapp: Phone, content: bytes, said: str, name: str, kept_as: str
) -> None:
    await send(whatsapp, (whatsapp.twilio.keep(content, said), said))
    await whatsapp.drain()
    [item] = (await theirs(whatsapp)).attachments
    assert (item.get("reason", ""), item["name"], item["content_type"]) == ("", name, kept_as)


@pytest.mark.parametrize("content", [b"MZ" + bytes(200), b"<html><script>alert(1)</script>", b"\x7fELF" + bytes(90)])
async def test_what_is_not_taken_says_so_in_the_message(phone: Phone, content: bytes, folder: Path) -> None:
    await send(phone, (phone.twilio.keep(content, "image/jpeg"), "image/jpeg"), text="look")
    await phone.drain()
    [item] = (await theirs(phone)).attachments
    assert (item["state"], item["reason"]) == ("refused", "A file of a kind that is not taken here.")
    assert contents(folder) == []


async def test_a_name_that_the_far_end_gives_is_cleaned(phone: Phone) -> None:
    named = 'attachment; filename="../<img src=x onerror=alert(1)>\u202e.pdf"'.encode().decode("latin-1")
    await send(phone, (phone.twilio.keep(PDF, "application/pdf", content_disposition=named), "application/pdf"))
    await phone.drain()
    [item] = (await theirs(phone)).attachments
    assert item["name"].endswith(".pdf")
    assert not set(item["name"]) & set('<>"/\u202e')


async def test_several_files_are_all_in_their_places(phone: Phone) -> None:
    kept = [(phone.twilio.keep(PDF, "application/pdf"), "application/pdf")]
    kept += [(phone.twilio.keep(picture(), "image/jpeg"), "image/jpeg") for _ in range(3)]
    await send(phone, *kept)
    await phone.drain()
    kinds = [item["content_type"] for item in (await theirs(phone)).attachments]
    assert kinds == ["application/pdf", *["image/jpeg"] * 3]


async def test_a_worker_that_is_killed_before_it_is_kept_leaves_one_file(
    phone: Phone, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failpoints, "_armed", failpoints.parse("F9=raise@1"))
    await send(phone, (phone.twilio.keep(picture(), "image/jpeg"), "image/jpeg"))
    await phone.drain()
    assert await phone.inside(File.objects.count) == 0
    monkeypatch.setattr(failpoints, "_armed", {})
    await due(phone)
    assert await phone.inside(lambda: File.objects.filter(message=None).count()) == 0
    assert await phone.inside(File.objects.count) == 1


async def test_what_kills_its_worker_each_time_is_given_up(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    await send(phone, (phone.twilio.keep(picture(), "image/jpeg"), "image/jpeg"))
    # A worker that is killed leaves its lease, and says nothing.
    monkeypatch.setattr(inbound_media, "run", AsyncMock())
    for _ in range(inbound_media.MOST_TRIES + 1):
        await phone.drain()
        await phone.inside(lambda: InboundMedia.objects.update(leased_until=timezone.now()))
    [item] = (await theirs(phone)).attachments
    assert item["state"] == "failed"
    assert "was stopped 10 times" in item["reason"]


async def test_a_fault_of_our_own_is_called_one_and_not_tried_for_an_hour(
    phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failpoints, "_armed", failpoints.parse("F9=raise"))
    await send(phone, (phone.twilio.keep(picture(), "image/jpeg"), "image/jpeg"))
    await phone.drain()
    for _ in range(inbound_media.MOST_FAULTS - 1):
        assert await phone.inside(lambda: InboundMedia.objects.get().leased_until) is None
        await due(phone)
    [item] = (await theirs(phone)).attachments
    assert (item["state"], item["reason"]) == ("failed", "Something broke in Convoship while fetching it.")
    assert await phone.inside(lambda: InboundMedia.objects.get().tries) == inbound_media.MOST_FAULTS


async def test_a_worker_that_is_killed_after_it_is_kept_leaves_one_file(
    phone: Phone, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending = inbound_media._finish

    def dies(*_: Any) -> None:
        monkeypatch.setattr(inbound_media, "_finish", ending)
        raise FailpointHit

    monkeypatch.setattr(inbound_media, "_finish", dies)
    await send(phone, (phone.twilio.keep(picture(), "image/jpeg"), "image/jpeg"))
    await phone.drain()
    first = await phone.inside(File.objects.get)
    assert (first.message_id, len(contents(folder))) == (None, 1)
    await due(phone)
    file = await phone.inside(File.objects.get)
    assert file.id != first.id
    assert file.message_id == (await theirs(phone)).id
    # What the first left is found by who clears up.
    assert await phone.inside(lambda: list(GoneFile.objects.values_list("key", flat=True))) == [first.key]


async def test_what_was_deleted_meanwhile_keeps_no_file(
    phone: Phone, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = phone.twilio.keep(picture(), "image/jpeg")
    phone.twilio.file_wrongs.append(Said(404))
    await send(phone, (url, "image/jpeg"))
    await phone.drain()
    original = files.kept

    def deletes(row: File, checked: Any) -> File:
        kept = original(row, checked)
        with tenant(row.workspace_id):
            # As whoever writes in it does: what else is said in it meanwhile waits, and comes too late.
            conversations.lock(row.conversation_id).delete()
        return kept

    monkeypatch.setattr(files, "kept", deletes)
    await due(phone)
    assert await phone.inside(File.objects.count) == 0
    assert await phone.inside(InboundMedia.objects.count) == 0
    # (Two, where its small picture was made by then.)
    assert await phone.inside(GoneFile.objects.exists)


async def test_a_virus_is_refused_and_told_to_the_workspaces_people(phone: Phone, settings: Any) -> None:
    settings.FILES_SCANNER = "tests.channels.test_inbound_media.finds_one"
    await send(phone, (phone.twilio.keep(PDF, "application/pdf"), "application/pdf"))
    await phone.drain()
    [item] = (await theirs(phone)).attachments
    assert item["state"] == "refused"
    assert "virus" in item["reason"]
    seen = await phone.inside(lambda: AuditEvent.objects.get(action="conversation.virus_refused"))
    assert seen.data["signature"] == "Test-Signature"


def finds_one(content: bytes) -> str:
    return "Test-Signature"


async def test_where_there_is_no_room_it_waits_and_then_says_so(phone: Phone, settings: Any) -> None:
    settings.LIMITS = {**settings.LIMITS, "workspace_file_bytes": 10}
    await send(phone, (phone.twilio.keep(PDF, "application/pdf"), "application/pdf"))
    await phone.drain()
    assert (await theirs(phone)).attachments[0]["state"] == "fetching"
    for _ in inbound_media.LATER:
        await due(phone)
    [item] = (await theirs(phone)).attachments
    assert (item["state"], item["reason"]) == ("failed", "The workspace keeps as many files as it may.")
    assert item["remedy"].startswith("Delete old ones: Channels,")


async def test_fetch_again_fetches_what_failed(phone: Phone) -> None:
    url = phone.twilio.keep(picture(), "image/jpeg")
    phone.twilio.file_wrongs.append(Said(403))
    await send(phone, (url, "image/jpeg"))
    await phone.drain()
    message = await theirs(phone)
    [item] = message.attachments
    assert item["state"] == "failed"
    act = (phone.who, message.conversation_id, await phone.inside(lambda: InboundMedia.objects.get().id))
    assert await phone.inside(inbound_media.fetch_again, *act)
    assert (await theirs(phone)).attachments[0]["state"] == "fetching"
    assert not await phone.inside(inbound_media.fetch_again, *act)
    await phone.drain()
    assert (await theirs(phone)).attachments[0]["name"] == "Photo.jpg"
    assert await phone.inside(lambda: AuditEvent.objects.filter(action="conversation.file_fetched_again").count()) == 1


# --- A bridge's own -------------------------------------------------------------------------------------------------


async def test_a_bridges_files_are_fetched_without_credentials(bridge: Bridge, far: FarEnd) -> None:
    def answers(seen: Seen) -> Said:
        return Said(body=PDF) if seen.method == "GET" else Said()

    far.answers = answers
    await bridge.say("look", attachments=[f"http://127.0.0.1:{far.port}/files/the%20report.pdf?x=1"])
    await bridge.drain()
    message = await theirs(bridge)
    assert (message.text, message.attachments[0]["name"]) == ("look", "the report.pdf")
    [asked] = [seen for seen in far.seen if seen.method == "GET"]
    assert not asked.headers.keys() & {"authorization", "cookie", "webhook-signature"}


@pytest.mark.parametrize(
    "url",
    ["http://example.com/a.pdf", "https://127.0.0.1/a.pdf", "https://10.0.0.1/a.pdf", "https://a@b.example/x", "x"],
)
async def test_a_bridges_addresses_are_public_ones(bridge: Bridge, url: str) -> None:
    answer = await bridge.post({"conversation_key": "room-1", "attachments": [url]})
    assert answer.status_code == 422
    assert answer.data["errors"]["attachments"]


async def test_a_bridges_redirect_is_not_followed(bridge: Bridge, far: FarEnd) -> None:
    far.answers = lambda seen: Said(302, {"Location": "/b"}) if seen.method == "GET" else Said()
    await bridge.say("", attachments=[f"http://127.0.0.1:{far.port}/a"])
    await bridge.drain()
    [item] = (await theirs(bridge)).attachments
    assert (item["state"], "redirects are not followed" in item["reason"]) == ("failed", True)
    assert [seen.path for seen in far.seen if seen.method == "GET"] == ["/a"]


# --- What ends meanwhile --------------------------------------------------------------------------------------------


async def test_a_message_that_was_emptied_meanwhile_gets_no_file(phone: Phone) -> None:
    url = phone.twilio.keep(picture(), "image/jpeg")
    phone.twilio.file_wrongs.append(Said(404))
    await send(phone, (url, "image/jpeg"), text="look")
    await phone.drain()
    await phone.inside(lambda: Message.objects.filter(author_kind="visitor").update(text="", attachments=[]))
    await due(phone)
    assert (await theirs(phone)).attachments == []
    assert await phone.inside(File.objects.count) == 0
    assert await phone.inside(InboundMedia.objects.count) == 0


async def test_a_person_who_is_erased_meanwhile_leaves_nothing_to_fetch(phone: Phone, folder: Path) -> None:
    kept, late = (phone.twilio.keep(picture(), "image/jpeg") for _ in range(2))
    await send(phone, (kept, "image/jpeg"))
    await phone.drain()
    phone.twilio.file_wrongs.append(Said(404))
    await send(phone, (late, "image/jpeg"))
    await phone.drain()
    assert await phone.inside(InboundMedia.objects.count) == 2
    await phone.inside(lambda: erasing.begin(phone.who, Person.objects.get()))
    await due(phone)
    assert await phone.inside(InboundMedia.objects.count) == 0
    assert await phone.inside(File.objects.count) == 0
    assert [message.attachments for message in await phone.messages() if message.attachments] == []


async def test_a_connection_that_is_deleted_leaves_no_file_being_fetched(phone: Phone) -> None:
    url = phone.twilio.keep(picture(), "image/jpeg")
    phone.twilio.file_wrongs.append(Said(404))
    await send(phone, (url, "image/jpeg"), text="look")
    await phone.drain()
    await phone.inside(lambda: connections.delete(phone.who, connections.held(phone.connection.id)))
    [item] = (await theirs(phone)).attachments
    assert (item["state"], item["reason"]) == ("refused", "The connection that it came over was deleted.")


async def test_a_paused_connection_fetches_when_it_goes_on(phone: Phone) -> None:
    url = phone.twilio.keep(picture(), "image/jpeg")
    phone.twilio.file_wrongs.append(Said(404))
    await send(phone, (url, "image/jpeg"), text="look")
    await phone.drain()
    await phone.inside(lambda: Connection.objects.update(state="paused"))
    await due(phone)
    assert (await theirs(phone)).attachments[0]["state"] == "fetching"
    await phone.inside(lambda: Connection.objects.update(state="active"))
    await phone.drain()
    assert "state" not in (await theirs(phone)).attachments[0]
