"""`GET /embed/v1.js`: from memory, readable from any origin, small, and revalidated."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import brotli
import pytest
from channels.testing import HttpCommunicator

from convoship.asgi import application
from deployments import embed_build
from widget import embed
from widget.embed import script

pytestmark = [pytest.mark.django_db, pytest.mark.asyncio]


async def get(method: str = "GET", path: str = "/embed/v1.js", **headers: str) -> dict[str, Any]:
    sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    answer = await HttpCommunicator(application, method, path, headers=sent).get_response(timeout=20)
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


async def test_its_pinned_name_is_the_same_script_forever() -> None:
    plain, pinned = await get(), await get(path=embed_build.pinned_path(embed_build.build().mark))
    assert pinned["status"] == 200
    assert pinned["body"] == plain["body"]
    assert pinned["headers"]["cache-control"] == "public, max-age=31536000, immutable"
    assert pinned["headers"]["access-control-allow-origin"] == "*"  # a script with `integrity` is read by CORS


async def test_a_loader_of_an_earlier_release_is_still_there_and_only_as_it_was(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LOCAL_DIR = tmp_path
    monkeypatch.setattr(embed, "_pinned", {})
    script.cache_clear()
    earlier = embed_build.Build(b"window.earlier = 1", "app.0.js", "files.0.js")
    with monkeypatch.context() as then:
        then.setattr(embed_build, "build", lambda: earlier)
        assert (await get())["body"] == earlier.loader
    script.cache_clear()
    assert (await get())["body"] != earlier.loader
    assert (await get(path=embed_build.pinned_path(earlier.mark)))["body"] == earlier.loader

    other = embed_build.mark_of(b"never served")
    (tmp_path / "embed" / f"{other}.js").write_bytes(b"something else")
    assert (await get(path=embed_build.pinned_path(other), host="127.0.0.1"))["status"] == 404
    assert (await get(path=embed_build.pinned_path("0" * 32), host="127.0.0.1"))["status"] == 404


async def test_a_folder_that_can_not_be_written_keeps_nobody_from_the_chat(
    tmp_path: Path, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    settings.LOCAL_DIR = tmp_path / "file"
    script.cache_clear()
    assert (await get())["status"] == 200
    assert "can't be kept" in caplog.text
    script.cache_clear()
