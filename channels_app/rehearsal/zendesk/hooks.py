"""Webhooks and ticket triggers, as an integration sets them up.

https://developer.zendesk.com/api-reference/webhooks/webhooks-api/webhooks (create 201; update, patch and delete 204;
the signing secret `{signing_secret: {secret, algorithm}}`), https://developer.zendesk.com/documentation/webhooks/
creating-and-monitoring-webhooks/ ("To connect the webhook to a trigger or automation, specify only
conditional_ticket_events"), https://developer.zendesk.com/api-reference/ticketing/business-rules/triggers/ ("Updating
an action or condition updates both the conditions and actions arrays, clearing all existing values of both arrays"),
https://developer.zendesk.com/documentation/ticketing/reference-guides/actions-reference/ (`notification_webhook`:
`[webhook_id, body]`).
"""

from __future__ import annotations

import secrets
import uuid
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from channels_app.rehearsal.base import Answer, Call
from channels_app.rehearsal.zendesk import placeholders
from channels_app.rehearsal.zendesk.access import acting_user
from channels_app.rehearsal.zendesk.answers import (
    Refused,
    answered,
    check,
    invalid_attribute,
    not_found,
    object_of,
    only,
    record_invalid,
)
from channels_app.rehearsal.zendesk.books import CATEGORY, Books, Record, dict_of
from channels_app.rehearsal.zendesk.comments import paged
from channels_app.rehearsal.zendesk.hook_shapes import (
    CONDITIONS,
    TRIGGER_CREATE,
    TRIGGER_PUT,
    VALUELESS,
    WEBHOOK_CREATE,
    WEBHOOK_PATCH,
    WEBHOOK_PUT,
)

TICKETS = "conditional_ticket_events"
# An account has more; here each of them is a call for every change.
_MOST = 20
_CURSORS = ("page[size]", "page[after]", "page[before]")
_PAGING = ("page", "per_page", *_CURSORS)


def webhooks(call: Call, books: Books, rest: str) -> Answer:
    """Everything under `/api/v2/webhooks`."""
    webhook_id, _, part = rest.strip("/").partition("/")
    match call.method, bool(webhook_id), part:
        case "GET", False, "":
            return _list_webhooks(call, books)
        case "POST", False, "":
            return _create_webhook(call, books)
    webhook = books.part("webhooks").get(webhook_id)
    if webhook is None:
        raise _no_webhook(webhook_id)
    match call.method, part:
        case "GET", "":
            return answered({"webhook": _shown(webhook)}, f"Looked at the webhook {webhook['name'][:60]}.")
        case "GET" | "POST", "signing_secret":
            if call.method == "POST":
                webhook["secret"] = new_secret()
            secret = {"secret": webhook["secret"], "algorithm": "SHA256"}
            words = "Read" if call.method == "GET" else "Made anew"
            status = 200 if call.method == "GET" else 201
            # No line of the rehearsal shows a secret.
            return answered({"signing_secret": secret}, f"{words} a signing secret.", status, is_unseen=True)
        case "PUT" | "PATCH", "":
            return _change_webhook(call, books, webhook)
        case "DELETE", "":
            return _delete_webhook(books, webhook)
    raise not_found("part of a webhook")


def _list_webhooks(call: Call, books: Books) -> Answer:
    only(call.query, ("filter[name_contains]", "filter[status]", "sort", *_CURSORS))
    name, status = call.query.get("filter[name_contains]", ""), call.query.get("filter[status]", "")
    found = sorted(books.part("webhooks").values(), key=lambda one: one["created_at"] + one["id"])
    rows = [_shown(one) for one in found if name in one["name"] and status in {"", one["status"]}]
    # The reference knows no other pages of webhooks than those by cursors.
    asked = Call(call.method, call.path, {"page[size]": "100", **call.query}, call.headers, call.body)
    page, around = paged(asked, books, rows, call.path)
    return answered({"webhooks": page, **around}, f"Listed the webhooks: {len(rows)}.")


