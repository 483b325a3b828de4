"""Templates that WhatsApp lets through no more, as a message that came back tells: known at once, and made good."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from channels_app import accounts, bell
from channels_app.models import Connection, Delivery, MessageTemplate, TemplateSync
from channels_app.models.template import Approval
from channels_app.providers.base import Planned

# In what is to be sent, put into the connection's own template: what that carries. Of what such a template did not
# carry: the SIDs of those that it goes in no more.
CARRIES, NOT_IN = "carries", "not_in"


def standing_by(connection: Connection, code: str) -> str:
    """How a template stands that a message was refused for with this code; empty where it was not the template's."""
    return accounts.kind_of(connection).template_refusals.get(code, "")


def is_of_template(delivery: Delivery, code: str) -> bool:
    """Whether a delivery was refused with this code because of the template that it went in."""
    return "template" in delivery.content and bool(standing_by(delivery.connection, code))


def note(delivery: Delivery, code: str) -> None:
    """A delivery was refused with this code: where that is its template's, it is offered no more, and all are fetched.

    What somebody else holds is being fetched at this moment, and nobody is waited for.
    """
    approval = standing_by(delivery.connection, code)
    template: Mapping[str, Any] = delivery.content.get("template") or {}
    if not approval or not template:
        return
    rows = MessageTemplate.objects.select_for_update(skip_locked=True).filter(
        connection=delivery.connection, sid=template["sid"], approval=Approval.APPROVED
    )
    MessageTemplate.objects.filter(id__in=list(rows.values_list("id", flat=True))).update(approval=approval)
    syncs = TemplateSync.objects.select_for_update(skip_locked=True).filter(connection=delivery.connection)
    held = list(syncs.values_list("id", flat=True))
    TemplateSync.objects.filter(id__in=held, due_at__gt=timezone.now()).update(due_at=timezone.now())
    transaction.on_commit(bell.ring)


def put(delivery: Delivery, planned: Planned) -> None:
    """Let the connection's own template carry a delivery, which keeps what it was."""
    carries = {"what": delivery.what, "content": delivery.content}
    delivery.content, delivery.what = {**planned.content, CARRIES: carries}, planned.what
    delivery.save(update_fields=["content", "what"])


def take_out(delivery: Delivery, code: str) -> bool:
    """Let a delivery be what it was before the connection's own template carried it, where that was refused.

    False where it was in none, or was refused for something else.
    """
    carries = delivery.content.get(CARRIES)
    if not carries or not is_of_template(delivery, code):
        return False
    before = dict(carries["content"])
    before[NOT_IN] = [*before.get(NOT_IN, ()), delivery.content["template"]["sid"]]
    delivery.content, delivery.what = before, carries["what"]
    delivery.save(update_fields=["content", "what"])
    return True


def may_go_in(delivery: Delivery, sid: str) -> bool:
    """Whether WhatsApp has not refused this delivery in that template before, whatever it says of it by now."""
    return sid not in delivery.content.get(NOT_IN, ())
