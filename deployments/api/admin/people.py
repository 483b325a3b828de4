"""People: found, read, corrected, merged and parted, blocked, exported, erased."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from convoship.lib.problems import invalid
from convoship.lib.times import maybe_moment, moment
from deployments import blocking, erasing, merging, person_changes, person_export, person_holders, person_list
from deployments.api.admin import schema_people
from deployments.downloads import download
from deployments.models import Conversation, Identity, Person, PersonMerge
from deployments.models.conversation import Channel
from deployments.person_words import known_by
from workspaces.api import queries
from workspaces.api.base import WorkspaceView
from workspaces.api.bodies import Body
from workspaces.api.ids import parsed_id
from workspaces.api.pages import PARAMETERS, Order, page
from workspaces.api.replays import Answer, idempotent

ORDER = Order("created_at")

_CHANGES = Body(schema_people.CHANGES)
_MERGE = Body(schema_people.MERGE)
_BLOCK = Body(schema_people.BLOCK)
_EXPORT = Body(schema_people.EXPORT)


def person_json(person: Person, identities: Sequence[Identity], seen_at: Any) -> dict[str, Any]:
    """A person, without what takes questions of its own."""
    shown = person_holders.addresses_of(identities)
    return {
        "id": str(person.id),
        "label": person.label,
        "name": person.name,
        "email": person.email,
        "known_by": {
            name: person.known_by.get(name, "themselves") if getattr(person, name) else None
            for name in ("name", "email")
        },
        "external_id": person.external_id,
        "verified_at": maybe_moment(person.verified_at),
        "identities": [
            {
                "kind": row.kind,
                "value": shown[row.id].value,
                "at": shown[row.id].name,
                "known_by": known_by(row),
                "since": moment(row.created_at),
            }
            for row in identities
        ],
        "fields": person.fields,
        "state": person.state,
        "blocked_at": maybe_moment(person.blocked_at),
        "blocked_reason": person.blocked_reason,
        "last_seen_at": maybe_moment(seen_at),
        "created_at": moment(person.created_at),
    }


def one_json(person: Person) -> dict[str, Any]:
    """The same of one."""
    person.refresh_from_db()
    identities = person_list.identities_of([person]).get(person.id, [])
    return person_json(person, identities, person_list.seen_last([person]).get(person.id))


def merge_json(row: PersonMerge) -> dict[str, Any]:
    """A merge."""
    return {
        "id": str(row.id),
        "merged": str(row.merged_id),
        "made_by": row.made_by,
        "created_at": moment(row.created_at),
        "undo_until": moment(row.undo_until),
    }


def _whole_json(person: Person) -> dict[str, Any]:
    consents = [
        {
            "connection": standing.place,
            "address": standing.address,
            "may_write": standing.may_write,
            "state": standing.state,
            "since": moment(standing.changed_at),
            "ledger": [{"at": moment(line.at), "state": line.state, "source": line.source} for line in standing.lines],
        }
        for standing in person_holders.consents_of(person)
    ]
    return {
        **one_json(person),
        "conversations": Conversation.objects.filter(person=person, is_test=False).count(),
        "consents": consents,
        "merges": [merge_json(row) for row in merging.merges_of(person)],
    }


class PeopleView(WorkspaceView):
    """The workspace's people."""

    permissions = {"GET": "people.read"}

    @extend_schema(operation_id="people_list", responses={200: schema_people.PEOPLE}, parameters=schema_people.FILTERS)
    def get(self, request: Request) -> Response:
        """Those whom the filters leave, the newest first. Who was only met in a test of yours is not among them."""
        queries.only(request, "q", "channel", "blocked", "verified", *PARAMETERS)
        rows = person_list.found(
            q=queries.words(request, "q"),
            channel=queries.choice(request, "channel", Channel.values) or "",
            blocked=_yes_no(request, "blocked"),
            verified=_yes_no(request, "verified"),
        )
        answer = page(request, rows, ORDER, lambda row: {"row": row})
        people = [item["row"] for item in answer.data["results"]]
        identities, seen = person_list.identities_of(people), person_list.seen_last(people)
        answer.data["results"] = [person_json(row, identities.get(row.id, []), seen.get(row.id)) for row in people]
        return answer


def _yes_no(request: Request, name: str) -> bool | None:
    value = queries.choice(request, name, ("true", "false"))
    return None if value is None else value == "true"


