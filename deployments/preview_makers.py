"""Who made a preview token, and whether they still may: a preview goes with its maker's right to make one."""

from __future__ import annotations

from convoship.lib.problems import Problem
from deployments.models import PreviewToken
from workspaces import api_keys, members


def check(preview: PreviewToken) -> None:
    """401 where who made it may not any more, or nobody is known who did. Inside `tenant()`."""
    if preview.made_by_id is not None:
        is_good = members.may(preview.made_by_id, preview.permission)
    else:
        is_good = preview.made_by_key_id is not None and api_keys.is_live(preview.made_by_key_id)
    if not is_good:
        raise Problem(
            "token_revoked",
            "This preview is over: who made it may not make one any more.",
            hint="Ask somebody else of the workspace for a test link.",
        )
