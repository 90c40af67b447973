#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Debian package: built, judged by lintian, and taken through its life in
a copy of this system that is thrown away afterwards."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("CM_BUILD", "build/asan")).resolve()

# $1: where it all lies. What is written goes to a layer of its own; processes
# and mounts end with the last command.
COPY = """
cd "$1"
mkdir upper work root
mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=work root
mount -t proc proc root/proc
mount --rbind /dev root/dev
mount -t tmpfs tmpfs root/run
cp first.deb second.deb life.sh root/var/tmp
exec chroot root sh -eux /var/tmp/life.sh
"""

LIFE = """
export DEBIAN_FRONTEND=noninteractive
runs() { pgrep -f "^cmanagerd: master" >/dev/null; }
no() { if "$@"; then exit 1; fi; }
rm -f /usr/sbin/policy-rc.d /sbin/runlevel
printf '#!/bin/sh\\necho N 2\\n' >/sbin/runlevel # of an init that is not there
chmod 0755 /sbin/runlevel
no getent passwd cmanager

# Installed with a configuration to be filled in, not started, and it says so.
dpkg -i /var/tmp/first.deb >/var/tmp/said 2>&1
cat /var/tmp/said
grep 'not started: its configuration is not complete' /var/tmp/said
grep '/etc/cmanager/manager.xml' /var/tmp/said
getent passwd cmanager
no runs
cmanagerd -V
no cmctl help
for page in man8/cmanagerd.8 man1/cmctl.1 man5/manager.xml.5; do
	test -e /usr/share/man/$page.gz
done
test -e /usr/share/cmanager/fail2ban/filter.d/cmanager.conf
test -e /usr/share/cmanager/fail2ban/jail.d/cmanager.conf
test -e /lib/systemd/system/cmanagerd.service
test -e /lib/systemd/system/cmanagerd.socket
test "$(stat -c %a:%U /etc/cmanager)" = 750:root
test "$(stat -c %a:%U /etc/cmanager/manager.xml)" = 640:root
test "$(stat -c %a /var/lib/cmanager)" = 700
test -d /run/cmanager/empty
no cmanagerd -t

# What it asks for is enough: without syslog, without an init, one command.
fill() {
	sed -e 's|<domain></domain>|<domain>xmpp.example</domain>|' \
		-e 's|<password></password>|<password>x</password>|' "$1"
}
cp /etc/cmanager/manager.xml /var/tmp/empty.xml
fill /var/tmp/empty.xml >/etc/cmanager/manager.xml
cmanagerd -t
no test -e /dev/log
rm -rf /run/cmanager
/etc/init.d/cmanagerd start
cmctl show info
test "$(ps -o user= -p "$(pgrep -d, -f '^cmanagerd: ')" | sort -u |
	tr -d ' \n')" = cmanagerroot
/etc/init.d/cmanagerd stop

# Its sample is good once the two that are needed are said. Configured and
# started it runs on through an upgrade, as configured.
sample=$(find /usr/share/doc/cmanager -name 'manager.xml*')
case $sample in
*.gz) zcat "$sample" ;;
*) cat "$sample" ;;
esac >/var/tmp/whole.xml
fill /var/tmp/whole.xml >/var/tmp/sample.xml
cmanagerd -t -c /var/tmp/sample.xml
cat >/etc/cmanager/manager.xml <<'end'
<jive>
  <xmpp>
    <domain>xmpp.example</domain>
    <password>x</password>
    <hostname>127.0.0.1</hostname>
    <manager><name>cm</name></manager>
  </xmpp>
  <user>cmanager</user>
  <chroot>/run/cmanager/empty</chroot>
  <log>
    <target>file</target>
    <file>/var/log/cmanager/cmanager.log</file>
  </log>
</jive>
end
systemd-tmpfiles --create /usr/lib/tmpfiles.d/cmanager.conf
cmanagerd -t
/etc/init.d/cmanagerd start
/etc/init.d/cmanagerd status
processes=$(pgrep -d, -f '^cmanagerd: ')
test "$(ps -o user= -p "$processes" | sort -u | tr -d ' \\n')" = cmanagerroot
before=$(cat /run/cmanager/cmanagerd.pid)
cp /etc/cmanager/manager.xml /var/tmp/kept.xml
echo '# of the site' >>/etc/logrotate.d/cmanager
dpkg --force-confold -i /var/tmp/second.deb
/etc/init.d/cmanagerd status
test "$before" != "$(cat /run/cmanager/cmanagerd.pid)"
cmp /var/tmp/kept.xml /etc/cmanager/manager.xml
grep 'of the site' /etc/logrotate.d/cmanager

# An upgrade that finds a configuration it cannot use says what is wrong with it
# and leaves alone what runs.
before=$(cat /run/cmanager/cmanagerd.pid)
sed -i 's|<domain>.*</domain>||' /etc/cmanager/manager.xml
dpkg --force-confold -i /var/tmp/second.deb >/var/tmp/said 2>&1
cat /var/tmp/said
grep 'its configuration cannot be used' /var/tmp/said
grep 'xmpp.domain is missing' /var/tmp/said
no grep 'not complete' /var/tmp/said
test "$before" = "$(cat /run/cmanager/cmanagerd.pid)"
cp /var/tmp/kept.xml /etc/cmanager/manager.xml

# Under systemd nothing is started either where a policy forbids it.
mkdir -p /run/systemd/system
printf '#!/bin/sh\\necho "$*" >>/var/tmp/asked\\n' >/usr/bin/systemctl
printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d
chmod 0755 /usr/sbin/policy-rc.d
dpkg --force-confold -i /var/tmp/second.deb
no grep restart /var/tmp/asked
rm /usr/sbin/policy-rc.d
dpkg --force-confold -i /var/tmp/second.deb
grep 'restart cmanagerd.service' /var/tmp/asked
rmdir /run/systemd/system

# Removed: settings stay, and are used again. Purged: nothing does.
dpkg -r cmanager
no runs
test ! -e /usr/sbin/cmanagerd
test -e /etc/cmanager/manager.xml
dpkg -i /var/tmp/second.deb
runs
dpkg -P cmanager
no runs
no getent passwd cmanager
no getent group cmanager
for path in /etc/cmanager /var/lib/cmanager /var/log/cmanager /run/cmanager \\
	/usr/share/cmanager /etc/init.d/cmanagerd /etc/logrotate.d/cmanager /usr/bin/cmctl; do
	test ! -e $path
done
"""


