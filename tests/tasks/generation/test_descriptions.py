"""Descriptions of voices: what they say, what they may not say, and their texts."""

import numpy as np
import pytest
import torch

from joint.errors import DataError
from tasks.generation.conditions import AttributeCondition, TextCondition
from tasks.generation.vocabulary import Vocabulary

VOCABULARY = Vocabulary(["northern", "southern"])


def test_a_description_says_attributes() -> None:
    found = VOCABULARY.parse("A young woman, low voice, speaks FAST with a Northern accent!")
    assert found.attributes == {
        "gender": "f",
        "age": "adult",
        "pitch": "low",
        "rate": "fast",
        "accent": "northern",
    }
    assert VOCABULARY.parse("a voice").attributes == {}


@pytest.mark.parametrize(
    "text, found",
    [
        ("an elderly woman, husky", "the unknown words elderly, husky"),
        ("a mandarin accent", "the unknown word mandarin"),
        ("a woman, a man", "'woman' and 'man'"),
        ("a boy, grown", "'boy' and 'grown'"),
        (" -- ", "' -- '"),
    ],
)
def test_what_a_description_may_not_say(text: str, found: str) -> None:
    with pytest.raises(DataError) as error:
        VOCABULARY.parse(text)
    assert error.value.found == found
    if "unknown" in found:
        assert "woman" in error.value.expected and "northern" in error.value.expected


@pytest.mark.parametrize("name", ["low", "voice", "New York", ""])
def test_an_accent_is_a_new_word(name: str) -> None:
    with pytest.raises(DataError, match="one word in lower case"):
        Vocabulary([name])


def test_texts_say_what_they_are_made_of() -> None:
    rng = np.random.default_rng(0)
    attributes = {"gender": "m", "age": "child", "pitch": "high", "accent": "southern"}
    made = [VOCABULARY.describe(attributes, rng) for _ in range(50)]
    assert all(dict(text.attributes) == attributes for text in made)
    assert len({text.words for text in made}) > 30
    parts = [VOCABULARY.described(attributes, rng).attributes for _ in range(50)]
    assert all(part.items() <= attributes.items() for part in parts)
    assert {len(part) for part in parts} >= {1, 2, 3, 4}


def test_the_text_encoder_learns_what_texts_say() -> None:
    torch.manual_seed(0)
    encoder, truth = TextCondition(VOCABULARY), AttributeCondition(VOCABULARY)
    encoder.learn(np.random.default_rng(0))
    rng = np.random.default_rng(1)
    texts = [VOCABULARY.drawn(rng) for _ in range(200)]
    texts += [VOCABULARY.parse(text) for text in ("fast low woman", "who speaks slowly, he, kid")]
    right = (encoder(texts) > 0.5).float() == truth(texts)
    assert float(right.float().mean()) > 0.98 and float(right[-2:].float().mean()) > 0.8
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
