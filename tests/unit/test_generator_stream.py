"""The generated stream depends on its settings alone, and keeps the shares that were asked for."""

from __future__ import annotations

import json
from collections import Counter
from itertools import islice

import numpy as np
import pytest

from logpipeline_generator import vocabulary
from logpipeline_generator.pattern import pattern
from logpipeline_generator.population import CappedZipf, client_addresses, client_share, host_share
from logpipeline_generator.rendering import FAULTS, Renderer
from logpipeline_generator.traffic import Columns, Traffic

START = 1_659_509_511_000_000


def traffic(rate: float = 200.0, seed: int = 1, **changes: float) -> Traffic:
    shape = pattern("steady", rate)
    clients = CappedZipf.fit(client_share(shape.peak_rate))
    hosts = CappedZipf.fit(host_share(shape.peak_rate, vocabulary.CLIENT_ERROR_SHARE))
    return Traffic(shape, seed, clients, hosts, **changes)


def columns(stream: Traffic, blocks: int) -> Columns:
    return Columns(*(np.concatenate(parts) for parts in zip(*islice(stream.blocks(), blocks), strict=True)))


def test_a_record_looks_like_nginx_json() -> None:
    stream = traffic()
    first = Renderer(stream.hosts.size).records(columns(stream, 1), START)[0]
    record = json.loads(first)
    assert list(record) == [
        *("server", "client_ip", "method", "status", "request_time", "host", "country", "@timestamp"),
    ]
    assert all(isinstance(value, str) for value in record.values())
    assert record["@timestamp"] == "1659509511.000000"
    assert b" " not in first
    assert b"\n" not in first


def test_slices_of_any_size_give_the_same_bytes() -> None:
    stream = traffic(malformed_share=0.1, late_share=0.1, out_of_order_share=0.1)
    renderer, block = Renderer(stream.hosts.size), columns(stream, 2)
    whole = renderer.records(block, START)
    sliced = [record for at in range(0, len(whole), 77) for record in renderer.records(block.part(at, at + 77), START)]
    assert sliced == whole


def test_the_seed_decides() -> None:
    first, again, other = (Renderer(600).records(columns(traffic(seed=seed), 1), START) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_records_are_due_at_the_rate_and_in_order() -> None:
    block = columns(traffic(offenders_every=0.0), 5)
    assert len(block.due) == 5 * 2000
    assert block.due[-1] == (5 * 2000 - 1) * 5_000
    assert (np.diff(block.due) > 0).all()


def test_statuses_have_the_usual_mix() -> None:
    stream = traffic(rate=20_000.0, offenders_every=0.0)
    classes = Counter(vocabulary.STATUSES.words[status][:1] for status in columns(stream, 12).status.tolist())
    total = classes.total()
    assert {name: round(count / total, 2) for name, count in classes.items()} == {
        b"2": pytest.approx(0.75, abs=0.011),
        b"3": pytest.approx(0.09, abs=0.011),
        b"4": pytest.approx(0.11, abs=0.011),
        b"5": pytest.approx(0.05, abs=0.011),
    }


def test_request_times_are_gamma() -> None:
    seconds = columns(traffic(rate=20_000.0, offenders_every=0.0), 12).request_time / 100
    assert seconds.mean() == pytest.approx(0.295, abs=0.01)  # truncated to hundredths
    assert np.median(seconds) < seconds.mean()


def test_shares_of_faulty_records() -> None:
    stream = traffic(rate=20_000.0, malformed_share=0.05, late_share=0.1, late_by=30.0, out_of_order_share=0.2)
    block = columns(stream, 12)
    behind = block.due - block.event
    assert (block.fault >= 0).mean() == pytest.approx(0.05, abs=0.005)
    assert (behind == 30_000_000).mean() == pytest.approx(0.1, abs=0.005)
    disordered = (behind > 0) & (behind < 30_000_000)
    assert disordered.mean() == pytest.approx(0.2, abs=0.01)
    assert behind[disordered].max() < 2_000_000
    assert behind.min() == 0


@pytest.mark.parametrize("kind", range(len(FAULTS)))
def test_every_kind_of_malformed_record_is_invalid_by_the_contract(kind: int) -> None:
    stream = traffic(offenders_every=0.0)
    well_formed = Renderer(stream.hosts.size).records(columns(stream, 1), START)[0]
    text = FAULTS[kind](well_formed)
    assert b"\n" not in text
    assert not _is_valid(text)
    assert _is_valid(well_formed)


def _is_valid(text: bytes) -> bool:
    """The contract's own words: an object with a finite time that is not in the future and a whole status."""
    try:
        record = json.loads(text.decode())
        assert isinstance(record, dict)
        timestamp = float(record["@timestamp"])
        int(record["status"])
    except (UnicodeDecodeError, ValueError, AssertionError, KeyError, TypeError):
        return False
    return timestamp < 4_000_000_000


def test_clients_have_addresses_of_their_own_outside_the_test_networks() -> None:
    addresses = client_addresses(np.arange(300_000))
    assert len(np.unique(addresses)) == 300_000
    networks = {".".join(str(octet) for octet in int(address).to_bytes(4)[:3]) for address in addresses[::7]}
    assert not networks & {"192.0.2", "198.51.100", "203.0.113"}


@pytest.mark.parametrize("size", [None, 5_000, 50_000])
def test_popularity_falls_from_a_capped_head(size: int | None) -> None:
    keys = CappedZipf.fit(1 / 4000, size)
    counts = np.bincount(keys.draw(np.random.default_rng(3).random(2_000_000)), minlength=keys.size) / 2_000_000
    assert counts.sum() == pytest.approx(1)
    assert counts[: int(keys.head)].mean() == pytest.approx(1 / 4000, rel=0.02)
    assert counts[-keys.size // 10 :].mean() == pytest.approx(keys.head / keys.size / 4000, rel=0.1)


def test_too_few_keys_for_the_cap_are_all_equal_and_say_so() -> None:
    keys = CappedZipf.fit(1 / 4000, 100)
    assert not keys.within_cap
    assert np.bincount(keys.draw(np.random.default_rng(3).random(100_000))).min() > 800
