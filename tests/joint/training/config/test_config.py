"""A recipe is checked before anything is built: the key's path, what is there, what should be."""

from pathlib import Path

import pytest
from support import RECIPES, TINY, blocks_composed

from joint.data.scenes.planning import ScenePlanner
from joint.errors import ConfigError
from joint.training.config.schema import load_config, plain

DATA = "data.train=somewhere"
EXTRACTION = "tasks.extraction.task"

BAD = {
    "unknown key": ("sead=1", ("sead", "'seed', perhaps")),
    "unknown key below": ("trainer.max_stepz=3", ("trainer.max_stepz", "'max_steps', perhaps")),
    "unknown key of a task": ("tasks.extraction.wait=3", ("wait", "'weight', perhaps")),
    "unknown key of scenes": (
        "streams.mixtures.scenes.chunks=3",
        ("streams.mixtures.scenes.chunks", "'chunk', perhaps"),
    ),
    "wrong type": ("trainer.max_steps=many", ("trainer.max_steps", "many")),
    "wrong type of a stream": ("streams.mixtures.batch_size=few", ("streams.mixtures", "few")),
    "wrong type in a range": ("streams.mixtures.scenes.snr_db=[low,5]", ("snr_db", "low")),
    "a fraction where a whole number belongs": (
        "trainer.max_steps=2.5",
        ("trainer.max_steps: found '2.5'; expected a whole number",),
    ),
    "nothing where a number belongs": (
        "streams.mixtures.scenes.chunk=null",
        ("streams.mixtures.scenes.chunk: found nothing; expected a number",),
    ),
    "one value where a list belongs": (
        "streams.mixtures.tasks=verification",
        ("streams.mixtures.tasks: found a single value; expected a list",),
    ),
    "a variable that is not there": ("name=${nosuch}", ("found ${nosuch}; expected a key",)),
    "a key unlike any other": (
        "zzzz=1",
        ("zzzz: found an unknown key; expected one of augmentation, balance, data, ",),
    ),
    "a number where keys belong": ("trainer=3", ("TrainerConfig", "3")),
    "no value": ("trainer.max_steps", ("trainer.max_steps", "key=value")),
    "unknown task in a stream": (
        "streams.mixtures.tasks=[verification,singing]",
        ("streams.mixtures.tasks", "singing", "verification or extraction"),
    ),
    "a task without a stream": (
        "streams.mixtures.tasks=[verification]",
        ("tasks.extraction", "no stream that it reads"),
    ),
    "no end": ("trainer.max_steps=null", ("trainer", "no end", "max_steps or max_minutes")),
    "an end at once": ("trainer.max_steps=0", ("trainer.max_steps", "more than 0")),
    "no batch": ("streams.mixtures.batch_size=0", ("streams.mixtures.batch_size", "more than 0")),
    "never": ("streams.mixtures.every=0", ("streams.mixtures.every", "more than 0")),
    "steps without a stream": ("streams.mixtures.every=2", ("none at every step",)),
    "unknown optimizer": ("optimizer.kind=adm", ("optimizer.kind", "adm", "adamw or sgd")),
    "unknown precision": ("trainer.precision=fp8", ("trainer.precision", "fp8", "bf16")),
    "an unknown setting of a group": (
        "optimizer.groups.encoder.lr_scal=2",
        ("optimizer.groups.encoder.lr_scal", "lr_scale"),
    ),
    "unknown switch": (
        "tasks.extraction.encoder=froze",
        ("tasks.extraction.encoder", "'froze'", "'frozen', perhaps"),
    ),
    "an adapter that nothing uses": (
        "tasks.extraction.adapter._target_=joint.adapters.low_rank.LowRank",
        ("tasks.extraction.adapter", "'encoder' is joint"),
    ),
    "a weight that is no number": (
        "tasks.verification.weight=nan",
        ("tasks.verification.weight", "nan", "finite"),
    ),
    "a negative weight": ("tasks.verification.weight=-1", ("tasks.verification.weight", "0 or")),
    "a learning rate without bound": ("optimizer.lr=inf", ("optimizer.lr", "inf", "finite")),
    "an infinite argument": (
        "tasks.extraction.task.criterion.compressed_weight=.inf",
        ("tasks.extraction.task.criterion.compressed_weight", "finite"),
    ),
    "a decay above 1": (
        "optimizer.groups.encoder.layer_decay=1.5",
        ("optimizer.groups.encoder.layer_decay", "0 to 1"),
    ),
    "a negative scale of a group": (
        "optimizer.groups.encoder.lr_scale=-1",
        ("optimizer.groups.encoder.lr_scale", "0 or more"),
    ),
    "a probability above 1": (
        "streams.mixtures.scenes.noise_probability=1.5",
        ("streams.mixtures.scenes.noise_probability", "1.5", "0 to 1"),
    ),
    "scenes of no length": (
        "streams.mixtures.scenes.chunk=0",
        ("streams.mixtures.scenes.chunk", "more than 0"),
    ),
    "bounds the wrong way round": (
        "streams.mixtures.scenes.snr_db=[5,-5]",
        ("streams.mixtures.scenes.snr_db", "the lower one first"),
    ),
    "one bound": (
        "streams.mixtures.scenes.snr_db=[1]",
        ("streams.mixtures.scenes.snr_db", "found [1.0]; expected two bounds"),
    ),
    "unknown accelerator": ("trainer.accelerator=cuad", ("trainer.accelerator", "'cuda', perhaps")),
    "a foreign function": (
        "encoder.backbone._target_=os.system",
        ("encoder.backbone._target_", "os.system", "--allow-package"),
    ),
    "no such class": (
        "encoder.backbone._target_=joint.encoders.backbones.ecapa.Ecapatdn",
        ("encoder.backbone._target_", "'joint.encoders.backbones.ecapa.EcapaTdnn' perhaps"),
    ),
    "no such module": (
        "encoder.backbone._target_=joint.encoders.backbones.ecappa.EcapaTdnn",
        ("encoder.backbone._target_", "'joint.encoders.backbones.ecapa.EcapaTdnn' perhaps"),
    ),
    "unknown argument of a class": (
        "encoder.backbone.chanels=3",
        ("encoder.backbone.chanels", "'channels', perhaps"),
    ),
    "validation without data": ("validation.batches=1", ("data.validation", "none")),
    "more enrolments than speakers": (
        "streams.mixtures.scenes.enrollments=3",
        ("enrollments", "1 to 2"),
    ),
    "unnatural speeds": ("streams.mixtures.scenes.speeds=[0.9]", ("speeds", "1.0 first")),
}


