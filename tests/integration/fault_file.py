"""The file through which tests/faults/faults.so is told what shall fail, and
tells what came of it: struct fault_file of tests/faults/faults.h."""
import mmap
import pathlib
import struct
import sys

SHIM = pathlib.Path("tests/faults/faults.so").resolve()
HEAD = struct.Struct("=qQqqqqqqQqqqq")
SECRETS, SECRET_SIZE, TEXT = 16, 128, 4096
AT_GO = 6 * 8
AT_SECRETS = HEAD.size
AT_FAILED = AT_SECRETS + SECRETS * SECRET_SIZE
AT_FREED = AT_FAILED + TEXT
AT_CRASHED = AT_FREED + TEXT
AT_SITES = AT_CRASHED + TEXT
SITE = struct.Struct("=QQq")
SITES = 131072


class FaultFile:
    def __init__(self, path, secrets):
        """`secrets`: bytes that nothing that is freed may hold."""
        self.environment = {"LD_PRELOAD": str(SHIM), "FAULT_FILE": str(path)}
        self.file = open(path, "w+b")
        self.file.truncate(AT_SITES + SITES * SITE.size)
        self.map = mmap.mmap(self.file.fileno(), 0)
        assert len(secrets) <= SECRETS
        for i, secret in enumerate(secrets):
            at = AT_SECRETS + i * SECRET_SIZE
            secret = secret[:SECRET_SIZE - 1]
            self.map[at:at + len(secret)] = secret

    def close(self):
        self.map.close()
        self.file.close()

    def want(self, number=0, site=0, lasting=False, record=False,
             closing=0, held=0):
        self.map[:HEAD.size] = HEAD.pack(number, site, lasting, record,
                                         closing, held, 0, 0, 0, -1, 0, 0, 0)
        for at in (AT_FAILED, AT_FREED, AT_CRASHED):
            self.map[at:at + TEXT] = bytes(TEXT)

    def head(self):
        return HEAD.unpack(self.map[:HEAD.size])

    @property
    def hit(self):
        return self.head()[8]

    @property
    def descriptors(self):
        return self.head()[9]

    @property
    def closed(self):
        return self.head()[11]

    @property
    def waiting(self):
        """The process that waits for let_go(), or 0."""
        return self.head()[12]

    def let_go(self):
        self.map[AT_GO:AT_GO + 8] = (1).to_bytes(8, sys.byteorder)

    def text(self, at):
        """A stack, innermost first: a list of "object:function+0xoffset"."""
        return self.map[at:at + TEXT].split(b"\0", 1)[0].decode().split()

    @property
    def failed(self):
        return self.text(AT_FAILED)

    @property
    def freed(self):
        return self.text(AT_FREED)

    @property
    def crashed(self):
        return self.text(AT_CRASHED)

    def sites(self):
        """(site, the same of our own code, number of the allocation), in the
        order in which memory was asked for."""
        used = self.head()[10]
        assert used < SITES
        return [SITE.unpack_from(self.map, AT_SITES + i * SITE.size)
                for i in range(used)]
