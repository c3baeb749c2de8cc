import base64
import secrets
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from identity.errors import MasterKeyUnusable
from identity.master_key import KeyFile, KeyText

KEY = b"k" * 32


def text() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def test_a_created_file_is_private_and_opens_what_it_wrapped(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    wrapped = KeyFile(path).wrap(KEY)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(base64.b64decode(path.read_bytes())) == 32
    assert KeyFile(path).unwrap(wrapped) == KEY
    assert KeyFile(path).unwrap(KeyFile(path).wrap(KEY)) == KEY
    assert list(tmp_path.iterdir()) == [path]


def test_those_who_create_the_file_at_once_get_the_same_key(tmp_path: Path) -> None:
    source = KeyFile(tmp_path / "master.key")
    with ThreadPoolExecutor(8) as threads:
        wrapped = list(threads.map(lambda _: source.wrap(KEY), range(32)))
    assert {source.unwrap(each) for each in wrapped} == {KEY}
    assert list(tmp_path.iterdir()) == [source.path]


def test_opening_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(MasterKeyUnusable, match="There is no master key"):
        KeyFile(tmp_path / "master.key").unwrap(b"anything")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    source = KeyFile(tmp_path / "master.key")
    source.wrap(KEY)
    source.path.chmod(mode)
    with pytest.raises(MasterKeyUnusable, match="chmod 600"):
        source.wrap(KEY)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"short",
        b"!" * 44,
        base64.b64encode(b"k" * 31),
        base64.b64encode(b"k" * 33),
        b"k" * 32,
        b"\xff" * 9999,
        b"\n".join([base64.b64encode(b"k" * 32)] * 3),
        base64.b64encode(b"k" * 32) + b"\nshort",
    ],
)
def test_a_malformed_file_is_refused_without_showing_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "master.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(MasterKeyUnusable, match="not 32 bytes in base64") as caught:
        KeyFile(path).wrap(KEY)
    assert not content or content.decode("latin-1") not in str(caught.value)


def test_a_folder_is_no_key(tmp_path: Path) -> None:
    with pytest.raises(MasterKeyUnusable):
        KeyFile(tmp_path).wrap(KEY)
    with pytest.raises(MasterKeyUnusable, match="No such file"):
        KeyFile(tmp_path / "absent" / "master.key").wrap(KEY)


def test_another_master_key_does_not_open_the_vault(tmp_path: Path) -> None:
    wrapped = KeyFile(tmp_path / "master.key").wrap(KEY)
    (tmp_path / "master.key").unlink()
    source = KeyFile(tmp_path / "master.key")
    source.wrap(KEY)
    for other in (source, KeyText(text(), "JALON_MASTER_KEY")):
        with pytest.raises(MasterKeyUnusable, match="is not the one that this vault was made with"):
            other.unwrap(wrapped)


def test_while_a_file_is_renewed_it_opens_the_old_and_the_new(tmp_path: Path) -> None:
    source = KeyFile(tmp_path / "master.key")
    old = source.wrap(KEY)
    source.begin_renewal()
    new = source.wrap(KEY)
    source.begin_renewal()  # as after one that was broken off
    assert source.unwrap(old) == source.unwrap(new) == KEY
    source.end_renewal()
    assert source.unwrap(new) == KEY
    assert stat.S_IMODE(source.path.stat().st_mode) == 0o600
    with pytest.raises(MasterKeyUnusable):
        source.unwrap(old)


def test_a_key_of_the_environment_opens_what_it_wrapped() -> None:
    given = text()
    assert KeyText(f" {given}\n", "JALON_MASTER_KEY").unwrap(KeyText(given, "JALON_MASTER_KEY").wrap(KEY)) == KEY


@pytest.mark.parametrize(("given", "told"), [("", "is not set"), ("c2hvcnQ=", "does not hold"), ("é", "does not hold")])
def test_an_environment_without_a_key_is_refused_without_showing_it(given: str, told: str) -> None:
    with pytest.raises(MasterKeyUnusable, match=f"JALON_MASTER_KEY {told}") as caught:
        KeyText(given, "JALON_MASTER_KEY").wrap(KEY)
    assert not given or given not in str(caught.value)


def test_no_text_form_shows_the_key(tmp_path: Path) -> None:
    given = text()
    for source in (KeyText(given, "JALON_MASTER_KEY"), KeyFile(tmp_path / "master.key")):
        assert given not in f"{source!r} {source}"
