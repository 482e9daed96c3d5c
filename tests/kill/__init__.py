"""Tests that end the real server process at chosen moments and compare its books with the gateway's."""
