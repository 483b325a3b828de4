"""Deepgram, ElevenLabs and OpenAI's audio on this machine: hosts that speak their wire and really hear and speak.

pocketsphinx and flite stand behind them. Written by their documentation, and not copied from a live service:
developers.deepgram.com/reference/speech-to-text/listen-streaming (messages, `Authorization: Token`), /docs/finalize,
/docs/endpointing, /docs/utterance-end, /docs/errors; elevenlabs.io/docs/api-reference/text-to-speech/stream
(`xi-api-key`, `output_format`, `detail.status`); platform.openai.com/docs/api-reference/audio (multipart, `pcm`).
"""

from __future__ import annotations

import asyncio
import email
import io
import json
import subprocess
import tempfile
import threading
import wave
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server as SocketServer
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from channels_app.voice.engines.pocketsphinx_process import Ear
from channels_app.voice.engines.utterances import Gate
from channels_app.voice.engines.vad import WINDOW_SECONDS, Detector
from channels_app.voice.media import g711
from channels_app.voice.media.events import RATE
from channels_app.voice.media.resampling import from_telephone, to_telephone
from tests.channels.far_end import Server

KEY = "a-key-that-is-good"


@dataclass
class DeepgramHost:
    """A Deepgram. `fault`: `status:N`, `garbage`, `cut`, `close:CODE` (with the first sound), or `silent`."""

    fault: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    open_now: int = 0
    keeps_quiet_on_finalize: bool = False
    is_over: asyncio.Event = field(default_factory=asyncio.Event)
    server: SocketServer | None = None

    @property
    def url(self) -> str:
        assert self.server
        return f"http://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        assert self.server
        return int(next(iter(self.server.sockets)).getsockname()[1])

    async def judge(self, _: ServerConnection, request: Request) -> Response | None:
        """What it answers in place of a socket."""
        target = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(target.query).items()}
        self.asked.append(query)
        if self.fault == "silent":
            await self.is_over.wait()
        if self.fault.startswith("status:"):
            return _refusal(int(self.fault.partition(":")[2]), "Too bad.")
        if request.headers.get("Authorization") != f"Token {KEY}":
            return _refusal(401, "Invalid credentials.")
        if target.path != "/v1/listen":
            return _refusal(404, "Not found.")
        if not query["model"].startswith("nova-"):
            return _refusal(400, "Bad Request: No such model/language/tier combination found.")
        if (query["encoding"], query["sample_rate"]) != ("mulaw", "8000"):
            return _refusal(400, "Bad Request: unsupported encoding.")
        return None

    async def serve(self, socket: ServerConnection) -> None:
        """One call's socket."""
        self.open_now += 1
        call = _DeepgramCall(self, socket)
        try:
            async for frame in socket:
                await call.take(frame)
        except ConnectionClosed:
            pass
        finally:
            self.open_now -= 1
            decoder().finish()


