#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""cppcheck, clang-tidy (checks and reasons in .clang-tidy) and gcc's own analyzer
over all of src/, one test for each tool and file.

`make analyze` calls it, with the flags that the build has in ANALYZE_FLAGS.  A
tool that is not there is skipped.  Each version finds other things, right and
wrong: of one that nobody has looked at yet findings are shown, and skipped.

    make analyze ANALYZE=ClangTidy                  one tool
    make analyze ANALYZE=Gcc.test_queue_sealed      one file
"""
import concurrent.futures
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path.cwd()
SOURCES = sorted((TOP / "src").rglob("*.c"))
FLAGS = os.environ.get("ANALYZE_FLAGS", "").splitlines()
ASKED = os.environ.get("ANALYZE", "").split()
# No tool needs longer than ten seconds for a file of ours.
PATIENCE_S = 600


def includes_last(flags):
    """cppcheck would rather guess at system headers than read them."""
    return [f for f in flags if f.startswith(("-D", "-U"))] + [
        f"-I{TOP / 'src'}"]


class Tool:
    """What is common to all; `begin' starts a tool on one file."""
    name = ""
    known = ""          # versions whose findings have been looked at

    def command(self, source):
        raise NotImplementedError

    @classmethod
    def setUpClass(cls):
        if shutil.which(cls.name) is None:
            raise unittest.SkipTest(f"no {cls.name}")
        said = subprocess.run([cls.name, "--version"], capture_output=True,
                              text=True, check=True).stdout
        cls.version = re.search(r"\d+\.\d+", said).group()
        cls.pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1)
        cls.runs = {source: cls.pool.submit(cls.begin, source)
                    for source in SOURCES if is_asked_for(cls, source)}

    @classmethod
    def tearDownClass(cls):
        cls.pool.shutdown(cancel_futures=True)

    @classmethod
    def begin(cls, source):
        # The build's flags may name its directories as seen from there.
        return subprocess.run(cls.command(source), cwd=BUILD,
                              stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.STDOUT, timeout=PATIENCE_S,
                              check=False)

    def judge(self, source):
        run = self.runs[source].result()
        if run.returncode == 0:
            return
        if not re.fullmatch(self.known, self.version):
            print(run.stdout)
            self.skipTest(f"nobody has looked at what {self.name} "
                          f"{self.version} finds")
        self.fail(f"{shlex.join(run.args)}\n{run.stdout}")


class Cppcheck(Tool, unittest.TestCase):
    name, known = "cppcheck", r"2\.10"

    @staticmethod
    def command(source):
        # The syntax that 2.10 cannot read is a compound literal behind `?'.
        return ["cppcheck", "-q", "--std=c11", "--inline-suppr",
                "--enable=warning,portability,performance",
                "--suppress=internalAstError", "--error-exitcode=1",
                *includes_last(FLAGS), str(source)]


class ClangTidy(Tool, unittest.TestCase):
    name, known = "clang-tidy", r"14\..*"

    @staticmethod
    def command(source):
        return ["clang-tidy", "--quiet", str(source), "--", "-std=c11", *FLAGS]


class Gcc(Tool, unittest.TestCase):
    name, known = "gcc", r"12\..*"

    @staticmethod
    def command(source):
        # What owns memory is often returned in a struct, which gcc takes for
        # a leak.  Without -O1 it does not see that a loop has a first turn.
        return ["gcc", "-std=c11", "-O1", "-fanalyzer", "-Werror",
                "-Wno-analyzer-malloc-leak", *FLAGS, "-c", "-o", "/dev/null",
                str(source)]


def test_name(source):
    """test_queue_sealed for src/queue/sealed.c"""
    parts = source.relative_to(TOP / "src").with_suffix("").parts
    return "test_" + "_".join(parts)


def is_asked_for(tool, source):
    name = tool.__name__
    return not ASKED or name in ASKED or f"{name}.{test_name(source)}" in ASKED


def add_tests(tool):
    for path in SOURCES:
        setattr(tool, test_name(path),
                lambda self, source=path: self.judge(source))


for each in Cppcheck, ClangTidy, Gcc:
    add_tests(each)
del each

if __name__ == "__main__":
    unittest.main(defaultTest=ASKED or None, verbosity=2)
