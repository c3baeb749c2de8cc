from __future__ import annotations

import time
import uuid
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.redaction_patterns import detect, detect_in_iri, detect_in_term, tells_person
from xapi_profiles import vocabulary


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("écrire à camille.martin@example.org !", "address"),
        ("mailto:c@example.org", "address"),
        ("élodie@université-exemple.fr", "address"),
        ("camille.martin%40example.org", "address"),
        ("camille.martin%2540example.org", "address"),
        ("camille\uff20example.org", "address"),
        ("06 12 34 56 78", "phone"),
        ("tél. 06.12.34.56.78", "phone"),
        ("0612345678", "phone"),
        ("06-12-34-56-78", "phone"),
        ("06/12/34/56/78", "phone"),
        ("(0)6 12 34 56 78", "phone"),
        ("+33 (0)6 12 34 56 78", "phone"),
        ("0033612345678", "phone"),
        ("+1 202 555 0143", "phone"),
        ("%2B33612345678", "phone"),
        ("06 39 98 12 34", "phone"),  # of the numbers that are kept for fiction
        ("voir https://example.org/users/camille", "name"),
        ("à 9h @ la bibliothèque", None),
        ("@example.org", None),
        ("a@b", None),
        ("2026-11-22T09:00:00.123456+01:00", None),
        ("01/02/2026 09:00", None),
        ("le 01.02.2026 09", None),
        ("9dc99b37-0612-3456-7890-061234567890", None),
        ("0[.]42.608[,]43.168[.]124.692", None),
        ("0.958333333", None),
        ("course-v1:FUN-MOOC+00002+session01", None),
        ("48.0612345678, 2.3522219", None),
        ("PT3H25M", None),
        ("0000012345", None),
        ("123456789", None),
        ("édition 2026, groupe 02, lot 0612", None),
        ("", None),
    ],
)
def test_a_text_is_judged_by_what_it_holds(text: str, kind: str | None) -> None:
    assert detect(text, "FR") == kind


@pytest.mark.parametrize(
    ("iri", "kind"),
    [
        ("https://example.org/users/camille", "name"),
        ("https://moodle.example.org/user/view.php?id=42", "name"),
        ("https://example.org/Utilisateurs/4711/notes", "name"),
        ("https://example.org/~camille/page", "name"),
        ("https://social.example/@camille", "name"),
        ("https://example.org/profil/camille-martin", "name"),
        ("https://example.org/view?course=7&userid=42", "name"),
        ("https://camille:secret@example/", "name"),
        ("mailto:camille", "address"),
        ("tel:3949", "phone"),
        ("https://example.org/a/0612345678", "phone"),
        ("https://example.org/profiles/training/v1.0", None),
        ("https://example.org/user/login", None),
        ("https://example.org/courses/users", None),
        ("https://w3id.org/jalon/tenants/demo/sessions/48213", None),
        ("https://example.org/view?course=7&user=", None),
        ("https://example.org/archives/06/12/34/56/78", None),
        ("uuid://7d4f3c70-1e79-4243-9b7d-166076ce8bfb", None),
        ("urn:isbn:9780306406157", None),
    ],
)
def test_an_iri_is_judged_by_its_path_and_query_too(iri: str, kind: str | None) -> None:
    assert detect_in_iri(iri, "FR") == kind


def test_the_path_of_a_term_names_no_person() -> None:
    assert detect_in_term("https://example.org/extensions/user/name", "FR") is None
    assert detect_in_term("https://example.org/extensions/camille@example.org", "FR") == "address"


def test_the_vocabulary_names_nobody() -> None:
    for kind in (vocabulary.Verb, vocabulary.ActivityType, vocabulary.Extension, vocabulary.Category):
        for name, iri in vars(kind).items():
            if name.isupper():
                assert detect_in_iri(iri, "FR") is None, iri
                assert not tells_person(iri), iri


def test_phone_numbers_without_prefix_are_those_of_the_region() -> None:
    assert detect("044 668 18 00", "CH") == "phone"
    assert detect("01 23 45 67 89 0", "FR") is None


@given(st.uuids(), st.datetimes(timezones=st.just(UTC)), st.floats(allow_nan=False), st.integers(0))
def test_no_identifier_time_or_number_is_taken_for_a_phone_number(
    one: uuid.UUID, moment: object, number: float, count: int
) -> None:
    for text in (str(one), moment.isoformat(), repr(number), f"{number:.9f}", str(count)):  # type: ignore[attr-defined]  # a datetime
        assert detect(text, "FR") is None, text
        assert detect_in_iri(f"https://example.org/{text}", "FR") is None, text


@pytest.mark.parametrize(
    "piece", ["@", "a@", "0612345 ", "+1", "01 02 03 04 05 ", "%", "%25", "https://", "/user", "é"]
)
def test_a_text_of_a_million_characters_is_judged_in_a_moment(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    started = time.process_time()
    detect(text, "FR")
    detect_in_iri(f"https://example.org/{text}", "FR")
    assert time.process_time() - started < 5  # what grows with the square takes hours
