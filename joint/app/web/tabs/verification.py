"""Tab: are two recordings of one speaker?"""

from typing import TYPE_CHECKING

import gradio as gr

from joint.app.shared.wording import verification_text
from joint.app.web.building import Page
from joint.app.web.components import audio_input
from joint.app.web.markup import inspections, spectrograms
from joint.app.web.service import Service

if TYPE_CHECKING:
    from joint.app.api import SpeakerModel

TITLE = "Verify"


def verify(
    service: Service, model: "SpeakerModel", first: str | None, second: str | None
) -> tuple[str, str, str]:
    """Score and decision; what was measured of both recordings; their spectrograms."""
    one = service.recording(first, "first recording")
    other = service.recording(second, "second recording")
    result = model.verify(one, other)
    recordings = {"first recording": one, "second recording": other}
    text = verification_text(result, model.calibration is not None)
    shown = {name: recording.waveform for name, recording in recordings.items()}
    return text, inspections(recordings), spectrograms(shown)


def build(page: Page) -> None:
    """The tab's components."""
    with gr.Row():
        inputs = [audio_input("First recording"), audio_input("Second recording")]
    answer = gr.Textbox(label="Decision", elem_id="verify-answer", render=False)
    pictures, measured = gr.HTML(render=False), gr.HTML(render=False)
    page.button("Verify", verify, inputs, [answer, measured, pictures])
    answer.render()
    with gr.Row():
        pictures.render()
        measured.render()
    if examples := page.service.examples:
        rows = [examples.same, examples.different]
        gr.Examples([list(map(str, row)) for row in rows], inputs, label="One person; two people")
