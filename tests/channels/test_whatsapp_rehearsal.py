"""WhatsApp is rehearsed: what a phone can do, the window by the stand-in's own clock, templates, and refusals."""

from __future__ import annotations

import datetime as dt
import html
import json
import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from channels_app import enqueueing, windows
from channels_app.models import Connection, Delivery, MessageTemplate, Rehearsal, ServiceWindow
from channels_app.models.rehearsal import LineKind
from channels_app.providers.twilio import codes
from convoship.lib.tenancy import tenant
from deployments import conversations
from deployments.conversations import NewMessage
from deployments.models import Conversation
from deployments.models.conversation import AuthorKind
from tests import factories
from tests.channels.rehearsals import Rehearsed, rehearse
from tests.channels.test_rehearsal import basic, create
from workspaces.models import AuditEvent

PERSON = "+14155550123"
OVER = "More than 24 hours have passed since they last wrote, so WhatsApp takes only a template."
OPTIONS = [
    {
        "type": "buttons",
        "buttons": [{"label": "Track it", "payload": "track"}, {"label": "Return it", "payload": "back"}],
    }
]
MANY = [{"type": "buttons", "buttons": [{"label": f"Size {number}", "payload": f"s{number}"} for number in range(5)]}]


@pytest.fixture(autouse=True)
def stage(live_server: LiveServer, settings: Any) -> None:
    """The product on this machine, which may call itself."""
    parts = urlsplit(live_server.url)
    settings.PUBLIC_BASE_URL = live_server.url
    settings.OUTBOUND_ALLOWLIST = frozenset({(parts.hostname, parts.port)})


@pytest.fixture
def it() -> Rehearsed:
    """A phone that has said hello, and was answered."""
    found = rehearse("twilio_whatsapp")
    found.says("hello")
    found.settles()
    return found


def inbox(it: Rehearsed) -> str:
    """The conversation's page."""
    with tenant(it.workspace.id):
        path = f"/app/conversations/{Conversation.objects.get().id}/"
    return html.unescape(it.client.get(path).content.decode())


def writes(
    it: Rehearsed, text: str, blocks: list[dict[str, Any]] | None = None, by: AuthorKind = AuthorKind.AGENT
) -> None:
    """A member of ours, or the assistant, writes this, and the worker looks at it."""
    with tenant(it.workspace.id):
        conversation = conversations.lock(Conversation.objects.get(status="active").id)
        new = NewMessage(author_kind=by, text=text, blocks=blocks or [])
        conversations.post_message(conversation, new)
    it.settles()


def sends(it: Rehearsed, content: dict[str, Any]) -> Delivery:
    """This goes out by itself."""
    with tenant(it.workspace.id):
        connection = Connection.objects.get(id=it.connection.id)
        made = enqueueing.enqueue_alone(connection, "Template", content, PERSON)
    it.settles()
    with tenant(it.workspace.id):
        return Delivery.objects.get(id=made.id)


def delivery_of(it: Rehearsed, text: str) -> Delivery:
    return next(one for one in it.deliveries if one.content.get("text") == text)


def form_of(it: Rehearsed) -> dict[str, str]:
    """What Twilio posted for what was said last."""
    return dict(parse_qsl(it.lines(LineKind.SAID)[-1].body, keep_blank_values=True))


def heard(it: Rehearsed, text: str) -> list[Any]:
    return [line for line in it.lines(LineKind.CAUGHT) if line.text == text and not line.extras.get("code")]


def approved(it: Rehearsed) -> dict[str, Any]:
    with tenant(it.workspace.id):
        contents = Rehearsal.objects.get(connection=it.connection).contents.values()
    return next(one for one in contents if one["friendly_name"] == "news_for_you")


def template(it: Rehearsed) -> dict[str, Any]:
    found = approved(it)
    asked = {"sid": found["sid"], "name": found["friendly_name"], "variables": {"1": "It is on its way."}}
    return {"template": asked, "text": "It is on its way."}


# --- What a phone can do --------------------------------------------------------------------------------------------


