"""The other ends of a call's sound: what Twilio, Telnyx, Asterisk and jambonz send, and how they take what we send.

Written from the vendors' pages (each class names its own) and from nothing of ours: they are the measure that our
dialects are tried by. Strict: a frame or a field that the page does not know is `Refused`. Pure: no sockets, no clocks.

    sender = TwilioSender(parameters={"ticket": "..."})
    sender.opening(), sender.audio(ulaw), sender.key("1"), sender.stop()    # frames to us
    sender.take(frame)                                                      # one of ours; frames that answer it at once
    sender.play(160)                                                        # 20 ms go by; marks that were reached
    sender.heard, sender.cleared, sender.has_hung_up                        # what came of it

`heard` is mu-law, without the silence of pauses.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from channels_app.voice.media import g711
from tests.channels.media_sender import FRAME, Frame, Refused, Sender, check, fields, json_object, mu_law


@dataclass
class TwilioSender(Sender):
    """`<Connect><Stream>`."""

    page: ClassVar[str] = "https://www.twilio.com/docs/voice/media-streams/websocket-messages"

    stream: str = "MZ" + "a" * 32
    call: str = "CA" + "b" * 32
    account: str = "AC" + "c" * 32

    def opening(self) -> list[Frame]:
        start = {
            "accountSid": self.account,
            "streamSid": self.stream,
            "callSid": self.call,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": dict(self.parameters),
        }
        connected = json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        return [connected, self._frame("start", start=start)]

    def _frame(self, event: str, **more: Any) -> str:
        return json.dumps({"event": event, "sequenceNumber": self._count(), **more, "streamSid": self.stream})

    def _sound(self, ulaw: bytes) -> Frame:
        at = self.sent
        payload = base64.b64encode(ulaw).decode()
        return self._frame(
            "media", media={"track": "inbound", "chunk": str(at), "timestamp": str(20 * at), "payload": payload}
        )

    def key(self, key: str) -> list[Frame]:
        return [self._frame("dtmf", dtmf={"track": "inbound_track", "digit": key})]

    def stop(self) -> list[Frame]:
        return [self._frame("stop", stop={"accountSid": self.account, "callSid": self.call})]

    def take(self, frame: Frame) -> list[Frame]:
        body = json_object(frame)
        check(body.get("streamSid") == self.stream, "each message names the stream")
        match body.get("event"):
            case "media":
                fields(body, "event", "streamSid", "media")
                fields(body["media"], "payload")
                self.queue.append(mu_law(body["media"]["payload"]))
            case "mark":
                fields(body, "event", "streamSid", "mark")
                fields(body["mark"], "name")
                if not self.queue:
                    return self._reached(body["mark"]["name"])
                self.queue.append(body["mark"]["name"])
            case "clear":
                fields(body, "event", "streamSid")
                # "This empties all buffered audio and causes any mark messages to be sent back."
                return [one for mark in self._throw_away() for one in self._reached(mark)]
            case other:
                raise Refused(f"Twilio knows no {other!r}")
        return []

    def _reached(self, mark: str) -> list[Frame]:
        return [self._frame("mark", mark={"name": mark})]


@dataclass
class TelnyxSender(Sender):
    """Call Control's `stream_url` with `stream_bidirectional_mode` rtp."""

    page: ClassVar[str] = "https://developers.telnyx.com/api-reference/websockets/stream-call-media-over-websocket"

    stream: str = "32DE0DEA-53CB-4B21-89A4-9E1819C043BC"
    call: str = "v2:T02llQxIyaRkhfRKxgAP8nY511EhFLizdvdUKJiSw8d6A9BborherQ"
    account: str = "3E6F995F-85F7-4705-9741-53B116D28237"
    chunks: int = 0

    def opening(self) -> list[Frame]:
        start = {
            "user_id": self.account,
            "call_control_id": self.call,
            "call_session_id": "ff55a038-6f5d-11ef-9692-02420aeffb1f",
            "from": "+13122010094",
            "to": "+13122123456",
            "client_state": "aGF2ZSBhIG5pY2UgZGF5ID1d",
            "custom_parameters": dict(self.parameters),
            "media_format": {"encoding": "PCMU", "sample_rate": 8000, "channels": 1},
        }
        return [json.dumps({"event": "connected", "version": "1.0.0"}), self._frame("start", start=start)]

    def _frame(self, event: str, **more: Any) -> str:
        return json.dumps({"event": event, "sequence_number": self._count(), "stream_id": self.stream, **more})

    def _sound(self, ulaw: bytes) -> Frame:
        self.chunks += 1
        payload = base64.b64encode(ulaw).decode()
        media = {"track": "inbound", "chunk": str(self.chunks), "timestamp": str(20 * self.chunks), "payload": payload}
        return self._frame("media", media=media)

    def key(self, key: str) -> list[Frame]:
        return [self._frame("dtmf", occurred_at="2026-11-29T08:54:19.698408Z", dtmf={"digit": key})]

    def stop(self) -> list[Frame]:
        return [self._frame("stop", stop={"user_id": self.account, "call_control_id": self.call})]

    def take(self, frame: Frame) -> list[Frame]:
        body = json_object(frame)
        match body.get("event"):
            case "media":
                fields(body, "event", "media")
                fields(body["media"], "payload")
                ulaw = mu_law(body["media"]["payload"])
                check(FRAME <= len(ulaw) <= 30 * 8000, "a chunk has 20 milliseconds to 30 seconds")
                self.queue.append(ulaw)
            case "mark":
                fields(body, "event", "mark")
                fields(body["mark"], "name")
                # "If no audio is playing or queued, the mark is returned immediately."
                if not self.queue:
                    return self._reached(body["mark"]["name"])
                self.queue.append(body["mark"]["name"])
            case "clear":
                fields(body, "event")
                return [one for mark in self._throw_away() for one in self._reached(mark)]
            case other:
                raise Refused(f"Telnyx knows no {other!r}")
        return []

    def _reached(self, mark: str) -> list[Frame]:
        return [self._frame("mark", mark={"name": mark})]


