"""WhatsApp on a phone, and the Twilio between it and us (twilio.com/docs/content)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.utils import timezone

from channels_app.providers.twilio.whatsapp import TwilioWhatsapp
from channels_app.rehearsal.base import Answer, Call, read
from channels_app.rehearsal.twilio_sms import Phone, found_here, number_of, problem

# So many contents a rehearsal keeps; the oldest make room.
MOST_CONTENTS = 200


class WhatsappPhone(Phone):
    """Twilio's REST and Content APIs as far as we use them, and a person with WhatsApp behind them."""

    kind = TwilioWhatsapp.kind
    title = "WhatsApp"
    prefix = TwilioWhatsapp.prefix

    def words_of(self, form: Mapping[str, str]) -> str:
        """Of what was sent by a content: its words, with the variables in their places."""
        content = self.rehearsal.contents.get(form.get("ContentSid", ""))
        if content is None:
            return super().words_of(form)
        text = str(next(iter(content["types"].values())).get("body", ""))
        for name, value in json.loads(form.get("ContentVariables") or "{}").items():
            text = text.replace("{{" + name + "}}", str(value))
        return text

    def look(self, call: Call) -> Answer:
        """And the Content API: contents made, listed, handed in for approval."""
        match call.method, call.path.split("/")[1:]:
            case "POST", ["v1", "Content"]:
                return self._make(read(call.body) or {})
            case "POST", ["v1", "Content", sid, "ApprovalRequests", "whatsapp"] if sid in self.rehearsal.contents:
                return self._hand_in(sid, read(call.body) or {})
            case "GET", ["v1", "ContentAndApprovals"]:
                return self._list(call)
        return super().look(call)

    def _make(self, asked: Mapping[str, Any]) -> Answer:
        types = asked.get("types")
        if not isinstance(types, dict) or not types or not asked.get("language"):
            return problem(400, 20001, "Parameter is missing", note="Refused: a content needs a language and types.")
        sid = f"HX{uuid.uuid4().hex}"
        content = {
            "sid": sid,
            "account_sid": self.account.config["account_sid"],
            "date_created": timezone.now().isoformat(),
            "friendly_name": str(asked.get("friendly_name", "")),
            "language": str(asked["language"]),
            "variables": asked.get("variables") or {},
            "types": types,
            "approval_requests": {"name": "", "category": "", "status": "unsubmitted", "rejection_reason": ""},
        }
        # The database keeps no order of an object's members.
        kept = sorted(self.rehearsal.contents.values(), key=lambda one: str(one["date_created"]))
        self._keep({one["sid"]: one for one in [*kept[-MOST_CONTENTS + 1 :], content]})
        return replace(found_here(content, "Made a content."), status=201)

    def _hand_in(self, sid: str, asked: Mapping[str, Any]) -> Answer:
        if not asked.get("name") or not asked.get("category"):
            return problem(400, 20001, "Parameter is missing", note="Refused: a name and a category are needed.")
        content = self.rehearsal.contents[sid]
        approval = {**content["approval_requests"], "name": str(asked["name"]), "category": str(asked["category"])}
        approval["status"] = "received"
        self._keep({**self.rehearsal.contents, sid: {**content, "approval_requests": approval}})
        return replace(found_here(approval, "Asked WhatsApp to approve a template."), status=201)

    def _list(self, call: Call) -> Answer:
        size, page = max(1, number_of(call.query.get("PageSize", ""))), number_of(call.query.get("Page", "0"))
        rows = sorted(self.rehearsal.contents.values(), key=lambda one: str(one["date_created"]))
        following = None
        if len(rows) > (page + 1) * size:
            following = f"https://content.twilio.com/v1/ContentAndApprovals?PageSize={size}&Page={page + 1}"
        meta = {"key": "contents", "next_page_url": following, "page": page, "page_size": size}
        return found_here({"contents": rows[page * size : (page + 1) * size], "meta": meta}, "Looked at the templates.")

    def _keep(self, contents: Mapping[str, Any]) -> None:
        self.rehearsal.contents = dict(contents)
        self.rehearsal.save(update_fields=["contents"])
