"""Hashing of secrets as the product does it: the other tests hash theirs more cheaply (tests/conftest.py)."""

from __future__ import annotations

from importlib.util import find_spec, module_from_spec

import pytest


@pytest.fixture
def passwords():
    spec = find_spec("identity.passwords")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_hash_costs_what_owasp_recommends_at_least(passwords):
    assert passwords.hash_secret("a secret").startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_secret_is_matched_by_its_own_hash_only(passwords):
    stored = passwords.hash_secret("a secret")
    assert passwords.verify_secret(stored, "a secret")
    assert not passwords.verify_secret(stored, "a secret ")
    assert not passwords.verify_secret(None, "")
