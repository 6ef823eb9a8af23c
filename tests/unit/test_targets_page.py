"""docs/architecture.md says of the targets what the code does."""

from pathlib import Path

from infra.deployment import differences

PAGE = Path(__file__).resolve().parents[2] / "docs" / "architecture.md"


def test_the_page_has_the_table_of_differences_as_the_program_prints_it() -> None:
    assert differences.markdown().strip() in PAGE.read_text()
