import base64
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from identity.errors import MasterKeyUnusable, VaultUnavailable
from identity.keys import MasterKey, TenantKeys

PLACE = {"tenant": "acme", "purpose": "learner", "id": "1"}


def test_a_created_key_is_private_and_read_back_the_same(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    wrapped = MasterKey.read(path, create=True).wrap(b"k" * 32, **PLACE)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(base64.b64decode(path.read_bytes())) == 32
    assert MasterKey.read(path).unwrap(wrapped, **PLACE) == b"k" * 32
    assert MasterKey.read(path, create=True).unwrap(wrapped, **PLACE) == b"k" * 32
    assert list(tmp_path.iterdir()) == [path]


def test_those_who_create_the_key_at_once_get_the_same(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    with ThreadPoolExecutor(8) as threads:
        keys = list(threads.map(lambda _: MasterKey.read(path, create=True), range(32)))
    wrapped = keys[0].wrap(b"k" * 32, **PLACE)
    assert {key.unwrap(wrapped, **PLACE) for key in keys} == {b"k" * 32}
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_key_is_not_made_unasked(tmp_path: Path) -> None:
    with pytest.raises(MasterKeyUnusable, match="There is no master key"):
        MasterKey.read(tmp_path / "master.key")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "master.key"
    MasterKey.read(path, create=True)
    path.chmod(mode)
    with pytest.raises(MasterKeyUnusable, match="chmod 600"):
        MasterKey.read(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"short", b"!" * 44, base64.b64encode(b"k" * 31), base64.b64encode(b"k" * 33), b"k" * 32, b"\xff" * 9999],
)
def test_a_malformed_key_is_refused_without_showing_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "master.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(MasterKeyUnusable, match="not 32 bytes in base64") as caught:
        MasterKey.read(path)
    assert not content or content.decode("latin-1") not in str(caught.value)


def test_a_folder_is_no_key(tmp_path: Path) -> None:
    with pytest.raises(MasterKeyUnusable):
        MasterKey.read(tmp_path)
    with pytest.raises(MasterKeyUnusable):
        MasterKey.read(tmp_path / "absent" / "master.key", create=True)


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
