"""The Conversations API (Sunshine Conversations) as far as it is played, under `/sc` and without it.

github zendesk/sunshine-conversations-api-spec, openapi.yaml 17.12.1, for paths, bodies, answers and errors
(`{errors: [{code, title}]}`); https://developer.zendesk.com/documentation/conversations/getting-started/
api-authentication/ for keys (Basic with key id and secret; JWT HS256, `kid` the key id, `scope` app);
https://developer.zendesk.com/documentation/conversations/messaging-platform/programmable-conversations/switchboard for
control ("idempotent": passing it to who has it does nothing).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import jwt

from channels_app.models.rehearsal import LineKind
from channels_app.providers.base import same
from channels_app.rehearsal.base import Answer, Call, Report
from channels_app.rehearsal.zendesk import messaging_events as events
from channels_app.rehearsal.zendesk import messaging_shapes as shapes
from channels_app.rehearsal.zendesk.access import plain
from channels_app.rehearsal.zendesk.answers import answered, delivery_of
from channels_app.rehearsal.zendesk.books import Books, Record
from channels_app.rehearsal.zendesk.messaging_answers import check, check_metadata, object_of, problem
from channels_app.rehearsal.zendesk.messaging_control import control, webhooks
from channels_app.rehearsal.zendesk.messaging_events import AGENTS, OWN

LIMITED = '{"errors": [{"code": "too_many_requests", "title": "Too many requests"}]}'
NO_ACCESS = '{"errors": [{"code": "forbidden", "title": "Forbidden"}]}'
BROKEN = '{"errors": [{"code": "internal_error", "title": "Internal error"}]}'
_APP = re.compile(r"(?:/sc)?/v2/apps/([^/]+)(/.*)?")
_CONVERSATION = re.compile(r"/conversations/([^/]+)(?:/(\w+))?")
_CONTROL = ("passControl", "offerControl", "acceptControl", "releaseControl")
_PAGE = 100


def refuse(call: Call, books: Books) -> Answer | None:
    """401 to who has no key of the account's."""
    key, secret = (books.account.credentials.get(name, "") for name in ("client_id", "client_secret"))
    kind, _, value = call.headers.get("authorization", "").partition(" ")
    known = bool(key and secret) and (
        _is_token(value.strip(), key, secret)
        if kind.lower() == "bearer"
        else kind.lower() == "basic" and same(plain(value), f"{key}:{secret}")
    )
    if known:
        return None
    refused = problem(401, "unauthorized", "Authorization is required", "Refused: no known key.")
    answer = refused.answer(call)
    return Answer(answer.status, answer.body, kind=LineKind.REFUSED, note=refused.note)


def _is_token(token: str, key: str, secret: str) -> bool:
    """ "The algorithm (alg) used should be HS256. Unsigned JWTs are not accepted."""
    try:
        if not same(str(jwt.get_unverified_header(token).get("kid", "")), key):
            return False
        claims = jwt.decode(token, secret, algorithms=["HS256"], options={"verify_aud": False})
    except (jwt.InvalidTokenError, ValueError):
        return False
    return claims.get("scope") == "app"


def is_sent(call: Call) -> bool:
    """Messages, and who has control. Typing is no matter for a fault: it would use up what is meant for a message."""
    found = _APP.fullmatch(call.path)
    part = _CONVERSATION.fullmatch((found.group(2) or "") if found else "")
    return call.method == "POST" and part is not None and part.group(2) in {"messages", *_CONTROL}


def secret_of(books: Books) -> str:
    """The secret of the webhook that goes to us: the one that the API gave, or the one that was pasted."""
    webhook = events.webhook_of(books)
    return str(webhook["secret"]) if webhook else books.account.credentials.get("webhook_secret", "")


def route(call: Call, books: Books) -> Answer:
    """What a call is answered; `Refused` where it isn't taken."""
    found = _APP.fullmatch(call.path)
    if found is None:
        raise problem(404, "not_found", "Resource not found", f"The rehearsal knows no {call.method} {call.path}.")
    app_id, rest = found.group(1), found.group(2) or ""
    if app_id != str(books.account.config.get("app_id", "")):
        raise problem(404, "app_not_found", "App not found", "There is no such app here.")
    part = _CONVERSATION.fullmatch(rest)
    if part is not None:
        return _conversation(call, books, part.group(1), part.group(2) or "")
    ids = books.switchboard()
    match call.method, rest.strip("/").split("/"):
        case "GET", [""]:
            app = {"id": app_id, "displayName": "Rehearsal", "subdomain": books.account.config.get("subdomain", "")}
            settings = {"multiConvoEnabled": False, "appLocalizationEnabled": True, "echoPostback": False}
            return answered({"app": {**app, "settings": settings}}, "Looked at the app.")
        case "GET", ["switchboards"]:
            board = {"id": ids["switchboard"], "enabled": True, "defaultSwitchboardIntegrationId": ids["own"]}
            return answered({"switchboards": [board]}, "Listed the switchboards.")
        case "GET", ["switchboards", board_id, "switchboardIntegrations"] if board_id == ids["switchboard"]:
            both = [events.integration(books, which) for which in (OWN, AGENTS)]
            return answered({"switchboardIntegrations": both}, "Listed the switchboard's integrations.")
        case _, ["integrations", whose, "webhooks", *webhook_id] if whose == ids["own_integration"]:
            return webhooks(call, books, webhook_id[0] if webhook_id else "")
    raise problem(404, "not_found", "Resource not found", f"The rehearsal knows no {call.method} {call.path[:150]}.")


