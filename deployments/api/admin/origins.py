"""Origins: what one means, whether a deployment would let a page in, and which it did not."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from convoship.lib.problems import invalid, not_found
from convoship.lib.times import moment
from deployments import deploying, origin_answers, refused_origins, tallies
from deployments.api.admin import schema, schema_settings
from deployments.api.admin.deployments import deployment_of
from deployments.api.admin.shapes import deployment_json
from deployments.models import Deployment, RefusedOrigin
from deployments.origin_answers import Example
from workspaces.api import queries
from workspaces.api.base import WorkspaceView
from workspaces.api.bodies import Body
from workspaces.api.pages import PARAMETERS, Order, page
from workspaces.api.schema import PAGE_PARAMETERS, TEXT, TIME, WHOLE, YES_NO, body, component, fields, or_null, page_of
from workspaces.api.schema import UUID as UUID_SHAPE

ORDER = Order("last_seen_at")

_TYPED = {"type": "string", "maxLength": origin_answers.LONGEST_TYPED}
_CHECK = Body(body({"origin": _TYPED}, required=("origin",)))
_ALLOW = Body(body({"origin": {"type": "string", "maxLength": 300}}, required=("origin",)))

_EXAMPLES = {
    "type": "array",
    "items": fields(origin=TEXT, words={**TEXT, "description": "What is special about it; may be empty."}),
}
CHECKED = component(
    "CheckedOrigin",
    fields(
        good={**YES_NO, "description": "Whether it can be an allowed origin as it is written."},
        origin={**or_null(TEXT), "description": "The origin, where it is good."},
        detail={**TEXT, "description": "What is wrong with it; empty where nothing is."},
        suggestion={**or_null(TEXT), "description": "What to use instead, where it isn't good and there is something."},
        wildcard={**or_null(TEXT), "description": "The name whose sub-domains it lets in, for one with a star."},
        lets_in=_EXAMPLES,
        leaves_out=_EXAMPLES,
        notes={"type": "array", "items": TEXT},
    ),
)
WOULD_ALLOW = component(
    "WouldAllow",
    fields(
        origin={**TEXT, "description": "What a browser sends from the page."},
        allowed={**YES_NO, "description": "Whether the allowed origins let it in, whatever the deployment's status."},
        status=schema_settings.SHOWN["status"],
        rule={**or_null(TEXT), "description": "The rule it fails, a word that never changes its meaning."},
        allowed_origin={**or_null(TEXT), "description": "The allowed origin with the same host, if it is not let in."},
        detail=TEXT,
        hint=TEXT,
    ),
)
REFUSED = component(
    "RefusedOrigin",
    fields(
        id=UUID_SHAPE,
        origin={
            **or_null(TEXT),
            "description": f"Printable and cut short; null: no `Origin` was sent; `{tallies.OTHERS}`: others together.",
        },
        rule={**TEXT, "description": "The rule it failed when it was refused."},
        detail={**TEXT, "description": "Why, by the origins that are allowed now."},
        hint={**TEXT, "description": "What to do; empty where there is nothing to do."},
        allow={**or_null(TEXT), "description": "What can be allowed; null where nothing can."},
        is_allowed={**YES_NO, "description": "Whether it would be let in by now."},
        page={**or_null(TEXT), "description": "The last page it was refused on, where the browser told."},
        count=WHOLE,
        first_seen_at=TIME,
        last_seen_at=TIME,
    ),
)
REFUSED_PAGE = page_of("RefusedOriginPage", REFUSED)


class CheckView(WorkspaceView):
    """Checking an origin."""

    permissions = {"POST": "deployments.read"}

    @extend_schema(operation_id="origins_check", request=_CHECK.documented, responses={200: CHECKED})
    def post(self, request: Request) -> Response:
        """Whether this can be an allowed origin, what to write instead, and what it would let in. Nothing is stored."""
        answer = origin_answers.of_typed(_CHECK.read(request)["origin"])
        return Response(
            {
                "good": answer.is_good,
                "origin": answer.origin or None,
                "detail": answer.message,
                "suggestion": answer.suggestion or None,
                "wildcard": answer.wildcard or None,
                "lets_in": [_example_json(example) for example in answer.lets_in],
                "leaves_out": [_example_json(example) for example in answer.leaves_out],
                "notes": list(answer.notes),
            }
        )


def _example_json(example: Example) -> dict[str, str]:
    return {"origin": example.origin, "words": example.words}


class WouldAllowView(WorkspaceView):
    """Asking for a page."""

    permissions = {"GET": "deployments.read"}

    @extend_schema(
        operation_id="deployments_would_allow",
        responses={200: WOULD_ALLOW},
        parameters=[OpenApiParameter("origin", _TYPED, required=True, description="An origin, or a page's address.")],
    )
    def get(self, request: Request, deployment_id: UUID) -> Response:
        """Whether the deployment would let a page in, and by which rule not."""
        deployment = deployment_of(deployment_id)
        queries.only(request, "origin")
        typed = queries.words(request, "origin", origin_answers.LONGEST_TYPED)
        if not typed:
            raise invalid({"origin": ["Name an origin such as https://www.example.com, or the address of a page."]})
        answer = origin_answers.would_let_in(deployment, typed)
        return Response(
            {
                "origin": answer.origin,
                "allowed": answer.is_let_in,
                "status": deployment.status,
                "rule": answer.rule or None,
                "allowed_origin": answer.nearest or None,
                "detail": answer.words,
                "hint": answer.hint,
            }
        )


class RefusedOriginsView(WorkspaceView):
    """The origins that a deployment did not let in."""

    permissions = {"GET": "deployments.read", "DELETE": "deployments.write"}

    @extend_schema(operation_id="refused_origins_list", responses={200: REFUSED_PAGE}, parameters=PAGE_PARAMETERS)
    def get(self, request: Request, deployment_id: UUID) -> Response:
        """The refused origins, the last one seen first. Counts are written within seconds."""
        deployment = deployment_of(deployment_id)
        queries.only(request, *PARAMETERS)
        rows = RefusedOrigin.objects.filter(deployment=deployment)
        return page(request, rows, ORDER, lambda row: refused_json(deployment, row))

    @extend_schema(operation_id="refused_origins_forget_all", responses={204: None})
    def delete(self, request: Request, deployment_id: UUID) -> Response:
        """Empty the list; who is refused again is listed again."""
        refused_origins.forget_all(self.actor, deployment_of(deployment_id))
        return Response(status=204)


class RefusedOriginView(WorkspaceView):
    """One refused origin."""

    permissions = {"DELETE": "deployments.write"}

    @extend_schema(operation_id="refused_origins_forget", responses={204: None})
    def delete(self, request: Request, deployment_id: UUID, refused_id: UUID) -> Response:
        """Take it out of the list; it comes back when it is refused again."""
        deployment = deployment_of(deployment_id)
        row = RefusedOrigin.objects.filter(deployment=deployment, id=refused_id).first()
        if row is None:
            raise not_found()
        refused_origins.forget(self.actor, deployment, row)
        return Response(status=204)


class AllowRefusedView(WorkspaceView):
    """Allowing an origin."""

    permissions = {"POST": "deployments.write"}

    @extend_schema(operation_id="refused_origins_allow", request=_ALLOW.documented, responses={200: schema.DEPLOYMENT})
    def post(self, request: Request, deployment_id: UUID) -> Response:
        """Add one exact origin, such as a row's `allow`, to the allowed ones, and forget its refusals."""
        deployment = deployment_of(deployment_id)
        return Response(deployment_json(deploying.allow_origin(self.actor, deployment, _ALLOW.read(request)["origin"])))


def refused_json(deployment: Deployment, row: RefusedOrigin) -> dict[str, Any]:
    """A refused origin as it stands to what is allowed now."""
    item = refused_origins.explained(deployment, row)
    return {
        "id": str(row.id),
        "origin": row.origin or None,
        "rule": row.rule,
        "detail": item.words,
        "hint": item.advice,
        "allow": item.allow or None,
        "is_allowed": item.is_allowed,
        "page": row.page or None,
        "count": row.count,
        "first_seen_at": moment(row.first_seen_at),
        "last_seen_at": moment(row.last_seen_at),
    }
