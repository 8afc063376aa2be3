"""Languages: complete catalogues, and the choice for a reader."""

import re

import pytest
from babel.messages.catalog import Catalog, Message

from app.core.languages import CATALOGUES, Language, preferred, translations
from tools.write_catalogues import in_step, read, template

TRANSLATED = [language for language in Language if language is not Language.ENGLISH]
MARKUP = re.compile(r"<[^>]+>|&\w+;")


def messages(language: Language) -> list[Message]:
    return [message for message in read(CATALOGUES / f"{language}.po") if message.id]


def test_languages_and_catalogues_are_the_same():
    assert {file.stem for file in CATALOGUES.glob("*.po")} == set(TRANSLATED)


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalogue_is_in_step_with_the_templates_and_the_code(language: Language):
    """To repair: `python -m tools.write_catalogues`, then translate what is new."""
    file = CATALOGUES / f"{language}.po"
    assert file.read_bytes() == in_step(read(file))


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_message_is_translated(language: Language):
    untranslated = [
        message.id for message in messages(language) if message.fuzzy or not all(_forms(message))
    ]
    assert untranslated == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_fills_in_what_the_message_fills_in(language: Language):
    faults = [
        (message.id, str(fault)) for message in messages(language) for fault in message.check()
    ]
    assert faults == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_brings_no_markup_of_its_own(language: Language):
    """Translations are not escaped, since they are trusted as templates are."""
    assert [
        form for message in messages(language) for form in _forms(message) if MARKUP.search(form)
    ] == []


def test_a_new_message_is_found_missing():
    catalogue = Catalog(locale="de")
    before = len(catalogue)
    in_step(catalogue)
    assert len(catalogue) - before == len(template()) > 100
    assert not any(message.string for message in catalogue if message.id == "Visitor pass")


def test_what_is_not_translated_stays_english():
    assert translations(Language.GERMAN).gettext("Never heard of") == "Never heard of"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7", "en"),
        ("en;q=0.5, DE;q=0.9", "de"),
        ("de;q=0, fr", "en"),
        ("de;q=nan", "en"),
        ("de;q=7", "en"),
        ("de ; q = 0.4", "de"),
        ("*", "en"),
        ("de" + ",de" * 100_000, "de"),
        ("x," * 30 + "de", "en"),
        (";;;,,,=;q=;de-;-de\x00", "en"),
    ],
)
def test_the_language_that_a_reader_likes_best(header: str, expected: str):
    assert preferred(header, Language.ENGLISH) == expected


def test_readers_of_other_languages_get_that_of_the_site():
    assert preferred("fr", Language.GERMAN) is Language.GERMAN


def _forms(message: Message) -> tuple[str, ...]:
    return message.string if isinstance(message.string, tuple) else (str(message.string or ""),)
