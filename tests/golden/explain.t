#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""docs/diagnostics.md is what `yett explain` makes of the table of codes, and each YAML example there behaves as it says.

GOLDEN_UPDATE=1 writes the page anew.
"""
import concurrent.futures
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
YETT = os.path.realpath(os.path.join(os.environ.get("B", "build"), "yett"))
PAGE = "docs/diagnostics.md"
NOW = "2030-01-08T12:00:00Z"


def documents(text):
    """The documents of a file by (kind, name), as text."""
    found = {}
    for part in re.split(r"(?m)^---\n", text):
        kind = re.search(r"(?m)^kind: (\S+)$", part)
        name = re.search(r"(?m)^name: (\S+)$", part)
        found[(kind and kind.group(1), name and name.group(1), part)] = part
    return found


BASE = {}
for path in sorted(glob.glob("examples/quickstart/tree/**/*.yaml", recursive=True)):
    with open(path, encoding="utf-8") as file:
        BASE.update(documents(file.read()))


def check(example):
    """Exit status and codes of the base tree with the example in it."""
    with tempfile.TemporaryDirectory() as folder:
        mine = {key[:2] for key in documents(example)}
        rest = [text for key, text in BASE.items() if key[:2] not in mine and key[0] != "Test"]
        with open(folder + "/base.yaml", "w", encoding="utf-8") as file:
            file.write("---\n".join(rest))
        with open(folder + "/example.yaml", "w", encoding="utf-8") as file:
            file.write(example)
        done = subprocess.run(
            [YETT, "check", "-C", folder, "--at", NOW], capture_output=True, text=True, check=False
        )
        return done.returncode, set(re.findall(r"\[([EW]_[A-Z0-9_]+)\]$", done.stderr, re.M)), done.stderr


def judge(row):
    """What is wrong with the row's examples, as lines."""
    wrong = []
    if not row["compiled"]:
        return wrong
    status, codes, said = check(row["bad"])
    if codes != {row["code"]}:
        wrong.append("its bad example gives %s" % (", ".join(sorted(codes)) or "nothing"))
        wrong += said.splitlines()
    if status != (1 if row["severity"] == "error" else 0):
        wrong.append("its bad example ends with %d" % status)
    status, codes, said = check(row["good"])
    if status != 0 or codes:
        wrong.append("its good example ends with %d" % status)
        wrong += said.splitlines()
    return wrong


def main():
    rows = json.loads(subprocess.check_output([YETT, "explain", "--all", "--format", "json"]))
    page = subprocess.check_output([YETT, "explain", "--all", "--format", "markdown"], text=True)
    if os.environ.get("GOLDEN_UPDATE"):
        with open(PAGE, "w", encoding="utf-8") as file:
            file.write(page)
    with open(PAGE, encoding="utf-8") as file:
        same = file.read() == page
    print("1..%d" % (len(rows) + 1))
    print("%sok 1 - %s is what the table of codes makes it (make golden-update)" % ("" if same else "not ", PAGE))
    failed = not same
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for n, (row, wrong) in enumerate(zip(rows, pool.map(judge, rows)), 2):
            print("%sok %d - %s: the examples" % ("not " if wrong else "", n, row["code"]))
            for line in wrong:
                print("#   " + line)
            failed = failed or bool(wrong)
    return failed


sys.exit(main())