class Package(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="cm-package-",
                                                dir="/var/tmp")
        self.addCleanup(directory.cleanup)
        self.folder = pathlib.Path(directory.name)

    def run_quietly(self, *command, **further):
        done = subprocess.run(command, capture_output=True, text=True,
                              check=False, cwd=self.folder, **further)
        self.assertEqual(done.returncode, 0,
                         f"{command}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def build(self):
        made = self.run_quietly(str(ROOT / "contrib" / "package"),
                                str(BUILD / "package")).splitlines()[-1]
        first = self.folder / "first.deb"
        first.write_bytes((ROOT / made).read_bytes())
        return first

    def make_next(self, first):
        """The same, as a later version."""
        self.run_quietly("dpkg-deb", "-R", str(first), "parts")
        control = self.folder / "parts" / "DEBIAN" / "control"
        control.write_text(re.sub(r"(?m)^(Version: .*)$", r"\1+next",
                                  control.read_text()))
        self.run_quietly("dpkg-deb", "--root-owner-group", "-b", "parts",
                         "second.deb")

    @unittest.skipIf(os.geteuid() != 0, "only root can install")
    def test_its_life(self):
        first = self.build()
        said = self.run_quietly("lintian", "--allow-root", "--fail-on",
                                "error", str(first))
        print(said)
        self.make_next(first)
        (self.folder / "life.sh").write_text(LIFE)
        self.run_quietly("unshare", "--mount", "--pid", "--fork",
                         "--kill-child", "sh", "-eu", "-c", COPY, "copy",
                         str(self.folder), timeout=500)


if __name__ == "__main__":
    unittest.main()
