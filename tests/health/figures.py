"""What `/metrics` says, as numbers."""

import httpx
from prometheus_client.parser import text_string_to_metric_families

Labels = frozenset[tuple[str, str]]


class Figures:
    """One answer of `/metrics`. A series that is not there yet counts as 0."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.samples: dict[tuple[str, Labels], float] = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def of(self, name: str, **labels: str) -> float:
        return self.samples.get((name, frozenset(labels.items())), 0.0)

    def since(self, before: "Figures") -> dict[str, float]:
        """Return what has grown, as `name{label,label}`; other tests count into it too."""
        return {
            f"{name}{{{','.join(sorted(value for _, value in labels if value))}}}": value - old
            for (name, labels), value in self.samples.items()
            if (old := before.samples.get((name, labels), 0.0)) != value
        }


async def figures(http: httpx.AsyncClient, token: str = "") -> Figures:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = await http.get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    return Figures(answer.text)
