"""The ARM template says what the Bicep file says."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pycep import BicepParser

from bot.setting_values import StorageQueue
from bot.settings import SETTINGS, load

FOLDER = Path(__file__).parents[2] / "deploy" / "azure"
BICEP = BicepParser().parse(file_path=FOLDER / "main.bicep")
ARM = json.loads((FOLDER / "main.json").read_text())
PARAMETERS: dict[str, Any] = BICEP["parameters"]
RESOURCES: dict[str, Any] = BICEP["resources"]
#: What Bicep says beside the resource's own properties.
OF_BICEP = {"parent", "scope", "dependsOn", "name"}


def body(symbol: str) -> dict[str, Any]:
    config: dict[str, Any] = RESOURCES[symbol]["config"]
    return config["config"] if "condition" in config else config


def literals(node: Any) -> set[str]:
    """Parameters, properties and texts that an expression of Bicep's is made of."""
    if isinstance(node, dict):
        return {word for value in node.values() for word in literals(value)}
    if isinstance(node, list):
        return {word for value in node for word in literals(value)}
    return set(re.findall(r"\w+", node)) if isinstance(node, str) else set()


def words_of_arm(text: str) -> set[str]:
    """The same of ARM's, with the symbol in the place of a resource's id."""
    found = set(re.findall(r"\w+", text))
    for symbol, resource in ARM["resources"].items():
        if f"resourceId('{resource['type']}'" in text:
            found |= {symbol, "id"}
    return found


def is_expression(node: Any) -> bool:
    if isinstance(node, dict):
        return "function" in node or "operator" in node
    return isinstance(node, str) and (node in PARAMETERS or "${" in node)


def compare(bicep: Any, arm: Any, place: str) -> None:
    """Every key, every literal, and in expressions every parameter, resource, property and text."""
    if isinstance(bicep, list):
        assert len(bicep) == len(arm), place
        for index, (one, other) in enumerate(zip(bicep, arm, strict=True)):
            compare(one, other, f"{place}[{index}]")
    elif isinstance(bicep, str) and bicep == arm:
        return  # Bicep's parser does not tell a text from a name
    elif is_expression(bicep):
        assert isinstance(arm, str), place
        assert arm.startswith("["), place
        function_names = {
            "property_accessor",
            "function_accessor",
            "subscription_resource_id",
            "resource_group",
            "conditional",
            "index",
        }
        wanted = literals(bicep) - function_names - {"name", "properties"}
        if "not_equals" in wanted:
            wanted = wanted - {"not_equals"} | {"not", "equals"}
        assert wanted <= words_of_arm(arm), f"{place}: {wanted - words_of_arm(arm)} in {arm}"
    elif isinstance(bicep, dict):
        plain = {key for key in bicep if "${" not in key}
        assert plain == {key for key in arm if not key.startswith("[")}, place
        assert len(bicep) == len(arm), place
        for key in plain:
            compare(bicep[key], arm[key], f"{place}.{key}")
    else:
        assert bicep == arm, place


def test_both_take_the_same_parameters() -> None:
    assert list(ARM["parameters"]) == list(PARAMETERS)
    for name, parameter in PARAMETERS.items():
        twin = ARM["parameters"][name]
        decorators = {each["type"]: each.get("argument") for each in parameter["decorators"]}
        assert twin["type"] == ("securestring" if "secure" in decorators else parameter["type"])
        assert twin.get("allowedValues") == decorators.get("allowed")
        assert twin["metadata"]["description"] == str(decorators["description"]).replace("\\'", "'")
        assert ("defaultValue" in twin) == (parameter["default"] is not None)
        if parameter["default"] is not None:
            compare(parameter["default"], twin["defaultValue"], name)


def test_both_make_the_same_resources() -> None:
    assert list(ARM["resources"]) == list(RESOURCES)


@pytest.mark.parametrize("symbol", RESOURCES)
def test_a_resource_is_the_same_in_both(symbol: str) -> None:
    resource, twin, own = RESOURCES[symbol], ARM["resources"][symbol], body(symbol)
    assert (twin["type"], twin["apiVersion"]) == (resource["type"], resource["api_version"])
    assert ("condition" in twin) == ("condition" in resource["config"])
    if "condition" in twin:
        compare(resource["config"]["condition"], twin["condition"], f"{symbol}'s condition")
    rest = {
        key: value for key, value in twin.items() if key not in {"type", "apiVersion", "condition", *OF_BICEP}
    }
    compare({key: value for key, value in own.items() if key not in OF_BICEP}, rest, symbol)
    # What Bicep finds out by itself stands in ARM: a parent, a scope, and what is read of another resource.
    block = re.search(
        rf"^resource {symbol} .*?^}}", (FOLDER / "main.bicep").read_text(), re.MULTILINE | re.DOTALL
    )
    assert block is not None
    read = {
        each
        for each in RESOURCES
        if re.search(rf"(?<![\w.'/-]){each}\.(id|properties|name|listKeys)", block[0])
    }
    wanted = read | set(own.get("dependsOn", [])) | {own[key] for key in ("parent", "scope") if key in own}
    assert set(twin.get("dependsOn", [])) == wanted - {symbol}
    assert twin["name"].count("{") >= twin["type"].count("/") - 1 or twin["name"].startswith("[guid")


def test_the_container_is_given_settings_that_are_there() -> None:
    names = {setting.name for setting in SETTINGS} | {"AZURE_CLIENT_ID"}
    template = ARM["resources"]["app"]["properties"]["template"]
    for container in (*template["containers"], *template["initContainers"]):
        given = {name for each in container["env"] for name in re.findall(r"\b[A-Z]\w+_\w+", each["name"])}
        assert given <= names


def test_a_variant_that_fetches_its_events_can_not_be_reached_from_outside() -> None:
    """No public address, no webhook: one queue, which the bot reads and Event Grid writes into."""
    ingress = ARM["resources"]["app"]["properties"]["configuration"]["ingress"]
    assert ingress["external"] == "[not(equals(parameters('delivery'), 'pull'))]"
    queue = ARM["resources"]["queueSubscription"]["properties"]["destination"]["properties"]["queueName"]
    assert ARM["resources"]["queue"]["name"].endswith(f"'{queue}')]")
    value = re.search(r"'(storage:.*?)'", ARM["resources"]["eventsSecretInVault"]["properties"]["value"])
    assert value is not None
    read = load({"BOT_EVENTS_QUEUE": value[1].format("account", "a2V5"), "BOT_ENTRA_TENANT": ""}).events_queue
    assert isinstance(read, StorageQueue)
    assert read.name == queue


def test_the_cookie_is_for_https_as_tls_ends_at_the_ingress() -> None:
    (bot,) = ARM["resources"]["app"]["properties"]["template"]["containers"]
    (url,) = [each["value"] for each in bot["env"] if each["name"] == "BOT_PUBLIC_URL"]
    assert url.startswith("[format('https://{0}{1}.{2}', parameters('name')")
    assert ARM["resources"]["app"]["name"] == "[parameters('name')]"


def test_no_secret_is_in_the_open() -> None:
    """Secrets are secure parameters, and the container gets them from the vault alone."""
    assert {name for name, each in ARM["parameters"].items() if each["type"] == "securestring"} == {
        "webhookSecret",
        "adminToken",
        "databasePassword",
    }
    assert not re.search(
        r"parameters\('(webhookSecret|adminToken|databasePassword)'\)", json.dumps(ARM["outputs"])
    )
    assert "parameters('webhookSecret')" not in json.dumps(ARM["resources"]["app"])
