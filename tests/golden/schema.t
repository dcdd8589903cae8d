#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`yett schema` is what schema/json/ ships, is a valid JSON Schema 2020-12, takes the examples and refuses what is wrong.

GOLDEN_UPDATE=1 writes the shipped file anew.
"""
import glob
import json
import os
import re
import subprocess
import sys

import jsonschema
import yaml

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
YETT = os.path.join(os.environ.get("B", "build"), "yett")
SHIPPED = "schema/json/yett.schema.json"


class Loader(yaml.SafeLoader):
    """What an editor reads: YAML 1.2's core schema, without timestamps, yes/no and base-60 numbers."""


Loader.yaml_implicit_resolvers = {}
for tag, pattern, first in (
    ("bool", r"true|false", "tf"),
    ("null", r"null|~|", "n~"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?[0-9]+\.[0-9]+", "-+0123456789"),
):
    Loader.add_implicit_resolver("tag:yaml.org,2002:" + tag, re.compile("^(?:%s)$" % pattern), list(first))


BAD = """
kind: Nonsense
name: x
---
kind: User
---
kind: User
name: Anna Maria
---
kind: User
name: a
colour: blue
---
kind: Device
name: d
owner: a
public_key: short
addresses: [10.7.0.2]
---
kind: Device
name: d
public_key: 9lI9yVPGLZkXN3WGpXNSF+tEhI0pHJ8M1l4e1fQRE2I=
addresses: 10.7.0.2
---
kind: Policy
name: p
from: []
to: [any]
---
kind: Policy
name: p
from: [any]
---
kind: Policy
name: p
action: permit
from: [any]
to: [any]
---
kind: Policy
name: p
from: [any]
to: [any]
priority: 1001
---
kind: Policy
name: p
from: [any]
to: [any]
ports: [https]
---
kind: Policy
name: p
from: [any]
to: [any]
when: {days: [monday]}
---
kind: Gateway
name: g
site: s
endpoint: vpn.example.com:51820
public_key: 9lI9yVPGLZkXN3WGpXNSF+tEhI0pHJ8M1l4e1fQRE2I=
addresses: [10.7.0.1]
state: asleep
---
kind: Network
name: n
pools: [10.7.0.0/24]
mtu: 100000
---
kind: Resource
name: r
addresses: []
ports: [null]
"""

results = []


def result(good, name, why=""):
    results.append(good)
    print("%sok %d - %s" % ("" if good else "not ", len(results), name))
    for line in str(why).splitlines() if not good else []:
        print("# " + line)


text = subprocess.run([YETT, "schema"], check=True, stdout=subprocess.PIPE).stdout
if os.environ.get("GOLDEN_UPDATE") == "1":
    os.makedirs(os.path.dirname(SHIPPED), exist_ok=True)
    with open(SHIPPED, "wb") as f:
        f.write(text)
shipped = open(SHIPPED, "rb").read() if os.path.exists(SHIPPED) else b""
result(shipped == text, "the shipped schema is up to date", "run make golden-update")

schema = json.loads(text)
result(schema.get("$schema") == "https://json-schema.org/draft/2020-12/schema", "it says that it is 2020-12")
try:
    jsonschema.Draft202012Validator.check_schema(schema)
    result(True, "it is a valid schema")
except jsonschema.SchemaError as e:
    result(False, "it is a valid schema", e.message)

validator = jsonschema.Draft202012Validator(schema)
for example in sorted(glob.glob("examples/*/tree")):
    wrong = []
    for path in sorted(glob.glob(example + "/**/*.yaml", recursive=True)):
        for document in yaml.load_all(open(path), Loader):
            wrong += ["%s: %s: %s" % (path, document.get("name"), e.message) for e in validator.iter_errors(document)]
    result(not wrong, example + " is accepted", "\n".join(wrong[:20]))
for i, document in enumerate(yaml.load_all(BAD, Loader), 1):
    result(not validator.is_valid(document), "bad document %d is refused" % i, json.dumps(document))

print("1..%d" % len(results))
sys.exit(0 if all(results) else 1)
