"""What a rule says: reads replies, questions and saved texts into templates, each tried once."""

from bot.rulebook.files.fields import kind_of, read_names, read_table, read_text, read_texts, shortened
from bot.rulebook.files.keys import ONE_OF_KEYS
from bot.rulebook.files.yaml_tree import Items, Node, Table
from bot.rulebook.findings import Report
from bot.rulebook.rules import Choice, FileSettings
from bot.rulebook.source import Scalar, SourcePlace, place_in
from bot.rulebook.templates import ALWAYS, NAME, RESERVED, SAMPLE, Template, WrongTemplate, read_template


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
        #: Whether one of the templates read so far writes `{{ help }}`.
        self.writes_help = False
        #: The columns that the templates read so far use of rows: the row's name, the column's, and where.
        self.columns: list[tuple[str, str, SourcePlace]] = []

    def reply(self, node: Node, what: str = "reply") -> tuple[Choice, ...]:
        """One text, a list of texts, or `one_of`; a list may have `one_of` in it."""
        if isinstance(node, Items):
            if not node.items:
                self._report.add(
                    "E201", node.place, f"{what} is an empty list; leave the key out for no {what}."
                )
            return tuple(choice for each in node.items if (choice := self.choice(each, what)))
        choice = self.choice(node, what)
        return (choice,) if choice else ()

    def choice(self, node: Node, what: str) -> Choice | None:
        """One message: a text, or `one_of` several."""
        if isinstance(node, Table):
            table = read_table(node, what, self._report, known=ONE_OF_KEYS, required=ONE_OF_KEYS)
            texts = read_texts(table["one_of"], "one_of", self._report) if table and "one_of" in table else []
        else:
            text = read_text(node, what, self._report)
            texts = [text] if text else []
        for each in texts:
            self._refuse_null(each, what, f"leave {what} out to say nothing")
        read = [(template, text) for text in texts if (template := self.template(text))]
        if not read:
            return None
        return Choice(tuple(template for template, _ in read), tuple(text for _, text in read))

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
        if key.value in self._settings.values:
            self._report.add(
                "E311", key.place, f'"{key.value}" is a constant of this file; save under another name.'
            )
        return True

    def template(self, text: Scalar) -> Template | None:
        """One template, read and tried."""
        try:
            template = read_template(text.value, self._settings.values, self._groups)
            if template.liquid is not None:
                template.write({**template.sample(), **self._settings.values, **SAMPLE})
        except WrongTemplate as error:
            place = place_in(text, error.offset)
            source = shortened(text.value)
            self._report.add(error.code, place, f'The template "{source}" cannot be used: {error}.')
            return None
        self.writes_help = self.writes_help or "help" in template.names
        for name, offset in template.names.items():
            if name not in ALWAYS and name not in self._groups:
                self._uses.append((name, place_in(text, offset)))
        self.columns += [(name, column, place_in(text, offset)) for name, column, offset in template.columns]
        return template
