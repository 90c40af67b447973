# SPDX-License-Identifier: Apache-2.0
"""Starts the container image's root file system as an engine would: read-only,
in namespaces of its own, as a user without capabilities."""

import os
import pathlib
import signal
import subprocess
import time

from daemon import BAD, as_xml, defects
from processes import children
from support import PATIENCE_S

USER = 65532

# $1: the folder with root and etc; then the arguments of the daemon. The first
# process of the namespace becomes the daemon.
START = """
cd "$1"
shift
mount --bind root root
mount --bind etc root/etc/cmanager
mount --rbind /dev root/dev
mount -t proc proc root/proc
for folder in run var/lib; do
	mount -t tmpfs -o uid=$USER,gid=$USER,mode=0755 tmpfs \\
		root/$folder/cmanager
done
mount -o remount,bind,ro root
exec setpriv --no-new-privs --bounding-set -all,+sys_chroot,+setuid,+setgid \\
	chroot --userspec=$USER:$USER --groups=$USER root \\
	/usr/sbin/cmanagerd -f "$@"
"""


class Container:
    """`folder` has `root`, the unpacked file system; it takes the rest."""

    def __init__(self, folder, options):
        self.folder = pathlib.Path(folder)
        self.log = self.folder / "stderr.log"
        self.outer = self.process = None
        etc = self.folder / "etc"
        etc.mkdir()
        for path in list(self.folder.glob("*.pem")) + \
                list(self.folder.glob("*.key")):
            target = etc / path.name
            target.write_bytes(path.read_bytes())
            target.chmod(0o644)
        (etc / "manager.xml").write_text(as_xml(options))
        for path in (self.folder, etc, etc / "manager.xml"):
            path.chmod(0o755)

    def start(self, *arguments):
        with open(self.log, "ab") as log:
            self.outer = subprocess.Popen(
                ["unshare", "--mount", "--pid", "--ipc", "--uts", "--fork",
                 "--kill-child", "sh", "-eu", "-c", START, "start",
                 str(self.folder), *arguments], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env={**os.environ, "USER": str(USER)})
        self.wait_for_log("ready workers=")
        self.process, = children(self.outer.pid)

    def wait_for_log(self, text):
        end = time.monotonic() + PATIENCE_S
        while text not in self.log.read_text():
            if time.monotonic() > end or self.outer.poll() is not None:
                raise AssertionError(f"{text!r} never came\n"
                                     + self.log.read_text())
            time.sleep(0.02)

    def proc(self, name, pid=1):
        """A file of /proc, as seen from within."""
        return pathlib.Path(
            f"/proc/{self.process}/root/proc/{pid}/{name}")

    def enter(self, *namespaces):
        return ["nsenter", "--target", str(self.process), *namespaces]

    def run(self, *command):
        """Of the image, as its user: what `docker exec` does."""
        return subprocess.run(
            self.enter("--mount", "--pid", "--root", "--wd", "--setuid",
                       str(USER), "--setgid", str(USER)) + list(command),
            capture_output=True, text=True, check=False, timeout=PATIENCE_S)

    def orphan(self):
        """A foreign process whose parent has ended; it ends when the pipe is
        closed: its id within, the pipe."""
        into, out = os.pipe()
        done = subprocess.run(
            self.enter("--pid") + ["sh", "-c", "exec 3<&0; cat <&3 >/dev/null "
                                   "2>&1 & echo $!"],
            stdin=into, stdout=subprocess.PIPE, text=True, check=True,
            timeout=PATIENCE_S)
        os.close(into)
        return int(done.stdout), out

    def stop(self):
        """In order; what the first process ended with."""
        if self.outer.poll() is None and self.process:
            os.kill(self.process, signal.SIGTERM)
        code = self.outer.wait(PATIENCE_S)
        text = self.log.read_text()
        if BAD.search(text):
            raise AssertionError(defects(text))
        return code

    def kill(self):
        if self.outer and self.outer.poll() is None:
            self.outer.kill()
            self.outer.wait()
