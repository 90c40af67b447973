#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients that try to take what others need. As a program:

    attackers.py ATTACK PORT

attacks until its standard input ends, having said `at it` when the attack is
in full swing, and ends with a line of what it did."""

import os
import select
import socket
import sys
import time

from xmpp_client import Client, HEADER

# Together they let more wait than one worker may.
SLOW_READERS = 130
POISON = "sharp-as-a-poisoned-needle"


def is_over():
    return bool(select.select([sys.stdin], [], [], 0)[0])


def wait_for_the_end():
    sys.stdin.read()


def report(text):
    print(text, flush=True)


def connect(port, receive_bytes=None):
    made = socket.socket()
    if receive_bytes:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    made.connect(("127.0.0.1", port))
    made.setblocking(False)
    return made


def push(made, data):
    """Bytes sent; None when the connection is over."""
    try:
        return made.send(data)
    except BlockingIOError:
        return 0
    except OSError:
        return None


def errors_unread(port):
    """Asks for errors, 10 MB of questions a connection, and reads none."""
    words, rounds, sent, said = b"<iq/>" * 4000, 0, 0, False
    while not is_over():
        made = connect(port, 4096)
        push(made, HEADER.encode())
        left = 10 * 1000 * 1000
        while left > 0 and not is_over():
            count = push(made, words)
            if count is None:
                break
            left -= count
            sent += count
            if count == 0:
                time.sleep(0.002)
            if not said and sent > 100000:
                said = True
                report("at it")
        made.close()
        rounds += 1
    report(f"{rounds} connections, {sent} bytes of questions")


def slow_readers(port):
    """Logged in, and reading nothing of what the server has for them."""
    kept = []
    for n in range(SLOW_READERS):
        client = Client(port)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.login(f"slow{n}")
        kept.append(client)
    report("at it")
    wait_for_the_end()
    report(f"{len(kept)} clients that do not read")


def poisoner(port):
    """Sends what the server ends its links at."""
    client = Client(port)
    client.login("poisoner")
    client.send(f"<presence><status>{POISON}</status></presence>")
    report("at it")
    ended = client.ends(60)
    wait_for_the_end()
    report(f"one element; its stream {'was ended' if ended else 'went on'}")


def odd_headers(port):
    """Logged in, idle, each with one more namespace in its headers: that of
    all others, or one of its own."""
    kept = []
    for n in range(4400):
        name = "urn:odd" if n % 2 else f"urn:odd:{n}"
        header = HEADER.replace(" to=", f" xmlns:odd='{name}' to=", 1)
        client = Client(port)
        client.login(f"odd{n}", header=header)
        kept.append(client)
        if is_over():
            break
    report("at it")
    wait_for_the_end()
    report(f"{len(kept)} clients with a namespace more")


def half_stanzas(port):
    """Not logged in, each in the midst of a stanza."""
    start = HEADER.encode() + b"<iq id='" + b"x" * 1000
    kept, said = [], False
    while not is_over():
        if len(kept) < 4400:
            made = connect(port)
            push(made, start)
            kept.append(made)
        elif not said:
            said = True
            report("at it")
        else:
            time.sleep(0.05)
    report(f"{len(kept)} clients in the midst of a stanza")


def drippers(port):
    """Logged in; a long value, a byte at a time."""
    kept = []
    for n in range(8):
        client = Client(port)
        client.login(f"drip{n}")
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.send("<message a='" + "x" * 120000)
        kept.append(client)
    report("at it")
    sent = 0
    while not is_over():
        for client in kept:
            try:
                client.socket.send(b"x")
                sent += 1
            except OSError:
                pass
        time.sleep(0.0002)
    report(f"{sent} bytes, one at a time")


ATTACKS = {attack.__name__: attack for attack in (
    errors_unread, odd_headers, half_stanzas, drippers, poisoner,
    slow_readers)}

if __name__ == "__main__":
    os.nice(10)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    ATTACKS[sys.argv[1]](int(sys.argv[2]))
