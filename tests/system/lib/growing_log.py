# SPDX-License-Identifier: Apache-2.0
"""A log that is read while it grows, each byte of it once."""

import time

from support import PATIENCE_S


class GrowingLog:
    def __init__(self, daemon):
        self.daemon, self.text = daemon, ""
        self.file = open(daemon.log, encoding="utf-8", errors="replace")
        self.counted = {}  # text: how often it was found, and up to where

    def close(self):
        self.file.close()

    def count(self, text):
        self.text += self.file.read()
        times, end = self.counted.get(text, (0, 0))
        while (at := self.text.find(text, end)) >= 0:
            times, end = times + 1, at + len(text)
        end = max(end, len(self.text) - len(text) + 1)
        self.counted[text] = times, end
        return times

    def lines(self, text):
        """Those that have it."""
        self.count(text)
        return [line for line in self.text.splitlines() if text in line]

    def until_behind(self, first, then, seconds=PATIENCE_S):
        """Returns when the log has both, in this order."""
        self.until(first, 1, seconds)
        behind = self.text.index(first)
        self.until(then, self.text.count(then, 0, behind) + 1, seconds)

    def comes_within(self, seconds, text, times):
        """True as soon as the log has the text so many times."""
        end = time.monotonic() + seconds
        while self.count(text) < times:
            if time.monotonic() > end:
                return False
            time.sleep(0.005)
        return True

    def until(self, text, times, seconds=PATIENCE_S):
        """Returns when the log has the text so many times."""
        if not self.comes_within(seconds, text, times):
            raise AssertionError(f"the log never said {text!r} for the "
                                 f"{times}th time\n" + self.daemon.tail())
