"""What an environment says about how its tests are run."""

from __future__ import annotations

from ttc_data.lang.python.packaging.describe import plugin_options


def test_a_plugin_that_measures_is_told_to_run_each_test_once() -> None:
    """Its tests would decide just the same after a second of rounds each."""
    assert plugin_options("pytest==9.2.0 --hash=sha256:0\npytest-benchmark==5.3.1 --hash=sha256:0") == (
        "--benchmark-disable",
    )
    assert plugin_options("pytest==9.2.0 --hash=sha256:0\npytest-benchmarking==1 --hash=sha256:0") == ()
    assert plugin_options("") == ()