class _DeepgramCall:
    def __init__(self, host: DeepgramHost, socket: ServerConnection) -> None:
        self.host, self.socket = host, socket
        self.detector, self.gate = Detector(), Gate()
        self.query = host.asked[-1]
        self.quiet, self.is_speech, self.seconds, self.is_owed_end = 0.0, False, 0.0, False
        self.unheard, self.told = b"", ""

    async def take(self, frame: str | bytes) -> None:
        if isinstance(frame, str):
            self.host.texts.append(json.loads(frame)["type"])
            if self.host.texts[-1] == "Finalize" and not self.host.keeps_quiet_on_finalize:
                await self.finish("finalize")
            elif self.host.texts[-1] == "CloseStream":
                await self.socket.close()
            return
        if self.host.fault == "garbage":
            await self.socket.send("<html>not what you think</html>")
        elif self.host.fault == "cut":
            self.socket.transport.abort()
        elif self.host.fault.startswith("close:"):
            await self.socket.close(int(self.host.fault.partition(":")[2]), "NET-0000")
        for at in range(0, len(frame), 160):
            await self.hear(frame[at : at + 160])

    async def hear(self, ulaw: bytes) -> None:
        self.seconds += len(ulaw) / RATE
        self.unheard += self.gate.feed(ulaw)
        if len(self.unheard) >= RATE // 2:
            text = await asyncio.to_thread(decoder().hear, self.unheard)
            self.unheard = b""
            if text and text != self.told:
                self.told = text
                await self.socket.send(json.dumps(self.results(text, is_final=False)))
        for probability in self.detector.feed(ulaw):
            await self.judge(probability)

    async def judge(self, probability: float) -> None:
        if probability > 0.5:
            self.is_speech, self.quiet = True, 0.0
        elif probability < 0.35:
            self.quiet += WINDOW_SECONDS
        if self.is_speech and self.quiet >= int(self.query["endpointing"]) / 1000:
            self.is_speech, self.is_owed_end = False, True
            await self.finish("speech")
        if self.is_owed_end and self.quiet >= int(self.query["utterance_end_ms"]) / 1000:
            self.is_owed_end = False
            ended = {"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": self.seconds - self.quiet}
            await self.socket.send(json.dumps(ended))

    async def finish(self, because: str) -> None:
        self.gate.close()
        if self.unheard:
            await asyncio.to_thread(decoder().hear, self.unheard)
        self.unheard, self.told = b"", ""
        text = await asyncio.to_thread(decoder().finish)
        await self.socket.send(json.dumps(self.results(text, is_final=True, because=because)))

    def results(self, text: str, *, is_final: bool, because: str = "") -> dict[str, Any]:
        return {
            "type": "Results",
            "channel_index": [0, 1],
            "duration": self.seconds,
            "start": 0.0,
            "is_final": is_final,
            "speech_final": because == "speech",
            "from_finalize": because == "finalize",
            "channel": {"alternatives": [{"transcript": text, "confidence": 0.9, "words": []}]},
            "metadata": {
                "request_id": "00000000-0000-0000-0000-000000000000",
                "model_info": {"name": "general", "version": "1", "arch": "nova"},
                "model_uuid": "00000000-0000-0000-0000-000000000000",
            },
        }


def _refusal(status: int, why: str) -> Response:
    return Response(status, "No", Headers({"dg-error": why, "dg-request-id": "r", "Content-Length": "0"}), b"")


@asynccontextmanager
async def deepgram() -> AsyncIterator[DeepgramHost]:
    """A Deepgram that listens."""
    host = DeepgramHost()
    async with serve(host.serve, "127.0.0.1", 0, process_request=host.judge, ping_interval=None) as server:
        host.server = server
        try:
            yield host
        finally:
            host.is_over.set()


