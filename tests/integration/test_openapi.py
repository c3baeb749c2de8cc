"""The running product answers as the description of its LRS says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from lrs.negotiation import V2
from tests.openapi import bound, check_answer, load_description
from tests.stack import Stack

pytestmark = pytest.mark.integration

DESCRIPTION = load_description()


@pytest.fixture(scope="module")
def client(stack: Stack) -> Iterator[httpx.Client]:
    with stack.add_tenant(scopes=("all",), sees_identities=True) as access:
        address = stack.xapi.partition("/xAPI")[0]
        with httpx.Client(base_url=address, auth=(access.key, access.secret), trust_env=False, timeout=60) as client:
            yield client


# The parameter also gives the tests names of their own, which running them side by side needs.
@pytest.mark.parametrize("version", [V2])
@DESCRIPTION.parametrize()
@bound(3)
def test_every_answer_of_the_product_is_one_that_the_description_allows(
    case: Any, client: httpx.Client, version: str
) -> None:
    check_answer(case, client, version)
