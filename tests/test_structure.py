"""Classes are composed, and each module changes only its own objects."""

import ast
from pathlib import Path

import activepick

SOURCE = Path(activepick.__file__).parent
MODULES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in SOURCE.rglob("*.py")}
# Objects of napari and pandas, whose attributes are set from outside.
FOREIGN = {"dims", "frame", "layer"}


def classes():
    return [
        (path, node)
        for path, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    ]


def base_names(node):
    return [ast.unparse(base).partition("[")[0].rpartition(".")[2] for base in node.bases]


def test_no_class_inherits_through_more_than_one_step():
    bases = {node.name: base_names(node) for _, node in classes()}
    assert "Session" in bases
    towers = {
        name: base
        for name, own in bases.items()
        for base in own
        if any(grandparent in bases for grandparent in bases.get(base, ()))
    }
    assert not {name for name in towers if not name.endswith("Error")}


def stored(node):
    """Attributes of any object that are assigned somewhere below a node."""
    return [
        x for x in ast.walk(node) if isinstance(x, ast.Attribute) and isinstance(x.ctx, ast.Store)
    ]


def is_self(attribute):
    return isinstance(attribute.value, ast.Name) and attribute.value.id in {"self", "cls"}


def test_no_module_sets_an_attribute_of_an_object_of_another_module():
    owners: dict[str, set[Path]] = {}
    for path, node in classes():
        own = [x.attr for x in stored(node) if is_self(x)]
        fields = [x.target.id for x in node.body if isinstance(x, ast.AnnAssign)]
        for name in [*own, *fields]:
            owners.setdefault(name, set()).add(path)
    assert len(owners) > 100
    trespasses = [
        f"{path.relative_to(SOURCE)}:{x.lineno} {ast.unparse(x)}"
        for path, tree in MODULES.items()
        for x in stored(tree)
        if not is_self(x)
        and path not in owners.get(x.attr, {path})
        and ast.unparse(x.value) not in FOREIGN
    ]
    assert not trespasses
