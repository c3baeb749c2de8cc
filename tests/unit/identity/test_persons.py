import pytest

from identity.errors import InvalidValue
from identity.keys import TenantKeys
from identity.persons import list_pseudonyms
from identity.pseudonyms import identify, pseudonym
from identity.sealing import PSEUDONYM_HOME
from identity.vault import Vault

ADA = {"mbox": "mailto:ada@example.org"}


def test_a_person_is_found_by_each_identifier(vault: Vault, keys: TenantKeys) -> None:
    account = {"account": {"homePage": "https://example.org", "name": "ada"}}
    expected = {pseudonym(keys, identify(agent) or "") for agent in (ADA, account)}
    assert list_pseudonyms(vault, "acme", [ADA, account]) == expected


def test_a_pseudonym_stands_for_itself(vault: Vault) -> None:
    name = "0123456789abcdef" * 2
    assert list_pseudonyms(vault, "acme", [{"account": {"homePage": PSEUDONYM_HOME, "name": name}}]) == {name}


@pytest.mark.parametrize("agent", [{}, {"name": "Ada"}, {"account": {"homePage": PSEUDONYM_HOME, "name": "ada"}}])
def test_what_identifies_nobody_is_refused(vault: Vault, agent: dict[str, object]) -> None:
    with pytest.raises(InvalidValue):
        list_pseudonyms(vault, "acme", [agent])
