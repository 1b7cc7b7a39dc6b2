"""Rule files in every layout that people write: brackets or lines, any quotes, comments, indents, ends of lines."""

from random import Random
from typing import Final

_TEXTS = (
    "hours",
    "We are open 9-18.",
    "it's",
    "Hi: you",
    "a, b",
    "#1 in town",
    '"yes"',
    "🛑",
    "12",
    "x # y",
    "",
)
_COMMENTS = ("# note", "#", "# - name: old", "# it's: [not, yaml", '# "')

#: Layouts in which no key stands at the start of a line, or not as most people write it.
ODD_LAYOUTS: Final = (
    "", "\n\n", "# c", "\ufeff", "{}", "{ }", "{\n}", "{rules: []}", '{"rules": []}',
    "{values: {a: b}, rules: []}", "{rules: [{name: b, when: {exact: b}, reply: b}]}",
    "{\n  rules: [\n    {name: b, when: {exact: b}, reply: b},\n  ]\n}",
    "{rules: [{name: b, when: {exact: b}, reply: b}], tests: [{hear: b, say: b}], hours: {shop: Mon 9-18}}",
    "? rules\n: []", "? rules\n: - {name: b, when: {exact: b}, reply: b}\n",
    "? values\n: {a: b}\n? rules\n: []\n", "  rules: []",
    "  values: {a: b}\n  rules:\n  - name: b\n    when: {exact: b}\n    reply: b\n",
    "  rules:\n  # c\n  - {name: b, when: {exact: b}, reply: b}\n  tests:\n  - {hear: b, say: b}\n",
    "---\n", "---\n# c\n", "%YAML 1.2\n---\n",
    "---\nrules: []\n", "%YAML 1.2\n---\nrules: []\n", "!!map {rules: []}", "&a {rules: []}",
    "rules: []\n...\n", '"ru\\x6ces": []\n', "rules : []", "null", "~", "rules:\n", "rules: ~\n",
    "rules: []\r\nvalues: {}\r\n", "rules: []\rvalues: {}\r", "rules: []\x85values: {}\n",
    "rules: []\u2028values: {}\n", "rules: !!seq []\n", "!!map\nrules: []\n", "&a\nrules: []\n",
    "<<: {rules: []}\n", "--- {rules: []}", "--- # c\n{rules: []} # d", "[]", "- a", "a",
    "rules: []\n---\nrules: []", "rules:\n-\n  name: b\n  when: {exact: b}\n  reply: b\n", "rules: [,]",
    "rules: {a: b}", "{rules}", "{rules: }", "tests: x", "values: x\nrules: []", "rules:\n- - a\n",
    "rules:\n- ? name\n  : b\n- ? [a]\n  : b\n",
)  # fmt: skip


def rule_file(random: Random) -> str:
    """A rule file; the same for the same dice."""
    return _Writer(random).file()


