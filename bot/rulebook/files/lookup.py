"""Reads `lookup` and the tables that `when` names, and checks the columns that templates use of their rows."""

from collections.abc import Mapping, Sequence

from bot.rulebook.data_table import DataTable
from bot.rulebook.files.fields import read_table, read_text, shortened
from bot.rulebook.files.keys import LOOKUP_KEYS, LOOKUP_REQUIRED
from bot.rulebook.files.replies import Templates
from bot.rulebook.files.yaml_tree import Node
from bot.rulebook.findings import Report, listed
from bot.rulebook.rules import Lookup, WhenKey
from bot.rulebook.source import Scalar, SourcePlace

#: The name of the row whose key a message was matched by.
ROW = "row"
#: A column that a template names: of which row, and where.
ColumnUse = tuple[str, str, SourcePlace]


class LookupNode:
    """A `lookup` whose table and name are read, before its rule's templates are."""

    def __init__(self, node: Node, tables: Mapping[str, DataTable | None], report: Report) -> None:
        self._report = report
        self._fields = read_table(node, "lookup", report, known=LOOKUP_KEYS, required=LOOKUP_REQUIRED) or {}
        self.save: Scalar | None = None
        self.table: DataTable | None = None
        if "save" in self._fields:
            self.save = read_text(self._fields["save"], "save", report)
        if "table" in self._fields and (name := read_text(self._fields["table"], "table", report)):
            self.table = find_table(name, tables, report)

    def read(self, templates: Templates) -> Lookup | None:
        """The look-up with its templates; None where a part is missing."""
        fields = self._fields
        missing = templates.reply(fields["missing"], "missing") if "missing" in fields else ()
        key = read_text(fields["key"], "key", self._report) if "key" in fields else None
        template = templates.template(key) if key else None
        if template is None or self.save is None or not templates.is_name_to_save(self.save):
            return None
        return Lookup(table=self.table, key=template, save=self.save.value, missing=missing)


def find_table(name: Scalar, tables: Mapping[str, DataTable | None], report: Report) -> DataTable | None:
    """The table of a name; None and a finding where the file gives none this name."""
    found = name.value.strip()
    if found in tables:
        return tables[found]
    hint = report.did_you_mean(found, tables) or (
        f" The file has {listed([*tables][:10], 'and')}." if tables else " Name its CSV file under tables."
    )
    report.add("E327", name.place, f'The file has no table "{shortened(found)}".{hint}')
    return None


def tables_by_row(keys: Sequence[WhenKey], lookup: LookupNode | None) -> dict[str, list[DataTable]]:
    """The rows that a rule's templates can use, by their names, each with the tables that it may be of."""
    rows: dict[str, list[DataTable]] = {}
    if any(key.kind in {"table", "exact_table"} for key in keys):
        rows[ROW] = [key.table for key in keys if key.table is not None]
    if lookup is not None and lookup.save is not None:
        rows[lookup.save.value] = [lookup.table] if lookup.table is not None else []
    return rows


def refuse_unknown_columns(
    uses: Sequence[ColumnUse], rows: Mapping[str, Sequence[DataTable]], report: Report
) -> None:
    """Report each column that none of the tables has, of which the row may be."""
    for name, column, place in uses:
        tables = rows.get(name, ())
        if not tables or any(table.place_of(column) is not None for table in tables):
            continue
        table = tables[0]
        known = [each for each in table.columns if each]
        hint = report.did_you_mean(column, [*known, *table.places]) or f" It has {listed(known[:10], 'and')}."
        report.add("E326", place, f'{table.file} has no column "{shortened(column)}".{hint}')
