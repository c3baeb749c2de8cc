import pytest
from sqlalchemy import Engine, select

from identity.errors import AlreadyExists, InvalidValue, UnknownTenant, WrongCredential
from identity.keys import MasterKey
from identity.tables import VIEWERS
from identity.tenants import add_tenant
from identity.viewers import Viewer, add_viewer, authenticate_viewer

pytestmark = pytest.mark.usefixtures("tenant")


def test_a_viewer_signs_in_with_the_password_that_was_drawn(engine: Engine) -> None:
    viewer, password = add_viewer(engine, "acme", "claire")
    assert viewer == Viewer("claire", "acme", "fr")
    assert authenticate_viewer(engine, "claire", password) == viewer


@pytest.mark.parametrize(
    ("name", "password"), [("claire", "password-two"), ("claire", ""), ("nobody", ""), ("\0", "x")]
)
def test_a_wrong_password_and_an_unknown_name_are_refused_alike(engine: Engine, name: str, password: str) -> None:
    add_viewer(engine, "acme", "claire", "password-one")
    with pytest.raises(WrongCredential, match=r"^The key and the secret do not belong together"):
        authenticate_viewer(engine, name, password)


def test_the_password_is_kept_as_an_argon2id_hash_only(engine: Engine) -> None:
    add_viewer(engine, "acme", "claire", "password-one")
    with engine.connect() as connection:
        row = connection.execute(select(VIEWERS)).one()
    assert row.password_hash.startswith("$argon2id$")
    assert "password-one" not in str(row)


def test_a_name_is_taken_once_in_the_installation(engine: Engine, master: MasterKey) -> None:
    add_tenant(engine, master, "other", "Other")
    first = add_viewer(engine, "acme", "claire", "password-one")
    assert add_viewer(engine, "acme", "claire", "password-one") == first
    for arguments in (("other", "claire", "password-one"), ("acme", "claire", "password-two"), ("acme", "claire")):
        with pytest.raises(AlreadyExists):
            add_viewer(engine, *arguments)
    assert authenticate_viewer(engine, "claire", "password-one") == first[0]


def test_a_viewer_that_cannot_work_is_refused(engine: Engine) -> None:
    with pytest.raises(InvalidValue):
        add_viewer(engine, "acme", "two words")
    with pytest.raises(InvalidValue):
        add_viewer(engine, "acme", "claire", "short")
    with pytest.raises(InvalidValue):
        add_viewer(engine, "acme", "claire", language="de")
    with pytest.raises(UnknownTenant):
        add_viewer(engine, "nobody", "claire")
