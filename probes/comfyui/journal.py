"""Records on their way to the tool: numbered lines of JSON, kept until they are asked for.

A reader that asks again from the same number gets the same lines, so that a connection that breaks loses nothing. What does not fit
is counted, and told with every answer: a run with drops cannot be trusted.
"""

import collections
import json
import os
import threading

LINES_MAX = 200_000
BYTES_MAX = 64 << 20


class Journal:
    def __init__(self, path=None):
        self.lock = threading.Lock()
        self.lines = collections.deque()
        self.first = 0  # number of the oldest line that is still here
        self.next = 0
        self.bytes = 0
        self.dropped = 0
        self.path = path or os.environ.get("RESIDENCY_PROBE_FILE")

    def put(self, record, **fields):
        line = json.dumps({"record": record, **fields}, separators=(",", ":"))
        with self.lock:
            self.lines.append(line)
            self.next += 1
            self.bytes += len(line)
            while len(self.lines) > LINES_MAX or self.bytes > BYTES_MAX:
                self.forget_oldest()
                self.dropped += 1
        if self.path:
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(line + "\n")

    def forget_oldest(self):
        self.bytes -= len(self.lines.popleft())
        self.first += 1

    def drop(self):
        """Something was to be told, and there is no room for it."""
        with self.lock:
            self.dropped += 1

    def since(self, start):
        """Lines from a number on, and the number of the first that is given: what came before is acknowledged, and forgotten."""
        with self.lock:
            while self.first < start and self.lines:
                self.forget_oldest()
            return list(self.lines), self.first

    def clear(self):
        with self.lock:
            self.lines.clear()
            self.first = self.next = self.bytes = self.dropped = 0
