"""The dialogs of tests/dialogs/pop3 with the session alone. (tests/programs/servers/test_pop3d runs them over a socket.)"""

from __future__ import annotations

import pytest

from mta.net.pop3.login import OK
from mta.net.pop3.state import RFC
from tests.support import dialog
from tests.support.pop3_model import Model


@pytest.mark.parametrize("script", dialog.all_of("pop3"), ids=lambda d: d.name)
def test_the_session_speaks_as_written(script: dialog.Dialog) -> None:
    model = Model(RFC, script.messages)
    dialog.run(script, OK, lambda said, _lines: model.say(said))
    assert model.left == script.left
