#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The running part of contrib/quickstart: a site, two clients, a story.

Needs a built cmanagerd and cmctl in the build directory CM_BUILD and the
packages of `contrib/setup quickstart`. What it starts ends with it.
"""

import asyncio
import json
import logging
import pathlib
import re
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "system" / "lib"))
# slixmpp says at import which string preparation it uses.
logging.disable(logging.WARNING)
from daemon import BUILD, Daemon  # noqa: E402
from foreign import Client  # noqa: E402
from go_sendxmpp import go_sendxmpp, send_once  # noqa: E402
from prosody_server import Prosody  # noqa: E402
from site_fixture import ProsodySite  # noqa: E402
from support import PATIENCE_S, free_port  # noqa: E402

CMCTL = BUILD / "master" / "cmctl" / "cmctl"
DOMAIN = "xmpp.example"
ALICE, BOB = f"alice@{DOMAIN}", f"bob@{DOMAIN}"
PASSWORDS = {"alice": "wonder", "bob": "builder"}

HELP = """
Now your own client. It must trust the certificate, or be told to ignore it,
and connect to the address below instead of asking the DNS for {domain}.

  address      127.0.0.1, port {plain} (STARTTLS) or {direct} (direct TLS)
  accounts     {alice} password {alice_password}
               {bob} password {bob_password}
  certificate  {certificate}
  logs         {logs}

Lines to paste.
{watch}
A client in a terminal; it asks whether to trust the certificate:

  profanity
  /connect {alice} server 127.0.0.1 port {plain}

Gajim: Add Account, Log In, {alice}; under Advanced Settings the host
127.0.0.1, port {plain}, type START TLS; then accept the certificate.

A listener for bob and a message to him, in two more terminals:

  SSL_CERT_FILE={certificate} \\
    go-sendxmpp -j 127.0.0.1:{plain} -u {bob} -p {bob_password} -l
  echo hello | SSL_CERT_FILE={certificate} \\
    go-sendxmpp -j 127.0.0.1:{plain} -u {alice} -p {alice_password} {bob}

Ctrl-C ends everything."""

WATCH = """
How the manager is:

  {cmctl} show info
  {cmctl} show links
  {cmctl} top
  curl -s http://127.0.0.1:{http}/ready
  curl -s http://127.0.0.1:{http}/metrics
