"""The command line, the settings and the embedded runtime: the only package that knows all the others."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("jalon")
except PackageNotFoundError:  # run from a checkout that was never installed
    __version__ = "0+unknown"
