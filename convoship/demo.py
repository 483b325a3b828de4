"""Workspaces that are ready to be tried: the one that `make run` opens, and as many as `manage.py demo` is asked for.

Both have a published assistant and a deployment that is allowed on the stranger's site, where its snippet is put. The
stranger's site is of this machine alone, so there, and only there, a token is kept in a file (readable by its owner).
"""

from __future__ import annotations

import json
import re
import secrets
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings

from channels_app.rehearsal import rehearsing
from channels_app.rehearsal.registry import FIRST
from convoship.lib import tokens
from convoship.lib.actors import Actor
from convoship.lib.tenancy import tenant
from convoship.machine import model
from convoship.machine.state import write_private
from deployments import deploying, publishing
from deployments.deploying import MAX_OVERLAP_SECONDS, NewDeployment
from deployments.knowledge import sources
from deployments.models import Assistant, Deployment, DeploymentToken
from deployments.responders.llm import KIND as LLM
from deployments.responders.llm_content import PRESETS, REHEARSAL
from workspaces import api_keys, members, sign_in_links
from workspaces.models import User, Workspace
from workspaces.permissions import SCOPES, Role

OWNER_EMAIL = "owner@localhost.localdomain"
WORKSPACE_NAME = "My workspace"
ASSISTANT_NAME = "Ada"
TEMPLATE = "faq"
DEPLOYMENT_NAME = "The stranger's site"

_TOKEN = re.compile(r"cdp_[0-9A-Za-z]+")


# --- The stranger's site --------------------------------------------------------------------------------------------


def stranger_origins() -> list[str]:
    """The origins of the stranger's site, under each name of this machine; our own where there is no such site."""
    origin: str = settings.STRANGER_SITE_URL.rstrip("/") or settings.PUBLIC_BASE_URL
    others = (origin.replace("//127.0.0.1", "//localhost"), origin.replace("//localhost", "//127.0.0.1"))
    return list(dict.fromkeys([origin, *others]))


def demo_page(deployment_id: uuid.UUID) -> str | None:
    """Where the stranger's site shows the deployment; None where there is no such site."""
    site: str = settings.STRANGER_SITE_URL.rstrip("/")
    return f"{site}/demo/{deployment_id}" if site else None


def snippet_file(deployment_id: uuid.UUID) -> Path:
    """Where the stranger's site finds the deployment's snippet."""
    return Path(settings.LOCAL_DIR) / "stranger" / f"{deployment_id}.html"


def put_snippet(deployment_id: uuid.UUID, snippet: str) -> None:
    """Put the snippet on the stranger's site."""
    path = snippet_file(deployment_id)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(path, snippet)


# --- The ready workspace of `make run` ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ready:
    """The workspace that the one-time link opens."""

    sign_in_url: str
    email: str
    workspace_id: uuid.UUID
    assistant_id: uuid.UUID
    deployment_id: uuid.UUID
    demo_page: str | None


def ensure_ready() -> Ready:
    """The local owner's workspace, with what is missing made, and the stranger's site up to date. Run at each start."""
    owner = _owner()
    workspace_id = next(iter(members.workspaces_of(owner)), None)
    is_new = workspace_id is None
    if workspace_id is None:
        workspace_id = members.create_workspace(owner, WORKSPACE_NAME).id
    actor = members.actor_of(owner, Role.OWNER)
    with tenant(workspace_id):
        deployment = _ready_deployment(actor)
        if is_new:
            _rehearsal(actor, deployment.assistant)
        _keep_origins(actor, deployment)
        _keep_snippet(actor, deployment)
    return Ready(
        sign_in_url=sign_in_links.make(owner, workspace_id),
        email=owner.email,
        workspace_id=workspace_id,
        assistant_id=deployment.assistant_id,
        deployment_id=deployment.id,
        demo_page=demo_page(deployment.id),
    )


def _owner() -> User:
    """The person whose machine this is. No password: they come by the link, until they set one."""
    found = User.objects.filter(email=OWNER_EMAIL).first()
    return found or _user(OWNER_EMAIL, None)


def _user(email: str, password: str | None) -> User:
    user = User.objects.create_user(email, password)
    # An address of this machine can't be mailed a question, so it counts as verified.
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def _ready_deployment(actor: Actor) -> Deployment:
    """The deployment for the stranger's site: the one made before, if it lives, else a new one."""
    remembered = _Memory.read().deployment_id
    live = Deployment.objects.filter(revoked_at=None, assistant__published__isnull=False)
    found = live.filter(id=remembered).first() if remembered else None
    found = found or live.filter(name=DEPLOYMENT_NAME).order_by("created_at").first()
    if found is not None:
        return found
    assistant = Assistant.objects.filter(published__isnull=False).order_by("created_at").first()
    made = _deploy(actor, assistant or _assistant(actor))
    return made.deployment


def _assistant(actor: Actor) -> Assistant:
    assistant = publishing.create_assistant(actor, name=ASSISTANT_NAME, template=TEMPLATE)
    publishing.publish(actor, assistant.id, note="Made from the template.")
    return assistant


def _deploy(actor: Actor, assistant: Assistant) -> NewDeployment:
    made = deploying.create(actor, assistant, name=DEPLOYMENT_NAME, allowed_origins=stranger_origins())
    put_snippet(made.deployment.id, made.embed_snippet)
    return made


