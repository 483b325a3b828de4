"""A Zendesk account, and an agent in it."""

from __future__ import annotations

import copy
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from channels_app.models.rehearsal import LineKind
from channels_app.rehearsal.base import (
    FAULTS,
    JSON,
    LIMITED,
    RETRY_AFTER_SECONDS,
    Answer,
    Call,
    Fault,
    Saying,
    turned_away,
)
from channels_app.rehearsal.desk import DeskStandIn, ShownCase
from channels_app.rehearsal.zendesk import later, messaging, messaging_screen, signing, support, ticket_screen
from channels_app.rehearsal.zendesk.answers import Refused, record_invalid
from channels_app.rehearsal.zendesk.books import Books, beginning
from channels_app.rehearsal.zendesk.hooks import new_secret
from channels_app.rehearsal.zendesk.tickets import closed

NO_ACCESS = Fault("no_access", "No access", "403: the integration may not write there.")
CLOSED = Fault("closed", "The ticket is closed", "422 to the next change of a ticket, which is closed from then on.")
PAGE = Fault("html", "Answers a web page", "200 with HTML, as a proxy in between would; nothing is taken.")
_MESSAGING = "messaging"
_HTML = "<!doctype html><title>Welcome</title><h1>It works!</h1>"


class ZendeskDesk(DeskStandIn):
    """Zendesk's APIs as far as an integration that hands conversations over uses them, strictly.

    Config: `subdomain`, `mode` ("tickets" or "messaging"), of messaging `app_id` and `integration_id`. Credentials:
    `client_id`, `client_secret`, `webhook_secret`; `email` and `api_token` are taken, too, until Zendesk takes them no
    more.
    In tickets the two are the OAuth client's, in messaging a Conversations API key's id and secret.
    """

    kind = "zendesk"
    title = "A Zendesk"
    faults: ClassVar[Sequence[Fault]] = (*FAULTS, NO_ACCESS, CLOSED, PAGE)
    content_type = JSON

    @classmethod
    def config(cls, like: Mapping[str, Any]) -> dict[str, Any]:
        """An account that is made up, or the settings of the connection that it is like."""
        own = {"subdomain": "rehearsal", "mode": "tickets"}
        kept = {name: value for name, value in like.items() if name != "api_base_url"}
        made = {**own, **kept}
        if made["mode"] == _MESSAGING:
            made.setdefault("app_id", secrets.token_hex(12))
            made.setdefault("integration_id", secrets.token_hex(12))
        return made

    @classmethod
    def credentials(cls) -> dict[str, str]:
        """An OAuth client's identifier and secret, and a webhook's signing secret."""
        return {
            "client_id": f"convoship_rehearsal_{secrets.token_hex(4)}",
            "client_secret": secrets.token_hex(32),
            "webhook_secret": new_secret(),
        }

    @classmethod
    def contents(cls, account_sid: str) -> dict[str, Any]:
        """An account with its integration user and one group; no webhooks, no triggers."""
        return beginning()

    @classmethod
    def faults_for(cls, config: Mapping[str, Any]) -> Sequence[Fault]:
        """In messaging there are no tickets."""
        is_messaging = config.get("mode") == _MESSAGING
        return [one for one in cls.faults if one is not CLOSED] if is_messaging else cls.faults

    @property
    def books(self) -> Books:
        """What it keeps."""
        return Books(self.rehearsal.contents, self.account)

    @property
    def is_messaging(self) -> bool:
        """Which of the two it is."""
        return bool(self.account.config.get("mode") == _MESSAGING)

    @property
    def has_customers(self) -> bool:
        """In messaging they write in Zendesk."""
        return self.is_messaging

    # --- What we ask of Zendesk -------------------------------------------------------------------------------------

    def refuse(self, call: Call) -> Answer | None:
        """Bearer tokens (tickets); a JWT or Basic with the API key (messaging)."""
        return messaging.refuse(call, self.books) if self.is_messaging else support.refuse(call, self.books)

    def is_sent(self, call: Call) -> bool:
        """What people see of it."""
        return messaging.is_sent(call) if self.is_messaging else support.is_sent(call)

    def meets(self, call: Call) -> bool:
        """A closed ticket meets what changes one, and not what makes one; it is no matter of messaging."""
        if self.rehearsal.fault == CLOSED.word:
            return not self.is_messaging and bool(support.changed_ticket(call))
        return super().meets(call)

    def look(self, call: Call) -> Answer:
        """Questions, and steps on the way that are no matter for a fault."""
        return self.take(call)

    def take(self, call: Call) -> Answer:
        """Answer as Zendesk does. What it refuses has changed nothing."""
        answer = self._answered(call)
        if call.method != "GET":
            self.rehearsal.save(update_fields=["contents"])
        return answer

    def _answered(self, call: Call) -> Answer:
        before = copy.deepcopy(self.rehearsal.contents)
        try:
            answer = messaging.route(call, self.books) if self.is_messaging else support.route(call, self.books)
            if call.method != "GET" and self.books.is_too_large():
                raise record_invalid("base", "Comments: the ticket has too many of them", "Not taken: it is too much.")
        except Refused as refused:
            self.rehearsal.contents = before
            answer = refused.answer(call)
            return replace(answer, kind=LineKind.REFUSED) if answer.status == 401 else answer
        return answer

    def fail(self, call: Call, fault: str) -> Answer:
        """Zendesk's own faults; nothing is taken."""
        if fault == CLOSED.word:
            return self._close(call)
        seen = self._not_taken(call)
        match fault:
            case NO_ACCESS.word:
                body = messaging.NO_ACCESS if self.is_messaging else support.NO_ACCESS
                return turned_away(seen, 403, "Not taken: no access.", body)
            case PAGE.word:
                return replace(turned_away(seen, 200, "Not taken: a page.", _HTML), content_type="text/html")
            case LIMITED.word:
                body = messaging.LIMITED if self.is_messaging else support.LIMITED
                answer = turned_away(seen, 429, "Not taken: too many requests.", body)
                return replace(answer, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
        body = messaging.BROKEN if self.is_messaging else support.BROKEN
        return turned_away(seen, 500, "Not taken: it broke.", body)

    def _not_taken(self, call: Call) -> Answer:
        """What a call would have been answered, and nothing done."""
        before = copy.deepcopy(self.rehearsal.contents)
        seen = self._answered(call)
        self.rehearsal.contents = before
        is_known = seen.address in {**before.get("tickets", {}), **before.get("conversations", {})}
        return replace(seen, headers={}, address=seen.address if is_known else "")

    def _close(self, call: Call) -> Answer:
        """Close the ticket that is changed, as Zendesk's automation may do any moment, and refuse the change."""
        ticket = self.books.part("tickets").get(support.changed_ticket(call))
        if ticket is not None:
            ticket["status"] = "closed"
            self.rehearsal.save(update_fields=["contents"])
        return self.take(call) if ticket is not None else closed().answer(call)

    # --- What the agent does ----------------------------------------------------------------------------------------

    def cases(self) -> list[ShownCase]:
        """Tickets, or conversations."""
        return messaging_screen.cases(self.books) if self.is_messaging else ticket_screen.cases(self.books)

    def say(self, typed: Mapping[str, str]) -> Saying:
        """Do it, and tell our webhook what Zendesk tells; an empty `url` where it tells nobody."""
        play = messaging_screen.done if self.is_messaging else ticket_screen.done
        case, words, bodies = play(self.books, typed)
        for body in bodies[1:]:
            later.post(self, body, str(case["id"]), wrongly=bool(typed.get("wrongly")))
        url = self.account.inbound_url if bodies else ""
        return Saying(url, bodies[0] if bodies else "", str(case["id"]), words)

    def sign(self, url: str, body: str, *, wrongly: bool) -> dict[str, str]:
        """X-Zendesk-Webhook-Signature and its kin (tickets), X-API-Key (messaging)."""
        if self.is_messaging:
            return signing.messaging_headers(messaging.secret_of(self.books), wrongly=wrongly)
        return signing.ticket_headers(self.books, body, wrongly=wrongly)
