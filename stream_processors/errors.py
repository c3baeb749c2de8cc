"""Everything the stream processors raise.

ProcessingError
└── DeadLetter     a statement or a record that cannot be stored, whatever is tried: kept with its reason

What can succeed later (ClickHouse, the vault or Kafka out of reach) is no error of a statement: the worker waits.
"""

from __future__ import annotations


class ProcessingError(Exception):
    """An expected failure of processing; `code` is for programs."""

    code = "processing"


class DeadLetter(ProcessingError):
    """A statement that cannot be stored. No part of this names a learner: `detail` holds no value of the statement."""

    def __init__(self, code: str, detail: str, *, rule: str = "", pointer: str = "") -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.rule = rule
        self.pointer = pointer