"""


def say(text):
    print(f"quickstart: {text}", flush=True)


def stop_on(number, _):
    sys.exit(128 + number)


def control_of(site):
    return site.daemon.options["control.socket"]


def http_of(site):
    return site.daemon.options["http.port"]


def wait_for_links(site):
    """All that are configured are up: how many."""
    wanted = int(site.daemon.options["xmpp.manager.connections"])
    end = time.monotonic() + PATIENCE_S
    while True:
        shown = subprocess.run(
            [CMCTL, "-s", control_of(site), "-j", "show", "links"],
            capture_output=True, timeout=PATIENCE_S, check=True).stdout
        links = [json.loads(line) for line in shown.splitlines()]
        up = sum(link["state"] == "serving" for link in links)
        if up == wanted:
            return up
        if time.monotonic() > end:
            raise AssertionError(f"{up} of {wanted} links are up")
        time.sleep(0.05)


def describe(site):
    say(f"Prosody serves {DOMAIN}; managers connect to "
        f"127.0.0.1:{site.server.port}")
    if not site.daemon:
        say("no cmanagerd (CM_WITHOUT_MANAGER=1): clients talk to Prosody")
        return
    say(f"cmanagerd is up, process {site.daemon.process.pid} with "
        f"{len(site.daemon.children())} children, {wait_for_links(site)} "
        "links to Prosody")
    say(f"cmctl asks it at {control_of(site)}, and "
        f"http://127.0.0.1:{http_of(site)} has /metrics and /ready")
    say(f"clients connect to 127.0.0.1:{site.plain_port} (STARTTLS) or "
        f"{site.direct_port} (direct TLS)")
    say(f"accounts on the server: {ALICE}, {BOB}")


def connection_of(client):
    """TLS version and mechanism, as slixmpp sees them."""
    tls = client.transport.get_extra_info("ssl_object")
    mechanism = client["feature_mechanisms"].mech
    return f"{tls.version()} after STARTTLS, {mechanism.name}"


def account(site, user):
    return (f"{user}@{DOMAIN}", PASSWORDS[user], site.plain_port,
            site.certificate)


async def alice_to_bob(alice, listener):
    text = "Hello Bob, this is slixmpp: <&> grüße ✓"
    start = time.monotonic()
    alice.send_message(BOB, text, mtype="chat")
    await asyncio.to_thread(
        listener.expect, r"\S+ " + re.escape(f"{ALICE}: {text}"))
    say(f"bob   (go-sendxmpp) got from alice: {text!r} "
        f"after {1000 * (time.monotonic() - start):.0f} ms")


async def bob_to_alice(site, alice):
    text = "Hello Alice, this is go-sendxmpp: <&> grüße ✓"
    status, said = await asyncio.to_thread(
        send_once, *account(site, "bob"), ALICE, text)
    if status != 0:
        raise AssertionError(f"go-sendxmpp ended with {status}: {said}")
    got = await alice.next_message()
    if (got["body"].strip(), got["from"].bare) != (text, BOB):
        raise AssertionError(f"alice got something else: {got}")
    say(f"alice (slixmpp) got from bob: {text!r}")


async def converse(site):
    """Raises when anything is not as it should be."""
    alice = Client(*account(site, "alice"), resource="slixmpp")
    listener = go_sendxmpp(*account(site, "bob"), "--listen")
    try:
        await alice.login()
        say(f"alice logged in with slixmpp as {alice.boundjid}: "
            f"{connection_of(alice)}")
        await alice_to_bob(alice, listener)
        await bob_to_alice(site, alice)
        await alice.leave()
    finally:
        listener.stop()


def ways_to_watch(site):
    """Lines for a terminal in whatever folder."""
    return WATCH.format(cmctl=f"{CMCTL} -s {control_of(site)}",
                        http=http_of(site)) if site.daemon else ""


def stay(site):
    """Until a signal, or until one of the two ends."""
    print(HELP.format(
        watch=ways_to_watch(site),
        domain=DOMAIN, plain=site.plain_port, direct=site.direct_port,
        alice=ALICE, alice_password=PASSWORDS["alice"], bob=BOB,
        bob_password=PASSWORDS["bob"], certificate=site.certificate,
        logs=site.directory.name), flush=True)
    while True:
        parts = {"Prosody": site.server, "cmanagerd": site.daemon}
        for name, part in parts.items():
            if part and part.process.poll() is not None:
                raise AssertionError(f"{name} ended by itself: "
                                     f"{part.process.returncode}")
        time.sleep(0.5)


def stop(site, check):
    """False when something did not end in order."""
    say("stopping cmanagerd and Prosody")
    try:
        if site:
            site.stop(check)
        return True
    except AssertionError as error:
        say(f"FAILED: {error}")
        return False


def run(once):
    # Ctrl-C is for us alone: we stop one after the other.
    Daemon.spawn = Prosody.spawn = {"process_group": 0}
    site, failed = None, False
    try:
        site = ProsodySite(users=PASSWORDS,
                           options={"http.port": free_port()})
        if site.daemon:
            site.daemon.options["control.socket"] = \
                site.daemon.directory / "control"
        site.start()
        describe(site)
        asyncio.run(converse(site))
        say("both messages arrived: it works")
        if not once:
            stay(site)
    except KeyboardInterrupt:
        say("interrupted")
        failed = once
    except Exception as error:  # whatever it was, the logs tell more
        if site:
            site.show_logs()
        say(f"FAILED: {type(error).__name__}: {error}")
        failed = True
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        failed = not stop(site, check=not failed) or failed
    say("failed" if failed else "done")
    return 1 if failed else 0


def main():
    if sys.argv[1:] not in ([], ["--once"]):
        print("usage: contrib/quickstart [--once]", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, stop_on)
    signal.signal(signal.SIGHUP, stop_on)
    return run(once="--once" in sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
