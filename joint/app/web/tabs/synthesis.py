"""Tab: a text in the voice of an enrolled person."""

from typing import TYPE_CHECKING

import gradio as gr

from joint.app.manner import RANGES
from joint.app.web.building import Page
from joint.app.web.components import audio_input, audio_output
from joint.app.web.service import Service, lacking
from joint.errors import DataError
from joint.synthesis.finishing.marking import write_synthetic

if TYPE_CHECKING:
    from joint.app.api import SpeakerModel

TITLE = "Speak a text"
LONGEST_TEXT = 500
CONSENT = "Use only voices of people who agreed to it. The file says that it is synthetic."


def why_not(service: Service, model: "SpeakerModel") -> str | None:
    """Synthesis is needed, and a vocoder where it does not make waveforms itself."""
    if "synthesis" in model.model.tasks and model.speaks_waveforms:
        return None
    return lacking(model, "synthesis", "vocoder")


def synthesize(
    service: Service,
    model: "SpeakerModel",
    text: str,
    path: str | None,
    name: str | None,
    rate: float,
    pitch: float,
) -> tuple[str, str]:
    """How long the speech is; the speech."""
    if len(text) > LONGEST_TEXT:
        raise DataError("text", f"{len(text)} characters", f"at most {LONGEST_TEXT}")
    waveform = model.synthesize(text, service.person(model, path, name), rate, pitch)
    speech = service.written("speech.wav", write_synthetic, waveform)
    return spoken_text(model, len(waveform)), speech


def spoken_text(model: "SpeakerModel", samples: int) -> str:
    """What was made, in words."""
    return f"{samples / model.sample_rate:.1f} s of synthetic speech"


def build(page: Page) -> None:
    """The tab's components."""
    answer = gr.Textbox(label="Answer", elem_id="synthesize-answer", render=False)
    speech = audio_output("Synthetic speech")
    gr.Markdown(CONSENT)
    text = gr.Textbox(
        label="An English text",
        elem_id="text-to-speak",
        lines=3,
        max_length=LONGEST_TEXT,
    )
    with gr.Row():
        person = audio_input("The person, who talks alone here")
        with gr.Column():
            name = page.name()
            rate = gr.Slider(*RANGES["rate"][:2], value=1.0, step=0.05, label="Speed")
            pitch = gr.Slider(*RANGES["pitch"][:2], value=0, step=0.5, label="Pitch, semitones")
    inputs = [text, person, name, rate, pitch]
    page.button("Speak", synthesize, inputs, [answer, speech], why_not)
    answer.render()
    speech.render()
    if examples := page.service.examples:
        sentence = "Good morning. How are you today?"
        rows = [[sentence, str(path)] for path in examples.different]
        gr.Examples(rows, [text, person], label="Two voices")
