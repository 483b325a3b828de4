"""A provider's webhook: signature, tenant, dedupe and an outbox row in one transaction; 204 after COMMIT."""

import hashlib
import hmac
import json

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from tests.bench.toy import work

SECRET = b"provider-secret"


@csrf_exempt
def webhook(request: HttpRequest) -> HttpResponse:
    """One request of the provider's."""
    body = request.body
    wanted = hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(wanted, request.headers.get("X-Sig", "")):
        return HttpResponse(status=403)
    told = json.loads(body)
    with transaction.atomic():
        work.keep_webhook(told["id"], body.decode(), told["text"])
    return HttpResponse(status=204)
