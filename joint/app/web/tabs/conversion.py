"""Tab: a recording in the voice of another person."""

from typing import TYPE_CHECKING

import gradio as gr

from joint.app.web.building import Page
from joint.app.web.components import audio_input, audio_output
from joint.app.web.service import Service, lacking
from joint.app.web.tabs.synthesis import CONSENT, spoken_text
from joint.synthesis.finishing.marking import write_synthetic

if TYPE_CHECKING:
    from joint.app.api import SpeakerModel

TITLE = "Convert a voice"


def why_not(service: Service, model: "SpeakerModel") -> str | None:
    """Conversion and a vocoder are needed."""
    return lacking(model, "conversion", "vocoder")


def convert(
    service: Service,
    model: "SpeakerModel",
    source: str | None,
    path: str | None,
    name: str | None,
) -> tuple[str, str]:
    """How long the speech is; the speech."""
    spoken = service.recording(source, "source")
    waveform = model.convert(spoken, service.person(model, path, name))
    speech = service.written("converted.wav", write_synthetic, waveform)
    return spoken_text(model, len(waveform)), speech


def build(page: Page) -> None:
    """The tab's components."""
    answer = gr.Textbox(label="Answer", elem_id="convert-answer", render=False)
    speech = audio_output("Converted speech")
    gr.Markdown(CONSENT)
    with gr.Row():
        source = audio_input("Source: the words")
        with gr.Column():
            person = audio_input("Target: the voice")
            name = page.name()
    page.button("Convert", convert, [source, person, name], [answer, speech], why_not)
    answer.render()
    speech.render()
    if examples := page.service.examples:
        rows = [list(map(str, pair)) for pair in (examples.different, examples.different[::-1])]
        gr.Examples(rows, [source, person], label="Two people")
