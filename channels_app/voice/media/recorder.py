"""Both sides of a call as they were heard, on two tracks that keep step. Pure: times are given.

The caller's side lies where it came, one frame behind the other: where frames were held up and come in a burst, nothing
is wrong with them; where they never come, silence stands in their place. Ours lies where the far side played it, by the
same reckoning as `playout`'s; what a `clear` threw away is not there. Both are certain after a while alone, so the
last `LAG` seconds wait.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from channels_app.voice.media.events import RATE, SILENCE
from channels_app.voice.media.playout import BEGINS_AFTER

LAG = 2.0
# Frames that are so late, or early, are no matter of the network's.
PATIENCE = round(0.3 * RATE)
# Mu-law that is next to nothing: the lowest steps of either sign.
_QUIET = bytes((*range(0x70, 0x80), *range(0xF0, 0x100)))


class Recorder:
    """Of one call, from `begins_at` on. Places are counted in samples from there."""

    def __init__(self, begins_at: float) -> None:
        self._begins_at = begins_at
        # How far both tracks were given out.
        self._given = 0
        # Where each piece begins, if it came when it was spoken.
        self._theirs: deque[tuple[int, bytes]] = deque()
        self._waiting = 0
        # Where each piece is played, and the marks behind them, by where they stand.
        self._ours: deque[tuple[int, bytes]] = deque()
        self._marks: dict[str, int] = {}
        self._free_at = 0

    def _place(self, at: float) -> int:
        return max(0, round((at - self._begins_at) * RATE))

    # --- What happens -----------------------------------------------------------------------------------------------

    def heard(self, ulaw: bytes, now: float) -> None:
        """The caller's sound."""
        self._theirs.append((self._place(now) - len(ulaw), ulaw))
        self._waiting += len(ulaw)

    def said(self, ulaw: bytes, now: float) -> None:
        """Ours, to be played behind what was given before."""
        begins = max(self._free_at, self._place(now + BEGINS_AFTER))
        self._ours.append((begins, ulaw))
        self._free_at = begins + len(ulaw)

    def marks(self, name: str) -> None:
        """A mark stands behind what was given so far."""
        self._marks[name] = self._free_at

    def marked(self, name: str, now: float) -> None:
        """It was reached: what stands behind it begins now, and not before."""
        stood = self._marks.pop(name, None)
        if stood is None or (late := self._place(now) - stood) <= 0:
            return
        self._ours = deque((at + late if at >= stood else at, ulaw) for at, ulaw in self._ours)
        self._marks = {other: at + late if at >= stood else at for other, at in self._marks.items()}
        self._free_at += late

    def cleared(self, now: float) -> None:
        """What is not played by now never is."""
        here = self._place(now)
        self._ours = deque((at, ulaw[: here - at]) for at, ulaw in self._ours if at < here)
        self._marks.clear()
        self._free_at = min(self._free_at, here)

    # --- What comes of it -------------------------------------------------------------------------------------------

    @property
    def seconds(self) -> float:
        """How much was given out."""
        return self._given / RATE

    def take(self, now: float, *, is_last: bool = False) -> bytes:
        """What is certain by now and was not given out: of each moment the caller's sample, then ours.

        `is_last`: the call is over, and nothing more comes.
        """
        here = self._place(now)
        until = max(self._given, here if is_last else self._place(now - LAG))
        both = bytearray(2 * (until - self._given))
        both[0::2] = self._theirs_until(until, here)
        both[1::2] = self._ours_until(until)
        self._given = until
        return bytes(both)

    def _theirs_until(self, until: int, here: int) -> bytes:
        track = bytearray()
        while self._theirs and (room := until - self._given - len(track)) > 0:
            at, ulaw = self._theirs[0]
            place = self._given + len(track)
            # Of what should have come by now so much did not; below nothing, so much came that had been given up.
            missing = here - place - self._waiting
            if missing > PATIENCE and at - place > PATIENCE:
                track += SILENCE * min(missing, at - place, room)
                continue
            self._theirs.popleft()
            self._waiting -= len(ulaw)
            if missing < -PATIENCE and not ulaw.strip(_QUIET):
                continue
            track += ulaw[:room]
            if ulaw[room:]:
                self._theirs.appendleft((at + room, ulaw[room:]))
                self._waiting += len(ulaw) - room
        return bytes(track).ljust(until - self._given, SILENCE)

    def _ours_until(self, until: int) -> bytes:
        track = bytearray()
        for at, ulaw in self._played_until(until):
            begins = at - self._given - len(track)
            track += SILENCE * begins + ulaw[max(0, -begins) :]
        return bytes(track).ljust(until - self._given, SILENCE)[: until - self._given]

    def _played_until(self, until: int) -> Iterator[tuple[int, bytes]]:
        while self._ours and self._ours[0][0] < until:
            at, ulaw = self._ours.popleft()
            room = until - at
            if ulaw[room:]:
                self._ours.appendleft((until, ulaw[room:]))
            yield at, ulaw[:room]
