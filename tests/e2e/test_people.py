"""People in the browser: what the pages do beside what their forms do without JavaScript."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def test_a_new_fields_key_is_proposed_and_choices_are_asked_of_one_kind_alone(member: Page) -> None:
    member.goto("/app/people/fields/new")
    label, key = member.get_by_label("Label"), member.get_by_label("Key")
    choices = member.get_by_label("Choices")
    label.fill("2. Kunden-Nummer für Ärzte")
    expect(key).to_have_value("kunden_nummer_fur_arzte")
    expect(choices).to_be_hidden()
    member.get_by_label("Kind").select_option("choice")
    expect(choices).to_be_visible()
    key.fill("number")
    label.fill("Number")
    label.fill("A number")
    expect(key).to_have_value("number")
