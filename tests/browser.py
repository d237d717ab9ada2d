"""A headless Chromium that opens a file, for tests of pages; over its pipe, in the DevTools protocol.

Source: https://chromedevtools.github.io/devtools-protocol (Page, Runtime, Log, Network, Emulation).
"""

import json
import os
import select
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium")
LIMIT_S = 60


class Browser:
    """One tab; `events` are those that came so far, each with its name and its parameters."""

    def __init__(self, write: int, read: int) -> None:
        self._write, self._read = write, read
        self._buffer = b""
        self._number = 0
        self.events: list[tuple[str, dict[str, Any]]] = []
        self._session = ""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Do one thing and wait for its answer."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            found = self._next()
            if found.get("id") == self._number:
                assert "result" in found, found
                return found["result"]

    def open(self, path: Path) -> None:
        """Open a file and wait until all of it is there."""
        self.events.clear()
        self.ask("Page.navigate", url=path.absolute().as_uri())
        while not any(name == "Page.loadEventFired" for name, _ in self.events):
            self._next()

    def value(self, script: str) -> Any:
        """What an expression is in the page."""
        found = self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"]["value"]

    def said(self) -> list[str]:
        """What the page or the browser complained about since it was opened."""
        names = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [json.dumps(values) for name, values in self.events if name in names]

    def asked_for(self) -> list[str]:
        """The addresses of all that was fetched since the page was opened."""
        return [
            values["request"]["url"] for name, values in self.events if name == "Network.requestWillBeSent"
        ]

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            assert select.select([self._read], [], [], LIMIT_S)[0], "the browser says nothing"
            part = os.read(self._read, 1 << 16)
            assert part, "the browser has ended"
            self._buffer += part
        line, _, self._buffer = self._buffer.partition(b"\0")
        found = json.loads(line)
        if "method" in found:
            self.events.append((found["method"], found.get("params", {})))
        return found


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser that keeps its profile in this folder, and is ended afterwards."""
    assert CHROMIUM is not None
    its_read, our_write = os.pipe()
    our_read, its_write = os.pipe()
    words = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
    words += ["--remote-debugging-pipe", f"--user-data-dir={folder / 'profile'}", "about:blank"]
    script = f'exec "$@" 3<&{its_read} 4>&{its_write}'
    process = subprocess.Popen(
        ["bash", "-c", script, "bash", CHROMIUM, *words],
        pass_fds=(its_read, its_write),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(its_read)
    os.close(its_write)
    try:
        yield Browser(our_write, our_read)
    finally:
        os.close(our_write)  # by that it ends
        try:
            process.wait(LIMIT_S)
        finally:
            process.kill()
            process.wait()
            os.close(our_read)