def test_who_writes_has_a_name_and_a_number_and_what_is_read_says_so(it: Rehearsed) -> None:
    it.says("where is my order", name="Ada Nwosu")
    it.settles()
    form = form_of(it)
    assert (form["From"], form["WaId"], form["ProfileName"]) == (f"whatsapp:{PERSON}", "14155550123", "Ada Nwosu")
    assert {row.status for row in it.deliveries} == {"read"}
    screen = it.screen
    assert "Read on the phone" in screen
    assert 'value="Ada Nwosu"' in screen
    it.behaves(reads=False)
    it.says("thanks")
    it.settles()
    assert it.deliveries[-1].status == "delivered"
    assert "On the phone" in it.screen


def test_a_button_is_drawn_and_a_tap_on_it_posts_what_twilio_posts(it: Rehearsed) -> None:
    writes(it, "What about it?", OPTIONS)
    (line,) = heard(it, "What about it?")
    screen = it.screen
    assert f'value="{line.id}:1"' in screen
    assert "Return it" in screen
    it.says("", tap=f"{line.id}:1", address=PERSON)
    form = form_of(it)
    assert (form["Body"], form["ButtonText"], form["ButtonPayload"]) == ("Return it", "Return it", "back")
    assert form["OriginalRepliedMessageSid"] == line.provider_id
    it.settles()
    said = next(message for message in it.messages if message.text == "Return it")
    assert said.payload == "back"
    assert said.reply_to == next(message.seq for message in it.messages if message.text == "What about it?")
    page = inbox(it)
    assert f'<a href="?m={said.reply_to}#m-{said.reply_to}">What about it?</a>' in page
    assert "<span>chose an option</span>" in page


def test_a_number_that_is_typed_says_in_the_inbox_what_it_stands_for(it: Rehearsed) -> None:
    writes(it, "Which size?", MANY, AuthorKind.ASSISTANT)
    it.says("4")
    it.settles()
    page = inbox(it)
    assert "<span>chose \u201cSize 3\u201d</span>" in page
    assert "tapped a button" not in page


def test_of_a_list_an_item_is_chosen(it: Rehearsed) -> None:
    writes(it, "Which size?", MANY)
    (line,) = heard(it, "Which size?")
    assert "<details" in it.screen
    assert line.extras["opens_with"] == "Choose"
    it.says("", tap=f"{line.id}:4", address=PERSON)
    form = form_of(it)
    assert (form["ListTitle"], form["ListId"], form["MessageType"]) == ("Size 4", "s4", "interactive")
    it.settles()
    assert next(message for message in it.messages if message.text == "Size 4").payload == "s4"


@pytest.mark.parametrize("tap", ["x", "x:0", "{line}:9", "{line}:-1", "{line}:", "{other}:0", "{line}:²"])
def test_what_can_not_be_tapped_is_said_and_nothing_is_posted(it: Rehearsed, tap: str) -> None:
    writes(it, "What about it?", OPTIONS)
    (line,) = heard(it, "What about it?")
    before = len(it.lines(LineKind.SAID))
    tap = tap.format(line=line.id, other=factories.make_workspace().id)
    answer = it.client.post(it.path("say"), {"tap": tap, "address": PERSON})
    assert answer.status_code == 422
    assert "can&#x27;t be tapped any more" in answer.content.decode()
    assert len(it.lines(LineKind.SAID)) == before


def test_a_place_is_sent_with_its_name(it: Rehearsed) -> None:
    place = {"latitude": "37.7955", "longitude": "-122.3937", "label": "Ferry Building", "street": "1 Embarcadero"}
    it.says("", does="place", **place)
    form = form_of(it)
    assert (form["Latitude"], form["Longitude"]) == ("37.7955", "-122.3937")
    assert (form["Label"], form["Address"], form["Body"]) == ("Ferry Building", "1 Embarcadero", "")
    it.settles()
    assert any("Location: Ferry Building, 1 Embarcadero" in message.text for message in it.messages)
    assert "1 Embarcadero" in it.screen
    page = inbox(it)
    assert (
        '<a href="https://www.openstreetmap.org/?mlat=37.795500&mlon=-122.393700#map=17/37.795500/-122.393700"' in page
    )


