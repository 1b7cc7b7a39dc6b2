"""The folder of rule files as people change it: whole files, by name, and nothing outside of it."""

import hashlib
import os
import re
import secrets
import stat
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from msgspec.structs import replace

from bot.rulebook.files.loader import FilesRead, read_files

if sys.platform != "win32":
    import fcntl

#: The names that a new file may have: letters of any script, digits, and signs that every file system takes.
_NAME = re.compile(r"\w[\w ,()+-]*(?:\.[\w ,()+-]+)*\.(?:yaml|[cC][sS][vV])")
_LONGEST_NAME = 100


class WrongName(Exception):
    """The name is not one that a rule file can have."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name!r} can't be the name of a rule file: take letters, digits, - and _, at most {_LONGEST_NAME} of"
            " them with .yaml at the end, or with .csv for a table."
        )


class NoSuchFile(Exception):
    """No rule file has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no rule file {name!r}.")


class UnreadableFile(Exception):
    """The rule file is there, and its text can't be shown."""


class Changed(Exception):
    """The file is not, or not any more, what it was taken to be; `etag` is that of the file now, if there is one."""

    def __init__(self, name: str, etag: str | None, *, is_new: bool) -> None:
        if is_new:
            sentence = f"There is a rule file {name} already; choose another name, or edit that one."
        elif etag is None:
            sentence = f"{name} is not there any more: somebody has removed it."
        else:
            sentence = f"Somebody else has saved {name} meanwhile; nothing was overwritten."
        super().__init__(sentence)
        self.etag = etag


class CannotWrite(Exception):
    """The rule files can't be changed now; the message says why."""


class FolderRefuses(CannotWrite):
    """The folder of the rules can't be changed from here."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(f"The rules in {folder} can't be changed from here: {reason}.")


def etag_of(text: str) -> str:
    """The entity tag of a file with this text."""
    return f'"{hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]}"'


class FolderState(msgspec.Struct, frozen=True):
    """What tells that rule files have changed, without reading them."""

    #: Where the path leads, all links followed, those of its parents too.
    leads_to: str
    #: Of each file its name, and what its stat says; or the error that stands in the way.
    files: tuple[tuple[str | int, ...], ...]


def look_at(path: Path) -> FolderState:
    """The state of a folder of rules, or of a single file; never raises."""
    leads_to = os.path.realpath(path)
    files: list[tuple[str | int, ...]] = []
    try:
        if not Path(leads_to).is_dir():
            names = [leads_to]
        else:
            names = [entry.path for entry in os.scandir(leads_to) if _is_rule_file(entry.name)]
    except OSError as error:
        return FolderState(leads_to, ((error.errno or 0,),))
    for name in sorted(names):
        try:
            found = Path(name).stat()
        except OSError as error:
            files.append((name, error.errno or 0))
        else:
            files.append(
                (name, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
            )
    return FolderState(leads_to, tuple(files))


def _is_rule_file(name: str) -> bool:
    return name.lower().endswith((".yaml", ".yml", ".csv")) and not name.startswith(".")


class RuleFolder:
    """The rule files under a path, which is a folder or a single file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def files(self) -> FilesRead:
        """All rule files as they are now."""
        return read_files(self.path)

    def text(self, name: str) -> str:
        """The text of one file; raises `NoSuchFile` or `UnreadableFile`."""
        return self.text_in(self.files(), name)

    def text_in(self, files: FilesRead, name: str) -> str:
        """The same for files that have been read."""
        text = files.texts.get(name)
        if text is None:
            about = [each.message for each in files.findings if each.file == name and each.level == "error"]
            raise UnreadableFile(about[0]) if about else NoSuchFile(name)
        folder = self._folder()
        if not (folder / name).resolve().is_relative_to(folder.resolve()):
            raise UnreadableFile(
                f"{name} is a link that leads out of the folder of rules, so it is not shown here."
            )
        return text

    def with_text(self, files: FilesRead, name: str, text: str | None) -> FilesRead:
        """How the files will be with another text in one of them; without that file when there is no text."""
        texts: Mapping[str, str] = {each: files.texts[each] for each in files.texts if each != name}
        if text is not None:
            texts = dict(sorted({**texts, name: text}.items()))
        # That there is no file at all is no longer true of a folder that gets one.
        gone = {name, str(self.path)} if texts else {name}
        return replace(
            files, texts=texts, findings=tuple(each for each in files.findings if each.file not in gone)
        )

    def why_read_only(self) -> str | None:
        """Why no file can be saved, as far as is known without trying; None when it seems to be possible."""
        folder = self._folder()
        if not folder.is_dir():
            return f"there is no folder {folder}"
        if hasattr(os, "statvfs") and os.statvfs(folder).f_flag & os.ST_RDONLY:
            return "the folder is mounted read-only; change the files where it comes from"
        if not os.access(folder, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
            return "the bot has no right to write into the folder"
        return None

    def check_name(self, name: str) -> None:
        """Raise `WrongName` for what no rule file of this folder can be called."""
        if self.path.is_file():
            if name != self.path.name:
                raise WrongName(name)
        elif len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
            raise WrongName(name)

    def check_unchanged(self, files: FilesRead, name: str, expected: Collection[str] | None) -> None:
        """Raise `Changed` unless the file has one of these entity tags, or is not there when there are none."""
        found = files.texts.get(name)
        etag = etag_of(found) if found is not None else None
        if (etag is not None) if expected is None else (etag is None or not {etag, "*"} & set(expected)):
            raise Changed(name, etag, is_new=expected is None)

    def write(self, name: str, text: str | None, expected: Collection[str] | None) -> None:
        """Put a text in the place of a file as one step that a reader sees whole or not at all; None removes it.

        `expected` as for `check_unchanged`. Raises `Changed`, `CannotWrite` or `WrongName`.
        """
        self.check_name(name)
        path = self._folder() / name
        try:
            with _alone_in(path.parent):
                self._write(path, text, expected)
        except OSError as error:
            raise FolderRefuses(self.path, (error.strerror or str(error)).lower()) from None

    def _write(self, path: Path, text: str | None, expected: Collection[str] | None) -> None:
        self._refuse_links(path)
        self.check_unchanged(self.files(), path.name, expected)
        if expected is None and path.exists():
            raise FolderRefuses(self.path, f"what is called {path.name} there can't be read")
        if text is None:
            path.unlink()
            _settle(path.parent)
        else:
            _replace(path, text)

    def _folder(self) -> Path:
        return self.path.parent if self.path.is_file() else self.path

    def _refuse_links(self, path: Path) -> None:
        """What a link leads to may be anywhere, and a deployment that links files in brings the next ones itself."""
        if path.is_symlink():
            raise FolderRefuses(
                self.path, f"{path.name} is a link; change the file that it leads to, {path.readlink()}"
            )


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep other processes that save rules in the same folder waiting; where it has no locks, each is on its own."""
    if sys.platform == "win32":
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace(path: Path, text: str) -> None:
    # The name begins with a dot, so that no reader takes it for a rule file.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        before = path.stat()
    except FileNotFoundError:
        before = None
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
            if before is not None and hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), stat.S_IMODE(before.st_mode))
                with suppress(OSError):  # only its owner and root may give a file away
                    os.fchown(file.fileno(), before.st_uid, before.st_gid)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _settle(path.parent)


def _settle(folder: Path) -> None:
    """Have the folder itself on the disk: without it a crash could bring the old file back."""
    if not hasattr(os, "O_DIRECTORY"):  # Windows has no such thing
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
