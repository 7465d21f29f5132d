"""What listens answers at once."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

from kuleshov.studio.serving import listening


def test_small_answers_are_sent_at_once():
    async def sent_at_once() -> bool:
        found = asyncio.get_running_loop().create_future()

        class Asked(asyncio.Protocol):
            def connection_made(self, transport):
                of = transport.get_extra_info("socket")
                found.set_result(of.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
                transport.close()

        listener = listening("127.0.0.1", 0)
        server = await asyncio.get_running_loop().create_server(Asked, sock=listener)
        async with server:
            _, writer = await asyncio.open_connection(*listener.getsockname())
            try:
                return bool(await found)
            finally:
                writer.close()

    # On a thread of its own: where browsers are tested, a loop runs in this one.
    with ThreadPoolExecutor(1) as aside:
        assert aside.submit(asyncio.run, sent_at_once()).result(60)
