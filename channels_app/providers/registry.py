"""The kinds of connections there are, in the order of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping

from channels_app.providers.base import Provider
from channels_app.providers.custom_webhook import CustomWebhook
from channels_app.providers.genesys.provider import Genesys
from channels_app.providers.servicenow.provider import Servicenow
from channels_app.providers.twilio.sms import TwilioSms
from channels_app.providers.twilio.voice import TwilioVoice
from channels_app.providers.twilio.whatsapp import TwilioWhatsapp
from channels_app.providers.voice_gateway import VoiceGateway
from channels_app.providers.zendesk.provider import Zendesk

PROVIDERS: Mapping[str, type[Provider]] = {
    one.kind: one
    for one in (TwilioWhatsapp, TwilioSms, TwilioVoice, VoiceGateway, Zendesk, Genesys, Servicenow, CustomWebhook)
}
