"""How what was planned is sent.

developer.genesys.cloud/commdigital/digital/openmessaging: inboundMessages (id and time of a message are unique
together, so both are the same at every try), inboundReceiptMessages (`Delivered` or `Failed`, by the message's id);
`PATCH /api/v2/conversations/messages/{id}` with `state: disconnected`, as SDKs and the permissions of OAuth clients for
Salesforce (help.mypurecloud.com/?p=188903) have it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone

from channels_app.providers import sent_files, transcripts
from channels_app.providers.base import Outgoing, ProviderError, Receipt
from channels_app.providers.desk_port import CaseThere, KnownCase
from channels_app.providers.genesys import standing
from channels_app.providers.genesys.api import DISCONNECT, RECEIVE, Api, no_integration, permit
from channels_app.providers.genesys.planning import LONGEST_TEXT
from channels_app.providers.genesys.regions import page_of
from convoship.lib.times import moment
from deployments.file_settings import MEGABYTE

# help.mypurecloud.com, supported content profiles.
LARGEST_FILE = 25 * MEGABYTE
_MEDIA = {"image": "Image", "video": "Video", "audio": "Audio"}
_NOT_THERE = {404, 409, 410}


async def send(api: Api, what: Outgoing) -> Receipt:
    """A message of the customer's, a receipt of an agent's, or the end."""
    case, content = what.case or KnownCase(what.address), what.content
    if "receipt" in content:
        return await _receipt(api, what)
    if case.there is None and "metadata" not in content:
        raise ProviderError(
            "The interaction was never opened, so there is nothing to add to.",
            "Look at what became of its opening, above.",
            permanent=True,
            blame="message",
        )
    if content.get("ends"):
        return await _end(api, case)
    if content.get("closes") and await _is_over(api, case):
        return Receipt("delivered", answer="It was over at Genesys already; a message would have opened it again.")
    return await _say(api, what, case)


async def _say(api: Api, what: Outgoing, case: KnownCase) -> Receipt:
    files = what.content.get("files") or []
    attached, lines = _files(api, files)
    texts = _texts(what.content["text"], lines)
    try:
        first = await _post(api, what, texts[0], attached)
    except ProviderError as error:
        # An attachment that the integration's content profile doesn't have is refused with all that it is in.
        if error.http_status != 400 or not (attached or "metadata" in what.content):
            raise
        links = [_link(api, one) for one in files if not one.get("state")]
        texts = _texts(what.content["text"], [*_states(files), *links])
        first = await _post(api, what, texts[0], [], is_plain=True)
    for place, text in enumerate(texts[1:], 1):
        await _post(api, what, text, [], place)
    # Accepted: a receipt of Genesys' may still say that it could not be taken.
    return Receipt("accepted", str(first.get("id") or ""), http_status=200, case=_there(api, what, case, first))


def _texts(text: str, lines: Sequence[str]) -> list[str]:
    whole = "\n\n".join(filter(None, (text, "\n".join(lines))))
    return [whole] if len(whole) <= LONGEST_TEXT else transcripts.in_pieces([text, *lines], LONGEST_TEXT)


async def _post(
    api: Api,
    what: Outgoing,
    text: str,
    attached: Sequence[Mapping[str, Any]],
    place: int = 0,
    *,
    is_plain: bool = False,
) -> dict[str, Any]:
    """One message. What came of the same before is no error: Genesys knows it by id and time."""
    at = (what.since or timezone.now()) + dt.timedelta(milliseconds=int(what.content.get("piece", 0)) + place)
    key = f"{what.key}-{place}" if place else what.key
    channel: dict[str, Any] = {"from": what.content["from"], "time": moment(at), "messageId": key}
    body: dict[str, Any] = {"channel": channel}
    body |= {"text": text} if text or not attached else {}
    body |= {"content": [{"attachment": one} for one in attached]} if attached else {}
    if "metadata" in what.content and not place:
        body["metadata"] = what.content["metadata"]
        if not is_plain:
            # Flows have these as participant data; the SDKs don't know of it, so it goes only where it is taken.
            channel["metadata"] = {"customAttributes": what.content["metadata"]}
    query = {"prefetchConversationId": "true"}
    try:
        return await api.call("POST", f"{api.inbound}/message", body, query=query, permission=RECEIVE)
    except ProviderError as error:
        if error.http_status == 404:
            raise no_integration(error) from None
        if error.http_status != 409:
            raise
        return {}


def _there(api: Api, what: Outgoing, case: KnownCase, answer: Mapping[str, Any]) -> CaseThere:
    """The interaction: another one where the threading timeline has cut the customer's messages apart."""
    before = case.there
    conversation = str(answer.get("conversationId") or "") or str(case.about.get("conversation") or "")
    about: dict[str, Any] = {"conversation": conversation} if conversation else {}
    if before is None:
        about["opened"] = moment(what.since or timezone.now())
    url = page_of(api.account.config["region"], conversation) if conversation else ""
    return CaseThere(str(what.content["from"]["id"]), conversation, url, about)


