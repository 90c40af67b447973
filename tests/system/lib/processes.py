# SPDX-License-Identifier: Apache-2.0
"""Other processes as /proc shows them. A process may end between any two
system calls: opening its file then fails with ENOENT, and reading what was
opened before with ESRCH. Both mean that it is gone."""

import contextlib
import os
import pathlib
import resource

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


def children(pid):
    """Process ids, the eldest first. The kernel may leave one out when another
    is waited for while the list is read; that other stands in this list and no
    more in the next, so two that are equal lack nobody."""
    name, known = f"task/{pid}/children", None
    while True:
        found = (read_process_file(pid, name) or b"").split()
        if found == known:
            return list(map(int, found))
        known = found


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


def spare_descriptors(pid):
    """Of a child: copies of its channel to the master, the lowest number."""
    held = {}
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        held.setdefault(os.readlink(entry), []).append(int(entry.name))
    return sorted(max(held.values(), key=len))[1:]


@contextlib.contextmanager
def free_descriptors(pid, count, spare=()):
    """The process can open so many more, until the block is left; those that it
    holds as spare ones are among them."""
    used = set(map(int, os.listdir(f"/proc/{pid}/fd"))) - set(spare)
    free = [n for n in range(max(used) + count + 2) if n not in used]
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (free[count], hard))
    try:
        yield
    finally:
        with contextlib.suppress(*GONE):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))


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


def client_ports(pid, listening):
    """Of those that have come to this process at the listening ports, where
    they come from."""
    held, ports = set(open_files(pid)), set()
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        own, theirs = (int(words[at].split(":")[1], 16) for at in (1, 2))
        if own in listening and f"socket:[{words[9]}]" in held:
            ports.add(theirs)
    return ports
