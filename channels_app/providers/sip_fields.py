"""Who may call a connection by SIP, as fields of its form (`channels_app.voice.sip`)."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from django import forms

from channels_app.voice.media import dialects

ALLOWED, MOST, SIP_PASSWORD = "sip_allowed_ips", "sip_most_calls", "sip_password"
SIP_FIELDS = (SIP_PASSWORD, ALLOWED, MOST)
MOST_CALLS = 20

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks(text: str) -> list[Network]:
    """The addresses and networks of a list with commas, spaces or lines between; `ValueError` names the first bad one.

    An address is the network of itself alone.
    """
    found: list[Network] = []
    for word in re.split(r"[,;\s]+", text.strip()):
        if not word:
            continue
        try:
            found.append(ipaddress.ip_network(word, strict=False))
        except ValueError:
            raise ValueError(word) from None
    return found


class SipFields(forms.Form):
    """The fields, for forms of connections whose `dialect` may be “sip”."""

    sip_password = forms.CharField(
        label="Password of SIP calls",
        max_length=100,
        required=False,
        help_text="Whoever calls signs in with it (digest); the user is this connection's id. SIP itself is not "
        "encrypted here (no TLS, no SRTP): put a session border controller in front where calls cross the internet.",
    )
    sip_allowed_ips = forms.CharField(
        label="Addresses that may call",
        max_length=2000,
        required=False,
        help_text="Of your trunk or telephone system: IP addresses and networks such as 192.0.2.0/24, with commas "
        "between. Calls from others are refused. Left empty, the password alone decides.",
    )
    sip_most_calls = forms.IntegerField(
        label="Most calls at once by SIP",
        min_value=1,
        max_value=1000,
        required=False,
        help_text=f"Further ones hear that it is busy. Left empty, {MOST_CALLS}.",
    )

    def clean_sip_allowed_ips(self) -> str:
        """Each is an address or a network; kept with a comma between."""
        try:
            return ", ".join(_written(one) for one in networks(self.cleaned_data[ALLOWED]))
        except ValueError as wrong:
            words = f"“{str(wrong)[:60]}” is neither an IP address nor a network such as 192.0.2.0/24."
            raise forms.ValidationError(words) from None

    def check_sip(self, cleaned: dict[str, Any]) -> None:
        """By SIP one of both is needed, or anybody could call."""
        is_sip = cleaned.get("mode") == "stream" and cleaned.get("dialect") == dialects.SIP
        if is_sip and not cleaned.get(SIP_PASSWORD) and not cleaned.get(ALLOWED) and ALLOWED not in self.errors:
            words = (
                "Choose the secret with the password, or say which addresses may call: without either anybody could."
            )
            self.add_error(SIP_PASSWORD, words)


def _written(network: Network) -> str:
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)
