"""What a stand-in is asked, and what it answers; each kind of connection has one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from channels_app.models import Connection, Rehearsal
from channels_app.models.rehearsal import LineKind
from channels_app.providers.base import Account
from convoship.lib.actors import Actor
from convoship.lib.parsers import BadJSON, loads
from deployments.file_kinds import Checked

JSON = "application/json"
RETRY_AFTER_SECONDS = 5


@dataclass(frozen=True)
class Fault:
    """A way to misbehave: what is chosen, and what it does."""

    word: str
    label: str
    effect: str
    # It meets files that are fetched, and not what is sent.
    on_files: bool = False


@dataclass(frozen=True)
class Call:
    """A call of ours at the stand-in; `path` is what stands after its own address, `headers` have lower-case names."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Report:
    """What the stand-in will report of something that it took, and the body it says it with."""

    status: str
    body: str
    # After how many seconds, where that is not soon.
    after: float = 0


@dataclass(frozen=True)
class Answer:
    """What a call of ours is answered, and what the screen shows of it.

    `reports` are posted to `reports_to` afterwards. With `hangs` the answer never comes.
    """

    status: int = 200
    body: str = ""
    # Instead of a body: the bytes of a file.
    content: bytes = b""
    # Or so many bytes of nothing.
    zeros: int = 0
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    # What kind of line it leaves: something was sent and taken, or not, or we only asked.
    kind: LineKind = LineKind.ASKED
    address: str = ""
    text: str = ""
    provider_id: str = ""
    delivery_id: str = ""
    # Files that came along, as the line keeps them: {url}.
    media: Sequence[Mapping[str, str]] = ()
    note: str = ""
    # What is drawn beside the words.
    extras: Mapping[str, Any] = field(default_factory=dict)
    reports: Sequence[Report] = ()
    reports_to: str = ""
    hangs: bool = False
    # Leaves no line: the screen itself asks for it, each time that somebody looks.
    is_unseen: bool = False


@dataclass(frozen=True)
class Saying:
    """What the other side says to our webhook: where, with which body, and what the screen shows of it.

    Where `url` is empty nobody is called: it was done at the other side alone.
    """

    url: str
    body: str
    address: str
    text: str
    # What its event is called here, where the provider gives it a name.
    key: str = ""
    # What the provider itself answers its user, where it does.
    aside: str = ""
    # Files that go along, as the line keeps them: {sid}.
    media: Sequence[Mapping[str, str]] = ()
    # What is drawn beside the words.
    extras: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Done:
    """What was done at the stand-in, and nobody said: for the audit log, and in words."""

    action: str
    words: str
    details: Mapping[str, str] = field(default_factory=dict)


class Unsayable(Exception):
    """What was typed on the screen can't be said; `errors` by field."""

    def __init__(self, errors: Mapping[str, Sequence[str]]) -> None:
        super().__init__(str(errors))
        self.errors = errors


LIMITED = Fault("limited", "Too many requests", f"429, with Retry-After: {RETRY_AFTER_SECONDS}.")
BROKEN = Fault("broken", "It breaks", "500.")
SILENT = Fault("silent", "Takes it, then is silent", "It is taken, and the answer never comes.")
FAULTS = (LIMITED, BROKEN, SILENT)


