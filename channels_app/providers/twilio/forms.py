"""What a connection over Twilio is set up with."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from django import forms

from channels_app.providers import numbers
from channels_app.providers.base import ConfigForm
from channels_app.providers.twilio import words
from channels_app.quiet_hours import QuietHours

_ACCOUNT = re.compile(r"AC[0-9a-f]{32}")
_SERVICE = re.compile(r"MG[0-9a-f]{32}")
CONTENT = re.compile(r"HX[0-9a-f]{32}")
HIGHEST_RATE = 100.0
# RELIABILITY R44: what may be sent, unless the connection says otherwise, and the most that it may say.
DAILY_SEGMENTS, DAILY_MESSAGES, MOST_DAILY = 1000, 1000, 1_000_000
UNASKED_PER_HOUR, MOST_UNASKED_PER_HOUR = 3, 1000
NEW_PER_RANGE, MOST_NEW_PER_RANGE = 10, 10_000
MOST_WORDS, LONGEST_WORD = 20, 40
LONGEST_REPLY = 500
STOP_REPLY = "You have opted out and get no more messages from us. Write START to change that."
START_REPLY = "Welcome back: you get our messages again. Write STOP to end them."


class AccountForm(ConfigForm):
    """The account, which every kind over Twilio has."""

    credentials: ClassVar[tuple[str, ...]] = ("auth_token", "secondary_auth_token")

    account_sid = forms.CharField(
        label="Account SID",
        max_length=64,
        help_text="In Twilio's console on the first page, under Account Info. It begins with AC.",
        error_messages={"required": "Give the account SID."},
    )
    auth_token = forms.CharField(
        label="Auth token",
        max_length=100,
        help_text="Beside the account SID in Twilio's console. Twilio signs with it, so an API key is not enough.",
        error_messages={"required": "Choose the secret that holds the auth token."},
    )
    secondary_auth_token = forms.CharField(
        label="Secondary auth token",
        max_length=100,
        required=False,
        help_text="Only while you rotate the auth token at Twilio: what either of them signs is taken.",
    )
    api_base_url = forms.CharField(
        label="API base URL",
        max_length=200,
        required=False,
        help_text="Only for accounts of a region: https://api.dublin.ie1.twilio.com, for instance.",
    )

    def clean_account_sid(self) -> str:
        """AC and 32 hexadecimal digits."""
        return _sid(
            self.cleaned_data["account_sid"], _ACCOUNT, "An account SID is AC and 32 characters of 0-9 and a-f."
        )

    def clean_api_base_url(self) -> str:
        """Without the slash at its end; which hosts may be named is `connections`' to say."""
        return str(self.cleaned_data["api_base_url"]).rstrip("/")


class TwilioForm(AccountForm):
    """The account, and who sends: a number or a messaging service."""

    either: ClassVar[frozenset[str]] = frozenset({"from_number", "messaging_service_sid"})
    # What senders there are that have no country's code.
    without_code: ClassVar[str] = ""
    field_order = (
        *("account_sid", "auth_token", "from_number", "messaging_service_sid"),
        *("secondary_auth_token", "api_base_url"),
    )

    from_number = forms.CharField(
        label="Number",
        max_length=40,
        required=False,
        help_text="The Twilio number that people write to, as +14155552671. Or give a messaging service below.",
    )
    messaging_service_sid = forms.CharField(
        label="Messaging service",
        max_length=64,
        required=False,
        help_text="Instead of a number: Messaging, Services in Twilio's console. It begins with MG.",
    )

    def clean_messaging_service_sid(self) -> str:
        """MG and 32 hexadecimal digits, or nothing."""
        sid = self.cleaned_data["messaging_service_sid"]
        return sid and _sid(sid, _SERVICE, "A messaging service's SID is MG and 32 characters of 0-9 and a-f.")

    def clean_from_number(self) -> str:
        """In E.164, or nothing."""
        number = self.cleaned_data["from_number"]
        return number and numbers.e164(number, or_else=self.without_code)

    def clean(self) -> dict[str, Any]:
        """Exactly one sender."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors.keys() & {"from_number", "messaging_service_sid"}:
            return cleaned
        number, service = cleaned.get("from_number"), cleaned.get("messaging_service_sid")
        if number and service:
            self.add_error("messaging_service_sid", "Give the number or the messaging service, not both.")
        elif not (number or service):
            self.add_error("from_number", "Give the Twilio number, or a messaging service below.")
        return cleaned


class ListInput(forms.TextInput):
    """One line with commas between; a list where the API sent one."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> str | None:
        """What was typed or sent, in one line."""
        values = data.getlist(name) if hasattr(data, "getlist") else [data.get(name)]
        given = [str(value) for value in values if value is not None]
        return ", ".join(given) if given else None

    def format_value(self, value: Any) -> str:
        """As it is typed."""
        return ", ".join(value) if isinstance(value, list | tuple) else str(value or "")


