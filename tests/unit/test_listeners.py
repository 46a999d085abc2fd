"""A listener's four spellings."""

from model.listeners import CLIENTS, CONTROLLERS, Listener


def test_a_listener_is_spelled_as_each_reader_wants_it() -> None:
    listener = Listener("SECURE", 9094, "SASL_SSL")
    assert listener.bind("10.0.0.1") == "SECURE://10.0.0.1:9094"
    assert listener.endpoint("10.0.0.1") == "10.0.0.1:9094"
    assert listener.voter(7, "10.0.0.1") == "7@10.0.0.1:9094"
    assert listener.protocol_map == "SECURE:SASL_SSL"


def test_the_seeds_listeners() -> None:
    assert (CLIENTS.name, CLIENTS.port, CLIENTS.protocol) == ("PLAINTEXT", 9092, "PLAINTEXT")
    assert (CONTROLLERS.name, CONTROLLERS.port, CONTROLLERS.protocol) == ("CONTROLLER", 9093, "PLAINTEXT")
