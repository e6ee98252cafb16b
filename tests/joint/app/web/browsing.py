"""A real browser at the page, and the page's server in this process."""

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from joint.app.listening import listening

if TYPE_CHECKING:
    from joint.app.web.service import Service

BROWSERS = ("chromium", "chromium-browser")
PATIENCE = float(os.environ.get("JOINT_TEST_PATIENCE", 60))
"""Seconds after which an answer is missing; one takes a few on a free core."""


def no_browser() -> str | None:
    """Why there is no browser to test with; None where there is one."""
    if not any(map(shutil.which, BROWSERS)):
        return "no chromium (apt-get install chromium chromium-driver)"
    return (
        None
        if shutil.which("chromedriver")
        else "no chromedriver (apt-get install chromium-driver)"
    )


@contextmanager
def served(service: "Service", token: str | None = None, waiting: int = 64) -> Iterator[str]:
    """The address of a service's page, served by a thread."""
    import uvicorn

    from joint.app.web.access import address
    from joint.app.web.page import build_page
    from joint.app.web.server import application

    with listening("127.0.0.1", 0) as at, pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(service.folder))
        app = application(build_page(service, waiting), service.limits, token=token)
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [at]})
        thread.start()
        try:
            yield address(at, token)
        finally:
            server.should_exit = True
            thread.join()


ON_SHOW = """
const [selector, text] = arguments
return [...document.querySelectorAll(selector)].filter(
  (e) => e.getClientRects().length && (!text || e.innerText.trim() === text)
)
"""


UPLOADS = r"""
const requests = performance.getEntriesByType("resource")
return requests.filter((e) => /\/upload(\?|$)/.test(e.name)).length
"""
"""Uploads that have ended."""


class Stenographer:
    """A recogniser from outside that always recognises the same."""

    def transcribe(self, waveform: np.ndarray) -> str:
        return f"{len(waveform) / 16_000:.1f} seconds of words"


class Browser:
    """Chromium at one page."""

    def __init__(self, microphone: Path) -> None:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service as Driver

        options = webdriver.ChromeOptions()
        options.binary_location = next(filter(None, map(shutil.which, BROWSERS)))
        for argument in (
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--no-first-run",
            # nothing but the page is asked for anything, also where there is no network
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1500,1400",
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-audio-capture={microphone}",
        ):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
        self.driver = webdriver.Chrome(options, Driver(shutil.which("chromedriver")))
        self.driver.set_page_load_timeout(PATIENCE)
        self.driver.set_script_timeout(PATIENCE)

    def open(self, address: str) -> None:
        """Load the page and wait for its tabs."""
        self.driver.get(address)
        self.driver.execute_script("performance.setResourceTimingBufferSize(10000)")
        self.wait(lambda: self.all("button[role=tab]"), "tabs")

    def close(self) -> None:
        """End the browser."""
        self.driver.quit()

    def all(self, selector: str, text: str = "") -> list[Any]:
        """Elements on show that a CSS selector finds and that have this text."""
        found: list[Any] = self.driver.execute_script(ON_SHOW, selector, text)
        return found

    def tab(self, title: str) -> None:
        """Go to a tab."""
        self.all("button[role=tab]", title)[0].click()

    def upload(self, label: str, path: Path | str) -> None:
        """Give a file to the audio input with this label, in place of the one that it has, and wait
        until the server has it."""
        self.clear(label)
        with self.uploading():
            self.send(label, path)
        self.recorded(label)

    def send(self, label: str, path: Path | str) -> None:
        """Give a file to the audio input with this label."""
        self.audio(label).find_element("css selector", "input[type=file]").send_keys(str(path))

    def record(self, label: str, seconds: float) -> None:
        """Record from the microphone, and wait until the server has it."""
        with self.uploading():
            self.audio(label).find_element("css selector", "[aria-label='Record audio']").click()
            self.wait(lambda: self.all("button.record-button"), "a record button")[0].click()
            stop = self.wait(lambda: self.all("button.stop-button"), "a stop button")[0]
            time.sleep(seconds)
            stop.click()
        self.recorded(label)

    @contextmanager
    def uploading(self) -> Iterator[None]:
        """Wait for the end of an upload that begins in the block."""
        before = self.driver.execute_script(UPLOADS)
        yield
        self.wait(lambda: self.driver.execute_script(UPLOADS) > before, "an upload")

    def recorded(self, label: str) -> None:
        """Wait until a player has a recording; of what is no audio it shows a bare player."""
        inside = f"[data-testid='waveform-{label}']"
        player = f"{inside} .play-pause-button, {inside} .standard-player"
        self.wait(lambda: self.all(player), f"recording in {label}")

    def audio(self, label: str) -> Any:
        """The audio input on show with this label."""
        return self.wait(lambda: self.all(f"[data-testid='waveform-{label}']"), label)[0]

    def clear(self, label: str) -> None:
        """Take the file out of an audio input, where there is one."""
        inside = f"[data-testid='waveform-{label}']"
        self.audio(label)
        for button in self.all(f"{inside} [aria-label='Clear']")[:1]:
            button.click()
        self.wait(lambda: self.all(f"{inside} .upload-container"), f"empty {label}")

    def type(self, name: str, text: str) -> None:
        """Write into the text field of this name."""
        self.wait(lambda: self.all(f"#{name} textarea, #{name} input"), name)[0].send_keys(text)

    def choose(self, label: str, option: str) -> None:
        """Choose from the list with this label."""
        self.wait(lambda: self.all(f"input[aria-label='{label}']"), label)[0].click()
        self.wait(lambda: self.all("[role=option]", option), option)[0].click()

    def text(self) -> str:
        """All text on show."""
        return str(self.driver.find_element("css selector", "body").text)

    def press(self, label: str) -> None:
        """Press a button."""
        self.wait(lambda: self.all("button.primary:not([disabled])", label), f"button {label}")[
            0
        ].click()

    def answer(self, name: str, contains: str = "") -> str:
        """The text in an answer's box, once it is there."""
        selector = f"#{name} textarea"

        def text() -> str:
            assert not (refused := self.all(".toast-body.error")), refused[0].text
            found = self.all(selector)
            value = str(found[0].get_property("value")) if found else ""
            return value if contains in value else ""

        return str(self.wait(text, f"{name} with {contains!r}"))

    def message(self) -> str:
        """The error message on the page; it is closed."""
        found = self.wait(lambda: self.all(".toast-body.error"), "a message")[0]
        self.wait(lambda: found.text.strip(), "a message's text")
        text = str(found.text)
        found.find_element("css selector", ".toast-close").click()
        self.wait(lambda: not self.all(".toast-body"), "end of the message")
        return text

    def wait(self, condition: Callable[[], Any], what: str) -> Any:
        """What a condition gives once it is true."""
        end = time.monotonic() + PATIENCE
        while not (found := condition()):
            assert time.monotonic() < end, (
                f"no {what} on the page: {self.driver.page_source[-3000:]}"
            )
            time.sleep(0.3)
        return found
