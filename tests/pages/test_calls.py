"""Calls on pages: the panel of a call, what was heard of it and what happened beside it; the Calls tab; the inbox."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.urls import reverse
from django.utils import timezone

from channels_app.models import Call, CallRecording, CallTransfer, CallTurn, Connection
from channels_app.pages import queries
from channels_app.voice import ending, own_recordings, record, taking, transfer_failures
from convoship.lib.tenancy import tenant
from deployments.models import Message
from tests.channels import told_calls
from tests.channels.told_calls import Made
from tests.channels.twilio_end import NUMBER, PERSON
from tests.pages.conftest import Browser, browser_of, form_of, forms_of, text, words
from workspaces.models import Workspace


@pytest.fixture
def line(workspace: Workspace) -> Connection:
    return told_calls.make_line(workspace)


@pytest.fixture
def story(line: Connection) -> Made:
    return told_calls.make_story(line)


def page_of(made: Made) -> str:
    return f"/app/conversations/{made.conversation.id}/"


def calls_of(line: Connection, query: str = "") -> str:
    return f"/app/channels/{line.id}/calls{query}"


# --- The conversation's page ------------------------------------------------------------------------------------------


def test_a_call_says_who_called_whom_and_that_it_goes_on(member: Browser, story: Made) -> None:
    page = member.get(page_of(story))
    shown = words(page)
    for part in (PERSON, NUMBER, "They called", "With the assistant", "Sentence by sentence", "On the phone"):
        assert part in shown, part
    assert "data-call-since" in text(page)
    assert "They agreed to be recorded, by key 1." in shown


def test_what_was_heard_and_what_was_not_are_told_apart_in_words(member: Browser, story: Made) -> None:
    page = text(member.get(page_of(story)))
    (cut, unheard) = re.findall(r'<div class="bubble unheard">(.*?)</div>', page, re.DOTALL)
    assert "Not heard" in cut
    assert "On Saturdays we open at ten and close at two." in cut
    assert "We are open from nine to five." not in cut
    assert "Never heard" in unheard
    assert "I will tell them that you called." in unheard
    assert "Cut off" in page


def test_a_turn_tells_its_latency_stage_by_stage_and_whose_it_was(member: Browser, story: Made) -> None:
    shown = words(member.get(page_of(story)))
    assert "First word after 660 ms" in shown
    for part in (
        "Until the assistant was asked 20 ms",
        "Of that the assistant 620 ms",
        "Of that Convoship 40 ms",
        "How sure Twilio is of the words 91 %",
    ):
        assert part in shown, part


def test_keys_silences_transfers_and_fall_backs_stand_where_they_happened(member: Browser, story: Made) -> None:
    page = text(member.get(page_of(story)))
    order = ["They called.", "What are your opening hours?", "They pressed 3.", "They said nothing", "goes on sentence"]
    order += ["Calling +14155550199", "Nobody answered.", "Nobody can take your call right now."]
    places = [page.index(part) for part in order]
    assert places == sorted(places)
    assert "Check the number in the connection&#x27;s settings." in page


@pytest.mark.parametrize(
    ("outcome", "mark", "button"),
    [
        ("failed", "Call failed", "Open Our number"),
        ("lost", "Call lost", "Open Our number"),
        ("too_long", "Call ended", "Open its settings"),
        ("hung_up", "Call ended", ""),
        ("no_answer", "Missed call", ""),
    ],
)
def test_an_ended_call_says_why_with_the_remedy_and_the_way_to_mend_it(
    member: Browser, line: Connection, outcome: str, mark: str, button: str
) -> None:
    made = told_calls.make_call(line)
    made.end(outcome, "This is why.", "Do this about it.")
    page = member.get(page_of(made))
    shown = words(page)
    assert mark in shown
    assert "This is why. Do this about it." in shown
    assert not button or button in shown
    assert "data-call-since" not in text(page)
    assert "1 min 2" in shown


def test_who_talked_to_the_assistant_and_to_no_person_was_answered(member: Browser, line: Connection) -> None:
    made = told_calls.make_call(line)
    made.turn(1, made.say("Is anybody there?"))
    made.end("no_answer", "Nobody took the call, and no message was left.")
    shown = words(member.get(page_of(made)))
    assert "Nobody came" in shown
    assert "no message was left. Before that they talked to the assistant." in shown
    for part in ("Missed call", "Nobody answered"):
        assert part not in shown, part


def test_who_never_said_a_word_did_not_talk_to_the_assistant(member: Browser, line: Connection) -> None:
    made = told_calls.make_call(line)
    for number in (0, 1, 2, 3):
        with tenant(made.workspace_id):
            taking.take(made.call.id, number, "")
    made.end("no_answer", "Nobody took the call, and no message was left.")
    shown = words(member.get(page_of(made)))
    assert "Missed call" in shown
    assert "talked to the assistant" not in shown
    for listed in ("/app/conversations/", calls_of(line)):
        assert "Missed call" in words(member.get(listed)), listed
        assert "Nobody came" not in words(member.get(listed)), listed


def test_a_number_that_is_wrong_is_mended_in_the_settings_of_the_calls_own_connection(
    member: Browser, workspace: Workspace
) -> None:
    number = "+14155550199"
    older = told_calls.make_line(workspace, "Another number", from_number="+14155550111", transfer_to=number)
    made = told_calls.make_call(told_calls.make_line(workspace, transfer_to=number))
    with tenant(made.workspace_id):
        transfer = CallTransfer.objects.create(call=made.call, manner="cold", to=number, ended_at=timezone.now())
    failed = transfer_failures.FAILED
    for _ in range(2):
        made.step("transfer_failed", failed.words, failed.remedy, transfer=str(transfer.id))
    page = text(member.get(page_of(made)))
    assert page.count(f'href="{reverse("connection_settings", args=[made.call.connection_id])}"') == 2
    assert reverse("connection_settings", args=[older.id]) not in page


def test_a_caller_is_called_the_same_in_the_transcript_and_beside_it(member: Browser, story: Made) -> None:
    page = text(member.get(page_of(story)))
    assert f"<b>{story.conversation.who}</b>" in page
    assert "<b>Visitor</b>" not in page


@pytest.mark.parametrize(("mode", "is_said"), [("gather", True), ("relay", False)])
def test_a_call_that_ended_sentence_by_sentence_says_that_its_last_answers_end_is_not_known(
    member: Browser, line: Connection, mode: str, is_said: bool
) -> None:
    made = told_calls.make_call(line)
    with tenant(made.workspace_id):
        Call.objects.filter(id=made.call.id).update(mode=mode)
    made.end("hung_up", "They hung up.")
    said = "How much of the last answer was heard is not known: Twilio does not say it sentence by sentence."
    assert (said in words(member.get(page_of(made)))) is is_said


def test_how_a_finished_call_ended_is_said_in_its_panel_and_once_in_its_story(
    member: Browser, line: Connection
) -> None:
    made, talked = told_calls.make_call(line), "They talked to +14155550199 for 20 seconds."
    made.step("transfer", talked)
    made.step("ended", talked)
    made.end("transferred", talked)
    assert words(member.get(page_of(made))).count(talked) == 2


def test_a_lost_connection_is_one_line_of_the_story_with_one_remedy(member: Browser, line: Connection) -> None:
    made = told_calls.make_call(line)
    made.step("relay_lost", "It broke off while the call went on.")
    made.step("fallback", "The connection broke off. (Twilio's error 64105)", "Ask whoever runs the server.")
    shown = words(member.get(page_of(made)))
    assert shown.count("Ask whoever runs the server.") == 1
    assert "It broke off while the call went on." not in shown
    assert "ocket" not in shown


def test_what_could_be_chosen_in_an_answer_that_was_not_heard_stands_once(member: Browser, line: Connection) -> None:
    made = told_calls.make_call(line)
    message = made.spoken("Here you are: Delivery.", "cut", "Here you")
    block = {"type": "buttons", "buttons": [{"label": "Delivery", "payload": "delivery"}]}
    with tenant(made.workspace_id):
        Message.objects.filter(id=message.id).update(blocks=[block])
    page = text(member.get(page_of(made)))
    assert 'aria-label="Buttons that were offered"' not in page
    assert page.count("Delivery") == 1


def test_a_calls_story_tells_the_greeting_where_it_was_said(member: Browser, line: Connection) -> None:
    with tenant(line.workspace_id):
        connection = Connection.objects.select_related("assistant__published").get(id=line.id)
        call = record.open_call(connection, told_calls.sid("CA", 7), PERSON, NUMBER, "inbound")
        at = f"/app/conversations/{call.conversation_id}/"
    greeting = 'id="m-1"'
    rung = text(member.get(at))
    assert rung.index("They called.") < rung.index(greeting)
    with tenant(line.workspace_id):
        record.answered(record.lock(call.id))
        taking.take(call.id, 0, "")
    taken = text(member.get(at))
    places = [taken.index(part) for part in ("They called.", "<b>Answered</b>", greeting)]
    assert places == sorted(places)


def test_word_by_word_the_greeting_stands_after_twilio_began_to_listen(member: Browser, line: Connection) -> None:
    with tenant(line.workspace_id):
        connection = Connection.objects.select_related("assistant__published").get(id=line.id)
        call = record.open_call(connection, told_calls.sid("CA", 9), PERSON, NUMBER, "inbound")
        taken = taking.take(call.id, 0, "")
        record.note(call, "relay_connected", "Twilio listens and speaks word by word.")
        taking.first_given(taken.turn)
    page = text(member.get(f"/app/conversations/{call.conversation_id}/"))
    assert page.index("Listening word by word") < page.index('id="m-1"')


def test_by_sound_a_turn_tells_when_its_first_sound_came_and_names_no_provider(
    member: Browser, line: Connection
) -> None:
    made = told_calls.make_call(line)
    with tenant(line.workspace_id):
        Call.objects.filter(id=made.call.id).update(mode="stream")
        turn = made.turn(1, made.say("question"))
        made.spoken("answer", "spoken", "answer", turn)
        CallTurn.objects.filter(id=turn.id).update(endpoint_ms=500, speech_ms=300)
        keyed = made.turn(2, made.say("5"))
        made.spoken("another answer", "spoken", "another answer", keyed)
        record.note(made.call, "relay_connected", "Its sound is ours.", of="sound")
    shown = words(member.get(page_of(made)))
    assert "First sound after 1.5 s" in shown
    assert "Until Twilio" not in shown
    assert "Listening by its sound" in shown


def test_an_answer_that_was_cut_off_has_no_time_to_its_end(member: Browser, line: Connection) -> None:
    made = told_calls.make_call(line)
    for number, state in ((1, "spoken"), (2, "cut")):
        turn = made.turn(number, made.say(f"question {number}"))
        made.spoken(f"answer {number}", state, "answer", turn)
    assert words(member.get(page_of(made))).count("Until Twilio had all of it") == 1


def test_the_page_and_the_list_say_the_same_length_of_a_call(member: Browser, line: Connection) -> None:
    made = told_calls.make_call(line)
    made.end("completed")
    with tenant(made.workspace_id):
        Call.objects.filter(id=made.call.id).update(seconds=97)
    assert "Lasted: 1 min 37 s" in words(member.get(page_of(made)))
    assert "1 min 37 s" in words(member.get(calls_of(line)))


def test_a_call_is_told_in_words_of_calls(member: Browser, line: Connection) -> None:
    with tenant(line.workspace_id):
        connection = Connection.objects.select_related("assistant__published").get(id=line.id)
        call = record.open_call(connection, told_calls.sid("CA", 8), "anonymous", NUMBER, "inbound")
        record.answered(record.lock(call.id))
        at = f"/app/conversations/{call.conversation_id}/"
    goes_on = words(member.get(at))
    assert "Resolve and hang up" in goes_on
    assert "It hangs up on Caller" in goes_on
    with tenant(line.workspace_id):
        ending.end(call.id, "hung_up")
    over = words(member.get(at))
    assert "If they call again, a new conversation begins." in over
    for part in ("Gone quiet", "isitor"):
        assert part not in goes_on + over, part


def test_what_a_caller_was_asked_before_a_recording_stands_with_their_answer(member: Browser, story: Made) -> None:
    shown = words(member.get(page_of(story)))
    assert "They were asked: “May we record it?” They agreed to be recorded, by key 1." in shown


def test_a_recording_is_played_over_a_signed_link(member: Browser, story: Made) -> None:
    page = text(member.get(page_of(story)))
    player = re.search(r'<audio [^>]*controls[^>]*src="([^"]+)"[^>]*aria-label="([^"]+)"', page)
    assert player is not None
    assert "/files/" in player[1]
    assert player[2] == "Recording of the call, 12 s"
    policy = member.get(page_of(story))["Content-Security-Policy"]
    assert "media-src 'self'" in policy


def test_audio_that_could_not_be_fetched_says_why_and_is_fetched_again(member: Browser, line: Connection) -> None:
    made = told_calls.make_call(line)
    row = made.recording("voicemail", "failed", reason="Twilio has no such file (404).", remedy="Fetch it again later.")
    page = member.get(page_of(made))
    assert "Not kept" in words(page)
    assert "Twilio has no such file (404). Fetch it again later." in words(page)
    answer = member.send(form_of(page, f"recordings/{row.id}/again"))
    assert "The recording is being fetched." in words(answer)
    assert "Being fetched" in words(answer)


def test_what_we_recorded_ourselves_says_how_it_stands_until_it_is_kept(member: Browser, line: Connection) -> None:
    made = told_calls.make_call(line)
    recording = made.own_recording(is_over=False)
    shown = words(member.get(page_of(made)))
    assert "Recording of the call Goes on" in shown
    assert "The recording has begun." in shown
    with tenant(made.workspace_id):
        own_recordings.end(recording)
    shown = words(member.get(page_of(made)))
    assert "Recording of the call 12 s Being stored" in shown
    with tenant(made.workspace_id):
        CallRecording.objects.update(state="failed", reason="The file could not be kept.", remedy="Look at the disk.")
    page = member.get(page_of(made))
    assert "Not kept The file could not be kept. Look at the disk. Store again" in words(page)
    answer = member.send(form_of(page, f"recordings/{recording}/again"))
    assert "The recording is being stored." in words(answer)
    assert "Being stored" in words(answer)


def test_what_broke_off_says_so_beside_its_player_and_what_is_lost_has_no_button(
    member: Browser, line: Connection
) -> None:
    made = told_calls.make_call(line)
    made.recording(is_own=True, missing="It breaks off after 12 s.")
    page = member.get(page_of(made))
    assert "<audio" in text(page)
    assert "It breaks off after 12 s." in words(page)
    lost = told_calls.make_call(line)
    lost.recording(state="failed", is_own=True, reason="The recording is lost: the process died.")
    page = member.get(page_of(lost))
    assert "Not kept The recording is lost: the process died." in words(page)
    assert not [form for form in forms_of(page) if form.action.endswith("/again")]


def test_who_may_only_read_has_no_button_to_fetch_it(workspace: Workspace, line: Connection) -> None:
    from tests import factories

    made = told_calls.make_call(line)
    made.recording("voicemail", "failed", reason="Gone.")
    viewer = browser_of(workspace, factories.member(workspace, "viewer"))
    assert not [form for form in forms_of(viewer.get(page_of(made))) if form.action.endswith("/again")]


def test_what_callers_say_and_press_is_never_markup(member: Browser, line: Connection) -> None:
    made = told_calls.make_call(line, caller="+14155550123")
    nasty = '"><script>alert(1)</script>'
    with tenant(made.workspace_id):
        Call.objects.filter(id=made.call.id).update(called=nasty[:60], reason=nasty)
    made.step("dtmf", nasty, nasty)
    made.turn(1, made.say("hi"), keys=nasty, error=nasty)
    made.spoken(f"{nasty} and more", "cut", nasty)
    made.recording("voicemail", "failed", reason=nasty, transcript=nasty)
    made.end("failed", nasty, nasty)
    assert "<script>alert" not in text(member.get(page_of(made)))


def test_a_step_rings_on_the_page_that_shows_the_call(
    member: Browser, story: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    from deployments import live

    rung: list[str] = []
    monkeypatch.setattr(live, "tell_team", lambda conversation, kind, **more: rung.append(kind))
    with tenant(story.workspace_id):
        record.note(record.lock(story.call.id), "silence", "They said nothing.")
    assert rung == ["call"]
    assert "They said nothing." in words(member.get(f"{page_of(story)}live"))


# --- The inbox --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "recording", "said"),
    [
        ("", "", "On the phone"),
        ("completed", "", "Call ended"),
        ("transferred", "", "Call put through"),
        ("canceled", "", "Missed call"),
        ("voicemail", "voicemail", "Missed: left a message"),
        ("voicemail", "", "Missed call"),
    ],
)
def test_the_inbox_says_that_it_is_a_call_and_how_it_went(
    member: Browser, line: Connection, outcome: str, recording: str, said: str
) -> None:
    made = told_calls.make_call(line)
    if recording:
        made.recording(recording, "failed")
    if outcome:
        made.end(outcome)
    row = re.search(
        rf'id="c-{made.conversation.id}">(.*?)\n      </div>', text(member.get("/app/conversations/")), re.DOTALL
    )
    assert row is not None
    assert said in row[1]


# --- The Calls tab ----------------------------------------------------------------------------------------------------


def test_the_tab_lists_calls_with_how_they_went_and_leads_to_each(member: Browser, line: Connection) -> None:
    one, other = told_calls.make_call(line), told_calls.make_call(line, "+4930901820")
    other.end("failed", "Twilio could not reach us.", "Check the address.")
    page = member.get(calls_of(line))
    assert "Twilio could not reach us. Check the address." in words(page)
    for made in (one, other):
        assert page_of(made) in text(page)
    assert 'aria-current="page">Calls' in text(member.get(calls_of(line)))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"going", "missed", "done"}),
        ("?show=going-on", {"going"}),
        ("?show=missed", {"missed"}),
        ("?show=ended", {"missed", "done"}),
        ("?outcome=completed", {"done"}),
        ("?q=%2B4930", {"missed"}),
        ("?q=999%00", set()),
        ("?show=nonsense&outcome=nonsense", {"going", "missed", "done"}),
    ],
)
def test_calls_are_filtered_by_state_outcome_and_number(
    member: Browser, line: Connection, query: str, found: set[str]
) -> None:
    made = {"going": told_calls.make_call(line, "+33140000000"), "missed": told_calls.make_call(line, "+4930901820")}
    made["done"] = told_calls.make_call(line, "+33140000001")
    made["missed"].end("no_answer")
    made["done"].end("completed")
    page = text(member.get(calls_of(line, query)))
    assert {name for name, one in made.items() if f'id="call-{one.call.id}"' in page} == found


def test_older_calls_are_on_the_next_page_and_each_stands_on_one(
    member: Browser, line: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "PAGE_SIZE", 2)
    made = {str(told_calls.make_call(line).call.id) for _ in range(5)}
    seen: list[str] = []
    address: str | None = calls_of(line)
    while address:
        page = text(member.get(address))
        seen += re.findall(r'id="call-([^"]+)"', page)
        older = re.search(r'href="([^"]+)">Older', page)
        address = older[1].replace("&amp;", "&") if older else None
    assert len(seen) == len(made)
    assert set(seen) == made


def test_latency_is_told_for_a_day_and_a_week_and_whose_it_is(member: Browser, line: Connection) -> None:
    today = told_calls.make_call(line)
    for number in range(1, 101):
        today.turn(number, responder_ms=number * 10, platform_ms=number)
    earlier = timezone.now() - dt.timedelta(days=3)
    lately = told_calls.make_call(line, began_at=earlier)
    lately.turn(1, heard_at=earlier, responder_ms=9000, platform_ms=9000)
    page = text(member.get(calls_of(line)))
    day, week = (re.search(rf'id="measured-{span}">(.*?)</tr>', page, re.DOTALL) for span in ("24h", "7d"))
    assert day is not None
    assert week is not None
    assert "50 ms · 95 ms" in day[1]
    assert "505 ms · 950 ms" in day[1]
    assert "51 ms · 96 ms" in week[1]


def test_a_line_without_calls_says_what_comes_here(member: Browser, line: Connection) -> None:
    shown = words(member.get(calls_of(line)))
    assert "No calls yet" in shown
    assert "Nothing was measured" in shown
