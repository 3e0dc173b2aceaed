# SPDX-License-Identifier: MIT
#
# python3 cpython_results.py RESULTS MODULE [WITHOUT]: runs a module of CPython's own tests, but for
# the classes that match the regular expression WITHOUT, and appends a line "ok NAME", "fail NAME" or
# "skip NAME" to RESULTS as each test ends, so that a module that hangs or dies still says how far it
# came. No file stays open: some tests count descriptors.
import faulthandler
import os
import re
import sys
import unittest

from test import support

RESULTS, MODULE = os.path.abspath(sys.argv[1]), sys.argv[2]
WITHOUT = re.compile(sys.argv[3] if sys.argv[3:] and sys.argv[3] else "(?!)")
del sys.argv[1:]


# Hangs where /dev/vsock is there but its own address does not answer, as in the lab.
LEFT_OUT = ("test.test_socket.ThreadedVSOCKSocketStreamTest.",)


def each(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from each(test)
        elif not test.id().startswith(LEFT_OUT) and not WITHOUT.search(type(test).__name__):
            yield test


class Lines(unittest.TextTestResult):
    def line(self, status, test):
        with open(RESULTS, "a", encoding="utf-8") as file:
            file.write(status + " " + test.id().replace("\n", " ") + "\n")

    def startTest(self, test):
        super().startTest(test)
        self.status = "ok"

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.status = "fail"

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.failed(test)

    def addError(self, test, err):
        super().addError(test, err)
        self.failed(test)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.failed(test)

    # Of a class or a module as a whole where no test has begun.
    def failed(self, test):
        self.status = "fail"
        if not isinstance(test, unittest.TestCase):
            self.line("fail", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.status = "skip"

    def stopTest(self, test):
        super().stopTest(test)
        self.line(self.status, test)


faulthandler.dump_traceback_later(float(os.environ.get("SUITE_PATIENCE", "300")), exit=False)
# "network" is for tests of this machine's too; what they would reach beyond it is not there.
support.use_resources = {"cpu": None, "network": None, "subprocess": None}
support.verbose = 1
support.record_original_stdout(sys.stdout)
tests = unittest.TestSuite(each(unittest.defaultTestLoader.loadTestsFromName(MODULE)))
outcome = unittest.TextTestRunner(verbosity=2, resultclass=Lines).run(tests)
sys.exit(not outcome.wasSuccessful())
