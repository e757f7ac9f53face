"""What stops a command from outside."""

from __future__ import annotations

import signal
import threading


def interrupt_on_sigterm() -> None:
    """Let SIGTERM, by which batch systems and containers stop a job, raise `KeyboardInterrupt` as Ctrl-C does.

    Without effect in another thread than the main one, where Python sets no handlers.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
