"""Files that members send over channels: along with the message where the channel takes them, as links elsewhere."""

from __future__ import annotations

import re
import time
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import AsyncClient, Client
from django.utils import timezone

from channels_app import replaying, windows
from channels_app.models import Connection, Delivery, ServiceWindow
from channels_app.providers import sent_files
from channels_app.providers.twilio.sms import MMS, MMS_SEGMENTS
from channels_app.providers.twilio.whatsapp import WHATSAPP
from convoship.lib.threads import in_thread
from deployments import carriers, file_links, handoff, member_files
from deployments.models import Conversation, File
from tests import factories
from tests.channels.conftest import Bridge
from tests.channels.far_end import Said
from tests.channels.files_in_messages import PDF, VOICE, picture
from tests.channels.phones import Phone
from tests.channels.test_inbound_media import folder as folder
from tests.channels.twilio_end import Taken, problem

pytestmark = pytest.mark.asyncio

JPEG, FILE_PDF, OGG = ("photo.jpg", picture()), ("report.pdf", PDF), ("note.ogg", VOICE)
BMP = ("notes.txt", b"Some notes")


async def begun(phone: Bridge) -> Conversation:
    """They have written, and a member has taken over."""
    if isinstance(phone, Phone):
        await phone.text("hello")
    else:
        await phone.say("hello")
    await phone.drain()
    await _taken_over(phone)
    return await phone.inside(Conversation.objects.get)


async def _taken_over(phone: Bridge) -> None:
    def run() -> None:
        row = Conversation.objects.select_for_update().get()
        handoff.reply(phone.who, factories.owner_of(phone.workspace), row, "Good day", None)

    await phone.inside(run)
    await phone.drain()


async def send(phone: Bridge, *sent: tuple[str, bytes], text: str = "") -> list[File]:
    """A member answers with these files."""
    conversation = await phone.inside(Conversation.objects.get)

    def run() -> list[File]:
        rows = []
        for name, content in sent:
            taken = member_files.may_upload(phone.workspace.id, phone.who, conversation.id)
            rows.append(member_files.upload(phone.workspace.id, phone.who, conversation.id, name, content, taken))
        return rows

    rows = await in_thread(run)

    def answer() -> None:
        row = Conversation.objects.select_for_update().get(id=conversation.id)
        handoff.reply(phone.who, factories.owner_of(phone.workspace), row, text, None, [one.id for one in rows])

    await phone.inside(answer)
    return rows


async def taken(phone: Phone, *sent: tuple[str, bytes], text: str = "") -> list[Taken]:
    """What Twilio took of it."""
    await begun(phone)
    before = len(phone.twilio.taken)
    await send(phone, *sent, text=text)
    await phone.drain()
    return phone.twilio.taken[before:]


async def fetched(url: str) -> Any:
    return await AsyncClient().get(urlsplit(url).path)


def link_in(text: str) -> str:
    found = re.search(r"https?://\S+", text)
    assert found is not None, text
    return found[0]


async def test_a_picture_goes_by_whatsapp_with_its_words_and_is_served_as_what_it_is(whatsapp: Phone) -> None:
    [one] = await taken(whatsapp, JPEG, text="Here it is")
    assert one.form["Body"] == "Here it is"
    [url] = one.media
    served = await fetched(url)
    assert (served.status_code, served["Content-Type"]) == (200, "image/jpeg")
    assert b"".join([piece async for piece in served.streaming_content])[:2] == b"\xff\xd8"
    # It is over soon: whoever reads Twilio's log later has nothing of it.
    assert file_links.ends_at(url) - time.time() < 2 * 3600


async def test_whatsapp_takes_one_file_with_a_message(whatsapp: Phone) -> None:
    first, second = await taken(whatsapp, JPEG, FILE_PDF, text="Both")
    assert [(one.form.get("Body", ""), len(one.media)) for one in (first, second)] == [("Both", 1), ("", 1)]
    names = [one.what for one in await whatsapp.deliveries()][-2:]
    assert names == ["WhatsApp message 1 of 2", "WhatsApp message 2 of 2"]


async def test_words_do_not_stand_under_a_recording(whatsapp: Phone) -> None:
    words, voice = await taken(whatsapp, OGG, text="Listen")
    assert (words.form["Body"], words.media, "Body" in voice.form, len(voice.media)) == ("Listen", [], False, 1)


