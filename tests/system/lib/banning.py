# SPDX-License-Identifier: Apache-2.0
"""What fail2ban makes of the daemon's lines, by its own fail2ban-regex."""

import pathlib
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
FILTER = ROOT / "contrib" / "fail2ban" / "filter.d" / "cmanager.conf"
REMOTE = "/lib/systemd/systemd-journal-remote"

# What journald adds to each datagram.
ADDED = """\
__REALTIME_TIMESTAMP={now}
__MONOTONIC_TIMESTAMP={now}
_BOOT_ID=0123456789abcdef0123456789abcdef
_MACHINE_ID=0123456789abcdef0123456789abcdef
_HOSTNAME=host.example
_PID=77
_SYSTEMD_UNIT={unit}
"""


def found(source, what="<ip>"):
    """The addresses in a file or journal that count, one for each line."""
    done = subprocess.run(["fail2ban-regex", "-o", what, str(source),
                           str(FILTER)], capture_output=True, text=True,
                          check=False)
    if done.returncode not in (0, 1) or "Traceback" in done.stderr:
        raise AssertionError(done.stdout + done.stderr)
    return done.stdout.split("\n")[:-1]


def as_syslog_file(datagrams, path):
    """As syslogd writes them: without priority, with the host's name."""
    with open(path, "w", encoding="utf-8") as file:
        for text in datagrams:
            stamp, rest = text.partition(">")[2][:15], text.partition(">")[2]
            file.write(f"{stamp} host.example {rest[16:]}\n")
    return path


def as_journal(datagrams, path, unit="cmanagerd.service"):
    """The datagrams in a journal, as a source for fail2ban."""
    entries = "".join(ADDED.format(now=int(time.time() * 1e6), unit=unit)
                      + text + "\n" for text in datagrams)
    subprocess.run([REMOTE, "-o", str(path), "-"], input=entries.encode(),
                   capture_output=True, check=True)
    return f"systemd-journal[journalfiles={path}]"
