"""What a caller offers by SDP, and our answer: G.711 in the clear, keys by RFC 4733. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from aiosipua.message import SipRequest
from aiosipua.sdp import Codec, SdpMessage, negotiate_sdp, parse_sdp
from aiosipua.sdp_negotiate import SdpNegotiationError

from channels_app.voice.sip.sound import PCMA, PCMU

# Where an offer has no telephone events, none come: a type that no packet can have (0 would be mu-law's).
NO_KEYS = 128
_NOWHERE = "0.0.0.0"  # noqa: S104 (RFC 2543's way to put a call on hold)


class NotAcceptable(Exception):
    """The offer has nothing that we speak; the text says for the connection's owner what is missing."""


@dataclass(frozen=True)
class Offer:
    """Where their sound is, what it is, and whether they put us on hold."""

    sdp: SdpMessage
    remote: tuple[str, int]
    payload_type: int
    keys: int
    is_held: bool


def read(request: SipRequest, codecs: Sequence[int] = (PCMU, PCMA)) -> Offer:
    """The offer of an INVITE; `codecs` are the payload types that may be chosen. `NotAcceptable`."""
    if not request.body or (request.content_type or "").lower().split(";")[0].strip() != "application/sdp":
        raise NotAcceptable("The INVITE has no SDP. Have your side offer its sound in the INVITE (no late offer).")
    try:
        sdp = parse_sdp(request.text)
        _, payload_type = negotiate_sdp(sdp, _NOWHERE, 0, supported_codecs=list(codecs))
    except SdpNegotiationError as error:
        raise NotAcceptable("The call offers no G.711: allow PCMU or PCMA on your side.") from error
    except Exception as error:
        raise NotAcceptable("The SDP of the INVITE can't be read.") from error
    audio = sdp.audio
    assert audio is not None  # noqa: S101 (negotiated)
    if audio.proto.upper() != "RTP/AVP":
        raise NotAcceptable(f"The call offers {audio.proto[:40]}: only RTP/AVP is spoken here, without SRTP.")
    host, port = sdp.rtp_address or ("", 0)
    try:
        is_ip4 = ipaddress.ip_address(host).version == 4
    except ValueError:
        is_ip4 = False
    if not is_ip4 or not 0 <= port < 65536:
        raise NotAcceptable("The SDP has no IPv4 address and port for the sound.")
    where = ipaddress.ip_address(host)
    if host != _NOWHERE and (where.is_multicast or where.is_reserved or where.is_unspecified):
        # All of a network would get the call, or nobody.
        raise NotAcceptable(f"The SDP has {host} for the sound, which is no single host's address.")
    keys = next((one.payload_type for one in audio.codecs if _is_keys(one, payload_type)), NO_KEYS)
    is_held = host == _NOWHERE or audio.direction in {"sendonly", "inactive"}
    return Offer(sdp, (host, port), payload_type, keys, is_held)


def _is_keys(codec: Codec, sound: int) -> bool:
    return codec.encoding_name.lower() == "telephone-event" and codec.payload_type != sound


def answer(offer: Offer, host: str, port: int, session: str, version: int) -> SdpMessage:
    """Ours: `session` is the same for the whole call, `version` rises with each answer (RFC 3264 8)."""
    made, _ = negotiate_sdp(
        offer.sdp,
        host,
        port,
        supported_codecs=[offer.payload_type],
        # (To the library 0 is none.)
        dtmf_payload_type=0 if offer.keys == NO_KEYS else offer.keys,
        session_id=session,
    )
    assert made.origin is not None  # noqa: S101 (the library always writes it)
    made.origin.session_version = str(version)
    return made
