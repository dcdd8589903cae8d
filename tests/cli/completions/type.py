#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Types keys into a shell on a terminal until its output holds a text. type.py COMMAND KEYS TEXT."""
import os
import pty
import re
import select
import sys
import time

COMMAND, KEYS, TEXT = sys.argv[1:4]
LIMIT_S = 20

pid, fd = pty.fork()
if pid == 0:
    os.environ.update(TERM="dumb", COLUMNS="400", LINES="50")
    os.execvp("/bin/sh", ["sh", "-c", "stty cols 400 rows 50; exec " + COMMAND])

seen = ""
end = time.monotonic() + LIMIT_S


def read_until(done, quiet_s):
    """Until done() or, when that is given, nothing came for a while."""
    global seen
    last = time.monotonic()
    while time.monotonic() < end and not done():
        if select.select([fd], [], [], 0.05)[0]:
            try:
                part = os.read(fd, 65536)
            except OSError:
                return
            seen += part.decode(errors="replace")
            last = time.monotonic()
        elif quiet_s and time.monotonic() - last > quiet_s:
            return


def plain():
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen).replace("\r", "")


read_until(lambda: "> " in seen, None)
for key in re.findall(r"\\.|[^\\]+", KEYS):
    os.write(fd, {"\\t": b"\t", "\\n": b"\r"}.get(key, key.encode()))
    # A completion takes a moment, and what is typed into it is lost on some shells.
    read_until(lambda: False, 0.5 if key == "\\t" else 0.05)
read_until(lambda: TEXT in plain(), None)
os.close(fd)
if TEXT not in plain():
    sys.exit("not seen: %s\nbut: %r" % (TEXT, plain()))
