"""Fill in the description for PyPI: the README, with absolute links once there is an address."""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_RELATIVE = r"\[([^\]]*)\]\((?![a-z]+:|#)([^)\s]+)\)"


class ReadmeHook(MetadataHookInterface):
    """Set the description and the addresses of the project.

    PyPI shows the README outside the repository, where relative links and pictures do not work.
    The address of the repository is set in one place, `[tool.hatch.metadata.hooks.custom]` in
    pyproject.toml; while it is empty, the links stay relative.
    """

    def update(self, metadata: dict[str, Any]) -> None:
        """Set `readme` and `urls` in the metadata of the project."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        address = str(self.config.get("repository", "")).rstrip("/")
        if address:
            text = absolute_links(text, address)
            metadata["urls"] = {"Source": address, "Issues": f"{address}/issues"}
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


def absolute_links(text: str, address: str) -> str:
    """Return Markdown in which relative links and pictures start at the address."""
    text = re.sub(rf"!{_RELATIVE}", rf"![\1]({address}/raw/main/\2)", text)
    return re.sub(rf"(?<!!){_RELATIVE}", rf"[\1]({address}/blob/main/\2)", text)
