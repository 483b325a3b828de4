"""The units of work that views and consumers share."""

import hashlib
import secrets

from django.db import connection, transaction

from tests.bench.toy.models import Message, Session, Token


def find_token(header: str) -> Token:
    """The caller's token, or Token.DoesNotExist."""
    return Token.objects.get(key_hash=hashlib.sha256(header.rsplit(" ", 1)[-1].encode()).hexdigest())


def _set_tenant(tenant_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.tenant', %s, true)", [str(tenant_id)])


def start_session(token: Token) -> Session:
    """One row behind the wall."""
    with transaction.atomic():
        _set_tenant(token.tenant_id)
        return Session.objects.create(tenant_id=token.tenant_id, token_id=token.pk, public_id=secrets.token_urlsafe(24))


def turn(text: str) -> int:
    """What a persisted turn cannot avoid: tenant wall, visitor's message and answer, in one transaction."""
    with transaction.atomic():
        _set_tenant(1)
        Message.objects.create(tenant_id=1, session_id=1, role="user", text=text)
        return int(Message.objects.create(tenant_id=1, session_id=1, role="bot", text=text).pk)
