"""Two tracks of a call that keep step: what was heard, what was really played, and what never came."""

from __future__ import annotations

import random

import pytest

from channels_app.voice.media.events import FRAME, FRAME_SECONDS, RATE, SILENCE
from channels_app.voice.media.playout import BEGINS_AFTER
from channels_app.voice.media.recorder import LAG, Recorder

THEIRS, OURS = b"\x10", b"\x20"
START = 100.0


class Tape:
    """A recorder, time, and what was given out so far."""

    def __init__(self) -> None:
        self.recorder, self.now, self.sound = Recorder(START), START, b""

    def goes_by(self, seconds: float, ulaw: bytes = THEIRS) -> None:
        """So long the caller's frames come as they should; "" where none do."""
        for _ in range(round(seconds / FRAME_SECONDS)):
            self.now += FRAME_SECONDS
            if ulaw:
                self.recorder.heard(ulaw * FRAME, self.now)

    def take(self) -> None:
        self.sound += self.recorder.take(self.now)

    def ends(self) -> tuple[bytes, bytes]:
        """Their track and ours."""
        self.sound += self.recorder.take(self.now, is_last=True)
        return self.sound[0::2], self.sound[1::2]


@pytest.fixture
def tape() -> Tape:
    return Tape()


def begins(track: bytes, what: bytes) -> float:
    """At which second the first of it lies."""
    return track.index(what) / RATE


def test_both_sides_lie_where_they_were_heard(tape: Tape) -> None:
    tape.goes_by(1.0)
    tape.recorder.said(OURS * RATE, tape.now)
    tape.goes_by(3.0)
    theirs, ours = tape.ends()
    assert len(theirs) == len(ours) == 4 * RATE
    assert set(theirs) == set(THEIRS)
    assert begins(ours, OURS) == pytest.approx(1.0 + BEGINS_AFTER, abs=0.001)
    assert ours.count(OURS) == RATE


def test_what_a_clear_threw_away_is_not_there(tape: Tape) -> None:
    tape.goes_by(0.5)
    tape.recorder.said(OURS * 2 * RATE, tape.now)
    tape.goes_by(0.8)
    tape.recorder.cleared(tape.now)
    tape.goes_by(0.4)
    tape.recorder.said(OURS * (RATE // 4), tape.now)
    tape.goes_by(3.0)
    _, ours = tape.ends()
    played = round((0.8 - BEGINS_AFTER) * RATE)
    assert ours.count(OURS) == pytest.approx(played + RATE // 4, abs=FRAME)
    assert set(ours[round(1.31 * RATE) : round(1.7 * RATE)]) == set(SILENCE)


def test_what_was_not_played_when_they_hung_up_is_not_there(tape: Tape) -> None:
    tape.recorder.said(OURS * RATE, tape.now)
    tape.goes_by(0.5)
    theirs, ours = tape.ends()
    assert len(theirs) == len(ours) == RATE // 2
    assert ours.count(OURS) < RATE // 2


def test_what_stands_behind_a_mark_is_played_once_it_came(tape: Tape) -> None:
    tape.recorder.said(OURS * RATE, tape.now)
    tape.recorder.marks("p1")
    tape.recorder.said(b"\x30" * RATE, tape.now)
    tape.recorder.marks("p2")
    tape.goes_by(1.5)
    tape.recorder.marked("p1", tape.now)
    tape.goes_by(1.0)
    tape.recorder.marked("p2", tape.now)
    tape.recorder.marked("nobody's", tape.now)
    tape.goes_by(1.0)
    _, ours = tape.ends()
    assert begins(ours, b"\x30") == pytest.approx(1.5, abs=0.001)
    assert ours.count(b"\x30") == RATE


def test_frames_that_were_held_up_and_come_in_a_burst_lie_as_if_they_had_not(tape: Tape) -> None:
    tape.goes_by(1.0)
    held = tape.now
    tape.goes_by(1.2, b"")
    for _ in range(60):
        tape.recorder.heard(b"\x11" * FRAME, tape.now)
    tape.goes_by(2.0, b"\x12")
    tape.take()
    tape.goes_by(3.0, b"\x12")
    theirs, _ = tape.ends()
    assert begins(theirs, b"\x11") == pytest.approx(held - START, abs=0.001)
    assert begins(theirs, b"\x12") == pytest.approx(2.2, abs=0.001)
    assert SILENCE not in theirs


def test_where_frames_never_come_there_is_silence_and_what_follows_lies_right(tape: Tape) -> None:
    tape.goes_by(1.0)
    for _ in range(10):
        tape.goes_by(1.0, b"")
        tape.take()
    tape.goes_by(3.0, b"\x12")
    theirs, _ = tape.ends()
    assert len(theirs) == 14 * RATE
    assert begins(theirs, b"\x12") == pytest.approx(11.0, abs=LAG / 10)


def test_who_saves_silence_for_a_moment_lies_right_afterwards(tape: Tape) -> None:
    tape.goes_by(1.0)
    tape.goes_by(1.0, b"")
    tape.goes_by(5.0, b"\x12")
    theirs, _ = tape.ends()
    assert begins(theirs, b"\x12") == pytest.approx(2.0, abs=0.001)


def test_after_a_stall_that_was_given_up_silence_is_left_out_until_it_lies_right_again(tape: Tape) -> None:
    tape.goes_by(1.0)
    for _ in range(5):
        tape.goes_by(1.0, b"")
        tape.take()
    for _ in range(250):
        tape.recorder.heard(b"\x11" * FRAME, tape.now)
    for _ in range(8):
        tape.goes_by(1.0, SILENCE)
        tape.take()
    tape.goes_by(3.0, b"\x12")
    theirs, _ = tape.ends()
    assert theirs.count(b"\x11") == 250 * FRAME
    assert begins(theirs, b"\x12") == pytest.approx(14.0, abs=0.4)


def test_however_often_it_is_asked_the_tracks_are_the_same() -> None:
    def made(every: float) -> tuple[bytes, bytes]:
        tape, chance = Tape(), random.Random(7)
        taken = START
        for _ in range(400):
            tape.goes_by(FRAME_SECONDS, THEIRS if chance.random() < 0.98 else b"")
            if chance.random() < 0.05:
                tape.recorder.said(OURS * chance.randrange(1, RATE // 5), tape.now)
            if chance.random() < 0.01:
                tape.recorder.cleared(tape.now)
            if tape.now - taken >= every:
                tape.take()
                taken = tape.now
        return tape.ends()

    often, seldom = made(0.1), made(60.0)
    assert often[1] == seldom[1]
    assert len(often[0]) == len(seldom[0]) == len(often[1])
    assert abs(often[0].count(SILENCE) - seldom[0].count(SILENCE)) < RATE // 2
