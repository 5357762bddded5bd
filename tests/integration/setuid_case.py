"""A set-user-ID installation of a test's own, as several users may call it."""
import ctypes
import os
import pathlib
import shutil
import stat
import unittest

import harness
from harness import Case, SIMPLE, run

# The user that the installation runs as; it need not be in passwd.
OWNER = 61873


def no_new_privileges():
    ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)     # PR_SET_NO_NEW_PRIVS


@unittest.skipUnless(os.getuid() == 0, "needs root to install set-user-ID")
class SetUidCase(Case):
    def setUp(self):
        super().setUp()
        for path in (self.directory, self.directory / "sandbox"):
            os.chmod(path, 0o755)
        # Not below the build directory, which others may not be able to search.
        self.program = self.directory / "sendmail"
        shutil.copy(harness.PROGRAM, self.program)
        os.chown(self.program, OWNER, OWNER)
        os.chmod(self.program, 0o6755)
        self.state = self.owned("state")
        self.spool = self.owned("spool")
        self.secret = pathlib.Path(self.sandbox.secret_file)
        os.chown(self.secret, 0, OWNER)
        os.chmod(self.secret, 0o640)
        self.log = self.directory / "logs" / "log"
        self.owned("logs")
        config = self.config(spool=False, state_directory=str(self.state),
                             spool_directory=str(self.spool))
        text = pathlib.Path(config).read_text(encoding="utf-8")
        installed = harness.installed_config(text)
        self.config_path = installed.__enter__()
        self.addCleanup(installed.__exit__, None, None, None)

    def owned(self, name):
        path = self.directory / name
        path.mkdir(mode=0o750)
        os.chown(path, OWNER, OWNER)
        return path

    def configure(self, **changes):
        changes.setdefault("spool", False)
        text = pathlib.Path(self.config(
            state_directory=str(self.state), spool_directory=str(self.spool),
            **changes)).read_text(encoding="utf-8")
        self.config_path.write_text(text, encoding="utf-8")

    def as_user(self, user, *flags, **options):
        options.setdefault("cwd", "/")
        return run([str(self.program), *flags], options.pop("stdin", SIMPLE),
                   user=user, group=user, extra_groups=[], **options)

    def assert_only_the_owner_was_here(self):
        for top in (self.state, self.spool):
            for path in [top, *top.rglob("*")]:
                status = path.lstat()
                self.assertEqual((status.st_uid, status.st_gid),
                                 (OWNER, OWNER), path)
                self.assertEqual(stat.S_IMODE(status.st_mode) & 0o027, 0, path)
                self.assertEqual(stat.S_IMODE(status.st_mode) & 0o600, 0o600,
                                 path)
