"""`GET /embed/v1.js`: from memory, readable from any origin, small, and revalidated."""

from __future__ import annotations

import gzip
from typing import Any

import brotli
import pytest
from channels.testing import HttpCommunicator

from convoship.asgi import application
from widget.embed import script

pytestmark = [pytest.mark.django_db, pytest.mark.asyncio]


async def get(method: str = "GET", **headers: str) -> dict[str, Any]:

    sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    answer = await HttpCommunicator(application, method, "/embed/v1.js", headers=sent).get_response()
    return {**answer, "headers": {name.decode(): value.decode() for name, value in answer["headers"]}}


async def test_it_is_javascript_that_any_origin_may_read_and_caches_for_five_minutes() -> None:
    answer = await get(origin="https://anywhere.example")
    assert answer["status"] == 200
    assert answer["headers"]["content-type"] == "text/javascript; charset=utf-8"
    assert answer["headers"]["cache-control"] == "public, max-age=300, stale-while-revalidate=86400"
    assert answer["headers"]["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer["headers"]
    assert answer["body"].startswith(b"window.ConvoshipQueue=window.ConvoshipQueue||[]")


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("identity", None),
        ("", None),
        ("BR", "br"),
    ],
)
async def test_it_comes_in_the_best_encoding_that_the_browser_takes(accepted: str, encoding: str | None) -> None:
    answer = await get(accept_encoding=accepted)
    assert answer["headers"].get("content-encoding") == encoding
    unpack = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}[encoding]
    assert unpack(answer["body"]) == script().encodings[b""]
    assert answer["headers"]["vary"] == "Accept-Encoding"
    assert int(answer["headers"]["content-length"]) == len(answer["body"])


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}'])
async def test_a_copy_that_is_still_good_is_not_sent_again(form: str) -> None:
    etag = (await get())["headers"]["etag"]
    answer = await get(if_none_match=form.format(etag))
    assert (answer["status"], answer["body"]) == (304, b"")


async def test_head_tells_the_length_and_other_methods_are_refused() -> None:
    head = await get("HEAD")
    assert (head["status"], head["body"]) == (200, b"")
    assert int(head["headers"]["content-length"]) > 1000
    refused = await get("POST")
    assert (refused["status"], refused["headers"]["allow"]) == (405, "GET, HEAD")


async def test_the_loader_stays_within_its_budget() -> None:
    assert len(script().encodings[b"br"]) <= 3000
