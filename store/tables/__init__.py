"""All tables. Rows stay inside the package `store`; what leaves it are the dataclasses of `store.cards`.

Models are SQLModel classes; the hot path uses their Core tables, named here in lower case.
"""

from typing import cast

from sqlalchemy import Table
from sqlmodel import SQLModel

from store.tables.deeds import AcknowledgementRow, LetterMoveRow, MovedLetterRow, MuteRow
from store.tables.housekeeping import EventKeyRow, HousekeepingRow, RetentionRow, StoreSizeRow
from store.tables.search import INDEX, SearchStateRow
from store.tables.settings import (
    AuditRow,
    CompanyRow,
    ConnectionHealthRow,
    DeadlineSettingsRow,
    DeliveryViewRow,
    MailConnectionRow,
    MembershipRow,
    MetaRow,
    PersonRow,
    RuleRow,
    RuleViewRow,
    SendingRow,
    SilentModeRow,
    StormLimitsRow,
    TeamRow,
)
from store.tables.work import (
    AttemptRow,
    ConnectionFailureRow,
    DeadlineRow,
    DecisionRow,
    DeliveryRow,
    DispatcherRow,
    EventRow,
    FiredThresholdRow,
    LetterCountRow,
    LetterRateRow,
    NotificationRow,
    ObjectRow,
    RowCountRow,
    RuleDayRow,
    ScheduleRow,
    StormRow,
    WatermarkRow,
)


def _core(model: type[SQLModel]) -> Table:
    return cast("Table", getattr(model, "__table__"))  # noqa: B009 - the attribute is made by SQLModel's metaclass


METADATA = SQLModel.metadata

audit = _core(AuditRow)
company = _core(CompanyRow)
connection_health = _core(ConnectionHealthRow)
deadline_settings = _core(DeadlineSettingsRow)
delivery_view = _core(DeliveryViewRow)
mail_connection = _core(MailConnectionRow)
membership = _core(MembershipRow)
meta = _core(MetaRow)
person = _core(PersonRow)
rule = _core(RuleRow)
rule_view = _core(RuleViewRow)
sending = _core(SendingRow)
silent_mode = _core(SilentModeRow)
storm_limits = _core(StormLimitsRow)
team = _core(TeamRow)

acknowledgement = _core(AcknowledgementRow)
letter_move = _core(LetterMoveRow)
moved_letter = _core(MovedLetterRow)
mute = _core(MuteRow)

event_key = _core(EventKeyRow)
housekeeping = _core(HousekeepingRow)
retention = _core(RetentionRow)
store_size = _core(StoreSizeRow)

attempt = _core(AttemptRow)
connection_failure = _core(ConnectionFailureRow)
clock_schedule = _core(ScheduleRow)
deadline = _core(DeadlineRow)
decision = _core(DecisionRow)
delivery = _core(DeliveryRow)
delivery_search = INDEX
search_state = _core(SearchStateRow)
dispatcher = _core(DispatcherRow)
event = _core(EventRow)
fired_threshold = _core(FiredThresholdRow)
letter_count = _core(LetterCountRow)
letter_rate = _core(LetterRateRow)
notification = _core(NotificationRow)
object_ = _core(ObjectRow)
row_count = _core(RowCountRow)
rule_day = _core(RuleDayRow)
storm = _core(StormRow)
watermark = _core(WatermarkRow)
