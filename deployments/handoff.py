"""When people take over, and how it ends. The one place that moves a hand-over, and with it `control`.

    requested ──► offered ──► accepted ──► live ──► returned   the assistant has it again
        │            │            │          │ └──► closed     the conversation is over
        └────────────┴────────────┴──────────┴──► returned, closed; live ──► offered where its person is gone

`requested`: asked for; what is asked before is being answered, or people are not there yet. `offered`: a desk has the
case (`desks`). `accepted`: somebody said they will come. `live`: somebody is there. `control` is `waiting` in the first
three, `human` in `live`, `assistant` otherwise. Each open state has a moment, `due_at`, at which the next step happens
though nobody does anything (`overdue`, called by the sweeper), and each step says so to the visitor. Each function
takes a locked conversation inside `tenant()`.

Out of the rules' hours nobody is asked, in whatever state: what would be offered then waits for the opening, once
(`_wait_for_opening`). `opens_at` stays when it is past, and says that it has waited so before.

Who has a live conversation holds a lease on it: while the visitor waits for an answer, no sign of them for `LEASE`
(a page of the inbox open, any act) or no answer for the rules' `longest_silence` offers it again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.db.models import F, Q, Value
from django.db.models.functions import Least
from django.utils import timezone

from convoship.lib import names
from convoship.lib.actors import Actor
from convoship.lib.problems import Problem
from deployments import (
    attachments,
    channel_forms,
    conversations,
    desks,
    duty_lock,
    handoff_form,
    handoff_rules,
    publishing,
)
from deployments.conversations import NewMessage
from deployments.desks import INBOX, Case, Untold
from deployments.handoff_outline import duration
from deployments.handoff_rules import Rules
from deployments.models import Conversation, Handoff, Message
from deployments.models.conversation import AuthorKind, Channel, Control, Status
from deployments.models.handoff import HandoffCause, HandoffOutcome, HandoffState
from deployments.words import say
from workspaces import audit
from workspaces.models import User

LEASE = dt.timedelta(minutes=3)
BEAT_EVERY = dt.timedelta(seconds=20)
FORM_WAIT = dt.timedelta(minutes=3)
# Who it was, where they have no name that others may read.
_A_MEMBER = "a member"
# Where somebody looks at the screen or holds the phone, and a person who went away is missed at once.
_AT_ONCE = frozenset({Channel.WEB, Channel.VOICE})


def rules_of(conversation: Conversation) -> Rules:
    """The hand-over rules of the version that this conversation began with."""
    return handoff_rules.of_version(publishing.version(conversation.workspace_id, conversation.version_id))


def current(conversation: Conversation) -> Handoff | None:
    """The conversation's open hand-over."""
    return Handoff.objects.filter(conversation=conversation, ended_at=None).select_related("holder").first()


# --- Asking for a person ----------------------------------------------------------------------------------------------


def request(conversation: Conversation, reason: str, cause: HandoffCause = HandoffCause.VISITOR) -> list[Message]:
    """Ask for a person: what was told to the visitor. Asking again while one is asked for or there changes nothing."""
    conversations.require_active(conversation)
    if conversation.control != Control.ASSISTANT:
        return []
    now, rules = timezone.now(), rules_of(conversation)
    case = _new(conversation, rules, cause, reason)
    conversation.handoff_reason = case.reason
    if rules.is_closed(now) or not _is_somebody_there(conversation, case, now):
        wanted = handoff_form.wanted_when_closed(rules.form, conversation.channel)
        case.form_left = handoff_form.fields(wanted, conversation)
        return _ask_while_closed(conversation, case, rules, now)
    case.wait_until = now + rules.longest_wait
    _wait(conversation, now)
    words = _with_hours(conversation, rules.words("waiting", conversation))
    # What is asked next carries the way back: an earlier one would be another "1." where options are numbers.
    told = [_notice(conversation, words, way_back=not case.form_left)]
    return told + _ask_first(conversation, case, rules, now)


def _new(conversation: Conversation, rules: Rules, cause: HandoffCause, reason: str) -> Handoff:
    return Handoff(
        conversation=conversation,
        cause=cause,
        reason=reason[:300],
        desks_left=desks.in_order(conversation, rules.desks),
        form_left=handoff_form.fields(rules.form, conversation),
        longest_wait=rules.longest_wait,
        longest_silence=rules.longest_silence,
        workspace_id=conversation.workspace_id,
    )


def _wait(conversation: Conversation, now: dt.datetime) -> None:
    if conversation.control != Control.WAITING:
        conversation.control, conversation.waiting_since = Control.WAITING, now
    conversation.assigned_to = None
    # Members are called once it is theirs to answer: the inbox does so when it is offered there.
    conversation.members_told_at = now
    _note_wanted(conversation)


