from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrs.attachments.multipart import (
    MAX_HEADER_BYTES,
    MAX_HEADERS,
    MultipartReader,
    PartBegun,
    PartEnded,
    read_boundary,
)
from lrs.errors import BadRequest
from tests.attachments import BOUNDARY, Part, write_body, write_parts

Read = list[tuple[dict[str, str], bytes]]


def read(body: bytes, cuts: list[int] | None = None, boundary: str = BOUNDARY) -> Read:
    """Read a body in pieces; each part with its headers."""
    reader = MultipartReader(boundary)
    places = sorted({0, len(body), *(place % (len(body) + 1) for place in cuts or [])})
    parts: Read = []
    ended = 0
    for start, end in pairwise(places):
        for event in reader.feed(body[start:end]):
            match event:
                case PartBegun(number, headers):
                    assert number == len(parts) + 1
                    parts.append((dict(headers), b""))
                case PartEnded():
                    ended += 1
                case _:
                    parts[-1] = (parts[-1][0], parts[-1][1] + event)
    reader.finish()
    assert ended == len(parts)
    return parts


# Contents made of what a boundary is made of, so that half a boundary is in them often.
likely = st.lists(
    st.sampled_from([b"\r", b"\n", b"\r\n", b"-", b"--", b"\r\n--", BOUNDARY[:5].encode(), b"a", b"\x00\xff"]),
    max_size=30,
).map(b"".join)
contents = st.lists(st.binary(max_size=200) | likely, min_size=1, max_size=4).filter(
    lambda found: all(f"\r\n--{BOUNDARY}".encode() not in b"\r\n" + one for one in found)
)


@given(contents, st.lists(st.integers(0, 2**16), max_size=40))
def test_parts_come_out_whole_however_the_body_is_cut(found: list[bytes], cuts: list[int]) -> None:
    body = write_parts(Part([f"X-Number: {number}"], content) for number, content in enumerate(found))
    assert read(body, cuts) == [({"x-number": str(number)}, content) for number, content in enumerate(found)]


def test_every_single_place_may_be_the_end_of_a_chunk() -> None:
    body = write_parts(
        [Part(["Content-Type: application/json"], b"{}"), Part(["A: b"], b"\r\n--" + BOUNDARY[:-1].encode())]
    )
    whole = read(body)
    assert all(read(body, [place]) == whole for place in range(len(body)))
    assert read(body, list(range(len(body)))) == whole


@given(st.data())
def test_a_body_that_ends_early_is_refused(data: st.DataObject) -> None:
    body = write_body({}, b"content").removesuffix(b"--\r\n")
    kept = data.draw(st.integers(0, len(body) - 1))
    with pytest.raises(BadRequest):
        read(body[:kept])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        f"--{BOUNDARY}--\r\n".encode(),
        f"preamble\r\n--{BOUNDARY}\r\n\r\n\r\n--{BOUNDARY}--".encode(),
        f"--{BOUNDARY}\nContent-Type: application/json\n\n{{}}\n--{BOUNDARY}--\n".encode(),
        f"--{BOUNDARY}\r\nno header\r\n\r\n\r\n--{BOUNDARY}--".encode(),
        f"--{BOUNDARY}\r\nA: b\r\n folded\r\n\r\n\r\n--{BOUNDARY}--".encode(),
        f"--{BOUNDARY}\r\nA: b\r\na: c\r\n\r\n\r\n--{BOUNDARY}--".encode(),
        f"--{BOUNDARY}x\r\n\r\n\r\n--{BOUNDARY}x--".encode(),
    ],
)
def test_what_is_no_multipart_body_is_refused_with_the_rule(body: bytes) -> None:
    with pytest.raises(BadRequest) as refused:
        read(body)
    assert refused.value.code == "multipart"
    assert refused.value.details["problems"][0]["rule"] == "XAPI-00130"


def test_headers_are_bounded_in_number_and_length() -> None:
    read(write_parts([Part([f"H{number}: x" for number in range(MAX_HEADERS)], b"")]))
    for headers in (
        [f"H{number}: x" for number in range(MAX_HEADERS + 1)],
        ["A: " + "x" * MAX_HEADER_BYTES],
        ["A" * (MAX_HEADER_BYTES + 1) + ": x"],
    ):
        with pytest.raises(BadRequest):
            read(write_parts([Part(headers, b"")]))


def test_a_header_without_end_is_not_gathered() -> None:
    reader = MultipartReader(BOUNDARY)
    reader.feed(f"--{BOUNDARY}\r\nA: ".encode())
    for _ in range(MAX_HEADER_BYTES // 100):
        assert reader.feed(b"x" * 100) == []
    with pytest.raises(BadRequest):
        reader.feed(b"x" * 100)


def test_an_epilogue_is_passed_over() -> None:
    assert read(write_parts([Part([], b"x")]) + b"what follows\r\n--" + BOUNDARY.encode()) == [({}, b"x")]


@pytest.mark.parametrize(
    ("header", "boundary"),
    [
        ("multipart/mixed; boundary=abc", "abc"),
        ('Multipart/Mixed; charset=utf-8; boundary="a b:c"', "a b:c"),
        (f"multipart/mixed;boundary={'x' * 70}", "x" * 70),
        ("application/json", None),
        ("multipart/form-data; boundary=abc", None),
        (None, None),
    ],
)
def test_a_boundary_is_read_from_its_header(header: str | None, boundary: str | None) -> None:
    assert read_boundary(header) == boundary


@pytest.mark.parametrize(
    "header",
    [
        "multipart/mixed",
        "multipart/mixed;",
        "multipart/mixed; boundary=",
        'multipart/mixed; boundary=""',
        f"multipart/mixed; boundary={'x' * 71}",
        'multipart/mixed; boundary="a\x00b"',
        'multipart/mixed; boundary="é"',
        'multipart/mixed; boundary="a "',
        "multipart/mixed; boundary*=utf-8''abc",
    ],
)
def test_a_wrong_boundary_is_refused_with_the_rule(header: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read_boundary(header)
    assert refused.value.details["problems"][0]["rule"] == "XAPI-00131"
