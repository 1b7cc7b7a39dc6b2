"""The tables of what people and their phones really text, which several tests read."""

from pathlib import Path
from typing import Any

import yaml

#: As safe as `yaml.SafeLoader`, and ten times as quick where PyYAML was built with libyaml.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def people_texts() -> list[dict[str, Any]]:
    """Every row of every table, with the name of its file."""
    folder = Path(__file__).parents[1] / "rulebook"
    return [
        {"file": path.name, **row}
        for path in sorted(folder.glob("people_text*.yaml"))
        for row in yaml.load(path.read_text("utf-8"), Loader=LOADER)
    ]
