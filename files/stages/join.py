# Starts the ZooKeeper that is down beside a running Kafka. Refuses to know with which configuration: with what is
# activated. Kafka itself is left alone.


def main(plan):
    if not stays_up("zookeeper.service"):
        start_alone(plan, "zookeeper.service")
