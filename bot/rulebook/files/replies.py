"""What a rule says: reads replies, questions and saved texts into templates, each tried once."""

import re
from collections.abc import Mapping, Sequence

from bot.rulebook.files.fields import kind_of, read_names, read_table, read_text, read_texts, shortened
from bot.rulebook.files.keys import ONE_OF_KEYS
from bot.rulebook.files.languages import is_by_language, read_by_language
from bot.rulebook.files.yaml_tree import Items, Node, Table
from bot.rulebook.findings import Report
from bot.rulebook.rules import Choice, FileSettings
from bot.rulebook.source import Scalar, SourcePlace, place_in
from bot.rulebook.templates import ALWAYS, NAME, RESERVED, SAMPLE, Template, WrongTemplate, read_template

_NAMED_HOURS = re.compile(r"\bhours\.([A-Za-z_][A-Za-z0-9_]*)")


def is_free_name(key: Scalar, report: Report) -> bool:
    """Whether a name can be used in templates and is not the bot's own."""
    if not NAME.fullmatch(key.value):
        report.add(
            "E205",
            key.place,
            f'"{shortened(key.value)}" is no name for templates: letters, digits and _ only.',
        )
        return False
    if key.value in RESERVED:
        report.add(
            "E311", key.place, f'"{key.value}" has a meaning of its own in templates; take another name.'
        )
        return False
    return True


