"""Room on the disk: the reserve is kept, given up once, and made again; below the line nothing begins."""

import os
import shutil
from collections import namedtuple

import pytest

from bridge.ledger.room import Room

MIB = 1024 * 1024
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def disk(monkeypatch):
    """A disk whose free space a test says; what the reserve takes counts."""

    class Disk:
        free = 100 * MIB

    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, Disk.free))
    return Disk


def test_the_reserve_takes_its_blocks_for_real(folder):
    room = Room(folder / "bridge.db", reserve_bytes=MIB)
    assert room.refusal() == ""

    assert room.reserve.stat().st_size == MIB
    assert room.reserve.stat().st_blocks * 512 >= MIB


def test_given_up_it_leaves_nothing_to_begin_until_there_is_room_again(folder, disk):
    room = Room(folder / "bridge.db", reserve_bytes=MIB)
    assert room.refusal() == ""
    disk.free = MIB // 2
    assert room.give_up()
    assert not room.reserve.exists()
    assert not room.give_up(), "there is only one"

    assert "too little for the reserve" in room.refusal()
    disk.free = 2 * MIB
    assert room.refusal() == ""
    assert room.reserve.exists()


def test_below_the_line_nothing_begins_even_with_a_reserve(folder, disk):
    room = Room(folder / "bridge.db", reserve_bytes=MIB, free_bytes_min=50 * MIB)
    assert room.refusal() == ""
    disk.free = 50 * MIB - 1

    assert "less than 50 MiB" in room.refusal()
    disk.free = 50 * MIB
    assert room.refusal() == ""


def test_a_reserve_that_cannot_be_made_leaves_no_half_of_itself(folder, disk, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    room = Room(folder / "bridge.db", reserve_bytes=MIB)

    assert "reserve" in room.refusal()
    assert list(folder.iterdir()) == []


def test_without_a_reserve_and_a_line_everything_begins(folder, disk):
    disk.free = 0
    assert Room(folder / "bridge.db").refusal() == ""
    assert list(folder.iterdir()) == []
