"""Messages that callers leave: asked for, kept as what they said, with their audio, and missed by people."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.utils import timezone

from channels_app import connections
from channels_app.models import CallRecording, CallStep, Connection
from channels_app.voice import audio
from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import calls, erasing, inbox
from deployments.models import Conversation, File, Message
from tests import factories
from tests.channels.callers import Line, Told
from tests.channels.far_end import Said
from tests.channels.told_calls import MP3, sid
from tests.channels.twilio_end import PERSON, problem

pytestmark = pytest.mark.asyncio

RE = sid("RE")


async def take(line: Line, **config: Any) -> Told:
    """A call that comes to where a message is left: two silences, and then."""
    await line.allow(voicemail=True, then="voicemail", most_silences=1, **config)
    return await line.silence(await line.ring())


async def leave(line: Line, record: Told, seconds: str = "9") -> Told:
    """They speak after the tone, and hang up or press the key."""
    action = record.verb("Record").attrib["action"]
    return await line.ask(action, RecordingSid=RE, RecordingDuration=seconds, RecordingUrl="https://evil.example/x")


async def complete(line: Line, **more: str) -> None:
    """Twilio says that the recording is there."""
    facts = {"RecordingSid": RE, "RecordingStatus": "completed", "RecordingDuration": "9", **more}
    await line.ask(line.url("recording"), **facts)


async def message(line: Line) -> Message:
    return (await line.messages())[-1]


async def recording(line: Line) -> CallRecording:
    return await line.inside(lambda: CallRecording.objects.select_related("file").get(sid=RE))


async def soon(line: Line) -> None:
    """Whatever waits for its next try is due."""
    await line.inside(lambda: CallRecording.objects.update(due_at=timezone.now()))


async def test_a_caller_is_asked_for_a_message_and_told_that_it_is_kept(line: Line) -> None:
    record = await take(line, voicemail_words="Speak after the tone & press #.")
    assert "Speak after the tone & press #." in record.words
    verb = record.verb("Record")
    assert verb.attrib["transcribe"] == "true"
    assert int(verb.attrib["maxLength"]) <= 120
    assert record.verbs[-1] == "Redirect"  # Twilio goes on there where it heard nothing
    done = await leave(line, record)
    assert "your message is kept" in done.words
    assert done.has("Hangup")


async def told(line: Line) -> calls.Told:
    def read() -> calls.Told:
        found = calls.told(Conversation.objects.get())
        assert found is not None
        return found

    return await line.inside(read)


async def test_no_message_is_said_to_be_left_before_one_is(line: Line) -> None:
    record = await take(line)
    asked = await told(line)
    assert (asked.mark.words, dict(asked.facts)["State"]) == ("Asked for a message", "Asked for a message")
    assert asked.steps[-1].title == "Asked for a message"
    await leave(line, record)
    left = await told(line)
    assert left.mark.words == "Missed: left a message"
    assert [one.title for one in left.steps[-2:]] == ["Message left", "Ended"]


async def test_who_leaves_none_is_told_so_by_its_step(line: Line) -> None:
    record = await take(line)
    await line.ask(line.url("voicemail", "?empty=1"))
    assert record.has("Record")
    assert "No message left" in [one.title for one in (await told(line)).steps]


async def test_the_message_is_the_callers_own_with_its_audio_and_waits_among_the_missed(line: Line) -> None:
    line.twilio.recordings[RE] = MP3
    await leave(line, await take(line))
    await complete(line)
    await line.hang_up()
    await line.drain()
    said = await message(line)
    assert (said.author_kind, said.text) == ("visitor", "")
    assert [item["content_type"] for item in said.attachments] == ["audio/mpeg"]
    assert "state" not in said.attachments[0]
    row = await recording(line)
    assert (row.state, row.seconds, row.file is not None) == ("kept", 9, True)
    call = await line.call()
    assert call.conversation.last_text == "Recording"
    assert (call.state, call.outcome) == ("ended", "voicemail")
    assert PERSON in call.remedy
    missed = await line.inside(
        lambda: list(
            Conversation.objects.filter(
                inbox.shown("missed", factories.owner_of(line.workspace)), id=call.conversation_id
            )
        )
    )
    assert missed, "nobody sees that they were missed"


async def test_its_words_come_later_and_stand_in_the_message(line: Line) -> None:
    record = await take(line)
    await leave(line, record)
    address = record.verb("Record").attrib["transcribeCallback"]
    facts = {"RecordingSid": RE, "TranscriptionStatus": "completed", "TranscriptionText": "Please call me back."}
    for _ in range(2):
        await line.ask(address, **facts)
    said = await message(line)
    assert said.text == "Please call me back."
    conversation = await line.inside(lambda: Conversation.objects.get(id=said.conversation_id))
    assert conversation.last_text == "Please call me back."


async def test_words_that_come_before_the_message_is_told_of_are_not_lost(line: Line) -> None:
    record = await take(line)
    facts = {"RecordingSid": RE, "TranscriptionStatus": "completed", "TranscriptionText": "It is urgent."}
    await line.ask(line.url("transcript"), **facts)
    await complete(line, RecordingSource="RecordVerb")
    await leave(line, record)
    assert (await message(line)).text == "It is urgent."


async def test_what_cannot_be_written_down_says_so_and_is_there_as_audio(line: Line) -> None:
    record = await take(line)
    await leave(line, record)
    await line.ask(line.url("transcript"), RecordingSid=RE, TranscriptionStatus="failed")
    told = await line.inside(lambda: list(CallStep.objects.filter(kind="voicemail").values_list("words", "remedy")))
    assert ("Twilio could not write the message down.", "Listen to it on this page.") in told


async def test_in_a_language_that_twilio_does_not_write_the_audio_is_the_message(line: Line) -> None:
    record = await take(line, language="de-DE")
    assert "transcribe" not in record.verb("Record").attrib
    await leave(line, record)
    remedies = await line.inside(
        lambda: list(CallStep.objects.filter(kind="voicemail").values_list("remedy", flat=True))
    )
    assert "Twilio does not write this one down. Listen to it on this page." in remedies


async def test_a_message_without_a_sound_is_none_and_the_call_is_missed(line: Line) -> None:
    record = await take(line)
    nothing = await line.follow(record)
    assert nothing.has("Hangup")
    assert "kept" not in nothing.words
    call = await line.call()
    assert (call.outcome, call.reason) == ("no_answer", "Nobody took the call, and no message was left.")
    assert not [one for one in await line.messages() if one.author_kind == "visitor"]


async def test_the_same_report_again_posts_nothing_twice(line: Line) -> None:
    record = await take(line)
    await asyncio.gather(*(leave(line, record) for _ in range(3)))
    await leave(line, record)
    said = [one for one in await line.messages() if one.author_kind == "visitor"]
    assert len(said) == 1


async def test_audio_is_asked_for_at_twilios_own_host_whatever_a_request_names(line: Line) -> None:
    line.twilio.recordings[RE] = MP3
    await leave(line, await take(line))  # names another host
    await soon(line)
    await line.drain()
    asked = [seen.path for seen in line.twilio.seen if seen.path.endswith(".mp3")]
    assert asked == [f"/2010-04-01/Accounts/{line.connection.config['account_sid']}/Recordings/{RE}.mp3"]
    assert (await recording(line)).state == "kept"


async def test_audio_that_is_not_there_yet_is_fetched_a_little_later(line: Line) -> None:
    await leave(line, await take(line))
    await complete(line)
    await line.drain()
    row = await recording(line)
    assert row.state == "fetching"
    assert "no such file" in row.reason
    line.twilio.recordings[RE] = MP3
    await soon(line)
    await line.drain()
    assert (await recording(line)).state == "kept"


async def test_audio_that_cannot_be_had_says_why_and_is_fetched_again_by_a_button(line: Line) -> None:
    line.twilio.recording_wrongs.append(problem(20003, 401))
    await leave(line, await take(line))
    await complete(line)
    await line.drain()
    row = await recording(line)
    assert row.state == "failed"
    assert "refuses the auth token" in row.reason
    shown = (await message(line)).attachments[0]
    assert (shown["state"], bool(shown["reason"])) == ("failed", True)
    line.twilio.recordings[RE] = MP3
    conversation_id = (await line.call()).conversation_id
    assert await line.inside(lambda: audio.fetch_again(line.who, conversation_id, row.id))
    await line.drain()
    assert (await recording(line)).state == "kept"
    assert "state" not in (await message(line)).attachments[0]


async def test_what_is_no_audio_is_not_kept(line: Line) -> None:
    line.twilio.recordings[RE] = b"<html><script>alert(1)</script></html>"
    await leave(line, await take(line))
    await complete(line)
    await line.drain()
    assert (await recording(line)).state == "failed"
    assert not await line.inside(File.objects.exists)


async def test_a_recording_without_a_sound_says_so(line: Line) -> None:
    await leave(line, await take(line))
    await complete(line, RecordingStatus="absent")
    row = await recording(line)
    assert (row.state, row.reason) == ("failed", "Twilio recorded no sound.")


async def test_where_no_report_comes_the_audio_is_asked_for_all_the_same(line: Line) -> None:
    line.twilio.recordings[RE] = MP3
    await leave(line, await take(line))
    await soon(line)
    await line.drain()
    assert (await recording(line)).state == "kept"


async def test_erasing_a_person_deletes_their_audio_here_and_at_twilio(line: Line) -> None:
    line.twilio.recordings[RE] = MP3
    await leave(line, await take(line))
    await complete(line)
    await line.drain()

    def erase() -> None:
        person = Conversation.objects.select_related("person").get().person
        erasing.begin(line.who, person)

    line.twilio.recording_wrongs.append(Said(503, {}, b""))
    await line.inside(erase)
    assert not await line.inside(File.objects.exists)
    await line.drain()
    row = await recording(line)
    assert (row.state, row.transcript, row.file) == ("deleted", "", None)
    assert row.url, "it was not deleted at Twilio, and nothing tries again"
    await soon(line)
    await line.drain()
    assert (line.twilio.deleted, (await recording(line)).url) == ([RE], "")


async def test_what_is_erased_while_the_connection_is_paused_is_deleted_at_twilio_all_the_same(line: Line) -> None:
    line.twilio.recordings[RE] = MP3
    await leave(line, await take(line))
    await complete(line)
    await line.drain()

    def erase() -> None:
        Connection.objects.update(state="paused", state_reason="A member paused it.")
        erasing.begin(line.who, Conversation.objects.select_related("person").get().person)

    await line.inside(erase)
    await line.drain()
    assert (line.twilio.deleted, (await recording(line)).url) == ([RE], "")


async def test_a_message_whose_connection_is_deleted_says_that_its_audio_never_comes(line: Line) -> None:
    await leave(line, await take(line))

    def delete() -> None:
        connections.delete(line.who, connections.held(line.connection.id))

    await line.inside(delete)
    [item] = (await message(line)).attachments
    assert (item["state"], item["reason"]) == ("failed", "The connection that it came over was deleted.")


async def test_a_stranger_cannot_fetch_the_audio_of_another_workspace(line: Line) -> None:
    await leave(line, await take(line))
    row, call = await recording(line), await line.call()
    other = await in_thread(factories.make_workspace)

    def look() -> int:
        with tenant(other.id):
            return CallRecording.objects.filter(id=row.id).count()

    assert await in_thread(look) == 0
    assert call.workspace_id == line.workspace.id
