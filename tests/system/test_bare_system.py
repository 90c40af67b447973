#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The first hour on a bare Debian: what the README tells a newcomer to type,
in a system that debootstrap has just made. Needs root and the mirror that this
machine's apt uses; what is typed and answered there is printed."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SYSTEM_S = 1200

# $1: the new system's root. Its processes and mounts end with the last command.
ENTER = """
mount --make-rprivate /
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount -t tmpfs tmpfs "$1/run"
exec chroot "$1" sh -euc "$2"
"""

# What the README says under "Quick start" and "Watch it run".
QUICKSTART = r"""
cd /src
contrib/quickstart --once
contrib/quickstart >/tmp/said 2>&1 &
until grep -q 'Ctrl-C ends everything' /tmp/said; do
	kill -0 $! || { cat /tmp/said; exit 1; }
	sleep 0.2
done
cat /tmp/said
cd /
grep -E '^  (\S*/cmctl .* show|curl)' /tmp/said >/tmp/lines
test "$(wc -l </tmp/lines)" -ge 4
while read -r line; do
	echo "\$ $line"
	sh -euc "$line" | head -n 20
done </tmp/lines
kill $!
wait $! || test $? -eq 143
cd /src
contrib/package /tmp/package | tee /tmp/made
cp "$(tail -n 1 /tmp/made)" /cmanager.deb
"""

PACKAGE = r"""
export DEBIAN_FRONTEND=noninteractive
rm -f /usr/sbin/policy-rc.d
apt-get install -q -y --no-install-recommends /cmanager.deb curl procps
test ! -e /dev/log
no() { if "$@"; then exit 1; fi; }
no cmanagerd -t
sed -i -e 's|<domain></domain>|<domain>example.org</domain>|' \
	-e 's|<password></password>|<password>secret</password>|' \
	-e 's|<port>0</port>|<port>9222</port>|' \
	-e 's|<!-- <hostname>.*|<hostname>127.0.0.1</hostname>|' \
	/etc/cmanager/manager.xml
cmanagerd -t
service cmanagerd start
service cmanagerd status
cmctl show info
curl -s http://127.0.0.1:9222/metrics | head -n 5
no curl -sf http://127.0.0.1:9222/ready # there is no server
curl -s http://127.0.0.1:9222/health
service cmanagerd stop
apt-get purge -q -y cmanager
for path in /etc/cmanager /var/lib/cmanager /var/log/cmanager /run/cmanager; do
	test ! -e $path
done
no getent passwd cmanager
"""


def mirrors():
    """What this machine's apt has of Debian: URI, suite, component."""
    said = subprocess.run(
        ["apt-get", "indextargets", "--format",
         "$(ORIGIN) $(SITE) $(RELEASE) $(COMPONENT)", "Created-By: Packages"],
        capture_output=True, text=True, check=True).stdout
    return sorted({tuple(line.split()[1:]) for line in said.splitlines()
                   if line.startswith("Debian ") and line.endswith(" main")})


@unittest.skipIf(os.geteuid() != 0, "only root can make a system")
class Bare(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory(prefix="cm-bare-",
                                                dir="/var/tmp")
        cls.addClassCleanup(directory.cleanup)
        cls.folder = pathlib.Path(directory.name)
        cls.base = cls.folder / "base"
        release = re.search(r"(?m)^VERSION_CODENAME=(\w+)",
                            pathlib.Path("/etc/os-release").read_text())[1]
        site = next(site for site, suite, _ in mirrors() if suite == release)
        subprocess.run(["debootstrap", "--variant=minbase", release, cls.base,
                        site], check=True, stdout=subprocess.DEVNULL,
                       timeout=SYSTEM_S)
        (cls.base / "etc/apt/sources.list").write_text("".join(
            f"deb {site} {suite} {component}\n"
            for site, suite, component in mirrors()))
        shutil.copy("/etc/resolv.conf", cls.base / "etc/resolv.conf")
        for part in pathlib.Path("/etc/apt/apt.conf.d").glob("*"):
            shutil.copy(part, cls.base / "etc/apt/apt.conf.d")

    def enter(self, root, script):
        """Runs it there; what was said."""
        done = subprocess.run(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh",
             "-euc", ENTER, "enter", root, script], timeout=SYSTEM_S,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False,
            env={**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                 "LC_ALL": "C.UTF-8"})
        print(done.stdout, flush=True)
        self.assertEqual(done.returncode, 0)
        return done.stdout

    def copy_of_base(self, name):
        root = self.folder / name
        subprocess.run(["cp", "-a", self.base, root], check=True)
        self.enter(root, "apt-get update -q")
        return root

    def test_quickstart_then_the_package(self):
        first = self.copy_of_base("first")
        (first / "src").mkdir()
        files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT,
                               capture_output=True, check=True).stdout
        subprocess.run(
            ["sh", "-euc", "tar -c --null -T - | tar -x -C \"$1\"", "copy",
             first / "src"], cwd=ROOT, input=files, check=True)
        said = self.enter(first, QUICKSTART)
        self.assertIn("5 links to Prosody", said)
        self.assertRegex(said, r"\[\d+/\d+\]")
        self.assertIn("cmanager_clients_accepted_total", said)
        second = self.copy_of_base("second")
        shutil.copy(first / "cmanager.deb", second)
        said = self.enter(second, PACKAGE)
        self.assertIn("not started: its configuration is not complete", said)


if __name__ == "__main__":
    sys.exit(unittest.main())
