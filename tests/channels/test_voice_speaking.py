"""Messages as they are spoken, and what a connection for calls is set up with."""

from __future__ import annotations

import random
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest
from twilio.twiml.voice_response import VoiceResponse

from channels_app.providers.twilio import twiml
from channels_app.providers.twilio.forms import SmsForm, WhatsappForm
from channels_app.providers.twilio.voice_codes import CODES, fault_of
from channels_app.providers.twilio.voice_config import BadMenu, VoiceConfig, menu_of
from channels_app.providers.twilio.voice_forms import VoiceForm
from channels_app.voice import words
from channels_app.voice.speaking import spoken
from deployments.models import Message

NASTY = [
    "</Say><Hangup/><Say>",
    "<Dial>+19005550123</Dial>",
    "]]>&lt;Play&gt;",
    "\"' & < >",
    "\x00\x08\x0b\x1b\x7f\ud800\udfff\ufffe",
    "<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>&a;",
    "\u202e\u2028 rtl",
]


def message(text: str, *blocks: dict[str, Any]) -> Message:
    return Message(text=text, blocks=list(blocks))


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("**Yes**, we _do_.", "Yes, we do."),
        ("# Hours\n\n* Mo\n* Tu", "Hours.\nMo.\nTu"),
        ("See [our shop](https://shop.example/a?b=c).", "See our shop, shop.example."),
        ("Call +49 30 901820 now", "Call + 4 9, 3 0, 9 0 1 8 2 0 now"),
        ("Order 12345678 is here", "Order 1 2 3 4 5 6 7 8 is here"),
        ("It costs 1500 euros", "It costs 1500 euros"),
        ("Write to ada.l@shop-a.example", "Write to ada dot l at shop dash a dot example"),
    ],
)
def test_a_message_is_spoken_as_people_say_it(text: str, heard: str) -> None:
    assert spoken(message(text), "en-US") == heard


def test_buttons_are_what_can_be_said() -> None:
    buttons = {"type": "buttons", "buttons": [{"label": one, "payload": one} for one in ("Yes", "No", "Later")]}
    assert spoken(message("Well?", buttons), "en-US") == "Well?\nYou can say: Yes, No, or Later."
    assert spoken(message("Nun?", buttons), "de-DE") == "Nun?\nSie können sagen: Yes, No, oder Later."


def choices(*labels: str) -> list[dict[str, str]]:
    return [{"label": label, "payload": label} for label in labels]


def test_choices_are_said_without_the_marks_that_end_them() -> None:
    buttons = {"type": "buttons", "buttons": choices("Where is my order?", "Delivery", "Talk to a person.")}
    heard = "You can say: Where is my order, Delivery, or Talk to a person."
    assert spoken(message("", buttons), "en-US") == heard
    assert spoken(message("Hello", buttons), "en-US") == f"Hello.\n{heard}"


def test_titles_texts_and_items_are_sentences_of_their_own() -> None:
    cards = [
        {"title": "Standard: 4.90", "text": "2 to 4 working days", "buttons": choices("Standard?")},
        {"title": "Express: 9.90", "text": "Next working day", "buttons": choices("Express")},
    ]
    carousel = {"type": "carousel", "cards": cards}
    assert spoken(message("We ship", carousel), "en-US") == (
        "We ship.\nStandard: 4.90.\n2 to 4 working days.\nExpress: 9.90.\nNext working day.\n"
        "You can say: Standard, or Express."
    )
    items = [
        {"title": "Returns", "text": "Within 30 days", "url": "https://www.shop.example/returns"},
        {"title": "Repairs"},
    ]
    listed = {"type": "list", "items": items}
    assert spoken(message("", listed), "en-US") == "Returns.\nWithin 30 days.\nshop.example.\nRepairs"


def test_every_language_of_the_house_has_all_of_its_words() -> None:
    assert {frozenset(known) for known in words._WORDS.values()} == {frozenset(words._WORDS["en"])}
    assert words.say("goodbye", "fr-FR") == words.say("goodbye", "en")


@pytest.mark.parametrize("nasty", NASTY)
def test_whatever_is_said_is_xml_with_the_verbs_that_were_meant(nasty: str) -> None:
    response = VoiceResponse()
    config = VoiceConfig(hints=nasty, voice="Polly.Amy")
    twiml.gathered(response, [nasty, "Well?"], config, action="https://a.example/turn?turn=1&x=<y>")
    root = fromstring(str(response))
    assert [node.tag for node in root] == ["Gather", "Redirect"]
    assert {node.tag for node in root.iter()} == {"Response", "Gather", "Say", "Redirect"}
    assert root[0].attrib["action"] == "https://a.example/turn?turn=1&x=<y>"


