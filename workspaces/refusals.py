"""How a page says what an act refused: on the form's field that it is about, or as a message."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest

from convoship.lib.problems import Problem

_ROOT = re.compile(r"[^.\[]+")


def put_on(form: forms.Form, problem: Problem, names: Mapping[str, str] | None = None) -> None:
    """Put a refusal's messages on the form's fields; `names` maps the act's names to the form's where they differ.

    What names no field of the form stands above it.
    """
    placed = False
    for path, said in problem.errors.items():
        found = _ROOT.match(path)
        root = found[0] if found else path
        name = (names or {}).get(root, root)
        for message in said:
            if message not in form.errors.get(name if name in form.fields else "__all__", []):
                form.add_error(name if name in form.fields else None, message)
        placed = True
    if not placed:
        form.add_error(None, words_of(problem))


def words_of(problem: Problem) -> str:
    """A refusal in one line: what is wrong, and what to do."""
    return f"{problem.detail} {problem.hint}" if problem.hint else problem.detail


@contextmanager
def said_as_message(request: HttpRequest) -> Iterator[None]:
    """Run an act that a button stands for: what it refuses becomes a message, what isn't there a 404."""
    try:
        with transaction.atomic():
            yield
    except Problem as problem:
        if problem.code == "not_found":
            raise Http404 from None
        messages.error(request, words_of(problem))


@contextmanager
def missing_is_404() -> Iterator[None]:
    """Read what may not be there: the page is then as if its address were wrong."""
    try:
        yield
    except Problem as problem:
        if problem.code != "not_found":
            raise
        raise Http404 from None
