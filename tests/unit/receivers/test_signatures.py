"""Who signed is let in, and nobody else: what the two systems send, computed here by their own rules."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receivers.errors import WrongSignature
from receivers.signatures import Sent, answer_challenge, check_bigbluebutton, check_zoom

ADDRESS = "https://jalon.example.org/hooks/abc"
SECRET = b"639259d4-9dd8-4b25-bf01-95f9567eaf4b"
BODY = urlencode({"domain": "bbb.example.org", "event": '[{"data":{"id":"é"}}]', "timestamp": 1795507200123}).encode()
NOW = 1_795_507_200


def sign(algorithm: str = "sha1", address: str = ADDRESS, body: bytes = BODY, secret: bytes = SECRET) -> str:
    return hashlib.new(algorithm, address.encode() + body + secret).hexdigest()


def send(query: str, body: bytes = BODY, **headers: str) -> Sent:
    return Sent(ADDRESS, query.encode(), {name.replace("_", "-"): value for name, value in headers.items()}, body)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha384", "sha512"])
def test_a_checksum_of_any_algorithm_of_bigbluebutton_lets_in(algorithm: str) -> None:
    check_bigbluebutton(send(f"checksum={sign(algorithm)}"), SECRET)


def test_a_callback_with_a_query_of_its_own_is_signed_with_it() -> None:
    checksum = sign(address=f"{ADDRESS}?server=a&kind=x%20y")
    check_bigbluebutton(send(f"server=a&kind=x%20y&checksum={checksum}"), SECRET)
    with pytest.raises(WrongSignature):
        check_bigbluebutton(send(f"server=b&kind=x%20y&checksum={checksum}"), SECRET)


def test_the_secret_as_a_bearer_token_lets_in() -> None:
    check_bigbluebutton(send("", authorization=f"Bearer {SECRET.decode()}"), SECRET)
    with pytest.raises(WrongSignature, match="bearer"):
        check_bigbluebutton(send("", authorization="Bearer something"), SECRET)
    with pytest.raises(WrongSignature):
        check_bigbluebutton(send("", authorization="Bearer é"), SECRET)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "checksum=",
        "checksum=abc",
        f"checksum={'0' * 40}",
        f"checksum={sign(secret=b'other')}",
        f"checksum={sign(address=ADDRESS + '/')}",
        f"checksum={sign(body=BODY + b' ')}",
        f"checksum={sign()}&x=1",
        f"checksum={sign('md5')}",
    ],
)
def test_anything_else_is_refused_and_tells_no_secret(query: str) -> None:
    with pytest.raises(WrongSignature) as caught:
        check_bigbluebutton(send(query), SECRET)
    assert caught.value.status == 403, "BigBlueButton takes a 401 for success and throws the event away"
    assert SECRET.decode() not in str(caught.value)
    assert sign() not in str(caught.value)


def zoom(body: bytes = b'{"event":"x"}', timestamp: str = str(NOW), secret: bytes = SECRET) -> Sent:
    digest = hmac.new(secret, b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return send("", body, x_zm_signature=f"v0={digest}", x_zm_request_timestamp=timestamp)


def test_zooms_signature_lets_in() -> None:
    check_zoom(zoom(), SECRET, NOW)
    check_zoom(zoom("é".encode()), SECRET, NOW)


def test_a_signature_of_zoom_that_is_another_or_none_is_refused() -> None:
    good = zoom()
    for sent in (
        zoom(secret=b"other"),
        Sent(ADDRESS, b"", good.headers, good.body + b" "),
        send("", b"{}"),
        send("", b"{}", x_zm_signature="v0=00"),
        send("", b"{}", x_zm_signature="v0=é", x_zm_request_timestamp="1"),
        zoom(timestamp="soon"),
        zoom(timestamp=""),
        zoom(timestamp="-1"),
        zoom(timestamp="²"),
    ):
        with pytest.raises(WrongSignature):
            check_zoom(sent, SECRET, NOW)


@pytest.mark.parametrize(("age", "lets_in"), [(85 * 60, True), (2 * 3600 + 1, False), (-299, True), (-301, False)])
def test_an_old_signature_is_refused_but_not_zooms_last_attempt(age: int, lets_in: bool) -> None:
    if lets_in:
        check_zoom(zoom(timestamp=str(NOW - age)), SECRET, NOW)
    else:
        with pytest.raises(WrongSignature, match="clocks"):
            check_zoom(zoom(timestamp=str(NOW - age)), SECRET, NOW)


def test_a_challenge_is_answered_by_its_hmac() -> None:
    answer = answer_challenge("qgg8vlvZRS6UYooatFL8Aw", SECRET)
    assert answer == {
        "plainToken": "qgg8vlvZRS6UYooatFL8Aw",
        "encryptedToken": hmac.new(SECRET, b"qgg8vlvZRS6UYooatFL8Aw", hashlib.sha256).hexdigest(),
    }


@given(timestamp=st.integers(0, 2**40), body=st.text(max_size=50))
def test_no_challenge_yields_the_signature_of_an_event(timestamp: int, body: str) -> None:
    assert answer_challenge(f"v0:{timestamp}:{body}", SECRET) is None


@pytest.mark.parametrize("token", [None, 1, "", "x" * 129, "a b", "é", {"a": 1}])
def test_what_is_no_challenge_is_not_answered(token: object) -> None:
    assert answer_challenge(token, SECRET) is None
