"""Budgets, usage and prices over the API and on the pages: set, shown, refused with what to do."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from convoship.lib.tenancy import tenant
from deployments import budgets, model_prices
from deployments.budgets import Who
from deployments.models import Assistant, AssistantVersion, Budget, Deployment, ModelPrice, Person
from deployments.responders.base import Usage
from deployments.responders.llm_content import PRESETS
from tests import factories
from workspaces.models import AuditEvent, Workspace

pytestmark = pytest.mark.django_db

CALL = Usage("gpt-4o-mini", 1000, 100)


@pytest.fixture
def workspace() -> Workspace:
    return factories.make_workspace()


@pytest.fixture
def deployment(workspace: Workspace) -> Deployment:
    with tenant(workspace.id):
        return factories.make_deployment(workspace).deployment


def call(workspace: Workspace, method: str, path: str, body: Any = None, status: int = 200, **key: Any) -> Any:
    made = factories.make_api_key(workspace, **key)
    answer = Client().generic(
        method,
        f"/v1{path}",
        json.dumps(body) if body is not None else "",
        content_type="application/json",
        headers={"Authorization": f"Bearer {made.token}"},
    )
    assert answer.status_code == status, answer.content
    return json.loads(answer.content) if answer.content else None


def signed_in(workspace: Workspace, role: str = "owner") -> Client:
    client = Client()
    client.force_login(factories.member(workspace, role) if role != "owner" else factories.owner_of(workspace))
    return client


def spend(workspace: Workspace, deployment: Deployment, usage: Usage = CALL, **who: Any) -> None:
    with tenant(workspace.id):
        usual: dict[str, Any] = {"deployment_id": deployment.id, "origin": "https://shop.example"}
        taken = budgets.take(Who(**(usual | who)), usage)
        if isinstance(taken, str):
            budgets.settle(taken, usage)


def one(measure: str, per: str, most: float) -> dict[str, Any]:
    return {"measure": measure, "per": per, "most": most}


def test_budgets_are_set_as_a_whole_and_say_how_they_stand(workspace: Workspace, deployment: Deployment) -> None:
    path = f"/deployments/{deployment.id}/budgets"
    wanted = [one("messages", "visitor", 1), one("money", "day", 2.5)]
    answer = call(workspace, "PUT", path, {"budgets": wanted})
    assert [one(it["measure"], it["per"], it["most"]) for it in answer["budgets"]] == wanted
    visitor = uuid.uuid4()
    for _ in range(2):
        spend(workspace, deployment, visitor_id=visitor)
    [messages, money] = call(workspace, "GET", path)["budgets"]
    assert (messages["taken"], messages["whose"], messages["spent"], messages["spent_by"]) == (
        1,
        str(visitor),
        True,
        str(visitor),
    )
    # 1,000 tokens at 0.15 and 100 at 0.60 US dollars a million.
    assert (money["taken"], money["spent"], money["spent_at"]) == (0.00021, False, None)
    # A larger one has room at once, and has counted on.
    call(workspace, "PUT", path, {"budgets": [one("messages", "visitor", 2)]})
    [messages] = call(workspace, "GET", path)["budgets"]
    assert (messages["most"], messages["taken"], messages["spent"]) == (2, 1, False)
    call(workspace, "PUT", path, {"budgets": []})
    assert call(workspace, "GET", path)["budgets"] == []
    with tenant(workspace.id):
        told = [event.data["budgets"] for event in AuditEvent.objects.filter(action="budgets.changed").order_by("id")]
    assert {"messages visitor": "1 message", "money day": "2.50 USD"} in told


def test_the_workspace_s_budgets_hold_for_all_of_it(workspace: Workspace, deployment: Deployment) -> None:
    call(workspace, "PUT", "/budgets", {"budgets": [one("messages", "day", 1)]})
    spend(workspace, deployment)
    spend(workspace, deployment, deployment_id=None)
    [standing] = call(workspace, "GET", "/budgets")["budgets"]
    assert (standing["taken"], standing["spent"]) == (1, True)
    assert call(workspace, "GET", f"/deployments/{deployment.id}/budgets")["budgets"] == []


@pytest.mark.parametrize(
    ("wanted", "path", "words"),
    [
        ([one("messages", "day", 0)], "budgets[0].most", "A whole number from 1 to 10,000,000."),
        ([one("messages", "day", -1)], "budgets[0].most", "A whole number from 1 to 10,000,000."),
        ([one("money", "day", -1)], "budgets[0].most", "US dollars such as 2.50"),
        ([one("tokens", "day", 1.5)], "budgets[0].most", "A whole number from 1 to 1,000,000,000,000."),
        ([one("tokens", "day", 1e300)], "budgets[0].most", "A whole number from 1 to 1,000,000,000,000."),
        ([one("money", "day", 0.0000001)], "budgets[0].most", "US dollars such as 2.50"),
        ([one("money", "day", 1), one("money", "day", 2)], "budgets[1]", "There is one like it above."),
    ],
)
def test_what_can_be_no_budget_is_refused_with_its_place(
    workspace: Workspace, wanted: list[Any], path: str, words: str
) -> None:
    answer = call(workspace, "PUT", "/budgets", {"budgets": wanted}, 422)
    assert answer["errors"][path][0].startswith(words)
    with tenant(workspace.id):
        assert not Budget.objects.exists()


def test_usage_says_who_took_what(workspace: Workspace, deployment: Deployment) -> None:
    with tenant(workspace.id):
        ada = Person.objects.create(name="Ada")
    spend(workspace, deployment, visitor_id=ada.id)
    spend(workspace, deployment, Usage("own-model", 5, 5), visitor_id=uuid.uuid4(), origin="sms", deployment_id=None)
    found = call(workspace, "GET", "/usage?days=7")
    assert (found["total"]["messages"], found["total"]["tokens_in"], found["total"]["cost"]) == (2, 1005, 0.00021)
    assert [(row["key"], row["cost"], row["unpriced"]) for row in found["models"]] == [
        ("gpt-4o-mini", 0.00021, 0),
        ("own-model", 0, 1),
    ]
    assert [row["key"] for row in found["origins"]] == ["https://shop.example", "sms"]
    assert [row["messages"] for row in found["days"]] == [2]
    of_one = call(workspace, "GET", f"/usage?deployment_id={deployment.id}")
    assert [row["key"] for row in of_one["visitors"]] == [str(ada.id)]
    for query in ("days=0", "days=91", "days=x", "deployment_id=1", "more=1"):
        call(workspace, "GET", f"/usage?{query}", status=422)
    call(workspace, "GET", f"/usage?deployment_id={uuid.uuid4()}", status=404)
    page = signed_in(workspace).get("/app/usage/").content.decode()
    assert "Ada" in page
    assert "Somebody who is forgotten" in page
    assert "0.00021 USD" in page
    assert "no price" in page


def test_prices_are_added_and_deleted_and_the_product_s_have_their_date(workspace: Workspace) -> None:
    new = {"model": " gpt-4o* ", "price_in": 0.5, "price_out": 0, "valid_from": "2026-01-31"}
    made = call(workspace, "POST", "/model-prices", new, 201)
    assert made | new == made | {"id": made["id"]} | {"model": " gpt-4o* "} | new
    assert made["model"] == "gpt-4o*"
    shown = call(workspace, "GET", "/model-prices")
    assert shown["prices"][0] == made
    ours = next(it for it in shown["prices"] if it["model"] == "gpt-4o-mini")
    assert (ours["id"], ours["price_in"], ours["price_out"], ours["valid_from"]) == (None, 0.15, 0.6, "2026-10-03")
    assert "OpenAI (https://developers.openai.com/api/docs/pricing, 2026-10-03)" in shown["source"]
    assert "valid_from" in call(workspace, "POST", "/model-prices", new, 422)["errors"]
    call(workspace, "DELETE", f"/model-prices/{made['id']}", status=204)
    with tenant(workspace.id):
        assert not ModelPrice.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model", ""),
        ("model", "*"),
        ("model", "a*b"),
        ("price_in", 1e9),
        ("price_out", 0.0000001),
        ("valid_from", "31.1.2026"),
    ],
)
def test_what_can_be_no_price_is_refused(workspace: Workspace, field: str, value: Any) -> None:
    new = {"model": "m", "price_in": 1, "price_out": 1, "valid_from": "2026-01-31", field: value}
    assert field in call(workspace, "POST", "/model-prices", new, 422)["errors"]


def test_the_page_sets_budgets_and_keeps_what_was_typed_wrong(workspace: Workspace, deployment: Deployment) -> None:
    client = signed_in(workspace)
    path = f"/app/deployments/{deployment.id}/budgets"
    answer = client.post(f"{path}/save", {"messages_visitor": "1", "money_day": "many", "tokens_day": "\x00"})
    assert answer.status_code == 422
    assert "US dollars such as 2.50: more than 0, at most 1,000,000, 6 decimals at most." in answer.content.decode()
    assert 'value="many"' in answer.content.decode()
    with tenant(workspace.id):
        assert not Budget.objects.exists()
    answer = client.post(f"{path}/save", {"messages_visitor": "1", "money_day": "2.50"}, follow=True)
    page = answer.content.decode()
    assert 'value="2.5"' in page
    assert 'name="messages_visitor" value="1"' in page
    assert "0.00 USD of 2.50 USD" in page
    with tenant(workspace.id):
        ada = Person.objects.create(name="Ada")
    for _ in range(2):
        spend(workspace, deployment, visitor_id=ada.id)
    page = client.get(path).content.decode()
    assert "Spent" in page
    assert "There is room again from" in page
    # Told on each of the deployment's pages.
    badge = 'Budgets <span class="badge warn plain">spent</span>'
    assert badge in client.get(f"/app/deployments/{deployment.id}/").content.decode()
    assert page.count("Ada") >= 2


@pytest.mark.parametrize(
    ("field", "typed", "kept"),
    [
        ("money_day", "2,50", 2_500_000_000),
        ("money_day", "1,000.50", 1_000_500_000_000),
        ("money_day", "1,000", None),
        ("money_day", "1.000,50", None),
        ("money_day", "2,5,0", None),
        ("messages_day", "1,000", 1000),
        ("messages_day", "1.000", 1000),
        ("messages_day", "1 000 000", 1_000_000),
        ("messages_day", "1,000.000", None),
        ("messages_day", "2,50", None),
        ("messages_day", "2.5", None),
    ],
)
def test_an_amount_is_read_as_it_was_meant_or_not_at_all(
    workspace: Workspace, field: str, typed: str, kept: int | None
) -> None:
    answer = signed_in(workspace).post("/app/usage/budgets", {field: typed})
    with tenant(workspace.id):
        found = [budget.most for budget in Budget.objects.all()]
    assert (answer.status_code, found) == ((422, []) if kept is None else (302, [kept]))
    if kept is None:
        assert f'value="{typed}"' in answer.content.decode()


def test_what_members_try_has_a_line_of_its_own(workspace: Workspace, deployment: Deployment) -> None:
    spend(workspace, deployment, origin="sms")
    found = call(workspace, "GET", "/usage")
    assert found["tried"]["calls"] == 0
    assert "Tried by members" not in signed_in(workspace).get("/app/usage/").content.decode()
    spend(workspace, deployment, deployment_id=None, origin="")
    found = call(workspace, "GET", "/usage")
    assert (found["tried"]["messages"], found["tried"]["tokens_in"], found["total"]["messages"]) == (1, 1000, 2)
    assert "Tried by members" in signed_in(workspace).get("/app/usage/").content.decode()


def test_who_may_not_write_sees_and_changes_nothing(workspace: Workspace, deployment: Deployment) -> None:
    client = signed_in(workspace, "viewer")
    for path in (f"/app/deployments/{deployment.id}/budgets", "/app/usage/", "/app/usage/prices/"):
        page = client.get(path)
        assert page.status_code == 200
        assert ">Save</button>" not in page.content.decode()
    for path in (f"/app/deployments/{deployment.id}/budgets/save", "/app/usage/budgets", "/app/usage/prices/add"):
        assert client.post(path, {"messages_day": "1"}).status_code == 403
    call(workspace, "PUT", "/budgets", {"budgets": []}, 403, scopes=["workspace:read"])


def test_each_of_the_product_s_prices_has_its_page_and_a_day_that_has_been() -> None:
    names = [price.model for price in model_prices.defaults()]
    assert len(names) == len(set(names)) > 20
    for each in model_prices.listed():
        assert each.source.startswith("https://")
        assert each.as_of <= timezone.now().date()
        assert all(0 < price.price_in <= price.price_out < 1000 for price in each.prices)
    # Of every provider whose models are offered, the one that is offered has a price.
    offered = [preset.model for preset in PRESETS.values() if preset.needs_key and preset.model]
    assert [name for name in offered if model_prices._best(name, model_prices.defaults()) is None] == []


def test_the_page_says_of_each_price_where_it_stands_since_when_and_that_yours_go_first(workspace: Workspace) -> None:
    page = signed_in(workspace).get("/app/usage/prices/").content.decode()
    for each in model_prices.listed():
        assert f'href="{each.source}"' in page
    assert "as of 3 October 2026" in page
    assert "add your own above" in page
    read = signed_in(workspace, "viewer").get("/app/usage/prices/").content.decode()
    assert "an admin can add your own here" in read


def test_the_page_adds_and_deletes_prices(workspace: Workspace) -> None:
    client = signed_in(workspace)
    new = {"model": "own-1", "price_in": "0.25", "price_out": "x", "valid_from": "2026-01-31"}
    answer = client.post("/app/usage/prices/add", new)
    assert answer.status_code == 422
    assert 'value="own-1"' in answer.content.decode()
    page = client.post("/app/usage/prices/add", new | {"price_out": "2"}, follow=True).content.decode()
    assert "own-1 has a price from 2026-01-31 on." in page
    with tenant(workspace.id):
        row = ModelPrice.objects.get()
    page = client.post(f"/app/usage/prices/{row.id}/delete", follow=True).content.decode()
    assert "The price of own-1 is deleted." in page


def test_a_money_budget_for_a_model_without_a_price_is_warned_of(workspace: Workspace, deployment: Deployment) -> None:
    with tenant(workspace.id):
        Budget.objects.create(deployment=deployment, measure="money", per="day", most=1)
        version = deployment.assistant.published
        assert version is not None
        content = version.content | {"responder": "llm", "llm": {"base_url": "https://m.example/v1", "model": "mine"}}
        factories.replace_version(version, content)
        Assistant.objects.update(published=AssistantVersion.objects.get())
        cheap = content | {"llm": {"base_url": "https://m.example/v1", "model": "gpt-4o-mini", "cheaper": "mine-small"}}
    page = signed_in(workspace).get(f"/app/deployments/{deployment.id}/budgets").content.decode()
    assert "<code>mine</code> has no price" in page
    with tenant(workspace.id):
        Budget.objects.update(deployment=None)
        factories.replace_version(AssistantVersion.objects.get(), cheap)
        Assistant.objects.update(published=AssistantVersion.objects.get())
    page = signed_in(workspace).get(f"/app/deployments/{deployment.id}/budgets").content.decode()
    assert "<code>mine-small</code> has no price" in page
    page = signed_in(workspace).get("/app/usage/").content.decode()
    assert "<code>mine-small</code> has no price" in page
    with tenant(workspace.id):
        Budget.objects.all().delete()
    assert "has no price" not in signed_in(workspace).get("/app/usage/").content.decode()
