import subprocess
import sys

WINDOW = {"PyQt5", "PyQt6", "PySide2", "PySide6", "qtpy", "superqt", "pyqtgraph", "napari"}

IMPORT_ALL = """
import importlib, pkgutil, sys
import activepick

imported = 0
for module in pkgutil.walk_packages(activepick.__path__, "activepick."):
    if not module.name.startswith("activepick._napari"):
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            if error.name != "distributed":  # only needed on clusters
                raise
        imported += 1
assert imported > 50, imported
print(*{name.partition(".")[0] for name in sys.modules})
"""
SHOW_HELP = """
import sys
from typer.testing import CliRunner
from activepick.cli import app

assert "benchmark" in CliRunner().invoke(app, ["--help"]).stdout
print(*{name.partition(".")[0] for name in sys.modules})
"""
IMPORT_COMMAND = """
import sys
from typer.testing import CliRunner
from activepick.cli import app

for name in app.info.cls.summaries:
    assert CliRunner().invoke(app, [name, "--help"]).exit_code == 0, name
print(*{name.partition(".")[0] for name in sys.modules})
"""

IMPORT_WIDGET = """
import sys
import activepick._napari.widget

print(*{name.partition(".")[0] for name in sys.modules}, *(m for m in sys.modules if "scipy." in m))
"""


def packages_after(program: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_nothing_outside_the_plugin_imports_qt_or_napari():
    imported = packages_after(IMPORT_ALL)
    assert "activepick" in imported
    assert not imported & WINDOW


def test_the_help_is_shown_without_the_libraries_of_the_commands():
    imported = packages_after(SHOW_HELP)
    assert "typer" in imported
    assert not imported & ({"numpy", "pandas", "scipy", "torch"} | WINDOW)


def test_the_commands_start_without_torch():
    imported = packages_after(IMPORT_COMMAND)
    assert "typer" in imported
    assert not imported & ({"torch", "topaz", "matplotlib", "tifffile", "PIL"} | WINDOW)


def test_the_widget_is_shown_before_torch_is_imported():
    imported = packages_after(IMPORT_WIDGET)
    assert "napari" in imported
    assert not imported & {"torch", "topaz", "h5py"}
    # Parts of SciPy that take long to load, and are not needed to show the widget.
    slow = {"scipy.cluster", "scipy.interpolate", "scipy.optimize", "scipy.stats"}
    assert not imported & slow
