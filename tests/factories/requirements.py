"""The list of what training needs, read as pip reads it."""

from __future__ import annotations

from packaging.requirements import Requirement

from factories.imports import ROOT

GPU_LIST = ROOT / "requirements-gpu.txt"


def read_requirements() -> dict[str, Requirement]:
    """The requirements of requirements-gpu.txt by name, in their order."""
    lines = [line.partition("  #")[0] for line in GPU_LIST.read_text(encoding="utf-8").splitlines()]
    requirements = [Requirement(line) for line in lines if not line.startswith("#")]
    return {requirement.name: requirement for requirement in requirements}
