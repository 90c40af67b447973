# SPDX-License-Identifier: Apache-2.0
"""What the Grafana board and the alert rules of contrib/monitoring ask for."""

import json
import pathlib
import re

import yaml

FOLDER = pathlib.Path(__file__).resolve().parents[3] / "contrib" / "monitoring"
RULES = FOLDER / "alerts.yaml"


def board_queries():
    """As Grafana would send them, with all managers chosen."""
    board = json.loads((FOLDER / "grafana.json").read_text())
    return [target["expr"].replace("$instance", ".*")
            .replace("$__rate_interval", "1m")
            for panel in board["panels"]
            for target in panel.get("targets", [])]


def rule_queries():
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule["expr"] for group in groups for rule in group["rules"]]


def metric_names(queries):
    return set(re.findall(r"\bcmanager_\w+", " ".join(queries)))