async def test_what_whatsapp_does_not_take_is_a_link_in_the_text(whatsapp: Phone) -> None:
    [one] = await taken(whatsapp, BMP, text="Read this")
    assert one.media == []
    assert one.form["Body"].startswith("Read this\n\nnotes.txt: http")
    link = link_in(one.form["Body"])
    assert 7 * 24 * 3600 <= file_links.ends_at(link) - time.time() + 1 <= 8 * 24 * 3600 + 1
    served = await fetched(link)
    assert (served.status_code, served["Content-Type"]) == (200, "text/plain")


async def test_sms_has_links_alone_unless_mms_is_on(phone: Phone) -> None:
    [one] = await taken(phone, JPEG, text="Look")
    assert (one.media, "photo.jpg: http" in one.form["Body"]) == ([], True)


async def test_mms_takes_pictures_and_counts_for_more(phone: Phone) -> None:
    await phone.allow(sends_mms=True)
    [one] = await taken(phone, JPEG, ("two.png", picture("PNG")), FILE_PDF, text="Look")
    assert len(one.media) == 2
    assert re.fullmatch(r"Look\n\nreport\.pdf: http\S+", one.form["Body"])
    delivery = (await phone.deliveries())[-1]
    assert (delivery.what, delivery.content["segments"]) == ("MMS", MMS_SEGMENTS)


async def test_mms_goes_to_the_usa_and_canada_alone(phone: Phone) -> None:
    await phone.allow(sends_mms=True, allowed_countries="US, CA, DE")
    await phone.text("hello", sender="+4930901820")
    await phone.drain()
    await _taken_over(phone)
    before = len(phone.twilio.taken)
    await send(phone, JPEG)
    await phone.drain()
    [one] = phone.twilio.taken[before:]
    assert (one.media, one.form["Body"].startswith("photo.jpg: http")) == ([], True)


async def test_what_is_too_large_together_is_linked() -> None:
    item = {"content_type": "image/jpeg", "size": 2 * 1024 * 1024}
    going, linked = MMS.parted([{**item, "id": str(at)} for at in range(4)])
    assert ([one["id"] for one in going], [one["id"] for one in linked]) == (["0", "1"], ["2", "3"])
    assert WHATSAPP.why_not("image/jpeg", 6 * 1024 * 1024) == "WhatsApp takes pictures of 5 MB"
    assert WHATSAPP.why_not("video/mp4", 17 * 1024 * 1024) == "WhatsApp takes videos of 16 MB"


async def test_whoever_writes_is_told_before(whatsapp: Phone) -> None:
    conversation = await begun(whatsapp)
    taken = await whatsapp.inside(carriers.files_of, conversation)
    assert taken is not None
    assert taken.how("image/jpeg", 1000) == ""
    assert taken.how("text/plain", 10).startswith("goes as a link: WhatsApp takes ")


async def test_whoever_writes_is_told_before_that_pictures_are_too_much_together(phone: Phone) -> None:
    await phone.allow(sends_mms=True)
    conversation = await begun(phone)
    taken = await phone.inside(carriers.files_of, conversation)
    assert taken is not None
    large, too_large = ("image/jpeg", 2 * 1024 * 1024), ("image/jpeg", 6 * 1024 * 1024)
    told = taken.hows([large, too_large, ("text/plain", 10), large, large, ("image/png", 1000)])
    assert told[0] == told[3] == told[5] == ""
    assert (told[1], told[4]) == ("goes as a link: MMS takes pictures of 5 MB", "goes as a link: MMS takes 5 MB in all")
    assert told[2].startswith("goes as a link: MMS takes only")
    # As it is planned.
    sizes = [large, too_large, ("text/plain", 10), large, large, ("image/png", 1000)]
    items = [{"content_type": kind, "size": size, "place": at} for at, (kind, size) in enumerate(sizes)]
    assert [one["place"] for one in MMS.parted(items)[0]] == [at for at, words in enumerate(told) if not words]

    def page() -> str:
        client = Client()
        client.force_login(factories.owner_of(phone.workspace))
        return client.get(f"/app/conversations/{conversation.id}/").content.decode()

    shown = await in_thread(page)
    assert 'data-together="5242880"' in shown