# --- Files ------------------------------------------------------------------------------------------------------------


def _files(api: Api, files: Sequence[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    """Attachments, which Genesys fetches by their links, and lines for what can't be one."""
    here = [one for one in files if not one.get("state")]
    going = [one for one in here if int(one.get("size", 0)) <= LARGEST_FILE]
    lines = [*_states(files), *(_link(api, one) for one in here if one not in going)]
    return [_attachment(one) for one in sent_files.linked(going, api.account.workspace_id)], lines


def _states(files: Sequence[Mapping[str, Any]]) -> list[str]:
    return [line for one in files if (line := transcripts.not_here(one))]


def _attachment(file: Mapping[str, Any]) -> dict[str, Any]:
    mime = str(file.get("content_type") or "application/octet-stream")
    return {
        "mediaType": _MEDIA.get(mime.partition("/")[0], "File"),
        "url": file["url"],
        "mime": mime,
        "filename": str(file.get("name", "File")),
    }


def _link(api: Api, file: Mapping[str, Any]) -> str:
    return sent_files.with_links("", [file], api.account.workspace_id)[0]


# --- Receipts, and the end --------------------------------------------------------------------------------------------


async def _receipt(api: Api, what: Outgoing) -> Receipt:
    """Without one agents read only that it was sent. One that Genesys doesn't want is no fault of anybody's."""
    content = what.content
    body: dict[str, Any] = {
        "id": content["receipt"],
        "channel": {"to": {"id": content["to"], "idType": "Opaque"}, "time": moment(what.since or timezone.now())},
        "status": "Failed" if content.get("why_not") else "Delivered",
        "isFinalReceipt": not content.get("goes_on"),
    }
    if content.get("why_not"):
        body["reasons"] = [{"code": "GeneralError", "message": content["why_not"]}]
    try:
        await api.call("POST", f"{api.inbound}/receipt", body, permission=RECEIVE)
    except ProviderError as error:
        if error.stops or not error.permanent:
            raise
        return Receipt("delivered", http_status=error.http_status, answer=f"It was not wanted: {error.words}")
    return Receipt("delivered", http_status=200)


async def _is_over(api: Api, case: KnownCase) -> bool:
    """Whether nobody is there any more; where it can't be told, somebody may be."""
    conversation = str(case.about.get("conversation") or "")
    if not conversation:
        return False
    try:
        return standing.is_over(await standing.fetch(api, conversation), case.about)
    except ProviderError as error:
        if error.http_status in {403, *_NOT_THERE}:
            return False
        raise


async def _end(api: Api, case: KnownCase) -> Receipt:
    conversation = str(case.about.get("conversation") or "")
    if not conversation:
        return Receipt("delivered", answer="Genesys never said which interaction it is, so it could not be ended.")
    try:
        await end(api, conversation)
    except ProviderError as error:
        if error.http_status in _NOT_THERE:
            return Receipt("delivered", http_status=error.http_status, answer="It was over at Genesys already.")
        if error.http_status != 403:
            raise
        raise ProviderError(
            "The agent was told, but Genesys does not let the OAuth client end interactions.",
            f"{permit(DISCONNECT)} Or leave the ending to the agent, in the connection's settings.",
            permanent=True,
            blame="message",
            code="403",
            http_status=403,
            answer=error.answer,
        ) from None
    return Receipt("delivered", http_status=200)


async def end(api: Api, conversation: str) -> None:
    """Disconnect all who are in an interaction."""
    path = f"/api/v2/conversations/messages/{conversation}"
    await api.call("PATCH", path, {"state": "disconnected"}, permission=DISCONNECT)
