"""A call on its conversation's page that a member takes by telephone, and telephones among the desks of the rules."""

from __future__ import annotations

import re

import pytest
from django.db import transaction
from django.utils import timezone

from channels_app.models import Call, CallTransfer, Connection, MemberTelephone
from channels_app.models.call import CallState
from channels_app.voice import record, transfer_failures, transfers
from convoship.lib.tenancy import tenant
from deployments import conversations, handoff
from tests import factories
from tests.pages.conftest import Browser, browser_of, form_of, text, words
from workspaces.models import Workspace
from workspaces.permissions import Role

pytestmark = pytest.mark.django_db

XSS = "<img src=x onerror=alert(1)>"
CONFIG = {
    "account_sid": "AC" + "0" * 32,
    "from_number": "+14155552671",
    "transfer_to": "+14155550177",
    "mode": "gather",
}


@pytest.fixture
def call(workspace: Workspace) -> Call:
    assistant = factories.make_assistant(workspace)
    with tenant(workspace.id):
        line = Connection.objects.create(kind="twilio_voice", name="Our line", config=CONFIG, assistant=assistant)
        line = Connection.objects.select_related("assistant__published").get(id=line.id)
        made = record.open_call(line, "CA" + "1" * 32, "+14155550123", "+14155552671", "inbound")
        Call.objects.filter(id=made.id).update(state=CallState.ACTIVE, answered_at=timezone.now())
    return made


def path(call: Call) -> str:
    return f"/app/conversations/{call.conversation_id}/"


def test_a_member_has_the_call_put_through_to_their_telephone(
    member: Browser, workspace: Workspace, call: Call
) -> None:
    form = form_of(member.get(path(call)), "/take-call")
    form["number"] = "+1 415 555 0144"
    page = words(member.send(form))
    assert "Your telephone rings in a moment. Press 1 to take the call." in page
    assert "Being put through to" in page
    with tenant(workspace.id):
        [transfer] = CallTransfer.objects.all()
        assert (transfer.to, transfer.manner, transfer.dialled_at) == ("+14155550144", "warm", None)
        assert MemberTelephone.objects.get().number == "+14155550144"
    # The number is there the next time.
    assert form_of(member.get(path(call)), "/take-call")["number"] == "+14155550144"


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (XSS, "Write the number with + and the country"),
        ("+19005551234", "is a premium-rate number"),
        ("+4930901820", "is a number of DE"),
        ("+14155552671", "it would call itself"),
    ],
)
def test_a_number_that_is_not_rung_is_refused_beside_its_field(
    member: Browser, call: Call, number: str, said: str
) -> None:
    form = form_of(member.get(path(call)), "/take-call")
    form["number"] = number
    refused = member.send(form)
    assert refused.status_code == 422
    assert said in words(refused)
    assert XSS not in text(refused)
    assert form_of(refused, "/take-call")["number"] == number


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"transfer_then": "voicemail", "voicemail": True}, "If nobody comes, a message is taken in"),
        ({"transfer_then": "goodbye"}, "If nobody comes, the call ends with a goodbye in"),
        ({}, "If nobody comes, the assistant goes on in"),
    ],
)
def test_a_call_that_waits_says_what_comes_if_nobody_does(
    member: Browser, workspace: Workspace, call: Call, config: dict[str, object], said: str
) -> None:
    with tenant(workspace.id):
        Connection.objects.filter(id=call.connection_id).update(config={**CONFIG, **config})
        with transaction.atomic():
            handoff.request(conversations.lock(call.conversation_id), "They pressed 0.")
    assert said in words(member.get(path(call)))


def test_taking_a_waiting_call_is_what_its_bar_offers_first(member: Browser, workspace: Workspace, call: Call) -> None:
    with tenant(workspace.id), transaction.atomic():
        handoff.request(conversations.lock(call.conversation_id), "They pressed 0.")
    page = text(member.get(path(call)))
    bar = page[page.index('class="talk-bar"') : page.index('id="call"')]
    assert [
        found.strip() for found in re.findall(r'class="button tight primary".*?</svg>?([^<]*)<', bar, re.DOTALL)
    ] == ["Take the call"]
    assert "Take over" in bar


def test_who_may_not_answer_has_no_button(workspace: Workspace, call: Call) -> None:
    viewer = factories.member(workspace, Role.VIEWER)
    assert "Take the call" not in words(browser_of(workspace, viewer).get(path(call)))


def test_a_call_that_is_over_can_not_be_taken(member: Browser, workspace: Workspace, call: Call) -> None:
    form = form_of(member.get(path(call)), "/take-call")
    form["number"] = "+14155550144"
    with tenant(workspace.id):
        Call.objects.update(state="ended", outcome="hung_up", ended_at=timezone.now())
    refused = member.send(form)
    assert refused.status_code == 422
    assert "The call is over." in words(refused) or "conversation" in words(refused)
    assert "Take the call" not in words(member.get(path(call)))


def test_what_became_of_each_desk_stands_with_the_hand_over(member: Browser, workspace: Workspace, call: Call) -> None:
    with tenant(workspace.id):
        row = conversations.lock(call.conversation_id)
        handoff.request(row, "They asked.")
        transfer = transfers.open_of(call)
        assert transfer is not None
        transfers.failed(row, transfer, transfer_failures.of_dial("failed", "13227"))
    page = words(member.get(path(call)))
    assert (
        "Our line (telephone): The Twilio account may not call the country of this number. Allow that country" in page
    )


def test_a_telephone_can_be_chosen_among_the_desks_of_the_rules(
    member: Browser, workspace: Workspace, call: Call
) -> None:
    with tenant(workspace.id):
        assistant_id = call.conversation.assistant_id
    page = member.get(f"/app/assistants/{assistant_id}/handoff")
    assert "Our line (telephone)" in words(page)
    form = form_of(page, "/handoff/save")
    form["desk_0"] = str(call.connection_id)
    assert member.send(form).status_code in {200, 302}
    assert f'value="{call.connection_id}" selected' in text(member.get(f"/app/assistants/{assistant_id}/handoff"))
