import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.errors import InvalidValue
from identity.roles import OPERATOR, RIGHTS, Right, Role, may, read_claim

TENANTS = ("acme", "other", "x1", "a-b-c")
ROLES = st.one_of(
    st.just(Role("", OPERATOR)),
    st.builds(Role, st.sampled_from(TENANTS), st.sampled_from(sorted(set(RIGHTS) - {OPERATOR}))),
)


@given(ROLES)
def test_a_role_is_read_as_it_is_written(role: Role) -> None:
    assert Role.parse(str(role)) == role


@pytest.mark.parametrize(
    "text", ["", "acme", "acme:", ":viewer", "viewer", "acme:operator", "acme:owner", "acme:Viewer"]
)
def test_what_is_no_role_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match=r"TENANT:ROLE.*`operator`"):
        Role.parse(text)


@given(ROLES, st.sampled_from(["acme", "other"]))
def test_a_role_holds_for_its_tenant_and_the_operators_for_all(role: Role, tenant: str) -> None:
    assert may([role], Right.SEE_BOARDS, tenant) == (role.name == OPERATOR or role.tenant == tenant)


def test_nobody_may_anything_without_a_role() -> None:
    assert not may([], Right.SEE_BOARDS, "acme")
    assert not may([], Right.SEE_BOARDS, "")


@pytest.mark.parametrize(
    ("value", "roles"),
    [
        (["acme:viewer", "other:dpo", "operator"], {"acme:viewer", "other:dpo", "operator"}),
        ("acme:viewer offline_access acme:owner", {"acme:viewer"}),
        ([7, None, ["acme:viewer"], "acme:viewer"], {"acme:viewer"}),
        (None, set()),
        (True, set()),
        ({"acme:viewer": 1}, set()),
    ],
)
def test_a_claim_gives_the_roles_that_it_spells(value: object, roles: set[str]) -> None:
    assert {str(role) for role in read_claim(value, {})} == roles


def test_words_with_a_meaning_give_that_and_no_role_that_they_spell() -> None:
    known = {"Training staff": [Role.parse("acme:viewer"), Role.parse("acme:analyst")]}
    assert read_claim(["Training staff", "operator", "acme:dpo"], known) == set(known["Training staff"])
    assert read_claim("Training staff", known) == set(known["Training staff"])