class CountriesField(forms.Field):
    """Countries by their ISO 3166 codes; None where there are none."""

    widget = ListInput
    MOST = 300

    def clean(self, value: Any) -> list[str] | None:
        """The codes in capitals, each once, in the alphabet's order."""
        given = [one.strip() for one in str(value or "").replace(";", ",").split(",")]
        codes = sorted({one.upper() for one in given if one})
        unknown = next((code for code in codes if code not in numbers.COUNTRIES), None)
        if unknown is not None or len(codes) > self.MOST:
            raise forms.ValidationError(
                f"{unknown[:20] if unknown else 'That'} is no code of a country. Write two letters each, with commas "
                "between: US, CA, DE."
            )
        return codes or None


class MessagingForm(TwilioForm):
    """And what bounds messages, whichever channel they take, and what ends them."""

    rarely: ClassVar[frozenset[str]] = frozenset(
        {
            "secondary_auth_token",
            "api_base_url",
            "rate",
            "allowed_countries",
            "unasked_per_hour",
            "new_per_range",
            "quiet_hours",
            "stop_words",
        }
    )

    rate = forms.FloatField(
        label="Messages a second",
        required=False,
        min_value=0.1,
        max_value=HIGHEST_RATE,
        help_text="What the sender is allowed.",
    )
    allowed_countries = CountriesField(
        label="Countries",
        required=False,
        help_text="The only ones that are written to, by their two letters: US, CA, DE. Left empty: that of the "
        "number (for one of the USA or Canada both). Without a number only people who wrote first are answered.",
    )
    unasked_per_hour = forms.IntegerField(
        label="Unasked messages to one number in an hour",
        required=False,
        min_value=1,
        max_value=MOST_UNASKED_PER_HOUR,
        help_text=f"Answers don't count. {UNASKED_PER_HOUR} unless you say so.",
    )
    new_per_range = forms.IntegerField(
        label="New numbers of one range in an hour",
        required=False,
        min_value=1,
        max_value=MOST_NEW_PER_RANGE,
        help_text="Made-up traffic comes from numbers that differ in their last four digits alone. Of those so many "
        f"are sent a first message in an hour. {NEW_PER_RANGE} unless you say so.",
    )
    quiet_hours = forms.CharField(
        label="Quiet hours",
        max_length=20,
        required=False,
        help_text="Then nobody is sent what they did not ask for, by the clock where their number is: it waits until "
        "they are over. Such as 21:00-08:00.",
    )
    stop_words = forms.CharField(
        label="More words that opt out",
        max_length=500,
        required=False,
        help_text="Beside STOP and the like in several languages. With commas between, each a whole message.",
    )
    stop_everywhere = forms.BooleanField(
        label="STOP holds for every channel",
        required=False,
        help_text="Whoever opts out here is not written to over any other connection of the workspace either, until "
        "they opt in again, here or there.",
    )

    def clean_quiet_hours(self) -> str:
        """In one form, or nothing."""
        try:
            hours = QuietHours.of(self.cleaned_data["quiet_hours"])
        except ValueError as wrong:
            raise forms.ValidationError(str(wrong)) from None
        return str(hours) if hours else ""

    def clean_stop_words(self) -> str:
        """With one comma between."""
        found = [one.strip() for one in self.cleaned_data["stop_words"].split(",") if one.strip()]
        if len(found) > MOST_WORDS or any(len(one) > LONGEST_WORD or not words.plain(one) for one in found):
            raise forms.ValidationError(f"At most {MOST_WORDS} words of at most {LONGEST_WORD} characters each.")
        return ", ".join(found)


