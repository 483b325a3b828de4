"""What is found before the tenant is known: ids by token digest, and work that is due.

Each asks one SECURITY DEFINER function (migration `0002_wall`), the only ways through row-level security.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from convoship.lib import statements


@dataclass(frozen=True)
class TokenOwner:
    """Whose a deployment token is."""

    workspace_id: UUID
    deployment_id: UUID
    token_id: UUID


@dataclass(frozen=True)
class PreviewOwner:
    """Whose a preview token is, and the conversation that it continues, if it does."""

    workspace_id: UUID
    deployment_id: UUID
    token_id: UUID
    conversation_id: UUID | None = None


@dataclass(frozen=True)
class SessionOwner:
    """Whose a session token is."""

    workspace_id: UUID
    session_id: UUID
    deployment_id: UUID
    conversation_id: UUID


@dataclass(frozen=True)
class DueWork:
    """One thing the sweeper should do, and the row's id.

    `turn`, `handoff`, `idle`, `silent` or `wake`.
    """

    kind: str
    workspace_id: UUID
    id: UUID


@dataclass(frozen=True)
class SessionPulse:
    """What a socket must know of its session, whatever events were lost."""

    session_id: UUID
    head_seq: int
    rev: int
    status: str
    control: str
    access_rev: int


def resolve_token(digest: bytes) -> TokenOwner | None:
    """The deployment of a `cdp_` digest."""
    row = _one("SELECT workspace_id, deployment_id, token_id FROM resolve_token(%s)", [digest])
    return TokenOwner(*row) if row else None


def resolve_preview(digest: bytes) -> PreviewOwner | None:
    """The deployment of a `cpt_` digest that begins tests, while the preview lasts."""
    row = _one("SELECT workspace_id, deployment_id, token_id FROM resolve_preview(%s)", [digest])
    return PreviewOwner(*row) if row else None


def resolve_continuation(digest: bytes) -> PreviewOwner | None:
    """The conversation that a `cpt_` digest continues, while it lasts."""
    sql = "SELECT workspace_id, deployment_id, token_id, conversation_id FROM resolve_continuation(%s)"
    row = _one(sql, [digest])
    return PreviewOwner(*row) if row else None


def resolve_session(digest: bytes) -> SessionOwner | None:
    """The session of a `cst_` digest."""
    row = _one("SELECT workspace_id, session_id, deployment_id, conversation_id FROM resolve_session(%s)", [digest])
    return SessionOwner(*row) if row else None


def resolve_callback(digest: bytes) -> tuple[UUID, UUID] | None:
    """(workspace, callback) of the digest of a webhook's callback."""
    row = _one("SELECT workspace_id, id FROM resolve_callback(%s)", [digest])
    return (row[0], row[1]) if row else None


def due_callbacks(limit: int) -> list[UUID]:
    """The workspaces of the callbacks that ended longest ago, of those that ended an hour ago or more."""
    with statements.cursor() as cursor:
        cursor.execute("SELECT workspace_id FROM due_callbacks(%s)", [limit])
        return [row[0] for row in cursor.fetchall()]


def locate_session(session_id: UUID) -> tuple[UUID, UUID] | None:
    """The workspace and deployment of a session, for the origin check of a handshake that carries no token yet."""
    row = _one("SELECT workspace_id, deployment_id FROM locate_session(%s)", [session_id])
    return (row[0], row[1]) if row else None


def due_work(limit: int) -> list[DueWork]:
    """Work that is due in any workspace, the oldest first."""
    with statements.cursor() as cursor:
        cursor.execute("SELECT kind, workspace_id, id FROM due_steps(%s)", [limit])
        return [DueWork(*row) for row in cursor.fetchall()]


def due_answers(limit: int) -> list[tuple[UUID, UUID]]:
    """(workspace, conversation) of turns that nobody has begun, or whose process died, the oldest first."""
    with statements.cursor() as cursor:
        cursor.execute("SELECT workspace_id, id FROM due_answers(%s)", [limit])
        return [(row[0], row[1]) for row in cursor.fetchall()]


