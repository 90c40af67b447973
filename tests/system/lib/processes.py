# SPDX-License-Identifier: Apache-2.0
"""Other processes as /proc shows them. A process may end between any two
system calls: opening its file then fails with ENOENT, and reading what was
opened before with ESRCH. Both mean that it is gone."""

import os
import pathlib

GONE = (FileNotFoundError, ProcessLookupError)


def read_process_file(pid, name):
    """The bytes of /proc/PID/name; None when there is no such process."""
    try:
        return pathlib.Path(f"/proc/{pid}/{name}").read_bytes()
    except GONE:
        return None


def title(pid):
    """As ps shows it; empty when there is no such process, or a zombie."""
    words = read_process_file(pid, "cmdline") or b""
    return words.replace(b"\0", b" ").decode(errors="replace").strip()


def is_there(pid):
    """Also while its parent has not waited for it."""
    return read_process_file(pid, "stat") is not None


def open_files(pid):
    """What its descriptors show, without those closed meanwhile."""
    found = []
    try:
        entries = list(pathlib.Path(f"/proc/{pid}/fd").iterdir())
    except GONE:
        return found
    for entry in entries:
        try:
            found.append(os.readlink(entry))
        except GONE:
            pass
    return found


def connections(pid):
    """Its sockets that neither listen nor are local, also those whose other end
    has gone, of which the kernel's tables know no more."""
    held = {name for name in open_files(pid) if name.startswith("socket:")}
    for table, column in (("tcp", 9), ("tcp6", 9), ("unix", 6)):
        lines = pathlib.Path("/proc/net", table).read_text().splitlines()
        for words in map(str.split, lines[1:]):
            if table == "unix" or words[3] == "0A":
                held.discard(f"socket:[{words[column]}]")
    return held