def _note_wanted(conversation: Conversation) -> None:
    """From here on the assistant did not do it alone."""
    conversation.person_wanted_at = conversation.person_wanted_at or timezone.now()
    conversation.if_silent, conversation.silent_at = None, None


def _with_hours(conversation: Conversation, words: str) -> str:
    """What the visitor is told, with the deployment's hours where it names them."""
    hours = conversation.deployment.hours_text if conversation.deployment else ""
    return f"{words}\n\n{hours}" if hours else words


def is_somebody_there(conversation: Conversation) -> bool:
    """Whether a desk would take the locked conversation now, in the hours of people."""
    now, rules = timezone.now(), rules_of(conversation)
    asked = Handoff(desks_left=desks.in_order(conversation, rules.desks), workspace_id=conversation.workspace_id)
    return not rules.is_closed(now) and _is_somebody_there(conversation, asked, now)


def _is_somebody_there(conversation: Conversation, case: Handoff, now: dt.datetime) -> bool:
    duty_lock.keep(case.workspace_id)
    found = (desks.of(ref) for ref in case.desks_left)
    return any(desk is not None and desk.availability(now, conversation).is_open for desk in found)


def _ask_while_closed(conversation: Conversation, case: Handoff, rules: Rules, now: dt.datetime) -> list[Message]:
    """Nobody is there now: the conversation waits until they are, or the assistant goes on; as the rules say.

    Who waits is asked before what `case.form_left` names.
    """
    is_closed = rules.is_closed(now)
    # In hours nobody knows when somebody comes on duty.
    opens = rules.hours.opens_at(now) if rules.hours and is_closed else None
    opens_at = rules.hours.words_of(opens, conversation.locale) if rules.hours and opens else ""
    _note_wanted(conversation)
    # Nobody holds a telephone until tomorrow.
    is_too_long = is_closed and (opens is None or conversation.channel == Channel.VOICE)
    if not rules.waits_when_closed or is_too_long:
        words = rules.words("closed", conversation, opens_at=opens_at)
        return _return(conversation, case, HandoffOutcome.NOBODY_THERE, words)
    case.opens_at = opens or case.opens_at
    case.wait_until = (opens or now) + rules.longest_wait
    _wait(conversation, now)
    within = duration(int(rules.longest_wait.total_seconds()), conversation.locale)
    words = rules.words("closed_wait", conversation, opens_at=opens_at, within=within)
    told = [_notice(conversation, words, way_back=not case.form_left)]
    return told + _ask_first(conversation, case, rules, now)


def _ask_first(conversation: Conversation, case: Handoff, rules: Rules, now: dt.datetime) -> list[Message]:
    """What is asked before, one after another; the case is offered once that is done."""
    if case.form_left:
        case.due_at = _due_of_form(case, now)
        case.save()
        return [handoff_form.ask(conversation, case, rules)]
    return _after_form(conversation, case, rules, now)


def _due_of_form(case: Handoff, now: dt.datetime) -> dt.datetime:
    """Who doesn't answer is offered with what there is; who waits for people to come back may take their time."""
    if case.opens_at is not None and case.opens_at > now:
        return case.opens_at
    return min(now + FORM_WAIT, case.wait_until or now)


def _after_form(conversation: Conversation, case: Handoff, rules: Rules, now: dt.datetime) -> list[Message]:
    """Offer it; where nobody is there (yet, or any more) it stays asked for until they are back or the wait ends."""
    is_later = case.opens_at is not None and case.opens_at > now
    if rules.is_closed(now) and not is_later:
        return _wait_for_opening(conversation, case, rules, now, _left_to_ask(conversation, case, rules))
    case.form_left = []
    if is_later or not _offer(conversation, case, now):
        case.desks_left = desks.in_order(conversation, rules.desks)
        case.due_at = case.opens_at if is_later else case.wait_until
        case.save()
    conversations.save(conversation, [])
    return []


def _left_to_ask(conversation: Conversation, case: Handoff, rules: Rules) -> list[str]:
    """What wasn't asked yet, with what is asked of who waits for people to come back; what was skipped stays so."""
    of_waiting = handoff_form.wanted_when_closed((), conversation.channel)
    return [*case.form_left, *(name for name in of_waiting if name not in rules.form and name not in case.answers)]


def _wait_for_opening(
    conversation: Conversation, case: Handoff, rules: Rules, now: dt.datetime, wanted: Sequence[str]
) -> list[Message]:
    """Closing time came before anybody did: as if a person were asked for now, what is `wanted` still to be asked.

    Once: where it has waited for an opening before, nobody came, so that nothing waits for ever.
    """
    if case.opens_at is not None and case.opens_at <= now:
        return _nobody(conversation, case, rules, now)
    case.state, case.holder, case.holder_name = HandoffState.REQUESTED, None, ""
    case.desks_left, case.form_tries = desks.in_order(conversation, rules.desks), 0
    case.form_left = handoff_form.fields(wanted, conversation)
    return _ask_while_closed(conversation, case, rules, now)