def due_files(limit: int) -> list[tuple[UUID, UUID]]:
    """(workspace, file) of those that no message took within two hours, the oldest first."""
    with statements.cursor() as cursor:
        cursor.execute("SELECT workspace_id, id FROM due_files(%s)", [limit])
        return [(row[0], row[1]) for row in cursor.fetchall()]


def due_member_mails(limit: int) -> list[tuple[UUID, UUID]]:
    """(workspace, conversation) of those whose members have yet to be called, who waits longest first."""
    with statements.cursor() as cursor:
        cursor.execute("SELECT workspace_id, id FROM due_member_mails(%s)", [limit])
        return [(row[0], row[1]) for row in cursor.fetchall()]


def due_budget_notices(limit: int) -> list[tuple[UUID, UUID]]:
    """(workspace, notice) of budgets whose owners are to be told, the oldest first."""
    with statements.cursor() as cursor:
        cursor.execute("SELECT workspace_id, id FROM due_budget_notices(%s)", [limit])
        return [(row[0], row[1]) for row in cursor.fetchall()]


def due_mentions(limit: int) -> list[tuple[UUID, UUID]]:
    """(workspace, mention) of those whose mail has yet to leave, the longest due first."""
    with statements.cursor() as cursor:
        cursor.execute("SELECT workspace_id, id FROM due_mentions(%s)", [limit])
        return [(row[0], row[1]) for row in cursor.fetchall()]


def due_reply_mails(limit: int) -> list[tuple[UUID, UUID]]:
    """(workspace, reply mail) of those that are to be sent now, the longest due first."""
    with statements.cursor() as cursor:
        cursor.execute("SELECT workspace_id, id FROM due_reply_mails(%s)", [limit])
        return [(row[0], row[1]) for row in cursor.fetchall()]


def due_erasures(limit: int) -> list[tuple[UUID, UUID]]:
    """(workspace, person) of those who are being erased, the earliest first."""
    with statements.cursor() as cursor:
        cursor.execute("SELECT workspace_id, id FROM due_erasures(%s)", [limit])
        return [(row[0], row[1]) for row in cursor.fetchall()]


def due_knowledge(limit: int) -> list[tuple[UUID, UUID]]:
    """(workspace, source of knowledge) of those that are to be read now.

    First the longest due of each workspace, that of the workspace first which was served longest ago; then the seconds.
    """
    with statements.cursor() as cursor:
        cursor.execute("SELECT workspace_id, id FROM due_knowledge(%s)", [limit])
        return [(row[0], row[1]) for row in cursor.fetchall()]


def due_embeddings(limit: int) -> list[tuple[UUID, UUID]]:
    """(workspace, endpoint of embeddings) of those that have passages to be sent, the longest due first."""
    with statements.cursor() as cursor:
        cursor.execute("SELECT workspace_id, id FROM due_embeddings(%s)", [limit])
        return [(row[0], row[1]) for row in cursor.fetchall()]


def locate_reply_mail(mail_id: UUID) -> UUID | None:
    """The workspace of a reply mail, for its link and for what a mail provider says of it."""
    row = _one("SELECT workspace_id FROM locate_reply_mail(%s)", [mail_id])
    return row[0] if row else None


def pulse(session_ids: list[UUID]) -> dict[UUID, SessionPulse]:
    """The state of these sessions; one that is gone is missing. `access_rev` changes with what may let it in."""
    with statements.cursor() as cursor:
        cursor.execute("SELECT session_id, head_seq, rev, status, control, access_rev FROM pulse(%s)", [session_ids])
        return {row[0]: SessionPulse(*row) for row in cursor.fetchall()}


def _one(sql: str, parameters: list[bytes] | list[UUID]) -> tuple[UUID, ...] | None:
    with statements.cursor() as cursor:
        cursor.execute(sql, parameters)
        row: tuple[UUID, ...] | None = cursor.fetchone()
        return row