@dataclass
class AudioHost:
    """An HTTP host. `fault`: `status:N`, `code:NAME:N`, `garbage`, `empty`, `cut` (after the first sound), `silent`."""

    fault: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)
    broken_off: threading.Event = field(default_factory=threading.Event)
    server: Server | None = None

    @property
    def port(self) -> int:
        assert self.server
        return int(self.server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class _Handler(BaseHTTPRequestHandler):
    """Requests of both vendors, told apart by their paths."""

    protocol_version = "HTTP/1.1"
    host: AudioHost

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        fault = self.host.fault
        if fault == "silent":
            self.host.is_over.wait(30)
            return
        if fault.startswith("status:"):
            self.answer(int(fault.partition(":")[2]), {"detail": {"status": "", "message": "Too bad."}})
        elif fault.startswith("code:"):
            _, code, status = fault.split(":")
            said = {"status": code, "code": code, "message": "Too bad."}
            self.answer(int(status), {"detail": said, "error": said})
        elif fault == "garbage":
            self.raw(200, "text/html", b"<html>not what you think</html>")
        elif fault == "empty":
            self.raw(200, "audio/basic", b"")
        elif self.path.startswith("/v1/text-to-speech/"):
            self.elevenlabs(json.loads(body))
        elif self.headers.get("Authorization") != f"Bearer {KEY}":
            self.answer(401, {"error": {"code": "invalid_api_key", "message": f"Incorrect API key provided: {KEY}"}})
        elif self.path == "/v1/audio/speech":
            self.openai_speech(json.loads(body))
        elif self.path == "/v1/audio/transcriptions":
            self.openai_transcription(body)
        else:
            self.answer(404, {"error": {"message": "Unknown path"}})

    def elevenlabs(self, asked: dict[str, Any]) -> None:
        target = urlsplit(self.path)
        voice = target.path.split("/")[3]
        query = {name: values[0] for name, values in parse_qs(target.query).items()}
        self.host.asked.append({"voice": voice, **query, **asked})
        if self.headers.get("xi-api-key") != KEY:
            self.answer(401, {"detail": {"status": "invalid_api_key", "message": "Invalid API key"}})
        elif len(voice) != 20:
            self.answer(404, {"detail": {"status": "voice_not_found", "message": f"No voice {voice}"}})
        else:
            linear, rate = said_by_flite(asked["text"])
            self.stream("audio/basic", to_telephone(linear, rate))

    def openai_speech(self, asked: dict[str, Any]) -> None:
        self.host.asked.append(asked)
        linear, rate = said_by_flite(asked["input"])
        self.stream("audio/pcm", from_telephone(to_telephone(linear, rate), 24_000))

    def openai_transcription(self, body: bytes) -> None:
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        parts = {}
        for part in email.message_from_bytes(head + body).get_payload():
            name = part.get_param("name", header="content-disposition")  # type: ignore[union-attr]
            parts[str(name)] = part.get_payload(decode=True)  # type: ignore[union-attr]
        self.host.asked.append({name: value for name, value in parts.items() if name != "file"})
        with wave.open(io.BytesIO(parts["file"])) as sound:  # type: ignore[arg-type]
            ulaw = g711.to_ulaw(sound.readframes(sound.getnframes()))
        self.answer(200, {"text": heard(ulaw)})

    def stream(self, kind: str, sound: bytes) -> None:
        """As it is made: in pieces of an odd length, so that samples are cut."""
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for at in range(0, len(sound), 4001):
                piece = sound[at : at + 4001]
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                if self.host.fault == "cut":
                    self.wfile.flush()
                    self.close_connection = True
                    return
                if self.host.fault == "slow":
                    self.wfile.flush()
                    while not self.host.is_over.wait(0.05):
                        self.wfile.write(b"1\r\n\xff\r\n")
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.host.broken_off.set()
            self.close_connection = True

    def answer(self, status: int, body: dict[str, Any]) -> None:
        self.raw(status, "application/json", json.dumps(body).encode())

    def raw(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def audio() -> Iterator[AudioHost]:
    """An ElevenLabs, at its `url`, and an OpenAI at its `url` + `/v1`."""
    host = AudioHost()
    host.server = Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"host": host}))
    threading.Thread(target=host.server.serve_forever, daemon=True).start()
    try:
        yield host
    finally:
        host.is_over.set()
        host.server.shutdown()
        host.server.server_close()


def said_by_flite(words: str) -> tuple[bytes, int]:
    """Linear sound and its rate."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "said.wav"
        command = ["flite", "-voice", "rms", "-f", "-", "-o", str(file)]
        subprocess.run(command, input=words.encode(), check=True, capture_output=True)
        with wave.open(str(file)) as sound:
            return sound.readframes(sound.getnframes()), sound.getframerate()


@cache
def decoder() -> Ear:
    """In this process, as a host may hold its test up; it hears one utterance at a time."""
    return Ear()


def heard(ulaw: bytes) -> str:
    """What pocketsphinx makes of it."""
    gate, ear = Gate(), decoder()
    for at in range(0, len(ulaw), RATE // 2):
        if sound := gate.feed(ulaw[at : at + RATE // 2]):
            ear.hear(sound)
    return ear.finish()
