"""The [head_end] section: where the head-end is, and how it is pushed to."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from annotated_types import Ge, Gt, Le, MinLen


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """Files of the transport's protection.

    Attributes:
        ca_file: who may vouch for the broker.
        certificate_file: our own certificate; None where the broker asks for none.
        key_file: its private key.
    """

    ca_file: Path
    certificate_file: Path | None = None
    key_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadEndSettings:
    """The MQTT broker in front of the head-end, and the rhythm of the push.

    Attributes:
        host, port: of the broker.
        username: None where the broker asks for none.
        password_file: one line, mode 0600; read anew at each connect.
        tls: None sends in the clear.
        keepalive_s: a link silent for one and a half times this is given up.
        ack_timeout_s: a batch that the head-end has not committed by then is sent again.
        batch_rows_max: of one message.
        push_interval_s: a batch that is not full waits this long for more rows.
        in_flight_max: batches sent and not committed; bounds memory and what a cut repeats.
    """

    host: Annotated[str, MinLen(1)] = "127.0.0.1"
    port: Annotated[int, Ge(1), Le(65_535)] = 1883
    username: str | None = None
    password_file: Path | None = None
    tls: TlsSettings | None = None
    keepalive_s: Annotated[int, Ge(5), Le(3600)] = 60
    ack_timeout_s: Annotated[float, Gt(0), Le(86_400)] = 30.0
    batch_rows_max: Annotated[int, Ge(1), Le(3000)] = 300
    push_interval_s: Annotated[float, Gt(0), Le(86_400)] = 5.0
    in_flight_max: Annotated[int, Ge(1), Le(100)] = 20
