# SPDX-License-Identifier: Apache-2.0
"""A scene whose daemon is asked and told things on its control socket."""

import json
import pathlib
import socket
import subprocess

from daemon import BUILD
from scene import Scene
from support import PATIENCE_S, certificate


class OperatorScene(Scene):
    """begin_operated() instead of begin(); options are paths of manager.xml,
    `server` is for the server."""

    CMCTL = str(BUILD / "master" / "cmctl" / "cmctl")

    def begin_operated(self, server=None, **options):
        self.path = f"{self.directory.name}/control"
        return self.begin(
            options={"control.socket": self.path, **options}, **server or {})

    def cmctl(self, *words, code=0):
        done = subprocess.run(
            [self.CMCTL, "-s", self.path, *words], timeout=PATIENCE_S,
            capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, code, (words, done))
        return done.stderr if code else done.stdout

    def info(self):
        return self.objects("show", "info")[0]

    def rows(self, *words):
        """Of a list that `show` makes, narrowed down by further words."""
        return self.objects("show", *words)

    def objects(self, *words):
        """The answer, an object on each line."""
        return [json.loads(line)
                for line in self.cmctl("-j", *words).splitlines()]

    def answer(self, line):
        """What the socket itself says, a decoded line each."""
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(PATIENCE_S)
            peer.connect(self.path)
            peer.sendall(f"{line}\n".encode())
            with peer.makefile("rb") as said:
                lines = [json.loads(said.readline())]
                while not {"ok", "error"} & lines[-1].keys():
                    lines.append(json.loads(said.readline()))
        return lines

    def reload(self, **options):
        """With these options; what the answer says."""
        self.daemon.options.update(options)
        self.daemon.write()
        return self.objects("reload")[0]

    def another_certificate(self, name="xmpp.example"):
        """Not the daemon's: the paths of certificate and key."""
        folder = pathlib.Path(self.directory.name) / "other"
        folder.mkdir(exist_ok=True)
        return list(certificate(folder, name))
