"""Who may import whom, told by the syntax trees, and what no file may contain."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "tts_vae"

RANKS = {
    "whole_file": -1,  # how any of them writes
    "latents": 0,
    "classical": 0,
    "audio": 0,
    "text": 0,
    "voices": 0,
    "objectives": 1,
    "corpora": 1,
    "models": 1,
    "data": 2,
    "synthesis": 3,
    "training": 4,
    "evaluation": 5,
    "cli": 7,
    "__main__": 8,
    "explorer": 6,
    "recipes": 8,
}
ONLY_LATENTS = {"objectives", "models"}
SPEAKS_FAST = {"lightning", "pytorch_lightning", "lhotse", "librosa", "hydra", "omegaconf"}
GPL = {"espeakng_loader", "parselmouth"}
HYDRA_AT_HOME = {"cli", "recipes"}

SOURCES = sorted(PACKAGE.rglob("*.py")) + sorted((ROOT / "recipes").rglob("*.py"))
# the package itself only names Voice and Style, on first use
MODULES = [path for path in SOURCES if path != PACKAGE / "__init__.py"]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def folder_of(path: Path) -> str:
    """First part below tts_vae ("audio", "cli"), or "recipes"."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[1] if parts[0] == "tts_vae" else parts[0]


def imported(path: Path, tree: ast.AST | None = None) -> set[str]:
    """Absolute names of all modules that a file imports, at any depth."""
    found: set[str] = set()
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(tree or ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            module = ".".join(base + ([node.module] if node.module else []))
            # "from tts_vae import audio" imports tts_vae.audio
            found |= {f"{module}.{alias.name}" for alias in node.names}
    return found


def ours(path: Path) -> set[str]:
    """Folders of ours that a file imports from, its own left out."""
    folders: set[str] = set()
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "tts_vae":
            folders.add({"Voice": "synthesis", "Style": "synthesis"}.get(parts[1], parts[1]))
        elif parts[0] == "recipes":
            folders.add("recipes")
    return folders - {folder_of(path), "__version__"}


def outside(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)}


def test_there_are_sources_to_check():
    assert len(MODULES) > 20


def test_every_folder_has_a_rank():
    assert {folder_of(path) for path in MODULES} <= set(RANKS)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_only_lower_ranks(path):
    own = RANKS[folder_of(path)]
    assert {folder for folder in ours(path) if RANKS[folder] >= own} == set()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_objectives_and_models_see_only_latents(path):
    if folder_of(path) in ONLY_LATENTS:
        assert ours(path) <= {"latents"}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_synthesis_stays_light_and_hydra_at_home(path):
    if folder_of(path) == "synthesis":
        assert outside(path) & SPEAKS_FAST == set()
    if folder_of(path) not in HYDRA_AT_HOME:
        assert "hydra" not in outside(path)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_gpl_packages_load_on_first_use(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    on_import = ast.Module([node for node in tree.body if not _is_definition(node)], [])
    assert {name.split(".")[0] for name in imported(path, on_import)} & GPL == set()


def _is_definition(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_files_stay_readable(path):
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), "a file begins with its one idea"
    assert len(text.splitlines()) <= 320
    if folder_of(path) == "recipes":
        assert len(text.splitlines()) < 100


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_library_does_not_print(path):
    if folder_of(path) in {"recipes", "cli"}:
        return  # programs may print
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert not [call for call in calls if isinstance(call, ast.Name) and call.id == "print"]


def test_speaking_loads_no_training_library():
    program = (
        "import sys, tts_vae; tts_vae.Voice; tts_vae.Style; "
        "print(*sorted({'lightning', 'lhotse', 'hydra', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_unknown_attribute_is_named():
    import tts_vae

    with pytest.raises(AttributeError, match="no attribute 'Vioce'"):
        _ = tts_vae.Vioce


def test_no_file_names_a_machine():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    # written in two pieces so that this file does not find itself
    starts = "|".join("/" + name for name in ("work", "root", "home", "Users", "mnt"))
    pattern = re.compile(rf"(?<![\w./:}}~-])(?:{starts})/[\w.-]+")
    guilty = {}
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.suffix in {".safetensors", ".wav", ".png", ".flac"} or not path.is_file():
            continue
        found = pattern.findall(path.read_text(encoding="utf-8", errors="ignore"))
        if found:
            guilty[name] = found
    assert guilty == {}
