"""The how-to guide of the repository runs, and its table is the contract."""

import re

from cximpact.repository import CONTRACTS
from tests.architecture import source

PAGE = (source.ROOT / "docs" / "how-to" / "repository.md").read_text()


def test_the_code_runs(capsys):
    code = "\n".join(re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
    names: dict = {}
    exec(compile(code, "repository.md", "exec"), names)
    assert (names["wave"].n_frame, names["wave"].n_answered) == (4, 1)
    assert names["panel"].cohorts["units"].tolist() == [2, 2]
    assert "interactions" in capsys.readouterr().out


def test_the_table_is_the_contract():
    rows = re.findall(r"^\| (\w+) \| (.*?) \| (.*?) \| (yes|no) \|$", PAGE, re.MULTILINE)
    told = {name: (columns, key, attributes) for name, columns, key, attributes in rows}
    assert told == {
        name: (
            ", ".join(f"**{c.name}**" if c.required else c.name for c in contract.columns),
            ", ".join(contract.key),
            "yes" if contract.attributes else "no",
        )
        for name, contract in CONTRACTS.items()
    }
