"""Who stands in for which kind of connection."""

from __future__ import annotations

from collections.abc import Mapping

from channels_app.rehearsal.base import StandIn
from channels_app.rehearsal.custom_webhook import Bridge
from channels_app.rehearsal.genesys.desk import GenesysDesk
from channels_app.rehearsal.servicenow.desk import ServicenowDesk
from channels_app.rehearsal.twilio_sms import Phone
from channels_app.rehearsal.twilio_voice import Telephone
from channels_app.rehearsal.twilio_whatsapp import WhatsappPhone
from channels_app.rehearsal.voice_gateway import Gateway
from channels_app.rehearsal.zendesk.desk import ZendeskDesk

STAND_INS: Mapping[str, type[StandIn]] = {
    one.kind: one
    for one in (Phone, WhatsappPhone, Telephone, Gateway, ZendeskDesk, GenesysDesk, ServicenowDesk, Bridge)
}
# What a demo workspace rehearses.
FIRST = next(iter(STAND_INS))
