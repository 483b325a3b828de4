"""Going back to an earlier version, as visitors meet it."""

from __future__ import annotations

from typing import Any

from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import publishing, versions
from deployments.models import Assistant, AssistantVersion
from tests import factories
from tests.runtime.conftest import Site


def script(answer: str) -> dict[str, Any]:
    return {"intents": [{"name": "Hours", "phrases": ["opening hours"], "answers": [{"text": answer}]}]}


def site_of(*answers: str) -> Site:
    """A page whose assistant was published with each of these answers, one after another."""
    workspace = factories.make_workspace()
    assistant = factories.make_assistant(workspace, published=False, template=None)
    who = factories.actor(workspace)
    with tenant(workspace.id):
        for answer in answers:
            publishing.change_draft(who, Assistant.objects.get(id=assistant.id), scripted=script(answer))
            publishing.publish(who, assistant.id)
    return Site(factories.make_deployment(workspace, assistant))


def restore(site: Site, number: int, *, publish: bool) -> None:
    with tenant(site.workspace_id):
        who = factories.actor(AssistantVersion.objects.select_related("workspace")[0].workspace)
        versions.restore(who, site.made.deployment.assistant_id, number, publish=publish)


async def answer_of(site: Site, session: Any) -> str:
    said = await site.say(session, "opening hours")
    text: str = said.data["replies"][0]["text"]
    return text


async def test_going_back_reaches_new_conversations_and_none_that_is_under_way(transactional_db: None) -> None:
    site = await in_thread(site_of, "9 to 5", "9 to 6")
    running = (await site.start()).data
    assert await answer_of(site, running) == "9 to 6"
    await in_thread(restore, site, 1, publish=False)
    assert await answer_of(site, (await site.start()).data) == "9 to 6"
    await in_thread(restore, site, 1, publish=True)
    assert await answer_of(site, running) == "9 to 6"
    assert await answer_of(site, (await site.start()).data) == "9 to 5"
