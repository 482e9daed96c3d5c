"""Puts templates/ inside the wheel, as bridge/_templates. Used by setuptools when it builds, and by nothing else."""

from pathlib import Path

from setuptools.command.build_py import build_py  # type: ignore[import-untyped]

TEMPLATES = Path("templates")
INSIDE = Path("bridge", "_templates")


class BuildWithTemplates(build_py):  # type: ignore[misc]
    """build_py that also copies the templates; an editable install reads them where they are."""

    def run(self) -> None:
        """Build the package, then its templates."""
        super().run()
        if not self.editable_mode:
            for source in _templates():
                target = Path(self.build_lib) / INSIDE / source.relative_to(TEMPLATES)
                target.parent.mkdir(parents=True, exist_ok=True)
                self.copy_file(str(source), str(target))

    def get_source_files(self) -> list[str]:
        """List what a source distribution must hold."""
        return [*super().get_source_files(), *(str(source) for source in _templates())]


def _templates() -> list[Path]:
    return sorted(path for path in TEMPLATES.rglob("*") if path.is_file())
