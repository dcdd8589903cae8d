#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What is warned of as shadowed or dead can go: without all those policies at once, no access of a random tree changes."""
import json
import os
import re
import subprocess
import sys
import tempfile

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
YETT = os.path.realpath(os.path.join(os.environ.get("B", "build"), "yett"))
SEEDS = range(1, 31)
ENV = dict(os.environ, GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_NOSYSTEM="1", GIT_AUTHOR_NAME="t", GIT_COMMITTER_NAME="t",
           GIT_AUTHOR_EMAIL="t@example.com", GIT_COMMITTER_EMAIL="t@example.com")


def yett(*args):
    done = subprocess.run([YETT, *args], capture_output=True, text=True, check=False, env=ENV)
    if done.returncode != 0:
        raise RuntimeError("yett %s: %s%s" % (" ".join(args), done.stdout, done.stderr))
    return json.loads(done.stdout)


def idle_policies(folder):
    """Files of the policies that are warned of: randtree writes one a file."""
    for said in yett("check", "-C", folder, "--format", "json"):
        if said["code"] in ("W_SHADOWED", "W_DEAD_POLICY"):
            yield re.search(r"policy (\S+)", said["message"]).group(1), os.path.join(folder, said["file"])


def judge(seed):
    """How many policies went, and what changed thereby."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["/usr/bin/python3", "tests/e2e/randtree.py", str(seed), folder, "windows"], check=True)
        for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
            subprocess.run(["git", "-C", folder] + command, check=True, env=ENV)
        gone = list(idle_policies(folder))
        for _, path in gone:
            os.unlink(path)
        answer = yett("diff", "-C", folder, "main", "--format", "json")
        return [name for name, _ in gone], answer["access"]


def main():
    failed = total = 0
    print("1..%d" % (len(SEEDS) + 1))
    for n, seed in enumerate(SEEDS, 1):
        gone, changes = judge(seed)
        total += len(gone)
        print("%sok %d - seed %d: %d policies that others decide can go" % ("not " if changes else "", n, seed, len(gone)))
        if changes:
            failed += 1
            print("#   without %s: %s" % (", ".join(gone), json.dumps(changes)[:600]))
    print("%sok %d - there were some: %d" % ("" if total >= 10 else "not ", len(SEEDS) + 1, total))
    return failed > 0 or total < 10


sys.exit(main())
