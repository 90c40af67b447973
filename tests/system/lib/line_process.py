# SPDX-License-Identifier: Apache-2.0
"""A child process that says what happens in lines."""

import queue
import re
import subprocess
import threading
import time

from support import PATIENCE_S


class LineProcess:
    """`lines` keeps all that was said; expect() goes through it once."""

    def __init__(self, command, **options):
        self.name = str(command[0]).rsplit("/", 1)[-1]
        self.process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            encoding="utf-8", errors="replace", bufsize=1, **options)
        self.lines, self.unread = [], queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            self.unread.put(self.lines[-1])
        self.unread.put(None)

    def send(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def expect(self, pattern, seconds=PATIENCE_S):
        """The first line from here on that the pattern matches as a whole;
        those before it are dropped."""
        end = time.monotonic() + seconds
        while True:
            try:
                line = self.unread.get(
                    timeout=max(end - time.monotonic(), 0.001))
            except queue.Empty:
                raise AssertionError(self._story(
                    f"never said {pattern!r}")) from None
            if line is None:
                self.unread.put(None)
                raise AssertionError(self._story(
                    f"ended without {pattern!r}"))
            found = re.fullmatch(pattern, line)
            if found:
                return found

    def _story(self, what):
        return f"{self.name} {what}; it said:\n" + "\n".join(self.lines[-40:])

    def close_input(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass

    def wait(self, seconds=PATIENCE_S):
        """The exit status, once it ends by itself."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(self._story("does not end")) from None

    def stop(self, seconds=PATIENCE_S):
        """Ended for certain on return, with all it said in `lines`."""
        self.close_input()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.reader.join(seconds)
        self.process.stdout.close()
