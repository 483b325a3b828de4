"""TwiML as Twilio reads it (twilio.com/docs/voice/twiml): verbs in order, each with its attributes and what is in it.

What Twilio can't read ends the call (12100, 12300); what it doesn't know it passes over with a warning (12200).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

UNREADABLE, NO_XML, UNKNOWN = 12100, 12300, 12200
TYPES = frozenset({"text/xml", "application/xml", "text/html"})
LONGEST_SAY = 4096

_SPEECH = frozenset({"voice", "language", "loop"})
_CALLBACK = frozenset({"statusCallback", "statusCallbackMethod", "statusCallbackEvent"})
# Which attributes a verb or noun has, of those that calls of ours can meet.
ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "Say": _SPEECH,
    "Play": frozenset({"loop", "digits"}),
    "Pause": frozenset({"length"}),
    "Gather": frozenset(
        {
            *("input", "action", "method", "timeout", "speechTimeout", "maxSpeechTime", "profanityFilter"),
            *("finishOnKey", "numDigits", "partialResultCallback", "partialResultCallbackMethod", "language"),
            *("hints", "bargeIn", "debug", "actionOnEmptyResult", "speechModel", "enhanced"),
        }
    ),
    "Redirect": frozenset({"method"}),
    "Hangup": frozenset(),
    "Reject": frozenset({"reason"}),
    "Leave": frozenset(),
    "Record": frozenset(
        {
            *("action", "method", "timeout", "finishOnKey", "maxLength", "playBeep", "trim", "recordingChannels"),
            *("recordingStatusCallback", "recordingStatusCallbackMethod", "recordingStatusCallbackEvent"),
            *("transcribe", "transcribeCallback", "recordingTrack", "recordingConfigurationId"),
        }
    ),
    "Dial": frozenset(
        {
            *("action", "method", "timeout", "hangupOnStar", "timeLimit", "callerId", "answerOnBridge", "ringTone"),
            *("record", "trim", "recordingStatusCallback", "recordingStatusCallbackMethod", "sequential"),
            *("recordingStatusCallbackEvent", "recordingTrack", "referUrl", "referMethod", "events"),
        }
    ),
    "Number": _CALLBACK | {"sendDigits", "url", "method", "byoc", "machineDetection"},
    "Sip": _CALLBACK | {"username", "password", "url", "method"},
    "Client": _CALLBACK | {"url", "method"},
    "Queue": frozenset({"url", "method", "reservationSid", "postWorkActivitySid"}),
    "Enqueue": frozenset({"action", "method", "waitUrl", "waitUrlMethod", "workflowSid", "maxQueueSize"}),
    "Connect": frozenset({"action", "method"}),
    "ConversationRelay": frozenset(
        {
            *("url", "welcomeGreeting", "welcomeGreetingLanguage", "welcomeGreetingInterruptible", "language"),
            *("ttsLanguage", "ttsProvider", "voice", "transcriptionLanguage", "transcriptionProvider", "speechModel"),
            *("interruptible", "interruptSensitivity", "dtmfDetection", "reportInputDuringAgentSpeech"),
            *("preemptible", "hints", "debug", "elevenlabsTextNormalization", "events", "profanityFilter"),
            *("intelligenceService", "deepgramSmartFormat", "ignoreBackchannel", "partialPrompts", "speechTimeout"),
            *("backgroundNoiseReduction", "partialPromptOnHangup", "eagerEotThreshold", "asrSmartFormat"),
            *("ttsTextNormalization", "ttsLanguageTextNormalization", "elevenlabsLanguageTextNormalization"),
            *("includeInPrompt", "customerName", "applicationReconnect", "echoPromptFiltering", "turnDetection"),
        }
    ),
    "Language": frozenset({"code", "ttsProvider", "voice", "transcriptionProvider", "speechModel"}),
    "Parameter": frozenset({"name", "value"}),
    "Start": frozenset({"action", "method"}),
    "Stop": frozenset(),
    "Recording": frozenset(
        {
            *("recordingStatusCallback", "recordingStatusCallbackMethod", "recordingStatusCallbackEvent"),
            *("channels", "track", "trim", "name"),
        }
    ),
    "Stream": frozenset({"url", "name", "track", "statusCallback", "statusCallbackMethod"}),
}
# What stands in what.
INSIDE: Mapping[str, frozenset[str]] = {
    "Response": frozenset(
        {
            *("Say", "Play", "Pause", "Gather", "Redirect", "Hangup", "Reject", "Leave", "Record", "Dial", "Enqueue"),
            *("Connect", "Start", "Stop"),
        }
    ),
    "Gather": frozenset({"Say", "Play", "Pause"}),
    "Dial": frozenset({"Number", "Sip", "Client", "Queue"}),
    "Connect": frozenset({"ConversationRelay", "Stream"}),
    "ConversationRelay": frozenset({"Language", "Parameter"}),
    "Start": frozenset({"Recording", "Stream"}),
    "Stop": frozenset({"Recording", "Stream"}),
    "Stream": frozenset({"Parameter"}),
}
# Their text may have marks of speech in it (SSML).
_SPOKEN = frozenset({"Say"})


class Unreadable(Exception):
    """Twilio can't run it: the code of its error, and what is wrong."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code, self.words = code, words