class StandIn:
    """The provider's part in a rehearsal. Made anew for each use; inside `tenant()`, its rehearsal's row is held."""

    kind: ClassVar[str]
    # What its screen is called, and the template that draws it.
    title: ClassVar[str]
    screen: ClassVar[str]
    # And those that draw one line of the talk, what stands at its head, and what stands beside it; empty: nothing.
    line: ClassVar[str] = "channels_app/rehearsal/line.html"
    head: ClassVar[str] = ""
    beside: ClassVar[str] = ""
    # What is drawn in the place of the talk, where that is another than everybody's.
    talk: ClassVar[str] = ""
    # Its whole page, where that is another than everybody's.
    page: ClassVar[str] = "channels_app/rehearsal.html"
    # Its own style sheet, under `static/`.
    style: ClassVar[str] = ""
    faults: ClassVar[Sequence[Fault]] = FAULTS
    # Whether it reports what became of what it took.
    does_report: ClassVar[bool] = False
    # And whether it was read.
    does_read: ClassVar[bool] = False
    content_type: ClassVar[str] = JSON
    # Whether its screen is a telephone, which is held by a socket and not by forms.
    has_telephone: ClassVar[bool] = False
    # Whether its calls go by sound: the screen has a microphone and a loudspeaker.
    has_sound: ClassVar[bool] = False
    # Whether its screen sends files; `sent` is the one that goes with what is said now.
    sends_files: ClassVar[bool] = False
    sent: Checked | None = None
    do_not_call_in_templates: ClassVar[bool] = True

    def __init__(self, connection: Connection, rehearsal: Rehearsal, account: Account) -> None:
        self.connection, self.rehearsal, self.account = connection, rehearsal, account

    @classmethod
    def set_up(cls, config: Mapping[str, Any]) -> type[StandIn]:
        """The stand-in of a connection with this config: some kinds have more than one way to work."""
        return cls

    @classmethod
    def config(cls, like: Mapping[str, Any]) -> dict[str, Any]:
        """A rehearsal's config; `like` is that of the connection that it is like, or empty."""
        raise NotImplementedError

    @classmethod
    def credentials(cls) -> dict[str, str]:
        """Made-up values of the credentials that the kind wants."""
        return {}

    @classmethod
    def contents(cls, account_sid: str) -> dict[str, Any]:
        """What was made at it before it begins, by its id there."""
        return {}

    @classmethod
    def shown(cls, connection: Connection, rehearsal: Rehearsal, address: str) -> Mapping[str, Any]:
        """What its own templates need, for the talk with an address."""
        return {}

    def act(self, actor: Actor, typed: Mapping[str, str]) -> Done:
        """Do what a button of its screen stands for; `Unsayable` where there is no such thing."""
        raise Unsayable({"act": ["Nothing of that kind can be done here."]})

    def answer(self, call: Call, fault: str) -> Answer:
        """What a call of ours gets: it has to be genuine, and then the fault decides."""
        refused = self.refuse(call)
        if refused is not None:
            return refused
        if not self.is_sent(call):
            return self.spoil(call, fault) if fault else self.look(call)
        if not fault:
            return self.take(call)
        if fault == SILENT.word:
            return replace(self.take(call), hangs=True, note="Taken, and the answer was never given.")
        return self.fail(call, fault)

    def refuse(self, call: Call) -> Answer | None:
        """The answer to a call that is not genuine; None for one that is."""
        raise NotImplementedError

    @classmethod
    def faults_for(cls, config: Mapping[str, Any]) -> Sequence[Fault]:
        """Those of its faults that a connection set up like this can meet."""
        return cls.faults

    def is_sent(self, call: Call) -> bool:
        """Whether something is sent with it."""
        return True

    def is_fetched(self, call: Call) -> bool:
        """Whether a file is fetched with it."""
        return False

    def meets(self, call: Call) -> bool:
        """Whether the fault that it was told is one for this call: of what is sent, or of a file that is fetched."""
        fault = next((one for one in self.faults if one.word == self.rehearsal.fault), None)
        return fault is not None and (self.is_fetched(call) if fault.on_files else self.is_sent(call))

    def spoil(self, call: Call, fault: str) -> Answer:
        """What a file is fetched as instead."""
        return self.look(call)

    def look(self, call: Call) -> Answer:
        """The answer to a question."""
        return Answer(404, note="There is no such thing here.")

    def take(self, call: Call) -> Answer:
        """Take what was sent."""
        raise NotImplementedError

    def fail(self, call: Call, fault: str) -> Answer:
        """The answer of a fault that all stand-ins know; what was sent is not taken."""
        if fault == LIMITED.word:
            return replace(
                turned_away(self.take(call), 429, "Not taken: too many requests."),
                headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
            )
        return turned_away(self.take(call), 500, "Not taken: it broke.")

    def say(self, typed: Mapping[str, str]) -> Saying:
        """What the screen's form means; `Unsayable` where it can't be said."""
        raise NotImplementedError

    def asks_for_ticket(self, call_id: str) -> Saying:
        """The request for the ticket of a call by sound (`has_sound`)."""
        raise NotImplementedError

    def sign(self, url: str, body: str, *, wrongly: bool) -> dict[str, str]:
        """The headers that make a request to our webhook genuine, or not."""
        raise NotImplementedError

    def heard(self, answer: str) -> str:
        """What the other side hears by the very answer to what it said; empty where it is told later."""
        return ""


NOT_READABLE = Answer(400, '{"message": "No JSON object"}', kind=LineKind.REFUSED, note="Refused: no JSON object.")


def read(body: bytes) -> dict[str, Any] | None:
    """The JSON object of a body; None where it is none."""
    try:
        found = loads(body)
    except BadJSON:
        return None
    return found if isinstance(found, dict) else None


def turned_away(seen: Answer, status: int, note: str, body: str = '{"message": "Not taken"}') -> Answer:
    """The answer to what was sent and is not taken."""
    return replace(
        seen,
        status=status,
        body=body,
        content_type=JSON,
        kind=LineKind.TURNED_AWAY,
        provider_id="",
        note=note,
        extras={},
        reports=(),
    )


def said(typed: Mapping[str, str], name: str, most: int) -> str:
    """What was typed in a field, as it can be stored."""
    return typed.get(name, "").replace("\x00", "").strip()[:most]
