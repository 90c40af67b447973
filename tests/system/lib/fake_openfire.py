# SPDX-License-Identifier: Apache-2.0
"""Runs the stand-in for Openfire and talks to it over its command lines."""

import json
import os
import pathlib
import subprocess
import threading

from support import PATIENCE_S

BUILD = pathlib.Path(os.environ.get("CM_BUILD", "build/asan")).resolve()
PROGRAM = BUILD / "tests" / "support" / "fake_openfire"
DOMAIN = "xmpp.example"
SECRET = "s3cr3t"


class NoSuchLink(RuntimeError):
    pass


class FakeOpenfire:
    """One server process. `directory` takes its log."""

    def __init__(self, directory, dialect="5.1", tls="disabled",
                 certificate=None, clients_tls="optional", port=0):
        command = [str(PROGRAM), "--dialect", dialect, "--tls", tls,
                   "--clients-tls", clients_tls, "--domain", DOMAIN,
                   "--secret", SECRET, "--port", str(port)]
        if certificate:
            command += ["--cert", certificate[0], "--key", certificate[1]]
        self.dialect = dialect
        self.log = pathlib.Path(directory) / "fake_openfire.log"
        self._lock = threading.Lock()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=log)
        words = self.process.stdout.readline().split()
        if not words or words[0] != b"ready":
            raise RuntimeError(f"no fake_openfire: {self.log.read_text()}")
        self.port, self.tls_port = int(words[1]), int(words[2])

    def command(self, line, seconds=PATIENCE_S):
        """One command, its one line of answer."""
        with self._lock:
            guard = threading.Timer(seconds, self.process.kill)
            guard.start()
            try:
                self.process.stdin.write(line.encode() + b"\n")
                self.process.stdin.flush()
                answer = self.process.stdout.readline().decode()
            finally:
                guard.cancel()
        if not answer:
            raise RuntimeError(f"no answer to `{line}`\n"
                               + self.log.read_text()[-4000:])
        if answer.startswith("error no such link"):
            raise NoSuchLink(line)
        if answer.startswith("error"):
            raise RuntimeError(f"{line}: {answer.strip()}")
        return answer

    def query(self, line):
        return json.loads(self.command(line))

    def stats(self):
        return self.query("stats")

    def links(self):
        return self.query("links")

    def sessions(self):
        return self.query("sessions")

    def judge(self):
        return self.query("judge")

    def wait(self, counter, relation, value, seconds=PATIENCE_S):
        """Returns when the counter is so; ends the server when it is late."""
        try:
            self.command(f"wait {counter} {relation} {value}", seconds)
        except (RuntimeError, BrokenPipeError) as error:
            raise AssertionError(f"{counter} never {relation} {value} "
                                 f"within {seconds} s") from error

    def stop(self):
        if self.process.poll() is None:
            try:
                self.process.stdin.close()
            except BrokenPipeError:
                pass
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()
        text = self.log.read_text()
        if self.process.returncode not in (0, -9) or "ERROR: " in text:
            raise AssertionError(
                f"fake_openfire ended with {self.process.returncode}\n{text}")
