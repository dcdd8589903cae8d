#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
The same tree written another way: documents dealt out to other files under other names and folders, in another
order, their fields in another order, plain scalars quoted. shuffle.py SEED FROM TO.
"""
import glob
import os
import random
import sys

import yaml

SEED, FROM, TO = sys.argv[1:4]


class Quoted(str):
    pass


def quote(value, rnd):
    if isinstance(value, dict):
        items = list(value.items())
        rnd.shuffle(items)
        return {k: quote(v, rnd) for k, v in items}
    if isinstance(value, list):
        return [quote(v, rnd) for v in value]  # a list keeps its order: it is data
    return Quoted(value) if rnd.random() < 0.5 else value


def represent_quoted(dumper, data):
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(data), style='"')


class Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data):
        return True

    def represent_plain(self, data):
        return self.represent_scalar("tag:yaml.org,2002:str", data)


Dumper.add_representer(Quoted, represent_quoted)
Dumper.add_representer(str, Dumper.represent_plain)


def main():
    rnd = random.Random(SEED)
    docs = []
    for path in sorted(glob.glob(FROM + "/**/*.yaml", recursive=True)):
        with open(path, encoding="utf-8") as f:
            docs += [d for d in yaml.load_all(f, Loader=yaml.BaseLoader) if d]
    if not docs:
        sys.exit("no documents below " + FROM)
    rnd.shuffle(docs)
    files = {}
    for d in docs:
        name = "%s/%d.%s" % (rnd.choice(["a", "b/c", "zz", "Q"]), rnd.randint(0, 9), rnd.choice(["yaml", "yml"]))
        files.setdefault(name, []).append(quote(d, rnd))
    for name, part in files.items():
        path = os.path.join(TO, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            yaml.dump_all(part, f, Dumper=Dumper, sort_keys=False, allow_unicode=True)


main()