def request_at(conversation: Conversation, reason: str, desk: str) -> list[Message]:
    """Ask for a person of this desk and of no other: for who tries it. What would be asked before is left out."""
    conversations.require_active(conversation)
    now, rules = timezone.now(), rules_of(conversation)
    case = _new(conversation, rules, HandoffCause.PROGRAM, reason)
    case.desks_left, case.form_left, case.wait_until = [desk], [], now + rules.longest_wait
    conversation.handoff_reason = case.reason
    _wait(conversation, now)
    told = [_notice(conversation, rules.words("waiting", conversation), way_back=True)]
    return told + _after_form(conversation, case, rules, now)


def request_by(actor: Actor, conversation: Conversation, reason: str) -> None:
    """The same, asked for by a member or a customer's program instead of the visitor or the assistant."""
    cause = HandoffCause.MEMBER if actor.kind == "user" else HandoffCause.PROGRAM
    if request(conversation, reason, cause):
        audit.record(actor, "conversation.handoff_requested", conversation, has_reason=bool(reason))


# --- While it waits ---------------------------------------------------------------------------------------------------


def heard(conversation: Conversation, message: Message) -> list[Message]:
    """The visitor said something while a person is asked for or there: what was answered to it by the house."""
    case, now = current(conversation), timezone.now()
    if case is None:
        return []
    rules = rules_of(conversation)
    is_waiting = case.state != HandoffState.LIVE
    is_back = handoff_form.goes_back(conversation, message, is_waiting=is_waiting)
    if is_back and is_waiting:
        return _return(conversation, case, HandoffOutcome.BY_VISITOR, rules.words("returned", conversation))
    if case.state == HandoffState.REQUESTED and case.form_left:
        told = handoff_form.take(conversation, case, message, rules)
        if case.form_left:
            case.due_at = _due_of_form(case, now)
            case.save()
            return told
        return told + _after_form(conversation, case, rules, now)
    if case.state == HandoffState.LIVE:
        _owe(conversation, case, now)
        case.save()
    _tell_desk(conversation, case, message)
    return [_notice(conversation, _still_here(conversation, case))] if is_back else []


def _still_here(conversation: Conversation, case: Handoff) -> str:
    """To an old button that goes back to the assistant: one tap must not lose the person who was waited for."""
    name = case.holder_name
    return say("still_here" if name else "still_here_unnamed", conversation.locale, person=name)


def pressed_without_need(conversation: Conversation, new: NewMessage) -> tuple[Message, list[Message]]:
    """A button of a hand-over, pressed while the assistant has the conversation: no question for it, and no miss."""
    message = conversations.post_message(conversation, new)
    return message, [_notice(conversation, say("already_back", conversation.locale))]


def _tell_desk(conversation: Conversation, case: Handoff, message: Message) -> None:
    desk = desks.of(case.desk) if case.is_at_desk else None
    if desk is not None:
        desk.add_turn(Case(case, conversation), message)


def files_came(conversation: Conversation, message: Message) -> None:
    """Files of the locked conversation's message are there now, or never come: the desk that has it is told."""
    case = current(conversation)
    desk = desks.of(case.desk) if case is not None and case.is_at_desk else None
    if case is not None and desk is not None:
        desk.add_files(Case(case, conversation), message)


def _offer(conversation: Conversation, case: Handoff, now: dt.datetime) -> bool:
    """Offer the case to the next desk that is there; False where none is left, or the wait is over."""
    duty_lock.keep(case.workspace_id)
    wait_until = case.wait_until or now
    while case.desks_left and wait_until > now:
        ref, *case.desks_left = case.desks_left
        desk = desks.of(ref)
        there = (
            desk.availability(now, conversation) if desk else desks.Availability(False, "The connection is deleted.")
        )
        if desk is None or not there.is_open:
            _note_tried(case, ref, there.words, now)
            continue
        case.state, case.desk, case.case_ref = HandoffState.OFFERED, ref, ""
        case.offers += 1
        case.is_at_desk = True
        case.offered_at = now
        # The wait is shared by the desks that are left, so that all of it is over when the last one did not come.
        case.due_at = now + (wait_until - now) / (1 + len(case.desks_left))
        case.save()
        desk.open_case(Case(case, conversation))
        return True
    return False


def _note_tried(
    case: Handoff, ref: str, words: str, now: dt.datetime, *, who: str = "", untold: Untold | None = None
) -> None:
    """What came of a desk, "" where nothing was in vain; `who` had it live there, where somebody had."""
    noted = {"desk": ref, "words": words[:300], "at": now.isoformat()} | ({"who": who[:100]} if who else {})
    noted |= {"untold": "surely" if untold.is_sure else "maybe"} if untold is not None else {}
    case.tried = [*case.tried, noted][-20:]


