"""Files of visitors at the runtime API: taken, refused in words, sent with a message, read by a link, deleted."""

from __future__ import annotations

import asyncio
import io
import json
import random
import struct
import subprocess
import sys
import threading
import time
import uuid
import zipfile
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.storage import storages
from django.core.files.utils import FileProxyMixin
from django.db import OperationalError, connection, transaction
from django.http import HttpResponse
from django.test import AsyncClient
from django.utils import timezone
from PIL import Image

from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import checking, conversations, deploying, file_kinds, file_links, files, images
from deployments.models import Assistant, Conversation, Deployment, File, GoneFile, Message, Person, Turn
from deployments.pages import stored_files
from deployments.responders.base import Reply, Say, TurnInput
from tests import factories
from tests.runtime.conftest import BASE, ORIGIN, Probe, Site, act
from workspaces.models import AuditEvent, Workspace

pytestmark = pytest.mark.asyncio

EVERYTHING = {"on": True, "kinds": ["images", "documents", "audio", "video"]}
PDF = b"%PDF-1.7\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    """Contents are kept in a folder of the test's own."""
    options = {**settings.STORAGES["files"]["OPTIONS"], "location": str(tmp_path)}
    settings.STORAGES = {**settings.STORAGES, "files": {**settings.STORAGES["files"], "OPTIONS": options}}
    settings.LIMITS = {**settings.LIMITS, "files_per_ip": "1000/60", "files_per_ip_and_day": "9000/86400"}
    return tmp_path


def contents(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]


def picture(as_what: str = "JPEG", size: tuple[int, int] = (8, 6), **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, as_what, **options)
    return out.getvalue()


