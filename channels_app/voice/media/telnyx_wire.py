"""Telnyx media streaming, both directions (`stream_bidirectional_mode=rtp`).

JSON in frames of text, close to Twilio's and not the same: `stream_id` beside `start`, names with underscores, and the
order of frames is not guaranteed, so sound is put in order by `media.chunk`. Back go `media` (20 ms to 30 s), `mark`
and `clear`, which name no stream. A mark comes back once the sound before it was played, or at once where none is
queued or after `clear`. The call goes on without the socket: whoever made it has to end it.

Source: developers.telnyx.com/api-reference/websockets/stream-call-media-over-websocket and
/docs/voice/programmable-voice/media-streaming. By documentation: not yet run against Telnyx itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from channels_app.voice.media import frames
from channels_app.voice.media.events import (
    FRAME,
    RATE,
    SILENCE,
    Audio,
    BadFrame,
    Event,
    Frame,
    Key,
    Marked,
    Started,
    Stopped,
)

# How many chunks are held for one that is missing: 100 ms of them. Then it counts as lost.
WINDOW = 5
_ENCODINGS = frozenset({"PCMU", "AUDIO/X-MULAW", "AUDIO/PCMU"})


class TelnyxWire:
    """One socket's."""

    subprotocol = ""

    def __init__(self) -> None:
        self._has_started = False
        self._order = Order()
        self._rest = b""

    def read(self, frame: Frame) -> Sequence[Event]:
        said = frames.body(frame)
        event = frames.word(said.get("event"))
        if not self._has_started and event not in {"start", "media", "error"}:
            return ()
        match event:
            case "start":
                return [self._start(said), *self._told(self._order.open())]
            case "media":
                media = frames.part(said, "media")
                if frames.word(media.get("track")) == "outbound":
                    return ()
                ulaw = frames.sound(media.get("payload"))
                return self._told(self._order.put(frames.number(media.get("chunk")), ulaw))
            case "dtmf":
                key = frames.key(frames.part(said, "dtmf").get("digit"))
                return (Key(key),) if key else ()
            case "mark":
                name = frames.word(frames.part(said, "mark").get("name"))
                return (Marked(name),) if name else ()
            case "stop":
                return [*self._told(self._order.rest()), Stopped()]
            case "error":
                raise BadFrame(_complaint(said))
        return ()

    def _start(self, said: Mapping[str, Any]) -> Started:
        if self._has_started:
            raise BadFrame("The stream was started already: a second “start” came.")
        start = frames.part(said, "start")
        form = start.get("media_format")
        if isinstance(form, Mapping):
            encoding, rate = (frames.word(form.get(name)) for name in ("encoding", "sample_rate"))
            if encoding.upper() not in _ENCODINGS or rate not in {"", str(RATE)}:
                raise BadFrame(
                    f"Telnyx sends {encoding or 'nothing'} at {rate or '?'} Hz. Set stream_codec and "
                    "stream_bidirectional_codec to PCMU."
                )
        self._has_started = True
        return Started(
            stream=frames.word(said.get("stream_id")),
            call=frames.word(start.get("call_control_id")),
            account=frames.word(start.get("user_id")),
            parameters=frames.parameters(start.get("custom_parameters")),
        )

    @staticmethod
    def _told(sounds: Sequence[bytes]) -> Sequence[Event]:
        return [Audio(ulaw) for ulaw in sounds if ulaw]

    def audio(self, ulaw: bytes) -> Sequence[Frame]:
        """Whole frames of 20 ms; what is left of less waits for more, or for a mark."""
        self._check()
        held = self._rest + ulaw
        whole = len(held) // FRAME * FRAME
        self._rest = held[whole:]
        return [self._media(piece) for piece in frames.cut(held[:whole])]

    def mark(self, name: str) -> Sequence[Frame]:
        """The mark, and before it what was held, filled up to 20 ms with silence."""
        self._check()
        rest, self._rest = self._rest, b""
        sent = [self._media(rest.ljust(FRAME, SILENCE))] if rest else []
        return [*sent, frames.written({"event": "mark", "mark": {"name": frames.mark_name(name)}})]

    def clear(self) -> Sequence[Frame]:
        self._check()
        self._rest = b""
        return [frames.written({"event": "clear"})]

    def hang_up(self) -> Sequence[Frame]:
        return ()

    def _check(self) -> None:
        if not self._has_started:
            raise frames.NotStarted("Nothing can be sent before the stream's “start”.")

    @staticmethod
    def _media(ulaw: bytes) -> str:
        return frames.written({"event": "media", "media": {"payload": frames.base64_of(ulaw)}})


class Order:
    """Puts numbered sound in order: a chunk that overtook waits for those before it, at most for `WINDOW` others.

    A chunk that came twice, or after it counted as lost, is left out. Where numbers begin anew, so do we. Nothing is
    given before `open`.
    """

    def __init__(self) -> None:
        self._next = 1
        self._held: dict[int, bytes] = {}
        self._is_open = self._has_given = False
        self._late = 0

    def open(self) -> list[bytes]:
        self._is_open = True
        return self._ready()

    def put(self, chunk: int | None, ulaw: bytes) -> list[bytes]:
        """What can be heard now, with this one of that number."""
        if chunk is None:
            # Without a number there is nothing to order by.
            return [*self.rest(), ulaw] if self._is_open else []
        if chunk < self._next and not self._has_given:
            self._next = chunk
        if chunk < self._next:
            self._late += 1
            if self._late <= WINDOW:
                return []
            given = self.rest()
            self._next, self._late = chunk + 1, 0
            return [*given, ulaw]
        self._late = 0
        self._held.setdefault(chunk, ulaw)
        return self._ready()

    def rest(self) -> list[bytes]:
        """What is still held, whatever is missing."""
        given = [self._held[chunk] for chunk in sorted(self._held)]
        if self._held:
            self._next, self._has_given = max(self._held) + 1, True
        self._held.clear()
        return given

    def _ready(self) -> list[bytes]:
        if not self._is_open:
            # Bounded here too: what comes so long before a “start” is nobody's.
            while len(self._held) > 2 * WINDOW:
                del self._held[min(self._held)]
            return []
        given: list[bytes] = []
        while self._held:
            if self._next not in self._held:
                if len(self._held) <= WINDOW:
                    break
                self._next = min(self._held)
            given.append(self._held.pop(self._next))
            self._next += 1
        self._has_given = self._has_given or bool(given)
        return given


def _complaint(said: Mapping[str, Any]) -> str:
    """What Telnyx says went wrong, and what to look at. Its pages have it under `payload`, older ones under `error`."""
    found = next((one for one in (said.get("payload"), said.get("error")) if isinstance(one, Mapping)), {})
    parts = [frames.word(found.get(name)) for name in ("title", "code", "detail")]
    told = ", ".join(one for one in parts if one) or "without saying which"
    return (
        f"Telnyx reports an error: {told}. Sound is refused unless stream_bidirectional_mode is rtp and "
        "stream_bidirectional_codec is PCMU."
    )
