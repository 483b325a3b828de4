"""Run with the product's environment: makes a workspace, a deployment and visitors' sessions, and prints JSON."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import django


def main(sessions: int) -> dict[str, Any]:
    """What the loads need to know."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "convoship.settings")
    django.setup()
    from django.conf import settings
    from django.test import Client

    from tests import factories

    workspace = factories.make_workspace()
    made = factories.make_deployment(workspace)
    opened = [factories.start_session(made) for _ in range(sessions)]
    member = Client()
    member.force_login(factories.owner_of(workspace), backend=settings.AUTHENTICATION_BACKENDS[-1])
    return {
        "origin": made.deployment.allowed_origins[0],
        "agent_id": str(made.deployment.assistant_id),
        "token": made.token,
        "cookie": f"{settings.SESSION_COOKIE_NAME}={member.cookies[settings.SESSION_COOKIE_NAME].value}",
        "sessions": [
            {"id": str(one.session.id), "conversation": str(one.session.conversation_id), "token": one.token}
            for one in opened
        ],
    }


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