class _Writer:
    def __init__(self, random: Random) -> None:
        self._random = random
        self._end = random.choice(["\n", "\n", "\r\n"])
        self._dash = random.choice([0, 2, 2, 4])

    def file(self) -> str:
        lines: list[str] = []
        if self._often(0.4):
            lines += ["# head: of the file", ""]
        if self._often(0.5):
            lines += [
                f"values: {{shop: {self._flow('Corner Books')}, address: 12 Mill Lane}}{self._comment()}",
                "",
            ]
        lines += self._opening()
        lines.append(f"rules:{self._comment()}")
        gap = self._often(0.7)
        for number in range(self._random.randint(1, 4)):
            lines += self._rule(number)
            lines += [""] * gap
            if self._often(0.1):
                lines += ["  # of nothing", ""]
        if self._often(0.6):
            lines += ["# What must be said.", "tests:"]
            for _ in range(self._random.randint(1, 3)):
                lines += self._test()
            lines.append("  - {hear: the last, rule: r0}")
        text = self._end.join(lines) + self._end * self._random.choice(
            [0 if "tests:" in lines else 1, 1, 1, 2]
        )
        return ("\ufeff" if self._often(0.1) else "") + text

    def _opening(self) -> list[str]:
        """When somebody is there, and in which languages: keys of the file in any order."""
        lines: list[list[str]] = []
        if self._often(0.3):
            lines.append(
                [
                    f"timezone: {self._random.choice(('Europe/Paris', self._quoted('Europe/Paris')))}{self._comment()}"
                ]
            )
        if self._often(0.3):
            lines.append(
                [f"hours: {{shop: {self._flow('Mon-Sat 9-18')}, 'the cafe': daily 8-20}}{self._comment()}"]
            )
        elif self._often(0.3):
            lines.append(
                [f"hours:{self._comment()}", f"    shop: Mon-Sat 9-18{self._comment()}", "    # the other"]
            )
            lines[-1] += ["    cafe:", "    - Mon 8-12", f"    - Tue 8-12{self._comment()}"]
        if self._often(0.3):
            lines.append([f"closed: [12-24..12-26, '01-01', {{holidays: US-NY}}]{self._comment()}"])
        elif self._often(0.3):
            lines.append(
                ["closed:", f"- 12-24..12-26{self._comment()}", "# half a day", "- {on: 12-31, hours: 9-12}"]
            )
        if self._often(0.3):
            lines.append([f"languages: [en, es]{self._comment()}"])
        if self._often(0.2):
            lines.append(["numbers:", f"  '+15555550100': {{kind: toll-free}}{self._comment()}"])
        self._random.shuffle(lines)
        return [line for some in lines for line in some]

    def _often(self, share: float) -> bool:
        return self._random.random() < share

    def _comment(self) -> str:
        return f"  {self._random.choice(_COMMENTS)}" if self._often(0.15) else ""

    def _text(self) -> str:
        return self._random.choice(_TEXTS)

    def _flow(self, text: str) -> str:
        """A text within brackets."""
        if text.replace(" ", "").isalnum() and self._often(0.5):
            return text
        return self._quoted(text)

    def _quoted(self, text: str) -> str:
        if self._often(0.4):
            return "'" + text.replace("'", "''") + "'"
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    def _block(self, text: str, indent: int) -> str:
        """A text behind a key, at times over several lines."""
        pad = self._end + " " * (indent + 2)
        style = self._random.random()
        if style < 0.12:
            return (
                self._random.choice(["|", "|-", ">", ">-", "|  # kept"])
                + f"{pad}first line{self._end}{pad}second: #2"
            )
        if style < 0.2:
            return f'"folded{pad}over lines"'
        if style < 0.26:
            return f"plain and{pad}folded"
        if text.replace(" ", "").isalnum() and style < 0.7:
            return text + self._comment()
        return self._quoted(text) + self._comment()

    def _keywords(self) -> str:
        return (
            "[" + ", ".join(self._flow(self._text() or "x") for _ in range(self._random.randint(1, 3))) + "]"
        )

    def _rule(self, number: int) -> list[str]:
        dash = " " * self._dash
        if self._often(0.15):
            return [
                f"{dash}- {{name: r{number}, when: {{keyword: {self._keywords()}}}, reply: {self._flow(self._text())}}}"
            ]
        lines = [f"{dash}# about r{number}"] if self._often(0.25) else []
        space = self._random.choice([1, 1, 1, 3])
        inner = self._dash + 1 + space
        pad = " " * inner
        lines.append(f"{dash}-{' ' * space}name: r{number}{self._comment()}")
        if self._often(0.5):
            lines.append(f"{pad}when: {{keyword: {self._keywords()}}}{self._comment()}")
        else:
            lines += [
                f"{pad}when:{self._comment()}",
                f"{pad}  keyword: {self._keywords()}",
                f"{pad}  contains: where",
            ]
        if self._often(0.15):
            lines.append(f"{pad}# between")
        if self._often(0.3):
            deep = self._random.choice(["", "  "])
            lines.append(f"{pad}reply:{self._comment()}")
            lines += [
                f"{pad}{deep}- {self._block(self._text() or 'x', inner + len(deep))}"
                for _ in range(self._random.randint(1, 3))
            ]
        else:
            lines.append(f"{pad}reply: {self._block(self._text(), inner)}")
        if self._often(0.15):
            lines.append(f"{pad}# below")
        return lines

    def _test(self) -> list[str]:
        if self._often(0.5):
            return [
                f"  - {{hear: {self._flow(self._text())}, say: {self._flow(self._text())}}}{self._comment()}"
            ]
        return [f"  - hear: {self._quoted(self._text())}", f"    say: {self._block(self._text(), 4)}"]
