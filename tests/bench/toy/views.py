"""DRF views with a token."""

from typing import Any

from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tests.bench.toy import work
from tests.bench.toy.models import Token


class TokenAuthentication(BaseAuthentication):
    """One indexed look-up."""

    def authenticate(self, request: Request) -> tuple[Any, Token]:
        """DRF's."""
        try:
            return None, work.find_token(request.META["HTTP_AUTHORIZATION"])
        except (KeyError, Token.DoesNotExist):
            raise exceptions.AuthenticationFailed from None


class SessionView(APIView):
    """A session start: token, tenant, one INSERT."""

    authentication_classes = (TokenAuthentication,)

    def post(self, request: Request) -> Response:
        """DRF's."""
        token: Any = request.auth
        session = work.start_session(token)
        body: Any = request.data
        return Response({"session": session.public_id, "page": body.get("page")}, status=201)


class TurnView(APIView):
    """A turn: token, tenant, two INSERTs."""

    authentication_classes = (TokenAuthentication,)

    def post(self, request: Request) -> Response:
        """DRF's."""
        body: Any = request.data
        work.turn(body["text"])
        return Response({"reply": body["text"]}, status=201)
