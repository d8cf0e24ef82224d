"""The benchmarks' tables and ratios."""

from __future__ import annotations

import os

import pytest

from benchmarks.report import machine, peak_memory_mb, ratio, table


def test_columns_line_up_the_first_left_the_others_right():
    assert table(["engine", "tok/s"], [["a", 7], ["longer one", "123.4"]]).splitlines() == [
        "engine      tok/s",
        "----------  -----",
        "a               7",
        "longer one  123.4",
    ]


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="2 cells"):
        table(["a", "b"], [["1"]])


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ((9, 10), "0.90"),
        ((9, 10, 0.9), "0.90 (reaches ≥ 0.90)"),
        ((8, 10, 0.9), "0.80 (misses ≥ 0.90)"),
        ((3, 1, 2.0, True), "3.00 (misses ≤ 2.00)"),
        ((2, 1, 2.0, True), "2.00 (reaches ≤ 2.00)"),
        ((1, 0), "n/a"),
    ],
)
def test_a_ratio_says_whether_it_reaches_its_target(parameters, expected):
    assert ratio(*parameters) == expected


def test_the_machine_is_named_with_its_versions():
    hardware, versions = machine().splitlines()
    assert " cores, " in hardware
    assert "xllamacpp " in versions


def test_peak_memory_is_this_process_s():
    assert 1 < peak_memory_mb() < 100_000
    assert peak_memory_mb(os.getpid()) == pytest.approx(peak_memory_mb(), rel=0.1)
