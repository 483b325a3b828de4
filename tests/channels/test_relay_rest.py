"""What is left of an answer that broke off: from the beginning of the sentence that was not heard to its end."""

from __future__ import annotations

import pytest

from channels_app.voice.relay_rest import left

ANSWER = "Your order left us on Monday. It arrives tomorrow, at ten. Is there anything else?"


@pytest.mark.parametrize(
    ("heard", "rest"),
    [
        ("", [ANSWER]),
        ("Your order left us", [ANSWER]),
        ("Your order left us on Monday. ", ["It arrives tomorrow, at ten. Is there anything else?"]),
        ("your order left us on monday it arrives", ["It arrives tomorrow, at ten. Is there anything else?"]),
        ("Your order left us on Monday. It arrives tomorrow, at ten. ", ["Is there anything else?"]),
        (ANSWER, []),
        (f"{ANSWER} And more.", []),
        # It was made anew, in other words.
        ("Let me see. ", [ANSWER]),
    ],
)
def test_the_rest_begins_with_a_sentence(heard: str, rest: list[str]) -> None:
    assert left([ANSWER], heard) == rest


def test_of_several_messages_those_are_left_that_were_not_heard() -> None:
    assert left(["Hello.", "First this. Then that.", "Bye."], "Hello. First this.") == ["Then that.", "Bye."]
    assert left(["Hello.", "Bye."], "Hello.") == ["Bye."]
    assert left(["ご注文は発送されました。明日届きます。"], "ご注文は発送されました。") == ["明日届きます。"]
