"""The page in a real browser: each tab does its job on real speech."""

import json
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browsing import Browser, Stenographer, no_browser, served

from joint.app.checkpoints import SHIPPED
from joint.app.limits import Limits
from joint.app.web.server import MEGABYTE
from joint.app.web.service import Service
from joint.audio import read_audio, write_audio
from tasks.verification.enrolment.files import edit_database

if TYPE_CHECKING:
    from joint.app.web.examples import Examples

REQUEST = "Network.requestWillBeSent"
MISSING = no_browser() if "JOINT_TEST_BROWSER" in os.environ else "JOINT_TEST_BROWSER is not set"
pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))


@pytest.fixture(scope="module")
def short(examples: "Examples", tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Half a second of each of two recordings: of longer ones a map takes a while."""
    folder = tmp_path_factory.mktemp("short")
    for number, path in enumerate(examples.different):
        write_audio(folder / f"{number}.wav", read_audio(path)[8000:16000])
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the page's speaker database."""
    return tmp_path_factory.mktemp("database") / "people"


@pytest.fixture(scope="module")
def page(
    shipped: Any,
    people: Path,
    examples: "Examples",
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Browser]:
    """A browser at a page with two checkpoints, a database and a recogniser, behind a token."""
    from joint.app.api import load

    folder = tmp_path_factory.mktemp("temporary")
    models = {"shipped": shipped, "encoder": load(SHIPPED, tasks=())}
    limits = Limits(megabytes=2.0)
    service = Service(models, folder, people, Stenographer(), examples, limits)
    with (
        served(service, token="a-token") as address,
        closing(Browser(examples.reference)) as browser,
    ):
        browser.open(address)
        yield browser


def test_verify(page: Browser, examples: "Examples") -> None:
    page.tab("Verify")
    page.upload("First recording", examples.same[0])
    page.record("Second recording", 2.0)
    page.press("Verify")
    assert " same, probability " in page.answer("verify-answer", "score")
    assert len(page.all("img.spectrogram")) == 2


def test_enrol_identify_delete(page: Browser, people: Path, examples: "Examples") -> None:
    page.tab("Enrol and identify")
    page.type("enrol-name", "Jean <i>")
    page.upload("A recording in which only this person talks", examples.same[0])
    page.press("Enrol")
    assert page.answer("people-answer", "Jean <i>: 1 recording, 3.6 s")
    page.upload("Who talks here?", examples.same[1])
    page.press("Identify")
    assert page.answer("people-answer", "Jean <i>: score 0.")
    page.choose("Person to delete", "Jean <i>")
    with edit_database(people) as database:  # as a second browser does
        database.remove("Jean <i>")
    page.press("Delete")
    assert "Jean <i>: found no enrolled speaker of this name" in page.message()


def test_extract_from_the_example(page: Browser) -> None:
    page.tab("Extract a person")
    page.wait(lambda: page.all("tr.tr-body"), "an example")[0].click()
    page.recorded("Before: a mixture")
    page.recorded("The person, who talks alone here")
    page.recorded("Reference for the SI-SDR, if there is one")
    page.press("Extract")
    answer = page.answer("extract-answer", "SI-SDR")
    assert answer.startswith("Present") and "above the mixture's" in answer
    page.recorded("After: the person alone")


def test_who_speaks_when(page: Browser, examples: "Examples") -> None:
    page.tab("Who speaks when")
    page.upload("A recording of several speakers, one at a time", examples.conversation)
    page.press("Find the speaker turns")
    assert "speaker2 " in page.answer("diarize-answer", "turns")
    assert page.all("img.drawing")
    assert page.all("a[download='conversation.rttm']")


def test_transcribe_after_a_bad_file(page: Browser, examples: "Examples", text_file: str) -> None:
    page.tab("Transcribe")
    page.upload("A recording", text_file)
    page.press("Transcribe")
    assert "recording (letter.wav): found" in page.message()
    page.upload("A recording", examples.same[0])
    page.press("Transcribe")
    assert page.answer("transcribe-answer", "3.6 seconds of words")


def test_voices(page: Browser, examples: "Examples") -> None:
    page.tab("Speak a text")
    page.type("text-to-speak", "Good morning.")
    page.upload("The person, who talks alone here", examples.target)
    page.press("Speak")
    assert page.answer("synthesize-answer", "s of synthetic speech")
    page.recorded("Synthetic speech")
    page.tab("Convert a voice")
    page.upload("Source: the words", examples.different[1])
    page.upload("Target: the voice", examples.target)
    page.press("Convert")
    assert page.answer("convert-answer", "s of synthetic speech")
    page.recorded("Converted speech")


@pytest.mark.parametrize(
    ("tab", "label", "button"),
    [
        ("Verify", "First recording", "Verify"),
        ("Enrol and identify", "Who talks here?", "Identify"),
        ("Extract a person", "Before: a mixture", "Extract"),
        (
            "Who speaks when",
            "A recording of several speakers, one at a time",
            "Find the speaker turns",
        ),
        ("Transcribe", "A recording", "Transcribe"),
        ("Speak a text", "The person, who talks alone here", "Speak"),
        ("Convert a voice", "Source: the words", "Convert"),
        ("Explain", "First recording", "Explain"),
    ],
)
def test_a_bad_file_in_each_tab(
    page: Browser, text_file: str, tab: str, label: str, button: str
) -> None:
    page.tab(tab)
    page.upload(label, text_file)
    page.press(button)
    assert "(letter.wav): found " in page.message()


def test_a_file_that_is_too_large(page: Browser, tmp_path: Path) -> None:
    large = tmp_path / "large.wav"
    large.write_bytes(bytes(3 * MEGABYTE))
    page.tab("Verify")
    page.clear("First recording")
    page.send("First recording", large)
    message = page.message()
    assert "exceed the maximum allowed size" in message and "large.wav" in message


def test_explain(page: Browser, short: list[Path]) -> None:
    page.tab("Explain")
    page.upload("First recording", short[0])
    page.upload("Second recording", short[1])
    page.press("Explain")
    assert "second recording: score" in page.answer("explain-answer", "second")
    assert len(page.all("img.drawing")) == 2


def test_another_checkpoint_says_what_it_lacks(page: Browser) -> None:
    page.tab("Speak a text")
    page.choose("Checkpoint", "encoder")
    page.wait(lambda: "no task of synthesis" in page.text(), "a reason")
    assert not page.all("button.primary:not([disabled])", "Speak")


def test_nothing_is_asked_of_other_servers(page: Browser) -> None:
    log = page.driver.get_log("performance")
    messages = [json.loads(entry["message"])["message"] for entry in log]
    sent = [m["params"]["request"]["url"] for m in messages if m["method"] == REQUEST]
    assert len(sent) > 20
    assert not [url for url in sent if not url.startswith(("http://127.0.0.1:", "data:", "blob:"))]
