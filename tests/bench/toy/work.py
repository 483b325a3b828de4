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


def keep_webhook(provider_id: str, body: str, text: str) -> None:
    """An event that came in, once, and what is to be done about it."""
    _set_tenant(1)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO webhook (tenant_id, provider_id, body) VALUES (1, %s, %s) ON CONFLICT DO NOTHING RETURNING id",
            [provider_id, body],
        )
        if cursor.fetchone():
            cursor.execute("INSERT INTO outbox (tenant_id, payload) VALUES (1, %s)", [text])


def claim_one(row: int) -> str | None:
    """What to send for this row, unless somebody else has it."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE outbox SET state = 'busy' WHERE id = %s AND state = 'new' RETURNING payload", [row])
        found = cursor.fetchone()
        return str(found[0]) if found else None


def claim(size: int) -> list[tuple[int, str]]:
    """The next rows to send."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE outbox SET state = 'busy' WHERE id IN (SELECT id FROM outbox WHERE state = 'new' ORDER BY id"
            " LIMIT %s FOR UPDATE SKIP LOCKED) RETURNING id, payload",
            [size],
        )
        return list(cursor.fetchall())


def mark_sent(rows: list[int]) -> None:
    """These were taken."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE outbox SET state = 'sent', sent_at = now() WHERE id = ANY(%s)", [rows])