@pytest.mark.parametrize("override, expected", BAD.values(), ids=BAD.keys())
def test_refused(override: str, expected: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError) as error:
        load_config(TINY, [DATA, override])
    assert "\n" not in str(error.value)
    for part in expected:
        assert part in str(error.value)


def test_data_must_be_named() -> None:
    with pytest.raises(ConfigError, match=r"data\.train: found no value; expected one$"):
        load_config(TINY)


@pytest.mark.parametrize("text", ["", "trainer: [1, 2", "- a\n- list\n", "\0", "words", "a: b: c"])
def test_no_recipe(tmp_path: Path, text: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=str(path)):
        load_config(path, [DATA])


def test_the_line_that_is_no_yaml_is_named(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("seed: 1\nname: a: b\n")
    with pytest.raises(ConfigError, match=rf"{path}:2: found mapping values"):
        load_config(path)
    path.write_bytes(b"seed: 1\nname: caf\xe9\n")
    with pytest.raises(ConfigError, match=rf"{path}:2: found bytes that are not UTF-8"):
        load_config(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no file"):
        load_config(tmp_path / "none.yaml")


@pytest.mark.parametrize("path", [TINY, *RECIPES], ids=lambda path: path.stem)
def test_recipes_are_valid(path: Path) -> None:
    names_corpora = any(stream.get("corpora") for stream in blocks_composed(path).streams.values())
    config = load_config(path, [] if names_corpora else [DATA])
    assert config.tasks
    assert all(isinstance(stream.scenes, ScenePlanner) for stream in config.streams.values())


def test_a_package_of_ones_own_must_be_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ourlab.py").write_text(
        "from joint.encoders.backbones.tdnn import XvectorTdnn\nclass Ours(XvectorTdnn): pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    given = [DATA, "encoder.backbone._target_=ourlab.Ours"]
    assert load_config(TINY, given, ["ourlab"]).encoder["backbone"]["_target_"] == "ourlab.Ours"
    with pytest.raises(ConfigError, match=r"encoder\.backbone\._target_.*--allow-package"):
        load_config(TINY, given)


def test_overrides_and_defaults() -> None:
    config = load_config(TINY, [DATA, "seed=3", "optimizer.lr=0.5", "tasks.extraction.weight=2"])
    assert (config.seed, config.optimizer.lr, config.tasks["extraction"].weight) == (3, 0.5, 2.0)
    assert config.optimizer.kind == "adamw" and config.tasks["verification"].encoder == "joint"
    stored = plain(config)
    assert stored["seed"] == 3 and stored["streams"]["mixtures"]["scenes"]["chunk"] == 1.0