def archive(**entries: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, text in entries.items():
            made.writestr(name, text)
    return out.getvalue()


def form(*parts: tuple[str, str | None, bytes]) -> tuple[bytes, str]:
    boundary = uuid.uuid4().hex
    body = b""
    for field, name, content in parts:
        disposition = f'form-data; name="{field}"' + (f'; filename="{name}"' if name is not None else "")
        body += f"--{boundary}\r\nContent-Disposition: {disposition}\r\n".encode()
        body += b"Content-Type: text/html\r\n\r\n" if name is not None else b"\r\n"
        body += content + b"\r\n"
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


async def call(site: Site, session: Any, body: bytes, content_type: str, **headers: str) -> Any:
    sent = {"Origin": site.origin or "", "Authorization": f"Bearer {session['session_token']}"}
    path = f"{BASE}/sessions/{session['session']['id']}/files"
    answer: Any = await site.client.generic("POST", path, body, content_type=content_type, headers=sent | headers)
    answer.data = json.loads(answer.content)
    return answer


async def send_up(site: Site, session: Any, name: str, content: bytes) -> Any:
    return await call(site, session, *form(("file", name, content)))


async def allow(site: Site, **files: Any) -> None:
    await act(site, lambda who, row: deploying.change(who, row, {"files": files or EVERYTHING}))


async def begun(site: Site, **files: Any) -> Any:
    await allow(site, **files)
    return (await site.start()).data


async def in_workspace(site: Site, look: Any) -> Any:
    def run() -> Any:
        with tenant(site.workspace_id):
            return look()

    return await in_thread(run)


async def fetch(url: str, method: str = "GET", **headers: str) -> Any:
    answer: Any = await AsyncClient().generic(method, url.removeprefix(settings.FILES_BASE_URL), headers=headers)
    if answer.streaming:
        pieces = [piece async for piece in answer]
        answer.close()
        return HttpResponse(b"".join(pieces), status=answer.status_code, headers=answer.headers)
    return answer


# --- Up, with a message, and down again -------------------------------------------------------------------------------


async def test_a_photo_goes_up_with_a_message_and_comes_down_by_its_link(site: Site) -> None:
    session = await begun(site)
    up = await send_up(site, session, "holiday.jpg", picture())
    assert up.status_code == 201, up.data
    assert up.data["file"] | {"id": "", "size": 0} == {
        "id": "",
        "name": "holiday.jpg",
        "size": 0,
        "content_type": "image/jpeg",
    }
    said = await site.say(session, "", attachments=[up.data["file"]["id"]])
    assert said.status_code == 201, said.data
    [shown] = said.data["message"]["attachments"]
    assert {name: shown[name] for name in up.data["file"]} == up.data["file"]
    assert said.data["message"]["text"] == ""
    assert "file" in said.data["replies"][0]["text"].lower()
    got = await fetch(shown["url"])
    assert got.status_code == 200
    assert got["Content-Type"] == "image/jpeg"
    assert got["Content-Disposition"] == 'attachment; filename="holiday.jpg"'
    assert got["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert got["X-Content-Type-Options"] == "nosniff"
    assert got["Cache-Control"].startswith("private")
    assert not got.cookies
    assert len(got.content) == shown["size"]
    row = await in_workspace(site, lambda: Conversation.objects.get(id=session["session"]["conversation_id"]))
    assert row.visitor_messages == 1


async def test_the_list_says_photo_where_nothing_was_written(site: Site, probe: Any) -> None:
    session = await begun(site)
    up = await send_up(site, session, "a.png", picture("PNG"))
    await in_workspace(site, lambda: Conversation.objects.update(control="human"))
    await site.say(session, "", attachments=[up.data["file"]["id"]])
    row = await in_workspace(site, lambda: Conversation.objects.get(id=session["session"]["conversation_id"]))
    assert row.last_text == "Photo"


async def test_files_that_come_while_an_answer_is_written_are_answered_after_it(site: Site, probe: Probe) -> None:
    go_on = asyncio.Event()

    async def script(turn: TurnInput) -> AsyncIterator[Reply]:
        await go_on.wait()
        yield Say("an answer")

    probe.script = script
    session = await begun(site)
    ids = [(await send_up(site, session, "a.pdf", PDF)).data["file"]["id"] for _ in range(2)]
    path, token = f"/sessions/{session['session']['id']}/messages", session["session_token"]
    first = await site.call("POST", path, token, {"client_id": "1", "text": "go"}, Prefer="wait=1")
    assert first.data["pending"]
    second = {"client_id": "2", "text": "", "attachments": ids}
    await site.call("POST", path, token, second, Prefer="wait=1")
    go_on.set()
    for _ in range(500):
        said = [message["text"] for message in (await site.call("GET", path, token)).data["messages"]]
        if len(said) == 5:
            break
        await asyncio.sleep(0.02)
    assert said[:4] == ["Hello! How can I help you?", "go", "", "an answer"]
    assert said[4].startswith("Your files have arrived. I can't look into them myself")
    assert not await in_workspace(site, lambda: Turn.objects.exclude(status="done").exists())


async def test_a_file_with_words_is_answered_by_the_words(site: Site) -> None:
    session = await begun(site)
    up = await send_up(site, session, "invoice.pdf", PDF)
    said = await site.say(session, "hello", attachments=[up.data["file"]["id"]])
    assert said.data["message"]["text"] == "hello"
    assert "file" not in said.data["replies"][0]["text"].lower()
    read = await site.call("GET", f"/sessions/{session['session']['id']}/messages", session["session_token"])
    [shown] = [found for message in read.data["messages"] for found in message["attachments"]]
    assert shown["id"] == up.data["file"]["id"]
    got = await fetch(shown["url"])
    assert got["Content-Disposition"] == 'attachment; filename="invoice.pdf"'
    assert got.content == PDF


async def test_a_part_of_a_file_can_be_asked_for(site: Site) -> None:
    session = await begun(site)
    up = await send_up(site, session, "notes.txt", b"0123456789")
    said = await site.say(session, "", attachments=[up.data["file"]["id"]])
    url = said.data["message"]["attachments"][0]["url"]
    part = await fetch(url, Range="bytes=2-4")
    assert (part.status_code, part.content, part["Content-Range"]) == (206, b"234", "bytes 2-4/10")
    assert (await fetch(url, Range="bytes=-3")).content == b"789"
    assert (await fetch(url, Range="bytes=50-")).status_code == 416
    assert (await fetch(url, Range="pages=1")).content == b"0123456789"
    head = await fetch(url, method="HEAD")
    assert (head.status_code, head.content, head["Content-Length"]) == (200, b"", "10")
    assert (await fetch(url, Range="bytes=0-9")).content == b"0123456789"
    assert (await fetch(url, Range="bytes=-0")).status_code == 416
    assert (await fetch(url, Range="bytes=7-3")).status_code == 416


async def test_no_more_of_a_file_is_in_memory_than_a_piece(site: Site, monkeypatch: Any) -> None:
    session = await begun(site)
    up = await send_up(site, session, "notes.txt", b"0123456789" * 100_000)
    said = await site.say(session, "", attachments=[up.data["file"]["id"]])
    url = said.data["message"]["attachments"][0]["url"]
    read: list[int] = []

    def noting(plain: Any, size: int = -1) -> Any:
        read.append(size)
        return plain(size)

    monkeypatch.setattr(FileProxyMixin, "read", property(lambda opened: partial(noting, opened.file.read)))
    await fetch(url, method="HEAD")
    assert read == []
    assert (await fetch(url, Range="bytes=999998-")).content == b"89"
    assert read == [2]
    assert len((await fetch(url)).content) == 1_000_000
    assert max(read) <= 128 * 1024
    assert min(read) > 0


async def test_an_address_has_not_every_download(site: Site, monkeypatch: Any) -> None:
    monkeypatch.setattr(stored_files, "MOST_OF_ONE", 1)
    # What another test has not read to its end doesn't count here.
    monkeypatch.setattr(stored_files, "_going_out", Counter())
    session = await begun(site)
    up = await send_up(site, session, "notes.txt", b"0123456789")
    said = await site.say(session, "", attachments=[up.data["file"]["id"]])
    path = said.data["message"]["attachments"][0]["url"].removeprefix(settings.FILES_BASE_URL)
    first = await AsyncClient().get(path)
    assert first.status_code == 200
    second = await AsyncClient().get(path)
    assert second.status_code == 429
    assert b"Too many at once" in second.content
    first.close()
    assert (await fetch(path)).status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
async def test_no_link_stands_in_the_log(site: Site, method: str, caplog: Any, monkeypatch: Any) -> None:
    session = await begun(site)
    up = await send_up(site, session, "a.pdf", PDF)
    said = await site.say(session, "", attachments=[up.data["file"]["id"]])
    url = said.data["message"]["attachments"][0]["url"]
    monkeypatch.setattr(files, "storage", broken)
    answer: Any = await AsyncClient(enforce_csrf_checks=True).generic(method, url.removeprefix(settings.FILES_BASE_URL))
    assert answer.status_code == (503 if method == "GET" else 405)
    assert url.rpartition("/")[2] not in caplog.text


@pytest.mark.parametrize("ending", ["", "x", ".abc"])
async def test_a_forged_link_says_so_in_words(site: Site, ending: str) -> None:
    link = file_links.link(site.workspace_id, uuid.uuid4())
    got = await fetch(link[:-3] + ending)
    assert got.status_code == 403
    assert b"link isn" in got.content


async def test_a_link_is_over_after_an_hour_and_says_so(site: Site) -> None:
    now = timezone.now().timestamp()
    got = await fetch(file_links.link(site.workspace_id, uuid.uuid4(), now - 3600 - 901))
    assert got.status_code == 403
    assert b"works for an hour" in got.content
    nobodys = await fetch(file_links.link(site.workspace_id, uuid.uuid4()))
    assert nobodys.status_code == 404


# --- Refused ----------------------------------------------------------------------------------------------------------


async def refused(site: Site, session: Any, name: str, content: bytes, status: int, code: str) -> str:
    answer = await send_up(site, session, name, content)
    assert (answer.status_code, answer.data.get("code")) == (status, code), answer.data
    assert answer.data["hint"]
    assert await in_workspace(site, File.objects.count) == 0
    return str(answer.data["detail"])


async def test_a_deployment_takes_no_files_until_it_is_told_to(site: Site, folder: Path) -> None:
    session = (await site.start()).data
    await refused(site, session, "a.jpg", picture(), 403, "channel_not_allowed")
    config = await site.call("GET", f"/config?agent_id={site.agent_id}", site.token)
    assert config.data["features"]["files"] is False
    await allow(site)
    config = await site.call("GET", f"/config?agent_id={site.agent_id}", site.token)
    assert config.data["features"]["files"]["max_bytes"] == 10 * 1024 * 1024
    up = await send_up(site, session, "a.jpg", picture())
    assert up.status_code == 201
    await allow(site, on=False)
    again = await send_up(site, session, "a.jpg", picture())
    assert again.status_code == 403
    said = await site.say(session, "", attachments=[up.data["file"]["id"]])
    assert said.status_code == 422
    assert len(contents(folder)) == 1


async def test_kinds_and_size_are_the_deployments(site: Site) -> None:
    session = await begun(site, on=True, kinds=["images"], max_bytes=2000)
    words = await refused(site, session, "a.pdf", PDF, 415, "unsupported_media_type")
    assert "kind" in words
    await refused(site, session, "a.png", picture("PNG") + b"0" * 2000, 413, "payload_too_large")
    await refused(site, session, "a.png", picture("PNG") + b"0" * 40_000, 413, "payload_too_large")


async def test_what_says_it_is_short_is_stopped_while_it_is_read(site: Site) -> None:
    session = await begun(site, on=True, kinds=["documents"], max_bytes=2000)
    answer = await send_up(site, session, "a.txt", b"a" * 3000)
    assert answer.data["code"] == "payload_too_large"


def png_of(width: int, height: int) -> bytes:
    """The head of a PNG that says it is so large, with hardly anything in it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 999)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("name", "content", "status", "code"),
    [
        pytest.param("bomb.png", png_of(10_000, 10_000), 422, "invalid", id="100 million points"),
        pytest.param("bomb.png", png_of(60_000, 60_000), 422, "invalid", id="more than Pillow itself takes"),
        pytest.param("cut.png", png_of(100, 100), 422, "invalid", id="a damaged image"),
        pytest.param("photo.png", archive(a="b"), 415, "unsupported_media_type", id="an archive by an image's name"),
        pytest.param("a.zip", archive(a="b"), 415, "unsupported_media_type", id="an archive"),
        pytest.param("a.docx", archive(a="b"), 415, "unsupported_media_type", id="an archive by Word's name"),
        pytest.param("a.docx", b"PK\x03\x04broken", 415, "unsupported_media_type", id="a broken archive"),
        pytest.param(
            "a.docx",
            archive(**{"[Content_Types].xml": "", "word/document.xml": "", "word/vbaProject.bin": ""}),
            415,
            "unsupported_media_type",
            id="Word with macros",
        ),
        pytest.param(
            "a.xlsx",
            archive(**{"[Content_Types].xml": "", "xl/workbook.xml": "", "xl/macrosheets/sheet1.xml": ""}),
            415,
            "unsupported_media_type",
            id="Excel with macros as they once were",
        ),
        pytest.param(
            "a.odt",
            archive(**{"mimetype": "application/vnd.oasis.opendocument.text", "Basic/Standard/script-lb.xml": ""}),
            415,
            "unsupported_media_type",
            id="OpenDocument with macros",
        ),
        pytest.param("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "unsupported_media_type", id="SVG"),
        pytest.param("a.txt", b"\n <svg onload=alert(1)>", 415, "unsupported_media_type", id="SVG as text"),
        pytest.param("a.html", b"<!doctype html><p>", 415, "unsupported_media_type", id="HTML"),
        pytest.param("a.csv", b"\xef\xbb\xbf<html>", 415, "unsupported_media_type", id="HTML by a table's name"),
        pytest.param("a.html", b"just text", 422, "invalid", id="text by the name of HTML"),
        pytest.param("a.js", b"alert(1)", 422, "invalid", id="text by the name of a script"),
        pytest.param("a.txt", b"#!/bin/sh\nrm", 415, "unsupported_media_type", id="a shell script"),
        pytest.param("a.exe", b"MZ\x90\x00" + b"\0" * 200, 415, "unsupported_media_type", id="a program"),
        pytest.param("a.pdf", b"\x7fELF" + b"\0" * 200, 415, "unsupported_media_type", id="a program as PDF"),
        pytest.param("a.pdf.exe", PDF, 422, "invalid", id="PDF by a program's name"),
        pytest.param("a.jpg", PDF, 422, "invalid", id="PDF by an image's name"),
        pytest.param("a.txt", PDF, 422, "invalid", id="PDF by a text's name"),
        pytest.param("a.pdf", picture(), 422, "invalid", id="an image by a document's name"),
        pytest.param("a.txt", b"", 422, "invalid", id="nothing"),
    ],
)
async def test_what_is_not_taken_is_refused_in_words(
    site: Site, name: str, content: bytes, status: int, code: str, folder: Path
) -> None:
    session = await begun(site)
    await refused(site, session, name, content, status, code)
    assert contents(folder) == []


def many_scans(extra: int, size: tuple[int, int] = (8, 8)) -> bytes:
    """A JPEG that goes over all of its points again and again: small, and long to read."""
    out = io.BytesIO()
    Image.new("L", size, 128).save(out, "JPEG", progressive=True)
    content = out.getvalue()
    last = content[content.rfind(b"\xff\xda") : -2]
    return content[:-2] + last * extra + b"\xff\xd9"


def many_segments(count: int) -> bytes:
    whole = picture()
    return whole[:2] + (b"\xff\xe1" + struct.pack(">H", 9) + b"Exif\0\0x") * count + whole[2:]


@pytest.mark.parametrize("content", [many_scans(1000), many_segments(20_000)], ids=["scans", "segments"])
async def test_an_image_made_to_take_time_is_not_begun(site: Site, content: bytes, monkeypatch: Any) -> None:
    monkeypatch.setattr("subprocess.run", broken)
    words = await refused(site, await begun(site), "a.jpg", content, 422, "invalid")
    assert words


async def test_as_many_scans_as_programs_write_are_taken(site: Site) -> None:
    answer = await send_up(site, await begun(site), "a.jpg", many_scans(20))
    assert answer.status_code == 201, answer.data


@pytest.mark.parametrize(
    ("bound", "value"),
    [("CPU_SECONDS", 1), ("LONGEST_SECONDS", 0.01), ("MEMORY_BYTES", 100 * 1024 * 1024)],
    ids=["processor", "clock", "memory"],
)
async def test_an_image_that_takes_too_much_is_refused_and_its_process_ends(
    site: Site, monkeypatch: Any, bound: str, value: float
) -> None:
    session = await begun(site)
    monkeypatch.setattr(images, bound, value)
    answer = await send_up(site, session, "a.jpg", many_scans(80, (5000, 5000)))
    assert (answer.status_code, answer.data["code"]) == (422, "invalid"), answer.data
    assert await in_workspace(site, File.objects.count) == 0


async def test_no_secret_of_ours_is_where_an_image_is_read(site: Site, monkeypatch: Any, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("import os, sys\nprint(sorted(os.environ), sys.path[0])\nsys.exit(3)\n")
    monkeypatch.setattr(images, "_PROGRAM", program)
    answer = await send_up(site, await begun(site), "a.jpg", picture())
    said = answer.data["errors"]["file"][0]
    assert "SECRET" not in said
    assert "DATABASE" not in said
    assert str(tmp_path) not in said


async def test_an_archive_made_to_take_time_is_looked_at_in_no_time(site: Site) -> None:
    """Ten megabytes, as many as a file may have: of entries without a name, and of entries full of empty fields."""
    head = b"PK\x01\x02" + b"\0" * 24
    for count, field in ((227_907, b""), (150, b"\x99\x99\0\0" * 16_383)):
        entry = head + struct.pack("<HHH", 0, len(field), 0) + b"\0" * 12 + field
        end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, count & 0xFFFF, count & 0xFFFF, len(entry) * count, 30, 0)
        made = b"PK\x03\x04" + b"\0" * 26 + entry * count + end
        began = time.process_time()
        with pytest.raises(Problem):
            file_kinds.check("a.docx", made, file_kinds.KINDS, 10**7)
        assert time.process_time() - began < 0.3


@pytest.mark.parametrize("said", [b"text/html\n<p>", b"", b"image/svg+xml\nx", b"\xff\n"])
async def test_what_the_drawing_process_says_is_not_believed(site: Site, monkeypatch: Any, said: bytes) -> None:
    done = subprocess.CompletedProcess([], 0, said, b"")
    monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: done)
    await refused(site, await begun(site), "a.png", picture("PNG"), 422, "invalid")


async def test_drawing_waits_for_whatever_else_has_to_be_done(monkeypatch: Any, tmp_path: Path) -> None:
    program = "import os, redrawing; redrawing.bound(8, 1 << 30); print(os.nice(0))"
    folder = Path(images.__file__).parent
    done = subprocess.run(  # noqa: ASYNC221
        [sys.executable, "-c", program], capture_output=True, cwd=folder, check=True, text=True
    )
    assert int(done.stdout) >= 10


async def test_where_many_images_wait_the_next_is_told_to_come_again(site: Site, monkeypatch: Any) -> None:
    session, go_on = await begun(site), threading.Event()
    room = checking.Room("test", at_once=1, waiting=1, of_one=9)
    monkeypatch.setattr(checking, "drawing", room)
    others = [asyncio.create_task(room.run("192.0.2.1", go_on.wait, 60)) for _ in range(2)]
    await asyncio.sleep(0)  # both have begun
    answer = await send_up(site, session, "a.jpg", picture())
    assert (answer.status_code, answer.data["code"], answer["Retry-After"]) == (503, "unavailable", "10")
    assert answer.data["hint"]
    # What is no image waits for none.
    assert (await send_up(site, session, "a.pdf", PDF)).status_code == 201
    go_on.set()
    assert await asyncio.gather(*others) == [True, True]
    assert (await send_up(site, session, "a.jpg", picture())).status_code == 201


async def test_one_address_takes_not_every_place() -> None:
    room, go_on = checking.Room("test", at_once=1, waiting=3, of_one=2), threading.Event()
    mine = [asyncio.create_task(room.run("192.0.2.1", go_on.wait, 20)) for _ in range(3)]
    [refusal], _ = await asyncio.wait(mine, return_when=asyncio.FIRST_COMPLETED, timeout=20)
    assert isinstance(refusal.exception(), Problem)
    theirs = asyncio.create_task(room.run("192.0.2.2", go_on.wait, 20))
    go_on.set()
    assert await theirs


async def test_the_form_has_one_file_and_nothing_else(site: Site) -> None:
    session = await begun(site)
    pdf = ("file", "a.pdf", PDF)
    for body, content_type in [
        form(pdf, pdf),
        form(),
        form(("file", None, b"text")),
        form(("upload", "a.pdf", PDF)),
        form(pdf, ("note", None, b"x")),
        (b"broken", "multipart/form-data; boundary=x"),
        (b"broken", "multipart/form-data"),
    ]:
        answer = await call(site, session, body, content_type)
        assert (answer.status_code, answer.data["code"]) == (422, "invalid"), answer.data
    answer = await call(site, session, b"{}", "application/json")
    assert answer.status_code == 415
    assert await in_workspace(site, File.objects.count) == 0


@pytest.mark.parametrize("lost", [1, 3, 30, 60])
async def test_a_form_that_is_cut_off_is_no_file(site: Site, folder: Path, lost: int) -> None:
    session = await begun(site)
    body, content_type = form(("file", "a.txt", b"many words"))
    answer = await call(site, session, body.rstrip()[:-lost], content_type)
    assert (answer.status_code, answer.data["code"]) == (422, "invalid")
    assert contents(folder) == []


async def test_a_visitors_file_with_a_virus_is_refused_and_noted(site: Site, folder: Path, settings: Any) -> None:
    settings.FILES_SCANNER = "tests.security.test_scanning.of_my_own"
    session = await begun(site)
    words = await refused(site, session, "a.txt", b"a bad file", 422, "invalid")
    assert contents(folder) == []
    assert words == "A virus was found in this file, so it was not taken."
    event = await in_workspace(site, lambda: AuditEvent.objects.get(action="conversation.virus_refused"))
    assert event.data == {"kind": "txt", "signature": "Bad?Word", "sent_by": "visitor"}
    settings.FILES_SCANNER = "tests.security.test_scanning.fails"
    await refused(site, session, "a.txt", b"a good file", 503, "unavailable")


async def test_an_ended_conversation_takes_none(site: Site) -> None:
    session = await begun(site)
    await site.call("POST", f"/sessions/{session['session']['id']}/end", session["session_token"], {})
    await refused(site, session, "a.pdf", PDF, 409, "conversation_ended")


async def test_the_fifty_first_is_refused_though_it_comes_beside_the_fiftieth(site: Site) -> None:
    session = await begun(site)

    def fill() -> None:
        conversation = Conversation.objects.get(id=session["session"]["conversation_id"])
        for number in range(48):
            File.objects.create(conversation=conversation, key=str(number), name="a", content_type="a/b", size=1)

    await in_workspace(site, fill)
    answers = await asyncio.gather(*(send_up(site, session, "a.pdf", PDF) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 429, 429, 429, 429]
    answer = await send_up(site, session, "a.pdf", PDF)
    assert (answer.status_code, answer.data["code"]) == (429, "quota_exceeded")
    assert answer["Retry-After"]


async def test_a_visitor_sends_so_many_in_a_minute_and_no_more(site: Site, settings: Any) -> None:
    settings.LIMITS = {**settings.LIMITS, "visitor_files": "2/60"}
    session = await begun(site)
    answers = [await send_up(site, session, "a.pdf", PDF) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert answers[-1].data["code"] == "rate_limited"


def limited(settings: Any, **limits: Any) -> None:
    settings.LIMITS = {**settings.LIMITS, **limits}


@pytest.mark.parametrize("limit", ["files_per_ip", "files_per_ip_and_day", "files_overall"])
async def test_an_address_has_no_more_for_having_many_workspaces(site: Site, settings: Any, limit: str) -> None:
    here, window = await begun(site), f"2/{random.randint(1000, 10**6)}"  # of this test alone: the address is shared
    limited(settings, **{limit: window})
    other = Site(await in_thread(lambda: factories.make_deployment(factories.make_workspace(), origins=(ORIGIN,))))
    there = await begun(other)
    answers = [await send_up(*visit, "a.pdf", PDF) for visit in ((site, here), (other, there), (site, here))]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert answers[-1].data["code"] == "rate_limited"


async def test_a_workspace_is_sent_so_many_in_an_hour_by_whomever(site: Site, settings: Any) -> None:
    limited(settings, files_per_workspace="2/3600")
    first, second = await begun(site), (await site.start()).data
    # What is refused takes nothing of what all of them share.
    assert (await send_up(site, first, "a.zip", archive(a="b"))).status_code == 415
    answers = [await send_up(site, session, "a.pdf", PDF) for session in (first, second, first)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]


@pytest.mark.parametrize("limit", ["workspace_file_bytes", "waiting_file_bytes"])
async def test_no_more_bytes_are_kept_than_may_be_though_they_come_at_once(
    site: Site, settings: Any, limit: str, folder: Path
) -> None:
    limited(settings, **{limit: 2 * len(PDF) + 1})
    sessions = [await begun(site), *[(await site.start()).data for _ in range(4)]]
    answers = await asyncio.gather(*(send_up(site, session, "a.pdf", PDF) for session in sessions))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 429, 429, 429]
    refusal = next(answer for answer in answers if answer.status_code == 429)
    assert (refusal.data["code"], refusal["Retry-After"]) == ("quota_exceeded", "3600")
    assert refusal.data["hint"]
    assert len(contents(folder)) == 2


async def test_where_there_is_no_room_the_visitor_reads_plain_words_and_the_owner_when(
    site: Site, settings: Any
) -> None:
    limited(settings, workspace_file_bytes=len(PDF) + 1)
    session = await begun(site)
    assert (await send_up(site, session, "a.pdf", PDF)).status_code == 201
    began = timezone.now()
    for _ in range(2):
        full = await send_up(site, session, "b.pdf", PDF)
        assert (full.status_code, full.data["code"]) == (429, "quota_exceeded")
        assert full.data["detail"] == "This chat can't take more files at the moment."
        assert full.data["hint"] == "Send it later, or in another way."
    deployment = await in_workspace(site, Deployment.objects.get)
    assert began <= deployment.files_refused_at <= timezone.now()


async def test_what_found_no_room_takes_nothing_of_what_all_share(site: Site, settings: Any) -> None:
    limited(settings, workspace_file_bytes=len(PDF) + 1, files_per_workspace="2/3600")
    session = await begun(site)
    answers = [await send_up(site, session, "a.pdf", PDF) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 429, 429]
    limited(settings, workspace_file_bytes=10**9, files_per_workspace="2/3600")
    answers = [await send_up(site, session, "a.pdf", PDF) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 429]
    # And what was one too many has left nothing.
    assert await in_workspace(site, File.objects.count) == 2


@pytest.mark.parametrize("column", ["deployments_deployment.files", "deployments_message.attachments"])
async def test_the_release_before_can_still_write_beside_this_one(site: Site, column: str) -> None:
    def default() -> Any:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT column_default FROM information_schema.columns WHERE table_name = %s AND column_name = %s",
                column.split("."),
            )
            return cursor.fetchone()[0]

    assert await in_workspace(site, default) in ("'{}'::jsonb", "'[]'::jsonb")


async def test_a_message_frees_the_room_of_what_waited(site: Site, settings: Any) -> None:
    limited(settings, waiting_file_bytes=len(PDF))
    session = await begun(site)
    first = (await send_up(site, session, "a.pdf", PDF)).data["file"]["id"]
    assert (await send_up(site, session, "a.pdf", PDF)).status_code == 429
    await site.say(session, "", attachments=[first])
    assert (await send_up(site, session, "a.pdf", PDF)).status_code == 201


async def test_a_disk_that_is_nearly_full_takes_no_file(site: Site, settings: Any) -> None:
    limited(settings, free_disk_bytes=10**18)
    words = await refused(site, await begun(site), "a.pdf", PDF, 503, "unavailable")
    assert "room" in words


async def test_no_token_of_another_session_and_no_foreign_page_gets_in(site: Site) -> None:
    session = await begun(site)
    other = (await site.start()).data
    swapped = {**session, "session_token": other["session_token"]}
    assert (await send_up(site, swapped, "a.pdf", PDF)).status_code == 404
    site.origin = "https://stranger.example"
    assert (await send_up(site, session, "a.pdf", PDF)).data["code"] == "origin_not_allowed"


# --- What is kept -----------------------------------------------------------------------------------------------------


async def test_where_a_photo_was_taken_is_not_kept(site: Site, folder: Path) -> None:
    session = await begun(site)
    exif = Image.Exif()
    exif[0x010E] = "secret words"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    content = picture(exif=exif, comment=b"<script>alert(1)</script>")
    assert b"secret words" in content
    up = await send_up(site, session, "a.jpg", content + b"<html><script>alert(2)</script>")
    assert up.status_code == 201, up.data
    [kept] = contents(folder)
    assert b"secret" not in kept
    assert b"script" not in kept
    with Image.open(io.BytesIO(kept)) as image:
        assert not image.getexif()
        assert image.size == (8, 6)


async def test_a_photo_stands_as_it_was_held(site: Site, folder: Path) -> None:
    session = await begun(site)
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    await send_up(site, session, "a.jpg", picture(size=(8, 6), exif=exif))
    with Image.open(io.BytesIO(contents(folder)[0])) as image:
        assert image.size == (6, 8)


async def test_a_phones_photo_with_a_second_picture_in_it_stays_a_photo(site: Site, folder: Path) -> None:
    more = [Image.new("RGB", (4, 3), "red")]
    up = await send_up(site, await begun(site), "a.jpg", picture("MPO", save_all=True, append_images=more))
    assert (up.data["file"]["name"], up.data["file"]["content_type"]) == ("a.jpg", "image/jpeg")
    with Image.open(io.BytesIO(contents(folder)[0])) as image:
        assert (image.format, image.size) == ("JPEG", (8, 6))


async def test_sixteen_bits_of_grey_stay_grey(site: Site, folder: Path) -> None:
    deep = Image.new("I;16", (2, 1))
    deep.putdata([0x4000, 0xC000])
    out = io.BytesIO()
    deep.save(out, "PNG")
    await send_up(site, await begun(site), "a.png", out.getvalue())
    with Image.open(io.BytesIO(contents(folder)[0])) as image:
        assert list(image.convert("L").tobytes()) == [0x40, 0xC0]


async def test_an_image_that_grows_when_it_is_drawn_anew_is_made_to_fit(site: Site, folder: Path) -> None:
    noise = Image.frombytes("P", (200, 200), random.Random(1).randbytes(40_000))
    noise.putpalette(random.Random(2).randbytes(768))
    out = io.BytesIO()
    noise.save(out, "PNG")
    most = len(out.getvalue())
    session = await begun(site, on=True, kinds=["images"], max_bytes=most)
    up = await send_up(site, session, "a.png", out.getvalue())
    assert up.status_code == 201, up.data
    assert up.data["file"]["size"] == len(contents(folder)[0]) <= most


async def test_an_image_that_can_not_be_made_to_fit_is_refused(site: Site) -> None:
    photo = picture("GIF", (1, 1))
    session = await begun(site, on=True, kinds=["images"], max_bytes=len(photo))
    assert "larger" in " ".join((await send_up(site, session, "a.gif", photo)).data["errors"]["file"])


async def test_a_moving_image_is_kept_as_its_first_picture(site: Site, folder: Path) -> None:
    session = await begun(site)
    more = [Image.new("RGB", (8, 6), colour) for colour in ("red", "blue")]
    up = await send_up(site, session, "a.gif", picture("GIF", save_all=True, append_images=more))
    assert (up.data["file"]["name"], up.data["file"]["content_type"]) == ("a.png", "image/png")
    with Image.open(io.BytesIO(contents(folder)[0])) as image:
        assert getattr(image, "n_frames", 1) == 1


@pytest.mark.parametrize(
    ("name", "content", "content_type"),
    [
        ("a.png", picture("PNG"), "image/png"),
        ("a.webp", picture("WEBP"), "image/webp"),
        ("a.pdf", PDF, "application/pdf"),
        ("a.txt", "Grüße\n".encode(), "text/plain"),
        ("a.csv", "a;b\r\n1;2\r\n".encode("cp1252"), "text/csv"),
        (
            "a.docx",
            archive(**{"[Content_Types].xml": "", "word/document.xml": ""}),
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        (
            "a.xlsx",
            archive(**{"[Content_Types].xml": "", "xl/workbook.xml": ""}),
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
        (
            "a.odt",
            archive(**{"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": ""}),
            "application/vnd.oasis.opendocument.text",
        ),
        ("a.mp3", b"ID3\x04\x00" + b"\0" * 300, "audio/mpeg"),
        ("a.wav", b"RIFF\x24\x00\x00\x00WAVEfmt " + b"\0" * 300, "audio/wav"),
        ("a.mp4", b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + b"\0" * 300, "video/mp4"),
        ("a.mp4", b"\x00\x00\x00\x18ftypiso5\x00\x00\x02\x00iso6dash" + b"\0" * 300, "video/mp4"),
        ("a.mp4", b"\x00\x00\x00\x14ftypdash\x00\x00\x00\x00iso6" + b"\0" * 300, "video/mp4"),
        ("a.m4v", b"\x00\x00\x00\x20ftypM4V \x00\x00\x00\x01M4V M4A mp42isom" + b"\0" * 300, "video/mp4"),
        ("a.3gp", b"\x00\x00\x00\x18ftyp3gp4\x00\x00\x02\x00isom3gp4" + b"\0" * 300, "video/3gpp"),
        ("a.txt", b"BMW: my car\n", "text/plain"),
        ("a.csv", b"BMI,age\n22,40\n", "text/csv"),
        ("a.csv", b"MZ;Name\n1;Anna\n", "text/csv"),
        ("a.md", b"ID3 tags\n", "text/plain"),
        ("a.log", b"GIF files: 3\n", "text/plain"),
        ("a.txt", b"#!important\n", "text/plain"),
        ("a.txt", b"<me@x.example> wrote:\n> hi\n", "text/plain"),
        ("a.log", b"<anna> hello\n<ben> hello\n", "text/plain"),
    ],
)
async def test_these_are_taken(site: Site, name: str, content: bytes, content_type: str) -> None:
    session = await begun(site)
    up = await send_up(site, session, name, content)
    assert up.status_code == 201, up.data
    assert (up.data["file"]["name"], up.data["file"]["content_type"]) == (name, content_type)


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\a.PDF", "a.pdf"),
        ("gnp\u202e.exe", "gnp.exe"),
        ("a\r\nSet-Cookie: b.txt", "aSet-Cookie_ b.txt"),
        ("...", "file"),
        ("", "file"),
        (".pdf", "pdf"),
        ("x" * 300 + ".pdf", "x" * 116 + ".pdf"),
        ('<img src="x">.png', "_img src=_x__.png"),
        ("Foto (1).jpg", "Foto (1).jpg"),
    ],
)
async def test_names_are_cleaned(raw: str, clean: str) -> None:
    assert file_kinds.clean_name(raw) == clean


async def test_a_picture_under_its_neighbours_name_gets_the_right_one(site: Site) -> None:
    session = await begun(site)
    up = await send_up(site, session, "photo.jpg", picture("PNG"))
    assert up.data["file"]["name"] == "photo.png"
    nameless = await send_up(site, session, "photo", picture("PNG"))
    assert nameless.data["file"]["name"] == "photo.png"


# --- With messages ----------------------------------------------------------------------------------------------------


async def test_a_message_takes_only_free_files_of_its_own_conversation(site: Site) -> None:
    session, other = await begun(site), (await site.start()).data
    mine = (await send_up(site, session, "a.pdf", PDF)).data["file"]["id"]
    theirs = (await send_up(site, other, "a.pdf", PDF)).data["file"]["id"]
    for ids in ([theirs], [mine, theirs], [str(uuid.uuid4())], ["x"], [mine, mine], "x", [mine] * 11):
        answer = await site.say(session, "look", attachments=ids)
        assert (answer.status_code, answer.data["code"]) == (422, "invalid"), ids
        assert any(path.startswith("attachments") for path in answer.data["errors"])
    assert (await site.say(session, "look", attachments=[mine])).status_code == 201
    assert (await site.say(session, "again", attachments=[mine])).status_code == 422
    assert (await site.say(session, "", attachments=[])).status_code == 422


async def test_the_same_message_with_its_file_is_posted_once(site: Site) -> None:
    session = await begun(site)
    first, second = [(await send_up(site, session, "a.pdf", PDF)).data["file"]["id"] for _ in range(2)]
    client_id = str(uuid.uuid4())
    answers = [await site.say(session, "look", client_id=client_id, attachments=[first]) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert len({answer.data["message"]["id"] for answer in answers}) == 1
    assert answers[1].data["message"]["attachments"][0]["id"] == first
    other = await site.say(session, "look", client_id=client_id, attachments=[second])
    assert (other.status_code, other.data["code"]) == (409, "idempotency_conflict")
    bare = await site.say(session, "look", client_id=client_id)
    assert bare.status_code == 409


# --- The wall, and the end --------------------------------------------------------------------------------------------


async def test_links_lead_to_the_origin_of_files_where_there_is_one(site: Site, settings: Any) -> None:
    settings.FILES_BASE_URL = "https://files.example"
    session = await begun(site)
    up = (await send_up(site, session, "a.pdf", PDF)).data["file"]["id"]
    said = await site.say(session, "", attachments=[up])
    url = said.data["message"]["attachments"][0]["url"]
    assert url.startswith("https://files.example/files/")
    assert (await fetch(url)).content == PDF


async def test_another_workspace_reads_no_file_by_any_id(site: Site) -> None:
    session = await begun(site)
    up = (await send_up(site, session, "a.pdf", PDF)).data["file"]["id"]
    stranger = await in_thread(factories.make_workspace)
    got = await fetch(file_links.link(stranger.id, uuid.UUID(up)))
    assert got.status_code == 404


async def test_what_no_message_took_within_two_hours_is_deleted(site: Site, folder: Path) -> None:
    session = await begun(site)
    ids = [(await send_up(site, session, "a.pdf", PDF)).data["file"]["id"] for _ in range(3)]
    await site.say(session, "look", attachments=[ids[0]])
    await in_workspace(
        site, lambda: File.objects.exclude(id=ids[1]).update(created_at=timezone.now() - timedelta(minutes=121))
    )
    await in_thread(files.sweep)
    kept = await in_workspace(site, lambda: {str(row.id) for row in File.objects.all()})
    assert kept == {ids[0], ids[1]}
    assert len(contents(folder)) == 2
    assert await in_thread(GoneFile.objects.count) == 0


@pytest.mark.parametrize("what", ["conversation", "message", "workspace", "all by the database itself"])
async def test_with_what_it_belongs_to_its_content_is_deleted(site: Site, folder: Path, what: str) -> None:
    session = await begun(site)
    up = (await send_up(site, session, "a.pdf", PDF)).data["file"]["id"]
    said = await site.say(session, "look", attachments=[up])
    assert len(contents(folder)) == 1

    def delete() -> None:
        row = Conversation.objects.get(id=session["session"]["conversation_id"])
        if what == "conversation":
            row.delete()
        elif what == "message":
            row.messages.filter(id=said.data["message"]["id"]).delete()
        elif what == "workspace":
            Workspace.objects.get(id=site.workspace_id).delete()
        else:
            File.objects.all()._raw_delete("default")

    await in_workspace(site, delete)
    await in_thread(files.sweep)
    assert contents(folder) == []
    assert await in_thread(GoneFile.objects.count) == 0


async def test_content_that_can_not_be_deleted_stays_due(site: Site, folder: Path, monkeypatch: Any) -> None:
    session = await begun(site)
    await send_up(site, session, "a.pdf", PDF)
    await in_workspace(site, lambda: File.objects.all().delete())
    with monkeypatch.context() as patched:
        patched.setattr(type(storages["files"]), "delete", broken)
        await in_thread(files.sweep)
    assert await in_thread(GoneFile.objects.count) == 1
    await in_thread(files.sweep)
    assert len(contents(folder)) == 1  # not again at once
    await in_thread(lambda: GoneFile.objects.update(due_at=timezone.now()))
    await in_thread(files.sweep)
    assert contents(folder) == []


async def test_what_can_not_be_deleted_keeps_nothing_else_waiting(site: Site, folder: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(files, "BATCH", 2)
    long_ago = timezone.now() - timedelta(hours=1)
    stuck = [GoneFile(key=f"stuck{number}", due_at=long_ago) for number in range(3)]
    await in_thread(lambda: GoneFile.objects.bulk_create(stuck))
    session = await begun(site)
    await send_up(site, session, "a.pdf", PDF)
    await in_workspace(site, lambda: File.objects.all().delete())
    kept = type(storages["files"]).delete

    def delete(storage: Any, name: str) -> None:
        if name.startswith("stuck"):
            raise OSError("read-only")
        kept(storage, name)

    monkeypatch.setattr(type(storages["files"]), "delete", delete)
    for _ in range(2):
        await in_thread(files.sweep)
    assert contents(folder) == []
    assert await in_thread(GoneFile.objects.count) == 3
    await in_thread(GoneFile.objects.all().delete)


async def test_a_file_that_can_not_be_deleted_keeps_no_other_waiting(
    site: Site, folder: Path, monkeypatch: Any
) -> None:
    session = await begun(site)
    for name in ("a.pdf", "b.pdf"):
        await send_up(site, session, name, PDF)
    await in_workspace(site, lambda: File.objects.update(created_at=timezone.now() - timedelta(hours=3)))
    kept = File.delete

    def delete(row: File) -> Any:
        return broken() if row.name == "a.pdf" else kept(row)

    monkeypatch.setattr(File, "delete", delete)
    await in_thread(files.sweep)
    assert await in_workspace(site, lambda: [row.name for row in File.objects.all()]) == ["a.pdf"]
    assert len(contents(folder)) == 1


def somebody_waits() -> None:
    """Until somebody waits for a lock of the database."""
    deadline = time.monotonic() + 20
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
    raise AssertionError("nobody waits")


@pytest.mark.parametrize(
    "delete_it",
    [
        lambda: Conversation.objects.get().delete(),
        lambda: Conversation.objects.filter(status="active").order_by("-started_at").delete(),
        lambda: Person.objects.get().delete(),
        lambda: Assistant.objects.get().delete(),
        lambda: Workspace.objects.get().delete(),
    ],
    ids=["itself", "among others", "with its person", "with its assistant", "with its workspace"],
)
async def test_a_conversation_is_deleted_after_who_writes_in_it_is_done(
    site: Site, delete_it: Callable[[], Any]
) -> None:
    session = await begun(site)
    await send_up(site, session, "a.pdf", PDF)
    is_held, conversation_id = threading.Event(), session["session"]["conversation_id"]

    def write() -> None:
        conversations.lock(uuid.UUID(conversation_id))
        is_held.set()
        somebody_waits()
        File.objects.update(name="b.pdf")
        row = Conversation.objects.get(id=conversation_id)
        conversations.post_message(row, conversations.NewMessage("assistant", "One more."))

    def delete() -> None:
        is_held.wait(20)
        delete_it()

    await asyncio.gather(in_workspace(site, write), in_workspace(site, delete))
    assert await in_workspace(site, lambda: (File.objects.count(), Message.objects.count())) == (0, 0)


async def test_who_is_let_go_out_of_a_deadlock_is_not_told(site: Site) -> None:
    session = await begun(site)
    loop = asyncio.get_running_loop()
    # Which of two the database lets go is whose second is over first: on a busy machine not always the visitor's.
    for number in range(10):
        up = (await send_up(site, session, f"{number}.pdf", PDF)).data["file"]["id"]
        is_held = asyncio.Event()

        def crosswise(is_held: asyncio.Event = is_held) -> bool:
            list(File.objects.select_for_update())
            loop.call_soon_threadsafe(is_held.set)
            somebody_waits()
            try:
                with transaction.atomic():
                    list(Conversation.objects.select_for_update())
            except OperationalError:
                return False
            return True

        other = asyncio.create_task(in_workspace(site, crosswise))
        await is_held.wait()
        said = await site.say(session, "look", attachments=[up])
        assert said.status_code == 201
        assert said.data["message"]["attachments"][0]["id"] == up
        if await other:
            return
    pytest.fail("the visitor was never the one who is let go")


def broken(*args: Any, **kwargs: Any) -> None:
    raise OSError("the disk is full")


async def test_a_file_whose_conversation_goes_while_it_is_stored_leaves_no_content(
    site: Site, folder: Path, monkeypatch: Any
) -> None:
    session = await begun(site)
    kept = type(storages["files"]).save

    def save(*args: Any, **kwargs: Any) -> Any:
        with tenant(site.workspace_id):
            File.objects.all().delete()
        files.sweep()
        return kept(*args, **kwargs)

    monkeypatch.setattr(type(storages["files"]), "save", save)
    assert (await send_up(site, session, "a.pdf", PDF)).status_code == 404
    assert contents(folder) == []


async def test_a_file_that_can_not_be_kept_is_said_and_leaves_nothing(site: Site, monkeypatch: Any) -> None:
    session = await begun(site)
    monkeypatch.setattr(type(storages["files"]), "save", broken)
    answer = await send_up(site, session, "a.pdf", PDF)
    assert (answer.status_code, answer.data["code"]) == (503, "unavailable")
    assert answer["Retry-After"]
    assert await in_workspace(site, File.objects.count) == 0
