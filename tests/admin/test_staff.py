"""Django admin: staff look into one workspace at a time, and that is on the record."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db import connection, models
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from channels_app import connections, consents, enqueueing, inbound
from channels_app.models import (
    Call,
    CallCourse,
    CallRecording,
    CallSpeech,
    CallStep,
    CallTransfer,
    CallTurn,
    Connection,
    DeliveryAttempt,
    DeskCase,
    InteractiveContent,
    MemberTelephone,
    MessageTemplate,
    RecordingPart,
    Rehearsal,
    RehearsalCall,
    RehearsalLine,
    RehearsalPicture,
    RelayTicket,
    ServiceWindow,
    SpendingCount,
    TemplateSync,
)
from channels_app.providers.base import SignatureInvalid
from channels_app.providers.events import MessageReceived
from convoship.lib.actors import Actor
from convoship.lib.problems import Problem
from convoship.lib.tenancy import TenantManager, tenant
from deployments import (
    canned,
    conversations,
    erased_addresses,
    merging,
    notes,
    people,
    person_changes,
    person_fields,
    tagging,
    visits,
)
from deployments.knowledge import sources
from deployments.models import (
    Assistant,
    Budget,
    BudgetCount,
    BudgetNotice,
    Conversation,
    Deployment,
    File,
    Handoff,
    IdentitySecret,
    KnowledgeChunk,
    KnowledgeEmbedding,
    KnowledgePage,
    KnowledgeVocabulary,
    Mention,
    ModelPrice,
    PreviewToken,
    RefusedOrigin,
    ReplyMail,
    ResponderHealth,
    Rollout,
    SavedView,
    Spending,
    TokenUse,
    WebhookCallback,
    WebhookSecret,
)
from deployments.models.person import IdentityKind
from tests import factories
from tests.channels import files_in_messages
from tests.channels.requests import request_of
from tests.rolling_back import rolled_back
from workspaces import secret_hosts, secret_store, staff
from workspaces.models import AuditEvent, IdempotencyKey, User, Workspace
from workspaces.secret_hosts import Pointing
from workspaces.tenant_admin import TenantAdmin

PICKER = "/admin/workspace/"
TENANT_MODELS = [
    model
    for model in apps.get_models()
    if isinstance(model._default_manager, TenantManager) and model is not IdempotencyKey
]


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture(scope="module")
def acme(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Workspace]:
    """A workspace that has something of everything: to make it takes longer than most of what is done with it."""
    with django_db_blocker.unblock(), rolled_back():
        made = _of_everything()
        with django_db_blocker.block():
            yield made


@pytest.fixture(autouse=True)
def written_is_rolled_back(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """In place of the mark `django_db`, which takes no transaction around it for its own."""
    with django_db_blocker.unblock(), rolled_back():
        yield


@pytest.fixture
def full(acme: Workspace) -> Workspace:
    """It as nobody touched it."""
    return copy.deepcopy(acme)


def _of_everything() -> Workspace:
    workspace = factories.make_workspace(name="Acme")
    factories.make_api_key(workspace)
    made = factories.make_deployment(workspace)
    opened = factories.start_session(made)
    with tenant(workspace.id):
        _what_deploying_leaves(made.deployment)
        secret_store.write(factories.actor(workspace), "token", "the value of a secret")
        secret_hosts.point(factories.actor(workspace), [Pointing("key", "token", "https://api.example/v1")], {})
        _what_answering_costs(made.deployment)
        _what_connections_leave(workspace, made.deployment)
        conversation = opened.session.conversation
        tagging.put(factories.actor(workspace), conversation, ["parcel"])
        SavedView.objects.create(name="Mine")
        File.objects.create(conversation=conversation, key="a", name="a.pdf", content_type="application/pdf", size=1)
        who = factories.actor(workspace)
        note = notes.add(who, conversations.lock(conversation.id), "A note").note
        Mention.objects.create(note=note, user=factories.owner_of(workspace))
        _what_is_known(who, conversation.assistant)
        canned.create(who, shortcut="hello", title="Hello", text="Hello!")
        person_fields.create(who, key="plan", label="Plan", kind="text")
        person_changes.add_note(who, conversation.person, "Kind.")
        merging.merge(who, conversation.person, people.person_at([(IdentityKind.PHONE, "+14155550123")], {}))
        erased_addresses.digest_of("+14155550123")
        now = timezone.now()
        ReplyMail.objects.create(conversation=conversation, address="a@b.example", from_seq=1, to_seq=1, due_at=now)
    visit = visits.resolve(opened.token, opened.session.id)
    visits.post(visit, factories.caller(), visits.VisitorMessage(client_id="one", text="hello"))
    visits.ask_for_person(visit, factories.caller(), "The visitor asked.")
    return workspace


def _what_is_known(who: Actor, assistant: Assistant) -> None:
    """A text that is not read yet, what one leaves that is, and an endpoint."""
    source = sources.add_text(who, assistant, title="Hours", text="Open from nine to five.")
    page = KnowledgePage.objects.create(source=source, title="Hours")
    KnowledgeChunk.objects.create(
        assistant=assistant, page=page, position=0, text="Open.", language="english", folded="open"
    )
    KnowledgeVocabulary.objects.create(assistant=assistant, words=["open"], passages=1)
    KnowledgeEmbedding.objects.create(assistant=assistant, base_url="https://api.example/v1", model="one")


def _what_answering_costs(deployment: Deployment) -> None:
    """A budget that is spent, what was taken of it, and a price."""
    today = timezone.now().date()
    budget = Budget.objects.create(deployment=deployment, measure="messages", per="day", most=1)
    BudgetCount.objects.create(budget=budget, day=today, count=1)
    BudgetNotice.objects.create(budget=budget, level="spent", day=today)
    ModelPrice.objects.create(model="one", price_in=1, price_out=2, valid_from=today)
    Spending.objects.create(deployment=deployment, day=today, model="one")
    ResponderHealth.objects.create(assistant=deployment.assistant, code="key", reason="It refuses the key.")


def _what_deploying_leaves(deployment: Deployment) -> None:
    """Rows whose making is told in their own tests."""
    now = timezone.now()
    token = deployment.tokens.get()
    TokenUse.objects.create(deployment=deployment, token=token, first_used_at=now, last_used_at=now)
    RefusedOrigin.objects.create(deployment=deployment, rule="null", first_seen_at=now, last_seen_at=now)
    IdentitySecret.objects.create(deployment=deployment, sealed=uuid4().bytes * 4, hint="abcd")
    WebhookSecret.objects.create(assistant=deployment.assistant, sealed=uuid4().bytes * 4, hint="abcd")
    WebhookCallback.objects.create(digest=uuid4().bytes * 2, expires_at=now)
    PreviewToken.objects.create(deployment=deployment, digest=uuid4().bytes * 2, expires_at=now)
    version = deployment.assistant.published
    assert version is not None
    Rollout.objects.create(deployment=deployment, base_version=version, theme={}, share=10)


def _what_connections_leave(workspace: Workspace, deployment: Deployment) -> None:
    """A connection, and one of everything that goes over it."""
    now = timezone.now()
    connection = connections.create(
        factories.actor(workspace),
        kind="custom_webhook",
        name="Bridge",
        assistant_id=deployment.assistant_id,
        config={"url": "https://bridge.example/hook", "events": ["message.created"]},
        credentials={},
    ).connection
    request = request_of()
    inbound.record(connection, [MessageReceived(key="one", address="room-1", text="hello")], request)
    inbound.refuse(connection, request, SignatureInvalid("signature_wrong", "No signature fits."))
    consents.note(connection, "room-1", withdrawn=True, source="They wrote STOP.")
    delivery = enqueueing.enqueue_alone(connection, "message.created", {})
    DeliveryAttempt.objects.create(delivery=delivery, number=1, claim=uuid4(), started_at=now)
    files_in_messages.failed(connection, Conversation.objects.earliest("started_at").id)
    RehearsalPicture.objects.create(connection=connection, sid="ME1", name="a.jpg", content=b"a picture")
    Rehearsal.objects.create(connection=connection)
    RehearsalLine.objects.create(connection=connection, kind="said", text="hello")
    SpendingCount.objects.create(connection=connection, what="units", since=now, count=3)
    ServiceWindow.objects.create(connection=connection, address="room-1", wrote_at=now, closes_at=now)
    TemplateSync.objects.create(connection=connection, due_at=now)
    MessageTemplate.objects.create(connection=connection, sid="HX1", name="hello", language="en", synced_at=now)
    InteractiveContent.objects.create(connection=connection, digest="d", sid="HX2")
    _case_at_a_desk(connection, Conversation.objects.earliest("started_at"))
    _what_calls_leave(factories.owner_of(workspace), connection, Conversation.objects.earliest("started_at"))


def _case_at_a_desk(connection: Connection, conversation: Conversation) -> None:
    """A hand-over that is over, and what the desk called it."""
    long = dt.timedelta(minutes=5)
    over = {"state": "closed", "outcome": "resolved", "ended_at": timezone.now()}
    handed = Handoff.objects.create(
        conversation=conversation, cause="visitor", longest_wait=long, longest_silence=long, **over
    )
    DeskCase.objects.create(connection=connection, conversation=conversation, handoff=handed, key=f"{handed.id}.1")


def _what_calls_leave(member: User, connection: Connection, conversation: Conversation) -> None:
    """A call with one of everything that it can have."""
    now = timezone.now()
    call = Call.objects.create(
        connection=connection, conversation=conversation, sid="CA1", last_sign_at=now, ends_by=now, due_at=now
    )
    turn = CallTurn.objects.create(call=call, number=1)
    message = conversation.messages.earliest("seq")
    CallSpeech.objects.create(call=call, turn=turn, message=message, whole="Hello.", heard="Hello.")
    CallStep.objects.create(call=call, at=now, kind="ringing")
    RelayTicket.objects.create(call=call, digest=uuid4().bytes * 2, expires_at=now)
    transfer = CallTransfer.objects.create(call=call, manner="cold", to="+14155550123")
    CallCourse.objects.create(call=call, transfer=transfer)
    made = CallRecording.objects.create(connection=connection, call=call, sid="RE1", kind="recording", due_at=now)
    RecordingPart.objects.create(recording=made, number=0, sound=bytes(range(200)))
    MemberTelephone.objects.create(member=member, number="+14155550123")
    RehearsalCall.objects.create(connection=connection, sid="CA2", direction="inbound", status="ringing", seen_at=now)


@pytest.fixture
def inside(full: Workspace) -> Client:
    """Staff who have entered it."""
    client = signed_in(factories.make_staff())
    answer = client.post(PICKER, {"workspace": str(full.id), "next": "/admin/"})
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")
    return client


def changelist(model: type[models.Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def change_page(model: type[models.Model], pk: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[pk])


def test_every_table_of_a_workspace_is_in_the_admin_and_read_only() -> None:
    for model in TENANT_MODELS:
        registered = admin.site._registry[model]
        assert isinstance(registered, TenantAdmin), model


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model.__name__)
def test_without_a_workspace_a_tenants_table_leads_to_the_picker(full: Workspace, model: type[models.Model]) -> None:
    client = signed_in(factories.make_staff())
    for address in (changelist(model), change_page(model, uuid4())):
        answer = client.get(address)
        assert (answer.status_code, answer["Location"]) == (302, f"{PICKER}?next={address.replace('/', '%2F')}")


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model.__name__)
def test_inside_staff_see_each_table_and_each_row_but_no_digest(
    inside: Client, full: Workspace, model: type[models.Model]
) -> None:
    with tenant(full.id):
        row = model._default_manager.first()
        assert row is not None
        digests = [
            getattr(row, field.name)
            for field in model._meta.concrete_fields
            if isinstance(field, models.BinaryField) and getattr(row, field.name)
        ]
    listed = inside.get(changelist(model))
    assert listed.status_code == 200
    assert "Inside <strong>Acme</strong>" in listed.content.decode()
    searched = inside.get(changelist(model), {"q": "Acme"})
    assert searched.status_code in {200, 302}
    shown = inside.get(change_page(model, row.pk))
    assert shown.status_code == 200
    page = shown.content.decode()
    assert 'name="_save"' not in page
    for digest in digests:
        assert bytes(digest).hex() not in page
        assert str(bytes(digest)) not in page


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model.__name__)
def test_inside_nothing_can_be_added_changed_or_deleted(
    inside: Client, full: Workspace, model: type[models.Model]
) -> None:
    with tenant(full.id):
        row = model._default_manager.first()
        assert row is not None
        before = model._default_manager.filter(pk=row.pk).values().get()
    base = changelist(model)
    assert inside.post(change_page(model, row.pk), {"name": "Taken", "text": "Taken"}).status_code == 403
    assert inside.get(f"{base}add/").status_code == 403
    assert inside.post(f"{base}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    inside.post(base, {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"})
    with tenant(full.id):
        assert model._default_manager.filter(pk=row.pk).values().get() == before


def test_entering_is_written_into_the_workspaces_audit_log(inside: Client, full: Workspace) -> None:
    with tenant(full.id):
        line = AuditEvent.objects.get(action="staff.entered")
        assert (line.actor_kind, line.ip) == ("staff", "127.0.0.1")
        assert User.objects.get(id=str(line.actor_id)).email == line.actor_label
    inside.get(changelist(AuditEvent))
    with tenant(full.id):
        assert AuditEvent.objects.filter(action="staff.entered").count() == 1


def test_another_workspaces_rows_are_not_there(inside: Client) -> None:
    other = factories.make_workspace(name="Other")
    assistant = factories.make_assistant(other, name="Foreign")
    assert "Foreign" not in inside.get("/admin/deployments/assistant/").content.decode()
    answer = inside.get(f"/admin/deployments/assistant/{assistant.id}/change/")
    assert answer.status_code == 302
    assert answer["Location"] == "/admin/"


def test_staff_find_a_workspace_by_name_id_or_a_members_address(full: Workspace) -> None:
    other = factories.make_workspace(name="100% Other_Ltd")
    client = signed_in(factories.make_staff())

    def names(query: str) -> list[str]:
        page = client.get(PICKER, {"q": query})
        assert page.status_code == 200
        return [found.name for found in page.context["found"]]

    assert names("") == ["100% Other_Ltd", "Acme"]
    assert names("acm") == ["Acme"]
    assert names("%") == names("other_") == names(str(other.id)) == ["100% Other_Ltd"]
    assert names(factories.owner_of(full).email.upper()) == ["Acme"]
    assert names("nothing\x00'; --") == []


def test_another_workspace_is_entered_from_inside_one_and_left_again(inside: Client) -> None:
    other = factories.make_workspace(name="Other")
    assert inside.get(PICKER).status_code == 200
    inside.post(PICKER, {"workspace": str(other.id)})
    assert "Inside <strong>Other</strong>" in inside.get("/admin/").content.decode()
    assert inside.get("/admin/workspace/leave/").status_code == 405
    inside.post("/admin/workspace/leave/")
    assert "Inside" not in inside.get("/admin/").content.decode()
    assert inside.get(changelist(Workspace)).status_code == 302


@pytest.mark.parametrize("value", ["", "x", "00000000-0000-4000-8000-000000000000"])
def test_a_workspace_that_is_not_there_can_not_be_entered(value: str) -> None:
    client = signed_in(factories.make_staff())
    assert client.post(PICKER, {"workspace": value}).status_code == 404


@pytest.mark.parametrize("onward", ["https://evil.example/admin/", "//evil.example/admin/", "/app/", "javascript:x"])
def test_the_picker_leads_nowhere_else(full: Workspace, onward: str) -> None:
    client = signed_in(factories.make_staff())
    answer = client.post(PICKER, {"workspace": str(full.id), "next": onward})
    assert answer["Location"] == "/admin/"


def test_a_user_who_is_not_staff_finds_nothing_here(full: Workspace) -> None:
    owner = factories.owner_of(full)
    client = signed_in(owner)
    for address in (PICKER, "/admin/", changelist(Workspace)):
        answer = client.get(address)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/admin/login/")
    assert client.post(PICKER, {"workspace": str(full.id)}).status_code == 302
    assert staff.find(owner, "") == []
    with tenant(full.id):
        assert not AuditEvent.objects.filter(action="staff.entered").exists()


def test_the_door_in_the_database_opens_for_active_staff_alone(full: Workspace) -> None:
    def asked(user_id: UUID) -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM staff_workspaces(%s, '', 10)", [user_id])
            return int(cursor.fetchone()[0])

    somebody = factories.make_staff()
    assert asked(somebody.id) == 1
    User.objects.filter(id=somebody.id).update(is_active=False)
    assert asked(somebody.id) == 0
    assert asked(factories.owner_of(full).id) == asked(uuid4()) == 0


def test_who_was_staff_when_entering_and_is_no_more_sees_nothing(full: Workspace) -> None:
    user = factories.make_staff()
    client = signed_in(user)
    client.post(PICKER, {"workspace": str(full.id)})
    User.objects.filter(id=user.id).update(is_staff=False, is_superuser=False)
    assert client.get(changelist(Workspace))["Location"].startswith("/admin/login/")


def test_staff_without_the_permission_enter_nothing_and_see_only_what_they_may(full: Workspace) -> None:
    user = factories.make_user(is_staff=True)
    client = signed_in(user)
    assert client.get(PICKER).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="view_workspace"))
    assert client.post(PICKER, {"workspace": str(full.id)}).status_code == 302
    assert client.get(changelist(Workspace)).status_code == 200
    assert client.get("/admin/deployments/message/").status_code == 403


def test_entering_does_not_last_for_ever(inside: Client) -> None:
    import datetime as dt

    import time_machine
    from django.utils import timezone

    with time_machine.travel(timezone.now() + dt.timedelta(hours=8, seconds=5)):
        assert inside.get(changelist(Workspace)).status_code == 302


def test_the_act_itself_refuses_who_is_not_staff(full: Workspace, rf: Any) -> None:
    with pytest.raises(Problem):
        staff.enter(rf.get("/"), factories.owner_of(full), full.id)


# --- People -------------------------------------------------------------------------------------------------------


def test_staff_make_and_deactivate_people_but_do_not_delete_them() -> None:
    client = signed_in(factories.make_staff())
    made = client.post(
        "/admin/workspaces/user/add/",
        {
            "email": "New@Example.com",
            "usable_password": "true",
            "password1": "a-Good-One-9",
            "password2": "a-Good-One-9",
        },
    )
    assert made.status_code == 302
    user = User.objects.get(email="new@example.com")
    assert user.check_password("a-Good-One-9")
    assert client.get(f"/admin/workspaces/user/{user.id}/change/").status_code == 200
    assert client.post(f"/admin/workspaces/user/{user.id}/delete/", {"post": "yes"}).status_code == 403
    answer = client.post(f"/admin/workspaces/user/{user.id}/change/", {"email": "new@example.com", "name": "New"})
    assert answer.status_code == 302
    user.refresh_from_db()
    assert (user.is_active, user.name) == (False, "New")
    assert client.get("/admin/workspaces/user/", {"q": "new@"}).status_code == 200


def test_who_may_edit_users_can_not_make_themselves_more() -> None:
    user = factories.make_user(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["change_user", "view_user"]))
    client = signed_in(user)
    boss = factories.make_staff()
    other = factories.make_user()
    assert client.post(f"/admin/workspaces/user/{boss.id}/change/", {"email": "x@example.com"}).status_code == 403
    assert client.post(f"/admin/workspaces/user/{boss.id}/password/", {}).status_code == 403
    client.post(
        f"/admin/workspaces/user/{other.id}/change/",
        {"email": other.email, "is_active": "on", "is_staff": "on", "is_superuser": "on"},
    )
    other.refresh_from_db()
    assert (other.is_staff, other.is_superuser) == (False, False)


# --- Signing in, and what browsers are told -----------------------------------------------------------------------


FORMS = {"/admin/login/": "username", "/sign-in/": "login"}


def tries(client: Client, form: str, password: str) -> bool:
    """Whether this password signs in by this form."""
    client.post(form, {FORMS[form]: "Boss@example.com", "password": password, "next": "/admin/"})
    return "_auth_user_id" in client.session


@pytest.mark.parametrize("form", FORMS)
def test_either_form_signs_in_and_ten_failures_shut_it(settings: Any, form: str) -> None:
    factories.make_staff("boss@example.com", "a-Good-One-9")
    assert tries(Client(), form, "a-Good-One-9")
    client = Client()
    for _ in range(settings.AXES_FAILURE_LIMIT):
        assert not tries(client, form, "wrong")
    assert not tries(client, form, "a-Good-One-9")


def test_failures_at_the_admins_form_shut_the_other_one_too(settings: Any) -> None:
    factories.make_staff("boss@example.com", "a-Good-One-9")
    client = Client()
    for _ in range(settings.AXES_FAILURE_LIMIT):
        tries(client, "/admin/login/", "wrong")
    assert not tries(client, "/sign-in/", "a-Good-One-9")


def test_the_pages_hold_under_our_policy(inside: Client) -> None:
    for address in ("/admin/", PICKER, "/admin/deployments/conversation/", "/admin/login/"):
        answer = inside.get(address, follow=True)
        policy = answer["Content-Security-Policy"]
        assert "unsafe" not in policy
        page = answer.content.decode()
        assert "<script>" not in page
        assert " style=" not in page
        assert " onclick=" not in page
