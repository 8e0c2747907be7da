"""A small meter behind the server of drivers.dlms, and the two wired back to back."""

from collections.abc import Callable

from drivers.dlms.association import AssociationRequest, AssociationTerms, Conformance, Password
from drivers.dlms.axdr import Data
from drivers.dlms.conversations import Conversation, Result, associate
from drivers.dlms.data_types import DataTag
from drivers.dlms.date_time import CosemDateTime
from drivers.dlms.initiate import OUR_SERVICES
from drivers.dlms.obis import Obis
from drivers.dlms.profile_rows import ProfileRow, RowLayout, encode_rows
from drivers.dlms.service_error import DataAccessError
from drivers.dlms.sn_server import AccessRefused, RawDataShape, SnServer
from tests.drivers.dlms.gurux_judge import judged

CLIENT = 0x10
NOW_S = 1_795_046_400
CLOCK_BASE = 0x2BC0
PROFILE_BASE = 0x3000
VALUE_BASE = 0x2000
LAYOUT = RowLayout(
    status=DataTag.UNSIGNED, values=(DataTag.DOUBLE_LONG_UNSIGNED,) * 4, deviation_min=-60
)


class FakeObject:
    """Attributes in a dict; a write replaces one, a method call is counted."""

    version = 0

    def __init__(self, base_name: int, class_id: int, logical_name: str) -> None:
        self.base_name = base_name
        self.class_id = class_id
        self.logical_name = Obis.parse(logical_name)
        self.attributes: dict[int, Data] = {}
        self.wants_structures = False
        self.invoked: list[tuple[int, Data]] = []

    def read(self, attribute: int, selector: int | None, parameter: Data | None) -> Data:
        if selector is not None or parameter is not None:
            raise AccessRefused(DataAccessError.SCOPE_OF_ACCESS_VIOLATED)
        if attribute not in self.attributes:
            raise AccessRefused(DataAccessError.OBJECT_UNDEFINED)
        return self.attributes[attribute]

    def write(self, attribute: int, data: Data) -> None:
        if attribute not in self.attributes:
            raise AccessRefused(DataAccessError.READ_WRITE_DENIED)
        if self.wants_structures:
            data.items()
        self.attributes[attribute] = data

    def invoke(self, method: int, data: Data) -> None:
        self.invoked.append((method, data))


class FakeProfile(FakeObject):
    """Rows that can be had by range and by entry."""

    def __init__(self, base_name: int, rows: list[ProfileRow]) -> None:
        super().__init__(base_name, 7, "1-0:99.1.0.255")
        self.rows = rows
        self.attributes[7] = Data.u32(len(rows))

    def read(self, attribute: int, selector: int | None, parameter: Data | None) -> Data:
        if attribute != 2:
            return super().read(attribute, selector, parameter)
        return Data.from_octets(encode_rows(self._selected(selector, parameter), LAYOUT))

    def _selected(self, selector: int | None, parameter: Data | None) -> list[ProfileRow]:
        if selector is None or parameter is None:
            return self.rows
        if len(parameter.items()) != 4:
            raise AccessRefused(DataAccessError.TYPE_UNMATCHED)
        if selector == 1:
            _, first, last, _ = parameter.items()
            from_s, to_s = first.moment().utc_s(), last.moment().utc_s()
            if from_s is None or to_s is None:
                raise AccessRefused(DataAccessError.TYPE_UNMATCHED)
            return [row for row in self.rows if from_s <= row[0] <= to_s]
        first_entry, last_entry = [item.integer() for item in parameter.items()[:2]]
        return self.rows[first_entry - 1 : last_entry or None]


class Meter:
    """The server, its objects, and what went over the line."""

    def __init__(
        self,
        row_count: int = 6,
        *,
        password: Password | None = None,
        pdu_octets_max: int = 239,
        conformance: Conformance = OUR_SERVICES,
        shape: RawDataShape = RawDataShape.RESULTS,
        on_answer: Callable[[bytes], bytes] = bytes,
    ) -> None:
        self.clock = FakeObject(CLOCK_BASE, 8, "0-0:1.0.0.255")
        self.clock.attributes[2] = Data.clock_string(CosemDateTime.from_utc(NOW_S, -60))
        self.value = FakeObject(VALUE_BASE, 1, "1-0:0.0.0.255")
        self.value.attributes[2] = Data.visible_string("USN0001")
        self.profile = FakeProfile(
            PROFILE_BASE,
            [
                (NOW_S + 900 * at, 0x80, at % 256, (at, 2 * at, 3 * at, 4 * at))
                for at in range(row_count)
            ],
        )
        self.server = SnServer(
            [self.value, self.clock, self.profile],
            pdu_octets_max=pdu_octets_max,
            password=password,
            conformance=conformance,
            raw_data_shape=shape,
        )
        self.on_answer = on_answer
        self.asked: list[bytes] = []
        self.answered: list[bytes] = []

    def hold(self, conversation: Conversation[Result]) -> Result:
        """Bring each request to the server and each answer back, gurux judging both."""
        request = next(conversation)
        while True:
            answer = self.server.receive(judged(request), CLIENT)
            assert answer is not None
            self.asked.append(request)
            self.answered.append(answer)
            try:
                request = conversation.send(self.on_answer(judged(answer)))
            except StopIteration as ended:
                result: Result = ended.value
                return result

    def associated(
        self,
        password: Password | None = None,
        conformance: Conformance = OUR_SERVICES,
        pdu_octets_max: int = 239,
    ) -> AssociationTerms:
        """Open an association."""
        return self.hold(
            associate(
                AssociationRequest(
                    password=password, conformance=conformance, pdu_octets_max=pdu_octets_max
                )
            )
        )
