#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The JSON Schema and the compiler agree on the golden cases.

A case that holds a file refused-by-schema has a document that the schema refuses; a case that `yett check`
accepts has none. (The schema knows forms and not the whole tree, so it accepts much that the compiler refuses.)
"""
import glob
import json
import os
import re
import sys

import jsonschema
import yaml

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))


class Loader(yaml.SafeLoader):
    """What an editor reads: YAML 1.2's core schema."""


Loader.yaml_implicit_resolvers = {}
for tag, pattern, first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"null|Null|NULL|~|", "nN~"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
):
    Loader.add_implicit_resolver("tag:yaml.org,2002:" + tag, re.compile("^(?:%s)$" % pattern), list(first) + [None] * (tag == "null"))


def documents(case):
    for path in sorted(glob.glob(case + "/tree/**/*.yaml", recursive=True)):
        try:
            with open(path, encoding="utf-8") as f:
                yield from ((path, d) for d in yaml.load_all(f, Loader))
        except (yaml.YAMLError, UnicodeDecodeError, ValueError):
            yield path, None


with open("schema/json/yett.schema.json", encoding="utf-8") as f:
    validator = jsonschema.Draft202012Validator(json.load(f))
n = failed = 0
for case in sorted(os.path.dirname(tree) for tree in glob.glob("tests/golden/*/tree")):
    if os.path.exists(case + "/refused-by-schema"):
        want = False
    elif open(case + "/expected", encoding="utf-8").read().endswith("\nexit 0\n"):
        want = True
    else:
        continue
    wrong = [(path, e) for path, d in documents(case) for e in validator.iter_errors(d)]
    n += 1
    good = bool(wrong) != want
    failed += not good
    print("%sok %d - %s is %s" % ("" if good else "not ", n, case, "accepted" if want else "refused"))
    for path, e in wrong if want else []:
        print("# %s: %s" % (path, e.message.splitlines()[0]))
print("1..%d" % n)
sys.exit(1 if failed or not n else 0)
