from __future__ import annotations

from typing import Any

import orjson
import pytest

from identity.redaction_mentions import find_mentioned, list_mentions, may_hold

OWNER = "0" * 32


def mentions(pointer: str = "/actor", **agent: Any) -> list[Any]:
    return list_mentions([(pointer, OWNER, orjson.dumps(agent))])


def is_found(text: str, **agent: Any) -> bool:
    wanted = mentions(**agent)
    found = find_mentioned(text, wanted) == {OWNER}
    assert may_hold(orjson.dumps({"a": text}).decode(), wanted) or not found
    return found


ADA = {"name": "Ada Lovelace", "mbox": "mailto:ada.l17@example.org"}


@pytest.mark.parametrize(
    "text",
    [
        "Entretien avec Ada Lovelace",
        "LOVELACE Ada",
        "Lovelace, Ada",
        "rapport_ada-lovelace_v2.pdf",
        "https://example.org/a/Ada%20Lovelace",
        "AdaLovelace",
        "adalovelace",
        "Adá Lovelåce",
        "ada.l17",
    ],
)
def test_a_name_is_found_however_it_is_written(text: str) -> None:
    assert is_found(text, **ADA)


@pytest.mark.parametrize("text", ["Ada", "Lovelace", "Adam Lovelacey", "Ada B. Lovelace", "Séance 17"])
def test_a_part_of_a_name_or_of_a_word_is_none(text: str) -> None:
    assert not is_found(text, **ADA)


def test_titles_and_what_stands_between_first_and_last_name_may_be_left_out() -> None:
    assert is_found("Entretien avec Ada Lovelace", name="Mme Ada Lovelace")
    assert is_found("lovelace-ada.pdf", name="Dr. Ada King Lovelace")
    assert not is_found("Ada King", name="Ada King Lovelace")
    assert not is_found("madame", name="Madame")


def test_accents_alphabets_and_scripts_do_not_matter() -> None:
    assert is_found("notes de elodie Angstrom", name="Élodie Ångström")
    assert is_found("ÉLODIE ÅNGSTRÖM", name="elodie angstrom")
    assert is_found("Strasse, Jürg", name="Jürg Straße")
    assert is_found("Отчёт: Иван Петров", name="иван петров")
    assert is_found("山田太郎さんの記録", name="山田太郎")


def test_what_an_account_and_an_openid_are_called_is_found() -> None:
    assert is_found("dossier-b4711", account={"homePage": "https://m.example.org", "name": "b4711"})
    assert is_found("12345678", account={"homePage": "https://m.example.org", "name": "12345678"})
    assert is_found("https://id.example.org/eve", openid="https://id.example.org/eve")
    hashed = "ebd31e95054c018b10727ccffd2ef2ec3a016ee9"
    assert is_found(f"hash {hashed}", mbox_sha1sum=hashed)
    assert is_found("b9b2b6c0dcd0b1a8ec4d4b7a2ba4bbbae94e4bcb", mbox_sha1sum="b9b2b6c0dcd0b1a8ec4d4b7a2ba4bbbae94e4bcb")


@pytest.mark.parametrize(
    "agent",
    [
        {"account": {"homePage": "https://m.example.org", "name": "42"}},
        {"account": {"homePage": "https://m.example.org", "name": "1234567"}},
        {"name": "Admin"},
        {"name": "Max"},
        {"name": "…"},
        {"name": ""},
        {"mbox": "mailto:formation@example.org"},
        {"objectType": "Group", "name": "Groupe 2", "mbox": "mailto:groupe.deux@example.org"},
        {"account": {"homePage": "https://w3id.org/jalon/tenants/demo/systems/gaia", "name": "gaia"}},
    ],
)
def test_what_is_too_common_or_no_person_is_not_looked_for(agent: dict[str, Any]) -> None:
    for text in ("42", "1234567", "Admin", "Max", "score max", "formation initiale", "Groupe 2", "gaia", "…", ""):
        assert not is_found(text, **agent)


def test_a_platform_that_vouches_is_not_looked_for_and_a_user_it_acts_for_is() -> None:
    account = {"homePage": "https://lrs.example.org", "name": "moodle-4711"}
    assert mentions("/authority", account=account) == []
    assert mentions("/authority/member/0", account=account) == []
    assert mentions("/authority/member/1", account=account)
    assert mentions("/authority", name="Ada Lovelace", mbox="mailto:ada@example.org")
