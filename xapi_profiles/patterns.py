"""Statements in their order against a pattern of a profile (xAPI Profiles 1.0, part two 9, part three).

A pattern is a regular expression whose letters are templates. It is compiled to an automaton once; what has to be
remembered of a registration is then a small set of numbers, so that a stream can be followed statement by statement.
Any reading that fits counts, as in regular expressions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import Final, NamedTuple

from xapi_profiles.errors import InvalidProfile, Problem
from xapi_profiles.pointers import excerpt
from xapi_profiles.profile import Pattern, Profile

States = frozenset[int]
"""Where the readings of the statements so far may be; empty once none fits."""

_END: Final = 0


class Outcome(StrEnum):
    """How the statements of one registration stand to a pattern: in a stream, partial is how most begin."""

    SUCCESS = "success"
    PARTIAL = "partial"
    FAILURE = "failure"


class _Step(NamedTuple):
    """What leads on from a state: by a statement of a template, or ('') without one."""

    template: str
    states: tuple[int, ...]


class PatternMatcher:
    """Follows the statements of a registration through one primary pattern."""

    def __init__(self, profile: Profile, primary: str) -> None:
        """Raises InvalidProfile when the profile has no such primary pattern, or one that names what it has not."""
        self._patterns = {pattern.id: pattern for pattern in profile.patterns}
        self._templates = {template.id for template in profile.templates}
        if primary not in self._patterns or not self._patterns[primary].primary:
            raise _refuse(primary, "expected a primary pattern of the profile")
        self._steps: list[_Step] = [_Step("", ())]  # the end, which leads nowhere
        self.start = self._close([self._build(primary, _END)])
        """Where a registration begins."""

    def follow(self, states: States, templates: Collection[str]) -> States:
        """Return where the readings are after one more statement, which matches these templates."""
        return self._close(
            following
            for state in states
            if (step := self._steps[state]).template and step.template in templates
            for following in step.states
        )

    def judge(self, states: States) -> Outcome:
        """Return how the statements stand that led to these states."""
        if _END in states:
            return Outcome.SUCCESS
        return Outcome.PARTIAL if states else Outcome.FAILURE

    def _build(self, iri: str, following: int) -> int:
        """Return the state where a template or pattern begins that is followed by a state."""
        pattern = self._patterns.get(iri)
        if pattern is not None:
            return self._build_pattern(pattern, following)
        if iri not in self._templates:
            raise _refuse(iri, "expected a template or pattern of the profile")
        return self._add(iri, following)

    def _build_pattern(self, pattern: Pattern, following: int) -> int:
        if pattern.sequence is not None:
            for member in reversed(pattern.sequence):
                following = self._build(member, following)
            return following
        if pattern.alternates is not None:
            return self._add("", *(self._build(member, following) for member in pattern.alternates))
        if pattern.optional is not None:
            return self._add("", self._build(pattern.optional, following), following)
        again = self._add("")
        (repeated,) = pattern.members
        first = self._build(repeated, again)
        self._steps[again] = _Step("", (first, following))
        return first if pattern.one_or_more else again

    def _add(self, template: str, *states: int) -> int:
        self._steps.append(_Step(template, states))
        return len(self._steps) - 1

    def _close(self, states: Iterable[int]) -> States:
        """Return the states with all that are reached from them without a statement."""
        reached: set[int] = set()
        waiting = list(states)
        while waiting:
            state = waiting.pop()
            if state not in reached:
                reached.add(state)
                if not self._steps[state].template:
                    waiting += self._steps[state].states
        return frozenset(state for state in reached if state == _END or self._steps[state].template)


def _refuse(iri: str, message: str) -> InvalidProfile:
    return InvalidProfile((Problem("/patterns", "Profiles 9.0", message, excerpt(iri)),))
