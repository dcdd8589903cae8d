# SPDX-License-Identifier: Apache-2.0
"""A language client without an editor: JSON-RPC over the server's standard input and output."""
import json
import os
import select
import subprocess
import time

LIMIT_S = 30


class Client:
    def __init__(self, command, settings, root):
        # pylint: disable=consider-using-with
        self.server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.settings = settings
        self.number = 0
        self.pending = b""
        self.answers = {}
        self.diagnostics = {}
        self.request("initialize", {
            "processId": os.getpid(), "rootUri": root, "workspaceFolders": [{"uri": root, "name": "tree"}],
            "capabilities": {
                "workspace": {"configuration": True, "workspaceFolders": True},
                "textDocument": {
                    "completion": {"completionItem": {"snippetSupport": False, "documentationFormat": ["markdown"]}},
                    "hover": {"contentFormat": ["markdown"]}, "publishDiagnostics": {},
                },
            },
        })
        self.notify("initialized", {})
        self.notify("workspace/didChangeConfiguration", {"settings": settings})

    def write(self, message):
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.server.stdin.write(b"Content-Length: %d\r\n\r\n" % len(data) + data)
        self.server.stdin.flush()

    def read(self, end):
        """One message, or None at the end of time."""
        while True:
            head, mark, rest = self.pending.partition(b"\r\n\r\n")
            if mark:
                length = int(head.split(b"Content-Length:")[1].split(b"\r\n")[0])
                if len(rest) >= length:
                    self.pending = rest[length:]
                    return json.loads(rest[:length])
            if not select.select([self.server.stdout], [], [], max(0, end - time.monotonic()))[0]:
                return None
            part = os.read(self.server.stdout.fileno(), 65536)
            if not part:
                raise EOFError("the server is gone")
            self.pending += part

    def section(self, name):
        value = self.settings
        for part in filter(None, (name or "").split(".")):
            value = value.get(part) if isinstance(value, dict) else None
        return value

    def handle(self, message):
        if "method" not in message:
            self.answers[message["id"]] = message
        elif message["method"] == "textDocument/publishDiagnostics":
            self.diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif "id" in message:
            items = message.get("params", {}).get("items", []) if message["method"] == "workspace/configuration" else None
            self.write({"id": message["id"], "result": items and [self.section(i.get("section")) for i in items]})

    def wait(self, done):
        end = time.monotonic() + LIMIT_S
        while not done():
            message = self.read(end)
            if message is None:
                raise TimeoutError("the server does not answer")
            self.handle(message)

    def request(self, method, params):
        self.number += 1
        number = self.number
        self.write({"id": number, "method": method, "params": params})
        self.wait(lambda: number in self.answers)
        answer = self.answers.pop(number)
        if "error" in answer:
            raise RuntimeError("%s: %s" % (method, answer["error"]))
        return answer["result"]

    def notify(self, method, params):
        self.write({"method": method, "params": params})

    def show(self, uri, text):
        self.notify("textDocument/didOpen", {"textDocument": {"uri": uri, "languageId": "yaml", "version": 1, "text": text}})

    def open_all(self, texts):
        """What the server finds wrong with each of some documents; it waits a moment before it looks, so all at once."""
        for uri, text in texts.items():
            self.diagnostics.pop(uri, None)
            self.show(uri, text)
        self.wait(lambda: all(uri in self.diagnostics for uri in texts))
        return {uri: self.diagnostics[uri] for uri in texts}

    def open(self, uri, text):
        return self.open_all({uri: text})[uri]

    def complete(self, uri, text, line, column):
        self.show(uri, text)
        result = self.request("textDocument/completion",
                              {"textDocument": {"uri": uri}, "position": {"line": line, "character": column}})
        return [item["label"] for item in (result["items"] if isinstance(result, dict) else result or [])]

    def hover(self, uri, line, column):
        result = self.request("textDocument/hover",
                              {"textDocument": {"uri": uri}, "position": {"line": line, "character": column}})
        return json.dumps(result)

    def close(self):
        self.request("shutdown", None)
        self.notify("exit", None)
        try:
            self.server.wait(5)
        except subprocess.TimeoutExpired:
            self.server.kill()
