"""Which key to group by, so that each shard of a goal gets a shuffle partition of its own."""

from __future__ import annotations

_MASK = 0xFFFFFFFF
_SEED = 42  # of Spark's hash partitioning


def shard_keys(shards: int) -> list[int]:
    """Return, for each shard, the least integer that Spark's hash partitioning puts into partition number shard of
    `shards`.
    """
    found: dict[int, int] = {}
    candidate = 0
    while len(found) < shards:
        found.setdefault(_murmur3(candidate) % shards, candidate)
        candidate += 1
    return [found[shard] for shard in range(shards)]


def _murmur3(value: int) -> int:
    """Return Spark's hash of an int column (Murmur3_x86_32.hashInt), signed, so that `%` is Spark's pmod."""
    k = value * 0xCC9E2D51 & _MASK
    k = (k << 15 | k >> 17) & _MASK
    k = k * 0x1B873593 & _MASK
    h = _SEED ^ k
    h = (h << 13 | h >> 19) & _MASK
    h = (h * 5 + 0xE6546B64) & _MASK
    h ^= 4  # length in bytes
    h = (h ^ h >> 16) * 0x85EBCA6B & _MASK
    h = (h ^ h >> 13) * 0xC2B2AE35 & _MASK
    h ^= h >> 16
    return h - (1 << 32) if h >= 1 << 31 else h
