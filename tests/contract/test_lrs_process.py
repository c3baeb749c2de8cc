"""The LRS as a process: SIGTERM finishes what is under way, flushes the log, and ends with 0."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from lrs.server import configure
from tests.unit.lrs.world import VERSION, Identity, make_statement, open_world


async def serve(folder: Path) -> None:
    """Run in the child: acknowledgements come only once the server has been told to stop."""
    async with open_world(Identity.open(folder)) as world:
        credential, secret = world.credential()
        await world.log.start()
        world.log.acknowledges.clear()
        server = configure(world.services, host="127.0.0.1", port=0)
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 (uvicorn offers no event)
            await asyncio.sleep(0.01)
        print(server.servers[0].sockets[0].getsockname()[1], credential.key, secret, flush=True)
        await world.log.sent.wait()
        print("sent", flush=True)
        while not server.should_exit:  # noqa: ASYNC110 (uvicorn offers no event)
            await asyncio.sleep(0.01)
        world.log.acknowledges.set()
        await serving
        print(len(world.log.statements), world.log.stopped, flush=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_finishes_the_request_under_way_and_flushes(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "tests.contract.test_lrs_process", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            port, key, secret = child.stdout.readline().split()

            async def write() -> int:
                async with httpx.AsyncClient(
                    auth=(key, secret), headers=VERSION, trust_env=False, timeout=30
                ) as client:
                    writing = asyncio.create_task(
                        client.post(f"http://127.0.0.1:{port}/xAPI/statements", json=make_statement())
                    )
                    assert await asyncio.to_thread(child.stdout.readline) == "sent\n"
                    child.send_signal(number)
                    return (await writing).status_code

            assert asyncio.run(write()) == 200
            assert child.stdout.readline() == "1 True\n"
            assert child.wait(30) == 0
        finally:
            child.kill()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
