"""The SIP edge: who calls is judged, their call opened and answered, and carried like any other (`media.carrying`).

aiosipua keeps dialogs; whom it is told of is decided here before. Refusals keep no state but the answer itself, which
a repeated request gets again. Nothing of a call but its sound and its signalling is in this process's hands alone.

Answers: 401 a challenge, 403 who may not call, 480 the connection takes no calls now, 482 a Call-ID that was here
before, 486 as many calls of the connection as it may have, 488 nothing to speak in, 503 this process can't now.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import time
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from aiortp import PortAllocator
from aiosipua import SipUAS
from aiosipua.headers import parse_auth, parse_uri
from aiosipua.incoming_call import IncomingCall
from aiosipua.message import SipRequest, SipResponse, missing_required_headers
from django.conf import settings
from django.db import InterfaceError, OperationalError

from channels_app.voice.media.carrying import Broken, Carrying
from channels_app.voice.sip import admitting, offers
from channels_app.voice.sip.admitting import Door, Opened
from channels_app.voice.sip.call import SipCall
from channels_app.voice.sip.digest import Digest, Verdict
from channels_app.voice.sip.offers import NotAcceptable, Offer
from channels_app.voice.sip.sound import Sound
from channels_app.voice.sip.wire import Wire
from convoship.lib.database import drop_broken_connections
from convoship.lib.problems import Problem
from convoship.lib.tenancy import in_tenant
from convoship.lib.threads import in_thread

logger = logging.getLogger(__name__)

ALLOW = "INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, PRACK"
# Calls that are being judged at once, and those of one address among them; the database is asked for each.
MOST_DECIDING, MOST_DECIDING_ALIKE = 50, 20
# Answers that a repeated request gets again, for as long as one may be repeated (RFC 3261, timer H: 32 s).
MOST_ANSWERED, REPEATED_FOR = 2000, 32.0
RETRY_AFTER = 10
# When a BYE that nobody answered is sent again, in seconds after the one before.
BYE_AGAIN = (0.5, 1.0, 2.0)
ENDS_WITHIN = 1.8
# What we can do of what a caller may require.
_CAN = {"timer", "100rel"}

_REASONS: Mapping[int, str] = {
    200: "OK",
    401: "Unauthorized",
    403: "Forbidden",
    420: "Bad Extension",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    503: "Service Unavailable",
}

_Key = tuple[str, str, int]


class _Refusal(Exception):
    """Why a call isn't taken: for the caller by its status, for the connection's owner in words (where there are)."""

    def __init__(self, status: int, reason: str = "", words: str = "", headers: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(words or str(status))
        self.status, self.reason, self.words, self.headers = status, reason, words, headers


@dataclass
class _Deciding:
    """An INVITE that is being judged."""

    request: SipRequest
    address: str
    is_cancelled: bool = False


@dataclass(frozen=True)
class _Answer:
    response: SipResponse
    at: float = field(default_factory=time.monotonic)


class Edge:
    """One socket for SIP, and sockets for sound between two ports. `public_host`: our address as others see it."""

    def __init__(
        self, host: str, port: int, ports: tuple[int, int], public_host: str = "", algorithms: Sequence[str] = ("MD5",)
    ) -> None:
        self.host, self.public_host = host, public_host
        self.wire = Wire(local_addr=(host, port))
        self.uas = SipUAS(self.wire, user_agent="Convoship")
        self.digest = Digest(algorithms)
        self.calls: dict[str, SipCall] = {}
        self._ports = PortAllocator(ports)
        self._taken: Counter[UUID] = Counter()
        self._deciding: dict[_Key, _Deciding] = {}
        self._answered: OrderedDict[_Key, _Answer] = OrderedDict()
        self._ready: dict[str, tuple[Offer, Sound, str]] = {}
        self._byes: dict[str, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_ending = False
        self._tag_key = secrets.token_hex(4)
        self.uas.on_invite = self._on_invite
        self.uas.on_reinvite = self._on_reinvite
        self.uas.on_bye = lambda call, request: self._gone(call)
        self.uas.on_ack_timeout = self._on_no_ack

    @property
    def port(self) -> int:
        """Where SIP is listened for."""
        return self.wire.local_addr[1]

    async def start(self) -> None:
        """Listen. `OSError` where the port is taken."""
        await self.uas.start()
        self._inner = self.wire.on_message
        self.wire.on_message = self._on_message

    async def stop(self) -> None:
        """Say goodbye to each call, and end, in two seconds."""
        self._is_ending = True
        words = "The server ended this call: the process that carries calls by SIP was stopped."
        for call in list(self.calls.values()):
            call.leave(Broken(words, "Whoever called can call again once it runs."))
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=ENDS_WITHIN)
        for task in self._tasks:
            task.cancel()
        await self.uas.stop()

    # --- What comes in ----------------------------------------------------------------------------------------------

    def _on_message(self, message: SipRequest | SipResponse, addr: tuple[str, int]) -> None:
        if isinstance(message, SipResponse):
            cseq, bye = message.cseq, self._byes.get(message.call_id or "")
            if bye is not None and cseq is not None and cseq.method == "BYE" and message.status_code >= 200:
                bye.set()
            return
        to = message.to_addr if message.headers.get("to") else None
        is_first = to is not None and not to.tag
        # What every request has. (The library answers 400.)
        is_lacking = bool(missing_required_headers(message))
        match message.method:
            case "OPTIONS":
                self._reply(message, 200, [("Allow", ALLOW), ("Accept", "application/sdp")])
            case "INVITE" if is_first and _key(message) is not None and not is_lacking:
                self._on_first_invite(message, addr)
            case "INVITE" if self._is_repeated(message):
                pass
            case "INVITE" if (message.call_id or "") not in self.calls and not is_lacking:
                self._reply(message, 481)
            case "CANCEL" if deciding := self._deciding.get(_key(message) or ("", "", 0)):
                deciding.is_cancelled = True
                self._reply(message, 200)
            case _:
                if self._inner is not None:
                    self._inner(message, addr)

    def _is_repeated(self, request: SipRequest) -> bool:
        """Whether it is the offer again whose answer is repeated until they confirm it."""
        call = self.calls.get(request.call_id or "")
        return call is not None and _key(call.call.invite) == _key(request)

    def _on_first_invite(self, request: SipRequest, addr: tuple[str, int]) -> None:
        key = _key(request)
        assert key is not None  # noqa: S101 (looked at before)
        if key in self._answered:
            self.wire.send_reply(self._answered[key].response)
        elif key in self._deciding or self._is_repeated(request):
            pass
        elif request.call_id in self.calls or any(key[0] == other[0] for other in self._deciding):
            self._reply(request, 482)
        elif self._is_ending or self._decides_enough(addr[0]):
            self._reply(request, 503, [("Retry-After", str(RETRY_AFTER))])
        else:
            self._deciding[key] = _Deciding(request, addr[0])
            task = asyncio.get_running_loop().create_task(self._take(key, request, addr))
            self._tasks.add(task)
            task.add_done_callback(self._done)

    def _decides_enough(self, address: str) -> bool:
        """Whether no more can be judged now: one address that sends many keeps none of the others out."""
        alike = sum(one.address == address for one in self._deciding.values())
        return len(self._deciding) >= MOST_DECIDING or alike >= MOST_DECIDING_ALIKE

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a call by SIP broke", exc_info=error)

    # --- Whether it is taken ----------------------------------------------------------------------------------------

    async def _take(self, key: _Key, request: SipRequest, addr: tuple[str, int]) -> None:
        """One call, from its INVITE to its end."""
        door: Door | None = None
        try:
            user = (parse_uri(request.uri).user or "").lower()
            door = await in_thread(admitting.door, user)
            known = self._admitted(door, user, request, addr)
            await self._carry(known, key, request, addr)
        except _Refusal as refusal:
            self._deciding.pop(key, None)
            self._refuse(key, request, refusal.status, refusal.headers)
            if door is not None and refusal.words:
                logger.info("a call of connection %s was refused: %s", door.connection_id, refusal.words)
                await in_tenant(admitting.refuse)(door.workspace_id, door.connection_id, refusal.reason, refusal.words)
        except (OperationalError, InterfaceError) as error:
            logger.warning("a call by SIP was not taken, the database does not answer: %s", error)
            if self._deciding.pop(key, None) is not None:
                self._refuse(key, request, 503, [("Retry-After", str(RETRY_AFTER))])
            await in_thread(drop_broken_connections)
        except Exception as error:
            if self._deciding.pop(key, None) is None:
                raise
            # What strangers write fails in many ways; none of them goes without an answer.
            logger.info("an INVITE from %s can't be taken: %r", addr, error)
            self._refuse(key, request, 403 if isinstance(error, ValueError) else 503)
            if not isinstance(error, ValueError):
                raise
        finally:
            self._deciding.pop(key, None)

    def _admitted(self, door: Door | None, user: str, request: SipRequest, addr: tuple[str, int]) -> Door:
        """The connection that they may call, or `_Refusal`. Who is nobody's and who is wrong look the same."""
        if door is not None and not door.may_call_from(addr[0]):
            words = f"A call by SIP came from {addr[0]}, which isn't among the addresses that may call."
            raise _Refusal(403, "sip_address", words)
        if door is not None and not door.needs_password and door.networks:
            return door
        answers = [parse_auth(one, credentials=True) for one in request.headers.get("authorization")]
        digests = [one.params for one in answers if one.scheme.lower() == "digest"]
        now = time.monotonic()
        if not digests:
            raise _Refusal(401, headers=self._challenges(user, now))
        # Where there is no such connection, the same work is done for nothing.
        passwords = door.passwords if door is not None and door.passwords else (secrets.token_hex(16),)
        verdict = self.digest.judge(digests[0], request.method, user, passwords, now)
        # (Not its `uri`, which proxies change, and which sipp writes without a user: RFC 3261 22.4.)
        if verdict == Verdict.STALE and door is not None:
            raise _Refusal(401, headers=self._challenges(user, now, is_stale=True))
        if verdict == Verdict.GOOD and door is not None:
            return door
        words = "A call by SIP came with a wrong password, or a user that isn't this connection's id."
        if door is not None and not door.passwords:
            words = "A call by SIP came, and the secret with its password is missing or can't be read."
        raise _Refusal(403, "sip_password", words)

    def _challenges(self, user: str, now: float, *, is_stale: bool = False) -> Sequence[tuple[str, str]]:
        return [("WWW-Authenticate", one) for one in self.digest.challenges(user, now, is_stale=is_stale)]

    # --- The call ---------------------------------------------------------------------------------------------------

    async def _carry(self, door: Door, key: _Key, request: SipRequest, addr: tuple[str, int]) -> None:
        required = {word.strip().lower() for word in request.headers.get("require")} - _CAN
        if required:
            raise _Refusal(420, headers=[("Unsupported", ", ".join(sorted(required)))])
        try:
            offer = offers.read(request)
        except NotAcceptable as error:
            raise _Refusal(488, "sip_offer", str(error)) from error
        again = [("Retry-After", str(RETRY_AFTER))]
        if self._taken.total() >= settings.MEDIA_MOST_CALLS:
            words = "A call by SIP was not taken: this process has as many as it may (MEDIA_MOST_CALLS)."
            raise _Refusal(503, "sip_full", words, again)
        if self._taken[door.connection_id] >= door.most_calls:
            words = f"A call by SIP heard that it is busy: this connection has {door.most_calls} already."
            raise _Refusal(486, "sip_busy", words, again)
        self._taken[door.connection_id] += 1
        try:
            opened = await self._open(door, request)
            try:
                await self._answer(door, opened, key, offer, addr)
            except Exception:
                await in_tenant(admitting.abandoned)(door.workspace_id, opened.call_id)
                raise
        finally:
            self._taken[door.connection_id] -= 1
            if not self._taken[door.connection_id]:
                del self._taken[door.connection_id]

    async def _open(self, door: Door, request: SipRequest) -> Opened:
        caller = (request.from_addr.uri.user or "") if request.from_addr is not None else ""
        called = (request.to_addr.uri.user or "") if request.to_addr is not None else ""
        opened = await in_tenant(admitting.open_call)(
            door.workspace_id, door.connection_id, request.call_id or "", caller, called
        )
        if opened is None:
            raise _Refusal(482, "sip_again", "A call by SIP came with the Call-ID of one that was here before.")
        if isinstance(opened, Problem):
            is_ours = opened.code == "unavailable"
            words = f"{opened.detail} {opened.hint}".strip()
            again = [("Retry-After", str(RETRY_AFTER))] if is_ours else ()
            raise _Refusal(503 if is_ours else 480, "sip_not_taken", words, again)
        return opened

    async def _answer(self, door: Door, opened: Opened, key: _Key, offer: Offer, addr: tuple[str, int]) -> None:
        """Listen for their sound first, then say that we do."""
        deciding = self._deciding[key]
        host = self._host_for(addr)
        try:
            sound = await Sound.open(
                self.host, offer.remote, (offer.remote[0], addr[0]), offer.payload_type, offer.keys, self._ports
            )
        except (RuntimeError, OSError) as error:
            again = [("Retry-After", str(RETRY_AFTER))]
            raise _Refusal(
                503, "sip_ports", "No port is free for its sound: SIP_RTP_PORTS has too few.", again
            ) from error
        try:
            if deciding.is_cancelled or self._is_ending:
                raise _Refusal(487 if deciding.is_cancelled else 503)
            request = deciding.request
            call_id = request.call_id or ""
            self._ready[call_id] = (offer, sound, host)
            self.wire.record_routes[call_id] = list(request.headers.get("record-route"))
            try:
                if self._inner is not None:
                    self._inner(request, addr)
                self._deciding.pop(key, None)
                await self._converse(door, opened, self.calls[call_id])
            finally:
                await self._forget(call_id)
        finally:
            await sound.close()

    async def _converse(self, door: Door, opened: Opened, call: SipCall) -> None:
        admitted = await in_tenant(admitting.admit)(door.workspace_id, door.connection_id, opened, door.config)
        if admitted is None:
            return
        call.carrying = Carrying(call, admitted, door.connection_id, is_asked=False)
        await call.carrying.run()

    def _on_invite(self, call: IncomingCall) -> None:
        """The library has the dialog: answer."""
        offer, sound, host = self._ready.pop(call.call_id)
        call.advertised_addr = (host, self.port)
        self.calls[call.call_id] = carried = SipCall(call, offer, sound, host, self._bye)
        carried.answer()

    def _on_reinvite(self, call: IncomingCall) -> None:
        carried = self.calls.get(call.call_id)
        try:
            if carried is not None:
                carried.offered()
        except NotAcceptable as error:
            logger.info("call %s goes on as it was, they offered what we don't speak: %s", call.call_id, error)
            self._reply(call.invite, 488)

    def _gone(self, call: IncomingCall, broken: Broken | None = None) -> None:
        if carried := self.calls.get(call.call_id):
            carried.gone(broken)

    def _on_no_ack(self, call: IncomingCall) -> None:
        words = "The other side never confirmed that the call was answered (no ACK came)."
        self._gone(call, Broken(words, "Look whether packets from this server reach it: its address, NAT, firewall."))

    async def _bye(self, call: IncomingCall) -> None:
        """Hang up; where nobody answers, some more times."""
        answered = self._byes[call.call_id] = asyncio.Event()
        try:
            bye = call.hangup()
            for seconds in BYE_AGAIN if bye is not None else ():
                try:
                    async with asyncio.timeout(seconds):
                        await answered.wait()
                    return
                except TimeoutError:
                    if bye is not None:
                        self.wire.send(bye, call.source_addr)
        finally:
            self._byes.pop(call.call_id, None)

    async def _forget(self, call_id: str) -> None:
        """Whatever became of it on our side: they are told that it is over, and nothing of it is kept."""
        self._ready.pop(call_id, None)
        carried = self.calls.get(call_id)
        if carried is not None:
            await carried.close()
            call = carried.call
            # The library keeps what it was told to hang up.
            call._stop_retransmissions()
            self.uas._remove_invite_transaction(call.invite)
        self.uas._calls.pop(call_id, None)
        self.calls.pop(call_id, None)
        self.wire.record_routes.pop(call_id, None)

    def _host_for(self, addr: tuple[str, int]) -> str:
        """Our own address, as who is there can reach it."""
        if self.public_host:
            return self.public_host
        if self.host != "0.0.0.0":  # noqa: S104 (that is what is asked)
            return self.host
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
            # Nothing is sent: the kernel only says which way it would go.
            way.connect(addr)
            found: str = way.getsockname()[0]
        return found

    # --- Answers ----------------------------------------------------------------------------------------------------

    def _refuse(self, key: _Key, request: SipRequest, status: int, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Answer an INVITE with this, each time that it comes."""
        now = time.monotonic()
        while self._answered:
            oldest = next(iter(self._answered))
            if len(self._answered) < MOST_ANSWERED and now - self._answered[oldest].at < REPEATED_FOR:
                break
            del self._answered[oldest]
        self._answered[key] = _Answer(self._reply(request, status, headers))

    def _reply(self, request: SipRequest, status: int, headers: Sequence[tuple[str, str]] = ()) -> SipResponse:
        response = SipResponse(status_code=status, reason_phrase=_REASONS[status])
        for name in ("Via", "From", "To", "Call-ID", "CSeq"):
            for value in request.headers.get(name):
                is_bare = name == "To" and request.to_addr is not None and not request.to_addr.tag
                response.headers.append(
                    name, f"{value};tag={self._tag_key}{secrets.token_hex(4)}" if is_bare else value
                )
        for name, value in headers:
            response.headers.append(name, value)
        response.headers.append("User-Agent", "Convoship")
        self.wire.send_reply(response)
        return response


def _key(request: SipRequest) -> _Key | None:
    """What makes a request and its copies one (RFC 3261 17.2.3); None where it can't be told."""
    vias, cseq = request.via, request.cseq
    branch = vias[0].branch if vias else None
    if not branch or cseq is None or not request.call_id:
        return None
    return request.call_id, branch, cseq.seq
