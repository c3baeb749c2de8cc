"""The errors of this package, as one tree.

    ProfileError
    ├── MalformedRecord     a Kafka record whose headers or value are not in the form of record.py
    ├── MalformedJson       a body that is not JSON                       (json_text.py)
    │   └── RepeatedKey     an object in it has a key twice
    ├── InvalidStatement    statements that break the specification       (validation.py)
    └── InvalidProfile      a document that is no xAPI profile           (profile.py)

A person gets `str(error)`: one sentence that says what to do. A program gets `error.code`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


class ProfileError(Exception):
    """Anything this package refuses. `code` is stable and safe to branch on or to count."""

    code: ClassVar[str] = "profile-error"


class MalformedRecord(ProfileError):
    """A Kafka record that does not have the form of record.py. `code` tells which part is at fault."""

    code = "malformed-record"

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code  # type: ignore[misc]  # one class for a handful of codes that are handled alike


class MalformedJson(ProfileError):
    """Bytes that are not one JSON document. `line` and `column` count from 1, `offset` (bytes) from 0."""

    code = "malformed-json"
    sentence: ClassVar[str] = "The body is not JSON at line {line}, column {column}: {reason}."

    def __init__(self, reason: str, *, line: int, column: int, offset: int) -> None:
        super().__init__(self.sentence.format(line=line, column=column, reason=reason))
        self.reason = reason
        self.line = line
        self.column = column
        self.offset = offset


class RepeatedKey(MalformedJson):
    """An object with a key that comes twice: which value is meant, nobody can say (XAPI-00014, RFC 8259 section 4).

    `key` and its JSON pointer may name somebody, so `str(error)` holds neither.
    """

    code = "repeated-key"
    rule: ClassVar[str] = "XAPI-00014"
    sentence = "The body has a key twice in one object, again at line {line}, column {column}: keep one of them."

    def __init__(self, key: str, pointer: str, *, line: int, column: int, offset: int) -> None:
        super().__init__("an object has this key twice", line=line, column=column, offset=offset)
        self.key = key
        self.pointer = pointer


@dataclass(frozen=True, slots=True)
class Problem:
    """One broken requirement in what was sent, statements or a profile.

    `pointer` is a JSON pointer (RFC 6901); for statements it starts with the statement's index in the batch, e.g.
    `/3/actor/mbox`. `rule` is the requirement's id. `message` says what is expected and holds no value
    from the statement. `found` is a short excerpt of what was there: it may identify somebody, so it is
    shown to the sender only and never logged.
    """

    pointer: str
    rule: str
    message: str
    found: str


class InvalidStatement(ProfileError):
    """Statements that break the specification. `problems` is never empty, and is bounded.

    `str(error)` names the first place and rule and holds no value from the statement.
    """

    code = "invalid-statement"

    def __init__(self, problems: tuple[Problem, ...], *, more: bool = False) -> None:
        first = problems[0]
        others = len(problems) - 1
        tail = f" ({others}{' or more' if more else ''} further problem{'s'[: others > 1 or more]})" if others else ""
        super().__init__(f"{first.pointer or '/'}: {first.message} [{first.rule}]{tail}")
        self.problems = problems
        self.more = more


class InvalidProfile(ProfileError):
    """A document that is no xAPI profile. `problems` is never empty, and is bounded; their pointers lead into the
    document, and their rules are sections of the xAPI Profiles specification, or limits of ours.

    `str(error)` names the first place and rule.
    """

    code: ClassVar[str] = "invalid-profile"
    most: ClassVar[int] = 100

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        first, others = problems[0], len(problems) - 1
        tail = f" ({others} further problem{'s'[: others > 1]})" if others else ""
        super().__init__(f"This is no xAPI profile: {first.pointer or '/'}: {first.message} [{first.rule}]{tail}")
        self.problems = problems[: self.most]
