# SPDX-License-Identifier: Apache-2.0
"""What the foreign clients have in common: commands are lines on standard
input, events are lines on standard output.

    CLIENT --jid JID --password WORD --port PORT --authority FILE [--direct]

Commands: message JID TEXT | ping | roster | quit; the end of input is quit.
Events: connected JID | message FROM TEXT | pong | roster COUNT |
failed WHAT | ended."""

import argparse
import asyncio
import sys


def options(arguments):
    parser = argparse.ArgumentParser()
    for name in ("--jid", "--password", "--authority"):
        parser.add_argument(name, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--direct", action="store_true")
    return parser.parse_args(arguments)


def report(*words):
    print(*words, flush=True)


def words_of(line):
    return line.rstrip("\n").split(" ", 2)


async def commands():
    """Each as its words, until the last."""
    reader = asyncio.StreamReader()
    await asyncio.get_event_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := (await reader.readline()).decode():
        words = words_of(line)
        if words[0] == "quit":
            return
        yield words
