import pytest

from identity.errors import VaultUnavailable
from identity.keys import MasterKey, TenantKeys

PLACE = {"tenant": "acme", "purpose": "learner", "id": "1"}


@pytest.mark.parametrize("change", [{"tenant": "other"}, {"purpose": "database"}, {"id": "2"}])
def test_a_wrapped_key_opens_at_its_own_place_only(change: dict[str, str]) -> None:
    master = MasterKey(b"m" * 32)
    wrapped = master.wrap(b"k" * 32, **PLACE)
    with pytest.raises(VaultUnavailable, match="does not open"):
        master.unwrap(wrapped, **{**PLACE, **change})


def test_a_damaged_or_foreign_wrapped_key_does_not_open() -> None:
    wrapped = MasterKey(b"m" * 32).wrap(b"k" * 32, **PLACE)
    for damaged in (b"", wrapped[:-1], wrapped[:20], bytes([wrapped[0] ^ 1]) + wrapped[1:]):
        with pytest.raises(VaultUnavailable):
            MasterKey(b"m" * 32).unwrap(damaged, **PLACE)
    with pytest.raises(VaultUnavailable):
        MasterKey(b"n" * 32).unwrap(wrapped, **PLACE)


def test_wrapping_hides_the_key_and_differs_each_time() -> None:
    wrapped = [MasterKey(b"m" * 32).wrap(b"k" * 32, **PLACE) for _ in range(2)]
    assert wrapped[0] != wrapped[1]
    assert b"kkkk" not in wrapped[0]


def test_keys_do_not_show_in_their_text_form() -> None:
    shown = repr(TenantKeys("acme", 1, b"p" * 32, b"f" * 32, b"d" * 32, b"c" * 32)) + repr(MasterKey(b"m" * 32))
    assert "acme" in shown
    assert not any(letter * 4 in shown for letter in "pfdm")
