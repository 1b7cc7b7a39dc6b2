"""Files of the folder are read and replaced whole, by name, and nothing outside of it is."""

import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from bot.rulebook.editing.folder import (
    CannotWrite,
    Changed,
    NoSuchFile,
    RuleFolder,
    UnreadableFile,
    WrongName,
    etag_of,
)
from tests.support.rule_files import nobody

TEXT = "rules:\n  - {name: hours, when: {keyword: hours}, reply: Open.}\n"
OTHER = TEXT.replace("Open.", "Closed.")


@pytest.fixture
def folder(tmp_path: Path) -> RuleFolder:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "shop.yaml").write_text(TEXT)
    return RuleFolder(tmp_path / "rules")


def test_a_file_is_replaced_and_nothing_else_is_left_behind(folder: RuleFolder) -> None:
    folder.write("shop.yaml", OTHER, {etag_of(TEXT)})
    assert folder.text("shop.yaml") == OTHER
    assert [each.name for each in folder.path.iterdir()] == ["shop.yaml"]


def test_a_text_keeps_its_line_ends_and_its_byte_order_mark(folder: RuleFolder) -> None:
    text = "\ufeff" + TEXT.replace("\n", "\r\n")
    folder.write("shop.yaml", text, {etag_of(TEXT)})
    assert (folder.path / "shop.yaml").read_bytes() == text.encode()
    assert folder.text("shop.yaml") == text


def test_a_replaced_file_keeps_its_mode(folder: RuleFolder) -> None:
    (folder.path / "shop.yaml").chmod(0o640)
    folder.write("shop.yaml", OTHER, {etag_of(TEXT)})
    assert stat.S_IMODE((folder.path / "shop.yaml").stat().st_mode) == 0o640


def test_a_reader_has_the_old_file_or_the_new_one_never_half_of_it(folder: RuleFolder) -> None:
    with (folder.path / "shop.yaml").open() as reader:
        folder.write("shop.yaml", OTHER, {etag_of(TEXT)})
        assert reader.read() == TEXT


def test_what_somebody_else_has_saved_is_not_overwritten(folder: RuleFolder) -> None:
    (folder.path / "shop.yaml").write_text(OTHER)
    with pytest.raises(Changed, match="Somebody else has saved") as refused:
        folder.write("shop.yaml", "rules: []\n", {etag_of(TEXT)})
    assert refused.value.etag == etag_of(OTHER)
    assert folder.text("shop.yaml") == OTHER


def test_what_somebody_else_has_removed_does_not_come_back(folder: RuleFolder) -> None:
    (folder.path / "shop.yaml").unlink()
    with pytest.raises(Changed, match="not there any more"):
        folder.write("shop.yaml", OTHER, {etag_of(TEXT)})


def test_a_new_file_replaces_none(folder: RuleFolder) -> None:
    folder.write("more.yaml", OTHER, None)
    assert folder.text("more.yaml") == OTHER
    with pytest.raises(Changed, match="already"):
        folder.write("shop.yaml", OTHER, None)


def test_a_star_takes_the_file_as_it_is(folder: RuleFolder) -> None:
    folder.write("shop.yaml", OTHER, {"*"})
    with pytest.raises(Changed):
        folder.write("none.yaml", OTHER, {"*"})


def test_a_file_is_removed(folder: RuleFolder) -> None:
    folder.write("shop.yaml", None, {etag_of(TEXT)})
    with pytest.raises(NoSuchFile):
        folder.text("shop.yaml")


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", ".yaml", ".hidden.yaml", "../shop.yaml", "/etc/passwd", "a/b.yaml", "a\\b.yaml", "..\\b.yaml",
        "shop.yml", "shop.YAML", "shop", "shop.yaml ", "shop.yaml\n", "a\x00.yaml", "a\x1b[2J.yaml", "a\u202e.yaml",
        "C:shop.yaml", "~.yaml", "a..yaml", "a" * 100 + ".yaml", "-rf.yaml", "con?.yaml",
    ],
)  # fmt: skip
def test_no_name_leads_out_of_the_folder_or_into_trouble(folder: RuleFolder, name: str) -> None:
    before = sorted(folder.path.parent.rglob("*"))
    with pytest.raises(WrongName):
        folder.write(name, OTHER, None)
    with pytest.raises(NoSuchFile):
        folder.text(name)
    assert sorted(folder.path.parent.rglob("*")) == before


@pytest.mark.parametrize("name", ["a.yaml", "10-shop.yaml", "Öffnung.yaml", "a b (2).yaml", "v1.2.yaml"])
def test_usual_names_are_taken(folder: RuleFolder, name: str) -> None:
    folder.write(name, TEXT, None)
    assert folder.text(name) == TEXT


