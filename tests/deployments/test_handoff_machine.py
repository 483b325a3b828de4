"""The hand-over as a machine: whatever happens in whatever order, it ends, and nobody waits without words."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Sequence
from uuid import uuid4

import pytest
import time_machine
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from channels_app.models import Call, Connection
from channels_app.models.call import CallState, TransferState
from channels_app.voice import transfer_failures, transfers
from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from deployments import conversations, desks, duty, handoff, handoff_rules, turns
from deployments.conversations import NewMessage
from deployments.desks import INBOX, Availability, Case, Choice, Desk, ShownCase
from deployments.models import Assistant, AssistantVersion, Conversation, Handoff, Message, Person
from deployments.models.conversation import AuthorKind, Control, Status
from deployments.models.handoff import WAITING, HandoffState
from deployments.variants import Met
from tests import factories
from workspaces.models import Membership, User, Workspace
from workspaces.permissions import Role

pytestmark = pytest.mark.django_db

OUTSIDE = "0b0b0b0b-0000-4000-8000-00000000000b"
# In the place of the telephone's connection, which is another one in each run.
PHONE = "telephone"
# Longer than the form is waited for, so that it can be over while people may still be asked.
WAIT, SILENCE = 240, 300
# The conversation begins on a Monday at nine, and soon comes a break, and soon another.
HOURS = {"time_zone": "UTC", "days": {"mon": [["09:00", "09:01"], ["09:11", "09:13"], ["09:23", "24:00"]]}}
CLOSED_FOR = dt.timedelta(minutes=10)
EXAMPLES = int(os.environ.get("CONVOSHIP_HANDOFFS", "20"))
_CONTROLS = {
    HandoffState.REQUESTED: Control.WAITING,
    HandoffState.OFFERED: Control.WAITING,
    HandoffState.ACCEPTED: Control.WAITING,
    HandoffState.LIVE: Control.HUMAN,
}


class OutsideDesk:
    """A desk that only writes down what it was told."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Another run: the desk is as new."""
        self.is_open = True
        self.is_night: Callable[[], bool] = lambda: False
        self.told: dict[str, list[str]] = {}

    def name(self) -> str:
        return "Outside"

    def availability(self, now: dt.datetime, conversation: Conversation | None = None) -> Availability:
        return Availability(self.is_open, "" if self.is_open else "Closed for tea.")

    def untold(self, case: Case) -> None:
        return None

    def open_case(self, case: Case) -> None:
        assert case.key not in self.told, "a case is opened once"
        assert not self.is_night(), "out of hours nobody is asked"
        self.told[case.key] = ["open"]

    def add_turn(self, case: Case, message: Message) -> None:
        assert self.told[case.key][-1] != "close", "nothing more is said of a case that is closed"
        self.told[case.key].append(f"turn {message.seq}")

    def add_files(self, case: Case, message: Message) -> None:
        assert self.told[case.key][-1] != "close", "nothing more is said of a case that is closed"

    def close_case(self, case: Case, outcome: str, words: str) -> None:
        assert words, "a close says why"
        assert self.told[case.key][-1] != "close", "a case is closed once"
        self.told[case.key].append("close")

    def desk_of(self, ref: str) -> Desk | None:
        return self if ref == OUTSIDE else None

    def choices(self) -> Sequence[Choice]:
        return [Choice(OUTSIDE, "Outside")]

    def cases_of(self, handoff: Handoff) -> Sequence[ShownCase]:
        """None."""
        return ()

    def own_of(self, conversation: Conversation) -> Sequence[str]:
        return ()

    @property
    def open_cases(self) -> list[str]:
        return [key for key, told in self.told.items() if told[-1] != "close"]


