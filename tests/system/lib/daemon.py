# SPDX-License-Identifier: Apache-2.0
"""Runs cmanagerd on ports of its own and looks after what it leaves behind."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
from xml.sax.saxutils import escape

from processes import children, title
from support import PATIENCE_S, certificate, free_ports

BUILD = pathlib.Path(os.environ.get("CM_BUILD", "build/asan")).resolve()
# What sanitizers write, and our own panics: with their colon, since a random
# id may well have the letters of any short word.
BAD = re.compile(r"AddressSanitizer|LeakSanitizer|UndefinedBehavior|"
                 r"runtime error:|ThreadSanitizer|CHECK failed|panic: ")
# Of a sanitizer's report, which comes piece by piece between other lines.
PIECE = re.compile(r"^(==\d+==|\s+#\d+ )")
# Such a line also says who connected from where.
NAMES_CLIENT = re.compile(r" (session|slot)=")


def defects(text, before=5, after=40, most=400):
    """The lines of a log that show a defect, marked, each among those around
    it: a sanitizer's report is long."""
    lines = text.splitlines()
    marked = {at for at, line in enumerate(lines)
              if BAD.search(line) or PIECE.search(line)}
    around = sorted({near for at in marked for near in range(
        max(at - before, 0), min(at + after + 1, len(lines)))})[:most]
    shown, last = [], -1
    for at in around:
        if at != last + 1:
            shown.append("  ...")
        shown.append(("> " if at in marked else "  ") + lines[at])
        last = at
    return "\n".join(shown)


def program():
    for path in (BUILD / "master" / "cmanagerd", BUILD / "cmanagerd"):
        if path.exists():
            return str(path)
    raise FileNotFoundError(f"no cmanagerd below {BUILD}")


def as_xml(options):
    """{"a.b": 1} as <jive><a><b>1</b></a></jive>; a list is written as so
    many elements."""
    tree = {}
    for path, value in options.items():
        at = tree
        for name in path.split(".")[:-1]:
            at = at.setdefault(name, {})
            if not isinstance(at, dict):
                raise ValueError(f"{path}: {name} has a value")
        name = path.split(".")[-1]
        if isinstance(at.get(name), dict):
            raise ValueError(f"{path} has a value and names below it")
        at[name] = value

    def lines(name, value, depth):
        pad = "  " * depth
        if isinstance(value, list):
            return [line for one in value for line in lines(name, one, depth)]
        if not isinstance(value, dict):
            return [f"{pad}<{name}>{escape(str(value))}</{name}>"]
        inner = []
        for key, below in value.items():
            inner += lines(key, below, depth + 1)
        return [f"{pad}<{name}>"] + inner + [f"{pad}</{name}>"]

    return "\n".join(lines("jive", tree, 0)) + "\n"


