"""Whether recognition is installed, and where its models lie. Nothing here loads the engine."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

Task = Literal["det", "rec"]
NEEDED = ("rapidocr", "onnxruntime", "cv2", "numpy")


def installed() -> bool:
    """Whether the extra ``gongkai[ocr]`` is there with the models that its package carries."""
    if any(find_spec(name) is None for name in NEEDED):
        return False
    return _find("det") is not None and _find("rec") is not None


def model(task: Task) -> Path:
    """The file of a model: ``det`` finds lines of text, ``rec`` reads one.

    Raises:
        FileNotFoundError: the extra is not installed.
    """
    path = _find(task)
    if path is None:
        raise FileNotFoundError(f"no {task} model: install gongkai[ocr]")
    return path


def _find(task: Task) -> Path | None:
    spec = find_spec("rapidocr")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(next(iter(spec.submodule_search_locations))) / "models"
    return next(iter(sorted(folder.glob(f"*_{task}_*.onnx"))), None)