def accept(conversation: Conversation, case: Handoff, *, name: str, user: User | None = None) -> None:
    """Somebody will come: a member it was assigned to, or a desk's person."""
    if case.state not in (HandoffState.REQUESTED, HandoffState.OFFERED):
        return
    now, rules = timezone.now(), rules_of(conversation)
    case.state, case.accepted_at, case.form_left = HandoffState.ACCEPTED, now, []
    case.holder, case.holder_name = user, name[:100]
    case.due_at = case.wait_until = now + case.longest_wait
    case.save()
    conversation.assigned_to = user
    _notice(conversation, rules.words("accepted", conversation, person=name), way_back=True)


def assign(actor: Actor, conversation: Conversation, user: User | None) -> None:
    """Give the conversation to a member, or to nobody. Who gets a waiting or a live one owes the visitor an answer."""
    conversations.require_active(conversation)
    if conversation.assigned_to_id == (user.id if user else None):
        return
    case, now = current(conversation), timezone.now()
    if case is None:
        conversation.assigned_to = user
        conversations.save(conversation, [])
    elif user is None:
        _offer_again(conversation, case, now)
    else:
        _give(conversation, case, user, now)
    audit.record(actor, "conversation.assigned", conversation, to=str(user.id) if user else None)


def promise(conversation: Conversation, user: User) -> Handoff:
    """A member comes in a moment by another way than words; until then the conversation waits for them.

    Who has it live already keeps it so.
    """
    case, now, rules = current(conversation), timezone.now(), rules_of(conversation)
    if case is not None and case.state == HandoffState.LIVE and case.holder_id == user.id:
        return case
    if case is None:
        case = _new(conversation, rules, HandoffCause.MEMBER, "")
    _leave_desk(conversation, case, HandoffOutcome.BY_PERSON, f"Taken by {user.public_name or _A_MEMBER}.")
    _note_holder(case, now)
    case.desk, case.state, case.opens_at = INBOX, HandoffState.OFFERED, None
    case.unanswered_since, case.beat_at = None, None
    _wait(conversation, now)
    accept(conversation, case, name=user.public_name, user=user)
    return case


def _give(conversation: Conversation, case: Handoff, user: User, now: dt.datetime) -> None:
    """A member is to answer, whoever had it before."""
    _leave_desk(conversation, case, HandoffOutcome.BY_PERSON, "Given to a member of the inbox.")
    _note_holder(case, now)
    case.desk = INBOX
    if case.state != HandoffState.LIVE:
        case.state = HandoffState.OFFERED
        accept(conversation, case, name=user.public_name, user=user)
        return
    case.holder, case.holder_name, case.beat_at = user, user.public_name[:100], now
    case.unanswered_since = now
    _owe(conversation, case, now)
    case.save()
    conversation.assigned_to = user
    _notice(conversation, rules_of(conversation).words("accepted", conversation, person=user.public_name))


# --- While somebody is there ------------------------------------------------------------------------------------------


def join(actor: Actor, user: User, conversation: Conversation, *, is_told: bool = True) -> None:
    """A member takes the conversation over, from the assistant, from waiting, or from another member.

    `is_told`: whether the visitor is told that they came; not who hears them speak.
    """
    conversations.require_active(conversation)
    case = current(conversation)
    if case is not None and case.state == HandoffState.LIVE and case.holder_id == user.id:
        return
    _live(conversation, case, name=user.public_name, user=user, is_told=is_told)
    audit.record(actor, "conversation.taken", conversation)


def taken_by_other(conversation: Conversation, user: User, known: str) -> str:
    """Who has it live, where that is another member than the one whom `user` takes it from knowingly; "" otherwise.

    `known`: the id of the member who had it as far as this one knew, or "".
    """
    case = current(conversation)
    if case is None or case.state != HandoffState.LIVE or case.holder_id in (None, user.id):
        return ""
    return "" if str(case.holder_id) == known else case.shown_holder


def begin_with(actor: Actor, user: User | None, conversation: Conversation) -> None:
    """A conversation that we begin is theirs from the start who begins it: nobody waits to hear that somebody came."""
    name = user.public_name if user else actor.shown_as
    _live(conversation, current(conversation), name=name, user=user, is_told=False)


def _live(
    conversation: Conversation, case: Handoff | None, *, name: str, user: User | None, is_told: bool = True
) -> Handoff:
    """Somebody is there from now on, and owes the visitor an answer."""
    now, rules = timezone.now(), rules_of(conversation)
    if case is None:
        case = _new(conversation, rules, HandoffCause.MEMBER if user else HandoffCause.PROGRAM, "")
        conversation.handoff_reason = case.reason
    step = "changed" if case.state == HandoffState.LIVE else "joined"
    _leave_desk(conversation, case, HandoffOutcome.BY_PERSON, f"Taken over by {name or _A_MEMBER}.")
    _note_holder(case, now)
    case.desk = INBOX
    return _begin(conversation, case, rules, now, name=name, user=user, step=step if is_told else "")


