"""The port to the outside world: what a provider is asked, what it answers, and how it says that something failed.

A provider is made anew for each use, for one connection (`Account`); it holds no state and touches no database. What it
is asked in a request (`validate_request`, `parse_events`) is pure; what goes over the network is asynchronous.
"""

from __future__ import annotations

import datetime as dt
import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Literal
from uuid import UUID

from django import forms
from django.http import HttpResponse
from django.utils import timezone

from channels_app.providers.desk_port import CaseThere, KnownCase, Looked, Paste
from channels_app.providers.events import ProviderEvent
from deployments.carriers import FilesTaken
from deployments.desks import Case
from deployments.models import Conversation, Message


class Capability(StrEnum):
    """Where providers differ. Others ask for these, never for a provider's name."""

    # A person waits for what is sent: tried for minutes and not for days.
    INTERACTIVE = "interactive"
    # What is sent carries a key by which the other side knows a copy: sending again is safe.
    KEYED = "keyed"
    # What was sent can be looked up, so that an unknown outcome is settled before anything is sent again.
    LOOK_UP = "look_up"
    # The provider reports what became of a message at an address of its own, `…/status`.
    STATUS = "status"
    # The person's consent is kept, and asked before each message.
    CONSENT = "consent"
    # The other side is a program that answers for itself: after five days of failures alone it is disabled.
    DISABLED_WHEN_DEAD = "disabled_when_dead"
    # Events of conversations are sent, not words for a person alone.
    EVENTS = "events"
    # The conversation is opened before the request is answered, which then names it.
    OPENS_AT_ONCE = "opens_at_once"
    # The answer may be wanted in the response.
    INLINE = "inline"
    # Conversations are calls: over when hung up, and never taken up again.
    CALLS = "calls"
    # What is said in a call is spoken while its requests wait (`channels_app.voice`): nothing goes into the outbox.
    SPOKEN = "spoken"
    # It may listen and speak over a socket of ours, word by word (`channels_app.voice.relay_socket`).
    RELAYED = "relayed"
    # Its sound may be heard and spoken by ourselves, over a socket of our own (`channels_app.voice.media.socket`).
    STREAMED = "streamed"
    # The sender has a rate: no more is sent in a second than the provider takes (`rate`).
    PACED = "paced"
    # What is sent costs money by the piece and goes to telephone numbers: what may be spent is bounded (`bounds`).
    METERED = "metered"
    # The addresses that the provider calls can be set at the provider by API.
    REGISTERS_WEBHOOK = "registers_webhook"
    # Its other side may have people who take hand-overs (`deployments.desks`).
    DESK = "desk"
    # What its people say in a case can be looked up there; what a look finds comes in as events do (`desk_looks`).
    DESK_LOOKS = "desk_looks"
    # Free words are taken only so long after their last message, then templates alone (`windows`, `needs_window`).
    WINDOW = "window"
    # Nobody else answers a STOP: we confirm it, once.
    CONFIRMS_CONSENT = "confirms_consent"


Blame = Literal["message", "address", "connection", "provider"]


class SignatureInvalid(Exception):
    """The request is not signed as it has to be. `reason` is a short stable word, `detail` says in words what is wrong.

    `detail` goes to the connection's owner alone: whoever sent the request learns nothing from it.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


@dataclass(frozen=True)
class TicketRequest:
    """A gateway asks for a ticket of one call; `nonce` makes the request one of a kind. Fields left out are empty."""

    call_id: str
    nonce: str
    caller: str = ""
    called: str = ""
    language: str = ""


class BadEvent(Exception):
    """A signed request that can't be read; `errors` by field. Its sender is told."""

    def __init__(self, errors: Mapping[str, Sequence[str]]) -> None:
        super().__init__(str(errors))
        self.errors = errors


# Remedies that hold for what waits in the outbox alone: what a member asked for once is tried again by nobody.
TRIED_AGAIN = "Nothing has to be done; it is tried again."
SETTLED = "Nothing has to be done; it is settled or tried again."


