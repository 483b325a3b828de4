"""A Genesys organization that answers as it is told, by method and path; and a hand-over that nobody stored."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from channels_app.providers.base import Account, InboundRequest, Outgoing, Planned
from channels_app.providers.desk_port import CaseThere, KnownCase
from channels_app.providers.genesys import webhooks
from channels_app.providers.genesys.provider import Genesys
from deployments.desks import Case
from deployments.models import Conversation, Handoff, Message, Person
from tests.channels import far_end
from tests.channels.far_end import FarEnd, Said, Seen

FIXTURES = Path(__file__).parent / "fixtures" / "genesys_adapter"
INTEGRATION = "c6b0e62f-8487-44fd-a218-c16e006a7a23"
INTERACTION = "1734d888-3c0e-47bc-bacb-e9996a16b682"
CONVERSATION = "7f2c1d9e-4a54-4b8c-9f3e-2f6a1f0c9d11"
SECRET = "a secret of more than 16"
SINCE = dt.datetime(2026, 11, 28, 10, 0, tzinfo=dt.UTC)
PAGE = "https://convoship.example/app/conversations/1/"
INBOUND = f"/api/v2/conversations/messages/{INTEGRATION}/inbound/open"
THERE = f"/api/v2/conversations/messages/{INTERACTION}"
OPEN = f"/api/v2/conversations/messaging/integrations/open/{INTEGRATION}"


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text())["body"]


def account(base_url: str = "", *, secret: str = SECRET, **config: Any) -> Account:
    config = {"region": "eu-central-1", "integration_id": INTEGRATION, "on_end": "end", **config}
    credentials = {"client_id": str(uuid4()), "client_secret": "s", "webhook_secret": secret}
    url = "https://convoship.example/v1/public/channels/genesys/1"
    return Account(uuid4(), "Genesys", config, credentials, {}, url, f"{url}/status", base_url, uuid4())


def case_of(**about: Any) -> Case:
    """A hand-over of a visitor's whose e-mail address is only typed, unless they have an `external_id`."""
    person = Person(name="Ada", email="ada@example.com", external_id=about.pop("external_id", None))
    conversation = Conversation(
        id=UUID(CONVERSATION), person=person, channel="web", locale="de", page_url="https://shop.example/cart"
    )
    handoff = Handoff(conversation=conversation, cause="visitor", reason="They asked.", offers=1, **about)
    return Case(handoff, conversation)


def said(text: str, kind: str = "visitor", **fields: Any) -> Message:
    fields = {"seq": 1, "created_at": SINCE, "attachments": [], "blocks": [], **fields}
    return Message(author_kind=kind, text=text, **fields)


def known(**about: Any) -> KnownCase:
    about = {"conversation": INTERACTION, "opened": "2026-11-28T10:00:00.000Z", **about}
    return KnownCase(f"{uuid4()}.1", CaseThere(CONVERSATION, INTERACTION, "", about), active_at=dt.datetime.now(dt.UTC))


def outgoing(planned: Planned, case: KnownCase | None = None, **more: Any) -> Outgoing:
    case = case or known()
    return Outgoing(
        key=more.pop("key", str(uuid4())), address=case.key, content=planned.content, since=SINCE, case=case, **more
    )


def request(
    body: Any, *, headers: dict[str, str] | None = None, part: str = "", secret: str | None = SECRET
) -> InboundRequest:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    signed = {} if secret is None else {"x-hub-signature-256": webhooks.signature(secret, raw)}
    given = signed if headers is None else headers
    return InboundRequest("POST", "https://convoship.example/x", part, {}, given, "application/json", raw)


def events(body: Any) -> list[Any]:
    provider, asked = Genesys(account()), request(body)
    provider.validate_request(asked)
    return list(provider.parse_events(asked))


def as_json(body: Any, status: int = 200, **headers: str) -> Said:
    return Said(status, {"content-type": "application/json", **headers}, json.dumps(body).encode())


class Organization:
    """`answers`: by "METHOD path", each in turn and the last from then on; tokens are given to all."""

    def __init__(self, far: FarEnd) -> None:
        self.far, self.answers = far, dict[str, list[Said]]()
        self.base = f"http://127.0.0.1:{far.port}"
        far.answers = self._answer

    def on(self, what: str, *answers: Said) -> None:
        self.answers[what] = list(answers)

    def asked(self, what: str) -> list[Seen]:
        return [one for one in self.far.seen if f"{one.method} {one.path.partition('?')[0]}" == what]

    def _answer(self, seen: Seen) -> Said:
        path = seen.path.partition("?")[0]
        if path == "/oauth/token" and "POST /oauth/token" not in self.answers:
            return as_json({"access_token": "t0ken", "token_type": "bearer", "expires_in": 86399})
        left = self.answers.get(f"{seen.method} {path}")
        if left is None:
            return as_json({"message": f"Nothing is at {path}.", "code": "not.found", "status": 404}, 404)
        return left.pop(0) if len(left) > 1 else left[0]


@contextmanager
def organization() -> Iterator[Organization]:
    with far_end.running() as far:
        found = Organization(far)
        found.on(f"POST {INBOUND}/message", as_json(fixture("taken")))
        found.on(f"POST {INBOUND}/receipt", as_json({}))
        yield found