@dataclass
class AsteriskSender(Sender):
    """`Dial(WebSocket/NAME/c(ulaw)f(json))`, or plain text with `is_json` False. The ticket stands in the address."""

    page: ClassVar[str] = "https://docs.asterisk.org/Configuration/Channel-Drivers/WebSocket/"

    is_json: bool = True
    connection: str = "convoship"
    channel: str = "pbx1-1790000000.42"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.is_buffering = False
        self.leftover = b""

    def opening(self) -> list[Frame]:
        name = f"WebSocket/{self.connection}/0x7f0a"
        told = {"connection_id": self.connection, "channel": name, "channel_id": self.channel, "format": "ulaw"}
        return [self._event("MEDIA_START", **told, optimal_frame_size=160, ptime=20)]

    def _event(self, event: str, **more: Any) -> str:
        if self.is_json:
            variables = {"channel_variables": dict(self.parameters)} if event == "MEDIA_START" else {}
            return json.dumps({"event": event, "channel_id": self.channel} | more | variables)
        if event == "MEDIA_BUFFERING_COMPLETED":
            return f"{event} {more['correlation_id']}"
        return " ".join([event, *(f"{name}:{value}" for name, value in more.items())])

    def _sound(self, ulaw: bytes) -> Frame:
        return ulaw

    def key(self, key: str) -> list[Frame]:
        return [self._event("DTMF_END", digit=key)]

    def xoff(self) -> list[Frame]:
        return [self._event("MEDIA_XOFF")]

    def xon(self) -> list[Frame]:
        return [self._event("MEDIA_XON")]

    def take(self, frame: Frame) -> list[Frame]:
        if isinstance(frame, bytes):
            check(len(frame) <= 65500, "a message of more than 65500 bytes hangs the call up")
            if not self.is_buffering:
                check(len(frame) % FRAME == 0, "without buffering what fills no frame is dropped")
            whole = self.leftover + frame
            full = len(whole) // FRAME * FRAME
            self.leftover = whole[full:]
            if full:
                self.queue.append(whole[:full])
            check(self.queued <= 1000 * FRAME, "the queue holds 1000 frames")
            return []
        check(len(frame.encode()) <= 128, "a text message of more than 128 bytes is ignored")
        command, correlation = self._command(frame)
        match command:
            case "START_MEDIA_BUFFERING":
                self.is_buffering = True
            case "STOP_MEDIA_BUFFERING":
                check(self.is_buffering, "nothing was buffered")
                self.is_buffering = False
                if self.leftover:
                    self.queue.append(self.leftover.ljust(FRAME, b"\xff"))
                self.leftover = b""
                self.queue.append(correlation)
                # A notice at the head of the queue takes none of its time.
                return self.play(0)
            case "FLUSH_MEDIA":
                # "No MEDIA_BUFFERING_COMPLETED notification will be sent in this case."
                self._throw_away()
                self.is_buffering, self.leftover = False, b""
            case "HANGUP":
                self.has_hung_up = True
            case other:
                raise Refused(f"Asterisk knows no {other!r}")
        return []

    def _command(self, frame: str) -> tuple[str, str]:
        if self.is_json:
            body = json_object(frame)
            check(set(body) <= {"command", "correlation_id"}, f"the page does not know all of {sorted(body)}")
            check("correlation_id" not in body or body["command"] == "STOP_MEDIA_BUFFERING", "only STOP takes a name")
            return body["command"], body.get("correlation_id", "")
        check(frame == frame.strip() and not frame.startswith("{"), "plain text is asked for")
        command, _, correlation = frame.partition(" ")
        check(not correlation or command == "STOP_MEDIA_BUFFERING", "only STOP takes a name")
        return command, correlation

    def _reached(self, mark: str) -> list[Frame]:
        return [self._event("MEDIA_BUFFERING_COMPLETED", correlation_id=mark)]


