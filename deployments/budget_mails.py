"""The mails that tell owners and admins of a budget, or of what doesn't answer.

They are sent by the sweeper, outside any transaction, and tried again.

A notice is claimed by moving its `due_at` on, which is committed before the mail server is asked: a sweeper that dies
in between leaves it due again, so a mail is sent twice rather than never. The unique row of a budget's period is what
keeps a flood from being a flood of mails.
"""

from __future__ import annotations

import datetime as dt
import logging
import smtplib
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.core.mail import send_mail
from django.urls import reverse
from django.utils import timezone

from convoship.lib import names
from convoship.lib.tenancy import tenant
from deployments import budget_notices, budget_words, doors, mail_refusals, outage_words, responder_health, usage
from deployments.budgets import words_of
from deployments.models import Budget, BudgetNotice
from deployments.models.budget_notice import Level
from deployments.models.spending import Per
from workspaces import members
from workspaces.models import Workspace

logger = logging.getLogger(__name__)

BATCH = 50
LEASE = dt.timedelta(minutes=2)
# How long after each failure the next try comes; after the last there is none.
PAUSES = (dt.timedelta(minutes=1), dt.timedelta(minutes=10), dt.timedelta(hours=1), dt.timedelta(hours=6))
# Whoever may raise it: owners and admins.
TOLD = "workspace.write"


@dataclass(frozen=True)
class Mail:
    """A mail about a budget, or about what doesn't answer."""

    addresses: list[str]
    subject: str
    body: str


def send_due() -> int:
    """Send a batch of what is due; how many there were. Outside of `tenant()`."""
    due = doors.due_budget_notices(BATCH)
    for workspace_id, notice_id in due:
        try:
            _send(workspace_id, notice_id)
        except Exception:
            logger.exception("mailing notice %s of a budget failed, it stays due", notice_id)
    return len(due)


def _send(workspace_id: UUID, notice_id: UUID) -> None:
    with tenant(workspace_id):
        mail = _claimed(workspace_id, notice_id)
    if mail is None:
        return
    taken, trouble = 0, "Nobody who may change budgets can be mailed."
    for address in mail.addresses:
        try:
            send_mail(mail.subject, mail.body, None, [address])
            taken += 1
        except OSError as error:  # SMTPException is one
            trouble = mail_refusals.read(error).words
            logger.error("mail to %s about notice %s of a budget was not taken: %s", address, notice_id, error)
            if not isinstance(error, smtplib.SMTPResponseException | smtplib.SMTPRecipientsRefused):
                break  # it isn't there at all: the others would wait for it as long, one after another
    with tenant(workspace_id):
        _settle(notice_id, "" if taken else trouble)


def _claimed(workspace_id: UUID, notice_id: UUID) -> Mail | None:
    """The mail, if it is still to be sent and nobody else is sending it."""
    rows = BudgetNotice.objects.select_for_update(skip_locked=True, of=("self",))
    rows = rows.select_related("budget__deployment", "health__assistant__published")
    notice = rows.filter(id=notice_id, due_at__lte=timezone.now()).first()
    if notice is None:
        return None
    if notice.level == Level.NEAR and not budget_notices.is_near(notice):
        # What had been set aside was given back; who comes near it again is told of.
        notice.delete()
        return None
    if notice.health is not None and not responder_health.is_down(notice.health):
        # Visitors meet something else by now.
        notice.delete()
        return None
    notice.attempts += 1
    notice.due_at = timezone.now() + LEASE
    notice.save(update_fields=["attempts", "due_at"])
    return _mail(Workspace.objects.get(id=workspace_id), notice)


def _settle(notice_id: UUID, trouble: str) -> None:
    notice = BudgetNotice.objects.select_for_update().filter(id=notice_id).first()
    if notice is None:  # the budget was changed meanwhile
        return
    notice.trouble = trouble[:300]
    if not trouble:
        notice.mailed_at, notice.due_at = timezone.now(), None
    else:
        pause = PAUSES[notice.attempts - 1] if notice.attempts <= len(PAUSES) else None
        notice.due_at = timezone.now() + pause if pause is not None else None
    notice.save(update_fields=["trouble", "mailed_at", "due_at"])


# --- Its words --------------------------------------------------------------------------------------------------------


def _mail(workspace: Workspace, notice: BudgetNotice) -> Mail:
    if notice.health is not None:
        return Mail(members.addresses_with(TOLD), *outage_words.mail(workspace, notice.health))
    budget = notice.budget
    if budget is None:
        raise ValueError("a notice of nothing")  # the database holds that it is of one of the two
    size = budget_words.size_of(budget)
    users = budget_notices.users_of(budget, notice.whose, notice.day)
    head = names.line(budget_words.headline(budget, is_spent=notice.level == Level.SPENT))
    place = f"That is in {names.line(workspace.name)}."
    if notice.level == Level.SPENT and notice.amount > budget.most:
        head = f"A budget of {names.line(budget_words.of_whom(budget))} is too small for one answer"
        asked = words_of(budget.measure, notice.amount)
        first = f"{head}: {size}, and one answer may take {asked}. {place}"
    else:
        first = f"{head}: {size}. {place}"
    parts = (first, _meets(budget, notice), _used(budget, users), _links(budget, users))
    body = "\n\n".join(part for part in parts if part)
    return Mail(members.addresses_with(TOLD), f"{head}: {size}", body + "\n")


def _meets(budget: Budget, notice: BudgetNotice) -> str:
    """What happens now, and until when."""
    if notice.level == Level.NEAR:
        return "Once it is spent the model is not asked any more."
    who = "This visitor" if budget.per == Per.VISITOR else "Visitors"
    gets = "gets" if budget.per == Per.VISITOR else "get"
    meets = f"{who} now {gets} what the assistant has for that: a cheaper model, its script, a person, or words."
    if budget.per == Per.WHOLE or notice.amount > budget.most:
        return f"{meets} There is no room again until it is raised."
    midnight = notice.day + dt.timedelta(days=1)
    return f"{meets} There is room again from {midnight.strftime('%-d %B %Y')}, 00:00 UTC, and visitors are told so."


def _used(budget: Budget, users: list[usage.Row]) -> str:
    if not users:
        return ""
    lines = [f"* {_named(row)}: {_taken(budget, row)}" for row in users]
    return "\n".join(["Most was used by:", *lines])


def _named(row: usage.Row) -> str:
    return names.line(row.words) or "somebody who is forgotten"


def _taken(budget: Budget, row: usage.Row) -> str:
    return budget_words.used(budget.measure, messages=row.messages, tokens=row.tokens, cost=row.cost)


def _links(budget: Budget, users: list[usage.Row]) -> str:
    page = reverse("deployment_budgets", args=[budget.deployment_id]) if budget.deployment_id else reverse("usage")
    lines = [f"Raise it, and see who used it: {settings.PUBLIC_BASE_URL}{page}"]
    if users and users[0].words:
        person = reverse("person", args=[users[0].key])
        lines.append(f"Block {_named(users[0])}: {settings.PUBLIC_BASE_URL}{person}")
    if budget.deployment is not None:
        answers = reverse("assistant_answers", args=[budget.deployment.assistant_id])
        lines.append(f"Change the model, or what comes after it: {settings.PUBLIC_BASE_URL}{answers}")
    return "\n".join(lines)