async def test_a_lost_answer_is_looked_up_by_its_file(whatsapp: Phone) -> None:
    await begun(whatsapp)
    before = len(whatsapp.twilio.taken)
    whatsapp.twilio.lose()
    await send(whatsapp, JPEG)
    await whatsapp.drain()
    await whatsapp.now()
    await whatsapp.drain()
    assert len(whatsapp.twilio.taken) == before + 1
    assert (await whatsapp.deliveries())[-1].status == "accepted"


@pytest.mark.parametrize(("code", "words"), [(63019, "could not fetch the file"), (21620, "not valid")])
async def test_what_twilio_says_of_files_has_words(whatsapp: Phone, code: int, words: str) -> None:
    await begun(whatsapp)
    whatsapp.twilio.wrongs.append(("instead", problem(code, 400)))
    await send(whatsapp, JPEG)
    await whatsapp.drain()
    delivery = (await whatsapp.deliveries())[-1]
    assert (delivery.status, words in delivery.reason) == ("failed", True)


async def test_a_replay_brings_a_link_of_its_own(whatsapp: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    await begun(whatsapp)
    whatsapp.twilio.wrongs.extend([("instead", problem(63019, 400))])
    await send(whatsapp, JPEG)
    await whatsapp.drain()
    delivery = (await whatsapp.deliveries())[-1]
    await whatsapp.inside(replaying.replay, whatsapp.who, delivery.id)
    await whatsapp.drain()
    [url] = whatsapp.twilio.taken[-1].media
    assert (await fetched(url)).status_code == 200
    assert "http" not in str(delivery.content)


async def test_a_link_that_would_be_over_soon_is_renewed_when_it_leaves(whatsapp: Phone) -> None:
    await begun(whatsapp)
    [file] = await send(whatsapp, BMP)
    delivery = (await whatsapp.deliveries())[-1]
    old = file_links.lasting_link(whatsapp.workspace.id, file.id, time.time() - 5 * 24 * 3600)
    written = delivery.content["links"][str(file.id)]

    def age() -> None:
        content = {"text": delivery.content["text"].replace(written, old), "links": {str(file.id): old}}
        Delivery.objects.filter(id=delivery.id).update(content=content)

    await whatsapp.inside(age)
    await whatsapp.drain()
    link = link_in(whatsapp.twilio.taken[-1].form["Body"])
    assert link != old
    assert file_links.ends_at(link) - time.time() > sent_files.LEFT_SECONDS
    assert len(link) == len(old)


async def test_a_parked_message_keeps_its_file(whatsapp: Phone) -> None:
    await begun(whatsapp)
    await whatsapp.inside(lambda: ServiceWindow.objects.update(closes_at=timezone.now()))
    before = len(whatsapp.twilio.taken)
    await send(whatsapp, JPEG, text="Look")
    await whatsapp.drain()
    delivery = (await whatsapp.deliveries())[-1]
    assert (delivery.awaits_window, len(whatsapp.twilio.taken)) == (True, before)
    connection = await whatsapp.inside(lambda: Connection.objects.get(id=whatsapp.connection.id))
    await whatsapp.inside(windows.note_message, connection, delivery.address, timezone.now())
    await whatsapp.drain()
    [url] = whatsapp.twilio.taken[-1].media
    assert (await fetched(url)).status_code == 200


async def test_a_bridge_is_given_files_with_links(bridge: Bridge) -> None:
    await begun(bridge)
    bridge.far.answers = lambda seen: Said()
    [file] = await send(bridge, JPEG, text="Look")
    await bridge.drain()
    event = bridge.far.seen[-1].json
    [item] = event["data"]["message"]["attachments"]
    assert (item["id"], item["name"], item["size"]) == (str(file.id), "photo.jpg", file.size)
    assert (await fetched(item["url"])).status_code == 200


async def test_a_bridge_that_is_sent_no_messages_takes_no_files(bridge: Bridge) -> None:
    conversation = await begun(bridge)
    assert await bridge.inside(carriers.files_of, conversation) is not None
    await bridge.inside(lambda: Connection.objects.update(config={**bridge.connection.config, "events": ["x"]}))
    assert await bridge.inside(carriers.files_of, conversation) is None
