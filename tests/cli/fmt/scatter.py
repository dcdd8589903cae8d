#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Writes comments, blank lines and other indentation into the files of a tree, where YAML lets them stand and they change
nothing. scatter.py SEED TREE.
"""
import glob
import random
import re
import sys

import yaml

SEED, TREE = sys.argv[1:3]
rnd = random.Random(SEED)


def scatter(text):
    out = []
    for line in text.splitlines():
        for _ in range(rnd.choice([0, 0, 0, 1, 2])):
            out.append(rnd.choice(["", " " * rnd.randint(0, 6) + "# %d: note, [x]" % rnd.randint(0, 999)]))
        if re.search(r"(:|[^\"'>|])$", line) and rnd.random() < 0.2:
            line += rnd.choice(["  # behind", " #x", "   "])
        out.append(line)
    return "\n".join(out) + rnd.choice(["\n", "", "\n\n\n", "\n# end\n"])


for path in sorted(glob.glob(TREE + "/**/*.y*ml", recursive=True)):
    with open(path, encoding="utf-8") as f:
        before = f.read()
    for _ in range(20):
        after = scatter(before)
        try:
            same = list(yaml.load_all(after, Loader=yaml.BaseLoader)) == list(yaml.load_all(before, Loader=yaml.BaseLoader))
        except yaml.YAMLError:
            same = False
        if same:
            break
    else:
        after = before
    with open(path, "w", encoding="utf-8") as f:
        f.write(after)