def _note_holder(case: Handoff, now: dt.datetime) -> None:
    """Another one has it from now on: who had it stays in the history."""
    name = case.shown_holder
    if case.state == HandoffState.LIVE and name:
        _note_tried(case, case.desk, "", now, who=name)


def _begin(
    conversation: Conversation,
    case: Handoff,
    rules: Rules,
    now: dt.datetime,
    *,
    name: str,
    user: User | None,
    step: str = "joined",
) -> Handoff:
    case.state, case.live_at = HandoffState.LIVE, case.live_at or now
    case.holder, case.holder_name, case.beat_at = user, name[:100], now
    case.desks_left, case.form_left, case.opens_at, case.wait_until = [], [], None, None
    case.unanswered_since, case.due_at = None, None
    _owe(conversation, case, now)
    case.save()
    conversation.control, conversation.waiting_since, conversation.assigned_to = Control.HUMAN, None, user
    _note_wanted(conversation)
    if step:
        _notice(conversation, rules.words(step, conversation, person=name))
    else:
        conversations.save(conversation, [])
    return case


def _owe(conversation: Conversation, case: Handoff, now: dt.datetime) -> None:
    """The visitor waits for an answer from now on, if not already: when its person is missed."""
    since = case.unanswered_since or now
    case.unanswered_since = since
    case.due_at = since + case.longest_silence
    if case.holder_id is not None and conversation.channel in _AT_ONCE:
        case.due_at = min(case.due_at, max(case.beat_at or since, since) + LEASE)


def beat(user: User) -> None:
    """A sign of a member, for all that they have: a page of the inbox is open before them. Needs no lock."""
    now = timezone.now()
    held = Handoff.objects.filter(state=HandoffState.LIVE, holder=user)
    held.filter(beat_at__lt=now - BEAT_EVERY).update(beat_at=now)
    # A sign keeps the lease, and never puts off the moment by which an answer is due.
    owing = held.filter(unanswered_since__isnull=False, conversation__channel__in=_AT_ONCE)
    owing.filter(due_at__lt=now + LEASE - BEAT_EVERY).update(
        due_at=Least(F("unanswered_since") + F("longest_silence"), Value(now + LEASE))
    )


def reply(
    actor: Actor,
    user: User | None,
    conversation: Conversation,
    text: str,
    client_id: str | None,
    files: Sequence[UUID] = (),
    *,
    template: Mapping[str, Any] | None = None,
    blocks: Sequence[Mapping[str, Any]] = (),
) -> Message:
    """Answer as a person (or, by an API key, as the workspace), taking over first. Repeating `client_id` posts once.

    `files` were sent up for it (`member_files`); 422 where one wasn't, or none are taken here. `template`, `blocks`: as
    `NewMessage` has them.
    """
    new = NewMessage(
        author_kind=AuthorKind.AGENT,
        author_name=user.public_name if user else actor.shown_as,
        author_user=user,
        text=text,
        attachments=[{"id": str(file_id)} for file_id in files],
        client_id=client_id,
        template=template,
        blocks=blocks,
    )
    earlier = conversations.already_posted(conversation, new)
    if earlier is not None:
        return earlier
    conversations.require_active(conversation)
    if files:
        new = replace(new, attachments=attachments.found_by_member(conversation, files))
    if user is not None:
        join(actor, user, conversation)
    elif conversation.control != Control.HUMAN:
        _live(conversation, current(conversation), name=actor.shown_as, user=None)
    message = conversations.post_message(conversation, new)
    attachments.bind(message)
    # A program's words are no answer of the person whom a desk outside the house has there, who has to know them.
    _answered(conversation, is_at_desk=False)
    case = current(conversation)
    if case is not None:
        _tell_desk(conversation, case, message)
    audit.record(actor, "conversation.answered", conversation, seq=message.seq)
    return message


def _answered(conversation: Conversation, *, is_at_desk: bool) -> None:
    live = Handoff.objects.filter(conversation=conversation, state=HandoffState.LIVE, is_at_desk=is_at_desk)
    live.update(unanswered_since=None, due_at=None, beat_at=timezone.now())


def somebody_came() -> int:
    """People are there again: how many hand-overs, which no desk could take, the sweeper is to offer now.

    Who waited longest is due first. Not those that are asked something still, or wait for the opening. Needs no
    conversation's lock: each is offered in a transaction of its own, where `overdue` looks at it again.
    """
    now = timezone.now()
    open_by_now = Q(opens_at=None) | Q(opens_at__lte=now)
    stuck = Handoff.objects.filter(open_by_now, state=HandoffState.REQUESTED, form_left=[], due_at__gt=now)
    # In one order, so that two who come at once do not wait for each other.
    ids = list(stuck.order_by("id").select_for_update().values_list("id", flat=True))
    return Handoff.objects.filter(id__in=ids).update(due_at=F("requested_at"))


