"""The bill of materials of what is shipped, as CycloneDX: `python deploy/sbom.py > sbom.json`, or `make sbom`.

From the locks: what the image installs, with the hashes that pip checks, and what is built into the console's scripts.
Licences are those that the installed packages declare.
"""

import json
import re
import sys
import uuid
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bot import __version__  # noqa: E402

_PINNED = re.compile(
    r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)(.*?)(?=^\S|\Z)", re.MULTILINE | re.DOTALL
)
_CLASSIFIER = "License :: OSI Approved :: "


def python_components(lock: str) -> list[dict[str, Any]]:
    """The packages of a lock of pip's."""
    return [
        {
            "type": "library",
            "bom-ref": f"pkg:pypi/{name}@{version}",
            "name": name,
            "version": version,
            "purl": f"pkg:pypi/{name}@{version}",
            "hashes": [
                {"alg": "SHA-256", "content": each} for each in re.findall(r"sha256:([0-9a-f]{64})", rest)
            ],
            **_licences([licence] if (licence := licence_of(name)) else []),
        }
        for name, version, rest in _PINNED.findall(lock)
    ]


def npm_components(lock: str) -> list[dict[str, Any]]:
    """The packages of a lock of npm's that the console's scripts are built from or with."""
    packages = json.loads(lock)["packages"].items()
    return [
        {
            "type": "library",
            "bom-ref": f"pkg:npm/{_npm_name(path)}@{each['version']}",
            "name": path.rpartition("node_modules/")[2],
            "version": each["version"],
            "purl": f"pkg:npm/{_npm_name(path)}@{each['version']}",
            "scope": "excluded" if each.get("dev") else "required",
            **_licences([each["license"]] if "license" in each else []),
        }
        for path, each in packages
        if path
    ]


def licence_of(name: str) -> str | None:
    """What an installed package says its licence is; None where it isn't installed, or says nothing."""
    try:
        told = metadata(name)
    except PackageNotFoundError:
        return None
    classified = [
        each.removeprefix(_CLASSIFIER) for each in told.get_all("Classifier") or [] if _CLASSIFIER in each
    ]
    words = (told.get("License") or "").strip().partition("\n")[0]
    return told.get("License-Expression") or ", ".join(classified) or words or None


def bill() -> dict[str, Any]:
    """The whole of it."""
    own = f"pkg:pypi/sms-keyword-bot@{__version__}"
    components = python_components((ROOT / "requirements-image.lock").read_text("utf-8"))
    components += npm_components((ROOT / "package-lock.json").read_text("utf-8"))
    content = json.dumps(components, sort_keys=True)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, own + content)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": "sms-keyword-bot",
                "version": __version__,
                "purl": own,
                "licenses": [{"license": {"id": "MIT"}}],
            }
        },
        "components": components,
    }


def _npm_name(path: str) -> str:
    return path.rpartition("node_modules/")[2].replace("@", "%40")


def _licences(names: list[str]) -> dict[str, Any]:
    return {"licenses": [{"license": {"name": name}} for name in names]} if names else {}


if __name__ == "__main__":
    json.dump(bill(), sys.stdout, indent=1)
    sys.stdout.write("\n")
