# SPDX-License-Identifier: Apache-2.0
"""go-sendxmpp as a client: sends one message, or listens."""

import contextlib
import os

from line_process import LineProcess


def go_sendxmpp(jid, password, port, certificate, *arguments, direct=False):
    """Running; it trusts `certificate` and nothing else."""
    return LineProcess(
        ["go-sendxmpp", "--username", jid, "--password", password,
         "--jserver", f"127.0.0.1:{port}", *(["--tls"] if direct else []),
         *arguments],
        env={**os.environ, "SSL_CERT_FILE": str(certificate),
             "SSL_CERT_DIR": "/nonexistent", "HOME": "/nonexistent"})


def send_once(jid, password, port, certificate, to, text, direct=False):
    """Logs in, sends, logs out: the exit status and what was said. One that is
    refused may have ended before it is told the text."""
    sender = go_sendxmpp(jid, password, port, certificate, to, direct=direct)
    try:
        with contextlib.suppress(BrokenPipeError):
            sender.send(text)
        sender.close_input()
        return sender.wait(), sender.lines
    finally:
        sender.stop()