# --- What a desk outside the house says -------------------------------------------------------------------------------


def at_desk(conversation: Conversation, key: str) -> Handoff | None:
    """The open hand-over that a desk calls by this key; None where the case isn't there any more."""
    case = current(conversation)
    return case if case is not None and case.is_at_desk and Case(case, conversation).key == key else None


def said_at_desk(conversation: Conversation, case: Handoff, *, name: str, text: str, client_id: str) -> Message:
    """A desk's person answers; the first one joins, another one goes on. Repeating `client_id` posts once."""
    new = NewMessage(author_kind=AuthorKind.AGENT, author_name=name, text=text, client_id=client_id)
    earlier = conversations.already_posted(conversation, new)
    if earlier is not None:
        return earlier
    is_live = case.state == HandoffState.LIVE
    if not is_live or not names.are_same(case.holder_name, name[:100]):
        step = "changed" if is_live else "joined"
        _note_holder(case, timezone.now())
        _begin(conversation, case, rules_of(conversation), timezone.now(), name=name, user=None, step=step)
    message = conversations.post_message(conversation, new)
    _answered(conversation, is_at_desk=True)
    return message


def known_at_desk(conversation: Conversation, case: Handoff, *, name: str) -> None:
    """Who of a desk has it live, where what they write doesn't say so. Another one than was known goes on, and it is
    said; of one who had no name yet it shows with what they write next.
    """
    if case.state != HandoffState.LIVE or not name or names.are_same(case.holder_name, name[:100]):
        return
    was_named = bool(case.holder_name)
    _note_holder(case, timezone.now())
    case.holder_name = name[:100]
    case.save()
    if was_named:
        _notice(conversation, rules_of(conversation).words("changed", conversation, person=name))


def came_late(conversation: Conversation, desk: str, *, name: str) -> Handoff:
    """A desk's person answers after nobody had come in time, and the assistant has it still: they have it from now on.

    It is another hand-over, for the one before has ended, and is offered to nobody else.
    """
    now, rules = timezone.now(), rules_of(conversation)
    case = _new(conversation, rules, HandoffCause.PROGRAM, "Somebody came after all.")
    case.desk, case.offers, case.is_at_desk, case.offered_at = desk, 1, True, now
    conversation.handoff_reason = case.reason
    return _begin(conversation, case, rules, now, name=name, user=None)


def joined_at_desk(conversation: Conversation, case: Handoff, *, name: str) -> None:
    """A desk's person is there and talks to the visitor where nothing of it is read or written (a telephone).

    They owe no answer that could be missed: whoever carries the talk says when it is over. That they came is not
    said: the visitor hears it.
    """
    if case.state != HandoffState.LIVE:
        _begin(conversation, case, rules_of(conversation), timezone.now(), name=name, user=None, step="")
    _answered(conversation, is_at_desk=True)


def talks(conversation: Conversation) -> None:
    """The member who has it talks to the visitor where nothing of it is read or written: no answer is owed."""
    _answered(conversation, is_at_desk=False)


def not_reached(conversation: Conversation, case: Handoff, words: str) -> None:
    """The member who said they would come was not reached: the desks are asked again, and it is said."""
    now = timezone.now()
    _note_tried(case, case.desk, words, now)
    _offer_again(conversation, case, now)


def unavailable(conversation: Conversation, case: Handoff, words: str, *, untold: Untold | None = None) -> None:
    """The desk can't take the case, or has lost it: the next one is asked, and at the end the assistant goes on.

    `untold`: where it was never told of it.
    """
    now, case.is_at_desk = timezone.now(), False
    who = case.shown_holder if case.state == HandoffState.LIVE else ""
    _note_tried(case, case.desk, words, now, who=who, untold=untold)
    if case.state == HandoffState.LIVE:
        _offer_again(conversation, case, now, without=case.desk)
    else:
        _next(conversation, case, now)


# --- How it ends ------------------------------------------------------------------------------------------------------


def give_back(actor: Actor, conversation: Conversation, summary: str = "") -> None:
    """Hand the conversation back to the assistant, with what was done for the visitor, for whoever reads it next."""
    conversations.require_active(conversation)
    case = current(conversation)
    if case is None:
        raise Problem("conflict", "The assistant has this conversation already.")
    case.summary = summary
    words = rules_of(conversation).words("returned", conversation)
    _return(conversation, case, HandoffOutcome.BY_PERSON, words)
    audit.record(actor, "conversation.returned", conversation, with_summary=bool(summary))


def returned_by_desk(conversation: Conversation, case: Handoff, summary: str = "") -> None:
    """The desk hands it back."""
    case.summary, case.is_at_desk = summary, False
    words = rules_of(conversation).words("returned", conversation)
    _return(conversation, case, HandoffOutcome.BY_DESK, words)


