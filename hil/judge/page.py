from pathlib import Path

from hil.judge.conclusion import Conclusion


def write_page(folder: Path, conclusion: Conclusion) -> None: ...
