"""Where the rehearsal's stand-in for a bot is on this server, and how a question to it is known to be genuine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from convoship.lib import standard_webhooks
from convoship.lib.problems import not_found
from deployments import webhook_secrets
from deployments.models import Assistant
from deployments.responders.base import ResponderError

_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")


def address(workspace_id: UUID, assistant_id: UUID, name: str) -> str:
    """Where the one that behaves like `name` (of `stand_in_bot.BOTS`) takes an assistant's questions."""
    return str(settings.PUBLIC_BASE_URL) + reverse("rehearsal_bot", args=[workspace_id, assistant_id, name])


def calls_back_to(url: object) -> bool:
    """Whether an address is one of ours that takes an answer: no other is ever called."""
    before = str(settings.PUBLIC_BASE_URL) + reverse("webhook_answer", args=["x"]).removesuffix("x")
    return isinstance(url, str) and url.startswith(before) and _TOKEN.fullmatch(url.removeprefix(before)) is not None


def check(assistant_id: UUID, headers: Mapping[str, str], body: bytes) -> None:
    """Refuse what the assistant's secrets did not sign: `standard_webhooks.NotGenuine`. Inside `tenant()`.

    404 for no such assistant.
    """
    assistant = Assistant.objects.filter(id=assistant_id).first()
    if assistant is None:
        raise not_found()
    try:
        secrets = webhook_secrets.signers(assistant)
    except ResponderError as error:
        raise standard_webhooks.NotGenuine("no_secret", error.reason) from None
    standard_webhooks.verify(secrets, headers, body)