class ProviderError(Exception):
    """Something was not sent, or nobody knows. `words` say what happened, `remedy` what to do.

    `permanent`: trying again is of no use. `ambiguous`: it may have been taken. `blame` is what has to be mended; a
    fault of the connection shows on its page, one of the address or the message only there.
    """

    def __init__(
        self,
        words: str,
        remedy: str = "",
        *,
        code: str = "",
        permanent: bool = False,
        ambiguous: bool = False,
        retry_after: float | None = None,
        most_retries: int | None = None,
        blame: Blame = "provider",
        http_status: int | None = None,
        answer: str = "",
        opted_out: bool = False,
        window_closed: bool = False,
        gone: bool = False,
        stops: bool = False,
    ) -> None:
        super().__init__(words)
        self.words, self.remedy, self.code = words, remedy, code
        self.permanent, self.ambiguous, self.retry_after = permanent, ambiguous, retry_after
        self.most_retries = most_retries
        self.blame, self.http_status, self.answer = blame, http_status, answer
        # As a receipt has it: it may have been made before the rest failed.
        self.made = ""
        self.opted_out = opted_out
        # Only a template may go before they write again: what was to be sent waits for that.
        self.window_closed = window_closed
        # The other side wants nothing more of it, ever (410).
        self.gone = gone
        # Nothing can go over the connection until somebody mends it (its credentials are refused, say): what is to be
        # sent is not at fault, and waits.
        self.stops = stops

    @property
    def remedy_once(self) -> str:
        """What to do where a member asked for it by a button: nobody tries that again but they."""
        return "Try again in a moment." if self.remedy in {TRIED_AGAIN, SETTLED} else self.remedy


@dataclass(frozen=True)
class InboundRequest:
    """A request of a provider's, as it came. `url` is the outside address, built from PUBLIC_BASE_URL, with its query.

    `part` is what stands after the connection's id: empty, or `status`, say. Names of `headers` in lower case; a header
    that was sent twice has its values joined by a comma, which no signature survives.
    """

    method: str
    url: str
    part: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    content_type: str
    body: bytes
    # When it came in; what it waited for here is not held against it.
    arrived_at: dt.datetime = field(default_factory=timezone.now)


@dataclass(frozen=True)
class Stored:
    """What became of an event in the database: its row, whether it is new, and the conversation where that is known."""

    event_id: UUID
    is_new: bool
    conversation_id: UUID | None = None


@dataclass(frozen=True)
class Unreadable:
    """A secret of the connection's that no master key opens: what it is called, and what a person does about it."""

    what: str
    remedy: str
    # Of a secret of the connection's own: which.
    which: str = ""

    @property
    def whole_remedy(self) -> str:
        """What a person does about it, or whoever runs the server."""
        return f"Put the master key back into CONVOSHIP_SECRETS_KEYS, or {self.remedy}."


@dataclass(frozen=True)
class Account:
    """What a provider knows of its connection: values of credentials, and live values of its own secrets."""

    connection_id: UUID
    name: str
    config: Mapping[str, Any]
    credentials: Mapping[str, str]
    secrets: Mapping[str, Sequence[str]]
    inbound_url: str
    status_url: str
    # Where calls go: the provider's own, `config.api_base_url`, or a rehearsal's stand-in.
    base_url: str = ""
    workspace_id: UUID = field(default_factory=lambda: UUID(int=0))
    # To whom what it plans goes.
    address: str = ""
    # What can't be decrypted and is needed for what the provider was made for; it is in neither of the two above.
    unreadable: Sequence[Unreadable] = ()


@dataclass(frozen=True)
class Planned:
    """One request to come: `content` is what `send` is given. `messages` are those that it carries, in order."""

    what: str
    content: Mapping[str, Any]
    messages: Sequence[Message] = ()
    # It waits for nothing that goes out in its conversation but its like: a template, for what waits for a window.
    is_apart: bool = False


