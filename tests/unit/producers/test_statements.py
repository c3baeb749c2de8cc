from __future__ import annotations

import hmac
import uuid
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.errors import RowRejected
from producers.naming import Naming, derive_uuid, slug
from producers.statements import format_duration, learner_by_email


def test_iris_hold_whatever_an_identifier_holds() -> None:
    naming = Naming("institut", "https://institut.example.org/")
    assert naming.session("24/A é") == "https://institut.example.org/sessions/24%2FA%20%C3%A9"
    assert Naming("institut").pathway("P1") == "https://w3id.org/jalon/tenants/institut/pathways/P1"


def test_with_a_secret_nobody_else_can_compute_what_names_a_learner() -> None:
    ada = {"mbox": "mailto:ada@example.org"}
    names = [Naming("institut", secret=secret) for secret in (b"", b"one", b"one", b"two")]
    assert len({naming.registration("S1", ada) for naming in names}) == 3
    assert len({naming.statement_id("gaia", "ada@example.org") for naming in names}) == 3
    assert names[1].registration("S1", ada) == names[2].registration("S1", ada)


def test_a_registration_is_the_same_for_an_address_in_any_case_and_only_there() -> None:
    naming = Naming("institut")
    ada = naming.registration("S1", {"mbox": "mailto:ada@example.org"})
    assert ada == naming.registration("S1", {"mbox": "mailto:Ada@Example.org"})
    others = {
        naming.registration("S2", {"mbox": "mailto:ada@example.org"}),
        naming.registration("S1", {"account": {"homePage": "https://example.org", "name": "ada"}}),
        Naming("autre").registration("S1", {"mbox": "mailto:ada@example.org"}),
    }
    assert len({ada, *others}) == 4


@given(st.lists(st.text(), min_size=1), st.binary())
def test_names_are_uuids_of_version_5_that_anyone_with_the_secret_can_compute(texts: list[str], secret: bytes) -> None:
    namespace = uuid.uuid5(uuid.NAMESPACE_URL, "https://w3id.org/jalon/xapi/producers")
    assert derive_uuid(*texts) == str(uuid.uuid5(namespace, "\x1f".join(texts)))
    if secret:
        namespace = uuid.UUID(bytes=hmac.digest(secret, namespace.bytes, "sha256")[:16])
    expected = str(uuid.uuid5(namespace, "\x1f".join(["kind", "institut", *texts])))
    assert Naming("institut", secret=secret).derive("kind", *texts) == expected


def test_texts_that_join_alike_are_told_apart() -> None:
    assert derive_uuid("a", "bc") != derive_uuid("ab", "c")


@pytest.mark.parametrize(
    ("name", "expected"), [("Amphithéâtre Hélène-Brion", "amphitheatre-helene-brion"), ("À distance", "a-distance")]
)
def test_names_become_identifiers(name: str, expected: str) -> None:
    assert slug(name) == expected


@pytest.mark.parametrize(
    "address", ["", " ", "a", "a@b", "a b@example.org", "a@@example.org", "é@example.org", "<a@b.fr>"]
)
def test_what_is_no_address_is_rejected(address: str) -> None:
    with pytest.raises(RowRejected):
        learner_by_email(address)


@given(st.integers(0, 48), st.integers(0, 59), st.integers(0, 59))
def test_durations_keep_their_seconds(hours: int, minutes: int, seconds: int) -> None:
    text = format_duration(timedelta(hours=hours, minutes=minutes, seconds=seconds))
    parts = {"H": 3600, "M": 60, "S": 1}
    total, digits = 0, ""
    for character in text.removeprefix("PT"):
        if character.isdigit():
            digits += character
        else:
            total, digits = total + int(digits) * parts[character], ""
    assert total == hours * 3600 + minutes * 60 + seconds
