from __future__ import annotations

import os
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lrs.attachments.encryption import CHUNK_BYTES, TAG_BYTES, DamagedContent, Opener, Sealer

KEY = bytes(range(32))
BINDING = b"institut\0" + b"a" * 64
SEALED_CHUNK = CHUNK_BYTES + TAG_BYTES
HEADER = 33

# Around the edges of a chunk, where mistakes live.
sizes = st.builds(
    lambda chunks, off: max(0, chunks * CHUNK_BYTES + off), st.integers(0, 3), st.integers(-2, 2) | st.integers(0, 999)
)


def seal(content: bytes, cuts: list[int] | None = None, key: bytes = KEY, binding: bytes = BINDING) -> bytes:
    sealer = Sealer(key, binding)
    return b"".join(sealer.update(piece) for piece in cut(content, cuts or [])) + sealer.finish()


def open_all(sealed: bytes, cuts: list[int] | None = None, key: bytes = KEY, binding: bytes = BINDING) -> bytes:
    opener = Opener(key, binding)
    return b"".join([*(opener.update(piece) for piece in cut(sealed, cuts or [])), opener.finish()])


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(place % (len(data) + 1) for place in cuts)})
    return [data[start:end] for start, end in pairwise(places)]


def chunks_of(sealed: bytes) -> list[bytes]:
    body = sealed[HEADER:]
    return [body[start : start + SEALED_CHUNK] for start in range(0, len(body), SEALED_CHUNK)]


cuts = st.lists(st.integers(0, 2**20), max_size=12)


@given(sizes, cuts, cuts)
@example(0, [], [])
@example(CHUNK_BYTES, [], [1, HEADER, HEADER + 1])
@example(2 * CHUNK_BYTES, [CHUNK_BYTES], [HEADER + SEALED_CHUNK])
def test_what_was_sealed_opens_however_both_are_cut(size: int, inward: list[int], outward: list[int]) -> None:
    content = os.urandom(size)
    assert open_all(seal(content, inward), outward) == content


@given(sizes, st.data())
def test_an_object_that_ends_early_is_refused_wherever_it_ends(size: int, data: st.DataObject) -> None:
    sealed = seal(os.urandom(size))
    kept = data.draw(st.integers(0, len(sealed) - 1) | st.sampled_from([0, HEADER, len(sealed) - 1]))
    with pytest.raises(DamagedContent):
        open_all(sealed[:kept])


@pytest.mark.parametrize("chunks", [1, 2, 3])
def test_an_object_cut_off_between_two_chunks_is_refused(chunks: int) -> None:
    sealed = seal(os.urandom(4 * CHUNK_BYTES))
    with pytest.raises(DamagedContent):
        open_all(sealed[: HEADER + chunks * SEALED_CHUNK])


@given(sizes, st.data())
def test_a_changed_bit_is_found(size: int, data: st.DataObject) -> None:
    sealed = bytearray(seal(os.urandom(size)))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(DamagedContent):
        open_all(bytes(sealed))


@pytest.mark.parametrize("order", [[1, 0, 2], [0, 2, 1], [0, 0, 1, 2], [0, 2], [1, 2], [2]])
def test_chunks_in_another_order_are_refused(order: list[int]) -> None:
    sealed = seal(os.urandom(2 * CHUNK_BYTES + 5))
    chunks = chunks_of(sealed)
    with pytest.raises(DamagedContent):
        open_all(sealed[:HEADER] + b"".join(chunks[number] for number in order))


def test_what_follows_the_last_chunk_is_refused() -> None:
    sealed = seal(b"content")
    for more in (b"x", sealed[HEADER:], sealed):
        with pytest.raises(DamagedContent):
            open_all(sealed + more)


def test_an_object_opens_under_its_own_key_and_name_only() -> None:
    sealed = seal(b"content")
    with pytest.raises(DamagedContent):
        open_all(sealed, key=bytes(32))
    with pytest.raises(DamagedContent):
        open_all(sealed, binding=BINDING.replace(b"institut", b"another"))


def test_chunks_of_two_objects_with_one_content_do_not_mix() -> None:
    content = os.urandom(2 * CHUNK_BYTES)
    one, other = seal(content), seal(content)
    assert one != other
    with pytest.raises(DamagedContent):
        open_all(one[: HEADER + SEALED_CHUNK] + other[HEADER + SEALED_CHUNK :])


def test_nothing_of_the_content_shows() -> None:
    content = b"mailto:ada@example.org" * 10_000
    sealed = seal(content)
    assert b"ada@example" not in sealed
    assert len(sealed) == HEADER + len(content) + TAG_BYTES * len(chunks_of(sealed))
