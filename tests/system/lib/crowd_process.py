# SPDX-License-Identifier: Apache-2.0
"""Many clients in a process of their own, written in C (tests/bench/crowd.c)."""

import contextlib
import json
import resource

from daemon import BUILD
from line_process import LineProcess
from support import PATIENCE_S

PROGRAM = BUILD / "tests" / "bench" / "crowd"
SPARE_DESCRIPTORS = 100


def allow_descriptors(count):
    """For this process and those it starts from now on, as far as it goes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE,
                       (max(soft, min(count, hard)), hard))


class CrowdProcess:
    """Up to `size` clients: those of even numbers at the port `plain`, their
    partners over TLS at the port `direct`."""

    def __init__(self, plain, direct, size):
        allow_descriptors(size + SPARE_DESCRIPTORS)
        self.process = LineProcess(
            [PROGRAM, "--port", plain, "--direct", direct, "--size", size])

    def ask(self, line, answer="ok", seconds=PATIENCE_S):
        self.process.send(line)
        return self.process.expect(answer, seconds)

    def grow(self, count, seconds=PATIENCE_S):
        """To so many, those that have gone among them."""
        self.ask(f"grow {count}", "ok|error", seconds)
        failed = self.ask("count", r"quiet=\d+ lost=\d+ failed=(\d+)")[1]
        if failed != "0":
            raise AssertionError(f"{failed} clients could not log in:\n"
                                 + "\n".join(self.process.lines[-20:]))

    def talk(self, rate):
        self.ask(f"talk {rate}")

    def sums(self):
        """Numbered stanzas: {"sent": N, "got": N, "returned": N}, and "pairs",
        of which both are there."""
        found = self.ask("sums",
                         r"sent=(\d+) got=(\d+) returned=(\d+) pairs=(\d+)")
        return dict(zip(("sent", "got", "returned", "pairs"),
                        map(int, found.groups())))

    def settle(self, seconds=PATIENCE_S):
        """Twice: what was on its way up is then answered, and what the server
        sent for it is here. Whoever still waits after so long, the books
        say."""
        with contextlib.suppress(AssertionError):
            for _ in range(2):
                self.ask("settle", "settled", seconds)

    def books(self):
        """Of each member, what it sent and got; see tests/bench/crowd_books.c."""
        at = len(self.process.lines)
        self.ask("books")
        return [json.loads(line) for line in self.process.lines[at:]
                if line.startswith("{")]

    def stop(self):
        self.process.stop()
