"""Bytes on the wire, seconds and processor time of a round of averaging, without training, of other systems: what scripts/beside/klatch.ts
measures of Klatch. Eight participants, each in a process of its own, on the loopback interface. Linux only.

    unshare -rnpf --mount-proc sh -c 'ip link set lo up && python scripts/beside/others.py flower [--peers 8] [--rounds 5] [--values 540672]'

flower: FedAvg of `flwr` over gRPC, a server and clients that return what they were given (float32).
hivemind: `DecentralizedAverager`, all in one group (float32, or --compression float16 or uint8).

One round more goes before, and does not count. Prints one JSON object: medians, and each round.
"""

import argparse
import glob
import importlib
import json
import logging
import multiprocessing
import re
import statistics
import sys
import time

QUIET_BYTES = 4096
TICKS_PER_SECOND = 100
ADDRESS = "127.0.0.1:18080"


def bytes_passed() -> int:
    """Of the loopback interface: headers of TCP and IP and acknowledgements included."""
    with open("/proc/net/dev", encoding="ascii") as table:
        return int(re.search(r"^ *lo: *([0-9]+)", table.read(), re.MULTILINE)[1])


def processor_time() -> float:
    """Of all processes that run, seconds."""
    ticks = 0
    for name in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(name, encoding="utf8") as stat:
                # the name of the program stands in brackets, and may hold anything
                fields = stat.read().rsplit(") ", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS_PER_SECOND


def mark() -> dict:
    return {"bytes": bytes_passed(), "seconds": time.monotonic(), "processor": processor_time()}


def between(marks) -> list:
    """What came to each mark since the one before."""
    return [
        {key: round(after[key] - before[key], 3) for key in after} for before, after in zip(marks, marks[1:])
    ]


def require(package: str, module: str):
    """The module, or one clear line."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        sys.exit(f"{package} is not there ({error}): pip install {package}, in a virtual environment")


# --- flower ---


def flower_client(values: int) -> None:
    from flwr.client import NumPyClient, start_client
    import numpy

    class Idle(NumPyClient):
        def fit(self, parameters, config):
            return [parameters[0] + numpy.float32(1)], 1, {}

    logging.getLogger("flwr").setLevel(logging.ERROR)
    start_client(server_address=ADDRESS, client=Idle().to_client(), insecure=True)


def flower(options) -> list:
    require("flwr", "flwr")
    from flwr.common import ndarrays_to_parameters
    from flwr.server import ServerConfig, start_server
    from flwr.server.strategy import FedAvg
    import numpy

    logging.getLogger("flwr").setLevel(logging.ERROR)
    marks = []

    class Marked(FedAvg):
        """Notes bytes and time whenever a round's average is there."""

        def aggregate_fit(self, server_round, results, failures):
            if len(results) != options.peers:
                sys.exit(f"round {server_round}: {len(results)} of {options.peers} clients: {failures}")
            mean = super().aggregate_fit(server_round, results, failures)
            marks.append(mark())
            return mean

    clients = [multiprocessing.Process(target=flower_client, args=(options.values,)) for _ in range(options.peers)]
    for client in clients:
        client.start()
    start = ndarrays_to_parameters([numpy.zeros(options.values, numpy.float32)])
    strategy = Marked(
        fraction_evaluate=0,
        min_fit_clients=options.peers,
        min_available_clients=options.peers,
        initial_parameters=start,
    )
    start_server(
        server_address=ADDRESS, config=ServerConfig(num_rounds=options.rounds + 1), strategy=strategy
    )
    for client in clients:
        client.join()
    return between(marks)


# --- hivemind ---


def hivemind_peer(index, options, first, barrier, failures) -> None:
    import hivemind
    from hivemind import compression
    import torch

    # its averager is a process that only a fork can make
    multiprocessing.set_start_method("fork", force=True)

    compressions = {
        "none": compression.NoCompression,
        "float16": compression.Float16Compression,
        "uint8": compression.Uniform8BitQuantization,
    }
    host = ["/ip4/127.0.0.1/tcp/0"]
    dht = hivemind.DHT(initial_peers=first, host_maddrs=host, start=True)
    averager = hivemind.DecentralizedAverager(
        [torch.full((options.values,), float(index))],
        dht=dht,
        prefix="beside",
        target_group_size=options.peers,
        min_group_size=options.peers,
        min_matchmaking_time=options.matchmaking,
        compression=compressions[options.compression](),
        start=True,
    )
    barrier.wait()
    for _ in range(options.rounds + 1):
        barrier.wait()
        group = averager.step(timeout=120)
        if group is None or len(group) != options.peers:
            failures.value += 1
        barrier.wait()
    barrier.wait()
    averager.shutdown()
    dht.shutdown()


def hivemind(options) -> list:
    module = require("hivemind", "hivemind")
    multiprocessing.set_start_method("fork", force=True)
    dht = module.DHT(host_maddrs=["/ip4/127.0.0.1/tcp/0"], start=True)
    first = [str(address) for address in dht.get_visible_maddrs()]
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(options.peers + 1)
    failures = spawn.Value("i", 0)
    arguments = [(index, options, first, barrier, failures) for index in range(options.peers)]
    peers = [spawn.Process(target=hivemind_peer, args=each) for each in arguments]
    for peer in peers:
        peer.start()
    barrier.wait()

    marks = []
    for _ in range(options.rounds + 1):
        barrier.wait()
        barrier.wait()
        marks.append(mark())
    barrier.wait()
    for peer in peers:
        peer.join()
    dht.shutdown()
    if failures.value:
        sys.exit(f"{failures.value} members of a round were in no group of {options.peers}")
    return between(marks)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("system", choices=["flower", "hivemind"])
    parser.add_argument("--peers", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--values", type=int, default=540_672)
    parser.add_argument("--compression", choices=["none", "float16", "uint8"], default="none")
    parser.add_argument("--matchmaking", type=float, default=5, help="hivemind: seconds in which a group forms")
    options = parser.parse_args()
    if bytes_passed() > QUIET_BYTES:
        sys.exit("others use this loopback interface: run it in a network of its own (unshare, as above)")
    multiprocessing.set_start_method("spawn")
    rounds = {"flower": flower, "hivemind": hivemind}[options.system](options)
    medians = {key: statistics.median(each[key] for each in rounds) for key in ("bytes", "seconds", "processor")}
    print(json.dumps({**vars(options), **medians, "rounds": rounds}))


if __name__ == "__main__":
    main()
