"""What a web process counts is written soon, and when it ends."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from django.conf import settings

from convoship.lib.tenancy import tenant
from deployments.deploying import NewDeployment
from deployments.models import RefusedOrigin, TokenUse
from tests import factories
from tests.driver import wait_for
from tests.reliability.processes import web_processes

pytestmark = pytest.mark.django_db(transaction=True)

ELSEWHERE = "https://elsewhere.example"


def ask(address: str, made: NewDeployment, origin: str) -> int:
    url = f"{address}/v1/public/runtime/config?agent_id={made.deployment.assistant_id}"
    return httpx.get(url, headers={"Authorization": f"Bearer {made.token}", "Origin": origin}).status_code


def counted(made: NewDeployment) -> tuple[int, int]:
    """Loads from the shop, refusals of elsewhere, as they are written."""
    with tenant(made.deployment.workspace_id):
        loads = TokenUse.objects.filter(origin=factories.SHOP).values_list("loads", flat=True)
        refusals = RefusedOrigin.objects.filter(origin=ELSEWHERE).values_list("count", flat=True)
        return sum(loads), sum(refusals)


def test_what_is_counted_is_written_while_the_process_runs_and_when_it_ends(tmp_path: Path) -> None:
    made = factories.make_deployment(factories.make_workspace())
    with web_processes(1, settings.REDIS_URL, tmp_path) as [address]:
        assert ask(address, made, factories.SHOP) == 200
        assert ask(address, made, ELSEWHERE) == 403
        wait_for("the counts to be written", lambda: counted(made) == (1, 1))
        assert ask(address, made, factories.SHOP) == 200
        assert ask(address, made, ELSEWHERE) == 403
        # The process is ended at once, before the next batch is due.
    assert counted(made) == (2, 2)
    assert b"could not be written" not in (tmp_path / "web0.log").read_bytes()
