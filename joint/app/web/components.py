"""Components of gradio in the form that the page needs them."""

from pathlib import Path

import gradio as gr

from joint.app.web.answering import message
from joint.errors import AudioError


def audio_input(label: str) -> gr.Audio:
    """A file, or a recording from the microphone. It takes uploads alone: of itself gradio also
    downloads whatever address a request names, of any size."""
    made = gr.Audio(label=label, type="filepath", sources=["upload", "microphone"], buttons=[])
    move = made.async_move_resource_to_block_cache

    async def moved(url_or_file_path: str | Path | None) -> str | None:
        if "://" in str(url_or_file_path):
            raise message(str(AudioError("recording", "an address", "an uploaded file")))
        return await move(url_or_file_path)

    # No subclass: gradio writes a stub file beside the module of each.
    made.async_move_resource_to_block_cache = moved  # type: ignore[method-assign]
    return made


def audio_output(label: str) -> gr.Audio:
    """A player, from which the file may be saved."""
    return gr.Audio(label=label, interactive=False, buttons=["download"], render=False)
