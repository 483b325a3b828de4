"""Documents as text: what they say in every form, and that none of them takes more than is given to one."""

from __future__ import annotations

import gzip
import io
import time
import zipfile
import zlib
from collections.abc import Callable

import docx
import pytest
from fpdf import FPDF

from deployments.knowledge import document_program, parsing
from deployments.knowledge.parsing import Unreadable

PAGE = b"""<html lang="de-AT"><head><title>Returns | Shop</title><script>track()</script></head><body>
<nav>Home About</nav><main><h1>Returns</h1><p>You have <b>60 days</b>.<br>From delivery on.</p>
<h2>How it works</h2><ul><li>Pack it</li><li><p>Send it</p></li></ul>
<table><tr><th>Zone</th><th>Price</th></tr><tr><td>EU</td><td>5</td></tr></table>
<details><summary>Who pays?</summary>We do.</details><p hidden>Not to be seen</p>
<p>A long paragraph that says what else there is to be said of it, so that the main part is worth reading at all,
and nobody takes it for a frame around the words.</p></main><footer>Imprint</footer></body></html>"""


def test_a_web_page_is_read_without_what_stands_around_its_words() -> None:
    page = parsing.parse("html", PAGE)
    assert (page.title, page.language) == ("Returns", "de-AT")
    assert page.blocks[:7] == [
        (1, "Returns"),
        (0, "You have 60 days.\nFrom delivery on."),
        (2, "How it works"),
        (0, "- Pack it\n- Send it"),
        (0, "Zone | Price\nEU | 5"),
        (5, "Who pays?"),
        (0, "We do."),
    ]
    said = " ".join(text for _, text in page.blocks)
    assert not [word for word in ("Home", "Imprint", "track", "Not to be seen") if word in said]


def test_markdown_keeps_its_headings_and_runs_nothing() -> None:
    page = parsing.parse(
        "markdown", b"---\ntitle: Help\n---\n# Start\n\nFirst.\n\n## More\n\n* one\n* two\n\n<script>x</script>"
    )
    assert page.title == "Help"
    assert page.blocks[:4] == [(1, "Start"), (0, "First."), (2, "More"), (0, "- one\n- two")]


def test_a_text_is_its_paragraphs_in_whatever_encoding_it_is() -> None:
    assert parsing.parse("plain", "Grüße\n\nZweiter".encode("cp1252")).blocks == [(0, "Grüße"), (0, "Zweiter")]
    assert parsing.parse("plain", "Grüße".encode("utf-16")).blocks == [(0, "Grüße")]
    assert parsing.parse("html", '<meta charset="iso-8859-2"><p>ő'.encode("iso-8859-2")).blocks == [(0, "ő")]
    assert parsing.parse("plain", b"a\x00b\x1bc").blocks == [(0, "abc")]


@pytest.mark.parametrize("title", ["Word Document", "Microsoft Word - a.doc", "p.html", "Untitled 2", "Dokument1"])
def test_a_title_that_a_program_wrote_is_none(title: str) -> None:
    document = docx.Document()
    document.core_properties.title = title
    document.add_paragraph("Two years from the day of purchase.")
    raw = io.BytesIO()
    document.save(raw)
    assert parsing.parse("docx", raw.getvalue()).title == ""
    document.core_properties.title = "Documents of a warranty"
    raw = io.BytesIO()
    document.save(raw)
    assert parsing.parse("docx", raw.getvalue()).title == "Documents of a warranty"


def test_a_word_document_is_its_headings_paragraphs_and_tables() -> None:
    document = docx.Document()
    document.add_heading("Warranty", 0)
    document.add_heading("How long", 1)
    document.add_paragraph("Two years from the day of purchase.")
    table = document.add_table(rows=1, cols=2)
    table.cell(0, 0).text, table.cell(0, 1).text = "Batteries", "one year"
    raw = io.BytesIO()
    document.save(raw)
    page = parsing.parse("docx", raw.getvalue())
    assert page.title == "Warranty"
    assert page.blocks == [
        (1, "Warranty"),
        (1, "How long"),
        (0, "Two years from the day of purchase."),
        (0, "Batteries | one year"),
    ]


def test_a_pdf_is_its_text_with_lines_joined_again() -> None:
    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("helvetica")
    pdf.multi_cell(0, 6, "The warranty covers every part of the bicycle that is not subject to wear and tear. " * 4)
    page = parsing.parse("pdf", bytes(pdf.output()))
    assert page.blocks[0][1].startswith("The warranty covers every part of the bicycle that is not subject to wear")


def test_a_pdf_of_pictures_and_one_with_a_password_say_what_to_do() -> None:
    empty = FPDF()
    empty.add_page()
    with pytest.raises(Unreadable, match="no text") as refused:
        parsing.parse("pdf", bytes(empty.output()))
    assert "OCR" in refused.value.remedy
    locked = FPDF()
    locked.set_encryption(owner_password="owner", user_password="user")
    locked.add_page()
    with pytest.raises(Unreadable, match="password"):
        parsing.parse("pdf", bytes(locked.output()))


