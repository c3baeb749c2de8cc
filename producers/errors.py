"""The errors of this package, as one tree.

    ProducerError
    ├── UnreadableInput     a file or folder that is missing, or is not what the source expects
    ├── WrongMapping        a mapping file that cannot be used, with the line of its mistake
    ├── SuspiciousInput     an input that would withdraw so much that it is more likely to be cut short
    ├── CheckpointError     the record of what was delivered cannot be opened, or another run holds it
    └── DeliveryError       Kafka or the LRS did not accept the statements

    RowRejected             not a failure of the run: one row that cannot be mapped, with its reason

A person gets `str(error)`: one sentence that says what to do. A program gets `error.code`. No message holds
anything of a row: rows may identify learners, and are only ever written to the rejected-rows file.
"""

from __future__ import annotations

from typing import ClassVar


class ProducerError(Exception):
    """Anything that stops a run. What was delivered before it is checkpointed; run again to go on."""

    code: ClassVar[str] = "producer-error"


class UnreadableInput(ProducerError):
    """The input is missing, or is not in the form that the source reads."""

    code = "unreadable-input"


class WrongMapping(ProducerError):
    """A mapping file cannot be used, for itself or with this input; the message tells file, line and mistake."""

    code = "wrong-mapping"


class SuspiciousInput(ProducerError):
    """The input looks cut short: taken as it is, it would withdraw a large part of what was known."""

    code = "suspicious-input"


class CheckpointError(ProducerError):
    """The checkpoint cannot be opened or written, or another run of the same source holds it."""

    code = "checkpoint-error"


class DeliveryError(ProducerError):
    """Kafka or the LRS cannot be reached, or refused statements. Nothing of that batch was checkpointed."""

    code = "delivery-failed"


class RowRejected(Exception):
    """One row cannot be mapped. `str()` is the reason: it names columns and rules and holds no value of the row."""
