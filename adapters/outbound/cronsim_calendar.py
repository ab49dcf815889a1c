"""Cron expressions by cronsim, which treats the changes of clocks as Debian's cron does."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from domain.jobs.job import milliseconds
from domain.jobs.schedules import unfit_timing

_BEGINNING = datetime(2024, 1, 1, tzinfo=UTC)
_LONGEST = 200


class CronsimCalendar:
    """Keeps ports.schedules.Calendar."""

    def check(self, cron: str, zone: str) -> None:
        try:
            place = ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as wrong:
            raise unfit_timing(f"there is no time zone `{zone[:60]}`", "zone") from wrong
        if len(cron) > _LONGEST or len(cron.split()) != 5:
            raise unfit_timing("a cron expression has five parts: minute, hour, day of the month, month, day of the week")
        try:
            found = next(CronSim(cron, _BEGINNING.astimezone(place)), None)
        except CronSimError as wrong:
            raise unfit_timing(f"this is no cron expression: {wrong}") from wrong
        if found is None:
            raise unfit_timing("this never comes: no year has such a day")

    def after(self, cron: str, zone: str, moment: int) -> int | None:
        begin = datetime.fromtimestamp(moment / 1000, UTC).astimezone(ZoneInfo(zone))
        found = next(CronSim(cron, begin), None)
        return None if found is None else milliseconds(found)