def resolve(actor: Actor, name: str, conversation: Conversation) -> None:
    """A person ends the conversation. Resolving an ended one changes nothing."""
    if not conversation.is_active:
        return
    words = rules_of(conversation).words("resolved", conversation, person=name)
    case = current(conversation)
    if case is not None:
        _close(conversation, case, HandoffOutcome.RESOLVED, f"Resolved by {name or _A_MEMBER}.")
    conversations.end(conversation, Status.COMPLETED, f"Resolved by {name or _A_MEMBER}.", words)
    audit.record(actor, "conversation.resolved", conversation)


def closed_by_desk(conversation: Conversation, case: Handoff, name: str) -> None:
    """The desk's person ends the conversation."""
    words = rules_of(conversation).words("resolved", conversation, person=name)
    case.is_at_desk = False
    _finish(case, HandoffState.CLOSED, HandoffOutcome.RESOLVED, timezone.now())
    conversations.end(conversation, Status.COMPLETED, f"Resolved by {name or 'a person at the desk'}.", words)


def talk_over(conversation: Conversation, why: str) -> None:
    """Who was there has talked to the visitor, and the conversation is over with that; nothing is said any more."""
    case = current(conversation)
    if case is not None:
        case.is_at_desk = False
        _finish(case, HandoffState.CLOSED, HandoffOutcome.RESOLVED, timezone.now())
    conversations.end(conversation, Status.COMPLETED, why, "")


def ended(conversation: Conversation) -> None:
    """The conversation ended some other way, and its hand-over with it. Called by `conversations.end`.

    Who hangs up while they wait was missed: they did not get whom they asked for, and somebody may call them back.
    """
    case = current(conversation)
    if case is not None:
        is_missed = (
            conversation.channel == Channel.VOICE
            and conversation.status == Status.ABANDONED
            and case.state in (HandoffState.REQUESTED, HandoffState.OFFERED, HandoffState.ACCEPTED)
        )
        outcome = HandoffOutcome.NOBODY_CAME if is_missed else HandoffOutcome.ENDED
        _close(conversation, case, outcome, conversation.ended_reason)


def overdue(conversation: Conversation) -> None:
    """The moment of the next step has come, and nobody did anything."""
    case, now = current(conversation), timezone.now()
    if case is None or case.due_at is None or case.due_at > now:
        return
    if case.state == HandoffState.LIVE:
        _note_tried(case, case.desk, _silence_of(case.shown_holder), now, who=case.shown_holder)
        _offer_again(conversation, case, now)
    elif case.state == HandoffState.ACCEPTED:
        _note_tried(case, case.desk, _absence_of(case.shown_holder), now)
        if case.holder_id is not None:
            _offer_again(conversation, case, now)
        else:
            # Not from the first: a desk that accepts and never comes would be asked for ever.
            case.wait_until = now + case.longest_wait
            _next(conversation, case, now)
    elif case.state == HandoffState.REQUESTED and (case.wait_until or now) > now:
        _after_form(conversation, case, rules_of(conversation), now)
    else:
        untold = _untold(conversation, case)
        _note_tried(case, case.desk, untold.words if untold else "Nobody came in time.", now, untold=untold)
        _next(conversation, case, now)


def _untold(conversation: Conversation, case: Handoff) -> Untold | None:
    """Why the desk that nobody came from did not know of the case: then nobody could have come."""
    desk = desks.of(case.desk) if case.is_at_desk else None
    return desk.untold(Case(case, conversation)) if desk is not None else None


def _absence_of(name: str) -> str:
    return f"{name} did not come." if name else "Who said they would come did not."


def _silence_of(name: str) -> str:
    return f"{name} did not answer." if name else "Nobody answered."


def _next(conversation: Conversation, case: Handoff, now: dt.datetime) -> None:
    """The next desk, or nobody."""
    _leave_desk(conversation, case, HandoffOutcome.NOBODY_CAME, "Nobody came in time.")
    rules, gone, was_awaited = rules_of(conversation), case.holder_name, case.state == HandoffState.ACCEPTED
    conversation.assigned_to, case.holder, case.holder_name = None, None, ""
    if case.desks_left and rules.is_closed(now) and (case.wait_until or now) > now:
        _wait_for_opening(conversation, case, rules, now, _left_to_ask(conversation, case, rules))
    elif not _offer(conversation, case, now):
        _nobody(conversation, case, rules, now)
    elif was_awaited:
        _notice(conversation, rules.words("gone", conversation, person=gone), way_back=True)
    else:
        conversations.save(conversation, [])


