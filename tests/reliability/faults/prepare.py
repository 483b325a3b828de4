"""Run with the product's environment: makes the workspaces and connections of a run, and prints JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

from tests.reliability.faults import entry


def main(provider: str) -> dict[str, Any]:
    """By name: the inbound path, the secret that signs towards us, and the path at the provider."""
    from channels_app import connections
    from convoship.lib.tenancy import tenant
    from deployments.models import Assistant
    from tests import factories

    made = {}
    for name, kind, path in (
        ("main", "custom_webhook", "/keyed/main"),
        ("other", "custom_webhook", "/keyed/other"),
        ("unkeyed", entry.Unkeyed.kind, "/unkeyed/main"),
    ):
        workspace = factories.make_workspace(name=name)
        assistant: Assistant = factories.make_assistant(workspace)
        with tenant(workspace.id):
            new = connections.create(
                factories.actor(workspace),
                kind=kind,
                name=name,
                assistant_id=assistant.id,
                config={"url": f"{provider}{path}", "events": ["message.created"]},
                credentials={},
            )
        made[name] = {
            "workspace": str(workspace.id),
            "connection": str(new.connection.id),
            "inbound": f"/v1/public/channels/{kind}/{new.connection.id}",
            "secret": new.secrets["inbound_secret"],
            "path": path,
        }
    return made


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
