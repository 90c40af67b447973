#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server whose answers are lost, or come late."""

import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]
                       / "system" / "lib"))
from stage import Played  # noqa: E402
from support import PATIENCE_S  # noqa: E402

OPTIONS = {"xmpp.server.grace": PATIENCE_S}


class Hang(Played):
    def test_a_question_whose_answer_is_lost_is_asked_again_soon(self):
        """A server that wakes answers on links of which it does not know yet
        that they were given up; so are its words about dead sessions."""
        self.begin(options={**OPTIONS, "xmpp.server.barrier": 300,
                            "xmpp.server.hang.timeout": 300})
        self.login(self.link("M"))
        self.replay.cut("M", reset=True)
        self.replay.connect("N")
        link = self.replay.links["N"]
        link.answers_barriers = False
        link.let_in()
        link.wait(lambda: b"-barrier" in link.bytes, "a barrier")
        asked = len(link.probes)
        self.assertGreater(asked, 0)
        link.answers_barriers = True
        link.wait(lambda: len(link.probes) >= 2 * asked, "it all again")
        end = time.monotonic() + PATIENCE_S
        while self.daemon.tail().count("upstream: serving links=") < 2:
            self.assertLess(time.monotonic(), end, "it does not serve")
            link.read(0.1)


if __name__ == "__main__":
    unittest.main()
