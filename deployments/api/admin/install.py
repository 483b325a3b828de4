"""Getting a deployment onto pages: its snippets, a link to its test page, and the check of a page."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from convoship.lib import limiting, tokens
from convoship.lib.tenancy import tenant
from convoship.lib.times import maybe_moment, moment
from deployments import deploying, page_check, page_policies, seen, snippets, test_links
from deployments.api.admin.deployments import deployment_of
from deployments.findings import Finding
from deployments.page_check import Report
from workspaces.api import queries
from workspaces.api.base import WorkspaceView, ids_of
from workspaces.api.bodies import Body
from workspaces.api.replays import Answer, idempotent
from workspaces.api.schema import TEXT, TIME, WHOLE, body, component, fields, or_null
from workspaces.api.schema import UUID as UUID_SHAPE

_TEXTS = {"type": "array", "items": TEXT}
SNIPPET = component(
    "Snippet",
    fields(
        key={"enum": ["async", "plain", "pinned", "react", "vue", "wordpress", "gtm"]},
        name=TEXT,
        where={**TEXT, "description": "What to do with it."},
        language=TEXT,
        file={**TEXT, "description": "What to call it, where it is a file."},
        code=TEXT,
        notes=_TEXTS,
    ),
)
SEEN = component(
    "SeenOn",
    fields(
        origin={**TEXT, "description": "Empty for programs that send none."},
        loads=WHOLE,
        sessions=WHOLE,
        first_seen_at=TIME,
        last_seen_at=TIME,
        old_token_prefix={**or_null(TEXT), "description": "Set where its pages still carry a token that was rotated."},
    ),
)
SNIPPETS = component(
    "Snippets",
    fields(
        placeholder={**TEXT, "description": "What stands in the snippets where the token belongs."},
        snippets={"type": "array", "items": SNIPPET},
        content_security_policy={**_TEXTS, "description": "What a page's policy has to list beside what it lists."},
        seen_on={"type": "array", "items": SEEN},
    ),
)
TEST_LINK = component(
    "TestLink",
    fields(
        optional=("replayed",),
        url={**or_null(TEXT), "description": "Shown this once; null in a replay. Who has it needs no account."},
        expires_at=TIME,
        replayed={"const": True},
    ),
)
FINDING = component(
    "Finding",
    fields(
        level={"enum": ["bad", "warn", "good", "info"]},
        code={**TEXT, "description": "A word that never changes its meaning, e.g. `token_unknown` or `csp_calls`."},
        words=TEXT,
        remedy={**TEXT, "description": "What to do; empty where there is nothing to do."},
        line={**TEXT, "description": "To be copied, as the remedy says; empty where there is none."},
        origin={**or_null(TEXT), "description": "An origin that could be allowed."},
        deployment_id={**or_null(UUID_SHAPE), "description": "The deployment it is about, where it is another."},
        at=or_null(TIME),
    ),
)
PAGE_REPORT = component(
    "PageReport",
    fields(
        asked=TEXT,
        url={**TEXT, "description": "Where the page came from in the end."},
        origin={**or_null(TEXT), "description": "What a browser sends from it."},
        verdict={"enum": ["works", "broken", "unsure", "not_read"]},
        words=TEXT,
        findings={"type": "array", "items": FINDING, "description": "The worst first."},
    ),
)
_CHECK = Body(
    body(
        {
            "url": {
                "type": "string",
                "minLength": 1,
                "maxLength": page_check.LONGEST_ADDRESS,
                "example": "https://www.shop.example/",
            }
        },
        required=("url",),
    )
)


class SnippetsView(WorkspaceView):
    """What goes into pages."""

    permissions = {"GET": "deployments.read"}

    @extend_schema(operation_id="deployments_snippets", responses={200: SNIPPETS})
    def get(self, request: Request, deployment_id: UUID) -> Response:
        """The snippet in every form, what a page's policy has to list for it, and where it has been seen at work."""
        queries.only(request)
        deployment = deployment_of(deployment_id)
        stand_in = deploying.current_token(deployment).prefix + tokens.PLACEHOLDER_SUFFIX
        return Response(
            {
                "placeholder": stand_in,
                "snippets": [
                    {
                        "key": variant.key,
                        "name": variant.name,
                        "where": variant.where,
                        "language": variant.language,
                        "file": variant.file,
                        "code": variant.code,
                        "notes": list(variant.notes),
                    }
                    for variant in snippets.variants(deployment.assistant_id, stand_in)
                ],
                "content_security_policy": page_policies.lines(deployment, ""),
                "seen_on": [
                    {
                        "origin": row.origin,
                        "loads": row.loads,
                        "sessions": row.sessions,
                        "first_seen_at": moment(row.first_at),
                        "last_seen_at": moment(row.last_at),
                        "old_token_prefix": row.old_token or None,
                    }
                    for row in seen.seen_on(deployment)
                ],
            }
        )


class TestLinkView(WorkspaceView):
    """Links to the test page."""

    permissions = {"POST": "deployments.write"}

    @extend_schema(operation_id="deployments_test_link", request=None, responses={201: TEST_LINK})
    @idempotent
    def post(self, request: Request, deployment_id: UUID) -> Response:
        """Make a link to the deployment's test page: the real chat on our own origin, for 15 minutes, for anyone."""
        link = test_links.make(self.actor, deployment_of(deployment_id))
        ends = {"expires_at": moment(link.expires_at)}
        return Answer({"url": link.url, **ends}, kept={"url": None, **ends})


class CheckPageView(WorkspaceView):
    """Checking a page. No transaction waits for a stranger's server."""

    permissions = {"POST": "deployments.read"}

    def run(self, request: Request, **kwargs: str) -> Response:
        """`WorkspaceView`'s, with the handler outside of `tenant()`."""
        handler = self.handler(request)
        self.admit(request)
        response: Response = handler(request, **ids_of(kwargs))
        return response

    @extend_schema(operation_id="deployments_check_page", request=_CHECK.documented, responses={200: PAGE_REPORT})
    def post(self, request: Request, deployment_id: UUID) -> Response:
        """Fetch a page and say whether this deployment's snippet is on it and what its policy or our origins block."""
        with tenant(self.workspace_id):
            deployment_of(deployment_id)
        address = _CHECK.read(request)["url"]
        limiting.hit("page_checks", str(self.workspace_id), words="Too many checks")
        looked = page_check.look(address)
        with tenant(self.workspace_id):
            return Response(report_json(page_check.judge(deployment_of(deployment_id), looked)))


def report_json(report: Report) -> dict[str, Any]:
    """What was found."""
    return {
        "asked": report.asked,
        "url": report.url,
        "origin": report.origin or None,
        "verdict": report.verdict,
        "words": report.headline,
        "findings": [_finding_json(finding) for finding in report.findings],
    }


def _finding_json(finding: Finding) -> dict[str, Any]:
    return {
        "level": finding.level,
        "code": finding.code,
        "words": finding.words,
        "remedy": finding.remedy,
        "line": finding.line,
        "origin": finding.origin or None,
        "deployment_id": str(finding.deployment_id) if finding.deployment_id else None,
        "at": maybe_moment(finding.at),
    }
