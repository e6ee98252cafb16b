"""Tab: one person's speech out of a mixture."""

from typing import TYPE_CHECKING

import gradio as gr
import torch

from joint.app.shared.wording import presence_text
from joint.app.web.building import Page
from joint.app.web.components import audio_input, audio_output
from joint.app.web.markup import spectrograms
from joint.app.web.service import Service, lacking
from joint.audio import write_audio
from joint.errors import AudioError
from joint.metrics.separation import si_sdr_db

if TYPE_CHECKING:
    from joint.app.api import SpeakerModel

TITLE = "Extract a person"


def why_not(service: Service, model: "SpeakerModel") -> str | None:
    """An extractor is needed."""
    return lacking(model, "extraction")


def extract(
    service: Service,
    model: "SpeakerModel",
    mixture: str | None,
    path: str | None,
    name: str | None,
    reference: str | None,
) -> tuple[str, str, str]:
    """Whether the person is present, and how near to the reference; the extracted speech; the
    spectrograms before and after."""
    mixed = service.recording(mixture, "mixture")
    person = service.person(model, path, name)
    target = service.recording(reference, "reference") if reference else None
    if target is not None and len(target.waveform) != len(mixed.waveform):
        seconds = len(target.waveform) / model.sample_rate
        expected = f"the {len(mixed.waveform) / model.sample_rate:.2f} s of the mixture"
        raise AudioError(target.where, f"{seconds:.2f} s", expected)
    ((_, found),) = model.extractions(mixed, {"": person})
    lines = [text[0].upper() + text[1:]] if (text := presence_text(found)) else []
    shown = {"mixture": mixed.waveform, "extracted": found.waveform}
    if target is not None:
        shown["reference"] = target.waveform
        wave = torch.from_numpy(target.waveform)
        before, after = (
            float(si_sdr_db(torch.from_numpy(shown[n]), wave)) for n in ("mixture", "extracted")
        )
        lines.append(f"SI-SDR {after:.1f} dB, {after - before:+.1f} dB above the mixture's")
    speech = service.written("extracted.wav", write_audio, found.waveform)
    return "\n".join(lines), speech, spectrograms(shown)


def build(page: Page) -> None:
    """The tab's components."""
    answer = gr.Textbox(label="Answer", elem_id="extract-answer", render=False)
    after = audio_output("After: the person alone")
    pictures = gr.HTML(render=False)
    with gr.Row():
        mixture = audio_input("Before: a mixture")
        with gr.Column():
            person = audio_input("The person, who talks alone here")
            name = page.name()
        reference = audio_input("Reference for the SI-SDR, if there is one")
    inputs = [mixture, person, name, reference]
    page.button("Extract", extract, inputs, [answer, after, pictures], why_not)
    answer.render()
    after.render()
    pictures.render()
    if examples := page.service.examples:
        row = [examples.mixture, examples.target, examples.reference]
        gr.Examples([list(map(str, row))], [mixture, person, reference], label="A mixture of two")
