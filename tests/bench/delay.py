#!/usr/bin/env python3
"""A TCP proxy that makes the loopback as slow as a long wire.

    tests/bench/delay.py RTT-MS TARGET-PORT [LISTEN-PORT]

Listens on 127.0.0.1 and prints its port.  Each octet arrives half a round trip
after it was sent, and connecting costs what it costs on a wire: the kernel
completes the handshake with us at once, so the server hears of the connection
one and a half round trips later, and nothing that the client says counts as
sent before the round trip that its SYN would have taken.
"""
import asyncio
import sys

PIECE = 65536
PIECES = 512                       # under way in one direction, at most


class Wire:
    """One accepted connection, and the one to the server that belongs to it."""

    def __init__(self, rtt, target):
        self.rtt = rtt
        self.target = target
        self.loop = asyncio.get_running_loop()
        self.established = self.loop.time() + rtt

    async def sleep_until(self, due):
        left = due - self.loop.time()
        if left > 0:
            await asyncio.sleep(left)

    async def carry(self, reader, writer):
        """One direction.  An end of stream travels like the octets."""
        under_way = asyncio.Queue(PIECES)

        async def arrive():
            while True:
                due, data = await under_way.get()
                await self.sleep_until(due)
                if not data:
                    break
                writer.write(data)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()

        arriving = asyncio.ensure_future(arrive())
        try:
            data = b"?"
            while data:
                data = await reader.read(PIECE)
                sent = max(self.loop.time(), self.established)
                await under_way.put((sent + self.rtt / 2, data))
            await arriving
        except OSError:
            arriving.cancel()

    async def run(self, reader, writer):
        await self.sleep_until(self.established + self.rtt / 2)
        try:
            server = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        await asyncio.gather(self.carry(reader, server[1]),
                             self.carry(server[0], writer),
                             return_exceptions=True)
        for one in (writer, server[1]):
            one.close()


async def serve(rtt, target, port):
    alive = set()                  # asyncio itself would let go of its tasks

    def accepted(reader, writer):
        task = asyncio.ensure_future(Wire(rtt, target).run(reader, writer))
        alive.add(task)
        task.add_done_callback(alive.discard)

    server = await asyncio.start_server(accepted, "127.0.0.1", port)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    port = int(sys.argv[3]) if len(sys.argv) == 4 else 0
    try:
        asyncio.run(serve(float(sys.argv[1]) / 1000, int(sys.argv[2]), port))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
