"""Tests that end the real server process at chosen moments and compare its books with the gateway's."""

import pytest

pytest.register_assert_rewrite(
    *(f"tests.kill.{name}" for name in ("chain", "lab", "of_buyers_and_clerks", "of_gateway_and_shop", "verdict"))
)
