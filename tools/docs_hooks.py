"""Hooks of mkdocs: short code stays on one line, as options must not break at their hyphens."""

import re
from typing import Any

# Longer code would not fit into one line of a narrow screen.
_LONGEST = 32
_CODE = re.compile(rf"<code>([^<\n]{{1,{_LONGEST}}})</code>")


def on_page_content(html: str, **_: Any) -> str:
    """Return the page with a class on short inline code, which docs/stylesheets/extra.css uses."""
    return _CODE.sub(r'<code class="short">\1</code>', html)
