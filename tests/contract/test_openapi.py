"""The LRS is as its description has it, whatever is asked of it: all of it runs but its log and store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from lrs.negotiation import V1, V2
from tests.contract.lrs_server import serve_in_thread
from tests.openapi import bound, check_answer, load_description

DESCRIPTION = load_description()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with serve_in_thread(tmp_path_factory.mktemp("lrs")) as (world, address):
        credential, secret = world.credential("all", sees=True)
        with httpx.Client(base_url=address, auth=(credential.key, secret), trust_env=False, timeout=30) as client:
            yield client


@pytest.mark.parametrize("version", [V1, V2])
@DESCRIPTION.parametrize()
@bound(6)
def test_every_answer_is_one_that_the_description_allows(case: Any, client: httpx.Client, version: str) -> None:
    check_answer(case, client, version)