@dataclass(frozen=True)
class Outgoing:
    """A delivery that is sent now. `key` is the same at every attempt; `is_over`: the conversation has ended."""

    key: str
    address: str
    content: Mapping[str, Any]
    # Its place among all that goes out in its conversation, from 1.
    position: int = 0
    is_over: bool = False
    is_test: bool = False
    # When it was written: what was sent is looked up from then on.
    since: dt.datetime | None = None
    # The provider's ids of other things sent to this address: a look-up must not take one of them for this.
    others: frozenset[str] = frozenset()
    # What the provider made for the same content before, by `Provider.made_for`.
    made: str = ""
    # Of what is told to a desk: the case.
    case: KnownCase | None = None
    # The bytes of a file that goes along, by its id; `ProviderError` where it can't be read. Given where it is sent.
    read_file: Callable[[str], Awaitable[bytes]] | None = None


@dataclass(frozen=True)
class Receipt:
    """The provider has it. `status` is a word of messages, at least `accepted`."""

    status: str = "accepted"
    provider_id: str = ""
    http_status: int | None = None
    answer: str = ""
    # What was made at the provider on the way and serves the same content again.
    made: str = ""
    # Of a case: what the desk calls it, where that is new.
    case: CaseThere | None = None


@dataclass(frozen=True)
class FetchedFile:
    """A file as the provider gave it, which nobody has looked at. `name`: what it is called there, if that is told."""

    content: bytes
    name: str = ""


@dataclass(frozen=True)
class Template:
    """A message template at the provider. `body` and `extras` have variables as {{1}}; `variables` are their samples.

    `approval` is a word of `models.template.Approval`; `category` decides what it costs.
    """

    sid: str
    name: str
    language: str
    content_type: str
    body: str
    extras: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    category: str = ""
    approval: str = "unsubmitted"
    rejection_reason: str = ""


class BadVariables(Exception):
    """A template can't be filled with these values; `errors` by the variable's name."""

    def __init__(self, errors: Mapping[str, Sequence[str]]) -> None:
        super().__init__(str(errors))
        self.errors = errors


class BadTemplate(Exception):
    """A new template is not as it has to be; `errors` by field, samples as `variables.<name>`."""

    def __init__(self, errors: Mapping[str, Sequence[str]]) -> None:
        super().__init__(str(errors))
        self.errors = errors


@dataclass(frozen=True)
class Finding:
    """One thing that *Test* looked at."""

    is_good: bool
    words: str
    remedy: str = ""

    @classmethod
    def of(cls, error: ProviderError) -> Finding:
        """Of what the provider was asked for and refused."""
        return cls(False, error.words, error.remedy_once)


@dataclass(frozen=True)
class Health:
    """What *Test* found; good where nothing is wrong.

    `learned`: values of credentials that the provider gave on the way, by their field, to be kept as secrets.
    """

    findings: Sequence[Finding] = field(default_factory=list)
    learned: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        """Whether everything was as it should be."""
        return all(finding.is_good for finding in self.findings)


@dataclass(frozen=True)
class Bounds:
    """What a connection may send, where sending costs money (RELIABILITY R44).

    `daily`: units from midnight to midnight UTC; `unit` is their name. `countries`: ISO 3166 codes of where it may
    send to; none: only to who wrote first. In an hour at most `unasked` to one number that it did not ask for, and at
    most `cold` to numbers that differ in their last four digits alone. The first `replies` after a message were asked
    for by it.
    """

    daily: int
    unit: str
    countries: frozenset[str]
    unasked: int
    cold: int
    replies: int


