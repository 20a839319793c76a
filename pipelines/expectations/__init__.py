"""Great Expectations over every raw table, as the shop sent it, and every table of the marts.

These suites tell people what is unusual in a shop's data; what must never be published is refused elsewhere, by the
cheap invariants in `transforms/quality.py`. Of large tables evenly spread rows are looked at (`sample.py`).

Great Expectations takes ten seconds to import, so that happens inside `validate`, once a run. Results hold counts
alone: no value of any row leaves this package, since rows are about people.
"""

from pipelines.expectations.marts import MART_SUITES
from pipelines.expectations.raw import RAW_SUITES
from pipelines.expectations.suite import Suite, SuiteResult
from pipelines.expectations.validate import validate

__all__ = ["MART_SUITES", "RAW_SUITES", "Suite", "SuiteResult", "validate"]