class Templates:
    """Reads the templates of one rule."""

    def __init__(
        self,
        settings: FileSettings,
        groups: frozenset[str],
        uses: list[tuple[str, SourcePlace]],
        report: Report,
    ) -> None:
        self._settings = settings
        self._groups = groups
        self._uses = uses
        self._report = report
        #: Whether one of the templates read so far writes `{{ help }}`, or `{{ hours.NAME }}`.
        self.writes_help = self.writes_hours = False
        #: The columns that the templates read so far use of rows: the row's name, the column's, and where.
        self.columns: list[tuple[str, str, SourcePlace]] = []

    def reply(self, node: Node, what: str = "reply") -> tuple[Choice, ...]:
        """One text, a list of texts, or `one_of`; a list may have `one_of` in it, and a language any of these."""
        if is_by_language(node):
            given = read_by_language(node, what, self._report)
            return self._joined({code: self.reply(value, what) for code, value in given.items()})
        if isinstance(node, Items):
            if not node.items:
                self._report.add(
                    "E201", node.place, f"{what} is an empty list; leave the key out for no {what}."
                )
            return tuple(choice for each in node.items if (choice := self.choice(each, what)))
        choice = self.choice(node, what)
        return (choice,) if choice else ()

    def choice(self, node: Node, what: str) -> Choice | None:
        """One message: a text, or `one_of` several; or such a message for each language."""
        if is_by_language(node):
            given = read_by_language(node, what, self._report)
            read = {code: self.choice(value, what) for code, value in given.items()}
            return self._in_languages({code: choice for code, choice in read.items() if choice})
        if isinstance(node, Table):
            table = read_table(node, what, self._report, known=ONE_OF_KEYS, required=ONE_OF_KEYS)
            return self._one_of(table["one_of"], what) if table and "one_of" in table else None
        text = read_text(node, what, self._report)
        return self._of_texts([text], what) if text else None

    def help_line(self, node: Node) -> Choice | None:
        """A rule's line in `{{ help }}`, which is no template; in one language or in several."""
        if is_by_language(node):
            given = read_by_language(node, "help", self._report)
            read = {code: self.help_line(value) for code, value in given.items()}
            return self._in_languages({code: choice for code, choice in read.items() if choice})
        text = read_text(node, "help", self._report)
        if text is None:
            return None
        line = " ".join(text.value.split())
        return Choice((Template(source=line, constant=line),), (text,))

    def _one_of(self, node: Node, what: str) -> Choice | None:
        """Any of several texts; the whole list, or one of its texts, may be given by language."""
        if is_by_language(node):
            given = read_by_language(node, "one_of", self._report)
            read = {code: self._one_of(value, what) for code, value in given.items()}
            return self._in_languages({code: choice for code, choice in read.items() if choice})
        if not isinstance(node, Items) or not any(map(is_by_language, node.items)):
            return self._of_texts(read_texts(node, "one_of", self._report), what)
        items = [self.choice(each, what) for each in node.items]
        choices = [each for each in items if each]
        languages = dict.fromkeys(code for each in choices for code in each.by_language)
        return self._in_languages(
            {code: _together([each.spoken(code) for each in choices]) for code in languages}
        )

    def _of_texts(self, texts: Sequence[Scalar], what: str) -> Choice | None:
        for each in texts:
            self._refuse_null(each, what, f"leave {what} out to say nothing")
        read = [(template, text) for text in texts if (template := self.template(text))]
        if not read:
            return None
        return Choice(tuple(template for template, _ in read), tuple(text for _, text in read))

    def _joined(self, replies: Mapping[str, tuple[Choice, ...]]) -> tuple[Choice, ...]:
        """The replies of several languages, message by message; where one has fewer, it says no more."""
        silence = Choice((), ())
        return tuple(
            choice
            for at in range(max(map(len, replies.values()), default=0))
            if (
                choice := self._in_languages(
                    {code: reply[at] if at < len(reply) else silence for code, reply in replies.items()}
                )
            )
        )

    def _in_languages(self, given: Mapping[str, Choice]) -> Choice | None:
        """A message in several languages: beside them that of the file's default, or else the first."""
        if not given:
            return None
        usual = next((code for code in self._settings.languages if code in given), next(iter(given)))
        return Choice(given[usual].templates, given[usual].texts, given)

    def saves(self, node: Node) -> tuple[tuple[str, Template], ...]:
        """What `set` saves."""
        saves: list[tuple[str, Template]] = []
        for key, value in (read_names(node, "set", self._report) or {}).items():
            if not self.is_name_to_save(key):
                continue
            if isinstance(value, Scalar):  # an empty text forgets what was saved
                self._refuse_null(value, key.value, 'write "" to forget it')
                template = self.template(value)
                if template:
                    saves.append((key.value, template))
            else:
                self._report.add("E201", value.place, f"{key.value} must be a text, not {kind_of(value)}.")
        return tuple(saves)

    def _refuse_null(self, text: Scalar, what: str, mend: str) -> None:
        """In YAML `null` and `~` are nothing, and here they are these characters."""
        if text.plain and text.value.lower() in {"null", "~"}:
            message = f"{what}: {text.value} is just these characters; {mend}, or put quotes around it."
            self._report.add("W424", text.place, message)

    def is_name_to_save(self, key: Scalar) -> bool:
        """Whether something can be saved under a name; not under that of a constant, which would hide it."""
        if not is_free_name(key, self._report):
            return False
        if key.value in self._settings.values or key.value in self._settings.values_by_language:
            self._report.add(
                "E311", key.place, f'"{key.value}" is a constant of this file; save under another name.'
            )
        return True

    def knowing(self, name: str) -> "Templates":
        """The same, for the texts of the rule that can use one more name."""
        return Templates(self._settings, self._groups | {name}, self._uses, self._report)

    def url(self, text: Scalar, written: Scalar) -> Template | None:
        """The template of a URL, in which the file's constants are encoded as every value is."""
        try:
            template = read_template(text.value, {}, self._groups)
        except WrongTemplate as error:
            self._report.add(error.code, written.place, f"The template of the url cannot be used: {error}.")
            return None
        if template.liquid is not None:
            self._report.add(
                "E205", written.place, "The url can have {{ }} in it, and nothing else of Liquid."
            )
            return None
        known = {*ALWAYS, *self._groups, *self._settings.values, *self._settings.values_by_language}
        for name in template.names:
            if name not in known:
                self._uses.append((name, _name_in(written, name)))
        self.columns += [(name, column, _name_in(written, name)) for name, column, _ in template.columns]
        return template

    def template(self, text: Scalar) -> Template | None:
        """One template, read and tried."""
        is_tried = self._settings.book_wide.tries(text.value)
        try:
            template = read_template(text.value, self._settings.values, self._groups, is_tried=is_tried)
            if template.liquid is not None and is_tried:
                template.write({**template.sample(), **self._settings.values, **SAMPLE})
        except WrongTemplate as error:
            place = place_in(text, error.offset)
            source = shortened(text.value)
            self._report.add(error.code, place, f'The template "{source}" cannot be used: {error}.')
            return None
        self.writes_help = self.writes_help or "help" in template.names
        known = self._settings.values_by_language
        for name, offset in template.names.items():
            if name == "hours" and (named := list(_NAMED_HOURS.finditer(text.value))):
                self.writes_hours = True
                self._uses += [(f"hours.{each[1]}", place_in(text, each.start())) for each in named]
            elif name not in ALWAYS and name not in self._groups and name not in known:
                self._uses.append((name, place_in(text, offset)))
        self.columns += [(name, column, place_in(text, offset)) for name, column, offset in template.columns]
        return template


def _name_in(text: Scalar, name: str) -> SourcePlace:
    """Where a name first stands in the braces of a text, which the template has in another writing."""
    found = re.search(rf"\{{\{{[^{{}}]*?\b{re.escape(name)}\b", text.value)
    return place_in(text, found.end() - len(name)) if found else text.place


def _together(choices: Sequence[Choice]) -> Choice:
    """Any of the texts of several."""
    return Choice(
        tuple(template for each in choices for template in each.templates),
        tuple(text for each in choices for text in each.texts),
    )