def test_a_link_out_of_the_folder_shows_nothing_and_is_not_written_to(folder: RuleFolder) -> None:
    secret = folder.path.parent / "secret.yaml"
    secret.write_text("values: {password: hunter2}\n")
    (folder.path / "link.yaml").symlink_to(secret)
    with pytest.raises(UnreadableFile, match="leads out of the folder"):
        folder.text("link.yaml")
    with pytest.raises(CannotWrite, match="is a link"):
        folder.write("link.yaml", TEXT, {etag_of(secret.read_text())})
    assert "hunter2" in secret.read_text()


def test_a_link_within_the_folder_is_read_and_left_to_who_made_it(folder: RuleFolder) -> None:
    (folder.path / ".data").mkdir()
    (folder.path / ".data" / "more.yaml").write_text(OTHER)
    (folder.path / "more.yaml").symlink_to(".data/more.yaml")
    assert folder.text("more.yaml") == OTHER
    with pytest.raises(CannotWrite, match="change the file that it leads to"):
        folder.write("more.yaml", TEXT, {etag_of(OTHER)})


def test_a_dangling_link_is_no_place_for_a_new_file(folder: RuleFolder) -> None:
    (folder.path / "more.yaml").symlink_to(folder.path.parent / "elsewhere.yaml")
    with pytest.raises(CannotWrite):
        folder.write("more.yaml", TEXT, None)
    assert not (folder.path.parent / "elsewhere.yaml").exists()


def test_a_file_that_is_not_text_is_neither_shown_nor_replaced(folder: RuleFolder) -> None:
    (folder.path / "odd.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(UnreadableFile, match="not UTF-8"):
        folder.text("odd.yaml")
    with pytest.raises(CannotWrite):
        folder.write("odd.yaml", TEXT, None)
    assert (folder.path / "odd.yaml").read_bytes() == b"\xff\xfe"


def test_a_folder_without_the_right_to_write_says_so(folder: RuleFolder) -> None:
    assert folder.why_read_only() is None
    with tempfile.TemporaryDirectory() as open_to_all:
        path = Path(open_to_all)
        (path / "shop.yaml").write_text(TEXT)
        path.chmod(0o555)
        shut = RuleFolder(path)
        with nobody():
            assert shut.why_read_only() == "the bot has no right to write into the folder"
            with pytest.raises(CannotWrite, match="permission denied"):
                shut.write("shop.yaml", OTHER, {etag_of(TEXT)})
            assert shut.text("shop.yaml") == TEXT
        path.chmod(0o755)


def test_a_single_file_has_one_name(tmp_path: Path) -> None:
    (tmp_path / "only.yaml").write_text(TEXT)
    (tmp_path / "private.yaml").write_text("values: {password: hunter2}\n")
    single = RuleFolder(tmp_path / "only.yaml")
    single.write("only.yaml", OTHER, {etag_of(TEXT)})
    assert single.text("only.yaml") == OTHER
    with pytest.raises(NoSuchFile):
        single.text("private.yaml")
    with pytest.raises(WrongName):
        single.write("private.yaml", TEXT, None)


def test_how_the_files_will_be_is_what_they_then_are(folder: RuleFolder) -> None:
    (folder.path / "forgotten.yml").write_text(TEXT)
    for name, text in (("new.yaml", OTHER), ("shop.yaml", None), ("new.yaml", TEXT)):
        before = folder.files()
        after = folder.with_text(before, name, text)
        folder.write(name, text, {etag_of(before.texts[name])} if name in before.texts else None)
        assert after == folder.files()
        assert list(after.texts) == list(folder.files().texts)


def test_of_processes_that_save_at_once_one_waits_for_the_other(folder: RuleFolder) -> None:
    script = (
        "import os, sys; from pathlib import Path; from bot.rulebook.editing.folder import *\n"
        "folder = RuleFolder(Path(sys.argv[1]))\n"
        "def save(text):\n"
        "  try: folder.write('shop.yaml', text, {sys.argv[2]})\n"
        "  except Changed: os._exit(3)\n"
        "  except BaseException: os._exit(1)\n"
        "  os._exit(0)\n"
        "children = [os.fork() or save(text) for text in sys.argv[3:]]\n"
        "print(*(os.waitstatus_to_exitcode(os.waitpid(each, 0)[1]) for each in children))\n"
    )
    texts = [TEXT.replace("Open.", f"Open {number}.") for number in range(4)]
    command = [sys.executable, "-c", script, str(folder.path), etag_of(TEXT), *texts]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=60, check=True).stdout.split()
    assert sorted(ended) == ["0", "3", "3", "3"]
    assert folder.text("shop.yaml") == texts[ended.index("0")]
