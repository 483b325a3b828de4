"""A caller on one side, a session on the other, minutes in milliseconds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from channels_app.voice import relay_frames
from channels_app.voice.engines.base import EngineFailed, FaultKind
from channels_app.voice.relay_frames import Digit, Interrupt, Prompt
from tests.channels.lines import Call, Ear, Mouth, leap

LONG = "This is a long explanation of our opening hours, which are many. "


def test_what_a_caller_says_is_a_prompt_and_how_long_it_took_is_told():
    async def story() -> None:
        async with Call(Ear("When are you open?")) as call:
            await call.says(1.5)
            await call.is_quiet(1.0)
            assert call.session.prompts == ["When are you open?"]
            last = call.session.told[-1]
            assert isinstance(last, Prompt)
            assert last.waited_ms is not None
            assert 300 <= last.waited_ms <= 600
            assert Prompt("", is_last=False) in call.session.told

    leap(story)


def test_what_an_engine_heard_can_be_kept_whatever_it_writes():
    async def story() -> None:
        async with Call(Ear("Are\x00 you\ud800 open? " + "x" * 100_000)) as call:
            await call.says(1.5)
            await call.is_quiet(2.0)
            [prompt] = call.session.prompts
            assert prompt.startswith("Are\ufffd you\ufffd open? x")
            assert len(prompt) <= relay_frames.LONGEST_PROMPT

    leap(story)


def test_an_engine_that_never_ends_is_cut_off_before_it_fills_the_memory():
    class Endless(Mouth):
        async def speak(self, words: str, language: str) -> AsyncGenerator[bytes]:
            self.spoken.append(words)
            for _ in range(5000 if words == "One. " else 1):
                yield b"\x02" * 8000

    async def story() -> None:
        async with Call(Ear(), Endless()) as call:
            await call.is_told("One. ", "Two. ")
            await call.is_quiet(1.0)
            assert call.line.playout.made_ahead < 30
            while call.line.playout.is_speaking:
                await call.is_quiet(1.0)
            assert call.far.seconds_played < 30
            assert call.mouth.spoken == ["One. ", "Two. "]

    leap(story)


def test_where_a_call_ends_nothing_more_is_made_for_it():
    async def story() -> None:
        async with Call(Ear(), Mouth(begins_after=60)) as call:
            await call.is_told("Good morning. ")
            await call.is_quiet(1.0)
            assert (call.mouth.spoken, call.mouth.closed) == (["Good morning. "], 0)
        assert call.mouth.closed == 1

    leap(story)


def test_words_are_spoken_and_the_session_knows_when_they_were_heard():
    async def story() -> None:
        async with Call(Ear()) as call:
            loop = asyncio.get_running_loop()
            began = loop.time()
            await call.is_told("Good morning. ", "How can I help? ")
            assert call.line.done_at() > began + 1
            await call.is_quiet(1.0)
            assert call.line.playout.is_speaking
            while call.line.playout.is_speaking:
                await call.is_quiet(0.02)
            assert call.mouth.spoken == ["Good morning. ", "How can I help? "]
            assert abs(call.far.seconds_played - 30 / 15) < 0.05
            assert 1.9 < loop.time() - began < 2.6
            assert call.line.done_at() == 0.0
            assert call.session.stirred
            # The first words alone are measured.
            assert len(call.session.sounds) == 1
            assert 90 <= call.session.sounds[0] <= 150

    leap(story)


def test_sound_comes_without_a_gap_though_each_clause_is_made_for_itself():
    async def story() -> None:
        async with Call(Ear()) as call:
            await call.is_told(*["A clause of words. "] * 6)
            await asyncio.sleep(12)
            ends = 0.0
            for at, ulaw in call.far.played:
                assert not ends or at - ends < 0.02
                ends = at + len(ulaw) / 8000

    leap(story)


def test_who_speaks_over_us_hears_silence_within_a_fifth_of_a_second():
    async def story() -> None:
        async with Call(Ear("Stop please.")) as call:
            loop = asyncio.get_running_loop()
            await call.is_told(LONG, LONG)
            await call.is_quiet(2.0)
            began = loop.time()
            await call.says(1.0)
            assert len(call.far.cleared_at) == 1
            assert call.far.cleared_at[0] - began < 0.2
            last_sound = max(at + len(ulaw) / 8000 for at, ulaw in call.far.played)
            assert last_sound - began < 0.2
            await call.is_quiet(1.5)
            assert call.session.prompts == ["Stop please."]
            heard = call.session.interrupts
            assert len(heard) == 1
            assert LONG.startswith(heard[0])
            assert 10 < len(heard[0]) < 40
            interrupt = next(one for one in call.session.told if isinstance(one, Interrupt))
            assert 1500 < (interrupt.after_ms or 0) < 2300

    leap(story)


def test_words_that_an_ear_tells_late_end_an_answer_that_began_meanwhile():
    async def story() -> None:
        async with Call(Ear("How long does delivery take?", takes=1.0)) as call:
            await call.says(1.0)
            await call.is_quiet(0.2)
            # The answer to what they had said before, which the ear was slow to tell as well.
            await call.is_told(LONG)
            await call.is_quiet(2.0)
            prompts = [one for one in call.session.told if isinstance(one, Interrupt) or getattr(one, "is_last", False)]
            first, second = prompts
            assert isinstance(first, Interrupt)
            assert LONG.startswith(first.heard)
            assert len(first.heard) < len(LONG) - 20
            assert isinstance(second, Prompt)
            played = call.far.seconds_played
            await call.is_quiet(3.0)
            assert call.far.seconds_played == played
            assert not call.line.playout.is_speaking

    leap(story)


def test_a_cough_does_not_end_what_we_say_and_no_word_is_lost_or_said_twice():
    async def story() -> None:
        async with Call(Ear("")) as call:
            await call.is_told(LONG)
            await call.is_quiet(2.0)
            await call.says(0.3)
            await call.is_quiet(8.0)
            assert call.session.interrupts == []
            assert call.session.prompts == []
            assert len(call.mouth.spoken) == 2
            assert LONG.endswith(call.mouth.spoken[1])
            assert call.line.done_at() == 0.0
            assert call.line.playout.heard(asyncio.get_running_loop().time()).heard == LONG

    leap(story)


def test_what_a_session_says_while_somebody_coughs_is_said_after_the_rest():
    async def story() -> None:
        async with Call(Ear("mhm")) as call:
            await call.is_told(LONG)
            await call.is_quiet(2.0)
            await call.says(0.3)
            await call.is_told("And one thing more. ")
            assert call.line.done_at() > asyncio.get_running_loop().time()
            await call.is_quiet(10.0)
            assert call.mouth.spoken[-1] == "And one thing more. "
            assert call.session.interrupts == []
            # Who only listens has said nothing that is answered.
            assert call.session.prompts == []

    leap(story)


def test_on_hold_nothing_is_said_or_heard_and_what_was_not_heard_is_said_afterwards():
    async def story() -> None:
        async with Call(Ear("Never told.")) as call:
            await call.is_told(LONG)
            await call.is_quiet(2.0)
            call.line.rest()
            await call.says(1.0)
            await call.is_told("And one thing more. ")
            await call.is_quiet(20.0)
            assert call.mouth.spoken == [LONG]
            assert len(call.far.cleared_at) == 1
            assert call.session.prompts == []
            # Whoever asks whether they are still there is told that they are.
            assert 18 <= sum(isinstance(one, Prompt) for one in call.session.told) <= 22
            assert call.line.done_at() > asyncio.get_running_loop().time()
            call.line.go_on()
            await call.is_quiet(10.0)
            assert LONG.endswith(call.mouth.spoken[1])
            assert call.mouth.spoken[2:] == ["And one thing more. "]
            assert call.session.interrupts == []

    leap(story)


def test_where_nobody_may_interrupt_all_is_said_and_nothing_is_heard_meanwhile():
    async def story() -> None:
        async with Call(Ear("Never told."), is_interruptible=False) as call:
            await call.is_told(LONG)
            await call.is_quiet(1.0)
            await call.says(1.0)
            await call.is_quiet(4.0)
            assert call.far.cleared_at == []
            assert call.session.prompts == []
            assert 1 not in call.ear.listenings[0].fed

    leap(story)


def test_a_key_interrupts_and_is_told():
    async def story() -> None:
        from channels_app.voice.media.events import Key

        async with Call(Ear()) as call:
            await call.is_told(LONG)
            await call.is_quiet(2.0)
            call.line.hear(Key("1"))
            kinds = [type(one) for one in call.session.told]
            assert kinds == [Interrupt, Digit]
            call.line.hear(Key("A"))
            assert len(call.session.told) == 2
            await call.is_quiet(2.0)
            assert len(call.far.cleared_at) == 1

    leap(story)


def test_an_ear_that_breaks_off_is_replaced_and_hears_again_what_was_not_told():
    async def story() -> None:
        broken = EngineFailed(FaultKind.BROKEN, "The connection broke.")
        async with Call(Ear(broken, "When are you open?")) as call:
            await call.says(1.0)
            await call.is_quiet(1.2)
            assert len(call.ear.listenings) == 2
            assert call.ear.listenings[1].fed.count(1) > 7000
            await call.says(0.5)
            await call.is_quiet(1.2)
            assert call.session.prompts == ["When are you open?"]
            assert call.session.given_up == []
            assert [one.is_closed for one in call.ear.listenings] == [True, False]

    leap(story)


@pytest.mark.parametrize("kind", [FaultKind.KEY, FaultKind.MISSING])
def test_an_ear_without_a_key_is_given_up_at_once_with_its_words_and_remedy(kind: FaultKind):
    async def story() -> None:
        async with Call(Ear(EngineFailed(kind, "Deepgram refused the key.", "Give a new key."))) as call:
            await call.says(1.0)
            await call.is_quiet(1.0)
            assert call.session.given_up == [
                ("What hears the caller failed: Deepgram refused the key.", "Give a new key.")
            ]

    leap(story)


def test_a_mouth_that_fails_once_is_asked_again_and_one_that_goes_on_failing_is_given_up():
    async def story() -> None:
        mouth = Mouth()
        mouth.failures = [EngineFailed(FaultKind.UNREACHABLE, "No route.")]
        async with Call(Ear(), mouth) as call:
            await call.is_told("Hello. ")
            await call.is_quiet(3.0)
            assert mouth.spoken == ["Hello. ", "Hello. "]
            assert call.far.seconds_played > 0.4
            mouth.failures = [EngineFailed(FaultKind.UNREACHABLE, "No route.") for _ in range(9)]
            await call.is_told("One. ", "Two. ", "Three. ")
            await call.is_quiet(5.0)
            assert [words for words, _ in call.session.given_up] == ["What speaks to the caller failed: No route."]

    leap(story)


def test_a_far_side_that_loses_marks_holds_nothing_up_for_long():
    async def story() -> None:
        async with Call(Ear(), marks=False) as call:
            await call.is_told("Good morning. ")
            await call.is_quiet(1.2)
            assert call.line.done_at() > 0
            await call.is_quiet(2.5)
            assert call.line.done_at() == 0.0

    leap(story)


def test_another_language_is_listened_for_and_spoken():
    async def story() -> None:
        async with Call(Ear()) as call:
            await call.line.take(relay_frames.language("de-DE"))
            await asyncio.sleep(0.1)
            assert call.ear.languages == ["en-US", "de-DE"]
            assert call.line.language == "de-DE"

    leap(story)


def test_the_end_says_what_comes_next():
    async def story() -> None:
        async with Call(Ear()) as call:
            await call.line.take(relay_frames.end({"then": "goodbye", "turn": 3}))
            assert call.ended == [{"then": "goodbye", "turn": 3}]

    leap(story)


def test_words_that_are_given_up_are_not_made_any_more():
    async def story() -> None:
        async with Call(Ear("Stop.")) as call:
            await call.is_told(*["A clause of words, and another one. "] * 20)
            await call.is_quiet(1.0)
            await call.says(1.0)
            await call.is_quiet(2.0)
            assert len(call.mouth.spoken) < 8
            assert call.mouth.closed == len(call.mouth.spoken)

    leap(story)
