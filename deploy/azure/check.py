"""Checks main.json against the schemas that Azure publishes of its resources, and names properties that they lack.

    git clone --depth 1 https://github.com/Azure/azure-resource-manager-schemas
    .venv/bin/python deploy/azure/check.py azure-resource-manager-schemas

The schemas allow properties that they don't name, so a property that is misspelt passes them: here it is a finding.
Exit status 0: nothing was found. Else 1.
"""

import json
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft4Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

TEMPLATE = Path(__file__).with_name("main.json")
#: Of a template, whatever the resource is.
OF_TEMPLATES = {"condition", "dependsOn", "scope"}


class Schemas:
    """Azure's schemas, in a checkout of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.read = cache(self._read)
        self.registry: Any = Registry(retrieve=self._retrieve)  # type: ignore[call-arg]  # attrs renames it

    def _read(self, uri: str) -> Any:
        path = uri.partition("://schema.management.azure.com/")[2].partition("#")[0]
        return json.loads((self._folder / path).read_text())

    def _retrieve(self, uri: str) -> Resource[Any]:
        return Resource.from_contents(self.read(uri), DRAFT4)

    def of(self, resource: dict[str, Any]) -> str | None:
        """Where the schema of a resource stands; None: there is none for this type and version."""
        provider = resource["type"].partition("/")[0]
        uri = f"https://schema.management.azure.com/schemas/{resource['apiVersion']}/{provider}.json"
        try:
            document = self.read(uri)
        except OSError:
            return None
        for section in document:
            if section.endswith("resourceDefinitions"):
                for name, definition in document[section].items():
                    if definition["properties"]["type"].get("enum") == [resource["type"]]:
                        return f"{uri}#/{section}/{name}"
        return None

    def resolve(self, uri: str, schema: Any, node: Any) -> tuple[str, Any]:
        """The schema behind references and alternatives that speaks of this very node, and its document."""
        while isinstance(schema, dict) and ("$ref" in schema or "oneOf" in schema):
            if "$ref" in schema:
                reference = schema["$ref"]
                uri = reference.partition("#")[0] or uri
                schema = self.read(uri)
                for part in reference.partition("#/")[2].split("/"):
                    schema = schema[part]
                continue
            common = schema.get("properties", {})
            others = [each for each in schema["oneOf"] if not each.get("$ref", "").endswith("/expression")]
            if len(others) > 1:  # which one it is says a property that has one value, as `endpointType`
                others = [each for each in others if _is_said_by(node, each)]
            if len(others) != 1:
                return uri, {}
            (schema,) = others
            if common:
                schema = {"properties": common | schema.get("properties", {})}
        return uri, schema

    def unknown(self, uri: str, schema: Any, node: Any, place: str) -> list[str]:
        """Properties of the node that the schema does not name."""
        uri, schema = self.resolve(uri, schema, node)
        if isinstance(node, list):
            return [
                found
                for index, each in enumerate(node)
                for found in self.unknown(uri, schema.get("items", {}), each, f"{place}[{index}]")
            ]
        known = schema.get("properties") if isinstance(schema, dict) else None
        if not isinstance(node, dict) or not known:
            return []
        missing = [f"{place}.{key}: no such property" for key in node if key not in known]
        return missing + [
            found
            for key in node
            if key in known
            for found in self.unknown(uri, known[key], node[key], f"{place}.{key}")
        ]


def _is_said_by(node: Any, schema: dict[str, Any]) -> bool:
    return isinstance(node, dict) and any(
        isinstance(node.get(name), str) and node[name] in each.get("enum", [])
        for name, each in schema.get("properties", {}).items()
    )


def findings(schemas: Schemas, symbol: str, resource: dict[str, Any]) -> list[str]:
    """What is wrong with a resource of the template."""
    uri = schemas.of(resource)
    if uri is None:
        return [f"{symbol}: there is no schema of {resource['type']}@{resource['apiVersion']}"]
    own = {key: value for key, value in resource.items() if key not in OF_TEMPLATES}
    found = []
    for error in Draft4Validator({"$ref": uri}, registry=schemas.registry).iter_errors(own):
        value = error.instance
        if not (isinstance(value, str) and re.fullmatch(r"\[.*\]", value)):  # an expression is of any length
            found.append(f"{symbol}{error.json_path[1:]}: {error.message}")
    return found + schemas.unknown(uri, {"$ref": uri}, own, symbol)


def main() -> int:
    """Say what is wrong; the exit status."""
    if len(sys.argv) != 2:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    schemas = Schemas(Path(sys.argv[1]))
    resources = json.loads(TEMPLATE.read_text())["resources"]
    found = [line for symbol, each in resources.items() for line in findings(schemas, symbol, each)]
    good = f"{len(resources)} resources are as Azure's schemas want them."
    sys.stdout.write("\n".join(found or [good]) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