def _rehearsal(actor: Actor, assistant: Assistant) -> None:
    """A phone that plays SMS with the assistant: no account is needed to see a channel at work."""
    rehearsing.begin(actor, kind=FIRST, assistant_id=assistant.id)


def _keep_origins(actor: Actor, deployment: Deployment) -> None:
    """Allow the stranger's site where it is today, and no more where it was; what its owner added stays."""
    wanted = stranger_origins()
    left = set(_Memory.read().origins) - set(wanted)
    origins = list(dict.fromkeys([*(o for o in deployment.allowed_origins if o not in left), *wanted]))
    if origins != deployment.allowed_origins:
        deploying.change(actor, deployment, {"allowed_origins": origins})
    _Memory(deployment.id, wanted).write()


def _keep_snippet(actor: Actor, deployment: Deployment) -> None:
    """The snippet of today's address with a token that works; the token is taken from the file of the last time."""
    try:
        before = snippet_file(deployment.id).read_text(encoding="utf-8")
    except (OSError, ValueError):
        before = ""
    found = _TOKEN.search(before)
    if found and _works(deployment, found[0]):
        now = deploying.snippet(deployment.assistant_id, found[0])
    else:
        # The earlier token may be in a page of the owner's by now, so it goes on for as long as can be.
        now = deploying.rotate(actor, deployment, overlap_seconds=MAX_OVERLAP_SECONDS).embed_snippet
    if now != before:
        put_snippet(deployment.id, now)


def _works(deployment: Deployment, token: str) -> bool:
    kept = DeploymentToken.objects.filter(deployment=deployment, digest=tokens.digest(token)).first()
    return kept is not None and not kept.is_expired


@dataclass(frozen=True)
class _Memory:
    """What the last start did, in a file beside the data: which deployment it was, and which origins came from us."""

    deployment_id: uuid.UUID | None
    origins: list[str]

    @staticmethod
    def path() -> Path:
        return Path(settings.LOCAL_DIR) / "ready-workspace.json"

    @classmethod
    def read(cls) -> _Memory:
        try:
            raw = json.loads(cls.path().read_text(encoding="utf-8"))
            return cls(uuid.UUID(raw["deployment_id"]), [str(origin) for origin in raw["origins"]])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return cls(None, [])

    def write(self) -> None:
        self.path().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self.path(), json.dumps({"deployment_id": str(self.deployment_id), "origins": self.origins}))


# --- Demo workspaces ------------------------------------------------------------------------------------------------


# Short, for a small model.
INSTRUCTIONS = (
    "You are Ada, who answers for a shop. Answer in one or two short sentences, by what you were given to read. "
    "Say so where you don't know."
)
READING = (
    "Parcels inside the country take 2 to 4 working days. Express parcels arrive on the next working day when they "
    "were ordered by 14:00. Parcels abroad take 4 to 8 working days.\n\n"
    "Whatever doesn't fit can be sent back within 30 days. The money is returned within 5 working days after the "
    "parcel has arrived."
)


def model_content() -> dict[str, Any]:
    """What a model answers by: the one of this machine where it is served and may be called, else the stand-in."""
    is_allowed = settings.OUTBOUND_ALLOW_PRIVATE or (model.HOST, model.port()) in settings.OUTBOUND_ALLOWLIST
    if is_allowed and model.answers():
        whose = {"preset": "other", "base_url": model.base_url(), "model": model.NAME}
        return {**whose, "instructions": INSTRUCTIONS, "max_tokens": 120, "history": 4, "temperature": 0.2}
    stand_in = PRESETS[REHEARSAL]
    return {"preset": REHEARSAL, "base_url": stand_in.base_url, "model": stand_in.model, "instructions": INSTRUCTIONS}


def _think(actor: Actor, assistant: Assistant) -> None:
    """Let a model answer from now on, and give it something to read."""
    sources.add_text(actor, assistant, title="Parcels and returns", text=READING, language="english")
    publishing.change_draft(actor, publishing.held(assistant.id), responder=LLM, parts={LLM: model_content()})
    publishing.publish(actor, assistant.id, note="A model answers.")


def make_demo(*, by_model: bool = False) -> dict[str, Any]:
    """Another demo workspace, with all that a program or a person needs to try it (CONTRACT section 9).

    `by_model`: its assistant is answered by a model, or by the rehearsal's stand-in for one.
    """
    name = secrets.token_hex(4)
    email, password = f"demo-{name}@localhost.localdomain", secrets.token_urlsafe(18)
    owner = _user(email, password)
    workspace: Workspace = members.create_workspace(owner, f"Demo {name}")
    actor = members.actor_of(owner, Role.OWNER)
    with tenant(workspace.id):
        assistant = _assistant(actor)
        made = _deploy(actor, assistant)
        _rehearsal(actor, assistant)
        if by_model:
            _think(actor, assistant)
        key = api_keys.create(actor, name="Demo", scopes=list(SCOPES))
    return {
        "base_url": settings.PUBLIC_BASE_URL,
        "workspace_id": str(workspace.id),
        "email": email,
        "password": password,
        "api_key": key.token,
        "assistant_id": str(assistant.id),
        "deployment_id": str(made.deployment.id),
        "deployment_token": made.token,
        "allowed_origins": made.deployment.allowed_origins,
        "demo_page": demo_page(made.deployment.id),
    }
