"""Twilio Media Streams, both directions (`<Connect><Stream>`), and who writes as it does: SignalWire, our own gateways.

JSON in frames of text. `connected`, then `start`, then `media` (base64, mu-law 8 kHz, 20 ms), `dtmf`, `mark`, `stop`;
back go `media`, `mark` and `clear`, each with the stream's name. A mark comes back once what was sent before it was
played, or at once after `clear`. There is no word to hang up with: a closed socket lets Twilio go on with the TwiML
behind `<Connect>`, and a gateway has to end its call.

Source: twilio.com/docs/voice/media-streams/websocket-messages, and for SignalWire
developer.signalwire.com/compatibility-api/cxml/voice/stream.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from channels_app.voice.media import frames
from channels_app.voice.media.events import RATE, Audio, BadFrame, Event, Frame, Key, Marked, Started, Stopped

_ENCODINGS = frozenset({"audio/x-mulaw", "audio/mulaw", "audio/pcmu", "pcmu", "mulaw"})


class TwilioWire:
    """One socket's."""

    subprotocol = ""

    def __init__(self) -> None:
        self._stream: str | None = None

    def read(self, frame: Frame) -> Sequence[Event]:
        said = frames.body(frame)
        event = frames.word(said.get("event"))
        if self._stream is None and event not in {"start", "media"}:
            return ()
        match event:
            case "start":
                return (self._start(said),)
            case "media":
                return self._media(frames.part(said, "media"))
            case "dtmf":
                key = frames.key(frames.part(said, "dtmf").get("digit"))
                return (Key(key),) if key else ()
            case "mark":
                name = frames.word(frames.part(said, "mark").get("name"))
                return (Marked(name),) if name else ()
            case "stop":
                return (Stopped(),)
        return ()

    def _start(self, said: Mapping[str, Any]) -> Started:
        if self._stream is not None:
            raise BadFrame("The stream was started already: a second “start” came.")
        start = frames.part(said, "start")
        form = start.get("mediaFormat")
        if isinstance(form, Mapping):
            encoding, rate, channels = (frames.word(form.get(name)) for name in ("encoding", "sampleRate", "channels"))
            if encoding.lower() not in _ENCODINGS or rate not in {"", str(RATE)} or channels not in {"", "1"}:
                raise BadFrame(
                    f"The sound is {encoding or 'of no encoding'}, {rate or '?'} Hz, {channels or '?'} channels. "
                    "Send mu-law at 8000 Hz, mono."
                )
        stream = frames.word(start.get("streamSid")) or frames.word(said.get("streamSid"))
        if not stream:
            raise BadFrame("The “start” has no “streamSid”: without it nothing can be sent back.")
        self._stream = stream
        return Started(
            stream=stream,
            call=frames.word(start.get("callSid")),
            account=frames.word(start.get("accountSid")),
            parameters=frames.parameters(start.get("customParameters")),
        )

    def _media(self, media: Mapping[str, Any]) -> Sequence[Event]:
        if self._stream is None:
            raise BadFrame("Sound came before “start”.")
        if frames.word(media.get("track")) == "outbound":
            return ()
        ulaw = frames.sound(media.get("payload"))
        return (Audio(ulaw),) if ulaw else ()

    def audio(self, ulaw: bytes) -> Sequence[Frame]:
        return [self._frame("media", media={"payload": frames.base64_of(piece)}) for piece in frames.cut(ulaw)]

    def mark(self, name: str) -> Sequence[Frame]:
        return [self._frame("mark", mark={"name": frames.mark_name(name)})]

    def clear(self) -> Sequence[Frame]:
        return [self._frame("clear")]

    def hang_up(self) -> Sequence[Frame]:
        return ()

    def _frame(self, event: str, **more: object) -> Frame:
        if self._stream is None:
            raise frames.NotStarted("Nothing can be sent before the stream's “start”.")
        return frames.written({"event": event, "streamSid": self._stream, **more})
