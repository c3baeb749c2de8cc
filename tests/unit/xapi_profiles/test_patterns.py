"""Patterns hold what regular expressions of the same make hold; what may still become one is partial."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.xapi_profiles.profiles import PROFILE, VERSION, make_profile
from xapi_profiles.errors import InvalidProfile
from xapi_profiles.patterns import Outcome, PatternMatcher

LETTERS = "abc"
PRIMARY = f"{PROFILE}/patterns/0"
WORDS = {"en": "words"}

Tree = str | tuple[str, tuple[Any, ...]]


def name_template(letter: str) -> str:
    return f"{PROFILE}/templates/{letter}"


def make_matcher(tree: Tree) -> PatternMatcher:
    patterns: list[dict[str, Any]] = []

    def add(node: Tree, *, primary: bool = False) -> str:
        if isinstance(node, str):
            return name_template(node)
        kind, members = node
        pattern: dict[str, Any] = {"id": f"{PROFILE}/patterns/{len(patterns)}", "type": "Pattern"}
        patterns.append(pattern)
        if primary:
            pattern |= {"primary": True, "inScheme": VERSION, "prefLabel": WORDS, "definition": WORDS}
        ids = [add(member) for member in members]
        pattern[kind] = ids if kind in {"sequence", "alternates"} else ids[0]
        return str(pattern["id"])

    add(tree, primary=True)
    templates = [{"id": name_template(letter), "verb": f"https://example.org/{letter}"} for letter in LETTERS]
    return PatternMatcher(make_profile(*templates, patterns=patterns), PRIMARY)


def write_expression(tree: Tree) -> str:
    if isinstance(tree, str):
        return tree
    kind, members = tree
    parts = [f"(?:{write_expression(member)})" for member in members]
    ends = {"sequence": "", "alternates": "", "optional": "?", "oneOrMore": "+", "zeroOrMore": "*"}
    return f"(?:{('|' if kind == 'alternates' else '').join(parts)}){ends[kind]}"


def follow(matcher: PatternMatcher, word: str) -> Outcome:
    states = matcher.start
    for letter in word:
        states = matcher.follow(states, {name_template(letter)})
    return matcher.judge(states)


def grow(trees: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    def may_alternate(tree: Tree) -> bool:
        return isinstance(tree, str) or tree[0] not in {"optional", "zeroOrMore"}

    several = st.lists(trees, min_size=2, max_size=3).map(tuple)
    others = st.lists(trees.filter(may_alternate), min_size=2, max_size=3).map(tuple)
    single = trees.map(lambda tree: (tree,))
    return st.one_of(
        st.tuples(st.just("sequence"), several),
        st.tuples(st.just("alternates"), others),
        st.tuples(st.sampled_from(["optional", "oneOrMore", "zeroOrMore"]), single),
    )


trees = st.recursive(st.sampled_from(LETTERS), grow, max_leaves=5).filter(lambda tree: not isinstance(tree, str))


@given(trees, st.lists(st.text(LETTERS, max_size=5), min_size=1, max_size=8))
def test_a_pattern_holds_what_a_regular_expression_holds(tree: Tree, words: list[str]) -> None:
    matcher, expression = make_matcher(tree), re.compile(write_expression(tree))
    for word in words:
        assert (follow(matcher, word) is Outcome.SUCCESS) is bool(expression.fullmatch(word))


@given(trees, st.text(LETTERS, max_size=3))
def test_partial_is_what_more_statements_can_complete(tree: Tree, word: str) -> None:
    matcher, expression = make_matcher(tree), re.compile(write_expression(tree))
    # No pattern of five templates needs more than five further statements.
    endings = ("".join(letters) for length in range(6) for letters in product(LETTERS, repeat=length))
    can_be_completed = any(expression.fullmatch(word + ending) for ending in endings)
    assert (follow(matcher, word) is not Outcome.FAILURE) is can_be_completed


def test_a_statement_of_several_templates_is_read_as_each() -> None:
    matcher = make_matcher(("sequence", ("a", ("alternates", ("b", "c")))))
    states = matcher.follow(matcher.start, {name_template("a"), name_template("b")})
    assert matcher.judge(states) is Outcome.PARTIAL
    assert matcher.judge(matcher.follow(states, {name_template("c"), name_template("a")})) is Outcome.SUCCESS
    assert matcher.judge(matcher.follow(states, {name_template("a")})) is Outcome.FAILURE
    assert matcher.judge(matcher.follow(states, set())) is Outcome.FAILURE


def test_a_pattern_that_is_missing_or_names_what_is_missing_is_refused() -> None:
    profile = make_profile({"id": name_template("a"), "verb": "https://example.org/a"})
    with pytest.raises(InvalidProfile, match="expected a primary pattern"):
        PatternMatcher(profile, PRIMARY)
    with pytest.raises(InvalidProfile, match="expected a template or pattern of the profile"):
        make_matcher(("sequence", ("a", "d")))
