"""The Attachment API: one file is sent up, and their metadata are listed (c_AttachmentAPI)."""

from __future__ import annotations

from collections.abc import Mapping

from channels_app.models.rehearsal import LineKind
from channels_app.rehearsal.base import Answer, Call
from channels_app.rehearsal.servicenow import answers, queries, shapes
from channels_app.rehearsal.servicenow.answers import Refused, not_silently
from channels_app.rehearsal.servicenow.store import Store

_NEEDED = ("table_name", "table_sys_id", "file_name")
_LONGEST_NAME = 100
# Without sysparm_limit (c_AttachmentAPI).
_MOST_LISTED = 1000
_SHOWN = shapes.READ_ONLY["sys_attachment"]


def listed(store: Store, call: Call, base_url: str) -> Answer:
    """`GET /now/attachment`: metadata of files, which `sysparm_query` narrows, with where each is."""
    for name in call.query:
        if name not in {"sysparm_query", "sysparm_limit", "sysparm_offset"}:
            raise not_silently(name[:60], "This parameter isn't known here.")
    found = queries.parse(call.query.get("sysparm_query", ""), _SHOWN).rows(store.rows("sys_attachment"))
    limit = queries.number(call.query, "sysparm_limit", _MOST_LISTED)
    offset = queries.number(call.query, "sysparm_offset", 0)
    rows = [_shown(one, base_url) for one in found[offset : offset + limit]]
    return answers.result(rows, note=f"Looked for files: {len(rows)} of {len(found)}.")


def _shown(row: Mapping[str, str], base_url: str) -> dict[str, str]:
    link = f"{base_url}/api/now/attachment/{row['sys_id']}"
    return {**{field: row.get(field, "") for field in _SHOWN}, "download_link": f"{link}/file"}


def upload(store: Store, call: Call, base_url: str, own_table: str, by: Mapping[str, str]) -> Answer:
    """Attach the bytes of the body to a record; 201 with its metadata and Location."""
    for name in call.query:
        if name not in {*_NEEDED, "creation_time", "encryption_context"}:
            raise not_silently(name[:60], "This parameter isn't known here.")
    missing = [name for name in _NEEDED if not call.query.get(name)]
    if missing:
        words = f"Missing mandatory parameters: {', '.join(missing)}"
        raise Refused(400, "Bad Request", words, f"Not taken: {words}.")
    content_type = call.headers.get("content-type", "")
    if not content_type:
        raise Refused(400, "Bad Request", "Content-Type is mandatory", "Not taken: no Content-Type.")
    if not call.body:
        # No page says what becomes of an empty file; nobody sends one on purpose.
        raise Refused(400, "Bad Request", "The body is empty", "Not taken: the file is empty.")
    name = call.query["file_name"]
    if len(name) > _LONGEST_NAME:
        raise not_silently("file_name", f"At most {_LONGEST_NAME} characters are kept.")
    if not name.isprintable():
        raise not_silently("file_name", "This contains a character that can't be part of a name.")
    table = shapes.table_of(call.query["table_name"], own_table)
    record = store.record(table.name, call.query["table_sys_id"]) if table else None
    if table is None or record is None:
        raise Refused(404, *answers.NO_RECORD, "Not taken: there is no such record.")
    if record["state"] in table.over:
        detail = answers.ACL.format(what="Insert")
        raise Refused(403, "Operation Failed", detail, f"Not taken: {record['number']} is over.")
    made = store.attach(
        {
            "table_name": table.name,
            "table_sys_id": record["sys_id"],
            "file_name": name,
            "content_type": content_type.partition(";")[0].strip(),
            "size_bytes": str(len(call.body)),
            "size_compressed": str(len(call.body)),
            "compressed": "true",
        },
        by,
    )
    link = f"{base_url}/api/now/attachment/{made['sys_id']}"
    return answers.result(
        _shown(made, base_url),
        201,
        headers={"Location": link},
        kind=LineKind.CAUGHT,
        address=record["sys_id"],
        text=name,
        provider_id=made["sys_id"],
        note=f"A file of {len(call.body)} bytes was attached to {record['number']}.",
    )
