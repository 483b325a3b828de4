"""Addresses that customers give us to call."""

from __future__ import annotations

from django import forms
from django.conf import settings

from convoship.lib.outbound import OutboundError, checked


def endpoint(url: str) -> str:
    """A customer's address in normal form; `ValidationError` with words where it can't be called."""
    try:
        target = checked(url.strip())
    except OutboundError as error:
        raise forms.ValidationError(error.words) from None
    port = target.port or (443 if target.scheme == "https" else 80)
    is_opened = settings.OUTBOUND_ALLOW_PRIVATE or (target.host, port) in settings.OUTBOUND_ALLOWLIST
    if target.scheme != "https" and not is_opened:
        raise forms.ValidationError("Only https addresses are called, so that nobody on the way can read along.")
    return str(target)
