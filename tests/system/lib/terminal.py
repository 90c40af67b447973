# SPDX-License-Identifier: Apache-2.0
"""A terminal of any size, with a program on it."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios

from support import PATIENCE_S, Deadline


class Terminal:
    """Runs it at once; environment is in addition to ours."""

    def __init__(self, command, columns, rows=20, environment=None):
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, columns, 0, 0))
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(
            command, stdin=self.slave, stdout=self.slave, stderr=self.slave,
            env={**os.environ, "TERM": "xterm", **(environment or {})})
        self.written = b""

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.slave)
        os.close(self.master)

    def resize(self, columns, rows):
        """The program is told."""
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, columns, 0, 0))
        self.process.send_signal(signal.SIGWINCH)

    def type(self, keys):
        os.write(self.master, keys.encode())

    def is_as_before(self):
        return termios.tcgetattr(self.slave) == self.before

    def read_some(self, seconds):
        ready, _, _ = select.select([self.master], [], [], seconds)
        if ready:
            self.written += os.read(self.master, 65536)
        return bool(ready)

    def read_until(self, holds, what):
        """All that was written, as soon as it holds of it; what is left
        over is forgotten."""
        deadline = Deadline(PATIENCE_S, what)
        while not holds(self.written.decode(errors="replace")):
            self.read_some(deadline.left())
        text, self.written = self.written.decode(), b""
        return text

    def read_all(self):
        """Until the program has ended and nothing is left."""
        deadline = Deadline(PATIENCE_S, "it goes on")
        while self.process.poll() is None:
            deadline.left()
            self.read_some(0.05)
        while self.read_some(0):
            pass
        text, self.written = self.written.decode(), b""
        return text.replace("\r\n", "\n")


def plain(text):
    """Without what moves the cursor or sets something off."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)
