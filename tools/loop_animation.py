"""Make the animated picture of the loop of question, answer and picks: docs/images/loop.gif.

    SCREEN=1940x1200 tools/with_display.sh .venv/bin/python tools/loop_animation.py

An oracle answers questions on simulated micrographs in a real window. Each question is one frame,
and again with the key that answers it.
"""

import argparse
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from qtpy.QtWidgets import QWidget
from screenshots import (
    DIAMETER,
    only,
    open_window,
    oracle_of,
    query_of,
    session_of,
    settle,
    wait,
    wait_for_picks,
    zoom,
)

from activepick.sample import sample_micrographs
from activepick.session import Session, Settings

SIZE = (1280, 800)
WIDTH = 900
ANSWERS = 14
_KEYS = {1: "F", 0: "D", None: "G"}
_NAMES = {1: "particle", 0: "not a particle", None: "skip"}
_LARGEST = 3_000_000


def main() -> None:
    """Answer questions in a window, and write the frames."""
    parser = argparse.ArgumentParser(description="Make the animated picture of the loop.")
    parser.add_argument("--out", type=Path, default=Path("docs/images/loop.gif"))
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as home:
        frames, seconds = record(Path(home))
    palette = frames[-1].quantize(96, dither=Image.Dither.NONE)
    still = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    still[0].save(
        out,
        save_all=True,
        append_images=still[1:],
        duration=[round(1000 * each) for each in seconds],
        loop=0,
        optimize=True,
    )
    size = out.stat().st_size
    print(f"{out}: {len(frames)} frames, {size / 1e6:.1f} MB")
    if size > _LARGEST:
        raise SystemExit(f"larger than {_LARGEST / 1e6:g} MB")


def record(home: Path) -> tuple[list[Image.Image], list[float]]:
    """Return the frames and the seconds for which each is shown."""
    sample = sample_micrographs()
    viewer, widget = open_window(home)
    window = viewer.window._qt_window
    window.resize(*SIZE)
    # The picture is small: napari's own docks make room for the micrograph.
    for dock in (
        viewer.window._qt_viewer.dockLayerList,
        viewer.window._qt_viewer.dockLayerControls,
    ):
        dock.hide()
    widget.particle.diameter.value = DIAMETER
    with Session.create(home / "sample", Settings(diameter_angstrom=DIAMETER)) as session:
        session.micrographs.add(sorted(sample.glob("*.mrc")))
    widget.open_path(session.folder)
    wait_for_picks(widget)
    only(widget, "label", "picks")
    shown = session_of(widget)
    oracle = oracle_of(shown, sample)
    frames, seconds = [grab(window, "The picks of Topaz's pretrained network")], [2.0]
    viewer.fit_to_view()
    for number in range(ANSWERS):
        question = shown.labelling.current
        if question is None:
            break
        zoom(widget)
        frames.append(grab(window, "Is this a particle?"))
        seconds.append(1.0 if number < 3 else 0.6)
        answer = oracle.answer(query_of(question))
        target = None if answer is None else int(answer)
        frames.append(grab(window, f"{_KEYS[target]}: {_NAMES[target]}"))
        seconds.append(0.8 if number < 3 else 0.4)
        shown.labelling.answer(None if answer is None else 1 if answer else 0)
        wait(lambda: not shown.jobs.busy())
    viewer.fit_to_view()
    settle()
    frames.append(grab(window, f"The picks after {ANSWERS} answers"))
    seconds.append(3.0)
    widget.close_session()
    viewer.close()
    return frames, seconds


def grab(window: QWidget, caption: str) -> Image.Image:
    """Return the window as an image, with a caption at the bottom of the micrograph."""
    settle()
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.png"
        window.grab().save(str(raw))
        image = Image.open(raw).convert("RGB")
    image = image.resize((WIDTH, round(WIDTH * image.height / image.width)), Image.Resampling.BOX)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(22)
    left, top, right, bottom = draw.textbbox((0, 0), caption, font=font)
    x, y = 0.34 * image.width - (right - left) / 2, image.height - 90
    draw.rounded_rectangle(
        (x - 14, y - 8, x + right - left + 14, y + bottom - top + 14), 8, fill="#102027"
    )
    draw.text((x, y), caption, font=font, fill="#ffeb3b")
    return image


if __name__ == "__main__":
    main()
