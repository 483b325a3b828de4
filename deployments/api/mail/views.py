"""`/v1/public/mail/<provider>/tracking`: where the configured mail provider says what became of mails.

django-anymail reads each provider's events, and checks its signature or the secret in the webhook's address. Its views
are used for their parts alone, so that what isn't genuine, or can't be read, is answered as everything else here.
"""

from __future__ import annotations

import logging
import warnings
from importlib import import_module
from typing import Any

from anymail.exceptions import AnymailConfigurationError, AnymailNotSupportedWarning, AnymailWebhookValidationFailure
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from convoship.lib.problems import Problem, as_json_response
from deployments import mail_events
from deployments.mail_events import MailEvent

logger = logging.getLogger(__name__)

# The name in the address, and of anymail's view in `anymail.webhooks.<name>`.
PROVIDERS = {
    "postmark": "PostmarkTrackingWebhookView",
    "mailgun": "MailgunTrackingWebhookView",
    "sendgrid": "SendGridTrackingWebhookView",
    "brevo": "BrevoTrackingWebhookView",
    "resend": "ResendTrackingWebhookView",
}


@csrf_exempt
@require_http_methods(["POST", "HEAD"])
def tracking(request: HttpRequest, provider: str) -> HttpResponse:
    """Take the events of the configured provider; there is nothing at any other's address."""
    if provider not in PROVIDERS or provider != settings.EMAIL_TRACKING:
        raise Http404
    if request.method == "HEAD":
        # Some ask whether anybody is there when the address is typed in.
        return HttpResponse()
    try:
        for event in _events(_reader(provider), request):
            mail_events.take(event)
    except Problem as problem:
        return as_json_response(problem)
    return HttpResponse()


def _reader(provider: str) -> Any:
    with warnings.catch_warnings():
        # It asks for somebody to look after its SendGrid part, which is tested here.
        warnings.simplefilter("ignore", AnymailNotSupportedWarning)
        view = getattr(import_module(f"anymail.webhooks.{provider}"), PROVIDERS[provider])
        # As `as_view` does: it sets up what a provider's own settings need on the class.
        view.as_view()
        return view()


def _events(reader: Any, request: HttpRequest) -> list[MailEvent]:
    """What genuine events say; 403 for others, 400 for what can't be read."""
    try:
        reader.run_validators(request)
    except AnymailWebhookValidationFailure:
        raise Problem("signature_invalid", "The signature or the secret of this event is wrong.") from None
    except (ValueError, TypeError, AttributeError):
        raise Problem("signature_invalid", "The signature of this event can't be read.") from None
    try:
        found = reader.parse_events(request)
        return [_event(event) for event in found]
    except (ValueError, KeyError, TypeError, AttributeError, AnymailConfigurationError) as error:
        logger.warning("events of a mail provider could not be read: %r", error)
        raise Problem("invalid", "These events can't be read.") from None


def _event(event: Any) -> MailEvent:
    metadata = event.metadata if isinstance(event.metadata, dict) else {}
    said = event.mta_response or event.description or ""
    return MailEvent(
        str(event.event_type), str(event.recipient or ""), str(event.message_id or ""), metadata, str(said)
    )
