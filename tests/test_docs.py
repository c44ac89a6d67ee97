"""Each code block of README and of docs/ runs, or names the reason why it does not.

A comment before a block marks it: ``<!-- slow -->`` runs with a model in ``make test-slow``, ``<!-- served -->`` asks a
server that ``tests/serve/clients`` starts, and ``<!-- not run: REASON -->`` runs nowhere. Blocks of text are outputs;
those of toml belong to other packages. The blocks of a page run in order and share a folder.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from evals.config import RunConfig
from evals.live.parts import split
from evals.methods import described
from tests.support.pages import FENCE, ROOT, Block, blocks
from tts.config import from_mapping
from tts.config.keys import keys

PAGES = [
    ROOT / "README.md",
    *sorted(path for path in (ROOT / "docs").glob("*.md") if path.name != "configuration.md"),  # generated
]
STATIC = ("text", "toml", "{toctree}", "{eval-rst}")
LINK = re.compile(r"(?<!`)\]\((?!https?:)(?P<path>[^)#\s]*)(?:#(?P<anchor>[^)\s]+))?\)")


def runnable(page: Path, *, slow: bool) -> list[Block]:
    """Return the blocks that run: the quick ones, or all of a page that has slow ones."""
    found = [b for b in blocks(page) if b.language not in STATIC and not b.mark.startswith(("not run", "served"))]
    if slow:
        return found if any(b.mark == "slow" for b in found) else []
    return [b for b in found if not b.mark]


def named(slow: bool) -> list[object]:
    return [pytest.param(page, id=page.stem) for page in PAGES if runnable(page, slow=slow)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def execute(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    if block.language == "python":
        exec(compile(block.code, block.where, "exec", dont_inherit=True), {"__name__": "page"})
    elif block.language == "sh":
        for arguments in commands(block):
            monkeypatch.setattr(sys, "argv", arguments)
            from tts.cli import main

            main()
    elif block.language == "yaml":
        for part in split(from_mapping(RunConfig, OmegaConf.to_container(OmegaConf.create(block.code)), block.where)):
            assert [described(entry) for entry in part.strategies if entry != "all"]
    elif block.language == "json":
        Path("page.jsonl").write_text(json.dumps(json.loads(block.code)), encoding="utf-8")
        monkeypatch.setattr(sys, "argv", ["tts", "pool", "info", "page.jsonl"])
        from tts.cli import main

        main()
    else:
        pytest.fail(f"{block.where}: a block of the language {block.language!r} cannot run: mark it, or make it text")


def commands(block: Block) -> list[list[str]]:
    """Return the arguments of each command of a block.

    Raises:
        ValueError: it is no command of this package.
    """
    lines = block.code.replace("\\\n", " ").splitlines()
    found = [shlex.split(line, comments=True) for line in lines if line.strip()]
    if foreign := [words[0] for words in found if words[0] != "tts"]:
        raise ValueError(f"{block.where}: only tts runs in tests, got {foreign[0]}: mark the block")
    return found


@pytest.mark.parametrize("page", named(slow=False))
def test_quick_blocks_run(page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for block in runnable(page, slow=False):
        execute(block, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("page", named(slow=True))
def test_all_blocks_run(page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("transformers")
    for block in runnable(page, slow=True):
        execute(block, monkeypatch)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    lost = []
    for link in LINK.finditer(text):
        target = (page.parent / link["path"]).resolve() if link["path"] else page
        if not target.exists() or (link["anchor"] and link["anchor"] not in anchors(target)):
            lost.append(link[0])
    assert not lost


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_each_shell_and_python_block_is_marked_or_runs() -> None:
    found = [block for page in PAGES for block in blocks(page)]
    assert sum(block.language in ("sh", "python") for block in found) >= 15
    assert {block.language for block in found} <= {"sh", "python", "yaml", "json", *STATIC}


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_bytes()) <= 8 * 1024


def test_each_key_of_a_configuration_has_a_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    from configuration_reference import COMMANDS, SHARED, page

    found = [key for schema in COMMANDS.values() for key in keys(schema)]
    assert [key.path for key in found if not key.text] == []
    written = page()
    lost = {key.path for key in found if not key.section and f"| `{key.path}` |" not in written}
    assert not lost and all(f"| `{name}.*` | section |" in written for name in SHARED.values())