@pytest.mark.parametrize("wrong", ["", "north", "90.5", "nan", "inf", "\0"])
def test_a_place_that_is_nowhere_is_told_so_beside_its_field(it: Rehearsed, wrong: str) -> None:
    answer = it.client.post(it.path("say"), {"does": "place", "latitude": wrong, "longitude": "13.4", "label": "Here"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Write a number from -90 to 90" in page
    assert 'value="Here"' in page
    assert "-180 to 180" not in page


def test_a_message_is_replied_to(it: Rehearsed) -> None:
    writes(it, "Shall I send it again?")
    (line,) = heard(it, "Shall I send it again?")
    page = it.client.get(it.path(), {"reply": str(line.id)}).content.decode()
    assert f'name="reply_to" value="{line.id}"' in page
    it.says("yes please", reply_to=str(line.id))
    form = form_of(it)
    assert form["OriginalRepliedMessageSid"] == line.provider_id
    assert form["OriginalRepliedMessageSender"] == f"whatsapp:{it.connection.config['from_number']}"
    it.settles()
    said = next(message for message in it.messages if message.text == "yes please")
    assert said.reply_to == next(one.seq for one in it.messages if one.text == "Shall I send it again?")


@pytest.mark.parametrize("reply", ["x", "\0", "6f0d6fd8-7e3a-4a0a-9d8a-000000000000"])
def test_a_reply_to_nothing_is_an_ordinary_message(it: Rehearsed, reply: str) -> None:
    assert it.client.get(it.path(), {"reply": reply}).status_code == 200
    it.says("hm", reply_to=reply)
    assert "OriginalRepliedMessageSid" not in form_of(it)


def test_stop_and_start_are_answered_by_us_once_and_by_nobody_else(it: Rehearsed) -> None:
    it.says("STOP")
    it.settles()
    assert not it.lines(LineKind.ASIDE)
    assert len([line for line in it.lines(LineKind.CAUGHT) if "You have opted out" in line.text]) == 1
    before = len(it.lines(LineKind.CAUGHT))
    it.says("are you there?")
    it.settles()
    assert len(it.lines(LineKind.CAUGHT)) == before
    it.says("START")
    it.settles()
    assert not it.lines(LineKind.ASIDE)
    assert "Welcome back" in it.lines(LineKind.CAUGHT)[-1].text


@pytest.mark.parametrize("holds", [True, False])
def test_a_stop_on_whatsapp_holds_for_sms_where_the_owner_wants_it_so(holds: bool) -> None:
    whatsapp = rehearse("twilio_whatsapp")
    with tenant(whatsapp.workspace.id):
        assistant = Connection.objects.get().assistant
        Connection.objects.update(config={**whatsapp.connection.config, "stop_everywhere": holds})
    sms = rehearse("twilio_sms", whatsapp.workspace, assistant)
    whatsapp.says("STOP")
    whatsapp.settles()
    sms.says("hello")
    sms.settles()
    assert form_of(sms)["From"] == PERSON
    assert form_of(whatsapp)["From"] == f"whatsapp:{PERSON}"
    assert bool(sms.lines(LineKind.CAUGHT)) is not holds
    assert ("nothing answers until they write START" in sms.screen) is holds


def test_all_that_was_said_stays_in_sight_however_many_reports_come(it: Rehearsed) -> None:
    for number in range(9):
        it.says(f"number {number}")
        it.settles()
    screen = it.screen
    assert all(f"number {number}" in screen for number in range(9))


def test_a_messaging_service_is_looked_at_as_a_senders_is() -> None:
    it = rehearse("twilio_whatsapp")
    with tenant(it.workspace.id):
        config = {**it.connection.config, "from_number": "", "messaging_service_sid": f"MG{'a' * 32}"}
        Connection.objects.update(config=config)
    answer = it.client.post(f"/app/channels/{it.connection.id}/test", headers={"HX-Request": "true"}).content.decode()
    assert "What people write comes to this connection." in answer
    assert "has no WhatsApp sender" not in answer
    it.says("hello")
    it.settles()
    assert {row.status for row in it.deliveries} == {"read"}


# --- The window -----------------------------------------------------------------------------------------------------


def test_a_day_passes_on_both_sides_and_writing_opens_the_window_again(it: Rehearsed) -> None:
    assert "Free words for 23 h 59 min." in it.screen
    page = it.acts("day", **{"with": PERSON})
    assert f"24 hours have passed for {PERSON}." in page
    assert "The window is closed: only a template goes." in page
    with tenant(it.workspace.id):
        window = ServiceWindow.objects.get()
        assert window.closes_at < timezone.now()
        audit = AuditEvent.objects.get(action="rehearsal.day_passed")
        assert (audit.data["address"], audit.target_id) == (PERSON, str(it.connection.id))
    writes(it, "Late.")
    late = delivery_of(it, "Late.")
    assert (late.status, late.awaits_window, late.reason) == ("queued", True, OVER)
    # It did not even go to WhatsApp.
    assert not [line for line in it.lines() if line.text == "Late."]
    assert html.escape(OVER) in it.screen
    it.says("I am back")
    it.settles()
    assert delivery_of(it, "Late.").status == "read"
    assert heard(it, "Late.")
    assert "Free words for 23 h 59 min." in it.screen


def forget_the_window(it: Rehearsed) -> None:
    """The product reckons wrongly that they wrote just now."""
    with tenant(it.workspace.id):
        now = timezone.now()
        ServiceWindow.objects.update(wrote_at=now, closes_at=now + windows.LASTS)


def test_a_product_that_forgot_the_window_is_refused_by_whatsapp_itself(it: Rehearsed) -> None:
    it.acts("day", **{"with": PERSON})
    forget_the_window(it)
    assert "Convoship holds it open" in it.screen
    writes(it, "Late.")
    (line,) = [line for line in it.lines(LineKind.CAUGHT) if line.text == "Late."]
    assert (line.answer_status, line.status, line.extras["code"]) == (201, "failed", 63016)
    late = delivery_of(it, "Late.")
    assert (late.awaits_window, late.reason) == (True, OVER)
    # On the phone it never arrived.
    assert not heard(it, "Late.")
    assert re.search(rf'class="not-taken"\s+id="t-{line.id}"', it.screen)
    it.says("I am back")
    it.settles()
    assert heard(it, "Late.")
    assert delivery_of(it, "Late.").status == "read"


def test_by_that_clock_buttons_need_the_window_and_a_template_does_not(it: Rehearsed) -> None:
    it.acts("day", **{"with": PERSON})
    sent = sends(it, template(it))
    assert sent.status == "read"
    (line,) = heard(it, "Here is the answer to your question: It is on its way. Write back if there is more.")
    assert line.extras["template"] == "news_for_you"
    assert "Template news_for_you" in it.screen
    forget_the_window(it)
    writes(it, "What about it?", OPTIONS)
    assert not heard(it, "What about it?")
    assert [row for row in it.deliveries if row.awaits_window]


def test_who_never_wrote_gets_only_a_template() -> None:
    it = rehearse("twilio_whatsapp")
    assert "They have not written yet, so only a template goes." in it.screen
    assert "has not written yet" in it.acts("day", **{"with": PERSON})
    with tenant(it.workspace.id):
        assert not AuditEvent.objects.filter(action="rehearsal.day_passed").exists()
    assert sends(it, template(it)).status == "read"


def test_only_in_a_rehearsal_does_time_pass_by_a_button(it: Rehearsed) -> None:
    with tenant(it.workspace.id):
        it.connection.is_rehearsal = False
        with pytest.raises(ValueError, match="people behind it"):
            windows.let_pass(it.connection, PERSON, windows.LASTS)
        Connection.objects.update(is_rehearsal=False)
    assert it.client.post(it.path("act"), {"act": "day", "with": PERSON}).status_code == 404


def test_starting_over_forgets_who_wrote_on_both_sides(it: Rehearsed) -> None:
    it.client.post(it.path("start-over"))
    with tenant(it.workspace.id):
        assert not ServiceWindow.objects.exists()
        assert Rehearsal.objects.get().phones == {}
    screen = it.screen
    assert "They have not written yet" in screen
    assert "news_for_you" in screen


@pytest.mark.parametrize("what", ["", "fly", "approve", "reject", "\0"])
def test_what_can_not_be_done_is_said(it: Rehearsed, what: str) -> None:
    assert re.search(r"Nothing of that kind can be done|There is no such template", it.acts(what))


# --- Templates ------------------------------------------------------------------------------------------------------


def known(it: Rehearsed) -> dict[str, str]:
    """What the product knows of the templates, by name."""
    with tenant(it.workspace.id):
        return dict(MessageTemplate.objects.filter(is_gone=False).values_list("name", "approval"))


def test_a_rehearsal_begins_with_two_approved_templates(it: Rehearsed) -> None:
    assert known(it) == {"news_for_you": "approved", "appointment_reminder": "approved"}
    assert "Convoship does not know that yet" not in it.screen


def test_what_whatsapp_decides_is_learnt_by_synchronising(it: Rehearsed) -> None:
    sid = approved(it)["sid"]
    page = it.acts("reject", sid=sid, reason="Too vague.")
    assert "Convoship does not know that yet." in page
    assert known(it)["news_for_you"] == "approved"
    it.acts("synchronise")
    it.settles()
    assert known(it)["news_for_you"] == "rejected"
    with tenant(it.workspace.id):
        assert MessageTemplate.objects.get(sid=sid).rejection_reason == "Too vague."
        assert AuditEvent.objects.filter(action="rehearsal.template_decided").count() == 1
    assert "Too vague." in it.screen
    for act, status in (("pause", "paused"), ("approve", "approved")):
        it.acts(act, sid=sid)
        it.acts("synchronise")
        it.settles()
        assert known(it)["news_for_you"] == status


def test_a_template_is_not_rejected_without_a_reason(it: Rehearsed) -> None:
    assert "Say why it is rejected" in it.acts("reject", sid=approved(it)["sid"], reason=" ")
    assert known(it)["news_for_you"] == "approved"


@pytest.mark.parametrize(("act", "code"), [("pause", "63041"), ("reject", "63040")])
def test_what_is_sent_with_a_template_that_is_no_longer_approved_fails_and_says_why(
    it: Rehearsed, act: str, code: str
) -> None:
    it.acts(act, sid=approved(it)["sid"], reason="No.")
    sent = sends(it, template(it))
    assert (sent.status, sent.code) == ("failed", code)
    assert "template" in sent.reason
    assert sent.remedy


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"ContentSid": "HX0"}, 21655),
        ({"ContentVariables": "[1]"}, 21656),
        ({"ContentVariables": "{"}, 21656),
        ({"ContentVariables": '{"1": "\\u0000"}'}, 21656),
    ],
)
def test_a_content_that_is_none_is_refused_as_twilio_does(it: Rehearsed, form: dict[str, str], code: int) -> None:
    answer = create(it, basic(it), **{"ContentSid": approved(it)["sid"], **form})
    assert (answer.status_code, json.loads(answer.content)["code"]) == (400, code)


