# SPDX-License-Identifier: Apache-2.0
"""Has upstream kill itself at its kill points, in a build that has them
(CM_KILL_POINTS, worker/upstream/kill_at.h)."""

import collections
import os
import pathlib
import re
import signal
import subprocess
import time

from daemon import BUILD
from processes import title
from support import PATIENCE_S

KILL_AT_BYTES = 4096
READY = "ready process=upstream"
POINT_REPEATS = 5  # of one point in a list of faults
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


    def replay(self, daemon, log, lines, cut):
        """What the simulator did in so many of its runs, as lines of
        tests/simulation/fault_list.h: each incarnation dies at the next point,
        and where a link was reset meanwhile, one is. Returns how often somebody
        died, and how often nobody came to the point within a second."""
        points = [line.partition(" ")[2] for line in lines
                  if line.startswith("kill ")]
        resets = {sum(line.startswith("kill ") for line in lines[:at])
                  for at, line in enumerate(lines)
                  if line.startswith("reset ")}
        before, missed = log.count(SAID), 0
        self.order("".join(f"{point}\n" for point in points))
        killed = replace(daemon, log)
        for done in range(len(points)):
            if done in resets:
                cut()
            if not log.comes_within(1, SAID, before + done + 1 - missed):
                missed += 1
                killed += replace(daemon, log)
        self.order("")
        killed += replace(daemon, log)
        return killed + log.count(SAID) - before, missed


def faults(seed, points):
    """So many points of the simulator's runs from this seed on, and what lies
    between them; no point more than a few times."""
    listed = subprocess.run(
        [str(BUILD / "tests/simulation/simulation"), "--faults", "--go-on",
         "--seeds", "400", "--seed", str(seed)],
        capture_output=True, text=True, check=True).stdout.splitlines()
    chosen, counts = [], collections.Counter()
    for line in listed:
        if line.startswith("kill "):
            point = line.split(" ", 2)[2]
            if counts[point] == POINT_REPEATS:
                continue
            counts[point] += 1
            if sum(counts.values()) > points:
                break
        chosen.append(line)
    return [line for at, line in enumerate(chosen)
            if not line.startswith("reset") or
            not chosen[at - 1].startswith("reset")]


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
