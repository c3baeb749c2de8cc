"""Where the keys of a TOML document stand, which `tomllib` does not tell: to point at the line of a mistake.

It takes the document for sound TOML: `tomllib` has read it before.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from typing import Final

Path = tuple[str | int, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_SCALAR = re.compile(r"[^,\]}\n#]*")
_STRINGS: Final = (
    re.compile(r'"""(?:\\.|[^\\])*?"{3,5}', re.DOTALL),
    re.compile(r"'''.*?'{3,5}", re.DOTALL),
    re.compile(r'"(?:\\.|[^"\\\n])*"'),
    re.compile(r"'[^'\n]*'"),
)


class Lines:
    """The line, counted from 1, of each table, key and element of a document."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self._ends = [place for place, character in enumerate(text) if character == "\n"]
        self._lines: dict[Path, int] = {}
        # How many tables each array of tables has so far.
        self._counts: dict[Path, int] = {}
        self._scan()

    def find(self, path: Path) -> int:
        """Return the line of a path, or of the innermost table around it that stands in the document; 1 if none."""
        for length in range(len(path), 0, -1):
            line = self._lines.get(path[:length])
            if line is not None:
                return line
        return 1

    def _scan(self) -> None:
        prefix: Path = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                prefix = self._read_header()
            else:
                self._read_pair(prefix)
            self._skip(_BLANK)

    def _read_header(self) -> Path:
        brackets = 2 if self._text.startswith("[[", self._at) else 1
        line = self._line()
        self._at += brackets
        keys = self._read_keys()
        self._at += brackets
        path: Path = ()
        for key in keys[:-1]:
            path += (key,)
            if path in self._counts:
                path += (self._counts[path] - 1,)
        path += (keys[-1],)
        if brackets == 2:  # noqa: PLR2004 - [[ ]]
            self._lines.setdefault(path, line)
            self._counts[path] = self._counts.get(path, 0) + 1
            path += (self._counts[path] - 1,)
        self._lines[path] = line
        return path

    def _read_pair(self, prefix: Path) -> None:
        line = self._line()
        path = prefix
        for key in self._read_keys():
            path += (key,)
            self._lines.setdefault(path, line)
        self._at += 1  # the =
        self._skip(_SPACE)
        self._read_value(path)

    def _read_keys(self) -> list[str]:
        keys = []
        while True:
            self._skip(_SPACE)
            keys.append(self._read_key())
            self._skip(_SPACE)
            if self._text[self._at] != ".":
                return keys
            self._at += 1

    def _read_key(self) -> str:
        start = self._at
        if self._skip_string():
            return _unquote(self._text[start : self._at])
        self._skip(_BARE)
        return self._text[start : self._at]

    def _read_value(self, path: Path) -> None:
        opening = self._text[self._at]
        if opening == "{":
            self._at += 1
            self._skip(_BLANK)
            while self._text[self._at] != "}":
                self._read_pair(path)
                self._skip_comma()
            self._at += 1
        elif opening == "[":
            self._at += 1
            self._skip(_BLANK)
            index = 0
            while self._text[self._at] != "]":
                self._lines[(*path, index)] = self._line()
                self._read_value((*path, index))
                self._skip_comma()
                index += 1
            self._at += 1
        elif not self._skip_string():
            self._skip(_SCALAR)

    def _skip_comma(self) -> None:
        self._skip(_BLANK)
        if self._text[self._at] == ",":
            self._at += 1
            self._skip(_BLANK)

    def _skip_string(self) -> bool:
        for string in _STRINGS:
            match = string.match(self._text, self._at)
            if match:
                self._at = match.end()
                return True
        return False

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _line(self) -> int:
        return bisect_right(self._ends, self._at - 1) + 1


def _unquote(key: str) -> str:
    if key.startswith("'"):
        return key[1:-1]
    value: str = tomllib.loads(f"key = {key}")["key"]
    return value