@pytest.mark.parametrize("types", [{"twilio/text": 7}, {"a": {"actions": [7], "items": {}}}, {"a": {"body": []}}])
def test_a_content_of_any_shape_is_drawn_somehow(it: Rehearsed, types: dict[str, Any]) -> None:
    path = f"/rehearsal/{it.connection.id}/v1/Content"
    made = Client().post(path, {"language": "en", "types": types}, content_type="application/json", headers=basic(it))
    assert made.status_code == 201
    assert create(it, basic(it), ContentSid=made.json()["sid"]).status_code == 201
    assert it.client.get(it.path()).status_code == 200


# --- Failures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("not_joined", "63015"),
        ("nobody", "63003"),
        ("not_on_it", "63024"),
        ("held_back", "63049"),
        ("paused", "63041"),
        ("rejected", "63040"),
        ("no_number", "21211"),
    ],
)
def test_a_refusal_fails_with_its_code_in_words(fault: str, code: str) -> None:
    it = rehearse("twilio_whatsapp")
    it.behaves(fault, calls="1")
    it.says("hello")
    it.settles()
    failed = it.deliveries[0]
    assert (failed.status, failed.code) == ("failed", code)
    assert failed.reason
    assert failed.remedy


@pytest.mark.parametrize("fault", ["closed", "closed_at_once"])
def test_a_closed_window_parks_whichever_way_it_is_said(fault: str) -> None:
    it = rehearse("twilio_whatsapp")
    it.behaves(fault, calls="1")
    it.says("hello")
    it.settles()
    assert (it.deliveries[0].awaits_window, it.deliveries[0].code) == (True, "63016")