def _conversation(call: Call, books: Books, conversation_id: str, part: str) -> Answer:
    conversation = books.part("conversations").get(conversation_id)
    if conversation is None:
        code = (
            ("conversation_not_found", "Conversation not found")
            if part in _CONTROL
            else ("not_found", "Resource not found")
        )
        raise problem(404, *code, "There is no such conversation here.")
    match call.method, part:
        case "GET", "":
            body = {"conversation": events.whole_conversation(books, conversation)}
            return answered(body, "Looked at the conversation.", address=conversation_id)
        case "GET", "messages":
            return _list_messages(call, conversation)
        case "POST", "messages":
            return _post_message(call, books, conversation)
        case "POST", "activity":
            return _activity(call, books, conversation)
        case "POST", what if what in _CONTROL:
            return control(call, books, conversation, what)
    raise problem(404, "not_found", "Resource not found", f"The rehearsal knows no {call.method} {call.path[:150]}.")


def _post_message(call: Call, books: Books, conversation: Record) -> Answer:
    asked = object_of(call)
    check(shapes.MESSAGE, asked)
    content, author = asked["content"], asked["author"]
    _check_content(content)
    check_metadata(asked.get("metadata"))
    if author["type"] == "user":
        if author.get("userId") != conversation["user"]["id"]:
            raise problem(400, "bad_request", "author.userId: It is no participant of the conversation")
        author = {**events.customer(books, conversation), **author}
    elif {"userId", "userExternalId"} & set(author):
        raise problem(400, "bad_request", "author.userId: Only supported when author type is user")
    metadata = asked.get("metadata")
    made = events.add_message(books, conversation, author, content, {"type": "api:conversations"}, metadata)
    told = events.bodies(books, [events.message_event(books, conversation, made)])
    files = [{"url": content["mediaUrl"][:1000]}] if "mediaUrl" in content else []
    return answered(
        {"messages": [made]},
        "A message to the customer; it is told to the webhook as everybody's is.",
        201,
        kind=LineKind.CAUGHT,
        address=conversation["id"],
        text=words_of(content),
        provider_id=made["id"],
        delivery_id=delivery_of(metadata or {}),
        media=files,
        reports=[Report("event", body) for body in told],
        reports_to=books.account.inbound_url,
    )


def _check_content(content: Mapping[str, Any]) -> None:
    kind = content.get("type")
    validator = shapes.CONTENTS.get(str(kind))
    if validator is None:
        title = f"content.type: {str(kind)[:40]} is not played in a rehearsal; text, image and file are"
        raise problem(400, "bad_request", title)
    check(validator, content, "content.")
    if kind == "text" and not any(content.get(name) for name in ("text", "actions", "htmlText", "markdownText")):
        # "Required unless actions, htmlText or markdownText is provided."
        raise problem(400, "bad_request", "content.text: This is missing")
    if "htmlText" in content and "markdownText" in content:
        raise problem(400, "bad_request", "content.htmlText: It cannot be used with markdownText")
    kinds = set()
    for place, action in enumerate(content.get("actions", ())):
        known = shapes.ACTIONS.get(str(action.get("type")))
        if known is None:
            title = f"content.actions[{place}].type: reply, postback and link are played in a rehearsal"
            raise problem(400, "bad_request", title)
        check(known, action, f"content.actions[{place}].")
        kinds.add(action["type"])
    if "reply" in kinds and len(kinds) > 1:
        # developer.zendesk.com/documentation/zendesk-web-widget-sdks/sdks/ios/postback: "Reply buttons can not be used
        # together with postback buttons or any other button type".
        raise problem(400, "bad_request", "content.actions: reply can't be mixed with other actions")


def words_of(content: Mapping[str, Any]) -> str:
    """What a message says."""
    words = content.get("text") or content.get("markdownText") or content.get("htmlText") or ""
    return str(words or content.get("altText") or "")


def _list_messages(call: Call, conversation: Mapping[str, Any]) -> Answer:
    """The newest hundred, or those before a message: `page[before]`, `page[after]`."""
    rows = conversation["messages"]
    places = {one["id"]: place for place, one in enumerate(rows)}
    unknown = set(call.query) - {"page[before]", "page[after]"}
    if unknown or len(call.query) > 1:
        raise problem(400, "bad_request", "Only one of page[before] and page[after] can be given")
    start, end = max(0, len(rows) - _PAGE), len(rows)
    for name, value in call.query.items():
        if value not in places:
            raise problem(400, "bad_request", f"{name}: There is no such message")
        if name == "page[before]":
            start, end = max(0, places[value] - _PAGE), places[value]
        else:
            start, end = places[value] + 1, min(len(rows), places[value] + 1 + _PAGE)
    more = end < len(rows) if "page[after]" in call.query else start > 0
    found = rows[start:end]
    meta: Record = {"hasMore": more}
    if found:
        meta |= {"beforeCursor": found[0]["id"], "afterCursor": found[-1]["id"]}
    return answered({"messages": found, "meta": meta}, "Read the messages.", address=conversation["id"])


def _activity(call: Call, books: Books, conversation: Record) -> Answer:
    asked = object_of(call)
    check(shapes.ACTIVITY, asked)
    if asked["author"]["type"] == "user" and asked["type"] != "conversation:read":
        raise problem(400, "bad_request", "type: If the author type is user, only conversation:read is supported")
    if asked["type"] == "conversation:read":
        conversation["read_at"] = events.stamp()
    return answered({}, f"Let it be known: {asked['type']}.", address=conversation["id"])
