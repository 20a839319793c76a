"""Real receivers in processes of their own, and deliveries as a shop would send them."""

import json
import socket
import subprocess
import sys
import time
from base64 import b64decode
from pathlib import Path
from typing import Any

import psutil
import requests

from regulars.inbox import open_inbox
from regulars.settings import Settings, process_environment
from webhook_receiver.signature import sign

SECRET = "whsec_lab_1234567890"
RECORDINGS = Path(__file__).parents[1] / "fixtures" / "recordings" / "webhooks"
# Deliveries of a real shop, signed with SECRET: ordinary ones, deletions, and two error objects.
DELIVERIES = (
    "02_customer_created_01_customer.created",
    "02_customer_created_02_customer.updated",
    "05_order_created_01_order.created",
    "05_order_created_02_order.updated",
    "14_order_trashed_01_order.deleted",
    "17_order_restored_01_order.restored",
    "20_created_then_deleted_01_order.created",
    "22_customer_deleted_01_customer.deleted",
    "32_checkout_cod_a_01_order.updated",
    "34_owner_without_rights_01_order.created",
)
ONE_SHOP = {
    "WOOCOMMERCE_URL": "https://shop.example.com",
    "WOOCOMMERCE_CONSUMER_KEY": "ck_1",
    "WOOCOMMERCE_CONSUMER_SECRET": "cs_1",
    "WOOCOMMERCE_WEBHOOK_SECRET": SECRET,
    "REGULARS_SHOP": "shop",
}
# The same program with its waiting times cut short, for tests that would otherwise take half a minute.
HURRIED = (
    "import sys; from webhook_receiver import body, protocol; body.BODY_SECONDS = protocol.HEADERS_SECONDS = 0.5; "
    "from webhook_receiver.__main__ import main; sys.exit(main())"
)


def a_body(number: int, modified: str = "2026-11-22T08:10:25", **more: Any) -> bytes:
    """Return an order's body as far as the receiver looks at it."""
    return json.dumps({"id": number, "date_modified_gmt": modified, "line_items": [], **more}).encode()


def headers_for(body: bytes, topic: str | None = "order.updated", secret: str = SECRET) -> dict[str, str]:
    """Return the headers that a shop sends with `body`."""
    headers = {"Content-Type": "application/json", "X-WC-Webhook-Signature": sign(secret, body).decode()}
    return headers if topic is None else {**headers, "X-WC-Webhook-Topic": topic}


def a_recording(name: str) -> tuple[dict[str, str], bytes]:
    """Return headers and body of a delivery recorded from a real shop, without the hop's own headers."""
    found = json.loads((RECORDINGS / f"{name}.json").read_text())
    dropped = ("Host", "Content-Length", "Connection")
    return {key: value for key, value in found["headers"] if key not in dropped}, b64decode(found["body_base64"])


class Receiver:
    """One receiver process on a free port, its inbox in `data` (`file`) or on the server in its environment, its log in a file."""

    def __init__(self, data: Path, log: Path, environment: dict[str, str], *, hurried: bool = False) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.file = data / "inbox.db"
        self.inbox = open_inbox(Settings(REGULARS_DATA=data, MONGODB_URI=environment.get("MONGODB_URI")))
        self.log = log
        inherited = {key: value for key, value in process_environment().items() if "WOOCOMMERCE" not in key}
        program = ["-c", HURRIED] if hurried else ["-m", "webhook_receiver"]
        with log.open("ab") as out:
            self.process = psutil.Popen(
                [sys.executable, *program],
                env={
                    **inherited,
                    "PYTHONPATH": str(Path(__file__).parents[2]),
                    "REGULARS_DATA": str(data),
                    "REGULARS_HTTP_PORT": str(self.port),
                    **environment,
                },
                cwd=log.parent,
                stdout=out,
                stderr=out,
            )

    def wait_until_up(self) -> None:
        """Return once the port is open; fail with the log where the process ends or 20 s pass."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError(f"the receiver did not start: {self.log.read_text()}")

    def deliver(self, body: bytes, topic: str | None = "order.updated", **more: Any) -> tuple[int, Any]:
        """Post a well signed body; return status and JSON."""
        return self.post(body, headers_for(body, topic), **more)

    def post(
        self, body: bytes, headers: dict[str, str], path: str = "/api/customers/webhooks", timeout: float = 20
    ) -> tuple[int, Any]:
        """Post to the receiver; return status and JSON."""
        answer = requests.post(self.url + path, data=body, headers=headers, timeout=timeout)
        return answer.status_code, answer.json()

    def raw(self, *parts: bytes, finish: bool = False) -> bytes:
        """Send bytes on a fresh connection; return all bytes until the receiver closes it (within 20 s)."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            for part in parts:
                try:
                    connection.sendall(part)
                except OSError:  # closed already: what it said is still to be read
                    break
            if finish:
                connection.shutdown(socket.SHUT_WR)
            received = b""
            try:
                while chunk := connection.recv(65536):
                    received += chunk
            except ConnectionResetError:
                pass
            return received

    def stop(self) -> int:
        """Ask the process to end and return its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(15)
        except (subprocess.TimeoutExpired, psutil.TimeoutExpired):
            self.process.kill()
            raise

    def kill(self) -> None:
        """End the process with SIGKILL."""
        self.process.kill()
        self.process.wait(15)
