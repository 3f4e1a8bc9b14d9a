import ast
import re
import shlex
from functools import cache
from pathlib import Path

import pytest
import typer

from activepick.cli.program import app

ROOT = Path(__file__).resolve().parents[1]
# Made by `make docs`, from the code.
GENERATED = ROOT / "docs" / "commands.md"
PAGES = [
    page
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    if page.is_file() and page != GENERATED
]
COMMANDS = typer.main.get_command(app)

pytestmark = pytest.mark.skipif(
    not (ROOT / "docs").is_dir(), reason="the documentation is in the source only"
)
pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def without_code(text):
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


def anchors(page):
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    plain = (re.sub(r"[^\w\s-]", "", title.lower()) for title in titles)
    return {re.sub(r"[\s-]+", "-", title.strip()) for title in plain}


@pages
def test_links_are_valid(page):
    links = re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text(encoding="utf-8")))
    for link in links:
        target, _, anchor = link.partition("#")
        if re.match(r"https://\w", target):
            continue
        path = page if not target else (page.parent / target).resolve()
        if path == GENERATED and page.parent != ROOT:
            continue  # exists only in the built site
        assert path.exists(), link
        # Anchors of mkdocstrings are checked by `make docs`; anchors of pictures select a theme.
        if anchor and path.suffix == ".md" and path.parent.name != "reference":
            assert anchor in anchors(path), link


def commands_in(text):
    """Return the words of each call of activepick in blocks of code and between backticks."""
    blocks = re.findall(r"```(?:sh|bat|console)\n(.*?)```", text, flags=re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    spans = re.findall(r"`(activepick [^`\n]*)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    for line in [*lines, *spans]:
        call = re.search(r"(?:^|[\s\"])activepick (.*)", line)
        if call and not line.lstrip().startswith("#"):
            words = re.sub(r"[\"'\[\]]", " ", re.split(r"\s#\s|\s\|\s", call[1])[0])
            yield shlex.split(words.replace("…", " "))


@pages
def test_commands_and_options_exist(page):
    text = re.sub(r"(?m)^ +(?=```)", "", page.read_text(encoding="utf-8"))
    for words in commands_in(text):
        if words[0].isupper():
            continue  # OPTIONS and COMMAND, in descriptions of the whole
        command = COMMANDS
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]
        known = {name for parameter in command.params for name in parameter.opts} | {"--help"}
        options = {word.partition("=")[0] for word in words if word.startswith("--")}
        named = command is not COMMANDS or options
        assert named, f"there is no command {' '.join(words)}"
        assert options <= known, f"{command.name}: {options - known}"


def options_of(command):
    inside = getattr(command, "commands", {}).values()
    return {name for parameter in command.params for name in parameter.opts}.union(
        *map(options_of, inside)
    )


@pages
def test_options_of_the_guide_exist(page):
    if page.parent.name != "guide" and page.name not in ("README.md", "start.md", "window.md"):
        return  # other pages also name options of other programs
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    named = set(re.findall(r"`(--[a-z-]+)[^`]*`", text))
    assert named <= options_of(COMMANDS)


@cache
def messages():
    """Return all texts of the program, with … in place of the inserted values."""
    found = []
    for file in (ROOT / "src" / "activepick").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [v.value if isinstance(v, ast.Constant) else "…" for v in node.values]
                found.append("".join(parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return "\n".join(found)


@pytest.mark.parametrize("name", ["troubleshooting", "guide/stopping", "guide/diameter"])
def test_quoted_messages_are_those_of_the_program(name):
    text = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    cells = re.findall(r"^\| (`.*?) \|", text, flags=re.MULTILINE)
    quoted = [span for cell in cells for span in re.findall(r"`([^`]+)`", cell)]
    assert len(quoted) > 2
    for message in quoted:
        for part in filter(None, (part.strip(" .") for part in message.split("…"))):
            assert part in messages(), part


@pytest.mark.parametrize("name", ["start", "guide/all-micrographs", "guide/stopping"])
def test_quoted_output_is_that_of_the_program(name):
    text = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```(?:console|text)\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line[:1] not in "$"]
    assert lines
    for line in lines:
        for part in re.split(r"\d+(?:\.\d+)?", line):
            # Short parts consist of counts, units and names of files.
            assert len(part) < 25 or part.strip(" %") in messages(), part


# Names in the windows of napari, RELION and cryoSPARC, and those that contain a layer's name.
OTHER_NAMES = {
    "Plugins",
    "Save Picks",
    "Save Labels",
    "Particle extraction",
    "Extract From Micrographs",
    "Import Particle Stack",
    "Inspect Picks",
    "Subset selection",
}


def names_of_the_window(text):
    """Return the names of buttons, sections and settings: in italics, with a capital letter."""
    plain = without_code(text)
    names = re.findall(r"(?<![*\w])\*([A-Z][^*\n]+)\*(?!\*)|<em>([^<]+)</em>", plain)
    for path in (markdown or html for markdown, html in names):
        yield from (name.strip(" .") for name in re.split(r" > |: ", path))


@pages
def test_quoted_labels_of_the_window_exist(page):
    if page.name not in ("start.md", "window.md") and page.parent.name not in (
        "guide",
        "tutorials",
    ):
        return  # on other pages, captions and sources are in italics
    known = re.sub(r"\d+", "…", messages())
    for name in names_of_the_window(page.read_text(encoding="utf-8")):
        is_caption = len(name) > 60
        assert is_caption or name in OTHER_NAMES or re.sub(r"\d+", "…", name) in known, name
