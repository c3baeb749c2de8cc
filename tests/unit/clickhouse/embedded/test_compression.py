from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickhouse.embedded.compression import CODINGS, choose_coding, choose_decoder, open_encoder
from clickhouse.embedded.errors import ServerError


@pytest.mark.parametrize("coding", CODINGS)
@given(pieces=st.lists(st.binary(max_size=300), max_size=5), cut=st.integers(1, 64))
def test_what_is_encoded_in_pieces_decodes_in_other_pieces(coding: str, pieces: list[bytes], cut: int) -> None:
    encoder = open_encoder(coding)
    coded = b"".join([*(encoder.add(piece) for piece in pieces), encoder.finish()])
    decoder = choose_decoder(coding)
    assert decoder is not None
    found = b"".join(decoder.add(coded[start : start + cut]) for start in range(0, len(coded), cut))
    decoder.finish()
    assert found == b"".join(pieces)


@pytest.mark.parametrize("coding", CODINGS)
def test_a_body_cut_short_or_broken_is_refused(coding: str) -> None:
    encoder = open_encoder(coding)
    coded = encoder.add(bytes(range(256)) * 40) + encoder.finish()
    decoder = choose_decoder(coding)
    assert decoder is not None
    decoder.add(coded[:-4])
    with pytest.raises(ServerError, match="ends too early"):
        decoder.finish()
    broken = choose_decoder(coding)
    assert broken is not None
    with pytest.raises(ServerError, match=f"not valid {coding}"):
        broken.add(b"this was never compressed, whatever the header says")


def test_an_unknown_coding_is_refused_and_none_is_none() -> None:
    with pytest.raises(ServerError, match="use one of lz4"):
        choose_decoder("br")
    assert choose_decoder("identity") is None


def test_the_clients_first_known_choice_is_taken() -> None:
    assert choose_coding("br, zstd;q=0.5, gzip") == "zstd"
    assert choose_coding("lz4;q=0, gzip") == "gzip"
    assert choose_coding("br") is None
