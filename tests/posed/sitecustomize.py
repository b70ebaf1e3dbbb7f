"""What every process of a picture believes: who sits where; and a sleep that libfaketime, whose own fails, lets be."""

import platform
import pwd
import select
import time
from typing import SupportsIndex

_real_entry = pwd.getpwuid


def _entry(uid: int) -> pwd.struct_passwd:
    return pwd.struct_passwd(("ada", *_real_entry(uid)[1:]))


def _sleep(seconds: float | SupportsIndex) -> None:
    select.select((), (), (), float(seconds))


pwd.getpwuid = _entry
platform.node = lambda: "jump-1"
time.sleep = _sleep