class Daemon:
    """One cmanagerd. `options` are paths of manager.xml; None leaves one out.

    The server's port is given; client ports are free ones: `plain`, `direct`.
    """

    # Further arguments of Popen, and of the daemon.
    spawn = {}
    arguments = ()

    def __init__(self, directory, server_port, options=None, **environment):
        self.directory = pathlib.Path(directory)
        self.plain, self.direct = free_ports(2)
        self.environment = environment
        cert, key = certificate(directory)
        state = self.directory / "state"
        state.mkdir(exist_ok=True, mode=0o700)
        self.options = {
            "xmpp.domain": "xmpp.example",
            "xmpp.hostname": "127.0.0.1",
            "xmpp.port": server_port,
            "xmpp.password": "s3cr3t",
            "xmpp.manager.name": "cm",
            "xmpp.manager.connections": 5,
            "xmpp.server.tls": "none",
            "xmpp.socket.network.interface": "127.0.0.1",
            "xmpp.socket.default.port": self.plain,
            "xmpp.socket.ssl.port": self.direct,
            "xmpp.socket.ssl.certificate": cert,
            "xmpp.socket.ssl.key": key,
            "workers.count": 2,
            # What is made at each start grows with it, and a start with
            # sanitizers would take three times as long; None: the default.
            "sessions.max": 4096,
            # A busy machine is none of a test's business.
            "ready.timeout": 60,
            "stop.timeout": 30,
            "state.directory": state,
            # Its usual place is the machine's, where it is there at all.
            "control.socket": "none",
        }
        self.options.update(options or {})
        self.path = self.directory / "manager.xml"
        self.log = self.directory / "cmanagerd.log"
        self.process = None

    def write(self):
        self.path.write_text(as_xml(
            {k: v for k, v in self.options.items() if v is not None}))
        self.path.chmod(0o600)

    def start(self, server=None):
        """With a server: returns when all processes serve and all links carry,
        by our own account; else when the ports answer."""
        self.write()
        self.log.unlink(missing_ok=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [program(), "-f", *self.arguments, "-c", str(self.path)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, "UBSAN_OPTIONS": "print_stacktrace=1",
                     **self.environment}, **self.spawn)
        self.wait_for_ports()
        if server:
            links = int(self.options["xmpp.manager.connections"])
            server.wait("links_ready", "=", links)
            # The server has let them in before we know it.
            self.wait_for_log("upstream: link up ", times=links)
            self.wait_for_log("upstream: serving links=")
            self.wait_for_log("master: ready workers=")
        return self

    def wait_for_log(self, text, seconds=PATIENCE_S, times=1):
        end = time.monotonic() + seconds
        while self.tail(10 ** 7).count(text) < times:
            if time.monotonic() > end:
                raise AssertionError(f"the log never said {text!r}\n"
                                     + self.tail())
            time.sleep(0.02)

    def ports(self):
        """Where it listens."""
        direct = self.options.get("xmpp.socket.ssl.active") != "false"
        return [self.plain] + [self.direct] * direct

    def wait_for_ports(self, seconds=PATIENCE_S):
        end = time.monotonic() + seconds
        for port in self.ports():
            while True:
                if self.process.poll() is not None:
                    raise AssertionError(
                        f"cmanagerd ended: {self.process.returncode}\n"
                        + self.tail())
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    if time.monotonic() > end:
                        raise AssertionError("ports never opened\n"
                                             + self.tail()) from None
                    time.sleep(0.02)

    def tail(self, size=8000):
        return self.log.read_text(errors="replace")[-size:] \
            if self.log.exists() else "(no log)"

    def children(self):
        """Process ids of the daemon's children that do something."""
        return [pid for pid in children(self.process.pid)
                if "standby" not in title(pid)]

    def standby(self):
        """Process id of the one that is to be the next upstream, or None."""
        for pid in children(self.process.pid):
            if "standby" in title(pid):
                return pid
        return None

    def serving(self):
        """The pids of those through which clients reach the server."""
        return [pid for pid in self.children() if "control" not in title(pid)]

    def upstream(self):
        """Process id of the one that holds the links."""
        for pid in self.children():
            if "upstream" in title(pid):
                return pid
        raise AssertionError("no upstream process")

    def workers(self):
        """The pids of the worker processes; one that ends meanwhile is
        none."""
        return [pid for pid in self.children() if "worker" in title(pid)]

    def check_log(self):
        text = self.tail(10 ** 7)
        if BAD.search(text):
            raise AssertionError("the log shows a defect:\n" + defects(text)
                                 + "\nand ends with:\n" + text[-8000:])
        for line in text.splitlines():
            if NAMES_CLIENT.search(line) and " address=" not in line:
                raise AssertionError("about whom is that? " + line)

    def stop(self, seconds=PATIENCE_S):
        """Orderly; raises when it is not: exit code, leftovers, defects."""
        if self.process is None:
            return
        process, self.process_children = self.process, []
        if process.poll() is None:
            self.process_children = children(process.pid)
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError("cmanagerd does not stop\n"
                                     + self.tail()) from None
        self.process = None
        self.check_log()
        if process.returncode != 0:
            raise AssertionError(f"cmanagerd ended with {process.returncode}\n"
                                 + self.tail())

    def kill(self):
        """Ends daemon and children at once, if they still run. At once: none
        may see another's end and begin an orderly stop."""
        if self.process.poll() is not None:
            return
        children = self.freeze_master()
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in children + [self.process.pid]:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
        self.process.wait()
        self.wait_for_ends(children)

    def kill_master(self):
        """Ends the master alone; returns when its children have followed it,
        so that the ports are no longer theirs."""
        children = self.freeze_master()
        self.process.kill()
        self.process.wait()
        self.wait_for_ends(children)

    def freeze_master(self):
        """Its children, of which there will be no more."""
        pid = self.process.pid
        os.kill(pid, signal.SIGSTOP)
        os.waitid(os.P_PID, pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        return self.children()

    @staticmethod
    def wait_for_ends(pids, seconds=PATIENCE_S):
        """Whoever adopted them may let them be zombies: those have no
        title."""
        end = time.monotonic() + seconds
        while any(title(pid) for pid in pids):
            if time.monotonic() > end:
                raise AssertionError(f"still there: {pids}")
            time.sleep(0.02)


def show_logs(*sources):
    """For a failed test: the ends of the logs."""
    for source in sources:
        path = getattr(source, "log", None)
        if path and path.exists():
            sys.stderr.write(f"--- {path}\n"
                             + path.read_text(errors="replace")[-6000:] + "\n")
