"""Addresses that customers give us to call."""

from __future__ import annotations

from django import forms
from django.conf import settings

from convoship.lib.outbound import OutboundError, checked
from convoship.lib.outbound.addresses import PORTS, is_disguised, is_public, literal


def endpoint(url: str) -> str:
    """A customer's address in normal form; `ValidationError` with words where it can't be called."""
    try:
        target = checked(url.strip())
    except OutboundError as error:
        raise forms.ValidationError(error.words) from None
    port = target.port or (443 if target.scheme == "https" else 80)
    is_opened = settings.OUTBOUND_ALLOW_PRIVATE or (target.host, port) in settings.OUTBOUND_ALLOWLIST
    if is_opened:
        return str(target)
    if target.scheme != "https":
        raise forms.ValidationError("Only https addresses are called, so that nobody on the way can read along.")
    if port not in PORTS:
        known = ", ".join(map(str, sorted(PORTS)))
        raise forms.ValidationError(f"Port {port} can't be called: only {known}.")
    own = literal(target.host.strip("[]"))
    if is_disguised(target.host) or (own is not None and not is_public(own)):
        raise forms.ValidationError("This address is inside a private network, which can't be called from here.")
    return str(target)
