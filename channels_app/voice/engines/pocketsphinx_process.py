"""A process that hears with pocketsphinx: it computes without pause, and would hold up every thread of a process.

It takes commands from its input, each a letter, four bytes of length (the highest first) and so many bytes; it answers
each with four bytes of length and text in UTF-8. `S`: sound, mu-law; the answer is what was heard so far. `F`: the
utterance is over; the answer is what it was. Its first answer, to nothing, is empty: it is ready. It ends with its
input.
"""

from __future__ import annotations

import os
import struct
import sys
from typing import Any, BinaryIO

from channels_app.voice.media.resampling import FromTelephone

COMMAND, LENGTH = struct.Struct(">cI"), struct.Struct(">I")
_RATE = 16000
# What the sound of a telephone is like on average, as the model measures it (its cepstral means): the middle of what
# four voices of flite gave through mu-law at 8 kHz. Begun with the model's own, of full-band sound, it takes minutes
# to get there, and half of all words are wrong until then.
_TELEPHONE = "34.90,18.36,-22.83,36.20,-15.58,1.94,11.05,-18.73,10.51,-8.76,1.31,9.87,-9.92"


class Ear:
    """The decoder, with what one utterance after the other needs."""

    def __init__(self) -> None:
        from pocketsphinx import Decoder

        # Fewer hypotheses than by default: no worse on sentences said clearly, and twice as quick.
        self._decoder: Any = Decoder(samprate=_RATE, loglevel="FATAL", maxhmmpf=3000, maxwpf=10)
        self._line: FromTelephone | None = None

    def hear(self, ulaw: bytes) -> str:
        """What was said so far, with these."""
        if self._line is None:
            self._line = FromTelephone(_RATE)
            # What it has learnt of one caller's line is not for the next one's.
            self._decoder.set_cmn(_TELEPHONE)
            self._decoder.start_utt()
        self._decode(self._line.put(ulaw))
        return self._text()

    def finish(self) -> str:
        """What was said."""
        if self._line is None:
            return ""
        self._decode(self._line.rest())
        self._line = None
        self._decoder.end_utt()
        return self._text()

    def _decode(self, linear: bytes) -> None:
        # The resampler holds short sounds back, and the decoder refuses to hear nothing.
        if linear:
            self._decoder.process_raw(linear, no_search=False, full_utt=False)

    def _text(self) -> str:
        found = self._decoder.hyp()
        return str(found.hypstr) if found else ""


def serve(commands: BinaryIO, answers: BinaryIO) -> None:
    """Answer one command after the other."""
    ear = Ear()
    _answer(answers, "")
    while len(head := commands.read(COMMAND.size)) == COMMAND.size:
        letter, length = COMMAND.unpack(head)
        body = commands.read(length)
        _answer(answers, ear.hear(body) if letter == b"S" else ear.finish())


def _answer(answers: BinaryIO, text: str) -> None:
    body = text.encode()
    answers.write(LENGTH.pack(len(body)) + body)
    answers.flush()


if __name__ == "__main__":
    # The calls' sound comes first.
    os.nice(5)
    serve(sys.stdin.buffer, sys.stdout.buffer)
