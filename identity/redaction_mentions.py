"""Where the agents of a statement are named elsewhere in it: in a title, an IRI, a file's name, an extension.

What is looked for are an agent's name, written in either order, its account's name, its OpenID and what stands before
the @ of its address, each as whole words. A title may hold a word that is also somebody's family name, so a name of
several words is only found whole; and a word that names a role ("admin") names nobody.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from identity.pseudonyms import identify
from identity.redaction_patterns import REMEMBERED_CHARACTERS, decode, fold, list_words, split_words
from xapi_profiles.json_text import parse_json

_TITLES: Final = list_words("m mr mme mlle monsieur madame mademoiselle mrs ms miss dr pr prof")
_SHORTEST: Final = 4  # of a name of one word, and of the letters of one of several
_SHORTEST_JOINED: Final = 6
_SHORTEST_NUMBER: Final = 8  # shorter ones number courses too
_PLATFORMS: Final = frozenset({"/authority", "/authority/member/0"})
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WITHOUT_SPACES: Final = "⺀"  # from here on, most scripts write words without spaces between them
_ROLES: Final = list_words(
    "admin administrator administrateur anonymous anonyme contact demo direction formateur formation formations guest "
    "info infos invite learner learning manager member moodle noreply nobody none null participant root secretariat "
    "service stagiaire student support system teacher test tester training tutor unknown user webmaster zoom"
)


class Mention(NamedTuple):
    """One thing to look for: its words with a space around each, the longest of them, and whose pseudonym it is."""

    words: str
    longest: str
    owner: str


def list_mentions(originals: Iterable[tuple[str, str, bytes]]) -> list[Mention]:
    """Return what to look for, given the agents of a statement: place in it (JSON pointer), pseudonym and JSON.

    Groups are left out, because cohorts and rooms have names like theirs; so are the systems that our producers name,
    and the authority where it is a platform's account.
    """
    return [
        mention
        for pointer, owner, original in originals
        if owner
        for mention in _list_mentions(owner, original, pointer in _PLATFORMS)
    ]


def may_hold(text: str, mentions: Iterable[Mention]) -> bool:
    """Tell whether a text (JSON) may hold one of the mentions; False is certain."""
    text = decode(text)
    if text.isascii():
        plain, marked = text.lower(), ""
    else:
        # Only the strings that need it are folded: that is the cost of it.
        plain = text.encode("ascii", "ignore").decode().lower()
        marked = fold(" ".join([part for part in text.split('"') if not part.isascii()]))
    return any(mention.longest in plain or mention.longest in marked for mention in mentions)


def find_mentioned(text: str, mentions: Iterable[Mention]) -> set[str]:
    """Return the pseudonyms of who is mentioned in a text."""
    words = _spell_out_briefly(text) if len(text) <= REMEMBERED_CHARACTERS else _spell_out(text)
    return {
        mention.owner
        for mention in mentions
        if mention.words in words or (max(mention.words) >= _WITHOUT_SPACES and mention.words.strip() in words)
    }


@functools.lru_cache(maxsize=50_000)
def _spell_out_briefly(text: str) -> str:
    return _spell_out(text)


def _spell_out(text: str) -> str:
    """Return the words of a text with a space around each, and again with those parted that differ in case alone."""
    words = f" {' '.join(split_words(text))} "
    parted = _CAMEL.sub(" ", text)
    return words if parted == text else f"{words}| {' '.join(split_words(parted))} "


@functools.lru_cache(maxsize=50_000)
def _list_mentions(owner: str, original: bytes, is_platform: bool) -> tuple[Mention, ...]:
    agent: dict[str, Any] = parse_json(original)
    account = agent.get("account") or {}
    if agent.get("objectType") == "Group" or (is_platform and account) or _is_system(account):
        return ()
    found: set[str] = set()
    mbox, account_name = agent.get("mbox"), account.get("name")
    for text in (agent.get("name"), account_name, _before_at(mbox), _before_at(account_name)):
        if isinstance(text, str):
            for spelling in {text, _CAMEL.sub(" ", text)}:
                found |= _spell(split_words(spelling))
    hashed = (identify(agent) or "").removeprefix("mbox_sha1sum:") if not account else ""
    for text in (agent.get("openid"), hashed):
        if isinstance(text, str) and len(text) > _SHORTEST_NUMBER:
            found.add(" ".join(split_words(text)))
    return tuple(Mention(f" {words} ", max(words.split(), key=len), owner) for words in sorted(found - {""}))


def _is_system(account: dict[str, Any]) -> bool:
    home, name = account.get("homePage"), account.get("name")
    return isinstance(home, str) and home.endswith(f"/systems/{name}")


def _before_at(text: object) -> str | None:
    if not isinstance(text, str):
        return None
    before, at, _ = text.removeprefix("mailto:").partition("@")
    return before if at else None


def _spell(words: list[str]) -> set[str]:
    """Return the ways in which a name is written.

    As given, the last word first, of several words the first and the last alone; each also without its spaces.
    """
    words = [word for word in words if word not in _TITLES]
    if all(word in _ROLES for word in words):
        return set()
    length = sum(map(len, words))
    if all(word.isdecimal() for word in words):
        return {" ".join(words)} if length >= _SHORTEST_NUMBER else set()
    if length < _SHORTEST and max(map(max, words)) < _WITHOUT_SPACES:
        return set()
    first, last = words[0], words[-1]
    orders = [words, [last, *words[:-1]], [*words[1:], first]]
    if len(words) > 2 and not (first.isdecimal() or last.isdecimal()):  # noqa: PLR2004 (a name, and one between)
        orders += [[first, last], [last, first]]
    joined = {"".join(order) for order in orders}
    return {" ".join(order) for order in orders} | {word for word in joined if len(word) >= _SHORTEST_JOINED}