@dataclass
class JambonzSender(Sender):
    """`listen` with `bidirectionalAudio: {enabled, streaming, sampleRate}` and `passDtmf`.

    That sound waits for 160 ms and then for 80 ms, that -1 is a mark's sample and that 30 marks may be open is from
    its code (jambonz/freeswitch-modules, mod_audio_fork/lws_glue.cpp). At 8000 Hz alone it plays: `heard` is mu-law.
    """

    subprotocol: ClassVar[str] = "audio.jambonz.org"
    page: ClassVar[str] = "https://www.jambonz.org/docs/webhooks/listen/"

    rate: int = 8000
    call: str = "df09e8d4-7ffd-492b-94d9-51a60318552c"
    account: str = "fef61e75-cec3-496c-a7bc-8368e4d02a04"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.waiting = b""
        self.wait = 0.16
        self.linear_taken = bytearray()

    def opening(self) -> list[Frame]:
        call = {
            "callSid": self.call,
            "direction": "inbound",
            "from": "+15083084809",
            "to": "+15083728299",
            "callId": "f0414693-bdb6-1238-6185-06d91d68c9b0",
            "sipStatus": 200,
            "callStatus": "in-progress",
            "accountSid": self.account,
            "applicationSid": "0e0681b0-d49f-4fb8-b973-b5a3c6758de1",
        }
        return [json.dumps({"sampleRate": self.rate, "mixType": "mono", **call, **self.parameters})]

    def _sound(self, ulaw: bytes) -> Frame:
        check(self.rate == 8000, "linear sound of another rate has to be made by who sends it: linear()")
        return g711.to_linear(ulaw)

    def linear(self, samples: bytes) -> list[Frame]:
        """Linear sound of the stream's own rate, in frames of 20 ms."""
        step = 2 * self.rate // 50
        return [samples[at : at + step] for at in range(0, len(samples), step)]

    def key(self, key: str) -> list[Frame]:
        return [json.dumps({"event": "dtmf", "dtmf": key, "duration": "1600"})]

    def take(self, frame: Frame) -> list[Frame]:
        if isinstance(frame, bytes):
            check(len(frame) % 2 == 0, "linear sound has two bytes a sample")
            check(b"\xff\xff" not in {frame[at : at + 2] for at in range(0, len(frame), 2)}, "-1 is a mark's sample")
            self.linear_taken += frame
            self.waiting += frame
            if len(self.waiting) >= 2 * self.wait * self.rate:
                self.wait = 0.08
                if self.rate == 8000:
                    self.queue.append(g711.to_ulaw(self.waiting))
                self.waiting = b""
            return []
        body = json_object(frame)
        match body.get("type"):
            case "mark":
                fields(body, "type", "data")
                fields(body["data"], "name")
                check(len([one for one in self.queue if isinstance(one, str)]) < 30, "30 marks may be open")
                self.queue.append(body["data"]["name"])
                return self.play(0)
            case "killAudio":
                fields(body, "type")
                return [self._mark(one, "cleared") for one in self._throw_away()]
            case "disconnect":
                fields(body, "type")
                self.has_hung_up = True
            case other:
                raise Refused(f"jambonz knows no {other!r} here")
        return []

    def _mark(self, name: str, event: str) -> str:
        return json.dumps({"type": "mark", "data": {"name": name, "event": event}})

    def _reached(self, mark: str) -> list[Frame]:
        return [self._mark(mark, "playout")]


def all_senders(**parameters: str) -> Sequence[tuple[str, Sender]]:
    """Each kind that we know, by the name of our dialect."""
    return [
        ("media_streams", TwilioSender(parameters)),
        ("telnyx", TelnyxSender(parameters)),
        ("asterisk", AsteriskSender(parameters)),
        ("asterisk", AsteriskSender({}, is_json=False)),
        ("jambonz", JambonzSender(parameters)),
    ]
