"""The house of DESIGN.md, held over the source: who may import whom, what may not be named, how long things may be."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONTENT = ("datasets", "methods", "metrics", "reports")
LEVELS = (
    {"core"},
    {"plugins"},
    {"data", "diffusion", "scoring"},
    {"stats", "external"},
    {"run", "playroom"},
    {"reporting", "edit", "masks", "study", "tune"},
    {"api"},
    {"cli", *CONTENT},
)
"""Packages of `bench` from the ground up; what lies on a lower level may be imported."""
OWN = {
    "bench.methods.em": "bench.diffusion.em",
    "bench.methods.clic": "bench.diffusion.clic",
    "bench.methods.realfill_clic": "bench.diffusion.inpainting",
    "bench.datasets.playroom": "bench.playroom",
}
"""What serves one drop-in alone, and may be imported by it."""
ROLES = {"Method", "Builder", "Metric", "Report"}
MOST_LINES, MOST_LINES_OF_A_FUNCTION = 350, 60
Graph = dict[str, set[str]]


@cache
def modules() -> dict[str, Path]:
    """Every module of the engine and of the content folders, by the name that it is imported under."""
    found = {}
    for folder, package in (("bench", "bench"), *((kind, f"bench.{kind}") for kind in CONTENT)):
        for file in sorted((ROOT / folder).rglob("*.py")):
            parts = file.relative_to(ROOT / folder).with_suffix("").parts
            found[".".join([package, *(part for part in parts if part != "__init__")])] = file
    return found


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def imported(module: str) -> Iterator[str]:
    """The modules of `bench` that a module imports: anywhere in it, lazily or for type checkers too."""
    for node in ast.walk(tree(modules()[module])):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "bench")
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}: a relative import hides what is imported"
            if (node.module or "").split(".")[0] == "bench":
                names = [f"{node.module}.{alias.name}" for alias in node.names]
                yield from (name if name in modules() else str(node.module) for name in names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            texts = [one.value for one in ast.walk(node) if isinstance(one, ast.Constant)]
            yield from (text for text in texts if isinstance(text, str) and text in modules())


def package_of(module: str) -> str:
    """`bench.run.plan` -> `run`; `bench` for what lies directly in it, but for `bench.api`."""
    return module.split(".")[1] if "." in module else "bench"


@cache
def packages() -> Graph:
    """What each package imports."""
    graph: Graph = defaultdict(set)
    for module in modules():
        graph[package_of(module)] |= {package_of(name) for name in imported(module)} - {package_of(module)}
    return graph


def folder_of(module: str) -> str:
    """The package that a module is or lies in: `bench.stats.user_study.study` -> `bench.stats.user_study`."""
    return module if modules()[module].name == "__init__.py" else module.rpartition(".")[0]


def folders_of(package: str) -> Graph:
    """What each folder of a package imports of the others; the package itself is one of them."""
    graph: Graph = defaultdict(set)
    for module in (name for name in modules() if package_of(name) == package):
        own = folder_of(module)
        graph[own] |= {folder_of(name) for name in imported(module) if package_of(name) == package} - {own}
    return graph


def cycle_in(graph: Graph) -> list[str]:
    """The nodes that are left when those that import nothing that is left are taken away, again and again."""
    left = {node: set(targets) for node, targets in graph.items()}
    while free := [node for node, targets in left.items() if not targets & left.keys()]:
        for node in free:
            del left[node]
    return sorted(left)


def level(package: str) -> int:
    return next(number for number, names in enumerate(LEVELS) if package in names)


def test_every_package_has_its_level() -> None:
    found = {package_of(module) for module in modules()} - {"bench"}
    assert found == set().union(*LEVELS)


def test_no_arrow_points_up_or_sideways() -> None:
    arrows = [(one, other) for one in modules() for other in imported(one) if package_of(one) != package_of(other)]
    assert arrows
    assert [arrow for arrow in arrows if level(package_of(arrow[1])) >= level(package_of(arrow[0]))] == []


def test_there_are_eight_levels_and_no_cycle() -> None:
    assert len(LEVELS) == 8
    assert cycle_in(packages()) == []


@pytest.mark.parametrize("package", ["core", "data", "diffusion", "external", "playroom", "plugins", "run", "stats"])
def test_no_folders_of_a_package_import_each_other(package: str) -> None:
    assert cycle_in(folders_of(package)) == []


def test_cycles_would_be_seen() -> None:
    assert cycle_in({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}, "e": set()}) == ["a", "b", "c", "d"]


def test_core_imports_nothing_of_ours() -> None:
    assert packages()["core"] == set()


def test_hashes_are_made_in_one_place() -> None:
    """But for seeds, which are a hash of their own."""
    users = {name for name, file in modules().items() if "hashlib" in file.read_text(encoding="utf-8")}
    assert users == {"bench.core.hashing", "bench.core.seeds"}


def test_importing_the_engine_itself_imports_none_of_it() -> None:
    assert list(imported("bench")) == []


@pytest.mark.parametrize("module", [name for name in modules() if package_of(name) in CONTENT])
def test_drop_ins_import_the_public_door_alone(module: str) -> None:
    if modules()[module].name == "__init__.py":
        assert list(imported(module)) == ["bench.plugins.discovery"]
        return
    allowed = ("bench.api", *([OWN[module]] if module in OWN else []))
    assert [name for name in imported(module) if not f"{name}.".startswith(tuple(f"{one}." for one in allowed))] == []


@cache
def names_of_drop_ins() -> frozenset[str]:
    files = (file.stem for name, file in modules().items() if package_of(name) in CONTENT and file.stem != "__init__")
    return frozenset(stem.replace("_", "-") for stem in files)


def names_a_drop_in(text: object) -> bool:
    """Whether a text is the name of a drop-in, perhaps with a variant, or speaks of Playroom."""
    if not isinstance(text, str):
        return False
    return text.replace("_", "-").split(":")[0] in names_of_drop_ins() or "playroom" in text.lower()


def told_apart(node: ast.AST) -> Iterator[ast.AST]:
    """What a branch looks at: sides of comparisons, cases, arguments of `startswith`, keys of a table of functions."""
    if isinstance(node, ast.Compare):
        yield from (node.left, *node.comparators)
    elif isinstance(node, ast.MatchValue):
        yield node.value
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in ("startswith", "endswith", "match", "fullmatch", "search"):
            yield from node.args
        if node.func.attr == "get" and isinstance(node.func.value, ast.Dict):
            yield from (key for key in node.func.value.keys if key is not None)
    elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Dict):
        yield from (key for key in node.value.keys if key is not None)
    elif isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict):
        table = zip(node.value.keys, node.value.values, strict=True)
        yield from (key for key, value in table if key is not None and isinstance(value, ast.Name | ast.Lambda))


def branches_on_names(root: ast.AST) -> list[str]:
    return [
        f"line {node.lineno}: '{constant.value}'"
        for node in ast.walk(root)
        for looked_at in told_apart(node)
        for constant in ast.walk(looked_at)
        if isinstance(constant, ast.Constant) and names_a_drop_in(constant.value)
        if isinstance(node, ast.expr | ast.stmt | ast.MatchValue)
    ]


@pytest.mark.parametrize("module", [name for name in modules() if package_of(name) not in CONTENT])
def test_no_branch_depends_on_a_drop_in_or_on_playroom(module: str) -> None:
    assert branches_on_names(tree(modules()[module])) == []


@pytest.mark.parametrize(
    "code",
    [
        "if name == 'ours': pass",
        "if source in ('playroom', 'sd21'): pass",
        "if 'Playroom' in title: pass",
        "if dataset.startswith('playroom:quick'): pass",
        "match name:\n    case 'ti-m': pass",
        "run = {'em': fit_em, 'clic': fit_clic}[name]",
        "FITS = {'copy_paste': paste}",
    ],
)
def test_a_branch_on_a_name_would_be_seen(code: str) -> None:
    assert branches_on_names(ast.parse(code))


def test_no_class_is_defined_twice() -> None:
    names = Counter(
        node.name for file in modules().values() for node in ast.walk(tree(file)) if isinstance(node, ast.ClassDef)
    )
    assert {name for name, count in names.items() if count > 1} <= ROLES


@pytest.mark.parametrize("folder", ["bench", "datasets", "methods", "reports", "tests"])
def test_files_and_functions_are_short(folder: str) -> None:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    assert [str(file) for file in files if len(file.read_text(encoding="utf-8").splitlines()) > MOST_LINES] == []
    functions = (
        (file, node)
        for file in files
        for node in ast.walk(tree(file))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    long = [
        f"{file}: {node.name}"
        for file, node in functions
        if (node.end_lineno or 0) - node.lineno >= MOST_LINES_OF_A_FUNCTION
    ]
    assert long == []
