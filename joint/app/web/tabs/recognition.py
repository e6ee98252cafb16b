"""Tab: what is spoken?"""

from typing import TYPE_CHECKING

import gradio as gr

from joint.app.web.building import Page
from joint.app.web.components import audio_input
from joint.app.web.service import Service
from joint.errors import ConfigError
from tasks.recognition.task import RecognitionTask

if TYPE_CHECKING:
    from joint.app.api import SpeakerModel
    from joint.app.results import Recording
    from joint.task import Enrollment

TITLE = "Transcribe"
OUTSIDE = "the recogniser of --recognizer"


def recognisers(service: Service, model: "SpeakerModel") -> list[str]:
    """The recogniser from outside, and the names of the checkpoint's."""
    heads = [n for n, head in model.model.tasks.items() if isinstance(head, RecognitionTask)]
    return [*([OUTSIDE] if service.recognizer is not None else []), *heads]


def why_not(service: Service, model: "SpeakerModel") -> str | None:
    """A recogniser is needed: the checkpoint's, or one from outside."""
    if recognisers(service, model):
        return None
    tasks = ", ".join(model.model.tasks)
    return (
        f"This checkpoint has no recogniser (its tasks are {tasks}), and the server was started "
        "without `--recognizer faster-whisper:DIR`."
    )


def transcribe(
    service: Service, model: "SpeakerModel", path: str | None, person: str | None, chosen: str
) -> str:
    """The words, or phones, of each speaker."""
    recording = service.recording(path, "recording")
    if chosen == OUTSIDE and service.recognizer is not None:
        return service.recognizer.transcribe(recording.waveform)
    if chosen not in recognisers(service, model):
        raise ConfigError("recogniser", repr(chosen), "one of this checkpoint: choose it again")
    enrolled: list[Recording | Enrollment] = []
    if person:
        enrolled.append(service.recording(person, "the person's recording"))
    spoken = model.transcribe(recording, enrolled, task=chosen)
    lines = [" ".join(words) for words in spoken]
    if len(lines) == 1:
        return lines[0] or "no words"
    return "\n".join(f"speaker{i}: {line}" for i, line in enumerate(lines, start=1))


def build(page: Page) -> None:
    """The tab's components."""
    service = page.service

    def choices(checkpoint: str) -> dict[str, object]:
        names = recognisers(service, service.models[checkpoint])
        return gr.update(choices=names, value=next(iter(names), None))

    answer = gr.Textbox(label="Transcript", elem_id="transcribe-answer", render=False)
    with gr.Row():
        recording = audio_input("A recording")
        person = audio_input("The person to follow, for a recogniser of mode target")
    names = recognisers(service, service.models[page.checkpoint.value])
    chosen = gr.Dropdown(names, value=next(iter(names), None), label="Recogniser")
    page.checkpoint.change(choices, page.checkpoint, chosen, api_visibility="private")
    page.button("Transcribe", transcribe, [recording, person, chosen], [answer], why_not)
    answer.render()
    if examples := service.examples:
        gr.Examples([[str(path)] for path in examples.different], [recording], label="Sentences")
