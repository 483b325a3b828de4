"""The Attachment API's upload of one file (c_AttachmentAPI, POST /now/attachment/file)."""

from __future__ import annotations

from collections.abc import Mapping

from channels_app.models.rehearsal import LineKind
from channels_app.rehearsal.base import Answer, Call
from channels_app.rehearsal.servicenow import answers, shapes
from channels_app.rehearsal.servicenow.answers import Refused, not_silently
from channels_app.rehearsal.servicenow.store import Store

_NEEDED = ("table_name", "table_sys_id", "file_name")
_LONGEST_NAME = 100
_SHOWN = shapes.READ_ONLY["sys_attachment"]


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
    found = {**{field: made.get(field, "") for field in _SHOWN}, "download_link": f"{link}/file"}
    return answers.result(
        found,
        201,
        headers={"Location": link},
        kind=LineKind.CAUGHT,
        address=record["sys_id"],
        text=name,
        provider_id=made["sys_id"],
        note=f"A file of {len(call.body)} bytes was attached to {record['number']}.",
    )
