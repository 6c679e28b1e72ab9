"""How the package is laid out: where ministack is imported, and what each patch says of itself."""

import ast
import re
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "mlp_local"
# ``__init__`` files only say what a folder is for.
PATCHES = [path for path in sorted((PACKAGE / "patches").glob("*.py")) if path.name != "__init__.py"]


class TestLayout:
    def test_only_the_adapter_imports_ministack(self):
        importing = set()
        for path in PACKAGE.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = (
                    [alias.name for alias in node.names]
                    if isinstance(node, ast.Import)
                    else [node.module or ""]
                    if isinstance(node, ast.ImportFrom)
                    else []
                )
                if any(name.split(".")[0] == "ministack" for name in names):
                    importing.add(path.name)
        assert importing == {"emulator.py"}

    def test_each_patch_states_its_reason_and_its_source(self, subtests):
        for path in PATCHES:
            text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            with subtests.test(path.name):
                assert re.search(r"(?m)^Reason: \S+", text)
                assert re.search(r"(?m)^Source: \S+", text)

    def test_each_patch_is_installed(self):
        # The owner of a bucket is checked in front of ministack, by ``control``.
        names = {path.stem for path in PATCHES} - {"bucket_owners"}
        tree = ast.parse((PACKAGE / "install.py").read_text(encoding="utf-8"))
        lists = [
            node.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id.startswith("PATCHES")
        ]
        installed = {
            element.id
            for value in lists
            if isinstance(value, ast.Tuple)
            for element in value.elts
            if isinstance(element, ast.Name)
        }
        assert names == installed
        assert len(names) > 30