def _offer_again(conversation: Conversation, case: Handoff, now: dt.datetime, *, without: str = "") -> None:
    """Who had it, or said they would come, is gone: the desks are asked again from the first, and it is said.

    Out of hours, and where nobody else is there, it is as if a person were asked for now.
    """
    rules = rules_of(conversation)
    gone = case.holder_name
    _leave_desk(conversation, case, HandoffOutcome.NOBODY_CAME, _silence_of(gone))
    case.state, case.holder, case.holder_name = HandoffState.REQUESTED, None, ""
    case.unanswered_since, case.beat_at = None, None
    case.desks_left = [ref for ref in desks.in_order(conversation, rules.desks) if ref != without]
    case.wait_until = now + case.longest_wait
    _wait(conversation, now)
    is_there = _is_somebody_there(conversation, case, now)
    if rules.is_closed(now) or not (is_there or without or not rules.waits_when_closed):
        # What is asked of who waits was asked before, all but the address.
        of_waiting = handoff_form.wanted_when_closed((), conversation.channel)
        wanted = [name for name in of_waiting if name not in case.answers]
        if rules.is_closed(now):
            _wait_for_opening(conversation, case, rules, now, wanted)
        else:
            case.desks_left, case.form_tries = desks.in_order(conversation, rules.desks), 0
            case.form_left = handoff_form.fields(wanted, conversation)
            _ask_while_closed(conversation, case, rules, now)
    elif _offer(conversation, case, now):
        _notice(conversation, rules.words("gone", conversation, person=gone), way_back=True)
    else:
        _nobody(conversation, case, rules, now)


def _nobody(conversation: Conversation, case: Handoff, rules: Rules, now: dt.datetime) -> list[Message]:
    return _return(conversation, case, HandoffOutcome.NOBODY_CAME, rules.words("nobody_came", conversation))


def missed(conversation: Conversation, reason: str) -> None:
    """Who called spoke with nobody, and waits to be called back: of a locked conversation, which may have ended.

    It stands among the missed ones until somebody takes it. Nothing is said in it. Where nobody came before, that
    hand-over stays as it ended, and has this reason beside its own.
    """
    case = current(conversation)
    in_vain = _last_in_vain(conversation) if case is None else None
    _note_wanted(conversation)
    if in_vain is not None:
        in_vain.reason = _with_reason(in_vain.reason, reason)
        in_vain.save(update_fields=["reason"])
    else:
        if case is None:
            case = _new(conversation, rules_of(conversation), HandoffCause.VISITOR, reason)
            case.form_left = []
        _leave_desk(conversation, case, HandoffOutcome.NOBODY_CAME, reason)
        _finish(case, HandoffState.CLOSED, HandoffOutcome.NOBODY_CAME, timezone.now())
    conversation.control, conversation.waiting_since, conversation.assigned_to = Control.ASSISTANT, None, None
    conversation.handoff_reason = ""
    conversations.save(conversation, [])


def _with_reason(known: str, more: str) -> str:
    """A reason with another one behind it, which stands there whole, and once."""
    known = known.strip()
    if not known:
        return more[:300]
    return known if more in known else f"{channel_forms.ended(known[: 298 - len(more)])} {more}"


def _last_in_vain(conversation: Conversation) -> Handoff | None:
    """The last time that a person was asked for, where nobody came: who is missed after it asked no second time."""
    last = Handoff.objects.filter(conversation=conversation).order_by("-requested_at").select_related("holder").first()
    in_vain = (HandoffOutcome.NOBODY_CAME, HandoffOutcome.NOBODY_THERE)
    return last if last is not None and last.outcome in in_vain else None


def _return(conversation: Conversation, case: Handoff, outcome: HandoffOutcome, words: str) -> list[Message]:
    """The assistant has the conversation again."""
    _leave_desk(conversation, case, outcome, HandoffOutcome(outcome).label)
    _finish(case, HandoffState.RETURNED, outcome, timezone.now())
    conversation.control, conversation.waiting_since, conversation.assigned_to = Control.ASSISTANT, None, None
    conversation.handoff_reason = ""
    return [_notice(conversation, words)]


def _close(conversation: Conversation, case: Handoff, outcome: HandoffOutcome, words: str) -> None:
    _leave_desk(conversation, case, outcome, words)
    _finish(case, HandoffState.CLOSED, outcome, timezone.now())


def _finish(case: Handoff, state: HandoffState, outcome: HandoffOutcome, now: dt.datetime) -> None:
    case.state, case.outcome, case.ended_at = state, outcome, now
    case.due_at, case.wait_until, case.unanswered_since = None, None, None
    case.save()


def _leave_desk(conversation: Conversation, case: Handoff, outcome: HandoffOutcome, words: str) -> None:
    """Tell the desk that has the case, if one has, that it doesn't any more."""
    if not case.is_at_desk:
        return
    case.is_at_desk = False
    desk = desks.of(case.desk)
    if desk is not None:
        desk.close_case(Case(case, conversation), outcome, words)


def _notice(conversation: Conversation, words: str, *, way_back: bool = False) -> Message:
    blocks = [handoff_form.way_back(conversation)] if way_back else []
    return conversations.post_message(
        conversation, NewMessage(author_kind=AuthorKind.SYSTEM, text=words, blocks=blocks)
    )
