"""Data 2.4.1, 2.4.7, 2.4.8, 2.4.10 and 2.4.11: id, timestamp, stored, version and attachments."""

from __future__ import annotations

from typing import Any

import pytest

from tests.statements import assert_accepted, assert_refused, make_statement, remove, replace

UUID = "aa97b177-9383-4934-8543-0f91a7a02836"
ATTACHMENT = {
    "usageType": "http://id.tincanapi.com/attachment/certificate-of-completion",
    "display": {"en": "Certificate"},
    "contentType": "application/pdf",
    "length": 27,
    "sha2": "495395e777cd98da653df9615d09c0fd6bb2f8d4788394cd53c56a3bfdcd848a",
}


@pytest.mark.parametrize("identifier", [UUID, UUID.upper(), "12345678-1234-5678-1234-567812345678"])
def test_a_uuid_in_standard_form_is_an_id(identifier: str) -> None:
    assert_accepted(make_statement(id=identifier))


@pytest.mark.parametrize(
    "identifier",
    [
        UUID + "8",
        "M" + UUID[1:],
        UUID[:-1],
        UUID.replace("-", ""),
        f"urn:uuid:{UUID}",
        f"{{{UUID}}}",
        UUID + "\n",
        12345,
        {"key": UUID},
    ],
    ids=str,
)
def test_another_id_is_refused(identifier: Any) -> None:
    assert_refused(make_statement(id=identifier), "/0/id", "XAPI-00027")


@pytest.mark.parametrize(("name", "rule"), [("timestamp", "XAPI-00022"), ("stored", "XAPI-00023")])
@pytest.mark.parametrize("value", ["01/011/2015", "2026-11-22T09:30:00-00:00", 1700000000, "", "now"])
def test_a_malformed_time_is_refused(name: str, rule: str, value: Any) -> None:
    assert_accepted(make_statement(**{name: "2026-11-22T09:30:00.123Z"}))
    assert_refused(make_statement(**{name: value}), f"/0/{name}", rule)


@pytest.mark.parametrize("version", ["1.0", "1.0.0", "1.0.3", "1.0.9"])
def test_a_version_of_1_0_is_accepted_in_both(version: str) -> None:
    assert_accepted(make_statement(version=version))


def test_version_2_0_0_is_accepted_in_its_own() -> None:
    assert_accepted(make_statement(version="2.0.0"), "2.0.0")
    assert_refused(make_statement(version="2.0.0"), "/0/version", "XAPI-00101", "1.0.3")


@pytest.mark.parametrize("version", ["0.9.9", "1.1.0", "1.0.", "1.0.3.1", "v1.0.3", "1.0.3\n", "2.1.0", 1.0])
def test_another_version_is_refused(version: Any) -> None:
    assert_refused(make_statement(version=version), "/0/version", "XAPI-00101")


def test_sound_attachments_are_accepted() -> None:
    assert_accepted(make_statement(attachments=[]))
    assert_accepted(make_statement(attachments=[ATTACHMENT, {**ATTACHMENT, "description": {}, "length": 0}]))
    assert_accepted(make_statement(attachments=[{**ATTACHMENT, "fileUrl": "https://example.org/certificate.pdf"}]))
    assert_accepted(make_statement(attachments=[{**ATTACHMENT, "contentType": 'text/plain; charset="utf-8"'}]))


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("usageType", "XAPI-00107"),
        ("display", "XAPI-00106"),
        ("contentType", "XAPI-00105"),
        ("length", "XAPI-00102"),
        ("sha2", "XAPI-00103"),
    ],
)
def test_an_attachment_needs_all_that_describes_it(name: str, rule: str) -> None:
    statement = make_statement(attachments=[ATTACHMENT, dict(ATTACHMENT)])
    assert_refused(remove(statement, ("attachments", 1, name)), f"/0/attachments/1/{name}", rule)


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("usageType", "certificate", "XAPI-00011"),
        ("usageType", 7, "XAPI-00107"),
        ("display", "Certificate", "XAPI-00106"),
        ("description", "Certificate", "XAPI-00121"),
        ("contentType", "pdf", "XAPI-00105"),
        ("contentType", 7, "XAPI-00105"),
        ("length", "27", "XAPI-00102"),
        ("length", 27.5, "XAPI-00102"),
        ("length", -1, "XAPI-00102"),
        ("length", True, "XAPI-00102"),
        ("sha2", 7, "XAPI-00103"),
        ("sha2", "495395e7", "XAPI-00103"),
        ("fileUrl", "/certificate.pdf", "XAPI-00011"),
        ("fileUrl", {}, "XAPI-00104"),
        ("data", "x", "XAPI-00008"),
    ],
)
def test_a_malformed_attachment_is_refused(name: str, value: Any, rule: str) -> None:
    statement = replace(make_statement(attachments=[ATTACHMENT]), ("attachments", 0, name), value)
    assert_refused(statement, f"/0/attachments/0/{name}", rule)


def test_attachments_are_an_array() -> None:
    assert_refused(make_statement(attachments=ATTACHMENT), "/0/attachments", "XAPI-00025")
    assert_refused(make_statement(attachments=["x"]), "/0/attachments/0", "XAPI-00025")
