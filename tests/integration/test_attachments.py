"""Attachments on the running product: a large one passes in and out without lying in the LRS's memory."""

from __future__ import annotations

import hashlib
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psutil
import pytest

from tests.attachments import BOUNDARY, MULTIPART, Part, attach_signature, describe, read_answer, sign, write_body
from tests.stack import Stack, TenantAccess
from tests.statements import make_statement
from tests.waiting import eventually

pytestmark = pytest.mark.integration

MIB = 1024 * 1024
SIZE = 100 * MIB
GROWTH = 12 * MIB
"""What a process may grow by, as Python and the store's threads keep some of what passed; far below SIZE."""


def find_lrs(stack: Stack) -> psutil.Process:
    port = stack.settings.lrs_port
    for process in psutil.process_iter():
        try:
            listening = [one for one in process.net_connections("tcp") if one.status == psutil.CONN_LISTEN]
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
        if any(one.laddr.port == port for one in listening):
            return process
    raise AssertionError(f"nobody listens on {port}")


class Peak:
    """The most memory that a process is seen with while it is watched."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self.before = self.most = process.memory_info().rss

    @property
    def growth(self) -> int:
        return self.most - self.before

    @contextmanager
    def watch(self) -> Iterator[None]:
        ended = threading.Event()

        def look() -> None:
            while not ended.wait(0.005):
                self.most = max(self.most, self._process.memory_info().rss)

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def large() -> Iterator[bytes]:
    """100 MiB that are nowhere whole."""
    block = hashlib.sha512(b"attachment").digest() * (MIB // 64)
    for number in range(SIZE // MIB):
        yield number.to_bytes(8, "big") + block[8:]


def test_100_mib_pass_in_and_out_with_bounded_memory(stack: Stack, tenant: TenantAccess) -> None:
    if stack.instance is None:
        pytest.skip("the LRS runs elsewhere: its memory cannot be seen from here")
    digest = hashlib.sha256()
    for block in large():
        digest.update(block)
    sha2 = digest.hexdigest()
    statement = make_statement(
        id=str(uuid.uuid4()), attachments=[describe(b"", sha2=sha2, length=SIZE, contentType="video/mp4")]
    )
    head = write_body(statement).removesuffix(f"--{BOUNDARY}--\r\n".encode())
    part = "".join(f"{line}\r\n" for line in Part.of_attachment(b"", sha2).headers)

    def body() -> Iterator[bytes]:
        yield head + f"--{BOUNDARY}\r\n{part}\r\n".encode()
        yield from large()
        yield f"\r\n--{BOUNDARY}--\r\n".encode()

    # Before measuring: what a first attachment loads and allocates once.
    warm = b"x" * 3 * MIB
    tenant.http.post(
        "statements", content=write_body(make_statement(attachments=[describe(warm)]), warm), headers=MULTIPART
    )
    tenant.http.get("statements", params={"attachments": "true"})

    inward = Peak(find_lrs(stack))
    with inward.watch():
        answer = tenant.http.post("statements", content=body(), headers=MULTIPART)
    assert answer.status_code == 200, answer.text

    outward = Peak(find_lrs(stack))
    seen = 0
    params = {"statementId": statement["id"], "attachments": "true"}
    with outward.watch(), tenant.http.stream("GET", "statements", params=params) as streamed:
        assert streamed.status_code == 200
        for piece in streamed.iter_bytes():
            seen += len(piece)
            time.sleep(0)  # a reader slower than the LRS makes no difference to its memory
    assert seen > SIZE
    assert inward.growth < GROWTH, f"{inward.growth / MIB:.1f} MiB"
    assert outward.growth < GROWTH, f"{outward.growth / MIB:.1f} MiB"
    # And byte for byte.
    whole = tenant.http.get("statements", params=params)
    (content,) = read_answer(whole.headers["content-type"], whole.content).contents
    assert hashlib.sha256(content).hexdigest() == sha2


def test_contents_outlive_a_kill_of_the_lrs_and_nothing_is_left_of_what_was_under_way(
    stack: Stack, tenant: TenantAccess
) -> None:
    if stack.instance is None:
        pytest.skip("the LRS runs elsewhere")
    content = b"a certificate" * 100_000
    statement = make_statement(id=str(uuid.uuid4()), attachments=[describe(content)])
    assert tenant.http.post("statements", content=write_body(statement, content), headers=MULTIPART).status_code == 200
    find_lrs(stack).kill()
    params = {"statementId": statement["id"], "attachments": "true"}

    def ask() -> httpx.Response | None:
        try:
            answer = tenant.http.get("statements", params=params)
        except httpx.TransportError:
            return None
        return answer if answer.status_code == 200 else None

    answer = eventually(ask, seconds=60)
    assert answer is not None
    assert read_answer(answer.headers["content-type"], answer.content).contents == [content]


def test_names_in_signatures_and_contents_are_not_on_the_disk(stack: Stack, tenant: TenantAccess) -> None:
    statement = make_statement(id=str(uuid.uuid4()), actor={"mbox": "mailto:rosalind.franklin@example.org"})
    signature = sign(statement)
    signed = attach_signature(statement, signature)
    assert tenant.http.post("statements", content=write_body(signed, signature), headers=MULTIPART).status_code == 200
    answer = tenant.http.get("statements", params={"statementId": statement["id"], "attachments": "true"})
    assert read_answer(answer.headers["content-type"], answer.content).contents == [signature]
    folder = stack.settings.data_dir / "attachments" / tenant.id
    objects = [path for path in folder.rglob("*") if path.is_file()]
    assert [path.name for path in objects] == [hashlib.sha256(signature).hexdigest()]
    assert signature[:40] not in objects[0].read_bytes()
    assert stack.settings.data_dir.stat().st_mode & 0o077 == 0
