"""The dialects that a voice gateway's `dialect` names: how each is made, what it is called, and what it asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from channels_app.voice.media.asterisk_wire import AsteriskWire
from channels_app.voice.media.events import Dialect
from channels_app.voice.media.jambonz_wire import JambonzWire
from channels_app.voice.media.telnyx_wire import TelnyxWire
from channels_app.voice.media.twilio_wire import TwilioWire

# The parameter's name, in a start's parameters and in the address alike.
TICKET = "ticket"


class TicketPlace(StrEnum):
    """Where a dialect's ticket may stand."""

    PARAMETERS = "parameters"  # `Started.parameters`
    ADDRESS = "address"  # `?ticket=` of the socket


@dataclass(frozen=True)
class DialectKind:
    """One of them.

    `words` and `needs` are for pages, without a full stop. `ends_by_closing`: whether the call ends where we close the
    socket; `hangs_up`: whether there is a word for it. Where neither, who made the call has to end it. `tells_call`:
    `Started.call` is the `call_id` that the ticket was asked for with; where not, the ticket alone says which it is.
    """

    name: str
    label: str
    # None: its calls come by other ways than a socket (`channels_app.voice.sip`).
    make: Callable[[], Dialect] | None
    ticket_places: tuple[TicketPlace, ...]
    words: str
    needs: str
    hangs_up: bool = False
    ends_by_closing: bool = False
    tells_call: bool = True
    # Written by the vendor's pages, and not yet run against the real thing.
    is_by_documentation: bool = True

    @property
    def has_socket(self) -> bool:
        """Whether its calls' sound comes over a socket at `/stream`, with a ticket."""
        return self.make is not None


DEFAULT = "media_streams"
SIP = "sip"

DIALECTS: Mapping[str, DialectKind] = {
    kind.name: kind
    for kind in (
        DialectKind(
            name=DEFAULT,
            label="Media Streams (Twilio's frames; also SignalWire)",
            make=TwilioWire,
            ticket_places=(TicketPlace.PARAMETERS,),
            words="the ticket in start.customParameters.ticket",
            needs="mu-law at 8000 Hz, as JSON with base64",
            is_by_documentation=False,
        ),
        DialectKind(
            name="telnyx",
            label="Telnyx",
            make=TelnyxWire,
            ticket_places=(TicketPlace.PARAMETERS, TicketPlace.ADDRESS),
            words="the ticket in custom_parameters, or as ?ticket= of stream_url",
            needs="stream_track inbound_track, stream_bidirectional_mode rtp, both codecs PCMU",
        ),
        DialectKind(
            name="asterisk",
            label="Asterisk (chan_websocket)",
            make=AsteriskWire,
            ticket_places=(TicketPlace.ADDRESS,),
            words="the ticket as ?ticket= of the address: v(ticket=...) in the dialplan",
            needs="Asterisk 20.16, 22.6 or 23 at least, the codec ulaw",
            hangs_up=True,
            ends_by_closing=True,
            tells_call=False,
        ),
        DialectKind(
            name="jambonz",
            label="jambonz (listen)",
            make=JambonzWire,
            ticket_places=(TicketPlace.PARAMETERS, TicketPlace.ADDRESS),
            words="the ticket in metadata of the verb listen, or as ?ticket= of its url",
            needs="bidirectionalAudio.streaming, sampleRate 8000 both ways, passDtmf, and hangup behind listen",
            hangs_up=True,
        ),
        DialectKind(
            name=SIP,
            label="SIP (experimental)",
            make=None,
            ticket_places=(),
            words="no ticket: who calls is known by a password, or by their address",
            needs="the SIP edge on this server, G.711 and RFC 4733 over UDP; no TLS and no SRTP",
            hangs_up=True,
            ends_by_closing=True,
            tells_call=False,
            is_by_documentation=False,
        ),
    )
}

# Why there is no socket, and no ticket, where the dialect has none.
NO_SOCKET = "This connection's calls come by SIP, which has no socket and no ticket."

# For forms: name and label.
CHOICES = [(kind.name, kind.label) for kind in DIALECTS.values()]


def new(name: str) -> Dialect:
    """One socket's; raises `ValueError` for a name that is none."""
    kind = DIALECTS.get(name)
    if kind is None or kind.make is None:
        known = ", ".join(one.name for one in DIALECTS.values() if one.has_socket)
        raise ValueError(f"There is no dialect {name[:40]!r} of sockets. There are: {known}.")
    return kind.make()
