"""Dead letters that could not be read when they were written, searched for what names a person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from clickhouse.erasures import SealedLetter
from stream_processors.dead_letters import open_payload


@dataclass(frozen=True, slots=True)
class Mentions:
    """Those in which a person is named, and how many others there are, in which one cannot be sure."""

    found: list[SealedLetter]
    left: int


def find_mentions(letters: Sequence[SealedLetter], agents: Iterable[dict[str, Any]], key: bytes) -> Mentions:
    """Open the letters with the tenant's dead-letter key and look for what the agents are identified by, as text."""
    texts = [text for agent in agents for text in _list_texts(agent)]
    found = [letter for letter in letters if texts and _mentions(letter, texts, key)]
    return Mentions(found, len(letters) - len(found))


def _mentions(letter: SealedLetter, texts: Sequence[bytes], key: bytes) -> bool:
    payload = open_payload(
        key, letter.payload, topic=letter.topic, partition=letter.partition, offset=letter.offset
    ).lower()
    return any(text in payload for text in texts)


def _list_texts(agent: dict[str, Any]) -> Iterator[bytes]:
    account = agent.get("account") or {}
    mbox = str(agent.get("mbox", "")).lower().removeprefix("mailto:")
    for text in (mbox, agent.get("mbox_sha1sum"), agent.get("openid"), account.get("name")):
        if text:
            yield str(text).lower().encode()
