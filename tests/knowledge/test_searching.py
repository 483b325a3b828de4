"""Finding passages: word forms, slips, compounds, near meanings, languages, and walls."""

from __future__ import annotations

from typing import Any

import pytest

from convoship.lib.tenancy import AnotherTenant, NoTenant, tenant
from deployments.knowledge import chunking, languages, searching, sources
from deployments.models import KnowledgeSource
from tests import factories
from tests.knowledge.conftest import Reader, reader_in

ENGLISH = """# Delivery

Parcels are delivered within three working days. Express shipping is possible.

# Pets

Dogs on a lead are welcome in both shops.

# Hiring

Kayaks and canoes can be rented at the harbour from May to September.
"""
GERMAN = """# Versandkosten

Der Versand kostet fünf Euro, wenn die Bestellung kleiner als fünfzig Euro ist.

# Zehnerkarte

Eine Zehnerkarte für das Hallenbad ist zwei Jahre gültig.
"""


@pytest.fixture
def reader(reader: Reader) -> Reader:
    """One that has read in two languages."""
    reader.add(sources.add_text, title="Help", text=ENGLISH)
    reader.add(sources.add_text, title="Hilfe", text=GERMAN)
    return reader


@pytest.mark.parametrize(
    ("asked", "title"),
    [
        ("when will my parcel be delivered", "Help › Delivery"),
        ("delivering", "Help › Delivery"),
        ("delivry of pacels", "Help › Delivery"),
        ("may I bring my puppy or dog", "Help › Pets"),
        ("where can I hire a canoe", "Help › Hiring"),
        ("KAYAKS???", "Help › Hiring"),
        ("was kostet das Versenden", "Hilfe › Versandkosten"),
        ("Versandkosten", "Hilfe › Versandkosten"),
        ("wie lange gilt die Karte fürs Bad", "Hilfe › Zehnerkarte"),
        ("zehnerkarte gueltig", "Hilfe › Zehnerkarte"),
    ],
)
def test_a_question_finds_its_passage_whatever_form_its_words_have(reader: Reader, asked: str, title: str) -> None:
    found = reader.find(asked)
    assert found[0].title == title, [(one.title, one.score) for one in found]
    assert 0 < found[0].score <= 1


def test_what_has_nothing_to_do_with_it_finds_nothing(reader: Reader) -> None:
    assert reader.find("xylophone quantum") == []
    assert reader.find("the and of") == []
    assert reader.find("") == []


def test_an_assistant_finds_only_what_it_has_read_itself(reader: Reader) -> None:
    other = reader_in(reader.workspace)
    assert other.find("parcel") == []
    stranger = reader_in(factories.make_workspace())
    with tenant(stranger.workspace.id):
        assert searching.find(reader.assistant.id, "parcel") == []
        assert not KnowledgeSource.objects.exists()
    with pytest.raises(NoTenant):
        searching.find(reader.assistant.id, "parcel")
    with pytest.raises(AnotherTenant), tenant(stranger.workspace.id), tenant(reader.workspace.id):
        pass


def test_what_is_removed_is_found_no_more_and_its_words_are_forgotten(reader: Reader) -> None:
    with tenant(reader.workspace.id):
        german = KnowledgeSource.objects.get(title="Hilfe")
        sources.remove(reader.actor, german)
    assert reader.find("Versandkosten") == []
    assert reader.find("parcel")


@pytest.mark.parametrize(
    ("text", "tag", "language"),
    [
        ("The parcel is at the door and you can open it.", "", "english"),
        ("Das Paket ist da und Sie können es öffnen.", "", "german"),
        ("Le colis est à la porte et vous pouvez l'ouvrir.", "", "french"),
        ("El paquete está en la puerta y se puede abrir.", "", "spanish"),
        ("Het pakket is er en u kunt het openen.", "", "dutch"),
        ("Alpha Beta Gamma Delta", "", "simple"),
        ("Alpha Beta Gamma Delta", "pt-BR", "portuguese"),
    ],
)
def test_the_language_of_a_text_is_told_by_its_page_or_by_its_words(text: str, tag: str, language: str) -> None:
    from deployments.responders.reading import forms

    assert languages.told(forms(text), tag) == language


def test_a_document_is_cut_between_headings_and_paragraphs_and_nothing_of_it_is_lost() -> None:
    sentence = "This sentence says something that matters to somebody. "
    blocks = [
        (1, "Title"),
        (0, "Opening words."),
        (2, "One"),
        (0, sentence * 60),
        (2, "Two"),
        (3, "Deep"),
        (0, "Short."),
    ]
    found = chunking.chunks("Title", blocks)
    assert next(chunk.heading for chunk in found) == ""
    assert {chunk.heading for chunk in found} == {"", "One", "Two › Deep"}
    assert all(len(chunk.text) <= chunking.LONGEST for chunk in found)
    assert sum(chunk.text.count("matters") for chunk in found) == 60
    assert found[-1].text == "Short."


def test_words_without_spaces_or_ends_are_cut_all_the_same() -> None:
    found = chunking.chunks("", [(0, "x" * 5_000)])
    assert sum(len(chunk.text) for chunk in found) == 5_000
    assert max(len(chunk.text) for chunk in found) <= chunking.LONGEST


@pytest.mark.parametrize("odd", ["'", "\\", "a'b\\c", ":* & |", "(((", "%s", "🛶", "ﬁ", "ß", "\u202e", "a" * 900])
def test_no_sign_of_a_question_means_anything_to_the_database(reader: Reader, odd: str) -> None:
    reader.find(odd)
    assert reader.find(f"parcel {odd}", 1)[0].title == "Help › Delivery"


def test_an_answer_is_found_by_a_language_that_was_chosen(reader: Reader) -> None:
    chosen: dict[str, Any] = {"title": "Names", "text": "Häuser Bäume", "language": "german"}
    reader.add(sources.add_text, **chosen)
    assert reader.find("Haus Baum")[0].title == "Names"
