#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the manual page and the package tell people to write is taken."""

import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "system" / "lib"))
from daemon import program  # noqa: E402
from support import PATIENCE_S, certificate  # noqa: E402

PAGE = ROOT / "conf" / "manager.xml.5"


class Examples(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.folder = pathlib.Path(directory.name)

    def judge(self, text):
        """What `cmanagerd -t` says of it, which is good."""
        path = self.folder / "manager.xml"
        path.write_text(text.replace("<user>cmanager<", "<user>nobody<"))
        path.chmod(0o640)
        done = subprocess.run(
            [program(), "-t", "-c", path], capture_output=True, text=True,
            timeout=PATIENCE_S, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr

    def test_the_configurations_of_the_manual_are_good(self):
        cert, key = certificate(self.folder, "example.org")
        pathlib.Path(cert).rename(self.folder / "example.org.pem")
        pathlib.Path(key).rename(self.folder / "example.org.key")
        examples = re.findall(r"(?s)^\.Bd -literal\n(<\?xml.*?)^\.Ed",
                              PAGE.read_text(), re.MULTILINE)
        self.assertEqual(len(examples), 2)
        for example in examples:
            with self.subTest(example):
                self.assertNotIn("unknown", self.judge(
                    example.replace("\\-", "-")))

    def test_the_package_s_configuration_needs_two_values(self):
        text = (ROOT / "contrib" / "debian" / "manager.xml").read_text()
        text = re.sub(r"<chroot>.*</chroot>", "", text)
        for name, value in (("domain", "example.org"), ("password", "x")):
            text = text.replace(f"<{name}></{name}>",
                                f"<{name}>{value}</{name}>")
        self.judge(text)

    def test_prosody_s_module_is_installed_as_its_readme_says(self):
        """Debian's package makes no folder for plugins."""
        module = ROOT / "contrib" / "prosody"
        command, place = re.search(
            r"(?m)^ +(install .* (?:-t )?(/usr/local\S+).*)$",
            (module / "README.md").read_text()).groups()
        subprocess.run(
            ["sh", "-c", command.replace("/usr/local", str(self.folder))],
            cwd=module, timeout=PATIENCE_S, check=True)
        place = pathlib.Path(place.replace("/usr/local", str(self.folder)))
        self.assertTrue((place / "mod_connection_manager.lua").is_file())


if __name__ == "__main__":
    unittest.main()
