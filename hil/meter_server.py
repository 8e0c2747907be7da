"""What answers APDUs on behalf of an emulated meter."""

from drivers.dlms.initiate import OUR_SERVICES
from drivers.dlms.password import Password
from drivers.dlms.sn_server import RawDataShape, SnServer
from hil.meter.module import MeterModule
from hil.meter.moment import Moment
from hil.meter.object_table import meter_objects


def server_for(module: MeterModule, moment: Moment, password: Password | None = None) -> SnServer:
    """Return what answers APDUs on behalf of a meter."""
    bare = module.kind.bare_block_data
    return SnServer(
        meter_objects(module, moment),
        pdu_octets_max=module.kind.pdu_octets_max,
        password=password,
        conformance=OUR_SERVICES,
        raw_data_shape=RawDataShape.BARE_DATA if bare else RawDataShape.RESULTS,
    )
