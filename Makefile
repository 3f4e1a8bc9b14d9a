# Everything sets itself up: system libraries where they may be installed, and .venv.
# Another Python: make PYTHON=/path/to/python3.11 test

# Tried out, not only looked for: a version manager's stub may stand for a Python that is not there.
PYTHON ?= $(or $(shell for python in python3.11 python3.12 python3; do \
	$$python -c '' 2>/dev/null && echo $$python && break; done),python3)
BIN := .venv/bin
WINDOW_PACKAGES := libegl1 libgl1 libglib2.0-0 libdbus-1-3 libfontconfig1 fonts-dejavu-core \
	libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0
SCREEN_PACKAGES := xvfb xauth

.PHONY: help demo test lint napari bench docs screenshots dist try-wheel clean

help:
	@echo "make demo    learn to pick on simulated micrographs and export the picks, without a window"
	@echo "make test    all tests; those of the window on a screen that nobody sees"
	@echo "make lint    ruff, mypy, the layers of imports, spelling and style of the texts"
	@echo "make napari  the window with simulated micrographs, ready to label"
	@echo "make bench   benchmarks of speed and memory, and the limits that do not hold"
	@echo "make docs    the documentation, into site/"
	@echo "make screenshots  the pictures of the window in the documentation"
	@echo "make dist    the archive and the wheel to publish, into dist/"
	@echo "make try-wheel  that wheel in an empty environment: its window, in build/widget.png"
	@echo "make clean   remove all that the others made"

demo: .venv/ready
	$(BIN)/activepick demo --out demo

test: .venv/ready
	@tools/system_packages.sh "testing the window" $(WINDOW_PACKAGES) $(SCREEN_PACKAGES)
	tools/with_display.sh $(BIN)/python -m pytest -n 2 --dist loadgroup $(PYTEST_ARGS)

lint: .venv/ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell -D - -D tools/words.txt --ignore-words-list sav,ser,fom \
		--skip '*.ipynb,*.svg,*/fixtures/*,docs/commands.md,docs/images' \
		*.md docs src tests benchmarks examples Makefile tools/*.py tools/*.sh
	$(BIN)/proselint check $(filter-out docs/commands.md,$(wildcard *.md docs/*.md docs/*/*.md))

napari: .venv/ready
	@tools/system_packages.sh "the window" $(WINDOW_PACKAGES)
	$(BIN)/python tools/open_sample.py $(NAPARI_ARGS)

bench: .venv/ready
	@tools/system_packages.sh "the window" $(WINDOW_PACKAGES) $(SCREEN_PACKAGES)
	tools/with_display.sh $(BIN)/python benchmarks/run_all.py $(BENCH_ARGS)

docs: .venv/docs-ready
	$(BIN)/python -m typer activepick.cli utils docs --name activepick --output docs/commands.md
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --site-dir site

screenshots: .venv/ready
	@tools/system_packages.sh "the window" $(WINDOW_PACKAGES) $(SCREEN_PACKAGES)
	SCREEN=1940x1200 tools/with_display.sh $(BIN)/python tools/screenshots.py
	SCREEN=1940x1200 tools/with_display.sh $(BIN)/python tools/loop_animation.py

dist: .venv/release-ready
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*

# The newest versions are installed, as for a user; RESOLUTION=lowest-direct takes the oldest ones.
try-wheel: dist
	@tools/system_packages.sh "the window" $(WINDOW_PACKAGES) $(SCREEN_PACKAGES)
	PYTHON="$(PYTHON)" RESOLUTION="$(RESOLUTION)" tools/try_wheel.sh dist/*.whl build/widget.png $(PIP_ARGS)

clean:
	rm -rf .venv site demo build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

.venv/ready: pyproject.toml constraints.txt tools/environment.sh
	@tools/environment.sh "$(PYTHON)" all,dev
	@touch $@

.venv/docs-ready: .venv/ready
	@tools/environment.sh "$(PYTHON)" all,dev,docs
	@touch $@

.venv/release-ready: .venv/ready
	@tools/environment.sh "$(PYTHON)" all,dev,release
	@touch $@
