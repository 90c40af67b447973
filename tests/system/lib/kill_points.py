# SPDX-License-Identifier: Apache-2.0
"""Has upstream kill itself at its kill points, in a build that has them
(CM_KILL_POINTS, worker/upstream/kill_at.h)."""

import collections
import os
import pathlib
import re
import signal
import time

from daemon import BUILD
from processes import title
from support import PATIENCE_S

KILL_AT_BYTES = 64
READY = "ready process=upstream"
# Does this build have any?
HAS_POINTS = "CM_KILL_POINTS:BOOL=ON" in (BUILD / "CMakeCache.txt").read_text()

SAID = "killing itself point="
POINT = re.compile(re.escape(SAID) + r'"([^"]*)"')


class KillPoints:
    """To be made before the daemon is, whose environment names the file."""

    def __init__(self, directory, seed, most):
        """One process passes so many points, at most."""
        self.path = pathlib.Path(directory) / "kill_at"
        self.seed, self.most = seed, most
        self.order("")
        os.environ["CM_KILL_AT"] = str(self.path)

    def order(self, text):
        """In place: processes have the file mapped."""
        with open(self.path, "r+b" if self.path.exists() else "wb") as file:
            file.write(text.encode().ljust(KILL_AT_BYTES))

    def kill_itself(self, daemon, log, times, meanwhile):
        """At least so often, meanwhile() behind each; returns how often somebody
        died, and another serves."""
        before = log.count(SAID)
        self.order(f"{self.seed} {self.most}")
        kills = replace(daemon, log)
        for done in range(1, times + 1):
            log.until(SAID, before + done)
            meanwhile()
        self.order("")
        kills += replace(daemon, log)
        return kills + log.count(SAID) - before


def replace(daemon, log):
    """Kills the process that holds the links, unless it has died by itself;
    returns how many it killed when another is ready."""
    end = time.monotonic() + PATIENCE_S
    pid = None
    while pid is None:
        pid = next((child for child in daemon.children()
                    if "upstream" in title(child)), None)
        if time.monotonic() > end:
            raise AssertionError("no upstream process\n" + daemon.tail())
    said = log.count(SAID)
    os.kill(pid, signal.SIGKILL)
    log.until_behind(f"ended process=upstream pid={pid} ", READY)
    return 0 if log.count(SAID) > said else 1


def table(log):
    """Lines: the points, and how many died there."""
    counts = collections.Counter(POINT.findall(log.text))
    return [f'point="{point}" kills={kills}'
            for point, kills in counts.most_common()]
