"""What a language model is asked, as the protocol of Ren et al. 2025 has it: a pair of recordings
and a question that is answered by yes or no."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from joint.errors import ConfigError
from joint.units import SAMPLE_RATE, Seconds

Form = Literal["two clips", "concatenated"]
"""Two clips in one prompt, or one clip of both with silence between them."""
SILENCE: Seconds = 1.0
"""Between the recordings of a concatenated clip."""
LONGEST: Seconds = 14.0
"""Of each recording; the rest is cut off, so that both and the silence fit the 30 s of a clip."""
WORDS = 6
"""Of a text, as many words are asked for and compared."""

SPEAKER = "Do both voices belong to the same speaker? Answer yes or no."
WORDS_TOO = (
    "Do both voices belong to the same speaker, and does the second one say the words asked for? "
    "Answer yes or no."
)
ONE_CLIP = "The recording has two voices, with a pause between them. "


class Prompt(NamedTuple):
    """`before` is common to all pairs; `row`, which follows, is a pair's own. Soft tokens of the
    voices end the prompt, and the next token is the answer."""

    before: str
    row: str


def soft_prompt(tokenizer: Any, asked: str | None = None, spoken: str | None = None) -> Prompt:
    """The prompt for voices as soft tokens: a question in the user's turn of the tokenizer's chat
    template, where it has one, and the voices at the beginning of the assistant's.

    The words `asked` for and those `spoken` in the second recording make it a text-dependent query.
    """
    question = SPEAKER if asked is None else WORDS_TOO
    before = f"{question}\n"
    if getattr(tokenizer, "chat_template", None):
        turns = [{"role": "user", "content": question}]
        before = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    if asked is None:
        return Prompt(f"{before}Voices:", "")
    return Prompt(before, f"Asked: {shortened(asked)}. Said: {shortened(spoken or '')}. Voices:")


def shortened(text: str) -> str:
    """The first `WORDS` of a text, in lower case."""
    return " ".join(text.lower().split()[:WORDS])


def conversation(form: Form, asked: str | None = None) -> list[dict[str, Any]]:
    """The user's turn for a model that takes audio, as its processor's chat template reads it: the
    clips of the `form`, then the question. Raises ConfigError for another form."""
    if form not in ("two clips", "concatenated"):
        raise ConfigError("form", repr(form), "'two clips' or 'concatenated'")
    clips = [{"type": "audio"}] * (2 if form == "two clips" else 1)
    question = SPEAKER if asked is None else f"{WORDS_TOO} Asked: {shortened(asked)}."
    text = question if form == "two clips" else ONE_CLIP + question
    return [{"role": "user", "content": [*clips, {"type": "text", "text": text}]}]


def clips_of(form: Form, first: np.ndarray, second: np.ndarray) -> Sequence[np.ndarray]:
    """The clips `(S,)` of a pair of recordings in that form."""
    most = round(LONGEST * SAMPLE_RATE)
    first, second = first[:most], second[:most]
    if form == "two clips":
        return first, second
    silence = np.zeros(round(SILENCE * SAMPLE_RATE), dtype=np.float32)
    return (np.concatenate([first, silence, second]),)
