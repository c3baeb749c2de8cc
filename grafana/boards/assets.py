"""Scripts, styles and pictures, served from this machine under addresses that change with their content.

An address holds a digest of what it names, so a browser may keep it for ever; each file is compressed once.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from typing import TYPE_CHECKING

import zstandard
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.requests import Request

_TYPES = {
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
}
_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Asset:
    """One file; it is compressed when first asked for."""

    content: bytes
    media_type: str

    @cached_property
    def gzipped(self) -> bytes:
        """Return the content for browsers that take gzip."""
        return gzip.compress(self.content, 6, mtime=0)

    @cached_property
    def zstandard(self) -> bytes:
        """Return the content for browsers that take zstd."""
        return zstandard.ZstdCompressor(level=9).compress(self.content)

    def encode(self, accepted: str) -> tuple[bytes, str]:
        """Return the smallest form among the accepted ones, with its content coding ('' for none)."""
        codings = {part.split(";")[0].strip() for part in accepted.split(",") if "q=0" not in part.replace("q=0.", "")}
        if "zstd" in codings:
            return self.zstandard, "zstd"
        if "gzip" in codings:
            return self.gzipped, "gzip"
        return self.content, ""


@dataclass(frozen=True)
class Assets:
    """Groups of files: modules that name each other are in one group and share its digest."""

    groups: dict[str, dict[str, Asset]] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)

    def add(self, contents: dict[str, bytes]) -> None:
        """Add a group of files."""
        digest = hashlib.sha256()
        for name in sorted(contents):
            digest.update(name.encode() + b"\0" + contents[name] + b"\0")
        group = digest.hexdigest()[:20]
        self.groups[group] = {
            name: Asset(content, _TYPES[name.rpartition(".")[2]]) for name, content in contents.items()
        }
        for name in contents:
            self.places[name] = f"/assets/{group}/{name}"

    def locate(self, name: str) -> str:
        """Return the address of a file; raises KeyError when there is none of that name."""
        return self.places[name]

    async def respond(self, request: Request) -> Response:
        """Answer a request for a file."""
        asset = self.groups.get(request.path_params["group"], {}).get(request.path_params["name"])
        if asset is None:
            return Response("There is no such file.", status_code=404, media_type="text/plain")
        content, coding = await run_in_threadpool(asset.encode, request.headers.get("accept-encoding", ""))
        headers = {"cache-control": _FOR_EVER, "vary": "accept-encoding"}
        if coding:
            headers["content-encoding"] = coding
        return Response(content, headers=headers, media_type=asset.media_type)


@cache
def load_assets() -> Assets:
    """Read the boards' own files and plotly's script from the installed packages."""
    assets = Assets()
    own = files("grafana.boards").joinpath("assets")
    assets.add({found.name: found.read_bytes() for found in own.iterdir() if found.name.rpartition(".")[2] in _TYPES})
    assets.add({"plotly.min.js": files("plotly").joinpath("package_data", "plotly.min.js").read_bytes()})
    return assets
