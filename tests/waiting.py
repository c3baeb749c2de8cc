"""Tests wait for conditions, never for seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(check: Callable[[], T], *, seconds: float = 30, pause: float = 0.05) -> T:
    """Return what `check` returns once it is truthy and raises no AssertionError.

    After `seconds` the last state is shown: the last AssertionError is raised, or one naming the last value.
    """
    deadline = time.monotonic() + seconds
    while True:
        failure: AssertionError | None = None
        value: T | None = None
        try:
            value = check()
            if value:
                return value
        except AssertionError as error:
            failure = error
        if time.monotonic() > deadline:
            raise failure or AssertionError(f"not so within {seconds} s: last value {value!r}")
        time.sleep(pause)
