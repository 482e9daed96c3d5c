"""Tests that end the real server process at chosen moments and compare its books with the gateway's."""

import pytest

pytest.register_assert_rewrite("tests.kill.scenarios", "tests.kill.verdict", "tests.kill.lab", "tests.kill.chain")