@dataclass(frozen=True)
class Verb:
    """An element: what it is called, its attributes, its text, and what stands in it."""

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    inside: Sequence[Verb] = ()

    def get(self, name: str, otherwise: str = "") -> str:
        """An attribute."""
        return self.attributes.get(name, otherwise)

    def whole(self, name: str, otherwise: int) -> int:
        """An attribute that is a whole number; what stands for none of it where it is none."""
        value = self.attributes.get(name, "")
        return int(value) if value.isascii() and value.isdigit() and len(value) < 8 else otherwise

    def is_on(self, name: str, *, otherwise: bool) -> bool:
        """An attribute that is true or false."""
        return {"true": True, "false": False}.get(self.attributes.get(name, "").lower(), otherwise)


@dataclass(frozen=True)
class Document:
    """What is run, in order, and what Twilio would warn of."""

    verbs: Sequence[Verb]
    warnings: Sequence[str] = ()


def read(body: str, content_type: str = "text/xml") -> Document:
    """A document of ours; `Unreadable` where Twilio would end the call."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in TYPES:
        raise Unreadable(NO_XML, f"The answer is {kind or 'of no type'}, and has to be text/xml.")
    try:
        root = fromstring(body)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise Unreadable(UNREADABLE, f"The answer is no XML that can be read: {error}.") from None
    if root.tag != "Response":
        raise Unreadable(UNREADABLE, f"The answer begins with <{root.tag}> and not with <Response>.")
    warnings: list[str] = []
    return Document(_read_inside(root, warnings), warnings)


def _read_inside(element: Element, warnings: list[str]) -> list[Verb]:
    known = INSIDE.get(element.tag, frozenset())
    found = []
    for child in element:
        if child.tag not in known:
            warnings.append(f"{UNKNOWN}: <{child.tag}> is nothing that stands in <{element.tag}>; it is passed over.")
            continue
        if strange := sorted(set(child.attrib) - ATTRIBUTES[child.tag]):
            warnings.append(f"{UNKNOWN}: <{child.tag}> has no {', '.join(strange)}.")
        is_spoken = child.tag in _SPOKEN
        text = "".join(child.itertext()) if is_spoken else (child.text or "")
        if is_spoken and len(text) > LONGEST_SAY:
            warnings.append(f"{UNKNOWN}: <Say> has more than {LONGEST_SAY} characters; it is cut.")
            text = text[:LONGEST_SAY]
        inside = [] if is_spoken else _read_inside(child, warnings)
        found.append(Verb(child.tag, dict(child.attrib), " ".join(text.split()), inside))
    return found