class SmsForm(MessagingForm):
    """And what only SMS have: segments, and an answer of Twilio's own to HELP."""

    rarely: ClassVar[frozenset[str]] = MessagingForm.rarely | {"daily_segments", "answers_help", "sends_mms"}
    without_code: ClassVar[str] = "A short code is used through a messaging service."

    rate = forms.FloatField(
        label="Messages a second",
        required=False,
        min_value=0.1,
        max_value=HIGHEST_RATE,
        help_text="What the sender is allowed: 1 for a long number (the default), 3 toll-free, 100 for a short code.",
    )
    daily_segments = forms.IntegerField(
        label="Segments a day",
        required=False,
        min_value=1,
        max_value=MOST_DAILY,
        help_text=f"From midnight to midnight UTC no more are sent, and what is left waits. {DAILY_SEGMENTS} unless "
        "you say so. A segment is 160 characters, or 70 where there are others than those of SMS.",
    )
    sends_mms = forms.BooleanField(
        label="Send pictures as MMS",
        required=False,
        help_text="To numbers of the USA and Canada, from a number that Twilio lets send MMS. Everything else, and to "
        "everybody else, goes as a link in the text. An MMS counts as 3 segments, which is about what it costs.",
    )
    answers_help = forms.BooleanField(
        label="Let the assistant answer HELP",
        required=False,
        help_text="Only where Twilio's own answer to HELP is switched off; otherwise people get two.",
    )


class WhatsappForm(MessagingForm):
    """And what only WhatsApp has: answers to STOP and START of our own, and templates."""

    rarely: ClassVar[frozenset[str]] = MessagingForm.rarely | {"daily_messages", "stop_reply", "start_reply"}

    daily_messages = forms.IntegerField(
        label="Messages a day",
        required=False,
        min_value=1,
        max_value=MOST_DAILY,
        help_text=f"From midnight to midnight UTC no more are sent, and what is left waits. {DAILY_MESSAGES} unless "
        "you say so.",
    )
    window_template = forms.CharField(
        label="Template when the window is closed",
        max_length=64,
        required=False,
        help_text="The SID of an approved template with one variable, which carries what can't be sent freely 24 hours "
        "after their last message. Left empty, such a message is parked and you choose a template by hand.",
    )
    stop_reply = forms.CharField(
        label="Answer to STOP",
        max_length=LONGEST_REPLY,
        required=False,
        help_text=f"The last message they get. {STOP_REPLY!r} unless you say so.",
    )
    start_reply = forms.CharField(
        label="Answer to START",
        max_length=LONGEST_REPLY,
        required=False,
        help_text=f"To who had opted out. {START_REPLY!r} unless you say so.",
    )

    def clean_window_template(self) -> str:
        """HX and 32 hexadecimal digits, or nothing."""
        sid = self.cleaned_data["window_template"]
        return sid and _sid(sid, CONTENT, "A template's SID is HX and 32 characters of 0-9 and a-f.")


def _sid(text: str, form: re.Pattern[str], words_: str) -> str:
    text = text.strip()
    if not form.fullmatch(text):
        raise forms.ValidationError(words_)
    return text
