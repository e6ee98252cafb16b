"""Recipes are composed of blocks: where blocks are found, what replaces what, what is refused."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from hydra.core.global_hydra import GlobalHydra
from support import COMMON, RECIPES, ROOT, blocks_composed

from joint.errors import ConfigError
from joint.training.building.objects import build
from joint.training.config.schema import load_config, plain

DATA = "data.train=somewhere"
RECIPE = """
defaults:
  - encoders@encoder: ecapa_256
  - tasks@tasks.verification: verification
  - streams@streams.speakers: recordings
output: exp/mine
tasks: {verification: {weight: 0.5}}
streams: {speakers: {tasks: [verification]}}
trainer: {max_steps: 10}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A user's recipe, in a folder that is not this project's."""
    path = tmp_path / "my lab, 2024 (b)" / "run=1@home.yaml"
    path.parent.mkdir()
    path.write_text(RECIPE)
    return path


def test_a_recipe_anywhere_finds_the_packaged_blocks(recipe: Path) -> None:
    config = load_config(recipe, [DATA])
    assert config.encoder["backbone"]["channels"] == 256
    assert config.encoder["frontend"]["bins"] == 80
    assert config.tasks["verification"].weight == 0.5  # its own value, not its block's
    assert config.streams["speakers"].batch_size == 32


def test_blocks_beside_the_recipe_come_first(recipe: Path) -> None:
    own = recipe.parent / "encoders" / "ecapa_256.yaml"
    own.parent.mkdir()
    own.write_text("defaults: [xvector]\nembedding_dim: 99\n")
    encoder = load_config(recipe, [DATA]).encoder
    assert encoder["embedding_dim"] == 99 and encoder["second_layer"] is True


def test_a_recipe_builds_on_another(recipe: Path) -> None:
    stem = "base"
    (recipe.parent / f"{stem}.yaml").write_text(RECIPE)
    recipe.write_text(
        f"defaults:\n  - {stem}\n  - override encoders@encoder: campplus\n"
        "trainer: {max_steps: 3}\n"
    )
    config = load_config(recipe, [DATA])
    assert config.encoder["backbone"]["_target_"].endswith("CamPlusPlus")
    assert "channels" not in config.encoder["backbone"]  # nothing of the former block is left
    assert config.trainer.max_steps == 3 and config.output == "exp/mine"


def test_an_override_chooses_another_block(recipe: Path) -> None:
    changes = [DATA, "encoders@encoder=xvector_256", "encoder.embedding_dim=7"]
    encoder = load_config(recipe, changes).encoder
    assert encoder["backbone"]["channels"] == 256 and encoder["second_layer"] is True
    assert encoder["embedding_dim"] == 7
    inner = load_config(recipe, [DATA, "frontends@encoder.frontend=filterbank_level"])
    assert inner.encoder["frontend"]["normalize"] == "level"


REFUSED = {
    "no such block": ("encoders@encoder=ecapa_265", ("ecapa_265", "'ecapa_256', perhaps")),
    "no such kind": ("encodrs@encoder=ecapa_256", ("encodrs", "'encoders', perhaps")),
    "a place without a block": ("optimizers@optimizer=sgd", ("optimizers@optimizer",)),
    "no name": ("encoders@encoder=", ("encoders@encoder",)),
    "no grammar": ("encoders@encoder=[", ("encoders@encoder=[",)),
}


@pytest.mark.parametrize("override, expected", REFUSED.values(), ids=REFUSED.keys())
def test_choices_that_are_refused(recipe: Path, override: str, expected: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError) as error:
        load_config(recipe, [DATA, override])
    assert "\n" not in str(error.value)
    for part in expected:
        assert part in str(error.value)


DEFAULTS = {
    "no such block": ("[{encoders@encoder: ecapa_265}]", ("ecapa_265", "'ecapa_256', perhaps")),
    "no such kind": ("[{encodrs@encoder: ecapa_256}]", ("encodrs", "'encoders', perhaps")),
    "a kind unlike any other": (
        "[nosuch/foo]",
        ("found no block 'nosuch/foo'; expected one of augmentations, balances, codecs",),
    ),
    "no such recipe": ("[verificaton]", ("verificaton",)),
    "no list": ("{encoders@encoder: ecapa_256}", ("must be a list",)),
    "itself": ("['run=1@home']", ("run=1",)),
    "nothing to override": ("[{override encoders@encoder: ecapa_256}]", ("encoders@encoder",)),
    "numbers": ("[3]", ("int",)),
}


@pytest.mark.parametrize("defaults, expected", DEFAULTS.values(), ids=DEFAULTS.keys())
def test_defaults_that_are_refused(recipe: Path, defaults: str, expected: tuple[str, ...]) -> None:
    recipe.write_text(f"defaults: {defaults}\n")
    with pytest.raises(ConfigError) as error:
        load_config(recipe, [DATA])
    assert str(recipe) in str(error.value) and "\n" not in str(error.value)
    for part in expected:
        assert part in str(error.value)


def test_folders_without_yaml_are_no_kinds_of_blocks(recipe: Path) -> None:
    for name in ("encodings", "mine"):
        (recipe.parent / name).mkdir()
    (recipe.parent / "mine" / "block.yaml").write_text("seed: 1\n")
    recipe.write_text("defaults: [encodingz/foo]\n")
    with pytest.raises(ConfigError) as error:
        load_config(recipe, [DATA])
    assert "encodings" not in str(error.value)
    recipe.write_text("defaults: [mines/foo]\n")
    with pytest.raises(ConfigError, match="'mine', perhaps"):
        load_config(recipe, [DATA])


def test_blocks_that_contain_each_other(recipe: Path) -> None:
    (recipe.parent / "first.yaml").write_text("defaults: [second]\n")
    (recipe.parent / "second.yaml").write_text("defaults: [first]\n")
    recipe.write_text("defaults: [first]\n")
    with pytest.raises(ConfigError, match="blocks that contain each other"):
        load_config(recipe, [DATA])


def test_a_broken_block_is_named(recipe: Path) -> None:
    block = recipe.parent / "encoders" / "mine.yaml"
    block.parent.mkdir()
    block.write_text("backbone: [1, 2")
    with pytest.raises(ConfigError, match="mine") as error:
        load_config(recipe, [DATA, "encoders@encoder=mine"])
    assert "\n" not in str(error.value)


def test_nothing_is_left_behind(recipe: Path) -> None:
    """Calls share no state: side by side, each gets what it asked for; Hydra stays untouched."""
    names = ["ecapa_256", "ecapa_512", "xvector", "campplus"] * 4

    def dims(name: str) -> str:
        encoder = load_config(recipe, [DATA, f"encoders@encoder={name}"]).encoder
        return str(encoder["backbone"])

    with ThreadPoolExecutor(4) as pool:
        side_by_side = list(pool.map(dims, names))
    assert side_by_side == [dims(name) for name in names]
    assert len(set(side_by_side)) == 4
    assert not GlobalHydra.instance().is_initialized()


BLOCKS = sorted(path.relative_to(COMMON) for path in COMMON.glob("encoders/*.yaml"))
"""Those in `encoders/pretrained` need weights: tests/recipes/voxceleb has tiny ones."""


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_encoder_blocks_build(recipe: Path, block: Path) -> None:
    name = block.relative_to("encoders").with_suffix("")
    config = plain(load_config(recipe, [DATA, f"encoders@encoder={name}"]))
    assert build(config["encoder"], "encoder").embedding_dim == config["encoder"]["embedding_dim"]


def test_blocks_travel_with_the_package() -> None:
    assert (COMMON / "__init__.py").is_file()
    assert '"**/*.yaml"' in (ROOT / "setup.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_recipes_describe_no_encoder(path: Path) -> None:
    """An encoder is described once, in a block; recipes say what is their own."""
    own = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert "_target_" not in own.get("encoder", {})
    assert blocks_composed(path).encoder._target_ == "joint.encoders.encoder.SpeakerEncoder"
