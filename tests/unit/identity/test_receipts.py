import base64
import json
import secrets

import pytest
from joserfc import jws
from joserfc.jwk import OKPKey

from identity.errors import InvalidValue
from identity.keys import MasterKey
from identity.receipts import read, sign

CONTENT = {"what": "subject-erased", "statements": 3}


def test_a_receipt_is_read_back_by_the_installation_that_signed_it(master: MasterKey) -> None:
    assert read(master, sign(master, CONTENT) + "\n") == CONTENT


def test_anybody_can_check_a_receipt_with_the_key_in_its_header(master: MasterKey) -> None:
    receipt = sign(master, CONTENT)
    header = json.loads(base64.urlsafe_b64decode(receipt.split(".")[0] + "=="))
    assert header["alg"] == "Ed25519"
    assert "d" not in header["jwk"]
    opened = jws.deserialize_compact(receipt, OKPKey.import_key(header["jwk"]), ["Ed25519"])
    assert json.loads(opened.payload) == CONTENT


def test_a_changed_receipt_is_refused(master: MasterKey) -> None:
    head, _, signature = sign(master, CONTENT).split(".")
    forged = base64.urlsafe_b64encode(json.dumps({**CONTENT, "statements": 0}).encode()).rstrip(b"=").decode()
    with pytest.raises(InvalidValue):
        read(master, f"{head}.{forged}.{signature}")


@pytest.mark.parametrize("text", ["", "a.b.c", "nothing"])
def test_what_is_no_receipt_is_refused(master: MasterKey, text: str) -> None:
    with pytest.raises(InvalidValue):
        read(master, text)


def test_the_receipt_of_another_installation_is_refused(master: MasterKey) -> None:
    other = MasterKey(secrets.token_bytes(32))
    with pytest.raises(InvalidValue):
        read(master, sign(other, CONTENT))
