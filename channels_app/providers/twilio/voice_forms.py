"""What a connection for calls over Twilio is set up with."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms

from channels_app.providers import numbers
from channels_app.providers.recording_fields import LONGEST_WORDS, RecordingFields
from channels_app.providers.speech_fields import SPEECH_FIELDS, SPEECH_KEYS, SpeechFields
from channels_app.providers.twilio import voice_config
from channels_app.providers.twilio.forms import AccountForm, CountriesField

# Twilio takes so many hints, each so long (twilio.com/docs/voice/twiml/gather).
MOST_HINTS, LONGEST_HINT = 500, 100
# A whole day is the longest call that Twilio lets be.
MOST_DAILY_MINUTES, MOST_CALL_MINUTES = 100_000, 24 * 60
MOST_UNASKED, MOST_NEW = 100, 1000


_PUT_THROUGH = (
    "The telephone of your people, as {number}: who asks for a person in a call is connected to it. It can be named on "
    "an assistant's Hand-over tab, too, for calls to other numbers."
)


def _words(label: str, help_text: str, *, rows: int = 0) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows}) if rows else None
    return forms.CharField(label=label, max_length=LONGEST_WORDS, required=False, help_text=help_text, widget=widget)


class VoiceForm(RecordingFields, SpeechFields, AccountForm):
    """The number, how it listens and speaks, and what bounds a call and its costs."""

    rarely: ClassVar[frozenset[str]] = frozenset(
        {
            *("secondary_auth_token", "api_base_url", "hints", "barge_in", "queue"),
            *("consent_words", "allowed_countries", "unasked_per_hour", "new_per_range", "voicemail_words"),
            *("hold_words", "goodbye_words", "longest_call", "daily_minutes"),
            *SPEECH_FIELDS,
        }
    )
    groups: ClassVar[tuple[tuple[str, tuple[str, ...]], ...]] = (
        ("When callers say nothing", ("silence_seconds", "silence_words", "most_silences", "then")),
        ("When callers want a person", ("transfer_to", "manner", "whisper", "transfer_then", "transfer_after")),
        ("What is kept of calls", ("voicemail", "record")),
        ("Words", ("hints", "barge_in", "hold_words", "goodbye_words")),
        ("Queue", ("queue",)),
        ("Messages and recording", ("voicemail_words", "consent_words")),
        ("Speech engines, where the sound is brought to Convoship", SPEECH_FIELDS),
        ("Costs", ("longest_call", "daily_minutes", "allowed_countries", "unasked_per_hour", "new_per_range")),
        ("Account at Twilio", ("api_base_url",)),
    )
    credentials: ClassVar[tuple[str, ...]] = (*AccountForm.credentials, *SPEECH_KEYS)
    field_order = ("account_sid", "auth_token", "from_number", "mode", "language", "voice", "greeting")

    from_number = forms.CharField(
        label="Number",
        max_length=40,
        help_text="The Twilio number that people call, as +14155552671.",
        error_messages={"required": "Give the Twilio number that people call."},
    )
    mode = forms.ChoiceField(
        label="How it listens",
        choices=[
            ("relay", "Word by word (ConversationRelay)"),
            ("gather", "Sentence by sentence (Gather)"),
            ("stream", "With speech engines of your own (Media Streams)"),
        ],
        initial="relay",
        required=False,
        help_text="Word by word answers fastest and can be interrupted at any word. It needs ConversationRelay to be "
        "allowed in Twilio's console once, and falls back to sentence by sentence where it can't be had. With engines "
        "of your own the call's sound is brought to Convoship, heard and spoken there: choose the engines below.",
    )
    language = forms.RegexField(
        regex=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
        label="Language",
        max_length=35,
        required=False,
        help_text=f"What callers speak, as Twilio names it: en-GB, de-DE. {voice_config.LANGUAGE} unless you say so.",
        error_messages={"invalid": "A language as en-GB or de-DE."},
    )
    voice = forms.RegexField(
        regex=r"^[A-Za-z0-9._:-]+$",
        label="Voice",
        max_length=100,
        required=False,
        help_text="A voice of Twilio's for that language: Polly.Amy-Neural, say. Left empty, Twilio chooses.",
        error_messages={"invalid": "The name of a voice as Twilio's documentation has it, such as Polly.Amy-Neural."},
    )
    greeting = _words("Greeting", "The first words in a call. Left empty, the assistant's welcome is spoken.", rows=3)
    hints = forms.CharField(
        label="Words that callers say",
        max_length=5000,
        required=False,
        help_text="Names and terms that are hard to hear, with commas between: they are understood better.",
    )
    barge_in = forms.ChoiceField(
        label="Interrupting",
        choices=[("on", "Callers may interrupt"), ("off", "Everything is spoken to its end")],
        initial="on",
        required=False,
    )
    hold_words = _words("Words while the assistant thinks", "Said where an answer takes longer than about two seconds.")
    menu = forms.CharField(
        label="Keys",
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What a key stands for, one a line: 1 = What are your opening hours? The words are told to the "
        "assistant as if the caller had said them. Or one of transfer, voicemail and goodbye: 0 = transfer. Nobody "
        "announces the keys to callers: name them in the greeting.",
    )
    silence_seconds = forms.IntegerField(
        label="Seconds until a silence",
        required=False,
        min_value=1,
        max_value=60,
        help_text="So long without a word, and the caller is asked again. "
        f"{voice_config.SILENCE_SECONDS} unless you say so.",
    )
    silence_words = _words("Question after a silence", "What a caller is asked who says nothing.")
    most_silences = forms.IntegerField(
        label="Silences in a row",
        required=False,
        min_value=1,
        max_value=10,
        help_text="After so many, what you choose at After the last silence is done. "
        f"{voice_config.MOST_SILENCES} unless you say so.",
    )
    then = forms.ChoiceField(
        label="After the last silence",
        choices=[("goodbye", "Say goodbye"), ("transfer", "Put through"), ("voicemail", "Take a message")],
        initial="goodbye",
        required=False,
        help_text="It is done, too, where nothing else can be done in a call.",
    )
    transfer_to = forms.CharField(
        label="Put through to",
        max_length=40,
        required=False,
        help_text=_PUT_THROUGH.format(number="+14155550123"),
    )
    manner = forms.ChoiceField(
        label="How it is put through",
        choices=[("cold", "At once"), ("warm", "Announced first"), ("queue", "Into a queue")],
        initial="cold",
        required=False,
        help_text="Announced: who picks up hears a summary and presses 1 to take the call, so no voicemail box gets "
        "it. In a queue callers wait in order, and the telephone is rung again until somebody takes the next call.",
    )
    queue = forms.RegexField(
        regex=r"^[A-Za-z0-9 ._-]+$",
        label="Name of the queue",
        max_length=64,
        required=False,
        help_text="Where no telephone is given: the queue at Twilio that your people take calls from. "
        f"{voice_config.QUEUE} unless you say so.",
        error_messages={"invalid": "Letters, digits, blanks and . _ - only."},
    )
    whisper = forms.BooleanField(
        label="Tell your people what it is about",
        required=False,
        help_text="Before they are connected they hear a summary of the call. Announced calls and queues always do so.",
    )
    transfer_then = forms.ChoiceField(
        label="If nobody takes the call",
        choices=[
            ("assistant", "Back to the assistant"),
            ("voicemail", "Take a message"),
            ("goodbye", "Say goodbye"),
        ],
        initial="assistant",
        required=False,
        help_text="After every desk that the assistant's Hand-over tab names was asked.",
    )
    transfer_after = forms.ChoiceField(
        label="When your people hang up",
        choices=[("goodbye", "The call ends"), ("assistant", "Back to the assistant")],
        initial="goodbye",
        required=False,
    )
    voicemail = forms.BooleanField(
        label="Take messages",
        required=False,
        help_text="Callers may leave a message, which is kept with the conversation and written down.",
    )
    voicemail_words = _words("Words before a message", "Said to who may leave one, before the tone.")
    goodbye_words = _words("Goodbye words", "The last words of a call that ends without a person.")
    longest_call = forms.IntegerField(
        label="Longest call",
        required=False,
        min_value=1,
        max_value=MOST_CALL_MINUTES,
        help_text=f"Minutes; then the call is ended with a goodbye. {voice_config.LONGEST_CALL} unless you say so.",
    )
    daily_minutes = forms.IntegerField(
        label="Minutes a day",
        required=False,
        min_value=1,
        max_value=MOST_DAILY_MINUTES,
        help_text="From midnight to midnight UTC, begun minutes of all calls together. Above it callers are told so. "
        f"{voice_config.DAILY_MINUTES} unless you say so.",
    )
    allowed_countries = CountriesField(
        label="Countries that are called",
        required=False,
        help_text="The only ones that Call me rings and calls are put through to, by their two letters: US, CA, DE. "
        "Left empty: that of the number.",
    )
    unasked_per_hour = forms.IntegerField(
        label="Test calls to one number in an hour",
        required=False,
        min_value=1,
        max_value=MOST_UNASKED,
        help_text=f"{voice_config.UNASKED_PER_HOUR} unless you say so.",
    )
    new_per_range = forms.IntegerField(
        label="Test calls to numbers of one range in an hour",
        required=False,
        min_value=1,
        max_value=MOST_NEW,
        help_text="Numbers that differ in their last four digits alone. "
        f"{voice_config.NEW_PER_RANGE} unless you say so.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = self.data.get(self.add_prefix("from_number")) or (self.initial or {}).get("from_number")
        number = str(own or "").strip()
        # One of another country would be refused.
        if example := numbers.example_near(number):
            self.fields["transfer_to"].help_text = _PUT_THROUGH.format(number=example)

    def clean_from_number(self) -> str:
        """In E.164."""
        return numbers.e164(self.cleaned_data["from_number"])

    def clean_transfer_to(self) -> str:
        """In E.164 and no number whose owner earns by it, or nothing."""
        number = self.cleaned_data["transfer_to"]
        if not number:
            return ""
        found = numbers.e164(number)
        if what := numbers.costly(found):
            raise forms.ValidationError(f"That is {what}: what is put through there can cost any amount.")
        return found

    def _check_own(self, cleaned: dict[str, Any]) -> None:
        """Calls are not put through to the number that they came to."""
        if cleaned.get("transfer_to") and cleaned["transfer_to"] == cleaned.get("from_number"):
            self.add_error(
                "transfer_to",
                "That is the connection's own number: it would call itself. Give a telephone of your people.",
            )

    def _check_country(self, cleaned: dict[str, Any]) -> None:
        """Calls are put through to no country that the connection doesn't call."""
        number, own = cleaned.get("transfer_to", ""), cleaned.get("from_number", "")
        allowed = frozenset(cleaned.get("allowed_countries") or ()) or numbers.at_home(own)
        country = numbers.country_of(number) if number else None
        if number and own and country not in allowed:
            where = f"a number of {country}" if country else "in no country that Convoship knows"
            self.add_error(
                "transfer_to",
                f"That is {where}, and the connection calls {', '.join(sorted(allowed)) or 'nowhere'} only: add "
                f"{country or 'its country'} to the countries below.",
            )

    def clean_greeting(self) -> str:
        """In one line: it is spoken, however it was written."""
        return " ".join(self.cleaned_data["greeting"].split())

    def clean_hints(self) -> str:
        """With one comma between."""
        found = [one.strip() for one in self.cleaned_data["hints"].replace("\n", ",").split(",") if one.strip()]
        if len(found) > MOST_HINTS or any(len(one) > LONGEST_HINT for one in found):
            raise forms.ValidationError(f"At most {MOST_HINTS}, each of at most {LONGEST_HINT} characters.")
        return ", ".join(found)

    def clean_menu(self) -> str:
        """One key a line."""
        try:
            menu = voice_config.menu_of(self.cleaned_data["menu"])
        except voice_config.BadMenu as bad:
            raise forms.ValidationError(str(bad)) from None
        return "\n".join(f"{key} = {words}" for key, words in menu.items())

    def clean(self) -> dict[str, Any]:
        """What something leads to has to be there."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for name in ("mode", "barge_in", "then", "manner", "transfer_then", "transfer_after", "record"):
            if name in cleaned and not cleaned[name]:
                cleaned[name] = self.fields[name].initial
        self.check_speech(cleaned)
        keys = set(voice_config.menu_of(cleaned.get("menu", "")).values())
        can_transfer = bool(cleaned.get("transfer_to")) or cleaned.get("manner") == "queue"
        wants_transfer = cleaned.get("then") == "transfer" or "transfer" in keys or cleaned.get("manner") == "warm"
        if wants_transfer and not can_transfer and "transfer_to" not in self.errors:
            self.add_error("transfer_to", "Give the number that calls are put through to.")
        self._check_own(cleaned)
        self._check_country(cleaned)
        wants_message = "voicemail" in (cleaned.get("then"), cleaned.get("transfer_then")) or "voicemail" in keys
        if wants_message and not cleaned.get("voicemail"):
            self.add_error("voicemail", "Messages have to be taken for that: switch it on, or choose something else.")
        return cleaned