def test_long_texts_are_cut_where_sentences_end_and_nothing_is_lost() -> None:
    chance = random.Random(8)
    for _ in range(200):
        text = " ".join("x" * chance.randint(1, 30) + chance.choice(["", ".", "!", ","]) for _ in range(400))
        found = twiml.pieces(text, longest=200)
        assert all(0 < len(piece) <= 200 for piece in found)
        assert "".join("".join(found).split()) == "".join(text.split())
    assert twiml.pieces("y" * 500, longest=200) == ["y" * 200, "y" * 200, "y" * 100]
    assert twiml.pieces(" \n ") == []


def test_a_menu_is_read_line_by_line_and_a_bad_line_is_named() -> None:
    assert menu_of("1 = Opening hours\n\n0: Transfer\n# = voicemail") == {
        "1": "Opening hours",
        "0": "transfer",
        "#": "voicemail",
    }
    for bad in ("12 = both", "opening hours", "1 =", "1 = a\n1 = b"):
        with pytest.raises(BadMenu):
            menu_of(bad)


GOOD = {"account_sid": "AC" + "0" * 32, "from_number": "+14155552671", "auth_token": "t"}


def test_what_is_left_out_has_its_default() -> None:
    form = VoiceForm(GOOD)
    assert form.is_valid(), form.errors
    config = VoiceConfig.of(form.cleaned_data)
    assert (config.mode, config.language, config.barge_in, config.then) == ("relay", "en-US", True, "goodbye")
    assert (config.longest_call, config.daily_minutes, config.silence_seconds) == (30, 500, 5)
    assert not config.can_transfer


@pytest.mark.parametrize(
    ("field", "more"),
    [
        ("from_number", {"from_number": "12"}),
        ("transfer_to", {"transfer_to": "+19005550123"}),
        ("transfer_to", {"then": "transfer"}),
        ("transfer_to", {"menu": "0 = transfer"}),
        ("transfer_to", {"manner": "warm"}),
        ("voicemail", {"then": "voicemail"}),
        ("voicemail", {"menu": "9 = voicemail"}),
        ("menu", {"menu": "hello"}),
        ("language", {"language": "english please"}),
        ("voice", {"voice": "<Say>"}),
        ("queue", {"manner": "queue", "queue": "a/b"}),
        ("longest_call", {"longest_call": "0"}),
        ("daily_minutes", {"daily_minutes": "0"}),
        ("hints", {"hints": "x" * 101}),
    ],
)
def test_what_can_not_be_is_said_at_its_field(field: str, more: dict[str, str]) -> None:
    form = VoiceForm(GOOD | more)
    assert not form.is_valid()
    assert [*form.errors] == [field]


@pytest.mark.parametrize(
    ("field", "more", "says"),
    [
        ("transfer_to", {"transfer_to": "+1 415 555 2671"}, "That is the connection's own number"),
        ("longest_call", {"longest_call": "0"}, "At least 1."),
        ("longest_call", {"longest_call": "1441"}, "At most 1440."),
        ("silence_seconds", {"silence_seconds": "some"}, "Write a whole number."),
        ("manner", {"manner": "foo%s"}, "“foo%s” is none of the choices: cold, warm, queue."),
        ("greeting", {"greeting": "x" * 1001}, "At most 1000 characters; this has 1001."),
    ],
)
def test_what_is_wrong_is_said_in_words_that_help(field: str, more: dict[str, str], says: str) -> None:
    form = VoiceForm(GOOD | more)
    assert not form.is_valid()
    (said,) = form.errors[field]
    assert str(said).startswith(says)


@pytest.mark.parametrize("field", ["from_number", "transfer_to"])
def test_a_number_without_its_countrys_code_is_told_nothing_of_short_codes(field: str) -> None:
    form = VoiceForm(GOOD | {field: "12345"})
    assert form.errors[field] == ["Write the number with + and the country's code: +14155552671."]
    assert "A short code is used through a messaging service." in str(SmsForm({"from_number": "12345"}).errors)
    assert "short code" not in str(WhatsappForm({"from_number": "12345"}).errors)


def test_what_follows_silences_is_called_as_its_field_is() -> None:
    fields = VoiceForm().fields
    assert f"what you choose at {fields['then'].label} is done" in str(fields["most_silences"].help_text)


def test_each_code_says_what_it_means_and_what_to_do() -> None:
    for code, fault in CODES.items():
        assert fault.words.endswith(".")
        assert fault.remedy
        assert fault_of(code) == fault == fault_of(str(code))
    assert "99999" in fault_of(99999).words
    assert "99999" in fault_of("99999").remedy
