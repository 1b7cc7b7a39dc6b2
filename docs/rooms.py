"""Draws the rooms of the code, from its imports, into docs/architecture.md: `python docs/rooms.py`.

A room is a package of `bot`, or a module that stands directly in it. An arrow says that a room imports another one;
arrows that follow from two others are left out. A test fails when the picture is out of date.
"""

from collections import Counter, defaultdict
from pathlib import Path

import grimp

PAGE = Path(__file__).parent / "architecture.md"
BEGIN = "<!-- rooms: drawn by docs/rooms.py -->\n"
END = "<!-- rooms: end -->\n"


def picture() -> str:
    """A Mermaid flowchart: each room with its number of modules, and who imports whom."""
    graph = grimp.build_graph("bot", cache_dir=None)
    modules = [name for name in graph.modules if name != "bot" and not graph.find_children(name)]
    packages = {name for name in graph.modules if graph.find_children(name)}
    sizes = Counter(room_of(name, packages) for name in modules)
    imports: dict[str, set[str]] = defaultdict(set)
    for name in sorted(graph.modules - {"bot"}):
        for imported in graph.find_modules_directly_imported_by(name):
            if imported != "bot":
                imports[room_of(name, packages)].add(room_of(imported, packages))
    for room, others in imports.items():
        others.discard(room)
    lines = ["```mermaid", "flowchart TD"]
    lines += [f'    {_id(room)}["{_label(room, sizes[room])}"]' for room in sorted(sizes)]
    lines += [
        f"    {_id(room)} --> {_id(other)}"
        for room in sorted(imports)
        for other in sorted(_nearest(room, imports))
    ]
    return "\n".join([*lines, "```", ""])


def room_of(module: str, packages: set[str]) -> str:
    """The package that a module stands in; a module directly in `bot` is a room of its own."""
    package = module if module in packages else module.rpartition(".")[0]
    return module if package == "bot" else package


def _nearest(room: str, imports: dict[str, set[str]]) -> set[str]:
    """What a room imports, without what it reaches through another room that it imports."""
    through = {far for other in imports[room] for far in _reached(other, imports, room)}
    return imports[room] - through


def _reached(room: str, imports: dict[str, set[str]], passing_by: str) -> set[str]:
    """Every room that this one leads to, without going through another one: two may import each other."""
    reached: set[str] = set()
    waiting = [room]
    while waiting:
        for other in imports.get(waiting.pop(), set()) - reached - {passing_by}:
            reached.add(other)
            waiting.append(other)
    return reached - {room}


def _id(room: str) -> str:
    return room.removeprefix("bot.").replace(".", "_")


def _label(room: str, modules: int) -> str:
    name = room.removeprefix("bot.").replace(".", "/")
    return f"{name}<br/>{modules} modules" if modules > 1 else name


def drawn_into(page: str) -> str:
    """The page with the picture of today's code between its two marks."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{picture()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(drawn_into(PAGE.read_text("utf-8")), "utf-8")
