"""Runs the test-suite that python-pkcs11 publishes with itself and prints a line for each test: outcome, name, reason.

Usage: suite.py FOLDER, where FOLDER holds the package `tests`; the environment names module, token and PINs as the suite says.
"""

import sys
import unittest
import warnings


class Lines(unittest.TestResult):
    def line(self, outcome, test, reason=""):
        name = test.id().removeprefix("tests.")
        print(outcome, name, reason.strip().splitlines()[-1] if reason.strip() else "", sep="\t", flush=True)

    def addSuccess(self, test):
        self.line("passed", test)

    def addFailure(self, test, error):
        self.line("failed", test, self._exc_info_to_string(error, test))

    addError = addFailure

    def addSkip(self, test, reason):
        self.line("skipped", test, reason)

    def addExpectedFailure(self, test, error):
        self.line("passed", test)

    def addUnexpectedSuccess(self, test):
        self.line("passed", test)


warnings.simplefilter("ignore")
folder = sys.argv[1]
sys.path.insert(0, folder)
unittest.defaultTestLoader.discover(folder + "/tests", top_level_dir=folder).run(Lines())
