"""Tab: enrol people in a speaker database, and find out who talks in a recording."""

from typing import TYPE_CHECKING

import gradio as gr

from joint.app.shared.wording import (
    candidate_text,
    count_text,
    enrolled_text,
    identification_text,
)
from joint.app.web.building import Page
from joint.app.web.components import audio_input
from joint.app.web.markup import table
from joint.app.web.service import Service
from joint.errors import AudioError, DataError

if TYPE_CHECKING:
    from joint.app.api import SpeakerModel

TITLE = "Enrol and identify"
NO_DATABASE = "There is no speaker database: the server was started without `--database DB`."


def enroll(
    service: Service, model: "SpeakerModel", name: str, path: str | None, keep_audio: bool
) -> tuple[str, str]:
    """Who is enrolled with what now, and everybody in the database."""
    from tasks.verification.enrolment.database import checked_name, read_recordings
    from tasks.verification.enrolment.files import edit_database

    name = checked_name(name)
    if not path:
        raise AudioError("recording", "nothing", "a recording in which only this person talks")
    longest = service.limits.seconds
    recordings = read_recordings(
        model.embed, [path], model.domain, keep_audio, longest, model.check_overlap
    )
    with edit_database(service.people_folder(), model.identity) as opened:
        left_out = opened.enroll(name, recordings)
        text = enrolled_text(name, opened.speakers[name])
    if left_out:
        text += f"\nnote: left out, {name} is already enrolled with this recording"
    return text, listing(service)


def identify(service: Service, model: "SpeakerModel", path: str | None) -> tuple[str, str]:
    """Who talks in the recording, and the score of everybody in the database."""
    recording = service.recording(path, "recording")
    found = model.identify(recording, service.enrolled(model))
    calibrated = model.calibration is not None
    rows = [(match.name, candidate_text(match, calibrated)) for match in found.candidates]
    return identification_text(found, calibrated), table(["person", "score"], rows)


def forget(service: Service, model: "SpeakerModel", name: str | None) -> tuple[str, str]:
    """Who was deleted, and everybody who is left in the database."""
    from tasks.verification.enrolment.files import edit_database

    if not name:
        raise DataError("person to delete", "nobody", "a person of the database")
    with edit_database(service.people_folder()) as opened:
        removed = opened.remove(name)
    return f"{name}: {count_text(len(removed), 'recording')} removed", listing(service)


def listing(service: Service) -> str:
    """Everybody in the database, and their recordings."""
    rows = [
        (name, str(len(enrolled)), f"{sum(r.seconds for r in enrolled):.1f} s")
        for name, enrolled in service.speakers().items()
    ]
    return table(["person", "recordings", "length"], rows)


def build(page: Page) -> None:
    """The tab's components; without a database why there are none."""
    service = page.service
    if service.database is None:
        gr.Markdown(NO_DATABASE)
        return
    answer = gr.Textbox(label="Answer", elem_id="people-answer", render=False)
    people = gr.HTML(render=False)
    with gr.Row():
        with gr.Column():
            name = gr.Textbox(label="Name", elem_id="enrol-name", max_length=100)
            recording = audio_input("A recording in which only this person talks")
            keep = gr.Checkbox(
                label="Also store the recording, for extraction and voices", value=False
            )
            page.button(
                "Enrol", enroll, [name, recording, keep], [answer, people], changes_names=True
            )
        with gr.Column():
            unknown = audio_input("Who talks here?")
            page.button("Identify", identify, [unknown], [answer, people])
        with gr.Column():
            who = page.name("Person to delete")
            page.button("Delete", forget, [who], [answer, people], changes_names=True)
    answer.render()
    people.render()
    page.blocks.load(lambda: listing(service), None, people, api_visibility="private")
    if examples := service.examples:
        gr.Examples([[str(path)] for path in examples.same], [recording], label="To enrol")
        rows = [[str(path)] for path in (*examples.same[1:], *examples.different[1:])]
        gr.Examples(rows, [unknown], label="To identify")
