"""Run the server process: load the models, listen, serve until a signal, and report the requests cut off."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import torch

from textrnn.inference.http.fault_log import logging_faults
from textrnn.inference.http.host_names import LOOPBACK, hosts_of
from textrnn.inference.http.listener import affordable_connections
from textrnn.inference.http.server import Server, listen, url_of
from textrnn.inference.http.server_settings import ServerSettings
from textrnn.inference.serving.app import Service, create_app
from textrnn.inference.serving.loaded_model import load_models
from textrnn.inference.serving.request_limits import RequestLimits


def serve(folders: list[Path], settings: ServerSettings, limits: RequestLimits, *, threads: int) -> None:
    """Serve the models of some directories until SIGTERM or Ctrl-C.

    threads: of torch, per model call. Exits with 1 if requests were cut off. Raises UserError for a model that cannot
    be loaded or an address that cannot be used.
    """
    models = load_models(folders)
    # torch keeps the number of threads per calling thread, so the thread that runs the models must set it
    executor = ThreadPoolExecutor(1, "model", initializer=torch.set_num_threads, initargs=(threads,))
    service = Service(models, limits, executor)
    with logging_faults() as log, listen(settings.host, settings.port) as listening:
        hosts = {*LOOPBACK, *hosts_of(settings.host, listening.getsockname()[0]), *settings.allowed_hosts}
        app = create_app(service, hosts=hosts, origins=settings.origins)
        settings = replace(settings, connections=affordable_connections(settings.connections))
        Server(app, url_of(listening), settings, log).run([listening])
    executor.shutdown(wait=False, cancel_futures=True)
    if service.unanswered:
        print(f"error: stopped; requests cut off: {service.unanswered}", file=sys.stderr, flush=True)
        os._exit(1)  # a normal exit would wait for the model call that is running
