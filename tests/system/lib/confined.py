# SPDX-License-Identifier: Apache-2.0
"""What cmanagerd(8) promises of the processes that face the network, looked
up in /proc."""

import grp
import os
import pathlib
import pwd
import re

# What a child's descriptors may be: never a file.
KINDS = re.compile(r"^(socket:\[\d+\]|anon_inode:\[(eventpoll|eventfd|timerfd)\]"
                   r"|/dev/null|/memfd:cmanager.*|pipe:\[\d+\])$")


def status(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def assert_confined(case, pid, user, seccomp, group=None, root="/"):
    """No rights, no new ones, no core, no file, and only that folder."""
    entry, facts = pwd.getpwnam(user), status(pid)
    gid = grp.getgrnam(group).gr_gid if group else entry.pw_gid
    case.assertEqual(facts["Uid"].split(), [str(entry.pw_uid)] * 4)
    case.assertEqual(facts["Gid"].split(), [str(gid)] * 4)
    case.assertEqual(facts["Groups"].split(), [])
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        case.assertEqual(int(facts[name], 16), 0, name)
    case.assertEqual(facts["NoNewPrivs"], "1")
    case.assertEqual(facts["Seccomp"], "2" if seccomp else "0")
    limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
    case.assertRegex(limits, r"Max core file size +0 +0 ")
    for link in ("root", "cwd") if root != "/" else ("root",):
        case.assertEqual(os.readlink(f"/proc/{pid}/{link}"), root)
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        if int(entry.name) > 2:  # those are the log of the test
            case.assertRegex(os.readlink(entry), KINDS)
