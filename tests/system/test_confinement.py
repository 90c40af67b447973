#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the processes of a daemon that root started can still do, read from
/proc while they serve. On the release build also the limit of system calls."""

import json
import os
import pathlib
import pwd
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from operator_scene import OperatorScene  # noqa: E402

# What a child's descriptors may be: never a file.
KINDS = re.compile(r"^(socket:\[\d+\]|anon_inode:\[(eventpoll|eventfd|timerfd)\]"
                   r"|/dev/null|/memfd:cmanager.*|pipe:\[\d+\])$")


def status(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


@unittest.skipIf(os.geteuid() != 0, "only root can become another user")
class Confinement(OperatorScene):
    def begin_as_root(self, **options):
        _, daemon = self.begin_operated(user="nobody", **options)
        clients = [self.client("alice", tls=True), self.client("bob")]
        clients[0].send("<message to='bob@xmpp.example/r'><body>hello</body>"
                        "</message>")
        clients[1].expect("hello")
        return daemon, json.loads(self.cmctl("-j", "show", "info"))

    def test_children_are_what_the_manual_says(self):
        daemon, info = self.begin_as_root()
        nobody = pwd.getpwnam("nobody")
        self.assertEqual(len(daemon.children()), 3)
        for pid in daemon.children():
            facts = status(pid)
            self.assertEqual(facts["Uid"].split(), [str(nobody.pw_uid)] * 4)
            self.assertEqual(facts["Gid"].split(), [str(nobody.pw_gid)] * 4)
            self.assertEqual(facts["Groups"].split(), [])
            for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                self.assertEqual(int(facts[name], 16), 0, name)
            self.assertEqual(facts["NoNewPrivs"], "1")
            self.assertEqual(facts["Seccomp"], "2" if info["seccomp"] else "0")
            limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
            self.assertRegex(limits, r"Max core file size +0 +0 ")

    def test_children_hold_no_file(self):
        daemon, _ = self.begin_as_root()
        for pid in daemon.children():
            for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
                target = os.readlink(entry)
                if int(entry.name) <= 2:  # the log of this test
                    continue
                self.assertRegex(target, KINDS)

    def test_it_is_on_unless_it_is_switched_off(self):
        daemon, info = self.begin_as_root(seccomp="false")
        self.assertFalse(info["seccomp"])
        for pid in daemon.children():
            self.assertEqual(status(pid)["Seccomp"], "0")


if __name__ == "__main__":
    unittest.main()
