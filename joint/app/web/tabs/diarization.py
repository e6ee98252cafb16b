"""Tab: who speaks when?"""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr
import numpy as np

from joint.app.shared.pipelines import PipelineChoice
from joint.app.shared.wording import turns_text
from joint.app.web.building import Page
from joint.app.web.components import audio_input
from joint.app.web.markup import drawing, table
from joint.app.web.service import Service
from joint.conversation.timeline import draw_timeline
from joint.conversation.turns import write_turns
from joint.data.choices import Pipeline
from joint.units import SAMPLE_RATE

if TYPE_CHECKING:
    from joint.app.api import SpeakerModel

TITLE = "Who speaks when"


def diarize(
    service: Service,
    model: "SpeakerModel",
    path: str | None,
    speakers: int,
    names: bool,
    pipeline: str = Pipeline.CLUSTERING.value,
) -> tuple[str, str, str | None]:
    """The seconds of each speaker; time line and turns; an RTTM file."""
    recording = service.recording(path, "recording")
    enrolled: dict[str, np.ndarray] | None = None
    if names and service.speakers():
        enrolled = service.enrolled(model).embeddings()
    diarizer = model.diarizer(PipelineChoice(Pipeline(pipeline)), bool(speakers))
    turns = model.diarize(recording, speakers or None, enrolled, diarizer=diarizer)
    if not turns:
        return turns_text(turns), "", None
    session = Path(path or "").stem
    picture = drawing(partial(draw_timeline, versions={session: turns}), "Speaker turns")
    rows = [(t.speaker, _seconds(t.start), _seconds(t.end)) for t in turns]

    def write(place: Path, _: np.ndarray) -> None:
        write_turns(place, {session: turns})

    rttm = service.written(f"{session}.rttm", write, recording.waveform)
    return turns_text(turns), picture + table(["speaker", "from", "to"], rows), rttm


def _seconds(samples: int) -> str:
    return f"{samples / SAMPLE_RATE:.2f} s"


def build(page: Page) -> None:
    """The tab's components."""
    answer = gr.Textbox(label="Answer", elem_id="diarize-answer", render=False)
    timeline = gr.HTML(render=False)
    rttm = gr.File(label="RTTM", interactive=False, render=False)
    with gr.Row():
        recording = audio_input("A recording of several speakers")
        with gr.Column():
            speakers = gr.Number(
                0, label="Number of speakers; 0: estimated", minimum=0, precision=0
            )
            names = gr.Checkbox(
                label="Names from the speaker database",
                value=True,
                visible=page.service.database is not None,
            )
            pipeline = gr.Dropdown(
                [each.value for each in Pipeline],
                value=Pipeline.CLUSTERING.value,
                label="Pipeline; overlap and powerset need a segmentation head, ts-vad an activity "
                "head",
            )
    given = [recording, speakers, names, pipeline]
    page.button("Find the speaker turns", diarize, given, [answer, timeline, rttm])
    answer.render()
    timeline.render()
    rttm.render()
    if examples := page.service.examples:
        gr.Examples([[str(examples.conversation)]], [recording], label="Two people take turns")
