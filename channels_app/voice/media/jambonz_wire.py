"""jambonz's verb `listen` with `bidirectionalAudio.streaming`.

The first frame is JSON with the call's attributes, `sampleRate` and `mixType`, and what the verb's `metadata` holds
beside them. Then sound comes in binary frames, linear 16 bits, little-endian; keys (with `passDtmf`) and marks as JSON.
Back go binary frames of the same form and the commands `mark`, `killAudio` and `disconnect`. A mark comes back with
`playout`, or with `cleared` after `killAudio`. `disconnect` ends the verb alone: `hangup` has to follow it in the
application. When the caller hangs up, jambonz closes the socket and says nothing.

Sound inside is mu-law at 8 kHz, so ask for 8000 both ways. At another rate it is resampled, which needs the speech
packages. What is sent back has the rate that comes in: jambonz doesn't tell what `bidirectionalAudio.sampleRate` is.

Source: docs.jambonz.org/verbs/verbs/listen; jambonz.org/docs/webhooks/listen (the frames). By documentation: not yet
run against a jambonz. Three things are from its code (jambonz/freeswitch-modules, mod_audio_fork/lws_glue.cpp): sound
that is sent waits until there are 160 ms of it, later 80 ms; the sample -1 is taken for a mark; 30 marks may be open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from channels_app.voice.media import frames, g711
from channels_app.voice.media.events import RATE, Audio, BadFrame, Event, Frame, Key, Marked, Started
from channels_app.voice.media.resampling import QUICK, Resampler, ResamplerMissing

# Rates that `listen` has, in Hz.
RATES = (8000, 16000, 24000, 32000, 48000, 64000)
# What jambonz waits for before it plays, in seconds: at first, and from then on.
FIRST_WAIT, LATER_WAIT = 0.16, 0.08


class JambonzWire:
    """One socket's."""

    subprotocol = "audio.jambonz.org"

    def __init__(self) -> None:
        self._rate = 0
        self._ear: Resampler | None = None
        self._voice: Resampler | None = None
        self._held = b""
        self._wait = FIRST_WAIT

    def read(self, frame: Frame) -> Sequence[Event]:
        if isinstance(frame, bytes):
            return self._sound(frame)
        said = frames.body(frame)
        if not self._rate:
            return (self._start(said),)
        if frames.word(said.get("event")) == "dtmf":
            key = frames.key(said.get("dtmf"))
            return (Key(key),) if key else ()
        if frames.word(said.get("type")) == "mark":
            name = frames.word(frames.part(said, "data").get("name"))
            return (Marked(name),) if name else ()
        return ()

    def _start(self, said: Mapping[str, object]) -> Started:
        if "callSid" not in said:
            raise BadFrame("The first frame has no “callSid”: it is not what the verb “listen” opens with.")
        mixed = frames.word(said.get("mixType")) or "mono"
        if mixed != "mono":
            raise BadFrame(f"jambonz sends {mixed} sound. Set mixType of the verb “listen” to mono.")
        rate = frames.number(said.get("sampleRate", RATE))
        if rate not in RATES:
            raise BadFrame(
                f"The sampleRate {frames.word(said.get('sampleRate'))!r} is none of jambonz's. Set it to 8000."
            )
        if rate != RATE:
            try:
                self._ear = Resampler(rate, RATE, QUICK)
                self._voice = Resampler(RATE, rate, QUICK, has_marks=True)
            except ResamplerMissing as error:
                raise BadFrame(
                    f"jambonz sends at {rate} Hz. Set sampleRate and bidirectionalAudio.sampleRate of “listen” "
                    f"to 8000. {error}"
                ) from error
        self._rate = rate
        return Started(
            call=frames.word(said.get("callSid")),
            account=frames.word(said.get("accountSid")),
            parameters=frames.parameters(said),
        )

    def _sound(self, frame: bytes) -> Sequence[Event]:
        if not self._rate:
            raise BadFrame("Sound came before the frame that says what it is.")
        linear = frames.raw_sound(frame, 2 * self._rate)
        if len(linear) % 2:
            raise BadFrame("The sound ends in half a sample: linear 16 bits have two bytes each.")
        if self._ear:
            linear = self._ear.put(linear)
        return (Audio(g711.to_ulaw(linear)),) if linear else ()

    def audio(self, ulaw: bytes) -> Sequence[Frame]:
        """Nothing until there is as much as jambonz waits for: else an end shorter than that would wait there."""
        self._check()
        linear = g711.to_linear(ulaw)
        self._held += self._voice.put(linear) if self._voice else linear
        if len(self._held) < self._least():
            return ()
        return self._sent()

    def mark(self, name: str) -> Sequence[Frame]:
        """The mark, and before it what was held, filled up with silence to what jambonz waits for."""
        self._check()
        command = _command("mark", {"name": frames.mark_name(name)})
        if self._voice:
            self._held += self._voice.rest()
        if not self._held:
            return [command]
        self._held = self._held.ljust(self._least(), b"\0")
        return [*self._sent(), command]

    def clear(self) -> Sequence[Frame]:
        self._check()
        self._held = b""
        if self._voice:
            self._voice.rest()
        return [_command("killAudio")]

    def hang_up(self) -> Sequence[Frame]:
        return [_command("disconnect")] if self._rate else []

    def _check(self) -> None:
        if not self._rate:
            raise frames.NotStarted("Nothing can be sent before the stream's first frame.")

    def _least(self) -> int:
        """Bytes that jambonz waits for."""
        return 2 * int(self._wait * self._rate)

    def _sent(self) -> Sequence[Frame]:
        held, self._held, self._wait = self._held, b"", LATER_WAIT
        return frames.cut(held, frames.MOST_SENT * 2 * self._rate // RATE)


def _command(kind: str, data: Mapping[str, str] | None = None) -> str:
    return frames.written({"type": kind} | ({"data": dict(data)} if data else {}))