class PersonView(WorkspaceView):
    """One person. Where they were merged into another, it is that one who answers, under their own id."""

    permissions = {"GET": "people.read", "PATCH": "people.write", "DELETE": "people.manage"}

    @extend_schema(operation_id="people_read", responses={200: schema_people.PERSON_IN_FULL})
    def get(self, request: Request, person_id: UUID) -> Response:
        """The person, how their addresses stand, and the merges that can be undone."""
        queries.only(request)
        return Response(_whole_json(person_changes.get(person_id)))

    @extend_schema(operation_id="people_change", request=_CHANGES.documented, responses={200: schema_people.PERSON})
    def patch(self, request: Request, person_id: UUID) -> Response:
        """Change what is named. It stays when the person says something else of themselves."""
        person = person_changes.get(person_id)
        return Response(one_json(person_changes.change(self.actor, person, _CHANGES.read(request))))

    @extend_schema(operation_id="people_erase", responses={204: None, 202: schema_people.ERASING})
    def delete(self, request: Request, person_id: UUID) -> Response:
        """Erase them for good: 204 once it is done, 202 where there is much and a worker goes on.

        Messages keep their `seq`, and nothing else. An opt-out goes on holding, by a digest of the address.
        """
        person = erasing.begin(self.actor, person_changes.get(person_id))
        person.refresh_from_db()
        if person.erased_at is not None:
            return Response(status=204)
        return Response({"id": str(person.id), "state": person.state}, status=202)


class PersonMergeView(WorkspaceView):
    """Merging."""

    permissions = {"POST": "people.write"}

    @extend_schema(operation_id="people_merge", request=_MERGE.documented, responses={201: schema_people.MERGED})
    @idempotent
    def post(self, request: Request, person_id: UUID) -> Response:
        """Make this person and another one. `into` or `from` names the other; it can be undone for 30 days."""
        wanted = _MERGE.read(request)
        if len(wanted) != 1:
            raise invalid({"into": ["Name one other person: as into, or as from."]})
        ((way, value),) = wanted.items()
        other_id = parsed_id(value)
        if other_id is None:
            raise invalid({way: ["A person's id, a UUID in lower case."]})
        here, other = person_changes.get(person_id), _other(way, other_id)
        kept, merged = (other, here) if way == "into" else (here, other)
        row = merging.merge(self.actor, kept, merged)
        return Answer({"person": one_json(kept), "merge": merge_json(row)})


def _other(way: str, person_id: UUID) -> Person:
    found = Person.objects.filter(id=person_id, erased_at=None).first()
    if found is None:
        raise invalid({way: ["There is no such person in this workspace."]})
    return found


class PersonMergeUndoView(WorkspaceView):
    """Parting them again."""

    permissions = {"POST": "people.write"}

    @extend_schema(operation_id="people_merge_undo", request=None, responses={200: schema_people.PERSON})
    def post(self, request: Request, merge_id: UUID) -> Response:
        """Give each back what was theirs; the one who had been merged, as they are now."""
        return Response(one_json(merging.undo(self.actor, merging.get(merge_id))))


class PersonBlockView(WorkspaceView):
    """Blocking."""

    permissions = {"POST": "people.write"}

    @extend_schema(operation_id="people_block", request=_BLOCK.documented, responses={200: schema_people.PERSON})
    def post(self, request: Request, person_id: UUID) -> Response:
        """Answer nothing of theirs and send them nothing; what is under way with them ends."""
        person = person_changes.get(person_id)
        blocking.block(self.actor, person, _BLOCK.read(request).get("reason", ""))
        return Response(one_json(person))


class PersonUnblockView(WorkspaceView):
    """Unblocking."""

    permissions = {"POST": "people.write"}

    @extend_schema(operation_id="people_unblock", request=None, responses={200: schema_people.PERSON})
    def post(self, request: Request, person_id: UUID) -> Response:
        """Let them in again; unblocking one who isn't blocked changes nothing."""
        person = person_changes.get(person_id)
        blocking.unblock(self.actor, person)
        return Response(one_json(person))


class PersonExportView(WorkspaceView):
    """All that is known of one person, as a file."""

    permissions = {"POST": "people.manage"}

    exported: person_export.Exported

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """What comes is chosen by `files`; refusals are JSON whatever is accepted."""
        return super().perform_content_negotiation(request, force=True)

    def before(self, request: Request, **ids: Any) -> None:
        """The file is written before: it takes its time, and files' contents come from a storage."""
        form = "zip" if _EXPORT.read(request).get("files") else "json"
        self.exported = person_export.export(self.workspace_id, ids["person_id"], form)

    @extend_schema(
        operation_id="people_export",
        request=_EXPORT.documented,
        responses={
            (200, "application/json"): {"type": "object"},
            (200, "application/zip"): {"type": "string", "format": "binary"},
        },
    )
    def post(self, request: Request, person_id: UUID) -> HttpResponseBase:
        """Who they are, how their addresses stand, notes and every conversation; each export is in the audit log."""
        person_export.note(self.actor, self.exported)
        kept = self.exported
        return download(request._request, kept.content, kept.name, person_export.CONTENT_TYPES[kept.form], kept.size)
