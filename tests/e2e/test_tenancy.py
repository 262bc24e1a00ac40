"""A pipeline among objects that are not its own: it writes none of them, and takes its own volumes back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from installation import Operator
from kubectl import Namespace, wait_for
from pipelines_on_cluster import PIPELINES, Pipeline, resource

TAKEN = "shop-goal-client-rate"


@pytest.fixture(scope="module")
def shop(operator: Operator, new_namespace: Callable[[str], Namespace]) -> Pipeline:
    return Pipeline(new_namespace("tenancy"), resource("shop", "client-rate"))


def test_a_foreign_config_map_is_not_touched_and_the_condition_names_it(shop: Pipeline) -> None:
    foreign = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": TAKEN}, "data": {"theirs": "1"}}
    shop.namespace.apply(foreign)
    before = shop.namespace.get("configmap", TAKEN)
    shop.apply()
    shop.wait("Progressing", "False", "NameTaken", seconds=60)
    assert f"ConfigMap {TAKEN} has no owner and was written by test" in shop.condition("Progressing")["message"]
    shop.wait("Ready", "False", "NameTaken")
    shop.wait("KafkaReady")
    assert shop.namespace.get("configmap", TAKEN) == before
    # Nothing mounts it.
    assert TAKEN not in {each["metadata"]["name"] for each in shop.children("statefulset")}


def test_when_it_is_gone_the_pipeline_is_made_whole(shop: Pipeline) -> None:
    shop.namespace.delete("configmap", TAKEN)
    shop.wait("Ready")
    shop.wait("FlowHealthy", seconds=60)


def test_its_volumes_carry_no_label_by_which_a_gitops_tool_would_delete_them(shop: Pipeline) -> None:
    claims = shop.children("persistentvolumeclaim")
    assert len(claims) == 2
    assert all("app.kubernetes.io/instance" not in claim["metadata"]["labels"] for claim in claims)


def test_made_again_it_goes_on_from_its_retained_volumes(shop: Pipeline) -> None:
    def claims() -> dict[str, str]:
        return {each["metadata"]["name"]: each["metadata"]["uid"] for each in shop.children("persistentvolumeclaim")}

    def batch() -> int:
        return int(shop.status()["goals"][0].get("batch", -1))

    kept = claims()
    wait_for("a batch", lambda: batch() > 0, 60)
    last = batch()
    # What the first one owned is still there when the second one comes.
    shop.namespace.delete(PIPELINES, shop.name, "--wait=false")
    wait_for("it to be gone", lambda: shop.namespace.get(PIPELINES, shop.name) is None, 30)
    shop.apply()
    shop.wait("Ready", seconds=240)
    assert claims() == kept
    wait_for("the goal to go on", lambda: batch() > last, 60)
    owners = {
        owner["uid"] for kind in ("statefulset", "configmap", "service")
        for child in shop.children(kind) for owner in child["metadata"]["ownerReferences"]
    }  # fmt: skip
    assert owners == {shop.live()["metadata"]["uid"]}
