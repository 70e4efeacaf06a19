"""A test that cannot fail is worse than none."""

import ast

from tests.architecture import source

CONTEXTS = ("raises", "warns")


def claims_something(test: source.Function) -> bool:
    """Whether a test asserts, expects an error or calls something that asserts."""
    for node in ast.walk(test):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in CONTEXTS or name.lstrip("_").startswith(("assert", "check", "expect")):
                return True
    return False


def test_every_test_claims_something():
    empty = [
        f"{source.where(path, f)} {f.name}"
        for path in source.files_of_tests()
        for f in source.functions(source.tree(path))
        if f.name.startswith("test_") and path.name.startswith("test_") and not claims_something(f)
    ]
    assert not empty


def test_a_test_without_a_claim_is_seen():
    hollow, sound = source.functions(
        ast.parse("def test_a():\n    run()\n\ndef test_b():\n    with raises(E):\n        run()\n")
    )
    assert not claims_something(hollow)
    assert claims_something(sound)


def test_unit_tests_mirror_the_package():
    strangers = [
        source.where(path)
        for path in (source.ROOT / "tests" / "unit").rglob("test_*.py")
        if not (source.PACKAGE / path.relative_to(source.ROOT / "tests" / "unit").parts[0]).exists()
        and not (source.PACKAGE / f"{path.stem.removeprefix('test_')}.py").exists()
    ]
    assert not strangers
