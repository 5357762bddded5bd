"""The lean server of sink.c."""
import subprocess
import time


class Sink:
    """A running sink; `milliseconds` is what each message takes there."""

    def __init__(self, program, world, milliseconds=0):
        chain, key = world.ask("pki.server")
        self.milliseconds = milliseconds
        self.process = subprocess.Popen(
            [program, chain, key, str(milliseconds)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.communicate()     # ends with its stdin

    def take(self):
        """(messages, octets, connections, most at once) since the last time."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return tuple(map(int, self.process.stdout.readline().split()))

    def await_messages(self, count, seconds=10):
        """Wait until so many have come; (messages, ..., at once) in all."""
        total, until = [0, 0, 0, 0], time.monotonic() + seconds
        while total[0] < count and time.monotonic() < until:
            now = self.take()
            total = [a + b for a, b in zip(total[:3], now)] + \
                [max(total[3], now[3])]
            time.sleep(0.002)
        return total