@dataclass(frozen=True)
class CallFacts:
    """A call as the provider tells of it: `status` in its own words, `seconds` once it is over."""

    sid: str
    status: str
    seconds: int | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has ended, in whichever way."""
        return self.status in {"completed", "busy", "failed", "no-answer", "canceled"}


class ConfigForm(forms.Form):
    """Base of a provider's form: the only declaration of its config and credential fields.

    Fields named in `credentials` hold keys of workspace secrets; all others are config.
    """

    credentials: ClassVar[tuple[str, ...]] = ()
    # What few need: folded away on the page until it is opened.
    rarely: ClassVar[frozenset[str]] = frozenset()
    # What belongs together on the page: (heading, fields in their order). Fields of no group come first.
    groups: ClassVar[tuple[tuple[str, tuple[str, ...]], ...]] = ()
    # Of these one is needed, so none of them is called optional.
    either: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for declared in self.fields.values():
            _say_plainly(declared)


def _say_plainly(declared: forms.Field) -> None:
    """The house's words in the place of Django's, unless the field has its own."""
    own = type(declared).default_error_messages
    plain = {
        "max_length": "At most %(limit_value)d characters; this has %(show_value)d.",
        "min_value": "At least %(limit_value)s.",
        "max_value": "At most %(limit_value)s.",
    }
    if isinstance(declared, forms.FloatField | forms.IntegerField):
        plain["invalid"] = "Write a number." if isinstance(declared, forms.FloatField) else "Write a whole number."
    if isinstance(declared, forms.ChoiceField):
        choices: Any = declared.choices  # typed for a callable, which Django has called by now
        known = ", ".join(str(value) for value, _ in choices if value)
        plain["invalid_choice"] = f"“%(value)s” is none of the choices: {known.replace('%', '%%')}."
    for code, words in plain.items():
        if declared.error_messages.get(code) is own.get(code):
            declared.error_messages[code] = words


class Provider:
    """A kind of connection. Subclasses are tables and two parsers; each has its module and one line in the registry."""

    kind: ClassVar[str]
    label: ClassVar[str]
    purpose: ClassVar[str]
    # Whose service it is, and where there our addresses are entered by hand. Needs `REGISTERS_WEBHOOK`.
    company: ClassVar[str] = ""
    # Of a desk: whether what its people write says who they are. Else it is learnt by looking, and until then visitors
    # talk to “a person”: what a connection is called is for members.
    names_who_writes: ClassVar[bool] = True
    # When its suite was last run against an account there (ISO 8601); empty: only stand-ins have proved it.
    proved_live: ClassVar[str] = ""
    # What the assistant of such a connection does, for people.
    assistant_hint: ClassVar[str] = "It answers what comes in over this connection."
    set_by_hand: ClassVar[str] = ""
    channel: ClassVar[str]
    icon: ClassVar[str] = "cable"
    capabilities: ClassVar[frozenset[Capability]] = frozenset()
    config_form: ClassVar[type[ConfigForm]] = ConfigForm
    # Host suffixes that its credentials may go to, and where its API is unless configured.
    hosts: ClassVar[tuple[str, ...]] = ()
    api_base_url: ClassVar[str] = ""
    # The fields of its config that name what people reach it by. A provider leads each such to one address, so each
    # belongs to one connection of this kind.
    reached_by: ClassVar[tuple[str, ...]] = ()
    # Which secrets of its own a connection of this kind has.
    own_secrets: ClassVar[tuple[str, ...]] = ()
    # Longest text that goes out in one piece, in characters; 0: no limit.
    longest_text: ClassVar[int] = 0
    # By codes that something is refused with: how its template stands then (`Approval`).
    template_refusals: ClassVar[Mapping[str, str]] = {}
    # Further parts of its inbound address beside the bare one.
    parts: ClassVar[tuple[str, ...]] = ()

    # Templates are given kinds, and would make one of whatever can be called.
    do_not_call_in_templates: ClassVar[bool] = True

    def __init__(self, account: Account) -> None:
        self.account = account

    @classmethod
    def can(cls, capability: Capability) -> bool:
        """Whether this kind has the capability."""
        return capability in cls.capabilities

    # --- What comes in --------------------------------------------------------------------------------------------

    def validate_request(self, request: InboundRequest) -> None:
        """Raise `SignatureInvalid` unless the provider signed this, over the raw bytes. No secret: refused."""
        raise NotImplementedError

    def validate_handshake(self, request: InboundRequest) -> None:
        """The same for the GET that opens a socket; its `url` begins with wss, or ws. Needs `RELAYED` or `STREAMED`."""
        raise NotImplementedError

    def ticket_request(self, request: InboundRequest) -> TicketRequest:
        """What a signed request for the ticket of a socket asks; `BadEvent`. Needs `STREAMED`, and a gateway."""
        raise NotImplementedError

    def parse_events(self, request: InboundRequest) -> list[ProviderEvent]:
        """What a signed request says; `BadEvent` where it can't be read. Pure."""
        raise NotImplementedError

    @property
    def is_fetched(self) -> bool:
        """Whether answers are only asked for: there is nowhere to send them on one's own account."""
        return False

    def build_inline(self, outgoing: Outgoing) -> HttpResponse:
        """The response that carries an answer; needs `INLINE`."""
        raise NotImplementedError

    def call_form(self, request: InboundRequest) -> Mapping[str, str]:
        """What a signed request of a call says, by field. Needs `SPOKEN`. Pure."""
        raise NotImplementedError

    def build_response(self, request: InboundRequest, stored: Sequence[Stored]) -> HttpResponse:
        """What the provider wants to hear once its events are stored; `stored` in the order of `parse_events`."""
        return HttpResponse(status=204)

    async def fetch(self, url: str) -> FetchedFile:
        """A file that one of its messages named. Nothing of the address is believed: `ProviderError` where it is wrong.

        `http_status` 404 in the error: it may not be there yet. `permanent`: there is no use in trying again.
        """
        raise ProviderError("Files are not taken over this connection.", permanent=True)

    async def start_recording(self, call: str, callback: str) -> str:
        """Begin to record a call (its id there); the recording's id. `callback` is told how it ended."""
        raise NotImplementedError

    def recording_url(self, sid: str) -> str:
        """Where the audio of a recording is, for `fetch`."""
        raise NotImplementedError

    async def delete_recording(self, sid: str) -> None:
        """Delete a recording there, for good. One that is not there is deleted."""
        raise NotImplementedError

    # --- What goes out --------------------------------------------------------------------------------------------

    def plan(self, conversation: Conversation, messages: Sequence[Message]) -> list[Planned]:
        """What has to be sent so that the person gets these messages, in order. Pure.

        In a call `messages` are one answer, and may be none.
        """
        raise NotImplementedError

    @classmethod
    def files_taken(cls, config: Mapping[str, Any], address: str) -> FilesTaken | None:
        """Which files members may send to this address over a connection with this config; None: none."""
        return None

    def plan_change(self, conversation: Conversation, change: Literal["handoff", "ended"]) -> list[Planned]:
        """What has to be sent because the conversation's state changed; most send nothing."""
        return []

    @classmethod
    def takes_handoffs(cls, config: Mapping[str, Any]) -> bool:
        """Whether a connection with this config is a desk. Needs `DESK`."""
        return True

    def plan_opened(self, case: Case, messages: Sequence[Message], page: str) -> list[Planned]:
        """What opens a case there, with all that was said; `page` is the conversation's here. Needs `DESK`. Pure."""
        raise NotImplementedError

    def plan_turn(self, case: Case, message: Message) -> list[Planned]:
        """What tells it what the visitor, or a program, said since. Needs `DESK`. Pure."""
        raise NotImplementedError

    def plan_files(self, case: Case, message: Message) -> list[Planned]:
        """That files of a message are there now, or never come. Needs `DESK`."""
        raise NotImplementedError

    def plan_closed(self, case: Case, outcome: str, words: str) -> list[Planned]:
        """What tells it that the case is over, and why. Needs `DESK`. Pure."""
        raise NotImplementedError

    @classmethod
    def takes_own_alone(cls, config: Mapping[str, Any]) -> bool:
        """Whether its people take only what takes place over the connection itself. Needs `DESK`."""
        return False

    def why_unsent(self, message: Message) -> tuple[str, str]:
        """Why `plan` makes no request of a message, in words, and what can be done about it."""
        return "The connection sends nothing for this message.", "Look at what it sends, under its Settings."

    def is_said_there(self, message: Message) -> bool:
        """Whether the person has a message of a conversation over it already, as it was said at the other side."""
        return False

    # How a person of the desk gives a conversation back, after its number. Needs `DESK`.
    gives_back_by: ClassVar[str] = "write the internal note: /bot and what was done"

    # Seconds that what the visitor says waits for what they say next, to be told together. Needs `DESK`.
    turns_wait: float = 0.0

    def join_turns(self, earlier: Mapping[str, Any], later: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """One content of two of `plan_turn`, the earlier still unsent; None where they have to go apart. Pure."""
        return None

    def plan_undelivered(self, case: Case, key: str, said: str, words: str) -> list[Planned]:
        """That what its person `said`, by its event's `key`, reached nobody, and why, for them to read. Needs `DESK`.

        Pure.
        """
        return []

    def plan_received(self, case: Case, key: str) -> list[Planned]:
        """That what its person said, by its event's `key`, has come, for them to see. Needs `DESK`. Pure."""
        return []

    @classmethod
    def first_look(cls, config: Mapping[str, Any]) -> float | None:
        """Seconds from the opening of a case until somebody looks at it; None: nobody does. Needs `DESK_LOOKS`."""
        return None

    async def look_at(self, case: KnownCase) -> Looked:
        """What was said in a case since the last look, and how it stands. Needs `DESK_LOOKS`."""
        raise NotImplementedError

    def examples(self) -> list[Planned]:
        """One event of every type with made-up content, for trying. Needs `EVENTS`. Pure."""
        return []

    async def send(self, outgoing: Outgoing) -> Receipt:
        """Send one planned request; `ProviderError` where it was not taken, or nobody knows."""
        raise NotImplementedError

    async def look_up(self, outgoing: Outgoing) -> Receipt | None:
        """After an unknown outcome: the receipt of what was sent, None where it never arrived. Needs `LOOK_UP`."""
        raise NotImplementedError

    async def check(self) -> Health:
        """The *Test* button: what is wrong, and what to do."""
        raise NotImplementedError

    @classmethod
    def can_register(cls, config: Mapping[str, Any]) -> bool:
        """Whether a connection with this config is one that `register_webhook` can set up."""
        return cls.can(Capability.REGISTERS_WEBHOOK)

    async def register_webhook(self) -> Health:
        """Set our addresses at the provider, and say what was set. Needs `REGISTERS_WEBHOOK`."""
        raise NotImplementedError

    @property
    def by_hand(self) -> str:
        """How our addresses are entered there by hand, by somebody who set the connection up like this."""
        return self.set_by_hand

    @property
    def is_signed(self) -> bool:
        """Whether what comes in is signed; else a secret comes along with it."""
        return True

    def to_paste(self) -> Sequence[Paste]:
        """What a person has to put in at the provider by hand, as there is no API for it, or may."""
        return ()

    async def start_call(self, to: str, *, longest_seconds: int) -> CallFacts:
        """Ring a number; what it hears is asked for at the connection's address. Needs `SPOKEN`."""
        raise NotImplementedError

    async def fetch_call(self, sid: str) -> CallFacts | None:
        """A call as it is now; None where there is none by that id. Needs `SPOKEN`."""
        raise NotImplementedError

    async def tell_call(self, sid: str, instructions: str) -> bool:
        """Have a call that goes on do this instead; False where it goes on no more. Needs `SPOKEN`."""
        raise NotImplementedError

    @classmethod
    def rate(cls, config: Mapping[str, Any]) -> float:
        """Messages a second that a connection with this config may send; 0: no limit. Needs `PACED`."""
        return 0.0

    @classmethod
    def bounds(cls, config: Mapping[str, Any]) -> Bounds:
        """What a connection with this config may send. Needs `METERED`."""
        raise NotImplementedError

    # What those are called.
    unit: ClassVar[str] = "unit"

    def made_for(self, content: Mapping[str, Any]) -> str:
        """A digest of what has to be made at the provider before this can be sent, and serves again; or nothing.

        Of another account there it is another one.
        """
        return ""

    @classmethod
    def account_of(cls, config: Mapping[str, Any]) -> str:
        """By what the account at the provider is known: what was made in one is not there for another."""
        return ""

    @classmethod
    def needs_window(cls, content: Mapping[str, Any]) -> bool:
        """Whether this may only go while the person's window is open. Needs `WINDOW`."""
        return True

    @classmethod
    def variables_of(cls, template: Template) -> list[str]:
        """The names of a template's variables, in order. Needs `WINDOW`."""
        raise NotImplementedError

    @classmethod
    def fill(cls, template: Template, values: Mapping[str, str]) -> Planned:
        """What sends a template with these values, and its words as they arrive; `BadVariables`. Needs `WINDOW`."""
        raise NotImplementedError

    # The languages that a new template may be in, by their codes. Needs `WINDOW`.
    template_languages: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def draft(
        cls, *, name: str, language: str, category: str, body: str, samples: Mapping[str, str], buttons: Sequence[str]
    ) -> Template:
        """A new template with quick replies, if any, to be submitted; `BadTemplate`. Needs `WINDOW`."""
        raise NotImplementedError

    @classmethod
    def check_handing_in(cls, name: str, category: str) -> None:
        """`BadTemplate` unless a template that is there may be handed in under these. Needs `WINDOW`."""
        raise NotImplementedError

    async def templates(self) -> list[Template]:
        """All that there are at the provider. Needs `WINDOW`."""
        raise NotImplementedError

    async def submit(self, template: Template) -> Template:
        """Make a template there (its `sid` is empty) and hand it in for approval. Needs `WINDOW`."""
        raise NotImplementedError

    async def delete_template(self, sid: str) -> None:
        """Delete a template there; one that is gone already is as good as deleted. Needs `WINDOW`."""
        raise NotImplementedError

    @classmethod
    def consent_reply(cls, config: Mapping[str, Any], wish: str) -> str:
        """What confirms a `stop` or a `start`. Needs `CONFIRMS_CONSENT`."""
        raise NotImplementedError

    @classmethod
    def units(cls, content: Mapping[str, Any]) -> int:
        """How many units of `Bounds.daily` one planned request takes, at least 1. Needs `METERED`."""
        return 1

    # --- Shared ---------------------------------------------------------------------------------------------------

    def live(self, which: str) -> Sequence[str]:
        """The live values of one of the connection's own secrets; `SignatureInvalid` where there is none."""
        values = self.account.secrets.get(which, ())
        if not values:
            raise SignatureInvalid("no_secret", "The connection has no secret to check with: rotate its secret.")
        return values

    def signers(self, which: str) -> Sequence[str]:
        """The live values of the secret that we sign with; `ProviderError` where there is none, or none can be read."""
        values = self.account.secrets.get(which, ())
        if values:
            return values
        closed = next((one for one in self.account.unreadable if one.which == which), None)
        if closed is not None:
            words, remedy = f"{closed.what} can't be decrypted, so nothing can be signed.", closed.whole_remedy
        else:
            called = which.replace("_", " ")
            words, remedy = f"The connection has no {called} to sign with.", f"Rotate its {called}."
        raise ProviderError(words, remedy, permanent=True, blame="connection", stops=True)


def same(left: bytes | str, right: bytes | str) -> bool:
    """Constant-time comparison of two signatures."""
    one = left.encode("utf-8", "surrogatepass") if isinstance(left, str) else left
    other = right.encode("utf-8", "surrogatepass") if isinstance(right, str) else right
    return hmac.compare_digest(one, other)
