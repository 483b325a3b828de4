"""Recording a call once its caller agreed: asked by voice, answered by a key or a word, kept as a line of its story.

Who declines, or says nothing twice, goes on unrecorded. What was asked, what was said and when stays with the call.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from uuid import UUID

from django.http import HttpResponse
from twilio.twiml.voice_response import VoiceResponse

from channels_app.models import Call
from channels_app.models.call import RecordingKind, StepKind
from channels_app.providers.base import Provider, ProviderError
from channels_app.providers.twilio import recordings, twiml
from channels_app.providers.twilio.voice_config import VoiceConfig
from channels_app.voice import record, voicemail
from channels_app.voice.asked import Asked
from channels_app.voice.words import say
from convoship.lib.tenancy import in_tenant

logger = logging.getLogger(__name__)

YES_KEY, NO_KEY = "1", "2"
_YES = frozenset(
    {*("yes", "yeah", "yep", "sure", "ok", "okay", "agree", "agreed", "fine"), *("ja", "jawohl", "gern", "gerne")}
    | {"einverstanden"}
)
_NO = frozenset({"no", "nope", "not", "don't", "dont", "never", "decline", "nein", "nicht", "kein", "keine"})
MOST_ASKED = 2
# The caller hears nothing while this is waited for.
LONGEST_SECONDS = 4.0
_WORD = re.compile(r"[\w']+")
_HINTS = {"de": "ja, nein, einverstanden", "en": "yes, no, I agree"}


def is_due(call: Call, config: VoiceConfig) -> bool:
    """Whether the caller of a held call has still to be asked."""
    answers = call.steps.filter(kind=StepKind.RECORDING, data__has_key="consent")
    return config.records and call.goes_on and not answers.exists()


def ask(asked: Asked, call: Call, *, again: bool = False) -> VoiceResponse:
    """Whether they may be recorded: what they press or say is posted to `/consent`. The call is held."""
    record.answered(call)
    response, config, language = VoiceResponse(), asked.config, call.language or asked.config.language
    action = asked.url("consent", asked=2 if again else 1)
    gather = response.gather(
        input="speech dtmf",
        action=action,
        method="POST",
        num_digits=1,
        timeout=config.silence_seconds,
        speech_timeout="auto",
        language=language,
        hints=_HINTS.get(language.partition("-")[0].lower(), _HINTS["en"]),
        action_on_empty_result=True,
    )
    twiml.said(gather, words_of(config, language), config, language)
    response.redirect(action, method="POST")
    return response


def asked_first(asked: Asked, call_id: UUID) -> str | None:
    """What asks the caller of a call that begins; None where they need not be asked (any more). Inside `tenant()`."""
    call = record.lock(call_id)
    return str(ask(asked, call)) if is_due(call, asked.config) else None


async def part(asked: Asked) -> HttpResponse:
    """What they said to it; then the call begins."""
    response, begins = await in_tenant(_heard)(asked.workspace_id, asked)
    if begins is not None:
        await begin(asked.workspace_id, begins, asked.sid, asked.provider)
    return twiml.answered(response)


def _heard(asked: Asked) -> tuple[str, UUID | None]:
    """What is done next, and the call that is to be recorded now."""
    response, call = VoiceResponse(), record.find(asked.connection_id, asked.sid)
    agreed = False
    if call is not None:
        call, asks_again, agreed = answered(
            call.id, asked.form, asked.config, is_last=asked.number("asked") >= MOST_ASKED
        )
        if asks_again:
            return str(ask(asked, call, again=True)), None
    response.redirect(asked.url(), method="POST")
    return str(response), call.id if call is not None and agreed else None


def words_of(config: VoiceConfig, language: str) -> str:
    """What is asked."""
    return config.consent_words or say("consent", language)


def read(form: Mapping[str, str]) -> bool | None:
    """Whether they agreed; None: that can't be told. A no anywhere counts."""
    digits = form.get("Digits", "")
    if digits:
        return {YES_KEY: True, NO_KEY: False}.get(digits)
    words = set(_WORD.findall(form.get("SpeechResult", "").casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")))
    if words & _NO:
        return False
    return True if words & _YES else None


def answered(call_id: UUID, form: Mapping[str, str], config: VoiceConfig, *, is_last: bool) -> tuple[Call, bool, bool]:
    """Keep what they said to it: the call, whether to ask once more, and whether to record. In a transaction.

    The same answer again changes nothing, and records nothing twice.
    """
    call = record.lock(call_id)
    if not is_due(call, config):
        return call, False, False
    agreed = read(form)
    if agreed is None and not is_last:
        return call, True, False
    _keep(call, form, words_of(config, call.language or config.language), agreed)
    return call, False, bool(agreed)


def _keep(call: Call, form: Mapping[str, str], asked: str, agreed: bool | None) -> None:
    digits, said = form.get("Digits", "")[:8], form.get("SpeechResult", "").strip()[:200]
    how = f"by key {digits}" if digits else f"with the words “{said}”" if said else ""
    if agreed:
        words = f"They agreed to be recorded, {how}."
    elif agreed is False:
        words = f"They declined to be recorded, {how}. The call goes on without."
    elif how:
        words = f"They were asked twice and answered {how}, which is no yes. The call goes on without a recording."
    else:
        words = "They were asked twice and said nothing. The call goes on without a recording."
    state = {True: "given", False: "declined", None: "none"}[agreed]
    evidence = {"consent": state, "asked": asked[:1000], "keys": digits, "said": said}
    record.note(call, StepKind.RECORDING, words, **evidence)


async def begin(workspace_id: UUID, call_id: UUID, sid: str, provider: Provider) -> None:
    """Have the provider record a call whose caller agreed, outside of any transaction. A failure stands on the call."""
    callback = f"{provider.account.inbound_url}/recording"
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            recording = await provider.start_recording(sid, callback)
    except TimeoutError:
        late = ProviderError("Twilio did not say in time whether it records.", "Look for it in Twilio's console.")
        await in_tenant(_failed)(workspace_id, call_id, late)
        return
    except ProviderError as error:
        await in_tenant(_failed)(workspace_id, call_id, error)
        return
    await in_tenant(_begun)(workspace_id, call_id, recording)


def _begun(call_id: UUID, recording: str) -> None:
    call = record.lock(call_id)
    if not recordings.is_sid(recording):
        logger.warning("a provider's answer to a recording names none")
        words, remedy = "Twilio's answer names no recording.", "Look for it in Twilio's console."
        record.note(call, StepKind.RECORDING, words, remedy)
        return
    row, is_new = voicemail.kept_row(call, recording, RecordingKind.RECORDING)
    if is_new:
        # While the call goes on there is nothing to be fetched; without a report it is asked for once it must be over.
        row.due_at = call.ends_by + voicemail.REPORT_WITHIN
        row.save(update_fields=["due_at"])
    record.note(call, StepKind.RECORDING, "The recording has begun.", recording=recording)


def _failed(call_id: UUID, error: ProviderError) -> None:
    call = record.lock(call_id)
    words = f"The call is not recorded, though they agreed: {error.words}"
    record.note(call, StepKind.ERROR, words, error.remedy)
