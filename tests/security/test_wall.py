"""The wall between workspaces as PostgreSQL has it, asked of the catalogue: no later table can be forgotten."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.db.utils import IntegrityError, ProgrammingError

from convoship.lib.tenancy import AnotherTenant, NoTenant, TenantManager, in_tenant, tenant
from deployments.models import Assistant, AssistantVersion, Message
from tests import factories

pytestmark = pytest.mark.django_db

DOORS = {
    "due_reply_mails",
    "locate_reply_mail",
    "resolve_callback",
    "resolve_continuation",
    "all_workspaces",
    "channel_backlog",
    "due_answers",
    "due_budget_notices",
    "due_callbacks",
    "due_call_courses",
    "due_channel_work",
    "due_desk_cases",
    "due_erasures",
    "due_embeddings",
    "due_files",
    "due_knowledge",
    "due_member_mails",
    "due_mentions",
    "resolve_connection",
    "due_steps",
    "due_work",
    "locate_session",
    "pulse",
    "resolve_api_key",
    "resolve_preview",
    "resolve_session",
    "resolve_token",
    "search_conversations",
    "staff_workspaces",
    "workspaces_of",
}
# Tables without a tenant: people who sign in, processes' signs of life, keys of deleted files, and the libraries' own.
SHARED_TABLES = {
    "account_emailaddress",
    "account_emailconfirmation",
    "auth_group",
    "auth_group_permissions",
    "auth_permission",
    "axes_accessattempt",
    "axes_accessattemptexpiration",
    "axes_accessfailurelog",
    "axes_accesslog",
    "channels_app_workerbeat",
    "channels_app_mediabeat",
    "deployments_answererbeat",
    "deployments_gonefile",
    "django_admin_log",
    "django_content_type",
    "django_migrations",
    "django_session",
    "workspaces_signinlink",
    "workspaces_user",
    "workspaces_user_groups",
    "workspaces_user_user_permissions",
}


def rows(sql: str, *parameters: uuid.UUID) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def test_the_product_runs_as_a_role_that_owns_nothing_and_bypasses_nothing() -> None:
    [(superuser, bypass)] = rows("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
    assert (superuser, bypass) == (False, False)
    assert rows("SELECT relname FROM pg_class WHERE relowner = current_user::regrole") == []


def test_every_table_but_the_named_ones_has_forced_row_level_security() -> None:
    tables = rows(
        "SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class"
        " WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
    )
    unguarded = {name for name, enabled, forced in tables if not (enabled and forced)}
    assert unguarded == SHARED_TABLES


def test_every_policy_checks_reads_and_writes() -> None:
    policies = rows("SELECT tablename, policyname, qual, with_check FROM pg_policies WHERE schemaname = 'public'")
    assert policies
    assert [name for name, _, qual, check in policies if not qual or not check] == []


def test_the_doors_through_the_wall_are_the_listed_ones_with_a_fixed_search_path() -> None:
    functions = rows("SELECT proname, proconfig FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace")
    assert {name for name, _ in functions} == DOORS
    assert all(config == ["search_path=public, pg_temp"] for _, config in functions)


def test_every_tenant_model_is_managed_by_the_manager_that_raises() -> None:
    tables = {
        model._meta.db_table
        for model in apps.get_models()
        if isinstance(model._default_manager, TenantManager) and isinstance(model._base_manager, TenantManager)
    }
    guarded = {name for (name,) in rows("SELECT relname FROM pg_class WHERE relrowsecurity AND relkind = 'r'")}
    assert tables == guarded


def test_a_query_outside_a_workspace_raises() -> None:
    with pytest.raises(NoTenant):
        Assistant.objects.count()
    with pytest.raises(NoTenant):
        Assistant(name="x").save()


def test_raw_sql_without_a_workspace_sees_nothing_and_writes_nothing(two_workspaces: list[uuid.UUID]) -> None:
    assert rows("SELECT count(*) FROM deployments_assistant") == [(0,)]
    assert rows("SELECT count(*) FROM workspaces_workspace") == [(0,)]
    with pytest.raises(ProgrammingError), transaction.atomic():
        rows(
            "INSERT INTO deployments_assistant (id, workspace_id, name, responder, draft, draft_changed_at, created_at)"
            " VALUES (gen_random_uuid(), %s, 'x', 'scripted', '{}', now(), now()) RETURNING id",
            two_workspaces[0],
        )


def test_raw_sql_in_one_workspace_sees_only_its_own_rows(two_workspaces: list[uuid.UUID]) -> None:
    first, second = two_workspaces
    with tenant(first):
        assert {row[0] for row in rows("SELECT DISTINCT workspace_id FROM deployments_assistant")} == {first}
        assert rows("UPDATE deployments_assistant SET name = 'y' WHERE workspace_id = %s RETURNING id", second) == []


def test_a_row_can_not_be_moved_to_another_workspace(two_workspaces: list[uuid.UUID]) -> None:
    first, second = two_workspaces
    with pytest.raises(ProgrammingError), tenant(first):
        rows("UPDATE deployments_assistant SET workspace_id = %s RETURNING id", second)
    with tenant(first):
        assistant = Assistant.objects.first()
        assert assistant is not None
        assistant.workspace_id = second
        with pytest.raises(AnotherTenant):
            assistant.save()


def test_workspaces_do_not_nest(two_workspaces: list[uuid.UUID]) -> None:
    with tenant(two_workspaces[0]), pytest.raises(AnotherTenant), tenant(two_workspaces[1]):
        pass


def test_the_setting_ends_with_the_block_even_inside_a_larger_transaction(two_workspaces: list[uuid.UUID]) -> None:
    with transaction.atomic():
        with tenant(two_workspaces[0]):
            assert rows("SELECT count(*) FROM deployments_assistant") != [(0,)]
        assert rows("SELECT count(*) FROM deployments_assistant") == [(0,)]


def test_an_error_in_the_block_leaves_no_workspace_behind(two_workspaces: list[uuid.UUID]) -> None:
    with transaction.atomic():
        with pytest.raises(ZeroDivisionError), tenant(two_workspaces[0]):
            1 / 0  # noqa: B018
        assert rows("SELECT count(*) FROM deployments_assistant") == [(0,)]
    with pytest.raises(NoTenant):
        Message.objects.count()


def test_only_synchronous_acts_can_enter_a_workspace_by_thread() -> None:
    async def act() -> None: ...

    with pytest.raises(TypeError):
        in_tenant(act)


@pytest.fixture
def two_workspaces(db: None) -> list[uuid.UUID]:
    from tests import factories

    found = []
    for _ in range(2):
        workspace = factories.make_workspace()
        factories.make_assistant(workspace)
        found.append(workspace.id)
    return found


@pytest.mark.parametrize("change", [{"content": {"name": "Another"}}, {"number": 7}])
def test_a_published_version_never_changes_whoever_writes(change: dict[str, Any]) -> None:
    made = factories.make_deployment(factories.make_workspace())
    with tenant(made.deployment.workspace_id):
        versions = AssistantVersion.objects.filter(assistant=made.deployment.assistant_id)
        with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
            versions.update(**change)
        versions.update(published_by=None)  # who published it may leave
