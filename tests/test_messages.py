"""Messages name no options of the command line, which nobody has in the window or in Python."""

import ast
import re
from pathlib import Path

import pytest

import activepick
from activepick.errors import ActivepickError, Notice, SessionError, on_command_line
from activepick.wording import counted

SOURCE = Path(activepick.__file__).parent
OPTION = re.compile(r"--[a-z]|activepick [a-z]+ (--|[A-Z])|activepick convert")
# Used only by the command line.
OF_THE_COMMAND_LINE = {"cli", "batch", "benchmark"}


def texts_of_messages(tree: ast.AST):
    """Yield the texts in the sentence of each error, warning and notice."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name.endswith(("Error", "Warning")) or name in ("warn_table", "warn", "Notice"):
                for argument in node.args:
                    for part in ast.walk(argument):
                        if isinstance(part, ast.Constant) and isinstance(part.value, str):
                            yield node.lineno, part.value


def test_messages_of_the_library_name_no_option():
    found, count = [], 0
    for path in SOURCE.rglob("*.py"):
        if path.relative_to(SOURCE).parts[0] in OF_THE_COMMAND_LINE:
            continue
        for line, text in texts_of_messages(ast.parse(path.read_text("utf-8"))):
            count += 1
            if OPTION.search(text):
                found.append(f"{path.name}:{line}: {text}")
    assert count > 500
    assert found == []


def test_messages_of_the_window_name_no_command():
    """The window has controls for everything that it tells people to do."""
    for path in (SOURCE / "_napari").rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        documented = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and ast.get_docstring(node) is not None
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert id(node) in documented or not OPTION.search(node.value), (path, node.value)


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (ActivepickError("a.mrc: too small"), "a.mrc: too small"),
        (ActivepickError("Give it in Å.", option="--pixel-size"), "Give it in Å (--pixel-size)."),
        (Notice("more below", option="--recursive"), "more below (--recursive)"),
        (SessionError("Locked", "force", option="--force"), "Locked (--force)"),
        (ValueError("plain"), "plain"),
    ],
)
def test_the_command_line_adds_the_option_to_the_message(problem, text):
    assert on_command_line(problem) == text


def test_a_count_agrees_with_its_noun_or_clause() -> None:
    assert counted(1, "pick") == "1 pick"
    assert counted(0, "pick") == "0 picks"
    assert counted(2, "row is", "rows are") == "2 rows are"
    assert counted(12345, "pick", spec=",") == "12,345 picks"
