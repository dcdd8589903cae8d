#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The reference of the language: its tables from the rows of schema/, its manual page from the reference.

    language.py [--update]

docs/language.md is written by hand but for what stands between <!-- fields: NAME --> and <!-- end -->, which is what
`yett schema --format=markdown` says under NAME. docs/man/yett-language.5 is made from docs/language.md as a whole. Without
--update it says what is stale and ends with 1. B is the build folder.
"""
import os
import re
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
YETT = os.path.join(ROOT, os.environ.get("B", "build"), "yett")
PAGE = os.path.join(ROOT, "docs", "language.md")
MANUAL = os.path.join(ROOT, "docs", "man", "yett-language.5")
MARKED = re.compile(r"(<!-- fields: (\w+) -->\n).*?(<!-- end -->\n)", re.DOTALL)


def tables():
    """NAME -> the lines of its table."""
    text = subprocess.run([YETT, "schema", "--format=markdown"], capture_output=True, text=True, check=True).stdout
    out = {}
    for section in text.split("### ")[1:]:
        name, rest = section.split("\n", 1)
        out[name] = "".join(line + "\n" for line in rest.split("\n") if line.startswith("|"))
    return out


def with_tables(page, of):
    return MARKED.sub(lambda m: m[1] + of[m[2]] + m[3], page)


def examples(page):
    """The YAML of a page, block by block."""
    return re.findall(r"^```yaml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)


# ---- the manual page ----

def escape(text):
    return text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")


def inline(text):
    """Code and bold as bold, emphasis as italics, links as their text."""
    text = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", text).replace("\\|", "|")
    out = []
    for i, part in enumerate(re.split(r"\*\*`([^`]+)`\*\*|`([^`]+)`|\*\*([^*]+)\*\*|\*([^*]+)\*", text)):
        if part:
            font = " BBBI"[i % 5]
            out.append(escape(part) if font == " " else "\\f%s%s\\fR" % (font, escape(part)))
    return "".join(out)


def line_of(text):
    text = inline(text)
    return "\\&" + text if text[:1] in ".'" else text


def table_rows(lines):
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return rows[0], rows[2:]


def table(lines):
    head, rows = table_rows(lines)
    out = []
    for row in rows:
        out += [".TP", line_of(row[0])]
        if head[0] == "field":
            value = "required; " if row[0].startswith("**") else ""
            value += row[1] + ("; default " + row[2] if row[2] else "")
            out += [line_of("(%s)" % value) if value else "\\&", ".br", line_of(row[3])]
        else:
            named = [("%s: %s" % (h, cell) if len(row) > 2 else cell) for h, cell in zip(head[1:], row[1:]) if cell]
            out.append(line_of("; ".join(named)) or "\\&")
    return out + [".PP"]


def code(lines):
    return [".IP", ".EX"] + [("\\&" if line[:1] in (".", "'") else "") + escape(line) for line in lines] + [".EE", ".PP"]


def items(lines):
    """A list: an item goes on in lines that are indented."""
    out = []
    for line in lines:
        m = re.match(r"(-|\d+\.) +(.*)", line)
        if m:
            out += [".IP %s" % ("\\(bu 2" if m[1] == "-" else m[1] + " 4"), line_of(m[2])]
        else:
            out.append(line_of(line.strip()))
    return out + [".PP"]


def block(lines):
    first = lines[0]
    if first.startswith("```"):
        return code(lines[1:-1])
    if first.startswith("### "):
        return [".SS " + inline(first[4:])]
    if first.startswith("## "):
        return [".SH " + inline(first[3:]).upper().replace("\\FB", "\\fB").replace("\\FR", "\\fR")]
    if first.startswith("|"):
        return table(lines)
    if re.match(r"(-|\d+\.) ", first):
        return items(lines)
    return [".PP"] + [line_of(line) for line in lines]


def blocks(page):
    lines, fenced = [], False
    for line in page.split("\n"):
        if line.startswith("```"):
            fenced = not fenced
        ends = not fenced and (not line or line.startswith("<!--") or line.startswith("#"))
        if ends and lines:
            yield lines
            lines = []
        if line.startswith("#") and not fenced:
            yield [line]
        elif line and not line.startswith("<!--") or fenced:
            lines.append(line)
    if lines:
        yield lines


def manual(page):
    body = page.split("\n", 1)[1]
    out = [
        '.\\" SPDX-License-Identifier: Apache-2.0',
        '.\\" Made from docs/language.md by contrib/manual/language.py; make golden-update makes it again.',
        '.TH YETT\\-LANGUAGE 5 "" "yett" "File Formats"',
        ".SH NAME",
        "yett\\-language \\- the YAML of a policy tree",
        ".SH DESCRIPTION",
    ]
    for lines in blocks(body):
        made = block(lines)
        if out[-1] == ".PP" and made[0] in (".PP",) or out[-1].startswith((".SH", ".SS")) and made[0] == ".PP":
            made = made[1:]
        if out[-1] == ".PP" and made[0].startswith((".S", ".IP", ".TP")):
            out.pop()
        out += made
    if out[-1] == ".PP":
        out.pop()
    out += [".SH SEE ALSO", ".BR yett (1),", ".BR yettd (8),", ".BR yettctl (8)"]
    return "\n".join(out) + "\n"


def read(path):
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as f:
        return f.read()


def main():
    update, stale = "--update" in sys.argv[1:], []
    page = with_tables(read(PAGE), tables())
    for path, text in ((PAGE, page), (MANUAL, manual(page))):
        if read(path) == text:
            continue
        stale.append(os.path.relpath(path, ROOT))
        if update:
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
    for path in stale:
        print("%s: %s" % (path, "written" if update else "stale; make golden-update writes it"))
    return 1 if stale and not update else 0


if __name__ == "__main__":
    sys.exit(main())
