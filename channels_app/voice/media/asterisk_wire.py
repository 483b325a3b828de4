"""Asterisk's WebSocket channel (`chan_websocket`): `Dial(WebSocket/NAME/c(ulaw)f(json)v(ticket=...))`.

Sound is in binary frames, raw mu-law; everything else in frames of text: JSON from 20.18, 22.8 and 23.2 on, plain
words (`DTMF_END digit:1`) before and unless JSON is asked for. We answer in the form that MEDIA_START came in.

Asterisk frames and paces our sound itself while `START_MEDIA_BUFFERING` holds. `STOP_MEDIA_BUFFERING` with a name fills
the last 20 ms with silence and is told as `MEDIA_BUFFERING_COMPLETED` once all before it was played: that is our mark,
and both forms have it. `FLUSH_MEDIA` throws sound away, ends the buffering, and of its marks none comes back.

Its queue has 1000 frames (20 s); at 900 it sends MEDIA_XOFF, at 800 MEDIA_XON, and `is_full` says which came last.
Who keeps some seconds ahead at most never meets it. A command may have 128 bytes (chan_websocket.c), a message 65500.
A closed socket ends the call; when the caller hangs up, Asterisk closes it and says nothing.

The call's name here is the channel's, not the one that the ticket was made for: the ticket stands in the address.

Source: docs.asterisk.org/Configuration/Channel-Drivers/WebSocket. By documentation: not yet run against an Asterisk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from channels_app.voice.media import frames
from channels_app.voice.media.events import RATE, Audio, BadFrame, Event, Frame, Key, Marked, Started

# Sound may come before MEDIA_START (asterisk/asterisk issue 1712): so much is kept, in events; a second of sound.
MOST_EARLY = 50


class AsteriskWire:
    """One socket's."""

    subprotocol = ""

    def __init__(self) -> None:
        self._is_json: bool | None = None
        self._is_buffering = False
        self._early: list[Event] = []
        self.is_full = False

    def read(self, frame: Frame) -> Sequence[Event]:
        if isinstance(frame, bytes):
            ulaw = frames.raw_sound(frame, RATE)
            return self._told(Audio(ulaw)) if ulaw else ()
        is_json = frames.text(frame).lstrip().startswith("{")
        event, fields = _json(frame) if is_json else _plain(frame)
        match event:
            case "MEDIA_START":
                return self._start(fields, is_json)
            case "DTMF_END":
                key = frames.key(fields.get("digit"))
                return self._told(Key(key)) if key else ()
            case "MEDIA_BUFFERING_COMPLETED" | "MEDIA_MARK_PROCESSED":
                name = frames.word(fields.get("correlation_id"))
                return self._told(Marked(name)) if name else ()
            case "MEDIA_XOFF" | "MEDIA_XON":
                self.is_full = event == "MEDIA_XOFF"
            case "ERROR":
                raise BadFrame(
                    f"Asterisk reports an error: {frames.word(fields.get('error_text')) or 'without saying which'}."
                )
        return ()

    def _told(self, event: Event) -> Sequence[Event]:
        """This, or nothing yet: the start is the first that is told."""
        if self._is_json is None:
            self._early = [*self._early, event][-MOST_EARLY:]
            return ()
        return (event,)

    def _start(self, fields: Mapping[str, object], is_json: bool) -> Sequence[Event]:
        if self._is_json is not None:
            raise BadFrame("The stream was started already: a second MEDIA_START came.")
        form = frames.word(fields.get("format"))
        # The first versions told no format; then it is what the dialplan asked for.
        if form not in {"", "ulaw"}:
            raise BadFrame(f"Asterisk sends {form}. Ask for mu-law in the dialplan: Dial(WebSocket/.../c(ulaw)...).")
        self._is_json = is_json
        early, self._early = self._early, []
        started = Started(
            stream=frames.word(fields.get("connection_id")),
            call=frames.word(fields.get("channel_id")) or frames.word(fields.get("channel")),
            parameters=frames.parameters(fields.get("channel_variables")),
        )
        return [started, *early]

    def audio(self, ulaw: bytes) -> Sequence[Frame]:
        if not ulaw:
            return ()
        return [*self._buffer(), *frames.cut(ulaw)]

    def mark(self, name: str) -> Sequence[Frame]:
        begun = self._buffer()
        self._is_buffering = False
        return [*begun, self._command("STOP_MEDIA_BUFFERING", frames.mark_name(name))]

    def clear(self) -> Sequence[Frame]:
        self._is_buffering = False
        return [self._command("FLUSH_MEDIA")]

    def hang_up(self) -> Sequence[Frame]:
        return [] if self._is_json is None else [self._command("HANGUP")]

    def _buffer(self) -> Sequence[Frame]:
        if self._is_buffering:
            return ()
        command = self._command("START_MEDIA_BUFFERING")
        self._is_buffering = True
        return [command]

    def _command(self, name: str, correlation: str = "") -> str:
        if self._is_json is None:
            raise frames.NotStarted("Nothing can be sent before MEDIA_START: it tells in which form.")
        if not self._is_json:
            return f"{name} {correlation}".rstrip()
        return frames.written({"command": name} | ({"correlation_id": correlation} if correlation else {}))


def _json(frame: str) -> tuple[str, Mapping[str, object]]:
    said = frames.body(frame)
    return frames.word(said.get("event")), said


def _plain(frame: str) -> tuple[str, Mapping[str, object]]:
    """`EVENT name:value name:value`, or `EVENT id`: no value has a space but an error's text, which is the last."""
    event, _, rest = frame.strip().partition(" ")
    match event:
        case "":
            raise BadFrame("The frame is empty.")
        case "MEDIA_BUFFERING_COMPLETED" | "MEDIA_MARK_PROCESSED":
            return event, {"correlation_id": rest}
        case "ERROR":
            return event, {"error_text": rest.partition("error_text:")[2] or rest}
    pairs = (one.partition(":") for one in rest.split()[: frames.MOST_PARAMETERS])
    return event, {name: value for name, _, value in pairs}