class Machine(RuleBasedStateMachine):
    """Everybody who can do something to a conversation, in any order, and the clock."""

    workspace: Workspace
    assistant: Assistant
    published: AssistantVersion
    members: Sequence[User]
    desk: OutsideDesk

    @initialize(
        desks_in_order=st.sampled_from(
            [[INBOX], [OUTSIDE], [INBOX, OUTSIDE], [OUTSIDE, INBOX], [PHONE], [PHONE, INBOX], [OUTSIDE, PHONE]]
        ),
        manner=st.sampled_from(["cold", "warm", "queue"]),
        form=st.sampled_from([[], ["email"], ["name", "email", "question"]]),
        when_closed=st.sampled_from(["wait", "return"]),
        has_hours=st.booleans(),
    )
    def begin(self, desks_in_order: list[str], manner: str, form: list[str], when_closed: str, has_hours: bool) -> None:
        self.clock = time_machine.travel(dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC), tick=False)
        self.now = self.clock.start()
        self.desk.forget()
        config = {"transfer_to": "+14155550177", "from_number": "+14155552671", "manner": manner}
        self.line = Connection.objects.create(kind="twilio_voice", name="Our line", config=config)
        self.phone = str(self.line.id)
        rules = {
            "desks": [self.phone if ref == PHONE else ref for ref in desks_in_order],
            "form": form,
            "when_closed": when_closed,
            "longest_wait_seconds": WAIT,
            "longest_silence_seconds": SILENCE,
            **({"hours": HOURS} if has_hours else {}),
        }
        self.closed_for = CLOSED_FOR if has_hours else dt.timedelta(0)
        number = AssistantVersion.objects.filter(assistant=self.assistant).count() + 1
        content = {**self.published.content, "handoff": handoff_rules.validate(rules)}
        version = AssistantVersion.objects.create(assistant=self.assistant, number=number, content=content)
        opened, _ = conversations.open_conversation(
            self.assistant, Met(version, {}), Person.objects.create(), channel="web", context={}
        )
        self.conversation_id = opened.id
        now = timezone.now()
        self.call = Call.objects.create(
            connection=self.line,
            conversation=opened,
            sid=str(uuid4()),
            caller="+14155550123",
            called="+14155552671",
            state=CallState.ACTIVE,
            last_sign_at=now,
            ends_by=now + dt.timedelta(hours=1),
            due_at=now + dt.timedelta(hours=1),
        )
        self.actor = factories.actor(self.workspace, Role.AGENT)
        self.gone_at_desk: set[str] = set()
        self.desk.is_night = lambda: handoff.rules_of(opened).is_closed(timezone.now())
        for user in self.members:
            self.switch(user, is_away=False)

    def teardown(self) -> None:
        if hasattr(self, "clock"):
            self.clock.stop()

    def lock(self) -> Conversation:
        return conversations.lock(self.conversation_id)

    def case(self) -> Handoff | None:
        return handoff.current(self.lock())

    # --- The visitor --------------------------------------------------------------------------------------------------

    @rule(text=st.sampled_from(["hello?", "me@shop.example", "Skip", "thanks", "Back to the assistant"]))
    def visitor_writes(self, text: str) -> None:
        row = self.lock()
        if row.is_active:
            new = NewMessage(author_kind=AuthorKind.VISITOR, text=text, client_id=str(uuid4()))
            turns.take_message(row, new, queue=False)

    @rule()
    def visitor_asks_for_a_person(self) -> None:
        if (row := self.lock()).is_active:
            handoff.request(row, "The visitor asked.")

    @rule()
    def visitor_presses_back(self) -> None:
        row = self.lock()
        if row.is_active:
            new = NewMessage(author_kind=AuthorKind.VISITOR, text="Back", payload="handoff:assistant")
            turns.take_message(row, new, queue=False)

    @rule(payload=st.sampled_from(["handoff:skip", "intent:delivery"]))
    def visitor_presses_an_old_button(self, payload: str) -> None:
        row = self.lock()
        if row.is_active:
            turns.take_message(row, NewMessage(author_kind=AuthorKind.VISITOR, text="x", payload=payload), queue=False)

    @rule(luck=st.integers(0, 9))
    def visitor_leaves(self, luck: int) -> None:
        if luck == 0:
            conversations.end(self.lock(), Status.COMPLETED, "Ended by the visitor.", "Bye.")

    # --- Members ------------------------------------------------------------------------------------------------------

    @rule(who=st.integers(0, 1), act=st.sampled_from(["join", "reply", "beat", "assign", "unassign", "return"]))
    def member_acts(self, who: int, act: str) -> None:
        row, user = self.lock(), self.members[who]
        try:
            match act:
                case "join":
                    handoff.join(self.actor, user, row)
                case "reply":
                    handoff.reply(self.actor, user, row, "Hello.", None)
                case "beat":
                    handoff.beat(user)
                case "assign":
                    handoff.assign(self.actor, row, user)
                case "unassign":
                    handoff.assign(self.actor, row, None)
                case "return":
                    handoff.give_back(self.actor, row, "Looked it up.")
        except Problem as problem:
            if problem.code not in {"conversation_ended", "conflict"}:
                raise

    @rule(luck=st.integers(0, 5))
    def member_resolves(self, luck: int) -> None:
        if luck == 0:
            handoff.resolve(self.actor, "Dana", self.lock())

    @rule()
    def program_answers(self) -> None:
        row = self.lock()
        if row.is_active:
            handoff.reply(factories.actor(self.workspace), None, row, "From the shop's own program.", None)

    @rule(who=st.integers(0, 1), is_away=st.booleans())
    def member_goes_or_comes(self, who: int, is_away: bool) -> None:
        self.switch(self.members[who], is_away=is_away)

    def switch(self, user: User, *, is_away: bool) -> None:
        membership = Membership.objects.get(user=user)
        if is_away:
            duty.go_away(self.actor, membership)
        else:
            duty.come(self.actor, membership)

    # --- The desk outside ---------------------------------------------------------------------------------------------

    @rule(is_open=st.booleans())
    def desk_opens_or_closes(self, is_open: bool) -> None:
        self.desk.is_open = is_open

    @precondition(lambda self: self.desk.told)
    @rule(
        act=st.sampled_from(["accept", "say", "unavailable", "return", "close"]),
        which=st.integers(0, 20),
        twice=st.booleans(),
    )
    def desk_tells(self, act: str, which: int, twice: bool) -> None:
        """Of any case there ever was, and what it says may come twice."""
        keys = list(self.desk.told)
        key = keys[-1 - which % len(keys)]
        for _ in range(2 if twice else 1):
            row = self.lock()
            case = handoff.at_desk(row, key) if row.is_active else None
            if case is None:
                assert key not in self.desk.open_cases or key in self.gone_at_desk
                continue
            match act:
                case "accept":
                    handoff.accept(row, case, name="Olga")
                case "say":
                    handoff.said_at_desk(row, case, name="Olga", text="Hello.", client_id=f"{key}.1")
                case "unavailable":
                    self.gone_at_desk.add(key)
                    handoff.unavailable(row, case, "Everybody is at lunch.")
                case "return":
                    self.gone_at_desk.add(key)
                    handoff.returned_by_desk(row, case, "Done.")
                case "close":
                    self.gone_at_desk.add(key)
                    handoff.closed_by_desk(row, case, "Olga")

    # --- The telephone ------------------------------------------------------------------------------------------------

    @rule(act=st.sampled_from(["ring", "bridge", "busy", "refused", "part", "back"]), twice=st.booleans())
    def telephone_does(self, act: str, twice: bool) -> None:
        """What Twilio tells of the attempt, and it may tell it twice."""
        transfer = transfers.open_of(self.call)
        if transfer is None or not self.lock().is_active:
            return
        is_bridged = transfer.state == TransferState.BRIDGED
        for _ in range(2 if twice else 1):
            row = self.lock()
            match act:
                case "ring" if not is_bridged:
                    transfers.ring(transfer)
                case "bridge":
                    transfers.bridged(row, transfer)
                case "busy" if not is_bridged:
                    transfers.failed(row, transfer, transfer_failures.BUSY)
                case "refused" if not is_bridged:
                    transfers.failed(row, transfer, transfer_failures.of_dial("failed", "13227"))
                case "part" if is_bridged:
                    handoff.talk_over(row, transfers.talked(row, transfer, 60))
                case "back" if is_bridged:
                    case = handoff.current(row)
                    words = transfers.talked(row, transfer, 60)
                    if case is not None:
                        handoff.returned_by_desk(row, case, words)

    # --- The clock ----------------------------------------------------------------------------------------------------

    @rule(seconds=st.integers(1, 700))
    def time_passes(self, seconds: int) -> None:
        """The sweeper comes the moment that something is due."""
        until = timezone.now() + dt.timedelta(seconds=seconds)
        for _ in range(50):
            case = self.case()
            if case is None or case.due_at is None or case.due_at > until:
                break
            self.now.move_to(max(case.due_at, timezone.now()), tick=False)
            before = (case.state, case.due_at, case.id)
            handoff.overdue(self.lock())
            after = self.case()
            assert after is None or (after.state, after.due_at, after.id) != before, "a step that is due moves it"
        else:
            raise AssertionError("it goes on and on without anybody")
        self.now.move_to(until, tick=False)

    # --- What always holds --------------------------------------------------------------------------------------------

    @invariant()
    def what_always_holds(self) -> None:
        if not hasattr(self, "conversation_id"):
            return
        row = Conversation.objects.get(id=self.conversation_id)
        case = handoff.current(row)
        self._control_follows_the_state(row, case)
        self._the_desk_has_the_case_exactly_while_it_is_there(row, case)
        self._the_telephone_is_rung_exactly_while_it_has_the_case(row, case)
        if case is not None:
            self._nobody_is_asked_out_of_hours(row, case)
            self._nobody_waits_longer_than_the_rules_say(row, case)
            self._they_are_told_where_they_stand(row, case)

    def _control_follows_the_state(self, row: Conversation, case: Handoff | None) -> None:
        if not row.is_active:
            assert case is None, "nothing stays open of a conversation that is over"
        elif case is None:
            assert (row.control, row.waiting_since) == (Control.ASSISTANT, None)
        else:
            assert row.control == _CONTROLS[HandoffState(case.state)]
            assert (row.waiting_since is not None) == (row.control == Control.WAITING)

    def _the_desk_has_the_case_exactly_while_it_is_there(self, row: Conversation, case: Handoff | None) -> None:
        expected = []
        if case is not None and case.desk == OUTSIDE and case.state != HandoffState.REQUESTED:
            expected = [Case(case, row).key]
        assert [key for key in self.desk.open_cases if key not in self.gone_at_desk] == expected

    def _the_telephone_is_rung_exactly_while_it_has_the_case(self, row: Conversation, case: Handoff | None) -> None:
        transfer = transfers.open_of(self.call)
        has_it = case is not None and case.desk == self.phone and case.is_at_desk
        assert (transfer is not None) == has_it
        if transfer is not None and case is not None:
            assert transfer.key == Case(case, row).key
            assert (transfer.state == TransferState.BRIDGED) <= (case.state == HandoffState.LIVE)

    def _nobody_is_asked_out_of_hours(self, row: Conversation, case: Handoff) -> None:
        """Whoever is asked, was asked in hours, whatever brought the case there."""
        if case.offered_at is not None:
            assert not handoff.rules_of(row).is_closed(case.offered_at), "out of hours nobody is asked"

    def _nobody_waits_longer_than_the_rules_say(self, row: Conversation, case: Handoff) -> None:
        now = timezone.now()
        if case.state in WAITING:
            assert case.due_at is not None
            # Who came on duty this moment has it due this moment: the sweeper is about to see to it.
            assert case.due_at >= now or case.due_at == case.requested_at
        elif case.unanswered_since is not None:
            assert now - case.unanswered_since <= dt.timedelta(seconds=SILENCE)

    def _they_are_told_where_they_stand(self, row: Conversation, case: Handoff) -> None:
        """The house's last words are of this wait, and young enough; or they name who is there."""
        last = Message.objects.filter(conversation=row, author_kind="system").order_by("-seq").first()
        assert last is not None
        if case.state == HandoffState.LIVE:
            assert case.holder_name
            assert case.holder_name in last.text, "they are told who it is"
            return
        assert row.waiting_since is not None
        assert last.created_at >= row.waiting_since, "they are told that somebody was asked"
        told_for = dt.timedelta(seconds=WAIT) + self.closed_for
        assert timezone.now() - last.created_at <= told_for, "they are told again before long"
        payloads = [button["payload"] for block in last.blocks for button in block.get("buttons", ())]
        assert "handoff:assistant" in payloads, "the last words have the way back"


def test_whatever_happens_a_hand_over_ends_and_nobody_waits_without_words(monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = factories.make_workspace()
    desk = OutsideDesk()
    monkeypatch.setattr(desks, "_finders", [*desks._finders, desk])
    Machine.workspace, Machine.desk = workspace, desk
    Machine.assistant = factories.make_assistant(workspace)
    assert Machine.assistant.published is not None
    Machine.published = Machine.assistant.published
    Machine.members = [
        factories.member(workspace, Role.AGENT, factories.make_user(name=name)) for name in ("Dana", "Kim")
    ]
    with tenant(workspace.id):
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=30,
                phases=[Phase.explicit, Phase.generate],
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
