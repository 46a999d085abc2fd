"""What works but departs from good practice, said on every preview and `up`."""

from model.properties import replication_defaults
from model.settings import Settings


def warnings(settings: Settings) -> list[str]:
    """A sentence for each."""
    wanted = {**replication_defaults(len(settings.brokers)), **settings.settings}
    factor = wanted["transaction.state.log.replication.factor"]
    found = []
    if len(settings.brokers) > 1 and wanted["transaction.state.log.min.isr"] == factor:
        found.append(
            f"transaction.state.log.min.isr is {factor}, as many as there are replicas: transactional producers stop"
            " whenever one broker is away, also during a rolling restart (the package's default is"
            f" {int(factor) - 1})"
        )
    if not settings.protect_data:
        found.append("protectData is false: `pulumi destroy` deletes the data volumes without asking again")
    return found