def _create_webhook(call: Call, books: Books) -> Answer:
    asked = object_of(call)
    check(WEBHOOK_CREATE, asked)
    wanted = asked["webhook"]
    _refuse_unplayed(wanted)
    if len(books.part("webhooks")) >= _MOST:
        raise record_invalid("base", "There are too many webhooks")
    at = books.now()
    made = {
        "id": f"01{uuid.uuid4().hex[:24].upper()}",
        "subscriptions": [TICKETS],
        **wanted,
        "secret": new_secret(),
        "created_at": at,
        "created_by": str(acting_user()),
        "updated_at": at,
        "updated_by": str(acting_user()),
    }
    books.part("webhooks")[made["id"]] = made
    note = f"Made the webhook {made['name'][:60]}."
    if made["endpoint"] != books.account.inbound_url:
        note += " It is never called: its endpoint is not this connection's inbound address."
    return answered({"webhook": _shown(made)}, note, 201)


def _change_webhook(call: Call, books: Books, webhook: Record) -> Answer:
    asked = object_of(call)
    check(WEBHOOK_PUT if call.method == "PUT" else WEBHOOK_PATCH, asked)
    wanted = asked["webhook"]
    _refuse_unplayed({**webhook, **wanted})
    webhook.update({**wanted, "updated_at": books.now(), "updated_by": str(acting_user())})
    return answered(None, f"Changed the webhook {webhook['name'][:60]}.")


def _delete_webhook(books: Books, webhook: Mapping[str, Any]) -> Answer:
    users = [one for one in books.part("triggers").values() if webhook["id"] in webhook_ids(one)]
    if users:
        # No page says what becomes of a trigger whose webhook is gone: strict, so that none is left behind.
        words = f"The webhook is used by the trigger {users[0]['title'][:60]}."
        raise _hook_error(400, "WebhookInUse", words)
    del books.part("webhooks")[webhook["id"]]
    return answered(None, f"Took out the webhook {webhook['name'][:60]}.")


def _refuse_unplayed(wanted: Mapping[str, Any]) -> None:
    if wanted.get("subscriptions", [TICKETS]) != [TICKETS]:
        raise _hook_error(
            400, "InvalidSubscription", f"The rehearsal plays webhooks with the subscription {TICKETS} only."
        )
    if wanted["http_method"] != "POST" or wanted["request_format"] != "json":
        raise _hook_error(400, "InvalidWebhook", "The rehearsal plays webhooks with POST and json only.")


def _shown(webhook: Mapping[str, Any]) -> Record:
    """Without its secrets, which no listing tells."""
    shown = {name: value for name, value in webhook.items() if name != "secret"}
    if "authentication" in shown:
        shown["authentication"] = {name: value for name, value in shown["authentication"].items() if name != "data"}
    return shown


def _hook_error(status: int, code: str, words: str) -> Refused:
    """The webhooks API has a form of its own: `{errors: [{code, title, detail}]}`. Its codes stand on no page."""
    return Refused(status, {"errors": [{"code": code, "title": words, "detail": words}]}, f"Not taken: {words}")


def _no_webhook(webhook_id: str) -> Refused:
    refused = _hook_error(404, "WebhookNotFound", "Webhook not found")
    return Refused(refused.status, refused.body, f"There is no webhook {webhook_id[:40]} here.")


def new_secret() -> str:
    """A signing secret: text, whose very characters are the key."""
    return b64encode(secrets.token_bytes(32)).decode()


# --- Triggers -------------------------------------------------------------------------------------------------------


def triggers(call: Call, books: Books, rest: str) -> Answer:
    """Everything under `/api/v2/triggers`."""
    trigger_id = rest.strip("/")
    match call.method, bool(trigger_id):
        case "GET", False:
            only(call.query, ("active", "sort", "sort_by", "sort_order", "category_id", *_PAGING))
            rows = sorted(books.part("triggers").values(), key=lambda one: (one["position"], one["id"]))
            if "active" in call.query:
                rows = [one for one in rows if str(one["active"]).lower() == call.query["active"]]
            page, around = paged(call, books, rows, call.path)
            return answered({"triggers": page, **around}, f"Listed the triggers: {len(rows)}.")
        case "POST", False:
            return _create_trigger(call, books)
    trigger = books.part("triggers").get(trigger_id)
    if trigger is None:
        raise not_found("trigger")
    match call.method:
        case "GET":
            return answered({"trigger": trigger}, f"Looked at the trigger {trigger['title'][:60]}.")
        case "PUT":
            return _change_trigger(call, books, trigger)
        case "DELETE":
            del books.part("triggers")[trigger_id]
            return answered(None, f"Took out the trigger {trigger['title'][:60]}.")
    raise not_found("part of a trigger")


