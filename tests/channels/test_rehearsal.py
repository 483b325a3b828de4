"""A stand-in behaves as the provider does: towards our webhook, and towards what we send."""

from __future__ import annotations

import asyncio
import datetime as dt
import html
import json
import re
import time
from base64 import b64encode
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from channels_app import accounts
from channels_app.models import Connection, Consent, Rehearsal, RehearsalLine
from channels_app.models.rehearsal import LineKind
from channels_app.pages import queries
from channels_app.providers import custom_webhook, voice_gateway
from channels_app.providers.base import Capability
from channels_app.providers.registry import PROVIDERS
from channels_app.providers.twilio import sdk
from channels_app.rehearsal import calling, receiving, rehearsing
from channels_app.rehearsal.base import SILENT
from channels_app.rehearsal.desk import DeskStandIn
from channels_app.rehearsal.registry import STAND_INS
from convoship.lib import standard_webhooks
from convoship.lib.tenancy import tenant
from deployments.models import Conversation, Identity, Person
from deployments.models.person import IdentityKind
from tests import factories
from tests.channels import test_port
from tests.channels.rehearsals import Rehearsed, rehearse
from workspaces import secret_store
from workspaces.models import Secret

# Those whose other side writes. A telephone is held by a socket (test_rehearsed_calls.py); to a desk conversations of
# others are brought (test_rehearsed_desks.py).
KINDS = sorted(kind for kind, one in STAND_INS.items() if not one.has_telephone and not issubclass(one, DeskStandIn))
# What arrived was read, too, where a phone tells that.
ARRIVED = {"delivered", "read"}
every_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(autouse=True)
def stage(live_server: LiveServer, settings: Any) -> None:
    """The product on this machine, which may call itself."""
    parts = urlsplit(live_server.url)
    settings.PUBLIC_BASE_URL = live_server.url
    settings.OUTBOUND_ALLOWLIST = frozenset({(parts.hostname, parts.port)})


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A silence that a test can wait for. To whoever does answer, a busy machine may be slow: they have their time."""
    monkeypatch.setattr(receiving, "SILENCE_SECONDS", 3.0)
    for module in (sdk, custom_webhook, voice_gateway):
        monkeypatch.setattr(module, "SECONDS", 1.0)


@every_kind
def test_what_is_said_is_answered_by_the_assistant(kind: str) -> None:
    it = rehearse(kind)
    it.says("hello")
    it.settles()
    (said,) = it.lines(LineKind.SAID)
    assert said.answer_status in {200, 202}
    heard = it.lines(LineKind.CAUGHT)
    assert heard
    assert heard[0].delivery_id == it.deliveries[0].id
    assert {row.status for row in it.deliveries} <= ARRIVED
    for line in heard:
        assert html.escape(line.text.split("\n")[0] or line.note) in it.screen


@every_kind
def test_what_is_signed_wrongly_is_refused_and_counted_and_does_nothing(kind: str) -> None:
    it = rehearse(kind)
    it.says("hello", wrongly="on")
    it.settles()
    (said,) = it.lines(LineKind.SAID)
    assert said.answer_status == 403
    assert [row.count for row in it.refusals] == [1]
    assert not it.events
    assert not it.messages
    assert "it was signed wrongly" in it.screen


@every_kind
def test_what_is_sent_twice_has_one_effect(kind: str) -> None:
    it = rehearse(kind)
    it.says("hello", twice="on")
    it.settles()
    statuses = [line.answer_status for line in it.lines(LineKind.SAID, LineKind.SAID_AGAIN)]
    assert len(statuses) == 2
    assert set(statuses) <= {200, 202}
    (event,) = [row for row in it.events if row.kind != "status"]
    assert event.copies == 2
    assert len([message for message in it.messages if message.author_kind == "visitor"]) <= 1


@every_kind
@pytest.mark.parametrize(("fault", "status"), [("limited", 429), ("broken", 500)])
def test_a_call_that_is_not_taken_is_tried_again_and_arrives_once(kind: str, fault: str, status: int) -> None:
    it = rehearse(kind)
    it.behaves(fault, calls="1")
    it.says("hello")
    it.settles()
    waiting = it.deliveries[0]
    assert (waiting.status, waiting.attempts) == ("queued", 1)
    assert waiting.reason
    assert waiting.remedy
    if fault == "limited":
        assert (waiting.due_at - it.attempts[0].started_at).total_seconds() >= 5
    it.settles(waits=True)
    assert {row.status for row in it.deliveries} <= ARRIVED
    assert it.attempts[0].http_status == status
    assert len(it.lines(LineKind.TURNED_AWAY)) == 1
    assert len(it.lines(LineKind.CAUGHT)) == len(it.deliveries)


@every_kind
def test_what_is_never_taken_ends_as_a_dead_letter_and_is_repaired_by_replay(kind: str) -> None:
    it = rehearse(kind)
    it.behaves("broken")
    it.says("hello")
    it.settles(waits=True)
    dead = it.deliveries[0]
    # After a 500 nobody knows whether it was taken, where it can't be asked for by a key.
    assert dead.status in {"failed", "unknown"}
    assert dead.reason
    assert dead.remedy
    assert not it.lines(LineKind.CAUGHT)
    it.behaves()
    assert it.client.post(f"/app/channels/{it.connection.id}/deliveries/{dead.id}/replay").status_code == 302
    it.client.post(f"/app/channels/{it.connection.id}/enable")
    it.settles(waits=True)
    assert it.deliveries[0].status in ARRIVED


@every_kind
@pytest.mark.usefixtures("impatient")
@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")  # the test's server is WSGI
def test_what_is_taken_in_silence_has_one_effect_or_is_said_to_be_unknown(kind: str) -> None:
    it = rehearse(kind)
    it.behaves("silent", calls="1")
    it.says("hello")
    it.settles(waits=True)
    first = it.deliveries[0]
    assert "answer" in it.attempts[0].reason
    taken = [line for line in it.lines(LineKind.CAUGHT) if line.text or line.note]
    provider = PROVIDERS[kind]
    if provider.can(Capability.KEYED):
        assert first.status in ARRIVED
        assert it.lines(LineKind.COPY)
    elif provider.can(Capability.LOOK_UP):
        assert first.status in ARRIVED
        assert it.lines(LineKind.ASKED)
        assert not it.lines(LineKind.COPY)
    else:
        assert first.status == "unknown"
        assert first.reason
        assert "replay it" in first.remedy
        # A person has decided: now it is sent.
        before = len(it.lines(LineKind.CAUGHT))
        it.client.post(f"/app/channels/{it.connection.id}/deliveries/{first.id}/replay")
        it.settles(waits=True)
        assert it.deliveries[0].status in ARRIVED
        assert len(it.lines(LineKind.CAUGHT)) == before + 1
    assert len(taken) == len(it.deliveries)


@pytest.mark.parametrize(
    ("kind", "fault"), [(kind, one.word) for kind in KINDS for one in STAND_INS[kind].faults if not one.on_files]
)
@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
def test_each_fault_ends_in_a_state_that_the_screen_and_the_delivery_explain(
    request: pytest.FixtureRequest, kind: str, fault: str
) -> None:
    if fault == SILENT.word:
        request.getfixturevalue("impatient")
    it = rehearse(kind)
    it.behaves(fault, calls="1")
    it.says("hello")
    it.settles(waits=True)
    first = it.deliveries[0]
    assert first.called in it.screen
    page = it.client.get(f"/app/channels/{it.connection.id}/deliveries/{first.id}")
    assert page.status_code == 200
    assert first.called in page.content.decode()
    if first.status in {"failed", "unknown"} or first.is_parked:
        assert first.reason
        assert html.escape(first.reason) in page.content.decode()


def test_what_is_held_back_or_not_answered_says_so_on_the_phone() -> None:
    it = rehearse("twilio_sms")
    it.says("hello", address="+436641234567")
    it.settles()
    assert it.delivery.status == "suppressed"
    assert html.escape(it.delivery.reason) in it.screen
    it.says("STOP", address="+436641234567")
    it.says("are you there", address="+436641234567")
    it.settles()
    assert "nothing answers until they write START" in it.screen


@every_kind
def test_a_rehearsal_counts_nowhere(kind: str) -> None:
    it = rehearse(kind)
    it.behaves("broken")
    it.says("hello")
    it.settles(waits=True)
    assert it.deliveries[0].status in {"failed", "unknown"}
    with tenant(it.workspace.id):
        assert queries.dead_count() == 0
        assert not Conversation.objects.filter(is_test=False).exists()
        assert not Identity.objects.filter(kind=IdentityKind.PHONE).exists()
    assert it.client.get("/app/conversations/").content.decode().count("Rehearsal") == 0
    # Whom it plays is shown as such, with their test.
    with tenant(it.workspace.id):
        person = Person.objects.get()
    page = it.client.get(f"/app/people/{person.id}/").content.decode()
    assert "Rehearsal. Played in a rehearsal" in page
    assert "1 in tests, which stand in no list" in page
    assert "Your own bridge" not in page
    with tenant(it.workspace.id):
        assert f'href="/app/conversations/{Conversation.objects.get().id}/"' in page


@every_kind
def test_the_stand_in_takes_nothing_that_is_not_ours(kind: str) -> None:
    it = rehearse(kind)
    root = f"/rehearsal/{it.connection.id}"
    paths = [root, f"{root}/2010-04-01/Accounts/{it.connection.config.get('account_sid')}/Messages.json"]
    for path in paths:
        answer = Client().post(path, b'{"call_id": "x", "text": "y"}', content_type="application/json")
        assert answer.status_code == 401
    assert not it.lines(LineKind.CAUGHT)
    assert Client().post(f"/rehearsal/{uuid4()}", b"{}", content_type="application/json").status_code == 404


@every_kind
def test_a_real_connection_has_no_stand_in(kind: str) -> None:
    connection = test_port.make(kind)
    assert Client().post(f"/rehearsal/{connection.id}", b"{}", content_type="application/json").status_code == 404
    client = Client()
    client.force_login(factories.owner_of(connection.workspace))
    assert client.get(f"/app/channels/{connection.id}/rehearsal").status_code == 404
    assert "Rehearse it" in client.get(f"/app/channels/{connection.id}/").content.decode()


@every_kind
def test_a_connection_is_rehearsed_with_its_own_setup_and_none_of_its_secrets(kind: str) -> None:
    connection = test_port.make(kind)
    client = Client()
    client.force_login(factories.owner_of(connection.workspace))
    answer = client.post(f"/app/channels/{connection.id}/rehearse", {"once": "a form of the test"})
    assert answer.status_code == 302
    with tenant(connection.workspace_id):
        twin = Connection.objects.get(is_rehearsal=True)
        assert answer["Location"] == f"/app/channels/{twin.id}/rehearsal"
        assert not set(twin.credentials.values()) & set(connection.credentials.values())
        for name in ("from_number", "account_sid", "events"):
            assert twin.config.get(name) == connection.config.get(name)
    # And what was made up for it opens nothing else.
    settings_page = client.get(f"/app/channels/{connection.id}/settings").content.decode()
    assert all(f'value="{key}"' not in settings_page for key in twin.credentials.values())


@every_kind
def test_test_is_answered_by_the_stand_in(kind: str) -> None:
    it = rehearse(kind)
    answer = it.client.post(f"/app/channels/{it.connection.id}/test", headers={"HX-Request": "true"}).content.decode()
    assert not re.findall(r'class="[^"]*\bbad\b[^"]*"', answer)
    assert it.lines(LineKind.ASKED) or it.lines(LineKind.CAUGHT)


@every_kind
def test_who_says_nothing_is_told_so_and_nothing_typed_is_lost(kind: str) -> None:
    it = rehearse(kind)
    typed = {"text": "4x" if kind == "voice_gateway" else "", "address": "+1 (415) what", "does": "keys"}
    answer = it.client.post(it.path("say"), typed)
    assert answer.status_code == 422
    assert ("4x" if kind == "voice_gateway" else "+1 (415) what") in answer.content.decode()
    assert not it.lines()


@every_kind
def test_starting_over_empties_the_screen_and_keeps_deliveries(kind: str) -> None:
    it = rehearse(kind)
    it.behaves("broken")
    it.says("hello")
    it.settles(waits=True)
    assert it.client.post(it.path("start-over")).status_code == 302
    assert not it.lines()
    assert it.deliveries
    with tenant(it.workspace.id):
        assert not Rehearsal.objects.get().fault


@every_kind
def test_a_rehearsal_goes_with_all_that_was_made_up_for_it(kind: str) -> None:
    it = rehearse(kind)
    it.says("hello")
    assert it.client.post(f"/app/channels/{it.connection.id}/delete", {"name": it.connection.name}).status_code == 302
    with tenant(it.workspace.id):
        assert not Connection.objects.exists()
        assert not Rehearsal.objects.exists()
        assert not RehearsalLine.objects.exists()
        assert not Secret.objects.exists()


@every_kind
def test_what_others_use_by_now_and_what_is_gone_does_not_stand_in_the_way_of_deleting(kind: str) -> None:
    it = rehearse(kind)
    who = factories.actor(it.workspace)
    with tenant(it.workspace.id):
        for key in it.connection.credentials.values():
            secret_store.delete(who, key)
    assert it.client.post(f"/app/channels/{it.connection.id}/delete", {"name": it.connection.name}).status_code == 302
    other = rehearse(kind, it.workspace)
    with tenant(it.workspace.id):
        keys = set(other.connection.credentials.values())
        Connection.objects.create(
            kind=kind, name="A real one", config=other.connection.config, credentials=other.connection.credentials
        )
    other.client.post(f"/app/channels/{other.connection.id}/delete", {"name": other.connection.name})
    with tenant(it.workspace.id):
        assert set(Secret.objects.values_list("key", flat=True)) == keys


@every_kind
def test_a_rehearsal_that_can_not_begin_leaves_nothing_behind(kind: str) -> None:
    connection = test_port.make(kind)
    client = Client()
    client.force_login(factories.owner_of(connection.workspace))
    with tenant(connection.workspace_id):
        before = Secret.objects.count()
        Connection.objects.update(assistant=None)
    assert client.post(f"/app/channels/{connection.id}/rehearse", {"once": "a form of the test"}).status_code == 302
    with tenant(connection.workspace_id):
        assert Connection.objects.count() == 1
        assert Secret.objects.count() == before


@every_kind
def test_of_forged_calls_one_is_shown_and_none_pushes_anything_off_the_screen(kind: str) -> None:
    it = rehearse(kind)
    root = f"/rehearsal/{it.connection.id}"
    statuses = {Client().post(root, b"x" * 8000, content_type="application/json").status_code for _ in range(30)}
    assert statuses == {401}
    (shown,) = it.lines(LineKind.REFUSED)
    assert shown.body == ""


def test_lines_that_are_still_to_be_called_are_kept_however_many_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsing, "MOST_LINES", 3)
    it = rehearse("twilio_sms")
    for number in range(4):
        it.says("hello", address=f"+1415555010{number}")
    it.settles()
    assert {row.status for row in it.deliveries} <= ARRIVED


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b'"x"', b"\xff\xfe", b"[" * 5000, b'{"data": []}', b'{"data": {"message": 7}}']
)
@pytest.mark.parametrize("kind", ["custom_webhook", "voice_gateway"])
def test_nothing_that_is_signed_breaks_the_stand_in(kind: str, body: bytes) -> None:
    it = rehearse(kind)
    with tenant(it.workspace.id):
        secrets = accounts.live_secrets(it.connection)
    if kind == "custom_webhook":
        headers = standard_webhooks.headers_for(secrets["signing_secret"], "msg_1", body)
    else:
        sent_at = str(int(time.time()))
        signed = voice_gateway.signature(secrets["inbound_secret"][0], body, sent_at)
        headers = {voice_gateway.TIMESTAMP: sent_at, voice_gateway.SIGNATURE: signed}
    answer = Client().generic(
        "POST", f"/rehearsal/{it.connection.id}", body, content_type="application/json", headers=headers
    )
    assert answer.status_code in {200, 204, 400}


# --- SMS ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reports", ["straight", "twice", "shuffled"])
def test_reports_in_any_order_lead_to_the_same_end(reports: str) -> None:
    it = rehearse("twilio_sms")
    it.behaves(reports=reports)
    it.says("hello")
    it.settles()
    assert it.delivery.status == "delivered"
    assert {line.answer_status for line in it.lines(LineKind.REPORT)} == {200}
    assert len(it.lines(LineKind.REPORT)) == (4 if reports == "twice" else 2)
    assert it.lines(LineKind.CAUGHT)[0].status == "delivered"


def test_without_reports_a_message_stays_taken() -> None:
    it = rehearse("twilio_sms")
    it.behaves(reports="never")
    it.says("hello")
    it.settles()
    assert it.delivery.status == "accepted"


def test_what_can_not_be_delivered_fails_with_the_code_in_words() -> None:
    it = rehearse("twilio_sms")
    it.behaves("not_reached", calls="1")
    it.says("hello")
    it.settles()
    assert (it.delivery.status, it.delivery.code) == ("failed", "30003")
    assert it.delivery.reason
    assert it.delivery.remedy


def test_stop_on_the_phone_is_respected_and_answered_by_the_provider() -> None:
    it = rehearse("twilio_sms")
    it.says("hello")
    it.settles()
    it.says("STOP")
    assert "You have successfully been unsubscribed" in it.screen
    it.says("are you there?")
    it.settles()
    assert len(it.deliveries) == 1
    answer = it.client.post(f"/app/channels/{it.connection.id}/try", {"address": "+14155550123"})
    assert "opted out" in answer.content.decode()
    it.says("START")
    it.says("hello")
    it.settles()
    assert len(it.deliveries) == 2


def test_a_refusal_for_opting_out_is_noted_as_consent() -> None:
    it = rehearse("twilio_sms")
    it.behaves("opted_out", calls="1")
    it.says("hello")
    it.settles()
    assert (it.delivery.status, it.delivery.code) == ("failed", "21610")
    with tenant(it.workspace.id):
        assert Consent.objects.get().state == "withdrawn"


def test_a_page_instead_of_an_answer_is_looked_up_before_anything_is_sent_again() -> None:
    it = rehearse("twilio_sms")
    it.behaves("page", calls="1")
    it.says("hello")
    it.settles(waits=True)
    assert it.delivery.status == "delivered"
    assert len(it.lines(LineKind.CAUGHT)) == 1
    assert [line.note for line in it.lines(LineKind.ASKED)] == ["Looked up what went to +14155550123."]


def basic(it: Rehearsed, token: str | None = None) -> dict[str, str]:
    with tenant(it.workspace.id):
        right = secret_store.value_of(it.connection.credentials["auth_token"]) if token is None else token
    pair = f"{it.connection.config['account_sid']}:{right}"
    return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def create(it: Rehearsed, headers: dict[str, str], **form: str) -> Any:
    path = f"/rehearsal/{it.connection.id}/2010-04-01/Accounts/{it.connection.config['account_sid']}/Messages.json"
    body = urlencode({"To": "+14155550123", "Body": "hello", **form})
    return Client().generic("POST", path, body, content_type="application/x-www-form-urlencoded", headers=headers)


@pytest.mark.parametrize(
    "callback",
    ["http://[x", "http://ex\N{ACCOUNT OF}mple/", "{base}/readyz", "{base}/app/", "https://elsewhere.example/"],
)
def test_reports_go_to_the_connections_own_status_address_and_nowhere_else(callback: str, settings: Any) -> None:
    it = rehearse("twilio_sms")
    answer = create(it, basic(it), StatusCallback=callback.format(base=settings.PUBLIC_BASE_URL))
    assert answer.status_code == 201
    assert not it.lines(LineKind.REPORT)


def test_a_stand_in_without_its_token_takes_nothing() -> None:
    it = rehearse("twilio_sms")
    with tenant(it.workspace.id):
        secret_store.delete(factories.actor(it.workspace), it.connection.credentials["auth_token"])
    assert create(it, basic(it, "")).status_code == 401


def test_what_can_not_be_stored_as_it_came_is_taken_all_the_same() -> None:
    it = rehearse("twilio_sms")
    assert create(it, basic(it), Body="a\0b", To="+1\0").status_code == 201


def test_a_list_is_as_long_as_was_asked_for() -> None:
    it = rehearse("twilio_sms")
    for _ in range(7):
        create(it, basic(it))
    path = f"/rehearsal/{it.connection.id}/2010-04-01/Accounts/{it.connection.config['account_sid']}/Messages.json"
    answer = Client().get(path, {"To": "+14155550123", "PageSize": "5"}, headers=basic(it))
    assert len(json.loads(answer.content)["messages"]) == 5


def test_one_task_at_a_time_brings_the_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    rung = []
    monkeypatch.setattr(calling, "ring", lambda *values: rung.append(values))
    it = rehearse("twilio_sms")
    status = {"StatusCallback": accounts.inbound_url(it.connection, "status")}
    for _ in range(15):
        create(it, basic(it), **status)
    assert len(rung) == 1
    with tenant(it.workspace.id):
        RehearsalLine.objects.filter(due_at__isnull=False).update(due_at=timezone.now())
    calling.bring(it.workspace.id, it.connection.id)
    assert len(rung) == 2, "it comes again for what is left"
    made = [line for line in it.lines(LineKind.REPORT) if line.answer_status]
    assert len(made) == calling.MOST_AT_ONCE


def test_nobody_gets_mail_about_a_rehearsal(mailoutbox: list[Any]) -> None:
    it = rehearse("custom_webhook")
    it.behaves("gone")
    it.says("hello")
    it.settles()
    with tenant(it.workspace.id):
        assert Connection.objects.get().state == "disabled"
    assert mailoutbox == []


def test_addresses_can_be_set_at_the_stand_in() -> None:
    it = rehearse("twilio_sms")
    answer = it.client.post(f"/app/channels/{it.connection.id}/register", headers={"HX-Request": "true"})
    assert "comes to this connection now" in answer.content.decode()


def test_reports_that_no_worker_brings_are_shown_and_can_be_brought_by_hand() -> None:
    it = rehearse("twilio_sms")
    it.says("hello")
    asyncio.run(it.drain())
    with tenant(it.workspace.id):
        RehearsalLine.objects.filter(due_at__isnull=False).update(due_at=timezone.now() - dt.timedelta(seconds=10))
    assert "Report now" in it.screen
    assert it.client.post(it.path("catch-up")).status_code == 302
    assert "Report now" not in it.screen
    it.settles()
    assert it.delivery.status == "delivered"


# --- Voice gateway --------------------------------------------------------------------------------------------------


def test_a_call_is_made_answered_in_the_response_and_hung_up() -> None:
    it = rehearse("voice_gateway")
    it.says("", does="call", inline="on")
    (call,) = it.lines(LineKind.SAID)
    assert it.lines(LineKind.CAUGHT), "the welcome comes in the answer"
    it.says("hello", address=call.address, inline="on")
    assert len(it.lines(LineKind.CAUGHT)) == 2
    it.says("42#", does="keys", address=call.address)
    it.says("", does="hang_up", address=call.address)
    it.settles()
    with tenant(it.workspace.id):
        assert Conversation.objects.get().status == "abandoned"