def test_too_many_are_tried_again_later() -> None:
    it = rehearse("twilio_whatsapp")
    it.behaves("too_many", calls="1")
    it.says("hello")
    it.settles()
    assert (it.deliveries[0].status, it.deliveries[0].code) == ("queued", "63018")
    it.settles(waits=True)
    assert it.deliveries[0].status == "read"


@pytest.mark.parametrize("reports", ["straight", "twice", "shuffled", "never"])
def test_reports_come_in_any_order_twice_or_never(it: Rehearsed, reports: str) -> None:
    it.behaves(reports=reports)
    writes(it, "One.")
    assert delivery_of(it, "One.").status == ("accepted" if reports == "never" else "read")
    assert heard(it, "One.")[0].status == ("" if reports == "never" else "read")


def test_a_report_of_too_many_does_not_promise_what_nobody_does() -> None:
    assert codes.reported(63018).remedy == "Replay it."
    assert "tried again" in codes.meaning(63018).remedy


# --- The story of a delivery ----------------------------------------------------------------------------------------


def story(it: Rehearsed, delivery: Delivery) -> str:
    page = it.client.get(f"/app/channels/{it.connection.id}/deliveries/{delivery.id}").content.decode()
    return html.unescape(page)


def test_a_timeline_tells_of_the_window_in_the_order_it_happened(it: Rehearsed) -> None:
    it.acts("day", **{"with": PERSON})
    writes(it, "Late.")
    waiting = story(it, delivery_of(it, "Late."))
    assert "Parked: the 24-hour window is closed" in waiting
    assert "It goes by itself when they write." in waiting
    assert "It goes as soon as they write, or in a template." in waiting
    assert "Its next try is at" not in waiting
    it.says("I am back")
    it.settles()
    told = story(it, delivery_of(it, "Late."))
    steps = [
        *("24 hours were let pass by", "Queued", "Parked: the 24-hour window is closed"),
        *("They wrote: the window is open again", "Attempt 1: taken", "The provider reports: read"),
    ]
    places = [told.index(step) for step in steps]
    assert places == sorted(places)


