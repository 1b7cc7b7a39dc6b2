"""Settings whose value stands in a file, as Compose and Kubernetes mount secrets: a setting's name with `_FILE`."""

from collections.abc import Collection, Mapping
from pathlib import Path

from bot.setting_values import WrongSetting

SUFFIX = "_FILE"


def is_file_setting(name: str, settings: Collection[str]) -> bool:
    """Whether a variable names the file of a setting."""
    return name.endswith(SUFFIX) and name.removesuffix(SUFFIX) in settings


def with_files(environ: Mapping[str, str], settings: Collection[str]) -> dict[str, str]:
    """The variables with the values that stand in files; raises `WrongSetting`."""
    values = dict(environ)
    for name, path in environ.items():
        if not path or not is_file_setting(name, settings):
            continue
        setting = name.removesuffix(SUFFIX)
        if environ.get(setting):
            raise WrongSetting(name, f"and {setting} are both set: keep one of them.")
        try:
            # The line's end that editors and `echo` write is no part of a secret.
            values[setting] = Path(path).read_text("utf-8-sig").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise WrongSetting(
                name,
                f"names {path}, which cannot be read ({reason}): mend the path, or who may read the file.",
            ) from error
    return values
