"""Tab: which sounds decide a verification?"""

from functools import partial
from typing import TYPE_CHECKING

import gradio as gr

from analysis.saliency.explanation import draw
from joint.app.shared.explaining import explain_verification
from joint.app.shared.wording import gains_text
from joint.app.web.building import Page
from joint.app.web.components import audio_input
from joint.app.web.markup import drawing
from joint.app.web.service import Service
from joint.inspection.excerpt import most_speech
from joint.units import Seconds

if TYPE_CHECKING:
    from joint.app.api import SpeakerModel

TITLE = "Explain"
LONGEST: Seconds = 6.0
"""Of a recording that is explained: a map takes hundreds of passes through the encoder."""


def explain(
    service: Service, model: "SpeakerModel", first: str | None, second: str | None
) -> tuple[str, str]:
    """Scores and gains; the saliency map of each recording."""
    pair = (
        service.recording(first, "first recording"),
        service.recording(second, "second recording"),
    )
    model.judge(*pair)
    parts = most_speech(pair[0], LONGEST), most_speech(pair[1], LONGEST)
    lines, pictures = [], []
    for name, found in explain_verification(model, *parts):
        lines.append(f"{name} recording: {gains_text(found)}")
        title = f"Saliency of the {name} recording, red; the score while its cells are deleted"
        pictures.append(drawing(partial(draw, found, name), title))
    if any(len(part) < len(whole.waveform) for part, whole in zip(parts, pair, strict=True)):
        lines.append(f"explained: the {LONGEST:g} s of a recording with most speech")
    return "\n".join(lines), "".join(pictures)


def build(page: Page) -> None:
    """The tab's components."""
    gr.Markdown("Which bands at which times decide the score of two recordings (Layer-CAM).")
    answer = gr.Textbox(label="Score", elem_id="explain-answer", render=False)
    maps = gr.HTML(render=False)
    with gr.Row():
        inputs = [audio_input("First recording"), audio_input("Second recording")]
    page.button("Explain", explain, inputs, [answer, maps])
    answer.render()
    maps.render()
    if examples := page.service.examples:
        rows = [list(map(str, pair)) for pair in (examples.same, examples.different)]
        gr.Examples(rows, inputs, label="One person; two people")
