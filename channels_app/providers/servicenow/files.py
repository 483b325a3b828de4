"""Files of visitors, attached to records.

ServiceNowDocs: c_AttachmentAPI.md: `POST /now/attachment/file?table_name&table_sys_id&file_name` with the bytes and
their Content-Type; `GET /now/attachment` with `sysparm_query`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from channels_app.providers import transcripts
from channels_app.providers.base import Outgoing, ProviderError
from channels_app.providers.servicenow.api import Api, raw

# What an instance takes unless somebody set `com.glide.attachment.max_size`; larger ones it refuses itself.
LARGEST_UPLOAD = 1024 * 1024 * 1024


async def sent_up(api: Api, what: Outgoing, table: str, ref: str, file: Mapping[str, Any]) -> str:
    """The line that stands for a file, which is at the record then where the instance takes it."""
    if lacking := transcripts.not_here(file):
        return lacking
    if what.read_file is None:
        return transcripts.not_there(file)
    name = str(file.get("name", "File"))
    try:
        if not await is_there(api, ref, name, int(file.get("size", 0))):
            content = await what.read_file(str(file["id"]))
            await api.call(
                "POST",
                "/api/now/attachment/file",
                query={"table_name": table, "table_sys_id": ref, "file_name": name},
                content=content,
                headers={"content-type": str(file.get("content_type") or "application/octet-stream")},
            )
    except ProviderError as error:
        # What may not be attached is a matter of the file or of a rule of theirs: the words go on.
        if not error.permanent or error.http_status == 401:
            raise
        return transcripts.not_there(file, error.words)
    return f"[file: {name}]"


async def is_there(api: Api, ref: str, name: str, size: int) -> bool:
    """Whether an earlier try attached it: nothing but its name and size tells."""
    query = f"table_sys_id={ref}^ORDERBYDESCsys_created_on"
    fields = "sys_id,file_name,size_bytes,table_sys_id"
    asked = {"sysparm_query": query, "sysparm_fields": fields, "sysparm_limit": 100}
    found = (await api.call("GET", "/api/now/attachment", query=asked)).get("result")
    return any(
        raw(one, "table_sys_id") == ref and raw(one, "file_name") == name and raw(one, "size_bytes") == str(size)
        for one in (found if isinstance(found, list) else [])
        if isinstance(one, Mapping)
    )
