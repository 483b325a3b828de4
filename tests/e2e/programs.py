"""A customer's program: the admin API with a demo workspace's key, to prepare and to see what the database holds."""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Mapping
from typing import Any

from convoship.lib import standard_webhooks
from tests.channels.twilio_end import ACCOUNT, NUMBER, TOKEN


class Program:
    """Calls `/v1/` with a key."""

    def __init__(self, demo: Mapping[str, Any]) -> None:
        self.demo = demo

    def call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """One call; an error status raises."""
        request = urllib.request.Request(
            f"{self.demo['base_url']}/v1{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.demo['api_key']}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            parsed: dict[str, Any] = json.load(answer)
        return parsed

    def deploy(self, *origins: str, **more: Any) -> dict[str, Any]:
        """Another deployment of the demo's assistant: `{deployment, token, embed_snippet}`."""
        path = f"/assistants/{self.demo['assistant_id']}/deployments"
        return self.call("POST", path, {"name": "Another", "allowed_origins": list(origins), **more})

    def connect(self, url: str, name: str = "A bridge") -> dict[str, Any]:
        """A custom webhook of the demo's assistant: `{connection, inbound_url, inbound_secret, ...}`."""
        config = {"url": url, "events": ["message.created"]}
        body = {"kind": "custom_webhook", "name": name, "assistant_id": self.demo["assistant_id"], "config": config}
        return self.call("POST", "/connections", body)

    def line(self, name: str = "Our number", number: str = NUMBER) -> dict[str, Any]:
        """A telephone number at Twilio that the demo's assistant answers: its connection, with `inbound_url`.

        Each number is one connection's, so whoever shares a demo asks for one of their own.

        Nothing is asked of Twilio for a call that it tells us of, so its account is nobody's.
        """
        self.call("PUT", "/secrets/voice-token", {"value": TOKEN})
        body = {
            "kind": "twilio_voice",
            "name": name,
            "assistant_id": self.demo["assistant_id"],
            "config": {"account_sid": ACCOUNT, "from_number": number, "mode": "gather"},
            "credentials": {"auth_token": "voice-token"},
        }
        return self.call("POST", "/connections", body)

    @staticmethod
    def say(inbound_url: str, secret: str, text: str, key: str) -> dict[str, Any]:
        """What a bridge does when somebody writes to it: the answer is `{id, conversation_id}`."""
        body = json.dumps({"conversation_key": key, "text": text}).encode()
        headers = standard_webhooks.headers_for([secret], f"msg_{uuid.uuid4().hex}", body)
        headers["Content-Type"] = "application/json"
        request = urllib.request.Request(inbound_url, method="POST", data=body, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            parsed: dict[str, Any] = json.load(answer)
        return parsed

    def revoke(self, deployment_id: str) -> None:
        """Revoke a deployment."""
        self.call("POST", f"/deployments/{deployment_id}/revoke")

    def messages(self, conversation_id: str) -> list[dict[str, Any]]:
        """Every message of a conversation, as the database has it."""
        found: list[dict[str, Any]] = []
        path: str | None = f"/conversations/{conversation_id}/messages?limit=100"
        while path:
            page = self.call("GET", path)
            found += page["results"]
            path = page["next"] and page["next"].split("/v1", 1)[1]
        return found

    def said(self, conversation_id: str, kind: str = "visitor") -> list[str]:
        """What one side said, in order."""
        messages = sorted(self.messages(conversation_id), key=lambda message: message["seq"])
        return [message["text"] for message in messages if message["author"]["kind"] == kind]
