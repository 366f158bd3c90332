"""What transports of these tests may reach beside the public internet: servers on this machine."""

from conn_engine.transport.egress import Trust

HERE = Trust(("127.0.0.0/8",))