def _packed(name: str, content: bytes) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return raw.getvalue()


def _pdf_with_content(content: bytes) -> bytes:
    stream = zlib.compress(content, 9)
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/Contents 4 0 R/MediaBox[0 0 99 99]/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Filter/FlateDecode/Length %d>>stream\n" % len(stream) + stream + b"\nendstream",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, content_of in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj" % number + content_of + b"endobj\n"
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return (
        out
        + b"xref\n0 6\n0000000000 65535 f \n"
        + table
        + b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(out)
    )


HOSTILE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "a Word document that unpacks to hundreds of megabytes": (
        "docx",
        lambda: _packed("word/document.xml", b"<a>" * 40_000_000),
    ),
    "a PDF whose page unpacks to hundreds of megabytes": (
        "pdf",
        lambda: _pdf_with_content(b"BT /F1 12 Tf (AAAAAAAAAA) Tj ET\n" * 8_000_000),
    ),
    "a page of tags without an end": ("html", lambda: b"<b><i>" * 1_600_000),
    "a PDF that is none": ("pdf", lambda: b"%PDF-1.7\n" + b"x" * 1_000),
    "a Word document that is none": ("docx", lambda: b"PK\x03\x04" + b"x" * 1_000),
    "a page of nothing": ("html", lambda: b"<html><body></body></html>"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_asks_for_too_much_ends_with_a_reason_and_in_time(what: str) -> None:
    form, make = HOSTILE[what]
    content, began = make(), time.monotonic()
    with pytest.raises(Unreadable) as refused:
        parsing.parse(form, content)
    assert refused.value.reason
    assert refused.value.remedy
    assert time.monotonic() - began < parsing.LONGEST_SECONDS


def test_a_document_that_takes_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "CPU_SECONDS", 1)
    with pytest.raises(Unreadable, match="takes too long"):
        parsing.parse("html", b"<div>" * 2_000_000 + b"deep")
    monkeypatch.setattr(parsing, "LONGEST_SECONDS", 0.001)
    with pytest.raises(Unreadable, match="takes too long"):
        parsing.parse("plain", b"short")


def test_of_a_very_long_document_the_first_part_is_kept_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "MOST_CHARACTERS", 1_000)
    page = parsing.parse("plain", b"Ten letters\n\n" * 1_000)
    assert page.is_cut
    assert sum(len(text) for _, text in page.blocks) == 1_000


def test_the_process_that_reads_has_nothing_of_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    """It is given no environment, and its module imports none of the product's."""
    source = (document_program.__file__ or "").strip()
    with open(source, encoding="utf-8") as opened:
        text = opened.read()
    assert not [
        name for name in ("import convoship", "from convoship", "from deployments", "import django") if name in text
    ]


SITEMAP = b"""<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
 xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"><url><loc> http://a.example/1 </loc>
 <image:image><image:loc>http://a.example/i.png</image:loc></image:image></url>
 <url><loc>http://a.example/2</loc></url></urlset>"""


def test_a_sitemap_is_read_packed_or_not_and_so_are_an_index_and_a_list() -> None:
    pages = ["http://a.example/1", "http://a.example/2"]
    assert parsing.parse_sitemap(SITEMAP).urls == pages
    assert parsing.parse_sitemap(gzip.compress(SITEMAP)).urls == pages
    assert parsing.parse_sitemap(b"http://a.example/1\nhttp://a.example/2\n").urls == pages
    index = b"<sitemapindex xmlns='x'><sitemap><loc>http://a.example/s.xml</loc></sitemap></sitemapindex>"
    assert parsing.parse_sitemap(index).sitemaps == ["http://a.example/s.xml"]


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(b"<urlset>" + b" " * 200_000_000),
        b'<!DOCTYPE a [<!ENTITY x "y">]><urlset><url><loc>&x;</loc></url></urlset>',
        b"<html><body>no sitemap</body></html>",
        b"words",
        b"",
    ],
    ids=["bomb", "entities", "page", "words", "nothing"],
)
def test_what_is_no_sitemap_is_refused_in_words(content: bytes) -> None:
    with pytest.raises(Unreadable) as refused:
        parsing.parse_sitemap(content)
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pdf", b"hello"),
        ("a.docx", b"hello"),
        ("a.txt", b"PK\x03\x04zip"),
        ("a.md", b"\x00\x01"),
        ("a.txt", b"%PDF-1"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_refused(name: str, content: bytes) -> None:
    with pytest.raises(Unreadable, match="isn't what its name says"):
        parsing.check_form(parsing.form_of_name(name), content)
