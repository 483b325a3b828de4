"""What a person sees when something can't be shown; under `/v1/` the same as a problem document."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from convoship.lib.problems import Problem, as_json_response


def _answer(request: HttpRequest, problem: Problem, template: str) -> HttpResponse:
    if request.path.startswith("/v1/"):
        return as_json_response(problem)
    return render(request, template, {"detail": problem.detail}, status=problem.status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400: the request could not be read."""
    if request.path.startswith("/v1/"):
        return as_json_response(Problem("invalid", "The request could not be read."))
    return render(request, "errors/400.html", status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: signed in, but not allowed."""
    return _answer(request, Problem("scope_missing", str(exception) or "You may not do this."), "errors/403.html")


def missing(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404: not there, or not yours; the two look alike."""
    return _answer(request, Problem("not_found", "There is nothing at this address."), "errors/404.html")


def broken(request: HttpRequest) -> HttpResponse:
    """500: ours."""
    detail = "Something broke on our side. It has been logged; trying again may help."
    return _answer(request, Problem("internal", detail), "errors/500.html")


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form whose CSRF token is missing or old."""
    detail = "This form is too old or came from another site. Reload the page and send it again."
    return _answer(request, Problem("csrf_failed", detail), "errors/403.html")
