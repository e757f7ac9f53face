"""Headless Chromium for tests of pages: driven over a pipe by its own protocol, so it needs no package and no port."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--remote-debugging-pipe",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip
KEYS = {"Escape": 27, "Enter": 13, "Tab": 9, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}
CHOOSE = """(field, text) => {
  const select = document.getElementById(field);
  select.value = [...select.options].find((option) => option.text === text).value;
  select.dispatchEvent(new Event("change"));
}"""
MIDDLE = """(selector) => {
  const found = document.querySelector(selector);
  found.scrollIntoView({ block: "center", inline: "center" });
  const box = found.getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
}"""
PATIENCE = 60.0
"""Seconds that an answer may take on a busy machine."""


def find_browser() -> str | None:
    """The path of the Chromium on this machine: `$CHROMIUM`, or the first that is found."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None)


class Browser:
    """One browser process; each `Page` is a tab of it."""

    def __init__(self, program: str) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True)
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        high = [fcntl.fcntl(end, fcntl.F_DUPFD, 20) for end in (theirs_in, theirs_out)]
        files = [(os.POSIX_SPAWN_DUP2, high[0], 3), (os.POSIX_SPAWN_DUP2, high[1], 4)]
        silent = [(os.POSIX_SPAWN_OPEN, end, os.devnull, os.O_RDWR, 0) for end in (0, 1, 2)]
        words = [program, *OPTIONS, f"--user-data-dir={self._home.name}", "about:blank"]
        self._process = os.posix_spawn(program, words, os.environ, file_actions=[*silent, *files], setpgroup=0)
        for end in (theirs_in, theirs_out, *high):
            os.close(end)
        self._buffer, self._last, self.events = b"", 0, list[dict[str, Any]]()

    def close(self) -> None:
        """End the process and what it started."""
        os.killpg(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)
        os.close(self._in)
        os.close(self._out)
        self._home.cleanup()

    def call(self, method: str, session: str = "", **parameters: Any) -> Any:
        """The result of a command of the DevTools protocol; what happens meanwhile goes to `events`."""
        self._last += 1
        message = {
            "id": self._last,
            "method": method,
            "params": parameters,
            **({"sessionId": session} if session else {}),
        }
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != self._last:
            self.events.append(answer)
        assert "error" not in answer, (method, answer["error"])
        return answer["result"]

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._in], [], [], PATIENCE)
            content = os.read(self._in, 1 << 20) if ready else b""
            assert content, "the browser does not answer"
            self._buffer += content
        first, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(first)
        return message


class Page:
    """A tab with one page of the disk, of a width in CSS pixels, light or dark."""

    def __init__(self, browser: Browser, file: Path, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        self.browser = browser
        browser.events.clear()
        self._target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = browser.call("Target.attachToTarget", targetId=self._target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setFocusEmulationEnabled", enabled=True)
        self.show_as(width, height, dark)
        self.call("Page.navigate", url=file.resolve().as_uri())
        self.wait("document.readyState === 'complete'")

    def __enter__(self) -> Page:
        return self

    def __exit__(self, *_: object) -> None:
        self.browser.call("Target.closeTarget", targetId=self._target)

    def show_as(self, width: int, height: int = 900, dark: bool = False) -> None:
        """Show it in this size from now on, light or dark."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def call(self, method: str, **parameters: Any) -> Any:
        """A command to this tab."""
        return self.browser.call(method, self._session, **parameters)

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression, awaited."""
        done = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def wait(self, script: str) -> Any:
        """The value of an expression as soon as it is true."""
        end = time.monotonic() + PATIENCE
        while not (value := self.run(script)):
            assert time.monotonic() < end, f"never true: {script}"
            time.sleep(0.02)
        return value

    def choose(self, field: str, text: str) -> None:
        """Choose the option of a `<select>` (by its id) that reads `text`."""
        self.run(f"({CHOOSE})({json.dumps(field)}, {json.dumps(text)})")

    def press(self, key: str) -> None:
        """Press and release a key."""
        code = {
            "key": key,
            "code": key,
            "windowsVirtualKeyCode": KEYS[key],
            **({"text": "\r"} if key == "Enter" else {}),
        }
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, **code)

    def click(self, selector: str) -> None:
        """Click what a selector finds, with the mouse, in the middle of it."""
        box = self.run(f"({MIDDLE})({json.dumps(selector)})")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def screenshot(self, file: Path, whole: bool = False) -> None:
        """A PNG of what is seen, or of the whole page."""
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(shot["data"]))

    @property
    def complaints(self) -> list[str]:
        """Errors and warnings of the console, exceptions of scripts, and requests that failed."""
        self.run("0")
        found = []
        for event in self._events():
            kind, about = event["method"], event["params"]
            if kind == "Runtime.exceptionThrown":
                found.append(json.dumps(about["exceptionDetails"]))
            elif kind == "Runtime.consoleAPICalled" and about["type"] in ("error", "warning", "assert"):
                found.append(json.dumps(about["args"]))
            elif kind == "Log.entryAdded" and about["entry"]["level"] in ("error", "warning"):
                found.append(about["entry"]["text"])
            elif kind == "Network.loadingFailed" and not about.get("canceled"):
                found.append(about["errorText"])
        return found

    @property
    def requests(self) -> list[str]:
        """The addresses that the page asked for, `data:` ones left out."""
        self.run("0")
        asked = [
            event["params"]["request"]["url"]
            for event in self._events()
            if event["method"] == "Network.requestWillBeSent"
        ]
        return [address for address in asked if not address.startswith(("data:", "blob:"))]

    def _events(self) -> list[dict[str, Any]]:
        return [event for event in self.browser.events if event.get("sessionId") == self._session]
