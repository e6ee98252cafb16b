"""Language models of random weights, small enough for a test, in folders as transformers reads
them; they are no use but to be run."""

from pathlib import Path

import torch

from joint.seeding import seeded

SENTENCES = """yes no Yes No do both voices belong to the same speaker ? answer or . : , and does
second one say words asked for said user assistant mark is going see elephant we call it bear
recording has two with a pause between them"""
MARKS = ("<unk>", "<pad>", "<|im_start|>", "<|im_end|>")
SOUND = ("<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>")
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SIZES = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}


def _tokenizer(marks: tuple[str, ...]) -> object:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: i for i, word in enumerate(dict.fromkeys([*marks, *SENTENCES.split()]))}
    raw = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=raw,
        unk_token="<unk>",
        pad_token="<pad>",
        additional_special_tokens=list(marks[2:]),
        chat_template=TEMPLATE,
    )


def save_text_model(folder: Path, seed: int = 0) -> Path:
    """A Llama of two layers with its tokenizer."""
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = _tokenizer(MARKS)
    with seeded(seed, "text model"):
        config = LlamaConfig(vocab_size=len(tokenizer), tie_word_embeddings=True, **SIZES)  # type: ignore[arg-type]
        LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)  # type: ignore[attr-defined]
    return folder


def save_audio_model(folder: Path) -> Path:
    """A Qwen2-Audio of two layers, for clips of at most 4 s, with its processor."""
    from transformers import (
        Qwen2AudioConfig,
        Qwen2AudioForConditionalGeneration,
        Qwen2AudioProcessor,
        WhisperFeatureExtractor,
    )

    tokenizer = _tokenizer((*MARKS, *SOUND))
    count = len(tokenizer)  # type: ignore[arg-type]
    sound = tokenizer.convert_tokens_to_ids(SOUND[0])  # type: ignore[attr-defined]
    config = Qwen2AudioConfig(
        audio_config={
            "num_mel_bins": 16,
            "encoder_layers": 1,
            "encoder_attention_heads": 2,
            "encoder_ffn_dim": 32,
            "d_model": 16,
            "max_source_positions": 200,
        },
        text_config={"model_type": "qwen2", "vocab_size": count, "pad_token_id": 1, **SIZES},
        audio_token_index=sound,
    )
    with seeded(0, "audio model"), torch.no_grad():
        Qwen2AudioForConditionalGeneration(config).save_pretrained(folder)
    features = WhisperFeatureExtractor(feature_size=16, chunk_length=4)
    Qwen2AudioProcessor(features, tokenizer).save_pretrained(folder)
    return folder