def _create_trigger(call: Call, books: Books) -> Answer:
    asked = object_of(call)
    check(TRIGGER_CREATE, asked)
    wanted = asked["trigger"]
    _refuse_trigger(books, wanted)
    if len(books.part("triggers")) >= _MOST:
        raise record_invalid("base", "There are too many triggers")
    at, trigger_id = books.now(), books.next("trigger", 22_990_000_000_001)
    made = {
        "url": books.url(f"/api/v2/triggers/{trigger_id}.json"),
        "id": trigger_id,
        "title": wanted["title"],
        "raw_title": wanted["title"],
        "active": wanted.get("active", True),
        "default": False,
        "description": wanted.get("description"),
        "category_id": wanted.get("category_id", CATEGORY),
        "position": wanted.get("position", len(books.part("triggers")) + 1),
        "conditions": _conditions(wanted["conditions"]),
        "actions": wanted["actions"],
        "created_at": at,
        "updated_at": at,
    }
    books.part("triggers")[str(trigger_id)] = made
    return answered({"trigger": made}, f"Made the trigger {made['title'][:60]}.", 201)


def _change_trigger(call: Call, books: Books, trigger: Record) -> Answer:
    asked = object_of(call)
    check(TRIGGER_PUT, asked)
    wanted = dict(asked["trigger"])
    if "conditions" in wanted or "actions" in wanted:
        wanted = {"conditions": {}, "actions": [], **wanted}
        _refuse_trigger(books, wanted)
        wanted["conditions"] = _conditions(wanted["conditions"])
    trigger.update({**wanted, "updated_at": books.now()})
    return answered({"trigger": trigger}, f"Changed the trigger {trigger['title'][:60]}.")


def _conditions(wanted: Mapping[str, Any]) -> Record:
    return {"all": wanted.get("all", []), "any": wanted.get("any", [])}


def webhook_ids(trigger: Mapping[str, Any]) -> list[str]:
    """Which webhooks a trigger calls."""
    return [one["value"][0] for one in trigger["actions"] if one["field"] == "notification_webhook"]


def _refuse_trigger(books: Books, wanted: Mapping[str, Any]) -> None:
    conditions = _conditions(wanted["conditions"])
    if not (conditions["all"] or conditions["any"]):
        raise record_invalid("base", "Trigger must contain at least one condition")
    if not wanted["actions"]:
        raise record_invalid("base", "Trigger must contain at least one action")
    for one in [*conditions["all"], *conditions["any"]]:
        _refuse_condition(one)
    if wanted.get("category_id", CATEGORY) != CATEGORY:
        raise record_invalid("category", "Category: is invalid", code="InvalidValue")
    for one in wanted["actions"]:
        _refuse_action(books, one)


def _refuse_condition(one: Mapping[str, Any]) -> None:
    field, operator, value = one["field"], one.get("operator"), one.get("value")
    known = CONDITIONS.get(field)
    if known is None:
        raise record_invalid("conditions", f"Invalid condition: {field[:60]} is not a field", code="InvalidValue")
    operators, values = known
    if operator not in operators:
        words = f"Invalid condition: {field} has no operator {str(operator)[:40]}"
        raise record_invalid("conditions", words, code="InvalidValue")
    if operator in VALUELESS:
        return
    text = str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
    if (values is not None and text not in values) or (field == "current_tags" and not text.strip()):
        words = f"Invalid condition: {field} can't be {text[:60] or 'nothing'}"
        raise record_invalid("conditions", words, code="InvalidValue")


def _refuse_action(books: Books, one: Mapping[str, Any]) -> None:
    field, value = one["field"], one["value"]
    if field != "notification_webhook":
        words = f"Not taken: the rehearsal plays the action notification_webhook only, not {field[:60]}."
        raise invalid_attribute("actions", f"{field[:60]} is not played here", words)
    if not (isinstance(value, list) and len(value) == 2):
        raise record_invalid("actions", "Actions: notification_webhook takes a webhook's id and a body")
    webhook = dict_of(books.part("webhooks").get(value[0]))
    if not webhook:
        raise record_invalid("actions", "Actions: there is no such webhook", code="InvalidValue")
    strange = placeholders.unknown_in(value[1])
    if strange:
        words = f"Not taken: {strange[0]} is no placeholder that is known here. Zendesk would put nothing in its place."
        raise invalid_attribute("actions", f"The placeholder {strange[0]} is not known", words)
