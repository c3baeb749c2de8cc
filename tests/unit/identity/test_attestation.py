from __future__ import annotations

import secrets
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.attestation import attest, read_attestation
from identity.keys import TenantKeys

KEYS = TenantKeys("acme", 1, b"p" * 32, b"f" * 32, b"d" * 32, b"c" * 32)
fingerprints = st.lists(st.binary(min_size=16, max_size=16).map(bytes.hex), max_size=4)


@given(origin=st.text(), value=st.binary(), told=fingerprints)
def test_what_was_attested_is_read_back(origin: str, value: bytes, told: list[str]) -> None:
    assert read_attestation(KEYS, origin, value, attest(KEYS, origin, value, told)) == told


@given(told=fingerprints, place=st.integers(0), change=st.integers(1, 255))
def test_an_altered_attestation_is_none(told: list[str], place: int, change: int) -> None:
    altered = bytearray(attest(KEYS, "acme lrs", b"[]", told))
    altered[place % len(altered)] ^= change
    assert read_attestation(KEYS, "acme lrs", b"[]", bytes(altered)) is None


@pytest.mark.parametrize("attestation", [b"", b"x", bytes(16), bytes(17), bytes(32)])
def test_what_never_was_an_attestation_is_none(attestation: bytes) -> None:
    assert read_attestation(KEYS, "acme lrs", b"[]", attestation) is None


def test_an_attestation_holds_for_its_record_and_tenant_alone() -> None:
    attestation = attest(KEYS, "acme lrs", b"[]", [])
    assert read_attestation(KEYS, "acme gaia", b"[]", attestation) is None
    assert read_attestation(KEYS, "acme lrs", b"[1]", attestation) is None
    assert read_attestation(replace(KEYS, fingerprint=secrets.token_bytes(32)), "acme lrs", b"[]", attestation) is None


def test_the_parts_of_a_record_cannot_be_moved_into_one_another() -> None:
    told = "ab" * 16
    one = attest(KEYS, "acme", bytes.fromhex(told), [])
    assert read_attestation(KEYS, "acme", b"", one[:16] + bytes.fromhex(told)) is None
