"""From overrides of configs/ to one resolved configuration."""

from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

# beside recipes/ in a checkout, inside it where the package was installed from a wheel
CONFIGS = next(
    folder
    for folder in (
        Path(__file__).resolve().parents[1] / "configs",
        Path(__file__).parent / "_configs",
    )
    if folder.is_dir()
)


IMAGES = ("digits", "mnist")


def root_of(overrides: list[str]) -> str:
    """Which configuration an experiment belongs to: voices, or the images of the latent core."""
    chosen = [o.split("=", 1)[1] for o in overrides if o.startswith("experiment=")]
    return "image" if chosen and chosen[-1].split("/")[0] in IMAGES else "train"


def configure(overrides: list[str], name: str = "train") -> DictConfig:
    """Compose a configuration.

    Raises:
        ValueError: one line that names the unknown key, group or missing value.
    """
    try:
        with initialize_config_dir(str(CONFIGS), version_base="1.3"):
            config = compose(name, overrides=overrides)
    except (HydraException, OmegaConfBaseException, YAMLError) as error:
        lines = [line for line in str(error.__cause__ or error).splitlines() if line.strip()]
        raise ValueError(
            f"configuration: {lines[0]}; keys and groups are listed in configs/"
        ) from None
    written = OmegaConf.to_container(OmegaConf.load(CONFIGS / f"{name}.yaml"))
    assert isinstance(written, dict)
    groups = [entry for entry in written.get("defaults", []) if entry != "_self_"]
    # "encoder@model.encoders.z" is a group whose leaf lands in model
    known = {key.split("@")[-1].split(".")[0] for part in (written, *groups) for key in part}
    unknown = sorted(map(str, set(config) - known))
    if unknown:  # of an experiment file, or added with +
        raise ValueError(f"configuration: unknown keys {unknown}; configs/{name}.yaml has the rest")
    return config