def test_looking_again_in_vain_does_not_move_the_beginning_of_the_wait(it: Rehearsed) -> None:
    it.acts("day", **{"with": PERSON})
    writes(it, "Late.")
    before = delivery_of(it, "Late.").awaits_since
    assert before is not None
    with tenant(it.workspace.id):
        Delivery.objects.filter(awaits_window=True).update(due_at=timezone.now() - dt.timedelta(seconds=1))
    it.settles()
    assert delivery_of(it, "Late.").awaits_since == before


def test_a_timeline_tells_of_a_template_and_why_it_failed(it: Rehearsed) -> None:
    it.acts("pause", sid=approved(it)["sid"])
    told = story(it, sends(it, template(it)))
    assert "Put in the template news_for_you" in told
    assert "A template may go whether or not the 24-hour window is open." in told
    assert "WhatsApp has paused the template" in told


def test_the_connections_own_template_carries_what_came_too_late_and_the_timeline_says_so(it: Rehearsed) -> None:
    with tenant(it.workspace.id):
        config = {**it.connection.config, "window_template": approved(it)["sid"]}
        Connection.objects.update(config=config)
    it.acts("day", **{"with": PERSON})
    writes(it, "It is on its way.")
    assert heard(it, "Here is the answer to your question: It is on its way. Write back if there is more.")
    told = story(it, it.deliveries[-1])
    assert "The window was closed, so the connection's own template carries what was written." in told
    steps = ("Queued", "Put in the template news_for_you", "Attempt 1: taken")
    assert [told.index(step) for step in steps] == sorted(told.index(step) for step in steps)
