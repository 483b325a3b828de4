"""A template of its channel in a conversation: an answer like any other, which may go when free words may not."""

from __future__ import annotations

from collections.abc import Mapping

from convoship.lib.actors import Actor
from deployments import carriers, handoff
from deployments.models import Conversation, Message
from workspaces.models import User


def send(
    actor: Actor,
    user: User | None,
    conversation: Conversation,
    template_id: str,
    values: Mapping[str, str],
    *,
    client_id: str | None = None,
    instead_of: int | None = None,
) -> Message:
    """Answer a locked conversation with a template; repeating `client_id` posts once.

    `values` by the names of its variables. `instead_of` is the `seq` of a message that waits for the window: it is sent
    no more. 422 for values that don't fit, by `variables.<name>`; 409 where that message waits no longer.
    """
    filled = carriers.fill_template(conversation, template_id, values)
    before = conversation.head_seq
    message = handoff.reply(
        actor, user, conversation, filled.text, client_id, template=filled.template, blocks=filled.blocks
    )
    if instead_of is not None and message.seq > before:
        # After it: what ends a delivery reads the conversation anew.
        carriers.drop_parked(actor, conversation, instead_of)
    return message
