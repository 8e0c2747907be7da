"""A packet as plain values, for JSON: numbers, hexadecimal texts, lists; a password is hidden."""

from typing import Any

from scapy.packet import NoPayload, Packet

from drivers.plc.scapy_layers.association import (
    PASSWORD_TAG,
    DlmsAssociation,
    DlmsAssociationField,
)

_HIDDEN = "***"


def plain_layers(packet: Packet) -> list[dict[str, Any]]:
    """Return each layer, from the outside in, with its name and its fields."""
    layers = []
    layer = packet
    while not isinstance(layer, NoPayload):
        layers.append({"layer": layer.name, **_plain_fields(layer)})
        layer = layer.payload
    return layers


def _plain_fields(layer: Packet) -> dict[str, Any]:
    fields = {field.name: _plain(layer.getfieldval(field.name)) for field in layer.fields_desc}
    if isinstance(layer, DlmsAssociationField) and layer.tag == PASSWORD_TAG:
        fields["value"] = _HIDDEN
    if isinstance(layer, DlmsAssociation) and not layer.is_whole:
        fields["contents"] = _HIDDEN  # the password may stand anywhere in it
    return {name: value for name, value in fields.items() if value is not None}


def _plain(value: object) -> Any:  # noqa: ANN401  (any JSON value)
    if isinstance(value, bytes):
        return value.hex().upper()
    if isinstance(value, Packet):
        return _plain_fields(value)
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value
