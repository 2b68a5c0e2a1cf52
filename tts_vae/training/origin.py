"""Where a trained thing comes from: the commit, and the numbers of its last validation."""

import subprocess
from collections.abc import Mapping
from pathlib import Path


def git_hash() -> str:
    """Short hash of the code that runs, or "unknown" outside a repository."""
    try:
        command = ["git", "rev-parse", "--short", "HEAD"]
        here = Path(__file__).parent
        result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=here)
        return result.stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def validation_table(metrics: Mapping[str, float]) -> str:
    """The table of a model card."""
    lines = "\n".join(f"| {name} | {value} |" for name, value in sorted(metrics.items()))
    return f"| validation | value |\n|---|---|\n{lines}\n"
