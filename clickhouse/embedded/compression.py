"""Content codings of HTTP bodies: the ones ClickHouse and its clients use, in pieces, both ways."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Protocol

import lz4.frame  # type: ignore[import-untyped]  # ships no types
import zstandard

from clickhouse.embedded.errors import ServerError

CODINGS = ("lz4", "zstd", "gzip", "deflate")


class Encoder(Protocol):
    """Turns a body into its coded form, piece by piece."""

    def add(self, data: bytes) -> bytes:
        """Return the coded bytes that are ready after `data`."""

    def finish(self) -> bytes:
        """Return what is left."""


class _Lz4Encoder:
    def __init__(self) -> None:
        self._compressor = lz4.frame.LZ4FrameCompressor()
        self._begun = False

    def add(self, data: bytes) -> bytes:
        head = b"" if self._begun else self._compressor.begin()
        self._begun = True
        return bytes(head + self._compressor.compress(data))

    def finish(self) -> bytes:
        head = b"" if self._begun else self._compressor.begin()
        return bytes(head + self._compressor.flush())


class _FlushingEncoder:
    """An encoder over the two methods that zstandard and zlib have in common."""

    def __init__(self, compress: Callable[[bytes], bytes], flush: Callable[[], bytes]) -> None:
        self.add = compress
        self.finish = flush


class Decoder:
    """Turns a coded request body back into bytes, piece by piece.

    Raises ServerError (CANNOT_DECOMPRESS) for a body that is not what its coding says.
    """

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._new = _DECOMPRESSORS[coding]
        self._decompressor = self._new()
        self._started = False

    def add(self, data: bytes) -> bytes:
        """Return the bytes that `data` stands for."""
        out = []
        try:
            while data:
                if self._decompressor.eof:
                    self._decompressor = self._new()
                out.append(self._decompressor.decompress(data))
                self._started = True
                data = self._decompressor.unused_data if self._decompressor.eof else b""
        except (RuntimeError, zlib.error, zstandard.ZstdError, EOFError, ValueError) as error:
            raise ServerError("CANNOT_DECOMPRESS", f"The body is not valid {self._coding}: {error}") from error
        return b"".join(out)

    def finish(self) -> None:
        """Check that the body was whole.

        Raises ServerError (CANNOT_DECOMPRESS) if it was cut short.
        """
        if self._started and not self._decompressor.eof:
            raise ServerError("CANNOT_DECOMPRESS", f"The {self._coding} body ends too early")


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


_DECOMPRESSORS: dict[str, Callable[[], _Decompressor]] = {
    "lz4": lz4.frame.LZ4FrameDecompressor,
    "zstd": lambda: zstandard.ZstdDecompressor().decompressobj(),
    "gzip": lambda: zlib.decompressobj(31),
    "deflate": lambda: zlib.decompressobj(15),
}


def choose_decoder(content_encoding: str) -> Decoder | None:
    """Return the decoder for a request's Content-Encoding, None if the body is not coded.

    Raises ServerError (UNKNOWN_COMPRESSION_METHOD) for any other coding.
    """
    coding = content_encoding.strip().lower()
    if coding in {"", "identity"}:
        return None
    if coding not in _DECOMPRESSORS:
        raise ServerError(
            "UNKNOWN_COMPRESSION_METHOD",
            f"Content-Encoding {coding!r} is not supported; use one of {', '.join(CODINGS)}",
        )
    return Decoder(coding)


def choose_coding(accept_encoding: str) -> str | None:
    """Return the first coding in Accept-Encoding that this server has, None if there is none."""
    for part in accept_encoding.split(","):
        name, _, weight = part.partition(";")
        coding = name.strip().lower()
        if coding in CODINGS and weight.replace(" ", "") not in {"q=0", "q=0.0"}:
            return coding
    return None


def open_encoder(coding: str) -> Encoder:
    """Return an encoder for one of CODINGS."""
    if coding == "lz4":
        return _Lz4Encoder()
    if coding == "zstd":
        zstd = zstandard.ZstdCompressor(level=1).compressobj()
        return _FlushingEncoder(zstd.compress, zstd.flush)
    zlib_object = zlib.compressobj(1, zlib.DEFLATED, 31 if coding == "gzip" else 15)
    return _FlushingEncoder(zlib_object.compress, zlib_object.flush)
