"""What things are called, in both languages. Codes a desk invents are shown as they come."""

from dataclasses import dataclass
from functools import cache

from store.vocabulary import Language

_OBJECTS = {
    "request": ("заявка", "request"),
    "task": ("задача", "task"),
    "approval": ("согласование", "approval"),
    "problem": ("проблема", "problem"),
    "change": ("запрос на изменение", "change"),
    "article": ("статья базы знаний", "article"),
}
_DEADLINES = {
    "reaction": ("срок реакции", "reaction time"),
    "resolution": ("срок решения", "resolution time"),
    "approval": ("срок согласования", "approval time"),
    "planned_start": ("плановое начало", "planned start"),
}
_STATUSES = {
    "registered": ("Новая", "New"),
    "in_progress": ("В работе", "In progress"),
    "deferred": ("Отложена", "Deferred"),
    "waiting_client": ("Ожидает ответа контрагента", "Waiting for the client"),
    "resumed": ("Возобновлена", "Resumed"),
    "resolved": ("Решена", "Resolved"),
    "closed": ("Закрыта", "Closed"),
    "planned": ("Запланирована", "Planned"),
    "accepted": ("Согласовано", "Approved"),
    "rejected": ("Отклонено", "Rejected"),
    "overdue": ("Просрочено", "Overdue"),
    "draft": ("Черновик", "Draft"),
    "published": ("Опубликована", "Published"),
    "archived": ("В архиве", "Archived"),
}
_OWN_STATUSES = {
    ("task", "resolved"): ("Выполнена", "Done"),
    ("approval", "in_progress"): ("В процессе", "In progress"),
    ("approval", "closed"): ("Закрыто", "Closed"),
    ("problem", "registered"): ("Новая", "New"),
    ("change", "registered"): ("Новый", "New"),
    ("change", "deferred"): ("Отложен", "Deferred"),
    ("change", "resumed"): ("Возобновлён", "Resumed"),
    ("change", "resolved"): ("Выполнен", "Done"),
    ("change", "closed"): ("Закрыт", "Closed"),
}


@dataclass(frozen=True, slots=True)
class Names:
    """Names in one language."""

    side: int

    def object_type(self, code: str) -> str:
        """An object type, in lower case: `заявка`."""
        return self._of(_OBJECTS, code)

    def deadline(self, code: str) -> str:
        """A deadline, in lower case: `срок решения`."""
        return self._of(_DEADLINES, code)

    def status(self, object_type: str, code: str) -> str:
        """A status of an object type: `В работе`."""
        own = _OWN_STATUSES.get((object_type, code))
        return own[self.side] if own else self._of(_STATUSES, code)

    def _of(self, table: dict[str, tuple[str, str]], code: str) -> str:
        return table[code][self.side] if code in table else code


@cache
def names(language: Language) -> Names:
    """The names in a language."""
    return Names(0 if language is Language.RU else 1)


def status_name(object_type: str, code: str, language: Language) -> str:
    """A status in a language."""
    return names(language).status(object_type, code)
